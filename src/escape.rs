//! Strings from logs on a terminal, in JSON, in mails. They come from strangers: nothing in them may act on a reader's screen.

use std::fmt::Write;

/// Longest text that is printed; what is cut is said.
const LONGEST: usize = 2_000;

/// Makes a string harmless for a terminal: control characters (C0, C1), line separators and bidirectional controls become
/// `\u{…}`, a backslash stays itself. Longer text is cut.
pub fn escape(text: &str) -> String {
    escape_within(text, LONGEST)
}

/// As [`escape`], with at most about `longest` bytes of the text.
pub fn escape_within(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len().min(longest));
    for (at, c) in text.char_indices() {
        if at >= longest {
            // Writing to a string cannot fail.
            let _ = write!(out, "… ({} bytes in all)", text.len());
            break;
        }
        if is_harmful(c) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Makes a text of many lines harmless: as [`escape`], but line feeds and tabs stay, and nothing is cut.
pub fn escape_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) && c != '\n' && c != '\t' {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Writes the characters of a JSON text that JSON allows but that could fool whoever looks at it as JSON escapes. They
/// stand in strings only, where the two mean the same.
pub fn escape_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that control a terminal, turn the direction of text, or are not seen.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{ad}' | '\u{180e}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_harmful_reaches_the_terminal() {
        assert_eq!(escape("a\x1b[31mred\r\n\u{202e}x\u{9b}"), "a\\u{1b}[31mred\\u{d}\\u{a}\\u{202e}x\\u{9b}");
        assert_eq!(escape("caf\u{e9} \u{1f600}"), "caf\u{e9} \u{1f600}");
        assert_eq!(escape_lines("a\n\tb\r\x1b"), "a\n\tb\\u{d}\\u{1b}");
        assert_eq!(escape_json("\"\u{202e}\u{e0001}\u{7f}\""), "\"\\u202e\\udb40\\udc01\\u007f\"");
        let long = escape(&"x".repeat(5_000));
        assert!(long.len() < 2_100 && long.ends_with("(5000 bytes in all)"));
    }
}

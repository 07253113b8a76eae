//! Regular expressions of the white list: a subset of the grammar in which engines have never differed.
//!
//! ASCII characters, `.`, classes, the escapes `\d \w \s \b` and their opposites, groups with and without capture,
//! alternatives, `^`, `$`, quantifiers with and without `?`, and the flags g, i and m. Not: lookaround, references, named
//! groups, properties, code points by number, and what only Annex B of ECMA-262 accepts.

use oxc_ast::ast::{RegExpFlags, RegExpLiteral};

const MAX_LENGTH: usize = 1_000;
const MAX_GROUPS: usize = 50;
const MAX_DEPTH: usize = 20;
const MAX_REPEATS: u32 = 1_000;

/// Is this a pattern of the subset?
pub fn is_plain(literal: &RegExpLiteral<'_>) -> bool {
    let permitted = RegExpFlags::G | RegExpFlags::I | RegExpFlags::M;
    permitted.contains(literal.regex.flags) && is_plain_text(&literal.regex.pattern.text)
}

pub(super) fn is_plain_text(pattern: &str) -> bool {
    if pattern.len() > MAX_LENGTH || !pattern.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return false;
    }
    let mut rest = pattern;
    let (mut depth, mut groups) = (0usize, 0usize);
    // Whether what came last can be repeated.
    let mut atom = false;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(1..).unwrap_or("");
        (rest, atom) = match first {
            '\\' => match after.chars().next() {
                Some('b' | 'B') => (after.get(1..).unwrap_or(""), false),
                Some(escaped) if is_plain_escape(escaped) => (after.get(1..).unwrap_or(""), true),
                _ => return false,
            },
            '[' => match class(after) {
                Some(after) => (after, true),
                None => return false,
            },
            '(' => {
                depth = depth.saturating_add(1);
                groups = groups.saturating_add(1);
                if depth > MAX_DEPTH || groups > MAX_GROUPS {
                    return false;
                }
                match after.strip_prefix("?:") {
                    Some(after) => (after, false),
                    None if after.starts_with('?') => return false,
                    None => (after, false),
                }
            }
            ')' => match depth.checked_sub(1) {
                Some(less) => {
                    depth = less;
                    (after, true)
                }
                None => return false,
            },
            '^' | '$' | '|' => (after, false),
            '*' | '+' | '?' if atom => (after.strip_prefix('?').unwrap_or(after), false),
            '{' if atom => match bounds(after) {
                Some(after) => (after.strip_prefix('?').unwrap_or(after), false),
                None => return false,
            },
            '*' | '+' | '?' | '{' | '}' | ']' => return false,
            _ => (after, true),
        };
    }
    depth == 0
}

/// Escapes that mean the same inside a class and outside.
fn is_plain_escape(escaped: char) -> bool {
    matches!(escaped, 'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'n' | 'r' | 't') || escaped.is_ascii_punctuation()
}

/// What follows a class, whose text begins behind its bracket.
fn class(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix('^').unwrap_or(text);
    let mut from: Option<char> = None;
    loop {
        let (item, after) = class_item(rest)?;
        match item {
            Item::End => return Some(after),
            Item::Set => (rest, from) = (after, None),
            Item::Single('-') => {
                // Between two single characters it makes a range; else it must stand at an end of the class.
                match (from, class_item(after)?) {
                    (_, (Item::End, after)) => return Some(after),
                    (Some(low), (Item::Single(high), after)) if low <= high => (rest, from) = (after, None),
                    (None, _) if rest.len() == text.trim_start_matches('^').len() => (rest, from) = (after, None),
                    _ => return None,
                }
            }
            Item::Single(character) => (rest, from) = (after, Some(character)),
            Item::Escaped(character) => (rest, from) = (after, Some(character)),
        }
    }
}

enum Item {
    End,
    /// `\d` and its like.
    Set,
    Single(char),
    Escaped(char),
}

fn class_item(text: &str) -> Option<(Item, &str)> {
    let first = text.chars().next()?;
    let after = text.get(1..)?;
    match first {
        ']' => Some((Item::End, after)),
        '\\' => {
            let escaped = after.chars().next().filter(|escaped| is_plain_escape(*escaped))?;
            let item = if escaped.is_ascii_punctuation() { Item::Escaped(escaped) } else { Item::Set };
            Some((item, after.get(1..)?))
        }
        character => Some((Item::Single(character), after)),
    }
}

/// What follows the bounds `n}`, `n,}` or `n,m}`.
fn bounds(text: &str) -> Option<&str> {
    let (inside, after) = text.split_once('}')?;
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain { digits.parse::<u32>().ok().filter(|number| *number <= MAX_REPEATS) } else { None }
    };
    let fits = match inside.split_once(',') {
        None => number(inside).is_some(),
        Some((low, "")) => number(low).is_some(),
        Some((low, high)) => matches!((number(low), number(high)), (Some(low), Some(high)) if low <= high),
    };
    fits.then_some(after)
}

#[cfg(test)]
mod tests {
    use super::is_plain_text;

    #[test]
    fn patterns_of_the_subset_are_plain() {
        for pattern in
            ["^[a-z0-9-]+$", "^[0-9a-f]{64}$", r"(\d+)-(?:x|y)*?\s", r"[^\w.]", "[-a]", "a{2,}b{1,3}?", "", "[]"]
        {
            assert!(is_plain_text(pattern), "{pattern}");
        }
    }

    #[test]
    fn other_patterns_are_not() {
        for pattern in [
            "(?=a)", "(?<n>a)", r"(a)\1", r"\p{L}", r"\u0041", r"\x41", r"\cA", r"\0", "a{", "a{2,1}", "}", "]", "^*",
            "a**", "(", ")", "\u{e9}", "a{1001}", "[z-a]", r"[\d-x]", r"[a-\d]", "(?i:a)",
        ] {
            assert!(!is_plain_text(pattern), "{pattern}");
        }
    }
}

//! Strings that strangers would like to see on somebody's screen, in their pages, mails and files: one collection for all
//! that shows strings from logs.

/// The collection. Long ones are built by [`very_long`].
pub const NASTY: &[&str] = &[
    "",
    " ",
    "\u{1b}[31mVERIFIED\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{1b}[2J\u{1b}[H",
    "\u{9b}31mC1\u{9c}",
    "\u{90}device control\u{9c}",
    "back\u{8}\u{8}\u{8}\u{8}space",
    "carriage\rreturn",
    "two\nlines",
    "mail\r\nBcc: everybody@example.com",
    "tab\tbell\u{7}null\0del\u{7f}",
    "next\u{85}line\u{2028}and\u{2029}paragraph",
    "\u{202e}evitagen\u{202c}",
    "\u{2066}isolate\u{2069}\u{200f}\u{200e}\u{61c}",
    "zero\u{200b}width\u{feff}joiner\u{200d}",
    "tag\u{e0001}\u{e0041}\u{e007f}",
    "\u{fff9}annotation\u{fffb}",
    "\u{fffd}\u{fffd}unpaired",
    "\"double\" 'single' `back`",
    "back\\slash \\u{1b} \\u001b \\n",
    "<script>alert(1)</script>",
    "<!-- --> ]]> &amp; &lt;",
    "'; DROP TABLE findings; --",
    "${jndi:ldap://example.com} $(id) `id` %s%n {0} {{7*7}}",
    "$",
    "$undefined",
    "$cut",
    "../../../etc/passwd",
    "/a//b/./..",
    "CON",
    "caf\u{e9} cafe\u{301} \u{1f600} \u{4e2d}\u{6587}",
    "__proto__",
    "constructor",
    "{\"verdict\":\"verified\"}",
];

/// Longer than anything that is shown whole.
pub fn very_long() -> String {
    "long \u{1b}[1m".repeat(2_000)
}

/// The characters that must never reach a terminal: controls, line separators, and what turns the direction of text.
pub fn is_harmful(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let hides = matches!(c, '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' | '\u{fff9}'..='\u{fffb}');
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || turns || hides
}

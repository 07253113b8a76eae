//! Which text every engine treats alike.
//!
//! Executors run V8 8.6 (Unicode 13) or anything newer. Case mapping, normalisation and collation of a character that
//! Unicode 13 does not know depend on the engine, so a value that contains one is marked where it enters.

use std::sync::OnceLock;

use regex_syntax::hir::{Class, HirKind};

/// Ranges of the characters that Unicode 13.0 assigns, ascending.
fn assigned() -> &'static [(char, char)] {
    static RANGES: OnceLock<Vec<(char, char)>> = OnceLock::new();
    RANGES.get_or_init(|| {
        let class = regex_syntax::parse(r"\p{Age=13.0}").ok();
        match class.as_ref().map(regex_syntax::hir::Hir::kind) {
            Some(HirKind::Class(Class::Unicode(class))) => class.iter().map(|r| (r.start(), r.end())).collect(),
            // Without the table nothing beyond ASCII counts as settled, which accuses nobody.
            _ => Vec::new(),
        }
    })
}

/// Is every character of `text` one that Unicode 13 assigns?
pub fn settled(text: &str) -> bool {
    text.is_ascii() || text.chars().all(|c| c.is_ascii() || is_assigned(c))
}

fn is_assigned(c: char) -> bool {
    let ranges = assigned();
    let after = ranges.partition_point(|&(start, _)| start <= c);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|&(_, end)| c <= end)
}

/// Does the order of `text` rest on collation data that engines disagree about (Han, or unassigned in Unicode 13)?
pub fn order_is_contested(text: &str) -> bool {
    !text.is_ascii()
        && text.chars().any(|c| {
            !c.is_ascii()
                && (!is_assigned(c)
                    || matches!(c, '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4dbf}'
                        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{201b}' | '\u{201f}' | '\u{fffd}')
                    || c >= '\u{17000}')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_unicode_13_and_no_more() {
        assert!(settled("plain, caf\u{e9}, \u{4e2d}\u{6587}, \u{1f600}"));
        assert!(settled("\u{1fad6}"), "a teapot, Unicode 13");
        assert!(!settled("\u{1fae0}"), "a melting face, Unicode 14");
        assert!(!settled("\u{378}"), "never assigned");
    }
}

//! The order that `String.prototype.localeCompare` gives in an executor with the root locale.
//!
//! Vitra sorts the changes of an operation by `a.path.localeCompare(b.path)`. Node's default locale (`en-US`, and the
//! C locale) collates by CLDR's root order. ASCII is a table; anything else goes to ICU4X, whose root order equals
//! ICU's except for Han, for characters newer than the data and for two quotation marks
//! ([`super::unicode::order_is_contested`]).

use std::cmp::Ordering;
use std::sync::OnceLock;

use icu_collator::{Collator, CollatorBorrowed};

/// ASCII in ascending primary order; letters stand for both cases.
const PRIMARY: &[u8] = b"\t\n\x0b\x0c\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time, where a bad index is an error")]
const fn weights() -> [u8; 128] {
    let mut table = [0_u8; 128];
    let mut at = 0;
    while at < PRIMARY.len() {
        let byte = PRIMARY[at];
        table[byte as usize] = at as u8 + 1;
        if byte.is_ascii_lowercase() {
            table[byte.to_ascii_uppercase() as usize] = at as u8 + 1;
        }
        at += 1;
    }
    table
}

/// Primary weight of each ASCII character; 0 for those that collation ignores.
static WEIGHT: [u8; 128] = weights();

/// Compares two strings as `a.localeCompare(b)` does in the root locale.
pub fn locale_compare(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { ascii(a.as_bytes(), b.as_bytes()) } else { collator().compare(a, b) }
}

/// Compares two strings of UTF-16 units, unpaired surrogates included.
pub fn locale_compare_utf16(a: &[u16], b: &[u16]) -> Ordering {
    collator().compare_utf16(a, b)
}

fn ascii(a: &[u8], b: &[u8]) -> Ordering {
    // The common prefix decides nothing; skip it without looking at weights.
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(shared..).unwrap_or_default(), b.get(shared..).unwrap_or_default());
    // Case decides only between strings that are otherwise the same, at the first place where it differs.
    let primary = weighted(a).map(|(weight, _)| weight).cmp(weighted(b).map(|(weight, _)| weight));
    primary.then_with(|| weighted(a).map(|(_, upper)| upper).cmp(weighted(b).map(|(_, upper)| upper)))
}

/// (primary weight, is upper case) of each character that collation does not ignore.
fn weighted(text: &[u8]) -> impl Iterator<Item = (u8, bool)> + '_ {
    text.iter()
        .filter_map(|&byte| WEIGHT.get(usize::from(byte)).map(|&weight| (weight, byte.is_ascii_uppercase())))
        .filter(|&(weight, _)| weight != 0)
}

fn collator() -> &'static CollatorBorrowed<'static> {
    static COLLATOR: OnceLock<CollatorBorrowed<'static>> = OnceLock::new();
    COLLATOR.get_or_init(|| {
        #[expect(clippy::expect_used, reason = "the root collation is compiled into the binary")]
        Collator::try_new(icu_locale_core::locale!("und").into(), icu_collator::options::CollatorOptions::default())
            .expect("root collation data")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_order_that_was_seen_in_real_databases() {
        let mut paths = ["/C", "/a", "/B", "/2", "/10", "/1", "/-", "/_"];
        paths.sort_by(|a, b| locale_compare(a, b));
        assert_eq!(paths, ["/_", "/-", "/1", "/10", "/2", "/a", "/B", "/C"]);
        assert_eq!(locale_compare("a", "A"), Ordering::Less);
        assert_eq!(locale_compare("aB", "Ab"), Ordering::Less);
        assert_eq!(locale_compare("a\u{1}", "a"), Ordering::Equal);
    }

    proptest! {
        /// The ASCII table is ICU's order, control characters included.
        #[test]
        fn ascii_fast_path_equals_icu(a in "[\\x00-\\x7f]{0,12}", b in "[\\x00-\\x7f]{0,12}", c in "[aAbB/ ]{0,6}", d in "[aAbB/ ]{0,6}") {
            prop_assert_eq!(locale_compare(&a, &b), collator().compare(&a, &b));
            prop_assert_eq!(locale_compare(&c, &d), collator().compare(&c, &d));
        }
    }
}

//! Collation in the locales whose order of ASCII text differs from the root's.
//!
//! A contract that calls `localeCompare` gets the order of the executor's locale, which no log records. An outcome that
//! is the same in all of these is the same wherever the executor ran.

use std::cmp::Ordering;
use std::sync::OnceLock;

use icu_collator::{Collator, CollatorBorrowed};
use icu_locale_core::Locale;

use crate::database::order;

const LOCALES: [&str; 13] = ["da", "nb", "sv", "lt", "lv", "et", "cy", "tr", "cs", "sk", "hu", "hr", "es-u-co-trad"];

/// How many locales there are, the root (0) included.
pub const COUNT: usize = LOCALES.len() + 1;

/// Compares in the locale `index`; 0 is the root's order.
pub fn compare(index: usize, a: &str, b: &str) -> Ordering {
    static COLLATORS: [OnceLock<Option<CollatorBorrowed<'static>>>; LOCALES.len()] =
        [const { OnceLock::new() }; LOCALES.len()];
    let place = index.checked_sub(1).and_then(|at| Some((COLLATORS.get(at)?, LOCALES.get(at)?)));
    let collator = place.and_then(|(cell, locale)| {
        cell.get_or_init(|| {
            let locale = Locale::try_from_str(locale).ok()?;
            Collator::try_new(locale.into(), Default::default()).ok()
        })
        .as_ref()
    });
    match collator {
        Some(collator) => collator.compare(a, b),
        None => order::locale_compare(a, b),
    }
}

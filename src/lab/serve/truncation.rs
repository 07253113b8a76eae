//! Shows the history before a cut, then the one after it.

use super::{Behaviour, Way};

pub(super) const WAY: Way = Way {
    name: "truncation",
    about: "shows the history before a cut first, then the one after it (make DIR with --lie truncation)",
    make: || Box::new(Truncation),
};

/// So many answers are given from the older history.
const BEFORE: u64 = 4;

struct Truncation;

impl Behaviour for Truncation {
    fn history(&self, answered: u64, histories: usize) -> usize {
        if answered < BEFORE { histories.saturating_sub(1) } else { 0 }
    }
}

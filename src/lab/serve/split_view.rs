//! Shows every other peer another history.

use super::{Behaviour, Way};

pub(super) const WAY: Way = Way {
    name: "split-view",
    about: "shows every other peer what --other holds: another history of the same logs",
    make: || Box::new(SplitView),
};

struct SplitView;

impl Behaviour for SplitView {
    fn directory(&self, peer: u64) -> usize {
        usize::from(peer % 2 == 1)
    }
}

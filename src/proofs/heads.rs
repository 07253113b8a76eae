//! Signed heads without their logs: what they show by themselves.

use std::collections::BTreeMap;

use super::prove::Evidence;
use crate::hyperbee::{Block, Blocks};
use crate::hypercore::views::{Conflict, View, conflicts};
use crate::hypercore::{Key, MerkleTree, SignedHead};
use crate::replay::logs::{Logs, Oplog};

/// Heads, and nothing else of any log. Two of one length can contradict each other, and one with a fork counter above 0
/// shows a truncation; that a longer one continues a shorter one, or does not, only a log shows.
#[derive(Debug, Default)]
pub struct Heads {
    of: BTreeMap<Key, Vec<SignedHead>>,
    index: Vec<Block>,
    tree: MerkleTree,
}

impl Heads {
    /// The logs that they are of.
    pub fn logs(&self) -> impl Iterator<Item = &Key> {
        self.of.keys()
    }
}

impl FromIterator<SignedHead> for Heads {
    fn from_iter<T: IntoIterator<Item = SignedHead>>(heads: T) -> Self {
        let mut made = Self::default();
        heads.into_iter().for_each(|head| made.of.entry(*head.key()).or_default().push(head));
        made
    }
}

impl Logs for Heads {
    fn index(&self) -> &dyn Blocks {
        &self.index
    }
    fn oplog(&self, _: &Key) -> Option<Oplog<'_>> {
        None
    }
    fn conflicts(&self, key: &Key) -> Vec<Conflict> {
        conflicts(&self.views(key))
    }
}

impl Evidence for Heads {
    fn views(&self, key: &Key) -> Vec<View<'_>> {
        self.of.get(key).map(|heads| View { heads, tree: &self.tree }).into_iter().collect()
    }
}

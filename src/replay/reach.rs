//! Entries that may be another operation's than they seem.
//!
//! A contract may write below `/.sys` past the runtime's guard, acks too. So an entry at an ack path that stands within the
//! number of changes that an ack before it announces may be a change of *that* ack's operation: who signed one operation
//! for the executor and another one for us can make honest entries look like that. Whatever is found about such an
//! entry accuses the executor or the owner of that oplog, never the executor alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// So many oplogs at once reach over later entries; honest executors let none, or one.
const MOST: usize = 256;

/// How far operations may reach, by oplog: to this block, included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reach {
    ends: BTreeMap<String, u64>,
}

impl Reach {
    /// The oplogs whose operations may have written block `at`, going from block to block.
    pub fn over(&mut self, at: u64) -> Vec<String> {
        self.ends.retain(|_, end| *end >= at);
        self.ends.keys().cloned().collect()
    }

    /// Notes a transaction: its ack is block `at`, announces `changes`, and the entries after it end before block `end`.
    pub fn note(&mut self, origin: &str, at: u64, changes: u64, end: u64) {
        let last = at.saturating_add(changes);
        if last >= end && (self.ends.len() < MOST || self.ends.contains_key(origin)) {
            let known = self.ends.entry(origin.to_owned()).or_default();
            *known = last.max(*known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_reaches_as_far_as_it_announced() {
        let mut reach = Reach::default();
        reach.note("a", 10, 2, 13);
        assert!(reach.over(13).is_empty(), "as many entries as announced");
        reach.note("a", 10, 4, 13);
        reach.note("b", 13, 3, 14);
        assert_eq!(reach.over(13), ["a", "b"]);
        assert_eq!(reach.over(14), ["a", "b"]);
        assert_eq!(reach.over(16), ["b"]);
        assert!(reach.over(17).is_empty());
    }
}

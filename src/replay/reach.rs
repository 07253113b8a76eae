//! Entries that may be another operation's than they seem.
//!
//! A contract may write below `/.sys` past the runtime's guard, acks too. So an entry at an ack path that stands within the
//! number of changes that an ack before it announces may be a change of *that* ack's operation: who signed one operation
//! for the executor and another one for us can make honest entries look like that. Whatever is found about such an
//! entry accuses the executor or the owner of that oplog, never the executor alone.

use serde::{Deserialize, Serialize};

use super::finding::Operation;

/// So many operations at once reach over later entries; honest executors let none, or one.
const MOST: usize = 256;

/// How far operations may reach: to this block, included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reach {
    ends: Vec<(Operation, u64)>,
}

impl Reach {
    /// The operations that may have written block `at`, going from block to block.
    pub fn over(&mut self, at: u64) -> Vec<Operation> {
        self.ends.retain(|(_, end)| *end >= at);
        self.ends.iter().map(|(operation, _)| operation.clone()).collect()
    }

    /// Notes a transaction: its ack is block `at`, announces `changes`, and the entries after it end before block `end`.
    pub fn note(&mut self, operation: Operation, at: u64, changes: u64, end: u64) {
        let last = at.saturating_add(changes);
        if last < end {
            return;
        }
        if let Some((_, known)) = self.ends.iter_mut().find(|(known, _)| *known == operation) {
            *known = last.max(*known);
        } else if self.ends.len() < MOST {
            self.ends.push((operation, last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_reaches_as_far_as_it_announced() {
        let (a, b) = (Operation::new("a", 4), Operation::new("b", 0));
        let mut reach = Reach::default();
        reach.note(a.clone(), 10, 2, 13);
        assert!(reach.over(13).is_empty(), "as many entries as announced");
        reach.note(a.clone(), 10, 4, 13);
        reach.note(b.clone(), 13, 3, 14);
        assert_eq!(reach.over(13), [a.clone(), b.clone()]);
        assert_eq!(reach.over(14), [a, b.clone()]);
        assert_eq!(reach.over(16), [b]);
        assert!(reach.over(17).is_empty());
    }
}

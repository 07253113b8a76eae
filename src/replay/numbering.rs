//! Which operation of each oplog comes next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::finding::Operation;

/// What is known of one origin. Its serialised form leaves out what is as it was in the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Origin {
    /// The next operation that has not been acked.
    pub next: u64,
    /// Operations that were jumped over, as ranges from start to end, each with the finding that says so.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    gaps: BTreeMap<u64, (u64, usize)>,
    /// Acks beyond the first, for operations that have any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    repeats: BTreeMap<u64, u64>,
    /// It was deactivated once.
    #[serde(skip_serializing_if = "is_default")]
    pub deactivated: bool,
    /// Whether it was deactivated before the audit began has been looked up.
    #[serde(skip_serializing_if = "is_default")]
    pub looked_up: bool,
    /// How often it was activated again.
    #[serde(skip_serializing_if = "is_default")]
    pub readded: u64,
    /// A contract deleted one of its acks, so that a restarted executor goes back.
    #[serde(skip_serializing_if = "is_default")]
    pub ack_deleted: bool,
    /// Numbers that a forged ack may have moved this origin to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forged: Vec<u64>,
    /// Numbers that come next if an entry was no ack that may have been none, and who may have written it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    open: Vec<(u64, Vec<Operation>)>,
    /// Acks of this origin.
    pub acks: u64,
}

/// Whether a value is as it is in the beginning.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// So many readings are kept open.
const MOST_OPEN: usize = 64;

/// How an ack's number stands to the numbers before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// The next one.
    Next,
    /// Acked before.
    Repeated {
        /// How often, this time included.
        times: u64,
    },
    /// Beyond the next one.
    Skipped {
        /// The one that should have come.
        expected: u64,
    },
    /// Left out before, acked now for the first time.
    Late {
        /// The finding of its having been skipped.
        finding: usize,
    },
}

impl Origin {
    /// Notes an ack. `finding` is the number that a finding of a skip will have. `doubt` names who may have written what looks
    /// like this ack. If the number would be right without an earlier doubtful ack, gives who may have written that.
    pub fn ack(&mut self, seq: u64, finding: usize, doubt: &[Operation]) -> (Numbering, Vec<Operation>) {
        let next = self.next;
        let mut without = Vec::new();
        if let Some(at) = self.open.iter().position(|(open, _)| *open == seq) {
            (_, without) = self.open.swap_remove(at);
            if seq.saturating_add(1) < next {
                self.open.push((seq.saturating_add(1), without.clone()));
            }
        }
        if !doubt.is_empty() && self.open.len() < MOST_OPEN {
            self.open.push((next, doubt.to_vec()));
        }
        (self.count(seq, finding), without)
    }

    fn count(&mut self, seq: u64, finding: usize) -> Numbering {
        self.acks = self.acks.saturating_add(1);
        let next = self.next;
        self.next = next.max(seq.saturating_add(1));
        if seq == next {
            return Numbering::Next;
        }
        if seq > next {
            if self.forged.contains(&seq) {
                return Numbering::Next;
            }
            self.gaps.insert(next, (seq, finding));
            return Numbering::Skipped { expected: next };
        }
        if let Some(finding) = self.fill(seq) {
            return Numbering::Late { finding };
        }
        let times = self.repeats.entry(seq).or_default();
        *times = times.saturating_add(1);
        Numbering::Repeated { times: *times }
    }

    /// Takes an operation out of the gap that it is in, and gives that gap's finding.
    fn fill(&mut self, seq: u64) -> Option<usize> {
        let gap = self.gaps.range(..=seq).next_back().map(|(&start, &(end, finding))| (start, end, finding));
        let (start, end, finding) = gap.filter(|&(_, end, _)| seq < end)?;
        self.gaps.remove(&start);
        if start < seq {
            self.gaps.insert(start, (seq, finding));
        }
        if seq.saturating_add(1) < end {
            self.gaps.insert(seq.saturating_add(1), (end, finding));
        }
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ack_counts_its_own_number() {
        let mut origin = Origin::default();
        assert_eq!(origin.ack(0, 0, &[]).0, Numbering::Next);
        assert_eq!(origin.ack(3, 7, &[]).0, Numbering::Skipped { expected: 1 });
        assert_eq!(origin.ack(2, 8, &[]).0, Numbering::Late { finding: 7 });
        assert_eq!(origin.ack(2, 8, &[]).0, Numbering::Repeated { times: 1 });
        assert_eq!(origin.ack(2, 8, &[]).0, Numbering::Repeated { times: 2 });
        assert_eq!(origin.ack(1, 8, &[]).0, Numbering::Late { finding: 7 });
        assert_eq!(origin.ack(4, 8, &[]).0, Numbering::Next);
        assert_eq!(origin.ack(u64::MAX, 9, &[]).0, Numbering::Skipped { expected: 5 });
        assert_eq!(origin.ack(0, 9, &[]).0, Numbering::Repeated { times: 1 });
    }

    #[test]
    fn a_doubtful_ack_leaves_both_readings_open() {
        let mut origin = Origin::default();
        let doubt = vec![Operation::new("p", 3)];
        assert_eq!(origin.ack(0, 0, &[]), (Numbering::Next, vec![]));
        assert_eq!(origin.ack(5, 0, &doubt), (Numbering::Skipped { expected: 1 }, vec![]));
        for seq in 1..5 {
            assert_eq!(origin.ack(seq, 0, &[]), (Numbering::Late { finding: 0 }, doubt.clone()), "{seq}");
        }
        assert_eq!(origin.ack(5, 0, &[]), (Numbering::Repeated { times: 1 }, doubt));
        assert_eq!(origin.ack(6, 0, &[]), (Numbering::Next, vec![]));
        assert_eq!(origin.ack(3, 0, &[]), (Numbering::Repeated { times: 1 }, vec![]));
    }
}

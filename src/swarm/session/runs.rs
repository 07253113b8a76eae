//! Which blocks a peer says it has, as runs: a range of 2^40 blocks costs as much as one block.

use std::collections::BTreeMap;

/// Of a log of one peer. What does not fit any more is not noted: the peer is then asked for less than it has.
pub const MAX_RUNS: usize = 4_096;

/// A set of block numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    // Start to end; neither empty, nor touching, nor overlapping.
    runs: BTreeMap<u64, u64>,
}

impl Runs {
    /// Whether a block is in it.
    pub fn contains(&self, block: u64) -> bool {
        self.runs.range(..=block).next_back().is_some_and(|(_, end)| block < *end)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Number of runs.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.runs.clear();
    }

    /// Adds `start .. end`.
    pub fn insert(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        // Runs that touch the new one become part of it.
        while let Some((at, till)) = self.runs.range(..=end).next_back().map(|(at, till)| (*at, *till)) {
            if till < start {
                break;
            }
            (start, end) = (start.min(at), end.max(till));
            self.runs.remove(&at);
        }
        if self.runs.len() < MAX_RUNS {
            self.runs.insert(start, end);
        }
    }

    /// Removes `start .. end`.
    pub fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        while let Some((at, till)) = self.runs.range(..end).next_back().map(|(at, till)| (*at, *till)) {
            if till <= start {
                break;
            }
            self.runs.remove(&at);
            for (at, till) in [(end, till), (at, start)] {
                if at < till && self.runs.len() < MAX_RUNS {
                    self.runs.insert(at, till);
                }
            }
        }
    }

    /// Sets the 32 blocks a word from `start` on to what the words say, the lowest bit first.
    pub fn set_words(&mut self, start: u64, words: &[u32]) {
        let place = |word: usize| start.saturating_add((word as u64).saturating_mul(32));
        self.remove(start, place(words.len()));
        let mut from = None;
        for (i, word) in words.iter().enumerate() {
            // What does not fit any more is not looked at either.
            if self.runs.len() >= MAX_RUNS {
                break;
            }
            let at = place(i);
            if (*word == 0 && from.is_none()) || (*word == u32::MAX && from.is_some()) {
                continue;
            }
            for bit in 0..32 {
                let block = at.saturating_add(bit);
                match (word >> bit & 1 == 1, from) {
                    (true, None) => from = Some(block),
                    (false, Some(start)) => {
                        self.insert(start, block);
                        from = None;
                    }
                    _ => {}
                }
            }
        }
        if let Some(start) = from.filter(|_| self.runs.len() < MAX_RUNS) {
            self.insert(start, place(words.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((0..4_u8, 0..100_u64, 0..40_u64, any::<u32>()), 0..40)) {
            let (mut runs, mut set) = (Runs::default(), BTreeSet::new());
            for (what, start, length, word) in steps {
                let end = start + length;
                match what {
                    0 | 1 => { runs.insert(start, end); set.extend(start..end); }
                    2 => { runs.remove(start, end); set.retain(|block| !(start..end).contains(block)); }
                    _ => {
                        runs.set_words(start, &[word]);
                        for bit in 0..32 {
                            if word >> bit & 1 == 1 { set.insert(start + bit); } else { set.remove(&(start + bit)); }
                        }
                    }
                }
                prop_assert!((0..200).all(|block| runs.contains(block) == set.contains(&block)));
                let all: Vec<_> = runs.runs.iter().collect();
                prop_assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
        }
    }

    #[test]
    fn their_number_is_limited() {
        let mut runs = Runs::default();
        runs.insert(0, 1 << 40);
        runs.set_words(0, &vec![0x5555_5555; 65_536]);
        assert!(runs.runs.len() <= MAX_RUNS);
        runs.remove(0, u64::MAX);
        assert!(runs.is_empty());
    }
}

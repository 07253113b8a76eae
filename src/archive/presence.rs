//! Which blocks a core says it has: the `bitfield` file (bit i of byte i / 8), changed by the oplog's entries.
//!
//! This is only a claim. A block that is claimed and cannot be authenticated is damage; one that is not claimed and can
//! be authenticated all the same is used.

use std::collections::BTreeMap;
use std::ops::Range;

use super::oplog;

/// Claims about blocks `0 .. length`.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    bits: Vec<u8>,
    // Claims beyond the bits, as start -> end.
    beyond: BTreeMap<u64, u64>,
}

impl Claims {
    /// The file's bits with the changes applied, as far as they concern blocks below `length`. Work and memory are in
    /// proportion to the input, whatever ranges the changes name.
    pub fn new(mut bits: Vec<u8>, changes: &[oplog::Presence], length: u64) -> Claims {
        // The last change of a block counts: merge first, then touch each bit once.
        let mut merged = BTreeMap::new();
        for change in changes {
            let end = change.start.saturating_add(change.length).min(length);
            if change.start < end {
                overlay(&mut merged, change.start..end, !change.drop);
            }
        }
        let in_bits = (bits.len() as u64).saturating_mul(8);
        let mut beyond = BTreeMap::new();
        for (start, (end, present)) in merged {
            fill(&mut bits, start..end.min(in_bits), present);
            if present && end > in_bits {
                beyond.insert(start.max(in_bits), end);
            }
        }
        Claims { bits, beyond }
    }

    /// Every block below `length`.
    pub fn all(length: u64) -> Claims {
        let beyond = if length > 0 { BTreeMap::from([(0, length)]) } else { BTreeMap::new() };
        Claims { bits: Vec::new(), beyond }
    }

    /// Whether this block is claimed.
    pub fn contains(&self, seq: u64) -> bool {
        let byte = usize::try_from(seq / 8).ok().and_then(|at| self.bits.get(at));
        byte.is_some_and(|byte| byte >> (seq % 8) & 1 == 1)
            || self.beyond.range(..=seq).next_back().is_some_and(|(_, end)| *end > seq)
    }

    /// The first claimed block of a range.
    pub fn first(&self, range: Range<u64>) -> Option<u64> {
        let in_bits = (self.bits.len() as u64).saturating_mul(8).min(range.end);
        let mut seq = range.start;
        while seq < in_bits {
            let byte = usize::try_from(seq / 8).ok().and_then(|at| self.bits.get(at)).copied().unwrap_or_default();
            if byte == 0 {
                seq = (seq / 8).saturating_add(1).saturating_mul(8);
                continue;
            }
            if byte >> (seq % 8) & 1 == 1 {
                return Some(seq);
            }
            seq = seq.saturating_add(1);
        }
        let reaches = |(_, end): &(&u64, &u64)| **end > range.start;
        if range.is_empty() {
            None
        } else if self.beyond.range(..=range.start).next_back().filter(reaches).is_some() {
            Some(range.start)
        } else {
            self.beyond.range(range).next().map(|(start, _)| *start)
        }
    }
}

fn overlay(map: &mut BTreeMap<u64, (u64, bool)>, range: Range<u64>, value: bool) {
    let Range { start, end } = range;
    if let Some((&left, &(left_end, left_value))) = map.range(..start).next_back()
        && left_end > start
    {
        map.insert(left, (start, left_value));
        if left_end > end {
            map.insert(end, (left_end, left_value));
        }
    }
    let inside: Vec<u64> = map.range(start..end).map(|(start, _)| *start).collect();
    for at in inside {
        if let Some((its_end, its_value)) = map.remove(&at)
            && its_end > end
        {
            map.insert(end, (its_end, its_value));
        }
    }
    map.insert(start, (end, value));
}

fn fill(bits: &mut [u8], range: Range<u64>, value: bool) {
    let mut seq = range.start;
    while seq < range.end {
        let whole = seq.is_multiple_of(8) && range.end - seq >= 8;
        let mask = if whole { 0xff } else { 1 << (seq % 8) };
        if let Some(byte) = usize::try_from(seq / 8).ok().and_then(|at| bits.get_mut(at)) {
            *byte = if value { *byte | mask } else { *byte & !mask };
        }
        seq = seq.saturating_add(if whole { 8 } else { 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn like_a_plain_list(
            bits in prop::collection::vec(any::<u8>(), 0..4),
            changes in prop::collection::vec((any::<bool>(), 0..50_u64, 0..30_u64), 0..8),
            length in 0..60_u64,
        ) {
            let mut plain: Vec<bool> = (0..60).map(|i| bits.get(i / 8).is_some_and(|b| b >> (i % 8) & 1 == 1)).collect();
            let changes: Vec<_> = changes.into_iter().map(|(drop, start, length)| oplog::Presence { drop, start, length })
                .collect();
            for change in &changes {
                for i in change.start..(change.start + change.length).min(60) {
                    plain[i as usize] = !change.drop;
                }
            }
            let claims = Claims::new(bits, &changes, length);
            for i in 0..length {
                prop_assert_eq!(claims.contains(i), plain[i as usize]);
                for j in i..length {
                    let first = (i..j).find(|k| plain[*k as usize]);
                    prop_assert_eq!(claims.first(i..j), first);
                }
            }
        }

        #[test]
        fn absurd_ranges_cost_nothing(start in any::<u64>(), length in any::<u64>()) {
            let claims = Claims::new(vec![0; 8], &[oplog::Presence { drop: false, start, length }], u64::MAX);
            prop_assert_eq!(claims.contains(start), length > 0 && start < u64::MAX);
        }
    }
}

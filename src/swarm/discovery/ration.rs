//! Rationed starts, and chance from a seed; pure.

use super::schedule::Millis;

/// So many at once, then one every so often.
#[derive(Debug)]
pub struct Ration {
    most: u64,
    each: Millis,
    // When all that was taken is earned again.
    clear: Millis,
}

impl Ration {
    /// `most` at once, then one in `each` milliseconds.
    pub fn new(most: usize, each: Millis) -> Ration {
        Ration { most: u64::try_from(most).unwrap_or(u64::MAX), each, clear: 0 }
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now: Millis) -> bool {
        let clear = self.clear.max(now).saturating_add(self.each);
        if clear.saturating_sub(now) > self.most.saturating_mul(self.each) {
            return false;
        }
        self.clear = clear;
        true
    }
}

/// A sequence that looks like chance (SplitMix64): to spread work over time and to choose among equals, not for secrets.
#[derive(Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A time, or up to a quarter more: what began together drifts apart.
    pub fn about(&mut self, time: Millis) -> Millis {
        let more = self.next().checked_rem((time / 4).saturating_add(1)).unwrap_or_default();
        time.saturating_add(more)
    }
}

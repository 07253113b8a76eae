//! Asking again: a peer that has shown its head is asked for it from time to time, so that one that shows another later is
//! caught though it says nothing by itself.

use std::time::{Duration, Instant};

use super::Node;
use super::millis;
use super::peer::{flush, probe};

/// After so long a peer is asked again for the head of a log.
pub const PROBE_AGAIN: Duration = Duration::from_secs(60);
/// So many of these questions are asked in a second, of all peers together.
pub const PROBES: usize = 64;
/// How often it is looked at what is due.
const LOOK: Duration = Duration::from_secs(1);

/// When it was looked at, and where to go on: everybody has a turn.
#[derive(Debug)]
pub(super) struct Probes {
    again: Duration,
    looked: Instant,
    after: u64,
}

impl Default for Probes {
    fn default() -> Self {
        Self { again: PROBE_AGAIN, looked: Instant::now(), after: 0 }
    }
}

impl Node {
    /// Asks again sooner or later than after [`PROBE_AGAIN`].
    pub fn probe_every(&mut self, again: Duration) {
        self.probes.again = again;
    }

    /// Asks those whose turn it is.
    pub(super) fn probe_again(&mut self) {
        if self.probes.looked.elapsed() < LOOK.min(self.probes.again) {
            return;
        }
        self.probes.looked = Instant::now();
        let at = millis(self.begun);
        let due = at.saturating_sub(u64::try_from(self.probes.again.as_millis()).unwrap_or(u64::MAX));
        let mut left = PROBES;
        let (after, before): (Vec<u64>, Vec<u64>) = self.peers.keys().partition(|peer| **peer > self.probes.after);
        for number in after.into_iter().chain(before) {
            let Some(peer) = self.peers.get_mut(&number) else { continue };
            let is_due = |side: &super::Side| {
                !side.refused
                    && !side.probing
                    && side.asked_at <= due
                    && side.probed.is_some_and(|(_, length)| length > 0)
            };
            let logs = peer.sides.iter().filter(|(_, side)| is_due(side)).map(|(dk, side)| (side.asked_at, *dk));
            let mut logs: Vec<_> = logs.collect();
            // Those whose turn it has been for longest.
            logs.sort_unstable();
            for (_, dk) in logs.into_iter().take(left) {
                let (Some(side), Some(replica)) = (peer.sides.get_mut(&dk), self.replicas.get(&dk)) else { continue };
                side.probed = None;
                probe(peer, replica, at);
                left = left.saturating_sub(1);
            }
            flush(peer);
            if left == 0 {
                self.probes.after = number;
                return;
            }
        }
        self.probes.after = 0;
    }
}

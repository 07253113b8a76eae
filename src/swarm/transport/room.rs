//! How much may wait to be dealt with: of one peer, and of all together.
//!
//! Where all together have no more room, each byte of a peer's counts for eight. So whoever has little waiting is heard as before,
//! and whoever has much is the one who waits, or is ended.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of a peer's frames that wait for their turn.
pub const BUDGET: usize = 8 << 20;
/// The same where the peer cannot be made to wait: what was asked of an honest one fits.
pub const OVERRUN: usize = 48 << 20;
/// Bytes of all peers' frames that wait before the room of each becomes smaller.
pub const BUDGET_OF_ALL: usize = 256 << 20;
/// How much smaller.
const DEARER: usize = 8;

/// What becomes of a peer that sends faster than its frames are dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It waits.
    Waits,
    /// Its transport takes whatever comes: the connection ends.
    Ends,
}

/// The room of all peers together.
#[derive(Clone, Debug)]
pub(super) struct Common(Arc<Semaphore>);

impl Common {
    pub fn new(bytes: usize) -> Common {
        Common(Arc::new(Semaphore::new(bytes)))
    }
}

/// The room of one peer.
pub(super) struct Room {
    pace: Pace,
    bytes: usize,
    own: Arc<Semaphore>,
    common: Common,
}

/// What a frame takes of both until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    _own: OwnedSemaphorePermit,
    _common: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub fn new(pace: Pace, common: Common) -> Room {
        let bytes = if pace == Pace::Waits { BUDGET } else { OVERRUN };
        Room { pace, bytes, own: Arc::new(Semaphore::new(bytes)), common }
    }

    /// Room for a frame; `None`: the connection must end. A frame that is larger than the room takes all of it.
    pub async fn take(&self, frame: usize) -> Option<Share> {
        let permits = |bytes: usize| u32::try_from(bytes.clamp(1, self.bytes)).unwrap_or(u32::MAX);
        let common = Arc::clone(&self.common.0).try_acquire_many_owned(permits(frame)).ok();
        let own = permits(if common.is_some() { frame } else { frame.saturating_mul(DEARER) });
        let waiting = Arc::clone(&self.own);
        let own = match self.pace {
            Pace::Waits => waiting.acquire_many_owned(own).await.ok()?,
            Pace::Ends => waiting.try_acquire_many_owned(own).ok()?,
        };
        Some(Share { _own: own, _common: common })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const FRAME: usize = 1 << 16;

    /// Takes room until there is none.
    async fn fill(room: &Room, shares: &mut Vec<Share>) -> usize {
        let before = shares.len();
        while let Ok(Some(share)) = tokio::time::timeout(Duration::ZERO, room.take(FRAME)).await {
            shares.push(share);
        }
        (shares.len() - before) * FRAME
    }

    /// Protects the memory from many peers that each keep to their own limit, and whoever has little waiting from them.
    #[tokio::test]
    async fn many_peers_together_have_a_limit() {
        let (common, mut held) = (Common::new(BUDGET_OF_ALL), Vec::new());
        let mut sums = Vec::new();
        for number in 0..100 {
            let pace = if number % 2 == 0 { Pace::Waits } else { Pace::Ends };
            let room = Room::new(pace, common.clone());
            sums.push(fill(&room, &mut held).await);
        }
        assert_eq!(sums[..2], [BUDGET, OVERRUN]);
        assert_eq!(sums[98..], [BUDGET / DEARER, OVERRUN / DEARER]);
        assert!(sums.iter().sum::<usize>() <= BUDGET_OF_ALL + 50 * (BUDGET + OVERRUN) / DEARER);
        // A frame of any size still comes through, alone.
        for pace in [Pace::Waits, Pace::Ends] {
            assert!(Room::new(pace, common.clone()).take(16 << 20).await.is_some());
        }
        held.clear();
        assert_eq!(fill(&Room::new(Pace::Ends, common), &mut held).await, OVERRUN);
    }
}

//! Opens channels without end and asks without end.

use super::{Behaviour, Way};

pub(super) const WAY: Way = Way {
    name: "opens",
    about: "opens unknown channels by the thousand, so that each has to be rejected",
    make: || Box::new(Opens),
};

/// Channels in a frame.
const COUNT: u64 = 40_000;

struct Opens;

impl Behaviour for Opens {
    fn greeting(&self) -> Option<Vec<u8>> {
        // A batch of control messages: open of a channel, without a protocol and an id.
        let mut frame = vec![0, 0, 0];
        frame.extend([4, 1, 9, 0, 0].repeat(usize::try_from(COUNT).unwrap_or_default()));
        Some(frame)
    }

    fn greetings(&self) -> u32 {
        500
    }
}

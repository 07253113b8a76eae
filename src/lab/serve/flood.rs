//! Sends more messages in a frame than anybody does.

use super::{Behaviour, Reply, Scene, Way};
use crate::swarm::wire::messages::Request;

pub(super) const WAY: Way =
    Way { name: "flood", about: "answers with a frame of a million messages", make: || Box::new(Flood) };

struct Flood;

impl Behaviour for Flood {
    fn reply(&self, _: &Scene<'_>, _: &Request) -> Reply {
        // A batch on channel 1: "I have block 9", again and again.
        let mut frame = vec![0, 0, 1];
        frame.extend([3, 8, 2, 9].repeat(1 << 20));
        Reply::Frame(frame)
    }
}

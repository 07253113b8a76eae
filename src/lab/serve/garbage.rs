//! Answers with bytes that are no messages.

use super::{Behaviour, Reply, Scene, Way};
use crate::swarm::wire::messages::Request;

pub(super) const WAY: Way = Way {
    name: "garbage",
    about: "shows its head, then answers with bytes that are no messages",
    make: || Box::new(Garbage),
};

struct Garbage;

impl Behaviour for Garbage {
    fn reply(&self, scene: &Scene<'_>, request: &Request) -> Reply {
        if request.block.is_none() {
            return scene.honest(request);
        }
        // Data on the first channel, with a list that is longer than the message.
        Reply::Frame([&[1, 3, 0xff][..], &request.id.to_le_bytes()].concat().repeat(50))
    }
}

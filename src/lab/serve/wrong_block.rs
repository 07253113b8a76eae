//! Serves blocks with a changed byte.

use super::{Behaviour, Reply, Scene, Way};
use crate::swarm::wire::messages::{Message, Request};

pub(super) const WAY: Way =
    Way { name: "wrong-block", about: "changes a byte of each block that it serves", make: || Box::new(WrongBlock) };

struct WrongBlock;

impl Behaviour for WrongBlock {
    fn reply(&self, scene: &Scene<'_>, request: &Request) -> Reply {
        let mut reply = scene.honest(request);
        if let Reply::Say(message) = &mut reply
            && let Message::Data(data) = &mut **message
            && let Some(byte) = data.block.as_mut().and_then(|block| block.value.first_mut())
        {
            *byte ^= 1;
        }
        reply
    }
}

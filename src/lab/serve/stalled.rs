//! Shows its head and never answers for a block.

use super::{Behaviour, Reply, Scene, Way};
use crate::swarm::wire::messages::Request;

pub(super) const WAY: Way = Way {
    name: "stalled",
    about: "shows its head, and never answers when a block is asked for",
    make: || Box::new(Stalled),
};

struct Stalled;

impl Behaviour for Stalled {
    fn reply(&self, scene: &Scene<'_>, request: &Request) -> Reply {
        if request.block.is_some() { Reply::Nothing } else { scene.honest(request) }
    }
}

//! Announces everything and refuses some blocks.

use super::{Behaviour, Reply, Scene, Way};
use crate::swarm::wire::messages::Request;

pub(super) const WAY: Way =
    Way { name: "withheld", about: "announces everything and refuses every third block", make: || Box::new(Withheld) };

struct Withheld;

impl Behaviour for Withheld {
    fn reply(&self, scene: &Scene<'_>, request: &Request) -> Reply {
        match request.block {
            Some(block) if block.index % 3 == 2 => Reply::Refuse,
            _ => scene.honest(request),
        }
    }
}

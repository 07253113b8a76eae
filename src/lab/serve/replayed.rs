//! Answers with valid proofs of another log.

use super::{Behaviour, Reply, Scene, Way};
use crate::swarm::wire::messages::Request;

pub(super) const WAY: Way =
    Way { name: "replayed", about: "answers with valid proofs of another log of DIR", make: || Box::new(Replayed) };

struct Replayed;

impl Behaviour for Replayed {
    fn reply(&self, scene: &Scene<'_>, request: &Request) -> Reply {
        scene.another(request).unwrap_or_else(|| scene.honest(request))
    }
}

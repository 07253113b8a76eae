//! Shows the true head with a prefix proof in which a byte of size has moved from one node to its sibling. The nodes still lead
//! to the head, and the tree hash at the prefix is another one: who compares that accuses an honest owner.

use super::{Behaviour, Reply, Scene, Way};
use crate::swarm::wire::messages::{Message, Request};

pub(super) const WAY: Way = Way {
    name: "shifted-sizes",
    about: "moves a byte of size between two nodes of each proof that a prefix belongs to its head",
    make: || Box::new(ShiftedSizes),
};

struct ShiftedSizes;

impl Behaviour for ShiftedSizes {
    fn reply(&self, scene: &Scene<'_>, request: &Request) -> Reply {
        let mut reply = scene.honest(request);
        if let Reply::Say(message) = &mut reply
            && let Message::Data(data) = &mut **message
            && let Some(upgrade) = &mut data.upgrade
            && let (Some(last), Some(first)) = (upgrade.nodes.last_mut(), upgrade.additional.first_mut())
        {
            last.node.size = last.node.size.saturating_add(1);
            first.node.size = first.node.size.saturating_sub(1);
        }
        reply
    }
}

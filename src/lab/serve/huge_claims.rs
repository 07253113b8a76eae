//! Claims a log of 2^51 blocks.

use super::{Behaviour, Reply, Scene, Way};
use crate::swarm::wire::messages::{Request, Sync};

pub(super) const WAY: Way = Way {
    name: "huge-claims",
    about: "claims a log of 2^51 blocks, all of them there, and proves nothing",
    make: || Box::new(HugeClaims),
};

struct HugeClaims;

impl Behaviour for HugeClaims {
    fn claim(&self, honest: Sync) -> Sync {
        Sync { length: 1 << 51, ..honest }
    }

    fn reply(&self, _: &Scene<'_>, _: &Request) -> Reply {
        Reply::Refuse
    }
}

//! Answers correctly, one answer a second.

use std::time::Duration;

use super::{Behaviour, Way};

pub(super) const WAY: Way =
    Way { name: "slow-drip", about: "answers correctly, one answer a second", make: || Box::new(SlowDrip) };

struct SlowDrip;

impl Behaviour for SlowDrip {
    fn pause(&self) -> Duration {
        Duration::from_secs(1)
    }
}

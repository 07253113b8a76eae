//! `audit --seed-for`: what was downloaded is served for a while.

use std::io::Write;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::escape;
use super::stop::Stop;
use crate::archive::ArchiveError;
use crate::database::ack::to_hex;
use crate::swarm::node::{Happened, Node};

/// A node that rests until the verdict is there: what came meanwhile would not be in it.
pub(super) struct Seed {
    runtime: Runtime,
    node: Node,
    length: Duration,
}

impl Seed {
    pub fn new(runtime: Runtime, node: Node, length: Duration) -> Self {
        Self { runtime, node, length }
    }

    /// From now on a signal ends the seeding, and not the program.
    pub fn stop(&self) -> std::io::Result<Stop> {
        let _within = self.runtime.enter();
        Stop::new()
    }

    /// Serves what is here, and what comes, until the time is over or a signal comes.
    pub fn run(self, mut stop: Stop) -> Result<(), ArchiveError> {
        let Self { runtime, mut node, length } = self;
        let end = Instant::now().checked_add(length).unwrap_or_else(Instant::now);
        runtime.block_on(async {
            node.announce();
            while Instant::now() < end && !stop.is_raised() {
                let happened = tokio::select! {
                    happened = node.step(end) => happened?,
                    () = stop.raised() => break,
                };
                happened.iter().for_each(say);
            }
            node.commit(true)?;
            node.leave().await;
            Ok(())
        })
    }
}

/// What came after the verdict and may change it.
fn say(event: &Happened) {
    if let Happened::Fork(key, ..) | Happened::Split(key, ..) = event {
        let line = format!("log {}: another history was shown; audit again", to_hex(key));
        let _ = writeln!(std::io::stderr(), "{}", escape(&line));
    }
}

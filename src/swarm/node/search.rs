//! A node's part in finding peers: which topics matter.

use std::ops::Bound;
use std::time::{Duration, Instant};

use super::peer::Peer;
use super::{Node, bans};
use crate::hypercore::{Hash, Key, discovery_key};
use crate::swarm::discovery::Swarm;

/// How often it is looked at what is to be found and announced.
const LOOK: Duration = Duration::from_secs(1);
/// Logs that are looked at each time: lookups are rationed anyway.
const GLANCE: usize = 512;

impl Node {
    /// Looks for peers through the DHT, too.
    pub fn join(&mut self, mut swarm: Swarm) {
        for key in self.bans.names().filter_map(crate::archive::parse_key) {
            swarm.ban(&key);
        }
        self.swarm = Some(swarm);
    }

    /// Speaks again to those whose ban is over.
    fn forgive(&mut self) {
        let over = self.bans.expire(bans::now());
        for key in over.iter().filter_map(|name| crate::archive::parse_key(name)) {
            if let Some(swarm) = &mut self.swarm {
                swarm.forgive(&key);
            }
        }
    }

    /// Looks for peers of a database through the DHT, by the topic of its index. Topics of other logs are looked up only
    /// when no peer has them.
    pub fn seek(&mut self, index: &Key) {
        let topic = discovery_key(index);
        if let Some(swarm) = &mut self.swarm {
            swarm.seek(&topic);
            self.indexes.push(topic);
        }
    }

    /// From now on, announces the topics of indexes of which something is here to be served.
    pub fn announce(&mut self) {
        self.announces = true;
    }

    /// Whether others can find us as a peer of a database.
    pub fn is_announced(&self, index: &Key) -> bool {
        self.swarm.as_ref().is_some_and(|swarm| swarm.is_announced(&discovery_key(index)))
    }

    /// Takes back what was announced, and leaves the DHT.
    pub async fn leave(&mut self) {
        self.peers.clear();
        if let Some(swarm) = self.swarm.take() {
            swarm.leave().await;
        }
    }

    /// Dials, looks up and announces what is due.
    pub(super) fn search(&mut self) {
        if let Some(swarm) = &mut self.swarm {
            swarm.turn(&self.signals);
        }
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        self.forgive();
        let Some(swarm) = &mut self.swarm else { return };
        for dk in self.indexes.iter().filter(|_| self.announces) {
            let here = self.replicas.get(dk).and_then(|replica| replica.branch(0)?.served());
            swarm.serve(dk, here.is_some());
        }
        if !swarm.is_settled() {
            return;
        }
        let after = (Bound::Excluded(self.looked_up_to), Bound::Unbounded);
        let glance: Vec<Hash> = self.replicas.range(after).map(|(dk, _)| *dk).take(GLANCE).collect();
        self.looked_up_to = glance.get(GLANCE.saturating_sub(1)).copied().unwrap_or_default();
        for dk in &glance {
            if !self.peers.values().any(|peer| has(peer, dk)) {
                swarm.seek(dk);
            }
        }
    }
}

/// Whether a peer has something of a log, or may have.
fn has(peer: &Peer, dk: &Hash) -> bool {
    let refused = peer.sides.get(dk).is_none_or(|side| side.refused);
    !refused && peer.session.sync(dk).is_none_or(|sync| sync.length > 0)
}

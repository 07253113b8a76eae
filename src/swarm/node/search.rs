//! A node's part in finding peers: which topics matter.

use std::time::{Duration, Instant};

use super::Node;
use super::peer::Peer;
use crate::hypercore::{Hash, Key, discovery_key};
use crate::swarm::discovery::Swarm;

/// How often it is looked at what is to be found and announced.
const LOOK: Duration = Duration::from_secs(1);

impl Node {
    /// Looks for peers through the DHT, too.
    pub fn join(&mut self, swarm: Swarm) {
        self.swarm = Some(swarm);
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
        let Some(swarm) = &mut self.swarm else { return };
        swarm.turn(&self.signals);
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        for dk in self.indexes.iter().filter(|_| self.announces) {
            let here = self.replicas.get(dk).and_then(|replica| replica.branch(0)?.served());
            swarm.serve(dk, here.is_some());
        }
        if !swarm.is_settled() {
            return;
        }
        for dk in self.replicas.keys() {
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

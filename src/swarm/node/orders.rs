//! What whoever runs a node may want of one log: how many have it, what they show now, and that no more of it comes.

use super::peer::{flush, probe};
use super::{Node, millis};
use crate::archive::Evidence;
use crate::hypercore::{Key, discovery_key};

impl Node {
    /// The evidence folder of its archive.
    pub fn evidence(&self) -> &Evidence {
        self.archive.evidence()
    }

    /// Connected peers that have something of a log.
    pub fn peers_of(&self, key: &Key) -> usize {
        let dk = discovery_key(key);
        let has = |peer: &&super::Peer| peer.session.sync(&dk).is_some_and(|sync| sync.length > 0);
        self.peers.values().filter(has).count()
    }

    /// Asks every peer that has something of a log for its head, now; how many are asked.
    pub fn ask_again(&mut self, key: &Key) -> usize {
        let dk = discovery_key(key);
        let Some(replica) = self.replicas.get(&dk) else { return 0 };
        let at = millis(self.begun);
        let mut asked = 0_usize;
        for peer in self.peers.values_mut() {
            let Some(side) = peer.sides.get_mut(&dk).filter(|side| !side.refused) else { continue };
            if !side.probing {
                side.probed = None;
                probe(peer, replica, at);
                flush(peer);
            }
            asked = asked.saturating_add(usize::from(peer.sides.get(&dk).is_some_and(|side| side.probing)));
        }
        asked
    }

    /// How many peers have yet to answer for their head of a log.
    pub fn asking(&self, key: &Key) -> usize {
        let dk = discovery_key(key);
        self.peers.values().filter(|peer| peer.sides.get(&dk).is_some_and(|side| side.probing)).count()
    }

    /// Peers that have something of a log and gave no usable answer for their head of it.
    pub fn silent(&self, key: &Key) -> usize {
        let dk = discovery_key(key);
        self.peers.values().filter(|peer| peer.sides.get(&dk).is_some_and(|side| side.silent)).count()
    }

    /// Asks for no more blocks of a log, or for all of them again. What is here is served, and heads are asked for all the same.
    pub fn pause(&mut self, key: &Key, paused: bool) {
        let dk = discovery_key(key);
        if paused {
            self.paused.insert(dk);
        } else if self.paused.remove(&dk) {
            self.lacking.insert(dk);
            self.stir(&dk);
        }
    }
}

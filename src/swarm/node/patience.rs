//! Peers that do not answer in time, and heads whose blocks do not come: whoever holds something back keeps nobody else from being
//! asked.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::peer::{Side, flush, probe};
use super::{Node, millis};
use crate::hypercore::Hash;
use crate::swarm::replica::Replica;
use crate::swarm::session::Asked;

/// A question without an answer for so long goes to somebody else.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// After so many times that a peer is asked again for a block that it did not send, whatever it says: others come first, but there
/// may be none.
const FORGIVEN: u32 = 4;
/// Questions in a row without an answer after which a peer is dropped.
const MAX_LATE: usize = 128;

impl Node {
    /// Gives up questions sooner or later than after [`PATIENCE`].
    pub fn wait_for_answers(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Gives up what is late, and asks others; to be called often.
    pub(super) fn mind_the_late(&mut self) {
        // When we were held up ourselves, answers wait to be read: nobody is late. Others are asked all the same, because peers can
        // keep us busy.
        if self.ticked.elapsed() > PATIENCE / 4 {
            self.lenient = Instant::now().checked_add(PATIENCE).unwrap_or(self.lenient);
        }
        self.ticked = Instant::now();
        if self.ticked >= self.lenient {
            self.give_up();
        } else {
            self.share_late();
        }
        self.ask_late_ones();
        self.decide();
    }

    /// What was asked before, in milliseconds, is late.
    pub(super) fn late(&self) -> u64 {
        millis(self.begun).saturating_sub(u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX))
    }

    /// Has everybody asked for what was asked too long ago.
    fn share_late(&mut self) {
        let before = self.late();
        let late: Vec<(Hash, Asked)> = self.peers.values().flat_map(|peer| peer.session.late(before)).collect();
        for (dk, asked) in &late {
            let branches = self.replicas.get_mut(dk).into_iter().flat_map(Replica::branches_mut);
            for branch in branches.filter(|branch| branch.fork() == asked.fork) {
                asked.block.iter().for_each(|block| branch.share(block.index));
            }
        }
        // Once for each log: there may be thousands of questions, and we are behind.
        let logs: BTreeSet<Hash> = late.into_iter().map(|(dk, _)| dk).collect();
        logs.iter().for_each(|dk| self.stir(dk));
    }

    /// Asks peers for their heads again of which it could not be said for too long where they belong: the shortest of a log, since
    /// longer ones can show what they were at its length.
    fn decide(&mut self) {
        let (at, late) = (millis(self.begun), self.late());
        for dk in &self.lacking {
            let Some(replica) = self.replicas.get(dk) else { continue };
            let sides = self.peers.iter().filter_map(|(number, peer)| Some((*number, peer.sides.get(dk)?)));
            let waits = |side: &Side| !side.probing && !side.silent && side.undecided.is_some_and(|since| since < late);
            let waiting = sides.filter(|(_, side)| waits(side)).map(|(number, side)| (side.probed, number));
            let Some(peer) = waiting.min().and_then(|(_, number)| self.peers.get_mut(&number)) else { continue };
            peer.sides.entry(*dk).and_modify(|side| side.probed = None);
            probe(peer, replica, at);
            flush(peer);
        }
    }

    /// Has everybody else who was on a history say again whether that is so: one of them has shown a shorter head of it, whose blocks are
    /// to come now. Blocks that were asked for under the longer one would not be proven any more.
    pub(super) fn reconsider(&mut self, but: u64, dk: &Hash, branch: usize) {
        let at = millis(self.begun);
        let mut asked = Vec::new();
        for (number, peer) in &mut self.peers {
            let Some(side) = peer.sides.get_mut(dk) else { continue };
            let is_on = side.branch == Some(branch);
            if is_on {
                let given_up = peer.session.give_up(|log, asked| log == dk && asked.block.is_some());
                asked.extend(given_up.into_iter().map(|(_, asked)| (*number, asked)));
            }
            if *number == but || !(is_on || side.undecided.is_some()) {
                continue;
            }
            (side.branch, side.undecided, side.probed) = (None, None, None);
            if let Some(replica) = self.replicas.get(dk) {
                probe(peer, replica, at);
                flush(peer);
            }
        }
        for (number, asked) in asked {
            self.unask(number, dk, &asked);
        }
    }

    /// Takes back what was asked too long ago.
    fn give_up(&mut self) {
        let late = self.late();
        let numbers: Vec<u64> = self.peers.keys().copied().collect();
        for number in numbers {
            let Some(peer) = self.peers.get_mut(&number) else { continue };
            let given_up = peer.session.give_up(|_, asked| asked.at < late);
            if given_up.is_empty() {
                continue;
            }
            peer.late = peer.late.saturating_add(given_up.len());
            peer.credit = (peer.credit / 2).max(1);
            if peer.late > MAX_LATE {
                self.end(number, "it does not answer", false);
                continue;
            }
            for (dk, asked) in given_up {
                self.unask(number, &dk, &asked);
                self.on_refusal(number, dk, asked);
            }
        }
    }

    /// Asks peers again for what they did not send.
    fn ask_late_ones(&mut self) {
        let wait = self.patience.saturating_mul(FORGIVEN).as_millis();
        let then = millis(self.begun).checked_sub(u64::try_from(wait).unwrap_or(u64::MAX));
        for (number, peer) in &mut self.peers {
            if then.is_some_and(|then| peer.forgive(then)) {
                self.stirred.insert(*number);
            }
        }
    }
}

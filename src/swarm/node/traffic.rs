//! What peers say, and what they are asked and answered.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Instant;

use super::peer::{Peer, Side, flush, probe, show, tell_range};
use super::{Happened, Node, TICK, millis};
use crate::archive::ArchiveError;
use crate::hypercore::Hash;
use crate::swarm::replica::proof::{AnswerError, answer};
use crate::swarm::replica::{Branch, Replica, Standing};
use crate::swarm::session::{Asked, Event, MAX_IN_FLIGHT};
use crate::swarm::wire::messages::{Data, Message};

/// A peer's questions that wait for their answers: no frame adds so many.
const MAX_QUESTIONS: usize = 16_384;
/// Blocks after which other peers are asked anew: the window of what is wanted has moved.
const STRIDE: u64 = 64;
/// No more questions are answered while so many bytes wait to be sent.
const MAX_ANSWERS: usize = 1 << 20;

impl Node {
    pub(super) fn unask(&mut self, number: u64, dk: &Hash, asked: &Asked) {
        let mut side = self.peers.get_mut(&number).and_then(|peer| peer.sides.get_mut(dk));
        if let Some(side) = side.as_mut().filter(|_| asked.prefix.is_some()) {
            side.probing = false;
        }
        if let Some(block) = asked.block {
            // No other history can have it asked: a side is on one.
            for branch in self.replicas.get_mut(dk).into_iter().flat_map(Replica::branches_mut) {
                if branch.fork() == asked.fork {
                    branch.give_back(block.index);
                }
            }
            self.stir(dk);
        }
    }

    pub(super) fn on_events(&mut self, number: u64) -> Result<(), ArchiveError> {
        // Questions that need no answer any more (all of a log's: no number) are looked for once, however many there are.
        let mut void = BTreeSet::new();
        loop {
            let Some(peer) = self.peers.get_mut(&number) else { return Ok(()) };
            let Some(event) = peer.session.event() else {
                if !void.is_empty() {
                    let is_void = |dk: Hash, id| void.contains(&(dk, None)) || void.contains(&(dk, Some(id)));
                    peer.questions.retain(|(dk, request)| !is_void(*dk, request.id));
                }
                return Ok(());
            };
            match event {
                Event::Opened(dk) => drop(peer.sides.insert(dk, Side::default())),
                Event::Closed(dk, asked) => {
                    peer.sides.insert(dk, Side { refused: true, ..Side::default() });
                    void.insert((dk, None));
                    for asked in asked {
                        self.unask(number, &dk, &asked);
                    }
                }
                Event::Unknown(_) => {}
                Event::Have(dk) => drop(peer.active.insert(dk)),
                Event::Synced(dk) => {
                    peer.active.insert(dk);
                    let Some(replica) = self.replicas.get(&dk) else { continue };
                    if let Some(side) = peer.sides.get_mut(&dk) {
                        side.silent = false;
                    }
                    probe(peer, replica, millis(self.begun));
                    show(peer, replica);
                }
                Event::Question(dk, request) => {
                    if peer.questions.len() >= MAX_QUESTIONS {
                        self.end(number, "it asks too much at once", true);
                        return Ok(());
                    }
                    peer.questions.push_back((dk, request));
                }
                Event::Cancelled(dk, id) => drop(void.insert((dk, Some(id)))),
                Event::Wanted(dk, _) => {
                    let Some(replica) = self.replicas.get(&dk) else { continue };
                    if peer.session.has_shown(&dk) {
                        tell_range(peer, replica);
                    }
                }
                Event::Answer(dk, asked, data) => {
                    peer.active.insert(dk);
                    self.grown.insert(dk);
                    if data.is_some() {
                        peer.late = 0;
                        peer.credit = peer.credit.saturating_add(1).min(MAX_IN_FLIGHT);
                    }
                    if data.is_none() || asked.prefix.is_some() {
                        self.unask(number, &dk, &asked);
                    }
                    let taken = match data {
                        Some(data) => self.on_answer(number, dk, asked, *data)?,
                        None => {
                            self.on_refusal(number, dk, asked);
                            Ok(())
                        }
                    };
                    if let Err(error) = taken {
                        self.end(number, &format!("it sent a proof that does not hold: {error}"), true);
                        return Ok(());
                    }
                }
            }
        }
    }

    pub(super) fn on_refusal(&mut self, number: u64, dk: Hash, asked: Asked) {
        let Some(peer) = self.peers.get_mut(&number) else { return };
        if let Some(block) = asked.block {
            peer.pass_over((dk, asked.fork, block.index), millis(self.begun));
        }
        let Some(side) = peer.sides.get_mut(&dk) else { return };
        if asked.prefix.is_some() {
            // Refused because its log has moved on, or for good.
            side.silent = true;
            if let Some(replica) = self.replicas.get(&dk) {
                probe(peer, replica, millis(self.begun));
            }
        }
    }

    fn on_answer(
        &mut self,
        number: u64,
        dk: Hash,
        asked: Asked,
        data: Data,
    ) -> Result<Result<(), AnswerError>, ArchiveError> {
        let late = self.late();
        let (Some(peer), Some(replica)) = (self.peers.get_mut(&number), self.replicas.get_mut(&dk)) else {
            return Ok(Ok(()));
        };
        let Some(side) = peer.sides.get_mut(&dk) else { return Ok(Ok(())) };
        if asked.manifest
            && let Some(bytes) = &data.manifest
            && !replica.take_manifest(&mut self.archive, bytes)?
        {
            return Ok(Err(AnswerError::Other));
        }
        if let Some(prefix) = asked.prefix {
            let shown = match replica.read(asked.fork, prefix, &data) {
                Ok(shown) => shown,
                Err(error) => return Ok(Err(error)),
            };
            self.progress = Instant::now();
            let (key, fork, length) = (*replica.key(), shown.head.fork(), shown.head.length());
            let before = replica.branches().iter().map(Branch::promised).max();
            let late = side.undecided.is_some_and(|since| since < late);
            let standing = replica.meet(&mut self.archive, &shown, late)?;
            side.silent = false;
            let at = millis(self.begun);
            side.undecided = (standing == Standing::Undecided).then(|| side.undecided.unwrap_or(at));
            side.branch = match standing {
                Standing::On(at) | Standing::New(at, _) | Standing::Instead(at) => Some(at),
                Standing::Undecided | Standing::TooMany => None,
            };
            match standing {
                Standing::New(_, true) | Standing::TooMany => self.happened.push(Happened::Split(key, fork, length)),
                Standing::New(..) if fork > 0 => self.happened.push(Happened::Fork(key, fork, length)),
                _ if before.is_none_or(|before| length > before) => {
                    self.happened.push(Happened::Head(key, fork, length))
                }
                _ => {}
            }
            let sync = peer.session.sync(&dk);
            if sync.is_some_and(|sync| side.probed != Some((sync.fork, sync.length))) {
                probe(peer, replica, millis(self.begun));
            }
            show(peer, replica);
            self.lacking.insert(dk);
            if let Standing::Instead(at) = standing {
                self.reconsider(number, &dk, at);
            }
            self.stir(&dk);
            return Ok(Ok(()));
        }
        let taken = match (asked.block, data.block) {
            (Some(question), Some(block)) => {
                let side = peer.sides.get(&dk);
                let branch = side.and_then(|side| replica.branch_mut(side.branch?)).filter(|b| b.fork() == asked.fork);
                match branch {
                    Some(branch) => {
                        self.progress = Instant::now();
                        let before = branch.length();
                        let taken = branch.take(question, block)?;
                        // Others are asked for what the window has come to; this one is anyway.
                        if taken.is_ok() && before / STRIDE == branch.length() / STRIDE {
                            return Ok(taken);
                        }
                        taken
                    }
                    None => Ok(()),
                }
            }
            (Some(_), None) => Err(AnswerError::Other),
            (None, _) => return Ok(Ok(())),
        };
        self.unask(number, &dk, &asked);
        Ok(taken)
    }

    /// Asks a peer for blocks, one of each log in turn, and sends what waits.
    pub(super) fn ask(&mut self, number: u64) {
        let Some(peer) = self.peers.get_mut(&number) else { return };
        let at = millis(self.begun);
        while peer.session.in_flight() < MAX_IN_FLIGHT
            && let Some(dk) = peer.unprobed.pop_first()
        {
            if let Some(replica) = self.replicas.get(&dk) {
                probe(peer, replica, at);
            }
        }
        while peer.session.in_flight() < peer.credit {
            let after = (Bound::Excluded(peer.cursor), Bound::Unbounded);
            let Some(dk) = peer.active.range(after).next().or(peer.active.first()).copied() else { break };
            peer.cursor = dk;
            let side = peer.sides.get(&dk).filter(|side| side.undecided.is_none() && !self.paused.contains(&dk));
            let branch = side.and_then(|side| self.replicas.get_mut(&dk)?.branch_mut(side.branch?));
            if branch.is_none_or(|branch| !ask_block(peer, &dk, branch, at)) {
                peer.active.remove(&dk);
            }
        }
        flush(peer);
    }

    /// Answers what a peer asks, as long as it takes the answers.
    pub(super) fn serve(&mut self, number: u64) -> Result<(), ArchiveError> {
        let Some(peer) = self.peers.get_mut(&number) else { return Ok(()) };
        while peer.session.waiting() < MAX_ANSWERS {
            let Some((dk, request)) = peer.questions.pop_front() else { break };
            let side = peer.sides.get(&dk).filter(|_| peer.session.has_shown(&dk));
            let replica = self.replicas.get(&dk);
            let branch = side.and_then(|side| replica?.branch(side.branch?));
            let data = branch.and_then(|branch| answer(branch.log(), branch.served()?, &request));
            if let Some(error) = branch.and_then(Branch::take_error) {
                return Err(error);
            }
            let message = data.map_or(Message::NoData(request.id, 1), Message::Data);
            peer.session.tell(&dk, &message);
        }
        flush(peer);
        Ok(())
    }

    pub(super) fn tick(&mut self) -> Result<(), ArchiveError> {
        if self.ticked.elapsed() >= TICK {
            self.mind_the_late();
            self.probe_again();
            self.redial();
            // Whatever was overlooked is asked for now.
            let lacks = |replica: &Replica| !replica.branches().iter().all(Branch::is_complete);
            self.lacking.retain(|dk| self.replicas.get(dk).is_some_and(lacks));
            for dk in self.lacking.clone() {
                self.stir(&dk);
            }
        }
        for number in std::mem::take(&mut self.stirred) {
            self.ask(number);
        }
        self.search();
        Ok(())
    }
}

/// Asks for the next block of a history that a peer has; whether there was one.
fn ask_block(peer: &mut Peer, dk: &Hash, branch: &mut Branch, at: u64) -> bool {
    let Some(sync) = peer.session.sync(dk).filter(|sync| sync.fork == branch.fork() && !branch.is_complete()) else {
        return false;
    };
    let Some(block) = branch.want(sync.length, |block| peer.may_send(&(*dk, sync.fork, block))) else { return false };
    let sent = peer.session.ask(dk, Asked { fork: sync.fork, block: Some(block), at, ..Asked::default() });
    if sent {
        branch.note_asked(block.index);
    }
    sent
}

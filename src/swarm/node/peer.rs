//! One peer: what it was asked and shown of each log, and when it may see ours.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::hypercore::Hash;
use crate::swarm::replica::Replica;
use crate::swarm::session::{Asked, Session};
use crate::swarm::transport::{Inbound, Link};
use crate::swarm::wire::messages::{Message, Request, Span, Sync};

/// Blocks of a `want`: what Hypercore asks about at once.
const WANT: u64 = 1 << 21;
/// Segments of a log that a peer is asked about; of longer ones what it says by itself counts.
const MAX_WANTS: u64 = 64;

/// A peer's side of one log.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub branch: Option<usize>,
    // Fork and length that were last probed, and whether the answer is still to come.
    pub probed: Option<(u64, u64)>,
    pub probing: bool,
    // When it was last asked for its head, in milliseconds.
    pub asked_at: u64,
    // It gave no usable answer.
    pub silent: bool,
    // Since when its history cannot be told, in milliseconds.
    pub undecided: Option<u64>,
    pub refused: bool,
    // Segments that it was asked about, and blocks that it was told we have.
    pub wanted: u64,
    pub told: u64,
}

impl Side {
    /// Whether the peer has said that its log is empty, and is on no history.
    pub fn is_empty(&self) -> bool {
        self.branch.is_none() && matches!(self.probed, Some((_, 0)))
    }
}

/// A block: log, fork and number.
pub(super) type Place = (Hash, u64, u64);

#[derive(Debug)]
pub(super) struct Peer {
    pub link: Link,
    pub session: Session,
    pub sides: BTreeMap<Hash, Side>,
    /// Logs whose head is to be asked for once fewer questions are open.
    pub unprobed: BTreeSet<Hash>,
    pub questions: VecDeque<(Hash, Request)>,
    /// Frames that wait until the peer has read.
    pub held: VecDeque<Inbound>,
    /// Logs of which it may have a block that is wanted.
    pub active: BTreeSet<Hash>,
    pub cursor: Hash,
    pub late: usize,
    pub credit: usize,
    /// Blocks that it refused or did not send in time, and the same with when (in milliseconds) that was noticed, the oldest first.
    pub passed_over: BTreeSet<Place>,
    pub since: VecDeque<(u64, Place)>,
}

/// Blocks for which a peer is passed over; with more the oldest are forgiven.
const MAX_PASSED_OVER: usize = 4_096;
/// Questions that wait; while there are more, the peer is not listened to.
const MANY_QUESTIONS: usize = 4_096;

impl Peer {
    /// Whether its frames are dealt with: not while too much waits for it, so that what it makes us send is bounded.
    pub fn is_heard(&self) -> bool {
        !self.session.is_crowded() && self.questions.len() < MANY_QUESTIONS
    }

    /// Whether it can be asked for a block: it says that it has it, is not asked already, and has not failed to send it lately.
    pub fn may_send(&self, place: &Place) -> bool {
        let (dk, _, block) = place;
        self.session.has(dk, *block) && !self.passed_over.contains(place) && !self.session.is_asked(dk, *block)
    }

    /// Notes a block that it did not send: others are asked first.
    pub fn pass_over(&mut self, place: Place, at: u64) {
        if self.passed_over.insert(place) {
            self.since.push_back((at, place));
        }
        if self.since.len() > MAX_PASSED_OVER
            && let Some((oldest, _)) = self.since.front()
        {
            self.forgive(*oldest);
        }
    }

    /// Takes it for able to send what it had not sent by `then`; whether there is anything.
    pub fn forgive(&mut self, then: u64) -> bool {
        let mut any = false;
        while let Some((_, place)) = self.since.pop_front_if(|(at, _)| *at <= then) {
            self.passed_over.remove(&place);
            self.active.insert(place.0);
            any = true;
        }
        any
    }
}

/// Asks a peer for its head, if it has said something new.
pub(super) fn probe(peer: &mut Peer, replica: &Replica, at: u64) {
    let dk = *replica.dk();
    let (Some(sync), Some(side)) = (peer.session.sync(&dk), peer.sides.get_mut(&dk)) else { return };
    if side.probing || side.probed == Some((sync.fork, sync.length)) {
        return;
    }
    if side.probed.is_some_and(|(fork, _)| fork != sync.fork) {
        // What it has of the new history it may think that we know.
        (side.branch, side.wanted) = (None, 0);
    }
    if sync.length == 0 {
        // It has nothing to show, and nothing to hide from it but that we follow the log, which it knows.
        side.probed = Some((sync.fork, 0));
        side.branch = replica.branches().iter().position(|branch| branch.served().is_some());
        return;
    }
    let prefix = replica.prefix(sync.fork, sync.length);
    let manifest = replica.manifest().is_none();
    let asked = Asked { fork: sync.fork, prefix: Some(prefix), manifest, at, ..Asked::default() };
    if peer.session.ask(&dk, asked) {
        (side.probing, side.probed) = (true, Some((sync.fork, sync.length)));
        side.asked_at = at;
    } else {
        peer.unprobed.insert(dk);
    }
}

/// Shows a peer the history that it is on, once it has shown its own.
pub(super) fn show(peer: &mut Peer, replica: &Replica) {
    let dk = *replica.dk();
    let (Some(theirs), Some(side)) = (peer.session.sync(&dk), peer.sides.get_mut(&dk)) else { return };
    if side.probing || side.silent || side.probed.is_none() {
        return;
    }
    let branch = side.branch.and_then(|at| replica.branch(at));
    if branch.is_none() && theirs.length > 0 {
        return;
    }
    let head = branch.and_then(|branch| branch.served());
    let length = head.map_or(0, |head| head.length());
    let fork = branch.map_or(0, |branch| branch.fork());
    let first = !peer.session.has_shown(&dk);
    let sync = Sync {
        fork,
        length,
        remote_length: if fork == theirs.fork { theirs.length } else { 0 },
        can_upgrade: fork == theirs.fork || theirs.length == 0,
        uploading: true,
        downloading: true,
        has_manifest: replica.manifest().is_some(),
        allow_push: false,
    };
    peer.session.show(&dk, sync);
    // Of the history that it was on before we may have told it more.
    if side.told > length {
        let span = Span { start: length, length: side.told.saturating_sub(length) };
        side.told = length;
        peer.session.tell(&dk, &Message::Range(span, true));
    }
    let wanted = theirs.length.div_ceil(WANT).min(MAX_WANTS);
    let news = side.wanted..wanted;
    side.wanted = side.wanted.max(wanted);
    for segment in news {
        let span = Span { start: segment.saturating_mul(WANT), length: WANT };
        peer.session.tell(&dk, &Message::Want(span, false));
    }
    if first || length > 0 {
        tell_range(peer, replica);
    }
}

pub(super) fn tell_range(peer: &mut Peer, replica: &Replica) {
    let Some(side) = peer.sides.get_mut(replica.dk()) else { return };
    let branch = side.branch.and_then(|at| replica.branch(at));
    if let Some(head) = branch.and_then(|branch| branch.served()) {
        side.told = head.length();
        let span = Span { start: 0, length: head.length() };
        peer.session.tell(replica.dk(), &Message::Range(span, false));
    }
}

pub(super) fn flush(peer: &mut Peer) {
    while peer.link.has_room() {
        let Some(frame) = peer.session.frame() else { return };
        peer.link.send(frame);
    }
}

//! All peers and all logs: who is asked for what, who is shown what.
//!
//! One owner for everything, driven by one channel: connections only carry frames. For each peer and log:
//!
//! 1. **Probe first.** When the peer has said how long its log is, it is asked for its signed head. Before that is answered and
//!    stored it sees nothing of ours and is answered nothing: an honest peer that meets another history of its log freezes, and
//!    the evidence would be lost.
//! 2. Its head says which of our histories it is on. It is shown that history's state and no other, and asked for its blocks.
//! 3. Whatever it says anew about its length is probed again.
//!
//! A peer whose proof does not hold is dropped and not dialled again.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::replica::proof::{AnswerError, answer};
use super::replica::{Replica, Standing};
use super::session::{Asked, Event, MAX_IN_FLIGHT, Session};
use super::transport::{Address, Link, Signal, Signals, accept, dial};
use super::wire::messages::{Data, Message, Request, Span, Sync};
use crate::archive::{Archive, ArchiveError, ArchiveReader};
use crate::hypercore::{Hash, Key};

/// A question without an answer for so long goes to somebody else.
const PATIENCE: Duration = Duration::from_secs(8);
/// Questions that a new peer is trusted with; each answer earns one more, a late one halves them.
const FIRST_CREDIT: usize = 16;
/// Questions in a row without an answer after which a peer is dropped.
const MAX_LATE: usize = 128;
/// A peer's questions that wait for their answers.
const MAX_QUESTIONS: usize = 16_384;
/// No more questions are answered while so many bytes wait to be sent.
const MAX_ANSWERS: usize = 1 << 20;
/// Blocks of a `want`: what Hypercore asks about at once.
const WANT: u64 = 1 << 21;
/// Connections.
pub const MAX_PEERS: usize = 256;
/// Segments of a log that a peer is asked about; of longer ones what it says by itself counts.
const MAX_WANTS: u64 = 64;
const TICK: Duration = Duration::from_millis(500);
const BACK_OFF: [u64; 5] = [1, 2, 4, 8, 16];

/// What may be worth telling somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A peer is connected.
    Up(String),
    /// A peer is gone, or could not be reached, and why.
    Down(String, String),
    /// A signed head that was not known: key, fork, length.
    Head(Key, u64, u64),
    /// The log was truncated: key, fork, length of its head.
    Fork(Key, u64, u64),
    /// A head that contradicts another of the same fork: key, fork, length.
    Split(Key, u64, u64),
}

/// A peer's side of one log.
#[derive(Debug, Default)]
struct Side {
    branch: Option<usize>,
    // Fork and length that were last probed, and whether the answer is still to come.
    probed: Option<(u64, u64)>,
    probing: bool,
    // It gave no usable answer, or its history cannot be told yet.
    silent: bool,
    undecided: bool,
    refused: bool,
    // Segments that it was asked about, and blocks that it was told we have.
    wanted: u64,
    told: u64,
}

#[derive(Debug)]
struct Peer {
    link: Link,
    session: Session,
    sides: BTreeMap<Hash, Side>,
    questions: VecDeque<(Hash, Request)>,
    cursor: Hash,
    late: usize,
    credit: usize,
}

#[derive(Debug)]
struct Target {
    address: Address,
    number: Option<u64>,
    failures: usize,
    again: Instant,
    tried: Option<String>,
    banned: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Node {
    archive: Archive,
    before: Option<ArchiveReader>,
    replicas: BTreeMap<Hash, Replica>,
    peers: BTreeMap<u64, Peer>,
    targets: Vec<Target>,
    names: BTreeMap<u64, String>,
    last: u64,
    signals: Signals,
    inbox: mpsc::UnboundedReceiver<(u64, Signal)>,
    listener: Option<TcpListener>,
    begun: Instant,
    progress: Instant,
    happened: Vec<Happened>,
}

impl Node {
    /// Opens or makes the archive at `dir`.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(dir: &Path) -> Result<Node, ArchiveError> {
        let exists = dir.join("archive.sqlite").is_file();
        let archive = if exists { Archive::open(dir)? } else { Archive::create(dir)? };
        // What is locked is not written by others; an archive without a log cannot be read.
        let before = if archive.logs()?.is_empty() { None } else { Some(ArchiveReader::open(dir)?) };
        let (signals, inbox) = mpsc::unbounded_channel();
        let now = Instant::now();
        Ok(Node {
            archive,
            before,
            replicas: BTreeMap::new(),
            peers: BTreeMap::new(),
            targets: Vec::new(),
            names: BTreeMap::new(),
            last: 0,
            signals,
            inbox,
            listener: None,
            begun: now,
            progress: now,
            happened: Vec::new(),
        })
    }

    /// Adds an address to be kept connected.
    pub fn dial(&mut self, address: Address) {
        let again = Instant::now();
        self.targets.push(Target { address, number: None, failures: 0, again, tried: None, banned: false });
        self.redial();
    }

    /// Takes connections from now on.
    pub fn listen(&mut self, listener: TcpListener) {
        self.listener = Some(listener);
    }

    /// Follows a log: opens it with every peer. Again does nothing.
    ///
    /// # Errors
    /// When the archive fails.
    pub fn follow(&mut self, key: &Key) -> Result<(), ArchiveError> {
        let dk = crate::hypercore::discovery_key(key);
        if self.replicas.contains_key(&dk) {
            return Ok(());
        }
        let replica = Replica::open(&mut self.archive, self.before.as_ref(), key)?;
        self.replicas.insert(dk, replica);
        for peer in self.peers.values_mut() {
            peer.session.add(key);
            peer.session.open(&dk);
            peer.sides.insert(dk, Side::default());
            flush(peer);
        }
        Ok(())
    }

    /// A log that is followed.
    pub fn replica(&self, key: &Key) -> Option<&Replica> {
        self.replicas.get(&crate::hypercore::discovery_key(key))
    }

    /// All logs that are followed.
    pub fn replicas(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.values()
    }

    /// Peers that are connected.
    pub fn connected(&self) -> usize {
        self.peers.len()
    }

    /// Addresses that were given, and why there is no connection.
    pub fn tried(&self) -> Vec<(String, String)> {
        let connected = |target: &Target| target.number.is_some_and(|number| self.peers.contains_key(&number));
        let without = self.targets.iter().filter(|target| !connected(target));
        let why = |target: &Target| target.tried.clone().unwrap_or_else(|| "no answer yet".to_owned());
        without.map(|target| (target.address.to_string(), why(target))).collect()
    }

    /// How long nothing new has come.
    pub fn quiet(&self) -> Duration {
        self.progress.elapsed()
    }

    /// Whether every address was tried, and every connected peer has said what it has of every log, and shown its head.
    pub fn is_settled(&self) -> bool {
        let tried = self.targets.iter().all(|target| {
            target.banned
                || target.tried.is_some()
                || target.number.is_some_and(|number| self.peers.contains_key(&number))
        });
        let settled = |peer: &Peer| {
            peer.sides.iter().all(|(dk, side)| {
                side.refused
                    || peer.session.sync(dk).is_some_and(|sync| {
                        side.silent || (!side.probing && side.probed == Some((sync.fork, sync.length)))
                    })
            })
        };
        tried && self.peers.values().all(settled)
    }

    /// Whether a peer still has to answer something.
    pub fn is_waiting(&self) -> bool {
        self.peers.values().any(|peer| peer.session.in_flight() > 0)
    }

    /// Waits until something happens, at most until `until`, and deals with it.
    ///
    /// # Errors
    /// When the archive fails.
    pub async fn step(&mut self, until: Instant) -> Result<Vec<Happened>, ArchiveError> {
        let wake = until.min(Instant::now().checked_add(TICK).unwrap_or(until));
        let listener = self.listener.as_ref();
        let accepted = async {
            match listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            signal = self.inbox.recv() => {
                let mut next = signal;
                // What came meanwhile is dealt with together, so that answers are committed together.
                for _ in 0..64 {
                    let Some((number, signal)) = next else { break };
                    self.on_signal(number, signal)?;
                    next = self.inbox.try_recv().ok();
                }
                if let Some((number, signal)) = next {
                    self.on_signal(number, signal)?;
                }
            }
            accepted = accepted => {
                if let Ok((socket, from)) = accepted && self.peers.len() < MAX_PEERS {
                    self.last = self.last.saturating_add(1);
                    self.names.insert(self.last, from.to_string());
                    accept(self.last, socket, self.signals.clone());
                }
            }
            () = tokio::time::sleep_until(wake.into()) => {}
        }
        self.commit(false)?;
        self.tick()?;
        Ok(std::mem::take(&mut self.happened))
    }

    /// Makes everything last that is here.
    ///
    /// # Errors
    /// When the archive fails.
    pub fn commit(&mut self, all: bool) -> Result<(), ArchiveError> {
        let mut more = Vec::new();
        for (dk, replica) in &mut self.replicas {
            more.extend(replica.commit(&mut self.archive, all)?.into_iter().map(|at| (*dk, at)));
        }
        for (dk, at) in more {
            for peer in self.peers.values_mut() {
                match peer.sides.get_mut(&dk) {
                    Some(side) if side.undecided => side.probed = None,
                    Some(side) if side.branch == Some(at) => {}
                    _ => continue,
                }
                let Some(replica) = self.replicas.get(&dk) else { continue };
                probe(peer, replica, millis(self.begun));
                show(peer, replica);
                flush(peer);
            }
        }
        Ok(())
    }

    fn on_signal(&mut self, number: u64, signal: Signal) -> Result<(), ArchiveError> {
        match signal {
            Signal::Up(link) => self.on_up(number, link),
            Signal::Frame(inbound) => {
                let Some(peer) = self.peers.get_mut(&number) else { return Ok(()) };
                if let Err(error) = peer.session.receive(&inbound.frame) {
                    self.end(number, &error.to_string(), true);
                    return Ok(());
                }
                drop(inbound);
                self.on_events(number)?;
            }
            Signal::Room => {}
            Signal::Down(why) => {
                self.end(number, &why, false);
                return Ok(());
            }
        }
        self.serve(number)?;
        self.ask(number);
        Ok(())
    }

    fn on_up(&mut self, number: u64, link: Link) {
        let target = self.targets.iter_mut().find(|target| target.number == Some(number));
        let name = match target {
            Some(target) => {
                target.failures = 0;
                target.address.to_string()
            }
            None => self.names.get(&number).cloned().unwrap_or_default(),
        };
        let mut session = Session::new(link.initiator, link.hash);
        let mut sides = BTreeMap::new();
        for (dk, replica) in &self.replicas {
            session.add(replica.key());
            session.open(dk);
            sides.insert(*dk, Side::default());
        }
        self.happened.push(Happened::Up(name));
        self.progress = Instant::now();
        let peer =
            Peer { link, session, sides, questions: VecDeque::new(), cursor: [0; 32], late: 0, credit: FIRST_CREDIT };
        self.peers.insert(number, peer);
    }

    /// Ends a connection; `hostile`: for good.
    fn end(&mut self, number: u64, why: &str, hostile: bool) {
        let name = self.names.remove(&number);
        let peer = self.peers.remove(&number);
        if let Some(mut session) = peer.map(|peer| peer.session) {
            let mut asked = session.give_up(u64::MAX);
            // Answers that came and were not looked at any more.
            while let Some(event) = session.event() {
                match event {
                    Event::Answer(dk, answered, _) => asked.push((dk, answered)),
                    Event::Closed(dk, lost) => asked.extend(lost.into_iter().map(|lost| (dk, lost))),
                    _ => {}
                }
            }
            for (dk, asked) in asked {
                self.unask(number, &dk, &asked);
            }
        }
        let target = self.targets.iter_mut().find(|target| target.number == Some(number));
        let name = target.as_ref().map(|target| target.address.to_string()).or(name).unwrap_or_default();
        if let Some(target) = target {
            let wait = BACK_OFF.get(target.failures).or(BACK_OFF.last()).copied().unwrap_or_default();
            target.failures = target.failures.saturating_add(1);
            target.number = None;
            target.tried = Some(why.to_owned());
            target.banned |= hostile;
            target.again = Instant::now().checked_add(Duration::from_secs(wait)).unwrap_or(target.again);
        }
        self.happened.push(Happened::Down(name, why.to_owned()));
        // What it was asked, others may have.
        let others: Vec<u64> = self.peers.keys().copied().collect();
        others.into_iter().for_each(|number| self.ask(number));
    }

    fn unask(&mut self, number: u64, dk: &Hash, asked: &Asked) {
        let mut side = self.peers.get_mut(&number).and_then(|peer| peer.sides.get_mut(dk));
        if let Some(side) = side.as_mut().filter(|_| asked.prefix.is_some()) {
            side.probing = false;
        }
        if let Some(block) = asked.block {
            // No other history can have it asked: a side is on one.
            for branch in self.replicas.get_mut(dk).into_iter().flat_map(Replica::branches_mut) {
                if branch.fork() == asked.fork {
                    branch.note_asked(block.index, false);
                }
            }
        }
    }

    fn on_events(&mut self, number: u64) -> Result<(), ArchiveError> {
        loop {
            let Some(peer) = self.peers.get_mut(&number) else { return Ok(()) };
            let Some(event) = peer.session.event() else { return Ok(()) };
            match event {
                Event::Opened(dk) => drop(peer.sides.insert(dk, Side::default())),
                Event::Closed(dk, asked) => {
                    peer.sides.insert(dk, Side { refused: true, ..Side::default() });
                    peer.questions.retain(|(log, _)| *log != dk);
                    for asked in asked {
                        self.unask(number, &dk, &asked);
                    }
                }
                Event::Unknown(_) | Event::Have(_) => {}
                Event::Synced(dk) => {
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
                Event::Cancelled(dk, id) => peer.questions.retain(|(log, asked)| *log != dk || asked.id != id),
                Event::Wanted(dk, _) => {
                    let Some(replica) = self.replicas.get(&dk) else { continue };
                    if peer.session.has_shown(&dk) {
                        tell_range(peer, replica);
                    }
                }
                Event::Answer(dk, asked, data) => {
                    peer.late = 0;
                    peer.credit = peer.credit.saturating_add(1).min(MAX_IN_FLIGHT);
                    self.unask(number, &dk, &asked);
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

    fn on_refusal(&mut self, number: u64, dk: Hash, asked: Asked) {
        let Some(peer) = self.peers.get_mut(&number) else { return };
        if let Some(block) = asked.block {
            peer.session.has_not(&dk, block.index);
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
            let before = replica.branches().iter().map(super::replica::Branch::target).max();
            let standing = replica.meet(&mut self.archive, &shown)?;
            side.undecided = standing == Standing::Undecided;
            side.branch = match standing {
                Standing::On(at) | Standing::New(at, _) => Some(at),
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
        }
        if let (Some(question), Some(block)) = (asked.block, data.block) {
            let side = peer.sides.get(&dk);
            let branch = side.and_then(|side| replica.branch_mut(side.branch?)).filter(|b| b.fork() == asked.fork);
            if let Some(branch) = branch {
                self.progress = Instant::now();
                return branch.take(question, block);
            }
        } else if asked.block.is_some() {
            return Ok(Err(AnswerError::Other));
        }
        Ok(Ok(()))
    }

    /// Asks a peer for blocks, one of each log in turn, and sends what waits.
    fn ask(&mut self, number: u64) {
        let Some(peer) = self.peers.get_mut(&number) else { return };
        let at = millis(self.begun);
        loop {
            let mut any = false;
            let around = (Bound::Excluded(peer.cursor), Bound::Unbounded);
            let logs = peer.sides.range(around).chain(peer.sides.range(..=peer.cursor));
            let logs: Vec<(Hash, usize)> =
                logs.filter_map(|(dk, side)| Some((*dk, side.branch.filter(|_| !side.undecided)?))).collect();
            for (dk, branch) in logs {
                if peer.session.in_flight() >= peer.credit {
                    break;
                }
                let branch = self.replicas.get_mut(&dk).and_then(|replica| replica.branch_mut(branch));
                let (Some(branch), Some(sync)) = (branch, peer.session.sync(&dk)) else { continue };
                if sync.fork != branch.fork() || branch.is_complete() {
                    continue;
                }
                let Some(block) = branch.want(sync.length, |block| peer.session.has(&dk, block)) else { continue };
                let asked = Asked { fork: sync.fork, block: Some(block), at, ..Asked::default() };
                if peer.session.ask(&dk, asked) {
                    branch.note_asked(block.index, true);
                    peer.cursor = dk;
                    any = true;
                }
            }
            if !any {
                break;
            }
        }
        flush(peer);
    }

    /// Answers what a peer asks, as long as it takes the answers.
    fn serve(&mut self, number: u64) -> Result<(), ArchiveError> {
        let Some(peer) = self.peers.get_mut(&number) else { return Ok(()) };
        while peer.session.waiting() < MAX_ANSWERS {
            let Some((dk, request)) = peer.questions.pop_front() else { break };
            let side = peer.sides.get(&dk).filter(|_| peer.session.has_shown(&dk));
            let replica = self.replicas.get(&dk);
            let branch = side.and_then(|side| replica?.branch(side.branch?));
            let data = branch.and_then(|branch| answer(branch.log(), branch.served()?, &request));
            if let Some(error) = branch.and_then(super::replica::Branch::take_error) {
                return Err(error);
            }
            let message = data.map_or(Message::NoData(request.id, 1), Message::Data);
            peer.session.tell(&dk, &message);
        }
        flush(peer);
        Ok(())
    }

    fn tick(&mut self) -> Result<(), ArchiveError> {
        let late = millis(self.begun).saturating_sub(u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX));
        let numbers: Vec<u64> = self.peers.keys().copied().collect();
        for number in numbers {
            let Some(peer) = self.peers.get_mut(&number) else { continue };
            let given_up = peer.session.give_up(late);
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
            let all: Vec<u64> = self.peers.keys().copied().collect();
            all.into_iter().for_each(|number| self.ask(number));
        }
        self.redial();
        Ok(())
    }

    fn redial(&mut self) {
        let now = Instant::now();
        for target in &mut self.targets {
            if target.number.is_none() && !target.banned && target.again <= now {
                self.last = self.last.saturating_add(1);
                target.number = Some(self.last);
                dial(self.last, &target.address, self.signals.clone());
            }
        }
    }
}

/// Asks a peer for its head, if it has said something new.
fn probe(peer: &mut Peer, replica: &Replica, at: u64) {
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
    }
}

/// Shows a peer the history that it is on, once it has shown its own.
fn show(peer: &mut Peer, replica: &Replica) {
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

fn tell_range(peer: &mut Peer, replica: &Replica) {
    let Some(side) = peer.sides.get_mut(replica.dk()) else { return };
    let branch = side.branch.and_then(|at| replica.branch(at));
    if let Some(head) = branch.and_then(|branch| branch.served()) {
        side.told = head.length();
        let span = Span { start: 0, length: head.length() };
        peer.session.tell(replica.dk(), &Message::Range(span, false));
    }
}

fn flush(peer: &mut Peer) {
    while peer.link.has_room() {
        let Some(frame) = peer.session.frame() else { return };
        peer.link.send(frame);
    }
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

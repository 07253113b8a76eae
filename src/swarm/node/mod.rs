//! All peers and all logs: who is asked for what, who is shown what.
//!
//! One owner for everything, driven by one channel: connections only carry frames. For each peer and log:
//!
//! 1. **Probe first.** When the peer has said how long its log is, it is asked for its signed head. Before that is answered and
//!    stored it sees nothing of ours and is answered nothing: an honest peer that meets another history of its log freezes, and
//!    the evidence would be lost.
//! 2. Its head says which of our histories it is on. It is shown that history's state and no other, and asked for its blocks.
//! 3. Whatever it says anew about its length is probed again, and so is, from time to time, what it said before.
//!
//! A peer whose proof does not hold is dropped, and not dialled again for a day (`bans.rs`).
//!
//! Work is in proportion to what happens, not to what is followed: `grown` are logs with blocks that may have to be committed,
//! `lacking` those with heads whose blocks are not all here, `stirred` peers that may be asked for more, and each peer has the
//! logs about which it may be asked.

mod bans;
mod orders;
mod patience;
mod peer;
mod probes;
mod search;
mod traffic;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

use super::discovery::Swarm;
use super::discovery::schedule::Verdict;
use tokio::net::TcpListener;

use super::replica::Replica;
use super::session::{Event, Session};
use super::transport::{Address, Inbox, Link, Signal, Signals, accept, dial};
use crate::archive::{Archive, ArchiveError, is_archive};
use crate::database::ack::to_hex;
use crate::hypercore::{Hash, Key};
use bans::Bans;
pub use patience::PATIENCE;
use peer::{Peer, Side, flush, probe, show};
use probes::Probes;
pub use probes::{PROBE_AGAIN, PROBES};

/// Questions that a new peer is trusted with; each answer earns one more, a late one halves them.
const FIRST_CREDIT: usize = 16;
/// Connections.
pub const MAX_PEERS: usize = 256;
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

#[derive(Debug)]
struct Target {
    address: Address,
    number: Option<u64>,
    failures: usize,
    again: Instant,
    tried: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub struct Node {
    archive: Archive,
    bans: Bans,
    replicas: BTreeMap<Hash, Replica>,
    peers: BTreeMap<u64, Peer>,
    targets: Vec<Target>,
    names: BTreeMap<u64, String>,
    last: u64,
    swarm: Option<Swarm>,
    // Topics that are announced once there is something to serve, and when that was last looked at.
    indexes: Vec<Hash>,
    announces: bool,
    looked: Instant,
    looked_up_to: Hash,
    grown: BTreeSet<Hash>,
    lacking: BTreeSet<Hash>,
    // Logs of which no blocks are asked for.
    paused: BTreeSet<Hash>,
    stirred: BTreeSet<u64>,
    ticked: Instant,
    lenient: Instant,
    patience: Duration,
    signals: Signals,
    inbox: Inbox,
    listener: Option<TcpListener>,
    begun: Instant,
    progress: Instant,
    probes: Probes,
    happened: Vec<Happened>,
}

impl Node {
    /// Opens or makes the archive at `dir`.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(dir: &Path) -> Result<Node, ArchiveError> {
        let archive = if is_archive(dir) { Archive::open(dir)? } else { Archive::create(dir)? };
        let (signals, inbox) = Signals::channel();
        let now = Instant::now();
        Ok(Node {
            archive,
            bans: Bans::open(dir, bans::now()),
            replicas: BTreeMap::new(),
            peers: BTreeMap::new(),
            targets: Vec::new(),
            names: BTreeMap::new(),
            last: 0,
            swarm: None,
            indexes: Vec::new(),
            announces: false,
            looked: now,
            looked_up_to: [0; 32],
            grown: BTreeSet::new(),
            lacking: BTreeSet::new(),
            paused: BTreeSet::new(),
            stirred: BTreeSet::new(),
            ticked: now,
            lenient: now,
            patience: PATIENCE,
            signals,
            inbox,
            listener: None,
            begun: now,
            progress: now,
            probes: Probes::default(),
            happened: Vec::new(),
        })
    }

    /// Adds an address to be kept connected.
    pub fn dial(&mut self, address: Address) {
        let again = Instant::now();
        let banned = self.bans.has(&address.to_string());
        let tried = banned.then(|| "it is banned: it sent what does not hold within the last day".to_owned());
        self.targets.push(Target { address, number: None, failures: 0, again, tried });
        self.redial();
    }

    /// Takes connections from now on.
    pub fn listen(&mut self, listener: TcpListener) {
        self.listener = Some(listener);
    }

    /// Follows a log: opens it with every peer. Again, it is only paused no more.
    ///
    /// # Errors
    /// When the archive fails.
    pub fn follow(&mut self, key: &Key) -> Result<(), ArchiveError> {
        let dk = crate::hypercore::discovery_key(key);
        if self.replicas.contains_key(&dk) {
            self.pause(key, false);
            return Ok(());
        }
        let replica = Replica::open(&mut self.archive, key)?;
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
        let tried = without.map(|target| (target.address.to_string(), why(target)));
        tried.chain(self.swarm.iter().flat_map(Swarm::tried)).collect()
    }

    /// How long nothing new has come.
    pub fn quiet(&self) -> Duration {
        self.progress.elapsed()
    }

    /// Whether every address was tried, and every connected peer has said what it has of every log, and shown its head, of which it can be
    /// said where it belongs.
    pub fn is_settled(&self) -> bool {
        let tried = self.targets.iter().all(|target| {
            target.tried.is_some() || target.number.is_some_and(|number| self.peers.contains_key(&number))
        });
        let settled = |peer: &Peer| {
            peer.sides.iter().all(|(dk, side)| {
                side.refused
                    || peer.session.sync(dk).is_some_and(|sync| {
                        let told = !side.probing && side.probed == Some((sync.fork, sync.length));
                        side.silent || (told && side.undecided.is_none())
                    })
            })
        };
        tried && self.swarm.as_ref().is_none_or(Swarm::is_settled) && self.peers.values().all(settled)
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
        let swarm = self.swarm.as_mut();
        let found = async {
            match swarm {
                Some(swarm) => swarm.wait().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = found => {}
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
        let grown = std::mem::take(&mut self.grown);
        let due: Vec<Hash> = if all { self.replicas.keys().copied().collect() } else { grown.into_iter().collect() };
        let mut more = Vec::new();
        for dk in due {
            let Some(replica) = self.replicas.get_mut(&dk) else { continue };
            more.extend(replica.commit(&mut self.archive, all)?.into_iter().map(|at| (dk, at)));
            for head in replica.settle()? {
                self.happened.push(Happened::Split(*replica.key(), head.fork(), head.length()));
            }
        }
        for (dk, at) in more {
            for peer in self.peers.values_mut() {
                match peer.sides.get_mut(&dk) {
                    // One that has nothing yet, and was met when there was nothing here either, says nothing by itself.
                    Some(side) if side.undecided.is_some() || side.is_empty() => side.probed = None,
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
                peer.held.push_back(inbound);
            }
            Signal::Room => {}
            Signal::Down(why) => {
                self.end(number, &why, false);
                return Ok(());
            }
        }
        // Whoever is not listened to has not read what waits for it, and is heard again once it has.
        while self.hear(number)? {}
        self.ask(number);
        Ok(())
    }

    /// Deals with one frame of a peer's, unless it should read first; whether there may be more.
    fn hear(&mut self, number: u64) -> Result<bool, ArchiveError> {
        let Some(peer) = self.peers.get_mut(&number) else { return Ok(false) };
        flush(peer);
        let inbound = if peer.is_heard() { peer.held.pop_front() } else { None };
        let heard = inbound.is_some();
        if let Some(inbound) = inbound {
            if let Err(error) = peer.session.receive(&inbound.frame) {
                self.end(number, &error.to_string(), true);
                return Ok(false);
            }
            drop(inbound);
            self.on_events(number)?;
        }
        self.serve(number)?;
        Ok(heard)
    }

    /// Has peers asked that may have something of a log, since there is something new to be asked.
    fn stir(&mut self, dk: &Hash) {
        for (number, peer) in &mut self.peers {
            if peer.sides.get(dk).is_some_and(|side| side.branch.is_some()) {
                peer.active.insert(*dk);
                self.stirred.insert(*number);
            }
        }
    }

    fn on_up(&mut self, number: u64, link: Link) {
        match self.swarm.as_mut().and_then(|swarm| swarm.up(number, &link)) {
            Some(Verdict::Refuse) => return,
            Some(Verdict::Instead(older)) => self.end(older, "it dialled again", false),
            Some(Verdict::Keep) | None => {}
        }
        let target = self.targets.iter_mut().find(|target| target.number == Some(number));
        let name = match target {
            Some(target) => {
                target.failures = 0;
                target.address.to_string()
            }
            None => self.name(number).unwrap_or_default(),
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
        let peer = Peer {
            link,
            session,
            sides,
            unprobed: BTreeSet::new(),
            questions: VecDeque::new(),
            held: VecDeque::new(),
            active: BTreeSet::new(),
            cursor: [0; 32],
            late: 0,
            credit: FIRST_CREDIT,
            passed_over: BTreeSet::new(),
            since: VecDeque::new(),
        };
        self.peers.insert(number, peer);
    }

    fn name(&self, number: u64) -> Option<String> {
        self.names.get(&number).cloned().or_else(|| self.swarm.as_ref()?.name(number))
    }

    /// Ends a connection; `hostile`: and bans the peer.
    fn end(&mut self, number: u64, why: &str, hostile: bool) {
        let name = self.name(number);
        if hostile {
            // Whoever has dialled us has no address that would tell it from others.
            let target = self.targets.iter().find(|target| target.number == Some(number));
            let key = self.swarm.as_ref().and_then(|swarm| swarm.key(number)).map(|key| to_hex(key));
            if let Some(lasting) = target.map(|target| target.address.to_string()).or(key) {
                self.bans.add(&lasting, bans::now());
            }
        }
        self.names.remove(&number);
        if let Some(swarm) = &mut self.swarm {
            swarm.ended(number, why, hostile);
        }
        let peer = self.peers.remove(&number);
        if let Some(mut session) = peer.map(|peer| peer.session) {
            let mut asked = session.give_up(|_, _| true);
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
        // One of which nothing is known was ended before.
        let Some(name) = target.as_ref().map(|target| target.address.to_string()).or(name) else { return };
        if let Some(target) = target {
            let wait = BACK_OFF.get(target.failures).or(BACK_OFF.last()).copied().unwrap_or_default();
            target.failures = target.failures.saturating_add(1);
            target.number = None;
            target.tried = Some(why.to_owned());
            target.again = Instant::now().checked_add(Duration::from_secs(wait)).unwrap_or(target.again);
        }
        self.happened.push(Happened::Down(name, why.to_owned()));
    }

    fn redial(&mut self) {
        let now = Instant::now();
        for target in &mut self.targets {
            if target.number.is_none() && target.again <= now && !self.bans.has(&target.address.to_string()) {
                self.last = self.last.saturating_add(1);
                target.number = Some(self.last);
                dial(self.last, &target.address, self.signals.clone());
            }
        }
    }
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

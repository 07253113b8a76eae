//! One connection to one peer, over which many logs are replicated. Pure: frames in, events and frames out; time is a number.
//!
//! The session knows the protocol and nothing of what is signed: which channel belongs to which log, what the peer says it
//! has, what it was asked. It does not decide what to show: whoever holds it sends a `sync` when the peer may see one.
//!
//! Invariants
//! - A log is named to a peer only by discovery key, and only to one that has shown by its capability that it knows the key
//!   is anything else said or believed.
//! - Nothing beyond the announced length is asked for (a peer of version 11 would drop the connection).
//! - A frame makes at most [`MAX_MESSAGES`] messages wait; whoever holds the session takes no frame while it
//!   [is crowded](Session::is_crowded), so that a peer which asks without reading costs no more than that.
//! - At most [`MAX_IN_FLIGHT`] requests are open; ids begin at 1, and no data is ever sent with request 0 (a version 11
//!   writer that is pushed a conflict freezes its own log).
//!
//! Format: `docs/network.md`.

mod runs;

pub use runs::{MAX_RUNS, Runs};

use std::collections::{BTreeMap, VecDeque};

use super::wire::WireError;
use super::wire::frames::{Frame, Frames, Outbox};
use super::wire::messages::{Data, Handshake, Message, Request, RequestNode, Span, Sync};
use crate::hypercore::hash::blake2b;
use crate::hypercore::{Hash, Key, MAX_LENGTH, discovery_key};

/// The protocol's name in Protomux.
const PROTOCOL: &[u8] = b"hypercore/alpha";
/// Requests that wait for an answer.
pub const MAX_IN_FLIGHT: usize = 64;
/// Channels that a peer has open, and channels that we open on one connection in its life.
pub const MAX_CHANNELS: usize = 16_384;

/// Runs of all logs of a peer: of a log that goes beyond, the peer counts as having nothing.
const MAX_ALL_RUNS: usize = 16 * MAX_RUNS;
/// Messages in a frame, whether they are understood or not.
pub const MAX_MESSAGES: usize = 65_536;
/// Messages to a peer that wait; while there are more, it should not be listened to: what it says may need an answer.
const MAX_CROWD: usize = 8_192;

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// A message cannot be read.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// The peer does not know the key of a log that it opened.
    #[error("a channel was opened without the log's key")]
    Capability,
    /// A channel number that is in use, or too many of them.
    #[error("a channel number is in use, or there are too many channels")]
    Channel,
    /// An answer on another log's channel.
    #[error("an answer came on another log's channel")]
    Misplaced,
    /// A frame with more messages than any honest peer sends.
    #[error("a frame holds too many messages")]
    Flood,
}

/// A question that a peer was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Of which fork.
    pub fork: u64,
    /// A block, and how many levels above it are to be proven.
    pub block: Option<RequestNode>,
    /// The signed head and the full roots at this length.
    pub prefix: Option<u64>,
    /// The manifest, too.
    pub manifest: bool,
    /// When, in milliseconds.
    pub at: u64,
}

/// What happened; the hash is the log's discovery key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Both sides have the log open.
    Opened(Hash),
    /// The peer does not want or no longer wants the log; what it was asked is not answered.
    Closed(Hash, Vec<Asked>),
    /// The peer opened a log that was not added; it was rejected.
    Unknown(Hash),
    /// The peer said something new of its log.
    Synced(Hash),
    /// The peer has other blocks than before.
    Have(Hash),
    /// An answer, in full or (`None`) a refusal.
    Answer(Hash, Asked, Option<Box<Data>>),
    /// The peer asks something.
    Question(Hash, Request),
    /// The peer no longer needs an answer.
    Cancelled(Hash, u64),
    /// The peer wants to know which of these blocks are here.
    Wanted(Hash, Span),
}

#[derive(Debug, Default)]
struct Log {
    key: Key,
    // Our channel, and the peer's.
    local: Option<u64>,
    remote: Option<u64>,
    sync: Option<Sync>,
    have: Runs,
    sent: Option<Sync>,
}

/// A connection's state.
#[derive(Debug)]
pub struct Session {
    initiator: bool,
    hash: [u8; 64],
    logs: BTreeMap<Hash, Log>,
    remote: BTreeMap<u64, Hash>,
    local: BTreeMap<u64, Hash>,
    opened: u64,
    asked: BTreeMap<u64, (Hash, Asked)>,
    last_id: u64,
    outbox: Outbox,
    events: VecDeque<Event>,
    runs: usize,
}

impl Session {
    /// A new connection, with the hash of its Noise handshake; `initiator`: we dialled.
    pub fn new(initiator: bool, hash: [u8; 64]) -> Session {
        Session {
            initiator,
            hash,
            logs: BTreeMap::new(),
            remote: BTreeMap::new(),
            local: BTreeMap::new(),
            opened: 0,
            asked: BTreeMap::new(),
            last_id: 0,
            outbox: Outbox::default(),
            events: VecDeque::new(),
            runs: 0,
        }
    }

    /// Adds a log; the peer may open it from now on.
    pub fn add(&mut self, key: &Key) {
        let log = self.logs.entry(discovery_key(key)).or_default();
        log.key = *key;
    }

    /// Opens an added log, unless it is open.
    pub fn open(&mut self, dk: &Hash) {
        let capability = |log: &Log| capability(self.initiator, &log.key, &self.hash);
        let Some(log) = self.logs.get_mut(dk).filter(|log| log.local.is_none()) else { return };
        if self.opened >= MAX_CHANNELS as u64 {
            return;
        }
        // Never reused: JavaScript lets numbers grow by one.
        self.opened = self.opened.saturating_add(1);
        log.local = Some(self.opened);
        let handshake = Handshake { seeks: false, capability: capability(log) };
        self.local.insert(self.opened, *dk);
        self.outbox.open(self.opened, PROTOCOL, dk, &handshake.encode());
    }

    /// Whether both sides have the log open.
    pub fn is_open(&self, dk: &Hash) -> bool {
        self.channel(dk).is_some()
    }

    /// Whether we opened the log and have no answer yet.
    pub fn is_opening(&self, dk: &Hash) -> bool {
        self.logs.get(dk).is_some_and(|log| log.local.is_some() && log.remote.is_none())
    }

    /// What the peer last said of its log.
    pub fn sync(&self, dk: &Hash) -> Option<Sync> {
        self.logs.get(dk)?.sync
    }

    /// Whether the peer says that it has a block.
    pub fn has(&self, dk: &Hash, block: u64) -> bool {
        self.logs.get(dk).is_some_and(|log| {
            log.have.contains(block) && log.sync.is_some_and(|sync| sync.uploading && block < sync.length)
        })
    }

    /// Requests that wait for an answer.
    pub fn in_flight(&self) -> usize {
        self.asked.len()
    }

    /// Asks, unless too much is asked already or the peer has announced less; returns whether it did.
    pub fn ask(&mut self, dk: &Hash, asked: Asked) -> bool {
        let (Some(channel), Some(sync)) = (self.channel(dk), self.sync(dk)) else { return false };
        let beyond = asked.block.is_some_and(|block| block.index >= sync.length)
            || asked.prefix.is_some_and(|prefix| prefix == 0 || prefix > sync.length);
        if self.asked.len() >= MAX_IN_FLIGHT || beyond || asked.fork != sync.fork {
            return false;
        }
        self.last_id = self.last_id % u64::from(u32::MAX) + 1;
        let Asked { fork, block, manifest, .. } = asked;
        let upgrade = asked.prefix.map(|prefix| (0, prefix));
        self.asked.insert(self.last_id, (*dk, asked));
        let request = Request { id: self.last_id, fork, block, upgrade, manifest, ..Request::default() };
        self.send(channel, &Message::Request(request));
        true
    }

    /// Whether the peer has been asked for a block and has not answered.
    pub fn is_asked(&self, dk: &Hash, block: u64) -> bool {
        let is_it = |asked: &Asked| asked.block.is_some_and(|asked| asked.index == block);
        self.asked.values().any(|(log, asked)| log == dk && is_it(asked))
    }

    /// What was asked before `at` (milliseconds) and is not answered.
    pub fn late(&self, at: u64) -> impl Iterator<Item = (Hash, Asked)> {
        self.asked.values().copied().filter(move |(_, asked)| asked.at < at)
    }

    /// Gives up what was asked and is one of these, and returns it.
    pub fn give_up(&mut self, is_one: impl Fn(&Hash, &Asked) -> bool) -> Vec<(Hash, Asked)> {
        let these = self.asked.iter().filter(|(_, (dk, asked))| is_one(dk, asked));
        let these: Vec<u64> = these.map(|(id, _)| *id).collect();
        let mut given_up = Vec::new();
        for id in these {
            let Some((dk, asked)) = self.asked.remove(&id) else { continue };
            if let Some(channel) = self.channel(&dk) {
                self.send(channel, &Message::Cancel(id));
            }
            given_up.push((dk, asked));
        }
        given_up
    }

    /// Shows our state of a log, if it is not what the peer was last shown.
    pub fn show(&mut self, dk: &Hash, sync: Sync) {
        let Some(channel) = self.channel(dk) else { return };
        let Some(log) = self.logs.get_mut(dk) else { return };
        if log.sent.replace(sync) != Some(sync) {
            self.send(channel, &Message::Sync(sync));
        }
    }

    /// Whether our state of a log was shown.
    pub fn has_shown(&self, dk: &Hash) -> bool {
        self.logs.get(dk).is_some_and(|log| log.sent.is_some())
    }

    /// Sends anything else on a log's channel. Data with request 0 is not sent.
    pub fn tell(&mut self, dk: &Hash, message: &Message) {
        if matches!(message, Message::Data(data) if data.is_push()) {
            return;
        }
        if let Some(channel) = self.channel(dk) {
            self.send(channel, message);
        }
    }

    /// The next event.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next frame to send.
    pub fn frame(&mut self) -> Option<Vec<u8>> {
        self.outbox.frame()
    }

    /// Bytes that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.outbox.bytes()
    }

    /// Whether so much waits to be sent that the peer should not be listened to. It is, once it has read.
    pub fn is_crowded(&self) -> bool {
        self.outbox.messages() >= MAX_CROWD
    }

    /// Takes a decrypted frame.
    ///
    /// # Errors
    /// The connection must be ended.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        for (count, frame) in Frames::new(bytes).enumerate() {
            if count >= MAX_MESSAGES || self.events.len() >= MAX_MESSAGES {
                return Err(SessionError::Flood);
            }
            match frame? {
                Frame::Open { channel, protocol, id, handshake } => {
                    self.on_open(channel, protocol, id, handshake)?;
                }
                Frame::Reject { channel } => {
                    if let Some(dk) = self.local.get(&channel).copied() {
                        self.closed(&dk);
                    }
                }
                Frame::Close { channel } => {
                    if let Some(dk) = self.remote.get(&channel).copied() {
                        self.closed(&dk);
                    }
                }
                // What comes on a closed channel was under way.
                Frame::Message { channel, kind, body } => {
                    if let Some(dk) = self.remote.get(&channel).copied()
                        && let Some(message) = Message::decode(kind, body)?
                    {
                        self.on_message(dk, message)?;
                    }
                }
                Frame::Unknown => {}
            }
        }
        Ok(())
    }

    fn on_open(&mut self, channel: u64, protocol: &[u8], id: &[u8], handshake: &[u8]) -> Result<(), SessionError> {
        if channel == 0 || self.remote.contains_key(&channel) || self.remote.len() >= MAX_CHANNELS {
            return Err(SessionError::Channel);
        }
        let dk: Option<Hash> = id.try_into().ok();
        let known = dk.filter(|dk| self.logs.get(dk).is_some_and(|log| log.remote.is_none()));
        let Some(dk) = known.filter(|_| protocol == PROTOCOL) else {
            self.outbox.reject(channel);
            if let Some(dk) = dk.filter(|dk| !self.logs.contains_key(dk)) {
                self.events.push_back(Event::Unknown(dk));
            }
            return Ok(());
        };
        let handshake = Handshake::decode(handshake)?;
        let (initiator, hash) = (self.initiator, self.hash);
        let Some(log) = self.logs.get_mut(&dk) else { return Ok(()) };
        if handshake.capability != capability(!initiator, &log.key, &hash) {
            return Err(SessionError::Capability);
        }
        log.remote = Some(channel);
        self.remote.insert(channel, dk);
        self.open(&dk);
        if self.is_open(&dk) {
            self.events.push_back(Event::Opened(dk));
        }
        Ok(())
    }

    fn on_message(&mut self, dk: Hash, message: Message) -> Result<(), SessionError> {
        let Some(log) = self.logs.get_mut(&dk) else { return Ok(()) };
        match message {
            Message::Sync(sync) => {
                if sync.length >= MAX_LENGTH {
                    return Err(WireError::Range.into());
                }
                // After a truncation the peer says itself which blocks are gone.
                log.sync = Some(sync);
                self.events.push_back(Event::Synced(dk));
            }
            Message::Range(Span { start, length }, drop) => {
                let end = start.saturating_add(length);
                let change = |have: &mut Runs| if drop { have.remove(start, end) } else { have.insert(start, end) };
                self.have(dk, change);
            }
            Message::Bitfield(start, words) => self.have(dk, |have| have.set_words(start, &words)),
            Message::Data(data) => {
                if let Some(asked) = self.answered(&dk, data.request)? {
                    self.events.push_back(Event::Answer(dk, asked, Some(Box::new(data))));
                }
            }
            Message::NoData(request, _) => {
                if let Some(asked) = self.answered(&dk, request)? {
                    self.events.push_back(Event::Answer(dk, asked, None));
                }
            }
            Message::Request(request) => self.events.push_back(Event::Question(dk, request)),
            Message::Cancel(request) => self.events.push_back(Event::Cancelled(dk, request)),
            Message::Want(span, _) => self.events.push_back(Event::Wanted(dk, span)),
            Message::Unwant(..) | Message::Extension(..) => {}
        }
        Ok(())
    }

    fn have(&mut self, dk: Hash, change: impl FnOnce(&mut Runs)) {
        let Some(log) = self.logs.get_mut(&dk) else { return };
        let others = self.runs.saturating_sub(log.have.len());
        change(&mut log.have);
        if others.saturating_add(log.have.len()) > MAX_ALL_RUNS {
            log.have.clear();
        }
        self.runs = others.saturating_add(log.have.len());
        self.events.push_back(Event::Have(dk));
    }

    /// What was asked; `None` for a push and for what was given up.
    fn answered(&mut self, dk: &Hash, request: u64) -> Result<Option<Asked>, SessionError> {
        match self.asked.remove(&request) {
            Some((log, asked)) if log == *dk => Ok(Some(asked)),
            Some(_) => Err(SessionError::Misplaced),
            None => Ok(None),
        }
    }

    fn closed(&mut self, dk: &Hash) {
        let Some(log) = self.logs.get_mut(dk) else { return };
        if let Some(channel) = log.local.take() {
            self.local.remove(&channel);
        }
        if let Some(channel) = log.remote.take() {
            self.remote.remove(&channel);
        }
        (log.sync, log.sent) = (None, None);
        self.runs = self.runs.saturating_sub(log.have.len());
        log.have.clear();
        let lost: Vec<u64> = self.asked.iter().filter(|(_, (log, _))| log == dk).map(|(id, _)| *id).collect();
        let lost = lost.iter().filter_map(|id| Some(self.asked.remove(id)?.1)).collect();
        self.events.push_back(Event::Closed(*dk, lost));
    }

    /// Our channel of a log that both sides have open.
    fn channel(&self, dk: &Hash) -> Option<u64> {
        let log = self.logs.get(dk)?;
        log.remote.and(log.local)
    }

    fn send(&mut self, channel: u64, message: &Message) {
        self.outbox.message(channel, message.kind(), &message.encode());
    }
}

/// Shows on this connection that one side knows a key: BLAKE2b-256 of namespace and key, keyed with the handshake's hash.
fn capability(initiator: bool, key: &Key, handshake: &[u8; 64]) -> Hash {
    use blake2::Blake2bMac;
    use blake2::digest::{FixedOutput, Mac, consts::U32};
    // Hypercore's second and third namespace.
    let namespace = blake2b(&[&blake2b(&[b"hypercore"]), &[if initiator { 1 } else { 2 }]]);
    // A key of 64 bytes is always accepted; without the fallback there would be a panic to explain.
    Blake2bMac::<U32>::new_from_slice(handshake)
        .map_or([0; 32], |mac| mac.chain_update(namespace).chain_update(key).finalize_fixed().into())
}

#[cfg(test)]
mod tests;

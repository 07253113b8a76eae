//! Who is dialled, what is looked up and announced, and when.
//!
//! Pure: time is milliseconds that somebody else counts, chance is a seed. The shell asks [`Schedule::due`] for [`Order`]s and
//! tells what became of them. Invariants, each a property in `tests.rs`:
//!
//! - never more than [`MAX_DIALS`] dials, [`MAX_QUERIES`] queries and [`MAX_LINKS`] connections at once; starts are rationed;
//! - nobody is dialled who is connected, being dialled, banned, or is ourselves;
//! - whoever is known and not banned is dialled again and again, at the latest after [`SLOWEST`];
//! - fresh records go before failed ones, and among equals chance decides: dead records, however many, delay a live one but
//!   never keep it waiting for good;
//! - two connections with one peer become one, on both sides the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use super::ration::{Chance, Ration};
use crate::hypercore::Hash;

/// Milliseconds since some beginning.
pub type Millis = u64;
/// A peer's public key on the DHT.
pub type PeerKey = [u8; 32];

/// Dials under way.
pub const MAX_DIALS: usize = 16;
/// Lookups and announcements under way.
pub const MAX_QUERIES: usize = 4;
/// Connections through the DHT.
pub const MAX_LINKS: usize = 128;
/// Records that are kept; then the one unheard of for longest makes room.
pub const MAX_KNOWN: usize = 4_096;
/// Records taken from one lookup.
pub const MAX_FOUND: usize = 256;
/// Nodes through which a peer is dialled.
pub const MAX_RELAYS: usize = 3;
/// Topics; further ones are not looked up.
pub const MAX_TOPICS: usize = 65_536;
/// How long a connection that the other side dialled loses against ours, both being new.
const CROSSING: Millis = 5_000;
/// First wait after a failed dial; then doubled.
const BACK_OFF: Millis = 1_000;
/// Longest wait before a peer that was connected within the last [`RECENT`] is dialled again.
const SLOW: Millis = 16_000;
/// How long a lost peer is missed.
const RECENT: Millis = 600_000;
/// Longest wait before any peer is dialled again.
pub const SLOWEST: Millis = 600_000;
/// How often a topic is looked up while some peer of it is connected, and announced.
pub const REFRESH: Millis = 600_000;
/// First wait before a topic without a peer is looked up again; then doubled, up to [`REFRESH`].
const ALONE: Millis = 5_000;

/// What the shell is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask who has announced a topic; then [`Schedule::looked_up`].
    LookUp(Hash),
    /// Announce that we serve a topic; then [`Schedule::announced`].
    Announce(Hash),
    /// Take an announcement back; then [`Schedule::announced`].
    Unannounce(Hash),
    /// Dial a peer, through these nodes first; then [`Schedule::up`] or [`Schedule::ended`].
    Dial(PeerKey, Vec<SocketAddrV4>),
}

/// What to do with a connection that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Keep it.
    Keep,
    /// Keep it, and end this older one with the same peer.
    Instead(u64),
    /// End it.
    Refuse,
}

#[derive(Debug, Default)]
struct Topic {
    sought: bool,
    served: bool,
    announced: bool,
    // A query about it is under way.
    busy: bool,
    lookups: u32,
    failed: u32,
    look: Millis,
    announce: Millis,
    peers: BTreeSet<PeerKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Away,
    Dialling(u64),
    Up { number: u64, ours: bool, since: Millis },
}

#[derive(Debug)]
struct Record {
    relays: Vec<SocketAddrV4>,
    state: State,
    failures: u32,
    again: Millis,
    rank: u64,
    seen: Millis,
    lost: Option<Millis>,
    why: Option<String>,
    // A lookup named it; others have dialled us, and may not be reachable.
    found: bool,
    banned: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Schedule {
    me: PeerKey,
    chance: Chance,
    topics: BTreeMap<Hash, Topic>,
    records: BTreeMap<PeerKey, Record>,
    numbers: BTreeMap<u64, PeerKey>,
    last: u64,
    // Dials under way, even those that another connection has overtaken.
    dialling: BTreeSet<u64>,
    queries: usize,
    dials: Ration,
    asks: Ration,
}

impl Schedule {
    /// Of a node with this public key. Connections get numbers from `first`.
    pub fn new(me: PeerKey, first: u64, seed: u64) -> Schedule {
        Schedule {
            me,
            chance: Chance(seed),
            topics: BTreeMap::new(),
            records: BTreeMap::new(),
            numbers: BTreeMap::new(),
            last: first,
            dialling: BTreeSet::new(),
            queries: 0,
            // Twenty dials and five queries a second in the long run.
            dials: Ration::new(MAX_DIALS, 50),
            asks: Ration::new(MAX_QUERIES, 200),
        }
    }

    /// Looks a topic up, from now on.
    pub fn seek(&mut self, topic: &Hash, now: Millis) {
        if let Some(topic) = self.topic(topic)
            && !topic.sought
        {
            (topic.sought, topic.look) = (true, now);
        }
    }

    /// Announces a topic from now on, or takes the announcement back.
    pub fn serve(&mut self, topic: &Hash, served: bool, now: Millis) {
        if !served && !self.topics.contains_key(topic) {
            return;
        }
        if let Some(topic) = self.topic(topic)
            && topic.served != served
        {
            (topic.served, topic.announce) = (served, now);
        }
    }

    /// Topics that are announced, as far as is known.
    pub fn announcements(&self) -> impl Iterator<Item = &Hash> {
        self.topics.iter().filter(|(_, topic)| topic.announced || topic.served).map(|(hash, _)| hash)
    }

    /// Whether a topic's announcement stands.
    pub fn is_announced(&self, topic: &Hash) -> bool {
        self.topics.get(topic).is_some_and(|topic| topic.announced)
    }

    fn topic(&mut self, topic: &Hash) -> Option<&mut Topic> {
        if self.topics.len() >= MAX_TOPICS && !self.topics.contains_key(topic) {
            return None;
        }
        Some(self.topics.entry(*topic).or_default())
    }

    /// What is to be done now; each order is given once. Numbers of dials come with them.
    pub fn due(&mut self, now: Millis) -> Vec<(u64, Order)> {
        let mut orders = Vec::new();
        self.ask(now, &mut orders);
        self.dial(now, &mut orders);
        orders
    }

    fn ask(&mut self, now: Millis, orders: &mut Vec<(u64, Order)>) {
        let free = MAX_QUERIES.saturating_sub(self.queries);
        if free == 0 {
            return;
        }
        let mut due: Vec<(Millis, Order)> = Vec::new();
        for (hash, topic) in self.topics.iter().filter(|(_, topic)| !topic.busy) {
            if topic.announced && !topic.served {
                due.push((topic.announce, Order::Unannounce(*hash)));
            } else if topic.served && topic.announce <= now {
                due.push((topic.announce, Order::Announce(*hash)));
            } else if topic.sought && topic.look <= now {
                due.push((topic.look, Order::LookUp(*hash)));
            }
        }
        due.sort_by_key(|(since, _)| *since);
        for (_, order) in due.into_iter().take(free) {
            if !self.asks.take(now) {
                return;
            }
            if let Order::LookUp(hash) | Order::Announce(hash) | Order::Unannounce(hash) = &order
                && let Some(topic) = self.topics.get_mut(hash)
            {
                topic.busy = true;
            }
            self.queries = self.queries.saturating_add(1);
            orders.push((0, order));
        }
    }

    fn dial(&mut self, now: Millis, orders: &mut Vec<(u64, Order)>) {
        let room = MAX_LINKS.saturating_sub(self.numbers.len());
        let free = MAX_DIALS.saturating_sub(self.dialling.len()).min(room);
        if free == 0 {
            return;
        }
        let ready =
            |record: &Record| record.state == State::Away && record.found && !record.banned && record.again <= now;
        let mut due: Vec<((bool, u32, u64), PeerKey)> = self
            .records
            .iter()
            .filter(|(_, record)| ready(record))
            // Whoever was connected goes first: it is no invention.
            .map(|(key, record)| ((record.lost.is_none(), record.failures, record.rank), *key))
            .collect();
        due.sort_unstable();
        for (_, key) in due.into_iter().take(free) {
            if !self.dials.take(now) {
                return;
            }
            let number = self.number(key);
            let Some(record) = self.records.get_mut(&key) else { continue };
            record.state = State::Dialling(number);
            self.dialling.insert(number);
            // Relays of a record may be gone while the DHT knows new ones: every other attempt asks it first.
            let relays = if record.failures % 2 == 0 { record.relays.clone() } else { Vec::new() };
            orders.push((number, Order::Dial(key, relays)));
        }
    }

    fn number(&mut self, key: PeerKey) -> u64 {
        self.last = self.last.wrapping_add(1);
        self.numbers.insert(self.last, key);
        self.last
    }

    /// A number for a connection that a peer dialled; `None`: no room.
    pub fn accept(&mut self, key: &PeerKey, now: Millis) -> Option<u64> {
        if self.numbers.len() >= MAX_LINKS || *key == self.me || self.is_banned(key) || !self.know(key, now) {
            return None;
        }
        Some(self.number(*key))
    }

    /// Does not dial or accept a peer until it is forgiven.
    pub fn ban(&mut self, key: &PeerKey, now: Millis) {
        if self.know(key, now)
            && let Some(record) = self.records.get_mut(key)
        {
            record.banned = true;
        }
    }

    /// Takes a ban back.
    pub fn forgive(&mut self, key: &PeerKey) {
        if let Some(record) = self.records.get_mut(key) {
            record.banned = false;
        }
    }

    fn is_banned(&self, key: &PeerKey) -> bool {
        self.records.get(key).is_some_and(|record| record.banned)
    }

    /// A lookup has ended. `found`: who announced the topic; `None`: nobody could be asked.
    pub fn looked_up(&mut self, hash: &Hash, found: Option<&[(PeerKey, Vec<SocketAddrV4>)]>, now: Millis) {
        self.queries = self.queries.saturating_sub(1);
        let mut peers = BTreeSet::new();
        for (key, relays) in found.unwrap_or_default().iter().take(MAX_FOUND) {
            if *key == self.me || !self.know(key, now) {
                continue;
            }
            peers.insert(*key);
            if let Some(record) = self.records.get_mut(key) {
                record.found = true;
                record.relays = relays.iter().take(MAX_RELAYS).copied().collect();
            }
        }
        let Some(topic) = self.topics.get_mut(hash) else { return };
        topic.busy = false;
        topic.lookups = topic.lookups.saturating_add(1);
        // Those that are gone from the DHT may be connected nevertheless.
        topic.peers.retain(|key| self.records.get(key).is_some_and(|r| matches!(r.state, State::Up { .. })));
        let connected = !topic.peers.is_empty();
        topic.peers.extend(peers);
        topic.failed = if connected { 0 } else { topic.failed.saturating_add(1) };
        let wait = if connected { REFRESH } else { doubled(ALONE, topic.failed.saturating_sub(1), REFRESH) };
        topic.look = now.saturating_add(self.chance.about(wait));
    }

    /// An announcement was made or taken back (`served`), or could not be.
    pub fn announced(&mut self, hash: &Hash, served: bool, done: bool, now: Millis) {
        self.queries = self.queries.saturating_sub(1);
        let wait = self.chance.about(if done { REFRESH } else { SLOW });
        let Some(topic) = self.topics.get_mut(hash) else { return };
        topic.busy = false;
        // What could not be taken back runs out by itself.
        topic.announced = served && (done || topic.announced);
        if topic.served == served {
            topic.announce = now.saturating_add(wait);
        }
        if !topic.served && !topic.sought && !topic.announced {
            self.topics.remove(hash);
        }
    }

    /// Notes that a peer exists; whether there is room for it.
    fn know(&mut self, key: &PeerKey, now: Millis) -> bool {
        if let Some(record) = self.records.get_mut(key) {
            record.seen = now;
            return true;
        }
        if self.records.len() >= MAX_KNOWN {
            // Those with a connection are needed, those never dialled may be; the banned stay while there are others.
            let spent = |r: &Record| r.state == State::Away && (r.failures > 0 || r.banned || !r.found);
            let spent = self.records.iter().filter(|(_, record)| spent(record));
            let oldest = spent.min_by_key(|(_, record)| (record.banned, record.seen)).map(|(key, _)| *key);
            let Some(oldest) = oldest else { return false };
            self.records.remove(&oldest);
        }
        let rank = self.chance.next();
        let record = Record {
            relays: Vec::new(),
            state: State::Away,
            failures: 0,
            again: now,
            rank,
            seen: now,
            lost: None,
            why: None,
            found: false,
            banned: false,
        };
        self.records.insert(*key, record);
        true
    }

    /// A connection stands. `ours`: we dialled.
    pub fn up(&mut self, number: u64, ours: bool, now: Millis) -> Verdict {
        self.dialling.remove(&number);
        let Some(key) = self.numbers.get(&number).copied() else { return Verdict::Refuse };
        let Some(record) = self.records.get_mut(&key) else { return Verdict::Refuse };
        let standing = State::Up { number, ours, since: now };
        let verdict = match record.state {
            State::Up { number: old, .. } if old == number => Verdict::Keep,
            State::Up { number: old, since, .. } => {
                // One that stood for a while was lost by the other side, or it would not dial.
                let outdated = now.saturating_sub(since) > CROSSING;
                if outdated || ours == (self.me > key) { Verdict::Instead(old) } else { Verdict::Refuse }
            }
            // Our own dial, if there is one under way, may still win; see above.
            State::Dialling(_) | State::Away => Verdict::Keep,
        };
        if verdict == Verdict::Refuse || record.banned {
            return Verdict::Refuse;
        }
        record.state = standing;
        record.failures = 0;
        record.seen = now;
        record.why = None;
        verdict
    }

    /// A connection has ended, or a dial has failed. `hostile`: the peer is banned.
    pub fn ended(&mut self, number: u64, why: &str, hostile: bool, now: Millis) {
        self.dialling.remove(&number);
        let Some(key) = self.numbers.remove(&number) else { return };
        let overtaken = self.dialling.iter().copied().find(|number| self.numbers.get(number) == Some(&key));
        let Some(record) = self.records.get_mut(&key) else { return };
        record.banned |= hostile;
        match record.state {
            State::Up { number: standing, .. } if standing == number => record.lost = Some(now),
            State::Dialling(dialled) if dialled == number => {}
            // A connection that lost against another one.
            _ => return,
        }
        let was_up = record.lost == Some(now);
        record.state = overtaken.map_or(State::Away, State::Dialling);
        record.why = Some(why.to_owned());
        let missed = record.lost.is_some_and(|lost| now.saturating_sub(lost) <= RECENT);
        let wait = doubled(BACK_OFF, record.failures, if missed { SLOW } else { SLOWEST });
        record.again = now.saturating_add(self.chance.about(wait));
        record.failures = record.failures.saturating_add(1);
        if was_up {
            // It may come back under another key.
            for topic in self.topics.values_mut().filter(|topic| topic.peers.contains(&key)) {
                topic.failed = 0;
                topic.look = topic.look.min(now.saturating_add(ALONE));
            }
        }
    }

    /// A peer's public key.
    pub fn key(&self, number: u64) -> Option<&PeerKey> {
        self.numbers.get(&number)
    }

    /// Whether every topic was looked up (twice, if nobody was found), and everybody found was dialled.
    pub fn is_settled(&self) -> bool {
        let asked =
            |topic: &Topic| !topic.sought || topic.lookups > 1 || (topic.lookups == 1 && !topic.peers.is_empty());
        let tried = |record: &Record| {
            !record.found || record.banned || record.why.is_some() || matches!(record.state, State::Up { .. })
        };
        self.topics.values().all(asked) && self.records.values().all(tried)
    }

    /// Lookups that have ended.
    pub fn lookups(&self) -> u64 {
        self.topics.values().map(|topic| u64::from(topic.lookups)).fold(0, u64::saturating_add)
    }

    /// Peers that are known, and why there is no connection; `None`: there is one, or none was tried.
    pub fn peers(&self) -> impl Iterator<Item = (&PeerKey, Option<&str>)> {
        self.records.iter().filter(|(_, record)| record.found).map(|(key, record)| (key, record.why.as_deref()))
    }
}

/// `first`, doubled so many times, at most `most`.
fn doubled(first: Millis, times: u32, most: Millis) -> Millis {
    1_u64.checked_shl(times).and_then(|factor| first.checked_mul(factor)).map_or(most, |wait| wait.min(most))
}

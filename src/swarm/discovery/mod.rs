//! Finding peers through Hyperswarm's DHT, and connections with them.
//!
//! [`schedule`] decides, [`dht`] does, and [`Swarm`] carries orders and news between them. It belongs to a `Node`, which
//! tells it about each connection's end, and decides what is looked up and announced.

pub mod dht;
mod knock;
mod ration;
pub mod schedule;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use peeroxide_dht::hyperdht::{DEFAULT_BOOTSTRAP, ServerEvent};
use tokio::sync::mpsc;

use self::dht::{Dht, Found};
use self::knock::Knock;
use self::ration::Ration;
use self::schedule::{Millis, Order, Schedule, Verdict};
use super::transport::{Link, Signals};
use crate::database::ack::to_hex;
use crate::hypercore::Hash;

/// Numbers of connections through the DHT begin here; a node's own stay below.
const FIRST: u64 = 1 << 63;
/// How often the schedule is asked what is due.
const TURN: Millis = 100;
/// Handshakes that are read at once, and then one in so many milliseconds: each costs two multiplications on a curve.
const KNOCKS: (usize, Millis) = (64, 20);

/// A node of the DHT that leads to others: `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    text: String,
}

impl Bootstrap {
    /// Those of the public DHT.
    pub fn public() -> Vec<Bootstrap> {
        DEFAULT_BOOTSTRAP.iter().map(|text| Bootstrap { text: (*text).to_owned() }).collect()
    }

    /// Host and port; the address, where the text has one beside the name.
    fn place(&self) -> String {
        match (self.text.split_once('@'), self.text.rsplit_once(':')) {
            (Some((ip, _)), Some((_, port))) => format!("{ip}:{port}"),
            _ => self.text.clone(),
        }
    }
}

impl FromStr for Bootstrap {
    type Err = String;

    fn from_str(text: &str) -> Result<Bootstrap, String> {
        let parts = text.rsplit_once(':').filter(|(host, _)| !host.contains(['/', '@', ' ', ':', '[']));
        match parts {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
                Ok(Bootstrap { text: text.to_owned() })
            }
            _ => Err("a bootstrap node is HOST:PORT".to_owned()),
        }
    }
}

impl fmt::Display for Bootstrap {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text.split_once('@').map_or(&*self.text, |(_, name)| name))
    }
}

/// Whether a firewall or a NAT keeps strangers away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Firewalled {
    /// As the DHT finds out.
    #[default]
    Auto,
    /// Yes: others are dialled, nobody is expected to dial us.
    Yes,
    /// No: anybody reaches the port.
    No,
}

impl FromStr for Firewalled {
    type Err = String;

    fn from_str(text: &str) -> Result<Firewalled, String> {
        match text {
            "auto" => Ok(Firewalled::Auto),
            "yes" => Ok(Firewalled::Yes),
            "no" => Ok(Firewalled::No),
            _ => Err("one of auto, yes, no".to_owned()),
        }
    }
}

/// How the DHT is joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to begin.
    pub bootstrap: Vec<Bootstrap>,
    /// Address and port of its socket; port 0: any.
    pub listen: SocketAddrV4,
    /// See there.
    pub firewalled: Firewalled,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            bootstrap: Bootstrap::public(),
            listen: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
            firewalled: Firewalled::Auto,
        }
    }
}

enum Done {
    Bootstrapped(Vec<bool>),
    LookedUp(Hash, Option<Found>),
    Announced(Hash, bool, bool),
}

/// See the module.
pub struct Swarm {
    dht: Arc<Dht>,
    schedule: Schedule,
    bootstrap: Vec<(Bootstrap, Option<bool>)>,
    ready: bool,
    done: mpsc::UnboundedSender<Done>,
    inbox: mpsc::UnboundedReceiver<Done>,
    knocks: mpsc::UnboundedReceiver<ServerEvent>,
    waiting: Vec<Knock>,
    ration: Ration,
    begun: Instant,
    turn: Millis,
}

impl fmt::Debug for Swarm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Swarm").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

impl Swarm {
    /// Opens the sockets and begins to look for others.
    ///
    /// # Errors
    /// When there are no sockets to be had.
    pub async fn open(config: &Config) -> Result<Swarm, String> {
        let (dht, knocks) = Dht::open(config).await?;
        let dht = Arc::new(dht);
        let (done, inbox) = mpsc::unbounded_channel();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = since.as_secs() ^ u64::from(since.subsec_nanos()).rotate_left(32);
        let schedule = Schedule::new(dht.keys.public_key, FIRST, seed);
        let swarm = Swarm {
            schedule,
            bootstrap: config.bootstrap.iter().map(|node| (node.clone(), None)).collect(),
            ready: false,
            done: done.clone(),
            inbox,
            knocks,
            waiting: Vec::new(),
            ration: Ration::new(KNOCKS.0, KNOCKS.1),
            begun: Instant::now(),
            turn: 0,
            dht: Arc::clone(&dht),
        };
        tokio::spawn(async move {
            let _ = done.send(Done::Bootstrapped(dht.bootstrap().await));
        });
        Ok(swarm)
    }

    fn now(&self) -> Millis {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Looks a topic up, from now on.
    pub fn seek(&mut self, topic: &Hash) {
        self.schedule.seek(topic, self.now());
    }

    /// Announces a topic from now on, or takes the announcement back.
    pub fn serve(&mut self, topic: &Hash, served: bool) {
        self.schedule.serve(topic, served, self.now());
    }

    /// Whether a topic's announcement stands.
    pub fn is_announced(&self, topic: &Hash) -> bool {
        self.schedule.is_announced(topic)
    }

    /// Waits for news. Nothing is lost when the wait is given up.
    pub async fn wait(&mut self) {
        tokio::select! {
            Some(done) = self.inbox.recv() => {
                let now = self.now();
                match done {
                    Done::Bootstrapped(answered) => {
                        self.ready = true;
                        for (node, answered) in self.bootstrap.iter_mut().zip(answered) {
                            node.1 = Some(answered);
                        }
                    }
                    Done::LookedUp(topic, found) => self.schedule.looked_up(&topic, found.as_deref(), now),
                    Done::Announced(topic, served, done) => self.schedule.announced(&topic, served, done, now),
                }
                self.turn = now;
            }
            Some(event) = self.knocks.recv() => {
                let now = self.now();
                if self.ration.take(now) && self.waiting.len() < KNOCKS.0 {
                    self.waiting.extend(Knock::read(event, &self.dht.keys));
                }
            }
        }
    }

    /// Does what is due.
    pub fn turn(&mut self, signals: &Signals) {
        let now = self.now();
        for knock in std::mem::take(&mut self.waiting) {
            // Unanswered, it looks as if nobody were here.
            if let Some(number) = self.schedule.accept(knock.key(), now) {
                tokio::spawn(knock.open(Arc::clone(&self.dht), number, signals.clone()));
            }
        }
        if !self.ready || now < self.turn {
            return;
        }
        self.turn = now.saturating_add(TURN);
        for (number, order) in self.schedule.due(now) {
            let (dht, done, signals) = (Arc::clone(&self.dht), self.done.clone(), signals.clone());
            tokio::spawn(async move {
                let done_with = match order {
                    Order::LookUp(topic) => Done::LookedUp(topic, dht.look_up(topic).await),
                    Order::Announce(topic) => {
                        let announced = dht.is_open().await && dht.announce(topic).await;
                        Done::Announced(topic, true, announced)
                    }
                    Order::Unannounce(topic) => Done::Announced(topic, false, dht.unannounce(topic).await),
                    Order::Dial(peer, relays) => return dht.dial(number, peer, relays, signals).await,
                };
                let _ = done.send(done_with);
            });
        }
    }

    /// A connection stands; `None`: it is not one of the DHT's.
    pub fn up(&mut self, number: u64, link: &Link) -> Option<Verdict> {
        (number >= FIRST).then(|| self.schedule.up(number, link.initiator, self.now()))
    }

    /// A connection has ended; `hostile`: for good.
    pub fn ended(&mut self, number: u64, why: &str, hostile: bool) {
        self.schedule.ended(number, why, hostile, self.now());
    }

    /// Does not dial or answer a peer until it is forgiven.
    pub fn ban(&mut self, key: &[u8; 32]) {
        self.schedule.ban(key, self.now());
    }

    /// Takes a ban back.
    pub fn forgive(&mut self, key: &[u8; 32]) {
        self.schedule.forgive(key);
    }

    /// The public key of a connection's peer.
    pub fn key(&self, number: u64) -> Option<&[u8; 32]> {
        self.schedule.key(number)
    }

    /// What to call the peer of a connection.
    pub fn name(&self, number: u64) -> Option<String> {
        self.schedule.key(number).map(|key| format!("peer {}", to_hex(key)))
    }

    /// Whether everything that can be found now was found and dialled.
    pub fn is_settled(&self) -> bool {
        self.ready && self.schedule.is_settled()
    }

    /// What was tried in vain: bootstrap nodes, records, dials.
    pub fn tried(&self) -> Vec<(String, String)> {
        let answered = |answered: Option<bool>| if answered == Some(true) { "answered" } else { "no answer" };
        let mut tried: Vec<(String, String)> = Vec::new();
        for (node, done) in &self.bootstrap {
            tried.push((format!("bootstrap node {node}"), answered(*done).to_owned()));
        }
        let (records, lookups) = (self.schedule.peers().count(), self.schedule.lookups());
        tried.push(("the DHT".to_owned(), format!("{records} peers found in {lookups} lookups")));
        let failed =
            self.schedule.peers().filter_map(|(key, why)| Some((format!("peer {}", to_hex(key)), why?.to_owned())));
        tried.extend(failed);
        tried
    }

    /// Takes all announcements back and closes the sockets.
    pub async fn leave(self) {
        let topics = self.schedule.announcements().copied().collect();
        self.dht.leave(topics).await;
    }
}

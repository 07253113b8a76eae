//! The DHT itself: what is asked of it, and connections through it.
//!
//! Everything here takes bounded time. Of the DHT crate nothing but its public parts is used; three of its habits are worked
//! around: it calls itself ready when no bootstrap node has answered (they are asked here, one by one), a query on an empty
//! routing table never ends (they are asked again first), and its own server gives no connections (`knock.rs` is one).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use libudx::UdxRuntime;
use peeroxide_dht::crypto::hash;
use peeroxide_dht::hyperdht::{self, HyperDhtConfig, HyperDhtHandle, KeyPair, PeerConnection, ServerEvent};
use peeroxide_dht::hyperdht_messages::FIREWALL_OPEN;
use peeroxide_dht::messages::Ipv4Peer;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::schedule::{MAX_FOUND, MAX_RELAYS, PeerKey};
use super::{Bootstrap, Config, Firewalled};
use crate::hypercore::Hash;
use crate::swarm::transport::{Pace, Signals, carry, down};

/// A question to one node.
const PING: Duration = Duration::from_secs(5);
/// A walk through the DHT.
const QUERY: Duration = Duration::from_secs(20);
/// A dial, with all ways of reaching the peer.
const DIAL: Duration = Duration::from_secs(15);
/// Leaving, with everything that is taken back.
pub const LEAVE: Duration = Duration::from_secs(3);

/// A record of a topic: who, and through which nodes.
pub type Found = Vec<(PeerKey, Vec<SocketAddrV4>)>;

/// A node of the DHT, ours.
pub struct Dht {
    handle: HyperDhtHandle,
    /// Our identity while the process runs.
    pub keys: KeyPair,
    /// Its UDX runtime.
    pub runtime: UdxRuntime,
    bootstrap: Vec<Bootstrap>,
    firewalled: Firewalled,
}

impl Dht {
    /// Binds its sockets. Nobody has answered yet.
    ///
    /// # Errors
    /// When it cannot have them.
    pub async fn open(config: &Config) -> Result<(Dht, mpsc::UnboundedReceiver<ServerEvent>), String> {
        let runtime = UdxRuntime::new().map_err(|error| error.to_string())?;
        let mut dht = HyperDhtConfig::default();
        dht.dht.bootstrap = config.bootstrap.iter().map(|node| node.text.clone()).collect();
        dht.dht.host = config.listen.ip().to_string();
        dht.dht.port = config.listen.port();
        dht.dht.firewalled = config.firewalled != Firewalled::No;
        // Others' records are kept by those who stay.
        dht.dht.ephemeral = Some(true);
        let (_, handle, knocks) = hyperdht::spawn(&runtime, dht).await.map_err(|error| error.to_string())?;
        let (bootstrap, firewalled) = (config.bootstrap.clone(), config.firewalled);
        Ok((Dht { handle, keys: KeyPair::generate(), runtime, bootstrap, firewalled }, knocks))
    }

    /// Asks the bootstrap nodes; which of them have answered.
    pub async fn bootstrap(&self) -> Vec<bool> {
        let pings = self.bootstrap.iter().map(|node| {
            let (handle, place) = (self.handle.clone(), node.place());
            tokio::spawn(async move {
                timeout(PING, async {
                    let mut places = tokio::net::lookup_host(place).await.ok()?;
                    let place = places.find(std::net::SocketAddr::is_ipv4)?;
                    handle.dht().ping(&place.ip().to_string(), place.port()).await.ok()
                })
                .await
            })
        });
        let mut answered = Vec::new();
        for ping in pings.collect::<Vec<_>>() {
            answered.push(matches!(ping.await, Ok(Ok(Some(_)))));
        }
        let _ = timeout(QUERY, self.handle.bootstrapped()).await;
        answered
    }

    async fn is_alone(&self) -> bool {
        if self.handle.table_size().await.is_ok_and(|size| size > 0) {
            return false;
        }
        self.bootstrap().await;
        self.handle.table_size().await.unwrap_or_default() == 0
    }

    /// Who has announced a topic; `None`: nobody can be asked.
    pub async fn look_up(&self, topic: Hash) -> Option<Found> {
        let replies =
            timeout(QUERY, async { if self.is_alone().await { None } else { self.handle.lookup(topic).await.ok() } });
        let mut found = Found::new();
        for reply in replies.await.ok()?? {
            for peer in reply.peers {
                if found.len() >= MAX_FOUND || found.iter().any(|(key, _)| *key == peer.public_key) {
                    continue;
                }
                let place =
                    |relay: &Ipv4Peer| Some(SocketAddrV4::new(relay.host.parse::<Ipv4Addr>().ok()?, relay.port));
                found.push((peer.public_key, peer.relay_addresses.iter().filter_map(place).take(MAX_RELAYS).collect()));
            }
        }
        Some(found)
    }

    /// Announces that we serve a topic; whether anybody has noted it.
    pub async fn announce(&self, topic: Hash) -> bool {
        let announce = async {
            if self.is_alone().await {
                return false;
            }
            // First where we are to be found, so that the topic's record can name nodes that know the way.
            let own = hash(&self.keys.public_key);
            self.handle.register_server(&own);
            if self.handle.announce(own, &self.keys, &[]).await.is_err() {
                return false;
            }
            let relays = self.handle.current_relay_addresses();
            self.handle.announce(topic, &self.keys, &relays).await.is_ok_and(|done| !done.closest_nodes.is_empty())
        };
        timeout(QUERY, announce).await.unwrap_or(false)
    }

    /// Takes an announcement back; whether anybody was asked to.
    pub async fn unannounce(&self, topic: Hash) -> bool {
        timeout(QUERY, self.handle.unannounce(topic, &self.keys)).await.is_ok_and(|done| done.is_ok())
    }

    /// Takes all announcements back and closes the sockets.
    pub async fn leave(&self, topics: Vec<Hash>) {
        if !topics.is_empty() {
            let own = hash(&self.keys.public_key);
            self.handle.unregister_server(&own);
            let all = async {
                for topic in topics.into_iter().chain([own]) {
                    self.unannounce(topic).await;
                }
            };
            let _ = timeout(LEAVE, all).await;
        }
        let _ = timeout(LEAVE, self.handle.destroy()).await;
    }

    /// Whether strangers reach us without help.
    pub async fn is_open(&self) -> bool {
        match self.firewalled {
            Firewalled::No => true,
            Firewalled::Yes => false,
            Firewalled::Auto => self.handle.firewalled().await.is_ok_and(|firewall| firewall == FIREWALL_OPEN),
        }
    }

    /// The socket on which peers reach us.
    pub async fn socket(&self) -> Option<libudx::UdxSocket> {
        self.handle.listen_socket().await.ok().flatten()
    }

    /// Dials a peer, and carries its frames until the connection ends.
    pub async fn dial(self: Arc<Self>, number: u64, peer: PeerKey, relays: Vec<SocketAddrV4>, signals: Signals) {
        let relays: Vec<Ipv4Peer> =
            relays.iter().map(|place| Ipv4Peer { host: place.ip().to_string(), port: place.port() }).collect();
        let dial = self.handle.connect_with_nodes(&self.keys, peer, &relays, &self.runtime);
        match timeout(DIAL, dial).await {
            Ok(Ok(PeerConnection { stream, socket, .. })) => {
                carry(number, stream, Pace::Ends, signals).await;
                // A socket of its own, if a hole was punched for it.
                drop(socket);
            }
            Ok(Err(error)) => down(&signals, number, error),
            Err(_) => down(&signals, number, "no answer"),
        }
    }
}

//! The configuration of the service: types, defaults, and where in the file something is wrong.
//!
//! `config.example.yaml` explains every key. A [`Config`] that exists is valid: each value is of the type that it means
//! (`parse.rs`), and what they say of each other holds (`check.rs`). Nothing here opens a socket, or a file but the configuration
//! itself and the secrets that it names, which are read when a channel is opened ([`Secret::read`]).

mod change;
mod channels;
mod check;
mod error;
mod parse;
mod secret;
mod units;

use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use crate::hypercore::Key;
use crate::sandbox::Mode;
use crate::swarm::discovery::{Bootstrap, Firewalled};
use crate::swarm::transport::Address;

pub use change::{Applies, Change};
pub use channels::{Alertmanager, Alerts, Channel, CommandHook, Email, Encryption, KindName, Route, Topic, Webhook};
pub use error::Error;
pub use secret::{Hidden, Secret};
pub use units::{Size, time};

/// What `vitra-watch config init` writes: every key with its default, explained.
pub const EXAMPLE: &str = include_str!("../../config.example.yaml");

/// The whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The name under which this watchtower speaks.
    #[serde(deserialize_with = "parse::name")]
    pub name: String,
    /// Where everything is kept: `archive/`, `state.sqlite`, `control.sock`. By default systemd's state directory, or the
    /// user's data directory.
    pub data: Option<PathBuf>,
    /// Where the reference runtimes are. By default `runtimes` in the data directory, if they are there.
    pub runtimes: Option<PathBuf>,
    /// Whether contract code may run without the layers that lock it in: `required`, `auto`, `off`.
    #[serde(deserialize_with = "parse::parsed")]
    pub sandbox: Mode,
    /// Databases to follow.
    #[serde(deserialize_with = "parse::or_default")]
    pub databases: Vec<Database>,
    /// How peers are found.
    #[serde(deserialize_with = "parse::or_default")]
    pub network: Network,
    /// What one database may use.
    #[serde(deserialize_with = "parse::or_default")]
    pub quotas: Quotas,
    /// How long something must last before it is announced.
    #[serde(deserialize_with = "parse::or_default")]
    pub conditions: Conditions,
    /// Who is told what.
    #[serde(deserialize_with = "parse::or_default")]
    pub alerts: Alerts,
    /// The status page, metrics and health.
    #[serde(deserialize_with = "parse::or_default")]
    pub web: Web,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "vitra-watch".to_owned(),
            data: None,
            runtimes: None,
            sandbox: Mode::Required,
            databases: Vec::new(),
            network: Network::default(),
            quotas: Quotas::default(),
            conditions: Conditions::default(),
            alerts: Alerts::default(),
            web: Web::default(),
        }
    }
}

/// A database.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Database {
    /// Its index key: hex, z-base-32 or `hyper://`.
    #[serde(deserialize_with = "parse::key")]
    pub key: Key,
    /// Its name; by default the first eight digits of its key.
    #[serde(default, deserialize_with = "parse::some_name")]
    pub name: Option<String>,
    /// Labels for routes and receivers.
    #[serde(default, deserialize_with = "parse::labels")]
    pub labels: BTreeMap<String, String>,
    /// Whom to ask about it.
    #[serde(default, deserialize_with = "parse::some_name")]
    pub contact: Option<String>,
    /// How long an operation may wait for its ack; by default `conditions.stalled`.
    #[serde(default, deserialize_with = "units::deserialize_some_time")]
    pub stalled: Option<Duration>,
}

impl Database {
    /// Its name, or the first eight digits of its key.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| crate::archive::hex(&self.key).chars().take(8).collect())
    }
}

/// How peers are found.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Network {
    /// Peers to be connected with always: `tcp://HOST:PORT`.
    #[serde(deserialize_with = "parse::list")]
    pub peers: Vec<Address>,
    /// Whether the DHT is asked: by default if there are no peers above.
    pub dht: Option<bool>,
    /// Nodes through which the DHT is found, `HOST:PORT`; by default the public ones.
    #[serde(deserialize_with = "parse::list")]
    pub bootstrap: Vec<Bootstrap>,
    /// Address and UDP port for the DHT.
    pub listen: Option<SocketAddrV4>,
    /// Whether a firewall keeps peers from dialling us: `auto`, `yes`, `no`.
    #[serde(deserialize_with = "parse::parsed")]
    pub firewalled: Firewalled,
    /// Address and TCP port for peers that dial us directly.
    pub serve: Option<SocketAddr>,
}

impl Network {
    /// Whether the DHT is asked.
    pub fn uses_dht(&self) -> bool {
        self.dht.unwrap_or(self.peers.is_empty() || !self.bootstrap.is_empty())
    }
}

/// What one database may use; reaching it is a condition of that database and of no other.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quotas {
    /// Its logs on disk.
    pub disk: Size,
    /// Blocks a second that are taken in, averaged over a minute.
    pub blocks: u64,
    /// Time of replay in an hour.
    #[serde(deserialize_with = "units::deserialize_time")]
    pub replay: Duration,
    /// Open findings.
    pub findings: u64,
    /// What stays free on the disk: below, nothing new is taken in.
    pub free: Size,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            disk: Size::mib(10_240),
            blocks: 10_000,
            replay: Duration::from_secs(1_800),
            findings: 1_000,
            free: Size::mib(512),
        }
    }
}

/// How long something must last before it is announced.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Conditions {
    /// An operation without an ack.
    #[serde(deserialize_with = "units::deserialize_time")]
    pub stalled: Duration,
    /// A database that nobody serves.
    #[serde(deserialize_with = "units::deserialize_time")]
    pub unreachable: Duration,
    /// Blocks that nobody serves.
    #[serde(deserialize_with = "units::deserialize_time")]
    pub incomplete: Duration,
    /// Percent of all databases that, unreachable at once, are our own network.
    #[serde(deserialize_with = "parse::percent")]
    pub brake: u64,
}

impl Default for Conditions {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(count.saturating_mul(60));
        Self { stalled: minutes(60), unreachable: minutes(15), incomplete: minutes(15), brake: 50 }
    }
}

/// The status page, metrics and health.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Web {
    /// Where it listens; nowhere by default.
    pub listen: Option<SocketAddr>,
    /// The address under which others see it, for links in alerts.
    #[serde(deserialize_with = "parse::some_url")]
    pub url: Option<Url>,
    /// A title for the status page.
    #[serde(deserialize_with = "parse::some_name")]
    pub title: Option<String>,
}

impl Web {
    /// The address of a page of ours, if others can see it.
    pub fn link(&self, page: &str) -> Option<String> {
        let url = self.url.as_ref()?.as_str();
        Some(format!("{}/{page}", url.trim_end_matches('/')))
    }
}

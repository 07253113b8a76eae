//! The configuration of the service: types, defaults, and where in the file something is wrong.
//!
//! `config.example.yaml` explains every key. Nothing here opens a socket or a file but the configuration itself and the secrets
//! that it names.

use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use serde::Deserialize;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The name under which this watchtower speaks.
    #[serde(default = "default_name")]
    pub name: String,
    /// Where everything is kept: `archive/`, `state.sqlite`, `control.sock`. By default systemd's state directory, or the
    /// user's data directory.
    pub data: Option<PathBuf>,
    /// Databases to follow.
    #[serde(default)]
    pub databases: Vec<Database>,
    /// How peers are found.
    #[serde(default)]
    pub network: Network,
    /// What one database may use.
    #[serde(default)]
    pub quotas: Quotas,
    /// How long something must last before it is announced.
    #[serde(default)]
    pub conditions: Conditions,
    /// Who is told what.
    #[serde(default)]
    pub alerts: Alerts,
    /// The status page, metrics and health.
    #[serde(default)]
    pub web: Web,
}

/// A database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Database {
    /// Its index key: hex, z-base-32 or `hyper://`.
    pub key: String,
    /// Its name; by default the first eight digits of its key.
    pub name: Option<String>,
    /// Labels for routes and receivers.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whom to ask about it.
    pub contact: Option<String>,
    /// Seconds after which an operation without an ack is stalled; by default `conditions.stalled`.
    pub stalled: Option<u64>,
}

/// How peers are found.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Network {
    /// Peers to be connected with always: `tcp://HOST:PORT`.
    pub peers: Vec<String>,
    /// Whether the DHT is asked: by default if there are no peers above.
    pub dht: Option<bool>,
    /// Nodes through which the DHT is found, `HOST:PORT`; by default the public ones.
    pub bootstrap: Vec<String>,
    /// Address and UDP port for the DHT.
    pub listen: Option<SocketAddrV4>,
    /// Whether a firewall keeps peers from dialling us: `auto`, `yes`, `no`.
    pub firewalled: Option<String>,
    /// Address and TCP port for peers that dial us directly.
    pub serve: Option<SocketAddr>,
}

/// What one database may use; reaching it is a condition of that database and of no other.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quotas {
    /// MiB of its logs on disk.
    pub disk: u64,
    /// Blocks a second that are taken in, averaged over a minute.
    pub blocks: u64,
    /// Seconds of replay in an hour.
    pub replay: u64,
    /// Open findings.
    pub findings: u64,
    /// MiB that stay free on the disk: below, nothing new is taken in.
    pub free: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { disk: 10_240, blocks: 10_000, replay: 1_800, findings: 1_000, free: 512 }
    }
}

/// Seconds that something must last before it is announced.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Conditions {
    /// An operation without an ack.
    pub stalled: u64,
    /// A database that nobody serves.
    pub unreachable: u64,
    /// Blocks that nobody serves.
    pub incomplete: u64,
    /// Percent of all databases that, unreachable at once, are our own network.
    pub brake: u64,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { stalled: 3_600, unreachable: 900, incomplete: 900, brake: 50 }
    }
}

/// Who is told what.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Alerts {
    /// Channels by name.
    pub channels: BTreeMap<String, Channel>,
    /// What goes where; by default everything but notices to every channel.
    pub routes: Vec<Route>,
    /// Hours after which an open finding is said again; 0 for never.
    pub remind: u64,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { channels: BTreeMap::new(), routes: Vec::new(), remind: 24 }
    }
}

/// A secret: in a file, a systemd credential, or the environment; never in the configuration itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Secret {
    /// A file.
    File(PathBuf),
    /// A credential that systemd passes.
    Credential(String),
    /// An environment variable.
    Env(String),
}

/// A way to tell people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Channel {
    /// Standard Webhooks.
    Webhook(Webhook),
    /// Prometheus' Alertmanager.
    Alertmanager(Alertmanager),
    /// Email.
    Email(Box<Email>),
    /// A program, with the alert as JSON on its standard input.
    Command(CommandHook),
}

/// A webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Webhook {
    /// Where alerts are posted.
    pub url: String,
    /// `whsec_…` (HMAC, `v1`) or `whsk_…` (ed25519, `v1a`) of Standard Webhooks.
    pub secret: Option<Secret>,
    /// Private and loopback addresses are allowed.
    #[serde(default)]
    pub allow_private: bool,
}

/// An Alertmanager.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Alertmanager {
    /// Its base URL.
    pub url: String,
    /// Private and loopback addresses are allowed.
    #[serde(default)]
    pub allow_private: bool,
}

/// A mailbox.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Email {
    /// The SMTP server.
    pub host: String,
    /// Its port.
    pub port: Option<u16>,
    /// `starttls` (default), `tls` or `none` (loopback only).
    pub encryption: Option<String>,
    /// A file with certificates to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// Who logs in.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<Secret>,
    /// Sender.
    pub from: String,
    /// Receivers.
    pub to: Vec<String>,
}

/// A program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommandHook {
    /// Program and arguments; no shell.
    pub run: Vec<String>,
    /// Seconds after which it is killed.
    pub timeout: Option<u64>,
}

/// What goes to which channels. All that is named must fit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Route {
    /// To these channels.
    pub to: Vec<String>,
    /// Classes of findings, `suspicion` or `condition`.
    pub class: Vec<String>,
    /// Kinds of findings or conditions.
    pub kind: Vec<String>,
    /// Names or keys of databases.
    pub database: Vec<String>,
    /// Labels that a database must have.
    pub labels: BTreeMap<String, String>,
}

/// The status page, metrics and health.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Web {
    /// Where it listens; nowhere by default.
    pub listen: Option<SocketAddr>,
    /// The address under which others see it, for links in alerts.
    pub url: Option<String>,
    /// A title for the status page.
    pub title: Option<String>,
}

fn default_name() -> String {
    "vitra-watch".to_owned()
}

//! Alerts on their way to people.
//!
//! What is to be said stands in the outbox (`watch::state`) before anybody hears of it. The [`Courier`] takes it from there, one message at a
//! time for each channel and database, and marks it when a channel has it. A crash in between means that it is sent again,
//! with the same identity; nothing is ever lost. What cannot be delivered for three days is *dead*: it stays in the outbox, and
//! every other channel is told.
//!
//! - [`Router`]: which channels get an alert. Pure.
//! - [`Channel`]: a webhook, an Alertmanager, a mailbox, a program. Each escapes what it sends for its own sink, and ends within a time.
//! - [`Schedule`]: when a delivery that failed is tried again. Pure.
//! - [`Courier`]: the thread that delivers.

mod alertmanager;
mod command;
pub mod courier;
mod email;
mod http;
mod router;
mod schedule;
mod signing;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use courier::{Courier, Waker};
pub use router::Router;
pub use schedule::Schedule;

use crate::config;
use crate::watch::alert::Alert;

/// Longest any delivery may take, whatever a channel does.
const LIMIT: Duration = Duration::from_secs(60);
/// Largest proof that goes with a mail.
pub const ATTACHED: u64 = 256 << 10;

/// What has become of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has it.
    Delivered,
    /// It has not, as far as we know.
    Failed {
        /// Why, for people.
        why: String,
        /// Whether trying again can help.
        retry: bool,
        /// Not before this time, the other side says.
        after: Option<Duration>,
    },
}

impl Outcome {
    fn failed(why: impl std::fmt::Display) -> Self {
        Self::Failed { why: crate::escape::escape(&why.to_string()), retry: true, after: None }
    }
}

/// A channel that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the channel {channel}: {why}")]
pub struct OpenError {
    /// Its name.
    pub channel: String,
    /// Why: never with a secret in it.
    pub why: String,
}

/// A way to tell people.
#[derive(Debug)]
pub enum Channel {
    /// Standard Webhooks.
    Webhook(webhook::Webhook),
    /// Prometheus' Alertmanager.
    Alertmanager(alertmanager::Alertmanager),
    /// Email.
    Email(Box<email::Email>),
    /// A program.
    Command(command::Command),
}

impl Channel {
    /// Reads secrets and certificates, and connects with nobody.
    ///
    /// # Errors
    /// What cannot be used.
    pub fn open(config: &config::Channel) -> Result<Channel, String> {
        Ok(match config {
            config::Channel::Webhook(config) => Self::Webhook(webhook::Webhook::open(config)?),
            config::Channel::Alertmanager(config) => Self::Alertmanager(alertmanager::Alertmanager::open(config)?),
            config::Channel::Email(config) => Self::Email(Box::new(email::Email::open(config)?)),
            config::Channel::Command(config) => Self::Command(command::Command::open(config)),
        })
    }

    /// Delivers an alert, and ends within a time.
    pub async fn deliver(&self, alert: &Alert, proof: Option<&[u8]>) -> Outcome {
        let delivery = async {
            match self {
                Self::Webhook(channel) => channel.deliver(alert).await,
                Self::Alertmanager(channel) => channel.deliver(std::slice::from_ref(alert)).await,
                Self::Email(channel) => channel.deliver(alert, proof).await,
                Self::Command(channel) => return channel.deliver(alert).await,
            }
        };
        // Programs have a time limit of their own, and must be killed at its end.
        match self {
            Self::Command(_) => delivery.await,
            _ => within(LIMIT, delivery).await,
        }
    }

    /// Delivers several alerts as one message.
    async fn deliver_digest(&self, alerts: &[Alert]) -> Outcome {
        match self {
            Self::Email(channel) => within(LIMIT, channel.deliver_digest(alerts)).await,
            _ => Outcome::failed("this channel has no digests"),
        }
    }

    /// Says again what is open. What is not heard now is heard the next time.
    async fn repeat(&self, alerts: Vec<Alert>) {
        if let Self::Alertmanager(channel) = self {
            let _ = within(LIMIT, channel.deliver(&alerts)).await;
        }
    }

    /// How long what is no violation waits for more of its kind.
    fn digest(&self) -> Option<Duration> {
        match self {
            Self::Email(channel) => channel.digest(),
            _ => None,
        }
    }

    /// Whether it wants proofs beside alerts.
    fn takes_proofs(&self) -> bool {
        matches!(self, Self::Email(_))
    }

    /// Finds out, without an alert, whether it could deliver one. Says what was found.
    ///
    /// # Errors
    /// Why it could not.
    pub async fn probe(&self) -> Result<String, String> {
        let probing = async {
            match self {
                Self::Webhook(channel) => channel.probe().await,
                Self::Alertmanager(channel) => channel.probe().await,
                Self::Email(channel) => channel.probe().await,
                Self::Command(channel) => channel.probe(),
            }
        };
        let said = tokio::time::timeout(LIMIT, probing).await;
        said.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(|why| crate::escape::escape(&why))
    }
}

async fn within(limit: Duration, delivery: impl Future<Output = Outcome>) -> Outcome {
    let done = tokio::time::timeout(limit, delivery).await;
    done.unwrap_or_else(|_| Outcome::failed("no answer in time"))
}

/// The channels of a configuration, by name.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    by_name: BTreeMap<String, Arc<Channel>>,
    router: Router,
}

impl Channels {
    /// Opens them all.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub fn open(config: &config::Alerts) -> Result<Channels, OpenError> {
        let mut by_name = BTreeMap::new();
        for (name, channel) in &config.channels {
            let opened = Channel::open(channel).map_err(|why| OpenError { channel: name.clone(), why })?;
            by_name.insert(name.clone(), Arc::new(opened));
        }
        Ok(Channels { by_name, router: Router::new(config) })
    }

    /// None at all.
    pub fn none() -> Channels {
        Channels::default()
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<Arc<Channel>> {
        self.by_name.get(name).map(Arc::clone)
    }

    /// Those that forget what is not repeated.
    fn alertmanagers(&self) -> Vec<(String, Arc<Channel>)> {
        let all = self.by_name.iter().filter(|(_, channel)| matches!(***channel, Channel::Alertmanager(_)));
        all.map(|(name, channel)| (name.clone(), Arc::clone(channel))).collect()
    }

    /// Who gets what.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The keys with which receivers check what webhooks sign with ed25519: the channel and `whpk_…`.
    pub fn public_keys(&self) -> Vec<(String, String)> {
        let keys = self.by_name.iter().map(|(name, channel)| match &**channel {
            Channel::Webhook(webhook) => webhook.public_keys().into_iter().map(|key| (name.clone(), key)).collect(),
            _ => Vec::new(),
        });
        keys.flatten().collect()
    }
}

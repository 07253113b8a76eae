//! Channels and routes: who is told what.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use reqwest::Url;
use serde::Deserialize;

use super::{Secret, parse, units};
use crate::replay::finding::{Class, Kind};
use crate::watch::state::ConditionKind;

/// Who is told what.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Alerts {
    /// Channels by name.
    #[serde(deserialize_with = "parse::channels")]
    pub channels: BTreeMap<String, Channel>,
    /// What goes where; by default everything but notices to every channel.
    #[serde(deserialize_with = "parse::or_default")]
    pub routes: Vec<Route>,
    /// After which time an open finding is said again; `None` for never.
    #[serde(deserialize_with = "units::deserialize_time_or_never")]
    pub remind: Option<Duration>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { channels: BTreeMap::new(), routes: Vec::new(), remind: Some(Duration::from_secs(24 * 3_600)) }
    }
}

/// A way to tell people.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Webhook {
    /// Where alerts are posted.
    #[serde(deserialize_with = "parse::url")]
    pub url: Url,
    /// `whsec_…` (HMAC, `v1`) or `whsk_…` (ed25519, `v1a`) of Standard Webhooks. Several while they are being replaced: each signs.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// A file with certificates to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// Private and loopback addresses are allowed, and `http://`.
    #[serde(default)]
    pub allow_private: bool,
}

/// An Alertmanager.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Alertmanager {
    /// Its base URL.
    #[serde(deserialize_with = "parse::url")]
    pub url: Url,
    /// A file with certificates to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// Private and loopback addresses are allowed, and `http://`.
    #[serde(default)]
    pub allow_private: bool,
}

/// How a connection with an SMTP server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// TLS after a greeting in the open, or no mail at all.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Nothing: on the loopback interface only.
    None,
}

/// A mailbox.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Email {
    /// The SMTP server.
    pub host: String,
    /// Its port; by default 587, with `tls` 465, with `none` 25.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub encryption: Encryption,
    /// A file with certificates to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// Who logs in.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<Secret>,
    /// Sender.
    #[serde(deserialize_with = "parse::mailbox")]
    pub from: Mailbox,
    /// Receivers.
    #[serde(deserialize_with = "parse::mailboxes")]
    pub to: Vec<Mailbox>,
    /// What is no violation waits so long, and goes in one mail with what else has come.
    #[serde(default, deserialize_with = "units::deserialize_some_time")]
    pub digest: Option<Duration>,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommandHook {
    /// Program and arguments; no shell.
    #[serde(deserialize_with = "parse::list_of_some")]
    pub run: Vec<String>,
    /// After which time it is killed.
    #[serde(default = "thirty_seconds", deserialize_with = "units::deserialize_time")]
    pub timeout: Duration,
}

fn thirty_seconds() -> Duration {
    Duration::from_secs(30)
}

/// What goes to which channels. All that is named must fit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Route {
    /// To these channels.
    #[serde(deserialize_with = "parse::list_of_some")]
    pub to: Vec<String>,
    /// Classes of findings, `suspicion` or `condition`.
    #[serde(default)]
    pub class: Vec<Topic>,
    /// Kinds of findings or conditions.
    #[serde(default, deserialize_with = "parse::list")]
    pub kind: Vec<KindName>,
    /// Names or keys of databases.
    #[serde(default)]
    pub database: Vec<String>,
    /// Labels that a database must have.
    #[serde(default, deserialize_with = "parse::labels")]
    pub labels: BTreeMap<String, String>,
}

/// What an alert is about, as routes name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// A finding of this class.
    Violation,
    /// A finding of this class.
    ContractDefect,
    /// A finding of this class.
    Unverifiable,
    /// A finding of this class.
    Missing,
    /// A finding of this class.
    Notice,
    /// A finding that is not proven, and for which nothing honest is known.
    Suspicion,
    /// A condition.
    Condition,
}

impl Topic {
    /// The name in the configuration, and as a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::ContractDefect => "contract-defect",
            Self::Unverifiable => "unverifiable",
            Self::Missing => "missing",
            Self::Notice => "notice",
            Self::Suspicion => "suspicion",
            Self::Condition => "condition",
        }
    }
}

impl From<Class> for Topic {
    fn from(class: Class) -> Self {
        match class {
            Class::Violation => Self::Violation,
            Class::ContractDefect => Self::ContractDefect,
            Class::Unverifiable => Self::Unverifiable,
            Class::Missing => Self::Missing,
            Class::Notice => Self::Notice,
        }
    }
}

/// The name of a kind of findings or conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindName(pub &'static str);

impl KindName {
    /// Every one.
    pub fn all() -> impl Iterator<Item = &'static str> {
        Kind::ALL.iter().map(|kind| kind.name()).chain(ConditionKind::ALL.iter().map(|kind| kind.name()))
    }
}

impl std::str::FromStr for KindName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::all().find(|name| *name == text).map(Self);
        found.ok_or_else(|| super::error::unknown("kind", text, &Self::all().collect::<Vec<_>>()))
    }
}

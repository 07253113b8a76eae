//! What the state's tables hold, as types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hypercore::{Hash, Key};
use crate::replay::finding::{Class, Finding, Verdict};
use crate::watch::Millis;
use crate::watch::alert::Alert;

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $type { $($(#[$variant_doc])* #[serde(rename = $text)] $name,)* }

        impl $type {
            /// Every one.
            pub const ALL: &[$type] = &[$($type::$name,)*];

            /// The name in the state, in JSON, metrics and documents.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The one of this name.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

named! {
    /// How a finding stands.
    Status {
        /// Nobody has said anything about it.
        Open = "open",
        /// Somebody has taken note of it.
        Acknowledged = "acknowledged",
        /// It has ended by itself. Violations never do.
        Resolved = "resolved",
        /// A rebuttal clears the executor.
        Cleared = "cleared",
    }
}

named! {
    /// What sort of condition it is.
    ConditionKind {
        /// Operations are published and not acked for longer than a bound.
        OpStalled = "op-stalled",
        /// Nobody serves the database.
        Unreachable = "unreachable",
        /// Blocks are signed for, and nobody serves them.
        Incomplete = "incomplete",
        /// A peer shows a head and does not answer for it.
        ProbeRefused = "probe-refused",
        /// A quota is reached: a database's disk, blocks a second, replay time or open findings.
        QuotaReached = "quota-reached",
        /// There are more findings than are listed one by one.
        FindingsUnlisted = "findings-unlisted",
        /// The worker of a database cannot go on.
        AuditFailed = "audit-failed",
        /// Most databases have become unreachable at once: it is our own network.
        OwnNetwork = "own-network",
        /// Nothing new is taken in: the disk is full, or the archive or the state cannot be used.
        IntakeStopped = "intake-stopped",
    }
}

named! {
    /// How a message in the outbox stands.
    OutboxStatus {
        /// To be delivered.
        Pending = "pending",
        /// Delivered, at least once.
        Delivered = "delivered",
        /// Given up after days.
        Dead = "dead",
    }
}

/// A database that is followed, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseRow {
    /// Its index key.
    pub key: Key,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whom to ask about it.
    pub contact: Option<String>,
    /// It was added at run time, not by the configuration.
    pub at_run_time: bool,
    /// When it was added.
    pub added_at: Millis,
    /// When it was removed; its findings stay.
    pub removed_at: Option<Millis>,
    /// The verdict so far.
    pub verdict: Option<Verdict>,
    /// Blocks of the index that follow the contract.
    pub verified_length: u64,
    /// Blocks of the index's newest head.
    pub head_length: u64,
    /// Transactions judged.
    pub transactions: u64,
    /// When something of it was last verified.
    pub progress_at: Option<Millis>,
}

impl DatabaseRow {
    /// One that the configuration names, and of which nothing is known yet.
    pub fn new(key: Key, name: String, added_at: Millis) -> Self {
        Self {
            key,
            name,
            labels: BTreeMap::new(),
            contact: None,
            at_run_time: false,
            added_at,
            removed_at: None,
            verdict: None,
            verified_length: 0,
            head_length: 0,
            transactions: 0,
            progress_at: None,
        }
    }
}

/// A proof in the evidence folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// BLAKE2b-256 of its bytes, which is its name.
    pub digest: Hash,
    /// Bytes.
    pub size: u64,
}

/// A finding and how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingRow {
    /// The finding; its identity is the row's.
    pub finding: Finding,
    /// The database.
    pub database: Key,
    /// How it stands.
    pub status: Status,
    /// When it was found.
    pub found_at: Millis,
    /// When its status last changed.
    pub changed_at: Millis,
    /// How often it was said again, and when last.
    pub reminders: u64,
    /// When it was last said again.
    pub reminded_at: Option<Millis>,
    /// Its proof.
    pub proof: Option<Proof>,
    /// What peers said that were asked before it was announced.
    pub probe: Option<String>,
    /// What somebody wrote who acknowledged it.
    pub note: Option<String>,
}

/// Which findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// This one.
    pub id: Option<String>,
    /// Of this database.
    pub database: Option<Key>,
    /// With this status.
    pub status: Option<Status>,
    /// Of this class.
    pub class: Option<Class>,
    /// At most so many.
    pub most: Option<u32>,
}

/// Open findings of one sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pile {
    /// The database.
    pub database: Key,
    /// The class.
    pub class: Class,
    /// The kind's name.
    pub kind: String,
    /// How many.
    pub count: u64,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionRow {
    /// Identity: of its database, kind and beginning.
    pub id: String,
    /// The database; none where it is about ourselves.
    pub database: Option<Key>,
    /// Which.
    pub kind: ConditionKind,
    /// A sentence for people.
    pub message: String,
    /// When it began.
    pub began_at: Millis,
    /// It has lasted longer than its threshold, and was announced.
    pub announced: bool,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

/// A message to be delivered through one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it says.
    pub alert: Alert,
    /// The channel's name in the configuration.
    pub channel: String,
    /// In order with the others about this database.
    pub database: Option<Key>,
}

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Its place.
    pub number: i64,
    /// What it says, to whom.
    pub message: Message,
    /// When it was written.
    pub created_at: Millis,
    /// When it is to be tried next.
    pub due_at: Millis,
    /// How often it was tried.
    pub attempts: u32,
    /// How it stands.
    pub status: OutboxStatus,
    /// Why the last try failed.
    pub error: Option<String>,
    /// When it was delivered.
    pub delivered_at: Option<Millis>,
}

//! What `follow` prints: one line for each thing that happened. `docs/json.md` describes them.

use std::fmt;

use serde::Serialize;

use crate::database::ack::to_hex;
use crate::hypercore::{Key, SignedHead};
use crate::replay::finding::{Class, Finding, Verdict};
use crate::swarm::replica::{Branch, Replica};

/// Name and version of the lines' form (`docs/json.md`).
const SCHEMA: &str = "vitra-watch/follow/1";

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum Line {
    /// A peer is connected.
    PeerUp { peer: String },
    /// A peer is gone, or could not be reached.
    PeerDown { peer: String, why: String },
    /// Transactions were verified: the index follows the contract up to `verified_length`.
    Transactions { database: String, transactions: u64, verified_length: u64, length: u64 },
    /// Something was found.
    Finding { database: String, finding: Box<Finding> },
    /// A signed head with a fork counter above 0 was shown.
    Fork { log: String, heads: Vec<Head> },
    /// Two signed heads of one fork contradict each other.
    Split { log: String, heads: Vec<Head> },
    /// The audit waits for an operation that the index acks and nobody serves.
    Waits { database: String, origin: String, seq: u64 },
    /// The audit of a database failed; the others go on.
    Failed { database: String, why: String },
    /// It was stopped; how the database stands.
    End { database: String, verdict: Verdict, verified_length: u64, length: u64 },
}

/// A signed head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Head {
    fork: u64,
    length: u64,
    tree_hash: String,
    signature: String,
}

impl Head {
    fn of(head: &SignedHead) -> Self {
        let (fork, length) = (head.fork(), head.length());
        Self { fork, length, tree_hash: to_hex(head.tree_hash()), signature: crate::archive::hex(head.signature()) }
    }
}

/// The longest head of each history of a log.
pub(super) fn heads(replica: &Replica) -> Vec<Head> {
    replica.branches().iter().filter_map(Branch::head).map(Head::of).collect()
}

/// A key.
pub(super) fn hex(key: &Key) -> String {
    to_hex(key)
}

impl Line {
    /// The line as JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Whole<'a> {
            schema: &'static str,
            #[serde(flatten)]
            line: &'a Line,
        }
        serde_json::to_string(&Whole { schema: SCHEMA, line: self })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerUp { peer } => write!(f, "peer {peer}"),
            Self::PeerDown { peer, why } => write!(f, "peer {peer} is gone: {why}"),
            Self::Transactions { database, transactions, verified_length, length } => {
                write!(f, "{database}: {transactions} transactions, verified up to block {verified_length} of {length}")
            }
            Self::Finding { database, finding } => {
                let class = if finding.class == Class::Violation { "VIOLATION: " } else { "" };
                let place = finding.seq.map_or(String::new(), |seq| format!(" at block {seq}"));
                write!(f, "{database}: {class}{}{place}: {} ({})", finding.kind.name(), finding.message, finding.id)
            }
            Self::Fork { log, heads } => write!(f, "log {log} was cut: {}", Heads(heads)),
            Self::Split { log, heads } => write!(f, "log {log} has two histories: {}", Heads(heads)),
            Self::Waits { database, origin, seq } => write!(f, "{database}: waits for operation {seq} of {origin}"),
            Self::Failed { database, why } => write!(f, "{database}: {why}"),
            Self::End { database, verdict, verified_length, length } => {
                write!(f, "{database}: {}, verified up to block {verified_length} of {length}", verdict.name())
            }
        }
    }
}

struct Heads<'a>(&'a [Head]);

impl fmt::Display for Heads<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, head) in self.0.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}fork {} length {} signed {}", head.fork, head.length, head.signature)?;
        }
        Ok(())
    }
}

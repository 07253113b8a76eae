//! What goes through the pipes, and what an audit reports.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::replay::auditor::Options;
use crate::replay::engine::Budget;
use crate::replay::finding::{Accused, Class, Finding, Verdict};

/// Name and version of the report's form (`docs/json.md`).
pub const SCHEMA: &str = "vitra-watch/audit/1";

/// What the child is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The directory.
    pub dir: PathBuf,
    /// The index key in hex, if it was named.
    pub key: Option<String>,
    /// Length of the index at which to stop.
    pub until: Option<u64>,
    /// Most findings to report.
    pub max_findings: usize,
    /// Instruction ticks of one operation.
    pub ticks: u64,
    /// Bytes of memory of one realm.
    pub memory: usize,
    /// Bytes of native stack.
    pub stack: u32,
    /// Jobs of one operation.
    pub jobs: u64,
    /// Bytes that one operation may pass to the host.
    pub output: usize,
    /// Bytes of decoded nodes to keep.
    pub cache: usize,
    /// Acks whose operations were killed before and are not to be run.
    pub killed: Vec<u64>,
}

impl Request {
    /// A request with the default budgets.
    pub fn new(dir: PathBuf) -> Self {
        let Options { budget, max_findings, cache, .. } = Options::default();
        let Budget { ticks, memory, stack, jobs, output } = budget;
        Self {
            dir,
            key: None,
            until: None,
            max_findings,
            ticks,
            memory,
            stack,
            jobs,
            output,
            cache,
            killed: Vec::new(),
        }
    }

    /// The auditor's options.
    pub fn options(&self) -> Options {
        let &Self { ticks, memory, stack, jobs, output, cache, until, max_findings, .. } = self;
        Options { budget: Budget { ticks, memory, stack, jobs, output }, max_findings, until, cache }
    }
}

/// Where the child stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Blocks of the index that were audited.
    pub position: u64,
    /// Blocks of the index in all.
    pub length: u64,
    /// Transactions audited.
    pub transactions: u64,
    /// The ack whose operation runs now.
    pub running: Option<u64>,
    /// Runs of the engine so far; the same number for long means that one run takes long.
    pub runs: u64,
}

/// A line from the child.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is at work.
    Beat(Beat),
    /// It is done.
    Report(Box<Report>),
    /// The stores cannot be read: exit 65.
    Malformed(String),
    /// The request does not fit the stores: exit 64.
    Usage(String),
    /// Something else failed: exit 70.
    Failed(String),
}

/// The head that was audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Blocks.
    pub length: u64,
    /// The fork counter.
    pub fork: u64,
}

/// A contract that was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractInForce {
    /// The block that published it.
    pub seq: u64,
    /// BLAKE2b-256 of its source, in hex.
    pub digest: String,
}

/// A participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantReport {
    /// The oplog's key in hex.
    pub key: String,
    /// Declared active at the end.
    pub active: bool,
    /// Operations acked.
    pub acked: u64,
    /// Operations published, as far as the oplog is held; null when it is not.
    pub length: Option<u64>,
}

/// The report of an audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The index key in hex.
    pub database: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Roles that are accused: `executor`, `participant`.
    pub violated_by: Vec<String>,
    /// The head.
    pub head: Head,
    /// Length up to which everything follows the contract.
    pub verified_length: u64,
    /// Transactions audited.
    pub transactions: u64,
    /// Operations published and not acked.
    pub operations_pending: u64,
    /// The contracts that were in force, in order.
    pub contracts: Vec<ContractInForce>,
    /// Everybody who was ever declared or acked.
    pub participants: Vec<ParticipantReport>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// Findings beyond the limit.
    pub more_findings: u64,
}

impl Report {
    /// Who is accused, by role.
    pub fn accused_roles(findings: &[Finding]) -> Vec<String> {
        let mut roles = Vec::new();
        for accused in findings.iter().filter(|f| f.class == Class::Violation).filter_map(|f| f.accused.as_ref()) {
            let role = match accused {
                Accused::Executor { .. } => "executor",
                Accused::Participant { .. } => "participant",
            };
            if !roles.iter().any(|known| known == role) {
                roles.push(role.to_owned());
            }
        }
        roles.sort();
        roles
    }
}

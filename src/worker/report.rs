//! What goes through the pipes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::proofs::{Lacks, Statement};
use crate::replay::auditor::{Checkpoint, Foreseen, Options, Wait};
use crate::replay::engine::Budget;
use crate::replay::finding::{Finding, Verdict};
use crate::replay::report::Report;

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
    /// The logs still grow: the child says how they stand, and then gets [`Command`]s.
    pub live: bool,
    /// Where a live audit goes on. If it is refused, the audit begins at the genesis.
    pub checkpoint: Option<Checkpoint>,
    /// After so many transactions a live audit says its checkpoint again. `None`: it is not asked for.
    pub checkpoint_every: Option<u64>,
    /// Instead of an audit.
    pub proofs: Option<ProofTask>,
    /// Plain contracts are to be confirmed by reference runtimes, too.
    pub confirm: bool,
    /// The parent has reference runtimes, which can be asked ([`Answer::Ask`]).
    pub asks: bool,
}

/// Work with proofs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofTask {
    /// Prove these findings, which an audit of the directory has made.
    Make {
        /// Violations.
        findings: Vec<Finding>,
        /// Keys in hex of the oplogs that they may rest on.
        participants: Vec<String>,
    },
    /// Clear the executor of a proof that rests on the end of a head, by what the directory holds.
    Rebut {
        /// The proof's bytes in hex.
        file: String,
        /// Most bytes that are read.
        limit: usize,
    },
    /// Check a proof.
    Check {
        /// The file's bytes in hex.
        file: String,
        /// Most bytes that are read.
        limit: usize,
    },
}

/// What a live worker that waits is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// The archive has grown.
    Grown {
        /// Heads without blocks may be new, too.
        heads: bool,
    },
    /// Wait no longer for this operation.
    Pass {
        /// Its oplog's key in hex.
        origin: String,
        /// Its number.
        seq: u64,
    },
    /// Nothing more comes than what is there now: report.
    Finish,
}

/// How a live audit stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What was found so far.
    pub report: Report,
    /// What it waits for, beyond growth.
    pub wait: Option<Wait>,
    /// What can be said of the transaction at the log's end.
    pub foreseen: Foreseen,
    /// Where it began.
    pub begun: Begun,
    /// Where another audit can go on, if that was asked for and is further than what was said before.
    pub checkpoint: Option<Checkpoint>,
}

/// Where a live audit began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begun {
    /// At the genesis.
    Genesis,
    /// At a checkpoint, before this block.
    Checkpoint(u64),
    /// At the genesis, because a checkpoint or what was audited before does not stand; why.
    Anew(String),
}

impl Standing {
    /// Whether everything published is in order.
    pub fn is_in_order(&self) -> bool {
        let end = self.foreseen.in_order.unwrap_or(self.report.verified_length);
        self.report.verdict == Verdict::Verified && end == self.report.head.length && end > 0
    }
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
            live: false,
            checkpoint: None,
            checkpoint_every: None,
            proofs: None,
            confirm: false,
            asks: false,
        }
    }

    /// The auditor's options.
    pub fn options(&self) -> Options {
        let &Self { ticks, memory, stack, jobs, output, cache, until, max_findings, confirm, asks, .. } = self;
        Options { budget: Budget { ticks, memory, stack, jobs, output }, max_findings, until, cache, confirm, asks }
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
    /// Lines for reference runtimes, by number. The parent answers with a line of theirs each; see
    /// [`References::exchange`](crate::replay::reference::References::exchange).
    Ask(Vec<(usize, String)>),
    /// It is done.
    Report(Box<Report>),
    /// It is done with what is here, and waits for a [`Command`].
    Standing(Box<Standing>),
    /// One of the findings: its proof in hex, or why there is none.
    Made(usize, Result<String, String>),
    /// All of them.
    MadeAll,
    /// What a proof proves.
    Checked(Box<Statement>),
    /// Why a file proves nothing, and what it lacks.
    Refused(String, Lacks),
    /// The stores cannot be read: exit 65.
    Malformed(String),
    /// The request does not fit the stores: exit 64.
    Usage(String),
    /// Something else failed: exit 70.
    Failed(String),
}

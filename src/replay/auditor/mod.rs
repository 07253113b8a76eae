//! The auditor: one transaction after the other, each against the published state before it.
//!
//! It holds no copy of that state. What it carries from one transaction to the next is a few numbers (the next operation
//! of each oplog, the contract in force, where the open batch ends), all of which follow from the log ([`checkpoint`]).
//!
//! Everything published is taken as it stands, right or wrong, so that one lie is reported once.

pub mod checkpoint;
mod genesis;
mod live;
mod local;
mod replaying;
mod report;
mod standing;
mod transaction;
mod trees;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

pub(super) use crate::database::ack::from_hex;
use crate::database::path::{self, Place};
use crate::database::{Ack, DecodeError, Value, ack, decode};
use crate::hyperbee::{Cache, Entry, Tree, TreeError, View, is_header};
use crate::replay::batches::{self, Found, Reading, Start, TreeIs};
use crate::replay::contract::Contract;
use crate::replay::engine::{AckView, Applied, Budget, Delivery, Dialect, LoadError, Outcome, State, Surroundings};
use crate::replay::examine::{self, Case, Compared, Examined};
use crate::replay::finding::{Also, Class, Finding, Kind, Operation, ShownChange};
use crate::replay::logs::Logs;
use crate::replay::matching::{self, Announced, Body, Expected, Issue, Matching, Published as Block};
use crate::replay::numbering::{Numbering, Origin};
use crate::replay::reach::Reach;
use crate::replay::reference::References;
use crate::replay::state::{Empty, Published, read_error};

pub use checkpoint::{Checkpoint, Refused};
pub use live::{Foreseen, Wait};
pub use local::Unanchored;
use replaying::{Replay, expect};

/// What an audit may use and report.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Budget of one operation.
    pub budget: Budget,
    /// Findings after which further mismatches are only counted.
    pub max_findings: usize,
    /// Length of the index at which to stop; the last whole transaction before it.
    pub until: Option<u64>,
    /// Bytes of decoded nodes to keep.
    pub cache: usize,
    /// Only reference runtimes confirm: a plain contract is asked about, too.
    pub confirm: bool,
    /// There are reference runtimes. An audit that began without them decides less, and is not gone on with.
    pub asks: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            budget: Budget::default(),
            max_findings: 100,
            until: None,
            cache: crate::hyperbee::cache::DEFAULT_CACHE_BYTES,
            confirm: false,
            asks: false,
        }
    }
}

/// What one step of the audit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A transaction was judged; the audit now stands before this block.
    Judged(u64),
    /// A block of the index is needed and not here.
    Needs {
        /// The block.
        seq: u64,
    },
    /// Something is not here yet, and a live audit waits for it.
    Waits(Wait),
    /// There is nothing more to judge.
    End,
}

/// One participant as the report shows it.
#[derive(Clone, Debug, Default)]
pub struct Participant {
    /// Declared active now.
    pub active: bool,
    /// Numbering.
    pub origin: Origin,
}

/// The state machine.
pub struct Auditor<'a> {
    logs: Rc<dyn Logs + 'a>,
    cache: Cache,
    database: String,
    options: Options,
    until: u64,
    at: u64,
    batch_end: u64,
    batch_start: u64,
    /// How the blocks from `batch_start` to `batch_end` write, as their tree tells.
    batch_writes: Vec<crate::hyperbee::Kind>,
    contract: Option<Contract>,
    other_contract: Option<Contract>,
    /// Every source that came into force: block and digest.
    pub sources: Vec<(u64, String)>,
    /// Participants by key in hex.
    pub participants: BTreeMap<String, Participant>,
    active: HashMap<String, bool>,
    ambiguous: HashSet<String>,
    // Logs that an entry at the path of another input named.
    misplaced: HashSet<String>,
    /// Findings so far.
    pub findings: Vec<Finding>,
    /// Findings beyond the limit.
    pub more_findings: u64,
    counts: HashMap<Class, usize>,
    /// Some transaction went unjudged, whether a finding still says so or not.
    pub any_unjudged: bool,
    /// Transactions judged.
    pub transactions: u64,
    verified_length: u64,
    broken: bool,
    reach: Reach,
    /// No contract so far lets an operation write past the guard, whatever its bytes are.
    guarded: bool,
    /// Whose operation last declared an input, by its name; whose operation last changed the contract. With other bytes the
    /// same entry may have been written past the guard, to take effect later.
    declared_by: HashMap<String, Vec<Operation>>,
    source_by: Vec<Operation>,
    /// Operations that may have written the entry that is judged as an ack.
    suspects: Vec<Operation>,
    /// The finding of a skip, while the operation that was skipped is judged.
    late: Option<usize>,
    last_ts: f64,
    begun: bool,
    /// It began at some transaction; see [`local`].
    local: bool,
    killed: HashSet<u64>,
    /// What is not here is late, not missing.
    waits: bool,
    /// The end of what is here is judged as the log's, though a longer head is known.
    closes: bool,
    /// Operations that are not waited for any longer.
    passed: HashSet<(String, u64)>,
    /// The audit came to its end before the log's.
    ended: bool,
    /// A step of a live audit broke off in the middle of a transaction, so that what is carried is of no one place.
    torn: bool,
    /// The operation of the transaction with which the log ends for now, and what it came to: what the realm keeps, running
    /// it once more would change.
    open: Option<(u64, Replay)>,
    /// The genesis goes on at least up to here.
    scouted: u64,
    foreseen: Foreseen,
    /// The software that executors run, where it is at hand.
    pub references: Option<Rc<dyn References + 'a>>,
    /// The ack whose operation is running, for whoever watches from outside.
    pub running: Rc<dyn Fn(Option<u64>)>,
}

enum Stop {
    /// A block that is not here.
    Needs(u64),
    /// Something may still come.
    Waits(Wait),
    /// The audit ends.
    End,
}

impl<'a> Auditor<'a> {
    /// An auditor of the database with this index key.
    pub fn new(logs: &'a dyn Logs, key: &[u8; 32], options: Options) -> Self {
        Self::over(Rc::new(logs), key, options)
    }

    fn over(logs: Rc<dyn Logs + 'a>, key: &[u8; 32], options: Options) -> Self {
        let length = logs.index().length();
        Self {
            logs,
            cache: Cache::new(options.cache),
            database: ack::to_hex(key),
            options,
            until: options.until.map_or(length, |until| until.min(length)),
            at: 0,
            batch_end: 0,
            batch_start: 0,
            batch_writes: Vec::new(),
            contract: None,
            other_contract: None,
            sources: Vec::new(),
            participants: BTreeMap::new(),
            active: HashMap::new(),
            ambiguous: HashSet::new(),
            misplaced: HashSet::new(),
            findings: Vec::new(),
            more_findings: 0,
            counts: HashMap::new(),
            any_unjudged: false,
            transactions: 0,
            verified_length: 0,
            broken: false,
            reach: Reach::default(),
            guarded: true,
            declared_by: HashMap::new(),
            source_by: Vec::new(),
            suspects: Vec::new(),
            late: None,
            last_ts: f64::NEG_INFINITY,
            begun: false,
            local: false,
            killed: HashSet::new(),
            waits: false,
            closes: false,
            passed: HashSet::new(),
            ended: false,
            torn: false,
            open: None,
            scouted: 0,
            foreseen: Foreseen::default(),
            references: None,
            running: Rc::new(|_| {}),
        }
    }

    /// Operations (by the block of their ack) that are not to be run: they were killed before.
    pub fn skip(&mut self, killed: impl IntoIterator<Item = u64>) {
        self.killed.extend(killed);
    }

    /// The length up to which everything follows the contract, no later than the first finding that decides.
    pub fn verified_length(&self) -> u64 {
        self.verified_length
    }

    /// The block before which the audit stands.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// The index key in hex.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The logs.
    pub fn logs(&self) -> &(dyn Logs + 'a) {
        &*self.logs
    }

    /// Most findings to report.
    pub fn max_findings(&self) -> usize {
        self.options.max_findings
    }

    /// The contract in force.
    pub fn contract(&self) -> Option<&Contract> {
        self.contract.as_ref()
    }

    /// Judges the genesis, then one transaction a call.
    pub fn step(&mut self) -> Step {
        let before = self.findings.len();
        self.foreseen = Foreseen::default();
        let result = match (self.ended, self.begun) {
            (true, _) => Err(Stop::End),
            (_, true) => self.transaction(),
            (_, false) => self.genesis(),
        };
        self.ended |= self.waits && self.at < self.until && matches!(result, Err(Stop::End));
        let decisive = |f: &Finding| {
            f.class == Class::Violation || f.class == Class::Missing || f.unjudged || f.class == Class::Unverifiable
        };
        self.broken |= self.findings.get(before..).unwrap_or_default().iter().any(decisive);
        self.broken |= self.any_unjudged || self.more_findings > 0;
        match result {
            Ok(()) => {
                if !self.broken {
                    self.verified_length = self.at;
                }
                Step::Judged(self.at)
            }
            // What a live audit did not find in the index it has not been shown yet.
            Err(Stop::Needs(seq)) if self.waits => {
                self.torn = true;
                Step::Waits(Wait::Index(seq))
            }
            Err(Stop::Needs(seq)) => Step::Needs { seq },
            Err(Stop::Waits(wait)) => Step::Waits(wait),
            Err(Stop::End) => Step::End,
        }
    }

    /// Notes that a block of the index is not here, so that the audit cannot go on.
    pub fn missing(&mut self, seq: u64) {
        self.add(
            Kind::BlockUnavailable,
            Some(seq),
            format!("block {seq} of the index is not here; the audit cannot go on"),
        );
    }

    // --- findings

    fn add(&mut self, kind: Kind, seq: Option<u64>, message: impl Into<String>) -> Option<usize> {
        if self.is_full(kind.class()) {
            self.more_findings = self.more_findings.saturating_add(1);
            return None;
        }
        let mut message: String = message.into();
        let mut kind = kind;
        if kind.class() == Class::Violation && !self.logs.index_is_attributed() {
            let why = "but nobody signed the index's head, or its signature does not say of which log it is";
            message = format!("{}: {message}; {why}", kind.name());
            kind = Kind::Unattributed;
        }
        *self.counts.entry(kind.class()).or_default() += 1;
        let mut finding = Finding::new(&self.database, kind, &self.database, seq, message);
        finding.accuse_executor_or(&self.suspects);
        finding.unjudged = kind == Kind::Unattributed;
        self.any_unjudged |= finding.unjudged;
        self.findings.push(finding);
        Some(self.findings.len().saturating_sub(1))
    }

    /// Are there as many findings of this class as may be reported? The limit is each class's own, so that no number of
    /// notices hides a violation.
    fn is_full(&self, class: Class) -> bool {
        self.counts.get(&class).is_some_and(|&count| count >= self.options.max_findings)
    }

    fn add_for(&mut self, ack: &Ack, kind: Kind, seq: u64, message: impl Into<String>) -> Option<usize> {
        let at = self.add(kind, Some(seq), message)?;
        if let Some(finding) = self.findings.get_mut(at) {
            finding.origin = Some(ack.origin.to_string());
            finding.op_seq = Some(ack.seq);
        }
        Some(at)
    }

    fn unjudged(&mut self, at: Option<usize>) {
        self.any_unjudged = true;
        if let Some(finding) = at.and_then(|at| self.findings.get_mut(at)) {
            finding.unjudged = true;
        }
    }

    // --- reading

    fn entry(&self, seq: u64) -> Result<Rc<Entry>, TreeError> {
        self.cache.entry(self.logs.index(), seq)
    }

    /// Only a rewritten history of this oplog is held, or one whose head does not show that its owner wrote it.
    fn is_rewritten(&self, key: &str) -> bool {
        let oplog = from_hex(key).and_then(|key| self.logs.oplog(&key));
        oplog.is_some_and(|oplog| oplog.rewritten || !oplog.attributed)
    }

    /// Whether an operation is not here: it may have written, past the guard, what an honest executor then published. Where no
    /// log can have that key there is none to wait for.
    fn is_missing(&self, operation: &Operation) -> bool {
        from_hex(&operation.origin).is_some() && !self.has_operation(&operation.origin, operation.seq)
    }

    /// Runs `work` on the state before block `at`: the published tree, or the simulated one inside a batch.
    fn with_state<T>(&self, at: u64, work: impl FnOnce(&dyn ReadView) -> T) -> Result<T, TreeError> {
        if at > self.batch_start && at < self.batch_end {
            let before = usize::try_from(at.saturating_sub(self.batch_start)).unwrap_or(usize::MAX);
            let writes = self.batch_writes.get(..before).unwrap_or(&self.batch_writes);
            let batch = batches::simulate(self.logs.index(), &self.cache, self.batch_start, writes)?;
            Ok(work(&Both(&batch, Published::new(&batch))))
        } else {
            let tree = Tree::new(self.logs.index(), &self.cache, at);
            Ok(work(&Both(&tree, Published::new(&tree))))
        }
    }

    /// Operations that were published and not acked yet, over all active inputs whose oplog is held.
    pub fn pending(&self) -> u64 {
        let pending =
            self.participants.iter().filter(|(_, participant)| participant.active).map(|(key, participant)| {
                let oplog = from_hex(key).and_then(|key| self.logs.oplog(&key));
                oplog.map_or(0, |oplog| oplog.blocks.length().saturating_sub(participant.origin.next))
            });
        pending.fold(0, u64::saturating_add)
    }
}

/// The published state, as the engine and as the tree check want it.
trait ReadView {
    fn state(&self) -> &dyn State;
    fn exists(&self, key: &[u8]) -> Result<bool, TreeError>;
    fn peculiar(&self) -> bool;
}

struct Both<'a, V>(&'a V, Published<'a, V>);

impl<V: View> ReadView for Both<'_, V> {
    fn state(&self) -> &dyn State {
        &self.1
    }
    fn exists(&self, key: &[u8]) -> Result<bool, TreeError> {
        self.0.get(key).map(|entry| entry.is_some())
    }
    fn peculiar(&self) -> bool {
        self.1.peculiar.get()
    }
}

fn tree_stop(error: TreeError) -> Stop {
    match error {
        TreeError::Missing { seq } => Stop::Needs(seq),
        TreeError::Malformed { .. } => Stop::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperbee::Blocks;
    use crate::replay::logs::Oplog;

    struct Nothing(Vec<crate::hyperbee::Block>);

    impl Logs for Nothing {
        fn index(&self) -> &dyn Blocks {
            &self.0
        }
        fn oplog(&self, _: &crate::hypercore::Key) -> Option<Oplog<'_>> {
            None
        }
    }

    #[test]
    fn no_number_of_notices_hides_a_violation() {
        let logs = Nothing(Vec::new());
        let mut auditor = Auditor::new(&logs, &[0; 32], Options { max_findings: 3, ..Options::default() });
        for seq in 0..5 {
            auditor.add(Kind::AckExtraFields, Some(seq), "");
        }
        assert_eq!((auditor.findings.len(), auditor.more_findings), (3, 2));
        assert!(auditor.add(Kind::WrongChange, Some(9), "").is_some());
        for seq in 0..5 {
            let at = auditor.add(Kind::ContractDoesNotCompile, Some(seq), "");
            if seq == 4 {
                auditor.unjudged(at);
            }
        }
        assert!(auditor.any_unjudged, "though the finding that says so is not shown");
    }
}

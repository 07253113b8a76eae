//! The auditor: one transaction after the other, each against the published state before it.
//!
//! It holds no copy of that state. What it carries from one transaction to the next is a few numbers (the next operation
//! of each oplog, the contract in force, where the open batch ends), all of which follow from the log.
//!
//! Everything published is taken as it stands, right or wrong, so that one lie is reported once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::batches::{self, Found, Start, TreeIs};
use super::contract::Contract;
use super::engine::{AckView, Applied, Budget, Dialect, LoadError, Outcome, State, Surroundings};
use super::examine::{self, Case, Compared, Examined};
use super::finding::{Accused, Also, Class, Finding, Kind, ShownChange};
use super::logs::Logs;
use super::matching::{self, Announced, Body, Expected, Issue, Matching, Published as Block};
use super::numbering::{Numbering, Origin};
use super::state::{Published, read_error};
use crate::database::path::{self, Place};
use crate::database::{Ack, DecodeError, Value, ack, decode};
use crate::hyperbee::{Cache, Entry, Tree, TreeError, View, is_header};

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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            budget: Budget::default(),
            max_findings: 100,
            until: None,
            cache: crate::hyperbee::cache::DEFAULT_CACHE_BYTES,
        }
    }
}

/// What one step of the audit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A transaction was judged; the audit now stands before this block.
    Judged(u64),
    /// A block of the index is needed and not here.
    Needs {
        /// The block.
        seq: u64,
    },
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
    logs: &'a dyn Logs,
    cache: Cache,
    database: String,
    options: Options,
    until: u64,
    at: u64,
    batch_end: u64,
    batch_start: u64,
    contract: Option<Contract>,
    other_contract: Option<Contract>,
    /// Every source that came into force: block and digest.
    pub sources: Vec<(u64, String)>,
    /// Participants by key in hex.
    pub participants: BTreeMap<String, Participant>,
    active: HashMap<String, bool>,
    ambiguous: HashSet<String>,
    /// Findings so far.
    pub findings: Vec<Finding>,
    /// Findings beyond the limit.
    pub more_findings: u64,
    /// Transactions judged.
    pub transactions: u64,
    verified_length: u64,
    broken: bool,
    /// The finding of a skip, while the operation that was skipped is judged.
    late: Option<usize>,
    last_ts: f64,
    begun: bool,
    killed: HashSet<u64>,
    /// The ack whose operation is running, for whoever watches from outside.
    pub running: Rc<dyn Fn(Option<u64>)>,
}

enum Stop {
    /// A block that is not here.
    Needs(u64),
    /// The audit ends.
    End,
}

impl<'a> Auditor<'a> {
    /// An auditor of the database with this index key.
    pub fn new(logs: &'a dyn Logs, key: &[u8; 32], options: Options) -> Self {
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
            contract: None,
            other_contract: None,
            sources: Vec::new(),
            participants: BTreeMap::new(),
            active: HashMap::new(),
            ambiguous: HashSet::new(),
            findings: Vec::new(),
            more_findings: 0,
            transactions: 0,
            verified_length: 0,
            broken: false,
            late: None,
            last_ts: f64::NEG_INFINITY,
            begun: false,
            killed: HashSet::new(),
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

    /// The contract in force.
    pub fn contract(&self) -> Option<&Contract> {
        self.contract.as_ref()
    }

    /// Judges the genesis, then one transaction a call.
    pub fn step(&mut self) -> Step {
        let before = self.findings.len();
        let result = if self.begun { self.transaction() } else { self.genesis() };
        let decisive = |f: &Finding| {
            f.class == Class::Violation || f.class == Class::Missing || f.unjudged || f.class == Class::Unverifiable
        };
        self.broken |= self.findings.get(before..).unwrap_or_default().iter().any(decisive) || self.more_findings > 0;
        match result {
            Ok(()) => {
                if !self.broken {
                    self.verified_length = self.at;
                }
                Step::Judged(self.at)
            }
            Err(Stop::Needs(seq)) => Step::Needs { seq },
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
        if self.findings.len() >= self.options.max_findings {
            self.more_findings = self.more_findings.saturating_add(1);
            return None;
        }
        let mut finding = Finding::new(&self.database, kind, &self.database, seq, message);
        if kind.class() == Class::Violation {
            finding.accused = Some(Accused::EXECUTOR);
        }
        self.findings.push(finding);
        Some(self.findings.len().saturating_sub(1))
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
        if let Some(finding) = at.and_then(|at| self.findings.get_mut(at)) {
            finding.unjudged = true;
        }
    }

    // --- reading

    fn entry(&self, seq: u64) -> Result<Rc<Entry>, TreeError> {
        self.cache.entry(self.logs.index(), seq)
    }

    /// Runs `work` on the state before block `at`: the published tree, or the simulated one inside a batch.
    fn with_state<T>(&self, at: u64, work: impl FnOnce(&dyn ReadView) -> T) -> Result<T, TreeError> {
        if at > self.batch_start && at < self.batch_end {
            let batch = batches::simulate(self.logs.index(), &self.cache, self.batch_start, at)?;
            Ok(work(&Both(&batch, Published::new(&batch))))
        } else {
            let tree = Tree::new(self.logs.index(), &self.cache, at);
            Ok(work(&Both(&tree, Published::new(&tree))))
        }
    }

    // --- genesis

    fn genesis(&mut self) -> Result<(), Stop> {
        if self.until < 2 {
            self.add(Kind::NoGenesisYet, None, "the index has no genesis yet");
            return Err(Stop::End);
        }
        let bad = |auditor: &mut Self, seq: u64, why: String| {
            auditor.add(Kind::BadGenesis, Some(seq), why);
            Err(Stop::End)
        };
        let index = self.logs.index();
        let header = index.block(0).ok_or(Stop::Needs(0))?;
        if !is_header(&header) {
            return bad(self, 0, "block 0 is not the header of a Hyperbee".into());
        }
        let mut seq = 1;
        let mut any_active = false;
        loop {
            if seq >= self.until {
                self.add(Kind::NoGenesisYet, None, "the index ends before its genesis is complete");
                return Err(Stop::End);
            }
            let block = Block::read(seq, self.entry(seq)).map_err(Stop::Needs)?;
            let Body::Entry { entry, value, .. } = &block.body else {
                return bad(self, seq, format!("block {seq} is no entry"));
            };
            match (seq, Place::of(entry.key()), value) {
                (1, Place::Source, Some(Value::Str(source))) => {
                    let source = source.clone();
                    self.adopt_source(&source, seq);
                }
                (1, ..) => return bad(self, 1, "block 1 is not the contract source".into()),
                (_, Place::Input(name), Some(value)) => {
                    let Some(active) = ack::parse_input(name, value) else {
                        return bad(self, seq, format!("block {seq} is no valid input declaration"));
                    };
                    any_active |= active;
                    self.adopt_input(&String::from_utf8_lossy(name), Some(value), false);
                }
                _ if entry.key() == path::GENESIS_ACK && value.is_some() => {
                    if !any_active {
                        return bad(self, seq, "the genesis declares no active input".into());
                    }
                    break;
                }
                _ => return bad(self, seq, format!("block {seq} does not belong in a genesis")),
            }
            seq = seq.saturating_add(1);
        }
        self.begun = true;
        self.batch_start = 1;
        self.batch_end = 1;
        // The genesis is a transaction without an operation: what follows it up to the first ack is unprompted.
        let announced = Announced { seq, success: true, changes: 0 };
        let expected = Expected { success: true, ..Expected::default() };
        let matching =
            matching::matching(announced, Some(&expected), self.until, |seq| self.entry(seq)).map_err(Stop::Needs)?;
        let certain = self.tree_issues(1, &matching, Some(&expected))?;
        self.settle(None, seq, matching, certain, None)
    }

    // --- inputs and sources

    fn adopt_source(&mut self, source: &str, seq: u64) {
        let digest = ack::to_hex(&crate::hypercore::hash::blake2b(&[source.as_bytes()]));
        self.sources.push((seq, digest));
        let mut contract = Contract::new(source, seq, &self.database, self.options.budget);
        self.other_contract = None;
        if source.is_empty() {
            self.add(Kind::EmptyContract, Some(seq), "the contract source is empty");
        } else if let Some(error) = &contract.scan.syntax_error {
            let text = format!("the contract does not compile: {}", error.message);
            self.add(Kind::ContractDoesNotCompile, Some(seq), text);
        } else {
            let state = Empty;
            if let Err(LoadError::Evaluation(why)) = contract.load(self.around(0.0), &state) {
                self.add(Kind::ContractDoesNotCompile, Some(seq), format!("the contract's module code fails: {why}"));
            }
        }
        self.contract = Some(contract);
    }

    fn adopt_input(&mut self, name: &str, value: Option<&Value>, bypass: bool) {
        let active =
            value.and_then(|value| value.field("active")).is_some_and(|active| matches!(active, Value::Bool(true)));
        self.active.remove(name);
        if bypass {
            self.ambiguous.insert(name.to_owned());
        }
        let participant = self.participants.entry(name.to_owned()).or_default();
        if participant.active && !active {
            participant.origin.deactivated = true;
        }
        if !participant.active && active && participant.origin.deactivated {
            participant.origin.readded = participant.origin.readded.saturating_add(1);
        }
        participant.active = active;
    }

    /// Is `origin` an active input in the published state before block `at`?
    fn is_active(&mut self, origin: &str, at: u64) -> Result<Option<bool>, Stop> {
        if let Some(&active) = self.active.get(origin) {
            return Ok(Some(active));
        }
        let mut key = path::INPUTS.to_vec();
        key.extend_from_slice(origin.as_bytes());
        let found = self.with_state(at, |view| view.state().get(&key));
        let active = match found.map_err(read_error).and_then(|found| found) {
            Ok(found) => {
                let declared =
                    found.is_some_and(|(_, value)| ack::parse_input(origin.as_bytes(), &value) == Some(true));
                Some(declared)
            }
            Err(super::engine::ReadError::Missing(seq)) => return Err(Stop::Needs(seq)),
            Err(_) => None,
        };
        if let Some(active) = active {
            self.active.insert(origin.to_owned(), active);
        }
        Ok(active)
    }

    // --- transactions

    fn around(&self, ts: f64) -> Surroundings {
        // Just before the ack was made: no honest clock shows that inside the operation, so a contract that writes its
        // clock never matches by chance, and one that only checks it sees a plausible time.
        Surroundings { clock: ts.trunc() - 1.0, seed: 0x5eed, writer: true, locale: 0, dialect: Dialect::New }
    }

    fn transaction(&mut self) -> Result<(), Stop> {
        let at = self.at;
        if at >= self.until {
            return Err(Stop::End);
        }
        let block = Block::read(at, self.entry(at)).map_err(Stop::Needs)?;
        let parsed = match &block.body {
            Body::Entry { value: Some(value), peculiar, .. } => {
                Ack::parse(value).map_err(|why| (why.to_string(), *peculiar))
            }
            Body::Entry { value: None, .. } => Err(("an ack was deleted or set to null".to_owned(), false)),
            Body::Malformed { why, .. } => Err((why.clone(), false)),
        };
        match parsed {
            Ok(ack) => self.acked(at, &block, &ack),
            Err((why, peculiar)) => self.bad_ack(at, &block, &why, peculiar),
        }
    }

    /// Everything up to the next ack goes unjudged.
    fn bad_ack(&mut self, at: u64, block: &Block, why: &str, peculiar: bool) -> Result<(), Stop> {
        let unbounded = Announced { seq: at, success: false, changes: u64::MAX };
        let matching = matching::matching(unbounded, None, self.until, |seq| self.entry(seq)).map_err(Stop::Needs)?;
        if self.cut_off(&matching) {
            return Err(Stop::End);
        }
        let kind = match &block.body {
            _ if peculiar => Kind::EngineSpecific,
            Body::Malformed { .. } => Kind::MalformedEntry,
            Body::Entry { .. } => Kind::AckMalformed,
        };
        let mut certain = vec![(Issue { kind, seq: at, expected: None, published: None }, why.to_owned())];
        certain.extend(self.tree_issues(at, &matching, None)?);
        self.settle(None, at, matching, certain, None)
    }

    /// With `--until`, the audit stops at the last whole transaction.
    fn cut_off(&self, matching: &Matching) -> bool {
        matching.end >= self.until && self.until < self.logs.index().length() && {
            // Whole, if the next entry begins another transaction.
            !self.entry(self.until).is_ok_and(|entry| Place::of(entry.key()) == Place::Ack)
        }
    }

    fn acked(&mut self, at: u64, block: &Block, ack: &Ack) -> Result<(), Stop> {
        let mut certain: Vec<(Issue, String)> = Vec::new();
        let mut note =
            |kind, seq, why: String| certain.push((Issue { kind, seq, expected: None, published: None }, why));
        if block.key() != Some(&*ack.key()) {
            note(Kind::AckPathMismatch, at, "the ack is stored at the path of another operation".into());
        }
        let active = self.is_active(&ack.origin, at)?;
        if active == Some(false) && !self.ambiguous.contains(&*ack.origin) {
            note(Kind::NonParticipant, at, "the ack is for a log that is no active input at this point".into());
        }
        let processes = self.contract.iter().chain(&self.other_contract).any(|contract| contract.scan.exports_process);
        if !ack.metadata.is_nullish() && !processes {
            note(Kind::MetadataInvented, at, "the ack has metadata, but the contract exports no process()".into());
        }

        // What the operation comes to, and how the entries fit that.
        let replay = self.replay(at, ack)?;
        let announced = Announced { seq: at, success: ack.success, changes: ack.num_changes };
        let matching = matching::matching(announced, replay.expected.as_ref(), self.until, |seq| self.entry(seq))
            .map_err(Stop::Needs)?;
        if self.cut_off(&matching) {
            return Err(Stop::End);
        }
        self.number(at, ack, &mut certain);
        self.notices(at, block, ack, &matching, &replay);
        certain.extend(self.tree_issues(at, &matching, replay.expected.as_ref())?);
        self.settle(Some(ack), at, matching, certain, Some(replay))
    }

    fn number(&mut self, at: u64, ack: &Ack, certain: &mut Vec<(Issue, String)>) {
        let next_finding = self.findings.len();
        let origin = &mut self.participants.entry(ack.origin.to_string()).or_default().origin;
        let numbering = origin.ack(ack.seq, next_finding);
        let (deactivated, allowed) = (origin.deactivated, origin.readded.saturating_add(1));
        let mut note =
            |kind, why: String| certain.push((Issue { kind, seq: at, expected: None, published: None }, why));
        let race = "this input was removed before; an honest executor that restarts on a backlog with a removal and a \
                    re-adding skips and repeats its operations";
        match numbering {
            Numbering::Next => {}
            Numbering::Repeated { times } if deactivated && times <= allowed => note(Kind::ReaddRace, race.into()),
            Numbering::Repeated { .. } => note(Kind::OpRepeated, format!("operation {} was acked before", ack.seq)),
            Numbering::Skipped { .. } if deactivated => note(Kind::ReaddRace, race.into()),
            Numbering::Skipped { expected } => {
                note(Kind::OpSkipped, format!("operation {} is acked, but operation {expected} comes next", ack.seq));
            }
            Numbering::Late { finding } => {
                let skipped = |f: &&mut Finding| f.kind == Kind::OpSkipped;
                if let Some(found) = self.findings.get_mut(finding).filter(skipped) {
                    found.also.push(Also { kind: Kind::OpSkipped, seq: at });
                    self.late = Some(finding);
                }
            }
        }
    }

    fn notices(&mut self, at: u64, block: &Block, ack: &Ack, matching: &Matching, replay: &Replay) {
        let _ = block;
        if !ack.extra_fields.is_empty() {
            let names = ack.extra_fields.join(", ");
            self.add_for(ack, Kind::AckExtraFields, at, format!("the ack has fields that acks do not have: {names}"));
        }
        if ack.ts < self.last_ts {
            self.add_for(ack, Kind::TimestampBackwards, at, "the ack is older than the one before it");
        }
        self.last_ts = ack.ts;
        if replay.undecodable && !ack.success {
            self.add_for(ack, Kind::MalformedOp, at, "the operation cannot be decoded; it was acked as failed");
        }
        if let (false, Some(Outcome::Failure { text, own: true }), Some(error)) =
            (ack.success, replay.outcome(), &ack.error)
            && text != error
            && !examine::runtime_died(Some(error))
        {
            let text = format!("the recorded error is {error:?}, the contract's is {text:?}");
            self.add_for(ack, Kind::ErrorTextDiffers, at, text);
        }
        if matching.reordered && matching.by_replay.is_empty() {
            self.add_for(ack, Kind::ChangeOrderDiffers, at, "the changes are in another order than the root locale's");
        }
    }

    /// Replays the operation of an ack as far as that can be done.
    fn replay(&mut self, at: u64, ack: &Ack) -> Result<Replay, Stop> {
        let mut replay = Replay::default();
        let Some(key) = from_hex(&ack.origin) else { return Ok(replay) };
        let Some(oplog) = self.logs.oplog(&key).filter(|oplog| oplog.blocks.length() > ack.seq) else {
            replay.hindrance =
                Some((Kind::OpUnavailable, "the operation is beyond every head of its oplog that is held".into()));
            return Ok(replay);
        };
        replay.op_rewritten = oplog.rewritten;
        let Some(bytes) = oplog.blocks.block(ack.seq) else {
            replay.hindrance = Some((Kind::BlockUnavailable, "the block of the operation is not here".into()));
            return Ok(replay);
        };
        let op = match decode(&bytes) {
            Ok(decoded) => {
                replay.op_peculiar = decoded.peculiar;
                decoded.value
            }
            Err(error) => {
                replay.undecodable = true;
                if ack.success {
                    let sure = matches!(error, DecodeError::Malformed { .. });
                    let text = format!("the operation was acked as a success, but {error}");
                    let text = if sure { text } else { format!("{text}; other decoders may read it") };
                    replay.hindrance = Some((Kind::UndecodableOp, text));
                } else {
                    replay.expected = Some(Expected::default());
                }
                return Ok(replay);
            }
        };
        if self.killed.contains(&at) {
            let text = "the replay of this operation was killed in a loop that cannot be interrupted";
            replay.hindrance = Some((Kind::BudgetExhausted, text.into()));
            if let Some(contract) = &mut self.contract {
                contract.restart();
            }
            return Ok(replay);
        }
        let Some(mut contract) = self.contract.take() else { return Ok(replay) };
        if contract.source.is_empty() {
            replay.hindrance =
                Some((Kind::EmptyContract, "the contract source is empty; nothing can be replayed".into()));
            self.contract = Some(contract);
            return Ok(replay);
        }
        if let Some(error) = &contract.scan.syntax_error {
            let text = format!("the contract does not compile: {}", error.message);
            replay.hindrance = Some((Kind::ContractDoesNotCompile, text));
            self.contract = Some(contract);
            return Ok(replay);
        }
        let around = self.around(ack.ts);
        (self.running)(Some(at));
        let applied = self.with_state(at, |view| {
            let acked = AckView { origin: &ack.origin, seq: ack.seq, ts: ack.ts, metadata: &ack.metadata };
            let applied = contract.apply(&op, &acked, around, view.state());
            let expected = match &applied {
                Ok(applied) => expect(applied, view),
                Err(_) => Ok(None),
            };
            (applied, expected, view.peculiar())
        });
        (self.running)(None);
        self.contract = Some(contract);
        let (applied, expected, peculiar) = match applied {
            Ok(done) => done,
            Err(TreeError::Missing { seq }) => return Err(Stop::Needs(seq)),
            Err(error) => {
                replay.hindrance =
                    Some((Kind::StateUnreadable, format!("the published state cannot be read: {error}")));
                return Ok(replay);
            }
        };
        replay.state_peculiar = peculiar;
        replay.op = Some(op);
        match applied {
            Err(LoadError::Syntax(why)) => {
                let text = format!("this engine refuses a contract that others may compile: {why}");
                replay.hindrance = Some((Kind::EngineSpecific, text));
            }
            Err(error) => {
                if let Examined::Unjudged { kind, message, .. } = examine::load_failure(&error) {
                    replay.hindrance = Some((kind, message));
                }
            }
            Ok(applied) => {
                if let Outcome::Missing(seq) = applied.outcome {
                    return Err(Stop::Needs(seq));
                }
                if let Some(Examined::Unjudged { kind, message, .. }) = examine::extraordinary(&applied.outcome) {
                    replay.hindrance = Some((kind, message));
                } else {
                    match expected {
                        Ok(expected) => replay.expected = expected,
                        Err(TreeError::Missing { seq }) => return Err(Stop::Needs(seq)),
                        Err(error) => {
                            let text = format!("the published state cannot be read: {error}");
                            replay.hindrance = Some((Kind::StateUnreadable, text));
                        }
                    }
                }
                replay.applied = Some(applied);
            }
        }
        Ok(replay)
    }

    /// Compares the tree of the batch that ends (or does not end) with this transaction.
    fn tree_issues(
        &mut self,
        at: u64,
        matching: &Matching,
        expected: Option<&Expected>,
    ) -> Result<Vec<(Issue, String)>, Stop> {
        let mut issues = Vec::new();
        if at > self.batch_start && at < self.batch_end {
            let kind = Kind::TransactionsShareABatch;
            if Place::of(self.entry(at).map_err(tree_stop)?.key()) == Place::Ack {
                self.add(kind, Some(at), "this transaction shares a batch with the one before it");
            }
        }
        let mut from = self.batch_end.max(1);
        let mut first = true;
        while from < matching.end {
            let writes = self.writes_of(from, at, matching, expected)?;
            let start = Start { from, end: matching.end, writes: &writes, until: self.until };
            let found: Found = batches::find(self.logs.index(), &self.cache, &start).map_err(Stop::Needs)?;
            let unprompted = matching.certain.iter().any(|issue| issue.kind == Kind::UnpromptedWrite);
            if found.end < matching.end && first && !unprompted && matches!(found.tree, TreeIs::Canonical) {
                self.add(
                    Kind::TransactionSplitOverAppends,
                    Some(at),
                    "this transaction was appended in several batches",
                );
            }
            first = false;
            let last = found.end.saturating_sub(1);
            match found.tree {
                TreeIs::Canonical => {}
                TreeIs::SameContent => {
                    self.add(
                        Kind::NonCanonicalTree,
                        Some(last),
                        "the tree has another shape than Hyperbee's, with the same content",
                    );
                }
                TreeIs::Tampered(why) => {
                    let issue = Issue { kind: Kind::IndexTampered, seq: last, expected: None, published: None };
                    issues.push((issue, format!("the tree in the blocks does not follow from the history: {why}")));
                    self.active.clear();
                }
                TreeIs::Unjudged(why) => {
                    let malformed = matching.entries.iter().any(|entry| matches!(entry.body, Body::Malformed { .. }));
                    if !malformed && self.entry(at).is_ok() {
                        let text = format!("the tree of this batch cannot be checked: {why}");
                        let at = self.add(Kind::StateUnreadable, Some(last), text);
                        self.unjudged(at);
                    }
                }
            }
            if let Some(seq) = found.flipped {
                let issue = Issue { kind: Kind::IndexTampered, seq, expected: None, published: None };
                issues.push((
                    issue,
                    "readers take this block for a delete where the contract puts null, or the reverse".into(),
                ));
            }
            self.batch_start = from;
            self.batch_end = found.end;
            from = found.end;
        }
        Ok(issues)
    }

    /// How the blocks from `from` to the transaction's end write.
    fn writes_of(
        &self,
        from: u64,
        at: u64,
        matching: &Matching,
        expected: Option<&Expected>,
    ) -> Result<Vec<crate::hyperbee::Kind>, Stop> {
        use crate::hyperbee::Kind as Write;
        // Almost always every block has a value, and nothing needs to be asked.
        let valueless = matching.entries.iter().any(|block| block.entry().is_some_and(|entry| entry.value().is_none()));
        let entries = if valueless {
            let tree = Tree::new(self.logs.index(), &self.cache, from);
            let written: HashMap<&[u8], u64> = HashMap::new();
            let _ = written;
            matching::writes(matching, expected, |key| tree.get(key).map(|entry| entry.is_some())).map_err(tree_stop)?
        } else {
            vec![Write::Put; matching.entries.len()]
        };
        // Blocks before the entries (the ack, the genesis) are puts, but for an ack that was deleted.
        let mut writes = Vec::with_capacity(entries.len().saturating_add(1));
        let first_entry = matching.end.saturating_sub(matching.entries.len() as u64);
        for seq in from..first_entry {
            let deleted = seq == at && self.entry(seq).is_ok_and(|entry| entry.value().is_none());
            writes.push(if deleted { Write::Del } else { Write::Put });
        }
        let skip = usize::try_from(from.saturating_sub(first_entry)).unwrap_or(usize::MAX);
        writes.extend(entries.into_iter().skip(skip));
        Ok(writes)
    }

    /// Reports what does not fit, takes what was published as it stands, and moves on.
    fn settle(
        &mut self,
        ack: Option<&Ack>,
        at: u64,
        matching: Matching,
        mut certain: Vec<(Issue, String)>,
        replay: Option<Replay>,
    ) -> Result<(), Stop> {
        let replay = replay.unwrap_or_default();
        let judged = self.judge_replay(ack, at, &matching, &replay)?;
        let split_later = |issue: &Issue| issue.kind == Kind::UnpromptedWrite;
        certain.extend(matching.certain.iter().map(|issue| {
            let text = if split_later(issue) {
                "no operation announced this entry".to_owned()
            } else {
                "the block is no entry of a Hyperbee with a msgpack value".to_owned()
            };
            (issue.clone(), text)
        }));
        let displaced = self.report_certain(ack, certain, &matching, &judged).or(self.late.take());
        match displaced {
            // An ack that should not be here at all: what its replay shows is an aside.
            Some(home) => self.add_aside(home, &matching, &judged),
            None => self.report_replay(ack, &matching, &replay, judged),
        }
        self.adopt_entries(&matching, replay.expected.as_ref(), at);
        if ack.is_some() {
            self.transactions = self.transactions.saturating_add(1);
        }
        self.at = matching.end;
        Ok(())
    }

    fn judge_replay(
        &mut self,
        ack: Option<&Ack>,
        at: u64,
        matching: &Matching,
        replay: &Replay,
    ) -> Result<Judged, Stop> {
        let Some(ack) = ack else { return Ok(Judged::default()) };
        if let Some((kind, message)) = &replay.hindrance {
            return Ok(Judged { unjudged: Some((*kind, message.clone(), None)), ..Judged::default() });
        }
        if matching.by_replay.is_empty() {
            return Ok(Judged::default());
        }
        if self.findings.len() >= self.options.max_findings {
            self.more_findings = self.more_findings.saturating_add(1);
            return Ok(Judged::default());
        }
        let (Some(op), Some(applied)) = (&replay.op, &replay.applied) else {
            // An operation that cannot be decoded was acked as failed, with changes.
            return Ok(Judged { accuse: true, ..Judged::default() });
        };
        let Some(contract) = self.contract.take() else { return Ok(Judged::default()) };
        let other = self.other_contract.take();
        let contested = contested_order(replay.expected.as_ref(), matching);
        (self.running)(Some(at));
        let examined = self.with_state(at, |view| {
            let case = Case {
                op,
                op_peculiar: replay.op_peculiar,
                state_peculiar: replay.state_peculiar || matching.peculiar,
                op_rewritten: replay.op_rewritten,
                ack,
                state: view.state(),
                budget: self.options.budget,
                around: self.around(ack.ts),
                other: other.as_ref(),
            };
            examine::examine(&case, &contract, applied, &|applied| self.compare(at, ack, applied, view))
        });
        (self.running)(None);
        self.contract = Some(contract);
        self.other_contract = other;
        let examined = match examined {
            Ok(Ok(examined)) => examined,
            Ok(Err(seq)) => return Err(Stop::Needs(seq)),
            Err(error) => return Err(tree_stop(error)),
        };
        Ok(match examined {
            Examined::Match => Judged { matches: true, ..Judged::default() },
            Examined::MatchesOtherReading => {
                // Only the other reading fits: the first one is closed.
                self.contract = self.other_contract.take().or(self.contract.take());
                Judged { matches: true, ..Judged::default() }
            }
            Examined::Accuse if contested => {
                let text = "one key is written twice, in an order that engines disagree about";
                Judged { unjudged: Some((Kind::OrderInconclusive, text.into(), None)), ..Judged::default() }
            }
            Examined::Accuse => Judged { accuse: true, ..Judged::default() },
            Examined::Unjudged { kind, message, explained } => {
                Judged { unjudged: Some((kind, message, explained)), ..Judged::default() }
            }
        })
    }

    fn compare(&self, at: u64, ack: &Ack, applied: &Applied, view: &dyn ReadView) -> Result<Compared, u64> {
        // Another run is over; whoever watches from outside counts each by itself.
        (self.running)(Some(at));
        let expected = match expect(applied, view) {
            Ok(Some(expected)) => expected,
            Ok(None) => return Ok(Compared::Undecided),
            Err(TreeError::Missing { seq }) => return Err(seq),
            Err(_) => return Ok(Compared::Undecided),
        };
        let announced = Announced { seq: at, success: ack.success, changes: ack.num_changes };
        let matching = matching::matching(announced, Some(&expected), self.until, |seq| self.entry(seq))?;
        if matching.by_replay.is_empty() && !matching.certain.iter().any(|issue| issue.kind == Kind::UnpromptedWrite) {
            return Ok(Compared::Match);
        }
        let changes: Vec<_> = expected.changes.iter().map(|change| (&change.key, &change.put)).collect();
        let result = format!("{} {} {changes:?}", expected.success, expected.actions);
        Ok(Compared::Mismatch { success: expected.success, result })
    }

    fn add_aside(&mut self, home: usize, matching: &Matching, judged: &Judged) {
        if let (true, Some(finding)) = (judged.accuse, self.findings.get_mut(home)) {
            finding.also.extend(matching.by_replay.iter().map(|issue| Also { kind: issue.kind, seq: issue.seq }));
        }
    }

    /// At most one finding that is certain, the first of the rulebook's table; the rest goes into its `also`.
    ///
    /// Gives the finding's place when it says that the ack itself should not be there.
    fn report_certain(
        &mut self,
        ack: Option<&Ack>,
        mut certain: Vec<(Issue, String)>,
        matching: &Matching,
        judged: &Judged,
    ) -> Option<usize> {
        if judged.matches {
            // Under the run that matches, what seemed unprompted was the contract's.
            certain.retain(|(issue, _)| issue.kind != Kind::UnpromptedWrite);
        }
        certain.sort_by_key(|(issue, _)| (issue.kind, issue.seq));
        let (violations, others): (Vec<_>, Vec<_>) =
            certain.into_iter().partition(|(issue, _)| issue.kind.class() == Class::Violation);
        for (issue, text) in others {
            let at = match ack {
                Some(ack) => self.add_for(ack, issue.kind, issue.seq, text),
                None => self.add(issue.kind, Some(issue.seq), text),
            };
            if issue.kind != Kind::ReaddRace {
                self.unjudged(at);
            }
        }
        let (first, rest) = violations.split_first()?;
        let (issue, text) = first;
        let at = match ack {
            Some(ack) => self.add_for(ack, issue.kind, issue.seq, text.clone()),
            None => self.add(issue.kind, Some(issue.seq), text.clone()),
        };
        let shown = issue.published.and_then(|place| matching.entries.get(place)).and_then(show_published);
        if let Some(finding) = at.and_then(|at| self.findings.get_mut(at)) {
            finding.also = rest.iter().map(|(issue, _)| Also { kind: issue.kind, seq: issue.seq }).collect();
            finding.published = shown;
        }
        let displaced =
            |kind| matches!(kind, Kind::AckPathMismatch | Kind::NonParticipant | Kind::OpRepeated | Kind::OpSkipped);
        at.filter(|_| displaced(issue.kind))
    }

    fn report_replay(&mut self, ack: Option<&Ack>, matching: &Matching, replay: &Replay, judged: Judged) {
        let Some(ack) = ack else { return };
        let at = matching.end.saturating_sub(matching.entries.len() as u64).saturating_sub(1);
        if let Some((kind, message, explained)) = judged.unjudged {
            let at = self.add_for(ack, kind, at, message);
            let missing = kind.class() == Class::Missing;
            if let Some(finding) = at.and_then(|at| self.findings.get_mut(at)) {
                finding.unjudged = !missing;
                finding.explained = explained.map(str::to_owned);
            }
            return;
        }
        if !judged.accuse {
            return;
        }
        let mut issues: Vec<&Issue> = matching.by_replay.iter().collect();
        issues.sort_by_key(|issue| (issue.kind, issue.seq));
        let Some((first, rest)) = issues.split_first() else { return };
        let change = first.expected.and_then(|place| replay.expected.as_ref()?.changes.get(place));
        let expected = change.map(|change| ShownChange::new(&change.key, change.put.as_ref()));
        let published = first.published.and_then(|place| matching.entries.get(place)).and_then(show_published);
        let message = replay_message(first.kind, first.seq, matching, self.until, replay);
        let Some(at) = self.add_for(ack, first.kind, first.seq, message) else { return };
        if let Some(finding) = self.findings.get_mut(at) {
            let owner = Accused::Participant { key: ack.origin.to_string() };
            finding.accused = Some(Accused::Executor { or: Some(Box::new(owner)) });
            finding.also = rest.iter().map(|issue| Also { kind: issue.kind, seq: issue.seq }).collect();
            finding.expected = expected;
            finding.published = published;
        }
    }

    /// Takes inputs, sources and forged acks of a transaction as they were published.
    fn adopt_entries(&mut self, matching: &Matching, expected: Option<&Expected>, ack_seq: u64) {
        for block in &matching.entries {
            let Some(entry) = block.entry() else { continue };
            let place = Place::of(entry.key());
            if place == Place::Data {
                continue;
            }
            let bypass = block.matched.and_then(|at| expected?.changes.get(at)).is_some_and(|change| change.bypass);
            if bypass {
                let text = format!("the contract wrote {} past the runtime's guard", path::display(entry.key()));
                self.add(Kind::ProtectedPathWrite, Some(block.seq), text);
            }
            let value = match &block.body {
                Body::Entry { value, .. } => value.clone(),
                Body::Malformed { .. } => None,
            };
            match place {
                Place::Source => self.adopt_written_source(value.as_ref(), block.seq, bypass),
                Place::Input(name) => {
                    let name = String::from_utf8_lossy(name).into_owned();
                    self.adopt_input(&name, value.as_ref(), bypass);
                }
                Place::Ack if bypass => {
                    let parsed = value.as_ref().and_then(|value| Ack::parse(value).ok());
                    let named =
                        forged_place(entry.key()).or_else(|| parsed.map(|ack| (ack.origin.to_string(), ack.seq)));
                    if let Some((origin, seq)) = named {
                        let origin = &mut self.participants.entry(origin).or_default().origin;
                        origin.forged.extend([seq, seq.saturating_add(1)]);
                    }
                }
                _ => {}
            }
        }
        let _ = ack_seq;
    }

    fn adopt_written_source(&mut self, value: Option<&Value>, seq: u64, bypass: bool) {
        let source = value.and_then(Value::as_str).unwrap_or_default().to_owned();
        if bypass {
            // It takes effect with the executor's next restart, which no log records: both stay open.
            self.other_contract = Some(Contract::new(&source, seq, &self.database, self.options.budget));
        } else {
            self.adopt_source(&source, seq);
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

/// What the replay of an operation came to.
#[derive(Default)]
struct Replay {
    op: Option<Value>,
    op_peculiar: bool,
    op_rewritten: bool,
    state_peculiar: bool,
    undecodable: bool,
    applied: Option<Applied>,
    expected: Option<Expected>,
    hindrance: Option<(Kind, String)>,
}

impl Replay {
    fn outcome(&self) -> Option<&Outcome> {
        self.applied.as_ref().map(|applied| &applied.outcome)
    }
}

#[derive(Default)]
struct Judged {
    accuse: bool,
    matches: bool,
    unjudged: Option<(Kind, String, Option<&'static str>)>,
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

/// The state in which module code runs before there is any: it can read nothing.
struct Empty;

impl State for Empty {
    fn get(&self, _: &[u8]) -> Result<Option<(u64, Value)>, super::engine::ReadError> {
        Ok(None)
    }
    fn list(&self, _: &super::engine::ListRequest) -> Result<Vec<super::engine::ListEntry>, super::engine::ReadError> {
        Ok(Vec::new())
    }
}

/// What should have been published, if the outcome is an ordinary one.
fn expect(applied: &Applied, view: &dyn ReadView) -> Result<Option<Expected>, TreeError> {
    match &applied.outcome {
        Outcome::Success { changes, actions } => {
            Expected::new(true, changes.clone(), *actions, |key| view.exists(key)).map(Some)
        }
        Outcome::Failure { .. } | Outcome::Dies => Ok(Some(Expected::default())),
        Outcome::Missing(seq) => Err(TreeError::Missing { seq: *seq }),
        Outcome::NeverSettles | Outcome::Exhausted(_) | Outcome::Unreadable(_) => Ok(None),
    }
}

fn tree_stop(error: TreeError) -> Stop {
    match error {
        TreeError::Missing { seq } => Stop::Needs(seq),
        TreeError::Malformed { .. } => Stop::End,
    }
}

fn show_published(block: &Block) -> Option<ShownChange> {
    match &block.body {
        Body::Entry { entry, value, .. } => Some(ShownChange::new(entry.key(), value.as_ref())),
        Body::Malformed { .. } => None,
    }
}

/// Origin and number that the path of an ack names.
fn forged_place(key: &[u8]) -> Option<(String, u64)> {
    let rest = std::str::from_utf8(key.strip_prefix(path::ACKS)?).ok()?;
    let (origin, seq) = rest.split_once('\0')?;
    Some((origin.to_owned(), seq.parse().ok()?))
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if !ack::is_key_hex(text.as_bytes()) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// Do expected changes of one key differ in paths whose order engines disagree about?
fn contested_order(expected: Option<&Expected>, matching: &Matching) -> bool {
    let Some(expected) = expected else { return false };
    let wrong: HashSet<usize> = matching.by_replay.iter().filter_map(|issue| issue.expected).collect();
    let contested = |at: &usize| {
        let Some(change) = expected.changes.get(*at) else { return false };
        let twins = expected.changes.iter().filter(|other| other.key == change.key && other.path != change.path);
        twins.count() > 0 && crate::database::unicode::order_is_contested(&change.path)
    };
    wrong.iter().any(contested)
}

fn replay_message(kind: Kind, seq: u64, matching: &Matching, until: u64, replay: &Replay) -> String {
    match kind {
        Kind::FalseFailure => "the ack says that the operation failed; the contract succeeds".into(),
        Kind::FalseSuccess => match replay.outcome() {
            Some(Outcome::Failure { text, .. }) => {
                format!("the ack says that the operation succeeded; the contract fails with {text:?}")
            }
            _ => "the ack says that the operation succeeded; the contract fails".into(),
        },
        Kind::WrongChange => format!("block {seq} is not the change that the contract makes"),
        Kind::ExtraChange => format!("the contract does not make the change of block {seq}"),
        Kind::MissingChange if matching.end >= until => {
            "the log ends without a change that the contract makes; a longer head could still complete it".into()
        }
        Kind::MissingChange => "a change that the contract makes was not published".into(),
        Kind::ChangeCountMismatch => {
            let actions = replay.expected.as_ref().map_or(0, |expected| expected.actions);
            format!("the ack announces another number of changes than the contract's {actions}")
        }
        _ => kind.name().into(),
    }
}

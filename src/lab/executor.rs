//! An executor: what Vitra's does with the operations that participants publish.
//!
//! A [`Lab`] is a whole database with everybody in it: the index log, the oplogs, and the executor's own state (which inputs
//! there are, which operation of each comes next, the contract in force). It reads its state through the tree that it
//! published, as the real executor does, and writes one Hyperbee batch and one signed head for each transaction.
//!
//! Everything here is honest. What is not lies in [`super::lies`], which changes drafts and blocks on their way.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use super::draft::{Draft, What, Write, put_all};
use super::log::{KeyScheme, Log, Memory, Owner, Store};
use crate::database::ack::{is_key_hex, parse_input, to_hex};
use crate::database::path::{self, Place};
use crate::database::{Ack, Value, decode};
use crate::hyperbee::{Batch, Bounds, Cache, Tree, TreeError, View};
use crate::hypercore::views::{Conflict, conflicts, rewritten_from};
use crate::hypercore::{Key, Nodes};
use crate::proofs::Evidence;
use crate::replay::contract::Contract;
use crate::replay::engine::{AckView, Budget, Called, Delivery, Dialect, LoadError, Outcome, State, Surroundings};
use crate::replay::logs::{History, Logs, Oplog};
use crate::replay::reference::{Question, References, Reply, ask_one};
use crate::replay::state::Published;

/// The first block of every index.
pub const HEADER: &[u8] = b"\x0a\x08hyperbee";

/// When the lab's clock starts, in milliseconds since 1970.
const START: f64 = 1_700_000_000_000.0;
/// Decoded nodes that an executor keeps: those of a million entries of a few words, so that it reads few blocks again.
const CACHE_BYTES: usize = 256 << 20;

/// Why the lab cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Its logs cannot be written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The index cannot be read (a lie may have seen to that).
    #[error("the index cannot be read: {0}")]
    Tree(#[from] TreeError),
    /// The contract cannot be loaded.
    #[error("the contract cannot be loaded: {}", contract_error(.0))]
    Contract(LoadError),
    /// There is no such participant, or no such operation.
    #[error("there is no {0}")]
    Nothing(&'static str),
    /// The operation would kill or block a real executor.
    #[error("operation {seq} never ends, or ends the executor: {what}")]
    Stuck {
        /// Its place in the oplog.
        seq: u64,
        /// What it came to.
        what: Box<str>,
    },
}

fn contract_error(error: &LoadError) -> String {
    match error {
        LoadError::Syntax(text) => format!("it does not compile: {text}"),
        LoadError::Evaluation(text) => format!("its code fails: {text}"),
        LoadError::Exhausted(what) => format!("it uses up its budget of {what:?}"),
    }
}

/// The blocks of a batch, and for each entry the number of its block: none for a delete of an absent key.
pub type Written = (Vec<Vec<u8>>, Vec<Option<u64>>);

/// What the executor knows of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Declared active.
    pub active: bool,
    /// The next operation to execute.
    pub next: u64,
    /// It was declared inactive at some time.
    pub removed: bool,
}

/// A database in the making.
pub struct Lab<S> {
    /// The index log.
    pub index: Log<S>,
    /// The participants' logs: the first ones are the declared inputs, others may join.
    pub oplogs: Vec<Log<S>>,
    inputs: BTreeMap<String, Input>,
    contract: Contract,
    cache: Cache,
    clock: f64,
    budget: Budget,
    /// What runs operations instead of the replay's engine: a real executor's.
    pub engine: Option<Engine>,
}

/// A reference runtime that executes operations.
#[derive(Clone)]
pub struct Engine {
    /// The runtimes.
    pub references: Rc<dyn References>,
    /// Which of them, by number.
    pub at: usize,
}

impl Engine {
    fn apply(&self, contract: &Contract, op: &[u8], ack: &AckView<'_>, state: &dyn State) -> Result<Outcome, LabError> {
        let question = Question { source: &contract.source, index: contract.index(), operation: op, ack };
        let stuck = |what: String| LabError::Stuck { seq: ack.seq, what: what.into() };
        let missing = |seq| LabError::Tree(TreeError::Missing { seq });
        match ask_one(&*self.references, self.at, &question, state).map_err(missing)? {
            Reply::Outcome { outcome, .. } => Ok(outcome),
            Reply::None(why) => Err(stuck(why)),
        }
    }
}

/// How a lab begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The contract's source.
    pub source: String,
    /// How many participants are declared as inputs.
    pub participants: usize,
    /// How many more oplogs there are.
    pub outsiders: usize,
    /// From which all keys follow.
    pub seed: u64,
    /// What the keys are.
    pub scheme: KeyScheme,
    /// Budget of an operation.
    pub budget: Budget,
}

impl Beginning {
    /// One participant, no outsiders.
    pub fn new(source: &str, seed: u64) -> Self {
        let scheme = KeyScheme::default();
        Self { source: source.into(), participants: 1, outsiders: 0, seed, scheme, budget: Budget::default() }
    }

    /// The owner of the index (0) or of an oplog (from 1 on).
    pub fn owner(&self, number: u64) -> Owner {
        Owner::numbered(self.seed, number, self.scheme)
    }

    /// What the genesis declares.
    pub fn genesis(&self) -> Genesis {
        let input = |number: usize| {
            let key = *self.owner(number as u64 + 1).key();
            (to_hex(&key), declaration(&key, true))
        };
        Genesis {
            header: HEADER.to_vec(),
            source: Value::str(&*self.source),
            inputs: (0..self.participants).map(input).collect(),
            more: Vec::new(),
        }
    }
}

/// The blocks before the first transaction.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// Block 0.
    pub header: Vec<u8>,
    /// The contract's source.
    pub source: Value,
    /// Names and declarations of the inputs.
    pub inputs: Vec<(String, Value)>,
    /// Entries between the inputs and the genesis ack.
    pub more: Vec<Write>,
}

/// What is written for an input.
pub fn declaration(key: &Key, active: bool) -> Value {
    Value::object(vec![("pubkey".into(), Value::Bytes((*key).into())), ("active".into(), Value::Bool(active))])
}

impl Genesis {
    fn writes(&self) -> Vec<Write> {
        let mut writes = vec![Write::put(path::SOURCE, &self.source)];
        writes.extend(
            self.inputs.iter().map(|(name, value)| Write::put([path::INPUTS, name.as_bytes()].concat(), value)),
        );
        writes.extend(self.more.iter().cloned());
        writes.push(Write::put(path::GENESIS_ACK, &Value::object(Vec::new())));
        writes
    }
}

impl Lab<Memory> {
    /// A lab whose logs are in memory.
    ///
    /// # Errors
    /// [`LabError::Io`] never happens here.
    pub fn in_memory(beginning: &Beginning) -> Result<Self, LabError> {
        Self::create(beginning, &beginning.genesis(), |_| Ok(Memory::default()))
    }
}

impl<S: Store> Lab<S> {
    /// Begins a database: writes the genesis. `store` makes a place for the log of an owner.
    ///
    /// # Errors
    /// Those of the stores.
    pub fn create(
        beginning: &Beginning,
        genesis: &Genesis,
        mut store: impl FnMut(&Owner) -> io::Result<S>,
    ) -> Result<Self, LabError> {
        let mut log = |number| {
            let owner = beginning.owner(number);
            let store = store(&owner)?;
            Ok::<_, io::Error>(Log::new(owner, 0, store))
        };
        let mut index = log(0)?;
        let oplogs = beginning.participants.saturating_add(beginning.outsiders);
        let oplogs = (1..=oplogs as u64).map(log).collect::<Result<_, _>>()?;
        let cache = Cache::new(CACHE_BYTES);
        index.append(std::slice::from_ref(&genesis.header))?;
        let mut batch = Batch::new(&index.store, &cache, 1);
        put_all(&genesis.writes(), &mut batch)?;
        let blocks = batch.finish_and_go_on()?;
        index.append(&blocks)?;
        Self::open(index, oplogs, cache, beginning.budget)
    }

    /// Goes on with a database that is there.
    ///
    /// # Errors
    /// When its index cannot be read.
    pub fn open(index: Log<S>, oplogs: Vec<Log<S>>, cache: Cache, budget: Budget) -> Result<Self, LabError> {
        let contract = Contract::new("", 1, index.name(), budget);
        let clock = START + index.length() as f64;
        let inputs = BTreeMap::new();
        let mut lab = Self { index, oplogs, inputs, contract, cache, clock, budget, engine: None };
        lab.restart()?;
        Ok(lab)
    }

    /// What a restart of the executor does: a new realm, and inputs and source as they are in the index by now, however they
    /// came there.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn restart(&mut self) -> Result<(), LabError> {
        let tree = Tree::new(&self.index.store, &self.cache, self.index.length());
        let value = |entry: &crate::hyperbee::Entry| entry.value().and_then(|value| Some(decode(value).ok()?.value));
        let source = tree.get(path::SOURCE)?.and_then(|entry| value(&entry));
        let source = source.as_ref().and_then(Value::as_str).unwrap_or_default();
        let bounds = |prefix: &'static [u8], upper: &'static [u8]| Bounds {
            lower: Some((prefix, true)),
            upper: Some((upper, false)),
            ..Bounds::default()
        };
        let mut inputs = BTreeMap::new();
        for entry in tree.range(bounds(path::INPUTS, b".sys\0inputs\x01"))? {
            let entry = entry?;
            let name = entry.key().strip_prefix(path::INPUTS).unwrap_or_default();
            let Some(active) = value(&entry).and_then(|value| parse_input(name, &value)) else { continue };
            let name = String::from_utf8_lossy(name).into_owned();
            // A forged ack makes a real executor jump as well.
            let next = last_ack(&tree, &name)?;
            let removed = !active || self.inputs.get(&name).is_some_and(|input| input.removed);
            inputs.insert(name, Input { active, next, removed });
        }
        self.contract = Contract::new(source, 1, self.index.name(), self.budget);
        self.inputs = inputs;
        Ok(())
    }

    /// The contract in force.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// What the executor knows of a participant's log.
    pub fn input(&self, who: usize) -> Option<&Input> {
        self.inputs.get(self.oplogs.get(who)?.name())
    }

    /// Lets the executor stand before another operation of a participant: what a restart during a race does, and liars do.
    pub fn stand_before(&mut self, who: usize, next: u64) {
        if let Some(input) = self.oplogs.get(who).and_then(|log| self.inputs.get_mut(log.name())) {
            input.next = next;
        }
    }

    /// The executor forgets where it stood, and reads it from the index: after the index was cut.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn forget(&mut self) -> Result<(), LabError> {
        self.cache.clear();
        self.inputs.clear();
        self.restart()
    }

    /// A participant's key in hex.
    pub fn name(&self, who: usize) -> Option<String> {
        self.oplogs.get(who).map(|log| log.name().to_owned())
    }

    /// Contract, index and cache at once, for who runs operations without executing them.
    pub fn parts(&mut self) -> (&mut Contract, &S, &Cache) {
        (&mut self.contract, &self.index.store, &self.cache)
    }

    /// The executor's cache of the index: to be cleared by whoever appends other blocks than a draft's.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The participant publishes operations, in one append.
    ///
    /// # Errors
    /// When there is no such participant, or it cannot be written.
    pub fn publish(&mut self, who: usize, ops: &[Vec<u8>]) -> Result<(), LabError> {
        let oplog = self.oplogs.get_mut(who).ok_or(LabError::Nothing("such participant"))?;
        if ops.is_empty() { Ok(()) } else { Ok(oplog.append(ops)?) }
    }

    /// The participant calls a method of the contract and publishes what it emits.
    ///
    /// # Errors
    /// When the contract cannot be loaded, or nothing be written.
    pub fn call(&mut self, who: usize, method: &str, args: &Value) -> Result<Called, LabError> {
        let called = self.ask(method, args)?;
        let ops: Vec<Vec<u8>> = called.emitted.iter().map(crate::database::encode).collect();
        self.publish(who, &ops)?;
        Ok(called)
    }

    /// Loads the contract if it is not loaded yet, to see whether it can be.
    ///
    /// # Errors
    /// When it cannot.
    pub fn load(&mut self) -> Result<(), LabError> {
        let tree = Tree::new(&self.index.store, &self.cache, self.index.length());
        self.contract.load(around(self.clock), &Published::new(&tree)).map_err(LabError::Contract)
    }

    /// Somebody calls a method of the contract, and publishes nothing (yet).
    ///
    /// # Errors
    /// When the contract cannot be loaded.
    pub fn ask(&mut self, method: &str, args: &Value) -> Result<Called, LabError> {
        self.clock += 1.0;
        let around = around(self.clock);
        let tree = Tree::new(&self.index.store, &self.cache, self.index.length());
        self.contract.call(method, args, around, &Published::new(&tree)).map_err(LabError::Contract)
    }

    /// The next operation of a participant that an honest executor would execute now.
    pub fn next(&self, who: usize) -> Option<u64> {
        let input = self.input(who).filter(|input| input.active)?;
        (input.next < self.oplogs.get(who)?.length()).then_some(input.next)
    }

    /// Executes an operation on the state after `before`, which are not written yet (usually none are).
    ///
    /// # Errors
    /// When there is no such operation, or it cannot be executed.
    pub fn draft(&mut self, before: &[Draft], who: usize, seq: u64) -> Result<Draft, LabError> {
        let origin = self.name(who).ok_or(LabError::Nothing("such participant"))?;
        let op =
            self.oplogs.get(who).and_then(|log| log.store.block(seq)).ok_or(LabError::Nothing("such operation"))?;
        self.clock += 1.0 + (self.clock % 7.0);
        let ts = self.clock;
        let length = self.index.length();
        if before.is_empty() {
            let tree = Tree::new(&self.index.store, &self.cache, length);
            let engine = self.engine.as_ref();
            return execute(&mut self.contract, engine, &op, (&origin, seq, ts), &Published::new(&tree));
        }
        // The tree in memory belongs to the last version that was written; a batch in passing must not take it away.
        let aside = Cache::default();
        let mut batch = Batch::new(&self.index.store, &aside, length);
        for draft in before {
            put_all(&draft.entries(), &mut batch)?;
        }
        let engine = self.engine.as_ref();
        execute(&mut self.contract, engine, &op, (&origin, seq, ts), &Published::new(&batch))
    }

    /// The blocks of these entries, as one batch.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub fn blocks(&self, writes: &[Write]) -> Result<Written, LabError> {
        let mut batch = Batch::new(&self.index.store, &self.cache, self.index.length());
        let seqs = put_all(writes, &mut batch)?;
        Ok((batch.finish_and_go_on()?, seqs))
    }

    /// Appends blocks to the index, under one signed head.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append(&mut self, blocks: &[Vec<u8>]) -> Result<(), LabError> {
        if blocks.is_empty() { Ok(()) } else { Ok(self.index.append(blocks)?) }
    }

    /// Takes over what a transaction changes for the executor itself. What a contract smuggled below `.sys` takes effect
    /// with the next restart only.
    pub fn adopt(&mut self, draft: &Draft) {
        if let Some(input) = self.inputs.get_mut(&*draft.ack.origin) {
            input.next = input.next.max(draft.ack.seq.saturating_add(1));
        }
        for change in draft.writes.iter().filter(|write| write.declared) {
            let What::Put(value) = &change.what else { continue };
            let Ok(value) = decode(value).map(|decoded| decoded.value) else { continue };
            match Place::of(&change.key) {
                Place::Source => {
                    let source = value.as_str().unwrap_or_default();
                    self.contract = Contract::new(source, 1, self.index.name(), self.budget);
                }
                Place::Input(name) => {
                    let input = self.inputs.entry(String::from_utf8_lossy(name).into_owned()).or_default();
                    input.active = parse_input(name, &value).unwrap_or_default();
                    input.removed |= !input.active;
                }
                _ => {}
            }
        }
    }

    /// Executes the next operation of a participant and publishes the transaction. `false`: there is none.
    ///
    /// # Errors
    /// When it cannot be executed or written.
    pub fn execute(&mut self, who: usize) -> Result<bool, LabError> {
        let Some(seq) = self.next(who) else { return Ok(false) };
        let draft = self.draft(&[], who, seq)?;
        let (blocks, _) = self.blocks(&draft.entries())?;
        self.append(&blocks)?;
        self.adopt(&draft);
        Ok(true)
    }

    /// Executes everything that is there, participant by participant in turn.
    ///
    /// # Errors
    /// As for [`Lab::execute`].
    pub fn execute_all(&mut self) -> Result<(), LabError> {
        loop {
            let mut any = false;
            for who in 0..self.oplogs.len() {
                any |= self.execute(who)?;
            }
            if !any {
                return Ok(());
            }
        }
    }
}

fn around(clock: f64) -> Surroundings {
    Surroundings {
        clock,
        seed: clock.to_bits(),
        writer: true,
        locale: 0,
        dialect: Dialect::New,
        delivery: Delivery::Asked,
    }
}

/// The operation after the last one of an input that the index acks.
fn last_ack(tree: &impl View, name: &str) -> Result<u64, TreeError> {
    if !is_key_hex(name.as_bytes()) {
        return Ok(0);
    }
    let prefix = path::ack_key(name, 0);
    let stem = prefix.strip_suffix(b"000000000000000").unwrap_or(&prefix);
    let upper = [stem, b":"].concat();
    let bounds = Bounds { lower: Some((stem, true)), upper: Some((&upper, false)), reverse: true, ..Bounds::default() };
    let Some(last) = tree.range(bounds)?.next().transpose()? else { return Ok(0) };
    let number = last.key().strip_prefix(stem).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
    Ok(number.map_or(0, |seq| seq.saturating_add(1)))
}

/// Runs an operation and drafts its transaction.
fn execute(
    contract: &mut Contract,
    engine: Option<&Engine>,
    bytes: &[u8],
    (origin, seq, ts): (&str, u64, f64),
    state: &dyn State,
) -> Result<Draft, LabError> {
    let mut ack = Ack {
        success: false,
        error: None,
        origin: origin.into(),
        seq,
        ts,
        metadata: Value::Undefined,
        num_changes: 0,
        extra_fields: Vec::new(),
    };
    let op = match decode(bytes) {
        Ok(decoded) => decoded.value,
        // Vitra's own executor dies of it; one that lives on can only record a failure.
        Err(error) => {
            ack.error = Some(format!("Error: {error}").into());
            return Ok(Draft::new(ack, &[]));
        }
    };
    if contract.scan.exports_process {
        let processed = contract.call("process", &op, around(ts), state).map_err(LabError::Contract)?;
        ack.metadata = processed.result.unwrap_or(Value::Undefined);
    }
    let view = AckView { origin, seq, ts, metadata: &ack.metadata };
    let outcome = match engine {
        Some(engine) => engine.apply(contract, bytes, &view, state)?,
        None => contract.apply(&op, &view, around(ts), state).map_err(LabError::Contract)?.outcome,
    };
    let stuck = |what: String| LabError::Stuck { seq, what: what.into() };
    match outcome {
        Outcome::Success { changes, actions } => {
            (ack.success, ack.num_changes) = (true, actions);
            Ok(Draft::new(ack, &changes))
        }
        Outcome::Failure { text, .. } => {
            ack.error = Some(text);
            Ok(Draft::new(ack, &[]))
        }
        Outcome::Missing(seq) => Err(LabError::Tree(TreeError::Missing { seq })),
        other => Err(stuck(format!("{other:?}"))),
    }
}

impl Logs for Lab<Memory> {
    fn index(&self) -> &dyn crate::hyperbee::Blocks {
        &self.index.store
    }

    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        let log = self.oplogs.iter().find(|log| log.key() == key)?;
        Some(Oplog { blocks: &log.store, rewritten: log.fork() > 0, attributed: true })
    }

    fn index_fork(&self) -> u64 {
        self.index.fork()
    }

    fn signed_length(&self) -> u64 {
        let heads = self.index.store.heads().iter().filter(|head| head.fork() == self.index.fork());
        heads.map(|head| head.length()).max().unwrap_or_default()
    }

    fn conflicts(&self, key: &Key) -> Vec<Conflict> {
        let mut logs = [&self.index].into_iter().chain(&self.oplogs);
        let log = logs.find(|log| log.key() == key);
        log.map_or_else(Vec::new, |log| conflicts(&log.store.views().collect::<Vec<_>>()))
    }

    fn rewritten_from(&self, key: &Key) -> Option<u64> {
        let log = self.oplogs.iter().find(|log| log.key() == key)?;
        rewritten_from(&log.store.views().collect::<Vec<_>>(), log.store.tree())
    }

    fn history(&self, oplog: Option<&Key>, length: u64) -> Option<History> {
        let log = match oplog {
            Some(key) => self.oplogs.iter().find(|log| log.key() == key)?,
            None => &self.index,
        };
        Some(History { fork: log.fork(), tree_hash: log.store.tree().roots_at(length)?.tree_hash() })
    }
}

impl Evidence for Lab<Memory> {
    fn views(&self, key: &Key) -> Vec<crate::hypercore::views::View<'_>> {
        let mut logs = [&self.index].into_iter().chain(&self.oplogs);
        logs.find(|log| log.key() == key).map_or_else(Vec::new, |log| log.store.views().collect())
    }
}

//! What the host side of a realm shares with the functions that it gives to the guest.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use rquickjs::{Function, Persistent, Value};

use super::alloc::Memory;
use super::clone::Probes;
use super::tx::Queue;

/// What a contract touched that a replay cannot repeat for certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taint {
    /// Clock, randomness, UUIDs, the executor's own oplog: the names of what was touched.
    pub nondeterministic: Vec<&'static str>,
    /// What differs between V8 8.6, later V8s and QuickJS.
    pub engine: Vec<Box<str>>,
    /// The order of strings was asked for; it depends on the executor's locale.
    pub locale: bool,
    /// A result depends on the version of msgpackr; a second run with the other version can still match.
    pub dialect: bool,
}

/// Notes of what only the engine or the codec decides, not the machine or the moment: a reference runtime settles them, and
/// functions of `Math`. Whatever else is noted, it does not.
const SETTLED: &[&str] = &[
    "Number.prototype.toString with a radix",
    "parseInt beyond 2^53",
    "Function.prototype.toString",
    "RegExp.$1 and its like",
    "a Map with keys that are no strings",
    "a regular expression with groups or classes that engines read differently",
    "a value that versions of msgpackr pack differently",
    "a value that is not plain",
    "an error message of the engine's own",
    "attributes of the elements of a typed array",
    "bytes of the index that versions of msgpackr read differently",
    "bytes of the operation that versions of msgpackr read differently",
    "case or normal form of text newer than Unicode 13",
    "deepEqual of values that are not plain data",
    "newer flags of regular expressions",
    "odd options of index.list",
    "text newer than Unicode 13",
    "the cause of an error",
    "the order of the properties of a function",
    "the properties of an error",
    "tx.get of a value that is not plain data",
];

impl Taint {
    /// The first note that no reference runtime settles.
    pub fn unsettled(&self) -> Option<&str> {
        self.engine.iter().map(|name| &**name).find(|name| !SETTLED.contains(name) && !name.starts_with("Math."))
    }

    /// Was nothing of all this touched?
    pub fn is_clean(&self) -> bool {
        self.nondeterministic.is_empty() && self.engine.is_empty()
    }

    /// Adds what another run or an earlier stage touched.
    pub fn merge(&mut self, other: &Taint) {
        for name in &other.nondeterministic {
            self.note_nondeterministic(name);
        }
        for name in &other.engine {
            self.note_engine(name);
        }
        self.locale |= other.locale;
        self.dialect |= other.dialect;
    }

    /// Notes a touch of the executor's surroundings.
    pub fn note_nondeterministic(&mut self, name: &'static str) {
        if !self.nondeterministic.contains(&name) {
            self.nondeterministic.push(name);
        }
    }

    /// Notes a touch of something that engines do differently.
    pub fn note_engine(&mut self, name: &str) {
        const MANY: usize = 32;
        if self.engine.len() < MANY && !self.engine.iter().any(|known| &**known == name) {
            self.engine.push(name.into());
        }
    }
}

/// The budget that a run used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// Instruction ticks (one is 10,000 of the engine's poll units).
    Ticks,
    /// Bytes of memory.
    Memory,
    /// Queued jobs (reactions of promises).
    Jobs,
    /// Bytes of values that crossed the boundary.
    Output,
    /// The run was killed from outside, because the engine was in a loop that cannot be interrupted.
    Killed,
}

/// Limits of one realm. The defaults are at least four times what Vitra's own runtime allows (`docs/engine.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Instruction ticks for one operation.
    pub ticks: u64,
    /// Bytes of memory of the whole realm.
    pub memory: usize,
    /// Bytes of native stack.
    pub stack: u32,
    /// Jobs that one operation may run.
    pub jobs: u64,
    /// Bytes of values that one operation may pass to the host.
    pub output: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { ticks: 20_000, memory: 512 << 20, stack: 40 << 20, jobs: 4_000_000, output: 512 << 20 }
    }
}

impl Budget {
    /// Native stack that a thread needs beyond [`Budget::stack`] to run a realm.
    pub const STACK_RESERVE: usize = 16 << 20;
    /// What 1,000 of V8's frames take at least in this engine, in bytes of native stack.
    pub const NEAR_STACK: u32 = 500 << 10;
    /// Memory above which engines are near their limits, in bytes.
    pub const NEAR_MEMORY: usize = 16 << 20;
}

/// What varies between runs of one operation when a mismatch is examined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surroundings {
    /// The clock, milliseconds since 1970.
    pub clock: f64,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Does the contract run where an oplog is writable?
    pub writer: bool,
    /// Index into the locales of [`super::locale`]; 0 is the root.
    pub locale: usize,
    /// Which version of msgpackr packs what versions pack differently.
    pub dialect: Dialect,
    /// In which order answers to concurrent host calls arrive.
    pub delivery: Delivery,
}

/// The order in which a guest gets the answers to host calls that wait at one time.
///
/// An executor's host serves them one after the other, but the answers reach the guest through a pool of threads: two may arrive
/// before the guest does anything with the first, and the later one first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// One by one, as they were asked.
    #[default]
    Asked,
    /// Another order, by number.
    Other(u32),
}

impl Delivery {
    /// Orders that are tried beside the first.
    pub const OTHERS: u32 = 24;

    /// Which of `waiting` calls is answered in turn `turn`, and whether the next one arrives together with it.
    pub fn choose(self, turn: u64, waiting: usize) -> (usize, bool) {
        let last = waiting.saturating_sub(1);
        match self {
            Self::Asked => (0, false),
            Self::Other(0) => (last, false),
            Self::Other(1) => (0, true),
            Self::Other(2) => (last, true),
            Self::Other(number) => {
                // Any spread will do, as long as it is the same on every machine.
                let mut x = (u64::from(number) << 32 | turn.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                x ^= x >> 29;
                x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
                x ^= x >> 32;
                let chosen = (x >> 1).checked_rem(waiting as u64).unwrap_or(0);
                (usize::try_from(chosen).unwrap_or(0), x & 1 == 1)
            }
        }
    }
}

/// A version of msgpackr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// 1.9 and later.
    #[default]
    New,
    /// 1.5, of Vitra's own time.
    Old,
}

/// A read of the index that the guest waits for.
#[derive(Debug)]
pub enum Request {
    /// `index.get(key)`; the index key.
    Get(Box<[u8]>),
    /// `index.list(prefix, options)`.
    List(ListRequest),
    /// A console line: answered with `undefined`.
    Console,
    /// A call that kills or blocks a real executor: never answered.
    Never,
}

/// Arguments of `index.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Path of the directory.
    pub prefix: Box<str>,
    /// Descending.
    pub reverse: bool,
    /// Entries to skip.
    pub offset: u64,
    /// Most entries; 0 for no limit.
    pub limit: u64,
}

/// A pending host call: the request and the functions that settle its promise.
pub struct Pending {
    /// What is asked.
    pub request: Request,
    /// Fulfils the promise.
    pub resolve: Persistent<Function<'static>>,
}

/// State that the guest's host functions share with the realm.
pub struct Host {
    /// The engine's memory.
    pub memory: Rc<Memory>,
    /// Ticks left for this operation.
    pub ticks: Cell<u64>,
    /// The first budget that was used up.
    pub exhausted: Cell<Option<Exhausted>>,
    /// What this operation touched.
    pub taint: RefCell<Taint>,
    /// Clock, randomness and the like.
    pub surroundings: Cell<Surroundings>,
    /// Bytes that may still cross the boundary.
    pub output: Cell<usize>,
    /// Deepest value that crossed the boundary or was parsed.
    pub deepest: Cell<usize>,
    /// The engine ran into its own limit of stack, string or BigInt size.
    pub engine_limit: Cell<bool>,
    /// A user-visible error constructor is running: the error that is being made is the contract's own.
    pub constructing: Cell<u32>,
    /// The host itself looks at an error: its message is no touch.
    pub looking: Cell<bool>,
    /// Actions of the running operation.
    pub queue: RefCell<Queue>,
    /// Number of the running operation; an older `tx` object writes into nothing.
    pub generation: Cell<u32>,
    /// Host calls not yet answered, in order.
    pub pending: RefCell<VecDeque<Pending>>,
    /// Promises that were rejected while nobody listened, with their reasons, in order. isolated-vm fails the running
    /// call with the first that is still there when the queue of jobs is empty.
    pub rejections: RefCell<Vec<(Persistent<Value<'static>>, Persistent<Value<'static>>)>>,
    /// Functions of the prelude. Held here, not in the host functions: those belong to the engine's heap, and a cycle
    /// through them would never be freed.
    pub probes: RefCell<Option<Probes>>,
    /// Two host calls or more waited at one time.
    pub concurrent: Cell<bool>,
    /// Answers given so far.
    pub answered: Cell<u64>,
    /// Most jobs and pending calls of one operation.
    pub jobs: Cell<u64>,
}

impl Host {
    /// Lets go of everything that lives in the engine's heap, before the engine is freed.
    pub fn release(&self) {
        self.pending.borrow_mut().clear();
        self.rejections.borrow_mut().clear();
        self.probes.borrow_mut().take();
    }

    /// Notes that a budget was used up; the interrupt handler ends the run.
    pub fn exhaust(&self, what: Exhausted) {
        if self.exhausted.get().is_none() {
            self.exhausted.set(Some(what));
        }
    }

    /// Takes bytes from the output budget.
    pub fn spend_output(&self, bytes: usize) {
        match self.output.get().checked_sub(bytes) {
            Some(left) => self.output.set(left),
            None => self.exhaust(Exhausted::Output),
        }
    }

    /// Notes the depth of a value that was parsed or cloned.
    pub fn note_depth(&self, depth: usize) {
        self.deepest.set(self.deepest.get().max(depth));
    }

    /// Notes a touch of something that engines do differently.
    pub fn touch_engine(&self, name: &str) {
        self.taint.borrow_mut().note_engine(name);
    }

    /// Notes a touch of the executor's surroundings.
    pub fn touch(&self, name: &'static str) {
        self.taint.borrow_mut().note_nondeterministic(name);
    }

    /// A pseudo-random number in [0, 1) from the surroundings' seed.
    pub fn random(&self) -> f64 {
        let mut around = self.surroundings.get();
        // xorshift64*: any sequence will do, as long as it is the same on every machine.
        let mut x = around.seed | 1;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        around.seed = x;
        self.surroundings.set(around);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

//! One loaded contract, and the event loop that runs an operation through it.
//!
//! Stack: QuickJS counts its stack from where the runtime was made. A realm must be made and used on one thread that has
//! [`Budget::stack`] + [`Budget::STACK_RESERVE`] bytes ([`on_big_stack`]).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rquickjs::{Array, Context, Ctx, Error, Function, Object, Persistent, Runtime, Value as Js};

use super::alloc::{Counted, Memory};
use super::clone;
use super::cmath;
use super::host::{Budget, Exhausted, Host, ListRequest, Surroundings, Taint};
use super::natives;
use super::raw;
use super::tx::{Change, Queue};
use crate::database::Value;
use crate::hyperbee::Entry;
use crate::hyperbee::list::Listed;

mod call;
mod events;
mod load;

pub use call::Called;
use events::{Stop, deliver, drain, event_loop, note_rejection};
use load::{Modules, load_guest};

/// The published state that a contract reads: what any reader gets from the index before the ack.
pub trait State {
    /// The entry at an index key: its block and its value.
    fn get(&self, key: &[u8]) -> Result<Option<(u64, Value)>, ReadError>;
    /// Vitra's shallow list.
    fn list(&self, request: &ListRequest) -> Result<Vec<ListEntry>, ReadError>;
    /// From now on, looks at the values that are read.
    fn watch(&self) {}
    /// Whether one of them was outside the plain ones, or nobody looked.
    fn is_beyond_plain(&self) -> bool {
        true
    }
    /// The entry at an index key, as it was published; where there is no more than values, it cannot be read.
    fn entry(&self, _key: &[u8]) -> Result<Option<Rc<Entry>>, ReadError> {
        Err(ReadError::Unreadable("it is no published state".into()))
    }
    /// What [`State::list`] gives, as it was published; as for [`State::entry`].
    fn listed(&self, _request: &ListRequest) -> Result<Vec<Listed>, ReadError> {
        Err(ReadError::Unreadable("it is no published state".into()))
    }
}

/// One entry of a shallow list.
#[derive(Clone, Debug)]
pub struct ListEntry {
    /// There are keys below this name.
    pub container: bool,
    /// The last segment of the path; `None` when the path has none.
    pub name: Option<String>,
    /// The whole path.
    pub path: String,
    /// Block and value, where there is an entry of that very name.
    pub entry: Option<(u64, Value)>,
}

/// Why a read gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The block is not here (yet).
    Missing(u64),
    /// The tree or a value in it cannot be read; a real executor's host would fail too.
    Unreadable(Box<str>),
    /// A real executor's host never returns from this read.
    NeverEnds,
}

/// The ack as the executor hands it to a handler.
#[derive(Clone, Debug)]
pub struct AckView<'a> {
    /// The oplog of the operation.
    pub origin: &'a str,
    /// Its place there.
    pub seq: u64,
    /// The executor's clock.
    pub ts: f64,
    /// What `process()` returned.
    pub metadata: &'a Value,
}

/// What an operation came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The contract succeeded.
    Success {
        /// In the order in which an honest executor writes them.
        changes: Vec<Change>,
        /// What `ack.numChanges` must be.
        actions: u64,
    },
    /// The contract threw, or a rule of the boundary failed it.
    Failure {
        /// The text that an executor records.
        text: Box<str>,
        /// The text is the contract's own, so every engine records the same.
        own: bool,
    },
    /// The operation kills the executor's guest (`throw null`).
    Dies,
    /// The operation never ends, or blocks the executor for good.
    NeverSettles,
    /// A budget was used up.
    Exhausted(Exhausted),
    /// A block that a read needs is not here.
    Missing(u64),
    /// The published state cannot be read.
    Unreadable(Box<str>),
}

/// The result of [`Realm::apply`].
#[derive(Clone, Debug)]
pub struct Applied {
    /// What the operation came to.
    pub outcome: Outcome,
    /// What it touched on the way.
    pub taint: Taint,
    /// It used more than an eighth of what some engine allows (memory, depth), or hit a limit of this one.
    pub near_limit: bool,
    /// It read the index.
    pub reads: u64,
    /// Host calls waited beside one another, so that their answers might have come in another order.
    pub concurrent: bool,
}

impl Applied {
    /// An outcome of which nothing else is known.
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, taint: Taint::default(), near_limit: false, reads: 0, concurrent: false }
    }
}

/// Why a contract could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// It does not compile.
    Syntax(Box<str>),
    /// Its module code throws or never settles.
    Evaluation(Box<str>),
    /// Its module code used up a budget.
    Exhausted(Exhausted),
}

/// Runs `work` on a thread with the stack that a realm needs.
pub fn on_big_stack<T: Send>(budget: &Budget, work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    let stack = (budget.stack as usize).saturating_add(Budget::STACK_RESERVE);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("auditor".into()).stack_size(stack).spawn_scoped(scope, work)?;
        thread.join().map_err(|_| std::io::Error::other("the auditor's thread panicked"))
    })
}

/// A contract in its engine.
pub struct Realm {
    namespace: Persistent<Object<'static>>,
    make_tx: Persistent<Function<'static>>,
    make_ack: Persistent<Function<'static>>,
    host: Rc<Host>,
    loaded_taint: Taint,
    budget: Budget,
    context: Context,
    _runtime: Runtime,
}

impl Drop for Realm {
    fn drop(&mut self) {
        self.host.release();
    }
}

impl Realm {
    /// Loads a contract. `source` is the scan's rewritten text, `pubkey` the index key in hex.
    ///
    /// # Errors
    /// [`LoadError`]: the contract's fault, never a person's.
    pub fn load(
        source: &str,
        pubkey: &str,
        budget: Budget,
        around: Surroundings,
        state: &dyn State,
    ) -> Result<Self, LoadError> {
        let memory = Rc::new(Memory::default());
        memory.limit.set(budget.memory);
        let host = Rc::new(new_host(Rc::clone(&memory), &budget, around));
        let failed = |_: Error| LoadError::Exhausted(Exhausted::Memory);
        let runtime = Runtime::new_with_alloc(Counted(memory)).map_err(failed)?;
        let modules = Modules::default();
        runtime.set_loader(modules.clone(), modules.clone());
        let watch = Rc::clone(&host);
        runtime.set_interrupt_handler(Some(Box::new(move || tick(&watch))));
        let notes = Rc::clone(&host);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
            note_rejection(&notes, &ctx, promise, reason, handled);
        })));
        let context = Context::full(&runtime).map_err(failed)?;
        let loaded = context.with(|ctx| {
            raw::set_stack_limit(&ctx, budget.stack);
            let guest = load_guest(&ctx, &host, source, pubkey, state)?;
            let namespace = Persistent::save(&ctx, guest.namespace);
            Ok((namespace, Persistent::save(&ctx, guest.tx), Persistent::save(&ctx, guest.ack)))
        });
        let (namespace, make_tx, make_ack) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                host.release();
                return Err(error);
            }
        };
        modules.loaded.set(true);
        let mut loaded_taint = host.taint.take();
        if let Some(name) = cmath::take() {
            loaded_taint.note_engine(name);
        }
        Ok(Self { namespace, make_tx, make_ack, host, loaded_taint, budget, context, _runtime: runtime })
    }

    /// Whether loading it read neither a clock nor chance nor the index, so that it could have been loaded at any other time.
    pub fn was_loaded_plainly(&self) -> bool {
        self.loaded_taint.nondeterministic.is_empty()
    }

    /// Runs one operation. `state` is the published state before its ack.
    pub fn apply(&mut self, op: &Value, ack: &AckView<'_>, around: Surroundings, state: &dyn State) -> Applied {
        let host = &*self.host;
        reset(host, &self.budget, around);
        cmath::take();
        let mut reads = 0;
        let outcome = self.context.with(|ctx| self.run(&ctx, op, ack, state, &mut reads));
        let outcome = match (host.exhausted.get(), host.memory.refused.get()) {
            (Some(what), _) => Outcome::Exhausted(what),
            (None, true) => Outcome::Exhausted(Exhausted::Memory),
            (None, false) => outcome,
        };
        let mut taint = host.taint.take();
        taint.merge(&self.loaded_taint);
        if let Some(name) = cmath::take() {
            taint.note_engine(name);
        }
        let near_limit =
            host.engine_limit.get() || host.deepest.get() > 500 || host.memory.peak.get() > Budget::NEAR_MEMORY;
        Applied { outcome, taint, near_limit, reads, concurrent: host.concurrent.get() }
    }

    fn run(&self, ctx: &Ctx<'_>, op: &Value, ack: &AckView<'_>, state: &dyn State, reads: &mut u64) -> Outcome {
        let host = &*self.host;
        let settled = self.call(ctx, op, ack).and_then(|result| match result {
            None => Ok(Err(Outcome::Failure { text: "Error: Method not found: apply".into(), own: true })),
            Some(result) => {
                let outcome = event_loop(ctx, host, &result, state, reads);
                let outcome = match outcome {
                    // What the handler returned is cloned too, and fails the operation if that cannot be done.
                    Ok(value) => clone::clone_out(host, &value).map(|_| Ok(()))?,
                    Err(Stop::Rejected(error)) => {
                        ctx.throw(error);
                        return Err(Error::Exception);
                    }
                    Err(Stop::Outcome(outcome)) => Err(outcome),
                };
                Ok(outcome)
            }
        });
        let outcome = match settled {
            Ok(Ok(())) => {
                let queue = host.queue.borrow();
                match queue.unpackable() {
                    Some(why) => Outcome::Failure { text: format!("ContractRuntimeError: {why}").into(), own: false },
                    None => Outcome::Success { changes: queue.changes(), actions: queue.count() as u64 },
                }
            }
            Ok(Err(outcome)) => outcome,
            Err(_) => self.failure(ctx, ctx.catch()),
        };
        self.run_down(ctx, state, reads);
        outcome
    }

    /// Finds and calls the handler; `None` when there is none.
    fn call<'js>(&self, ctx: &Ctx<'js>, op: &Value, ack: &AckView<'_>) -> rquickjs::Result<Option<Js<'js>>> {
        let host = &*self.host;
        let namespace = self.namespace.clone().restore(ctx)?;
        let mut handler: Js<'js> =
            if namespace.contains_key("apply")? { namespace.get("apply")? } else { return Ok(None) };
        if let (true, Some(name)) =
            (handler.is_object() && !handler.is_function(), op.field("op").and_then(Value::as_str))
        {
            match self.own_method(ctx, &handler, name)? {
                Some(method) => handler = method,
                None => return Ok(None),
            }
        }
        let Some(handler) = handler.as_function() else { return Ok(None) };
        let generation = f64::from(host.generation.get());
        let tx: Object<'js> = self.make_tx.clone().restore(ctx)?.call((generation,))?;
        let op = clone::clone_in(ctx, host, op)?;
        let metadata = clone::clone_in(ctx, host, ack.metadata)?;
        let ack: Object<'js> =
            self.make_ack.clone().restore(ctx)?.call((ack.origin, ack.seq as f64, ack.ts, metadata))?;
        handler.call((rquickjs::function::This(Js::new_null(ctx.clone())), tx, op, ack)).map(Some)
    }

    /// An own data property of the handlers' object, as isolated-vm looks it up.
    fn own_method<'js>(&self, ctx: &Ctx<'js>, handlers: &Js<'js>, name: &str) -> rquickjs::Result<Option<Js<'js>>> {
        if handlers.is_proxy() {
            return Err(natives::throw(ctx, &self.host, None, "Object is or has proxy"));
        }
        let Some(handlers) = handlers.as_object() else { return Ok(None) };
        // The common case; everything odd is left to the probe.
        if let Some(method) = raw::own_data(handlers, name)?.filter(|_| !handlers.is_array()) {
            return Ok(Some(method));
        }
        let found: Js<'js> = clone::restore(&self.host, ctx, |probes| &probes.own)?.call((handlers.clone(), name))?;
        match found.as_array() {
            None if found.is_null() => Err(natives::throw(ctx, &self.host, None, "Object is or has proxy")),
            None => Ok(None),
            Some(parts) if parts.is_empty() => Err(natives::throw(ctx, &self.host, None, "Property is getter")),
            Some(parts) => parts.get(0).map(Some),
        }
    }

    /// The outcome of a thrown value.
    fn failure<'js>(&self, ctx: &Ctx<'js>, thrown: Js<'js>) -> Outcome {
        if thrown.is_null() || thrown.is_undefined() {
            return Outcome::Dies;
        }
        let failed = |text: String, own| Outcome::Failure { text: text.into(), own };
        let strange = "Error: An object was thrown from supplied code within isolated-vm, but that object was not an \
                       instance of `Error`.";
        if thrown.is_symbol() || thrown.is_function() || thrown.is_proxy() {
            return failed(strange.into(), thrown.is_symbol());
        }
        if !thrown.is_object() {
            return failed("Error".into(), true);
        }
        let touched = self.host.taint.borrow().clone();
        self.host.looking.set(true);
        let parts = clone::restore(&self.host, ctx, |probes| &probes.thrown)
            .and_then(|probe| probe.call::<_, Option<Array>>((thrown,)));
        let described = parts.and_then(|parts| {
            let Some(parts) = parts else { return Ok(None) };
            let read = |at| parts.get::<Js>(at).and_then(|part| raw::text_bytes(&part));
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            Ok(Some((text(read(0)?), text(read(1)?), parts.get::<bool>(2)?)))
        });
        self.host.looking.set(false);
        *self.host.taint.borrow_mut() = touched;
        let (name, message, own) = match described {
            Ok(Some(described)) => described,
            Ok(None) => return failed(strange.into(), true),
            Err(_) => {
                // A getter of the error threw; whatever an executor recorded, the operation failed.
                drop(ctx.catch());
                return failed("Error".into(), false);
            }
        };
        let message = if message.is_empty() { name.clone() } else { message };
        match (&*name, &*message) {
            ("RangeError" | "ReferenceError" | "InternalError", _) => {
                failed(format!("ContractRuntimeError: The contract failed to execute with \"{name}: {message}\""), own)
            }
            _ => failed(format!("Error: {message}"), own),
        }
    }

    /// Answers the reads that nobody awaited, as the executor's guest gets them after the operation.
    fn run_down(&self, ctx: &Ctx<'_>, state: &dyn State, reads: &mut u64) {
        let host = &*self.host;
        if !host.pending.borrow().is_empty() {
            host.touch_engine("a read that was still under way when the operation ended");
        }
        host.generation.set(host.generation.get().wrapping_add(1));
        self.answer_rest(ctx, state, reads);
    }

    /// Answers every read that is still under way, and forgets what is left.
    fn answer_rest(&self, ctx: &Ctx<'_>, state: &dyn State, reads: &mut u64) {
        let host = &*self.host;
        while host.exhausted.get().is_none() && deliver(ctx, host, state, reads).unwrap_or(false) {
            drain(ctx, host);
        }
        host.pending.borrow_mut().clear();
        host.rejections.borrow_mut().clear();
    }
}

fn new_host(memory: Rc<Memory>, budget: &Budget, around: Surroundings) -> Host {
    Host {
        memory,
        ticks: Cell::new(budget.ticks),
        exhausted: Cell::new(None),
        taint: RefCell::default(),
        surroundings: Cell::new(around),
        output: Cell::new(budget.output),
        deepest: Cell::new(0),
        engine_limit: Cell::new(false),
        constructing: Cell::new(0),
        looking: Cell::new(false),
        queue: RefCell::default(),
        generation: Cell::new(0),
        pending: RefCell::default(),
        rejections: RefCell::default(),
        probes: RefCell::default(),
        concurrent: Cell::new(false),
        answered: Cell::new(0),
        jobs: Cell::new(budget.jobs),
    }
}

fn reset(host: &Host, budget: &Budget, around: Surroundings) {
    host.ticks.set(budget.ticks);
    host.output.set(budget.output);
    host.jobs.set(budget.jobs);
    host.surroundings.set(around);
    host.exhausted.set(None);
    host.deepest.set(0);
    host.engine_limit.set(false);
    host.constructing.set(0);
    host.concurrent.set(false);
    host.answered.set(0);
    host.memory.refused.set(false);
    host.memory.start();
    *host.queue.borrow_mut() = Queue::default();
    *host.taint.borrow_mut() = Taint::default();
}

/// The interrupt handler: true ends the run, and no contract can catch that.
fn tick(host: &Host) -> bool {
    match host.ticks.get().checked_sub(1) {
        Some(left) => host.ticks.set(left),
        None => host.exhaust(Exhausted::Ticks),
    }
    host.exhausted.get().is_some() || host.memory.refused.get()
}

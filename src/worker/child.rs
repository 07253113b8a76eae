//! The child's side: one request in, beats and one report out.

use std::cell::Cell;
use std::io::{BufRead, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::checkpoints::{Checkpoints, begin};
use super::proofs::work;
use super::report::{Answer, Beat, Begun, Command, Request, Standing};
use crate::archive::{Database, OpenError, parse_key};
use crate::hyperbee::{Block, Blocks};
use crate::hypercore::Key;
use crate::replay::auditor::{Auditor, Refused, Step};
use crate::replay::engine::on_big_stack;
use crate::replay::logs::{Logs, Oplog};
use crate::replay::reference::References;
use crate::replay::report::{self, Report};
use crate::runtimes;

/// How often the child says where it stands.
const BEAT: Duration = Duration::from_millis(100);

/// The beat, shared between the auditor's thread and the one that writes.
#[derive(Default)]
pub struct Pulse {
    position: AtomicU64,
    length: AtomicU64,
    transactions: AtomicU64,
    /// The running ack plus one; 0 for none.
    running: AtomicU64,
    runs: AtomicU64,
    /// It is not waiting for a command.
    busy: AtomicBool,
}

impl Pulse {
    fn advance(&self, position: u64, transactions: u64) {
        self.position.store(position, Ordering::Relaxed);
        self.transactions.store(transactions, Ordering::Relaxed);
    }

    fn beat(&self) -> Beat {
        let get = |value: &AtomicU64| value.load(Ordering::Relaxed);
        Beat {
            position: get(&self.position),
            length: get(&self.length),
            transactions: get(&self.transactions),
            running: get(&self.running).checked_sub(1),
            runs: get(&self.runs),
        }
    }
}

/// Serves one request, and the commands that follow a live one: the whole life of a worker process. Whoever calls it has locked the
/// process in before ([`crate::sandbox::enter`]).
///
/// # Errors
/// When the pipes fail; everything else is an [`Answer`].
pub fn serve(input: Box<dyn BufRead + Send>, output: Box<dyn Write + Send>) -> std::io::Result<()> {
    let pipes = Pipes { input: Arc::new(Mutex::new(input)), output: Arc::new(Mutex::new(output)) };
    let request: Request = match pipes.hear()? {
        Ok(request) => request,
        Err(error) => return pipes.send(&Answer::Failed(format!("the request cannot be read: {error}"))),
    };
    let pulse = Arc::new(Pulse::default());
    pulse.busy.store(true, Ordering::Relaxed);
    let budget = request.options().budget;
    let (done, wait) = channel::<()>();
    let answer = std::thread::scope(|scope| {
        let beats = Arc::clone(&pulse);
        let out = pipes.clone();
        scope.spawn(move || {
            while matches!(wait.recv_timeout(BEAT), Err(RecvTimeoutError::Timeout)) {
                if beats.busy.load(Ordering::Relaxed) && out.send(&Answer::Beat(beats.beat())).is_err() {
                    return;
                }
            }
        });
        let answer = on_big_stack(&budget, || work_on(&request, &pulse, &pipes));
        drop(done);
        answer
    });
    pipes.send(&answer.unwrap_or_else(|error| Answer::Failed(error.to_string())))
}

/// Does what the request says, on the thread of the contract engine.
fn work_on(request: &Request, pulse: &Arc<Pulse>, pipes: &Pipes) -> Answer {
    let asked = request.asks.then(|| Rc::new(Relayed::new(pipes.clone())) as Rc<dyn References>);
    if let Some(task) = &request.proofs {
        // A parent that does not listen any more ends us by closing the pipes.
        return work(request, task, pulse, asked, &mut |answer| drop(pipes.send(&answer)));
    }
    if !request.live {
        return answered(audit_stores(request, pulse, asked));
    }
    let mut commands = |standing| {
        pulse.busy.store(false, Ordering::Relaxed);
        // What it took to get here, however short that was.
        pipes.send(&Answer::Beat(pulse.beat())).ok()?;
        pipes.send(&Answer::Standing(Box::new(standing))).ok()?;
        let command = pipes.hear().ok()?.ok()?;
        pulse.busy.store(true, Ordering::Relaxed);
        Some(command)
    };
    answered(follow_stores(request, pulse, asked, &mut commands))
}

/// The pipes to the parent.
#[derive(Clone)]
struct Pipes {
    input: Arc<Mutex<Box<dyn BufRead + Send>>>,
    output: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl Pipes {
    fn send(&self, answer: &Answer) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(answer).map_err(std::io::Error::other)?;
        line.push(b'\n');
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(&line)?;
        output.flush()
    }

    /// The next line, read.
    fn hear<T: DeserializeOwned>(&self) -> std::io::Result<serde_json::Result<T>> {
        let mut line = String::new();
        if self.input.lock().unwrap_or_else(PoisonError::into_inner).read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line))
    }
}

/// The reference runtimes, which the parent starts: a worker starts no process.
struct Relayed {
    pipes: Pipes,
    names: Vec<String>,
}

impl Relayed {
    fn new(pipes: Pipes) -> Self {
        Self { pipes, names: runtimes::names() }
    }
}

impl References for Relayed {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn exchange(&self, lines: Vec<(usize, String)>) -> Vec<(usize, Option<String>)> {
        let asked: Vec<usize> = lines.iter().map(|(at, _)| *at).collect();
        let heard = self.pipes.send(&Answer::Ask(lines)).ok().and_then(|()| self.pipes.hear().ok());
        // A parent that is gone gives no answer.
        heard.and_then(Result::ok).unwrap_or_else(|| asked.into_iter().map(|at| (at, None)).collect())
    }
}

/// Audits a directory in this process: what a worker does, for tests and benchmarks too. Must run on a thread with
/// the stack that the budget asks for ([`on_big_stack`]).
pub fn audit(request: &Request, pulse: &Arc<Pulse>) -> Answer {
    answered(audit_stores(request, pulse, None))
}

fn answered(result: Result<Report, OpenError>) -> Answer {
    match result {
        Ok(report) => Answer::Report(Box::new(report)),
        Err(error) if error.is_usage() => Answer::Usage(error.to_string()),
        Err(error) => Answer::Malformed(error.to_string()),
    }
}

/// Follows a directory that grows. `commands` is told how the audit stands, and answers what next; without an answer it ends.
fn follow_stores(
    request: &Request,
    pulse: &Arc<Pulse>,
    asked: Option<Rc<dyn References>>,
    commands: &mut dyn FnMut(Standing) -> Option<Command>,
) -> Result<Report, OpenError> {
    let mut anew = None;
    loop {
        let (mut database, mut auditor, begun) = begin(request, anew.take())?;
        let mut checkpoints = Checkpoints::new(request.checkpoint_every, &auditor);
        prepare(&mut auditor, request, pulse, asked.clone());
        loop {
            pulse.length.store(database.index_core()?.length(), Ordering::Relaxed);
            let wait = loop {
                match auditor.step() {
                    Step::Judged(position) => {
                        pulse.advance(position, auditor.transactions);
                        checkpoints.pass(&auditor);
                    }
                    Step::Waits(wait) => break Some(wait),
                    Step::Needs { .. } | Step::End => break None,
                }
            };
            if let Some(error) = database.take_error() {
                return Err(error.into());
            }
            let standing = Standing {
                report: report::of(&auditor),
                wait,
                foreseen: report::foreseen(&auditor),
                begun: begun.clone(),
                checkpoint: checkpoints.newest(&auditor),
            };
            match commands(standing) {
                None => return Ok(report::of(&auditor)),
                Some(Command::Pass { origin, seq }) => auditor.pass(&origin, seq),
                Some(command) => {
                    let last = command == Command::Finish;
                    // Nobody reads while the logs are moved on.
                    auditor.grow(Rc::new(Nothing(Vec::new())));
                    let heads = command != Command::Grown { heads: false };
                    let same = Rc::get_mut(&mut database).map_or(Ok(false), |moved| moved.renew(heads))?;
                    auditor.grow(Rc::<Database>::clone(&database));
                    match same && !auditor.is_outdated() {
                        true if last => return finish(auditor, pulse, &database),
                        true => {}
                        false if last => return audit_stores(request, pulse, asked),
                        false => {
                            let why = if same { Refused::Outdated } else { Refused::Histories };
                            anew = Some(Begun::Anew(why.to_string()));
                            break;
                        }
                    }
                }
            }
        }
    }
}

/// No logs.
struct Nothing(Vec<Block>);

impl Logs for Nothing {
    fn index(&self) -> &dyn Blocks {
        &self.0
    }
    fn oplog(&self, _: &Key) -> Option<Oplog<'_>> {
        None
    }
}

fn audit_stores(request: &Request, pulse: &Arc<Pulse>, asked: Option<Rc<dyn References>>) -> Result<Report, OpenError> {
    let key = request.key.as_deref().and_then(parse_key);
    let database = Database::open(&request.dir, key)?;
    let index = database.index_core()?;
    index.check_all()?;
    let mut auditor = Auditor::new(&database, database.key(), request.options());
    prepare(&mut auditor, request, pulse, asked);
    pulse.length.store(index.length(), Ordering::Relaxed);
    finish(auditor, pulse, &database)
}

pub(super) fn prepare(
    auditor: &mut Auditor<'_>,
    request: &Request,
    pulse: &Arc<Pulse>,
    asked: Option<Rc<dyn References>>,
) {
    auditor.references = asked;
    auditor.skip(request.killed.iter().copied());
    let shared = Arc::clone(pulse);
    let last = Cell::new(shared.runs.load(Ordering::Relaxed));
    auditor.running = Rc::new(move |running| {
        last.set(last.get().wrapping_add(1));
        shared.runs.store(last.get(), Ordering::Relaxed);
        shared.running.store(running.map_or(0, |seq| seq.saturating_add(1)), Ordering::Relaxed);
    });
}

fn finish(auditor: Auditor<'_>, pulse: &Pulse, database: &Database) -> Result<Report, OpenError> {
    let report = report::run(auditor, |position, transactions| pulse.advance(position, transactions));
    // A file that cannot be read any more is nobody's lie.
    match database.take_error() {
        Some(error) => Err(error.into()),
        None => Ok(report),
    }
}

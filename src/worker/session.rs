//! One worker process and the pipes to it.
//!
//! A worker runs hostile code, and may have been taken over by it. So each of its lines is bounded,
//! few of them wait here, and a worker that does not read its commands is given up instead of
//! waited for.

use std::io::{ErrorKind, PipeWriter};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::parent::{Limits, WorkerError};
use super::report::{Answer, Beat, ProofTask, Request, Standing};
use crate::archive::find_stores;
use crate::replay::reference::References;
use crate::replay::report::Report;
use crate::runtimes::Runtimes;
use crate::sandbox::{self, Child, Line, Lines, Mode, Program, Role, Sandbox};

/// Longest line of a worker: a report of 100,000 findings, the most that can be asked for, has
/// about 200 MB.
const MAX_LINE: usize = 256 << 20;
/// Lines of a worker that wait to be read; then it waits.
const LINES: usize = 16;
/// Address space beyond what the budgets ask for.
const ROOM: u64 = 8 << 30;
/// Processor time of a worker, in seconds: a week. The parent's clock ends each run long before;
/// this ends what it does not see.
const CPU: u64 = 7 * 24 * 3_600;
/// Threads of a worker: its own, those of the scan and of the engine, with room.
const THREADS: u64 = 64;
/// A worker must read its request within this time, in which its process starts.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// A worker must read what it has asked for within this time.
const READS_WITHIN: Duration = Duration::from_secs(10);
/// Files that a worker may have open.
const FILES: u64 = 4_096;

/// How workers are started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launcher {
    binary: PathBuf,
    sandbox: Sandbox,
    runtimes: Option<PathBuf>,
}

impl Launcher {
    /// By this program, which is `binary`, in this sandbox.
    pub fn new(binary: impl Into<PathBuf>, sandbox: Sandbox) -> Self {
        Self { binary: binary.into(), sandbox, runtimes: None }
    }

    /// With the reference runtimes that are installed in this directory, if there are any.
    #[must_use]
    pub fn with_runtimes(self, runtimes: Option<PathBuf>) -> Self {
        Self { runtimes, ..self }
    }

    /// Where the reference runtimes are installed, if they are.
    pub fn runtimes(&self) -> Option<&Path> {
        self.runtimes.as_deref()
    }

    /// The sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn launch(&self, request: &Request) -> Result<Child, WorkerError> {
        let mut arguments = vec!["worker".into()];
        if self.sandbox.mode() != Mode::Off {
            arguments.extend(["--layers".into(), self.sandbox.layers().to_string().into()]);
        }
        let space = (request.memory as u64).saturating_add(request.cache as u64).saturating_add(ROOM);
        let program = Program {
            path: self.binary.clone(),
            arguments,
            environment: [("TZ", "UTC"), ("LC_ALL", "C")].map(|(name, value)| (name.into(), value.into())).to_vec(),
            read: reads(request),
            role: Role::Worker,
            limits: sandbox::Limits {
                address_space: Some(space),
                data: None,
                cpu: Some(CPU),
                processes: Some(THREADS),
                open_files: FILES,
            },
        };
        self.sandbox.launch(&program).map_err(|error| WorkerError::Failed(error.to_string()))
    }
}

/// What a worker reads: the directory of its request, and its stores, to which links may lead. To
/// check a proof it reads nothing.
fn reads(request: &Request) -> Vec<PathBuf> {
    if let Some(ProofTask::Check { .. }) = request.proofs {
        return Vec::new();
    }
    let mut read = find_stores(&request.dir);
    read.push(request.dir.clone());
    read
}

/// What a worker came to.
pub(super) enum Ended {
    Report(Box<Report>),
    /// A live worker has judged what is here, and waits for a command.
    Standing(Box<Standing>),
    /// An answer about proofs.
    Proof(Answer),
    /// Killed, or dead, while this ack's operation ran.
    Stuck(Option<u64>, String),
}

/// A worker; killed when dropped.
pub(super) struct Session {
    // Killed and reaped when the session is dropped.
    _child: Child,
    stdin: PipeWriter,
    lines: Receiver<Line>,
    runtimes: Option<Runtimes>,
}

impl Session {
    /// Starts a worker and gives it its request, which is told whether there are reference runtimes.
    pub fn start(launcher: &Launcher, request: &mut Request) -> Result<Session, WorkerError> {
        let failed = |error: std::io::Error| WorkerError::Failed(error.to_string());
        let mut child = launcher.launch(request)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(WorkerError::Failed("the worker has no pipes".into()));
        };
        let (sender, lines) = sync_channel(LINES);
        let reader = std::thread::Builder::new().name("worker-output".into());
        let runtimes = launcher.runtimes().map(|dir| Runtimes::new(dir, launcher.sandbox));
        request.asks = runtimes.is_some();
        let mut session = Session { _child: child, stdin, lines, runtimes };
        let reader = reader.spawn(move || {
            let mut lines = Lines::new(stdout, MAX_LINE);
            loop {
                let line = lines.next_line();
                if line == Line::End || sender.send(line).is_err() {
                    break;
                }
            }
        });
        reader.map_err(failed)?;
        session.send(request, STARTS_WITHIN)?;
        Ok(session)
    }

    /// Sends a line to a worker that waits for it, so that its pipe is empty.
    pub fn say(&mut self, what: &impl Serialize) -> Result<(), WorkerError> {
        self.send(what, Duration::ZERO)
    }

    fn send(&mut self, what: &impl Serialize, patience: Duration) -> Result<(), WorkerError> {
        let mut line = serde_json::to_vec(what).map_err(|error| WorkerError::Failed(error.to_string()))?;
        line.push(b'\n');
        match sandbox::send(&mut self.stdin, &line, patience) {
            // A worker that died says so by its silence.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                Err(WorkerError::Failed("it does not read what it is told".into()))
            }
            sent => sent.map_err(|error| WorkerError::Failed(error.to_string())),
        }
    }

    /// Listens to a worker at work, until it is done or must be given up, or `progress` has had enough.
    pub fn listen(&mut self, limits: Limits, progress: &mut dyn FnMut(Beat) -> bool) -> Result<Ended, WorkerError> {
        let ended = self.listen_on(limits, progress);
        // Whoever asks again starts them again.
        self.runtimes.iter().for_each(Runtimes::rest);
        ended
    }

    fn listen_on(&mut self, limits: Limits, progress: &mut dyn FnMut(Beat) -> bool) -> Result<Ended, WorkerError> {
        let mut last = Beat::default();
        let mut since = Instant::now();
        loop {
            let line = match self.lines.recv_timeout(limits.silence) {
                Ok(Line::Whole(line)) => line,
                Ok(Line::TooLong) => {
                    return Err(WorkerError::Failed(format!("it said a line of more than {} MiB", MAX_LINE >> 20)));
                }
                Ok(Line::End) => return Ok(Ended::Stuck(last.running, "it died without a report".into())),
                Err(RecvTimeoutError::Timeout) => return Ok(Ended::Stuck(last.running, "it fell silent".into())),
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Ended::Stuck(last.running, "it died without a report".into()));
                }
            };
            match serde_json::from_slice(&line) {
                Ok(Answer::Beat(beat)) => {
                    if !progress(beat) {
                        return Ok(Ended::Stuck(None, "nobody listens any more".into()));
                    }
                    if beat.runs != last.runs || beat.running.is_none() {
                        since = Instant::now();
                    }
                    last = beat;
                    if since.elapsed() > limits.run {
                        return Ok(Ended::Stuck(beat.running, "an operation could not be interrupted".into()));
                    }
                }
                Ok(Answer::Ask(lines)) => {
                    let Some(runtimes) = &self.runtimes else {
                        return Err(WorkerError::Failed("it asks for what there is not".into()));
                    };
                    let answers = runtimes.exchange(lines);
                    self.send(&answers, READS_WITHIN)?;
                    // The engine did not run meanwhile.
                    since = Instant::now();
                }
                Ok(Answer::Report(report)) => return Ok(Ended::Report(report)),
                Ok(Answer::Standing(standing)) => return Ok(Ended::Standing(standing)),
                Ok(answer @ (Answer::Made(..) | Answer::MadeAll | Answer::Checked(_) | Answer::Refused(..))) => {
                    return Ok(Ended::Proof(answer));
                }
                Ok(Answer::Malformed(why)) => return Err(WorkerError::Malformed(why)),
                Ok(Answer::Usage(why)) => return Err(WorkerError::Usage(why)),
                Ok(Answer::Failed(why)) => return Err(WorkerError::Failed(why)),
                Err(error) => return Err(WorkerError::Failed(format!("it said something odd: {error}"))),
            }
        }
    }
}

//! The parent's side: starts workers, listens, kills the ones that are stuck.
#![allow(unsafe_code, reason = "one call between fork and exec, to close what the child must not inherit")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::report::{Answer, Beat, Request};
use crate::replay::report::Report;

/// When a worker is given up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One run of the engine may take so long by the wall clock; a loop that can be interrupted ends long before, by its
    /// instruction budget.
    pub run: Duration,
    /// Silence after which a worker counts as dead.
    pub silence: Duration,
    /// Operations that may be left out because they were killed.
    pub killed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { run: Duration::from_secs(10), silence: Duration::from_secs(60), killed: 16 }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The stores cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// The request does not fit the stores.
    #[error("{0}")]
    Usage(String),
    /// The worker failed.
    #[error("failed to audit in a worker process: {0}")]
    Failed(String),
}

enum Ended {
    Report(Box<Report>),
    /// Killed, or dead, while this ack's operation ran.
    Stuck(Option<u64>, String),
}

/// Audits in worker processes: `binary` is this program, `progress` is told where the worker stands.
///
/// # Errors
/// [`WorkerError`].
pub fn run(
    binary: &Path,
    mut request: Request,
    limits: Limits,
    mut progress: impl FnMut(Beat),
) -> Result<Report, WorkerError> {
    let mut tries: HashMap<u64, u32> = HashMap::new();
    loop {
        match attempt(binary, &request, limits, &mut progress)? {
            Ended::Report(report) => return Ok(*report),
            Ended::Stuck(Some(seq), _) if request.killed.len() < limits.killed => {
                let count = tries.entry(seq).or_default();
                *count = count.saturating_add(1);
                if *count >= 2 {
                    request.killed.push(seq);
                }
            }
            Ended::Stuck(_, why) => return Err(WorkerError::Failed(why)),
        }
    }
}

fn attempt(
    binary: &Path,
    request: &Request,
    limits: Limits,
    progress: &mut dyn FnMut(Beat),
) -> Result<Ended, WorkerError> {
    let failed = |error: std::io::Error| WorkerError::Failed(error.to_string());
    let mut child = spawn(binary).map_err(failed)?;
    let result = converse(&mut child, request, limits, progress);
    // Dead already, or to be killed: either way it is reaped here.
    let _ = child.kill();
    let _ = child.wait();
    result
}

fn spawn(binary: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(binary);
    command.arg("worker").env_clear().env("TZ", "UTC").env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir("/");
    // SAFETY: between fork and exec only this one system call is made, which is async-signal-safe, allocates nothing and
    // marks descriptors beyond the standard ones to be closed by exec; their owners live in the parent.
    unsafe {
        command.pre_exec(|| {
            const CLOEXEC: libc::c_uint = 1 << 2;
            libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, libc::c_uint::MAX, CLOEXEC);
            Ok(())
        });
    }
    command.spawn()
}

fn converse(
    child: &mut Child,
    request: &Request,
    limits: Limits,
    progress: &mut dyn FnMut(Beat),
) -> Result<Ended, WorkerError> {
    let failed = |error: std::io::Error| WorkerError::Failed(error.to_string());
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(WorkerError::Failed("the worker has no pipes".into()));
    };
    let mut line = serde_json::to_vec(request).map_err(|error| WorkerError::Failed(error.to_string()))?;
    line.push(b'\n');
    let written = stdin.write_all(&line);
    drop(stdin);
    let (sender, receiver) = channel();
    let reader = std::thread::Builder::new().name("worker-output".into());
    let reader = reader.spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    reader.map_err(failed)?;
    // A worker that died before it read says so by its silence.
    if let Err(error) = written.filter_broken_pipe() {
        return Err(failed(error));
    }
    listen(&receiver, limits, progress)
}

trait BrokenPipe {
    fn filter_broken_pipe(self) -> Self;
}

impl BrokenPipe for std::io::Result<()> {
    fn filter_broken_pipe(self) -> Self {
        self.or_else(|error| if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    }
}

fn listen(lines: &Receiver<String>, limits: Limits, progress: &mut dyn FnMut(Beat)) -> Result<Ended, WorkerError> {
    let mut last = Beat::default();
    let mut since = Instant::now();
    loop {
        let line = match lines.recv_timeout(limits.silence) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Ok(Ended::Stuck(last.running, "it fell silent".into())),
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Ended::Stuck(last.running, "it died without a report".into()));
            }
        };
        match serde_json::from_str(&line) {
            Ok(Answer::Beat(beat)) => {
                progress(beat);
                if beat.runs != last.runs || beat.running.is_none() {
                    since = Instant::now();
                }
                last = beat;
                if since.elapsed() > limits.run {
                    return Ok(Ended::Stuck(beat.running, "an operation could not be interrupted".into()));
                }
            }
            Ok(Answer::Report(report)) => return Ok(Ended::Report(report)),
            Ok(Answer::Malformed(why)) => return Err(WorkerError::Malformed(why)),
            Ok(Answer::Usage(why)) => return Err(WorkerError::Usage(why)),
            Ok(Answer::Failed(why)) => return Err(WorkerError::Failed(why)),
            Err(error) => return Err(WorkerError::Failed(format!("it said something odd: {error}"))),
        }
    }
}

//! One worker process and the pipes to it.
#![allow(unsafe_code, reason = "one call between fork and exec, to close what the child must not inherit")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use serde::Serialize;

use super::parent::{Launch, Limits, WorkerError};
use super::report::{Answer, Beat, Request, Standing};
use crate::replay::reference::References;
use crate::replay::report::Report;
use crate::runtimes::Runtimes;

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
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    runtimes: Option<Runtimes>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Dead already, or to be killed: either way it is reaped here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Session {
    /// Starts a worker and gives it its request.
    pub fn start(launch: &Launch, request: &Request) -> Result<Session, WorkerError> {
        let failed = |error: std::io::Error| WorkerError::Failed(error.to_string());
        let mut child = spawn(&launch.binary).map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(WorkerError::Failed("the worker has no pipes".into()));
        };
        let (sender, lines) = channel();
        let reader = std::thread::Builder::new().name("worker-output".into());
        let runtimes = launch.runtimes.as_deref().map(Runtimes::new);
        let request = &Request { asks: runtimes.is_some(), ..request.clone() };
        let mut session = Session { child, stdin, lines, runtimes };
        let reader = reader.spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        reader.map_err(failed)?;
        session.say(request)?;
        Ok(session)
    }

    /// Sends a line.
    pub fn say(&mut self, what: &impl Serialize) -> Result<(), WorkerError> {
        let mut line = serde_json::to_vec(what).map_err(|error| WorkerError::Failed(error.to_string()))?;
        line.push(b'\n');
        match self.stdin.write_all(&line) {
            // A worker that died before it read says so by its silence.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(WorkerError::Failed(error.to_string())),
            _ => Ok(()),
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
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => return Ok(Ended::Stuck(last.running, "it fell silent".into())),
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Ended::Stuck(last.running, "it died without a report".into()));
                }
            };
            match serde_json::from_str(&line) {
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
                    self.say(&answers)?;
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

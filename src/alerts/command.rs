//! A program that gets the alert as JSON on its standard input.
//!
//! It is run without a shell, with nothing but `PATH` in its environment, in a process group of its own, which is killed when its time
//! is over or the service ends.

use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr};

use super::Outcome;
use crate::config;
use crate::watch::alert::Alert;

/// What of its standard error goes into the reason of a failure.
const SAID: usize = 500;
/// How long its standard error is read after its end.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Where programs are, when we were not told.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program.
#[derive(Debug)]
pub struct Command {
    run: Vec<String>,
    timeout: Duration,
}

/// Kills the whole group, unless the child has ended and its number may be another's.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It may have ended by itself meanwhile.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Command {
    pub(super) fn open(config: &config::CommandHook) -> Command {
        Command { run: config.run.clone(), timeout: config.timeout }
    }

    fn spawn(&self) -> Result<Child, String> {
        let (program, args) = self.run.split_first().ok_or_else(|| "there is no program".to_owned())?;
        let spawned = tokio::process::Command::new(program)
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| PATH.into()))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        spawned.map_err(|e| format!("{program}: {e}"))
    }

    pub(super) async fn deliver(&self, alert: &Alert) -> Outcome {
        let mut input = match super::webhook::body(alert) {
            Ok(body) => body,
            Err(why) => return Outcome::failed(why),
        };
        input.push(b'\n');
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(why) => return Outcome::failed(why),
        };
        let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let mut group = Group(pid);
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let mut said = Vec::new();
        let working = async {
            let writing = async {
                if let Some(mut stdin) = stdin {
                    // A program need not read what it is told.
                    let _ = stdin.write_all(&input).await;
                }
            };
            let mut ending = pin!(async { tokio::join!(writing, child.wait()).1 });
            let mut listening = pin!(listen(stderr, &mut said));
            tokio::select! {
                status = &mut ending => {
                    // What it said last is there by now; who keeps its standard error open beyond its end is not waited for.
                    let _ = tokio::time::timeout(LAST_WORDS, listening).await;
                    status
                }
                () = &mut listening => ending.await,
            }
        };
        let ended = tokio::time::timeout(self.timeout, working).await;
        let Ok(ended) = ended else {
            return Outcome::failed(format!("it was killed after {} s", self.timeout.as_secs_f64()));
        };
        // It has been waited for: its number may be another's from now on.
        group.0 = None;
        match ended {
            Ok(status) if status.success() => Outcome::Delivered,
            Ok(status) => {
                let said = String::from_utf8_lossy(&said);
                Outcome::failed(format!("{status}: {}", said.trim()).trim_end_matches(": "))
            }
            Err(error) => Outcome::failed(error),
        }
    }

    /// Looks for the program, and does not run it.
    pub(super) fn probe(&self) -> Result<String, String> {
        let program = self.run.first().ok_or_else(|| "there is no program".to_owned())?;
        let path = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
        let candidates: Vec<PathBuf> = if program.contains('/') {
            vec![PathBuf::from("/").join(program)]
        } else {
            std::env::split_paths(&path).map(|dir| dir.join(program)).collect()
        };
        let runs = |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
        match candidates.iter().find(|path| runs(path)) {
            Some(path) => Ok(format!("{} is there, and was not run", path.display())),
            None => Err(format!("{program}: there is no such program")),
        }
    }
}

/// Reads to the end and keeps the beginning, so that a program is never stopped by what it says.
async fn listen(stderr: Option<ChildStderr>, said: &mut Vec<u8>) {
    let Some(mut stderr) = stderr else { return };
    let mut buffer = [0; 4_096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        let room = SAID.saturating_sub(said.len()).min(count);
        said.extend_from_slice(buffer.get(..room).unwrap_or_default());
    }
}

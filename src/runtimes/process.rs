//! One process of a reference runtime, and the pipes to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::Reference;

/// Most bytes of one line: what an operation may write, as base64.
const MAX_LINE: u64 = 64 << 20;

/// The script of every runtime.
pub(super) const SCRIPT: &str = "runtime.js";

/// A process; killed when dropped.
pub(super) struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Dead already, or to be killed: either way it is reaped here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts a runtime that is installed in `dir`.
    ///
    /// # Errors
    /// When there is no such program, or it ends at once.
    pub fn start(dir: &Path, reference: &Reference) -> std::io::Result<Self> {
        let mut command = Command::new(dir.join(reference.program));
        command.args(reference.flags).arg(dir.join(SCRIPT)).arg(reference.name);
        command.env_clear().env("TZ", "UTC").env("LC_ALL", "C").current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("the runtime has no pipes"));
        };
        let (sender, lines) = channel();
        let reader = std::thread::Builder::new().name("runtime-output".into());
        let mut process = Self { child, stdin, lines };
        reader.spawn(move || {
            let mut output = BufReader::new(stdout);
            loop {
                let mut line = String::new();
                let read = (&mut output).take(MAX_LINE).read_line(&mut line);
                if !read.is_ok_and(|_| line.ends_with('\n')) || sender.send(line).is_err() {
                    return;
                }
            }
        })?;
        match process.listen(super::PATIENCE) {
            Some(_ready) => Ok(process),
            None => Err(std::io::Error::other("the runtime ended when it was started")),
        }
    }

    /// Gives it a line.
    pub fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stdin.write_all(line.as_bytes())?;
        self.stdin.write_all(b"\n")?;
        self.stdin.flush()
    }

    /// Waits for a line; `None` when there is none in time, or the process ended.
    pub fn listen(&mut self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }
}

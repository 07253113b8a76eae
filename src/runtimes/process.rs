//! One process of a reference runtime, and the pipes to it.

use std::io::PipeWriter;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use super::Reference;
use crate::sandbox::{Child, Limits, Line, Lines, Program, Role, Sandbox, send};

/// Most bytes of one line: what an operation may write, as base64.
const MAX_LINE: usize = 64 << 20;
/// Lines that wait to be read; then the process waits.
const LINES: usize = 4;
/// Private memory of a process. Node 24 does not start with 1 GiB.
const DATA: u64 = 4 << 30;
/// Processor time of a process, in seconds. Whoever asks ends it long before.
const CPU: u64 = 3_600;
/// Threads of a process.
const THREADS: u64 = 64;
/// Files that a process may have open.
const FILES: u64 = 256;

/// The script of every runtime.
pub(super) const SCRIPT: &str = "runtime.js";

/// A process; killed when dropped.
pub(super) struct Process {
    // Killed and reaped when the process is dropped.
    _child: Child,
    stdin: PipeWriter,
    lines: Receiver<Line>,
}

impl Process {
    /// Starts a runtime that is installed in `dir`, in a sandbox.
    ///
    /// # Errors
    /// When there is no such program, or it ends at once.
    pub fn start(dir: &Path, sandbox: &Sandbox, reference: &Reference) -> std::io::Result<Self> {
        let surroundings = [("TZ", "UTC"), ("LC_ALL", "C"), ("OPENSSL_CONF", "/nonexistent")];
        let flags = reference.flags.iter().map(Into::into);
        let program = Program {
            path: dir.join(reference.program),
            arguments: flags.chain([dir.join(SCRIPT).into(), reference.name.into()]).collect(),
            environment: surroundings.map(|(name, value)| (name.into(), value.into())).to_vec(),
            read: vec![dir.to_owned()],
            role: Role::Runtime,
            limits: Limits {
                address_space: None,
                data: Some(DATA),
                cpu: Some(CPU),
                processes: Some(THREADS),
                open_files: FILES,
            },
        };
        let mut child = sandbox.launch(&program).map_err(std::io::Error::other)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("the runtime has no pipes"));
        };
        let (sender, lines) = sync_channel(LINES);
        let reader = std::thread::Builder::new().name("runtime-output".into());
        let process = Self { _child: child, stdin, lines };
        reader.spawn(move || {
            let mut lines = Lines::new(stdout, MAX_LINE);
            loop {
                let line = lines.next_line();
                let whole = matches!(line, Line::Whole(_));
                if sender.send(line).is_err() || !whole {
                    return;
                }
            }
        })?;
        match process.listen(super::PATIENCE) {
            Some(_ready) => Ok(process),
            None => Err(std::io::Error::other("the runtime ended when it was started")),
        }
    }

    /// Gives it a line. One that was taken over may not read.
    pub fn say(&mut self, line: &str) -> std::io::Result<()> {
        send(&mut self.stdin, format!("{line}\n").as_bytes(), super::PATIENCE)
    }

    /// Waits for a line; `None` when there is none in time, or the process ended.
    pub fn listen(&self, patience: Duration) -> Option<String> {
        match self.lines.recv_timeout(patience) {
            Ok(Line::Whole(line)) => String::from_utf8(line).ok(),
            _ => None,
        }
    }
}

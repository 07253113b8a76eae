//! The reference runtimes as processes: Vitra's own guest runtime on the engines that executors run (`docs/runtimes.md`).
//!
//! `vitra-watch runtimes install` puts them into a directory ([`install`]). Processes are started when there is something to
//! ask, take one operation after the other, and end with whoever asked. What they say is [`crate::replay::reference`]'s to
//! read; here a line is a line. A clock only ends processes: one that is ended has given no answer, and nobody is accused by that.

mod install;
mod process;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use install::{Installed, Problem, check, install, installed};
use process::Process;

use crate::replay::reference::References;
use crate::sandbox::Sandbox;

/// One of the reference runtimes.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// Its name, in findings and proofs: the engine, and the version of msgpackr.
    pub name: &'static str,
    /// The program, below the directory of the installation.
    program: &'static str,
    /// What the program is given before the script.
    flags: &'static [&'static str],
}

/// All of them. None compiles machine code: what V8's compilers get wrong is what those attack who break out of it, and a
/// process that never makes memory executable can be kept from it. The language is the same.
pub const REFERENCES: [Reference; 3] = [
    Reference { name: "vitra-1.5", program: "node_modules/node-15/bin/node", flags: &["--jitless"] },
    Reference { name: "vitra-1.12", program: "node_modules/node-15/bin/node", flags: &["--jitless"] },
    Reference {
        name: "current-1.12",
        program: "node_modules/node-24/bin/node",
        flags: &["--jitless", "--no-node-snapshot"],
    },
];

/// Their names, in their order.
pub fn names() -> Vec<String> {
    REFERENCES.iter().map(|reference| reference.name.to_owned()).collect()
}

/// How long a runtime may take for one line: a contract that takes longer is one that it cannot judge.
const PATIENCE: Duration = Duration::from_secs(10);

/// Processes of one installation, started as they are needed.
pub struct Runtimes {
    dir: PathBuf,
    sandbox: Sandbox,
    names: Vec<String>,
    processes: RefCell<[Option<Process>; REFERENCES.len()]>,
}

impl Runtimes {
    /// The runtimes that are installed in a directory, locked in by a sandbox. Starts nothing.
    pub fn new(dir: &Path, sandbox: Sandbox) -> Self {
        Self { dir: dir.to_owned(), sandbox, names: names(), processes: RefCell::default() }
    }

    /// Ends all processes.
    pub fn rest(&self) {
        *self.processes.borrow_mut() = Default::default();
    }
}

impl References for Runtimes {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn exchange(&self, lines: Vec<(usize, String)>) -> Vec<(usize, Option<String>)> {
        let mut processes = self.processes.borrow_mut();
        // All are asked before the first is waited for, so that they work side by side.
        let asked: Vec<usize> = lines
            .into_iter()
            .filter_map(|(at, line)| {
                let slot = processes.get_mut(at)?;
                if line.is_empty() {
                    *slot = None;
                    return None;
                }
                if slot.is_none() {
                    *slot = REFERENCES
                        .get(at)
                        .and_then(|reference| Process::start(&self.dir, &self.sandbox, reference).ok());
                }
                if slot.as_mut().is_some_and(|process| process.say(&line).is_err()) {
                    *slot = None;
                }
                Some(at)
            })
            .collect();
        asked
            .into_iter()
            .map(|at| {
                let slot = processes.get_mut(at);
                let line = slot.and_then(|slot| {
                    let line = slot.as_mut().and_then(|process| process.listen(PATIENCE));
                    if line.is_none() {
                        *slot = None;
                    }
                    line
                });
                (at, line)
            })
            .collect()
    }
}

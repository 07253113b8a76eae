//! `vitra-watch runtimes`: the reference runtimes, and where they are.

use std::io::Write;
use std::path::PathBuf;

use super::args::RuntimesCommand;
use super::{Failure, escape, exit};
use crate::runtimes::{REFERENCES, check, install, installed};
use crate::sandbox::{Mode, Sandbox};

/// Where the reference runtimes are.
pub(super) struct Place {
    /// The directory that the arguments name.
    pub named: Option<PathBuf>,
}

impl Place {
    /// The runtimes of this user. Those that are named must be there; others need not.
    pub fn usual(&self) -> Result<Option<PathBuf>, Failure> {
        self.or(super::download::data_home().map(|home| home.join("runtimes")))
    }

    /// The same, where the service has a place for them.
    pub fn or(&self, usual: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
        Ok(match &self.named {
            Some(dir) => Some(installed(&std::path::absolute(dir)?).map_err(unavailable)?.dir),
            None => usual.and_then(|dir| installed(&dir).ok()).map(|found| found.dir),
        })
    }

    fn dir(&self) -> Result<PathBuf, Failure> {
        let usual = || super::download::data_home().map(|home| home.join("runtimes"));
        let dir = self.named.clone().or_else(usual);
        dir.ok_or_else(|| Failure::new(exit::USAGE, "name a directory with --runtimes: HOME is not set"))
    }
}

fn unavailable(problem: impl std::fmt::Display) -> Failure {
    Failure::new(exit::UNAVAILABLE, problem)
}

/// Installs or tries them.
pub(super) fn run(command: &RuntimesCommand, place: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    let found = match command {
        RuntimesCommand::Install { dir } => {
            let dir = dir.clone().map_or_else(|| place.dir(), Ok)?;
            install(&std::path::absolute(dir)?).map_err(unavailable)?
        }
        RuntimesCommand::Check => installed(&std::path::absolute(place.dir()?)?).map_err(unavailable)?,
    };
    let sandbox = Sandbox::new(Mode::Auto).map_err(unavailable)?;
    check(&found, sandbox).map_err(unavailable)?;
    writeln!(out, "{}", escape(&found.dir.display().to_string()))?;
    for reference in REFERENCES {
        writeln!(out, "{}  works", reference.name)?;
    }
    Ok(exit::VERIFIED)
}

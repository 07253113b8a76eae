//! `vitra-watch runtimes`: the reference runtimes, and where they are.

use std::io::Write;
use std::path::PathBuf;

use super::args::RuntimesCommand;
use super::{Failure, escape, exit};
use crate::runtimes::{REFERENCES, check, install, installed};
use crate::worker::Launch;

/// Where the reference runtimes are.
pub(super) struct Place {
    /// The directory that the arguments name.
    pub named: Option<PathBuf>,
}

impl Place {
    /// What workers are started with. Runtimes that are named must be there; others need not.
    pub fn launch(&self) -> Result<Launch, Failure> {
        self.launch_or(super::download::data_home().map(|home| home.join("runtimes")))
    }

    /// The same, where the service has a place for them.
    pub fn launch_or(&self, usual: Option<PathBuf>) -> Result<Launch, Failure> {
        let binary = std::env::current_exe()?;
        let runtimes = match &self.named {
            Some(dir) => Some(installed(dir).map_err(unavailable)?.dir),
            None => usual.and_then(|dir| installed(&dir).ok()).map(|found| found.dir),
        };
        Ok(Launch { binary, runtimes })
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
    check(&found).map_err(unavailable)?;
    writeln!(out, "{}", escape(&found.dir.display().to_string()))?;
    for reference in REFERENCES {
        writeln!(out, "{}  works", reference.name)?;
    }
    Ok(exit::VERIFIED)
}

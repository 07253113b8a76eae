//! `vitra-watch proof`, and the proofs that an audit writes.

pub(super) mod args;
mod inclusion;
mod rebut;
mod show;
mod verify;
mod vitra;

pub(super) use inclusion::unusable;
pub(super) use verify::change;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::args::{ProofArgs, ProofCommand};
use super::runtimes::Place;
use super::{Failure, escape, exit};
use crate::database::ack::to_hex;
use crate::proofs::Proof;
use crate::worker::{self, Launcher, Limits, Report, Request, WorkerError};

pub(super) fn run(args: &ProofArgs, runtimes: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    match &args.command {
        ProofCommand::Verify(args) => verify::run(args, runtimes, out),
        ProofCommand::Show(args) => show::run(args, runtimes, out),
        ProofCommand::Rebut(args) => rebut::run(args, runtimes, out),
        ProofCommand::Inclusion(args) => inclusion::run(args, out),
        ProofCommand::Import(args) => vitra::import(args, out),
        ProofCommand::Export(args) => vitra::export(args, out),
    }
}

/// One byte more than the limit is enough to tell that there are more.
pub(super) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::new(exit::MALFORMED, format!("{}: {error}", path.display()));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let from: &mut dyn Read = if path.as_os_str() == "-" {
        &mut std::io::stdin().lock()
    } else {
        &mut File::open(path).map_err(unreadable)?
    };
    from.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

pub(super) fn failure(error: WorkerError) -> Failure {
    let code = match error {
        WorkerError::Malformed(_) => exit::MALFORMED,
        WorkerError::Usage(_) => exit::USAGE,
        WorkerError::Failed(_) => exit::INTERNAL,
    };
    Failure::new(code, error)
}

/// Writes a proof of each violation of a report into a directory, named by their hashes, and says which on stderr.
pub(super) fn write_all(dir: &Path, launcher: &Launcher, request: Request, report: &Report) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    let mut failed = None;
    let made = |at: usize, proof: Result<Vec<u8>, String>| {
        let name = report.findings.get(at).map_or("", |finding| finding.kind.name());
        let said = match proof {
            Ok(proof) => match save(dir, &proof) {
                Ok(path) => format!("proof of {name}: {}", path.display()),
                Err(failure) => {
                    failed = Some(failure);
                    return;
                }
            },
            Err(why) => format!("no proof of {name}: {why}"),
        };
        // Nothing can be said where nothing can be printed.
        let _ = writeln!(std::io::stderr(), "{}", escape(&said));
    };
    worker::make_proofs(launcher, request, report, Limits::default(), made).map_err(failure)?;
    failed.map_or(Ok(()), Err)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::INTERNAL, format!("{}: {error}", path.display()))
}

/// Writes a file under its hash into a directory, and says where. A name stands for a whole file, or does not exist.
pub(super) fn save(dir: &Path, file: &[u8]) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    let path = dir.join(format!("{}.vproof", to_hex(&Proof::id(file))));
    let new = path.with_extension("new");
    let written = || {
        let mut to = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
        to.write_all(file)?;
        to.sync_all()?;
        std::fs::rename(&new, &path)
    };
    match written() {
        Ok(()) => Ok(path),
        Err(error) => {
            let _ = std::fs::remove_file(&new);
            Err(unwritable(&path, &error))
        }
    }
}

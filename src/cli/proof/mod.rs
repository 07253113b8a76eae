//! `vitra-watch proof`, and the proofs that an audit writes.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{ProofArgs, ProofCommand, VerifyArgs};
use super::{Failure, escape, escape_json, exit};
use crate::database::ack::to_hex;
use crate::proofs::{Proof, Proven};
use crate::worker::{self, Limits, Refusal, Report, Request, WorkerError};

pub(super) fn run(args: &ProofArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    match &args.command {
        ProofCommand::Verify(args) => verify(args, out),
    }
}

fn verify(args: &VerifyArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let binary = std::env::current_exe()?;
    let limit = (args.max_size as usize) << 20;
    let mut code = exit::VERIFIED;
    for path in &args.files {
        let file = read(path, limit)?;
        let id = to_hex(&Proof::id(&file));
        let result = worker::check_proof(&binary, &file, limit, Limits::default()).map_err(failure)?;
        code = code.max(match &result {
            Ok(_) => exit::VERIFIED,
            Err(Refusal { malformed: false, .. }) => exit::NOT_PROVEN,
            Err(Refusal { malformed: true, .. }) => exit::MALFORMED,
        });
        if args.json {
            print_json(path, &id, &result, out)?;
        } else {
            print(path, &id, &result, out)?;
        }
    }
    Ok(code)
}

/// One byte more than the limit is enough to tell that there are more.
fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
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

fn print(path: &Path, id: &str, result: &Result<Proven, Refusal>, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "{}", escape(&path.display().to_string()))?;
    writeln!(out, "  proof      {id}")?;
    match result {
        Ok(proven) => {
            let finding = &proven.finding;
            let place = finding.seq.map_or(String::new(), |seq| format!(" at block {seq}"));
            writeln!(out, "  database   {}", escape(&proven.database))?;
            writeln!(out, "  convicts   {}", escape(&proven.convicts()))?;
            writeln!(out, "  of         {}{place} of log {}", finding.kind.name(), escape(&finding.log))?;
            writeln!(out, "  because    {}", escape(&finding.message))?;
            for check in &proven.checks {
                writeln!(out, "  checked    {}", escape(check))?;
            }
            writeln!(out, "  PROVEN")?;
        }
        Err(refusal) => {
            let word = if refusal.malformed { "NO PROOF FILE" } else { "NOT PROVEN" };
            writeln!(out, "  {word}: {}", escape(&refusal.why))?;
        }
    }
    Ok(())
}

fn print_json(path: &Path, id: &str, result: &Result<Proven, Refusal>, out: &mut dyn Write) -> Result<(), Failure> {
    let file = path.display().to_string();
    let text = match result {
        Ok(proven) => json!({
            "file": file, "proof": id, "proven": true, "database": proven.database, "finding": proven.finding,
            "checks": proven.checks,
        }),
        Err(refusal) => json!({
            "file": file, "proof": id, "proven": false, "malformed": refusal.malformed, "why": refusal.why,
        }),
    };
    Ok(writeln!(out, "{}", escape_json(&text.to_string()))?)
}

/// Writes a proof of each violation of a report into a directory, named by their hashes, and says which on stderr.
pub(super) fn write_all(dir: &Path, request: Request, report: &Report) -> Result<(), Failure> {
    let unwritable =
        |path: &Path, error: std::io::Error| Failure::new(exit::INTERNAL, format!("{}: {error}", path.display()));
    std::fs::create_dir_all(dir).map_err(|error| unwritable(dir, error))?;
    let binary = std::env::current_exe()?;
    let mut failed = None;
    let made = |at: usize, proof: Result<Vec<u8>, String>| {
        let name = report.findings.get(at).map_or("", |finding| finding.kind.name());
        let said = match proof {
            Ok(proof) => match write(dir, &proof) {
                Ok(path) => format!("proof of {name}: {}", path.display()),
                Err((path, error)) => {
                    failed = Some(unwritable(&path, error));
                    return;
                }
            },
            Err(why) => format!("no proof of {name}: {why}"),
        };
        // Nothing can be said where nothing can be printed.
        let _ = writeln!(std::io::stderr(), "{}", escape(&said));
    };
    worker::make_proofs(&binary, request, report, Limits::default(), made).map_err(failure)?;
    failed.map_or(Ok(()), Err)
}

/// A name stands for a whole file, or does not exist.
fn write(dir: &Path, proof: &[u8]) -> Result<PathBuf, (PathBuf, std::io::Error)> {
    let path = dir.join(format!("{}.vproof", to_hex(&Proof::id(proof))));
    let new = path.with_extension("new");
    let written = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
        file.write_all(proof)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)
    };
    match written() {
        Ok(()) => Ok(path),
        Err(error) => {
            let _ = std::fs::remove_file(&new);
            Err((path, error))
        }
    }
}

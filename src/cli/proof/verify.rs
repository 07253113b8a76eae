//! `vitra-watch proof verify`.

use std::io::Write;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::super::args::VerifyArgs;
use super::super::launcher::launcher;
use super::super::runtimes::Place;
use super::super::{Failure, escape, escape_json, exit};
use super::{failure, read};
use crate::database::ack::to_hex;
use crate::proofs::{Included, Lacks, Proof, Proven, Rebutted, Statement};
use crate::replay::finding::{Finding, ShownChange};
use crate::worker::{self, Limits, Refusal};

const SCHEMA: &str = "vitra-watch/proof-check/1";

pub(super) fn run(args: &VerifyArgs, runtimes: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    let launcher = launcher(args.sandbox.sandbox, runtimes)?;
    let limit = (args.max_size as usize) << 20;
    let mut code = exit::VERIFIED;
    for path in &args.files {
        let file = read(path, limit)?;
        let id = to_hex(&Proof::id(&file));
        let result = worker::check_proof(&launcher, &file, limit, Limits::default()).map_err(failure)?;
        code = code.max(match &result {
            Ok(_) => exit::VERIFIED,
            Err(refusal) => exit::lacking(refusal.lacks),
        });
        if args.json {
            let shown = shown_json(&path.display().to_string(), &id, &result);
            writeln!(out, "{}", escape_json(&shown.to_string()))?;
        } else {
            print(path, &id, &result, out)?;
        }
    }
    Ok(code)
}

fn print(path: &Path, id: &str, result: &Result<Statement, Refusal>, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "{}", escape(&path.display().to_string()))?;
    writeln!(out, "  proof      {id}")?;
    let (checks, word) = match result {
        Ok(Statement::Violation(proven)) => {
            print_violation(proven, out)?;
            (&proven.checks, "PROVEN")
        }
        Ok(Statement::Rebuttal(rebutted)) => {
            print_rebuttal(rebutted, out)?;
            (&rebutted.checks, "REBUTTED")
        }
        Ok(Statement::Inclusion(included)) => {
            print_inclusion(included, out)?;
            (&included.checks, "INCLUDED")
        }
        Err(refusal) => {
            let word = match refusal.lacks {
                Lacks::Form => "NO PROOF FILE",
                Lacks::Proof => "NOT PROVEN",
                Lacks::Confirmation => "NOT CONFIRMED",
            };
            writeln!(out, "  {word}: {}", escape(&refusal.why))?;
            return Ok(());
        }
    };
    for check in checks {
        writeln!(out, "  checked    {}", escape(check))?;
    }
    Ok(writeln!(out, "  {word}")?)
}

fn place(finding: &Finding) -> String {
    finding.seq.map_or(String::new(), |seq| format!(" at block {seq}"))
}

fn print_violation(proven: &Proven, out: &mut dyn Write) -> Result<(), Failure> {
    let finding = &proven.finding;
    writeln!(out, "  database   {}", escape(&proven.database))?;
    writeln!(out, "  convicts   {}", escape(&proven.convicts()))?;
    writeln!(out, "  of         {}{} of log {}", finding.kind.name(), place(finding), escape(&finding.log))?;
    Ok(writeln!(out, "  because    {}", escape(&finding.message))?)
}

fn print_rebuttal(rebutted: &Rebutted, out: &mut dyn Write) -> Result<(), Failure> {
    let finding = &rebutted.finding;
    writeln!(out, "  database   {}", escape(&rebutted.database))?;
    writeln!(out, "  clears     the executor of {}{}", finding.kind.name(), place(finding))?;
    writeln!(out, "  proof      {} said so", rebutted.proof)?;
    if let Some(instead) = rebutted.instead() {
        writeln!(out, "  convicts   the owner of oplog {}", escape(&instead.log))?;
        writeln!(out, "  because    {}", escape(&instead.message))?;
    }
    if let Some(length) = rebutted.longer {
        writeln!(out, "  because    the log goes on: under its head of length {length} the transaction is in order")?;
    }
    Ok(())
}

fn print_inclusion(included: &Included, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "  database   {}", escape(&included.database))?;
    let Included { log, seq, length, fork, .. } = included;
    let fork = if *fork > 0 { format!(", fork {fork}") } else { String::new() };
    writeln!(out, "  shows      block {seq} of log {}, signed at length {length}{fork}", escape(log))?;
    if let Some(operation) = &included.operation {
        writeln!(out, "  operation  {}", escape(&operation.to_string()))?;
    }
    if let Some(entry) = &included.entry {
        writeln!(out, "  entry      {}", change(entry))?;
    }
    if let Some(result) = &included.result {
        writeln!(out, "  result     {}, with the ack at block {} of the index", escape(&result.outcome()), result.seq)?;
        for entry in &result.changes {
            writeln!(out, "  change     {}", change(entry))?;
        }
        for caveat in result.caveats() {
            writeln!(out, "  but        {caveat}")?;
        }
    }
    Ok(())
}

/// A change on one line.
pub(in super::super) fn change(change: &ShownChange) -> String {
    let value = change.value.as_ref().map_or_else(String::new, |value| format!(" = {value}"));
    escape(&format!("{} {}{value}", change.kind, change.path))
}

fn shown_json(file: &str, id: &str, result: &Result<Statement, Refusal>) -> Json {
    match result {
        Ok(Statement::Violation(proven)) => json!({
            "schema": SCHEMA, "file": file, "proof": id, "proven": true, "shows": "violation", "database": proven.database,
            "finding": proven.finding, "end": proven.end, "checks": proven.checks,
        }),
        Ok(Statement::Rebuttal(rebutted)) => json!({
            "schema": SCHEMA, "file": file, "proof": id, "proven": true, "shows": "rebuttal", "rebuttal": rebutted,
        }),
        Ok(Statement::Inclusion(included)) => json!({
            "schema": SCHEMA, "file": file, "proof": id, "proven": true, "shows": "inclusion", "inclusion": included,
        }),
        Err(refusal) => json!({
            "schema": SCHEMA, "file": file, "proof": id, "proven": false, "lacks": refusal.lacks, "why": refusal.why,
        }),
    }
}

//! `vitra-watch proof import` and `proof export`: Vitra's own JSON.

use std::collections::BTreeSet;
use std::io::Write;

use super::super::args::{ExportArgs, ImportArgs};
use super::super::{Failure, escape, escape_json, exit};
use super::inclusion::unusable;
use super::{read, save};
use crate::archive::{self, Archive, Database};
use crate::database::ack::to_hex;
use crate::hypercore::{Key, SignedHead};
use crate::proofs::file::MAX_SIZE;
use crate::proofs::vitra;
use crate::proofs::{Evidence, Heads, Proof, by_heads_of, prove};
use crate::replay::auditor::Options;
use crate::replay::logs::Logs as _;

/// Takes the heads that a file of Vitra's holds: against each other, or against the logs of a database and into its archive.
pub(super) fn import(args: &ImportArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let malformed = |error| Failure::new(exit::MALFORMED, format!("{}: {error}", args.file.display()));
    let text = read(&args.file, MAX_SIZE)?;
    let shown = vitra::parse(&text).map_err(|error| malformed(error.to_string()))?;
    let (named, heads) = shown.into_heads();
    for head in &heads {
        let (log, length, fork, hash) = (to_hex(head.key()), head.length(), head.fork(), to_hex(head.tree_hash()));
        writeln!(out, "log {log}: its owner signed length {length}, fork {fork}, tree hash {hash}")?;
    }
    let Some(dir) = &args.dir else { return alone(heads, args, out) };
    if archive::is_archive(dir) {
        let mut archive = Archive::open(dir).map_err(super::super::download::failed)?;
        for head in &heads {
            archive.keep_head(head, None).map_err(super::super::download::failed)?;
        }
        writeln!(out, "{} signed heads kept in the archive", heads.len())?;
    }
    let mut database = Database::open(dir, args.key.or(named)).map_err(unusable)?;
    let logs: BTreeSet<Key> = heads.iter().map(|head| *head.key()).collect();
    let oplogs: Vec<_> = logs.iter().filter(|log| *log != database.key()).copied().collect();
    database.check(&oplogs).map_err(unusable)?;
    heads.into_iter().for_each(|head| database.add_head(head));
    let mut code = exit::VERIFIED;
    for log in &logs {
        code = exit::gravest(&[code, contradictions(&database, database.key(), log, args, out)?]);
    }
    Ok(code)
}

/// Heads without any log. A proof of two that contradict each other can be made if their log is the index.
fn alone(heads: Vec<SignedHead>, args: &ImportArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let heads = Heads::from_iter(heads);
    let mut code = exit::VERIFIED;
    for log in heads.logs() {
        if args.key == Some(*log) || heads.conflicts(log).is_empty() {
            code = exit::gravest(&[code, contradictions(&heads, log, log, args, out)?]);
            continue;
        }
        code = exit::gravest(&[code, exit::INCOMPLETE]);
        for finding in by_heads_of(&heads, log, log) {
            let (log, kind) = (to_hex(log), finding.kind.name());
            writeln!(
                out,
                "log {log}: {kind}; for a proof name the directory of its database, or, if it is an index, its key with --key"
            )?;
        }
    }
    Ok(code)
}

/// What the heads of a log contradict, and proofs of it.
fn contradictions(
    logs: &dyn Evidence,
    database: &Key,
    log: &Key,
    args: &ImportArgs,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let findings = by_heads_of(logs, database, log);
    let name = to_hex(log);
    if findings.is_empty() {
        writeln!(out, "log {name}: nothing that is here contradicts it")?;
        return Ok(exit::VERIFIED);
    }
    for finding in &findings {
        let said = match prove(logs, database, finding, &[], Options::default()) {
            Ok(proof) => save(&args.out, &proof.encode())?.display().to_string(),
            Err(why) => format!("no proof: {why}"),
        };
        writeln!(out, "log {name}: {}: {}", finding.kind.name(), escape(&said))?;
    }
    Ok(if log == database { exit::VIOLATED_BY_HEADS } else { exit::VIOLATED_BY_PARTICIPANTS })
}

/// Writes a proof in Vitra's JSON, where that can say it.
pub(super) fn export(args: &ExportArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let file = read(&args.file, MAX_SIZE)?;
    let proof = Proof::decode(&file, MAX_SIZE);
    let proof = proof.map_err(|error| Failure::new(exit::MALFORMED, format!("{}: {error}", args.file.display())))?;
    let json = vitra::export(&proof).map_err(|why| Failure::new(exit::NOT_PROVEN, why))?;
    writeln!(out, "{}", escape_json(&json.to_string()))?;
    Ok(exit::VERIFIED)
}

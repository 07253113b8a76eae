//! `vitra-watch proof import` and `proof export`: Vitra's own JSON.

use std::io::Write;

use super::super::args::{ExportArgs, ImportArgs};
use super::super::{Failure, escape, escape_json, exit};
use super::inclusion::unusable;
use super::{read, save};
use crate::archive::{Archive, Database};
use crate::database::ack::to_hex;
use crate::hypercore::SignedHead;
use crate::proofs::file::MAX_SIZE;
use crate::proofs::vitra::{self, Shown};
use crate::proofs::{Proof, by_heads_of, prove};
use crate::replay::auditor::Options;

/// Takes the heads that a file of Vitra's holds: into an archive, and against the logs of a database.
pub(super) fn import(args: &ImportArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let malformed = |error| Failure::new(exit::MALFORMED, format!("{}: {error}", args.file.display()));
    let text = read(&args.file, MAX_SIZE)?;
    let shown = vitra::parse(&text).map_err(|error| malformed(error.to_string()))?;
    let (named, heads): (_, Vec<SignedHead>) = match shown {
        Shown::Transaction { database, receipts } => {
            (Some(database), receipts.into_iter().map(|receipt| receipt.head).collect())
        }
        Shown::Receipt(receipt) => (None, vec![receipt.head]),
        Shown::Fork(head) => (None, vec![head]),
        Shown::Rewrite(receipts) => (None, receipts.map(|receipt| receipt.head).into()),
    };
    if args.dir.join("archive.sqlite").is_file() {
        let mut archive = Archive::open(&args.dir).map_err(super::super::download::failed)?;
        for head in &heads {
            archive.keep_head(head, None).map_err(super::super::download::failed)?;
        }
        writeln!(out, "{} signed heads kept in the archive", heads.len())?;
    }
    let mut database = Database::open(&args.dir, args.key.or(named)).map_err(unusable)?;
    let mut logs: Vec<_> = heads.iter().map(|head| *head.key()).collect();
    logs.sort_unstable();
    logs.dedup();
    let oplogs: Vec<_> = logs.iter().filter(|log| *log != database.key()).copied().collect();
    database.check(&oplogs).map_err(unusable)?;
    heads.into_iter().for_each(|head| database.add_head(head));
    let mut code = exit::VERIFIED;
    for log in &logs {
        let own = log == database.key();
        let findings = by_heads_of(&database, database.key(), log);
        if findings.is_empty() {
            writeln!(out, "log {}: nothing that is here contradicts it", to_hex(log))?;
        }
        for finding in findings {
            let by = if own { exit::VIOLATED_BY_HEADS } else { exit::VIOLATED_BY_PARTICIPANTS };
            code = exit::gravest(&[code, by]);
            let said = match prove(&database, database.key(), &finding, &[], Options::default()) {
                Ok(proof) => save(&args.out, &proof.encode())?.display().to_string(),
                Err(why) => format!("no proof: {why}"),
            };
            writeln!(out, "log {}: {}: {}", to_hex(log), finding.kind.name(), escape(&said))?;
        }
    }
    Ok(code)
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

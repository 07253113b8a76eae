//! `vitra-watch proof show`: what a file holds, decoded.

use std::io::Write;

use super::super::args::ShowArgs;
use super::super::inspect::{shown_text, value_text};
use super::super::launcher::launcher;
use super::super::runtimes::Place as Runtimes;
use super::super::{Failure, escape, exit};
use super::verify::change;
use super::{failure, read};
use crate::database::ack::to_hex;
use crate::database::path::{self, Place};
use crate::database::{Value, decode};
use crate::hyperbee::Entry;
use crate::hypercore::Key;
use crate::proofs::rebuttal::Answer;
use crate::proofs::{Claim, Inclusion, Proof, Rebuttal, Slice, Statement};
use crate::worker::{self, Limits};

pub(super) fn run(args: &ShowArgs, runtimes: &Runtimes, out: &mut dyn Write) -> Result<u8, Failure> {
    let limit = (args.max_size as usize) << 20;
    let file = read(&args.file, limit)?;
    writeln!(out, "{}", escape(&args.file.display().to_string()))?;
    writeln!(out, "  file       {}, {} bytes", to_hex(&Proof::id(&file)), file.len())?;
    if let Ok(rebuttal) = Rebuttal::decode(&file, limit) {
        writeln!(out, "  rebuttal, of the proof {}", to_hex(&Proof::id(&rebuttal.proof)))?;
        contents(&rebuttal.proof, limit, out)?;
        match &rebuttal.answer {
            Answer::Owner(proof) => contents(proof, limit, out)?,
            Answer::Longer { slices: held, .. } => {
                writeln!(out, "  answered by a longer head:")?;
                let database = held.first().map(|index| index.key).unwrap_or_default();
                slices(held, &database, out)?;
            }
        }
    } else {
        contents(&file, limit, out)?;
    }
    let launcher = launcher(args.sandbox.sandbox, runtimes)?;
    Ok(match worker::check_proof(&launcher, &file, limit, Limits::default()).map_err(failure)? {
        Ok(statement) => {
            if let Statement::Violation(proven) = &statement {
                let of = |shown: &Option<_>| shown.as_ref().map_or("nothing".to_owned(), change);
                if proven.finding.expected.is_some() || proven.finding.published.is_some() {
                    writeln!(out, "  expected   {}", of(&proven.finding.expected))?;
                    writeln!(out, "  published  {}", of(&proven.finding.published))?;
                }
                writeln!(out, "  convicts   {}", escape(&proven.convicts()))?;
                writeln!(out, "  because    {}", escape(&proven.finding.message))?;
            }
            writeln!(out, "  PROVEN")?;
            exit::VERIFIED
        }
        Err(refusal) => {
            writeln!(out, "  NOT PROVEN: {}", escape(&refusal.why))?;
            exit::lacking(refusal.lacks)
        }
    })
}

fn contents(file: &[u8], limit: usize, out: &mut dyn Write) -> Result<(), Failure> {
    if let Ok(proof) = Proof::decode(file, limit) {
        writeln!(out, "  database   {}", to_hex(&proof.database))?;
        writeln!(out, "  claims     {}", claim(&proof.claim))?;
        if let Some((name, version)) = &proof.engine {
            writeln!(out, "  engine     {} {}", escape(name), escape(version))?;
        }
        return slices(&proof.slices, &proof.database, out);
    }
    if let Ok(inclusion) = Inclusion::decode(file, limit) {
        writeln!(out, "  database   {}", to_hex(&inclusion.database))?;
        writeln!(out, "  claims     that block {} is in log {}", inclusion.seq, to_hex(&inclusion.log))?;
        return slices(&inclusion.slices, &inclusion.database, out);
    }
    Ok(())
}

fn claim(claim: &Claim) -> String {
    match claim {
        Claim::Audit { kind, from, seq, end } => {
            let from = if *from == 0 { "the genesis".to_owned() } else { format!("block {from}") };
            let end = end.map_or(String::new(), |end| format!(", if the log ends with its head of length {end}"));
            format!("{} at block {seq}, by an audit from {from}{end}", kind.name())
        }
        Claim::Truncation => "truncation".to_owned(),
        Claim::Equivocation { length, .. } => format!("equivocation within the first {length} blocks"),
    }
}

fn slices(slices: &[Slice], database: &Key, out: &mut dyn Write) -> Result<(), Failure> {
    let mut source = None;
    for slice in slices {
        let is_index = slice.key == *database;
        let role = if is_index { "index" } else { "oplog" };
        let signed = slice.authenticate().map_or_else(|why| format!("NOT SIGNED: {why}"), |_| "signed".to_owned());
        writeln!(
            out,
            "  {role} {}: length {}, fork {}, {}; {} blocks and {} nodes of it",
            to_hex(&slice.key),
            slice.length,
            slice.fork,
            escape(&signed),
            slice.blocks.len(),
            slice.nodes.len()
        )?;
        for (seq, block) in &slice.blocks {
            let shown = match (is_index, Entry::decode(*seq, block.as_slice().into())) {
                (true, Ok(entry)) => {
                    if Place::of(entry.key()) == Place::Source && entry.key() == path::SOURCE {
                        source = entry.value().and_then(|value| decode(value).ok()).map(|decoded| decoded.value);
                    }
                    shown_text(&entry)
                }
                (true, Err(_)) if *seq == 0 => "the header".to_owned(),
                (true, Err(why)) => format!("malformed: {why}"),
                (false, _) => value_text(Some(block)),
            };
            writeln!(out, "    {seq:>8}  {shown}")?;
        }
    }
    if let Some(Value::Str(source)) = source {
        writeln!(out, "  contract:")?;
        for line in source.lines() {
            writeln!(out, "    | {}", escape(line))?;
        }
    }
    Ok(())
}

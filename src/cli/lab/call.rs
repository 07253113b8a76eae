//! `lab call`: one participant calls one method of the contract.

use std::io::Write;

use super::super::args::CallArgs;
use super::super::{Failure, escape, exit};
use super::{Notes, lab_failure};
use crate::database::json::from_json;
use crate::replay::finding::shown_value;

pub(super) fn run(args: &CallArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let usage = |message: String| Failure::new(exit::USAGE, message);
    let json = serde_json::from_str(&args.args).map_err(|error| usage(format!("--args is no JSON: {error}")))?;
    let value = from_json(&json).map_err(|error| usage(format!("--args: {error}")))?;
    let (_, disk, mut lab) = Notes::open(&args.dir)?;
    let who = usize::from(args.participant);
    let before = lab.oplogs.get(who).map(crate::lab::Log::length).ok_or_else(|| {
        let most = lab.oplogs.len().saturating_sub(1);
        usage(format!("there is no participant {who}: they are numbered from 0 to {most}"))
    })?;
    let called = lab.call(who, &args.method, &value).map_err(lab_failure)?;
    let result = called.result.map_err(|text| Failure::new(exit::MALFORMED, text))?;
    let at = lab.index.length();
    lab.execute_all().map_err(lab_failure)?;
    disk.commit(&mut lab)?;
    writeln!(out, "returned      {}", escape(&shown_value(&result).to_string()))?;
    for seq in before..before.saturating_add(called.emitted.len() as u64) {
        let executed = lab.input(who).is_some_and(|input| input.active && input.next > seq);
        let fate = if executed { "executed" } else { "published; this participant is no active input" };
        writeln!(out, "operation     {seq}, {fate}")?;
    }
    if lab.index.length() > at {
        writeln!(out, "index         {} blocks", lab.index.length())?;
    }
    Ok(exit::VERIFIED)
}

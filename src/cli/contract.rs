//! `contract check`: for contract authors.

use std::io::Write;

use serde_json::json;

use super::args::{CheckArgs, ContractArgs, ContractCommand};
use super::{Failure, escape, escape_json, exit, lab};
use crate::database::ack::to_hex;
use crate::lab::check::{CheckError, Checked, check};
use crate::lab::{Beginning, Lab, LabError};
use crate::replay::engine::{Budget, on_big_stack};
use crate::replay::scan::{Finding, Scan, advice, scan};

pub(super) fn run(args: &ContractArgs, out: &mut (dyn Write + Send)) -> Result<u8, Failure> {
    let ContractCommand::Check(args) = &args.command;
    on_big_stack(&Budget::default(), || run_check(args, out))?
}

fn run_check(args: &CheckArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let (source, example) = lab::contract(&args.contract)?;
    let seen = scan(&source);
    let advised = advice(&source);
    let mut failure = seen.syntax_error.as_ref().map(|error| format!("{} at offset {}", error.message, error.offset));
    let mut checked = None;
    if failure.is_none() && (args.workload.is_some() || example.is_some()) {
        let beginning = Beginning { participants: 3, outsiders: 1, ..Beginning::new(&source, args.seed) };
        let keys = (1..=4).map(|number| to_hex(beginning.owner(number).key())).collect();
        let workload = lab::workload(args.workload.as_deref(), example, keys, 3, args.seed)?;
        let made = Lab::in_memory(&beginning).map_err(|error| Failure::new(exit::INTERNAL, error))?;
        match check(made, workload, args.ops) {
            Ok(found) => checked = Some(found),
            Err(CheckError::Lab(LabError::Contract(error))) => {
                failure = Some(LabError::Contract(error).to_string());
            }
            Err(error) => return Err(Failure::new(exit::MALFORMED, error)),
        }
    }
    let clean = failure.is_none()
        && seen.mutable_state.is_empty()
        && seen.engine_specific.is_empty()
        && advised.is_empty()
        && checked.as_ref().is_none_or(|checked| checked.remarks.is_empty());
    if args.json {
        print_json(&failure, &seen, &advised, checked.as_ref(), clean, out)?;
    } else {
        print(&failure, &seen, &advised, checked.as_ref(), clean, out)?;
    }
    Ok(if clean { exit::VERIFIED } else { exit::UNVERIFIABLE })
}

fn print(
    failure: &Option<String>,
    seen: &Scan,
    advised: &[Finding],
    checked: Option<&Checked>,
    clean: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if let Some(failure) = failure {
        writeln!(out, "it does not compile or load: {}", escape(failure))?;
    }
    let lists = [
        ("state that outlives an operation", &*seen.mutable_state),
        ("what engines do differently", &*seen.engine_specific),
        ("beyond the plain language, in which all engines agree", &*seen.beyond_plain),
        ("worth a look", advised),
    ];
    for (title, findings) in lists.into_iter().filter(|(_, findings)| !findings.is_empty()) {
        writeln!(out, "{title}")?;
        for Finding { what, line, column, .. } in findings {
            writeln!(out, "  {line}:{column}  {}", escape(what))?;
        }
    }
    if let Some(checked) = checked {
        let Checked { operations, succeeded, refused, remarks } = checked;
        writeln!(out, "ran {operations} operations, {succeeded} succeeded; {refused} calls were refused")?;
        for remark in remarks {
            writeln!(out, "  {} ({} times)", escape(&remark.what), remark.times)?;
            writeln!(out, "    first with {}", escape(&remark.operation))?;
        }
    }
    if failure.is_none() {
        let plain = match seen.beyond_plain.is_empty() {
            true => "plain: a lie about an operation of this contract can be proven with this program alone",
            false => "not plain: lies about operations of this contract need the reference runtimes to be proven",
        };
        writeln!(out, "{plain}")?;
    }
    let verdict = match (clean, checked) {
        (true, Some(_)) => "nothing found: it looks like a function of operation and state",
        (true, None) => "nothing found in the source; with --workload it would be run, too",
        (false, _) => "audits of this contract may end as unverifiable",
    };
    writeln!(out, "{verdict}")?;
    Ok(())
}

fn print_json(
    failure: &Option<String>,
    seen: &Scan,
    advised: &[Finding],
    checked: Option<&Checked>,
    clean: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let places = |findings: &[Finding]| {
        let place = |finding: &Finding| json!({ "line": finding.line, "column": finding.column, "what": finding.what });
        findings.iter().map(place).collect::<Vec<_>>()
    };
    let remarks = |checked: &Checked| {
        let remark = |remark: &crate::lab::check::Remark| json!({ "what": remark.what, "first_operation": remark.operation, "times": remark.times });
        checked.remarks.iter().map(remark).collect::<Vec<_>>()
    };
    let report = json!({
        "schema": "vitra-watch/contract/1",
        "clean": clean,
        "failure": failure,
        "exports": seen.exports,
        "mutable_state": places(&seen.mutable_state),
        "engine_specific": places(&seen.engine_specific),
        "plain": seen.beyond_plain.is_empty(),
        "beyond_plain": places(&seen.beyond_plain),
        "advice": places(advised),
        "operations": checked.map(|checked| checked.operations),
        "succeeded": checked.map(|checked| checked.succeeded),
        "refused": checked.map(|checked| checked.refused),
        "remarks": checked.map(remarks),
    });
    writeln!(out, "{}", escape_json(&report.to_string()))?;
    Ok(())
}

//! `vitra-watch audit`: one audit, as text or JSON.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::AuditArgs;
use super::download::{self, Download};
use super::launcher::launcher;
use super::runtimes::Place;
use super::{Failure, escape, escape_json, exit, proof};
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::replay::finding::{Accused, Class, Finding, Kind, ShownChange, Support, Verdict};
use crate::worker::{self, Beat, Limits, Report, Request};

/// Runs the audit in a worker and prints the report.
pub(super) fn run(args: &AuditArgs, runtimes: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    let launcher = launcher(args.sandbox.sandbox, runtimes)?;
    let budget = &args.budget;
    let request = |dir: PathBuf, key: Option<Key>| Request {
        key: key.map(|key| to_hex(&key)),
        until: args.until,
        max_findings: args.max_findings as usize,
        ticks: budget.max_ticks,
        memory: (budget.max_memory as usize) << 20,
        stack: budget.max_stack << 20,
        jobs: budget.max_jobs,
        confirm: args.confirm,
        output: (budget.max_output as usize) << 20,
        ..Request::new(dir)
    };
    let named = args.target.to_str().and_then(crate::archive::parse_link);
    let download = match download::is_wanted(args)? {
        true => Some(Download::run(args, &launcher, |dir| request(dir, named))?),
        false => None,
    };
    // Verified as far as it is here is not verified.
    let lacks = download.as_ref().is_some_and(|download| download.lacks);
    let mut progress = Progress::default();
    let (dir, key) = match &download {
        Some(download) => (&download.dir, Some(download.key)),
        None => (&args.target, args.key),
    };
    let dir = dir.canonicalize().map_err(|error| unreadable(dir, &error))?;
    let (audit, seed) = download.map_or((None, None), |download| (Some(download.audit), download.seed));
    let report = match audit.and_then(|audit| audit.finish(|beat| progress.show(beat))) {
        Some(report) => Ok(report),
        None => worker::run(&launcher, request(dir.clone(), key), Limits::default(), |beat| progress.show(beat)),
    };
    progress.clear();
    let report = report.map_err(proof::failure)?;
    // Whoever has read the verdict may stop us.
    let stop = seed.as_ref().map(super::seed::Seed::stop).transpose()?;
    let printed = if args.json { print_json(&report, out) } else { print(&report, launcher.runtimes().is_some(), out) };
    match printed {
        // A reader that has seen enough (`| head`) changes no verdict.
        Err(failure) if !failure.closed => return Err(failure),
        _ => {}
    }
    if let Some(proofs) = &args.proofs
        && report.verdict == Verdict::Violated
    {
        proof::write_all(proofs, &launcher, request(dir, key), &report)?;
    }
    if let Some((seed, stop)) = seed.zip(stop)
        && let Err(error) = seed.run(stop)
    {
        // The verdict stands.
        let _ = writeln!(std::io::stderr(), "vitra-watch: seeding ended: {}", escape(&error.to_string()));
    }
    let code = exit::of(&report);
    Ok(if lacks && code == exit::VERIFIED { exit::INCOMPLETE } else { code })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::MALFORMED, format!("{}: {error}", path.display()))
}

fn print_json(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Failure::new(exit::INTERNAL, error))?;
    Ok(writeln!(out, "{}", escape_json(&text))?)
}

/// The progress bar: only on a terminal, and only after a second.
#[derive(Default)]
struct Progress {
    started: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn show(&mut self, beat: Beat) {
        let started = *self.started.get_or_insert_with(Instant::now);
        if !std::io::stderr().is_terminal() || started.elapsed() < Duration::from_secs(1) {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(beat.length), ProgressDrawTarget::stderr());
            let template = "{bar:30} block {pos}/{len}  {msg}  {per_sec}  {eta} left";
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        bar.set_position(beat.position);
        bar.set_message(format!("{} transactions", beat.transactions));
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What every audit checks, in the order of the report.
const CHECKS: [&str; 8] = [
    "every block against the signed head, every head against its signature",
    "the genesis: contract source, inputs, genesis ack",
    "every ack: its form, its place, its numbering, its participant",
    "every operation replayed on the published state before it",
    "every change: type, path, value, none too many, none too few",
    "every batch: its B-tree recomputed byte for byte",
    "all signed heads against each other: truncation, equivocation",
    "every accusation again in a fresh realm, with other limits and locales",
];

fn print(report: &Report, asks: bool, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "database      {}", escape(&report.database))?;
    let fork = if report.head.fork > 0 { format!(", fork {}", report.head.fork) } else { String::new() };
    writeln!(out, "head          {} blocks{fork}", report.head.length)?;
    for (at, contract) in report.contracts.iter().enumerate() {
        let label = if at == 0 { "contract" } else { "" };
        writeln!(out, "{label:<14}{} since block {}", escape(contract.digest.get(..16).unwrap_or("")), contract.seq)?;
    }
    for (at, participant) in report.participants.iter().enumerate() {
        let label = if at == 0 { "participants" } else { "" };
        let state = if participant.active { "active" } else { "inactive" };
        let held = participant.length.map_or("its log is not here".into(), |length| format!("{length} published"));
        writeln!(out, "{label:<14}{} {state}, {} acked, {held}", escape(&participant.key), participant.acked)?;
    }
    writeln!(out, "transactions  {}, verified up to block {}", report.transactions, report.verified_length)?;
    writeln!(out, "pending       {} operations not executed yet", report.operations_pending)?;
    writeln!(out)?;
    for finding in &report.findings {
        print_finding(finding, &report.database, out)?;
    }
    if report.more_findings > 0 {
        writeln!(out, "and at least {} more (--max-findings)\n", report.more_findings)?;
    }
    writeln!(out, "checked")?;
    for check in CHECKS {
        writeln!(out, "  - {check}")?;
    }
    let by =
        if report.violated_by.is_empty() { String::new() } else { format!(" by {}", report.violated_by.join(" and ")) };
    writeln!(out, "\n{}{by}", report.verdict.name().to_uppercase())?;
    if report.verdict == Verdict::Unverifiable {
        writeln!(out, "no violation was found, but not every transaction could be judged")?;
    }
    let unconfirmed = report.findings.iter().filter(|finding| finding.kind == Kind::EngineUnconfirmed).count();
    if unconfirmed > 0 && !asks {
        let findings = if unconfirmed == 1 { "1 finding needs".into() } else { format!("{unconfirmed} findings need") };
        writeln!(out, "{findings} the reference runtimes: `vitra-watch runtimes install`")?;
    }
    Ok(())
}

fn print_finding(finding: &Finding, database: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let class = match finding.class {
        Class::Violation => "VIOLATION",
        Class::ContractDefect => "contract defect",
        Class::Unverifiable => "unverifiable",
        Class::Missing => "missing",
        Class::Notice => "notice",
    };
    let place = finding.seq.map_or(String::new(), |seq| format!(" at block {seq}"));
    let log = if finding.log == database { String::new() } else { format!(" of log {}", escape(&finding.log)) };
    writeln!(out, "{class}: {}{place}{log}", finding.kind.name())?;
    writeln!(out, "  {}", escape(&finding.message))?;
    if let Some(accused) = &finding.accused {
        writeln!(out, "  accused    {}", accused_text(accused))?;
    }
    if let (Some(origin), Some(seq)) = (&finding.origin, finding.op_seq) {
        writeln!(out, "  operation  {seq} of {}", escape(origin))?;
    }
    let shown = |change: &ShownChange| {
        let value = change.value.as_ref().map_or(String::new(), |value| format!(" = {value}"));
        escape(&format!("{} {}{value}", change.kind, change.path))
    };
    match &finding.support {
        None => {}
        Some(Support::Plain) => writeln!(out, "  engines    the contract is plain: all of them make the same")?,
        Some(Support::Runtimes(names)) => writeln!(out, "  engines    confirmed by {}", escape(&names.join(", ")))?,
    }
    if let Some(expected) = &finding.expected {
        writeln!(out, "  expected   {}", shown(expected))?;
    }
    if let Some(published) = &finding.published {
        writeln!(out, "  published  {}", shown(published))?;
    }
    if let Some(explained) = &finding.explained {
        writeln!(out, "  explained  {}", escape(explained))?;
    }
    if !finding.also.is_empty() {
        let also: Vec<String> =
            finding.also.iter().map(|also| format!("{} at {}", also.kind.name(), also.seq)).collect();
        writeln!(out, "  also       {}", also.join(", "))?;
    }
    writeln!(out, "  id         {}\n", escape(&finding.id))?;
    Ok(())
}

fn accused_text(accused: &Accused) -> String {
    let executor = matches!(accused, Accused::Executor { .. }).then(|| "the executor".to_owned());
    let owners = accused.owners().into_iter().map(|key| format!("the owner of {}", escape(key)));
    executor.into_iter().chain(owners).collect::<Vec<_>>().join(", or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::nasty::{NASTY, is_harmful, very_long};
    use crate::replay::finding::{Also, Kind};
    use crate::worker::{ContractInForce, Head, ParticipantReport, SCHEMA};

    /// A report whose every text is the same string.
    fn report(text: &str) -> Report {
        let own = || text.to_owned();
        let value = serde_json::json!({ text: [text, { text: text }] });
        let change = ShownChange { kind: own(), path: own(), value: Some(value) };
        let mut finding = Finding::new(text, Kind::WrongChange, text, Some(7), text);
        finding.id = own();
        finding.accused = Some(Accused::executor_or([text, "x"]));
        finding.also = vec![Also { kind: Kind::MissingChange, seq: 8 }];
        finding.origin = Some(own());
        finding.op_seq = Some(3);
        finding.expected = Some(change.clone());
        finding.published = Some(change);
        finding.explained = Some(own());
        Report {
            schema: SCHEMA.into(),
            database: own(),
            verdict: Verdict::Violated,
            violated_by: vec!["executor".into()],
            head: Head { length: 9, fork: 1 },
            verified_length: 4,
            transactions: 2,
            operations_pending: 0,
            contracts: vec![ContractInForce { seq: 1, digest: own() }],
            participants: vec![ParticipantReport { key: own(), active: true, acked: 1, length: None }],
            findings: vec![finding],
            more_findings: 1,
        }
    }

    #[test]
    fn no_string_from_a_log_acts_on_a_screen() {
        let long = very_long();
        let mut plain = Vec::new();
        print(&report("x"), true, &mut plain).unwrap();
        let lines = plain.iter().filter(|&&byte| byte == b'\n').count();
        for text in NASTY.iter().copied().chain([&*long]) {
            let report = report(text);
            let mut human = Vec::new();
            print(&report, true, &mut human).unwrap();
            let human = String::from_utf8(human).unwrap();
            assert!(!human.chars().any(|c| is_harmful(c) && c != '\n'), "{human:?}");
            assert_eq!(human.lines().count(), lines, "a string adds a line: {human}");
            let mut json = Vec::new();
            print_json(&report, &mut json).unwrap();
            let json = String::from_utf8(json).unwrap();
            assert!(!json.chars().any(|c| is_harmful(c) && c != '\n'), "{json:?}");
            assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
        }
    }
}

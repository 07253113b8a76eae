//! One database that is followed: its worker, and what of the worker's words is new.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::line::{Line, hex};
use crate::cli::download::failed;
use crate::cli::{Failure, exit};
use crate::hypercore::Key;
use crate::replay::auditor::Wait;
use crate::replay::finding::{Class, Finding, Verdict};
use crate::swarm::fetch::Declared;
use crate::swarm::node::{Happened, Node};
use crate::worker::{Beat, Command, Limits, News, Report, Request, Standing, Worker};

/// An operation that nobody serves is said to be waited for after the first, and left out after the second: whoever withholds one
/// must not hide what comes after it.
const TELL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);

/// A database.
pub(super) struct Database {
    key: Key,
    name: String,
    dir: PathBuf,
    binary: PathBuf,
    declared: Declared,
    worker: Option<Worker>,
    beat: Beat,
    // Blocks that the worker was last told of, and whether heads came since.
    told: u64,
    heads: bool,
    standing: Option<Box<Standing>>,
    verified: u64,
    said: BTreeSet<String>,
    waits: Option<(Wait, Instant, bool)>,
    failed: bool,
}

impl Database {
    pub fn new(key: Key, dir: &Path, binary: &Path) -> Self {
        Self {
            key,
            name: hex(&key),
            dir: dir.to_owned(),
            binary: binary.to_owned(),
            declared: Declared::default(),
            worker: None,
            beat: Beat::default(),
            told: 0,
            heads: false,
            standing: None,
            verified: 0,
            said: BTreeSet::new(),
            waits: None,
            failed: false,
        }
    }

    pub fn is_busy(&self) -> bool {
        self.worker.as_ref().is_some_and(Worker::is_busy)
    }

    /// Transactions that were judged, for whoever looks on.
    pub fn transactions(&self) -> u64 {
        self.beat.transactions.max(self.standing.as_ref().map_or(0, |standing| transactions(standing)))
    }

    pub fn note(&mut self, event: &Happened) {
        if let Happened::Fork(key, ..) | Happened::Split(key, ..) = event {
            self.heads |= *key == self.key || self.declared.keys().contains(key);
        }
    }

    /// Follows what the index declares, gives the worker what is new, and hears what it says.
    pub fn turn(&mut self, node: &mut Node) -> Result<Vec<Line>, Failure> {
        self.declared.follow(node, &self.key).map_err(failed)?;
        let mut lines = Vec::new();
        while let Some(news) = self.worker.as_mut().and_then(Worker::news) {
            match news {
                News::Beat(beat) => self.beat = beat,
                News::Standing(standing) => self.hear(standing, &mut lines),
                News::Report(_) => {}
                News::Failed(why) => {
                    self.failed = true;
                    lines.push(Line::Failed { database: self.name.clone(), why: why.to_string() });
                }
            }
        }
        if self.failed || self.is_busy() {
            return Ok(lines);
        }
        let here = |key: &Key| {
            let branches = node.replica(key).into_iter().flat_map(|replica| replica.branches());
            branches.filter_map(|branch| branch.served()).map(|head| head.length()).fold(0, u64::saturating_add)
        };
        let index = here(&self.key);
        let all = self.declared.keys().iter().map(here).fold(index, u64::saturating_add);
        let grown = all != self.told || self.heads;
        match &mut self.worker {
            None if index > 0 => {
                let request = Request { key: Some(self.name.clone()), ..Request::new(self.dir.clone()) };
                let worker = Worker::start(self.binary.clone(), request, Limits::default());
                self.worker = Some(worker?);
            }
            Some(worker) if grown => worker.tell(Command::Grown { heads: self.heads }),
            _ => {
                self.await_operation(&mut lines);
                return Ok(lines);
            }
        }
        (self.told, self.heads) = (all, false);
        Ok(lines)
    }

    fn hear(&mut self, standing: Box<Standing>, lines: &mut Vec<Line>) {
        let database = || self.name.clone();
        let found = standing.report.findings.iter().chain(&standing.foreseen.violations);
        for finding in found.filter(|finding| self.said.insert(finding.id.clone())) {
            lines.push(Line::Finding { database: database(), finding: Box::new(finding.clone()) });
        }
        let verified = verified(&standing);
        if verified > self.verified {
            self.verified = verified;
            let (transactions, length) = (transactions(&standing), standing.report.head.length);
            lines.push(Line::Transactions { database: database(), transactions, verified_length: verified, length });
        }
        let same = self.waits.as_ref().map(|(wait, ..)| wait) == standing.wait.as_ref();
        if !same {
            self.waits = standing.wait.clone().map(|wait| (wait, Instant::now(), false));
        }
        self.standing = Some(standing);
    }

    fn await_operation(&mut self, lines: &mut Vec<Line>) {
        let Some((Wait::Operation { origin, seq }, since, said)) = &mut self.waits else { return };
        if since.elapsed() >= TELL && !*said {
            *said = true;
            lines.push(Line::Waits { database: self.name.clone(), origin: origin.clone(), seq: *seq });
        }
        if since.elapsed() >= PATIENCE
            && let Some(worker) = &mut self.worker
        {
            worker.tell(Command::Pass { origin: origin.clone(), seq: *seq });
        }
    }

    /// The last line.
    pub fn end(&self, node: &Node) -> Line {
        let (report, verified) = self.report();
        let verdict = match self.code(node) {
            exit::VERIFIED => Verdict::Verified,
            exit::UNVERIFIABLE => Verdict::Unverifiable,
            exit::INCOMPLETE | exit::UNAVAILABLE | exit::MALFORMED => Verdict::Incomplete,
            _ => Verdict::Violated,
        };
        let length = report.map_or(0, |report| report.head.length);
        Line::End { database: self.name.clone(), verdict, verified_length: verified, length }
    }

    /// The exit code that this database asks for.
    pub fn code(&self, node: &Node) -> u8 {
        if !node.replica(&self.key).is_some_and(|replica| replica.was_met()) && self.standing.is_none() {
            return exit::UNAVAILABLE;
        }
        let (Some(report), _) = self.report() else { return exit::INCOMPLETE };
        match exit::of(&report) {
            exit::VERIFIED if self.is_behind() => exit::INCOMPLETE,
            code => code,
        }
    }

    /// Whether something is here that the worker has not judged, or it waits for more.
    fn is_behind(&self) -> bool {
        let in_order = self.standing.as_ref().is_some_and(|standing| standing.is_in_order());
        self.failed || self.heads || self.is_busy() || !in_order
    }

    /// The report as it stands, with what is foreseen, and up to where all is in order.
    fn report(&self) -> (Option<Report>, u64) {
        let Some(standing) = &self.standing else { return (None, 0) };
        let mut report = standing.report.clone();
        let foreseen = &standing.foreseen.violations;
        report.findings.extend(foreseen.iter().cloned());
        if foreseen.iter().any(|finding: &Finding| finding.class == Class::Violation) {
            report.verdict = Verdict::Violated;
        }
        (Some(report), verified(standing))
    }
}

/// Up to where all is in order, if nothing is added to the last transaction.
fn verified(standing: &Standing) -> u64 {
    let closed = standing.report.verified_length;
    let clean = standing.report.verdict == Verdict::Verified;
    standing.foreseen.in_order.filter(|_| clean).unwrap_or(closed)
}

/// Transactions that were judged, the last one too.
fn transactions(standing: &Standing) -> u64 {
    let open = u64::from(standing.foreseen.in_order.is_some());
    standing.report.transactions.saturating_add(open)
}

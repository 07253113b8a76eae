//! One database that stays live: its logs at the node, and the worker that audits them.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::archive::ArchiveError;
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::replay::auditor::{Checkpoint, Wait};
use crate::replay::finding::{Class, Finding, Verdict};
use crate::swarm::fetch::Declared;
use crate::swarm::node::{Happened, Node};
use crate::worker::{Beat, Command, Launcher, Limits, News, Report, Request, Standing, Worker};

/// An operation that nobody serves is said to be waited for after the first, and left out after the second: whoever withholds one
/// must not hide what comes after it.
const TELL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);
/// Of the time between two turns at most so much counts as waiting: a machine that slept or had no time for us has not asked anybody.
const TURN: Duration = Duration::from_secs(1);
/// A checkpoint is made at most once in so many transactions.
const CHECKPOINT_EVERY: u64 = 64;

/// What is new of a database.
#[derive(Debug)]
pub enum Word {
    /// The audit stands elsewhere: see [`Followed::standing`].
    Stands,
    /// The audit waits for an operation that the index acks and nobody serves.
    Waits {
        /// Its oplog's key in hex.
        origin: String,
        /// Its number.
        seq: u64,
    },
    /// The audit failed.
    Failed(String),
}

/// Why a turn went wrong.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The archive cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// There can be no worker.
    #[error("there can be no worker: {0}")]
    Worker(#[from] std::io::Error),
}

/// The operation that the audit waits for, and how long already.
#[derive(Debug)]
struct Waiting {
    wait: Wait,
    waited: Duration,
    looked: Instant,
    said: bool,
}

impl Waiting {
    fn new(wait: Wait) -> Self {
        Self { wait, waited: Duration::ZERO, looked: Instant::now(), said: false }
    }

    /// Counts the time since the last turn, if some peer serves the index: without one it is no wonder that nobody serves the
    /// operation.
    fn pass(&mut self, anybody: bool) {
        let now = Instant::now();
        let passed = now.saturating_duration_since(std::mem::replace(&mut self.looked, now)).min(TURN);
        self.waited = self.waited.saturating_add(if anybody { passed } else { Duration::ZERO });
    }
}

/// A database.
#[derive(Debug)]
pub struct Followed {
    key: Key,
    request: Request,
    launcher: Launcher,
    declared: Declared,
    worker: Option<Worker>,
    beat: Beat,
    // Blocks that the worker was last told of, and whether heads came since.
    told: u64,
    heads: bool,
    standing: Option<Box<Standing>>,
    waits: Option<Waiting>,
    checkpoint: Option<Checkpoint>,
    failed: bool,
    rests: bool,
    // Since when the worker is at work, and how long it was at work in its last turn.
    busy: Option<Instant>,
    worked: Duration,
}

impl Followed {
    /// The database with this index, in the archive at `dir`; `launcher` starts its workers.
    pub fn new(key: Key, dir: &Path, launcher: &Launcher) -> Self {
        let request = Request { key: Some(to_hex(&key)), ..Request::new(dir.to_owned()) };
        Self {
            key,
            request,
            launcher: launcher.clone(),
            declared: Declared::default(),
            worker: None,
            beat: Beat::default(),
            told: 0,
            heads: false,
            standing: None,
            waits: None,
            checkpoint: None,
            failed: false,
            rests: false,
            busy: None,
            worked: Duration::ZERO,
        }
    }

    /// The index key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What workers are asked to do.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The same, to be changed before the first turn.
    pub fn request_mut(&mut self) -> &mut Request {
        &mut self.request
    }

    /// Has the audit go on where a checkpoint says, if it holds; before the first turn.
    pub fn resume(&mut self, checkpoint: Option<String>) {
        self.request.checkpoint = checkpoint.map(Checkpoint::from);
        self.request.checkpoint_every = Some(CHECKPOINT_EVERY);
    }

    /// A checkpoint that is newer than the last one that was taken.
    pub fn take_checkpoint(&mut self) -> Option<String> {
        self.checkpoint.take().map(|checkpoint| checkpoint.as_str().to_owned())
    }

    /// Has another worker try, after one has given up.
    pub fn restart(&mut self) {
        if std::mem::take(&mut self.failed) {
            (self.worker, self.told) = (None, 0);
        }
    }

    /// Gives the worker nothing to do, or lets it go on.
    pub fn rest(&mut self, rests: bool) {
        self.rests = rests;
    }

    /// The logs that the index declares.
    pub fn oplogs(&self) -> impl Iterator<Item = &Key> {
        self.declared.keys().iter()
    }

    /// Whether its worker is at work.
    pub fn is_busy(&self) -> bool {
        self.worker.as_ref().is_some_and(Worker::is_busy)
    }

    /// Whether everything that peers have shown is judged, or waited for.
    pub fn is_settled(&self) -> bool {
        !self.heads && !self.is_busy()
    }

    /// Whether its worker has given up.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// How long the worker was at work in its last turn.
    pub fn worked(&self) -> Duration {
        self.worked
    }

    /// How the audit stands, as far as its worker has said.
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_deref()
    }

    /// Transactions that were judged, for whoever looks on.
    pub fn transactions(&self) -> u64 {
        self.beat.transactions.max(self.standing().map_or(0, transactions))
    }

    /// Blocks up to which all is in order.
    pub fn verified(&self) -> u64 {
        self.standing().map_or(0, verified)
    }

    /// Takes note of what happened at the node.
    pub fn note(&mut self, event: &Happened) {
        if let Happened::Fork(key, ..) | Happened::Split(key, ..) = event {
            self.heads |= *key == self.key || self.declared.keys().contains(key);
        }
    }

    /// Follows what the index declares, gives the worker what is new, and hears what it says.
    ///
    /// # Errors
    /// When the archive fails, or there can be no worker.
    pub fn turn(&mut self, node: &mut Node) -> Result<Vec<Word>, TurnError> {
        self.declared.follow(node, &self.key)?;
        if let Some(waiting) = &mut self.waits {
            waiting.pass(node.peers_of(&self.key) > 0);
        }
        let mut words = Vec::new();
        while let Some(news) = self.worker.as_mut().and_then(Worker::news) {
            match news {
                News::Beat(beat) => self.beat = beat,
                News::Standing(standing) => {
                    self.worked = self.busy.take().map_or(Duration::ZERO, |since| since.elapsed());
                    self.hear(standing);
                    words.push(Word::Stands);
                }
                News::Report(_) => {}
                News::Failed(why) => {
                    self.failed = true;
                    words.push(Word::Failed(why.to_string()));
                }
            }
        }
        if self.failed || self.rests || self.is_busy() {
            return Ok(words);
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
                let worker = Worker::start(self.launcher.clone(), self.request.clone(), Limits::default());
                self.worker = Some(worker?);
            }
            Some(worker) if grown => worker.tell(Command::Grown { heads: self.heads }),
            _ => {
                self.await_operation(&mut words);
                return Ok(words);
            }
        }
        self.busy = Some(Instant::now());
        (self.told, self.heads) = (all, false);
        Ok(words)
    }

    fn hear(&mut self, standing: Box<Standing>) {
        // What the index lacks comes or does not; only operations are left out one day.
        let wait = standing.wait.as_ref().filter(|wait| matches!(wait, Wait::Operation { .. }));
        if self.waits.as_ref().map(|waiting| &waiting.wait) != wait {
            self.waits = wait.cloned().map(Waiting::new);
        }
        if let Some(checkpoint) = standing.checkpoint.clone() {
            // Where another worker would begin, should this one fail.
            self.request.checkpoint = Some(checkpoint.clone());
            self.checkpoint = Some(checkpoint);
        }
        self.standing = Some(standing);
    }

    fn await_operation(&mut self, words: &mut Vec<Word>) {
        let Some(Waiting { wait: Wait::Operation { origin, seq }, waited, said, .. }) = &mut self.waits else { return };
        if *waited >= TELL && !*said {
            *said = true;
            words.push(Word::Waits { origin: origin.clone(), seq: *seq });
        }
        if *waited >= PATIENCE
            && let Some(worker) = &mut self.worker
        {
            worker.tell(Command::Pass { origin: origin.clone(), seq: *seq });
        }
    }

    /// Whether something is here that the worker has not judged, or it waits for more.
    pub fn is_behind(&self) -> bool {
        let in_order = self.standing().is_some_and(Standing::is_in_order);
        self.failed || self.heads || self.is_busy() || !in_order
    }

    /// The verdict so far, with what is foreseen.
    pub fn verdict(&self) -> Option<Verdict> {
        let standing = self.standing()?;
        let violated = standing.foreseen.violations.iter().any(|finding| finding.class == Class::Violation);
        Some(if violated { Verdict::Violated } else { standing.report.verdict })
    }

    /// The report as it stands, with what is foreseen.
    pub fn report(&self) -> Option<Report> {
        let standing = self.standing()?;
        let mut report = standing.report.clone();
        report.findings.extend(standing.foreseen.violations.iter().cloned());
        report.verdict = self.verdict()?;
        Some(report)
    }

    /// What was found so far, with what is foreseen.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.standing.iter().flat_map(|standing| standing.report.findings.iter().chain(&standing.foreseen.violations))
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

//! An audit of logs that still grow.
//!
//! What arrives late accuses nobody. A live auditor waits, its state as it was, for an operation that is acked and not
//! here, and for the end of a transaction: whatever follows in the index up to the next ack belongs to it, so only that ack
//! makes what the end of the log decides (a missing change, a batch's tree) final. So at every step its findings are those
//! of the audit of any longer log.
//!
//! The transaction at the end of the log is judged in advance, and judged again once the log has grown: it is either in
//! order if nothing is added, or broke a rule that nothing added can mend, or must be waited for.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::*;

/// What a live audit waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// This block of the index, or what it belongs to.
    Index(u64),
    /// An operation that the index acks.
    Operation {
        /// Its oplog's key in hex.
        origin: String,
        /// Its number.
        seq: u64,
    },
}

/// What can be said already of the transaction with which the log ends for now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Foreseen {
    /// It is in order up to here, if nothing is added to it.
    pub in_order: Option<u64>,
    /// Violations that nothing added to it can mend.
    pub violations: Vec<Finding>,
}

/// What judging a transaction changes, to be put back.
pub(super) struct Before {
    participant: Option<Participant>,
    findings: Vec<Finding>,
    more_findings: u64,
    counts: HashMap<Class, usize>,
    any_unjudged: bool,
    suspects: Vec<Operation>,
    last_ts: f64,
    batch: (u64, u64, Vec<crate::hyperbee::Kind>),
}

impl<'a> Auditor<'a> {
    /// An auditor of logs that grow: [`Auditor::grow`] shows it more of them.
    pub fn live(logs: Rc<dyn Logs + 'a>, key: &[u8; 32], options: Options) -> Self {
        Self { waits: true, ..Self::over(logs, key, options) }
    }

    /// Goes on with the same logs, of which more is here now. Nothing that was there may be gone or changed.
    pub fn grow(&mut self, logs: Rc<dyn Logs + 'a>) {
        let length = logs.index().length();
        self.until = self.options.until.map_or(length, |until| until.min(length));
        self.logs = logs;
    }

    /// From now on nothing is late: what is not here counts as missing, and the log's end as its end.
    pub fn stop_waiting(&mut self) {
        self.waits = false;
    }

    /// Does not wait any longer for this operation; its transaction goes unjudged.
    pub fn pass(&mut self, origin: &str, seq: u64) {
        self.passed.insert((origin.to_owned(), seq));
    }

    /// Whether an operation has come that was not waited for, so that only a new audit does it justice.
    pub fn is_outdated(&self) -> bool {
        self.passed.iter().any(|(origin, seq)| self.has_operation(origin, *seq))
    }

    /// What can be said of the transaction at the log's end, when [`Step::Waits`] came last.
    pub fn foreseen(&self) -> &Foreseen {
        &self.foreseen
    }

    /// Whether the block of an operation is here.
    pub(super) fn has_operation(&self, origin: &str, seq: u64) -> bool {
        let oplog = from_hex(origin).and_then(|key| self.logs.oplog(&key));
        oplog.is_some_and(|oplog| oplog.blocks.length() > seq && oplog.blocks.block(seq).is_some())
    }

    /// The genesis is whole once an operation's ack follows it, or when it cannot be one.
    pub(super) fn await_genesis(&mut self) -> Result<(), Stop> {
        if !self.waits {
            return Ok(());
        }
        if self.until < 2 {
            return Err(Stop::Waits(Wait::Index(self.until)));
        }
        if !is_header(&self.logs.index().block(0).ok_or(Stop::Needs(0))?) {
            return Ok(());
        }
        self.scouted = self.scouted.max(1);
        while self.scouted < self.until {
            match self.entry(self.scouted) {
                Ok(entry) if entry.key() != path::GENESIS_ACK && Place::of(entry.key()) == Place::Ack => return Ok(()),
                Err(TreeError::Missing { seq }) => return Err(Stop::Needs(seq)),
                _ => self.scouted = self.scouted.saturating_add(1),
            }
        }
        Err(Stop::Waits(Wait::Index(self.until)))
    }

    /// Waits for an operation that is acked and not here.
    pub(super) fn await_operation(&self, ack: &Ack) -> Result<(), Stop> {
        if !self.waits || self.passed.contains(&(ack.origin.to_string(), ack.seq)) {
            return Ok(());
        }
        // No log has such a key, so that there is nothing to wait for.
        if from_hex(&ack.origin).is_none() || self.has_operation(&ack.origin, ack.seq) {
            return Ok(());
        }
        Err(Stop::Waits(Wait::Operation { origin: ack.origin.to_string(), seq: ack.seq }))
    }

    /// Whether the log ends, for now, with this transaction.
    pub(super) fn is_open(&self, matching: &Matching) -> bool {
        matching.end >= self.until && (self.waits || (!self.closes && self.is_continued()))
    }

    /// Whether a longer head is known than what is here, which may end inside a batch then, and inside a transaction.
    pub(super) fn is_continued(&self) -> bool {
        self.until >= self.logs.index().length() && self.logs.signed_length() > self.until
    }

    /// After [`Step::Waits`], takes what is here for all that comes. The transaction at the end is judged by the next step if it is
    /// in order as it stands, and whether it is, is returned; otherwise only what nothing added to it can mend is found.
    pub fn close(&mut self) -> bool {
        let foreseen = std::mem::take(&mut self.foreseen);
        self.closes |= foreseen.in_order.is_some();
        self.broken |= !foreseen.violations.is_empty();
        for finding in foreseen.violations {
            *self.counts.entry(finding.class).or_default() += 1;
            self.findings.push(finding);
        }
        self.closes
    }

    /// Judges in advance the transaction with which the log ends, and waits.
    pub(super) fn foresee(
        &mut self,
        at: u64,
        ack: &Ack,
        certain: Vec<(Issue, String)>,
        mut matching: Matching,
        replay: &mut Replay,
    ) -> Result<(), Stop> {
        // Of two readings, judging closes one.
        if self.other_contract.is_none() {
            let before = self.before(&ack.origin);
            let from = self.findings.len();
            let foreseen = self.judge_open(at, ack, certain, &mut matching, replay, from);
            self.put_back(&ack.origin, before);
            self.foreseen = foreseen?;
        }
        Err(Stop::Waits(Wait::Index(self.until)))
    }

    /// The same for what stands where an ack should.
    pub(super) fn foresee_bad_ack(&mut self, at: u64, kind: Kind, why: &str) -> Stop {
        let uncertain = |operation: &Operation| self.is_missing(operation) || self.is_rewritten(&operation.origin);
        if kind.class() == Class::Violation && !self.suspects.iter().any(uncertain) {
            let (counts, more) = (self.counts.clone(), self.more_findings);
            let found = self.add(kind, Some(at), why).and_then(|_| self.findings.pop());
            (self.counts, self.more_findings) = (counts, more);
            self.foreseen.violations.extend(found);
        }
        Stop::Waits(Wait::Index(self.until))
    }

    fn judge_open(
        &mut self,
        at: u64,
        ack: &Ack,
        mut certain: Vec<(Issue, String)>,
        matching: &mut Matching,
        replay: &mut Replay,
        from: usize,
    ) -> Result<Foreseen, Stop> {
        let mut judged = self.judge_replay(ack, at, matching, replay)?;
        self.number(at, ack, &mut certain);
        self.notices(at, ack, matching, replay);
        let tree_fits = match self.tree_issues(at, matching, replay.expected.as_ref()) {
            Ok(issues) => issues.is_empty(),
            // Its batch may go on.
            Err(Stop::Waits(_)) => false,
            Err(stop) => return Err(stop),
        };
        let plain = |f: &Finding| f.class == Class::Notice && f.kind != Kind::NonCanonicalTree;
        let news = self.findings.get(from..).unwrap_or_default();
        let expected = replay.expected.as_ref();
        let complete =
            expected.is_some_and(|all| matching.entries.iter().filter_map(|e| e.matched).count() == all.changes.len());
        let fits = matching.by_replay.is_empty() || judged.matches;
        let in_order = fits && complete && judged.unjudged.is_none() && certain.is_empty() && tree_fits;
        if in_order && matching.certain.is_empty() && news.iter().all(plain) {
            return Ok(Foreseen { in_order: Some(matching.end), violations: Vec::new() });
        }
        // What is added may be what was expected; so of the changes only those at the right keys tell.
        let by_outcome = |issue: &Issue| matches!(issue.kind, Kind::FalseFailure | Kind::FalseSuccess);
        judged.accuse.take_if(|_| !complete && !matching.by_replay.iter().any(by_outcome));
        judged.unjudged = None;
        let lasting = |issue: &Issue| issue.kind == Kind::MalformedEntry || complete;
        let more = matching.certain.iter().filter(|issue| lasting(issue));
        certain.extend(more.map(|issue| (issue.clone(), "the entry belongs to no operation".to_owned())));
        certain.retain(|(issue, _)| issue.kind.class() == Class::Violation);
        self.support_certain(ack, at, matching, replay, &certain, &mut judged)?;
        let from = self.findings.len();
        if self.report_certain(Some(ack), certain, matching, &judged).or(self.late.take()).is_none() {
            self.report_replay(Some(ack), matching, replay, judged);
        }
        let found = self.findings.get(from..).unwrap_or_default();
        let violations = found.iter().filter(|f| f.class == Class::Violation).cloned().collect();
        Ok(Foreseen { in_order: None, violations })
    }

    pub(super) fn before(&self, origin: &str) -> Before {
        Before {
            participant: self.participants.get(origin).cloned(),
            findings: self.findings.clone(),
            more_findings: self.more_findings,
            counts: self.counts.clone(),
            any_unjudged: self.any_unjudged,
            suspects: self.suspects.clone(),
            last_ts: self.last_ts,
            batch: (self.batch_start, self.batch_end, self.batch_writes.clone()),
        }
    }

    pub(super) fn put_back(&mut self, origin: &str, before: Before) {
        match before.participant {
            Some(participant) => drop(self.participants.insert(origin.to_owned(), participant)),
            None => drop(self.participants.remove(origin)),
        }
        self.findings = before.findings;
        self.more_findings = before.more_findings;
        self.counts = before.counts;
        self.any_unjudged = before.any_unjudged;
        self.suspects = before.suspects;
        self.last_ts = before.last_ts;
        self.late = None;
        (self.batch_start, self.batch_end, self.batch_writes) = before.batch;
    }
}

//! One database of the service: what of its audit is new, what becomes of its findings, which conditions it is in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Millis;
use super::alert::{Alert, Event, FindingNote, ProofRef, Subject, is_suspicion};
use super::cases::{Case, Cases};
use super::followed::{Followed, TurnError, Word};
use super::ledger::{Ledger, Progress};
use super::live::{LiveDatabase, LogHead};
use super::state::{DatabaseRow, FindingRow, Proof, Status};
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::proofs::Rebuttal;
use crate::replay::finding::{Accused, Class, Finding};
use crate::replay::heads::is_same_event;
use crate::swarm::node::{Happened, Node};
use crate::worker::Launcher;

/// How far a database has come is written down at most so often, unless something was found.
const SAVE: Duration = Duration::from_secs(1);
/// A worker that has given up is started again after so long; twice as long each time, up to an hour.
const AGAIN: Duration = Duration::from_secs(60);
const MOST_AGAIN: Duration = Duration::from_secs(3_600);

/// What every database of the service shares.
#[derive(Debug)]
pub struct Shared {
    /// The watchtower's name.
    pub watcher: String,
    /// Where others see the status page, for links.
    pub web: crate::config::Web,
    /// Open findings are said again after so long.
    pub remind: Option<Duration>,
    /// Most open findings of a database, other than violations.
    pub most_findings: u64,
}

impl Shared {
    /// What a configuration says.
    pub fn of(config: &crate::config::Config) -> Shared {
        Shared {
            watcher: config.name.clone(),
            web: config.web.clone(),
            remind: config.alerts.remind,
            most_findings: config.quotas.findings,
        }
    }

    fn note(&self, row: &FindingRow) -> FindingNote {
        let id = &row.finding.id;
        let proof = row.proof.map(|Proof { digest, size }| {
            let digest = to_hex(&digest);
            ProofRef { url: self.web.link(&format!("proof/{digest}.vproof")), digest, size }
        });
        FindingNote {
            finding: row.finding.clone(),
            status: row.status,
            found_at: row.found_at,
            proof,
            probe: row.probe.clone(),
            url: self.web.link(&format!("finding/{id}")),
        }
    }

    /// An alert about a finding.
    pub fn alert(&self, event: Event, number: u64, at: Millis, subject: &Subject, row: &FindingRow) -> Alert {
        Alert::of_finding(event, number, at, &self.watcher, subject.clone(), self.note(row))
    }
}

/// A database.
#[derive(Debug)]
pub struct Watched {
    subject: Subject,
    stalled: Duration,
    followed: Followed,
    /// Every finding that was written down, by identity.
    known: BTreeMap<String, FindingRow>,
    cases: Cases,
    // What a standing has said that is not written down.
    unsaved: bool,
    saved: Option<Instant>,
    checkpoint: Option<String>,
    verified: u64,
    progress_at: Option<Millis>,
    checked_at: Option<Millis>,
    /// Operations without an ack: each participant's acked ones, and since when they are so many.
    waiting: BTreeMap<String, (u64, Millis)>,
    failure: Option<(String, Instant, Duration)>,
    replayed: Vec<(Instant, Duration)>,
}

/// What a round may use.
pub struct Round<'a> {
    /// The node.
    pub node: &'a mut Node,
    /// What is to be written.
    pub ledger: &'a mut Ledger,
    /// The service's clock.
    pub now: Millis,
    /// What all databases share.
    pub shared: &'a Shared,
    /// Seconds of replay, a turn of a worker each, are told to this.
    pub replay: &'a mut dyn FnMut(Duration),
}

impl Watched {
    /// The database of this row, of which these findings are known, with what `dir` (the archive) holds of it.
    pub fn new(
        row: &DatabaseRow,
        stalled: Duration,
        findings: Vec<FindingRow>,
        checkpoint: Option<String>,
        (dir, launcher): (&Path, &Launcher),
    ) -> Self {
        let mut followed = Followed::new(row.key, dir, launcher);
        followed.resume(checkpoint);
        Self {
            subject: subject(row),
            stalled,
            followed,
            known: findings.into_iter().map(|row| (row.finding.id.clone(), row)).collect(),
            cases: Cases::default(),
            unsaved: false,
            saved: None,
            checkpoint: None,
            verified: row.verified_length,
            progress_at: row.progress_at,
            checked_at: None,
            waiting: BTreeMap::new(),
            failure: None,
            replayed: Vec::new(),
        }
    }

    /// The index key.
    pub fn key(&self) -> &Key {
        self.followed.key()
    }

    /// Its name and labels.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Takes over a new name, labels, contact and bound.
    pub fn rename(&mut self, row: &DatabaseRow, stalled: Duration) {
        (self.subject, self.stalled) = (subject(row), stalled);
    }

    /// The logs that its index declares.
    pub fn oplogs(&self) -> impl Iterator<Item = &Key> {
        self.followed.oplogs()
    }

    /// Whether it should be looked at again soon.
    pub fn is_busy(&self) -> bool {
        self.followed.is_busy() || !self.cases.is_empty()
    }

    /// How many findings there are beyond those that are listed.
    pub fn unlisted(&self) -> u64 {
        self.followed.standing().map_or(0, |standing| standing.report.more_findings)
    }

    /// Why its worker has given up, if it has.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|(why, ..)| why.as_str())
    }

    /// Takes note of what happened at the node.
    pub fn note(&mut self, event: &Happened) {
        self.followed.note(event);
    }

    /// Takes the proofs that a thread has made.
    pub fn take_proofs(&mut self, made: Vec<(String, Result<Vec<u8>, String>)>) {
        self.cases.take(made);
    }

    /// A finding that was written down.
    pub fn finding(&self, id: &str) -> Option<&FindingRow> {
        self.known.get(id)
    }

    /// One round: hears the worker, goes on with the cases, and says what is to be written.
    ///
    /// # Errors
    /// When the archive fails.
    pub fn turn(
        &mut self,
        round: &mut Round<'_>,
        prove: impl FnOnce(&Followed, Vec<Finding>) -> bool,
    ) -> Result<(), TurnError> {
        if let Some((_, again, _)) = &self.failure
            && Instant::now() >= *again
        {
            self.followed.restart();
        }
        for word in self.followed.turn(round.node)? {
            match word {
                Word::Stands => {
                    let worked = self.followed.worked();
                    (round.replay)(worked);
                    self.replayed.push((Instant::now(), worked));
                    self.failure = None;
                    self.stand(round)?;
                }
                // Stalled operations are a condition; those that are acked and not here end as findings.
                Word::Waits { .. } => {}
                Word::Failed(why) => {
                    let wait = self.failure.as_ref().map_or(AGAIN, |(.., wait)| wait.saturating_mul(2).min(MOST_AGAIN));
                    let again = Instant::now().checked_add(wait).unwrap_or_else(Instant::now);
                    self.failure = Some((why, again, wait));
                }
            }
        }
        let settled = self.followed.is_settled();
        let followed = &self.followed;
        let ready = self.cases.turn(round.node, settled, |findings| prove(followed, findings));
        let announced = !ready.is_empty();
        for case in ready {
            self.announce(case, round)?;
        }
        if announced {
            // Perhaps it clears somebody.
            self.end_what_is_over(&self.found(), round)?;
        }
        let due = self.saved.is_none_or(|saved| saved.elapsed() >= SAVE);
        // What a cursor has passed is written down before it, or with it.
        if self.unsaved && self.cases.is_empty() && (due || announced) {
            self.save(round.ledger);
        }
        Ok(())
    }

    /// What the audit has found, by identity.
    fn found(&self) -> BTreeMap<String, Finding> {
        self.followed.findings().map(|finding| (finding.id.clone(), finding.clone())).collect()
    }

    /// Notes how the audit stands.
    fn stand(&mut self, round: &mut Round<'_>) -> Result<(), TurnError> {
        let (shared, now) = (round.shared, round.now);
        crate::crash::point("audit-stands");
        self.checked_at = Some(now);
        if let Some(checkpoint) = self.followed.take_checkpoint() {
            self.checkpoint = Some(checkpoint);
        }
        self.unsaved = true;
        if self.followed.verified() > self.verified {
            self.verified = self.followed.verified();
            self.progress_at = Some(now);
        }
        let found = self.found();
        self.cases.renew(&found);
        let open = self.known.values().filter(|row| is_open(row)).count() as u64;
        let mut room = shared.most_findings.saturating_sub(open);
        for (id, finding) in &found {
            if let Some(row) = self.known.get_mut(id) {
                if row.status == Status::Resolved {
                    (row.status, row.changed_at) = (Status::Open, now);
                    let number = now.unsigned_abs();
                    let alert = shared.alert(Event::Opened, number, now, &self.subject, row);
                    round.ledger.change(row, Status::Open, None, alert);
                }
                continue;
            }
            if finding.class == Class::Violation {
                let told = self.known.values().any(|row| is_same_event(&row.finding, finding));
                if told || (self.cases.is_about(finding) && !self.cases.contains(id)) {
                    continue;
                }
                self.cases.add(finding, now);
                crate::crash::point("case-opened");
            } else if room > 0 {
                room = room.saturating_sub(1);
                let row = new_row(finding, *self.followed.key(), now, None, None);
                round.ledger.find(row.clone(), shared.alert(Event::Opened, 0, now, &self.subject, &row));
                self.known.insert(id.clone(), row);
            }
        }
        self.end_what_is_over(&found, round)?;
        self.note_waiting(now);
        Ok(())
    }

    fn end_what_is_over(&mut self, found: &BTreeMap<String, Finding>, round: &mut Round<'_>) -> Result<(), TurnError> {
        // An audit that waits has not come to everything that it had found before it was started again.
        let complete = self.followed.standing().is_some_and(|standing| standing.wait.is_none());
        let over: Vec<(String, Over)> = self
            .known
            .iter()
            .filter(|(_, row)| is_open(row))
            .filter_map(|(id, row)| over(row, found, complete).map(|over| (id.clone(), over)))
            .collect();
        for (id, over) in over {
            let (to, event, note, rebuttal) = match over {
                Over::Resolved => (Status::Resolved, Event::Resolved, None, None),
                // What clears the executor is told first, with its proof.
                Over::Cleared { by, .. } if self.cases.is_about(&by) => continue,
                Over::Cleared { by, note } => {
                    let rebuttal = match self.known.get(&id) {
                        Some(row) => self.rebut(round.node, row, &by)?,
                        None => None,
                    };
                    (Status::Cleared, Event::Cleared, Some(note), rebuttal)
                }
            };
            let Some(row) = self.known.get_mut(&id) else { continue };
            (row.status, row.changed_at) = (to, round.now);
            row.note = note.clone().or(row.note.take());
            row.proof = rebuttal.or(row.proof);
            let alert = round.shared.alert(event, 0, round.now, &self.subject, row);
            round.ledger.change(row, to, note, alert);
        }
        Ok(())
    }

    /// The file that clears the executor: the proof against it, and the one against the owner of the oplog, if that shows that
    /// the histories differ early enough. A file that is not here any more, or damaged, keeps nobody from being cleared.
    fn rebut(&self, node: &Node, row: &FindingRow, by: &Finding) -> Result<Option<Proof>, TurnError> {
        let bytes = |row: &FindingRow| row.proof.and_then(|proof| node.evidence().get(&proof.digest).ok().flatten());
        let Some(proof) = bytes(row) else { return Ok(None) };
        let splits = self.known.values().filter(|row| (row.finding.kind, &row.finding.log) == (by.kind, &by.log));
        let mut files = splits.filter_map(bytes).map(|split| Rebuttal::by_owner(proof.clone(), split));
        let Some(file) = files.find(|file| file.is_about(&row.finding)) else { return Ok(None) };
        let file = file.encode();
        let digest = node.evidence().put(&file).map_err(|error| TurnError::Archive(error.into()))?;
        Ok(Some(Proof { digest, size: file.len() as u64 }))
    }

    /// Writes a violation down, with its evidence first.
    fn announce(&mut self, case: Case, round: &mut Round<'_>) -> Result<(), TurnError> {
        let Case { finding, found_at, probe, proof, .. } = case;
        let (proof, note) = match proof {
            Some(Ok(bytes)) => {
                let stored = round.node.evidence().put(&bytes);
                let digest = stored.map_err(|error| TurnError::Archive(error.into()))?;
                (Some(Proof { digest, size: bytes.len() as u64 }), None)
            }
            Some(Err(why)) => (None, Some(format!("there is no proof file: {why}"))),
            None => (None, None),
        };
        crate::crash::point("evidence-kept");
        let mut row = new_row(&finding, *self.followed.key(), found_at, proof, probe);
        row.note = note;
        let alert = round.shared.alert(Event::Opened, 0, round.now, &self.subject, &row);
        round.ledger.find(row.clone(), alert);
        crate::crash::point("finding-noted");
        self.known.insert(finding.id.clone(), row);
        Ok(())
    }

    fn save(&mut self, ledger: &mut Ledger) {
        let (Some(verdict), Some(standing)) = (self.followed.verdict(), self.followed.standing()) else { return };
        let lengths = (self.followed.verified(), standing.report.head.length, self.followed.transactions());
        let progress = Progress {
            key: *self.followed.key(),
            verdict,
            lengths,
            at: self.progress_at,
            checkpoint: self.checkpoint.take(),
        };
        ledger.progress(progress);
        crate::crash::point("progress-noted");
        (self.unsaved, self.saved) = (false, Some(Instant::now()));
    }

    /// Says open findings again whose time has come.
    pub fn remind(&mut self, ledger: &mut Ledger, shared: &Shared, now: Millis) {
        let Some(after) = shared.remind.and_then(|after| Millis::try_from(after.as_millis()).ok()) else { return };
        for row in self.known.values_mut() {
            let since = row.reminded_at.unwrap_or(row.found_at);
            let grave = row.finding.class == Class::Violation || is_suspicion(&row.finding);
            if row.status == Status::Open && grave && now.saturating_sub(since) >= after {
                row.reminders = row.reminders.saturating_add(1);
                row.reminded_at = Some(now);
                let alert = shared.alert(Event::Reminded, row.reminders, now, &self.subject, row);
                ledger.remind(row, alert);
            }
        }
    }

    /// Notes that somebody has taken note of a finding; `false` if it is not open.
    pub fn acknowledge(
        &mut self,
        id: &str,
        note: Option<String>,
        ledger: &mut Ledger,
        shared: &Shared,
        now: Millis,
    ) -> bool {
        let Some(row) = self.known.get_mut(id).filter(|row| row.status == Status::Open) else { return false };
        (row.status, row.changed_at) = (Status::Acknowledged, now);
        row.note = note.clone().or(row.note.take());
        let alert = shared.alert(Event::Acknowledged, 0, now, &self.subject, row);
        ledger.change(row, Status::Acknowledged, note, alert);
        true
    }

    fn note_waiting(&mut self, now: Millis) {
        let Some(standing) = self.followed.standing() else { return };
        let mut waiting = BTreeMap::new();
        for participant in &standing.report.participants {
            if participant.active && participant.length.is_some_and(|length| length > participant.acked) {
                let before = self.waiting.get(&participant.key).filter(|(acked, _)| *acked == participant.acked);
                waiting.insert(participant.key.clone(), *before.unwrap_or(&(participant.acked, now)));
            }
        }
        self.waiting = waiting;
    }

    /// The participants whose operations are without an ack for longer than the bound of this database.
    pub fn stalled(&self, now: Millis) -> Vec<&str> {
        let bound = Millis::try_from(self.stalled.as_millis()).unwrap_or(Millis::MAX);
        let late = self.waiting.iter().filter(|(_, (_, since))| now.saturating_sub(*since) >= bound);
        late.map(|(key, _)| key.as_str()).collect()
    }

    /// How long its worker was at work within the last hour.
    pub fn replayed(&mut self) -> Duration {
        self.replayed.retain(|(at, _)| at.elapsed() < Duration::from_secs(3_600));
        self.replayed.iter().map(|(_, worked)| *worked).sum()
    }

    /// Findings that are open or acknowledged.
    pub fn open_findings(&self) -> u64 {
        self.known.values().filter(|row| is_open(row)).count() as u64
    }

    /// Lets its worker rest, or go on.
    pub fn rest(&mut self, rests: bool) {
        self.followed.rest(rests);
    }

    /// How it is now.
    pub fn live(&self, node: &Node) -> LiveDatabase {
        let key = self.followed.key();
        let report = self.followed.standing().map(|standing| &standing.report);
        let logs: BTreeSet<&Key> = self.followed.oplogs().collect();
        let replicas = std::iter::once(key).chain(logs).filter_map(|key| node.replica(key));
        let mut heads = Vec::new();
        let mut bytes = 0_u64;
        for replica in replicas {
            for branch in replica.branches() {
                bytes = bytes.saturating_add(branch.log().roots().byte_length());
            }
            let Some(head) = replica.branch(0).and_then(|branch| branch.served()) else { continue };
            heads.push(LogHead::from(head));
        }
        LiveDatabase {
            subject: self.subject.clone(),
            verdict: self.followed.verdict(),
            verified_length: self.followed.verified().max(if report.is_none() { self.verified } else { 0 }),
            head_length: node.replica(key).and_then(|replica| replica.branch(0)).map_or(0, |branch| branch.promised()),
            transactions: self.followed.transactions(),
            pending: report.map_or(0, |report| report.operations_pending),
            participants: report.map_or(0, |report| report.participants.len() as u64),
            peers: node.peers_of(key) as u64,
            progress_at: self.progress_at,
            checked_at: self.checked_at,
            archive_bytes: bytes,
            heads,
        }
    }
}

/// A database as alerts name it.
pub fn subject(row: &DatabaseRow) -> Subject {
    Subject { key: to_hex(&row.key), name: row.name.clone(), labels: row.labels.clone(), contact: row.contact.clone() }
}

fn is_open(row: &FindingRow) -> bool {
    matches!(row.status, Status::Open | Status::Acknowledged)
}

fn new_row(finding: &Finding, database: Key, at: Millis, proof: Option<Proof>, probe: Option<String>) -> FindingRow {
    FindingRow {
        finding: finding.clone(),
        database,
        status: Status::Open,
        found_at: at,
        changed_at: at,
        reminders: 0,
        reminded_at: None,
        proof,
        probe,
        note: None,
    }
}

fn accuses_executor(finding: &Finding) -> bool {
    matches!(finding.accused, Some(Accused::Executor { .. }))
}

/// How a finding ends.
enum Over {
    /// By itself.
    Resolved,
    /// By another finding, which clears the executor.
    Cleared { by: Box<Finding>, note: String },
}

/// Whether an open finding is over, by what the audit finds now. A violation is over only if the executor is cleared of it:
/// the owner of an oplog that it rests on was found to have signed two histories.
fn over(row: &FindingRow, found: &BTreeMap<String, Finding>, complete: bool) -> Option<Over> {
    let finding = &row.finding;
    let now = found.get(&finding.id);
    if finding.class != Class::Violation {
        return (complete && now.is_none()).then_some(Over::Resolved);
    }
    if !accuses_executor(finding) || now.is_some_and(accuses_executor) {
        return None;
    }
    let owners: Vec<&str> = finding.accused.iter().flat_map(Accused::owners).collect();
    let signed = |other: &&Finding| other.kind.by_heads() && owners.contains(&other.log.as_str());
    let by = found.values().find(signed)?;
    let note = format!("cleared by {} of the oplog {} ({})", by.kind.name(), by.log, by.id);
    Some(Over::Cleared { by: Box::new(by.clone()), note })
}

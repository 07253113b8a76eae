//! The databases of the service: which they are, how they fare, which conditions they and we are in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Millis;
use super::alert::{Alert, ConditionNote, Event, Subject};
use super::conditions::{Change, Conditions};
use super::ledger::Ledger;
use super::live::{LiveDatabase, Snapshot};
use super::service::Places;
use super::state::{ConditionKind, DatabaseRow, Filter, State, StateError};
use super::watched::{Shared, Watched};
use crate::config::Config;
use crate::hypercore::Key;
use crate::swarm::node::{Happened, Node};
use crate::swarm::replica::Branch;

/// So many databases at least must vanish at once before it is taken for our own network.
const MANY: usize = 3;

/// All databases.
#[derive(Debug)]
pub struct Register {
    shared: Arc<Shared>,
    databases: BTreeMap<Key, Watched>,
    conditions: Conditions,
    limits: Limits,
    /// What each database may still take in: blocks, and when that was counted.
    allowance: BTreeMap<Key, Allowance>,
}

#[derive(Debug)]
struct Limits {
    unreachable: Millis,
    incomplete: Millis,
    brake: u64,
    disk: u64,
    blocks: u64,
    replay: Duration,
    findings: u64,
}

#[derive(Debug)]
struct Allowance {
    at: Instant,
    left: f64,
    seen: u64,
    paused: bool,
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

impl Register {
    /// What the state says.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn load(state: &State, config: &Config, places: &Places) -> Result<Register, StateError> {
        let mut register = Register {
            shared: Arc::new(Shared::of(config)),
            databases: BTreeMap::new(),
            conditions: Conditions::resume(state.conditions(true, u32::MAX)?),
            limits: limits(config),
            allowance: BTreeMap::new(),
        };
        for row in state.databases()?.into_iter().filter(|row| row.removed_at.is_none()) {
            register.open(state, &row, config, places)?;
        }
        Ok(register)
    }

    fn open(&mut self, state: &State, row: &DatabaseRow, config: &Config, places: &Places) -> Result<(), StateError> {
        let findings = state.findings(&Filter { database: Some(row.key), ..Filter::default() })?;
        let checkpoint = state.checkpoint(&row.key)?;
        let stalled = stalled(config, &row.key);
        let watched = Watched::new(row, stalled, findings, checkpoint, (&places.archive, &places.launcher));
        self.databases.insert(row.key, watched);
        Ok(())
    }

    /// Follows what the configuration names, and nothing that it named before and does not any more.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn follow_config(
        &mut self,
        state: &mut State,
        config: &Config,
        places: &Places,
        at: Millis,
    ) -> Result<(), StateError> {
        let wanted: Vec<DatabaseRow> = config.databases.iter().map(|database| row(database, at)).collect();
        let named: BTreeSet<Key> = wanted.iter().map(|row| row.key).collect();
        let rows = state.databases()?;
        let gone: Vec<Key> = rows
            .iter()
            .filter(|row| !row.at_run_time && row.removed_at.is_none() && !named.contains(&row.key))
            .map(|row| row.key)
            .collect();
        let known = |row: &DatabaseRow| {
            rows.iter().find(|known| known.key == row.key).is_some_and(|known| {
                let same = (&known.name, &known.labels, &known.contact) == (&row.name, &row.labels, &row.contact);
                same && !known.at_run_time && known.removed_at.is_none()
            })
        };
        let changed: Vec<&DatabaseRow> = wanted.iter().filter(|row| !known(row)).collect();
        if !changed.is_empty() || !gone.is_empty() {
            state.write(|write| {
                changed.iter().try_for_each(|row| write.put_database(row))?;
                gone.iter().try_for_each(|key| write.remove_database(key, at).map(drop))
            })?;
        }
        for key in &gone {
            self.databases.remove(key);
        }
        (self.shared, self.limits) = (Arc::new(Shared::of(config)), limits(config));
        for row in state.databases()?.into_iter().filter(|row| row.removed_at.is_none()) {
            match self.databases.get_mut(&row.key) {
                Some(watched) => watched.rename(&row, stalled(config, &row.key)),
                None => self.open(state, &row, config, places)?,
            }
        }
        Ok(())
    }

    /// Follows a database that the configuration does not name.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add(
        &mut self,
        state: &mut State,
        key: Key,
        name: Option<String>,
        config: &Config,
        places: &Places,
        at: Millis,
    ) -> Result<(), StateError> {
        if !self.databases.contains_key(&key) {
            add(state, key, name, at)?;
            self.follow_config(state, config, places, at)?;
        }
        Ok(())
    }

    /// Follows a database no more, and says which logs nobody else needs; `None` if it cannot be removed here.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove(&mut self, state: &mut State, key: &Key, at: Millis) -> Result<Option<Vec<Key>>, StateError> {
        if !remove(state, key, at)? {
            return Ok(None);
        }
        let Some(gone) = self.databases.remove(key) else { return Ok(Some(Vec::new())) };
        let needed: BTreeSet<&Key> =
            self.databases.values().flat_map(|watched| watched.oplogs().chain([watched.key()])).collect();
        let logs = gone.oplogs().chain([gone.key()]).filter(|log| !needed.contains(log));
        Ok(Some(logs.copied().collect()))
    }

    /// The index keys.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.databases.keys()
    }

    /// The databases, to be gone round.
    pub fn watched_mut(&mut self) -> impl Iterator<Item = &mut Watched> {
        self.databases.values_mut()
    }

    /// What all databases share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether some database should be looked at again soon.
    pub fn is_busy(&self) -> bool {
        self.databases.values().any(Watched::is_busy)
    }

    /// Takes note of what happened at the node.
    pub fn note(&mut self, event: &Happened) {
        self.databases.values_mut().for_each(|watched| watched.note(event));
    }

    /// Takes proofs that a thread has made.
    pub fn take_proofs(&mut self, key: &Key, made: Vec<(String, Result<Vec<u8>, String>)>) {
        if let Some(watched) = self.databases.get_mut(key) {
            watched.take_proofs(made);
        }
    }

    /// Notes that somebody has taken note of a finding; `false` if no such finding is open.
    pub fn acknowledge(&mut self, id: &str, note: Option<String>, ledger: &mut Ledger, at: Millis) -> bool {
        let shared = Arc::clone(&self.shared);
        let watched = self.databases.values_mut().find(|watched| watched.finding(id).is_some());
        watched.is_some_and(|watched| watched.acknowledge(id, note, ledger, &shared, at))
    }

    /// Looks at conditions, quotas and reminders.
    pub fn look(&mut self, node: &mut Node, ledger: &mut Ledger, now: Millis) {
        let shared = Arc::clone(&self.shared);
        let unreachable: BTreeSet<Key> = self.keys().filter(|key| node.peers_of(key) == 0).copied().collect();
        let all = self.databases.len();
        let share = unreachable.len().saturating_mul(100).checked_div(all).unwrap_or_default() as u64;
        let brake = all >= MANY && share >= self.limits.brake;
        let own =
            brake.then(|| format!("{} of {all} databases have no peer: it is our own network", unreachable.len()));
        let mut changes = Vec::new();
        changes.push(self.conditions.observe(None, ConditionKind::IntakeStopped, None, 0, now));
        changes.push(self.conditions.observe(None, ConditionKind::OwnNetwork, own, self.limits.unreachable, now));
        for (key, watched) in &mut self.databases {
            let logs: Vec<Key> = watched.oplogs().chain([key]).copied().collect();
            let mut observe = |kind, message, threshold| {
                changes.push(self.conditions.observe(Some(*key), kind, message, threshold, now));
            };
            let away = unreachable.contains(key).then(|| "no peer serves it".to_owned());
            // While it is our own network nobody is said to be away.
            let patience = if brake { Millis::MAX } else { self.limits.unreachable };
            observe(ConditionKind::Unreachable, away, patience);
            let lacking = logs.iter().filter_map(|log| node.replica(log));
            let lacking = lacking.filter(|log| !log.branches().iter().all(Branch::is_complete)).count();
            let lacks =
                (lacking > 0).then(|| format!("blocks of {lacking} logs are signed for, and nobody serves them"));
            observe(ConditionKind::Incomplete, lacks, self.limits.incomplete);
            let silent = node.silent(key);
            let refused =
                (silent > 0).then(|| format!("{silent} peers show a head of the index and do not answer for it"));
            observe(ConditionKind::ProbeRefused, refused, self.limits.incomplete);
            let stalled = watched.stalled(now);
            let waits =
                (!stalled.is_empty()).then(|| format!("operations of {} participants have no ack", stalled.len()));
            observe(ConditionKind::OpStalled, waits, 0);
            let unlisted = watched.unlisted();
            let more = (unlisted > 0).then(|| format!("at least {unlisted} more findings than are listed one by one"));
            observe(ConditionKind::FindingsUnlisted, more, 0);
            let failure = watched.failure().map(|why| format!("the audit cannot go on: {why}"));
            observe(ConditionKind::AuditFailed, failure, 0);
            let allowance = self.allowance.entry(*key).or_insert_with(|| Allowance::new(self.limits.blocks));
            let quota = quota(&self.limits, allowance, watched, &logs, node);
            let patience = if allowance.paused { self.limits.incomplete } else { 0 };
            observe(ConditionKind::QuotaReached, quota, patience);
            watched.remind(ledger, &shared, now);
        }
        for change in changes.into_iter().flatten() {
            self.tell(change, ledger, now);
        }
    }

    /// Notes that nothing new is taken in.
    pub fn say_stopped(&mut self, why: &str, ledger: &mut Ledger, now: Millis) {
        let message = Some(format!("nothing new is taken in: {why}"));
        if let Some(change) = self.conditions.observe(None, ConditionKind::IntakeStopped, message, 0, now) {
            self.tell(change, ledger, now);
        }
    }

    fn tell(&self, change: Change, ledger: &mut Ledger, now: Millis) {
        let (event, row) = match change {
            Change::Began(row) => (Event::Began, row),
            Change::Ended(row) => (Event::Ended, row),
        };
        let note = ConditionNote {
            id: row.id.clone(),
            kind: row.kind,
            began_at: row.began_at,
            ended_at: row.ended_at,
            message: row.message.clone(),
        };
        let subject: Option<Subject> = row.database.and_then(|key| Some(self.databases.get(&key)?.subject().clone()));
        ledger.condition(row, Alert::of_condition(event, now, &self.shared.watcher, subject, note));
    }

    /// How everything is now.
    pub fn snapshot(&self, node: &Node) -> Snapshot {
        let databases: BTreeMap<Key, LiveDatabase> =
            self.databases.iter().map(|(key, watched)| (*key, watched.live(node))).collect();
        let archive_bytes = databases.values().map(|live| live.archive_bytes).fold(0, u64::saturating_add);
        Snapshot { peers: node.connected() as u64, archive_bytes, databases, ..Snapshot::default() }
    }
}

impl Allowance {
    fn new(blocks: u64) -> Self {
        Self { at: Instant::now(), left: blocks as f64 * 60.0, seen: 0, paused: false }
    }
}

/// Whether a quota is reached, and what is done about it: no more blocks are asked for, or its worker rests.
fn quota(
    limits: &Limits,
    allowance: &mut Allowance,
    watched: &mut Watched,
    logs: &[Key],
    node: &mut Node,
) -> Option<String> {
    let branches = || logs.iter().filter_map(|log| node.replica(log)).flat_map(|replica| replica.branches());
    let bytes = branches().map(|branch| branch.log().roots().byte_length()).fold(0, u64::saturating_add);
    let blocks = branches().map(Branch::length).fold(0, u64::saturating_add);
    let rate = limits.blocks as f64;
    let gained = allowance.at.elapsed().as_secs_f64() * rate;
    let taken = blocks.saturating_sub(allowance.seen) as f64;
    allowance.left = (allowance.left + gained - taken).min(rate * 60.0);
    (allowance.at, allowance.seen) = (Instant::now(), blocks);
    let fast = if allowance.paused { allowance.left < rate } else { allowance.left < 0.0 };
    let large = bytes > limits.disk;
    if fast || large || allowance.paused {
        logs.iter().for_each(|log| node.pause(log, fast || large));
    }
    allowance.paused = fast || large;
    let slow = watched.replayed() > limits.replay;
    watched.rest(slow);
    let findings = watched.open_findings() >= limits.findings;
    let reached = [
        (large, "its logs have more bytes than it may have on disk"),
        (fast, "it grows by more blocks a second than it may"),
        (slow, "its audit took more time in the last hour than it may"),
        (findings, "it has more open findings than it may have: only violations are added"),
    ];
    let reached: Vec<&str> = reached.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
    (!reached.is_empty()).then(|| reached.join("; "))
}

fn limits(config: &Config) -> Limits {
    Limits {
        unreachable: millis(config.conditions.unreachable),
        incomplete: millis(config.conditions.incomplete),
        brake: config.conditions.brake,
        disk: config.quotas.disk.bytes(),
        blocks: config.quotas.blocks,
        replay: config.quotas.replay,
        findings: config.quotas.findings,
    }
}

fn stalled(config: &Config, key: &Key) -> Duration {
    let own = config.databases.iter().find(|database| database.key == *key).and_then(|database| database.stalled);
    own.unwrap_or(config.conditions.stalled)
}

fn row(database: &crate::config::Database, at: Millis) -> DatabaseRow {
    let (labels, contact) = (database.labels.clone(), database.contact.clone());
    DatabaseRow { labels, contact, ..DatabaseRow::new(database.key, database.name(), at) }
}

/// Adds a database to the state that the configuration does not name.
///
/// # Errors
/// [`StateError`].
pub fn add(state: &mut State, key: Key, name: Option<String>, at: Millis) -> Result<(), StateError> {
    let database = crate::config::Database { key, name, labels: BTreeMap::new(), contact: None, stalled: None };
    state.write(|write| write.put_database(&DatabaseRow { at_run_time: true, ..row(&database, at) }))
}

/// Removes a database that was added at run time; `false` if there is none.
///
/// # Errors
/// [`StateError`].
pub fn remove(state: &mut State, key: &Key, at: Millis) -> Result<bool, StateError> {
    let mine = state.databases()?.iter().any(|row| row.key == *key && row.at_run_time && row.removed_at.is_none());
    if mine { state.write(|write| write.remove_database(key, at)) } else { Ok(false) }
}

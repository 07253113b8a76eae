//! How everything stands: what the state holds and what is true now, put together. Pure.

use std::collections::BTreeMap;

use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::replay::finding::{Class, Verdict};
use crate::watch::Millis;
use crate::watch::live::Snapshot;
use crate::watch::state::{ConditionKind, ConditionRow, DatabaseRow, OutboxStatus, Pile};

/// A database.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// Its key in hex.
    pub hex: String,
    /// Its name.
    pub name: String,
    /// Whom to ask about it.
    pub contact: Option<String>,
    /// When it was removed, if it is not followed any more.
    pub removed_at: Option<Millis>,
    /// The verdict so far.
    pub verdict: Option<Verdict>,
    /// Blocks of the index that follow the contract.
    pub verified_length: u64,
    /// Blocks of its newest head.
    pub head_length: u64,
    /// Transactions judged.
    pub transactions: u64,
    /// Operations published and not yet acked.
    pub pending: u64,
    /// Participants.
    pub participants: u64,
    /// Peers that have its index.
    pub peers: u64,
    /// When something of it was last verified.
    pub progress_at: Option<Millis>,
    /// When its worker last said how it stands.
    pub checked_at: Option<Millis>,
    /// Bytes of its logs in the archive.
    pub archive_bytes: u64,
    /// Findings that are open or acknowledged, by class and kind.
    pub findings: BTreeMap<(Class, String), u64>,
    /// Open conditions, by kind.
    pub conditions: BTreeMap<&'static str, u64>,
}

impl Entry {
    /// What the state holds of it, and what is true now.
    pub fn new(row: DatabaseRow, now: &Snapshot) -> Entry {
        let live = now.databases.get(&row.key);
        // Until its worker has said something, what was true before the restart is.
        let judged = live.filter(|live| live.verdict.is_some());
        Entry {
            hex: to_hex(&row.key),
            name: row.name,
            contact: row.contact,
            removed_at: row.removed_at,
            verdict: judged.and_then(|live| live.verdict).or(row.verdict),
            verified_length: judged.map_or(row.verified_length, |live| live.verified_length),
            head_length: live.map_or(row.head_length, |live| live.head_length.max(row.head_length)),
            transactions: judged.map_or(row.transactions, |live| live.transactions),
            pending: live.map_or(0, |live| live.pending),
            participants: live.map_or(0, |live| live.participants),
            peers: live.map_or(0, |live| live.peers),
            progress_at: live.and_then(|live| live.progress_at).max(row.progress_at),
            checked_at: live.and_then(|live| live.checked_at),
            archive_bytes: live.map_or(0, |live| live.archive_bytes),
            key: row.key,
            findings: BTreeMap::new(),
            conditions: BTreeMap::new(),
        }
    }

    /// Blocks that are signed for and not verified.
    pub fn lag(&self) -> u64 {
        self.head_length.saturating_sub(self.verified_length)
    }

    /// Open findings of a class.
    pub fn open(&self, class: Class) -> u64 {
        self.findings.iter().filter(|((c, _), _)| *c == class).map(|(_, count)| count).sum()
    }

    /// Open findings that are more than notices.
    pub fn open_findings(&self) -> u64 {
        self.findings.iter().filter(|((class, _), _)| *class != Class::Notice).map(|(_, count)| count).sum()
    }

    /// The gravest come first.
    fn rank(&self) -> (u8, bool, u64) {
        let verdict = match self.verdict {
            Some(Verdict::Violated) => 0,
            Some(Verdict::Unverifiable) => 1,
            Some(Verdict::Incomplete) => 2,
            None => 3,
            Some(Verdict::Verified) => 4,
        };
        (verdict, self.conditions.is_empty(), u64::MAX - self.open_findings())
    }
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Databases that are followed, the gravest first.
    pub databases: Vec<Entry>,
    /// Open conditions that are about ourselves.
    pub own_conditions: Vec<ConditionRow>,
    /// Databases whose audit has failed.
    pub failed_audits: u64,
    /// Messages counted by channel and status.
    pub outbox: Vec<(String, OutboxStatus, u64)>,
}

impl Overview {
    /// Puts it together.
    pub fn new(
        databases: Vec<DatabaseRow>,
        piles: Vec<Pile>,
        conditions: Vec<ConditionRow>,
        outbox: Vec<(String, OutboxStatus, u64)>,
        now: &Snapshot,
    ) -> Overview {
        let followed = databases.into_iter().filter(|row| row.removed_at.is_none());
        let mut entries: BTreeMap<Key, Entry> = followed.map(|row| (row.key, Entry::new(row, now))).collect();
        for pile in piles {
            if let Some(entry) = entries.get_mut(&pile.database) {
                entry.findings.insert((pile.class, pile.kind), pile.count);
            }
        }
        let failed = |condition: &&ConditionRow| condition.kind == ConditionKind::AuditFailed;
        let failed_audits = conditions.iter().filter(failed).count() as u64;
        let mut own_conditions = Vec::new();
        // Nothing is said anywhere of what has not lasted long enough to be announced.
        for condition in conditions.into_iter().filter(|condition| condition.announced) {
            match condition.database {
                None => own_conditions.push(condition),
                Some(key) => {
                    if let Some(entry) = entries.get_mut(&key) {
                        *entry.conditions.entry(condition.kind.name()).or_default() += 1;
                    }
                }
            }
        }
        let mut databases: Vec<Entry> = entries.into_values().collect();
        databases.sort_by(|a, b| (a.rank(), &a.name, a.key).cmp(&(b.rank(), &b.name, b.key)));
        Overview { databases, own_conditions, failed_audits, outbox }
    }

    /// Databases with this verdict, or not judged yet.
    pub fn count(&self, verdict: Option<Verdict>) -> u64 {
        self.databases.iter().filter(|entry| entry.verdict == verdict).count() as u64
    }

    /// Messages with this status, through whichever channel.
    pub fn messages(&self, status: OutboxStatus) -> u64 {
        self.outbox.iter().filter(|(_, s, _)| *s == status).map(|(.., count)| count).sum()
    }
}

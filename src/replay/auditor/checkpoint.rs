//! What an audit carries between two transactions, as a value: with it, an audit goes on where another one was, without
//! replaying what came before.
//!
//! Three rules keep it from telling anything else than an audit that was never interrupted:
//!
//! - **All or nothing.** Whatever a later finding may rest on is in it, or follows from blocks that are read again. Where neither
//!   can be had there is no checkpoint: in the middle of a transaction, at an audit's end, and under a contract whose shared
//!   realm may hold something that operations left there. Then the checkpoint before stays good.
//! - **Bound.** It names the histories of all logs that were read, as far as they were held: fork, length, and the hash of the tree
//!   over these blocks. Logs that are not the same or longer are refused, and the audit begins at the genesis.
//! - **Sealed.** Its text is whole only for the database, the budgets and the version of this program that made it: another version may
//!   see what that one missed. The seal is a plain hash, against disks and mistakes; who can write our state can do worse.
//!
//! It speaks for live audits alone: any other has taken the log's end for its end.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::*;
use crate::hypercore::hash::blake2b;
use crate::hypercore::{Hash, Key};
use crate::replay::finding::RULEBOOK;
use crate::replay::numbering::is_default;

/// A place in a database at which an audit can go on. Its text is opaque: see the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checkpoint(String);

/// Why an audit does not go on from a checkpoint, and begins at the genesis instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is damaged, or not of this audit.
    #[error("the checkpoint is damaged, or another version made it, for another database or with other limits")]
    Seal,
    /// A log is another history now, or shorter.
    #[error("the logs are not those of the checkpoint, or longer ones")]
    Histories,
    /// An operation is here now whose transaction was left unjudged without it.
    #[error("an operation has come that was not waited for any longer")]
    Outdated,
    /// The contract cannot be read or loaded again.
    #[error("the contract of the checkpoint cannot be loaded")]
    Contract,
}

/// Hexadecimal digits of a seal.
const SEAL: usize = 64;

impl Checkpoint {
    /// Longest text. An audit that carries more has no checkpoints.
    pub const MAX_BYTES: usize = 32 << 20;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The index's length and those of the oplogs, by key in hex, that it was made from: what was authenticated then.
    ///
    /// # Errors
    /// [`Refused::Seal`].
    pub fn lengths(&self, key: &Key, options: &Options) -> Result<(u64, BTreeMap<String, u64>), Refused> {
        let carried = self.open(key, options)?;
        let length = |(key, known): (String, Known)| Some((key, known.held?.1));
        Ok((carried.index.1, carried.participants.into_iter().filter_map(length).collect()))
    }

    fn seal(carried: &Carried, database: &str, options: &Options) -> Option<Self> {
        let text = serde_json::to_string(carried).ok()?;
        let sealed = Self(seal(database, options, &text) + &text);
        (sealed.0.len() <= Self::MAX_BYTES).then_some(sealed)
    }

    fn open(&self, key: &Key, options: &Options) -> Result<Carried, Refused> {
        let (sealed, text) = self.0.split_at_checked(SEAL).ok_or(Refused::Seal)?;
        if self.0.len() > Self::MAX_BYTES || seal(&ack::to_hex(key), options, text) != sealed {
            return Err(Refused::Seal);
        }
        serde_json::from_str(text).map_err(|_| Refused::Seal)
    }
}

/// Any text; an audit finds out what it is.
impl From<String> for Checkpoint {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What a text is bound to. Whatever an audit's findings depend on beside the logs is in it.
fn seal(database: &str, options: &Options, text: &str) -> String {
    let Options { budget, max_findings, until, cache: _, confirm, asks } = options;
    let version = env!("CARGO_PKG_VERSION");
    let of = format!(
        "vitra-watch/checkpoint/2\n{version}\n{RULEBOOK}\n{database}\n{budget:?}\n{max_findings}\n{until:?}\n{confirm} {asks}\n{text}"
    );
    ack::to_hex(&blake2b(&[of.as_bytes()]))
}

/// The fields of [`Auditor`], but for those that begin anew with each transaction or follow from others.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Carried {
    /// The index's fork and length.
    index: (u64, u64),
    /// The hash of the trees of the index and of all oplogs, as far as they were held; see [`Auditor::histories`].
    histories: String,
    at: u64,
    batch: (u64, u64),
    /// `p` for each put, `d` for each delete; only inside the batch they are asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    batch_writes: String,
    /// The block of the contract in force, and whether it has a realm.
    contract: (u64, bool),
    /// The block of the other source that may be in force. It has no realm before it is the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other_contract: Option<u64>,
    sources: Vec<(u64, String)>,
    participants: BTreeMap<String, Known>,
    ambiguous: BTreeSet<String>,
    misplaced: BTreeSet<String>,
    findings: Vec<Finding>,
    more_findings: u64,
    any_unjudged: bool,
    transactions: u64,
    verified_length: u64,
    broken: bool,
    reach: Reach,
    guarded: bool,
    declared_by: BTreeMap<String, Vec<Operation>>,
    source_by: Vec<Operation>,
    /// The bits of the newest time; there may be none.
    last_ts: u64,
    killed: BTreeSet<u64>,
    passed: BTreeSet<(String, u64)>,
}

/// What is carried of one participant.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[serde(default, skip_serializing_if = "is_default")]
    active: bool,
    /// What the published state was found to say. It is not read again: in a tree that could not be checked it may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found_active: Option<bool>,
    origin: Origin,
    /// The oplog's fork and length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<(u64, u64)>,
}

impl<'a> Auditor<'a> {
    /// The place before which a live audit stands, if another one can go on there.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let stands = self.begun && self.waits && !self.local && !self.ended && !self.torn && self.late.is_none();
        let contract = self.contract.as_ref().filter(|_| stands)?;
        let length = self.logs.index().length();
        let mut participants = BTreeMap::new();
        for (key, Participant { active, origin }) in &self.participants {
            let held = from_hex(key).and_then(|key| {
                let length = self.logs.oplog(&key)?.blocks.length();
                Some(self.logs.history(Some(&key), length).map(|history| (history.fork, length)))
            });
            let held = match held {
                // It is here, and nobody can tell what it is.
                Some(None) => return None,
                held => held.flatten(),
            };
            let (found_active, origin) = (self.active.get(key).copied(), origin.clone());
            participants.insert(key.clone(), Known { active: *active, found_active, origin, held });
        }
        let index = (self.logs.history(None, length)?.fork, length);
        let inside = self.at < self.batch_end;
        let sign = |write: &crate::hyperbee::Kind| if *write == crate::hyperbee::Kind::Put { 'p' } else { 'd' };
        let carried = Carried {
            index,
            histories: ack::to_hex(&self.histories(index, &participants)?),
            at: self.at,
            batch: (self.batch_start, self.batch_end),
            batch_writes: self.batch_writes.iter().filter(|_| inside).map(sign).collect(),
            contract: (contract.since, contract.is_loaded()?),
            other_contract: self.other_contract.as_ref().map(|other| other.since),
            sources: self.sources.clone(),
            participants,
            ambiguous: self.ambiguous.iter().cloned().collect(),
            misplaced: self.misplaced.iter().cloned().collect(),
            findings: self.findings.clone(),
            more_findings: self.more_findings,
            any_unjudged: self.any_unjudged,
            transactions: self.transactions,
            verified_length: self.verified_length,
            broken: self.broken,
            reach: self.reach.clone(),
            guarded: self.guarded,
            declared_by: self.declared_by.iter().map(|(name, by)| (name.clone(), by.clone())).collect(),
            source_by: self.source_by.clone(),
            last_ts: self.last_ts.to_bits(),
            killed: self.killed.iter().copied().collect(),
            passed: self.passed.iter().cloned().collect(),
        };
        Checkpoint::seal(&carried, &self.database, &self.options)
    }

    /// A live audit that goes on from a checkpoint, over the same logs or longer ones.
    ///
    /// # Errors
    /// [`Refused`]: then only a new audit does the logs justice.
    pub fn resume(
        logs: Rc<dyn Logs + 'a>,
        key: &Key,
        options: Options,
        checkpoint: &Checkpoint,
    ) -> Result<Self, Refused> {
        let carried = checkpoint.open(key, &options)?;
        let mut auditor = Self::live(logs, key, options);
        let histories = auditor.histories(carried.index, &carried.participants).ok_or(Refused::Histories)?;
        if ack::to_hex(&histories) != carried.histories {
            return Err(Refused::Histories);
        }
        auditor.passed = carried.passed.into_iter().collect();
        if auditor.is_outdated() {
            return Err(Refused::Outdated);
        }
        let (since, loaded) = carried.contract;
        let mut contract = auditor.source_at(since)?;
        if loaded {
            contract.load(auditor.around(0.0), &Empty).map_err(|_| Refused::Contract)?;
        }
        auditor.contract = Some(contract);
        auditor.other_contract = carried.other_contract.map(|since| auditor.source_at(since)).transpose()?;
        for (key, Known { active, found_active, origin, .. }) in carried.participants {
            auditor.active.extend(found_active.map(|active| (key.clone(), active)));
            auditor.participants.insert(key, Participant { active, origin });
        }
        for finding in &carried.findings {
            *auditor.counts.entry(finding.class).or_default() += 1;
        }
        let write = |sign| if sign == 'p' { crate::hyperbee::Kind::Put } else { crate::hyperbee::Kind::Del };
        let (batch_start, batch_end) = carried.batch;
        Ok(Self {
            at: carried.at,
            batch_start,
            batch_end,
            batch_writes: carried.batch_writes.chars().map(write).collect(),
            sources: carried.sources,
            ambiguous: carried.ambiguous.into_iter().collect(),
            misplaced: carried.misplaced.into_iter().collect(),
            findings: carried.findings,
            more_findings: carried.more_findings,
            any_unjudged: carried.any_unjudged,
            transactions: carried.transactions,
            verified_length: carried.verified_length,
            broken: carried.broken,
            reach: carried.reach,
            guarded: carried.guarded,
            declared_by: carried.declared_by.into_iter().collect(),
            source_by: carried.source_by,
            last_ts: f64::from_bits(carried.last_ts),
            begun: true,
            killed: carried.killed.into_iter().collect(),
            ..auditor
        })
    }

    /// The hash over what the logs' histories are known by, at these lengths. `None` when one is shorter now.
    fn histories(&self, index: (u64, u64), participants: &BTreeMap<String, Known>) -> Option<Hash> {
        let mut all = Vec::new();
        let mut note = |key: Option<&Key>, (fork, length): (u64, u64)| {
            let history = self.logs.history(key, length).filter(|history| history.fork == fork)?;
            all.extend_from_slice(key.map_or(&[], |key| key));
            all.extend_from_slice(&fork.to_le_bytes());
            all.extend_from_slice(&length.to_le_bytes());
            all.extend_from_slice(&history.tree_hash);
            Some(())
        };
        note(None, index)?;
        for (key, known) in participants {
            if let Some(held) = known.held {
                note(Some(&from_hex(key)?), held)?;
            }
        }
        Some(blake2b(&[&all]))
    }

    /// The contract source that a block published, as it was adopted then.
    fn source_at(&self, since: u64) -> Result<Contract, Refused> {
        let block = Block::read(since, self.entry(since)).map_err(|_| Refused::Contract)?;
        let source = match &block.body {
            Body::Entry { value, .. } => value.as_ref().and_then(Value::as_str).unwrap_or_default(),
            Body::Malformed { .. } => "",
        };
        Ok(Contract::new(source, since, &self.database, self.options.budget))
    }
}

//! Inclusion: a block is in a log that its owner signed, and what the executor made of the operation in it. Accuses nobody.
//!
//! The result is shown whole: the ack, and the entries behind it until as many are here as it announces, or the next ack
//! follows, or the head ends. Nothing that was published for the operation can be left out without its being said.

use std::collections::BTreeSet;

use minicbor::Encoder;
use serde::{Deserialize, Serialize};

use super::file::{self, FileError, Slice, Version, Wrote};
use super::prove::{Evidence, ProveError, Recorder, names, naming, slice};
use super::verify::{Refused, attributed};
use super::witness::Witness;
use crate::database::ack::to_hex;
use crate::database::path::{self, Place};
use crate::database::{Ack, Value, decode};
use crate::hyperbee::{Cache, Entry, Tree, View as _};
use crate::hypercore::Key;
use crate::replay::auditor::Auditor;
use crate::replay::finding::{ShownChange, shown_value};
use crate::replay::logs::Logs as _;

/// The first field, by version.
pub const FORMATS: [(Version, &str); 2] =
    [(Version::One, "vitra-watch/inclusion/1"), (Version::Two, "vitra-watch/inclusion/2")];

/// A file; see `docs/proof-format.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The form in which it is written.
    pub version: Version,
    /// Key of the index log: the database.
    pub database: Key,
    /// The log.
    pub log: Key,
    /// The block.
    pub seq: u64,
    /// The ack's block of the index, if the file shows what became of an operation.
    pub ack: Option<u64>,
    /// The log's slice; before that of an oplog, a slice of the index: the ack and the changes of the operation if it was
    /// processed, else the entry that declares the log as an input.
    pub slices: Vec<Slice>,
}

/// What a file shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Included {
    /// The database, by the key of its index in hex.
    pub database: String,
    /// The log's key in hex.
    pub log: String,
    /// The block.
    pub seq: u64,
    /// The length that the owner signed.
    pub length: u64,
    /// The log's fork counter.
    pub fork: u64,
    /// The operation, in the JSON form of `docs/json.md`, if the log is an oplog and the block can be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<serde_json::Value>,
    /// The entry, if the log is the index and the block is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<ShownChange>,
    /// What the executor published for the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Processed>,
    /// What was checked, in sentences.
    pub checks: Vec<String>,
}

/// What the executor published for an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Processed {
    /// The ack's block of the index.
    pub seq: u64,
    /// Whether it succeeded.
    pub success: bool,
    /// The recorded error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The executor's clock, milliseconds since 1970.
    pub ts: f64,
    /// The number of changes that the ack announces. A delete of an absent key counts, and writes no entry.
    pub announced: u64,
    /// The entries behind it.
    pub changes: Vec<ShownChange>,
    /// Why there are no more of them.
    pub until: Until,
    /// Whether the contracts so far are shown to keep to the guard. If not, what is taken for the ack may be a change that
    /// another operation wrote.
    pub guarded: bool,
}

/// Where the entries of a result end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// As many are here as the ack announces.
    Announced,
    /// The next ack follows.
    NextAck,
    /// The signed head ends: a longer one may hold more of them.
    HeadEnd,
}

impl Processed {
    /// What became of the operation, in words. The recorded error is a stranger's text.
    pub fn outcome(&self) -> String {
        match (&self.error, self.success) {
            (_, true) => "succeeded".to_owned(),
            (None, false) => "failed".to_owned(),
            (Some(error), false) => format!("failed: {error}"),
        }
    }

    /// What a reader of the result must know, in sentences.
    pub fn caveats(&self) -> Vec<&'static str> {
        let mut caveats = Vec::new();
        if self.until == Until::HeadEnd {
            caveats.push("the signed head ends here: a longer one may hold more changes of it");
        }
        if !self.guarded {
            caveats.push(
                "the contracts so far are not shown to keep to the guard: this ack may be a change that another operation wrote",
            );
        }
        if !self.guarded && self.until == Until::NextAck {
            caveats.push("for the same reason the ack that ends the changes may be one of them, and not the last");
        }
        caveats
    }
}

impl Inclusion {
    /// Makes the file of a block of a log, and of its result if it is an operation that was processed.
    ///
    /// # Errors
    /// [`ProveError`] when the block or a head of it is not here.
    pub fn prove(logs: &dyn Evidence, database: &Key, log: &Key, seq: u64) -> Result<Inclusion, ProveError> {
        let index = logs.index();
        let missing = ProveError::NoHead(*log);
        let version = Version::Two;
        if log == database {
            let part = slice(logs, log, Some(logs.index_fork()), index, &BTreeSet::from([seq]))?;
            return Ok(Inclusion { version, database: *database, log: *log, seq, ack: None, slices: vec![part] });
        }
        let oplog = logs.oplog(log).ok_or(missing)?;
        let own = slice(logs, log, None, oplog.blocks, &BTreeSet::from([seq]))?;
        let cache = Cache::default();
        let ack = Tree::new(index, &cache, index.length()).get(&path::ack_key(&to_hex(log), seq)).ok().flatten();
        let result = ack.and_then(|entry| Some((entry.seq(), read_ack(&entry)?)));
        let part = match &result {
            Some((at, ack)) => {
                // What shows that the contracts keep to the guard is read through a recorder, and so is the result.
                let recorder = Recorder::new(logs, &[], true);
                let _ = Auditor::vouch(&recorder, database, *at);
                let read = |at: &u64| {
                    let entry = recorder.index().block(*at).map(|block| Entry::decode(*at, block));
                    entry.is_some_and(|entry| entry.is_ok_and(|entry| Place::of(entry.key()) != Place::Ack))
                };
                let _ = recorder.index().block(*at);
                let after = at.saturating_add(1);
                let last = after.saturating_add(ack.num_changes).min(index.length());
                // The block that ends the changes is read too.
                let _ = (after..last).take_while(read).count();
                recorder.slices(logs, database)?.into_iter().next().ok_or(ProveError::NoHead(*database))?
            }
            None => naming(logs, database, log)?,
        };
        let ack = result.map(|(at, _)| at);
        Ok(Inclusion { version, database: *database, log: *log, seq, ack, slices: vec![part, own] })
    }

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        file::encoded(|to| self.write(to))
    }

    fn write(&self, to: &mut Encoder<&mut Vec<u8>>) -> Result<(), Wrote> {
        let name = file::name(&FORMATS, self.version);
        let fields = if self.version == Version::One { 5 } else { 6 };
        to.array(fields)?.str(name)?.bytes(&self.database)?.bytes(&self.log)?.u64(self.seq)?;
        match (self.version, self.ack) {
            (Version::One, _) => {}
            (Version::Two, Some(ack)) => drop(to.u64(ack)?),
            (Version::Two, None) => drop(to.null()?),
        }
        file::write_slices(to, &self.slices)
    }

    /// Reads a file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn decode(bytes: &[u8], limit: usize) -> Result<Inclusion, FileError> {
        let (version, mut from) = file::opened(bytes, limit, &FORMATS, &[5, 6])?;
        let (database, log, seq) = (file::hash(&mut from)?, file::hash(&mut from)?, file::integer(&mut from)?);
        let named = match version {
            Version::Two if !file::is_null(&mut from)? => Some(file::integer(&mut from)?),
            _ => None,
        };
        let slices = file::read_slices(&mut from)?;
        let mut inclusion = Inclusion { version, database, log, seq, ack: named, slices };
        if version == Version::One {
            inclusion.ack = inclusion.first_ack();
        }
        if inclusion.encode() == bytes { Ok(inclusion) } else { Err(FileError::NotCanonical) }
    }

    /// In a file of the first form: the first block of the index, unless that is the one which declares the log.
    fn first_ack(&self) -> Option<u64> {
        let [index, _] = self.slices.as_slice() else { return None };
        let (seq, block) = index.blocks.first_key_value()?;
        let declares = index.blocks.len() == 1 && names(*seq, block, &self.log);
        (!declares).then_some(*seq)
    }

    /// Checks everything that the file says. Runs no contract.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(&self) -> Result<Included, Refused> {
        let (own, index) = self.slices.split_last().ok_or(Refused::Slices)?;
        let mut checks = Vec::new();
        let (mut derived, mut reach) = (false, 0);
        for slice in &self.slices {
            let head = slice.authenticate().map_err(|error| Refused::Slice(slice.key, error))?;
            attributed(&head)?;
            derived |= slice.key == self.database && head.is_patched();
            // The block's own slice comes last. The owner signed no length but this, of a head that is derived.
            reach = head.reach();
            checks.push(format!("log {}: its owner signed length {}", to_hex(&slice.key), head.reach()));
        }
        let block = own.blocks.get(&self.seq).filter(|_| own.key == self.log && own.blocks.len() == 1);
        let block = block.ok_or(Refused::Slices)?;
        checks.push(format!("block {} is in it, at its place", self.seq));
        let is_index = self.log == self.database;
        let result = match (index, self.ack) {
            ([], None) if is_index => None,
            ([index], None) if !is_index && index.key == self.database => {
                let declares = |(seq, block): (&u64, &Vec<u8>)| names(*seq, block, &self.log);
                if index.blocks.len() != 1 || !index.blocks.iter().all(declares) {
                    return Err(Refused::Slices);
                }
                checks.push("the index declares the log as an input".to_owned());
                None
            }
            ([index], Some(at)) if !is_index && index.key == self.database => {
                let result = self.result(index, at, derived)?;
                checks
                    .push("the executor published its ack, and all of the changes behind it that are here".to_owned());
                checks.push(match result.until {
                    Until::Announced => "as many changes are here as the ack announces".to_owned(),
                    Until::NextAck => "the next ack follows the changes".to_owned(),
                    Until::HeadEnd => "the signed head ends after the changes".to_owned(),
                });
                if result.guarded {
                    checks
                        .push("every contract so far keeps to the guard, so that the ack is the executor's".to_owned());
                }
                Some(result)
            }
            _ => return Err(Refused::Slices),
        };
        let entry = is_index.then(|| Entry::decode(self.seq, block.as_slice().into()).ok()).flatten();
        let operation = if is_index { None } else { decode(block).ok() };
        Ok(Included {
            database: to_hex(&self.database),
            log: to_hex(&self.log),
            seq: self.seq,
            length: reach,
            fork: own.fork,
            operation: operation.map(|operation| shown_value(&operation.value)),
            entry: entry.map(|entry| shown(&entry)),
            result,
            checks,
        })
    }

    /// The ack at block `at` of the index and the entries behind it, all of them. `derived`: the index's head is a patched one.
    fn result(&self, index: &Slice, at: u64, derived: bool) -> Result<Processed, Refused> {
        let key = path::ack_key(&to_hex(&self.log), self.seq);
        let entry = |seq: u64| {
            let block = index.blocks.get(&seq).ok_or(Refused::Lacks(seq))?;
            Entry::decode(seq, block.as_slice().into())
                .map_err(|_| Refused::Result("a block behind the ack is no entry"))
        };
        let first = entry(at)?;
        let ack = read_ack(&first).filter(|_| first.key() == key);
        let ack = ack.ok_or(Refused::Result("that block is no ack of the operation"))?;
        let mut changes = Vec::new();
        let mut seq = at.saturating_add(1);
        let until = loop {
            if changes.len() as u64 == ack.num_changes {
                break Until::Announced;
            }
            if seq == index.length && derived {
                return Err(Refused::Result("the head is derived from a longer one, and shows no end of the changes"));
            }
            if seq == index.length {
                break Until::HeadEnd;
            }
            let next = entry(seq)?;
            if Place::of(next.key()) == Place::Ack {
                break Until::NextAck;
            }
            changes.push(shown(&next));
            seq = seq.saturating_add(1);
        };
        let logs = Witness::new(&self.slices).ok_or(Refused::Slices)?;
        Ok(Processed {
            seq: at,
            success: ack.success,
            error: ack.error.as_deref().map(str::to_owned),
            ts: ack.ts,
            announced: ack.num_changes,
            changes,
            until,
            guarded: Auditor::vouch(&logs, &self.database, at).is_ok(),
        })
    }
}

/// An ack that every version of msgpackr reads alike: of others nobody can say what readers see.
fn read_ack(entry: &Entry) -> Option<Ack> {
    let decoded = decode(entry.value()?).ok().filter(|decoded| !decoded.peculiar)?;
    Ack::parse(&decoded.value).ok()
}

/// What readers take it for.
fn shown(entry: &Entry) -> ShownChange {
    let value = entry.value().map_or(Some(Value::Null), |value| decode(value).ok().map(|decoded| decoded.value));
    ShownChange::new(entry.key(), value.as_ref().filter(|_| !entry.is_delete()))
}

//! Inclusion: a block is in a log that its owner signed, and what the executor made of the operation in it. Accuses nobody.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::Encoder;
use serde::{Deserialize, Serialize};

use super::file::{self, FileError, Slice, Wrote};
use super::prove::{Evidence, ProveError, names, naming, slice};
use super::verify::Refused;
use crate::database::ack::to_hex;
use crate::database::path::{self, Place};
use crate::database::{Ack, Value, decode};
use crate::hyperbee::{Cache, Entry, Tree, View as _};
use crate::hypercore::Key;
use crate::replay::finding::{ShownChange, shown_value};

/// The first field.
pub const FORMAT: &str = "vitra-watch/inclusion/1";
/// Changes of one transaction that a file holds.
const MAX_CHANGES: u64 = 10_000;

/// A file; see `docs/proof-format.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Key of the index log: the database.
    pub database: Key,
    /// The log.
    pub log: Key,
    /// The block.
    pub seq: u64,
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
    /// The number of changes that the ack announces.
    pub announced: u64,
    /// The entries behind it.
    pub changes: Vec<ShownChange>,
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
}

impl Inclusion {
    /// Makes the file of a block of a log, and of its result if it is an operation that was processed.
    ///
    /// # Errors
    /// [`ProveError`] when the block or a head of it is not here.
    pub fn prove(logs: &dyn Evidence, database: &Key, log: &Key, seq: u64) -> Result<Inclusion, ProveError> {
        let index = logs.index();
        let missing = ProveError::NoHead(*log);
        if log == database {
            let part = slice(logs, log, Some(logs.index_fork()), index, &BTreeSet::from([seq]))?;
            return Ok(Inclusion { database: *database, log: *log, seq, slices: vec![part] });
        }
        let oplog = logs.oplog(log).ok_or(missing)?;
        let part = slice(logs, log, None, oplog.blocks, &BTreeSet::from([seq]))?;
        let cache = Cache::default();
        let ack = Tree::new(index, &cache, index.length()).get(&path::ack_key(&to_hex(log), seq)).ok().flatten();
        let mut slices = Vec::new();
        if let Some((at, ack)) = ack.and_then(|entry| Some((entry.seq(), read_ack(&entry)?))) {
            let last = at.saturating_add(ack.num_changes.min(MAX_CHANGES)).min(index.length().saturating_sub(1));
            let change = |at: &u64| {
                let entry = index.block(*at).map(|block| Entry::decode(*at, block));
                entry.is_some_and(|entry| entry.is_ok_and(|entry| Place::of(entry.key()) != Place::Ack))
            };
            let blocks = std::iter::once(at).chain((at.saturating_add(1)..=last).take_while(change)).collect();
            slices.push(slice(logs, database, Some(logs.index_fork()), index, &blocks)?);
        } else {
            slices.push(naming(logs, database, log)?);
        }
        slices.push(part);
        Ok(Inclusion { database: *database, log: *log, seq, slices })
    }

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        file::encoded(|to| self.write(to))
    }

    fn write(&self, to: &mut Encoder<&mut Vec<u8>>) -> Result<(), Wrote> {
        to.array(5)?.str(FORMAT)?.bytes(&self.database)?.bytes(&self.log)?.u64(self.seq)?;
        file::write_slices(to, &self.slices)
    }

    /// Reads a file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn decode(bytes: &[u8], limit: usize) -> Result<Inclusion, FileError> {
        let mut from = file::opened(bytes, limit, FORMAT, 5)?;
        let (database, log, seq) = (file::hash(&mut from)?, file::hash(&mut from)?, from.u64()?);
        let inclusion = Inclusion { database, log, seq, slices: file::read_slices(&mut from)? };
        if inclusion.encode() == bytes { Ok(inclusion) } else { Err(FileError::NotCanonical) }
    }

    /// Checks everything that the file says.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(&self) -> Result<Included, Refused> {
        let (own, index) = self.slices.split_last().ok_or(Refused::Slices)?;
        let mut checks = Vec::new();
        for slice in &self.slices {
            let head = slice.authenticate().map_err(|error| Refused::Slice(slice.key, error))?;
            checks.push(format!("log {}: its owner signed length {}", to_hex(&slice.key), head.length()));
        }
        let block = own.blocks.get(&self.seq).filter(|_| own.key == self.log && own.blocks.len() == 1);
        let block = block.ok_or(Refused::Slices)?;
        checks.push(format!("block {} is in it, at its place", self.seq));
        let is_index = self.log == self.database;
        let result = match index {
            [] if is_index => None,
            [index] if !is_index && index.key == self.database => {
                let declares = |(seq, block): (&u64, &Vec<u8>)| names(*seq, block, &self.log);
                if index.blocks.len() == 1 && index.blocks.iter().all(declares) {
                    checks.push("the index declares the log as an input".to_owned());
                    None
                } else {
                    checks.push("the executor published its ack, and the changes behind it".to_owned());
                    let ack = path::ack_key(&to_hex(&self.log), self.seq);
                    Some(processed(&index.blocks, &ack).ok_or(Refused::Slices)?)
                }
            }
            _ => return Err(Refused::Slices),
        };
        let entry = is_index.then(|| Entry::decode(self.seq, block.as_slice().into()).ok()).flatten();
        let operation = if is_index { None } else { decode(block).ok() };
        Ok(Included {
            database: to_hex(&self.database),
            log: to_hex(&self.log),
            seq: self.seq,
            length: own.length,
            fork: own.fork,
            operation: operation.map(|operation| shown_value(&operation.value)),
            entry: entry.map(|entry| shown(&entry)),
            result,
            checks,
        })
    }
}

fn read_ack(entry: &Entry) -> Option<Ack> {
    Ack::parse(&decode(entry.value()?).ok()?.value).ok()
}

/// The ack at `key` and the entries right behind it, no more than it announces and none of them an ack.
fn processed(blocks: &BTreeMap<u64, Vec<u8>>, key: &[u8]) -> Option<Processed> {
    let mut entries = blocks.iter().map(|(seq, block)| Entry::decode(*seq, block.as_slice().into()).ok());
    let first = entries.next()??;
    let ack = read_ack(&first).filter(|_| first.key() == key)?;
    let mut changes = Vec::new();
    for (entry, place) in entries.zip(first.seq().saturating_add(1)..) {
        let entry = entry.filter(|entry| entry.seq() == place && Place::of(entry.key()) != Place::Ack)?;
        changes.push(shown(&entry));
    }
    (changes.len() as u64 <= ack.num_changes).then(|| Processed {
        seq: first.seq(),
        success: ack.success,
        error: ack.error.as_deref().map(str::to_owned),
        ts: ack.ts,
        announced: ack.num_changes,
        changes,
    })
}

/// What readers take it for.
fn shown(entry: &Entry) -> ShownChange {
    let value = entry.value().map_or(Some(Value::Null), |value| decode(value).ok().map(|decoded| decoded.value));
    ShownChange::new(entry.key(), value.as_ref().filter(|_| !entry.is_delete()))
}

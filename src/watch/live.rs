//! What is true now and need not survive a restart: shared by the service, which writes it, and whoever shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Millis;
use super::alert::Subject;
use crate::hypercore::{Key, Scheme, SignedHead};
use crate::replay::finding::Verdict;
use crate::sandbox::Layers;

/// Upper bounds of the buckets of replay times, in seconds.
pub const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];

/// The newest signed head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// The log.
    pub key: Key,
    /// The fork counter.
    pub fork: u64,
    /// Blocks.
    pub length: u64,
    /// The tree hash that was signed.
    pub tree_hash: [u8; 32],
    /// How it was signed.
    pub scheme: Scheme,
    /// The signature.
    pub signature: Vec<u8>,
    /// The manifest, where the key is its hash.
    pub manifest: Option<Vec<u8>>,
    /// Whether it is derived from signatures over longer trees: then nobody signed this tree hash.
    pub patched: bool,
}

impl From<&SignedHead> for LogHead {
    fn from(head: &SignedHead) -> Self {
        LogHead {
            key: *head.key(),
            fork: head.fork(),
            length: head.length(),
            tree_hash: *head.tree_hash(),
            scheme: head.scheme(),
            signature: head.signature().to_vec(),
            manifest: head.manifest().map(|manifest| manifest.bytes().to_vec()),
            patched: head.is_patched(),
        }
    }
}

/// One database, now.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveDatabase {
    /// Its key, name, labels.
    pub subject: Subject,
    /// The verdict so far; `None` before the first word of its worker.
    pub verdict: Option<Verdict>,
    /// Blocks of the index that follow the contract.
    pub verified_length: u64,
    /// Blocks of the index's newest head.
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
    /// Newest heads: the index first.
    pub heads: Vec<LogHead>,
}

/// How long turns of workers took: a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// How many fell into each bucket of [`BUCKETS`], not cumulative; the last one is for longer ones.
    pub counts: [u64; BUCKETS.len() + 1],
    /// Seconds in all.
    pub sum: f64,
}

impl Histogram {
    /// Counts one.
    pub fn observe(&mut self, seconds: f64) {
        let at = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        if let Some(count) = self.counts.get_mut(at) {
            *count = count.saturating_add(1);
        }
        self.sum += seconds;
    }
}

/// Everything, now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// When the service started.
    pub started_at: Millis,
    /// When the service last went round: what watchdogs and `/health` look at.
    pub turned_at: Millis,
    /// Everything that was to be opened is open.
    pub ready: bool,
    /// Intake is stopped, and why: the disk is full, above all.
    pub stopped: Option<String>,
    /// Names of the channels that alerts may go through.
    pub channels: Vec<String>,
    /// Connected peers.
    pub peers: u64,
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// Seconds of replay, a turn of a worker each.
    pub replay: Histogram,
    /// The layers that lock workers in.
    pub layers: Layers,
    /// The reference runtimes are at hand.
    pub runtimes: bool,
    /// Databases by key.
    pub databases: BTreeMap<Key, LiveDatabase>,
}

/// The snapshot that is shared.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<Mutex<Arc<Snapshot>>>);

impl Live {
    /// The newest one.
    pub fn get(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces it.
    pub fn set(&self, snapshot: Snapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

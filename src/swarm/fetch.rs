//! A whole database, once: the index log, then the logs of the participants that it declares, into an archive.
//!
//! Nothing is judged here. What nobody serves is reported as lacking; an audit of the archive then says what that means.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use super::discovery::{Config, Swarm};
use super::node::{Happened, Node};
use super::replica::Branch;
use super::transport::Address;
use crate::archive::{ArchiveError, ImportError, parse_key};
use crate::database::path::Place;
use crate::hyperbee::Entry;
use crate::hypercore::Key;

/// Participants' logs that are followed; an index that declares more is downloaded without the rest.
pub const MAX_OPLOGS: usize = 4_096;
/// How long to wait for more, once every peer has shown what it has.
const QUIET: Duration = Duration::from_secs(5);
/// How long to wait for peers that say nothing at all.
const SILENCE: Duration = Duration::from_secs(20);
/// Runs of blocks that are named.
const MAX_NAMED: usize = 8;

/// A log of which something is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// Its key.
    pub key: Key,
    /// Blocks of its longest head; 0: nobody has shown one.
    pub length: u64,
    /// Blocks that are not here.
    pub blocks: u64,
    /// The first runs of them, each from the first to one past the last.
    pub runs: Vec<(u64, u64)>,
}

/// How a download ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Somebody showed a signed head of the index.
    pub served: bool,
    /// Addresses without a connection, and why.
    pub tried: Vec<(String, String)>,
    /// What is not here, the index first.
    pub lacking: Vec<Lacking>,
}

/// Where a download stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Peers that are connected.
    pub peers: usize,
    /// Blocks that are here, of all logs.
    pub blocks: u64,
    /// Blocks of their longest heads.
    pub of: u64,
    /// Blocks that an audit of the archive is shown, of all logs.
    pub shown: u64,
    /// The same, of the index that is downloaded.
    pub index: u64,
}

/// Downloads the database with this index into the archive at `dir` (which is made if it does not exist), at most for so long. `watch` is told where it stands, and what happened.
///
/// # Errors
/// When the archive cannot be written, or the machine has no sockets.
pub fn fetch(
    dir: &Path,
    key: &Key,
    sources: &Sources,
    limit: Duration,
    watch: &mut dyn FnMut(Standing, &[Happened]),
) -> Result<Fetched, ArchiveError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| ImportError::new(dir, None, e))?;
    runtime.block_on(async {
        let (mut node, fetched) = fetch_from(dir, key, sources, limit, watch).await?;
        node.leave().await;
        Ok(fetched)
    })
}

/// Where peers are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Addresses.
    pub peers: Vec<Address>,
    /// The DHT.
    pub dht: Option<Config>,
}

/// The same. The node that did it can go on, and must leave in the end.
///
/// # Errors
/// When the archive cannot be written, or the machine has no sockets.
pub async fn fetch_from(
    dir: &Path,
    key: &Key,
    sources: &Sources,
    limit: Duration,
    watch: &mut dyn FnMut(Standing, &[Happened]),
) -> Result<(Node, Fetched), ArchiveError> {
    let mut node = Node::open(dir)?;
    node.follow(key)?;
    for address in &sources.peers {
        node.dial(address.clone());
    }
    if let Some(config) = &sources.dht {
        let swarm = Swarm::open(config).await;
        node.join(swarm.map_err(|e| ImportError::new(dir, None, std::io::Error::other(e)))?);
        node.seek(key);
    }
    let mut declared = Declared::default();
    let end = Instant::now().checked_add(limit).unwrap_or_else(Instant::now);
    loop {
        declared.follow(&mut node, key)?;
        let complete = node.replicas().flat_map(|replica| replica.branches()).all(Branch::is_complete);
        let settled = node.is_settled();
        // Who is late may be asked for what another one has.
        let over = complete || (node.quiet() > QUIET && !node.is_waiting());
        if (settled && over) || node.quiet() > SILENCE || Instant::now() >= end {
            break;
        }
        let happened = node.step(end).await?;
        let index = node.replica(key).and_then(|replica| replica.branch(0)).map_or(0, shown);
        watch(Standing { index, ..standing(&node) }, &happened);
    }
    node.commit(true)?;
    let tried = node.tried();
    let served = node.replica(key).is_some_and(|replica| replica.was_met());
    let mut lacking: Vec<Lacking> = node.replicas().filter_map(lacks).collect();
    lacking.sort_by_key(|log| (log.key != *key, log.key));
    Ok((node, Fetched { served, tried, lacking }))
}

/// Where all logs of a node stand.
pub fn standing(node: &Node) -> Standing {
    let branches = || node.replicas().flat_map(|replica| replica.branches());
    let sum = |count: fn(&Branch) -> u64| branches().map(count).fold(0, u64::saturating_add);
    Standing {
        peers: node.connected(),
        blocks: sum(Branch::length),
        of: sum(Branch::promised),
        shown: sum(shown),
        index: 0,
    }
}

fn shown(branch: &Branch) -> u64 {
    branch.served().map_or(0, |head| head.length())
}

fn lacks(replica: &super::replica::Replica) -> Option<Lacking> {
    let key = *replica.key();
    let Some(branch) = replica.branch(0) else {
        // A log that a peer has open and empty lacks nothing.
        return (!replica.was_met()).then_some(Lacking { key, length: 0, blocks: 0, runs: Vec::new() });
    };
    let (runs, blocks) = branch.lacking(MAX_NAMED);
    (blocks > 0).then_some(Lacking { key, length: branch.promised(), blocks, runs })
}

/// The participants that an index declares, as far as it is here.
#[derive(Debug, Default)]
pub struct Declared {
    scanned: u64,
    keys: BTreeSet<Key>,
}

impl Declared {
    /// Their logs.
    pub fn keys(&self) -> &BTreeSet<Key> {
        &self.keys
    }

    /// Follows the logs of those that are new.
    ///
    /// # Errors
    /// When the archive fails.
    pub fn follow(&mut self, node: &mut Node, index: &Key) -> Result<(), ArchiveError> {
        let mut found = Vec::new();
        if let Some(branch) = node.replica(index).and_then(|replica| replica.branch(0)) {
            for seq in self.scanned..branch.length() {
                let Some(block) = branch.block(seq) else { continue };
                let Ok(entry) = Entry::decode(seq, block) else { continue };
                if let Place::Input(name) = Place::of(entry.key())
                    && let Some(key) = std::str::from_utf8(name).ok().and_then(parse_key)
                {
                    found.push(key);
                }
            }
            self.scanned = branch.length();
        }
        for key in found {
            if key != *index && self.keys.len() < MAX_OPLOGS && self.keys.insert(key) {
                node.follow(&key)?;
            }
        }
        Ok(())
    }
}

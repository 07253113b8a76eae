//! From a finding to its proof.
//!
//! The auditor is run again, over the same logs, and whatever it reads until it finds the same is the proof. It begins
//! as near to the finding as it can: with the transaction itself, with one before it, at last with the genesis. Oplogs are left
//! out where the finding needs none. What comes out was verified.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::file::{Claim, Proof, Shorter, Slice, Version};
use super::verify::{Refused, Setup, begin, evaluate, search};
use crate::database::ack::{from_hex, to_hex};
use crate::database::path::{self, Place};
use crate::hyperbee::{Block, Blocks, Cache, Entry, Tree, View as _};
use crate::hypercore::views::{Conflict, View, at_length};
use crate::hypercore::{Key, Nodes, PrefixEvidence, SignedHead};
use crate::replay::engine;
use crate::replay::finding::{Accused, Class, Finding, Support};
use crate::replay::heads;
use crate::replay::logs::{Logs, Oplog};

/// Transactions with which an audit is tried to begin, back from the finding.
const MAX_BEGINNINGS: usize = 32;
/// Blocks that are looked through for them.
const MAX_BACK: u64 = 8_192;

/// Logs that can show what their owners signed.
pub trait Evidence: Logs {
    /// What is held of a log: the index, or an oplog.
    fn views(&self, key: &Key) -> Vec<View<'_>>;
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// Only violations are proven.
    #[error("{0} accuses nobody")]
    NoViolation(&'static str),
    /// The logs do not show it (any more).
    #[error("the logs do not show it: {0}")]
    NotShown(Refused),
    /// No head of a log is signed that has the blocks.
    #[error("log {} has no signed head with its blocks", to_hex(.0))]
    NoHead(Key),
}

/// The smallest proof that is found for a violation. `participants` are the oplogs that the finding may rest on.
///
/// # Errors
/// [`ProveError`].
pub fn prove<'w>(
    logs: &dyn Evidence,
    database: &Key,
    finding: &Finding,
    participants: &[Key],
    setup: impl Into<Setup<'w>>,
) -> Result<Proof, ProveError> {
    let setup = setup.into();
    if finding.class != Class::Violation {
        return Err(ProveError::NoViolation(finding.kind.name()));
    }
    let proof = if finding.kind.by_heads() {
        by_heads(logs, database, finding)?
    } else {
        by_audit(logs, database, finding, participants, setup)?
    };
    match evaluate(&proof, setup) {
        Ok(proven) if is_same(&proven.finding, finding) => Ok(proof),
        Ok(_) => Err(ProveError::NotShown(Refused::NotShown)),
        Err(why) => Err(ProveError::NotShown(why)),
    }
}

/// Whether it is the same violation. An audit that knows an equivocation of the oplog accuses its owner alone; without that
/// it is the executor or the owner.
fn is_same(found: &Finding, finding: &Finding) -> bool {
    let cleared = || match (&found.accused, &finding.accused) {
        (Some(found @ Accused::Executor { .. }), Some(Accused::Participant { key, .. })) => {
            found.owners().contains(&key.as_str())
        }
        _ => false,
    };
    found.id == finding.id && (found.accused == finding.accused || cleared())
}

/// What the heads of a log, the index or an oplog, contradict.
pub fn by_heads_of(logs: &dyn Evidence, database: &Key, log: &Key) -> Vec<Finding> {
    let name = to_hex(log);
    let owner = (log != database).then_some(name.as_str());
    heads::judge(&to_hex(database), &name, owner, &logs.conflicts(log))
}

/// Whether the index ever declared this log as an input.
pub fn is_input(logs: &dyn Evidence, log: &Key) -> bool {
    declaration(logs, log).is_some()
}

/// The block of the index that declares a log as an input.
fn declaration(logs: &dyn Evidence, log: &Key) -> Option<u64> {
    let cache = Cache::default();
    let name = [path::INPUTS, to_hex(log).as_bytes()].concat();
    let declared = Tree::new(logs.index(), &cache, logs.index().length()).get(&name).ok().flatten();
    declared.map(|entry| entry.seq())
}

fn by_heads(logs: &dyn Evidence, database: &Key, finding: &Finding) -> Result<Proof, ProveError> {
    let not_shown = || ProveError::NotShown(Refused::NotShown);
    let key = from_hex(&finding.log).ok_or_else(not_shown)?;
    let owner = (key != *database).then_some(finding.log.as_str());
    let conflicts = logs.conflicts(&key);
    let same = |conflict: &&Conflict| {
        heads::judge(&to_hex(database), &finding.log, owner, std::slice::from_ref(conflict))
            .iter()
            .any(|found| found.id == finding.id)
    };
    let (claim, mut slices) = match conflicts.iter().find(same).ok_or_else(not_shown)? {
        Conflict::Truncation(head) => (Claim::Truncation, vec![Slice::of_head(head)]),
        Conflict::Equivocation { evidence, first_difference } => {
            // The sooner they differ, the more operations it clears an executor of.
            let views = logs.views(&key);
            let early = first_difference.and_then(|first| at_length(&views, evidence, first.checked_add(1)?));
            let evidence = early.as_ref().unwrap_or(evidence);
            let prefixes = evidence.evidence.each_ref().map(Shorter::of);
            let [shorter, longer] = &evidence.evidence;
            let slices = vec![bare(&evidence.shorter, shorter), bare(&evidence.longer, longer)];
            (Claim::Equivocation { length: evidence.length, prefixes }, slices)
        }
    };
    if key != *database {
        slices.push(naming(logs, database, &key)?);
    }
    Ok(Proof { version: Version::Two, database: *database, claim, engine: None, slices })
}

/// A head alone, with its roots where they are what is compared.
fn bare(head: &SignedHead, evidence: &PrefixEvidence) -> Slice {
    match evidence {
        PrefixEvidence::Roots(roots) => Slice { nodes: roots.clone(), tree: None, ..Slice::of_head(head) },
        _ => Slice::of_head(head),
    }
}

/// The slice of the index with the entry that declares an oplog.
pub(super) fn naming(logs: &dyn Evidence, database: &Key, oplog: &Key) -> Result<Slice, ProveError> {
    let seq = declaration(logs, oplog).ok_or(ProveError::NotShown(Refused::Slices))?;
    slice(logs, database, Some(logs.index_fork()), logs.index(), &BTreeSet::from([seq]))
}

/// Whether a block of the index declares this oplog as an input.
pub(super) fn names(seq: u64, block: &[u8], oplog: &Key) -> bool {
    let entry = Entry::decode(seq, block.into());
    entry.is_ok_and(|entry| matches!(Place::of(entry.key()), Place::Input(name) if name == to_hex(oplog).as_bytes()))
}

fn by_audit(
    logs: &dyn Evidence,
    database: &Key,
    finding: &Finding,
    participants: &[Key],
    setup: Setup<'_>,
) -> Result<Proof, ProveError> {
    let seq = finding.seq.ok_or(ProveError::NotShown(Refused::NotShown))?;
    let mut why = Refused::NotShown;
    'beginning: for from in beginnings(logs.index(), seq).into_iter().chain([0]) {
        for with_oplogs in [false, true] {
            if finding.kind.by_replay() && !with_oplogs {
                continue;
            }
            let oplogs = if with_oplogs { participants } else { &[] };
            // What rests on the end of the log says so; what does not is shown without it.
            for goes_on in [true, false] {
                let recorder = Recorder::new(logs, oplogs, goes_on);
                let shown = match begin(&recorder, database, setup, from) {
                    Ok(mut auditor) => search(&mut auditor, finding.kind, seq),
                    Err(refused) => {
                        why = refused;
                        continue 'beginning;
                    }
                };
                match shown {
                    Ok(found) if is_same(&found, finding) => {
                        let version = Version::Two;
                        let engine = with_oplogs.then(|| witness_of(finding));
                        let end = (!goes_on).then(|| logs.index().length());
                        let claim = Claim::Audit { kind: finding.kind, from, seq, end };
                        let slices = recorder.slices(logs, database)?;
                        return Ok(Proof { version, database: *database, claim, engine, slices });
                    }
                    Err(Refused::End(..)) => {}
                    Ok(_) => break,
                    Err(refused) => {
                        why = refused;
                        break;
                    }
                }
            }
        }
    }
    Err(ProveError::NotShown(why))
}

/// Entries at ack paths, from the finding's block back.
fn beginnings(index: &dyn Blocks, seq: u64) -> Vec<u64> {
    let last = seq.min(index.length().saturating_sub(1));
    let is_ack = |at: &u64| {
        let entry = index.block(*at).map(|block| Entry::decode(*at, block));
        entry.is_some_and(|entry| entry.is_ok_and(|entry| Place::of(entry.key()) == Place::Ack))
    };
    (last.saturating_sub(MAX_BACK)..=last).rev().filter(is_ack).take(MAX_BEGINNINGS).collect()
}

/// Logs that note what is read.
pub(super) struct Recorder<'a> {
    index: Recorded<'a>,
    fork: u64,
    goes_on: bool,
    oplogs: BTreeMap<Key, (Recorded<'a>, bool, bool)>,
}

struct Recorded<'a> {
    blocks: &'a dyn Blocks,
    read: RefCell<BTreeSet<u64>>,
}

impl Blocks for Recorded<'_> {
    fn length(&self) -> u64 {
        self.blocks.length()
    }
    fn block(&self, seq: u64) -> Option<Block> {
        let block = self.blocks.block(seq)?;
        self.read.borrow_mut().insert(seq);
        Some(block)
    }
}

impl Logs for Recorder<'_> {
    fn index(&self) -> &dyn Blocks {
        &self.index
    }
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        let oplog = self.oplogs.get(key);
        oplog.map(|(blocks, rewritten, attributed)| Oplog { blocks, rewritten: *rewritten, attributed: *attributed })
    }
    fn index_fork(&self) -> u64 {
        self.fork
    }
    fn signed_length(&self) -> u64 {
        if self.goes_on { u64::MAX } else { self.index.length() }
    }
}

impl<'a> Recorder<'a> {
    /// `goes_on`: the index is taken for one that may go on after what is here.
    pub(super) fn new(logs: &'a dyn Evidence, participants: &[Key], goes_on: bool) -> Recorder<'a> {
        let recorded = |blocks| Recorded { blocks, read: RefCell::default() };
        let oplog = |key: &Key| {
            let Oplog { blocks, rewritten, attributed } = logs.oplog(key)?;
            Some((*key, (recorded(blocks), rewritten, attributed)))
        };
        Recorder {
            index: recorded(logs.index()),
            fork: logs.index_fork(),
            goes_on,
            oplogs: participants.iter().filter_map(oplog).collect(),
        }
    }

    /// What was read, under signed heads.
    pub(super) fn slices(&self, logs: &dyn Evidence, database: &Key) -> Result<Vec<Slice>, ProveError> {
        let mut slices = vec![slice(logs, database, Some(self.fork), self.index.blocks, &self.index.read.borrow())?];
        for (key, (recorded, ..)) in &self.oplogs {
            let read = recorded.read.borrow();
            if !read.is_empty() {
                // Only histories that were never cut are judged by.
                slices.push(slice(logs, key, Some(0), recorded.blocks, &read)?);
            }
        }
        Ok(slices)
    }
}

/// Blocks of a log under the head of what is audited: all of it. `fork`: if it must be of that one.
pub(super) fn slice(
    logs: &dyn Evidence,
    key: &Key,
    fork: Option<u64>,
    blocks: &dyn Blocks,
    seqs: &BTreeSet<u64>,
) -> Result<Slice, ProveError> {
    let length = blocks.length();
    let views = logs.views(key);
    let fits = |head: &&SignedHead, tree: &dyn Nodes| {
        (head.key(), head.length()) == (key, length)
            && fork.is_none_or(|fork| head.fork() == fork)
            && head.names_its_log()
            && tree.backs(head)
    };
    let seqs: Vec<u64> = seqs.iter().copied().collect();
    for view in views {
        for head in view.heads.iter().filter(|head| fits(head, view.tree)) {
            let held = seqs.iter().map(|seq| Some((*seq, blocks.block(*seq)?.to_vec())));
            let Some(held) = held.collect::<Option<BTreeMap<u64, Vec<u8>>>>() else { continue };
            // Of several histories of this length only one has these blocks.
            if let Some(slice) = Slice::build(head, view.tree, held).filter(|slice| slice.authenticate().is_ok()) {
                return Ok(slice);
            }
        }
    }
    Err(ProveError::NoHead(*key))
}

/// Which engine a file names: ours, where a plain contract needs no other, or what confirmed it.
fn witness_of(finding: &Finding) -> (String, String) {
    match &finding.support {
        Some(Support::Runtimes(names)) => ("reference-runtimes".to_owned(), names.join(" ")),
        Some(Support::Plain) | None => (engine::NAME.to_owned(), engine::VERSION.to_owned()),
    }
}

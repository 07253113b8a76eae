//! What is known of one log from all peers: its histories, and which of them a peer is on.
//!
//! A head is stored, with the nodes that connect it to what we have, before anything else is done with it. One that does not
//! extend what we have is another history: it is kept, in full, beside the first one, never instead. Two heads of one fork
//! that contradict each other are then a proof against the log's owner, and the nodes that came with them make it complete.
//!
//! Peers are not trusted with anything: every head is verified, every block is proven up to a verified node.

mod branch;
pub mod proof;

pub use branch::{Branch, MAX_WAITING, WINDOW};

use std::collections::BTreeSet;

use crate::archive::{Archive, ArchiveError, LogId};
use crate::hypercore::{Comparison, Hash, Key, Manifest, Nodes, Prefix, SignedHead, discovery_key};
use proof::{AnswerError, Shown};

use super::wire::messages::Data;

/// Histories of a log that are downloaded; of further ones only the heads are kept.
pub const MAX_BRANCHES: usize = 8;
/// Heads that are remembered as stored; others are stored again, which changes nothing.
const MAX_STORED: usize = 64;

/// A log.
#[derive(Debug)]
pub struct Replica {
    key: Key,
    dk: Hash,
    id: LogId,
    manifest: Option<Manifest>,
    branches: Vec<Branch>,
    stored: BTreeSet<(u64, u64, Hash)>,
    met: bool,
}

/// Where a peer's head belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// To this history.
    On(usize),
    /// To a history that was not known before: this one. `true`: another one of the same fork is here, which it contradicts.
    New(usize, bool),
    /// It cannot be said yet: it is longer than what we have, and shorter than what we know to be signed.
    Undecided,
    /// To this history, whose longer heads were set aside for it.
    Instead(usize),
    /// To another history, and there are too many already.
    TooMany,
}

impl Replica {
    /// The log as an archive has it; it is added if it is new.
    ///
    /// # Errors
    /// When the archive cannot be used.
    pub fn open(archive: &mut Archive, key: &Key) -> Result<Replica, ArchiveError> {
        let id = archive.log(key, None)?;
        let reader = archive.read(id)?;
        let mut histories = archive.histories(id)?;
        histories.sort_by_key(|history| !history.current);
        let mut branches = Vec::new();
        for history in histories.into_iter().take(MAX_BRANCHES) {
            let writer = archive.writer(id, history.number)?;
            let fits = |head: &&SignedHead| head.fork() == history.fork && writer.backs(head);
            let newest = reader
                .cores()
                .iter()
                .flat_map(|core| core.heads())
                .filter(fits)
                .max_by_key(|head| head.length())
                .cloned();
            branches.push(Branch::new(writer, newest));
        }
        let manifest = reader.cores().iter().find_map(|core| core.manifest().cloned());
        Ok(Replica { key: *key, dk: discovery_key(key), id, manifest, branches, stored: BTreeSet::new(), met: false })
    }

    /// The log's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Its discovery key.
    pub fn dk(&self) -> &Hash {
        &self.dk
    }

    /// Its manifest, once a peer has shown it.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Whether a peer has shown a head of it.
    pub fn was_met(&self) -> bool {
        self.met
    }

    /// Its histories; the first one is the one that audits take the log for.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// Its histories, to be changed.
    pub fn branches_mut(&mut self) -> impl Iterator<Item = &mut Branch> {
        self.branches.iter_mut()
    }

    /// One of its histories.
    pub fn branch(&self, at: usize) -> Option<&Branch> {
        self.branches.get(at)
    }

    /// One of its histories, to be changed.
    pub fn branch_mut(&mut self, at: usize) -> Option<&mut Branch> {
        self.branches.get_mut(at)
    }

    /// The length at which a peer's log is to be compared with ours, if the peer has `length` blocks in this fork: where we
    /// know the tree hash, and as far up as possible.
    pub fn prefix(&self, fork: u64, length: u64) -> u64 {
        let Some(branch) = self.branches.iter().find(|branch| branch.fork() == fork) else { return length };
        if branch.target() > 0 && branch.target() <= length {
            return branch.target();
        }
        if branch.prefix(length).is_some() || branch.length() == 0 {
            return length;
        }
        branch.length().min(length)
    }

    /// Takes the manifest from an answer, if it is this log's.
    ///
    /// # Errors
    /// When it is another log's, or the archive fails.
    pub fn take_manifest(&mut self, archive: &mut Archive, bytes: &[u8]) -> Result<bool, ArchiveError> {
        let mut reader = crate::hypercore::encoding::Reader::new(bytes);
        let Ok(manifest) = Manifest::read(&mut reader) else { return Ok(false) };
        match manifest.bind(&self.key) {
            Ok(Some(manifest)) => {
                archive.log(&self.key, Some(&manifest))?;
                self.manifest = Some(manifest);
                Ok(true)
            }
            Ok(None) => Ok(true),
            Err(_) => Ok(false),
        }
    }

    /// Reads the head in an answer to a question for `prefix`.
    ///
    /// # Errors
    /// When it proves nothing.
    pub fn read(&self, fork: u64, prefix: u64, data: &Data) -> Result<Shown, AnswerError> {
        let upgrade = data.upgrade.as_ref().filter(|_| data.fork == fork).ok_or(AnswerError::Other)?;
        let shown = Shown::read(&self.key, self.manifest.as_ref(), fork, prefix, upgrade)?;
        let exposed = |branch: &Branch| {
            let here = [(prefix, &shown.there), (shown.head.length(), &shown.whole)];
            here.iter().any(|(length, theirs)| branch.prefix(*length).is_some_and(|ours| ours.exposes(theirs)))
        };
        // The roots are those of a history that is here, and their sizes are not: nodes like that would frame the owner.
        if self.branches.iter().any(exposed) {
            return Err(AnswerError::Sizes);
        }
        Ok(shown)
    }

    /// Stores a head and finds out which history it belongs to. `late`: that could not be said for too long, because the blocks of longer
    /// heads do not come; they are set aside for this one, if it extends what is here.
    ///
    /// # Errors
    /// When the archive fails.
    pub fn meet(&mut self, archive: &mut Archive, shown: &Shown, late: bool) -> Result<Standing, ArchiveError> {
        self.met = true;
        let head = &shown.head;
        let statement = (head.fork(), head.length(), *head.tree_hash());
        if !self.stored.contains(&statement) {
            archive.keep_head(head, Some((shown.prefix, &shown.proof)))?;
            if self.stored.len() >= MAX_STORED {
                self.stored.pop_first();
            }
            self.stored.insert(statement);
        }
        let mut undecided = false;
        // The history whose longer heads may be set aside for this one.
        let mut shorter = None;
        let mut contradicts = false;
        for (at, branch) in self.branches.iter_mut().enumerate().filter(|(_, branch)| branch.fork() == head.fork()) {
            let same = |length, theirs: &Prefix| match branch.prefix(length)?.compare(theirs) {
                Comparison::Same => Some(true),
                Comparison::Different => Some(false),
                Comparison::Undecided => None,
            };
            let there = same(shown.prefix, &shown.there);
            let here = same(head.length(), &shown.whole);
            if let Some(error) = branch.take_error() {
                return Err(error);
            }
            let first = branch.length() == 0;
            // All that is here must be a part of theirs.
            let may_yield = (first || (there == Some(true) && shown.prefix >= branch.length())).then_some(at);
            match (there, here) {
                (_, Some(true)) => {
                    branch.adopt(shown);
                    return Ok(Standing::On(at));
                }
                (Some(true), None) if shown.prefix >= branch.target() => {
                    branch.adopt(shown);
                    return Ok(Standing::On(at));
                }
                (_, Some(false)) | (Some(false), None) => contradicts = true,
                // Nothing is held of it yet: any head may be its first.
                (None, None) if first && branch.target() == 0 => {
                    branch.adopt(shown);
                    return Ok(Standing::On(at));
                }
                // Between the prefix and what is known to be signed it could be another history.
                (Some(true) | None, None) => {
                    undecided = true;
                    shorter = shorter.or(may_yield);
                }
            }
        }
        if undecided {
            let shorter = shorter.filter(|_| late).and_then(|at| Some((at, self.branches.get_mut(at)?)));
            let Some((at, branch)) = shorter else { return Ok(Standing::Undecided) };
            branch.yield_to(shown);
            return Ok(Standing::Instead(at));
        }
        if self.branches.len() >= MAX_BRANCHES {
            return Ok(Standing::TooMany);
        }
        let history = archive.new_history(self.id, head.fork())?;
        let mut branch = Branch::new(archive.writer(self.id, history)?, None);
        branch.adopt(shown);
        self.branches.push(branch);
        Ok(Standing::New(self.branches.len().saturating_sub(1), contradicts))
    }

    /// Heads that were set aside and turn out to be of another history, now that as much of ours is here.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn settle(&mut self) -> Result<Vec<SignedHead>, ArchiveError> {
        let mut other = Vec::new();
        for branch in &mut self.branches {
            other.append(&mut branch.settle());
            if let Some(error) = branch.take_error() {
                return Err(error);
            }
        }
        Ok(other)
    }

    /// Commits what should be. Returns the histories of which more is served than before.
    ///
    /// # Errors
    /// When the archive fails.
    pub fn commit(&mut self, archive: &mut Archive, all: bool) -> Result<Vec<usize>, ArchiveError> {
        let mut more = Vec::new();
        for (at, branch) in self.branches.iter_mut().enumerate() {
            let any = branch.length() > branch.log().committed();
            if (branch.should_commit() || (all && any)) && branch.commit(archive)? {
                more.push(at);
            }
        }
        Ok(more)
    }
}

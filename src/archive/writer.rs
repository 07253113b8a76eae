//! Writing one history of a log.
//!
//! What was appended can be read at once. It is in memory (a bounded tail) or in the files, and counts once
//! [`super::Archive::commit`] has said so: files first, then the row. Whatever follows the committed length in the files
//! is left over from before and is cut off when a history is opened for writing.
//!
//! A writer is trusted: it verifies no signatures of its own. It takes heads only as [`SignedHead`]s, and only if they
//! are about exactly the blocks that it has.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::ImportError;
use super::append::AppendFile;
use super::core::lock;
use super::nodes::{Layout, NODE, read_node, records, write_node};
use super::sql::HistoryRow;
use super::store::{ArchiveError, Lease, LogId};
use crate::crash;
use crate::hyperbee::{Block, Blocks};
use crate::hypercore::flat::{self, Subtree};
use crate::hypercore::{self, Key, Node, Nodes, Roots, SignedHead};

/// Where the first of so many blocks begins is remembered: otherwise each read adds up nodes from all over the tree's file.
const GROUP: u64 = 64;

/// One history of a log, open for appending. There is at most one writer of a history.
#[derive(Debug)]
pub struct LogWriter {
    pub(super) lease: Lease,
    key: Key,
    fork: u64,
    blocks: AppendFile,
    tree: AppendFile,
    roots: Roots,
    // Offsets of the groups that this writer began, and the first one's number.
    offsets: Vec<u64>,
    known_from: u64,
    pub(super) committed: u64,
    pub(super) staged: Vec<SignedHead>,
    error: Mutex<Option<ImportError>>,
}

impl LogWriter {
    pub(super) fn open(lease: Lease, key: Key, dir: &Path, row: &HistoryRow) -> Result<LogWriter, ArchiveError> {
        let files = Files::of(dir);
        if row.length == 0 {
            super::store::create_dirs(dir)?;
        }
        let pool = &lease.shared.pool;
        let blocks = AppendFile::open(pool, &files.blocks, row.bytes)?;
        let tree = AppendFile::open(pool, &files.tree, records(row.length).saturating_mul(NODE))?;
        if row.length == 0 {
            super::store::sync_dir(dir)?;
            crash::point("history-files");
        }
        let mut writer = LogWriter {
            lease,
            key,
            fork: row.fork,
            blocks,
            tree,
            roots: Roots::new(),
            offsets: Vec::new(),
            known_from: row.length.div_ceil(GROUP),
            committed: row.length,
            staged: Vec::new(),
            error: Mutex::default(),
        };
        let nodes = flat::roots(row.length).map(|at| writer.stored(at)).collect::<Result<Vec<_>, _>>()?;
        writer.roots = Roots::from_nodes(row.length, &nodes).map_err(|e| ImportError::new(&files.tree, None, e))?;
        if writer.roots.byte_length() != row.bytes {
            let reason = "the tree's roots have other sizes than the committed blocks";
            return Err(ImportError::new(&files.tree, None, reason).into());
        }
        Ok(writer)
    }

    /// The log.
    pub fn log(&self) -> LogId {
        self.lease.log
    }

    /// The log's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The number of the history.
    pub fn history(&self) -> u64 {
        self.lease.history
    }

    /// The history's fork.
    pub fn fork(&self) -> u64 {
        self.fork
    }

    /// The full roots over all blocks appended so far: their hash is what the owner signs next.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Blocks that the last commit covers.
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// Appends blocks, in memory or in the files; [`super::Archive::commit`] makes them last.
    ///
    /// # Errors
    /// When a file cannot be written, or the log is too long. The blocks before the one that failed are appended:
    /// [`Blocks::length`] says how many there are now.
    pub fn append<B: AsRef<[u8]>>(&mut self, blocks: impl IntoIterator<Item = B>) -> Result<(), ArchiveError> {
        for block in blocks {
            if self.blocks.is_full() {
                self.blocks.flush()?;
                crash::point("flush-blocks");
            }
            if self.tree.is_full() {
                self.tree.flush()?;
                crash::point("flush-tree");
            }
            let block = block.as_ref();
            let next = self.known_from.saturating_add(self.offsets.len() as u64).saturating_mul(GROUP);
            if self.roots.length() == next {
                self.offsets.push(self.blocks.length());
            }
            let tree = &mut self.tree;
            self.roots.grow(hypercore::leaf(block), |_, node| tree.push(&write_node(&node)))?;
            self.blocks.push(block);
        }
        Ok(())
    }

    /// Takes a head of this history, to be written with the next commit.
    ///
    /// # Errors
    /// [`ArchiveError::OtherHead`] unless it is of this log, fork, and of the blocks that are here.
    pub fn stage_head(&mut self, head: SignedHead) -> Result<(), ArchiveError> {
        let ours = *head.key() == self.key && head.fork() == self.fork;
        let roots =
            if head.length() == self.roots.length() { Some(self.roots.clone()) } else { self.roots_at(head.length()) };
        // By the tree hash, sizes and all: a reader looks the head up by that of the blocks.
        if !ours || roots.is_none_or(|roots| roots.tree_hash() != *head.tree_hash()) {
            // A file that cannot be read is no other head.
            return Err(self.take_error().map_or(ArchiveError::OtherHead { length: head.length() }, Into::into));
        }
        self.staged.push(head);
        Ok(())
    }

    /// The first read that failed since the last call.
    pub fn take_error(&self) -> Option<ImportError> {
        lock(&self.error).take()
    }

    pub(super) fn sync(&mut self) -> Result<(), ImportError> {
        self.blocks.sync()?;
        crash::point("commit-blocks");
        self.tree.sync()
    }

    fn stored(&self, at: Subtree) -> Result<Node, ImportError> {
        let offset = Layout::Completion.record(at).and_then(|record| record.checked_mul(NODE));
        let missing = || ImportError::new(self.tree.path(), offset, "a node of the tree is missing");
        let bytes = self.tree.read(offset.ok_or_else(missing)?, NODE)?;
        read_node(&bytes).ok_or_else(missing)
    }

    fn read(&self, seq: u64) -> Result<Block, ImportError> {
        // What lies before a block is what the subtrees up to there sum up.
        let group = seq / GROUP;
        let known = group.checked_sub(self.known_from).and_then(|at| self.offsets.get(usize::try_from(at).ok()?));
        let (from, before) = known.map_or((0, 0), |offset| (group.saturating_mul(GROUP), *offset));
        let sizes = flat::extension(from, seq).map(|at| self.stored(at).map(|node| node.size));
        let offset = sizes.sum::<Result<u64, _>>()?.saturating_add(before);
        Ok(self.blocks.read(offset, self.stored(Subtree::leaf(seq))?.size)?.into())
    }

    fn noted<T>(&self, result: Result<T, ImportError>) -> Option<T> {
        result
            .map_err(|e| {
                lock(&self.error).get_or_insert(e);
            })
            .ok()
    }
}

/// Everything appended so far, committed or not. These are the writer's own bytes, not checked against a head.
impl Blocks for LogWriter {
    fn length(&self) -> u64 {
        self.roots.length()
    }

    fn block(&self, seq: u64) -> Option<Block> {
        if seq >= self.roots.length() { None } else { self.noted(self.read(seq)) }
    }
}

/// The tree over everything appended so far.
impl Nodes for LogWriter {
    fn length(&self) -> u64 {
        self.roots.length()
    }

    fn node(&self, at: Subtree) -> Option<Node> {
        if at.end() > self.roots.length() { None } else { self.noted(self.stored(at)) }
    }
}

/// The two files of a history.
pub(super) struct Files {
    pub blocks: PathBuf,
    pub tree: PathBuf,
}

impl Files {
    pub fn of(dir: &Path) -> Files {
        Files { blocks: dir.join("blocks"), tree: dir.join("tree") }
    }
}

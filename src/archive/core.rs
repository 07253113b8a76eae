//! One log of a store, opened read-only.
//!
//! Opening ([`super::opening`], [`super::reader`]) checks the newest head's signature over the roots. Blocks are checked
//! when the first one is asked for ([`Core::check_all`]): all that are there, against the head. What a later read returns
//! is compared with the fingerprint of what was authenticated then ([`Checked`]), so that a file which changes meanwhile
//! yields nothing instead of other bytes; [`Core::take_error`] says what happened. Blocks that somebody authenticated
//! before ([`Core::spare`]) are not checked in advance, but each along its path in the tree whenever it is read.
//!
//! Older heads that are still on disk are kept if their signature verifies, whatever tree they were of: a signature is a
//! signature. If it does not verify they are ignored: leftovers accuse nobody.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::check::{Checked, Walk};
use super::files::{StoreFile, Window};
use super::nodes::StoredNodes;
use super::opening::MAX_BITFIELD;
use super::presence::Claims;
use super::{ImportError, oplog};
use crate::hyperbee::{Block, Blocks};
use crate::hypercore::flat::Subtree;
use crate::hypercore::views::View;
use crate::hypercore::{self, Hash, Key, Manifest, Node, Nodes, Roots, SignedHead};

/// Of a log that grows while it is read, so many heads are kept at hand: all but the newest are prefixes of it.
const MAX_HEADS: usize = 65;

/// One log.
#[derive(Debug)]
pub struct Core {
    files: Files,
    key: Key,
    manifest: Option<Manifest>,
    discovery_key: Hash,
    // The newest head first; without it (nothing was ever signed) only older ones.
    heads: Vec<SignedHead>,
    signed: bool,
    fork: u64,
    roots: Roots,
    presence: Presence,
    nodes: Mutex<StoredNodes>,
    /// Blocks below are not checked before they are read.
    spared: u64,
    checked: OnceLock<Result<(Checked, Option<StoreFile>), ImportError>>,
    window: Mutex<Window>,
    error: Mutex<Option<ImportError>>,
}

/// Where a log's bytes are.
#[derive(Debug)]
pub(super) struct Files {
    /// The store's directory, a canonical path; nothing outside of it is read.
    pub root: PathBuf,
    /// The log's directory.
    pub dir: PathBuf,
    /// The Merkle tree.
    pub tree: PathBuf,
    /// The blocks, one after the other.
    pub data: PathBuf,
    /// Bytes of `data` that are the log's, where more may follow that are not.
    pub bytes: u64,
}

/// Which blocks the store says it has.
#[derive(Debug)]
pub(super) enum Presence {
    /// A bitfield file, and changes that are not yet in it.
    Bitfield(PathBuf, Vec<oplog::Presence>),
    /// All.
    All,
}

/// What the two kinds of stores have in common: all that is known of a log before its blocks are read.
pub(super) struct Parts {
    pub files: Files,
    pub key: Key,
    pub manifest: Option<Manifest>,
    /// The newest first.
    pub heads: Vec<SignedHead>,
    pub fork: u64,
    /// As the newest head signed them.
    pub roots: Roots,
    pub presence: Presence,
    pub nodes: StoredNodes,
}

impl Core {
    pub(super) fn new(parts: Parts) -> Core {
        let Parts { files, key, manifest, heads, fork, roots, presence, nodes } = parts;
        Core {
            files,
            key,
            manifest,
            discovery_key: hypercore::discovery_key(&key),
            signed: heads.first().is_some_and(|head| {
                (head.fork(), head.length(), *head.tree_hash()) == (fork, roots.length(), roots.tree_hash())
            }),
            heads,
            fork,
            roots,
            presence,
            nodes: Mutex::new(nodes),
            spared: 0,
            checked: OnceLock::new(),
            window: Mutex::default(),
            error: Mutex::default(),
        }
    }

    /// Goes on with the same history, of which more is signed now. Only what is new of it is read and checked, if the rest
    /// was.
    pub(super) fn extend(&mut self, parts: Parts) -> Result<(), ImportError> {
        let mut newer = Core::new(parts);
        let before = self.checked.take();
        newer.spared = self.spared;
        let known = newer.heads.len();
        newer.heads.extend(self.heads.drain(..).take(MAX_HEADS.saturating_sub(known)));
        if let Some(Ok((mut checked, _))) = before {
            let (claims, data) = (newer.claims()?, newer.data()?);
            newer.walk(data.as_ref(), |walk| walk.more(&self.roots, &newer.roots, &claims, &mut checked))?;
            newer.checked = OnceLock::from(Ok((checked, data)));
        }
        *self = newer;
        Ok(())
    }

    /// The log's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The log's manifest, where its key is a manifest's hash.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// The log's name where its key must not be known.
    pub fn discovery_key(&self) -> &Hash {
        &self.discovery_key
    }

    /// The log's directory.
    pub fn dir(&self) -> &Path {
        &self.files.dir
    }

    /// Every head of this log on disk whose signature verified, the newest first.
    pub fn heads(&self) -> &[SignedHead] {
        &self.heads
    }

    /// Whether its newest head shows that the log's owner wrote it: somebody signed it, and the signature says of which log.
    pub fn is_attributed(&self) -> bool {
        self.head().is_none_or(SignedHead::names_its_log)
    }

    /// The newest head, which all blocks are checked against. `None` if the log is empty and always was.
    pub fn head(&self) -> Option<&SignedHead> {
        self.heads.first().filter(|_| self.signed)
    }

    /// Number of blocks, here or not.
    pub fn length(&self) -> u64 {
        self.roots.length()
    }

    /// What this store has of the log, to be compared with what others have ([`hypercore::views::conflicts`]).
    pub fn view(&self) -> View<'_> {
        View { heads: &self.heads, tree: self }
    }

    /// How often the log was truncated.
    pub fn fork(&self) -> u64 {
        self.fork
    }

    /// Does not check the blocks below `length` in advance: they were authenticated by an earlier process. To be said before
    /// anything is read.
    pub fn spare(&mut self, length: u64) {
        self.spared = length;
    }

    /// Number of blocks that are here, spared ones not counted. Fewer than [`Core::length`] if the log was downloaded in part.
    pub fn available(&self) -> Result<u64, ImportError> {
        self.checked().map(|(checked, _)| checked.count())
    }

    /// Checks every block that is here and not spared against the head, once: later calls return the same answer.
    pub fn check_all(&self) -> Result<(), ImportError> {
        self.checked().map(drop)
    }

    /// One block, checked by itself along its path in the tree: for a look at a log that is not read otherwise.
    pub fn peek(&self, seq: u64) -> Result<Option<Block>, ImportError> {
        if let (true, Some(Ok(checked))) = (seq >= self.spared, self.checked.get()) {
            return self.read_checked(seq, checked);
        }
        self.read_alone(seq, self.data()?.as_ref())
    }

    fn read_alone(&self, seq: u64, data: Option<&StoreFile>) -> Result<Option<Block>, ImportError> {
        let found = self.walk(data, |walk| walk.descend(&self.roots, Subtree::leaf(seq)))?;
        let there = data.map_or(0, StoreFile::length);
        let inside = |(node, offset): &(Node, u64)| offset.checked_add(node.size).is_some_and(|end| end <= there);
        if let Some((node, offset)) = found.filter(inside) {
            return self.read((offset, node.size), data, |bytes| hypercore::leaf(bytes) == node).map(Some);
        }
        if self.claims()?.contains(seq) {
            // The whole check knows what is damaged.
            self.check(0)?;
        }
        Ok(None)
    }

    /// The first thing that went wrong while blocks were read, since the last call.
    pub fn take_error(&self) -> Option<ImportError> {
        lock(&self.error).take()
    }

    fn checked(&self) -> Result<&(Checked, Option<StoreFile>), ImportError> {
        self.checked.get_or_init(|| self.check(self.spared)).as_ref().map_err(Clone::clone)
    }

    fn claims(&self) -> Result<Claims, ImportError> {
        let length = self.roots.length();
        let Presence::Bitfield(path, changes) = &self.presence else { return Ok(Claims::all(length)) };
        let bits = match StoreFile::open(&self.files.root, path)? {
            Some(file) => file.read_up_to(length.div_ceil(8).min(MAX_BITFIELD))?,
            None => Vec::new(),
        };
        Ok(Claims::new(bits, changes, length))
    }

    fn data(&self) -> Result<Option<StoreFile>, ImportError> {
        let file = StoreFile::open(&self.files.root, &self.files.data)?;
        Ok(file.map(|file| file.up_to(self.files.bytes)))
    }

    fn check(&self, from: u64) -> Result<(Checked, Option<StoreFile>), ImportError> {
        // Without the roots there the tree is damaged, and the whole check says where.
        let before = self.roots_at(from.min(self.roots.length())).unwrap_or_default();
        let claims = self.claims()?;
        let data = self.data()?;
        let mut checked = Checked::default();
        self.walk(data.as_ref(), |walk| walk.more(&before, &self.roots, &claims, &mut checked))?;
        Ok((checked, data))
    }

    fn walk<T>(
        &self,
        data: Option<&StoreFile>,
        go: impl FnOnce(&mut Walk<'_>) -> Result<T, ImportError>,
    ) -> Result<T, ImportError> {
        go(&mut Walk {
            nodes: &mut lock(&self.nodes),
            data,
            window: &mut lock(&self.window),
            tree_path: &self.files.tree,
            data_path: &self.files.data,
        })
    }

    /// Bytes of the data file that `is_block` recognises as the block that was signed.
    fn read(
        &self,
        (offset, size): (u64, u64),
        data: Option<&StoreFile>,
        is_block: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Block, ImportError> {
        let mut bytes = Vec::new();
        let fail = |reason| ImportError::new(&self.files.data, offset, reason);
        let length = usize::try_from(size).ok();
        length.and_then(|length| bytes.try_reserve_exact(length).ok()).ok_or_else(|| fail("a block is too large"))?;
        if size > 0 {
            let data = data.ok_or_else(|| fail("the file is missing"))?;
            lock(&self.window).read(data, offset, size, |piece| bytes.extend_from_slice(piece))?;
        }
        if !is_block(&bytes) {
            return Err(fail("a block is not the one that was signed"));
        }
        Ok(bytes.into())
    }

    fn read_checked(
        &self,
        seq: u64,
        (checked, data): &(Checked, Option<StoreFile>),
    ) -> Result<Option<Block>, ImportError> {
        let Some(leaf) = checked.get(seq) else { return Ok(None) };
        self.read((leaf.offset, leaf.size), data.as_ref(), |bytes| checked.knows(&leaf, bytes)).map(Some)
    }

    fn noted<T: Default>(&self, result: Result<T, ImportError>) -> T {
        result.unwrap_or_else(|e| {
            lock(&self.error).get_or_insert(e);
            T::default()
        })
    }
}

/// The lock's data are caches and a note: whole after any panic elsewhere.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Block reads are checked; a block that cannot be read *any more* is absent, and [`Core::take_error`] says why.
impl Blocks for Core {
    fn length(&self) -> u64 {
        self.roots.length()
    }

    fn block(&self, seq: u64) -> Option<Block> {
        self.noted(self.checked().and_then(|checked| match seq < self.spared {
            true => self.read_alone(seq, checked.1.as_ref()),
            false => self.read_checked(seq, checked),
        }))
    }
}

/// The nodes of the newest head's tree, their hashes checked along their paths when they are asked for.
impl Nodes for Core {
    fn length(&self) -> u64 {
        self.roots.length()
    }

    fn node(&self, at: Subtree) -> Option<Node> {
        if at.end() > self.roots.length() {
            return None;
        }
        let found = self.walk(None, |walk| walk.descend(&self.roots, at));
        self.noted(found.map(|found| found.map(|(node, _)| node)))
    }

    fn block_bytes(&self, block: u64) -> Option<Vec<u8>> {
        self.block(block).map(|bytes| bytes.to_vec())
    }
}

//! One log of a store, opened read-only.
//!
//! Opening reads the oplog file and the roots, and checks the newest head's signature over them. Blocks are checked when
//! the first one is asked for ([`Core::check_all`]): all that are there, against the head. What a later read returns is
//! hashed again and compared with the leaf that was authenticated then, so that a file which changes meanwhile yields
//! nothing instead of other bytes; [`Core::take_error`] says what happened.
//!
//! Older heads that are still on disk (the other header slot, entries before the last) are kept if their signature
//! verifies, whatever tree they were of: a signature is a signature. If it does not verify they are ignored: leftovers
//! accuse nobody.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::check::{Checked, Leaf, Walk};
use super::files::{StoreFile, Window};
use super::nodes::StoredNodes;
use super::oplog::{self, Header, Oplog};
use super::presence::Claims;
use super::{ImportError, hex};
use crate::hyperbee::{Block, Blocks};
use crate::hypercore::flat::{self, Subtree};
use crate::hypercore::views::View;
use crate::hypercore::{self, Hash, HeadClaim, Key, MAX_LENGTH, Manifest, Node, Nodes, Roots, SignedHead};

/// Oplog files are at most this large. Hypercore empties them at 64 KiB; one append of a million blocks makes 80 MiB.
const MAX_OPLOG: u64 = 256 << 20;
/// Bitfield files are at most this large: a thousand million blocks.
const MAX_BITFIELD: u64 = 128 << 20;
/// Of the heads in entries before the last one, only so many are verified.
const MAX_OLD_HEADS: usize = 64;

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
    changes: Vec<oplog::Presence>,
    nodes: Mutex<StoredNodes>,
    checked: OnceLock<Result<(Checked, Option<StoreFile>), ImportError>>,
    window: Mutex<Window>,
    error: Mutex<Option<ImportError>>,
}

#[derive(Debug)]
struct Files {
    root: PathBuf,
    oplog: PathBuf,
    tree: PathBuf,
    bitfield: PathBuf,
    data: PathBuf,
}

impl Core {
    /// Opens the log in directory `dir`, which lies in the store at `root` (a canonical path).
    pub(crate) fn open(root: &Path, dir: &Path) -> Result<Core, ImportError> {
        let files = Files {
            root: root.to_owned(),
            oplog: dir.join("oplog"),
            tree: dir.join("tree"),
            bitfield: dir.join("bitfield"),
            data: dir.join("data"),
        };
        let file = StoreFile::open(root, &files.oplog)?;
        let file = file.ok_or_else(|| ImportError::new(&files.oplog, None, "the file is missing"))?;
        if file.length() > MAX_OPLOG {
            return Err(file.error(None, "it is larger than an oplog file can be"));
        }
        let oplog = oplog::parse(&file.read_up_to(MAX_OPLOG)?).map_err(|e| file.error(e.offset, e.reason))?;
        drop(file);

        let key = oplog.header.key;
        let discovery_key = hypercore::discovery_key(&key);
        if dir.file_name().and_then(|name| name.to_str()) != Some(hex(&discovery_key).as_str()) {
            let reason = "the key does not belong to the name of the directory";
            return Err(ImportError::new(&files.oplog, oplog.header.offset, reason));
        }
        let bind = |header: &Header| header.manifest.clone().map_or(Ok(None), |manifest| manifest.bind(&key));
        let manifest = bind(&oplog.header).map_err(|e| ImportError::new(&files.oplog, oplog.header.offset, e))?;
        let mut nodes = StoredNodes::new(StoreFile::open(root, &files.tree)?);
        let opening = Opening { files: &files, key, manifest: manifest.as_ref() };
        let (fork, roots, heads) = opening.heads(&oplog, &mut nodes)?;
        let changes: Vec<_> = oplog.entries.iter().filter_map(|entry| entry.presence).collect();
        if oplog.lone {
            opening.nothing_lost(&oplog, roots.length(), &changes)?;
        }
        Ok(Core {
            files,
            key,
            manifest,
            discovery_key,
            signed: heads.first().is_some_and(|head| {
                (head.fork(), head.length(), *head.tree_hash()) == (fork, roots.length(), roots.tree_hash())
            }),
            heads,
            fork,
            roots,
            changes,
            nodes: Mutex::new(nodes),
            checked: OnceLock::new(),
            window: Mutex::default(),
            error: Mutex::default(),
        })
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
        self.files.oplog.parent().unwrap_or(&self.files.root)
    }

    /// Every head of this log on disk whose signature verified, the newest first.
    pub fn heads(&self) -> &[SignedHead] {
        &self.heads
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

    /// Number of blocks that are here. Fewer than [`Core::length`] if the log was downloaded in part.
    pub fn available(&self) -> Result<u64, ImportError> {
        self.checked().map(|(checked, _)| checked.count())
    }

    /// Checks every block that is here against the head, once: later calls return the same answer.
    pub fn check_all(&self) -> Result<(), ImportError> {
        self.checked().map(drop)
    }

    /// One block, checked by itself along its path in the tree: for a look at a log that is not read otherwise.
    pub fn peek(&self, seq: u64) -> Result<Option<Block>, ImportError> {
        if let Some(Ok((checked, data))) = self.checked.get() {
            return checked.get(seq).map(|leaf| self.read(leaf, data.as_ref())).transpose();
        }
        let data = StoreFile::open(&self.files.root, &self.files.data)?;
        let found = self.walk(data.as_ref(), |walk| walk.descend(&self.roots, Subtree::leaf(seq)))?;
        let there = data.as_ref().map_or(0, StoreFile::length);
        let inside = |(node, offset): &(Node, u64)| offset.checked_add(node.size).is_some_and(|end| end <= there);
        if let Some((node, offset)) = found.filter(inside) {
            return self.read(Leaf { offset, node }, data.as_ref()).map(Some);
        }
        if self.claims()?.contains(seq) {
            // The whole check knows what is damaged.
            self.check_all()?;
        }
        Ok(None)
    }

    /// The first thing that went wrong while blocks were read, since the last call.
    pub fn take_error(&self) -> Option<ImportError> {
        lock(&self.error).take()
    }

    fn checked(&self) -> Result<&(Checked, Option<StoreFile>), ImportError> {
        self.checked.get_or_init(|| self.check()).as_ref().map_err(Clone::clone)
    }

    fn claims(&self) -> Result<Claims, ImportError> {
        let bits = match StoreFile::open(&self.files.root, &self.files.bitfield)? {
            Some(file) => file.read_up_to(self.roots.length().div_ceil(8).min(MAX_BITFIELD))?,
            None => Vec::new(),
        };
        Ok(Claims::new(bits, &self.changes, self.roots.length()))
    }

    fn check(&self) -> Result<(Checked, Option<StoreFile>), ImportError> {
        let claims = self.claims()?;
        let data = StoreFile::open(&self.files.root, &self.files.data)?;
        let checked = self.walk(data.as_ref(), |walk| walk.all(&self.roots, &claims))?;
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

    fn read(&self, leaf: Leaf, data: Option<&StoreFile>) -> Result<Block, ImportError> {
        let size = usize::try_from(leaf.node.size).ok();
        let mut bytes = Vec::new();
        let fail = |reason| ImportError::new(&self.files.data, leaf.offset, reason);
        size.and_then(|size| bytes.try_reserve_exact(size).ok()).ok_or_else(|| fail("a block is too large"))?;
        if leaf.node.size > 0 {
            let data = data.ok_or_else(|| fail("the file is missing"))?;
            let mut window = lock(&self.window);
            window.read(data, leaf.offset, leaf.node.size, |piece| bytes.extend_from_slice(piece))?;
        }
        if hypercore::leaf(&bytes) != leaf.node {
            return Err(fail("a block is not the one that was signed"));
        }
        Ok(bytes.into())
    }

    fn noted<T: Default>(&self, result: Result<T, ImportError>) -> T {
        result.unwrap_or_else(|e| {
            lock(&self.error).get_or_insert(e);
            T::default()
        })
    }
}

/// The lock's data are caches and a note: whole after any panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Block reads are checked; a block that cannot be read *any more* is absent, and [`Core::take_error`] says why.
impl Blocks for Core {
    fn length(&self) -> u64 {
        self.roots.length()
    }

    fn block(&self, seq: u64) -> Option<Block> {
        let read = self
            .checked()
            .and_then(|(checked, data)| checked.get(seq).map(|leaf| self.read(leaf, data.as_ref())).transpose());
        self.noted(read)
    }
}

/// The nodes of the newest head's tree, each checked along its path when it is asked for.
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
}

struct Opening<'a> {
    files: &'a Files,
    key: Key,
    manifest: Option<&'a Manifest>,
}

impl Opening<'_> {
    /// Fork, roots and heads after all entries. `nodes` gets the entries' nodes.
    fn heads(&self, oplog: &Oplog, nodes: &mut StoredNodes) -> Result<(u64, Roots, Vec<SignedHead>), ImportError> {
        let mut old = Vec::new();
        // Entries that the newest header already includes: their nodes are in the tree file by now.
        for upgrade in oplog.stale.iter().rev().take(MAX_OLD_HEADS).filter_map(|entry| entry.upgrade.as_ref()) {
            let roots = self.roots(nodes, upgrade.length).ok();
            old.extend(roots.and_then(|roots| self.head(upgrade.fork, roots.tree_hash(), &roots, &upgrade.signature)));
        }
        let header = &oplog.header.tree;
        let (mut fork, mut length, mut signature) = (header.fork, header.length, &header.signature);
        let mut root_hash = header.root_hash;
        let mut place = oplog.header.offset;
        let last = oplog.entries.iter().rposition(|entry| entry.upgrade.is_some());
        if last.is_some() {
            // The header itself is an older head then.
            old.extend(self.old_state(header, nodes));
        }
        for (i, entry) in oplog.entries.iter().enumerate() {
            nodes.apply(entry);
            let Some(upgrade) = &entry.upgrade else { continue };
            (fork, length, signature) = (upgrade.fork, upgrade.length, &upgrade.signature);
            (root_hash, place) = (None, entry.offset);
            let distance = last.map_or(0, |last| last.saturating_sub(i));
            if (1..=MAX_OLD_HEADS).contains(&distance) {
                let roots = self.roots(nodes, length).ok();
                old.extend(roots.and_then(|roots| self.head(fork, roots.tree_hash(), &roots, signature)));
            }
        }
        if let Some(older) = &oplog.older {
            old.extend(self.old_state(&older.tree, nodes));
        }

        let roots = self.roots(nodes, length)?;
        let mut heads = Vec::new();
        if length > 0 || !signature.is_empty() {
            if root_hash.is_some_and(|hash| hash != roots.tree_hash()) {
                let reason = "the tree's roots are not those that the header names";
                return Err(ImportError::new(&self.files.tree, None, reason));
            }
            let head = self.claim(fork, roots.tree_hash(), length, &roots, signature).verify();
            heads.push(head.map_err(|e| ImportError::new(&self.files.oplog, place, format!("its signed head: {e}")))?);
        }
        for head in old.into_iter().rev() {
            if !heads.iter().any(|known: &SignedHead| known.same_statement(&head)) {
                heads.push(head);
            }
        }
        Ok((fork, roots, heads))
    }

    /// A head of the past, by the tree hash that its header names, or else by the tree as it is now.
    fn old_state(&self, state: &oplog::TreeState, nodes: &mut StoredNodes) -> Option<SignedHead> {
        let roots = self.roots(nodes, state.length).ok();
        let now = roots.as_ref().map(Roots::tree_hash);
        let hash = state.root_hash.or(now)?;
        let roots = roots.filter(|_| now == Some(hash)).unwrap_or_default();
        self.claim(state.fork, hash, state.length, &roots, &state.signature).verify().ok()
    }

    fn head(&self, fork: u64, tree_hash: Hash, roots: &Roots, signature: &[u8]) -> Option<SignedHead> {
        self.claim(fork, tree_hash, roots.length(), roots, signature).verify().ok()
    }

    fn claim(&self, fork: u64, tree_hash: Hash, length: u64, roots: &Roots, signature: &[u8]) -> HeadClaim {
        let mut claim = HeadClaim::by_public_key(self.key, fork, length, tree_hash, signature);
        claim.manifest = self.manifest.cloned();
        if claim.needs_roots() {
            claim.roots = roots.nodes().to_vec();
        }
        claim
    }

    /// The full roots as stored, unverified.
    fn roots(&self, nodes: &mut StoredNodes, length: u64) -> Result<Roots, ImportError> {
        let mut roots = Vec::new();
        for at in flat::roots(length) {
            let offset = at.index().checked_mul(super::nodes::NODE);
            let node = nodes.get(at)?;
            roots
                .push(node.ok_or_else(|| ImportError::new(&self.files.tree, offset, "a root of the tree is missing"))?);
        }
        Roots::from_nodes(length, &roots).map_err(|e| ImportError::new(&self.files.tree, None, e))
    }

    /// With one readable header only, the other one may have been the newest. Then bitfield and tree, which are written
    /// before the header, know of blocks beyond the head.
    fn nothing_lost(&self, oplog: &Oplog, length: u64, changes: &[oplog::Presence]) -> Result<(), ImportError> {
        let mut lost = false;
        if let Some(file) = StoreFile::open(&self.files.root, &self.files.bitfield)? {
            if file.length() > MAX_BITFIELD {
                return Err(file.error(None, "it is larger than a bitfield file can be"));
            }
            let claims = Claims::new(file.read_up_to(MAX_BITFIELD)?, changes, MAX_LENGTH);
            lost |= claims.first(length..MAX_LENGTH).is_some();
        }
        if let Some(file) = StoreFile::open(&self.files.root, &self.files.tree)? {
            // The last node of a log of n blocks has index 2n - 2.
            let end = length.saturating_mul(2).saturating_sub(1).saturating_mul(super::nodes::NODE);
            lost |= file.length() > end;
        }
        if !lost {
            return Ok(());
        }
        let other = if oplog.header.offset == 0 { 4096 } else { 0 };
        let reason = "the newest header is damaged: the other one is older than the rest of the log";
        Err(ImportError::new(&self.files.oplog, other, reason))
    }
}

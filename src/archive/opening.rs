//! Opening a log as Hypercore 10 keeps it: oplog, roots, heads, and whether anything is lost.

use std::path::Path;

use super::core::{Files, Parts, Presence};
use super::files::StoreFile;
use super::nodes::{Layout, NODE, StoredNodes};
use super::oplog::{self, Header, Oplog};
use super::presence::Claims;
use super::{Core, ImportError, hex};
use crate::hypercore::{self, Hash, HeadClaim, Key, MAX_LENGTH, Manifest, Roots, SignedHead};

/// Oplog files are at most this large. Hypercore empties them at 64 KiB; one append of a million blocks makes 80 MiB.
const MAX_OPLOG: u64 = 256 << 20;
/// Bitfield files are at most this large: a thousand million blocks.
pub(super) const MAX_BITFIELD: u64 = 128 << 20;
/// Of the heads in entries before the last one, only so many are verified.
const MAX_OLD_HEADS: usize = 64;

impl Core {
    /// Opens the log in directory `dir`, which lies in the store at `root` (a canonical path).
    pub(crate) fn open(root: &Path, dir: &Path) -> Result<Core, ImportError> {
        let (path, tree) = (dir.join("oplog"), dir.join("tree"));
        let bitfield = dir.join("bitfield");
        let file = StoreFile::open(root, &path)?;
        let file = file.ok_or_else(|| ImportError::new(&path, None, "the file is missing"))?;
        if file.length() > MAX_OPLOG {
            return Err(file.error(None, "it is larger than an oplog file can be"));
        }
        let oplog = oplog::parse(&file.read_up_to(MAX_OPLOG)?).map_err(|e| file.error(e.offset, e.reason))?;
        drop(file);

        let key = oplog.header.key;
        let discovery_key = hypercore::discovery_key(&key);
        if dir.file_name().and_then(|name| name.to_str()) != Some(hex(&discovery_key).as_str()) {
            let reason = "the key does not belong to the name of the directory";
            return Err(ImportError::new(&path, oplog.header.offset, reason));
        }
        let bind = |header: &Header| header.manifest.clone().map_or(Ok(None), |manifest| manifest.bind(&key));
        let manifest = bind(&oplog.header).map_err(|e| ImportError::new(&path, oplog.header.offset, e))?;
        let mut nodes = StoredNodes::new(Layout::Flat, StoreFile::open(root, &tree)?);
        let opening =
            Opening { root, oplog: &path, tree: &tree, bitfield: &bitfield, key, manifest: manifest.as_ref() };
        let (fork, roots, heads) = opening.heads(&oplog, &mut nodes)?;
        let changes: Vec<_> = oplog.entries.iter().filter_map(|entry| entry.presence).collect();
        if oplog.lone {
            opening.nothing_lost(&oplog, roots.length(), &changes)?;
        }
        let files = Files { root: root.to_owned(), dir: dir.to_owned(), tree, data: dir.join("data"), bytes: u64::MAX };
        let presence = Presence::Bitfield(bitfield, changes);
        Ok(Core::new(Parts { files, key, manifest, heads, fork, roots, presence, nodes }))
    }
}

struct Opening<'a> {
    root: &'a Path,
    oplog: &'a Path,
    tree: &'a Path,
    bitfield: &'a Path,
    key: Key,
    manifest: Option<&'a Manifest>,
}

impl Opening<'_> {
    /// Fork, roots and heads after all entries. `nodes` gets the entries' nodes.
    fn heads(&self, oplog: &Oplog, nodes: &mut StoredNodes) -> Result<(u64, Roots, Vec<SignedHead>), ImportError> {
        let mut old = Vec::new();
        // Entries that the newest header already includes: their nodes are in the tree file by now.
        for upgrade in oplog.stale.iter().rev().take(MAX_OLD_HEADS).filter_map(|entry| entry.upgrade.as_ref()) {
            let roots = nodes.roots(self.tree, upgrade.length).ok();
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
                let roots = nodes.roots(self.tree, length).ok();
                old.extend(roots.and_then(|roots| self.head(fork, roots.tree_hash(), &roots, signature)));
            }
        }
        if let Some(older) = &oplog.older {
            old.extend(self.old_state(&older.tree, nodes));
        }

        let roots = nodes.roots(self.tree, length)?;
        let mut heads = Vec::new();
        if length > 0 || !signature.is_empty() {
            if root_hash.is_some_and(|hash| hash != roots.tree_hash()) {
                let reason = "the tree's roots are not those that the header names";
                return Err(ImportError::new(self.tree, None, reason));
            }
            let head = self.claim(fork, roots.tree_hash(), length, &roots, signature).verify();
            heads.push(head.map_err(|e| ImportError::new(self.oplog, place, format!("its signed head: {e}")))?);
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
        let roots = nodes.roots(self.tree, state.length).ok();
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

    /// With one readable header only, the other one may have been the newest. Then bitfield and tree, which are written
    /// before the header, know of blocks beyond the head.
    fn nothing_lost(&self, oplog: &Oplog, length: u64, changes: &[oplog::Presence]) -> Result<(), ImportError> {
        let mut lost = false;
        if let Some(file) = StoreFile::open(self.root, self.bitfield)? {
            if file.length() > MAX_BITFIELD {
                return Err(file.error(None, "it is larger than a bitfield file can be"));
            }
            let claims = Claims::new(file.read_up_to(MAX_BITFIELD)?, changes, MAX_LENGTH);
            lost |= claims.first(length..MAX_LENGTH).is_some();
        }
        if let Some(file) = StoreFile::open(self.root, self.tree)? {
            // The last node of a log of n blocks has index 2n - 2.
            let end = length.saturating_mul(2).saturating_sub(1).saturating_mul(NODE);
            lost |= file.length() > end;
        }
        if !lost {
            return Ok(());
        }
        let other = if oplog.header.offset == 0 { 4096 } else { 0 };
        let reason = "the newest header is damaged: the other one is older than the rest of the log";
        Err(ImportError::new(self.oplog, other, reason))
    }
}

//! A version in the log.

use std::rc::Rc;

use super::cache::Cache;
use super::levels::Level;
use super::node::Entry;
use super::view::{Child, NodeView, View};
use super::{Blocks, MAX_DEPTH, Malformed, Pointer, TreeError};

/// The tree of the first `version` blocks of a log.
///
/// Only versions that end a batch have a tree; other versions give [`Malformed::NoLevel`], or the reads of whatever their
/// block's first level happens to be. The caller knows where batches end.
#[derive(Debug)]
pub struct Tree<'a, B: ?Sized> {
    blocks: &'a B,
    cache: &'a Cache,
    version: u64,
}

impl<B: ?Sized> Clone for Tree<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: ?Sized> Copy for Tree<'_, B> {}

impl<'a, B: Blocks + ?Sized> Tree<'a, B> {
    /// The tree at `version`; nothing is read yet.
    pub fn new(blocks: &'a B, cache: &'a Cache, version: u64) -> Self {
        Self { blocks, cache, version }
    }

    /// Number of blocks that make this tree.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Where the root is; `None` in a tree without a write.
    pub fn root_pointer(&self) -> Option<Pointer> {
        // Block 0 is the header.
        (self.version >= 2).then(|| Pointer { seq: self.version - 1, offset: 0 })
    }

    /// The block that holds a key or a node. Unlike a read, this says who points to it.
    fn pointed(&self, from: u64, seq: u64, why: fn(u64) -> Malformed) -> Result<Rc<Entry>, TreeError> {
        if seq >= self.version {
            return Err(TreeError::Malformed { seq: from, why: why(seq) });
        }
        self.cache.entry(self.blocks, seq)
    }

    /// The block that holds a key of a node in block `from`.
    pub(super) fn key_entry(&self, from: u64, seq: u64) -> Result<Rc<Entry>, TreeError> {
        self.pointed(from, seq, |to| Malformed::KeyOutOfRange { to })
    }

    /// The block that holds a child of a node in block `from`.
    pub(super) fn child_entry(&self, from: u64, seq: u64) -> Result<Rc<Entry>, TreeError> {
        self.pointed(from, seq, |to| Malformed::ChildOutOfRange { to })
    }

    fn node(&self, from: u64, pointer: Pointer) -> Result<NodeView, TreeError> {
        let entry = self.child_entry(from, pointer.seq)?;
        let level = level(&entry, pointer.offset)?;
        let mut children = Vec::new();
        let mut numbers = level.children();
        // A child without its second half is none: following it, a JavaScript reader fails.
        while let (Some(seq), Some(offset)) = (numbers.next(), numbers.next()) {
            children.push(Child::Stored(Pointer { seq, offset }));
        }
        Ok(NodeView { seq: pointer.seq, keys: level.keys().collect(), leaf: level.is_leaf(), children })
    }
}

impl<B: Blocks + ?Sized> View for Tree<'_, B> {
    fn root(&self) -> Result<Option<NodeView>, TreeError> {
        self.root_pointer().map(|pointer| self.node(pointer.seq, pointer)).transpose()
    }

    fn child(&self, node: &NodeView, i: usize) -> Result<NodeView, TreeError> {
        match node.children.get(i) {
            Some(&Child::Stored(pointer)) => self.node(node.seq, pointer),
            _ => Err(TreeError::Malformed { seq: node.seq, why: Malformed::NoChild(i) }),
        }
    }

    fn entry(&self, from: u64, seq: u64) -> Result<Rc<Entry>, TreeError> {
        self.key_entry(from, seq)
    }

    /// The same as the provided one, without decoding whole nodes.
    fn get(&self, key: &[u8]) -> Result<Option<Rc<Entry>>, TreeError> {
        let Some(mut pointer) = self.root_pointer() else { return Ok(None) };
        let mut from = pointer.seq;
        let mut keys = Vec::with_capacity(16);
        for _ in 0..MAX_DEPTH {
            let entry = self.child_entry(from, pointer.seq)?;
            from = pointer.seq;
            let level = level(&entry, pointer.offset)?;
            keys.clear();
            keys.extend(level.keys());
            let i = match super::view::search(&keys, key, |seq| self.key_entry(from, seq))? {
                Ok(found) => return Ok(Some(found)),
                Err(i) => i,
            };
            if level.is_leaf() {
                return Ok(None);
            }
            pointer = level.child(i).ok_or(TreeError::Malformed { seq: from, why: Malformed::NoChild(i) })?;
        }
        Err(TreeError::Malformed { seq: from, why: Malformed::TooDeep })
    }
}

/// A level that a pointer names.
pub(super) fn level(entry: &Entry, offset: u64) -> Result<Level<'_>, TreeError> {
    let malformed = |why| TreeError::Malformed { seq: entry.seq(), why };
    entry.level(offset).map_err(|why| malformed(why.into()))?.ok_or(malformed(Malformed::NoLevel(offset)))
}

//! Recomputes, byte for byte, the blocks that Hyperbee writes for a list of puts and deletes.
//!
//! The blocks are a pure function of the tree before, the operations in their order, and where the batch ends. (Source: the
//! class `Batch` of the npm package `hyperbee`, with default options; 1.7 to 2.27 write the same bytes.) What a reader of
//! this code must know about the original:
//!
//! - A batch keeps one tree in memory. Each operation collects the nodes that it changed, root first, into the list of its
//!   block (`Batch::write`). What is listed is the *link* from parent to node, so a link that is rewritten by a
//!   later operation leaves the earlier block by having another block number.
//! - When the batch ends, every block but the last loses its root and the links that have left it; holes are filled with the
//!   last link. The order of both matters, and so does *when*: a block is encoded right after it was compacted, before the
//!   next one is (see the module `finish`).
//! - Nodes hold their keys when the batch *ends*. When the tree loses its root, the only child becomes the root; the link to
//!   it is still in the list of an earlier block. That block then carries a node that nothing points to, with
//!   keys that may be younger than the block. Readers never get there. This is Hyperbee's own garbage, and expected.
//!
//! The tree in memory outlives a batch whose blocks were found in the log ([`Batch::fits`]): the next batch goes on with it
//! instead of reading it again. See the module `memory`.
//!
//! Invariant: after an error the batch is dead and answers with that error again.

use std::cmp::Ordering;
use std::rc::Rc;

use super::cache::Cache;
use super::node::Entry;
use super::tree::{Tree, level};
use super::view::{Child, NodeView, View};
use super::{Blocks, MAX_DEPTH, Malformed, Pointer, TreeError};

mod delete;
mod finish;
mod memory;

pub use finish::Fit;
pub(super) use memory::Memory;
use memory::{Key, Link, LinkId, Node, NodeId, Wanted};

/// Fewest keys of a node that is not the root.
pub const MIN_KEYS: usize = 4;
/// A node that reaches so many keys is split.
const SPLIT_KEYS: usize = 2 * MIN_KEYS + 1;

/// A batch in the making, on top of a version in the log.
///
/// It reads as the tree that the operations so far have made ([`View`]).
#[derive(Debug)]
pub struct Batch<'a, B: Blocks + ?Sized> {
    base: Tree<'a, B>,
    cache: &'a Cache,
    version: u64,
    ops: Vec<Rc<Entry>>,
    memory: Box<Memory>,
    /// The published blocks are those of the batch as it is now.
    settled: bool,
    dead: Option<TreeError>,
}

/// Where a key is in a node.
enum Place {
    Key(usize),
    Child(usize),
}

impl<'a, B: Blocks + ?Sized> Batch<'a, B> {
    /// A batch on the tree of the first `version` blocks; nothing is read yet. `version` is at least 1: Hyperbee
    /// appends the header on its own.
    pub fn new(blocks: &'a B, cache: &'a Cache, version: u64) -> Self {
        Self {
            base: Tree::new(blocks, cache, version),
            cache,
            version,
            ops: Vec::new(),
            memory: cache.lend_memory(version),
            settled: false,
            dead: None,
        }
    }

    /// The version under the batch: the number of its first block.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Number of blocks so far.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is no block yet.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Puts a key. `None` is a put of null, which writes no value. Returns the block's number.
    ///
    /// # Errors
    /// When a block on the way to the key is missing or malformed.
    pub fn put(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<u64, TreeError> {
        self.put_entry(self.pending(key, value)?)
    }

    /// The same with key and value of a block that is already decoded: shares its bytes. It should be block
    /// `version() + len()`: reads of the batch answer with it.
    ///
    /// # Errors
    /// As for [`put`](Self::put).
    ///
    pub fn put_entry(&mut self, entry: Rc<Entry>) -> Result<u64, TreeError> {
        self.alive()?;
        self.settled = false;
        let seq = self.next_seq();
        // Splitting may look for the new key among those of the batch.
        self.ops.push(Rc::clone(&entry));
        let done = self.insert(Key::of(seq, &entry), &entry).and_then(|root| self.write(root, seq));
        self.note(done)?;
        Ok(seq)
    }

    /// Deletes a key. Returns the block's number, or `None` when the tree does not have the key: then Hyperbee writes no
    /// block at all.
    ///
    /// # Errors
    /// As for [`put`](Self::put).
    pub fn del(&mut self, key: &[u8]) -> Result<Option<u64>, TreeError> {
        self.del_entry(self.pending(key, None)?)
    }

    /// The same with the key of a block that is already decoded: shares its bytes.
    ///
    /// # Errors
    /// As for [`put`](Self::put).
    pub fn del_entry(&mut self, entry: Rc<Entry>) -> Result<Option<u64>, TreeError> {
        self.alive()?;
        self.settled = false;
        let seq = self.next_seq();
        let entry = if entry.value().is_some() { self.pending(entry.key(), None)? } else { entry };
        let done = match self.remove(entry.key()) {
            Ok(Some(root)) => {
                self.ops.push(entry);
                self.write(root, seq).map(|()| Some(seq))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        self.note(done)
    }

    /// Inserts a key and returns the root.
    fn insert(&mut self, key: Key, entry: &Entry) -> Result<NodeId, TreeError> {
        let wanted = Wanted::new(entry.key());
        let root = match self.load_root()? {
            Some(root) => root,
            None => self.memory.add_node(0, true),
        };
        let mut way = Vec::with_capacity(8);
        let mut id = root;
        while !self.node(id)?.children.is_empty() {
            self.check_depth(&way, id)?;
            way.push(id);
            self.node_mut(id)?.changed = true;
            match self.search(id, wanted)? {
                Place::Key(i) => {
                    self.set_key(id, i, key)?;
                    return Ok(root);
                }
                Place::Child(i) => id = self.load_child(id, i)?,
            }
        }
        match self.search(id, wanted)? {
            Place::Key(i) => self.set_key(id, i, key)?,
            Place::Child(i) => {
                self.node_mut(id)?.keys.insert(i, key);
                self.split_upwards(&mut way, id)?;
            }
        }
        self.node_mut(id)?.changed = true;
        // Splitting the root makes a new one, and leaves it in the way.
        Ok(way.first().copied().unwrap_or(root))
    }

    /// Splits the node at the end of a way while it is too large. A new root is put at the beginning of the way.
    fn split_upwards(&mut self, way: &mut Vec<NodeId>, mut id: NodeId) -> Result<(), TreeError> {
        let mut depth = way.len();
        while self.node(id)?.keys.len() >= SPLIT_KEYS {
            let (median, right) = self.split(id)?;
            let Some(parent) = depth.checked_sub(1).and_then(|above| way.get(above).copied()) else {
                let links = [self.memory.link_to(id), self.memory.link_to(right)];
                let root = self.memory.add_node(self.node(id)?.from, true);
                let node = self.node_mut(root)?;
                node.keys.push(median);
                node.children.extend(links);
                way.insert(0, root);
                return Ok(());
            };
            depth -= 1;
            let median_entry = self.key_entry(self.node(parent)?.from, median.seq)?;
            // On a tampered tree the parent may already have a key like the median. Hyperbee then forgets the right half.
            let Place::Child(i) = self.search(parent, Wanted::new(median_entry.key()))? else { return Ok(()) };
            let right = self.memory.link_to(right);
            let node = self.node_mut(parent)?;
            node.keys.insert(i, median);
            if i + 1 > node.children.len() {
                return Err(TreeError::Malformed { seq: node.from, why: Malformed::NoChild(i) });
            }
            node.children.insert(i + 1, right);
            id = parent;
        }
        Ok(())
    }

    /// Moves the upper half of a node into a new one. Returns the key between, and the new node.
    fn split(&mut self, id: NodeId) -> Result<(Key, NodeId), TreeError> {
        let node = self.node_mut(id)?;
        node.changed = true;
        let from = node.from;
        let half = node.keys.len() / 2;
        let keys = node.keys.split_off(node.keys.len() - half);
        let underfull = TreeError::Malformed { seq: from, why: Malformed::Underfull };
        let median = node.keys.pop().ok_or(underfull)?;
        let mut children = Vec::new();
        if !node.children.is_empty() {
            let kept = node.children.len().checked_sub(half + 1).ok_or(underfull)?;
            children = node.children.split_off(kept);
        }
        let right = self.memory.add_node(from, true);
        let node = self.node_mut(right)?;
        node.keys.extend(keys);
        node.children.extend(children);
        Ok((median, right))
    }

    /// Lists what the operation changed, as the block `seq`.
    fn write(&mut self, root: NodeId, seq: u64) -> Result<(), TreeError> {
        let memory = &mut *self.memory;
        let start = memory.lists.len();
        let link = memory.link_to(root);
        memory.list(link, seq, start);
        self.relink(root, seq, start, 0)?;
        let memory = &mut *self.memory;
        memory.listed.push(memory.lists.len());
        memory.root = Some(root);
        Ok(())
    }

    /// Gives the changed nodes below `id` their places in the block, parents first.
    fn relink(&mut self, id: NodeId, seq: u64, start: usize, depth: usize) -> Result<(), TreeError> {
        let node = self.node_mut(id)?;
        node.changed = false;
        node.from = seq;
        if depth > MAX_DEPTH + 8 {
            return Err(TreeError::Malformed { seq, why: Malformed::TooDeep });
        }
        let mut i = 0;
        while let Some(&link) = self.node(id)?.children.get(i) {
            i += 1;
            let Some(child) = self.memory.link(link).node else { continue };
            if !self.node(child)?.changed {
                continue;
            }
            self.memory.list(link, seq, start);
            self.relink(child, seq, start, depth + 1)?;
        }
        Ok(())
    }

    /// Searches a key in a node by halving.
    fn search(&mut self, id: NodeId, wanted: Wanted<'_>) -> Result<Place, TreeError> {
        let (mut start, mut end) = (0, self.node(id)?.keys.len());
        while start < end {
            let middle = (start + end) / 2;
            let node = self.node(id)?;
            let Some(key) = node.keys.get(middle) else { break };
            let order = match wanted.cmp_kept(key) {
                Some(order) => order,
                None => {
                    let entry = self.key_entry(node.from, key.seq)?;
                    if let Some(key) = self.node_mut(id)?.keys.get_mut(middle) {
                        key.remember(&entry);
                    }
                    wanted.cmp_entry(&entry)
                }
            };
            match order {
                Ordering::Equal => return Ok(Place::Key(middle)),
                Ordering::Less => end = middle,
                Ordering::Greater => start = middle + 1,
            }
        }
        Ok(Place::Child(start))
    }

    /// The entry of a key of a node that was read from block `from`: in the batch or in the log.
    fn key_entry(&self, from: u64, seq: u64) -> Result<Rc<Entry>, TreeError> {
        match seq.checked_sub(self.version).and_then(|i| self.ops.get(usize::try_from(i).ok()?)) {
            Some(entry) => Ok(Rc::clone(entry)),
            None => self.base.key_entry(from, seq),
        }
    }

    fn load_root(&mut self) -> Result<Option<NodeId>, TreeError> {
        if self.memory.root.is_none() {
            self.memory.root = match self.base.root_pointer() {
                Some(pointer) => Some(self.load(pointer.seq, pointer)?),
                None => None,
            };
        }
        Ok(self.memory.root)
    }

    fn load_child(&mut self, id: NodeId, i: usize) -> Result<NodeId, TreeError> {
        let node = self.node(id)?;
        let from = node.from;
        let link = *node.children.get(i).ok_or(TreeError::Malformed { seq: from, why: Malformed::NoChild(i) })?;
        let Link { at, node, .. } = self.memory.link(link);
        if let Some(child) = node {
            return Ok(child);
        }
        let child = self.load(from, at)?;
        if let Some(link) = self.memory.links.get_mut(link as usize) {
            link.node = Some(child);
        }
        Ok(child)
    }

    fn load(&mut self, from: u64, at: Pointer) -> Result<NodeId, TreeError> {
        let entry = self.base.child_entry(from, at.seq)?;
        let level = level(&entry, at.offset)?;
        let Some(&to) = level.keys().find(|&seq| seq >= self.version).as_ref() else {
            return self.memory.load(at.seq, level);
        };
        // It would be taken for a key of the batch.
        Err(TreeError::Malformed { seq: at.seq, why: Malformed::KeyOutOfRange { to } })
    }

    /// A key of an old node that points beyond the version would be taken for one of the batch.
    fn check_keys(&self, from: u64, keys: &[u64]) -> Result<(), TreeError> {
        match keys.iter().find(|&&seq| seq >= self.version) {
            Some(&to) => Err(TreeError::Malformed { seq: from, why: Malformed::KeyOutOfRange { to } }),
            None => Ok(()),
        }
    }

    fn set_key(&mut self, id: NodeId, i: usize, key: Key) -> Result<(), TreeError> {
        let node = self.node_mut(id)?;
        node.changed = true;
        if let Some(slot) = node.keys.get_mut(i) {
            *slot = key;
        }
        Ok(())
    }

    fn node(&self, id: NodeId) -> Result<&Node, TreeError> {
        self.memory.nodes.get(id as usize).ok_or(self.lost())
    }

    fn node_mut(&mut self, id: NodeId) -> Result<&mut Node, TreeError> {
        let lost = self.lost();
        self.memory.nodes.get_mut(id as usize).ok_or(lost)
    }

    /// Never seen: identifiers come from the vectors that they are looked up in.
    fn lost(&self) -> TreeError {
        TreeError::Malformed { seq: self.version, why: Malformed::Underfull }
    }

    fn check_depth(&self, way: &[NodeId], id: NodeId) -> Result<(), TreeError> {
        if way.len() < MAX_DEPTH - 1 {
            return Ok(());
        }
        Err(TreeError::Malformed { seq: self.node(id)?.from, why: Malformed::TooDeep })
    }

    fn next_seq(&self) -> u64 {
        self.version.saturating_add(self.ops.len() as u64)
    }

    fn pending(&self, key: &[u8], value: Option<&[u8]>) -> Result<Rc<Entry>, TreeError> {
        let seq = self.next_seq();
        let entry = Entry::pending(seq, key, value);
        Ok(Rc::new(entry.map_err(|why| TreeError::Malformed { seq, why: why.into() })?))
    }

    fn alive(&self) -> Result<(), TreeError> {
        self.dead.map_or(Ok(()), Err)
    }

    fn note<T>(&mut self, done: Result<T, TreeError>) -> Result<T, TreeError> {
        self.dead = done.as_ref().err().copied();
        done
    }
}

impl<B: Blocks + ?Sized> Drop for Batch<'_, B> {
    fn drop(&mut self) {
        let settled = self.settled.then(|| self.next_seq());
        self.cache.return_memory(std::mem::take(&mut self.memory), settled);
    }
}

impl<B: Blocks + ?Sized> View for Batch<'_, B> {
    fn root(&self) -> Result<Option<NodeView>, TreeError> {
        self.alive()?;
        match self.memory.root {
            Some(root) => self.node_view(root).map(Some),
            None => match self.base.root()? {
                Some(root) => self.stored(root).map(Some),
                None => Ok(None),
            },
        }
    }

    fn child(&self, node: &NodeView, i: usize) -> Result<NodeView, TreeError> {
        match node.children.get(i) {
            Some(&Child::Loaded(id)) => self.node_view(id),
            _ => self.stored(self.base.child(node, i)?),
        }
    }

    fn entry(&self, from: u64, seq: u64) -> Result<Rc<Entry>, TreeError> {
        self.key_entry(from, seq)
    }
}

impl<B: Blocks + ?Sized> Batch<'_, B> {
    fn stored(&self, node: NodeView) -> Result<NodeView, TreeError> {
        self.check_keys(node.seq, &node.keys)?;
        Ok(node)
    }

    fn node_view(&self, id: NodeId) -> Result<NodeView, TreeError> {
        let node = self.node(id)?;
        let children = node.children.iter().map(|&link| match self.memory.link(link) {
            Link { node: Some(child), .. } => Child::Loaded(child),
            Link { at, .. } => Child::Stored(at),
        });
        Ok(NodeView {
            seq: node.from,
            keys: node.keys.iter().map(|key| key.seq).collect(),
            leaf: node.children.is_empty(),
            children: children.collect(),
        })
    }
}

//! The tree in memory.
//!
//! Nodes and links are numbers into two vectors, which are used again by the next batch. When the blocks of a batch were
//! found in the log as computed, the nodes in memory *are* the tree of the next version, and the next batch need not
//! decode them. That saves most of the work: consecutive batches share the upper nodes, and keys with rising numbers share
//! the lower ones too.
//!
//! Invariants: kept nodes are never `changed`, and each link points to where its node is in the log; what is kept is bounded
//! (by the cache, in proportion to its own bound).

use std::cmp::Ordering;
use std::rc::Rc;

use crate::hyperbee::node::Entry;
use crate::hyperbee::{Level, Malformed, Pointer, TreeError};

pub(super) type NodeId = u32;
pub(super) type LinkId = u32;

/// Links for each node that may be kept: nine for its children, and those that batches made and left.
const LINKS_PER_NODE: usize = 16;

/// Largest block that is kept beside its key.
const SMALL_BLOCK: usize = 1_024;

/// Most forgotten nodes whose vectors are kept.
const MOST_SPARE: usize = 4_096;

/// A tree in memory, and what else a batch needs room for.
#[derive(Debug, Default)]
pub(in crate::hyperbee) struct Memory {
    /// The version whose tree this is; 0 is none.
    version: u64,
    pub(super) root: Option<NodeId>,
    pub(super) nodes: Vec<Node>,
    /// Nodes that were forgotten; their vectors are used again.
    spare: Vec<Node>,
    pub(super) links: Vec<Link>,
    /// The links that each block lists, in one vector; `listed` has where each block's part ends.
    pub(super) lists: Vec<LinkId>,
    pub(super) listed: Vec<usize>,
    /// The list of one block, as it is compacted.
    pub(super) list: Vec<LinkId>,
    /// An encoded index.
    pub(super) index: Vec<u8>,
}

/// A B-tree node.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The block that it is in, for errors.
    pub from: u64,
    pub keys: Vec<Key>,
    pub children: Vec<LinkId>,
    pub changed: bool,
}

/// A key of a node: the block that holds it, and that block once it was read.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub seq: u64,
    /// The beginning of the key, when there is an entry: most searches need no more, and look at no other memory.
    start: Start,
    entry: Option<Rc<Entry>>,
}

/// The first 16 bytes of a key as numbers, filled up with zeros. Two that differ are in the order of their keys.
type Start = [u64; 2];

fn start_of(key: &[u8]) -> Start {
    let mut bytes = [0; 16];
    for (slot, &byte) in bytes.iter_mut().zip(key) {
        *slot = byte;
    }
    let number = u128::from_be_bytes(bytes);
    [(number >> 64) as u64, number as u64]
}

impl From<u64> for Key {
    fn from(seq: u64) -> Self {
        Self { seq, start: Start::default(), entry: None }
    }
}

impl Key {
    /// The key that the entry `seq` holds.
    pub fn of(seq: u64, entry: &Rc<Entry>) -> Self {
        let mut key = Self::from(seq);
        key.remember(entry);
        key
    }

    /// Keeps the entry, unless its block is large.
    pub fn remember(&mut self, entry: &Rc<Entry>) {
        if entry.block().len() <= SMALL_BLOCK {
            self.start = start_of(entry.key());
            self.entry = Some(Rc::clone(entry));
        }
    }
}

/// A key that is searched.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'k> {
    key: &'k [u8],
    start: Start,
}

impl<'k> Wanted<'k> {
    pub fn new(key: &'k [u8]) -> Self {
        Self { key, start: start_of(key) }
    }

    /// How it compares with a key of a node; `None` when that one's entry must be read.
    #[inline]
    pub fn cmp_kept(&self, key: &Key) -> Option<Ordering> {
        let entry = key.entry.as_ref()?;
        Some(self.start.cmp(&key.start).then_with(|| self.cmp_entry(entry)))
    }

    pub fn cmp_entry(&self, entry: &Entry) -> Ordering {
        self.key.cmp(entry.key())
    }
}

/// A parent's pointer to a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Where the node is, as if its block ended the batch.
    pub at: Pointer,
    /// The level where it is once the blocks are compacted. The same as in `at`, but for links that a block lists.
    pub ended: u64,
    /// The node, when it was read.
    pub node: Option<NodeId>,
}

const NOWHERE: Link = Link { at: Pointer { seq: 0, offset: 0 }, ended: 0, node: None };

impl Memory {
    /// Ready for a batch on `version`: with that version's tree, or empty.
    pub fn ready_for(&mut self, version: u64, most_nodes: usize) {
        if self.version != version || self.nodes.len() > most_nodes || self.links.len() > most_nodes * LINKS_PER_NODE {
            self.forget();
        }
        // Whatever the batch does to it, it is no longer that tree.
        self.version = 0;
    }

    /// The batch is in the log: this is the tree of `version` now.
    pub fn settle(&mut self, version: u64) {
        for &link in &self.lists {
            if let Some(link) = self.links.get_mut(link as usize) {
                link.at.offset = link.ended;
            }
        }
        self.lists.clear();
        self.listed.clear();
        self.version = version;
    }

    pub fn forget(&mut self) {
        self.version = 0;
        self.root = None;
        for mut node in self.nodes.drain(..) {
            node.keys.clear();
            node.children.clear();
            // Vectors that a hostile block made large are not kept.
            if node.keys.capacity() <= 64 && node.children.capacity() <= 64 && self.spare.len() < MOST_SPARE {
                self.spare.push(node);
            }
        }
        self.links.clear();
        self.lists.clear();
        self.listed.clear();
    }

    /// An empty node.
    pub fn add_node(&mut self, from: u64, changed: bool) -> NodeId {
        let mut node = self.spare.pop().unwrap_or_default();
        (node.from, node.changed) = (from, changed);
        self.nodes.push(node);
        (self.nodes.len() - 1) as NodeId
    }

    /// A node of the log.
    pub fn load(&mut self, from: u64, level: Level<'_>) -> Result<NodeId, TreeError> {
        let id = self.add_node(from, false);
        let Some(node) = self.nodes.get_mut(id as usize) else { return Ok(id) };
        node.keys.extend(level.keys().map(Key::from));
        let mut numbers = level.children();
        while let Some(seq) = numbers.next() {
            let why = Malformed::NoChild(node.children.len());
            let offset = numbers.next().ok_or(TreeError::Malformed { seq: from, why })?;
            node.children.push(self.links.len() as LinkId);
            self.links.push(Link { at: Pointer { seq, offset }, ended: offset, node: None });
        }
        Ok(id)
    }

    pub(super) fn link(&self, id: LinkId) -> Link {
        self.links.get(id as usize).copied().unwrap_or(NOWHERE)
    }

    /// A link to a node that has no place in a block yet.
    pub fn link_to(&mut self, node: NodeId) -> LinkId {
        self.links.push(Link { node: Some(node), ..NOWHERE });
        (self.links.len() - 1) as LinkId
    }

    /// Gives a link the next place in the block `seq`, whose list starts at `start`.
    pub fn list(&mut self, link: LinkId, seq: u64, start: usize) {
        let offset = self.lists.len().saturating_sub(start) as u64;
        self.lists.push(link);
        if let Some(link) = self.links.get_mut(link as usize) {
            (link.at, link.ended) = (Pointer { seq, offset }, offset);
        }
    }

    /// The links that block `i` of the batch lists.
    pub fn list_of(&self, i: usize) -> &[LinkId] {
        let start = i.checked_sub(1).and_then(|before| self.listed.get(before).copied()).unwrap_or(0);
        self.listed.get(i).and_then(|&end| self.lists.get(start..end)).unwrap_or_default()
    }
}

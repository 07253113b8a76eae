//! Building Merkle trees: by appending leaves, or by appending whole subtrees from a proof.
//!
//! [`Roots`] keeps the full roots only (at most 52 nodes) and gives the tree hash of every length it passes through.
//! [`MerkleTree`] keeps all nodes (about 80 bytes a block), so that it can answer for any length it has seen and make
//! proofs.

use super::flat::{self, Subtree};
use super::hash::{self, Hash, Node};
use super::head::SignedHead;
use super::{MAX_BYTES, MAX_LENGTH};

/// Why a tree cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A log cannot have this many blocks.
    #[error("the log is too long")]
    TooLong,
    /// A log cannot have this many bytes.
    #[error("the log has too many bytes")]
    TooLarge,
    /// The number of nodes is not the one that the length demands.
    #[error("wrong number of nodes")]
    WrongCount,
    /// A subtree does not start where the log ends, or is not aligned.
    #[error("a node does not fit at the end of the tree")]
    Misplaced,
}

/// The full roots of a log that grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    length: u64,
    bytes: u64,
    // Largest first: the shape is fixed by `length`, one root for each set bit.
    nodes: Vec<Node>,
}

impl Roots {
    /// The roots of an empty log.
    pub fn new() -> Roots {
        Roots::default()
    }

    /// The given full roots (left to right) of a log of `length` blocks.
    pub fn from_nodes(length: u64, nodes: &[Node]) -> Result<Roots, TreeError> {
        if length >= MAX_LENGTH {
            return Err(TreeError::TooLong);
        }
        if nodes.len() != length.count_ones() as usize {
            return Err(TreeError::WrongCount);
        }
        let bytes = nodes.iter().try_fold(0_u64, |sum, node| sum.checked_add(node.size));
        let bytes = bytes.filter(|sum| *sum <= MAX_BYTES).ok_or(TreeError::TooLarge)?;
        Ok(Roots { length, bytes, nodes: nodes.to_vec() })
    }

    /// Number of blocks.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes in all blocks.
    pub fn byte_length(&self) -> u64 {
        self.bytes
    }

    /// The full roots, left to right.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Appends one block's leaf.
    pub fn push_leaf(&mut self, leaf: Node) -> Result<(), TreeError> {
        self.push(Subtree::leaf(self.length), leaf, |_, _| ())
    }

    /// Appends one block's leaf and tells `made` about it and about every parent that this completes, bottom up. On an
    /// error nothing changed and nothing was told.
    pub fn grow(&mut self, leaf: Node, made: impl FnMut(Subtree, Node)) -> Result<(), TreeError> {
        self.push(Subtree::leaf(self.length), leaf, made)
    }

    /// Appends a whole subtree, which must start at the end of the log and be aligned.
    pub fn push_subtree(&mut self, at: Subtree, node: Node) -> Result<(), TreeError> {
        self.push(at, node, |_, _| ())
    }

    /// Appends a subtree and tells `made` about it and about every parent that this completes.
    fn push(&mut self, at: Subtree, node: Node, mut made: impl FnMut(Subtree, Node)) -> Result<(), TreeError> {
        if at.first != self.length || !at.blocks.is_power_of_two() || at.first & at.blocks.wrapping_sub(1) != 0 {
            return Err(TreeError::Misplaced);
        }
        let length = self.length.checked_add(at.blocks).filter(|n| *n < MAX_LENGTH).ok_or(TreeError::TooLong)?;
        let bytes = self.bytes.checked_add(node.size).filter(|n| *n <= MAX_BYTES).ok_or(TreeError::TooLarge)?;
        made(at, node);
        // Every set bit of the old length from this size upwards is a left sibling to merge with.
        let (mut at, mut node) = (at, node);
        while !at.is_left() {
            let left = self.nodes.pop().ok_or(TreeError::Misplaced)?;
            node = hash::parent(&left, &node).ok_or(TreeError::TooLarge)?;
            at = at.parent();
            made(at, node);
        }
        self.nodes.push(node);
        (self.length, self.bytes) = (length, bytes);
        Ok(())
    }

    /// The tree hash at the present length.
    pub fn tree_hash(&self) -> Hash {
        hash::tree(flat::roots(self.length).map(Subtree::index).zip(&self.nodes))
    }
}

/// Somebody who holds (part of) a log's tree: in memory, on disk, or inside a proof.
///
/// An answer must be a node of the one tree that this holder speaks for: a holder that reads from disk or from a peer checks
/// the node's hash against a signed head first. The node's *size* is bound only where a leaf below it was read (see
/// [`super::prefix`]).
pub trait Nodes {
    /// Number of blocks.
    fn length(&self) -> u64;

    /// The node over a subtree that ends at or before the length. `None` if it is not here.
    fn node(&self, at: Subtree) -> Option<Node>;

    /// The full roots at any length up to the present one.
    fn roots_at(&self, length: u64) -> Option<Roots> {
        if length > self.length() {
            return None;
        }
        let nodes = flat::roots(length).map(|at| self.node(at)).collect::<Option<Vec<_>>>()?;
        Roots::from_nodes(length, &nodes).ok()
    }

    /// Whether the head is one of this tree. `false` says nothing where this holder cannot vouch for its nodes' sizes.
    fn backs(&self, head: &SignedHead) -> bool {
        self.roots_at(head.length()).is_some_and(|roots| head.has_roots(&roots))
    }

    /// The bytes of a block, from a holder that has blocks too.
    fn block_bytes(&self, block: u64) -> Option<Vec<u8>> {
        let _ = block;
        None
    }
}

/// All nodes of a log's tree, in memory.
#[derive(Clone, Debug, Default)]
pub struct MerkleTree {
    roots: Roots,
    // Completed nodes by height: level h holds the node over blocks k * 2^h .. (k + 1) * 2^h at position k.
    levels: Vec<Vec<Node>>,
}

impl MerkleTree {
    /// The tree of an empty log.
    pub fn new() -> MerkleTree {
        MerkleTree::default()
    }

    /// The tree over the given blocks.
    pub fn over<B: AsRef<[u8]>>(blocks: impl IntoIterator<Item = B>) -> Result<MerkleTree, TreeError> {
        let mut tree = MerkleTree::new();
        for block in blocks {
            tree.push_leaf(hash::leaf(block.as_ref()))?;
        }
        Ok(tree)
    }

    /// Appends one block's leaf.
    pub fn push_leaf(&mut self, leaf: Node) -> Result<(), TreeError> {
        let MerkleTree { roots, levels } = self;
        roots.push(Subtree::leaf(roots.length), leaf, |at, node| {
            let height = at.blocks.trailing_zeros() as usize;
            if levels.len() <= height {
                levels.resize(height.saturating_add(1), Vec::new());
            }
            if let Some(level) = levels.get_mut(height) {
                level.push(node);
            }
        })
    }

    /// The full roots at the present length.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }
}

impl Nodes for MerkleTree {
    fn length(&self) -> u64 {
        self.roots.length
    }

    fn node(&self, at: Subtree) -> Option<Node> {
        let level = self.levels.get(at.blocks.checked_ilog2()? as usize)?;
        level.get(usize::try_from(at.first / at.blocks).ok()?).copied()
    }
}

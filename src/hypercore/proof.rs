//! Proofs against a signed head: a block is in the log, a history is a prefix of another, many blocks at once.
//!
//! Nodes carry no indexes: which node stands where follows from block, prefix and length ([`InclusionProof::layout`] and
//! its like give the indexes, for peers that send them). Too few or too many nodes are errors.

use std::collections::BTreeMap;

use super::flat::{self, Subtree};
use super::hash::{self, Node};
use super::head::SignedHead;
use super::prefix::Prefix;
use super::tree::{Nodes, Roots, TreeError};

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The block is not below the prefix, or the prefix is longer than the head.
    #[error("the proof speaks of blocks beyond the head")]
    OutOfRange,
    /// Not exactly the nodes that are needed.
    #[error("the proof has too few or too many nodes")]
    WrongCount,
    /// Everything fits, but it is not the tree that was signed.
    #[error("the proof does not lead to the signed head")]
    Mismatch,
    /// A root's hash was not made from its size and what is said to lie below it.
    #[error("what is said to lie below a root is not what its hash was made from")]
    Opening,
    /// The nodes do not make a tree.
    #[error("{0}")]
    Tree(#[from] TreeError),
}

/// Shows that the first blocks of a head's log are the log whose full roots are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Full roots of the prefix, left to right.
    pub roots: Vec<Node>,
    /// The subtrees that extend the prefix to the head's length.
    pub extension: Vec<Node>,
}

impl ConsistencyProof {
    /// Indexes of the nodes, in order: the prefix's roots, the extension.
    pub fn layout(prefix: u64, length: u64) -> (Vec<u64>, Vec<u64>) {
        (
            flat::roots(prefix).map(Subtree::index).collect(),
            flat::extension(prefix, length).map(Subtree::index).collect(),
        )
    }

    /// The proof for a prefix and a length of a tree that is at least as long.
    pub fn build(tree: &(impl Nodes + ?Sized), prefix: u64, length: u64) -> Option<ConsistencyProof> {
        if length > tree.length() || prefix > length {
            return None;
        }
        let roots = flat::roots(prefix).map(|at| tree.node(at)).collect::<Option<_>>()?;
        let extension = flat::extension(prefix, length).map(|at| tree.node(at)).collect::<Option<_>>()?;
        Some(ConsistencyProof { roots, extension })
    }

    /// What the head binds of its log's first `prefix` blocks, if the proof holds: the hashes of these roots, not their
    /// sizes (see [`super::prefix`]).
    ///
    /// # Errors
    /// [`ProofError`] when the nodes do not lead to the head.
    pub fn verify(&self, prefix: u64, head: &SignedHead) -> Result<Prefix, ProofError> {
        if prefix > head.length() {
            return Err(ProofError::OutOfRange);
        }
        let roots = Roots::from_nodes(prefix, &self.roots)?;
        let bound = Prefix::of_roots(&roots);
        extend(roots, &self.extension, head)?;
        Ok(bound)
    }
}

/// Appends the extension and compares with the head.
fn extend(mut roots: Roots, extension: &[Node], head: &SignedHead) -> Result<(), ProofError> {
    let mut nodes = extension.iter();
    for at in flat::extension(roots.length(), head.length()) {
        roots.push_subtree(at, *nodes.next().ok_or(ProofError::WrongCount)?)?;
    }
    if nodes.next().is_some() {
        return Err(ProofError::WrongCount);
    }
    if roots.tree_hash() == *head.tree_hash() { Ok(()) } else { Err(ProofError::Mismatch) }
}

/// Shows that a block is in the first `prefix` blocks of a head's log, and binds that prefix to the head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InclusionProof {
    /// Siblings from the block's leaf up to its full root in the prefix, bottom up.
    pub uncles: Vec<Node>,
    /// The other full roots of the prefix, left to right.
    pub roots: Vec<Node>,
    /// The subtrees that extend the prefix to the head's length.
    pub extension: Vec<Node>,
}

impl InclusionProof {
    /// Indexes of the nodes, in order: uncles, other roots, extension.
    pub fn layout(block: u64, prefix: u64, length: u64) -> Option<[Vec<u64>; 3]> {
        let (uncles, root) = flat::path(block, prefix)?;
        let others = flat::roots(prefix).filter(|at| *at != root);
        Some([
            uncles.into_iter().map(Subtree::index).collect(),
            others.map(Subtree::index).collect(),
            flat::extension(prefix, length).map(Subtree::index).collect(),
        ])
    }

    /// The proof for one block of a tree.
    pub fn build(tree: &(impl Nodes + ?Sized), block: u64, prefix: u64, length: u64) -> Option<InclusionProof> {
        if length > tree.length() || prefix > length {
            return None;
        }
        let (uncles, root) = flat::path(block, prefix)?;
        let node = |at| tree.node(at);
        Some(InclusionProof {
            uncles: uncles.into_iter().map(node).collect::<Option<_>>()?,
            roots: flat::roots(prefix).filter(|at| *at != root).map(node).collect::<Option<_>>()?,
            extension: flat::extension(prefix, length).map(node).collect::<Option<_>>()?,
        })
    }

    /// What the head binds of its log's first `prefix` blocks, if `bytes` is block number `block` of them.
    ///
    /// # Errors
    /// [`ProofError`] when it is not shown to be.
    pub fn verify(&self, block: u64, bytes: &[u8], prefix: u64, head: &SignedHead) -> Result<Prefix, ProofError> {
        if prefix > head.length() {
            return Err(ProofError::OutOfRange);
        }
        let (uncles, root) = flat::path(block, prefix).ok_or(ProofError::OutOfRange)?;
        if uncles.len() != self.uncles.len() {
            return Err(ProofError::WrongCount);
        }
        let mut node = hash::leaf(bytes);
        for (at, uncle) in uncles.iter().zip(&self.uncles) {
            let (left, right) = if at.is_left() { (uncle, &node) } else { (&node, uncle) };
            node = hash::parent(left, right).ok_or(TreeError::TooLarge)?;
        }
        let mut others = self.roots.iter();
        let mut roots = Vec::new();
        for at in flat::roots(prefix) {
            roots.push(if at == root { node } else { *others.next().ok_or(ProofError::WrongCount)? });
        }
        if others.next().is_some() {
            return Err(ProofError::WrongCount);
        }
        let roots = Roots::from_nodes(prefix, &roots)?;
        let bound = Prefix::of_roots(&roots);
        extend(roots, &self.extension, head)?;
        Ok(bound)
    }
}

/// Shows that many blocks are in a head's log: the roots of all the largest subtrees without any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiProof {
    /// Left to right.
    pub nodes: Vec<Node>,
}

impl MultiProof {
    /// The proof for some blocks of a tree, for a head of `length`.
    pub fn build(tree: &(impl Nodes + ?Sized), blocks: &[u64], length: u64) -> Option<MultiProof> {
        let wanted = blocks.iter().map(|block| (*block, ())).collect::<BTreeMap<_, _>>();
        if length > tree.length() || wanted.last_key_value().is_some_and(|(last, ())| *last >= length) {
            return None;
        }
        let mut nodes = Vec::new();
        for root in flat::roots(length) {
            // The stack holds what is right of here: at most two subtrees a level.
            let mut stack = vec![root];
            while let Some(at) = stack.pop() {
                if wanted.range(at.first..at.end()).next().is_none() {
                    nodes.push(tree.node(at)?);
                } else if let Some((left, right)) = at.children() {
                    stack.push(right);
                    stack.push(left);
                }
            }
        }
        Some(MultiProof { nodes })
    }

    /// Whether every given block is in the head's log at its place.
    pub fn verify<B: AsRef<[u8]>>(&self, blocks: &BTreeMap<u64, B>, head: &SignedHead) -> Result<(), ProofError> {
        let roots = self.roots(blocks, head.length())?;
        if roots.tree_hash() == *head.tree_hash() { Ok(()) } else { Err(ProofError::Mismatch) }
    }

    /// The full roots at `length` of the log that has the given blocks at their places, and these nodes beside them.
    pub fn roots<B: AsRef<[u8]>>(&self, blocks: &BTreeMap<u64, B>, length: u64) -> Result<Roots, ProofError> {
        if length >= super::MAX_LENGTH || blocks.last_key_value().is_some_and(|(last, _)| *last >= length) {
            return Err(ProofError::OutOfRange);
        }
        let mut nodes = self.nodes.iter();
        let mut roots = Vec::new();
        for at in flat::roots(length) {
            roots.push(subtree(at, blocks, &mut nodes)?);
        }
        if nodes.next().is_some() {
            return Err(ProofError::WrongCount);
        }
        Ok(Roots::from_nodes(length, &roots)?)
    }
}

/// The node over a subtree. Recursion is as deep as the tree is high: at most 52.
fn subtree<B: AsRef<[u8]>>(
    at: Subtree,
    blocks: &BTreeMap<u64, B>,
    nodes: &mut std::slice::Iter<'_, Node>,
) -> Result<Node, ProofError> {
    let Some((_, block)) = blocks.range(at.first..at.end()).next() else {
        return nodes.next().copied().ok_or(ProofError::WrongCount);
    };
    let Some((left, right)) = at.children() else { return Ok(hash::leaf(block.as_ref())) };
    let (left, right) = (subtree(left, blocks, nodes)?, subtree(right, blocks, nodes)?);
    Ok(hash::parent(&left, &right).ok_or(TreeError::TooLarge)?)
}

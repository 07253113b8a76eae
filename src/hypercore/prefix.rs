//! What a signed head binds of its log's first blocks: the hashes of their full roots, and seldom their sizes.
//!
//! A parent's hash contains the *sum* of its children's sizes, not each of them; a tree hash contains the size of every
//! root. Take the full roots of a prefix, and the nodes that extend them to a signed head. The head's hash follows from
//! their hashes, so no hash among them can be exchanged. But a byte of size can be moved from a root to the node that
//! becomes its sibling: the parent stays, so the nodes still lead to the head, and yet the tree hash *at the prefix* is
//! another one. Hence:
//!
//! - Two different root hashes at one place show two logs. Two different tree hashes show two logs only where the sizes in
//!   both are bound: by a signature over that very tree hash, or because each root is [opened](Opening).
//! - Equal tree hashes show one log, whatever the sizes: the root hashes are in them.
//!
//! [`Prefix`] is the only thing that is compared, and it knows which of the two it can show.

use super::flat::{self, Subtree};
use super::hash::{self, Hash, Node};
use super::head::SignedHead;
use super::proof::{ConsistencyProof, ProofError};
use super::tree::{Nodes, Roots};

/// What binds the size of a root: what its hash was made from, without the size itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The hashes of both children.
    Children([Hash; 2]),
    /// The block, where the root is a leaf.
    Block(Vec<u8>),
}

impl Opening {
    /// The opening of a node of a tree; `None` when its children, or its block, are not there.
    pub fn build(tree: &(impl Nodes + ?Sized), at: Subtree) -> Option<Opening> {
        match at.children() {
            Some((left, right)) => Some(Opening::Children([tree.node(left)?.hash, tree.node(right)?.hash])),
            None => tree.block_bytes(at.first).map(Opening::Block),
        }
    }

    /// Whether a node of this size and hash has this opening, at a place with or without children.
    fn opens(&self, at: Subtree, node: &Node) -> bool {
        match self {
            Opening::Children([left, right]) if at.blocks > 1 => {
                hash::blake2b(&[&[1], &node.size.to_le_bytes(), left, right]) == node.hash
            }
            Opening::Block(block) if at.blocks == 1 => hash::leaf(block) == *node,
            _ => false,
        }
    }
}

/// What shows a head's log at a length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrefixEvidence {
    /// Nothing more: the head has just this length, and its tree hash is all that is known of it.
    TreeHash,
    /// The head has just this length, and these are its full roots.
    Roots(Vec<Node>),
    /// The head is longer; these are the full roots at the length, and the nodes that extend them to the head.
    Prefix(ConsistencyProof),
    /// The same, with the opening of each root, left to right: their sizes are bound.
    Opened(ConsistencyProof, Vec<Opening>),
}

/// How two logs stand to each other within their first blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// They are one log.
    Same,
    /// They are two.
    Different,
    /// What is known of them does not tell.
    Undecided,
}

/// A log's first blocks, as far as a signed head binds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    length: u64,
    tree_hash: Hash,
    // Whether nobody can have chosen the sizes in `tree_hash`.
    sized: bool,
    roots: Option<Vec<Hash>>,
}

impl Prefix {
    /// What a head binds of its log's first `length` blocks.
    ///
    /// # Errors
    /// [`ProofError`] when the evidence is not that of this head and length.
    pub fn of(head: &SignedHead, length: u64, evidence: &PrefixEvidence) -> Result<Prefix, ProofError> {
        let whole = length == head.length();
        match evidence {
            PrefixEvidence::TreeHash if whole => {
                // The signers of a patch signed a longer tree, so the sizes of the roots here bind nobody.
                let roots = head.is_patched().then(|| hashes(&head.claim().roots));
                Ok(Prefix { length, tree_hash: *head.tree_hash(), sized: !head.is_patched(), roots })
            }
            PrefixEvidence::Roots(nodes) if whole => {
                let roots = Roots::from_nodes(length, nodes)?;
                if roots.tree_hash() != *head.tree_hash() {
                    return Err(ProofError::Mismatch);
                }
                let sized = !head.is_patched();
                Ok(Prefix { length, tree_hash: *head.tree_hash(), sized, roots: Some(hashes(nodes)) })
            }
            PrefixEvidence::Prefix(proof) if length < head.length() => proof.verify(length, head),
            PrefixEvidence::Opened(proof, openings) if length < head.length() => {
                let prefix = proof.verify(length, head)?;
                if openings.len() != proof.roots.len() {
                    return Err(ProofError::WrongCount);
                }
                let mut all = flat::roots(length).zip(&proof.roots).zip(openings);
                if !all.all(|((at, node), opening)| opening.opens(at, node)) {
                    return Err(ProofError::Opening);
                }
                Ok(Prefix { sized: true, ..prefix })
            }
            _ => Err(ProofError::OutOfRange),
        }
    }

    /// Full roots whose hashes lead to a signed head. Their sizes may be anybody's choice.
    pub fn of_roots(roots: &Roots) -> Prefix {
        let hashes = hashes(roots.nodes());
        Prefix { length: roots.length(), tree_hash: roots.tree_hash(), sized: false, roots: Some(hashes) }
    }

    /// Full roots of a log whose blocks are held: they were made from the leaves up, so their sizes are bound.
    pub fn of_blocks(roots: &Roots) -> Prefix {
        Prefix { sized: true, ..Prefix::of_roots(roots) }
    }

    /// Whether the other prefix has these roots with other sizes, though the sizes here are bound: only a liar shows such.
    pub fn exposes(&self, other: &Prefix) -> bool {
        self.sized && self.compare(other) == Comparison::Same && self.tree_hash != other.tree_hash
    }

    /// Number of blocks.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether these roots stand in it; `None` where only its tree hash is known, and theirs is another.
    pub fn has_roots(&self, roots: &Roots) -> Option<bool> {
        match self.compare(&Prefix::of_roots(roots)) {
            Comparison::Same => Some(true),
            Comparison::Different => Some(false),
            Comparison::Undecided => None,
        }
    }

    /// Compares two prefixes of one length.
    pub fn compare(&self, other: &Prefix) -> Comparison {
        if self.length != other.length {
            return Comparison::Undecided;
        }
        if self.tree_hash == other.tree_hash {
            return Comparison::Same;
        }
        match (&self.roots, &other.roots) {
            (Some(ours), Some(theirs)) if ours == theirs => Comparison::Same,
            (Some(_), Some(_)) => Comparison::Different,
            _ if self.sized && other.sized => Comparison::Different,
            _ => Comparison::Undecided,
        }
    }
}

fn hashes(nodes: &[Node]) -> Vec<Hash> {
    nodes.iter().map(|node| node.hash).collect()
}

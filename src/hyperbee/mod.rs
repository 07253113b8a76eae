//! Hyperbee: an append-only B-tree inside a log.
//!
//! Every put and every delete of a key appends one block: the key, the value, and those nodes of the B-tree that are new.
//! The first node of a block is the root of the tree, if the block ends a batch; blocks inside a batch have no root, so
//! only the versions at batch ends can be read. Version `v` is the tree of the first `v` blocks.
//!
//! | module | has |
//! |---|---|
//! | [`node`] | one block: bytes to key, value, levels, and back |
//! | [`cache`] | decoded blocks, within a bound |
//! | [`view`] | reads: `get` and `range`, the same over a version in the log and over a batch in the making |
//! | [`tree`] | a version in the log |
//! | [`list`] | Vitra's shallow listing of a directory |
//! | [`batch`] | recomputes, byte for byte, the blocks that Hyperbee writes |
//! | [`mod@check`] | has a tree of another shape the right content? |
//!
//! Invariants: nothing here panics, recurses or loops without a bound, whatever the blocks hold. A read gives what
//! Hyperbee's JavaScript reader gives, and an error where that reader throws, or goes round for ever.
//!
//! Source of the format and the algorithms: the npm package `hyperbee`, whose versions 1.7 to 2.27 write the same bytes.
//! Where readers of a *tampered* tree differ between versions, 1.10.1 is followed: see [`view`].

use std::sync::Arc;

pub mod batch;
pub mod cache;
pub mod check;
pub mod list;
pub mod node;
pub mod tree;
pub mod view;

mod levels;
mod varint;

pub use batch::{Batch, Fit};
pub use cache::Cache;
pub use check::{Difference, Kind, Verdict, check};
pub use levels::{Level, Pointer};
pub use list::{ListError, Listed};
pub use node::{Entry, Node, NodeError, NodeLevel, is_header};
pub use tree::Tree;
pub use view::{Bounds, View};

/// The longest path from the root that is followed. A tree that Hyperbee wrote reaches this with 5^40 entries.
pub const MAX_DEPTH: usize = 40;

/// The bytes of one block of a log.
pub type Block = Arc<[u8]>;

/// Where the blocks of one log come from: a directory, memory, or the witness inside a proof.
///
/// A source only ever answers with blocks that were already checked against a signed head. `None` means "not here
/// (yet)", never "not there".
pub trait Blocks {
    /// Number of blocks of the log that this source speaks for.
    fn length(&self) -> u64;
    /// The block `seq`, if it is here.
    fn block(&self, seq: u64) -> Option<Block>;
}

impl<T: Blocks + ?Sized> Blocks for &T {
    fn length(&self) -> u64 {
        (**self).length()
    }
    fn block(&self, seq: u64) -> Option<Block> {
        (**self).block(seq)
    }
}

impl Blocks for Vec<Block> {
    fn length(&self) -> u64 {
        self.len() as u64
    }
    fn block(&self, seq: u64) -> Option<Block> {
        self.get(usize::try_from(seq).ok()?).cloned()
    }
}

/// Why a tree could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A block that is needed is not here. Says nothing about anybody.
    #[error("block {seq} is not here")]
    Missing {
        /// The block.
        seq: u64,
    },
    /// A block that is needed cannot be used, and Hyperbee's reader fails on it too (or would never come back).
    #[error("block {seq}: {why}")]
    Malformed {
        /// The block whose bytes are to blame: for pointers, the one that has the pointer.
        seq: u64,
        /// What is wrong.
        why: Malformed,
    },
}

/// What is wrong with a block of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is no Hyperbee node, or its index cannot be read.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A key points at or beyond the version that is read: at that time there was no such block.
    #[error("a key points to block {to}, beyond the tree's version")]
    KeyOutOfRange {
        /// Where it points.
        to: u64,
    },
    /// The same for a child.
    #[error("a child points to block {to}, beyond the tree's version")]
    ChildOutOfRange {
        /// Where it points.
        to: u64,
    },
    /// A node has fewer children than the search needs.
    #[error("a node has no child {0}")]
    NoChild(usize),
    /// A pointer, or the version itself, names a level that the block does not have.
    #[error("no level {0} in the block")]
    NoLevel(u64),
    /// More than [`MAX_DEPTH`] nodes below one another: a cycle, or as bad as one.
    #[error("the tree is deeper than {MAX_DEPTH} nodes, or has a cycle")]
    TooDeep,
    /// Hyperbee's own algorithm fails on this tree (an underfull node where it needs a key).
    #[error("a node without the keys that its place in the tree requires")]
    Underfull,
}

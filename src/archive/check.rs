//! Checking the blocks of a core against its signed head.
//!
//! From the roots (whose tree hash the owner signed) down: two children are believed if they hash to their parent, a block
//! if it hashes to its leaf. So everything that is let through is bound to the signature, sizes and byte offsets too, and
//! a subtree that is not on disk is simply absent, unless the core claims to have a block in it.

use super::ImportError;
use super::files::{StoreFile, Window};
use super::nodes::{NODE, StoredNodes};
use super::presence::Claims;
use crate::hypercore::flat::{self, Subtree};
use crate::hypercore::hash::{self, LeafHasher};
use crate::hypercore::{Node, Roots};

/// A block that was authenticated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf {
    /// Where it begins in the data file.
    pub offset: u64,
    pub node: Node,
}

/// The authenticated blocks of a core.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    leaves: Vec<Leaf>,
    // Where a run of consecutive blocks begins: (block, position in `leaves`).
    runs: Vec<(u64, usize)>,
}

impl Checked {
    pub fn get(&self, seq: u64) -> Option<Leaf> {
        let run = self.runs.partition_point(|(first, _)| *first <= seq).checked_sub(1)?;
        let (first, at) = *self.runs.get(run)?;
        let end = self.runs.get(run.saturating_add(1)).map_or(self.leaves.len(), |(_, at)| *at);
        let at = usize::try_from(seq.checked_sub(first)?).ok()?.checked_add(at)?;
        if at < end { self.leaves.get(at).copied() } else { None }
    }

    pub fn count(&self) -> u64 {
        self.leaves.len() as u64
    }

    fn push(&mut self, seq: u64, leaf: Leaf) {
        let next =
            self.runs.last().map(|(first, at)| first.saturating_add((self.leaves.len().saturating_sub(*at)) as u64));
        if next != Some(seq) {
            self.runs.push((seq, self.leaves.len()));
        }
        self.leaves.push(leaf);
    }
}

/// What a check reads.
pub(crate) struct Walk<'a> {
    pub nodes: &'a mut StoredNodes,
    pub data: Option<&'a StoreFile>,
    pub window: &'a mut Window,
    /// For errors only: the files may be missing.
    pub tree_path: &'a std::path::Path,
    pub data_path: &'a std::path::Path,
}

impl Walk<'_> {
    /// Authenticates every block that is there.
    pub fn all(&mut self, roots: &Roots, claims: &Claims) -> Result<Checked, ImportError> {
        let mut checked = Checked::default();
        let mut offset = 0_u64;
        for (at, node) in flat::roots(roots.length()).zip(roots.nodes()) {
            // What is right of here, with its node and offset: at most two subtrees a level.
            let mut stack = vec![(at, *node, offset)];
            while let Some((at, node, offset)) = stack.pop() {
                match self.children(at, &node)? {
                    Children::Leaf => {
                        let claimed = claims.contains(at.first);
                        if self.holds(&node, offset, claimed)? {
                            checked.push(at.first, Leaf { offset, node });
                        } else if claimed {
                            let reason = format!("block {} is not the one that was signed", at.first);
                            return Err(ImportError::new(self.data_path, offset, reason));
                        }
                    }
                    Children::Two([left, right]) => {
                        stack.push((right.0, right.1, offset.saturating_add(left.1.size)));
                        stack.push((left.0, left.1, offset));
                    }
                    Children::Missing => {
                        if let Some(seq) = claims.first(at.first..at.end()) {
                            return Err(self.broken_tree(at, seq));
                        }
                    }
                }
            }
            offset = offset.saturating_add(node.size);
        }
        Ok(checked)
    }

    /// The authenticated node over a subtree, and the byte offset of its first block.
    pub fn descend(&mut self, roots: &Roots, to: Subtree) -> Result<Option<(Node, u64)>, ImportError> {
        let mut offset = 0_u64;
        for (mut at, node) in flat::roots(roots.length()).zip(roots.nodes()) {
            let mut node = *node;
            if !at.contains(to.first) {
                offset = offset.saturating_add(node.size);
                continue;
            }
            while at.blocks > to.blocks {
                let Children::Two([left, right]) = self.children(at, &node)? else { return Ok(None) };
                (at, node) = if left.0.contains(to.first) {
                    left
                } else {
                    offset = offset.saturating_add(left.1.size);
                    right
                };
            }
            return Ok((at == to).then_some((node, offset)));
        }
        Ok(None)
    }

    fn children(&mut self, at: Subtree, node: &Node) -> Result<Children, ImportError> {
        let Some((left, right)) = at.children() else { return Ok(Children::Leaf) };
        let (Some(l), Some(r)) = (self.nodes.get(left)?, self.nodes.get(right)?) else { return Ok(Children::Missing) };
        let fits = hash::parent(&l, &r).is_some_and(|parent| parent == *node);
        Ok(if fits { Children::Two([(left, l), (right, r)]) } else { Children::Missing })
    }

    /// Whether the data file has these bytes. Beyond its end: an error if the block is claimed.
    fn holds(&mut self, node: &Node, offset: u64, claimed: bool) -> Result<bool, ImportError> {
        let inside = |file: &StoreFile| offset.checked_add(node.size).is_some_and(|end| end <= file.length());
        let mut hasher = LeafHasher::new(node.size);
        match self.data {
            Some(file) if inside(file) => self.window.read(file, offset, node.size, |piece| hasher.update(piece))?,
            // An empty block needs no file.
            _ if node.size == 0 => (),
            Some(file) if claimed => return Err(file.error(file.length(), "the file is cut off")),
            None if claimed => return Err(ImportError::new(self.data_path, None, "the file is missing")),
            _ => return Ok(false),
        }
        Ok(hasher.finish() == *node)
    }

    fn broken_tree(&self, at: Subtree, seq: u64) -> ImportError {
        let offset = at.children().and_then(|(left, _)| left.index().checked_mul(NODE));
        let reason = format!("a tree node above block {seq} is missing or is not the one that was signed");
        ImportError::new(self.tree_path, offset, reason)
    }
}

enum Children {
    Leaf,
    Two([(Subtree, Node); 2]),
    /// Not on disk, or not the children of this parent.
    Missing,
}

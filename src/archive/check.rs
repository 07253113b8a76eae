//! Checking the blocks of a core against its signed head.
//!
//! From the roots (whose tree hash the owner signed) down: two children are believed if they hash to their parent, a block
//! if it hashes to its leaf. So everything that is let through is bound to the signature, sizes and byte offsets too, and
//! a subtree that is not on disk is simply absent, unless the core claims to have a block in it.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::ImportError;
use super::files::{StoreFile, Window};
use super::nodes::StoredNodes;
use super::presence::Claims;
use crate::hypercore::flat::{self, Subtree};
use crate::hypercore::hash::{self, LeafHasher};
use crate::hypercore::{Node, Roots};

/// A block that was authenticated: where its bytes are, and what to know them by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf {
    /// Where it begins in the data file.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
    fingerprint: u64,
}

/// The authenticated blocks of a core, in 16 bytes each.
///
/// Of the bytes that hashed up to the head only a keyed 64-bit fingerprint is kept. It guards against a file that changes
/// after the check: whoever changes it cannot aim, since the key is random, lives in this process only, and no answer
/// shows it. Other bytes of the same length pass with a chance of 2^-64.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    // Offset and fingerprint.
    leaves: Vec<(u64, u64)>,
    runs: Vec<Run>,
    key: RandomState,
}

/// Consecutive blocks, whose bytes are consecutive too.
#[derive(Debug)]
struct Run {
    /// The first block.
    first: u64,
    /// Its position in `leaves`.
    at: usize,
    /// Where the last block ends in the data file.
    end: u64,
}

impl Checked {
    pub fn get(&self, seq: u64) -> Option<Leaf> {
        let number = self.runs.partition_point(|run| run.first <= seq).checked_sub(1)?;
        let run = self.runs.get(number)?;
        let next = self.runs.get(number.saturating_add(1)).map_or(self.leaves.len(), |next| next.at);
        let at = usize::try_from(seq.checked_sub(run.first)?).ok()?.checked_add(run.at)?;
        let rest = self.leaves.get(at..next)?;
        let (offset, fingerprint) = *rest.first()?;
        let end = rest.get(1).map_or(run.end, |(offset, _)| *offset);
        Some(Leaf { offset, size: end.checked_sub(offset)?, fingerprint })
    }

    pub fn count(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Whether these are the bytes that were authenticated as this block.
    pub fn knows(&self, leaf: &Leaf, bytes: &[u8]) -> bool {
        let mut hasher = self.key.build_hasher();
        hasher.write(bytes);
        leaf.size == bytes.len() as u64 && leaf.fingerprint == hasher.finish()
    }

    fn push(&mut self, seq: u64, offset: u64, size: u64, fingerprint: u64) {
        let end = offset.saturating_add(size);
        let at = self.leaves.len();
        match self.runs.last_mut() {
            Some(run) if run.first.saturating_add(at.saturating_sub(run.at) as u64) == seq => run.end = end,
            _ => self.runs.push(Run { first: seq, at, end }),
        }
        self.leaves.push((offset, fingerprint));
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
    /// Authenticates every block that is there, after those below `old`, which were authenticated before: their roots must still
    /// be there.
    pub fn more(
        &mut self,
        old: &Roots,
        roots: &Roots,
        claims: &Claims,
        checked: &mut Checked,
    ) -> Result<(), ImportError> {
        let known = flat::roots(old.length()).map(Subtree::index).zip(old.nodes());
        let known: HashMap<u64, &Node> = known.collect();
        let mut offset = 0_u64;
        for (at, node) in flat::roots(roots.length()).zip(roots.nodes()) {
            // What is right of here, with its node and offset: at most two subtrees a level.
            let mut stack = vec![(at, *node, offset)];
            while let Some((at, node, offset)) = stack.pop() {
                match known.get(&at.index()) {
                    Some(before) if **before == node => continue,
                    Some(_) => {
                        let reason = format!("the blocks before block {} are others than before", at.end());
                        return Err(ImportError::new(self.tree_path, None, reason));
                    }
                    None => (),
                }
                match self.children(at, &node)? {
                    Children::Leaf => {
                        let claimed = claims.contains(at.first);
                        let fingerprint = checked.key.build_hasher();
                        if let Some(fingerprint) = self.holds(&node, offset, claimed, fingerprint)? {
                            checked.push(at.first, offset, node.size, fingerprint);
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
        Ok(())
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

    /// The fingerprint of a leaf's bytes, if the data file has them. Beyond its end: an error if the block is claimed.
    fn holds(
        &mut self,
        node: &Node,
        offset: u64,
        claimed: bool,
        mut fingerprint: impl Hasher,
    ) -> Result<Option<u64>, ImportError> {
        let inside = |file: &StoreFile| offset.checked_add(node.size).is_some_and(|end| end <= file.length());
        let mut hasher = LeafHasher::new(node.size);
        match self.data {
            Some(file) if inside(file) => self.window.read(file, offset, node.size, |piece| {
                hasher.update(piece);
                // The pieces are hashed as one stream of bytes; a test says so too.
                fingerprint.write(piece);
            })?,
            // An empty block needs no file.
            _ if node.size == 0 => (),
            Some(file) if claimed => return Err(file.error(file.length(), "the file is cut off")),
            None if claimed => return Err(ImportError::new(self.data_path, None, "the file is missing")),
            _ => return Ok(None),
        }
        Ok((hasher.finish() == *node).then(|| fingerprint.finish()))
    }

    fn broken_tree(&self, at: Subtree, seq: u64) -> ImportError {
        let offset = at.children().and_then(|(left, _)| self.nodes.offset(left));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authenticated_block_costs_16_bytes() {
        assert_eq!(size_of::<(u64, u64)>(), 16);
        let mut checked = Checked::default();
        // Blocks 0, 1 (empty) and 2 of 3 + 0 + 9 bytes, then 7 of 17.
        let bytes: Vec<u8> = (0..40).collect();
        for (seq, offset, size) in [(0, 0, 3), (1, 3, 0), (2, 3, 9), (7, 20, 17)] {
            let print = stream(&checked.key, &[&bytes[offset..offset + size]]);
            checked.push(seq, offset as u64, size as u64, print);
        }
        for (seq, range) in [(0, 0..3), (1, 3..3), (2, 3..12), (7, 20..37)] {
            let leaf = checked.get(seq).unwrap();
            assert_eq!((leaf.offset, leaf.size), (range.start as u64, range.len() as u64));
            assert!(checked.knows(&leaf, &bytes[range.clone()]));
            assert!(!checked.knows(&leaf, &bytes[range.start..range.end + 1]));
            let mut changed = bytes[range].to_vec();
            if let Some(byte) = changed.last_mut() {
                *byte ^= 1;
                assert!(!checked.knows(&leaf, &changed));
            }
        }
        for seq in [3, 6, 8, u64::MAX] {
            assert!(checked.get(seq).is_none());
        }
        assert_eq!(checked.count(), 4);
    }

    #[test]
    fn pieces_are_one_stream() {
        let key = RandomState::new();
        let bytes: Vec<u8> = (0..100).collect();
        let whole = stream(&key, &[&bytes]);
        for at in 0..bytes.len() {
            for to in at..bytes.len() {
                assert_eq!(stream(&key, &[&bytes[..at], &bytes[at..to], &bytes[to..]]), whole);
            }
        }
    }

    fn stream(key: &RandomState, pieces: &[&[u8]]) -> u64 {
        let mut hasher = key.build_hasher();
        pieces.iter().for_each(|piece| hasher.write(piece));
        hasher.finish()
    }
}

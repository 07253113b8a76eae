//! Flat-tree numbering: which subtree has which index.
//!
//! Block i is index 2i; a full subtree of 2^h blocks that starts at block f has index 2f + 2^h - 1. A log of n blocks has
//! one full root for each set bit of n, the largest first. All arithmetic assumes lengths below [`super::MAX_LENGTH`],
//! for which nothing here overflows; longer ones give no subtrees at all.

use super::MAX_LENGTH;

/// A full, aligned subtree: blocks `first .. first + blocks`, where `blocks` is a power of two that divides `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subtree {
    /// First block.
    pub first: u64,
    /// Number of blocks, a power of two.
    pub blocks: u64,
}

impl Subtree {
    /// The leaf over one block.
    pub fn leaf(block: u64) -> Subtree {
        Subtree { first: block, blocks: 1 }
    }

    /// Index in the flat tree.
    pub fn index(self) -> u64 {
        self.first.wrapping_mul(2).wrapping_add(self.blocks).wrapping_sub(1)
    }

    /// One past its last block.
    pub fn end(self) -> u64 {
        self.first.wrapping_add(self.blocks)
    }

    /// Whether `block` lies below.
    pub fn contains(self, block: u64) -> bool {
        self.first <= block && block < self.end()
    }

    /// Its two halves, or `None` for a leaf.
    pub fn children(self) -> Option<(Subtree, Subtree)> {
        if self.blocks < 2 {
            return None;
        }
        let half = self.blocks / 2;
        let left = Subtree { first: self.first, blocks: half };
        Some((left, Subtree { first: left.end(), blocks: half }))
    }

    /// Whether it is the left half of its parent.
    pub fn is_left(self) -> bool {
        self.first & self.blocks == 0
    }

    /// The other half of its parent.
    pub fn sibling(self) -> Subtree {
        Subtree { first: self.first ^ self.blocks, blocks: self.blocks }
    }

    /// The subtree twice as large around it.
    pub fn parent(self) -> Subtree {
        Subtree { first: self.first & !self.blocks, blocks: self.blocks.wrapping_mul(2) }
    }
}

/// The subtrees that extend a log of `from` blocks to one of `to` blocks, in the order in which they are appended: each
/// starts where the log ends and is as large as alignment and `to` allow. With `from` 0: the full roots of `to`.
pub fn extension(from: u64, to: u64) -> impl Iterator<Item = Subtree> {
    let mut at = from;
    let to = if to < MAX_LENGTH { to } else { 0 };
    std::iter::from_fn(move || {
        let rest = to.checked_sub(at).filter(|rest| *rest > 0)?;
        let fits = 1_u64 << rest.ilog2();
        let aligned = if at == 0 { fits } else { 1 << at.trailing_zeros() };
        let next = Subtree { first: at, blocks: fits.min(aligned) };
        at = next.end();
        Some(next)
    })
}

/// The full roots of a log of `length` blocks, left to right.
pub fn roots(length: u64) -> impl Iterator<Item = Subtree> {
    extension(0, length)
}

/// The siblings on the way from `block` up to its full root in a log of `length` blocks, bottom up, and that root.
/// `None` if the block is not below `length`.
pub fn path(block: u64, length: u64) -> Option<(Vec<Subtree>, Subtree)> {
    let root = roots(length).find(|root| root.contains(block))?;
    let mut at = Subtree::leaf(block);
    let mut uncles = Vec::new();
    while at.blocks < root.blocks {
        uncles.push(at.sibling());
        at = at.parent();
    }
    Some((uncles, root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_seven_blocks() {
        assert_eq!(roots(7).map(Subtree::index).collect::<Vec<_>>(), [3, 9, 12]);
    }

    #[test]
    fn an_extension_ends_at_the_new_length() {
        for from in 0..70 {
            for to in from..70 {
                let mut at = from;
                for next in extension(from, to) {
                    assert_eq!((next.first, next.first % next.blocks), (at, 0));
                    at = next.end();
                }
                assert_eq!(at, to);
            }
        }
    }

    #[test]
    fn absurd_lengths_have_no_subtrees() {
        assert_eq!(roots(MAX_LENGTH).count(), 0);
        assert_eq!(roots(u64::MAX).count(), 0);
        assert_eq!(roots(MAX_LENGTH - 1).count(), 52);
        assert!(path(u64::MAX, MAX_LENGTH - 1).is_none());
    }
}

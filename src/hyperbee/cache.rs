//! Decoded blocks of one log, within a bound.
//!
//! Why: a key is compared again each time that a search passes it, and the blocks near the root are read for every
//! operation. The cache holds blocks, never results: there is no second copy of the state that could disagree with the log.
//!
//! Two generations: a block enters the young one; when the young one holds half of the bound, it becomes the old one and
//! the old one is dropped; a hit in the old one moves the block back. That keeps what is in use without a list or a clock.
//!
//! Invariant: a cache belongs to one log, at one fork. Blocks of another log must never be asked for through it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::rc::Rc;

use super::batch::Memory;
use super::node::Entry;
use super::{Blocks, Malformed, TreeError};

/// Bytes that a cache holds unless told otherwise.
pub const DEFAULT_CACHE_BYTES: usize = 64 << 20;

/// What an entry takes beside its block: itself, its slot in the table, the spans of its levels.
const OVERHEAD: usize = 256;

/// One node is kept in memory for so many bytes of the bound. (It takes half a kilobyte, and holds on to up to 8 blocks.)
const BYTES_PER_KEPT_NODE: usize = 16 << 10;

/// Decoded blocks by block number. For one thread: an auditor has its own.
#[derive(Debug)]
pub struct Cache {
    generations: RefCell<Generations>,
    half: usize,
    /// The tree in memory that the last batch left, when no batch has it.
    memory: RefCell<Option<Box<Memory>>>,
}

type Table = HashMap<u64, Rc<Entry>, BuildHasherDefault<SeqHasher>>;

#[derive(Debug, Default)]
struct Generations {
    young: Table,
    old: Table,
    young_bytes: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self::new(DEFAULT_CACHE_BYTES)
    }
}

impl Cache {
    /// A cache of at most about `bytes` bytes (one block more, when blocks are that large).
    pub fn new(bytes: usize) -> Self {
        Self { generations: RefCell::default(), half: bytes / 2, memory: RefCell::default() }
    }

    /// The block `seq`, decoded.
    ///
    /// # Errors
    /// [`TreeError::Missing`] when the source does not have it, [`TreeError::Malformed`] when it is no Hyperbee node.
    /// Neither is remembered.
    #[inline]
    pub fn entry<B: Blocks + ?Sized>(&self, blocks: &B, seq: u64) -> Result<Rc<Entry>, TreeError> {
        if let Some(entry) = self.generations.borrow().young.get(&seq) {
            return Ok(Rc::clone(entry));
        }
        let old = self.generations.borrow_mut().old.remove(&seq);
        let entry = match old {
            Some(entry) => entry,
            None => {
                let block = blocks.block(seq).ok_or(TreeError::Missing { seq })?;
                let entry = Entry::decode(seq, block);
                Rc::new(entry.map_err(|why| TreeError::Malformed { seq, why: Malformed::Node(why) })?)
            }
        };
        self.insert(Rc::clone(&entry));
        Ok(entry)
    }

    /// Adds a block that was decoded elsewhere.
    pub fn insert(&self, entry: Rc<Entry>) {
        let mut generations = self.generations.borrow_mut();
        if generations.young_bytes >= self.half {
            generations.old = mem::take(&mut generations.young);
            generations.young_bytes = 0;
        }
        generations.young_bytes += entry.block().len() + OVERHEAD;
        generations.young.insert(entry.seq(), entry);
    }

    /// Forgets everything: for a log that was cut short and has other blocks now.
    pub fn clear(&self) {
        *self.generations.borrow_mut() = Generations::default();
        self.memory.replace(None);
    }

    /// A tree in memory for a batch on `version`: that version's, when it is here, or an empty one.
    pub(super) fn lend_memory(&self, version: u64) -> Box<Memory> {
        let mut memory = self.memory.take().unwrap_or_default();
        memory.ready_for(version, self.half * 2 / BYTES_PER_KEPT_NODE);
        memory
    }

    /// Takes it back; `version` when it is the tree of a version that is in the log.
    pub(super) fn return_memory(&self, mut memory: Box<Memory>, version: Option<u64>) {
        match version {
            Some(version) => memory.settle(version),
            None => memory.forget(),
        }
        self.memory.replace(Some(memory));
    }
}

/// Spreads block numbers over the table: they are dense, and nobody chooses them to collide.
#[derive(Default)]
struct SeqHasher(u64);

impl Hasher for SeqHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        // Fibonacci hashing; the table uses the highest and the lowest bits.
        let spread = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::Block;
    use super::*;

    struct Counted(Cell<usize>);

    impl Blocks for Counted {
        fn length(&self) -> u64 {
            u64::MAX
        }
        fn block(&self, seq: u64) -> Option<Block> {
            self.0.set(self.0.get() + 1);
            (seq != 13).then(|| Block::from(&b"\x0a\x00\x12\x01k"[..]))
        }
    }

    #[test]
    fn keeps_what_is_in_use_and_stays_within_its_bound() {
        let blocks = Counted(Cell::new(0));
        let cache = Cache::new(100 * (OVERHEAD + 5));
        for seq in 100..10_000 {
            cache.entry(&blocks, seq).unwrap();
            cache.entry(&blocks, 1).unwrap();
        }
        let generations = cache.generations.borrow();
        assert!(generations.young.len() + generations.old.len() <= 102);
        assert_eq!(blocks.0.get(), 9_900 + 1, "block 1 was always in use");
    }

    #[test]
    fn failures_are_not_remembered() {
        let blocks = Counted(Cell::new(0));
        let cache = Cache::default();
        for _ in 0..2 {
            assert_eq!(cache.entry(&blocks, 13).unwrap_err(), TreeError::Missing { seq: 13 });
        }
        assert_eq!(blocks.0.get(), 2);
    }
}

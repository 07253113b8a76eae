//! Hyperbee: an append-only B-tree inside a log.

use std::sync::Arc;

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

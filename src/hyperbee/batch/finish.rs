//! The end of a batch: which nodes each block keeps, and the blocks' bytes.
//!
//! Ending does not change the batch, so that "does it end here?" can be asked after every operation.

use super::{Batch, LinkId};
use crate::hyperbee::node::encode_block;
use crate::hyperbee::{Blocks, Entry, Pointer, TreeError, levels};

/// Whether published blocks are what Hyperbee writes for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// All of them, byte for byte.
    Same,
    /// Not this one (the first).
    Differs {
        /// The block.
        seq: u64,
    },
}

/// What ends up in the blocks: where each link points once the blocks are compacted.
struct Ending {
    at: Vec<Pointer>,
    list: Vec<LinkId>,
    index: Vec<u8>,
}

impl<B: Blocks + ?Sized> Batch<'_, B> {
    /// The blocks, if the batch ends here.
    ///
    /// # Errors
    /// When the batch is dead.
    pub fn blocks_if_ended(&self) -> Result<Vec<Vec<u8>>, TreeError> {
        let mut blocks = Vec::with_capacity(self.len());
        self.each_index(|entry, index| {
            let mut block = Vec::with_capacity(index.len() + entry.block().len() + 8);
            encode_block(index, entry.key(), entry.value(), &mut block);
            blocks.push(block);
            true
        })?;
        Ok(blocks)
    }

    /// The blocks of the finished batch.
    ///
    /// # Errors
    /// When the batch is dead.
    pub fn finish(self) -> Result<Vec<Vec<u8>>, TreeError> {
        self.blocks_if_ended()
    }

    /// Compares the blocks, if the batch ends here, with published ones: nothing is copied. There should be as many
    /// as the batch has.
    ///
    /// # Errors
    /// When the batch is dead.
    pub fn fits<'e>(&self, published: impl IntoIterator<Item = &'e Entry>) -> Result<Fit, TreeError> {
        let mut published = published.into_iter();
        let mut seq = self.version;
        let mut same = true;
        self.each_index(|entry, index| {
            same = published.next().is_some_and(|published| {
                published.canonical()
                    && published.index() == index
                    && published.key() == entry.key()
                    && published.value() == entry.value()
            });
            seq += u64::from(same);
            same
        })?;
        Ok(if same { Fit::Same } else { Fit::Differs { seq } })
    }

    /// A quick look at one block: could the batch end with it? `false` is certain. Costs as much as the block is long,
    /// however long the batch is.
    pub fn may_end_with(&self, published: &Entry) -> bool {
        let list = self.list(self.len().saturating_sub(1));
        if published.level_count() != Ok(list.len()) {
            return false;
        }
        list.iter().zip(0..).all(|(&link, offset)| {
            let node = self.link(link).node.and_then(|id| self.node(id).ok());
            let (Some(node), Ok(Some(level))) = (node, published.level(offset)) else { return false };
            // Offsets into earlier blocks of the batch are only known when it ends.
            level.keys().eq(node.keys.iter().copied())
                && level.children().step_by(2).eq(node.children.iter().map(|&link| self.link(link).at.seq))
        })
    }

    /// Calls `each` with every operation and its index, until it says `false`.
    fn each_index(&self, mut each: impl FnMut(&Entry, &[u8]) -> bool) -> Result<(), TreeError> {
        self.alive()?;
        let mut ending =
            Ending { at: self.links.iter().map(|link| link.at).collect(), list: Vec::new(), index: Vec::new() };
        let last = self.len().saturating_sub(1);
        for (i, entry) in self.ops.iter().enumerate() {
            ending.list.clear();
            ending.list.extend_from_slice(self.list(i));
            if i < last {
                ending.compact(self.version.saturating_add(i as u64));
            }
            // Before the next block is compacted: garbage may point into it, with its offsets as they are now.
            self.encode(&mut ending)?;
            if !each(entry, &ending.index) {
                break;
            }
        }
        Ok(())
    }

    /// The links that block `i` of the batch lists.
    fn list(&self, i: usize) -> &[LinkId] {
        let start = i.checked_sub(1).and_then(|before| self.listed.get(before).copied()).unwrap_or(0);
        self.listed.get(i).and_then(|&end| self.lists.get(start..end)).unwrap_or_default()
    }

    fn encode(&self, ending: &mut Ending) -> Result<(), TreeError> {
        ending.index.clear();
        for &link in &ending.list {
            let Some(id) = self.link(link).node else { continue };
            let node = self.node(id)?;
            let children = node.children.iter().flat_map(|&link| {
                let at = ending.at.get(link as usize).copied().unwrap_or(Pointer { seq: 0, offset: 0 });
                [at.seq, at.offset]
            });
            levels::encode(&mut ending.index, node.keys.iter().copied(), children);
        }
        Ok(())
    }
}

impl Ending {
    /// Drops the root and the links that have left the block `seq`, and fills each hole with the last link.
    fn compact(&mut self, seq: u64) {
        if !self.list.is_empty() {
            self.list.swap_remove(0);
        }
        let mut i = 0;
        while let Some(&link) = self.list.get(i) {
            match self.at.get_mut(link as usize) {
                Some(at) if at.seq == seq => {
                    at.offset = i as u64;
                    i += 1;
                }
                _ => _ = self.list.swap_remove(i),
            }
        }
    }
}

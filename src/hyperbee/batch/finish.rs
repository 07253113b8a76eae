//! The end of a batch: which nodes each block keeps, and the blocks' bytes.
//!
//! Ending does not use the batch up, so that "does it end here?" can be asked after every operation.

use super::{Batch, LinkId, Memory};
use crate::hyperbee::node::encode_block;
use crate::hyperbee::{Blocks, Entry, TreeError, levels};

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

impl<B: Blocks + ?Sized> Batch<'_, B> {
    /// The blocks, if the batch ends here.
    ///
    /// # Errors
    /// When the batch is dead.
    pub fn blocks_if_ended(&mut self) -> Result<Vec<Vec<u8>>, TreeError> {
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
    pub fn finish(mut self) -> Result<Vec<Vec<u8>>, TreeError> {
        self.blocks_if_ended()
    }

    /// The same for who appends exactly these blocks to the batch's log: the next batch on this cache goes on with the tree
    /// in memory.
    ///
    /// # Errors
    /// When the batch is dead.
    pub fn finish_and_go_on(mut self) -> Result<Vec<Vec<u8>>, TreeError> {
        let blocks = self.blocks_if_ended()?;
        self.settled = true;
        Ok(blocks)
    }

    /// Compares the blocks, if the batch ends here, with published ones: those of the batch's own log, as many as the
    /// batch has. Nothing is copied. If they fit, the next batch on this cache goes on with the tree in memory.
    ///
    /// # Errors
    /// When the batch is dead.
    pub fn fits<'e>(&mut self, published: impl IntoIterator<Item = &'e Entry>) -> Result<Fit, TreeError> {
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
        self.settled = same;
        Ok(if same { Fit::Same } else { Fit::Differs { seq } })
    }

    /// A quick look at the last block so far, as published: must the batch end with it, if Hyperbee wrote it? Every block
    /// of a batch but the last leaves out its root at least (`Memory::compact`), so the one that carries as many nodes as
    /// its operation wrote is the last. `false`: it does not end here.
    pub fn must_end_with(&self, published: &Entry) -> bool {
        let written = self.memory.list_of(self.len().saturating_sub(1)).len();
        // Nor does a batch go on behind a block that cannot be read.
        !published.level_count().is_ok_and(|count| count < written)
    }

    /// Calls `each` with every operation and its index, until it says `false`.
    fn each_index(&mut self, mut each: impl FnMut(&Entry, &[u8]) -> bool) -> Result<(), TreeError> {
        self.alive()?;
        self.memory.start_ending();
        let last = self.len().saturating_sub(1);
        for (i, entry) in self.ops.iter().enumerate() {
            self.memory.take_list(i);
            if i < last {
                self.memory.compact(self.version.saturating_add(i as u64));
            }
            // Before the next block is compacted: garbage may point into it, with its offsets as they are now.
            self.memory.encode();
            if !each(entry, &self.memory.index) {
                break;
            }
        }
        Ok(())
    }
}

impl Memory {
    /// Takes back what an earlier ending did to the links.
    fn start_ending(&mut self) {
        for &link in &self.lists {
            if let Some(link) = self.links.get_mut(link as usize) {
                link.ended = link.at.offset;
            }
        }
    }

    fn take_list(&mut self, i: usize) {
        let mut list = std::mem::take(&mut self.list);
        list.clear();
        list.extend_from_slice(self.list_of(i));
        self.list = list;
    }

    /// Drops the root and the links that have left the block `seq`, and fills each hole with the last link.
    fn compact(&mut self, seq: u64) {
        if !self.list.is_empty() {
            self.list.swap_remove(0);
        }
        let mut i = 0;
        while let Some(&link) = self.list.get(i) {
            match self.links.get_mut(link as usize) {
                Some(link) if link.at.seq == seq => {
                    link.ended = i as u64;
                    i += 1;
                }
                _ => _ = self.list.swap_remove(i),
            }
        }
    }

    fn encode(&mut self) {
        let Self { list, links, nodes, index, .. } = self;
        index.clear();
        let link = |id: LinkId| links.get(id as usize);
        for &id in &*list {
            let Some(node) = link(id).and_then(|link| nodes.get(link.node? as usize)) else { continue };
            let children = node.children.iter().filter_map(|&id| link(id)).flat_map(|link| [link.at.seq, link.ended]);
            levels::encode(index, node.keys.iter().map(|key| key.seq), children);
        }
    }
}

//! Slices that were authenticated, as the logs that an auditor reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file::Slice;
use crate::hyperbee::{Block, Blocks};
use crate::hypercore::encoding::Reader;
use crate::hypercore::{HeadClaim, HeadError, Key, Manifest, MultiProof, ProofError, SignedHead};
use crate::replay::logs::{Logs, Oplog};

/// Why a slice is not authentic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SliceError {
    /// Blocks and nodes do not make a tree, or are there without need.
    #[error("blocks and nodes do not make one tree: {0}")]
    Tree(#[from] ProofError),
    /// A bare tree hash has neither.
    #[error("a bare tree hash with blocks or nodes")]
    Bare,
    /// The head was not signed by the log's owner.
    #[error("its head is not signed: {0}")]
    Head(#[from] HeadError),
    /// The manifest is none.
    #[error("its manifest cannot be read")]
    Manifest,
}

impl Slice {
    /// Checks that the owner of the log signed a log with these blocks at their places.
    ///
    /// # Errors
    /// [`SliceError`].
    pub fn authenticate(&self) -> Result<SignedHead, SliceError> {
        let manifest = match &self.manifest {
            Some(bytes) => {
                let mut reader = Reader::new(bytes);
                let manifest = Manifest::read(&mut reader).map_err(|_| SliceError::Manifest)?;
                reader.end().map_err(|_| SliceError::Manifest)?;
                Some(manifest)
            }
            None => None,
        };
        let mut claim = HeadClaim {
            key: self.key,
            manifest,
            fork: self.fork,
            length: self.length,
            tree_hash: [0; 32],
            signature: self.signature.clone(),
            roots: Vec::new(),
        };
        match self.tree {
            Some(_) if !self.nodes.is_empty() || !self.blocks.is_empty() => return Err(SliceError::Bare),
            Some(tree) => claim.tree_hash = tree,
            None => {
                let roots = MultiProof { nodes: self.nodes.clone() }.roots(&self.blocks, self.length)?;
                claim.tree_hash = roots.tree_hash();
                if claim.needs_roots() {
                    claim.roots = roots.nodes().to_vec();
                }
            }
        }
        Ok(claim.verify()?)
    }

    /// The slice of a log that has these blocks, under a head that `tree` has.
    pub fn build(
        head: &SignedHead,
        tree: &dyn crate::hypercore::Nodes,
        blocks: BTreeMap<u64, Vec<u8>>,
    ) -> Option<Slice> {
        let seqs: Vec<u64> = blocks.keys().copied().collect();
        let nodes = MultiProof::build(tree, &seqs, head.length())?.nodes;
        Some(Slice { nodes, blocks, ..Slice::bare(head, false) })
    }

    /// The head alone.
    pub fn of_head(head: &SignedHead) -> Slice {
        let patched = !head.claim().roots.is_empty();
        Slice { nodes: head.claim().roots.clone(), ..Slice::bare(head, !patched) }
    }

    fn bare(head: &SignedHead, hash: bool) -> Slice {
        Slice {
            key: *head.key(),
            manifest: head.manifest().map(|manifest| manifest.bytes().to_vec()),
            fork: head.fork(),
            length: head.length(),
            signature: head.signature().to_vec(),
            tree: hash.then_some(*head.tree_hash()),
            ..Slice::default()
        }
    }
}

/// The blocks of a slice.
#[derive(Debug)]
pub(super) struct Part {
    fork: u64,
    length: u64,
    blocks: BTreeMap<u64, Block>,
}

impl Blocks for Part {
    fn length(&self) -> u64 {
        self.length
    }
    fn block(&self, seq: u64) -> Option<Block> {
        self.blocks.get(&seq).cloned()
    }
}

/// The logs of a proof.
#[derive(Debug)]
pub(super) struct Witness {
    index: Part,
    oplogs: BTreeMap<Key, Part>,
    /// The index may go on after what is here, so that its end decides nothing.
    pub goes_on: bool,
}

impl Witness {
    /// Of authenticated slices, the first of which is the index; `None` without it.
    pub fn new(slices: &[Slice]) -> Option<Witness> {
        let part = |slice: &Slice| {
            let blocks = slice.blocks.iter().map(|(seq, block)| (*seq, Arc::from(block.as_slice())));
            Part { fork: slice.fork, length: slice.length, blocks: blocks.collect() }
        };
        let (index, oplogs) = slices.split_first()?;
        let oplogs = oplogs.iter().map(|slice| (slice.key, part(slice))).collect();
        Some(Witness { index: part(index), oplogs, goes_on: true })
    }
}

impl Logs for Witness {
    fn index(&self) -> &dyn Blocks {
        &self.index
    }
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        self.oplogs.get(key).map(|part| Oplog {
            blocks: part,
            rewritten: part.fork > 0,
            // A slice whose head names nobody is refused before.
            attributed: true,
        })
    }
    fn index_fork(&self) -> u64 {
        self.index.fork
    }
    fn signed_length(&self) -> u64 {
        if self.goes_on { u64::MAX } else { self.index.length }
    }
}

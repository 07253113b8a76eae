//! The tree nodes of a core: the `tree` file (40 bytes a node: u64le size, hash), overlaid by the oplog's entries.
//!
//! Nothing that comes from here is trusted: see [`super::check`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::ImportError;
use super::files::StoreFile;
use super::oplog::Entry;
use crate::hypercore::flat::{self, Subtree};
use crate::hypercore::{MAX_LENGTH, Node, Roots};

/// Bytes of a node in the file.
pub(crate) const NODE: u64 = 40;
const PAGE_NODES: u64 = 128;
/// Pages kept: a megabyte and a quarter. A walk down a tree touches one page a level.
const PAGES: usize = 256;

/// In which order the file has its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Hypercore's: by flat-tree index, with holes for nodes that are not here yet.
    Flat,
    /// Ours: in the order in which appending completes them, so that the file only ever grows.
    Completion,
}

impl Layout {
    /// At which record a node stands; `None` for subtrees that no log has.
    pub fn record(self, at: Subtree) -> Option<u64> {
        let last = at.first.checked_add(at.blocks)?.checked_sub(1).filter(|last| *last < MAX_LENGTH)?;
        Some(match self {
            Layout::Flat => at.index(),
            // Before the last block's leaf: all nodes of the tree of `last` blocks. After it: its parents, bottom up.
            Layout::Completion => records(last).saturating_add(u64::from(at.blocks.trailing_zeros())),
        })
    }
}

/// How many records a tree of `length` blocks has in [`Layout::Completion`]: n leaves and n - popcount(n) parents.
pub(crate) fn records(length: u64) -> u64 {
    length.saturating_mul(2).saturating_sub(u64::from(length.count_ones()))
}

/// Untrusted tree nodes.
#[derive(Debug)]
pub(crate) struct StoredNodes {
    layout: Layout,
    file: Option<StoreFile>,
    // Where the file is while it is closed, and how many bytes of it count.
    closed: Option<(PathBuf, PathBuf, u64)>,
    overlay: HashMap<u64, Node>,
    pages: HashMap<u64, Vec<u8>>,
}

impl StoredNodes {
    pub fn new(layout: Layout, file: Option<StoreFile>) -> StoredNodes {
        StoredNodes { layout, file, closed: None, overlay: HashMap::new(), pages: HashMap::new() }
    }

    /// Closes the file, which is at `path`, and forgets its pages; the next read opens it again.
    pub fn close(&mut self, root: &Path, path: &Path) {
        if let Some(file) = self.file.take() {
            self.closed = Some((root.to_owned(), path.to_owned(), file.length()));
        }
        self.pages = HashMap::new();
    }

    /// Takes over an entry's nodes, which are newer than everything before.
    pub fn apply(&mut self, entry: &Entry) {
        self.overlay.extend(entry.nodes.iter().copied());
    }

    /// Where the node stands in the file, in bytes.
    pub fn offset(&self, at: Subtree) -> Option<u64> {
        self.layout.record(at)?.checked_mul(NODE)
    }

    /// The node at `at`, if there is one.
    pub fn get(&mut self, at: Subtree) -> Result<Option<Node>, ImportError> {
        if let Some(node) = self.overlay.get(&at.index()) {
            return Ok(some(*node));
        }
        let Some(index) = self.layout.record(at) else { return Ok(None) };
        if let Some((root, path, bytes)) = self.closed.take() {
            let file = StoreFile::open(&root, &path)?;
            let file = file.filter(|file| file.length() >= bytes).map(|file| file.up_to(bytes));
            self.file = Some(file.ok_or_else(|| ImportError::new(&path, None, "the file is cut off"))?);
        }
        let Some(file) = &self.file else { return Ok(None) };
        let Some(end) = index.checked_add(1).and_then(|next| next.checked_mul(NODE)) else { return Ok(None) };
        if end > file.length() {
            return Ok(None);
        }
        let page = index / PAGE_NODES;
        if !self.pages.contains_key(&page) {
            if self.pages.len() >= PAGES {
                self.pages.clear();
            }
            let start = page.saturating_mul(PAGE_NODES * NODE);
            let length = file.length().saturating_sub(start).min(PAGE_NODES * NODE);
            let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
            file.read_exact(&mut bytes, start)?;
            self.pages.insert(page, bytes);
        }
        let at = usize::try_from(index % PAGE_NODES * NODE).unwrap_or_default();
        let stored = self.pages.get(&page).and_then(|bytes| bytes.get(at..)).and_then(read_node);
        Ok(stored.and_then(some))
    }

    /// The full roots as stored, unverified; `path` is the file's, for errors.
    pub fn roots(&mut self, path: &Path, length: u64) -> Result<Roots, ImportError> {
        let mut roots = Vec::new();
        for at in flat::roots(length) {
            let node = self.get(at)?;
            roots.push(node.ok_or_else(|| ImportError::new(path, self.offset(at), "a root of the tree is missing"))?);
        }
        Roots::from_nodes(length, &roots).map_err(|e| ImportError::new(path, None, e))
    }
}

/// Reads a record.
pub(crate) fn read_node(bytes: &[u8]) -> Option<Node> {
    let (size, rest) = bytes.split_first_chunk::<8>()?;
    Some(Node { size: u64::from_le_bytes(*size), hash: *rest.first_chunk::<32>()? })
}

/// Zeros stand for a node that is not there.
fn some(node: Node) -> Option<Node> {
    (node != Node { size: 0, hash: [0; 32] }).then_some(node)
}

/// The bytes of a record.
pub(crate) fn write_node(node: &Node) -> [u8; NODE as usize] {
    let mut out = [0; NODE as usize];
    let (size, hash) = out.split_at_mut(8);
    size.copy_from_slice(&node.size.to_le_bytes());
    hash.copy_from_slice(&node.hash);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypercore::leaf;

    #[test]
    fn records_stand_in_the_order_of_completion() {
        let (mut roots, mut next) = (Roots::new(), 0);
        for n in 0..300 {
            assert_eq!(records(n), next);
            roots
                .grow(leaf(&[n as u8]), |at, _| {
                    assert_eq!(Layout::Completion.record(at), Some(next), "{at:?}");
                    next += 1;
                })
                .unwrap();
        }
        assert_eq!(Layout::Completion.record(Subtree { first: u64::MAX, blocks: 1 }), None);
        let node = leaf(b"x");
        assert_eq!(read_node(&write_node(&node)), Some(node));
    }
}

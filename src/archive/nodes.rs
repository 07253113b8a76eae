//! The tree nodes of a core: the `tree` file (40 bytes at index * 40: u64le size, hash), overlaid by the oplog's entries.
//!
//! Nothing that comes from here is trusted: see [`super::check`].

use std::collections::HashMap;

use super::ImportError;
use super::files::StoreFile;
use super::oplog::Entry;
use crate::hypercore::Node;
use crate::hypercore::flat::Subtree;

/// Bytes of a node in the file.
pub(crate) const NODE: u64 = 40;
const PAGE_NODES: u64 = 128;
/// Pages kept: a megabyte and a quarter. A walk down a tree touches one page a level.
const PAGES: usize = 256;

/// Untrusted tree nodes.
#[derive(Debug)]
pub(crate) struct StoredNodes {
    file: Option<StoreFile>,
    overlay: HashMap<u64, Node>,
    pages: HashMap<u64, Vec<u8>>,
}

impl StoredNodes {
    pub fn new(file: Option<StoreFile>) -> StoredNodes {
        StoredNodes { file, overlay: HashMap::new(), pages: HashMap::new() }
    }

    /// Takes over an entry's nodes, which are newer than everything before.
    pub fn apply(&mut self, entry: &Entry) {
        self.overlay.extend(entry.nodes.iter().copied());
    }

    /// The node at `at`, if there is one.
    pub fn get(&mut self, at: Subtree) -> Result<Option<Node>, ImportError> {
        let index = at.index();
        if let Some(node) = self.overlay.get(&index) {
            return Ok(some(*node));
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
}

fn read_node(bytes: &[u8]) -> Option<Node> {
    let (size, rest) = bytes.split_first_chunk::<8>()?;
    Some(Node { size: u64::from_le_bytes(*size), hash: *rest.first_chunk::<32>()? })
}

/// Zeros stand for a node that is not there.
fn some(node: Node) -> Option<Node> {
    (node != Node { size: 0, hash: [0; 32] }).then_some(node)
}

//! Deleting a key, and putting the tree in order afterwards.

use super::{Batch, Key, MIN_KEYS, NodeId, Place, Wanted};
use crate::hyperbee::{Blocks, MAX_DEPTH, Malformed, TreeError};

/// A node's neighbours below their common parent.
struct Siblings {
    left: Option<NodeId>,
    index: usize,
    right: Option<NodeId>,
}

impl<B: Blocks + ?Sized> Batch<'_, B> {
    /// Removes a key and returns the root; `None` when the tree does not have the key.
    pub(super) fn remove(&mut self, key: &[u8]) -> Result<Option<NodeId>, TreeError> {
        let Some(mut id) = self.load_root()? else { return Ok(None) };
        let wanted = Wanted::new(key);
        let mut way = Vec::with_capacity(8);
        loop {
            self.check_depth(&way, id)?;
            way.push(id);
            match self.search(id, wanted)? {
                Place::Key(i) if self.node(id)?.children.is_empty() => {
                    self.remove_key(id, i)?;
                    break;
                }
                Place::Key(i) => {
                    self.replace_with_nearest_leaf(id, i, &mut way)?;
                    break;
                }
                Place::Child(_) if self.node(id)?.children.is_empty() => return Ok(None),
                Place::Child(i) => id = self.load_child(id, i)?,
            }
        }
        // Only now: a key that is not found changes nothing.
        for &id in &way {
            self.node_mut(id)?.changed = true;
        }
        self.rebalance(way).map(Some)
    }

    /// Takes a key out of a node, together with the child to its right.
    fn remove_key(&mut self, id: NodeId, i: usize) -> Result<(), TreeError> {
        let node = self.node_mut(id)?;
        node.changed = true;
        let from = node.from;
        if i < node.keys.len() {
            node.keys.remove(i);
        }
        if node.children.is_empty() {
            return Ok(());
        }
        if i + 1 >= node.children.len() {
            return Err(TreeError::Malformed { seq: from, why: Malformed::NoChild(i + 1) });
        }
        let freed = node.children.remove(i + 1);
        // The link leaves the list of whatever block it was in: no block of a batch has number 0.
        if let Some(link) = self.memory.links.get_mut(freed as usize) {
            link.at.seq = 0;
        }
        Ok(())
    }

    /// Replaces key `i` of an inner node by its neighbour in the fuller of the two leaves beside it, the left one if
    /// they are alike.
    fn replace_with_nearest_leaf(&mut self, id: NodeId, i: usize, way: &mut Vec<NodeId>) -> Result<(), TreeError> {
        let left = self.edge(id, i, false, way.len())?;
        let right = self.edge(id, i + 1, true, way.len())?;
        let size = |batch: &Self, edge: &[NodeId]| -> Result<usize, TreeError> {
            edge.last().map_or(Ok(0), |&leaf| Ok(batch.node(leaf)?.keys.len()))
        };
        let take_right = size(self, &left)? < size(self, &right)?;
        let edge = if take_right { right } else { left };
        way.extend(&edge);
        let Some(&leaf) = edge.last() else { return Ok(()) };
        let leaf = self.node_mut(leaf)?;
        let underfull = TreeError::Malformed { seq: leaf.from, why: Malformed::Underfull };
        let key = match take_right {
            true if !leaf.keys.is_empty() => leaf.keys.remove(0),
            true => return Err(underfull),
            false => leaf.keys.pop().ok_or(underfull)?,
        };
        self.set_key(id, i, key)
    }

    /// The nodes from child `i` down to its first or last leaf.
    fn edge(&mut self, id: NodeId, i: usize, first: bool, depth: usize) -> Result<Vec<NodeId>, TreeError> {
        let mut edge = vec![self.load_child(id, i)?];
        while let Some(&id) = edge.last() {
            let children = self.node(id)?.children.len();
            let Some(last) = children.checked_sub(1) else { break };
            if depth + edge.len() >= MAX_DEPTH {
                return Err(TreeError::Malformed { seq: self.node(id)?.from, why: Malformed::TooDeep });
            }
            edge.push(self.load_child(id, if first { 0 } else { last })?);
        }
        Ok(edge)
    }

    /// Borrows or merges from the leaf upwards until every node on the way has enough keys. Returns the root.
    fn rebalance(&mut self, mut way: Vec<NodeId>) -> Result<NodeId, TreeError> {
        let root = *way.first().ok_or(self.lost())?;
        while let (Some(id), Some(&parent)) = (way.pop(), way.last()) {
            if self.node(id)?.keys.len() >= MIN_KEYS {
                return Ok(root);
            }
            let Siblings { left, index, right } = self.siblings(parent, id)?;
            if let Some(left) = left.filter(|&left| self.has_spare(left)) {
                self.borrow_left(parent, index, left, id)?;
                return Ok(root);
            }
            if let Some(right) = right.filter(|&right| self.has_spare(right)) {
                self.borrow_right(parent, index, id, right)?;
                return Ok(root);
            }
            let underfull = TreeError::Malformed { seq: self.node(parent)?.from, why: Malformed::Underfull };
            let (index, left, right) = match (left, right) {
                (Some(left), _) => (index - 1, left, id),
                (None, Some(right)) => (index, id, right),
                (None, None) => return Err(underfull),
            };
            let median = self.node(parent)?.keys.get(index).cloned().ok_or(underfull)?;
            self.merge(left, median, right)?;
            self.remove_key(parent, index)?;
        }
        let node = self.node(root)?;
        if node.keys.is_empty() && !node.children.is_empty() { self.load_child(root, 0) } else { Ok(root) }
    }

    fn siblings(&mut self, parent: NodeId, id: NodeId) -> Result<Siblings, TreeError> {
        let children = &self.node(parent)?.children;
        let count = children.len();
        let index = children.iter().position(|&link| self.memory.link(link).node == Some(id)).ok_or(self.lost())?;
        let left = index.checked_sub(1).map(|left| self.load_child(parent, left)).transpose()?;
        let right = if index + 1 < count { Some(self.load_child(parent, index + 1)?) } else { None };
        Ok(Siblings { left, index, right })
    }

    fn has_spare(&self, id: NodeId) -> bool {
        self.node(id).is_ok_and(|node| node.keys.len() > MIN_KEYS)
    }

    /// Turns a key around the parent: the left sibling's last goes up, the parent's comes down.
    fn borrow_left(&mut self, parent: NodeId, index: usize, left: NodeId, id: NodeId) -> Result<(), TreeError> {
        let donor = self.node_mut(left)?;
        donor.changed = true;
        let (up, child) = (donor.keys.pop(), donor.children.pop());
        let down = self.swap_key(parent, index.checked_sub(1), up)?;
        let node = self.node_mut(id)?;
        node.keys.insert(0, down);
        if let Some(child) = child {
            node.children.insert(0, child);
        }
        Ok(())
    }

    /// The same with the right sibling's first.
    fn borrow_right(&mut self, parent: NodeId, index: usize, id: NodeId, right: NodeId) -> Result<(), TreeError> {
        let donor = self.node_mut(right)?;
        donor.changed = true;
        let up = (!donor.keys.is_empty()).then(|| donor.keys.remove(0));
        let child = (!donor.children.is_empty()).then(|| donor.children.remove(0));
        let down = self.swap_key(parent, Some(index), up)?;
        let node = self.node_mut(id)?;
        node.keys.push(down);
        node.children.extend(child);
        Ok(())
    }

    /// Puts a key into a parent and returns the one that was there.
    fn swap_key(&mut self, parent: NodeId, i: Option<usize>, key: Option<Key>) -> Result<Key, TreeError> {
        let node = self.node_mut(parent)?;
        let from = node.from;
        match (i.and_then(|i| node.keys.get_mut(i)), key) {
            (Some(slot), Some(key)) => Ok(std::mem::replace(slot, key)),
            _ => Err(TreeError::Malformed { seq: from, why: Malformed::Underfull }),
        }
    }

    /// Moves everything of the right node, and the key between, to the end of the left one.
    fn merge(&mut self, left: NodeId, median: Key, right: NodeId) -> Result<(), TreeError> {
        // Not taken from the right node: a garbage node in an earlier block is written as it is at the end.
        let node = self.node(right)?;
        let (keys, children) = (node.keys.clone(), node.children.clone());
        let left = self.node_mut(left)?;
        left.changed = true;
        left.keys.push(median);
        left.keys.extend(keys);
        left.children.extend(children);
        Ok(())
    }
}

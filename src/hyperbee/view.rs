//! Reads, over anything that has nodes: a version in the log ([`Tree`](super::Tree)) or a batch in the making
//! ([`Batch`](super::batch::Batch)).
//!
//! They follow `Batch.get` and `RangeIterator` of Hyperbee 1.10.1 step for step, because on a tampered tree, whose keys are
//! out of order or doubled, the steps decide what a reader sees:
//!
//! - inside a node both search by halving, with `(s + e) >> 1`, and stop at the first equal key;
//! - a node without children is a leaf, whatever its place; children that no search needs are ignored;
//! - a range is checked against its end only, key by key: a key below the start is given when it stands behind it.
//!
//! 2.27.3 searches alike, with two differences on tampered trees, where we stay with 1.10.1: its `get` ends at once in any node of a
//! block that has the wanted key; and 1.10.1's range throws when it comes a second time to one child of a block that it has
//! in hand (we read on, as 2.27.3 does).
//!
//! Different from both: a path longer than [`MAX_DEPTH`] is an error, and so is a pointer to a block that did not yet exist at
//! that version. (Readers wait for that block, or read the one that came later.)

use std::cmp::Ordering;
use std::rc::Rc;

use super::node::Entry;
use super::{MAX_DEPTH, Malformed, Pointer, TreeError};

/// One node, as reads see it.
#[derive(Clone, Debug)]
pub struct NodeView {
    pub(super) seq: u64,
    pub(super) keys: Vec<u64>,
    pub(super) leaf: bool,
    pub(super) children: Vec<Child>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Child {
    /// In the log.
    Stored(Pointer),
    /// In a batch: its number there.
    Loaded(u32),
}

/// Which keys a range has, and how many of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds<'a> {
    /// The lower end: the key, and whether it belongs to the range.
    pub lower: Option<(&'a [u8], bool)>,
    /// The upper end, likewise.
    pub upper: Option<(&'a [u8], bool)>,
    /// From the upper end to the lower.
    pub reverse: bool,
    /// At most so many entries; `None` is all.
    pub limit: Option<usize>,
}

impl<'a> Bounds<'a> {
    /// Everything between two keys, without them.
    pub fn between(lower: &'a [u8], upper: &'a [u8]) -> Self {
        Self { lower: Some((lower, false)), upper: Some((upper, false)), ..Self::default() }
    }
}

/// What a reader sees.
pub trait View {
    /// The root; `None` in a tree without a write.
    ///
    /// # Errors
    /// When the block of the root is missing or malformed. The same holds for all methods here.
    fn root(&self) -> Result<Option<NodeView>, TreeError>;

    /// Child `i` of a node.
    ///
    /// # Errors
    /// As above.
    fn child(&self, node: &NodeView, i: usize) -> Result<NodeView, TreeError>;

    /// The entry of a key that a node in block `from` points to.
    ///
    /// # Errors
    /// As above.
    fn entry(&self, from: u64, seq: u64) -> Result<Rc<Entry>, TreeError>;

    /// The entry of a key; `None` when the tree does not have it.
    ///
    /// # Errors
    /// As above.
    fn get(&self, key: &[u8]) -> Result<Option<Rc<Entry>>, TreeError> {
        let Some(mut node) = self.root()? else { return Ok(None) };
        for _ in 0..MAX_DEPTH {
            match search(&node.keys, key, |seq| self.entry(node.seq, seq))? {
                Ok(entry) => return Ok(Some(entry)),
                Err(_) if node.leaf => return Ok(None),
                Err(i) => node = self.child(&node, i)?,
            }
        }
        Err(TreeError::Malformed { seq: node.seq, why: Malformed::TooDeep })
    }

    /// The entries of a range, one by one.
    ///
    /// # Errors
    /// When the way to the first entry cannot be read.
    fn range<'a>(&'a self, bounds: Bounds<'a>) -> Result<Range<'a, Self>, TreeError> {
        Range::open(self, bounds)
    }

    /// The first entry of a range.
    ///
    /// # Errors
    /// As above.
    fn peek(&self, bounds: Bounds<'_>) -> Result<Option<Rc<Entry>>, TreeError> {
        Range::open(self, Bounds { limit: Some(1), ..bounds })?.next().transpose()
    }
}

/// Searches in a node: the entry that has the key, or the child to go on with.
#[inline]
pub(super) fn search(
    keys: &[u64],
    key: &[u8],
    entry: impl Fn(u64) -> Result<Rc<Entry>, TreeError>,
) -> Result<Result<Rc<Entry>, usize>, TreeError> {
    let (mut start, mut end) = (0, keys.len());
    while start < end {
        let middle = (start + end) / 2;
        let Some(&seq) = keys.get(middle) else { break };
        let found = entry(seq)?;
        match key.cmp(found.key()) {
            Ordering::Equal => return Ok(Ok(found)),
            Ordering::Less => end = middle,
            Ordering::Greater => start = middle + 1,
        }
    }
    Ok(Err(start))
}

/// The entries of a range: an iterator that ends after its first error.
#[derive(Debug)]
pub struct Range<'a, V: ?Sized> {
    view: &'a V,
    bounds: Bounds<'a>,
    /// The way down to where we are: each node with a place in it, `2i` for child `i` and `2i + 1` for key `i`.
    /// Going down in reverse, a place of -1 is left out.
    way: Vec<(NodeView, usize)>,
    left: usize,
}

impl<'a, V: View + ?Sized> Range<'a, V> {
    fn open(view: &'a V, bounds: Bounds<'a>) -> Result<Self, TreeError> {
        let left = bounds.limit.unwrap_or(usize::MAX);
        let mut range = Self { view, bounds, way: Vec::new(), left };
        let Some(root) = view.root()? else { return Ok(range) };
        let start = if bounds.reverse { bounds.upper } else { bounds.lower };
        match start {
            Some((key, inclusive)) => range.descend(root, key, inclusive)?,
            None => range.enter(root)?,
        }
        Ok(range)
    }

    /// Goes down to where `key` is or would be.
    fn descend(&mut self, mut node: NodeView, key: &[u8], inclusive: bool) -> Result<(), TreeError> {
        let reverse = self.bounds.reverse;
        let view = self.view;
        for _ in 0..MAX_DEPTH {
            let (mut start, mut end) = (0, node.keys.len());
            while start < end {
                let middle = (start + end) / 2;
                let Some(&seq) = node.keys.get(middle) else { break };
                match key.cmp(view.entry(node.seq, seq)?.key()) {
                    Ordering::Equal => {
                        let place = match (inclusive, reverse) {
                            (true, _) => 2 * middle + 1,
                            (false, true) => 2 * middle,
                            (false, false) => 2 * middle + 2,
                        };
                        self.way.push((node, place));
                        return Ok(());
                    }
                    Ordering::Less => end = middle,
                    Ordering::Greater => start = middle + 1,
                }
            }
            let child = if node.leaf { None } else { Some(view.child(&node, start)?) };
            // Behind the child that we go down to comes the key after it, or in reverse the one before it.
            let place = if reverse { (2 * start).checked_sub(1) } else { Some(2 * start + 1) };
            if let Some(place) = place.filter(|&place| place <= 2 * node.keys.len()) {
                self.way.push((node, place));
            }
            match child {
                Some(child) => node = child,
                None => return Ok(()),
            }
        }
        Err(TreeError::Malformed { seq: node.seq, why: Malformed::TooDeep })
    }

    fn enter(&mut self, node: NodeView) -> Result<(), TreeError> {
        if self.way.len() == MAX_DEPTH {
            return Err(TreeError::Malformed { seq: node.seq, why: Malformed::TooDeep });
        }
        let place = if self.bounds.reverse { 2 * node.keys.len() } else { 0 };
        self.way.push((node, place));
        Ok(())
    }

    /// Whether a key is beyond the end.
    fn beyond(&self, key: &[u8]) -> bool {
        let end = if self.bounds.reverse { self.bounds.lower } else { self.bounds.upper };
        end.is_some_and(|(end, inclusive)| match key.cmp(end) {
            Ordering::Equal => !inclusive,
            Ordering::Less => self.bounds.reverse,
            Ordering::Greater => !self.bounds.reverse,
        })
    }

    fn step(&mut self) -> Result<Option<Rc<Entry>>, TreeError> {
        let view = self.view;
        while let Some((node, place)) = self.way.last_mut() {
            let at = *place;
            let i = at / 2;
            // In reverse, a node whose place 0 was used is popped when we come back to it.
            let used_up = self.bounds.reverse && at == usize::MAX;
            *place = if self.bounds.reverse { at.wrapping_sub(1) } else { at + 1 };
            if used_up || (at % 2 == 1 && i >= node.keys.len()) {
                self.way.pop();
            } else if at % 2 == 0 {
                if !node.leaf {
                    let child = view.child(node, i)?;
                    self.enter(child)?;
                }
            } else if let Some(&seq) = node.keys.get(i) {
                let entry = view.entry(node.seq, seq)?;
                return Ok(if self.beyond(entry.key()) { None } else { Some(entry) });
            }
        }
        Ok(None)
    }
}

impl<V: View + ?Sized> Iterator for Range<'_, V> {
    type Item = Result<Rc<Entry>, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            self.left = 0;
        }
        step
    }
}

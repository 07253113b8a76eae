//! Has a tree of another shape the right content?
//!
//! When published blocks are not the bytes that Hyperbee would have written, either other software made the tree (or one
//! transaction was spread over several appends), or somebody tampered with it. This check tells the two apart, without
//! regard to shape: read in order, the new tree must be the old one with the operations applied.
//!
//! Both trees are walked side by side. A subtree that both point to at the same place, and that no operation falls into, is
//! passed over unread; so the cost is that of the batch's own nodes and of the old nodes that they replace, whatever the
//! size of the tree. Subtrees that do not line up are opened, the younger one first.
//!
//! Beyond the content, every node in the batch's blocks must be reached from its root exactly once: a node that nothing
//! points to is a trap for a later batch. Exempt are blocks that have the nodes that Hyperbee itself would have
//! written, for Hyperbee leaves such garbage when the tree loses its root.
//!
//! Entries are the same when they are the same *block*: an old block with an equal value is a stale read.

use std::collections::HashSet;
use std::rc::Rc;

use super::batch::MIN_KEYS;
use super::cache::Cache;
use super::node::Entry;
use super::tree::{Tree, level};
use super::{Blocks, MAX_DEPTH, Malformed, Pointer, TreeError};

/// Old nodes that may be opened, beside a hundred for each node of the batch.
const BUDGET: usize = 10_000;
const BUDGET_PER_NODE: usize = 100;

/// What a block of the batch does with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A put, of null too.
    Put,
    /// A delete.
    Del,
}

/// What the check found. Where a block is named, one below `from` belongs to the old tree, and others to the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same content, all of it reachable.
    Same {
        /// Whether all new nodes have sizes that Hyperbee would give them: 4 to 8 keys, the root 1 to 8, or none at all.
        usual_sizes: bool,
    },
    /// Readers see something else than they should, or there are nodes that they should not meet.
    Different {
        /// What is different.
        what: Difference,
    },
    /// A block that the walk needs cannot be used.
    Unreadable {
        /// The block.
        seq: u64,
        /// What is wrong with it.
        why: Malformed,
    },
    /// A block that the walk needs is not here.
    Missing {
        /// The block.
        seq: u64,
    },
    /// The trees have so little in common that the walk was given up.
    TooCostly,
}

/// The first difference, in the order of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// In the place where the entry of one block should be, there is that of another one, or none.
    Entry {
        /// The block that should be there; `None` when there should be no more entries.
        expected: Option<u64>,
        /// The block that is there; `None` when there are no more entries.
        published: Option<u64>,
    },
    /// A node of the batch that its root does not reach.
    Unreached {
        /// Where it is.
        at: Pointer,
    },
    /// A node of the batch that the root reaches twice.
    Twice {
        /// Where it is.
        at: Pointer,
    },
    /// A node of the batch with more children than readers look at.
    ExtraChildren {
        /// The block.
        seq: u64,
    },
    /// A block without a value that readers take for a delete where Hyperbee's would be a put of null, or the reverse.
    NullShownOtherwise {
        /// The block.
        seq: u64,
    },
}

/// Compares the trees before and after a batch.
///
/// The batch are the blocks from `from` on, as many as `kinds`; keys are taken from them. `expected` are the blocks that
/// Hyperbee would have written (empty when they could not be recomputed).
pub fn check<B: Blocks + ?Sized>(
    blocks: &B,
    cache: &Cache,
    from: u64,
    kinds: &[Kind],
    expected: &[Vec<u8>],
) -> Verdict {
    match compare(blocks, cache, from, kinds, expected) {
        Ok(usual_sizes) => Verdict::Same { usual_sizes },
        Err(Stop::Verdict(verdict)) => verdict,
        Err(Stop::Tree(TreeError::Missing { seq })) => Verdict::Missing { seq },
        Err(Stop::Tree(TreeError::Malformed { seq, why })) => Verdict::Unreadable { seq, why },
    }
}

enum Stop {
    Verdict(Verdict),
    Tree(TreeError),
}

impl From<TreeError> for Stop {
    fn from(error: TreeError) -> Self {
        Self::Tree(error)
    }
}

fn different(what: Difference) -> Stop {
    Stop::Verdict(Verdict::Different { what })
}

/// Compares; whether all sizes are usual.
fn compare<B: Blocks + ?Sized>(
    blocks: &B,
    cache: &Cache,
    from: u64,
    kinds: &[Kind],
    expected: &[Vec<u8>],
) -> Result<bool, Stop> {
    let to = from.saturating_add(kinds.len() as u64);
    let mut batch = Vec::with_capacity(kinds.len());
    let mut levels = 0;
    for seq in from..to {
        let entry = cache.entry(blocks, seq)?;
        levels += level_count(&entry)?;
        batch.push(entry);
    }
    let mut walk = Walk {
        ops: net_effect(&batch, kinds),
        done: 0,
        from,
        opened: 0,
        budget: levels.saturating_mul(BUDGET_PER_NODE).saturating_add(BUDGET),
        reached: HashSet::new(),
        usual_sizes: true,
        old: Cursor::new(Tree::new(blocks, cache, from)),
        new: Cursor::new(Tree::new(blocks, cache, to)),
    };
    while walk.step()? {}
    let expected: Vec<Option<Entry>> =
        (from..).zip(expected).map(|(seq, block)| Entry::decode(seq, block.as_slice().into()).ok()).collect();
    for (i, entry) in batch.iter().enumerate() {
        check_block(entry, expected.get(i).and_then(Option::as_ref), &walk.reached)?;
    }
    Ok(walk.usual_sizes)
}

/// Checks what a walk from the root does not show of one block.
fn check_block(entry: &Entry, expected: Option<&Entry>, reached: &HashSet<Pointer>) -> Result<(), Stop> {
    let seq = entry.seq();
    let malformed = |why: super::NodeError| TreeError::Malformed { seq, why: why.into() };
    if let Some(expected) = expected
        && entry.value().is_none()
        && entry.holds_own_key().map_err(malformed)? != expected.holds_own_key().unwrap_or_default()
    {
        return Err(different(Difference::NullShownOtherwise { seq }));
    }
    let unreached =
        (0..level_count(entry)? as u64).map(|offset| Pointer { seq, offset }).find(|at| !reached.contains(at));
    match unreached {
        Some(at) if !expected.is_some_and(|expected| same_levels(entry, expected)) => {
            Err(different(Difference::Unreached { at }))
        }
        _ => Ok(()),
    }
}

fn same_levels(a: &Entry, b: &Entry) -> bool {
    a.index() == b.index()
        || a.level_count() == b.level_count()
            && (0..a.level_count().unwrap_or_default() as u64).all(|offset| match (a.level(offset), b.level(offset)) {
                (Ok(Some(a)), Ok(Some(b))) => a.keys().eq(b.keys()) && a.children().eq(b.children()),
                _ => false,
            })
}

fn level_count(entry: &Entry) -> Result<usize, TreeError> {
    entry.level_count().map_err(|why| TreeError::Malformed { seq: entry.seq(), why: why.into() })
}

/// The last operation on each key, in the order of the keys.
fn net_effect(batch: &[Rc<Entry>], kinds: &[Kind]) -> Vec<(Rc<Entry>, Kind)> {
    let mut ops: Vec<_> = batch.iter().map(Rc::clone).zip(kinds.iter().copied()).collect();
    ops.sort_by(|(a, _), (b, _)| a.key().cmp(b.key()).then(b.seq().cmp(&a.seq())));
    ops.dedup_by(|(later, _), (first, _)| later.key() == first.key());
    ops
}

struct Walk<'a, B: ?Sized> {
    ops: Vec<(Rc<Entry>, Kind)>,
    /// How many operations the walk has passed.
    done: usize,
    from: u64,
    opened: usize,
    budget: usize,
    /// Nodes of the batch that the root reaches.
    reached: HashSet<Pointer>,
    usual_sizes: bool,
    old: Cursor<'a, B>,
    new: Cursor<'a, B>,
}

impl<B: Blocks + ?Sized> Walk<'_, B> {
    /// Goes on by one key or one subtree; `false` at the end.
    fn step(&mut self) -> Result<bool, Stop> {
        match (self.old.next(), self.new.next()) {
            (_, Next::Node(new)) if new.seq >= self.from => self.open_new()?,
            (Next::Node(old), Next::Node(new)) if old == new && !self.op_within()? => {
                self.old.pass();
                self.new.pass();
            }
            (Next::Node(old), Next::Node(new)) => {
                if old.seq >= new.seq {
                    self.open_old()?;
                }
                if new.seq >= old.seq {
                    self.open_new()?;
                }
            }
            (Next::Node(_), _) => self.open_old()?,
            (_, Next::Node(_)) => self.open_new()?,
            (old, new) => return self.compare_keys(old.key(), new.key()),
        }
        Ok(true)
    }

    /// Whether the next operation falls into the subtree that the walk stands before (or right before it).
    fn op_within(&self) -> Result<bool, TreeError> {
        let Some((op, _)) = self.ops.get(self.done) else { return Ok(false) };
        match self.old.key_behind() {
            Some((from, seq)) => Ok(op.key() < self.old.tree.key_entry(from, seq)?.key()),
            None => Ok(true),
        }
    }

    fn compare_keys(&mut self, old: Option<(u64, u64)>, new: Option<(u64, u64)>) -> Result<bool, Stop> {
        let mut expected = old.map(|(_, seq)| seq);
        let mut used = true;
        if let Some((op, kind)) = self.ops.get(self.done) {
            let order = match old {
                Some((from, seq)) => op.key().cmp(self.old.tree.key_entry(from, seq)?.key()),
                None => std::cmp::Ordering::Less,
            };
            if order.is_le() {
                self.done += 1;
                used = order.is_eq();
                if *kind == Kind::Del {
                    if used {
                        self.old.pass();
                    }
                    return Ok(true);
                }
                expected = Some(op.seq());
            }
        }
        let published = new.map(|(_, seq)| seq);
        if expected != published {
            return Err(different(Difference::Entry { expected, published }));
        }
        if expected.is_none() {
            return Ok(false);
        }
        if used {
            self.old.pass();
        }
        self.new.pass();
        Ok(true)
    }

    fn open_old(&mut self) -> Result<(), Stop> {
        self.count()?;
        self.old.open()?;
        Ok(())
    }

    fn open_new(&mut self) -> Result<(), Stop> {
        let Next::Node(at) = self.new.next() else { return Ok(()) };
        if at.seq < self.from {
            self.count()?;
            self.new.open()?;
            return Ok(());
        }
        if !self.reached.insert(at) {
            return Err(different(Difference::Twice { at }));
        }
        let is_root = self.new.way.is_empty();
        let (keys, children) = self.new.open()?;
        if children > keys + 1 {
            return Err(different(Difference::ExtraChildren { seq: at.seq }));
        }
        let least = if is_root { usize::from(children > 0) } else { MIN_KEYS };
        self.usual_sizes &= (least..=2 * MIN_KEYS).contains(&keys);
        Ok(())
    }

    fn count(&mut self) -> Result<(), Stop> {
        self.opened += 1;
        if self.opened > self.budget { Err(Stop::Verdict(Verdict::TooCostly)) } else { Ok(()) }
    }
}

/// What a cursor stands before.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// A subtree, not opened.
    Node(Pointer),
    /// A key: the block that has the node, and the one that has the key.
    Key(u64, u64),
    End,
}

impl Next {
    fn key(self) -> Option<(u64, u64)> {
        match self {
            Self::Key(from, seq) => Some((from, seq)),
            Self::Node(_) | Self::End => None,
        }
    }
}

/// A way through a tree in order, that opens subtrees only when it is told to.
struct Cursor<'a, B: ?Sized> {
    tree: Tree<'a, B>,
    /// The root, before it is opened.
    root: Option<Pointer>,
    way: Vec<Opened>,
}

struct Opened {
    seq: u64,
    keys: Vec<u64>,
    /// Empty in a leaf.
    children: Vec<Pointer>,
    /// `2i` before child `i`, `2i + 1` before key `i`.
    place: usize,
}

impl<'a, B: Blocks + ?Sized> Cursor<'a, B> {
    fn new(tree: Tree<'a, B>) -> Self {
        Self { root: tree.root_pointer(), tree, way: Vec::new() }
    }

    fn next(&self) -> Next {
        let Some(node) = self.way.last() else { return self.root.map_or(Next::End, Next::Node) };
        let i = node.place / 2;
        if node.place % 2 == 0 {
            return node.children.get(i).map_or(Next::End, |&child| Next::Node(child));
        }
        node.keys.get(i).map_or(Next::End, |&key| Next::Key(node.seq, key))
    }

    /// The first key behind the subtree that the cursor stands before, as in [`Next::Key`].
    fn key_behind(&self) -> Option<(u64, u64)> {
        self.way.iter().rev().find_map(|node| Some((node.seq, *node.keys.get(node.place / 2)?)))
    }

    /// Leaves a key or a subtree behind, and all nodes that end with it.
    fn pass(&mut self) {
        if self.way.is_empty() {
            self.root = None;
        }
        while let Some(node) = self.way.last_mut() {
            node.place += if node.children.is_empty() { 2 } else { 1 };
            if node.place / 2 < node.keys.len() || (node.place % 2 == 0 && !node.children.is_empty()) {
                return;
            }
            self.way.pop();
        }
    }

    /// Opens the subtree that the cursor stands before. Returns the number of keys and of children.
    fn open(&mut self) -> Result<(usize, usize), TreeError> {
        let Next::Node(at) = self.next() else { return Ok((0, 0)) };
        let from = self.way.last().map_or(at.seq, |node| node.seq);
        if self.way.len() == MAX_DEPTH {
            return Err(TreeError::Malformed { seq: from, why: Malformed::TooDeep });
        }
        let entry = self.tree.child_entry(from, at.seq)?;
        let level = level(&entry, at.offset)?;
        let keys: Vec<u64> = level.keys().collect();
        let mut children = Vec::new();
        let mut numbers = level.children();
        while let (Some(seq), Some(offset)) = (numbers.next(), numbers.next()) {
            children.push(Pointer { seq, offset });
        }
        if !level.is_leaf() && children.len() <= keys.len() {
            return Err(TreeError::Malformed { seq: at.seq, why: Malformed::NoChild(children.len()) });
        }
        let counts = (keys.len(), level.children().count().div_ceil(2));
        children.truncate(if children.is_empty() { 0 } else { keys.len() + 1 });
        self.root = None;
        let place = usize::from(children.is_empty());
        let empty = children.is_empty() && keys.is_empty();
        self.way.push(Opened { seq: at.seq, keys, children, place });
        if empty {
            // Nothing to stand before.
            self.way.pop();
            self.pass();
        }
        Ok(counts)
    }
}

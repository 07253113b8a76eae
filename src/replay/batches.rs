//! Where a batch ends, and whether its tree is the one that follows from its entries.

use std::rc::Rc;

use crate::database::decode;
use crate::database::msgpack::may_be_nullish;
use crate::database::path::{self};
use crate::hyperbee::batch::{Batch, Fit};
use crate::hyperbee::check::{self, Kind as Write, Verdict};
use crate::hyperbee::{Blocks, Cache, Entry, Malformed, TreeError, View};

/// Most blocks that a batch is looked for in.
pub const MAX_BATCH: u64 = 4_096;

/// What was found out about the batch that begins at a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The block after its last.
    pub end: u64,
    /// What its tree is.
    pub tree: TreeIs,
    /// A valueless entry that the tree shows as the other one of delete and put of null.
    pub flipped: Option<u64>,
}

/// What a batch's tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeIs {
    /// Byte for byte Hyperbee's.
    Canonical,
    /// Of another shape, with the right content.
    SameContent,
    /// Not what follows from the history.
    Tampered(String),
    /// Not to be judged: a node that the check needs cannot be read.
    Unjudged(String),
}

/// What the search needs to know of the transaction that a batch begins with.
pub struct Start<'a> {
    /// First block of the batch.
    pub from: u64,
    /// The block after the transaction's last.
    pub end: u64,
    /// How each block from `from` to `end` writes.
    pub writes: &'a [Write],
    /// The log's end for this audit.
    pub until: u64,
}

/// Finds the end of the batch, in the rulebook's order, and judges its tree.
///
/// # Errors
/// The number of a block that is not here.
pub fn find(blocks: &dyn Blocks, cache: &Cache, start: &Start<'_>) -> Result<Found, u64> {
    let found = |end, tree| Ok(Found { end, tree, flipped: None });
    let entries = match read_entries(blocks, cache, start.from, start.end)? {
        Ok(entries) => entries,
        Err(why) => return found(start.end, TreeIs::Unjudged(why)),
    };
    for entry in &entries {
        if shows_null(entry) {
            return found(start.end, TreeIs::Tampered(format!("block {} writes a null as a value", entry.seq())));
        }
    }
    let mut whole = match build(blocks, cache, start.from, &entries, start.writes) {
        Ok(whole) => whole,
        Err(TreeError::Missing { seq }) => return Err(seq),
        Err(error) => return found(start.end, TreeIs::Unjudged(error.to_string())),
    };
    if same(whole.as_mut(), &entries) {
        return found(start.end, TreeIs::Canonical);
    }
    if let Some(end) = earlier_end(blocks, cache, start, &entries)? {
        return found(end, TreeIs::Canonical);
    }
    if let Some(mut batch) = whole
        && let Some(end) = later_end(blocks, cache, start, &mut batch, entries.clone())?
    {
        return found(end, TreeIs::Canonical);
    }
    if let Some(seq) = flipped(blocks, cache, start, &entries)? {
        return Ok(Found { end: start.end, tree: TreeIs::Canonical, flipped: Some(seq) });
    }
    let expected = match build(blocks, cache, start.from, &entries, start.writes) {
        Ok(Some(mut batch)) => batch.blocks_if_ended().unwrap_or_default(),
        _ => Vec::new(),
    };
    let short = |end: u64| check_until(blocks, cache, start, end, &expected);
    short(start.end).map(|tree| Found { end: start.end, tree, flipped: None })
}

fn check_until(
    blocks: &dyn Blocks,
    cache: &Cache,
    start: &Start<'_>,
    end: u64,
    expected: &[Vec<u8>],
) -> Result<TreeIs, u64> {
    let count = usize::try_from(end.saturating_sub(start.from)).unwrap_or(usize::MAX);
    let writes = start.writes.get(..count).unwrap_or(start.writes);
    Ok(match check::check(blocks, cache, start.from, writes, expected) {
        Verdict::Same { .. } => TreeIs::SameContent,
        Verdict::Different { what } => TreeIs::Tampered(describe(&what)),
        Verdict::Missing { seq } => return Err(seq),
        Verdict::Unreadable { seq, why } if seq >= start.from && !matches!(why, Malformed::Underfull) => {
            TreeIs::Tampered(format!("block {seq}: {why}"))
        }
        Verdict::Unreadable { seq, why } => TreeIs::Unjudged(format!("block {seq}: {why}")),
        Verdict::TooCostly => TreeIs::Unjudged("the batch rewrites too much of the tree to compare it".into()),
    })
}

fn describe(what: &check::Difference) -> String {
    use check::Difference::*;
    let block = |seq: Option<u64>| seq.map_or("nothing".to_owned(), |seq| format!("the entry of block {seq}"));
    match what {
        Entry { expected, published } => {
            format!("readers find {} where {} belongs", block(*published), block(*expected))
        }
        Unreached { at } => format!("block {} carries a node that the root does not reach", at.seq),
        Twice { at } => format!("the root reaches a node of block {} twice", at.seq),
        ExtraChildren { seq } => format!("a node of block {seq} has children that no reader follows"),
        NullShownOtherwise { seq } => format!("block {seq} shows a put of null as a delete or the reverse"),
    }
}

/// An honest Hyperbee writes no value for null and undefined.
fn shows_null(entry: &Entry) -> bool {
    let value = entry.value().filter(|value| value.first().is_some_and(|&tag| may_be_nullish(tag)));
    value.is_some_and(|value| decode(value).is_ok_and(|decoded| decoded.value.is_nullish()))
}

type Entries = Vec<Rc<Entry>>;

fn read_entries(blocks: &dyn Blocks, cache: &Cache, from: u64, end: u64) -> Result<Result<Entries, String>, u64> {
    let mut entries = Vec::new();
    for seq in from..end {
        match cache.entry(blocks, seq) {
            Ok(entry) => entries.push(entry),
            Err(TreeError::Missing { seq }) => return Err(seq),
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    Ok(Ok(entries))
}

/// The batch of these entries; `None` when one is a delete that deletes nothing, so that no Hyperbee wrote it.
fn build<'a>(
    blocks: &'a dyn Blocks,
    cache: &'a Cache,
    from: u64,
    entries: &[Rc<Entry>],
    writes: &[Write],
) -> Result<Option<Batch<'a, dyn Blocks + 'a>>, TreeError> {
    let mut batch = Batch::new(blocks, cache, from);
    for (entry, write) in entries.iter().zip(writes) {
        if !add(&mut batch, entry, *write)? {
            return Ok(None);
        }
    }
    Ok(Some(batch))
}

fn add(batch: &mut Batch<'_, dyn Blocks + '_>, entry: &Rc<Entry>, write: Write) -> Result<bool, TreeError> {
    match write {
        Write::Put => batch.put_entry(Rc::clone(entry)).map(|_| true),
        Write::Del => batch.del_entry(Rc::clone(entry)).map(|seq| seq.is_some()),
    }
}

/// The simulated tree of the blocks from `from` to `end`, for the reads of a later transaction in one batch.
///
/// # Errors
/// As reads of the tree.
pub fn simulate<'a>(
    blocks: &'a dyn Blocks,
    cache: &'a Cache,
    from: u64,
    end: u64,
) -> Result<Batch<'a, dyn Blocks + 'a>, TreeError> {
    let mut batch = Batch::new(blocks, cache, from);
    for seq in from..end {
        let entry = cache.entry(blocks, seq)?;
        let write = guess(&batch, &entry)?;
        add(&mut batch, &entry, write)?;
    }
    Ok(batch)
}

/// A valueless entry deletes its key if it is there.
fn guess<V: View>(view: &V, entry: &Entry) -> Result<Write, TreeError> {
    let deletes = entry.value().is_none() && view.get(entry.key())?.is_some();
    Ok(if deletes { Write::Del } else { Write::Put })
}

fn same(batch: Option<&mut Batch<'_, dyn Blocks + '_>>, entries: &[Rc<Entry>]) -> bool {
    batch.is_some_and(|batch| batch.fits(entries.iter().map(|entry| &**entry)) == Ok(Fit::Same))
}

fn earlier_end(
    blocks: &dyn Blocks,
    cache: &Cache,
    start: &Start<'_>,
    entries: &[Rc<Entry>],
) -> Result<Option<u64>, u64> {
    let mut batch = Batch::new(blocks, cache, start.from);
    let mut end = None;
    for (at, (entry, write)) in entries.iter().zip(start.writes).enumerate().take(entries.len().saturating_sub(1)) {
        match add(&mut batch, entry, *write) {
            Ok(true) => {}
            Ok(false) => break,
            Err(TreeError::Missing { seq }) => return Err(seq),
            Err(_) => break,
        }
        let so_far = entries.get(..=at).unwrap_or_default();
        if batch.may_end_with(entry) && same(Some(&mut batch), so_far) {
            end = Some(start.from.saturating_add(at as u64).saturating_add(1));
        }
    }
    Ok(end)
}

fn later_end(
    blocks: &dyn Blocks,
    cache: &Cache,
    start: &Start<'_>,
    batch: &mut Batch<'_, dyn Blocks + '_>,
    mut entries: Entries,
) -> Result<Option<u64>, u64> {
    let last = start.until.min(start.from.saturating_add(MAX_BATCH));
    for seq in start.end..last {
        let entry = match cache.entry(blocks, seq) {
            Ok(entry) => entry,
            Err(TreeError::Missing { seq }) => return Err(seq),
            Err(_) => return Ok(None),
        };
        let added = guess(batch, &entry).and_then(|write| add(batch, &entry, write));
        match added {
            Ok(true) => {}
            Err(TreeError::Missing { seq }) => return Err(seq),
            _ => return Ok(None),
        }
        entries.push(Rc::clone(&entry));
        let next = seq.saturating_add(1);
        let ends_here = next == start.until
            || cache.entry(blocks, next).is_ok_and(|next| path::Place::of(next.key()) == path::Place::Ack);
        if ends_here && batch.may_end_with(&entry) && same(Some(&mut *batch), &entries) {
            return Ok(Some(next));
        }
    }
    Ok(None)
}

/// Tries each valueless entry as the other one of delete and put of null.
fn flipped(blocks: &dyn Blocks, cache: &Cache, start: &Start<'_>, entries: &[Rc<Entry>]) -> Result<Option<u64>, u64> {
    const TRIES: usize = 16;
    let valueless = entries.iter().enumerate().filter(|(_, entry)| entry.value().is_none());
    for (at, entry) in valueless.take(TRIES) {
        let mut writes = start.writes.to_vec();
        if let Some(write) = writes.get_mut(at) {
            *write = if *write == Write::Put { Write::Del } else { Write::Put };
        }
        match build(blocks, cache, start.from, entries, &writes) {
            Ok(mut batch) => {
                if same(batch.as_mut(), entries) {
                    return Ok(Some(entry.seq()));
                }
            }
            Err(TreeError::Missing { seq }) => return Err(seq),
            Err(_) => {}
        }
    }
    Ok(None)
}

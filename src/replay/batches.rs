//! Where a batch ends, and whether its tree is the one that follows from its entries.

use std::rc::Rc;

use crate::database::decode;
use crate::database::msgpack::may_be_nullish;
use crate::hyperbee::batch::{Batch, Fit};
use crate::hyperbee::check::{self, Kind as Write, Verdict};
use crate::hyperbee::{Blocks, Cache, Entry, Malformed, TreeError};

mod search;

use search::{Hints, Later, Search};

/// Most blocks that a batch is looked for in.
pub const MAX_BATCH: u64 = 4_096;

/// What was found out about the batch that begins at a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The block after its last.
    pub end: u64,
    /// What its tree is.
    pub tree: TreeIs,
    /// The tree shows a valueless entry as the other one of delete and put of null.
    pub flipped: bool,
    /// How each block of the batch writes, as far as the tree tells.
    pub writes: Vec<Write>,
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

/// What is known of how a block writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// This.
    Sure(Write),
    /// Without a value, and no contract says which: a delete or a put of null, as the batch's tree tells.
    Open,
}

/// What the search needs to know of the transaction that a batch begins with.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// First block of the batch.
    pub from: u64,
    /// The block after the transaction's last.
    pub end: u64,
    /// How each block from `from` to `end` writes.
    pub writes: &'a [Reading],
    /// The log's end for this audit.
    pub until: u64,
}

/// Finds the end of the batch, in the rulebook's order, and judges its tree.
///
/// # Errors
/// The number of a block that is not here.
pub fn find(blocks: &dyn Blocks, cache: &Cache, start: &Start<'_>) -> Result<Found, u64> {
    let found = |end, tree, writes: &[Write]| Ok(Found { end, tree, flipped: false, writes: writes.to_vec() });
    let entries = match read_entries(blocks, cache, start.from, start.end)? {
        Ok(entries) => entries,
        Err(why) => return found(start.end, TreeIs::Unjudged(why), &[]),
    };
    for entry in &entries {
        if shows_null(entry) {
            return found(start.end, TreeIs::Tampered(format!("block {} writes a null as a value", entry.seq())), &[]);
        }
    }
    let search = Search { blocks, cache, start, entries };
    // Almost always every block of the transaction has one reading, and the batch ends with it.
    let plain = match start.writes.contains(&Reading::Open) {
        false => Hints::default(),
        true => search.hints(&[], true),
    };
    let mut first = Vec::new();
    for choice in 0..plain.choices() {
        let mut walk = search.walk();
        match walk.all(&search.entries, start.writes, &plain, choice) {
            Ok(true) if walk.ends() => return found(start.end, TreeIs::Canonical, &walk.writes),
            Ok(_) => {}
            Err(TreeError::Missing { seq }) => return Err(seq),
            Err(error) => return found(start.end, TreeIs::Unjudged(error.to_string()), &[]),
        }
        if choice == 0 {
            first = std::mem::take(&mut walk.writes);
        }
    }
    for choice in 0..plain.choices() {
        if let Some((end, writes)) = search.earlier_end(&plain, choice)? {
            return found(end, TreeIs::Canonical, &writes);
        }
    }
    match search.later_end()? {
        Later::At(end, writes) => return found(end, TreeIs::Canonical, &writes),
        Later::TooMany => {
            let why = "too many of its entries may be deletes or puts of null".to_owned();
            return found(start.end, TreeIs::Unjudged(why), &first);
        }
        Later::Nowhere => {}
    }
    // What the contract makes a delete of, and the tree a put of null, or the reverse.
    let valueless = search.entries.iter().any(|entry| entry.value().is_none());
    let sure = start.writes.iter().any(|reading| *reading != Reading::Open);
    if valueless && sure {
        let open = vec![Reading::Open; start.writes.len()];
        let found = find(blocks, cache, &Start { writes: &open, ..*start })?;
        if matches!(found.tree, TreeIs::Canonical | TreeIs::SameContent) {
            let differs = |(read, write): (&Reading, &Write)| matches!(read, Reading::Sure(sure) if sure != write);
            let flipped = start.writes.iter().zip(&found.writes).any(differs);
            return Ok(Found { flipped, ..found });
        }
        // Wrong however they are read.
        return Ok(found);
    }
    let mut walk = search.walk();
    let expected = match walk.all(&search.entries, start.writes, &plain, 0) {
        Ok(true) => walk.batch.blocks_if_ended().unwrap_or_default(),
        _ => Vec::new(),
    };
    drop(walk);
    // A delete that deletes nothing stops the walk; the content is compared all the same.
    let sure = |reading: &Reading| if *reading == Reading::Sure(Write::Del) { Write::Del } else { Write::Put };
    let mut writes = first;
    writes.extend(start.writes.iter().skip(writes.len()).map(sure));
    found(start.end, check_until(blocks, cache, start, &writes, &expected)?, &writes)
}

fn check_until(
    blocks: &dyn Blocks,
    cache: &Cache,
    start: &Start<'_>,
    writes: &[Write],
    expected: &[Vec<u8>],
) -> Result<TreeIs, u64> {
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

/// The end of the batch that begins with block `from`, as far as can be told from there that one does: the blocks from it on are
/// a batch of Hyperbee's on top of the first node of the block before, and each of them has a value. If that node were not the root, but another
/// node of a batch that goes on over this place, it would stay in the tree, since puts take no node apart; but then a key of it
/// would be in the tree twice, because every put on top of it moves its keys into nodes of the following blocks.
///
/// # Errors
/// As reads of the tree.
pub fn begins(blocks: &dyn Blocks, cache: &Cache, from: u64, until: u64) -> Result<Option<u64>, TreeError> {
    let mut batch = Batch::new(blocks, cache, from);
    let mut entries: Entries = Vec::new();
    for seq in from..until.min(from.saturating_add(MAX_BATCH)) {
        let entry = cache.entry(blocks, seq)?;
        if entry.value().is_none() {
            return Ok(None);
        }
        batch.put_entry(Rc::clone(&entry))?;
        entries.push(Rc::clone(&entry));
        if batch.must_end_with(&entry) {
            let same = batch.fits(entries.iter().map(|entry| &**entry))? == Fit::Same;
            return Ok(same.then(|| seq.saturating_add(1)));
        }
    }
    Ok(None)
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

fn add(batch: &mut Batch<'_, dyn Blocks + '_>, entry: &Rc<Entry>, write: Write) -> Result<bool, TreeError> {
    match write {
        Write::Put => batch.put_entry(Rc::clone(entry)).map(|_| true),
        Write::Del => batch.del_entry(Rc::clone(entry)).map(|seq| seq.is_some()),
    }
}

/// The simulated tree after the first blocks of a batch, for the reads of a later transaction in it. `writes` says how
/// each of those blocks writes.
///
/// # Errors
/// As reads of the tree.
pub fn simulate<'a>(
    blocks: &'a dyn Blocks,
    cache: &'a Cache,
    from: u64,
    writes: &[Write],
) -> Result<Batch<'a, dyn Blocks + 'a>, TreeError> {
    let mut batch = Batch::new(blocks, cache, from);
    for (seq, write) in (from..).zip(writes) {
        let entry = cache.entry(blocks, seq)?;
        add(&mut batch, &entry, *write)?;
    }
    Ok(batch)
}

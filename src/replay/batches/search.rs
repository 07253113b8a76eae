//! The search for the end of a batch.
//!
//! A batch ends where its bytes say: the first block that carries as many nodes as its operation wrote is the last
//! ([`Batch::must_end_with`]). What makes it a search is that a block without a value is a delete or a put of null.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::{Entries, MAX_BATCH, Reading, Start, Write, add, begins};
use crate::hyperbee::batch::{Batch, Fit};
use crate::hyperbee::{Blocks, Cache, Entry, TreeError, View};

/// How many blocks behind the transaction are looked at, one number after the other.
const LOOK_AHEAD: [u64; 4] = [0, 8, 128, MAX_BATCH];

/// The blocks of a log from a batch's beginning on, and what is known of them.
pub(super) struct Search<'a> {
    pub blocks: &'a dyn Blocks,
    pub cache: &'a Cache,
    pub start: &'a Start<'a>,
    pub entries: Entries,
}

/// What tells a put of null from a delete where no contract does: the tree points to the block of a put from some node of
/// the batch, unless the same key is written again later in the batch. Then both readings are tried.
#[derive(Default)]
pub(super) struct Hints {
    pointed: HashSet<u64>,
    ambiguous: Vec<u64>,
}

impl Hints {
    /// At most so many entries are tried both ways.
    const MOST: usize = 6;

    fn too_many(&self) -> bool {
        self.ambiguous.len() > Self::MOST
    }

    pub fn choices(&self) -> u32 {
        1 << self.ambiguous.len().min(Self::MOST)
    }

    fn is_put(&self, seq: u64, choice: u32) -> bool {
        let chosen = || self.ambiguous.iter().take(Self::MOST).position(|other| *other == seq);
        self.pointed.contains(&seq) || chosen().is_some_and(|bit| choice >> bit & 1 == 1)
    }
}

/// A batch that is being repeated.
pub(super) struct Walk<'a> {
    pub batch: Batch<'a, dyn Blocks + 'a>,
    entries: Entries,
    pub writes: Vec<Write>,
}

impl<'a> Walk<'a> {
    /// Adds an entry; `false` when it is a delete that deletes nothing, so that no Hyperbee wrote it.
    fn add(&mut self, entry: &Rc<Entry>, reading: Reading, hints: &Hints, choice: u32) -> Result<bool, TreeError> {
        let write = match reading {
            Reading::Sure(write) => write,
            Reading::Open if entry.value().is_some() || hints.is_put(entry.seq(), choice) => Write::Put,
            Reading::Open if self.batch.get(entry.key())?.is_none() => Write::Put,
            Reading::Open => Write::Del,
        };
        let added = add(&mut self.batch, entry, write)?;
        if added {
            self.entries.push(Rc::clone(entry));
            self.writes.push(write);
        }
        Ok(added)
    }

    pub fn all(
        &mut self,
        entries: &[Rc<Entry>],
        readings: &[Reading],
        hints: &Hints,
        choice: u32,
    ) -> Result<bool, TreeError> {
        for (entry, reading) in entries.iter().zip(readings) {
            if !self.add(entry, *reading, hints, choice)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Are the published blocks those of a batch that ends here?
    pub fn ends(&mut self) -> bool {
        self.batch.fits(self.entries.iter().map(|entry| &**entry)) == Ok(Fit::Same)
    }

    /// Can they be of no batch that goes on? Asked of the last block only.
    fn must_end(&self) -> bool {
        self.entries.last().is_some_and(|last| self.batch.must_end_with(last))
    }
}

/// How far a batch can be followed.
enum Reached {
    /// To its end; how each block of it writes.
    End(u64, Vec<Write>),
    /// To a block that shows that it is none of Hyperbee's.
    Stopped,
    /// Through all entries.
    All,
}

/// Where among the transactions that follow a batch ends.
pub(super) enum Later {
    /// Before this block; how each block of it writes.
    At(u64, Vec<Write>),
    Nowhere,
    /// Too many entries can be read in two ways.
    TooMany,
}

impl<'a> Search<'a> {
    pub fn walk(&self) -> Walk<'a> {
        let batch = Batch::new(self.blocks, self.cache, self.start.from);
        Walk { batch, entries: Vec::new(), writes: Vec::new() }
    }

    /// The next entries behind the transaction that may belong to the batch, and whether there are no more.
    fn following(&self, most: u64) -> Result<(Entries, bool), u64> {
        let last = self.start.until.min(self.start.from.saturating_add(MAX_BATCH));
        let mut following = Vec::new();
        for seq in self.start.end..last {
            if following.len() as u64 == most {
                return Ok((following, false));
            }
            match self.cache.entry(self.blocks, seq) {
                Ok(entry) => following.push(entry),
                Err(TreeError::Missing { seq }) => return Err(seq),
                // No batch reaches beyond a block that is no node.
                Err(_) => break,
            }
        }
        Ok((following, true))
    }

    /// `whole`: the batch does not go on behind these entries.
    pub fn hints(&self, following: &[Rc<Entry>], whole: bool) -> Hints {
        let open = |at: usize| !matches!(self.start.writes.get(at), Some(Reading::Sure(_)));
        let all: Vec<&Rc<Entry>> = self.entries.iter().chain(following).collect();
        let valueless = |(at, entry): &(usize, &&Rc<Entry>)| entry.value().is_none() && open(*at);
        let asked: Vec<(usize, &&Rc<Entry>)> = all.iter().enumerate().filter(valueless).collect();
        if asked.is_empty() {
            return Hints::default();
        }
        let pointed: HashSet<u64> = all.iter().flat_map(|entry| pointers(entry)).collect();
        let last: HashMap<&[u8], usize> = all.iter().enumerate().map(|(at, entry)| (entry.key(), at)).collect();
        let hidden = |at: usize, entry: &Entry| !whole || last.get(entry.key()).is_some_and(|last| *last > at);
        let ambiguous = asked.into_iter().filter(|(at, entry)| !pointed.contains(&entry.seq()) && hidden(*at, entry));
        Hints { ambiguous: ambiguous.map(|(_, entry)| entry.seq()).collect(), pointed }
    }

    /// The only earlier end that the batch may have, inside the transaction.
    pub fn earlier_end(&self, hints: &Hints, choice: u32) -> Result<Option<(u64, Vec<Write>)>, u64> {
        let inside = self.entries.len().saturating_sub(1);
        let inside = self.entries.iter().zip(self.start.writes.iter().copied()).take(inside);
        Ok(match self.end_among(inside, hints, choice)? {
            Reached::End(end, writes) => Some((end, writes)),
            Reached::Stopped | Reached::All => None,
        })
    }

    /// Does another batch begin behind the transaction?
    fn ends(&self) -> Result<bool, u64> {
        match begins(self.blocks, self.cache, self.start.end, self.start.until) {
            Err(TreeError::Missing { seq }) => Err(seq),
            begins => Ok(matches!(begins, Ok(Some(_)))),
        }
    }

    /// The end of the batch in the transactions that follow. They are not replayed yet. Few blocks are looked at
    /// before many: that there is no such end mostly shows at once.
    pub fn later_end(&self) -> Result<Later, u64> {
        // So many readings that the blocks behind must tell them apart, unless another batch begins there.
        let ends = self.hints(&[], false).too_many() && self.ends()?;
        for most in LOOK_AHEAD {
            let (following, whole) = if ends { (Vec::new(), true) } else { self.following(most)? };
            let hints = self.hints(&following, whole);
            if hints.too_many() && !whole {
                continue;
            }
            let mut goes_on = false;
            for choice in 0..hints.choices() {
                let own = self.entries.iter().zip(self.start.writes.iter().copied());
                let all = own.chain(following.iter().map(|entry| (entry, Reading::Open)));
                match self.end_among(all, &hints, choice)? {
                    // The transaction's own end was tried before.
                    Reached::End(end, writes) if end > self.start.end => return Ok(Later::At(end, writes)),
                    Reached::End(..) | Reached::Stopped => {}
                    Reached::All => goes_on = true,
                }
            }
            if hints.too_many() {
                return Ok(Later::TooMany);
            }
            if whole || !goes_on {
                break;
            }
        }
        Ok(Later::Nowhere)
    }

    /// Follows the batch to where it must end by these readings, and compares.
    fn end_among<'e>(
        &self,
        entries: impl Iterator<Item = (&'e Rc<Entry>, Reading)>,
        hints: &Hints,
        choice: u32,
    ) -> Result<Reached, u64> {
        let mut walk = self.walk();
        for (entry, reading) in entries {
            match walk.add(entry, reading, hints, choice) {
                Ok(true) if walk.must_end() => {
                    let end = entry.seq().saturating_add(1);
                    return Ok(if walk.ends() { Reached::End(end, walk.writes) } else { Reached::Stopped });
                }
                Ok(true) => {}
                Err(TreeError::Missing { seq }) => return Err(seq),
                _ => return Ok(Reached::Stopped),
            }
        }
        Ok(Reached::All)
    }
}

/// The blocks that the nodes in a block point to as keys; none if they cannot be read.
fn pointers(entry: &Entry) -> Vec<u64> {
    let count = entry.level_count().unwrap_or_default() as u64;
    let levels = (0..count).filter_map(|offset| entry.level(offset).ok().flatten());
    levels.flat_map(|level| level.keys().collect::<Vec<_>>()).collect()
}

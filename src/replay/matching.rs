//! Where a transaction ends, and which of its published entries are the expected ones.
//!
//! The rules are the rulebook's ("Where a transaction begins and ends; matching"). Nothing here decides whom to accuse:
//! the result says what does not fit, [`super::examine`] says what that means.

use std::rc::Rc;

use super::batches::Reading;
use super::engine::Change;
use super::finding::Kind;
use crate::database::path::{self, Place};
use crate::database::{DecodeError, Value, decode, order};
use crate::hyperbee::check::Kind as Write;
use crate::hyperbee::{Entry, Malformed, TreeError};

/// A published entry.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its block.
    pub seq: u64,
    /// What is in it.
    pub body: Body,
    /// The expected change that it is, by place in [`Expected::changes`].
    pub matched: Option<usize>,
}

/// What a block of a transaction holds.
#[derive(Clone, Debug)]
pub enum Body {
    /// An entry with a value that can be decoded, or without a value.
    Entry {
        /// The block.
        entry: Rc<Entry>,
        /// Its value; `None` for a delete or a put of null.
        value: Option<Value>,
        /// Versions of msgpackr read the value differently.
        peculiar: bool,
    },
    /// A block that is no entry, or whose value no version of msgpackr reads.
    Malformed {
        /// The block, when it is an entry with a bad value.
        entry: Option<Rc<Entry>>,
        /// What is wrong.
        why: String,
    },
}

impl Published {
    /// Reads the body of a block.
    ///
    /// # Errors
    /// The number of the block that is not here.
    pub fn read(seq: u64, entry: Result<Rc<Entry>, TreeError>) -> Result<Self, u64> {
        let body = match entry {
            Err(TreeError::Missing { seq }) => return Err(seq),
            Err(TreeError::Malformed { why: Malformed::Node(why), .. }) => {
                Body::Malformed { entry: None, why: why.to_string() }
            }
            Err(error) => Body::Malformed { entry: None, why: error.to_string() },
            Ok(entry) => match entry.value().map(decode) {
                None => Body::Entry { entry, value: None, peculiar: false },
                Some(Ok(decoded)) => Body::Entry { entry, value: Some(decoded.value), peculiar: decoded.peculiar },
                Some(Err(DecodeError::Peculiar { .. })) => {
                    Body::Entry { entry, value: Some(Value::Undefined), peculiar: true }
                }
                Some(Err(error)) => Body::Malformed { entry: Some(entry), why: error.to_string() },
            },
        };
        Ok(Self { seq, body, matched: None })
    }

    /// The index key, if the block is an entry.
    pub fn key(&self) -> Option<&[u8]> {
        self.entry().map(|entry| entry.key())
    }

    /// The decoded block.
    pub fn entry(&self) -> Option<&Rc<Entry>> {
        match &self.body {
            Body::Entry { entry, .. } => Some(entry),
            Body::Malformed { entry, .. } => entry.as_ref(),
        }
    }
}

/// What the replay expects of a transaction.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The contract succeeds.
    pub success: bool,
    /// The changes that write a block, in the order in which an honest executor writes them.
    pub changes: Vec<Change>,
    /// Keys of deletes that write no block, because there is nothing to delete.
    pub absent: Vec<path::Key>,
    /// What `numChanges` must be.
    pub actions: u64,
}

impl Expected {
    /// Separates the deletes that write no block. `exists` asks the state before the transaction.
    ///
    /// # Errors
    /// Those of `exists`.
    pub fn new<E>(
        success: bool,
        changes: Vec<Change>,
        actions: u64,
        mut exists: impl FnMut(&[u8]) -> Result<bool, E>,
    ) -> Result<Self, E> {
        let mut kept: Vec<Change> = Vec::with_capacity(changes.len());
        let mut absent = Vec::new();
        let mut written: std::collections::HashMap<path::Key, bool> = std::collections::HashMap::new();
        let deletes = changes.iter().any(|change| change.put.is_none());
        for change in changes {
            if !deletes {
                kept.push(change);
                continue;
            }
            let there = match written.get(&change.key) {
                Some(there) => *there,
                None if change.put.is_none() => exists(&change.key)?,
                None => true,
            };
            if change.put.is_none() && !there {
                absent.push(change.key);
                continue;
            }
            written.insert(change.key.clone(), change.put.is_some());
            kept.push(change);
        }
        Ok(Self { success, changes: kept, absent, actions })
    }
}

/// Something that does not fit.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The kind that it has if somebody is to be accused.
    pub kind: Kind,
    /// The block.
    pub seq: u64,
    /// The expected change, by place.
    pub expected: Option<usize>,
    /// The published entry, by place.
    pub published: Option<usize>,
    /// It rests on the operation's bytes, though it is not found by comparing changes.
    pub used_op: bool,
}

impl Issue {
    /// About a whole block, whatever the operation was.
    pub fn at(kind: Kind, seq: u64) -> Self {
        Self { kind, seq, expected: None, published: None, used_op: false }
    }
}

/// A transaction's entries, matched.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// The entries after the ack.
    pub entries: Vec<Published>,
    /// The block after the last of them.
    pub end: u64,
    /// What does not fit and used the operation's bytes, in the order of the rulebook's table.
    pub by_replay: Vec<Issue>,
    /// What is wrong whatever the operation was.
    pub certain: Vec<Issue>,
    /// The changes are right but in another order than the root locale's.
    pub reordered: bool,
    /// A value of a mismatching entry is read differently by versions of msgpackr.
    pub peculiar: bool,
}

/// What of the ack the matching needs.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    /// The ack's block.
    pub seq: u64,
    /// `ack.success`.
    pub success: bool,
    /// `ack.numChanges`.
    pub changes: u64,
}

/// Reads the entries that follow an ack up to the end of its transaction, and matches them.
///
/// `expected` is `None` when the operation cannot be replayed: then up to `numChanges` entries go unjudged.
///
/// # Errors
/// The number of a block that is not here.
pub fn matching(
    ack: Announced,
    expected: Option<&Expected>,
    until: u64,
    mut read: impl FnMut(u64) -> Result<Rc<Entry>, TreeError>,
) -> Result<Matching, u64> {
    let none = Vec::new();
    let changes = expected.map_or(&none, |expected| &expected.changes);
    let mut open = Open::new(changes);
    let mut result = Matching { end: ack.seq.saturating_add(1), ..Matching::default() };
    while result.end < until {
        let mut published = Published::read(result.end, read(result.end))?;
        published.matched = published.key().and_then(|key| open.take(key));
        if published.matched.is_none() && published.key().is_some_and(|key| Place::of(key) == Place::Ack) {
            break;
        }
        result.entries.push(published);
        result.end = result.end.saturating_add(1);
    }
    judge(ack, expected, open, &mut result);
    Ok(result)
}

/// The expected changes that no entry has taken yet.
struct Open<'a> {
    changes: &'a [Change],
    taken: Vec<bool>,
    by_key: Option<std::collections::HashMap<&'a [u8], std::collections::VecDeque<usize>>>,
}

impl<'a> Open<'a> {
    fn new(changes: &'a [Change]) -> Self {
        const FEW: usize = 8;
        let by_key = (changes.len() > FEW).then(|| {
            let mut table: std::collections::HashMap<&[u8], std::collections::VecDeque<usize>> =
                std::collections::HashMap::new();
            for (at, change) in changes.iter().enumerate() {
                table.entry(&change.key).or_default().push_back(at);
            }
            table
        });
        Self { changes, taken: vec![false; changes.len()], by_key }
    }

    /// The first change of this key that is still expected.
    fn take(&mut self, key: &[u8]) -> Option<usize> {
        let at = match &mut self.by_key {
            Some(table) => table.get_mut(key)?.pop_front()?,
            None => {
                let mut open = self.changes.iter().zip(&self.taken).enumerate();
                open.find(|(_, (change, taken))| !**taken && *change.key == *key)?.0
            }
        };
        if let Some(taken) = self.taken.get_mut(at) {
            *taken = true;
        }
        Some(at)
    }

    fn left(&self) -> Vec<usize> {
        self.taken.iter().enumerate().filter(|(_, taken)| !**taken).map(|(at, _)| at).collect()
    }
}

/// Is this what the contract wrote? `bytes` are those of the published value.
pub fn fits(change: &Change, value: Option<&Value>, bytes: Option<&[u8]>) -> bool {
    if change.bytes.is_some() && change.bytes.as_deref() == bytes {
        return true;
    }
    match (&change.put, value) {
        (None, None) => true,
        (Some(put), None) => put.is_nullish(),
        (Some(put), Some(value)) => put.same(value),
        (None, Some(_)) => false,
    }
}

fn judge(ack: Announced, expected: Option<&Expected>, open: Open<'_>, result: &mut Matching) {
    let position = |seq: u64| seq.saturating_sub(ack.seq);
    let issue = |kind, seq, expected, published| Issue { expected, published, ..Issue::at(kind, seq) };
    let mut certain = Vec::new();
    for (at, published) in result.entries.iter().enumerate() {
        if matches!(published.body, Body::Malformed { .. }) {
            certain.push(issue(Kind::MalformedEntry, published.seq, None, Some(at)));
        }
    }
    let Some(expected) = expected else {
        let too_many = result.entries.iter().enumerate().find(|(_, entry)| position(entry.seq) > ack.changes);
        certain.extend(too_many.map(|(at, entry)| issue(Kind::UnpromptedWrite, entry.seq, None, Some(at))));
        result.certain = certain;
        return;
    };

    let mut wrong = Vec::new();
    let mut stray: Vec<usize> = Vec::new();
    let mut left = open.left();
    for (at, published) in result.entries.iter().enumerate() {
        match (&published.body, published.matched.and_then(|m| Some((m, expected.changes.get(m)?)))) {
            (Body::Entry { entry, value, peculiar }, Some((place, change))) => {
                if !fits(change, value.as_ref(), entry.value()) {
                    result.peculiar |= peculiar;
                    wrong.push(issue(Kind::WrongChange, published.seq, Some(place), Some(at)));
                }
            }
            (Body::Entry { peculiar, .. }, None) => {
                result.peculiar |= peculiar;
                stray.push(at);
            }
            // A malformed entry uses up one expected change, its own if it is at that key.
            (Body::Malformed { .. }, None) if !left.is_empty() => drop(left.remove(0)),
            (Body::Malformed { .. }, _) => {}
        }
    }
    let mut places: Vec<usize> = result.entries.iter().filter_map(|entry| entry.matched).collect();
    result.reordered = !places.is_sorted();
    places.clear();

    let deletes_nothing = |at: &usize| {
        let entry = result.entries.get(*at);
        entry.and_then(Published::key).is_some_and(|key| expected.absent.iter().any(|absent| **absent == *key))
            && entry.is_some_and(|entry| matches!(entry.body, Body::Entry { value: None, .. }))
    };
    let mut extra: Vec<Issue> = Vec::new();
    let (empty, mut stray): (Vec<usize>, Vec<usize>) = stray.into_iter().partition(deletes_nothing);
    let shown = |at: usize| result.entries.get(at).and_then(Published::key).map(path::display).unwrap_or_default();
    stray.sort_by(|a, b| order::locale_compare(&shown(*a), &shown(*b)).then(a.cmp(b)));
    let pairs = stray.len().min(left.len());
    for (at, place) in stray.iter().zip(&left) {
        let seq = result.entries.get(*at).map_or(ack.seq, |entry| entry.seq);
        wrong.push(issue(Kind::WrongChange, seq, Some(*place), Some(*at)));
    }
    let missing = left.get(pairs).copied();
    for at in empty {
        let seq = result.entries.get(at).map_or(ack.seq, |entry| entry.seq);
        extra.push(issue(Kind::ExtraChange, seq, None, Some(at)));
    }
    let mut beyond: Vec<usize> = stray.split_off(pairs);
    beyond.sort_unstable();
    // Which deletes write no block is known by the operation only, so up to the announced number an entry is no more than
    // an extra change: who signed another operation for the executor must not make it look unprompted.
    let covered = match expected.success == ack.success {
        true => ack.changes,
        false => ack.changes.max(expected.changes.len() as u64),
    };
    // An entry at an ack path that the operation takes for its own may be an ack, and what follows that ack's.
    let is_ack = |entry: &Published| entry.key().is_some_and(|key| Place::of(key) == Place::Ack);
    let taken_ack = || result.entries.iter().position(|entry| entry.matched.is_some() && is_ack(entry));
    for at in beyond {
        let seq = result.entries.get(at).map_or(ack.seq, |entry| entry.seq);
        if position(seq) > covered {
            if !certain.iter().any(|issue| issue.kind == Kind::UnpromptedWrite) {
                let used_op = taken_ack().is_some_and(|taken| taken < at);
                certain.push(Issue { used_op, ..issue(Kind::UnpromptedWrite, seq, None, Some(at)) });
            }
        } else {
            extra.push(issue(Kind::ExtraChange, seq, None, Some(at)));
        }
    }
    certain.sort_by_key(|issue| (issue.kind, issue.seq));
    result.certain = certain;

    if expected.success != ack.success {
        let kind = if ack.success { Kind::FalseSuccess } else { Kind::FalseFailure };
        // Covers every difference up to the larger of the two counts.
        result.by_replay.push(issue(kind, ack.seq, None, None));
        return;
    }
    wrong.sort_by_key(|issue| issue.seq);
    extra.sort_by_key(|issue| issue.seq);
    result.by_replay = wrong;
    result.by_replay.extend(extra);
    if let Some(place) = missing {
        result.by_replay.push(issue(Kind::MissingChange, result.end, Some(place), None));
    }
    if ack.changes != expected.actions {
        let fitting = result.by_replay.is_empty();
        // With other differences the count is at most an aside.
        if fitting || !result.by_replay.iter().any(|issue| issue.kind == Kind::MissingChange) {
            result.by_replay.push(issue(Kind::ChangeCountMismatch, ack.seq, None, None));
        }
    }
}

/// How each entry of a transaction writes to the tree: a block without a value is a delete or a put of null. Which one is
/// known where it is the contract's change; what else was published shows itself in the tree.
pub fn writes(matching: &Matching, expected: Option<&Expected>) -> Vec<Reading> {
    let reading = |published: &Published| {
        if published.entry().is_none_or(|entry| entry.value().is_some()) {
            return Reading::Sure(Write::Put);
        }
        match published.matched.and_then(|place| expected?.changes.get(place)).map(|change| &change.put) {
            Some(None) => Reading::Sure(Write::Del),
            Some(Some(value)) if value.is_nullish() => Reading::Sure(Write::Put),
            _ => Reading::Open,
        }
    };
    matching.entries.iter().map(reading).collect()
}

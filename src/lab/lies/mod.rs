//! Lies: each breaks one rule of the rulebook in one way, so that what an auditor must say is known beforehand.
//!
//! One file for each kind of violation, named after it; each has a list of the ways of committing it. A lie is told once, at
//! the first transaction (from a given one on) that gives it a chance.

use super::course::Truth;
use super::draft::Draft;
use super::executor::{Genesis, Input, Lab, LabError};
use super::log::Store;
use super::random::Random;
use crate::hyperbee::Blocks;
use crate::hypercore::Key;
use crate::replay::finding::Kind;

mod ack_malformed;
mod ack_path_mismatch;
mod bad_genesis;
mod change_count_mismatch;
mod equivocation;
mod extra_change;
mod false_failure;
mod false_success;
mod index_tampered;
mod malformed_entry;
mod metadata_invented;
mod missing_change;
mod non_participant;
mod op_repeated;
mod op_skipped;
mod truncation;
mod unprompted_write;
mod wrong_change;

/// One way of lying.
#[derive(Debug)]
pub struct Lie {
    /// `<kind>/<way>`.
    pub name: &'static str,
    /// The violation that it is.
    pub kind: Kind,
    /// Kinds of violations that may follow from it in later transactions.
    pub then: &'static [Kind],
    /// When and how it is told.
    pub tell: Tell,
}

/// When a lie is told, and how. Each answers `None` where it finds no chance.
#[derive(Clone, Copy, Debug)]
pub enum Tell {
    /// Before there is a database. Gives the block.
    Genesis(fn(&mut Genesis) -> u64),
    /// By executing another operation than the next: participant and number.
    Pick(fn(&Moment<'_>) -> Option<(usize, u64)>),
    /// By publishing another transaction than the contract's.
    Draft(fn(&mut Draft, &Scene, &mut Random) -> Option<Told>),
    /// By publishing other blocks than Hyperbee's.
    Blocks(TellBlocks),
    /// By publishing another history.
    Past(Past),
}

/// Changes the blocks of a batch on top of an index.
pub type TellBlocks = fn(&mut Vec<Vec<u8>>, &Scene, &dyn Blocks, &mut Random) -> Option<Told>;

/// Which history is replaced by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// That of an oplog, by its owner; else that of the index.
    pub oplog: bool,
    /// With a higher fork counter.
    pub openly: bool,
}

/// Where the lie can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// In the ack.
    Ack,
    /// In this entry after the ack (as published).
    Write(usize),
    /// In the last block of the batch.
    Last,
    /// The same, and it shows only to who knows the operation.
    LastByReplay,
    /// The same, and nobody can read the index any more.
    Ending,
    /// At the block after the transaction.
    End,
}

/// What can be executed at a moment: of each oplog the length, and what the executor knows of it.
pub struct Moment<'a> {
    /// By participant.
    pub logs: Vec<(u64, Option<&'a Input>)>,
}

/// A transaction that is about to be written.
pub struct Scene {
    /// The block of its ack.
    pub at: u64,
    /// Which of the honest entries after the ack write a block.
    pub written: Vec<bool>,
    /// The keys of the honest entries that were there before.
    pub known: Vec<Vec<u8>>,
    /// An operation before it announced more entries than it has: what follows may be its own.
    pub reached: bool,
    /// The contract exports `process`.
    pub exports_process: bool,
    /// The contract in force.
    pub source: Box<str>,
    /// An oplog that is (or was in the beginning) no input.
    pub stranger: Key,
}

impl Scene {
    /// The first entry after the ack that writes a block, from a random one on.
    fn some_write(&self, random: &mut Random) -> Option<usize> {
        let count = self.written.len();
        let start = random.below(count as u64) as usize;
        (start..count).chain(0..start).find(|&place| self.written.get(place) == Some(&true))
    }

    /// Was this key there before?
    fn existed(&self, key: &[u8]) -> bool {
        self.known.iter().any(|known| known == key)
    }

    /// Does every entry, if there is any, write a block?
    fn none_missing(&self) -> bool {
        self.written.iter().all(|written| *written)
    }

    /// Does every entry write a block, and is there one?
    fn all_written(&self) -> bool {
        !self.written.is_empty() && self.none_missing()
    }
}

/// A key that no contract writes.
fn nobodys(random: &mut Random) -> Vec<u8> {
    format!("lie-{:x}", random.bits()).into_bytes()
}

/// Every lie.
pub fn all() -> impl Iterator<Item = &'static Lie> {
    [
        bad_genesis::LIES,
        malformed_entry::LIES,
        ack_malformed::LIES,
        ack_path_mismatch::LIES,
        non_participant::LIES,
        op_repeated::LIES,
        op_skipped::LIES,
        false_failure::LIES,
        false_success::LIES,
        wrong_change::LIES,
        extra_change::LIES,
        missing_change::LIES,
        unprompted_write::LIES,
        change_count_mismatch::LIES,
        metadata_invented::LIES,
        index_tampered::LIES,
        truncation::LIES,
        equivocation::LIES,
    ]
    .into_iter()
    .flatten()
}

/// The lie of this name, or the first of this kind.
pub fn named(name: &str) -> Option<&'static Lie> {
    all().find(|lie| lie.name == name).or_else(|| all().find(|lie| lie.kind.name() == name))
}

/// Replaces a history: cuts it at the end of a transaction and lets the executor (or the participant) write another one.
pub(super) fn past<S: Store>(
    lab: &mut Lab<S>,
    past: Past,
    lie: &Lie,
    ends: &[u64],
    random: &mut Random,
) -> Result<Option<Truth>, LabError> {
    let mut truth = Truth::of(lie, None);
    if past.oplog {
        // An operation that was executed, so that somebody could be wronged.
        let executed = |who: &usize| lab.input(*who).is_some_and(|input| input.next > 0 && input.active);
        let who = (0..lab.oplogs.len()).find(executed);
        let Some((who, next)) = who.and_then(|who| Some((who, lab.input(who)?.next))) else { return Ok(None) };
        let cut = random.below(next);
        let Some(log) = lab.oplogs.get_mut(who) else { return Ok(None) };
        let more = log.length().saturating_sub(cut);
        log.cut(cut, past.openly)?;
        // Another history of the same length at least.
        let ops: Vec<Vec<u8>> = (0..=more).map(|n| other_operation(n, random)).collect();
        log.append(&ops)?;
        truth.oplog = lab.name(who);
        truth.seq = (!past.openly).then_some(cut);
        return Ok(Some(truth));
    }
    // There must be a transaction to take back.
    let [before @ .., _] = ends else { return Ok(None) };
    let Some(&cut) = random.pick(before) else { return Ok(None) };
    lab.index.cut(cut, past.openly)?;
    lab.forget()?;
    truth.seq = (!past.openly).then_some(cut);
    lab.execute_all()?;
    Ok(Some(truth))
}

fn other_operation(n: u64, random: &mut Random) -> Vec<u8> {
    use crate::database::{Value, encode};
    encode(&Value::object(vec![
        ("op".into(), Value::str("OTHER")),
        ("n".into(), Value::num(n as f64)),
        ("r".into(), Value::num(random.below(1 << 32) as f64)),
    ]))
}

//! The logs of a lab, as far as somebody holds them.

use vitra_watch::hyperbee::{Block, Blocks};
use vitra_watch::hypercore::views::{self, Conflict, View};
use vitra_watch::lab::Log;
use vitra_watch::replay::logs::{Logs, Oplog};

use super::*;

/// The logs of a lab as somebody holds them: the index up to a length, and one oplog's history from before it was cut.
pub struct Held<'a> {
    pub lab: &'a Lab<Memory>,
    pub index: Part<'a>,
    /// The oplog's history from before it was cut.
    pub old: Option<&'a Log<Memory>>,
    /// Whether the cut is known.
    pub knows_the_cut: bool,
    /// Whether the index is taken for one that goes on.
    pub goes_on: bool,
}

pub struct Part<'a>(&'a dyn Blocks, u64);

impl Blocks for Part<'_> {
    fn length(&self) -> u64 {
        self.1
    }
    fn block(&self, seq: u64) -> Option<Block> {
        if seq < self.1 { self.0.block(seq) } else { None }
    }
}

impl<'a> Held<'a> {
    pub fn up_to(lab: &'a Lab<Memory>, length: u64) -> Self {
        Held { lab, index: Part(&lab.index.store, length), old: None, knows_the_cut: false, goes_on: false }
    }

    fn is_old(&self, key: &Key) -> Option<&'a Log<Memory>> {
        self.old.filter(|log| log.key() == key)
    }

    pub fn report(&self) -> Report {
        report::run(Auditor::new(self, self.lab.index.key(), Options::default()), |_, _| ())
    }
}

impl Logs for Held<'_> {
    fn index(&self) -> &dyn Blocks {
        &self.index
    }
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        match self.is_old(key) {
            Some(log) => Some(Oplog { blocks: &log.store, rewritten: false, attributed: true }),
            None => self.lab.oplog(key),
        }
    }
    fn signed_length(&self) -> u64 {
        if self.goes_on { u64::MAX } else { self.index.1 }
    }
    fn conflicts(&self, key: &Key) -> Vec<Conflict> {
        if self.knows_the_cut { self.lab.conflicts(key) } else { Vec::new() }
    }
    fn rewritten_from(&self, key: &Key) -> Option<u64> {
        let old = self.is_old(key).filter(|_| self.knows_the_cut)?;
        views::rewritten_from(&self.lab.views(key), old.store.tree())
    }
}

impl Evidence for Held<'_> {
    fn views(&self, key: &Key) -> Vec<View<'_>> {
        match self.is_old(key) {
            Some(log) if !self.knows_the_cut => log.store.views().collect(),
            _ => self.lab.views(key),
        }
    }
}

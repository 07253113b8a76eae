//! The logs of a lab, as far as they have arrived.

use vitra_watch::hyperbee::{Block, Blocks};
use vitra_watch::hypercore::Key;
use vitra_watch::hypercore::views::Conflict;
use vitra_watch::lab::{Lab, Memory};
use vitra_watch::replay::logs::{History, Logs, Oplog};

/// The first blocks of a log.
struct Part<'a>(&'a dyn Blocks, u64);

impl Blocks for Part<'_> {
    fn length(&self) -> u64 {
        self.1
    }
    fn block(&self, seq: u64) -> Option<Block> {
        if seq < self.1 { self.0.block(seq) } else { None }
    }
}

pub struct Arrived<'a> {
    lab: &'a Lab<Memory>,
    index: Part<'a>,
    oplogs: Vec<(Key, bool, Part<'a>)>,
}

impl<'a> Arrived<'a> {
    pub fn new(lab: &'a Lab<Memory>, index: u64, oplogs: &[u64]) -> Self {
        let part = |(log, length): (&'a vitra_watch::lab::Log<Memory>, &u64)| {
            (*length > 0 || log.length() == 0).then_some((*log.key(), log.fork() > 0, Part(&log.store, *length)))
        };
        let oplogs = lab.oplogs.iter().zip(oplogs).filter_map(part).collect();
        Self { lab, index: Part(&lab.index.store, index), oplogs }
    }

    fn part(&self, key: &Key) -> Option<&(Key, bool, Part<'a>)> {
        self.oplogs.iter().find(|(name, ..)| name == key)
    }
}

impl Logs for Arrived<'_> {
    fn index(&self) -> &dyn Blocks {
        &self.index
    }
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        let (_, rewritten, blocks) = self.part(key)?;
        Some(Oplog { blocks, rewritten: *rewritten, attributed: true })
    }
    fn index_fork(&self) -> u64 {
        self.lab.index_fork()
    }
    fn signed_length(&self) -> u64 {
        self.lab.signed_length()
    }
    fn conflicts(&self, key: &Key) -> Vec<Conflict> {
        self.lab.conflicts(key)
    }
    fn history(&self, oplog: Option<&Key>, length: u64) -> Option<History> {
        let held = oplog.map_or(Some(self.index.1), |key| Some(self.part(key)?.2.1))?;
        self.lab.history(oplog, length).filter(|_| length <= held)
    }
}

//! Logs of a lab in an archive.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::log::{Owner, Store};
use crate::archive::{Archive, ArchiveError, LogId, LogWriter};
use crate::hyperbee::{Block, Blocks};
use crate::hypercore::{Roots, SignedHead};

/// A log in an archive. What it appends lasts after a [`commit`].
pub struct Archived {
    archive: Rc<RefCell<Archive>>,
    log: LogId,
    writer: LogWriter,
}

fn failed(error: ArchiveError) -> io::Error {
    io::Error::other(error)
}

impl Archived {
    /// The log of this owner: its current history, or a new one.
    ///
    /// # Errors
    /// What the archive says.
    pub fn open(archive: &Rc<RefCell<Archive>>, owner: &Owner) -> io::Result<Self> {
        let mut open = archive.borrow_mut();
        let log = open.log(owner.key(), owner.manifest()).map_err(failed)?;
        let histories = open.histories(log).map_err(failed)?;
        let current = match histories.iter().find(|history| history.current) {
            Some(history) => history.number,
            None => open.new_history(log, 0).map_err(failed)?,
        };
        let writer = open.writer(log, current).map_err(failed)?;
        drop(open);
        Ok(Self { archive: Rc::clone(archive), log, writer })
    }

    /// The history's fork.
    pub fn fork(&self) -> u64 {
        self.writer.fork()
    }
}

/// Makes everything last that these logs appended, all of it or nothing.
///
/// # Errors
/// What could not be written.
pub fn commit<'a>(archive: &RefCell<Archive>, logs: impl IntoIterator<Item = &'a mut Archived>) -> io::Result<()> {
    let mut writers: Vec<&mut LogWriter> = logs.into_iter().map(|log| &mut log.writer).collect();
    archive.borrow_mut().commit(&mut writers).map_err(failed)
}

impl Blocks for Archived {
    fn length(&self) -> u64 {
        self.writer.length()
    }
    fn block(&self, seq: u64) -> Option<Block> {
        self.writer.block(seq)
    }
}

impl Store for Archived {
    fn push(&mut self, blocks: &[Vec<u8>]) -> io::Result<()> {
        self.writer.append(blocks).map_err(failed)
    }

    fn roots(&self) -> &Roots {
        self.writer.roots()
    }

    fn keep(&mut self, head: SignedHead) -> io::Result<()> {
        self.writer.stage_head(head).map_err(failed)
    }

    fn cut(&mut self, length: u64, fork: u64) -> io::Result<()> {
        let mut archive = self.archive.borrow_mut();
        archive.commit(&mut [&mut self.writer]).map_err(failed)?;
        let history = archive.new_history(self.log, fork).map_err(failed)?;
        let mut other = archive.writer(self.log, history).map_err(failed)?;
        for seq in 0..length {
            let block = self.writer.block(seq).ok_or_else(|| io::Error::other("a block cannot be read again"))?;
            other.append([block]).map_err(failed)?;
        }
        archive.make_current(self.log, history).map_err(failed)?;
        self.writer = other;
        Ok(())
    }
}

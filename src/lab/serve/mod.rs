//! A peer that serves a directory, honestly or not: to test whoever downloads from it.
//!
//! The protocol is the swarm's own (`swarm::session`, `swarm::transport`, `swarm::replica::proof`); here is only what is said.
//! One file for each behaviour, named after it. What it serves is read once, when it starts, and never written.

mod flood;
mod garbage;
mod honest;
mod huge_claims;
mod opens;
mod replayed;
mod server;
mod shifted_sizes;
mod slow_drip;
mod split_view;
mod stalled;
mod truncation;
mod withheld;
mod wrong_block;

pub use server::Server;

use std::path::Path;
use std::time::Duration;

use crate::archive::{ArchiveReader, Core, Corestore, ImportError, find_stores, is_archive};
use crate::hyperbee::Blocks;
use crate::hypercore::{Key, SignedHead};
use crate::swarm::replica::proof::answer;
use crate::swarm::wire::messages::{Message, Request, Sync};

/// One way of serving.
#[derive(Clone, Copy)]
pub struct Way {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    make: fn() -> Box<dyn Behaviour>,
}

/// Every way, the honest one first.
pub fn ways() -> impl Iterator<Item = &'static Way> {
    [
        &honest::WAY,
        &split_view::WAY,
        &truncation::WAY,
        &withheld::WAY,
        &stalled::WAY,
        &slow_drip::WAY,
        &garbage::WAY,
        &flood::WAY,
        &opens::WAY,
        &shifted_sizes::WAY,
        &wrong_block::WAY,
        &replayed::WAY,
        &huge_claims::WAY,
    ]
    .into_iter()
}

/// What a peer does otherwise than an honest one.
trait Behaviour {
    /// Which directory a peer is shown: the first, or the other one. Peers are numbered from 0.
    fn directory(&self, _peer: u64) -> usize {
        0
    }

    /// Which history of a log a peer is shown that was given so many answers about it; the current one is the first.
    fn history(&self, _answered: u64, _histories: usize) -> usize {
        0
    }

    /// What is said of a log.
    fn claim(&self, honest: Sync) -> Sync {
        honest
    }

    /// A frame that is sent when a connection stands, and how often.
    fn greeting(&self) -> Option<Vec<u8>> {
        None
    }

    /// How often.
    fn greetings(&self) -> u32 {
        1
    }

    /// How long to wait between two answers.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }

    /// What is answered.
    fn reply(&self, scene: &Scene<'_>, request: &Request) -> Reply {
        scene.honest(request)
    }
}

/// What is answered to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reply {
    /// A message on the log's channel.
    Say(Box<Message>),
    /// That there is no answer.
    Refuse,
    /// These bytes, as a frame.
    Frame(Vec<u8>),
    /// Nothing.
    Nothing,
}

/// The logs of a directory: of each log its histories, the current one first.
#[derive(Debug)]
pub struct Directory {
    logs: Vec<Vec<Core>>,
}

impl Directory {
    /// Reads the archive or Corestore at `dir`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(dir: &Path) -> Result<Directory, ImportError> {
        let stores = find_stores(dir);
        let store =
            stores.first().ok_or_else(|| ImportError::new(dir, None, "there is no archive and no Corestore"))?;
        let mut logs: Vec<Vec<Core>> = Vec::new();
        let mut add = |core: Core| match logs.iter_mut().find(|log| log.iter().any(|other| other.key() == core.key())) {
            Some(log) => log.push(core),
            None => logs.push(vec![core]),
        };
        if is_archive(store) {
            ArchiveReader::open(store)?.into_cores().into_iter().for_each(&mut add);
        } else {
            Corestore::open(store)?.into_cores().into_iter().for_each(&mut add);
        }
        Ok(Directory { logs })
    }

    /// The logs that there are.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.logs.iter().filter_map(|log| log.first()).map(Core::key)
    }

    /// The logs that begin with a Hyperbee header: indexes.
    pub fn indexes(&self) -> impl Iterator<Item = &Key> {
        let is_index = |core: &&Core| core.block(0).is_some_and(|block| crate::hyperbee::is_header(&block));
        self.logs.iter().filter_map(|log| log.first()).filter(is_index).map(Core::key)
    }

    fn log(&self, key: &Key) -> Option<&[Core]> {
        self.logs.iter().find(|log| log.first().is_some_and(|core| core.key() == key)).map(Vec::as_slice)
    }
}

/// What a question is about.
struct Scene<'a> {
    directory: &'a Directory,
    core: &'a Core,
}

fn newest(core: &Core) -> Option<&SignedHead> {
    core.heads().first()
}

impl Scene<'_> {
    /// The right answer.
    fn honest(&self, request: &Request) -> Reply {
        let data = newest(self.core).and_then(|head| answer(self.core, head, request));
        data.map_or(Reply::Refuse, |data| Reply::Say(Box::new(Message::Data(data))))
    }

    /// The right answer to the same question about another log, if there is one.
    fn another(&self, request: &Request) -> Option<Reply> {
        let others = self.directory.logs.iter().flatten().filter(|core| core.key() != self.core.key());
        let mut answers = others.filter_map(|core| answer(core, newest(core)?, request));
        answers.next().map(|data| Reply::Say(Box::new(Message::Data(data))))
    }
}

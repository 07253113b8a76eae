//! Where the auditor gets blocks from: it knows nothing of files or network.

use crate::hyperbee::Blocks;
use crate::hypercore::Key;

/// The logs of one database.
pub trait Logs {
    /// The index log.
    fn index(&self) -> &dyn Blocks;
    /// The oplog of a key, if any of it is here.
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>>;
}

/// One participant's log.
pub struct Oplog<'a> {
    /// Its blocks.
    pub blocks: &'a dyn Blocks,
    /// Only a history with a fork counter above 0 is held: an operation in it may have been another one when it was
    /// executed.
    pub rewritten: bool,
}

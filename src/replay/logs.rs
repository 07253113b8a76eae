//! Where the auditor gets blocks from: it knows nothing of files or network.

use crate::hyperbee::Blocks;
use crate::hypercore::views::Conflict;
use crate::hypercore::{Hash, Key};

/// The logs of one database.
pub trait Logs {
    /// The index log.
    fn index(&self) -> &dyn Blocks;
    /// The oplog of a key, if any of it is here.
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>>;
    /// The fork counter of the index as it is audited.
    fn index_fork(&self) -> u64 {
        0
    }
    /// Blocks of the longest tree of the index that is known to be signed in this fork, whether they are here or not.
    fn signed_length(&self) -> u64 {
        0
    }
    /// Whether the index's head shows that its owner wrote it: somebody signed it, and the signature says of which log.
    fn index_is_attributed(&self) -> bool {
        true
    }
    /// What the signed heads of a log, all that are known, say against each other.
    fn conflicts(&self, key: &Key) -> Vec<Conflict> {
        let _ = key;
        Vec::new()
    }
    /// The first operation of an oplog from which on its owner, who truncated it, may have signed others than those that
    /// are here. `None` if no truncation of it is known.
    fn rewritten_from(&self, key: &Key) -> Option<u64> {
        let _ = key;
        None
    }
    /// Which history an oplog (without a key: the index) is taken for, as far as its first `length` blocks. `None` when there
    /// are fewer, or nobody can tell.
    fn history(&self, oplog: Option<&Key>, length: u64) -> Option<History> {
        let _ = (oplog, length);
        None
    }
}

/// What the first blocks of a log are known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The fork counter.
    pub fork: u64,
    /// The hash of the tree over these blocks.
    pub tree_hash: Hash,
}

impl<T: Logs + ?Sized> Logs for &T {
    fn index(&self) -> &dyn Blocks {
        (**self).index()
    }
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        (**self).oplog(key)
    }
    fn index_fork(&self) -> u64 {
        (**self).index_fork()
    }
    fn signed_length(&self) -> u64 {
        (**self).signed_length()
    }
    fn index_is_attributed(&self) -> bool {
        (**self).index_is_attributed()
    }
    fn conflicts(&self, key: &Key) -> Vec<Conflict> {
        (**self).conflicts(key)
    }
    fn rewritten_from(&self, key: &Key) -> Option<u64> {
        (**self).rewritten_from(key)
    }
    fn history(&self, oplog: Option<&Key>, length: u64) -> Option<History> {
        (**self).history(oplog, length)
    }
}

/// One participant's log.
pub struct Oplog<'a> {
    /// Its blocks.
    pub blocks: &'a dyn Blocks,
    /// Only a history with a fork counter above 0 is held: an operation in it may have been another one when it was
    /// executed.
    pub rewritten: bool,
    /// Its head shows that its owner wrote it: somebody signed it, and the signature says of which log.
    pub attributed: bool,
}

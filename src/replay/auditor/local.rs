//! An audit that begins at some transaction, knowing only what the tree before it says: so that one transaction can be
//! judged from few blocks.
//!
//! What an audit from the genesis knows by induction must here follow from those blocks. Two rules give it. Both were made
//! so that they never fail an honest executor, whatever participants, contract authors and who shows the blocks do:
//!
//! - **Anchor.** A batch ends before the transaction's ack, as the blocks from it on show ([`batches::begins`]): so the tree
//!   there can be read.
//! - **Guard.** Every contract source so far keeps its operations from writing below `/.sys` past the runtime's guard
//!   ([`Scan::guarded`](crate::replay::scan::Scan::guarded)). Then entries at ack paths are acks, inputs and sources are what
//!   was declared, and acks are never deleted.
//!
//! Where they do not hold nothing is said, and a proof begins elsewhere.

use super::*;
use crate::replay::engine::ReadError;
use crate::replay::scan::scan;

/// Contract sources that are followed back; each is parsed.
const MAX_SOURCES: usize = 64;

/// Declarations of an input that are followed back.
const MAX_DECLARATIONS: usize = 65_536;

/// Blocks of the batches that declared them, all together.
const MAX_DECLARING: u64 = 1 << 20;

/// Why an audit cannot begin at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanchored {
    /// A block of the index is needed that is not here.
    #[error("block {0} of the index is not here")]
    Missing(u64),
    /// The place does not show by itself what came before.
    #[error("{0}")]
    Unclear(&'static str),
}

impl From<TreeError> for Unanchored {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Missing { seq } => Self::Missing(seq),
            TreeError::Malformed { .. } => Self::Unclear("the tree there cannot be read"),
        }
    }
}

impl From<ReadError> for Unanchored {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing(seq) => Self::Missing(seq),
            _ => Self::Unclear("a value there cannot be read"),
        }
    }
}

impl<'a> Auditor<'a> {
    /// An auditor that begins with the transaction whose ack is block `from`.
    ///
    /// # Errors
    /// [`Unanchored`] where the blocks do not show what came before.
    pub fn beginning_at(logs: &'a dyn Logs, key: &[u8; 32], options: Options, from: u64) -> Result<Self, Unanchored> {
        let mut auditor = Self::new(logs, key, options);
        auditor.anchor(from)?;
        let (seq, source) = auditor.source_before(from)?;
        auditor.adopt_source(&source, seq);
        (auditor.at, auditor.batch_start, auditor.batch_end) = (from, from, from);
        (auditor.begun, auditor.local) = (true, true);
        Ok(auditor)
    }

    /// Makes sure that the entry at block `from` is an ack of the executor's own hand, and no change of an operation: by the
    /// two rules of the module. Runs no contract.
    ///
    /// # Errors
    /// [`Unanchored`] where the blocks do not show it.
    pub fn vouch(logs: &'a dyn Logs, key: &[u8; 32], from: u64) -> Result<(), Unanchored> {
        let auditor = Self::new(logs, key, Options::default());
        auditor.anchor(from)?;
        auditor.source_before(from).map(drop)
    }

    /// Makes sure that a batch ends before block `from`, and a transaction begins with it; see the module. Returns how many blocks
    /// showed that.
    fn anchor(&self, from: u64) -> Result<u64, Unanchored> {
        if from < 2 {
            return Err(Unanchored::Unclear("no transaction begins there"));
        }
        let index = self.logs.index();
        if Place::of(self.cache.entry(index, from)?.key()) != Place::Ack {
            return Err(Unanchored::Unclear("no transaction begins there"));
        }
        match batches::begins(index, &self.cache, from, self.until)? {
            Some(end) => Ok(end.saturating_sub(from)),
            None => Err(Unanchored::Unclear("the blocks there are no batch of puts that Hyperbee would write")),
        }
    }

    /// What a key has in the tree of the first `version` blocks.
    fn published(&self, version: u64, key: &[u8]) -> Result<Option<(u64, Value)>, Unanchored> {
        let tree = Tree::new(self.logs.index(), &self.cache, version);
        Ok(Published::new(&tree).get(key)?)
    }

    /// The anchored transaction that block `seq` belongs to, by its first block, and how many blocks showed that.
    fn transaction_of(&self, seq: u64) -> Result<(u64, u64), Unanchored> {
        let mut at = seq;
        while Place::of(self.cache.entry(self.logs.index(), at)?.key()) != Place::Ack {
            at = at.saturating_sub(1);
            if at == 0 || seq.saturating_sub(at) > batches::MAX_BATCH {
                return Err(Unanchored::Unclear("no transaction is near"));
            }
        }
        Ok((at, self.anchor(at)?))
    }

    /// The contract in force before an anchored block, and that all since the genesis are guarded.
    fn source_before(&self, from: u64) -> Result<(u64, String), Unanchored> {
        let mut version = from;
        let mut newest = None;
        for _ in 0..MAX_SOURCES {
            let Some((seq, Value::Str(source))) = self.published(version, path::SOURCE)? else {
                return Err(Unanchored::Unclear("there is no contract source"));
            };
            let scan = scan(&source);
            if !scan.mutable_state.is_empty() {
                return Err(Unanchored::Unclear("a contract may keep state outside the index"));
            }
            if !scan.guarded {
                return Err(Unanchored::Unclear("a contract may write below /.sys past the guard"));
            }
            newest.get_or_insert((seq, source.to_string()));
            if seq == 1 {
                return newest.ok_or(Unanchored::Unclear("there is no contract source"));
            }
            (version, _) = self.transaction_of(seq)?;
        }
        Err(Unanchored::Unclear("too many contract sources came before"))
    }

    /// Reads from the tree where an oplog's numbering stands, when it is first met; and what excuses a wrong number, whenever
    /// one comes.
    pub(super) fn take_up_numbering(&mut self, at: u64, ack: &Ack) -> Result<(), Stop> {
        if !self.local {
            return Ok(());
        }
        let origin = self.participants.get(&*ack.origin).map(|known| &known.origin);
        let next = match origin.filter(|origin| origin.acks > 0) {
            Some(origin) => origin.next,
            None => self.first_number(at, ack)?,
        };
        let looked_up = origin.is_some_and(|origin| origin.looked_up);
        // Inside a batch there is no tree to go back from.
        let inside = at > self.batch_start && at < self.batch_end;
        let excused = next != ack.seq
            && !looked_up
            && match if inside { Ok(true) } else { self.was_deactivated(at, &ack.origin) } {
                Ok(deactivated) => deactivated,
                Err(Unanchored::Missing(seq)) => return Err(Stop::Needs(seq)),
                // It may have been: then a wrong number accuses nobody.
                Err(Unanchored::Unclear(_)) => true,
            };
        let origin = &mut self.participants.entry(ack.origin.to_string()).or_default().origin;
        origin.next = next;
        origin.looked_up |= next != ack.seq;
        if excused {
            // How often it came back, and so how often each operation may be repeated, is not known.
            (origin.deactivated, origin.readded) = (true, u64::MAX);
        }
        Ok(())
    }

    /// The number that comes next by the tree, as far as this ack needs it.
    fn first_number(&self, at: u64, ack: &Ack) -> Result<u64, Stop> {
        let acked = |seq: u64| self.with_state(at, |view| view.exists(&path::ack_key(&ack.origin, seq)));
        let acked = |seq: u64| acked(seq).and_then(|found| found).map_err(tree_stop);
        Ok(match ack.seq.checked_sub(1) {
            _ if acked(ack.seq)? => ack.seq.saturating_add(1),
            Some(before) if !acked(before)? => before,
            _ => ack.seq,
        })
    }

    /// Whether an input was declared inactive before the anchored transaction at `from`.
    fn was_deactivated(&self, from: u64, name: &str) -> Result<bool, Unanchored> {
        let genesis = self.published(from, path::GENESIS_ACK)?.map_or(0, |(seq, _)| seq);
        let key = [path::INPUTS, name.as_bytes()].concat();
        let mut version = from;
        let mut declaring = 0_u64;
        for step in 0..MAX_DECLARATIONS {
            let Some((seq, value)) = self.published(version, &key)? else { return Ok(step == 0) };
            if ack::parse_input(name.as_bytes(), &value) != Some(true) {
                return Ok(true);
            }
            if seq < genesis {
                return Ok(false);
            }
            let (at, blocks) = self.transaction_of(seq)?;
            version = at;
            declaring = declaring.saturating_add(blocks);
            if declaring > MAX_DECLARING {
                break;
            }
        }
        Err(Unanchored::Unclear("it was declared too often"))
    }
}

//! One history of a log: its signed heads, the blocks that are here, those that are wanted.
//!
//! Blocks are written in order. One that comes early waits, verified, in a bounded window. Each is proven up to the nearest
//! node that is known already; what its proof shows is known from then on, so that a log read in order needs few hashes.

use std::collections::{BTreeMap, BTreeSet};

use super::proof::{AnswerError, Shown, read_block};
use crate::archive::{Archive, ArchiveError, LogWriter};
use crate::hyperbee::Blocks;
use crate::hypercore::flat::{self, Subtree};
use crate::hypercore::{Comparison, Node, Nodes, Prefix, PrefixEvidence, Roots, SignedHead};
use crate::swarm::wire::messages::{DataBlock, RequestNode};

/// Blocks beyond those that are here which may be asked for.
pub const WINDOW: u64 = 1_024;
/// Bytes of blocks that wait for earlier ones; beyond, only the next block is asked for.
pub const MAX_WAITING: usize = 32 << 20;
/// Heads that wait for their blocks; of more the shorter ones are only kept with the nodes that came with them.
const MAX_HEADS: usize = 64;
/// Blocks and bytes that are appended before they are committed without a head.
const MAX_UNCOMMITTED: (u64, u64) = (8_192, 16 << 20);

/// A history.
#[derive(Debug)]
pub struct Branch {
    writer: LogWriter,
    // The head whose blocks are downloaded; those that wait for their blocks; the longest that has them all, committed; those that
    // were longer and set aside, because others can be had.
    head: Option<SignedHead>,
    heads: BTreeMap<u64, SignedHead>,
    served: Option<SignedHead>,
    aside: BTreeMap<u64, SignedHead>,
    known: BTreeMap<u64, (u64, Node)>,
    waiting: BTreeMap<u64, Vec<u8>>,
    waiting_bytes: usize,
    asked: BTreeSet<u64>,
    // Blocks that somebody was asked for and did not send.
    shared: BTreeSet<u64>,
    committed_bytes: u64,
}

impl Branch {
    /// The history that a writer continues, and its newest head.
    pub fn new(writer: LogWriter, served: Option<SignedHead>) -> Branch {
        let committed_bytes = writer.roots().byte_length();
        Branch {
            writer,
            head: served.clone(),
            heads: BTreeMap::new(),
            served,
            aside: BTreeMap::new(),
            known: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            asked: BTreeSet::new(),
            shared: BTreeSet::new(),
            committed_bytes,
        }
    }

    /// How often the log was truncated before.
    pub fn fork(&self) -> u64 {
        self.writer.fork()
    }

    /// Its number in the archive.
    pub fn history(&self) -> u64 {
        self.writer.history()
    }

    /// The blocks that are here.
    pub fn log(&self) -> &LogWriter {
        &self.writer
    }

    /// Blocks that are here, from the first on.
    pub fn length(&self) -> u64 {
        self.writer.roots().length()
    }

    /// The longest head that is not set aside.
    pub fn head(&self) -> Option<&SignedHead> {
        self.head.as_ref()
    }

    /// The longest head of which everything is here and lasts.
    pub fn served(&self) -> Option<&SignedHead> {
        self.served.as_ref()
    }

    /// Blocks of the longest head that is not set aside.
    pub fn target(&self) -> u64 {
        self.head.as_ref().map_or(0, SignedHead::length)
    }

    /// Blocks of the longest head.
    pub fn promised(&self) -> u64 {
        self.aside.last_key_value().map_or(0, |(length, _)| *length).max(self.target())
    }

    /// Whether all blocks of the longest head that is not set aside are here and last.
    pub fn is_complete(&self) -> bool {
        self.target() <= self.writer.committed()
    }

    /// Up to `most` runs of blocks of the longest head that are not here, and how many blocks that is in all.
    pub fn lacking(&self, most: usize) -> (Vec<(u64, u64)>, u64) {
        let (mut runs, mut from) = (Vec::new(), self.length());
        let mut lacking = 0_u64;
        let ends = self.waiting.keys().copied().chain(std::iter::once(self.promised()));
        for waiting in ends {
            if from < waiting {
                lacking = lacking.saturating_add(waiting.saturating_sub(from));
                if runs.len() < most {
                    runs.push((from, waiting));
                }
            }
            from = from.max(waiting.saturating_add(1));
        }
        (runs, lacking)
    }

    /// What is known of its first `length` blocks.
    pub fn prefix(&self, length: u64) -> Option<Prefix> {
        if length <= self.length() {
            return self.writer.roots_at(length).map(|roots| Prefix::of_blocks(&roots));
        }
        let nodes = flat::roots(length).map(|at| self.node(at)).collect::<Option<Vec<_>>>();
        let head = self.heads.get(&length).or(self.head.as_ref()).filter(|head| head.length() == length);
        match (head, nodes) {
            (Some(head), Some(nodes)) => Prefix::of(head, length, &PrefixEvidence::Roots(nodes))
                .or_else(|_| Prefix::of(head, length, &PrefixEvidence::TreeHash))
                .ok(),
            (Some(head), None) => Prefix::of(head, length, &PrefixEvidence::TreeHash).ok(),
            (None, nodes) => Roots::from_nodes(length, &nodes?).ok().map(|roots| Prefix::of_roots(&roots)),
        }
    }

    fn node(&self, at: Subtree) -> Option<Node> {
        let known = self.known.get(&at.index()).map(|(_, node)| *node);
        known.or_else(|| self.writer.node(at))
    }

    /// Takes a head of this history. Returns whether it is longer than those before.
    pub fn adopt(&mut self, shown: &Shown) -> bool {
        let head = &shown.head;
        if head.length() <= self.served.as_ref().map_or(0, SignedHead::length) {
            return false;
        }
        let longer = head.length() > self.target();
        self.heads.insert(head.length(), head.clone());
        if self.heads.len() > MAX_HEADS {
            self.heads.pop_first();
        }
        if longer {
            self.head = Some(head.clone());
            let length = self.length();
            let known = &mut self.known;
            shown.nodes(|at, node| {
                if at.end() > length {
                    known.insert(at.index(), (at.end(), node));
                }
            });
        }
        longer
    }

    /// Takes a head of this history for what is to be downloaded though there are longer ones: nobody has sent their blocks, and who
    /// shows this one may. Whether those are of this history is not known any more, so all that came under them and is not next goes; they
    /// are set aside. Whatever peers were asked for under them must be taken back.
    pub fn yield_to(&mut self, shown: &Shown) {
        let length = self.length();
        self.aside.append(&mut self.heads.split_off(&length.saturating_add(1)));
        while self.aside.len() > MAX_HEADS {
            self.aside.pop_first();
        }
        self.head.clone_from(&self.served);
        self.known.clear();
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.asked.clear();
        self.shared.clear();
        self.adopt(shown);
    }

    /// Forgets the heads that were set aside and are no longer than what is here; returns those that are of another history.
    pub fn settle(&mut self) -> Vec<SignedHead> {
        let longer = self.aside.split_off(&self.length().saturating_add(1));
        let reached = std::mem::replace(&mut self.aside, longer);
        // The blocks are here, so that a tree hash tells as much as roots would.
        let is_other = |head: &SignedHead| {
            let own = Prefix::of(head, head.length(), &PrefixEvidence::TreeHash).ok();
            let compared = self.prefix(head.length()).zip(own).map(|(here, own)| here.compare(&own));
            compared == Some(Comparison::Different)
        };
        reached.into_values().filter(is_other).collect()
    }

    /// The next block to ask a peer for that has `has` and a log of `length` blocks. Nobody else is asked for it, unless it is the
    /// next of all and somebody did not send it: then everybody is, so that no peer can keep a block from us by being asked for it.
    pub fn want(&self, length: u64, has: impl Fn(u64) -> bool) -> Option<RequestNode> {
        let from = self.length();
        let window = if self.waiting_bytes > MAX_WAITING { 1 } else { WINDOW };
        let to = from.saturating_add(window).min(self.target()).min(length);
        let shared = |block: &u64| *block == from && self.shared.contains(block);
        let free = |block: &u64| !self.waiting.contains_key(block) && (!self.asked.contains(block) || shared(block));
        (from..to).filter(free).filter(|block| has(*block)).find_map(|block| self.question(block, length))
    }

    fn question(&self, index: u64, length: u64) -> Option<RequestNode> {
        let mut at = Subtree::leaf(index);
        let mut nodes = 0_u64;
        while at.end() <= length {
            if self.known.contains_key(&at.index()) {
                return Some(RequestNode { index, nodes });
            }
            at = at.parent();
            nodes = nodes.saturating_add(1);
        }
        None
    }

    /// Notes that somebody was asked for a block.
    pub fn note_asked(&mut self, block: u64) {
        self.asked.insert(block);
    }

    /// Notes that who was asked for a block has not sent it, or not yet.
    pub fn share(&mut self, block: u64) {
        if block >= self.length() && !self.waiting.contains_key(&block) {
            self.shared.insert(block);
        }
    }

    /// Notes that who was asked for a block will not send it.
    pub fn give_back(&mut self, block: u64) {
        self.asked.remove(&block);
        self.share(block);
    }

    /// Takes the answer to a question. The blocks that are next are appended.
    ///
    /// # Errors
    /// What is wrong with the answer, or with the archive.
    pub fn take(&mut self, asked: RequestNode, data: DataBlock) -> Result<Result<(), AnswerError>, ArchiveError> {
        if data.index != asked.index {
            return Ok(Err(AnswerError::Other));
        }
        self.asked.remove(&asked.index);
        if data.index < self.length() || self.waiting.contains_key(&data.index) {
            return Ok(Ok(()));
        }
        let ancestor = (0..asked.nodes).fold(Subtree::leaf(asked.index), |at, _| at.parent());
        let Some((_, expected)) = self.known.get(&ancestor.index()).copied() else {
            return Ok(Err(AnswerError::Other));
        };
        let known = &mut self.known;
        let learn = |at: Subtree, node| {
            known.insert(at.index(), (at.end(), node));
        };
        if let Err(error) = read_block(asked, &expected, &data, learn) {
            return Ok(Err(error));
        }
        self.waiting_bytes = self.waiting_bytes.saturating_add(data.value.len());
        self.waiting.insert(data.index, data.value);
        while let Some(block) = self.waiting.remove(&self.length()) {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(block.len());
            self.shared.remove(&self.length());
            self.writer.append([block])?;
        }
        let length = self.length();
        if length.is_multiple_of(256) || length == self.target() {
            self.known.retain(|_, (end, _)| *end > length);
        }
        Ok(Ok(()))
    }

    /// Whether [`Branch::commit`] should be called.
    pub fn should_commit(&self) -> bool {
        let (blocks, bytes) = MAX_UNCOMMITTED;
        let length = self.length();
        let behind = length.saturating_sub(self.writer.committed());
        let reached = self.heads.first_key_value().is_some_and(|(head, _)| *head <= length);
        reached || behind > blocks || self.writer.roots().byte_length().saturating_sub(self.committed_bytes) > bytes
    }

    /// Makes everything last that is here, with the heads that it reaches. Returns whether more is served than before.
    ///
    /// # Errors
    /// What the archive cannot write.
    pub fn commit(&mut self, archive: &mut Archive) -> Result<bool, ArchiveError> {
        let later = self.heads.split_off(&self.length().saturating_add(1));
        let reached = std::mem::replace(&mut self.heads, later);
        let blocks_agree = |head: &&SignedHead| {
            // A patched head may give its roots other sizes than the blocks have: nobody signed it like that.
            !head.is_patched()
                || self.writer.roots_at(head.length()).is_some_and(|r| r.tree_hash() == *head.tree_hash())
        };
        let reached: Vec<SignedHead> = reached.values().filter(blocks_agree).cloned().collect();
        for head in &reached {
            self.writer.stage_head(head.clone())?;
        }
        archive.commit(&mut [&mut self.writer])?;
        self.committed_bytes = self.writer.roots().byte_length();
        let newest = reached.into_iter().next_back();
        let more = newest.is_some();
        self.served = newest.or(self.served.take());
        Ok(more)
    }

    /// A read of the archive's files that failed.
    pub fn take_error(&self) -> Option<ArchiveError> {
        self.writer.take_error().map(Into::into)
    }

    /// A block that is here.
    pub fn block(&self, seq: u64) -> Option<crate::hyperbee::Block> {
        self.writer.block(seq)
    }
}

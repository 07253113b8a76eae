//! One block of a Hyperbee: its key, its value and the B-tree nodes that were new when it was written.
//!
//! Source of the format: `schema.proto` and `lib/messages.js` of the npm package `hyperbee` (the same in 1.7 and 2.27):
//!
//! ```text
//! Node      = { 1: index bytes (required), 2: key bytes (required), 3: value bytes (absent = null or a delete) }
//! index     = YoloIndex { 1: repeated Level }
//! Level     = { 1: packed keys (block numbers), 2: packed children (pairs: block number, level of that block) }
//! ```
//!
//! **What counts as a Hyperbee node.** A block is one exactly when Hyperbee's own decoder gets a key out of it, so that
//! the state that we see is the state that readers see. That decoder is lenient, and so are we:
//!
//! - unknown fields of the wire types 0, 1, 2 and 5 are skipped (3 and 4, the groups, and 6 and 7 are errors);
//! - the wire type of a *known* field is ignored: fields 1 to 3 are always read as "length, bytes";
//! - a length that points past the end of the block is cut off there, in fields 1 to 3 and in skipped ones;
//! - of a repeated field the last one counts; inside a level, keys and children accumulate;
//! - varints may be padded with any number of zero groups; tags are taken modulo 2^32.
//!
//! Not a node: a varint that runs over the end, fields 1 or 2 missing, a group. A block is *canonical* when it is what
//! Hyperbee writes: fields in order, nothing else, shortest varints, nothing cut off ([`Entry::canonical`] for the block
//! without its index, [`Entry::index_canonical`] for the index).
//!
//! The index is only decoded when somebody walks the tree, as in Hyperbee: a block with a broken index still has a
//! key and a value. Two limits are ours: [`MAX_LEVELS`] and [`MAX_KEYS`].

use std::cell::OnceCell;

use super::Block;
use super::levels::{self, Level, Levels};
use super::varint;

/// Most levels (B-tree nodes) that we read in one block. Hyperbee writes about two for each level of the tree's height.
pub const MAX_LEVELS: usize = 1_024;
/// Most keys that we read in one level. Hyperbee writes at most 8.
pub const MAX_KEYS: usize = 1_024;

const FIELD_INDEX: u8 = 0x0a;
const FIELD_KEY: u8 = 0x12;
const FIELD_VALUE: u8 = 0x1a;

/// Why a block, or the index in it, cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// A number runs over the end of the block.
    #[error("a number runs over the end")]
    Truncated,
    /// A wire type that Hyperbee's decoder refuses (groups, 6 and 7).
    #[error("unknown wire type {0}")]
    WireType(u8),
    /// A tag of 2^53 or more.
    #[error("absurd tag")]
    Tag,
    /// There is no field 1.
    #[error("no index field")]
    NoIndex,
    /// There is no field 2.
    #[error("no key field")]
    NoKey,
    /// A level that is longer than the index that it is in.
    #[error("a level runs over the end of the index")]
    LevelTruncated,
    /// More than [`MAX_LEVELS`] levels.
    #[error("more than {MAX_LEVELS} levels in one block")]
    TooManyLevels,
    /// More than [`MAX_KEYS`] keys, or more than `MAX_KEYS + 1` children.
    #[error("more than {MAX_KEYS} keys in one level")]
    TooManyKeys,
    /// A block of 4 GiB or more.
    #[error("a block of 4 GiB or more")]
    TooLong,
}

/// A part of a block: `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A block with key and value found, and its index not yet decoded.
///
/// It shares the block's bytes: decoding copies nothing.
#[derive(Debug)]
pub struct Entry {
    seq: u64,
    block: Block,
    index: Span,
    key: Span,
    value: Option<Span>,
    canonical: bool,
    levels: OnceCell<Result<Levels, NodeError>>,
}

impl Entry {
    /// Finds index, key and value in the block `seq`.
    ///
    /// # Errors
    /// When the block is no Hyperbee node: see the head of this module.
    pub fn decode(seq: u64, block: Block) -> Result<Self, NodeError> {
        let frame = Frame::decode(&block)?;
        Ok(Self {
            seq,
            index: frame.index.ok_or(NodeError::NoIndex)?,
            key: frame.key.ok_or(NodeError::NoKey)?,
            value: frame.value,
            canonical: frame.canonical,
            levels: OnceCell::new(),
            block,
        })
    }

    /// An entry that is not in the log (yet), with an empty index.
    pub(super) fn pending(seq: u64, key: &[u8], value: Option<&[u8]>) -> Result<Self, NodeError> {
        let mut block = Vec::new();
        encode_block(&[], key, value, &mut block);
        Self::decode(seq, block.into())
    }

    /// Number of the block in its log.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The whole block.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// The key as it is in the block.
    pub fn key(&self) -> &[u8] {
        self.key.of(&self.block)
    }

    /// The value as it is in the block; `None` when there is no field 3: a delete, or a put of null.
    pub fn value(&self) -> Option<&[u8]> {
        self.value.map(|span| span.of(&self.block))
    }

    /// The undecoded index.
    pub fn index(&self) -> &[u8] {
        self.index.of(&self.block)
    }

    /// Whether Hyperbee would write index, key and value into a block like this. Says nothing of the index itself.
    pub fn canonical(&self) -> bool {
        self.canonical
    }

    /// Whether the index can be read and Hyperbee would write its levels like this.
    pub fn index_canonical(&self) -> bool {
        self.levels().is_ok_and(Levels::canonical)
    }

    /// How many levels the index has.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn level_count(&self) -> Result<usize, NodeError> {
        Ok(self.levels()?.len())
    }

    /// One B-tree node of the block; `None` when there is no such level.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn level(&self, offset: u64) -> Result<Option<Level<'_>>, NodeError> {
        Ok(self.levels()?.get(self.index(), offset))
    }

    /// Whether a level of this block holds the block's own key. Hyperbee's readers call a block without a value a
    /// delete when this is false, and a put of null when it is true.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn holds_own_key(&self) -> Result<bool, NodeError> {
        let levels = self.levels()?;
        let index = self.index();
        Ok((0..levels.len() as u64)
            .filter_map(|offset| levels.get(index, offset))
            .any(|level| level.keys().any(|key| key == self.seq)))
    }

    /// Whether Hyperbee's readers take it for a delete.
    pub fn is_delete(&self) -> bool {
        self.value().is_none() && !self.holds_own_key().unwrap_or(false)
    }

    fn levels(&self) -> Result<&Levels, NodeError> {
        self.levels.get_or_init(|| levels::decode(self.index())).as_ref().map_err(|&why| why)
    }
}

/// A whole block, decoded and owned: for tools and tests. The auditor uses [`Entry`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The key.
    pub key: Vec<u8>,
    /// The value; `None` is a delete or a put of null.
    pub value: Option<Vec<u8>>,
    /// The B-tree nodes; the first of a batch's last block is the root.
    pub levels: Vec<NodeLevel>,
}

/// One B-tree node of a [`Node`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeLevel {
    /// The blocks that hold the keys.
    pub keys: Vec<u64>,
    /// Pairs of block number and level, flat as in the block; empty in a leaf.
    pub children: Vec<u64>,
}

impl Node {
    /// Decodes a block with its index. Never panics: this is also what the fuzzer calls.
    ///
    /// # Errors
    /// When the block is no Hyperbee node, or its index cannot be read.
    pub fn decode(block: &[u8]) -> Result<Self, NodeError> {
        let entry = Entry::decode(0, Block::from(block))?;
        let mut levels = Vec::new();
        for offset in 0..entry.level_count()? as u64 {
            if let Some(level) = entry.level(offset)? {
                levels.push(NodeLevel { keys: level.keys().collect(), children: level.children().collect() });
            }
        }
        Ok(Self { key: entry.key().to_vec(), value: entry.value().map(<[u8]>::to_vec), levels })
    }

    /// The block exactly as Hyperbee writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut index = Vec::new();
        for level in &self.levels {
            levels::encode(&mut index, level.keys.iter().copied(), level.children.iter().copied());
        }
        let mut block = Vec::new();
        encode_block(&index, &self.key, self.value.as_deref(), &mut block);
        block
    }
}

/// Writes a block around an encoded index.
pub(super) fn encode_block(index: &[u8], key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    for (tag, bytes) in [(FIELD_INDEX, Some(index)), (FIELD_KEY, Some(key)), (FIELD_VALUE, value)] {
        if let Some(bytes) = bytes {
            out.push(tag);
            varint::write(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
    }
}

/// Whether block 0 says that the log is a Hyperbee: protocol `hyperbee`, and optional metadata that can be read.
pub fn is_header(block: &[u8]) -> bool {
    // Header = { 1: protocol, 2: Metadata { 1: content feed, 2: user data } }, all length-delimited.
    let Some(mut rest) = block.strip_prefix(b"\x0a\x08hyperbee") else { return false };
    if rest.is_empty() {
        return true;
    }
    let Some(FIELD_KEY) = rest.split_off_first().copied() else { return false };
    let mut pos = 0;
    let Some(len) = varint::read(rest, &mut pos) else { return false };
    usize::try_from(len).is_ok_and(|len| pos.checked_add(len) == Some(rest.len()))
        && rest.get(pos..).is_some_and(|metadata| Frame::decode(metadata).is_ok())
}

/// The fields 1 to 3 of a message, all of them bytes.
struct Frame {
    index: Option<Span>,
    key: Option<Span>,
    value: Option<Span>,
    canonical: bool,
}

impl Frame {
    fn decode(bytes: &[u8]) -> Result<Self, NodeError> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(NodeError::TooLong);
        }
        let mut frame = Self { index: None, key: None, value: None, canonical: true };
        let mut pos = 0;
        let mut expected = FIELD_INDEX;
        while pos < bytes.len() {
            let before = pos;
            let (field, wire) = varint::tag(bytes, &mut pos)?;
            if !(1..=3).contains(&field) {
                frame.canonical = false;
                varint::skip(wire, bytes, &mut pos)?;
                continue;
            }
            frame.canonical &= pos == before + 1 && bytes.get(before) == Some(&expected);
            expected = expected.wrapping_add(8);
            let before = pos;
            let len = varint::read(bytes, &mut pos).ok_or(NodeError::Truncated)?;
            frame.canonical &= pos - before == varint::len(len);
            let wanted = usize::try_from(len).unwrap_or(usize::MAX);
            let end = pos.saturating_add(wanted).min(bytes.len());
            frame.canonical &= end - pos == wanted;
            // Both fit: the length was checked above.
            let span = Some(Span { start: pos as u32, end: end as u32 });
            match field {
                1 => frame.index = span,
                2 => frame.key = span,
                _ => frame.value = span,
            }
            pos = end;
        }
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: &[u8]) -> Result<Entry, NodeError> {
        Entry::decode(7, Block::from(bytes))
    }

    #[test]
    fn reads_what_hyperbee_writes() {
        let block = b"\x0a\x06\x0a\x04\x0a\x02\x01\x02\x12\x03k01\x1a\x04old1";
        let node = Node::decode(block).unwrap();
        assert_eq!(node.key, b"k01");
        assert_eq!(node.value.as_deref(), Some(&b"old1"[..]));
        assert_eq!(node.levels, [NodeLevel { keys: vec![1, 2], children: vec![] }]);
        assert_eq!(node.encode(), block);
        let entry = entry(block).unwrap();
        assert!(entry.canonical() && entry.index_canonical());
        assert!(!entry.holds_own_key().unwrap());
    }

    #[test]
    fn an_empty_value_is_not_an_absent_one() {
        let absent = Node { key: b"k".to_vec(), ..Node::default() };
        let empty = Node { value: Some(vec![]), ..absent.clone() };
        assert_eq!(absent.encode(), b"\x0a\x00\x12\x01k");
        assert_eq!(empty.encode(), b"\x0a\x00\x12\x01k\x1a\x00");
        assert_eq!(Node::decode(&empty.encode()).unwrap(), empty);
    }

    #[test]
    fn is_as_lenient_as_hyperbee() {
        for (block, why) in [
            (&b"\x12\x01k\x0a\x00"[..], "another order"),
            (b"\x0a\x00\x12\x01x\x12\x01k", "a repeated field"),
            (b"\x0a\x00\x12\x01k\x20\x05", "an unknown number"),
            (b"\x0a\x00\x12\x01k\x22\x7f", "an unknown field that is cut off"),
            (b"\x0a\x00\x12\x09k", "a key that is cut off"),
            (b"\x08\x00\x10\x01k", "other wire types"),
            (b"\x0a\x80\x00\x12\x01k", "a padded length"),
            (b"\x8a\x00\x00\x12\x01k", "a padded tag"),
        ] {
            let entry = entry(block).unwrap_or_else(|error| panic!("{why}: {error}"));
            assert_eq!(entry.key(), b"k", "{why}");
            assert!(!entry.canonical(), "{why}");
        }
    }

    #[test]
    fn refuses_what_hyperbee_refuses() {
        for (block, why) in [
            (&b""[..], NodeError::NoIndex),
            (b"\x0a\x00", NodeError::NoKey),
            (b"\x0a\x08hyperbee", NodeError::NoKey),
            (b"\x12\x01k", NodeError::NoIndex),
            (b"\x0a\x00\x12\x01k\x23", NodeError::WireType(3)),
            (b"\x0a\x00\x12\x01k\x27", NodeError::WireType(7)),
            (b"\x0a\x00\x12\x80", NodeError::Truncated),
            (b"\x0a\x00\x12\x01k\x20", NodeError::Truncated),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", NodeError::Tag),
        ] {
            assert_eq!(entry(block).unwrap_err(), why);
        }
    }

    #[test]
    fn knows_a_header() {
        assert!(is_header(b"\x0a\x08hyperbee"));
        assert!(is_header(b"\x0a\x08hyperbee\x12\x03\x12\x01x"));
        for no in [&b""[..], b"\x0a\x08hyperbeE", b"\x0a\x08hyperbee\x12\x04\x12\x01x", b"\x0a\x08hyperbee\x1a\x00"] {
            assert!(!is_header(no));
        }
    }
}

//! The index of a block: its B-tree nodes, called levels.
//!
//! Levels are not decoded into vectors. A canonical index is scanned once for where its levels are, and their numbers
//! are read from the block's bytes whenever a level is visited. An index that Hyperbee would read but not write is
//! decoded and written anew, so that there is one way to visit it. Invariant: the bytes behind a [`Level`] are whole
//! varints.

use super::node::{MAX_KEYS, MAX_LEVELS, NodeError, Span};
use super::varint;

const FIELD_LEVEL: u8 = 0x0a;
const FIELD_KEYS: u8 = 0x0a;
const FIELD_CHILDREN: u8 = 0x12;

/// Where the levels of an index are.
#[derive(Debug)]
pub(super) struct Levels {
    /// The index written anew, when its bytes cannot be visited as they are.
    rewritten: Option<Box<[u8]>>,
    spans: Box<[LevelSpan]>,
    canonical: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct LevelSpan {
    keys: Span,
    children: Span,
}

impl Levels {
    pub fn canonical(&self) -> bool {
        self.canonical
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn get<'a>(&'a self, index: &'a [u8], offset: u64) -> Option<Level<'a>> {
        let span = self.spans.get(usize::try_from(offset).ok()?)?;
        let bytes = self.rewritten.as_deref().unwrap_or(index);
        Some(Level { keys: span.keys.of(bytes), children: span.children.of(bytes) })
    }
}

/// One B-tree node: the blocks that hold its keys, and pointers to its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level<'a> {
    keys: &'a [u8],
    children: &'a [u8],
}

impl<'a> Level<'a> {
    /// The blocks that hold the keys, in order.
    pub fn keys(&self) -> Numbers<'a> {
        Numbers(self.keys)
    }

    /// Pairs of block number and level, flat. Hyperbee writes as many pairs as keys, and one more, or none in a leaf;
    /// nothing here guarantees that.
    pub fn children(&self) -> Numbers<'a> {
        Numbers(self.children)
    }

    /// Whether there are no children.
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// The child `i`; `None` when there are not as many, or its second half is missing.
    pub fn child(&self, i: usize) -> Option<Pointer> {
        let mut numbers = self.children();
        for _ in 0..i {
            numbers.next()?;
            numbers.next()?;
        }
        Some(Pointer { seq: numbers.next()?, offset: numbers.next()? })
    }
}

/// Where a B-tree node is: level `offset` of block `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer {
    /// The block.
    pub seq: u64,
    /// The level in it.
    pub offset: u64,
}

/// Numbers of a level.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a>(&'a [u8]);

impl Iterator for Numbers<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        let mut pos = 0;
        let value = varint::read(self.0, &mut pos)?;
        self.0 = self.0.get(pos..).unwrap_or_default();
        Some(value)
    }
}

/// Finds the levels of an index.
pub(super) fn decode(index: &[u8]) -> Result<Levels, NodeError> {
    let mut halves = false;
    if let Some(spans) = spans_of(index, &mut halves) {
        return Ok(Levels { rewritten: None, spans, canonical: !halves });
    }
    let mut rewritten = Vec::new();
    for (keys, children) in decode_lenient(index)? {
        // No block number is as large as that, and neither is one that was saturated.
        let clamp = |number: u64| number.min(1 << 53);
        encode(&mut rewritten, keys.into_iter().map(clamp), children.into_iter().map(clamp));
    }
    let spans = spans_of(&rewritten, &mut halves).ok_or(NodeError::TooManyLevels)?;
    Ok(Levels { rewritten: Some(rewritten.into_boxed_slice()), spans, canonical: false })
}

/// The levels of an index whose every byte is where Hyperbee would put it; `None` when one is not.
/// `halves` is set when some level has an odd number of child numbers.
fn spans_of(index: &[u8], halves: &mut bool) -> Option<Box<[LevelSpan]>> {
    let mut spans = Vec::with_capacity(8);
    let mut pos = 0;
    while pos < index.len() {
        if spans.len() == MAX_LEVELS {
            return None;
        }
        let end = field(index, &mut pos, FIELD_LEVEL, index.len())?;
        let mut span = LevelSpan::default();
        if pos < end && index.get(pos) == Some(&FIELD_KEYS) {
            let keys_end = field(index, &mut pos, FIELD_KEYS, end)?;
            (span.keys, _) = numbers(index, &mut pos, keys_end, MAX_KEYS)?;
        }
        if pos < end {
            let children_end = field(index, &mut pos, FIELD_CHILDREN, end)?;
            let count;
            (span.children, count) = numbers(index, &mut pos, children_end, 2 * MAX_KEYS + 2)?;
            *halves |= count % 2 == 1;
        }
        if pos != end {
            return None;
        }
        spans.push(span);
    }
    Some(spans.into_boxed_slice())
}

/// A tag and a length in their shortest form; the end of the field, when that is within bounds.
#[inline]
fn field(bytes: &[u8], pos: &mut usize, tag: u8, limit: usize) -> Option<usize> {
    if bytes.get(*pos) != Some(&tag) {
        return None;
    }
    *pos += 1;
    let before = *pos;
    let len = varint::read(bytes, pos)?;
    if *pos - before != varint::len(len) {
        return None;
    }
    pos.checked_add(usize::try_from(len).ok()?).filter(|&end| end <= limit)
}

/// Numbers in their shortest form up to `end`; at least one (Hyperbee omits empty fields) and at most `most`.
#[inline]
fn numbers(bytes: &[u8], pos: &mut usize, end: usize, most: usize) -> Option<(Span, usize)> {
    let packed = bytes.get(*pos..end).filter(|packed| !packed.is_empty())?;
    let span = Span { start: *pos as u32, end: end as u32 };
    let (mut count, mut length) = (0, 0u32);
    for &byte in packed {
        length += 1;
        if byte < 0x80 {
            // A zero group at the end pads; eight groups hold 56 bits, and no block number has more than 53.
            if (byte == 0 && length > 1) || length > 8 {
                return None;
            }
            count += 1;
            length = 0;
        }
    }
    *pos = end;
    (length == 0 && count <= most).then_some((span, count))
}

type Numeric = (Vec<u64>, Vec<u64>);

/// Reads an index as Hyperbee's decoder does, oddities included: a packed field may run over the end of its level,
/// and the next level then begins where it ended.
fn decode_lenient(index: &[u8]) -> Result<Vec<Numeric>, NodeError> {
    let mut levels = Vec::new();
    let mut pos = 0;
    while pos < index.len() {
        let (field, wire) = varint::tag(index, &mut pos)?;
        if field != 1 {
            varint::skip(wire, index, &mut pos)?;
            continue;
        }
        let len = varint::read(index, &mut pos).ok_or(NodeError::Truncated)?;
        let end = usize::try_from(len).ok().and_then(|len| pos.checked_add(len));
        let end = end.filter(|&end| end <= index.len()).ok_or(NodeError::LevelTruncated)?;
        if levels.len() == MAX_LEVELS {
            return Err(NodeError::TooManyLevels);
        }
        levels.push(decode_level(index, &mut pos, end)?);
    }
    Ok(levels)
}

fn decode_level(index: &[u8], pos: &mut usize, end: usize) -> Result<Numeric, NodeError> {
    let (mut keys, mut children) = (Vec::new(), Vec::new());
    while *pos < end {
        let (field, wire) = varint::tag(index, pos)?;
        let (numbers, most) = match field {
            1 => (&mut keys, MAX_KEYS),
            2 => (&mut children, 2 * MAX_KEYS + 2),
            _ => {
                varint::skip(wire, index, pos)?;
                continue;
            }
        };
        let len = varint::read(index, pos).ok_or(NodeError::Truncated)?;
        let packed_end = pos.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
        while *pos < packed_end {
            if numbers.len() == most {
                return Err(NodeError::TooManyKeys);
            }
            numbers.push(varint::read(index, pos).ok_or(NodeError::Truncated)?);
        }
    }
    Ok((keys, children))
}

/// Writes one level as Hyperbee does: empty fields are omitted.
#[inline]
pub(super) fn encode(out: &mut Vec<u8>, keys: impl Iterator<Item = u64>, children: impl Iterator<Item = u64>) {
    with_length(out, FIELD_LEVEL, true, |out| {
        with_length(out, FIELD_KEYS, false, |out| keys.for_each(|number| varint::write(out, number)));
        with_length(out, FIELD_CHILDREN, false, |out| children.for_each(|number| varint::write(out, number)));
    });
}

/// Writes tag and length before what `write` writes. Nearly all lengths fit one byte; the others move the bytes up.
#[inline]
fn with_length(out: &mut Vec<u8>, tag: u8, even_empty: bool, write: impl FnOnce(&mut Vec<u8>)) {
    let before = out.len();
    out.push(tag);
    out.push(0);
    let start = out.len();
    write(out);
    let len = out.len() - start;
    if len == 0 && !even_empty {
        out.truncate(before);
    } else if let (Ok(short @ 0..0x80), Some(slot)) = (u8::try_from(len), out.get_mut(start - 1)) {
        *slot = short;
    } else {
        let mut long = Vec::with_capacity(4);
        varint::write(&mut long, len as u64);
        out.splice(start - 1..start, long);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(index: &[u8]) -> Result<(bool, Vec<Numeric>), NodeError> {
        let levels = decode(index)?;
        let numeric = (0..levels.len() as u64)
            .filter_map(|i| levels.get(index, i))
            .map(|level| (level.keys().collect(), level.children().collect()))
            .collect();
        Ok((levels.canonical(), numeric))
    }

    #[test]
    fn both_readers_agree() {
        let mut index = Vec::new();
        encode(&mut index, [12, 300, 1 << 40].into_iter(), [5, 0, 7, 1, 9, 2, 1 << 50, 3].into_iter());
        encode(&mut index, std::iter::empty(), std::iter::empty());
        encode(&mut index, (0..900).map(|i| i * 1_000_000), std::iter::empty());
        let (canonical, levels) = all(&index).unwrap();
        assert!(canonical);
        assert_eq!(levels, decode_lenient(&index).unwrap());
        assert_eq!(levels[0].1.len(), 8);
        assert_eq!(levels[2].0.len(), 900);
    }

    #[test]
    fn odd_indexes_are_read_as_hyperbee_reads_them() {
        // Unknown field; children before keys; a repeated keys field; padding; an empty packed field.
        assert_eq!(all(b"\x10\x05\x0a\x02\x0a\x00").unwrap(), (false, vec![(vec![], vec![])]));
        assert_eq!(
            all(b"\x0a\x0a\x12\x02\x03\x04\x0a\x01\x01\x0a\x01\x02").unwrap(),
            (false, vec![(vec![1, 2], vec![3, 4])])
        );
        assert_eq!(all(b"\x0a\x04\x0a\x02\x81\x00").unwrap(), (false, vec![(vec![1], vec![])]));
        // A child without its second half: every byte is as Hyperbee would have it, and it is still no child.
        assert_eq!(all(b"\x0a\x03\x12\x01\x07").unwrap(), (false, vec![(vec![], vec![7])]));
        assert_eq!(
            all(b"\x0a\x0c\x0a\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").unwrap().1,
            [(vec![1 << 53], vec![])]
        );
        // A packed field that runs over its level, into what would have been the next one.
        assert_eq!(all(b"\x0a\x03\x0a\x02\x01\x02").unwrap().1, [(vec![1, 2], vec![])]);
    }

    #[test]
    fn broken_indexes_are_refused() {
        assert_eq!(all(b"\x0a\x05\x0a\x01\x01").unwrap_err(), NodeError::LevelTruncated);
        assert_eq!(all(b"\x0a\x02\x0a\x05").unwrap_err(), NodeError::Truncated);
        assert_eq!(all(b"\x1b").unwrap_err(), NodeError::WireType(3));
        assert_eq!(all(&b"\x0a\x00".repeat(MAX_LEVELS + 1)).unwrap_err(), NodeError::TooManyLevels);
        let mut index = Vec::new();
        encode(&mut index, (0..).take(MAX_KEYS + 1), std::iter::empty());
        assert_eq!(all(&index).unwrap_err(), NodeError::TooManyKeys);
    }
}

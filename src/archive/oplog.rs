//! The `oplog` file of a core: two header slots and a log of changes not yet in the newest header.
//!
//! ```text
//! 0      header slot 0 (at most 4096 bytes)
//! 4096   header slot 1
//! 8192   entries, one after the other
//! frame  u32le crc32 | u32le length << 2 | partial << 1 | bit | message      (the crc covers all after itself)
//! ```
//!
//! A flush writes the header to one of the slots, with the slot's bit turned over, and then cuts off the entries. Slot
//! (bit 0 + bit 1) mod 2 is the newest (with one readable slot: that one), and only entries whose bit is that number belong
//! to it. A header has two versions: 0 (10.0.0-alpha) and 1 (10.x, with key and manifest).
//!
//! Hypercore takes everything that it cannot read for the trace of a crash and goes on with what is left. For an audit
//! that would quietly drop signed history, so we accept less: an unreadable header slot only if nothing shows that it was
//! the newest, an unreadable entry never (zeros after the last one excepted). Everything else is an error, and the fault
//! is the storage's, nobody else's.
//!
//! Pure: bytes in, values out. The secret key that a writer's header holds is skipped, never kept.

use crate::hypercore::encoding::{DecodeError, Reader};
use crate::hypercore::{Hash, Key, MAX_BYTES, MAX_LENGTH, Manifest, ManifestError, Node};

const SLOT: usize = 4096;
const ENTRIES: usize = 2 * SLOT;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OplogError {
    /// Byte offset of the slot or entry.
    pub offset: u64,
    /// A fragment in lower case.
    pub reason: String,
}

/// Length, fork and signature of the log, as a header has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeState {
    /// How often the log was truncated.
    pub fork: u64,
    /// Number of blocks.
    pub length: u64,
    /// The tree hash. Old versions leave it out for logs that they downloaded.
    pub root_hash: Option<Hash>,
    /// Empty when the log is.
    pub signature: Vec<u8>,
}

/// A new head inside an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// How often the log was truncated.
    pub fork: u64,
    /// Blocks that it shares with the state before.
    pub ancestors: u64,
    /// Number of blocks.
    pub length: u64,
    /// The owner's signature.
    pub signature: Vec<u8>,
}

/// Blocks that were added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Removed, not added.
    pub drop: bool,
    /// First block.
    pub start: u64,
    /// Number of blocks.
    pub length: u64,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the file.
    pub offset: u64,
    /// Tree nodes: flat-tree index, node.
    pub nodes: Vec<(u64, Node)>,
    /// A new head.
    pub upgrade: Option<Upgrade>,
    /// Blocks that came or went.
    pub presence: Option<Presence>,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where its slot is in the file.
    pub offset: u64,
    /// The log's key.
    pub key: Key,
    /// The manifest, as written; see [`Manifest::bind`].
    pub manifest: Option<Manifest>,
    /// The head.
    pub tree: TreeState,
}

/// A parsed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oplog {
    /// The newest header.
    pub header: Header,
    /// The other slot's header, if it is readable.
    pub older: Option<Header>,
    /// Whether the other slot is unreadable or was never written, so that it *could* have been the newest.
    pub lone: bool,
    /// Changes since the newest header, in order.
    pub entries: Vec<Entry>,
    /// Changes that are already in the newest header (a crash kept them from being cut off).
    pub stale: Vec<Entry>,
}

enum Slot {
    /// Nothing but zeros, or not in the file: never written.
    Blank,
    Damaged(String),
    Read(bool, Box<Header>),
}

/// Reads an oplog file.
pub fn parse(bytes: &[u8]) -> Result<Oplog, OplogError> {
    let fail = |offset: usize, reason: String| OplogError { offset: offset as u64, reason };
    let slots = [read_slot(bytes, 0), read_slot(bytes, SLOT)];
    let (current, header, older, lone) = match slots {
        [Slot::Read(b0, h0), Slot::Read(b1, h1)] if b0 == b1 => (false, h0, Some(h1), false),
        [Slot::Read(_, h0), Slot::Read(_, h1)] => (true, h1, Some(h0), false),
        [Slot::Read(_, header), _] => (false, header, None, true),
        [_, Slot::Read(_, header)] => (true, header, None, true),
        [Slot::Damaged(reason), _] => return Err(fail(0, reason)),
        [_, Slot::Damaged(reason)] => return Err(fail(SLOT, reason)),
        [Slot::Blank, Slot::Blank] => return Err(fail(0, "there is no header".into())),
    };
    if older.as_ref().is_some_and(|older| older.key != header.key) {
        return Err(fail(0, "the two headers are of different logs".into()));
    }

    let mut entries = Vec::new();
    let mut stale = Vec::new();
    // Entries of a batch count only if its last one (the one without `partial`) was written.
    let mut whole = 0;
    let mut at = ENTRIES;
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.iter().any(|byte| *byte != 0)) {
        let frame = read_frame(rest).map_err(|reason| fail(at, format!("the log entry {reason}")))?;
        let mut entry =
            read_entry(frame.message).map_err(|e| fail(at, format!("the log entry cannot be read: {e}")))?;
        entry.offset = at as u64;
        if frame.bit == current && stale.is_empty() {
            entries.push(entry);
            if !frame.partial {
                whole = entries.len();
            }
        } else if frame.bit != current && entries.is_empty() && !lone {
            stale.push(entry);
        } else {
            let reason = "the log entry belongs to another header: a header or an entry is lost";
            return Err(fail(at, reason.into()));
        }
        at = at.saturating_add(frame.taken);
    }
    entries.truncate(whole);
    Ok(Oplog { header: *header, older: older.map(|older| *older), lone, entries, stale })
}

/// The file with right checksums for both slots and for every entry that can be found: for fuzzing the parser behind them.
#[doc(hidden)]
pub fn repair(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut frame = |at: usize| {
        let rest = out.get_mut(at..)?;
        let (checksum, rest) = rest.split_first_chunk_mut::<4>()?;
        let word = u32::from_le_bytes(*rest.first_chunk()?);
        let length = usize::try_from(word >> 2).ok()?;
        *checksum = super::crc::crc32(rest.get(..length.checked_add(4)?)?).to_le_bytes();
        length.checked_add(8)
    };
    let mut at = ENTRIES;
    for slot in [0, SLOT] {
        frame(slot);
    }
    while let Some(taken) = frame(at) {
        at = at.saturating_add(taken);
    }
    out
}

fn read_slot(bytes: &[u8], at: usize) -> Slot {
    let rest = bytes.get(at..).unwrap_or_default();
    let slot = rest.get(..SLOT).unwrap_or(rest);
    if slot.iter().all(|byte| *byte == 0) {
        return Slot::Blank;
    }
    match read_frame(slot) {
        Err(reason) => Slot::Damaged(format!("the header {reason}")),
        Ok(frame) => match read_header(frame.message) {
            Err(e) => Slot::Damaged(format!("the header cannot be read: {e}")),
            Ok(header) => Slot::Read(frame.bit, Box::new(Header { offset: at as u64, ..header })),
        },
    }
}

struct Frame<'a> {
    bit: bool,
    partial: bool,
    message: &'a [u8],
    taken: usize,
}

fn read_frame(bytes: &[u8]) -> Result<Frame<'_>, &'static str> {
    let mut reader = Reader::new(bytes);
    let mut word = || reader.array().map(u32::from_le_bytes).map_err(|_| "is cut off");
    let (checksum, word) = (word()?, word()?);
    let length = usize::try_from(word >> 2).map_err(|_| "is cut off")?;
    let message = reader.bytes(length).map_err(|_| "is cut off or damaged")?;
    let taken = length.saturating_add(8);
    if super::crc::crc32(bytes.get(4..taken).unwrap_or_default()) != checksum {
        return Err("is damaged (its checksum is wrong)");
    }
    Ok(Frame { bit: word & 1 != 0, partial: word & 2 != 0, message, taken })
}

#[derive(Debug, thiserror::Error)]
enum MessageError {
    #[error("{0}")]
    Decode(#[from] DecodeError),
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    #[error("{0}")]
    Unsupported(&'static str),
}

fn read_header(message: &[u8]) -> Result<Header, MessageError> {
    let reader = &mut Reader::new(message);
    match reader.uint()? {
        0 => {
            for known in ["blake2b", "raw", "ed25519"] {
                if reader.text()? != known {
                    return Err(MessageError::Unsupported("it names an unknown tree, bitfield or signature"));
                }
            }
            skip_user_data(reader)?;
            let tree = read_tree(reader)?;
            let key = reader.buffer()?.try_into().map_err(|_| DecodeError::Range)?;
            Ok(Header { offset: 0, key, manifest: None, tree })
        }
        1 => {
            let flags = reader.uint()?;
            if flags & 1 != 0 {
                return Err(MessageError::Unsupported("it is kept in a file of its own, which is not supported"));
            }
            if flags > 7 {
                return Err(MessageError::Unsupported("it uses an unknown feature"));
            }
            let key = reader.array()?;
            let manifest = if flags & 2 != 0 { Some(Manifest::read(reader)?) } else { None };
            if flags & 4 != 0 {
                // Public and secret key of a writer: not ours to know.
                reader.buffer()?;
                reader.buffer()?;
            }
            skip_user_data(reader)?;
            Ok(Header { offset: 0, key, manifest, tree: read_tree(reader)? })
        }
        _ => Err(MessageError::Unsupported("its version is unknown")),
    }
}

fn skip_user_data(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    for _ in 0..reader.count(2)? {
        skip_key_value(reader)?;
    }
    Ok(())
}

fn skip_key_value(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    reader.buffer()?;
    reader.buffer().map(drop)
}

fn read_tree(reader: &mut Reader<'_>) -> Result<TreeState, DecodeError> {
    Ok(TreeState {
        fork: reader.uint_up_to(MAX_BYTES)?,
        length: reader.uint_up_to(MAX_LENGTH - 1)?,
        root_hash: match reader.buffer()? {
            [] => None,
            bytes => Some(bytes.try_into().map_err(|_| DecodeError::Range)?),
        },
        signature: reader.buffer()?.to_vec(),
    })
}

fn read_entry(message: &[u8]) -> Result<Entry, DecodeError> {
    let reader = &mut Reader::new(message);
    let flags = reader.uint_up_to(15)?;
    let mut entry = Entry { offset: 0, nodes: Vec::new(), upgrade: None, presence: None };
    if flags & 1 != 0 {
        skip_key_value(reader)?;
    }
    if flags & 2 != 0 {
        for _ in 0..reader.count(34)? {
            let index = reader.uint_up_to(MAX_BYTES)?;
            entry.nodes.push((index, Node { size: reader.uint_up_to(MAX_BYTES)?, hash: reader.array()? }));
        }
    }
    if flags & 4 != 0 {
        entry.upgrade = Some(Upgrade {
            fork: reader.uint_up_to(MAX_BYTES)?,
            ancestors: reader.uint_up_to(MAX_LENGTH - 1)?,
            length: reader.uint_up_to(MAX_LENGTH - 1)?,
            signature: reader.buffer()?.to_vec(),
        });
    }
    if flags & 8 != 0 {
        let drop = reader.uint()? & 1 != 0;
        let (start, length) = (reader.uint_up_to(MAX_LENGTH)?, reader.uint_up_to(MAX_LENGTH)?);
        entry.presence = Some(Presence { drop, start, length });
    }
    reader.end()?;
    Ok(entry)
}

//! Paths and index keys.
//!
//! Contracts speak of paths (`/a/b`), the index of keys: the UTF-8 of the non-empty segments joined by NUL. Two paths
//! are the same place when their keys are equal, so `/a//b` is `/a/b`; a NUL inside a path is part of the key.

/// An index key: the segments of a path joined by NUL.
pub type Key = Box<[u8]>;

/// Key of the contract source.
pub const SOURCE: &[u8] = b".sys\0contract\0source";
/// What every input's key starts with.
pub const INPUTS: &[u8] = b".sys\0inputs\0";
/// What every ack's key starts with.
pub const ACKS: &[u8] = b".sys\0acks\0";
/// Key of the ack that ends the genesis.
pub const GENESIS_ACK: &[u8] = b".sys\0acks\0genesis";

/// The index key of a path.
pub fn key(path: &str) -> Key {
    let mut key = Vec::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        if !key.is_empty() {
            key.push(0);
        }
        key.extend_from_slice(segment.as_bytes());
    }
    key.into()
}

/// The path that a history shows for an index key.
pub fn display(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let mut path = String::with_capacity(text.len().saturating_add(1));
    for segment in text.split('\0').filter(|segment| !segment.is_empty()) {
        path.push('/');
        path.push_str(segment);
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

/// The key of the ack of operation `seq` of the oplog `origin` (64 lowercase hex digits).
pub fn ack_key(origin: &str, seq: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(ACKS.len() + 80);
    key.extend_from_slice(ACKS);
    key.extend_from_slice(origin.as_bytes());
    key.push(0);
    key.extend_from_slice(format!("{seq:015}").as_bytes());
    key
}

/// What lives at an index key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// The contract source.
    Source,
    /// An input declaration; the rest of the key should be a public key in hex.
    Input(&'a [u8]),
    /// An ack, the genesis ack included.
    Ack,
    /// Anything else below `.sys`.
    System,
    /// The contract's own data.
    Data,
}

impl<'a> Place<'a> {
    /// The place of an index key.
    pub fn of(key: &'a [u8]) -> Self {
        if key == SOURCE {
            Self::Source
        } else if let Some(input) = key.strip_prefix(INPUTS) {
            Self::Input(input)
        } else if key.starts_with(ACKS) {
            Self::Ack
        } else if key.starts_with(b".sys\0") || key == b".sys" {
            Self::System
        } else {
            Self::Data
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_segments_vanish_and_nul_stays() {
        assert_eq!(&*key("/a//b/"), b"a\0b");
        assert_eq!(&*key("a/b"), b"a\0b");
        assert_eq!(&*key("/a\0\0b"), b"a\0\0b");
        assert_eq!(display(b"a\0\0b"), "/a/b");
        assert_eq!(display(b""), "/");
        assert_eq!(ack_key("ff", 7), b".sys\0acks\0ff\x00000000000000007");
    }
}

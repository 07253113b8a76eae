//! The hashes of Hypercore 10 and 11: leaves, parents, trees, discovery keys and namespaces.
//!
//! BLAKE2b-256 throughout; integers inside hashes are little-endian u64. A parent binds only the *sum* of its children's
//! sizes, but from a leaf upwards (a leaf hash binds its own size) every sibling's size is forced.

use blake2::digest::{FixedOutput, Mac, Update, consts::U32};
use blake2::{Blake2b, Blake2bMac};

/// A BLAKE2b-256 hash.
pub type Hash = [u8; 32];

/// A node of the Merkle tree: what lies below it. Its index follows from where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// Bytes in all blocks below.
    pub size: u64,
    /// Hash of the subtree.
    pub hash: Hash,
}

/// BLAKE2b-256 over the concatenation of `parts`.
pub fn blake2b(parts: &[&[u8]]) -> Hash {
    let mut hasher = Blake2b::<U32>::default();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize_fixed().into()
}

/// BLAKE2b-256 over bytes that come in pieces.
#[derive(Clone, Default)]
pub struct Hasher(Blake2b<U32>);

impl Hasher {
    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The hash.
    pub fn finish(self) -> Hash {
        self.0.finalize_fixed().into()
    }
}

/// The leaf over one block: `H(00 | u64 size | block)`.
pub fn leaf(block: &[u8]) -> Node {
    let size = block.len() as u64;
    Node { size, hash: blake2b(&[&[0], &size.to_le_bytes(), block]) }
}

/// A leaf hash over a block that comes in pieces.
#[derive(Clone)]
pub struct LeafHasher {
    size: u64,
    hasher: Blake2b<U32>,
}

impl LeafHasher {
    /// For a block of `size` bytes.
    pub fn new(size: u64) -> LeafHasher {
        let mut hasher = Blake2b::<U32>::default();
        hasher.update(&[0]);
        hasher.update(&size.to_le_bytes());
        LeafHasher { size, hasher }
    }

    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
    }

    /// The leaf. The caller has put in as many bytes as announced.
    pub fn finish(self) -> Node {
        Node { size: self.size, hash: self.hasher.finalize_fixed().into() }
    }
}

/// The parent of two siblings, `H(01 | u64 size | left | right)`; `None` when the sizes add up to more than
/// [`super::MAX_BYTES`].
pub fn parent(left: &Node, right: &Node) -> Option<Node> {
    let size = left.size.checked_add(right.size).filter(|size| *size <= super::MAX_BYTES)?;
    Some(Node { size, hash: blake2b(&[&[1], &size.to_le_bytes(), &left.hash, &right.hash]) })
}

/// The tree hash, which is what gets signed: `H(02 | for each root, left to right: hash | u64 index | u64 size)`.
pub fn tree<'a>(roots: impl IntoIterator<Item = (u64, &'a Node)>) -> Hash {
    let mut hasher = Blake2b::<U32>::default();
    hasher.update(&[2]);
    for (index, node) in roots {
        hasher.update(&node.hash);
        hasher.update(&index.to_le_bytes());
        hasher.update(&node.size.to_le_bytes());
    }
    hasher.finalize_fixed().into()
}

/// What a log is called where its key must not be known: BLAKE2b-256 of "hypercore", keyed with the log's key.
pub fn discovery_key(key: &super::Key) -> Hash {
    // A 32-byte key is always accepted (the limit is 64), so the fallback cannot be reached; it is no valid answer either.
    Blake2bMac::<U32>::new_from_slice(key).map_or([0; 32], |mac| mac.chain_update(b"hypercore").finalize_fixed().into())
}

/// Hypercore's namespaces, `H(H("hypercore") | u8 i)`, as constants (a test derives them).
pub mod namespace {
    use super::Hash;

    /// Prefix of signed heads.
    pub const TREE: Hash = hex(b"9fac70b50ca14efc4e91c833b204e75b8b5aad8b5881bfc0adb5ef38a3275b9c");
    /// Prefix of a manifest when it is hashed to a key.
    pub const MANIFEST: Hash = hex(b"e64b7108eacce47cfc61ac850568f55f8b15b82ec5ed78c4ec597b036e2a1498");
    /// The namespace of signers that chose none.
    pub const DEFAULT: Hash = hex(b"4144eea531e483d54e0c14f4ca68e0644f355343ff6fcb0f005200e12cd747cb");

    #[allow(clippy::indexing_slicing)] // evaluated by the compiler
    const fn hex(text: &[u8; 64]) -> Hash {
        const fn digit(c: u8) -> u8 {
            if c <= b'9' { c - b'0' } else { c - b'a' + 10 }
        }
        let mut out = [0; 32];
        let mut i = 0;
        while i < 32 {
            out[i] = digit(text[2 * i]) << 4 | digit(text[2 * i + 1]);
            i += 1;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_derived_from_the_name() {
        let name = blake2b(&[b"hypercore"]);
        for (i, expected) in [(0, namespace::TREE), (3, namespace::MANIFEST), (4, namespace::DEFAULT)] {
            assert_eq!(blake2b(&[&name, &[i]]), expected, "namespace {i}");
        }
    }
}

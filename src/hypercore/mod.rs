//! Hypercore: signed append-only logs, and what their signatures prove.
//!
//! A log is a list of blocks. A Merkle tree over them (flat-tree numbering, BLAKE2b-256) is summed up in one *tree
//! hash*, and the owner signs *(tree hash, length, fork)*: a **head**. One head commits to every block below its length
//! and to every shorter prefix. Everything this module answers follows from that:
//!
//! - is this block in that log ([`proof`]),
//! - is this shorter history a prefix of that longer one ([`proof::ConsistencyProof`]),
//! - did the owner sign two histories that contradict each other ([`conflict`]; [`views`] looks for them; [`prefix`] says what
//!   of a prefix can be compared).
//!
//! Everything is pure: bytes in, verdict out, no storage. Why not the `hypercore` crate: it verifies one of the four
//! signature schemes, knows no manifests, answers `Ok(false)` to a fork (hiding exactly what we look for) and panics on
//! valid proofs that honest JavaScript peers send.
//!
//! Invariants
//! - A [`SignedHead`] exists only if its signature verified; nothing else can be used to accuse, and of them only those that
//!   [name their log](SignedHead::names_its_log).
//! - Node indexes are never taken from input: they follow from block, prefix and length. Nodes that are not needed, bytes
//!   that are left over and integers that are not in their shortest form are errors, so evidence has one encoding only.
//! - Lengths are below [`MAX_LENGTH`] and byte lengths at most [`MAX_BYTES`], checked before anything is hashed.
//!
//! Formats: `docs/formats.md`; the reference is the JavaScript Hypercore, 10.0.0-alpha.19 to 11.

pub mod conflict;
pub mod encoding;
pub mod flat;
pub mod hash;
pub mod head;
pub mod manifest;
pub mod prefix;
pub mod proof;
pub mod tree;
pub mod views;

pub use conflict::{Equivocation, EquivocationError, truncates};
pub use hash::{Hash, Node, discovery_key, leaf};
pub use head::{HeadClaim, HeadError, Scheme, SignedHead};
pub use manifest::{Manifest, ManifestError, Signer};
pub use prefix::{Comparison, Opening, Prefix, PrefixEvidence};
pub use proof::{ConsistencyProof, InclusionProof, MultiProof, ProofError};
pub use tree::{MerkleTree, Nodes, Roots, TreeError};

/// The public key of a log, or the hash of its manifest: what names a log.
pub type Key = [u8; 32];

/// Lengths (in blocks) are below this: flat-tree indexes are twice as large, and JavaScript's integers end at 2^53.
pub const MAX_LENGTH: u64 = 1 << 52;

/// Largest byte length of a log or subtree: JavaScript's largest safe integer.
pub const MAX_BYTES: u64 = (1 << 53) - 1;

//! Logs on disk. For now: reading the Corestore directories that Hypercore 10 (and so Vitra) writes.
//!
//! Storage is not evidence. It may be cut off, damaged, half downloaded, or made up to crash its reader; whatever it
//! holds, the answer is one of three: a block that hashes up to a head that the log's owner signed, "not here", or an
//! [`ImportError`] that names file and place. Never a panic, never other bytes than those that were signed, and never a
//! word about the owner.
//!
//! Invariants
//! - Files are opened for reading only, and neither written, locked nor created.
//! - Links that lead out of the store's directory are errors.
//! - Memory is in proportion to the size of the files, however large the lengths inside them claim to be.
//!
//! Formats: `docs/formats.md`. They were established by reading what hypercore 10.0.0-alpha.19 and 10.38.2 write.

mod check;
mod core;
mod corestore;
mod crc;
mod database;
mod error;
mod files;
mod key;
mod nodes;
mod opening;
pub mod oplog;
mod presence;

pub use self::core::Core;
pub use corestore::{Corestore, find_stores};
pub use database::{Database, OpenError};
pub use error::ImportError;
pub use key::parse_key;

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

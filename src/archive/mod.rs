//! Logs on disk: the Corestore directories that Hypercore 10 (and so Vitra) writes, which are only read, and archives,
//! which are our own.
//!
//! | module | has |
//! |---|---|
//! | `store`, `writer`, `append`, `pool` | writing an archive |
//! | `sql` | its database: every statement |
//! | `thin` | which heads it may forget; pure |
//! | `evidence` | its evidence folder |
//! | `reader` | opening an archive for an audit |
//! | `corestore`, `opening`, `oplog` | opening a Corestore for an audit |
//! | `core`, `check`, `nodes`, `presence`, `files` | one log of either kind: authenticated reads |
//! | `database` | which logs are one database |
//!
//! Storage is not evidence. It may be cut off, damaged, half downloaded, or made up to crash its reader; whatever it
//! holds, the answer is one of three: a block that hashes up to a head that the log's owner signed, "not here", or an
//! [`ImportError`] that names file and place. Never a panic, never other bytes than those that were signed, and never a
//! word about the owner.
//!
//! Invariants
//! - An audit opens files for reading only; they are neither written, locked nor created.
//! - Only [`Archive`] writes, only in its own directory, and never below a committed length.
//! - Links that lead out of the store's directory are errors.
//! - Memory is in proportion to the size of the files, however large the lengths inside them claim to be.
//!
//! Formats: `docs/archive.md` for archives; `docs/formats.md` for Corestores, as hypercore 10.0.0-alpha.19 and 10.38.2
//! write them.

mod append;
mod check;
mod core;
mod corestore;
mod crc;
mod database;
mod error;
mod evidence;
mod files;
mod key;
mod nodes;
mod opening;
pub mod oplog;
mod pool;
mod presence;
mod reader;
mod sql;
mod store;
mod thin;
mod writer;

pub use self::core::Core;
pub use corestore::{Corestore, find_stores};
pub use database::{Database, OpenError};
pub use error::ImportError;
pub use evidence::Evidence;
pub use key::{parse_key, parse_link};
pub(crate) use reader::is_archive;
pub use reader::{ArchiveReader, Held, KeptHead};
pub use store::{Archive, ArchiveError, History, LogId};
pub use writer::LogWriter;

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

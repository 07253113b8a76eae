//! `vitra-watch inspect`: a look into a database, without judging it.
//!
//! What is shown is what readers of the published log get, right or wrong. Everything on disk is hostile: blocks are
//! checked against the signed head before they are read, reads of the tree are bounded, and strings are escaped.

mod history;
mod info;
mod state;
#[cfg(test)]
mod tests;

pub(super) use history::shown_text;

use std::io::{BufWriter, Write};

use super::args::{InspectArgs, What};
use super::{Failure, escape, escape_json, exit};
use crate::archive::{Core, Database};
use crate::database::path::{self, Place};
use crate::database::{Decoded, decode};
use crate::hyperbee::cache::DEFAULT_CACHE_BYTES;
use crate::hyperbee::{Blocks, Cache, Malformed, Tree, TreeError, View};
use crate::hypercore::Key;

pub(super) fn run(args: &InspectArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let database = Database::open(&args.dir, args.key).map_err(|error| {
        let code = if error.is_usage() { exit::USAGE } else { exit::MALFORMED };
        Failure::new(code, error)
    })?;
    let core = database.index_core().map_err(|error| Failure::new(exit::MALFORMED, error))?;
    core.check_all().map_err(|error| Failure::new(exit::MALFORMED, error))?;
    let version = version(args.at, core.length())?;
    let held = |key: &Key| match (key == core.key(), database.oplog_core(key)) {
        (true, _) => Held::of(core).map(Some),
        (false, oplog) => oplog.map(Held::of).transpose(),
    };
    let look = Look {
        key: *core.key(),
        blocks: core,
        held: &held,
        cache: Cache::new(DEFAULT_CACHE_BYTES),
        version,
        json: args.json,
    };
    let out = &mut BufWriter::new(out);
    let shown = look.show(&args.what, args.at.is_some(), out);
    // A file that cannot be read any more explains what is missing.
    if let Some(error) = database.take_error() {
        return Err(Failure::new(exit::MALFORMED, error));
    }
    let code = shown?;
    out.flush()?;
    Ok(code)
}

fn version(at: Option<u64>, length: u64) -> Result<u64, Failure> {
    match at {
        Some(at) if at > length => {
            Err(Failure::new(exit::USAGE, format!("there is no version {at}: the index has {length} blocks")))
        }
        at => Ok(at.unwrap_or(length)),
    }
}

/// A database at one version. Knows nothing of files.
struct Look<'a> {
    /// The index log.
    key: Key,
    blocks: &'a dyn Blocks,
    /// What is here of a log.
    held: &'a dyn Fn(&Key) -> Result<Option<Held>, Failure>,
    cache: Cache,
    version: u64,
    json: bool,
}

/// What is here of a log.
#[derive(Clone, Copy, Debug)]
struct Held {
    length: u64,
    fork: u64,
    /// Blocks that are here.
    available: u64,
}

impl Held {
    fn of(core: &Core) -> Result<Self, Failure> {
        let available = core.available().map_err(|error| Failure::new(exit::MALFORMED, error))?;
        Ok(Self { length: core.length(), fork: core.fork(), available })
    }

    fn text(&self) -> String {
        let fork = if self.fork > 0 { format!(", fork {}", self.fork) } else { String::new() };
        let absent = self.length.saturating_sub(self.available);
        let absent = if absent > 0 { format!(", {absent} blocks not here") } else { String::new() };
        format!("{fork}{absent}")
    }
}

type Shown = Result<u8, Failure>;

impl Look<'_> {
    fn show(&self, what: &What, chosen: bool, out: &mut dyn Write) -> Shown {
        if matches!(what, What::History) {
            return self.history(out);
        }
        if chosen {
            self.refuse_half_a_transaction()?;
        }
        match what {
            What::Info => self.info(out),
            What::History => Ok(exit::VERIFIED),
            What::Get { path } => self.get(path, out),
            What::List { prefix } => self.list(prefix, out),
            What::Source => self.source(out),
            What::Methods => self.methods(out),
            What::Oplogs => self.oplogs(out),
        }
    }

    fn tree(&self) -> Tree<'_, dyn Blocks + '_> {
        Tree::new(self.blocks, &self.cache, self.version)
    }

    /// Is the end of the first `version` blocks the end of a transaction? Blocks inside one have no tree, or something
    /// that only looks like one.
    fn ends_transaction(&self, version: u64) -> Result<bool, TreeError> {
        if version <= 1 || version == self.blocks.length() {
            return Ok(true);
        }
        let next = self.cache.entry(self.blocks, version)?;
        if Place::of(next.key()) != Place::Ack || next.key() == path::GENESIS_ACK {
            return Ok(false);
        }
        match Tree::new(self.blocks, &self.cache, version).root() {
            Ok(_) => Ok(true),
            Err(TreeError::Malformed { why: Malformed::NoLevel(_), .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn refuse_half_a_transaction(&self) -> Result<(), Failure> {
        if self.ends_transaction(self.version).map_err(|error| self.unreadable(error))? {
            return Ok(());
        }
        let before = (0..self.version).rev().map(|version| (version, self.ends_transaction(version)));
        // Beyond a block that is missing or malformed, nothing is claimed.
        let before = before.take_while(|(_, ends)| ends.is_ok()).find(|(_, ends)| *ends == Ok(true));
        let hint = before.map_or_else(String::new, |(version, _)| format!("; the nearest before it is {version}"));
        let message =
            format!("{} is no version: it lies inside a batch, where readers find no tree{hint}", self.version);
        Err(Failure::new(exit::USAGE, message))
    }

    /// The failure that an unreadable tree is.
    fn unreadable(&self, error: TreeError) -> Failure {
        match error {
            TreeError::Missing { seq } => {
                Failure::new(exit::INCOMPLETE, format!("block {seq} of the index is not here"))
            }
            error => self.malformed(error),
        }
    }

    fn malformed(&self, error: impl std::fmt::Display) -> Failure {
        Failure::new(exit::MALFORMED, format!("the tree at version {} cannot be read: {error}", self.version))
    }
}

/// A value for JSON; bytes that are none are said to be.
fn value_json(bytes: Option<&[u8]>) -> serde_json::Value {
    match bytes.map(decode) {
        None => serde_json::Value::Null,
        Some(Ok(Decoded { value, .. })) => crate::replay::finding::shown_value(&value),
        Some(Err(error)) => serde_json::json!({ "$undecodable": error.to_string() }),
    }
}

/// A value for people, on one line.
pub(super) fn value_text(bytes: Option<&[u8]>) -> String {
    escape(&value_json(bytes).to_string())
}

fn print_json(value: &serde_json::Value, out: &mut dyn Write) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(exit::INTERNAL, error))?;
    Ok(writeln!(out, "{}", escape_json(&text))?)
}

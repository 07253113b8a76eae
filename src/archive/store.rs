//! The archive: a directory in which we keep logs that were verified, so that nothing signed is ever lost.
//!
//! `docs/archive.md` has the layout. What counts is what `archive.sqlite` says is committed. A commit first makes the
//! files last and then writes one row per history, in one transaction; whoever dies in between leaves the old lengths,
//! and the files hold at least those. Other histories of a log stand beside it, never instead: nothing below a committed
//! length is written again, and a head is removed only if others say all that it says (`thin`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::core::lock;
use super::evidence::Evidence;
use super::pool::Pool;
use super::sql::{self, Advance, LogRow, Tables};
use super::thin::{MAX_KEPT, expendable};
use super::writer::LogWriter;
use super::{Core, Held, ImportError, KeptHead, hex};
use crate::crash;
use crate::hypercore::encoding::{put_buffer, put_uint};
use crate::hypercore::views::View;
use crate::hypercore::{
    ConsistencyProof, Key, Manifest, ManifestError, ProofError, SignedHead, TreeError, discovery_key,
};

/// The file that a writing process holds locked.
const LOCK: &str = "lock";

/// Why an archive refuses something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Files that cannot be read or written.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A new archive needs a directory that is empty or does not exist.
    #[error("{}: the directory is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// Another process writes to it.
    #[error("{}: another process writes to this archive", .0.display())]
    Locked(PathBuf),
    /// The manifest is not the log's.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// No such log or history.
    #[error("there is no such log or history")]
    Unknown,
    /// A history has one writer at a time.
    #[error("the history has a writer already")]
    Busy,
    /// A head of another log, of another fork, or of other blocks.
    #[error("the head of length {length} is not one of these blocks")]
    OtherHead {
        /// The head's.
        length: u64,
    },
    /// The writer is of another archive, or the history was moved on behind its back.
    #[error("the history is not where its writer left it")]
    Moved,
    /// The log cannot grow like this.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The nodes do not lead to the head.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// A log of an archive. Means nothing in another archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub(super) i64);

/// One history of a log: committed lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Its number, from 0 in the order in which they were begun.
    pub number: u64,
    /// How often the owner truncated the log before.
    pub fork: u64,
    /// Blocks.
    pub length: u64,
    /// Bytes of all blocks.
    pub bytes: u64,
    /// Length of its newest head; 0 for none. Only blocks below are shown to audits.
    pub signed: u64,
    /// Whether it is the one that audits take the log for.
    pub current: bool,
}

/// What keeps the archive ours, and which histories have writers.
#[derive(Debug)]
pub(super) struct Shared {
    // Unlocked when the last writer and the archive are gone.
    _lock: File,
    pub pool: Arc<Pool>,
    writers: Mutex<BTreeSet<(LogId, u64)>>,
}

/// The right to write one history.
#[derive(Debug)]
pub(super) struct Lease {
    pub shared: Arc<Shared>,
    pub log: LogId,
    pub history: u64,
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.shared.writers).remove(&(self.log, self.history));
    }
}

/// An archive, open for writing by one process.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    tables: Tables,
    evidence: Evidence,
    shared: Arc<Shared>,
    // At least as many heads without blocks as the logs have of which some were kept since the archive was opened.
    kept: BTreeMap<LogId, usize>,
}

impl Archive {
    /// Makes an archive in a directory that is empty or does not exist.
    ///
    /// # Errors
    /// [`ArchiveError::NotEmpty`], or the file that cannot be made.
    pub fn create(dir: &Path) -> Result<Archive, ArchiveError> {
        let fail = |e| ImportError::new(dir, None, e);
        std::fs::create_dir_all(dir).map_err(fail)?;
        if dir.read_dir().map_err(fail)?.next().is_some() {
            return Err(ArchiveError::NotEmpty(dir.to_owned()));
        }
        let shared = Archive::take(dir)?;
        let tables = Tables::create(dir)?;
        sync_dir(dir)?;
        Archive::with(dir, tables, shared)
    }

    /// Opens an archive.
    ///
    /// # Errors
    /// [`ArchiveError::Locked`], or what is wrong with the directory.
    pub fn open(dir: &Path) -> Result<Archive, ArchiveError> {
        if !dir.join(sql::FILE).is_file() {
            let reason = format!("it is no archive: it has no file `{}`", sql::FILE);
            return Err(ImportError::new(dir, None, reason).into());
        }
        let shared = Archive::take(dir)?;
        Archive::with(dir, Tables::write(dir)?, shared)
    }

    fn with(dir: &Path, tables: Tables, shared: Arc<Shared>) -> Result<Archive, ArchiveError> {
        Ok(Archive { dir: dir.to_owned(), tables, evidence: Evidence::open(dir)?, shared, kept: BTreeMap::new() })
    }

    fn take(dir: &Path) -> Result<Arc<Shared>, ArchiveError> {
        let path = dir.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|e| ImportError::new(&path, None, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Arc::new(Shared { _lock: file, pool: Arc::default(), writers: Mutex::default() })),
            Err(std::fs::TryLockError::WouldBlock) => Err(ArchiveError::Locked(dir.to_owned())),
            Err(std::fs::TryLockError::Error(e)) => Err(ImportError::new(&path, None, e).into()),
        }
    }

    /// The archive's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The evidence folder.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The log with this key, which is added if it is new. A manifest that the key does not bind is left out.
    ///
    /// # Errors
    /// When the manifest is another log's.
    pub fn log(&mut self, key: &Key, manifest: Option<&Manifest>) -> Result<LogId, ArchiveError> {
        let manifest = manifest.map_or(Ok(None), |manifest| manifest.clone().bind(key))?;
        if let Some(row) = self.tables.log_by_key(key)? {
            // Who named the log first need not have known its manifest.
            if let (None, Some(manifest)) = (&row.manifest, &manifest) {
                self.tables.set_manifest(row.id, manifest.bytes())?;
            }
            return Ok(LogId(row.id));
        }
        let id = self.tables.add_log(key, &discovery_key(key), manifest.as_ref().map(Manifest::bytes))?;
        Ok(LogId(id))
    }

    /// All logs, in the order of their discovery keys.
    ///
    /// # Errors
    /// When the database fails.
    pub fn logs(&self) -> Result<Vec<(LogId, Key)>, ArchiveError> {
        Ok(self.tables.logs()?.iter().map(|row| (LogId(row.id), row.key)).collect())
    }

    /// The histories of a log, in order of number.
    ///
    /// # Errors
    /// [`ArchiveError::Unknown`].
    pub fn histories(&self, log: LogId) -> Result<Vec<History>, ArchiveError> {
        let current = self.row(log)?.current;
        let rows = self.tables.histories(log.0)?;
        Ok(rows
            .into_iter()
            .map(|row| History {
                number: row.number,
                fork: row.fork,
                length: row.length,
                bytes: row.bytes,
                signed: row.signed,
                current: current == Some(row.number),
            })
            .collect())
    }

    /// Begins an empty history beside those that are there, and returns its number. The first one is the current one.
    ///
    /// # Errors
    /// [`ArchiveError::Unknown`].
    pub fn new_history(&mut self, log: LogId, fork: u64) -> Result<u64, ArchiveError> {
        self.row(log)?;
        let number = self.tables.add_history(log.0, fork)?;
        crash::point("history-row");
        Ok(number)
    }

    /// Makes a history the one that audits take the log for. The others still count where heads are compared.
    ///
    /// # Errors
    /// [`ArchiveError::Unknown`].
    pub fn make_current(&mut self, log: LogId, history: u64) -> Result<(), ArchiveError> {
        self.row(log)?;
        if !self.tables.histories(log.0)?.iter().any(|row| row.number == history) {
            return Err(ArchiveError::Unknown);
        }
        Ok(self.tables.set_current(log.0, history)?)
    }

    /// Opens a history for appending, at its committed length.
    ///
    /// # Errors
    /// [`ArchiveError::Unknown`], [`ArchiveError::Busy`], or the file that does not hold what was committed.
    pub fn writer(&self, log: LogId, history: u64) -> Result<LogWriter, ArchiveError> {
        let row = self.row(log)?;
        let histories = self.tables.histories(log.0)?;
        let found = histories.iter().find(|row| row.number == history).ok_or(ArchiveError::Unknown)?;
        if !lock(&self.shared.writers).insert((log, history)) {
            return Err(ArchiveError::Busy);
        }
        let lease = Lease { shared: Arc::clone(&self.shared), log, history };
        LogWriter::open(lease, row.key, &history_dir(&self.dir, &row, history), found)
    }

    /// What an audit would see of a log now.
    ///
    /// # Errors
    /// [`ArchiveError::Unknown`], or the file that does not hold what was committed.
    pub fn read(&self, log: LogId) -> Result<Held, ArchiveError> {
        Ok(Held::read(&self.dir, &self.tables, &self.row(log)?)?)
    }

    fn row(&self, log: LogId) -> Result<LogRow, ArchiveError> {
        self.tables.log(log.0)?.ok_or(ArchiveError::Unknown)
    }

    /// Makes everything last that these writers appended and staged: all of it or, after a crash or an error, nothing.
    ///
    /// The files of every writer are synced first. Then one transaction writes the lengths and the heads, and returns
    /// when it is on disk. After an error the writers still hold what they had; committing again is allowed.
    ///
    /// # Errors
    /// What could not be written; [`ArchiveError::Moved`] for writers of another archive.
    pub fn commit(&mut self, writers: &mut [&mut LogWriter]) -> Result<(), ArchiveError> {
        if writers.iter().any(|writer| !Arc::ptr_eq(&writer.lease.shared, &self.shared)) {
            return Err(ArchiveError::Moved);
        }
        crash::point("commit-begin");
        for writer in writers.iter_mut() {
            writer.sync()?;
        }
        crash::point("commit-files");
        let advance = |writer: &&mut LogWriter| Advance {
            log: writer.lease.log.0,
            number: writer.lease.history,
            from: writer.committed,
            length: writer.roots().length(),
            bytes: writer.roots().byte_length(),
            heads: &[],
        };
        let advances: Vec<Advance<'_>> =
            writers.iter().map(|writer| Advance { heads: &writer.staged, ..advance(writer) }).collect();
        let done = self.tables.advance(&advances, || crash::point("commit-rows"))?;
        if !done {
            return Err(ArchiveError::Moved);
        }
        crash::point("commit-done");
        for writer in writers.iter_mut() {
            writer.committed = writer.roots().length();
            writer.staged.clear();
        }
        Ok(())
    }

    /// Keeps a head whose blocks are not held; its log is added if it is new. `prefix` shows what the head's log was at a
    /// shorter length: without it only a head of the same length can contradict this one.
    ///
    /// # Errors
    /// When the proof does not lead to the head, or the database fails.
    pub fn keep_head(
        &mut self,
        head: &SignedHead,
        prefix: Option<(u64, &ConsistencyProof)>,
    ) -> Result<LogId, ArchiveError> {
        let mut nodes = None;
        if let Some((length, proof)) = prefix {
            proof.verify(length, head)?;
            nodes = Some(encode_prefix(length, proof));
        }
        let log = self.log(head.key(), head.manifest())?;
        self.tables.keep(log.0, head, nodes.as_deref())?;
        self.thin(log)?;
        Ok(log)
    }

    /// Forgets heads without blocks of a log that has too many of them.
    fn thin(&mut self, log: LogId) -> Result<(), ArchiveError> {
        let count = match self.kept.get(&log) {
            Some(known) if *known < MAX_KEPT => known.saturating_add(1),
            _ => self.tables.kept_count(log.0)?,
        };
        self.kept.insert(log, count);
        if count <= MAX_KEPT {
            return Ok(());
        }
        let reader = self.read(log)?;
        let heads: Vec<&SignedHead> = reader.kept().iter().map(KeptHead::head).collect();
        let views: Vec<View<'_>> =
            reader.cores().iter().map(Core::view).chain(reader.kept().iter().map(KeptHead::view)).collect();
        let expendable = expendable(&views, &heads);
        self.tables.forget(log.0, &expendable)?;
        self.kept.insert(log, count.saturating_sub(expendable.len()));
        Ok(())
    }
}

/// `prefix length | roots buffer | extension buffer`, nodes as in the tree file.
fn encode_prefix(length: u64, proof: &ConsistencyProof) -> Vec<u8> {
    let mut out = Vec::new();
    put_uint(&mut out, length);
    for nodes in [&proof.roots, &proof.extension] {
        let bytes: Vec<u8> = nodes.iter().flat_map(super::nodes::write_node).collect();
        put_buffer(&mut out, &bytes);
    }
    out
}

/// Where a history's files are.
pub(super) fn history_dir(dir: &Path, row: &LogRow, history: u64) -> PathBuf {
    let name = hex(&row.discovery_key);
    dir.join("logs").join(name.get(..2).unwrap_or_default()).join(&name).join(history.to_string())
}

/// Makes a directory and those above it, so that they outlast a crash.
pub(super) fn create_dirs(dir: &Path) -> Result<(), ImportError> {
    if dir.is_dir() {
        return Ok(());
    }
    let Some(above) = dir.parent() else { return Ok(()) };
    create_dirs(above)?;
    match std::fs::create_dir(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(ImportError::new(dir, None, e)),
        _ => sync_dir(above),
    }
}

/// Makes the names in a directory last.
pub(super) fn sync_dir(dir: &Path) -> Result<(), ImportError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| ImportError::new(dir, None, e))
}

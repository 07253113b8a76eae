//! `archive.sqlite`: every statement that the archive makes.
//!
//! The tables say what is committed; the files hold it. Integers are u64 that never reach 2^63. Opening for audits
//! changes nothing on disk, not even the files beside a database in WAL mode: see [`Tables::read`].

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Row, Transaction, TransactionBehavior, params};

use super::ImportError;
use crate::hypercore::{Hash, Key, SignedHead};

/// "vtwA", so that `file` and SQLite's tools tell an archive from other databases.
const APPLICATION: i32 = 0x7674_7741;
/// The version of the whole archive, files included.
pub(crate) const VERSION: i32 = 1;

/// The name of the database in an archive's directory.
pub(crate) const FILE: &str = "archive.sqlite";

/// Longest value that is read or written: no signature, manifest or proof is as long.
const MAX_VALUE: i32 = 1 << 20;

const SCHEMA: &str = "
CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
    discovery_key BLOB NOT NULL UNIQUE CHECK (length(discovery_key) = 32),
    manifest BLOB,
    current INTEGER
) STRICT;
CREATE TABLE histories (
    log INTEGER NOT NULL REFERENCES logs (id),
    number INTEGER NOT NULL CHECK (number >= 0),
    fork INTEGER NOT NULL CHECK (fork >= 0),
    length INTEGER NOT NULL CHECK (length >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    signed INTEGER NOT NULL CHECK (signed BETWEEN 0 AND length),
    PRIMARY KEY (log, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE heads (
    log INTEGER NOT NULL REFERENCES logs (id),
    fork INTEGER NOT NULL CHECK (fork >= 0),
    length INTEGER NOT NULL CHECK (length >= 0),
    tree_hash BLOB NOT NULL CHECK (length(tree_hash) = 32),
    signature BLOB NOT NULL,
    roots BLOB,
    history INTEGER,
    nodes BLOB,
    PRIMARY KEY (log, fork, length, tree_hash),
    FOREIGN KEY (log, history) REFERENCES histories (log, number)
) STRICT, WITHOUT ROWID;
";

/// A log's row.
#[derive(Clone, Debug)]
pub(crate) struct LogRow {
    pub id: i64,
    pub key: Key,
    pub discovery_key: Hash,
    pub manifest: Option<Vec<u8>>,
    pub current: Option<u64>,
}

/// A history's row: lengths are committed ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryRow {
    pub number: u64,
    pub fork: u64,
    /// Blocks.
    pub length: u64,
    /// Bytes of all blocks.
    pub bytes: u64,
    /// Length of the newest head of this history; 0 for none.
    pub signed: u64,
}

/// A head's row, unverified.
#[derive(Clone, Debug)]
pub(crate) struct HeadRow {
    pub fork: u64,
    pub length: u64,
    pub tree_hash: Hash,
    pub signature: Vec<u8>,
    pub roots: Option<Vec<u8>>,
    pub nodes: Option<Vec<u8>>,
}

/// What a commit changes of one history.
pub(crate) struct Advance<'a> {
    pub log: i64,
    pub number: u64,
    /// The length that was committed last.
    pub from: u64,
    pub length: u64,
    pub bytes: u64,
    pub heads: &'a [SignedHead],
}

/// The open database.
#[derive(Debug)]
pub(crate) struct Tables {
    path: PathBuf,
    connection: Connection,
    // It was closed when it was opened for reading: what is written later is not seen.
    immutable: bool,
}

/// Heads' columns, in the order of [`head_row`].
const HEAD: &str = "SELECT fork, length, tree_hash, signature, roots, nodes FROM heads WHERE log = ?1";

impl Tables {
    /// Makes a new database; there must be none.
    pub fn create(dir: &Path) -> Result<Tables, ImportError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let tables = Tables::connect(dir, flags)?;
        let schema = format!(
            "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION}; \
             PRAGMA user_version = {VERSION}; COMMIT;"
        );
        tables.connection.execute_batch(&schema).map_err(|e| tables.fail(e))?;
        Ok(tables)
    }

    /// Opens the database for writing.
    pub fn write(dir: &Path) -> Result<Tables, ImportError> {
        let tables = Tables::connect(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        tables.recognise()?;
        Ok(tables)
    }

    fn connect(dir: &Path, flags: OpenFlags) -> Result<Tables, ImportError> {
        let path = dir.join(FILE);
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|e| ImportError::new(&path, None, e))?;
        let tables = Tables { path, connection, immutable: false };
        tables.configure("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
        Ok(tables)
    }

    /// Opens the database for reading, so that nothing on disk changes.
    ///
    /// A database that was closed has no WAL: it is read as an immutable file, and read again if somebody began to write
    /// meanwhile ([`Tables::undisturbed`]). Otherwise a writer has it open, or had when it died: then the WAL is read
    /// with the writer's shared index, which is mapped read-only.
    pub fn read(dir: &Path) -> Result<Tables, ImportError> {
        let path = dir.join(FILE);
        let closed = !wal_has_content(&path);
        let mode = if closed { "immutable=1" } else { "mode=ro&readonly_shm=1" };
        let mut uri = String::from("file:");
        for byte in path.as_os_str().as_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
                byte => uri.push_str(&format!("%{byte:02x}")),
            }
        }
        uri.push_str(&format!("?{mode}"));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(uri, flags).map_err(|e| ImportError::new(&path, None, e))?;
        let tables = Tables { path, connection, immutable: closed };
        tables.configure("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;")?;
        tables.recognise()?;
        // One state for all reads; refuses a damaged B-tree before it is walked.
        tables.connection.execute_batch("BEGIN").map_err(|e| tables.fail(e))?;
        let sound: String =
            tables.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|e| tables.fail(e))?;
        if sound == "ok" { Ok(tables) } else { Err(tables.fail(sound)) }
    }

    /// Goes on to the state that was committed last.
    pub fn renew(&mut self, dir: &Path) -> Result<(), ImportError> {
        if self.immutable {
            *self = Tables::read(dir)?;
            return Ok(());
        }
        self.connection.execute_batch("COMMIT; BEGIN").map_err(|e| self.fail(e))
    }

    /// Whether nobody can have written between two calls that gave the same answer.
    pub fn state(dir: &Path) -> Option<(bool, u64, std::time::SystemTime)> {
        let path = dir.join(FILE);
        let metadata = path.metadata().ok()?;
        Some((wal_has_content(&path), metadata.len(), metadata.modified().ok()?))
    }

    fn configure(&self, more: &str) -> Result<(), ImportError> {
        let limit = || {
            self.connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
            self.connection.busy_timeout(Duration::from_secs(10))?;
            self.connection.set_prepared_statement_cache_capacity(32);
            self.connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
            self.connection.execute_batch(more)
        };
        limit().map_err(|e| self.fail(e))
    }

    /// Refuses what is not an archive of this version, with these tables and nothing else.
    fn recognise(&self) -> Result<(), ImportError> {
        let number = |pragma: &str| self.connection.query_row(pragma, [], |row| row.get::<_, i32>(0));
        if number("PRAGMA application_id").map_err(|e| self.fail(e))? != APPLICATION {
            return Err(self.fail("it is not the database of an archive"));
        }
        let version = number("PRAGMA user_version").map_err(|e| self.fail(e))?;
        if version != VERSION {
            return Err(self.fail(format!("the archive's version is {version}; this program knows {VERSION}")));
        }
        let ours = || {
            let plain = Connection::open_in_memory()?;
            plain.execute_batch(SCHEMA)?;
            schema(&plain)
        };
        let same = ours().and_then(|ours| Ok(schema(&self.connection)? == ours)).map_err(|e| self.fail(e))?;
        if same { Ok(()) } else { Err(self.fail("its tables are not those of an archive")) }
    }

    /// An error of the database.
    pub fn fail(&self, reason: impl std::fmt::Display) -> ImportError {
        ImportError::new(&self.path, None, reason)
    }

    /// All logs, in the order of their discovery keys.
    pub fn logs(&self) -> Result<Vec<LogRow>, ImportError> {
        let sql = "SELECT id, key, discovery_key, manifest, current FROM logs ORDER BY discovery_key";
        self.rows(sql, [], log_row)
    }

    /// One log.
    pub fn log(&self, id: i64) -> Result<Option<LogRow>, ImportError> {
        let sql = "SELECT id, key, discovery_key, manifest, current FROM logs WHERE id = ?1";
        Ok(self.rows(sql, [id], log_row)?.pop())
    }

    /// A log's number.
    pub fn log_by_key(&self, key: &Key) -> Result<Option<LogRow>, ImportError> {
        let sql = "SELECT id, key, discovery_key, manifest, current FROM logs WHERE key = ?1";
        Ok(self.rows(sql, [key], log_row)?.pop())
    }

    /// A log's histories, in order of number.
    pub fn histories(&self, log: i64) -> Result<Vec<HistoryRow>, ImportError> {
        let sql = "SELECT number, fork, length, bytes, signed FROM histories WHERE log = ?1 ORDER BY number";
        self.rows(sql, [log], |row| {
            Ok(HistoryRow {
                number: row.get(0)?,
                fork: row.get(1)?,
                length: row.get(2)?,
                bytes: row.get(3)?,
                signed: row.get(4)?,
            })
        })
    }

    /// The newest heads of a history, at most so many.
    pub fn heads(&self, log: i64, history: u64, most: usize) -> Result<Vec<HeadRow>, ImportError> {
        let sql = format!("{HEAD} AND history = ?2 ORDER BY length DESC LIMIT ?3");
        self.rows(&sql, params![log, history, most], head_row)
    }

    /// The head that says this.
    pub fn head(&self, log: i64, fork: u64, length: u64, tree_hash: &Hash) -> Result<Option<HeadRow>, ImportError> {
        let sql = format!("{HEAD} AND fork = ?2 AND length = ?3 AND tree_hash = ?4");
        Ok(self.rows(&sql, params![log, fork, length, tree_hash], head_row)?.pop())
    }

    /// The heads whose blocks are not held, the highest fork and the longest first, at most so many.
    pub fn kept(&self, log: i64, most: usize) -> Result<Vec<HeadRow>, ImportError> {
        let sql = format!("{HEAD} AND history IS NULL ORDER BY fork DESC, length DESC LIMIT ?2");
        self.rows(&sql, params![log, most], head_row)
    }

    /// How many heads there are of a log whose blocks are not held.
    pub fn kept_count(&self, log: i64) -> Result<usize, ImportError> {
        let sql = "SELECT count(*) FROM heads WHERE log = ?1 AND history IS NULL";
        Ok(self.rows(sql, [log], |row| row.get(0))?.pop().unwrap_or_default())
    }

    /// Forgets heads whose blocks are not held.
    pub fn forget(&mut self, log: i64, heads: &[&SignedHead]) -> Result<(), ImportError> {
        self.transact(|sql| {
            let mut delete = sql.prepare_cached(
                "DELETE FROM heads WHERE log = ?1 AND fork = ?2 AND length = ?3 AND tree_hash = ?4 AND history IS NULL",
            )?;
            for head in heads {
                delete.execute(params![log, head.fork(), head.length(), head.tree_hash()])?;
            }
            Ok(())
        })
    }

    fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ImportError> {
        let get = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(values, read)?.collect()
        };
        get().map_err(|e| self.fail(e))
    }

    /// Gives a log the manifest that it had not.
    pub fn set_manifest(&mut self, log: i64, manifest: &[u8]) -> Result<(), ImportError> {
        let sql = "UPDATE logs SET manifest = ?2 WHERE id = ?1 AND manifest IS NULL";
        self.connection.execute(sql, params![log, manifest]).map_err(|e| self.fail(e))?;
        Ok(())
    }

    /// Adds a log.
    pub fn add_log(&mut self, key: &Key, dk: &Hash, manifest: Option<&[u8]>) -> Result<i64, ImportError> {
        let sql = "INSERT INTO logs (key, discovery_key, manifest) VALUES (?1, ?2, ?3)";
        self.connection.execute(sql, params![key, dk, manifest]).map_err(|e| self.fail(e))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Adds an empty history, which becomes the current one if it is the first.
    pub fn add_history(&mut self, log: i64, fork: u64) -> Result<u64, ImportError> {
        self.transact(|sql| {
            let next = "SELECT coalesce(max(number) + 1, 0) FROM histories WHERE log = ?1";
            let number: u64 = sql.query_row(next, [log], |row| row.get(0))?;
            let add = "INSERT INTO histories (log, number, fork, length, bytes, signed) VALUES (?1, ?2, ?3, 0, 0, 0)";
            sql.execute(add, params![log, number, fork])?;
            sql.execute("UPDATE logs SET current = ?2 WHERE id = ?1 AND current IS NULL", params![log, number])?;
            Ok(number)
        })
    }

    /// Names the current history.
    pub fn set_current(&mut self, log: i64, number: u64) -> Result<(), ImportError> {
        let sql = "UPDATE logs SET current = ?2 WHERE id = ?1";
        self.connection.execute(sql, params![log, number]).map_err(|e| self.fail(e)).map(drop)
    }

    /// Keeps a head whose blocks are not held. What is known already stays.
    pub fn keep(&mut self, log: i64, head: &SignedHead, nodes: Option<&[u8]>) -> Result<(), ImportError> {
        self.transact(|sql| insert_head(sql, log, head, None, nodes))
    }

    /// Moves histories on and adds their heads, all or nothing. `false` if a history was not where it was left.
    pub fn advance(&mut self, advances: &[Advance<'_>], before_commit: impl FnOnce()) -> Result<bool, ImportError> {
        let run = |sql: &Transaction<'_>| {
            for advance in advances {
                let Advance { log, number, from, length, bytes, heads } = advance;
                let signed = heads.iter().map(SignedHead::length).max().unwrap_or_default();
                let mut update = sql.prepare_cached(
                    "UPDATE histories SET length = ?4, bytes = ?5, signed = max(signed, ?6) \
                     WHERE log = ?1 AND number = ?2 AND length = ?3",
                )?;
                if update.execute(params![log, number, from, length, bytes, signed])? != 1 {
                    return Ok(false);
                }
                for head in *heads {
                    insert_head(sql, *log, head, Some(*number), None)?;
                }
            }
            Ok(true)
        };
        let path = &self.path;
        let fail = |e: rusqlite::Error| ImportError::new(path, None, e);
        let sql = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let done = run(&sql).map_err(fail)?;
        if done {
            before_commit();
            sql.commit().map_err(fail)?;
        }
        Ok(done)
    }

    fn transact<T>(&mut self, run: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, ImportError> {
        let path = &self.path;
        let fail = |e: rusqlite::Error| ImportError::new(path, None, e);
        let sql = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let value = run(&sql).map_err(fail)?;
        sql.commit().map_err(fail)?;
        Ok(value)
    }
}

/// A head is its statement: of several signatures under one the first stays. A head that was kept without blocks gets its
/// history once there is one.
fn insert_head(
    sql: &Connection,
    log: i64,
    head: &SignedHead,
    history: Option<u64>,
    nodes: Option<&[u8]>,
) -> rusqlite::Result<()> {
    let roots: Vec<u8> = head.claim().roots.iter().flat_map(super::nodes::write_node).collect();
    let roots = (!roots.is_empty()).then_some(roots);
    let mut insert = sql.prepare_cached(
        "INSERT INTO heads (log, fork, length, tree_hash, signature, roots, history, nodes) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET \
         history = coalesce(history, excluded.history), nodes = coalesce(nodes, excluded.nodes)",
    )?;
    let values = params![log, head.fork(), head.length(), head.tree_hash(), head.signature(), roots, history, nodes];
    insert.execute(values).map(drop)
}

fn log_row(row: &Row<'_>) -> rusqlite::Result<LogRow> {
    Ok(LogRow {
        id: row.get(0)?,
        key: row.get(1)?,
        discovery_key: row.get(2)?,
        manifest: row.get(3)?,
        current: row.get(4)?,
    })
}

fn head_row(row: &Row<'_>) -> rusqlite::Result<HeadRow> {
    Ok(HeadRow {
        fork: row.get(0)?,
        length: row.get(1)?,
        tree_hash: row.get(2)?,
        signature: row.get(3)?,
        roots: row.get(4)?,
        nodes: row.get(5)?,
    })
}

type Described = (String, String, Option<String>);

fn schema(connection: &Connection) -> rusqlite::Result<Vec<Described>> {
    let mut all = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name LIMIT 100")?;
    let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// Is there a WAL with anything in it? Then the database file alone is not the whole state.
fn wal_has_content(path: &Path) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    Path::new(&name).metadata().is_ok_and(|metadata| metadata.len() > 0)
}

//! What must survive: databases, findings, conditions, alerts that are still to be delivered, checkpoints.
//!
//! One module stands between the service and its database: [`State`]. Its statements are in `sql.rs`, written so that PostgreSQL could
//! take them; `tests/state.rs` says what any store behind it must keep. Writes are transactions ([`State::write`]): what one
//! of them does is there as a whole or not at all, and on disk when it returns.

mod rows;
mod sql;
mod write;

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::crash;
use crate::hypercore::Key;

pub use rows::{
    ConditionKind, ConditionRow, DatabaseRow, Filter, FindingRow, Message, OutboxRow, OutboxStatus, Pile, Proof, Status,
};
pub use write::Write;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// SQLite says why.
    #[error("the state cannot be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// There are no threads or descriptors left for whoever wants to use it.
    #[error("the thread that uses the state cannot be started: {0}")]
    Thread(std::io::Error),
    /// It was made by another program, or a newer version of this one.
    #[error("{0}")]
    Foreign(String),
    /// What it holds is not what was written.
    #[error("the state is damaged: {0}")]
    Damaged(String),
}

impl StateError {
    /// Whether there was no room on the disk.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull))
    }
}

/// What a full disk says.
fn full() -> StateError {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
    StateError::Sqlite(rusqlite::Error::SqliteFailure(code, None))
}

/// The state.
#[derive(Debug)]
pub struct State {
    connection: Connection,
}

impl State {
    /// Opens the state at `path`, and makes it if it is not there.
    ///
    /// # Errors
    /// [`StateError`]; nothing was changed then.
    pub fn open(path: &Path) -> Result<State, StateError> {
        let mut connection = Connection::open(path)?;
        sql::configure(&connection)?;
        sql::migrate(&mut connection)?;
        Ok(State { connection })
    }

    /// Opens it to read what another process writes.
    ///
    /// # Errors
    /// [`StateError`], also when it is not there.
    pub fn read(path: &Path) -> Result<State, StateError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        sql::configure(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        sql::check(&connection)?;
        Ok(State { connection })
    }

    /// Does what `work` does in one transaction.
    ///
    /// # Errors
    /// [`StateError`], of `work` too; nothing was changed then.
    pub fn write<T>(&mut self, work: impl FnOnce(&Write<'_>) -> Result<T, StateError>) -> Result<T, StateError> {
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        crash::point("state-begin");
        let done = work(&Write::new(&transaction))?;
        crash::point("state-commit");
        if crash::fails("state-write") {
            return Err(full());
        }
        transaction.commit()?;
        crash::point("state-committed");
        if crash::fails("state-wrote") {
            return Err(full());
        }
        Ok(done)
    }

    /// All databases, those that were removed too, by name and key.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn databases(&self) -> Result<Vec<DatabaseRow>, StateError> {
        sql::databases(&self.connection)
    }

    /// The findings that a filter lets through, the newest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn findings(&self, filter: &Filter) -> Result<Vec<FindingRow>, StateError> {
        sql::findings(&self.connection, filter)
    }

    /// One finding.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn finding(&self, id: &str) -> Result<Option<FindingRow>, StateError> {
        let filter = Filter { id: Some(id.to_owned()), ..Filter::default() };
        Ok(sql::findings(&self.connection, &filter)?.pop())
    }

    /// Findings that are open or acknowledged, counted by database, class and kind.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open_findings(&self) -> Result<Vec<Pile>, StateError> {
        sql::open_findings(&self.connection)
    }

    /// Conditions, the newest first: those that have not ended, or the last `most` of all.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn conditions(&self, open: bool, most: u32) -> Result<Vec<ConditionRow>, StateError> {
        sql::conditions(&self.connection, open, None, most)
    }

    /// Conditions of one database, the newest first: those that have not ended, or the last `most` of all.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn conditions_of(&self, database: &Key, open: bool, most: u32) -> Result<Vec<ConditionRow>, StateError> {
        sql::conditions(&self.connection, open, Some(database), most)
    }

    /// What is to be delivered, in the order in which it was written: of each channel the first alert of each database that was neither
    /// delivered nor given up, if its time has come.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn due(&self, now: super::Millis) -> Result<Vec<OutboxRow>, StateError> {
        sql::due(&self.connection, now)
    }

    /// When the next delivery is due that is not due yet, if there is one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn next_due(&self, now: super::Millis) -> Result<Option<super::Millis>, StateError> {
        sql::next_due(&self.connection, now)
    }

    /// What is to be delivered through a channel, in the order in which it was written, whether its time has come or not.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn pending(&self, channel: &str, most: u32) -> Result<Vec<OutboxRow>, StateError> {
        sql::pending(&self.connection, channel, most)
    }

    /// The newest messages in the outbox with this status, or with any.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox(&self, status: Option<OutboxStatus>, most: u32) -> Result<Vec<OutboxRow>, StateError> {
        sql::outbox(&self.connection, status, most)
    }

    /// Messages counted by channel and status.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn outbox_counts(&self) -> Result<Vec<(String, OutboxStatus, u64)>, StateError> {
        sql::outbox_counts(&self.connection)
    }

    /// The channels that carried an alert of this finding.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn channels_of(&self, finding: &str) -> Result<Vec<String>, StateError> {
        sql::channels_of(&self.connection, finding)
    }

    /// The checkpoint of a database.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn checkpoint(&self, database: &Key) -> Result<Option<String>, StateError> {
        sql::checkpoint(&self.connection, database)
    }
}

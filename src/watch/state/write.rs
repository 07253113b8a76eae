//! What one transaction may do.

use std::collections::BTreeSet;

use rusqlite::Transaction;

use super::{ConditionRow, DatabaseRow, FindingRow, Message, Proof, StateError, Status, sql};
use crate::hypercore::Key;
use crate::replay::finding::Verdict;
use crate::watch::Millis;

/// A transaction.
#[derive(Debug)]
pub struct Write<'a> {
    transaction: &'a Transaction<'a>,
}

impl<'a> Write<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction }
    }

    /// Adds a database, or gives the one with this key its name, labels, contact and origin, and makes it followed (again).
    /// How far it was verified stays.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_database(&self, row: &DatabaseRow) -> Result<(), StateError> {
        sql::put_database(self.transaction, row)
    }

    /// Notes that a database is not followed any more.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove_database(&self, key: &Key, at: Millis) -> Result<bool, StateError> {
        sql::remove_database(self.transaction, key, at)
    }

    /// Notes how a database stands.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn progress(
        &self,
        key: &Key,
        verdict: Verdict,
        (verified, head, transactions): (u64, u64, u64),
        at: Option<Millis>,
    ) -> Result<(), StateError> {
        sql::progress(self.transaction, key, verdict, [verified, head, transactions], at)
    }

    /// Adds a finding; `false` if it is known, and then nothing changes.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add_finding(&self, row: &FindingRow) -> Result<bool, StateError> {
        sql::add_finding(self.transaction, row)
    }

    /// Changes how a finding stands; `false` if it stands so already, or is not there.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn set_status(&self, id: &str, to: Status, note: Option<&str>, at: Millis) -> Result<bool, StateError> {
        sql::set_status(self.transaction, id, to, note, at)
    }

    /// Puts another proof in the place of a finding's.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn set_proof(&self, id: &str, proof: Proof) -> Result<(), StateError> {
        sql::set_proof(self.transaction, id, proof)
    }

    /// Counts a reminder.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remind(&self, id: &str, at: Millis) -> Result<(), StateError> {
        sql::remind(self.transaction, id, at)
    }

    /// Adds a condition, or changes its message, whether it was announced and its end.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_condition(&self, row: &ConditionRow) -> Result<(), StateError> {
        sql::put_condition(self.transaction, row)
    }

    /// Puts a message into the outbox; `false` if that alert is there for that channel already.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add_message(&self, message: &Message, at: Millis) -> Result<bool, StateError> {
        sql::add_message(self.transaction, message, at)
    }

    /// Notes that a message was delivered.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn delivered(&self, number: i64, at: Millis) -> Result<(), StateError> {
        sql::delivered(self.transaction, number, at)
    }

    /// Notes that a message was not delivered, why, and when to try again; never again with `None`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn failed(&self, number: i64, why: &str, again: Option<Millis>) -> Result<(), StateError> {
        sql::failed(self.transaction, number, why, again)
    }

    /// Has everything tried again from `at` on that has failed in a channel and waits for longer, but for the messages `except`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn hasten(&self, channel: &str, at: Millis, except: &BTreeSet<i64>) -> Result<(), StateError> {
        let waiting = sql::waiting_longer(self.transaction, channel, at)?;
        waiting
            .iter()
            .filter(|number| !except.contains(number))
            .try_for_each(|number| sql::hasten(self.transaction, *number, at))
    }

    /// Has a message delivered (again), from `at` on; `false` if there is none with this number.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn resend(&self, number: i64, at: Millis) -> Result<bool, StateError> {
        sql::resend(self.transaction, number, at)
    }

    /// Keeps a checkpoint, or forgets it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn set_checkpoint(&self, database: &Key, body: Option<&str>) -> Result<(), StateError> {
        sql::set_checkpoint(self.transaction, database, body)
    }
}

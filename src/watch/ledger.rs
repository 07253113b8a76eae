//! What one round of the service makes durable: collected first, then written in one transaction, alerts included. So a cursor
//! never moves before what it has passed is on its way to people.

use super::Millis;
use super::alert::{Alert, Event};
use super::state::{ConditionRow, FindingRow, Message, Proof, State, StateError, Status};
use crate::alerts::Router;
use crate::crash;
use crate::hypercore::Key;
use crate::replay::finding::Verdict;

/// How a database stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The database.
    pub key: Key,
    /// The verdict so far.
    pub verdict: Verdict,
    /// Blocks that follow the contract, of the newest head, transactions.
    pub lengths: (u64, u64, u64),
    /// When something was verified, if something was.
    pub at: Option<Millis>,
    /// Where the audit can go on; `None`: where it could before.
    pub checkpoint: Option<String>,
}

/// One thing to be written.
#[derive(Debug)]
enum Entry {
    Finding(Box<FindingRow>),
    Status { id: String, to: Status, note: Option<String>, proof: Option<Proof>, at: Millis },
    Reminder { id: String, at: Millis },
    Condition(ConditionRow),
    Progress(Progress),
    Message { alert: Box<Alert>, database: Option<Key> },
}

/// Everything that is to be written.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
}

impl Ledger {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is said.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Message { alert, .. } => Some(&**alert),
            _ => None,
        })
    }

    /// A new finding; people are told unless nobody wants to know.
    pub fn find(&mut self, row: FindingRow, alert: Alert) {
        let database = Some(row.database);
        self.entries.push(Entry::Finding(Box::new(row)));
        self.entries.push(Entry::Message { alert: Box::new(alert), database });
    }

    /// A finding stands otherwise.
    pub fn change(&mut self, row: &FindingRow, to: Status, note: Option<String>, alert: Alert) {
        let (id, at) = (row.finding.id.clone(), alert.at);
        self.entries.push(Entry::Status { id, to, note, proof: row.proof, at });
        self.entries.push(Entry::Message { alert: Box::new(alert), database: Some(row.database) });
    }

    /// A finding is said again.
    pub fn remind(&mut self, row: &FindingRow, alert: Alert) {
        self.entries.push(Entry::Reminder { id: row.finding.id.clone(), at: alert.at });
        self.entries.push(Entry::Message { alert: Box::new(alert), database: Some(row.database) });
    }

    /// A condition has begun or ended.
    pub fn condition(&mut self, row: ConditionRow, alert: Alert) {
        let database = row.database;
        self.entries.push(Entry::Condition(row));
        self.entries.push(Entry::Message { alert: Box::new(alert), database });
    }

    /// A database stands elsewhere.
    pub fn progress(&mut self, progress: Progress) {
        self.entries.push(Entry::Progress(progress));
    }

    /// Writes everything in one transaction; whether there is something to be delivered.
    ///
    /// # Errors
    /// [`StateError`]; then nothing was written.
    pub fn write(&self, state: &mut State, router: &Router, now: Millis) -> Result<bool, StateError> {
        if self.entries.is_empty() {
            return Ok(false);
        }
        // Whoever was told of something is told what became of it, whatever the routes are now.
        let told = |alert: &Alert, state: &State| match (&alert.finding, alert.event) {
            (Some(note), Event::Acknowledged | Event::Resolved | Event::Cleared) => state.channels_of(&note.finding.id),
            _ => Ok(Vec::new()),
        };
        let mut messages = Vec::new();
        for entry in &self.entries {
            let Entry::Message { alert, database } = entry else { continue };
            let mut channels = router.channels(alert);
            channels.extend(told(alert, state)?);
            channels.sort();
            channels.dedup();
            let message = |channel| Message { alert: (**alert).clone(), channel, database: *database };
            messages.extend(channels.into_iter().map(message));
        }
        crash::point("ledger-routed");
        state.write(|write| {
            for entry in &self.entries {
                match entry {
                    Entry::Finding(row) => {
                        write.add_finding(row)?;
                        crash::point("state-finding");
                    }
                    Entry::Status { id, to, note, proof, at } => {
                        write.set_status(id, *to, note.as_deref(), *at)?;
                        proof.map_or(Ok(()), |proof| write.set_proof(id, proof))?;
                    }
                    Entry::Reminder { id, at } => write.remind(id, *at)?,
                    Entry::Condition(row) => write.put_condition(row)?,
                    Entry::Progress(progress) => {
                        write.progress(&progress.key, progress.verdict, progress.lengths, progress.at)?;
                        if let Some(checkpoint) = &progress.checkpoint {
                            write.set_checkpoint(&progress.key, Some(checkpoint))?;
                        }
                        crash::point("state-progress");
                    }
                    Entry::Message { .. } => {}
                }
            }
            for message in &messages {
                write.add_message(message, now)?;
                crash::point("state-message");
            }
            Ok(())
        })?;
        Ok(!messages.is_empty())
    }
}

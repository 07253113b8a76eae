//! Conditions: what lasts longer than a threshold is announced when it has, and again when it is over. Pure: time comes in.

use std::collections::BTreeMap;

use super::Millis;
use super::state::{ConditionKind, ConditionRow};
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::hypercore::hash::blake2b;

/// What a condition is about: a database, or ourselves.
type Subject = (Option<Key>, ConditionKind);

/// What has become of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has lasted long enough to be announced.
    Began(ConditionRow),
    /// One that was announced is over.
    Ended(ConditionRow),
}

/// All conditions that are there now.
#[derive(Debug, Default)]
pub struct Conditions {
    open: BTreeMap<Subject, ConditionRow>,
}

impl Conditions {
    /// Goes on with the conditions that were announced and had not ended.
    pub fn resume(rows: impl IntoIterator<Item = ConditionRow>) -> Self {
        Self { open: rows.into_iter().map(|row| ((row.database, row.kind), row)).collect() }
    }

    /// Whether something is announced.
    pub fn is_announced(&self, database: Option<Key>, kind: ConditionKind) -> bool {
        self.open.get(&(database, kind)).is_some_and(|row| row.announced)
    }

    /// Notes whether something is so now (and what a person should read), or is not. It is announced once it has lasted for
    /// `threshold` milliseconds.
    pub fn observe(
        &mut self,
        database: Option<Key>,
        kind: ConditionKind,
        message: Option<String>,
        threshold: Millis,
        now: Millis,
    ) -> Option<Change> {
        let Some(message) = message else {
            let row = self.open.remove(&(database, kind)).filter(|row| row.announced)?;
            return Some(Change::Ended(ConditionRow { ended_at: Some(now), ..row }));
        };
        let row = self.open.entry((database, kind)).or_insert_with(|| ConditionRow {
            id: identity(database, kind, now),
            database,
            kind,
            message: String::new(),
            began_at: now,
            announced: false,
            ended_at: None,
        });
        row.message = message;
        if row.announced || now.saturating_sub(row.began_at) < threshold {
            return None;
        }
        row.announced = true;
        Some(Change::Began(row.clone()))
    }
}

/// The identity of a condition: of what it is about and when it began.
fn identity(database: Option<Key>, kind: ConditionKind, began_at: Millis) -> String {
    let database = database.unwrap_or_default();
    let hash = blake2b(&[b"vitra-watch condition\0", &database, kind.name().as_bytes(), &began_at.to_le_bytes()]);
    to_hex(hash.get(..16).unwrap_or(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects readers from noise: nothing is said before its threshold, once then, and its end once.
    #[test]
    fn a_condition_is_announced_once_and_ends_once() {
        let mut conditions = Conditions::default();
        let mut observe = |present: bool, now| {
            let message = present.then(|| format!("at {now}"));
            conditions.observe(None, ConditionKind::IntakeStopped, message, 100, now)
        };
        assert_eq!(observe(true, 0), None);
        assert_eq!(observe(true, 99), None);
        assert_eq!(observe(false, 100), None, "it ended before its threshold");
        assert_eq!(observe(true, 200), None);
        let Some(Change::Began(began)) = observe(true, 300) else { panic!("it has lasted long enough") };
        assert_eq!((began.began_at, began.message.as_str()), (200, "at 300"));
        assert_eq!(observe(true, 400), None);
        let Some(Change::Ended(ended)) = observe(false, 500) else { panic!("its end is announced") };
        assert_eq!((ended.id, ended.ended_at), (began.id, Some(500)));
        assert_eq!(observe(false, 600), None);
    }

    /// Protects the end of a condition that was announced before a restart.
    #[test]
    fn what_was_announced_outlasts_a_restart() {
        let mut first = Conditions::default();
        let say = || Some("nobody serves it".to_owned());
        let began = first.observe(Some([1; 32]), ConditionKind::Unreachable, say(), 0, 5);
        let Some(Change::Began(row)) = began else { panic!("began") };
        let mut second = Conditions::resume([row.clone()]);
        assert!(second.is_announced(Some([1; 32]), ConditionKind::Unreachable));
        assert_eq!(second.observe(Some([1; 32]), ConditionKind::Unreachable, say(), 0, 10), None);
        let ended = second.observe(Some([1; 32]), ConditionKind::Unreachable, None, 0, 11);
        assert_eq!(ended, Some(Change::Ended(ConditionRow { ended_at: Some(11), ..row })));
    }
}

//! What the service has to say, as data: one JSON form for every channel (`docs/json.md`).
//!
//! Strings in it come from logs and configuration as they are; each channel escapes them for its own sink.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Millis;
use super::state::{ConditionKind, Status};
use crate::hypercore::hash::blake2b;
use crate::replay::finding::{Class, Finding};

/// Name and version of the form.
pub const SCHEMA: &str = "vitra-watch/alert/1";

/// What happened to the subject of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A finding is new.
    Opened,
    /// A finding is still open, and this says so again.
    Reminded,
    /// Somebody has taken note of a finding.
    Acknowledged,
    /// A finding has ended by itself: what was missing has come.
    Resolved,
    /// A violation does not accuse the executor any more: a rebuttal clears it.
    Cleared,
    /// A condition has begun.
    Began,
    /// A condition has ended.
    Ended,
    /// Another alert could not be delivered for days.
    DeadLetter,
    /// Somebody tries a channel.
    Test,
}

impl Event {
    /// The name in JSON, metrics and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reminded => "reminded",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Cleared => "cleared",
            Self::Began => "began",
            Self::Ended => "ended",
            Self::DeadLetter => "dead-letter",
            Self::Test => "test",
        }
    }
}

/// The database that an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its index key in hex.
    pub key: String,
    /// The name that the configuration gives it, or the beginning of its key.
    pub name: String,
    /// Labels from the configuration, for routes and receivers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whom to ask about it, from the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// A proof file in the evidence folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRef {
    /// BLAKE2b-256 of its bytes, in hex: its name.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// Where it can be downloaded, if the status page is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A finding, and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingNote {
    /// The finding, as in `vitra-watch audit --json`.
    #[serde(flatten)]
    pub finding: Finding,
    /// How it stands.
    pub status: Status,
    /// When it was found.
    pub found_at: Millis,
    /// The proof, for violations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofRef>,
    /// What the peers said who were asked for the oplog that it rests on, before this was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A condition: something about a database or about us that has a beginning and an end, and accuses nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionNote {
    /// Its identity.
    pub id: String,
    /// Which.
    pub kind: ConditionKind,
    /// When it began.
    pub began_at: Millis,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Millis>,
    /// A sentence for people.
    pub message: String,
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// [`SCHEMA`].
    pub schema: String,
    /// Identity: the same however often it is sent, so that receivers can drop what they have.
    pub id: String,
    /// What happened.
    pub event: Event,
    /// When.
    pub at: Millis,
    /// The name of this watchtower.
    pub watcher: String,
    /// Which database; none where it is about ourselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Subject>,
    /// The finding that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingNote>,
    /// The condition that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionNote>,
    /// What happened, in a sentence for people.
    pub message: String,
}

impl Alert {
    /// The identity of an alert: of what happened (`event`) to what (`subject`) for the n-th time.
    pub fn identity(event: Event, subject: &str, number: u64) -> String {
        let hash = blake2b(&[
            b"vitra-watch alert\0",
            event.name().as_bytes(),
            b"\0",
            subject.as_bytes(),
            &number.to_le_bytes(),
        ]);
        crate::database::ack::to_hex(hash.get(..16).unwrap_or(&hash))
    }

    /// An alert about a finding.
    pub fn of_finding(
        event: Event,
        number: u64,
        at: Millis,
        watcher: &str,
        database: Subject,
        note: FindingNote,
    ) -> Self {
        let message = wording(event, &database.name, &note);
        Self {
            schema: SCHEMA.to_owned(),
            id: Self::identity(event, &note.finding.id, number),
            event,
            at,
            watcher: watcher.to_owned(),
            database: Some(database),
            finding: Some(note),
            condition: None,
            message,
        }
    }

    /// An alert about a condition.
    pub fn of_condition(
        event: Event,
        at: Millis,
        watcher: &str,
        database: Option<Subject>,
        note: ConditionNote,
    ) -> Self {
        let place = database.as_ref().map_or_else(String::new, |database| format!("{}: ", database.name));
        let message = match event {
            Event::Ended => format!("{place}over: {}", note.message),
            _ => format!("{place}{}", note.message),
        };
        Self {
            schema: SCHEMA.to_owned(),
            id: Self::identity(event, &note.id, 0),
            event,
            at,
            watcher: watcher.to_owned(),
            database,
            finding: None,
            condition: Some(note),
            message,
        }
    }

    /// An alert that tries a channel.
    pub fn test(channel: &str, at: Millis, watcher: &str) -> Self {
        let number = u64::try_from(at).unwrap_or(0);
        Self {
            schema: SCHEMA.to_owned(),
            id: Self::identity(Event::Test, channel, number),
            event: Event::Test,
            at,
            watcher: watcher.to_owned(),
            database: None,
            finding: None,
            condition: None,
            message: format!("a test of the channel {channel}: nothing has happened"),
        }
    }

    /// An alert that says that this one could not be delivered through a channel: it has all that this one has.
    pub fn dead_letter(&self, channel: &str, at: Millis, why: &str) -> Self {
        Self {
            id: Self::identity(Event::DeadLetter, &format!("{}\0{channel}", self.id), 0),
            event: Event::DeadLetter,
            at,
            message: format!("the channel {channel} could not deliver an alert ({why}). It says: {}", self.message),
            ..self.clone()
        }
    }

    /// What stands in for an alert in the outbox that cannot be read, perhaps because another version has written it.
    pub fn unreadable(id: String, at: Millis, body: &str) -> Self {
        let begins: String = body.chars().take(500).collect();
        Self {
            schema: SCHEMA.to_owned(),
            id,
            event: Event::DeadLetter,
            at,
            watcher: String::new(),
            database: None,
            finding: None,
            condition: None,
            message: format!("an alert that cannot be read; it begins: {begins}"),
        }
    }

    /// The class of the finding that it is about.
    pub fn class(&self) -> Option<Class> {
        self.finding.as_ref().map(|note| note.finding.class)
    }

    /// The name of the kind of finding or condition that it is about.
    pub fn kind(&self) -> Option<&'static str> {
        let finding = self.finding.as_ref().map(|note| note.finding.kind.name());
        finding.or_else(|| self.condition.as_ref().map(|note| note.kind.name()))
    }
}

/// Whether a finding is a suspicion: not proven, and nothing honest is known that explains it.
pub fn is_suspicion(finding: &Finding) -> bool {
    finding.class != Class::Violation && finding.explained.as_deref() == Some("no")
}

/// A sentence for each event and sort of finding. Only a violation is said to break a rule.
fn wording(event: Event, name: &str, note: &FindingNote) -> String {
    let finding = &note.finding;
    let kind = finding.kind.name();
    let what = &finding.message;
    match (event, finding.class) {
        (Event::Opened, Class::Violation) => format!("{name}: violation proven: {kind}: {what}"),
        (Event::Opened, _) if is_suspicion(finding) => {
            format!("{name}: suspicion, not proven: {kind}: {what}; nothing honest is known that explains it")
        }
        (Event::Opened, _) => format!("{name}: {kind}: {what}"),
        (Event::Reminded, Class::Violation) => format!("{name}: violation still open: {kind}: {what}"),
        (Event::Reminded, _) => format!("{name}: still open: {kind}: {what}"),
        (Event::Acknowledged, _) => format!("{name}: taken note of: {kind}: {what}"),
        (Event::Resolved, _) => format!("{name}: over: {kind}: {what}"),
        (Event::Cleared, _) => {
            format!(
                "{name}: cleared: {kind}: the executor is not accused of it any more, because the owner of the oplog signed two histories"
            )
        }
        _ => format!("{name}: {kind}: {what}"),
    }
}

//! What stands in a mail. Everything that comes from a log is escaped: no header begins in it, and no line that it did not have.

use std::fmt::Write as _;

use crate::escape::{escape, escape_lines};
use crate::replay::finding::{Accused, Class, ShownChange};
use crate::watch::Millis;
use crate::watch::alert::{Alert, Event, is_suspicion};

/// Longest subject, in characters.
const SUBJECT: usize = 150;

/// One line, harmless, of at most so many characters.
pub(super) fn line(text: &str, longest: usize) -> String {
    let text = escape(text);
    if text.chars().count() <= longest { text } else { text.chars().take(longest).chain(['…']).collect() }
}

/// What happened, in a few words.
fn headline(alert: &Alert) -> String {
    let kind = alert.kind().unwrap_or_default();
    match (alert.event, &alert.finding) {
        (Event::Test, _) => "a test".to_owned(),
        (Event::DeadLetter, _) => "an alert could not be delivered".to_owned(),
        (Event::Opened, Some(note)) if note.finding.class == Class::Violation => format!("violation proven: {kind}"),
        (Event::Opened, Some(note)) if is_suspicion(&note.finding) => format!("suspicion, not proven: {kind}"),
        (Event::Opened | Event::Began, _) => kind.to_owned(),
        (Event::Reminded, _) => format!("still open: {kind}"),
        (Event::Acknowledged, _) => format!("taken note of: {kind}"),
        (Event::Resolved | Event::Ended, _) => format!("over: {kind}"),
        (Event::Cleared, _) => format!("cleared: {kind}"),
    }
}

pub(super) fn subject(alert: &Alert) -> String {
    let place = alert.database.as_ref().map_or_else(String::new, |database| format!("{}: ", database.name));
    line(&format!("[{}] {place}{}", alert.watcher, headline(alert)), SUBJECT)
}

/// The name of an attached proof. Digests are ours; whatever else stands there does not get into a file name.
pub(super) fn file_name(digest: &str) -> String {
    let kept: String = digest.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    format!("{kept}.vproof")
}

fn time(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |time| time.strftime("%F %T UTC").to_string())
}

/// A table of two columns that grows.
#[derive(Default)]
struct Facts(String);

impl Facts {
    fn add(&mut self, name: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{name:<12} {}", escape(value));
    }

    fn add_some(&mut self, name: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

pub(super) fn body(alert: &Alert, attached: bool) -> String {
    let mut facts = Facts::default();
    if let Some(database) = &alert.database {
        facts.add("database", &database.name);
        facts.add("key", &database.key);
        facts.add_some("contact", database.contact.as_ref());
        for (name, value) in &database.labels {
            facts.add("label", &format!("{name}={value}"));
        }
    }
    if let Some(note) = &alert.finding {
        let finding = &note.finding;
        facts.add("finding", &finding.id);
        facts.add("kind", finding.kind.name());
        facts.add("status", note.status.name());
        facts.add("found", &time(note.found_at));
        if let Some(accused) = &finding.accused {
            facts.add("accused", &accused_in_words(accused));
        }
        facts.add("log", &finding.log);
        if let Some(seq) = finding.seq {
            facts.add("block", &seq.to_string());
        }
        if let Some((origin, seq)) = finding.origin.as_ref().zip(finding.op_seq) {
            facts.add("operation", &format!("{seq} of {origin}"));
        }
        facts.add_some("expected", finding.expected.as_ref().map(change).as_ref());
        facts.add_some("published", finding.published.as_ref().map(change).as_ref());
        facts.add_some("peers say", note.probe.as_ref());
        facts.add_some("page", note.url.as_ref());
        if let Some(proof) = &note.proof {
            facts.add("proof", &format!("{} ({} bytes)", proof.digest, proof.size));
            facts.add_some("proof at", proof.url.as_ref());
        }
    }
    if let Some(note) = &alert.condition {
        facts.add("condition", note.kind.name());
        facts.add("began", &time(note.began_at));
        if let Some(ended) = note.ended_at {
            facts.add("ended", &time(ended));
        }
    }
    facts.add("alert", &alert.id);
    let mut text = format!("{}\n\n{}", escape(&alert.message), facts.0);
    if attached {
        text.push_str("\nThe proof is attached. It convicts by itself: vitra-watch proof verify FILE\n");
    } else if alert.finding.as_ref().is_some_and(|note| note.proof.is_some()) {
        text.push_str("\nThe proof convicts by itself: vitra-watch proof verify FILE\n");
    }
    // Each line was escaped; this is for what joins them.
    escape_lines(&text)
}

fn change(change: &ShownChange) -> String {
    let value = change.value.as_ref().map_or_else(String::new, |value| format!(" {value}"));
    format!("{} {}{value}", change.kind, change.path)
}

fn accused_in_words(accused: &Accused) -> String {
    let owners = accused.owners();
    let owners = owners.iter().map(|key| format!("the owner of the oplog {key}")).collect::<Vec<_>>().join(", or ");
    match accused {
        Accused::Executor { .. } if owners.is_empty() => "the executor".to_owned(),
        Accused::Executor { .. } => format!("the executor, or {owners}"),
        Accused::Participant { .. } => owners,
    }
}

pub(super) fn digest_subject(alerts: &[Alert]) -> String {
    let watcher = alerts.first().map(|alert| alert.watcher.as_str()).unwrap_or_default();
    line(&format!("[{watcher}] {} alerts", alerts.len()), SUBJECT)
}

pub(super) fn digest_body(alerts: &[Alert]) -> String {
    let parts: Vec<String> = alerts.iter().map(|alert| format!("{}  {}", time(alert.at), body(alert, false))).collect();
    parts.join("\n----------------------------------------\n\n")
}

//! What a store behind `watch::state` must keep, whatever database it is.

use std::collections::BTreeMap;
use std::path::Path;

use vitra_watch::hypercore::Key;
use vitra_watch::replay::finding::{Class, Finding, Kind, Verdict};
use vitra_watch::watch::alert::{Alert, Event, FindingNote, Subject};
use vitra_watch::watch::state::{
    ConditionKind, ConditionRow, DatabaseRow, Filter, FindingRow, Message, OutboxStatus, Proof, State, Status,
};

const DATABASE: Key = [7; 32];
const OTHER: Key = [8; 32];

fn database(key: Key, name: &str) -> DatabaseRow {
    let labels = BTreeMap::from([("tier".to_owned(), "1".to_owned())]);
    DatabaseRow { labels, contact: Some("somebody".to_owned()), ..DatabaseRow::new(key, name.to_owned(), 1) }
}

fn hex(key: Key) -> String {
    vitra_watch::database::ack::to_hex(&key)
}

fn finding(kind: Kind, seq: u64) -> FindingRow {
    FindingRow {
        finding: Finding::new(&hex(DATABASE), kind, &hex(DATABASE), Some(seq), "\u{202e}what'; DROP TABLE findings --"),
        database: DATABASE,
        status: Status::Open,
        found_at: seq as i64,
        changed_at: seq as i64,
        reminders: 0,
        reminded_at: None,
        proof: Some(Proof { digest: [9; 32], size: 77 }),
        probe: Some("asked".to_owned()),
        note: None,
    }
}

fn alert(row: &FindingRow, event: Event) -> Alert {
    let note = FindingNote {
        finding: row.finding.clone(),
        status: row.status,
        found_at: row.found_at,
        proof: None,
        probe: None,
        url: None,
    };
    let subject = Subject { key: hex(row.database), name: "db".to_owned(), labels: BTreeMap::new(), contact: None };
    Alert::of_finding(event, 0, 5, "tower", subject, note)
}

fn message(row: &FindingRow, event: Event, channel: &str) -> Message {
    Message { alert: alert(row, event), channel: channel.to_owned(), database: Some(row.database) }
}

fn open(dir: &Path) -> State {
    let mut state = State::open(&dir.join("state.sqlite")).unwrap();
    state.write(|write| write.put_database(&database(DATABASE, "db"))).unwrap();
    state
}

/// Protects every row: what is written is read back as it was, by another process as well.
#[test]
fn what_is_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let row = finding(Kind::WrongChange, 4);
    let condition = ConditionRow {
        id: "c".to_owned(),
        database: None,
        kind: ConditionKind::IntakeStopped,
        message: "full".to_owned(),
        began_at: 3,
        announced: true,
        ended_at: None,
    };
    state
        .write(|write| {
            assert!(write.add_finding(&row)?);
            assert!(!write.add_finding(&row)?, "a finding is there once");
            write.put_condition(&condition)?;
            write.progress(&DATABASE, Verdict::Violated, (4, 9, 2), Some(8))?;
            write.set_checkpoint(&DATABASE, Some("here"))
        })
        .unwrap();
    for state in [State::read(&dir.path().join("state.sqlite")).unwrap(), state] {
        assert_eq!(state.finding(&row.finding.id).unwrap(), Some(row.clone()));
        assert_eq!(state.conditions(true, 9).unwrap(), std::slice::from_ref(&condition));
        assert_eq!(state.checkpoint(&DATABASE).unwrap().as_deref(), Some("here"));
        let read = state.databases().unwrap();
        let (verdict, progress_at) = (Some(Verdict::Violated), Some(8));
        let (verified_length, head_length, transactions) = (4, 9, 2);
        let expected = DatabaseRow {
            verdict,
            progress_at,
            verified_length,
            head_length,
            transactions,
            ..database(DATABASE, "db")
        };
        assert_eq!(read, [expected]);
        let piles = state.open_findings().unwrap();
        assert_eq!(piles.len(), 1);
        assert_eq!((piles[0].class, piles[0].kind.as_str(), piles[0].count), (Class::Violation, "wrong-change", 1));
    }
}

/// Protects alerts: a transaction that fails leaves nothing of itself.
#[test]
fn a_transaction_is_there_as_a_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let row = finding(Kind::WrongChange, 4);
    let failed = state.write(|write| {
        write.add_finding(&row)?;
        write.add_message(&message(&row, Event::Opened, "a"), 1)?;
        // There is no such database.
        write.add_finding(&FindingRow { database: OTHER, ..finding(Kind::WrongChange, 5) })
    });
    assert!(failed.is_err());
    assert_eq!(state.findings(&Filter::default()).unwrap(), []);
    assert_eq!(state.outbox(None, 9).unwrap(), []);
}

/// Protects receivers: of one channel and database the first alert is due alone, other channels and databases do not wait.
#[test]
fn deliveries_are_in_order_for_each_channel_and_database() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let rows: Vec<FindingRow> = (1..4).map(|seq| finding(Kind::WrongChange, seq)).collect();
    state
        .write(|write| {
            write.put_database(&database(OTHER, "other"))?;
            for row in &rows {
                for channel in ["a", "b"] {
                    assert!(write.add_message(&message(row, Event::Opened, channel), 10)?);
                    assert!(!write.add_message(&message(row, Event::Opened, channel), 11)?, "an alert is sent once");
                }
            }
            let other = FindingRow { database: OTHER, ..rows[0].clone() };
            let test = Alert::test("a", 3, "tower");
            write.add_message(&message(&other, Event::Reminded, "a"), 10)?;
            write.add_message(&Message { alert: test, channel: "a".to_owned(), database: None }, 12).map(drop)
        })
        .unwrap();
    let due = |state: &State, now| -> Vec<(i64, String)> {
        state.due(now).unwrap().into_iter().map(|row| (row.number, row.message.channel)).collect()
    };
    let named = |numbers: &[(i64, &str)]| -> Vec<(i64, String)> {
        numbers.iter().map(|(number, channel)| (*number, (*channel).to_owned())).collect()
    };
    assert_eq!(due(&state, 9), []);
    assert_eq!(state.next_due(0).unwrap(), Some(10));
    assert_eq!(due(&state, 11), named(&[(1, "a"), (2, "b"), (7, "a")]));
    assert_eq!(due(&state, 12), named(&[(1, "a"), (2, "b"), (7, "a"), (8, "a")]));
    // The first of `a` fails: what comes behind it waits with it, `b` goes on.
    state
        .write(|write| {
            write.failed(1, "no", Some(50))?;
            write.delivered(2, 13)
        })
        .unwrap();
    assert_eq!(due(&state, 13), named(&[(4, "b"), (7, "a"), (8, "a")]));
    assert_eq!(due(&state, 50), named(&[(1, "a"), (4, "b"), (7, "a"), (8, "a")]));
    // Its channel works again: what has failed there is due, but for what is left out, and nothing else.
    for (channel, except, first) in [("b", vec![], "b"), ("a", vec![1], "b"), ("a", vec![], "a")] {
        state.write(|write| write.hasten(channel, 20, &except.into_iter().collect())).unwrap();
        assert_eq!(due(&state, 20).first().unwrap().1, first);
    }
    assert_eq!(due(&state, 19), named(&[(4, "b"), (7, "a"), (8, "a")]));
    // Given up, it holds nothing up any more; by hand it can be sent again.
    state.write(|write| write.failed(1, "never", None)).unwrap();
    assert_eq!(due(&state, 50), named(&[(3, "a"), (4, "b"), (7, "a"), (8, "a")]));
    let dead = state.outbox(Some(OutboxStatus::Dead), 9).unwrap();
    assert_eq!((dead.len(), dead[0].attempts, dead[0].error.as_deref()), (1, 2, Some("never")));
    assert!(state.write(|write| write.resend(1, 60)).unwrap());
    assert!(!state.write(|write| write.resend(99, 60)).unwrap());
    assert_eq!(due(&state, 60), named(&[(1, "a"), (4, "b"), (7, "a"), (8, "a")]));
    let channels = state.channels_of(&rows[0].finding.id).unwrap();
    assert_eq!(channels, ["a", "b"]);
}

/// Protects all other alerts from one that cannot be read: something is delivered in its place, and the rest as it is.
#[test]
fn a_message_that_cannot_be_read_holds_up_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let rows = [finding(Kind::WrongChange, 4), finding(Kind::OpSkipped, 5)];
    state
        .write(|write| {
            write.add_message(&message(&rows[0], Event::Opened, "a"), 5)?;
            write.add_message(&message(&rows[1], Event::Opened, "b"), 5)
        })
        .unwrap();
    let connection = rusqlite::Connection::open(dir.path().join("state.sqlite")).unwrap();
    connection
        .execute("UPDATE outbox SET body = '{\"schema\": \"of another version\"}' WHERE channel = 'a'", [])
        .unwrap();
    let due = state.due(5).unwrap();
    assert_eq!((due.len(), due[0].message.channel.as_str()), (2, "a"));
    let stands_in = &due[0].message.alert;
    assert_eq!(stands_in.id, alert(&rows[0], Event::Opened).id);
    assert!(stands_in.message.contains("cannot be read") && stands_in.message.contains("of another version"));
    assert_eq!(due[1].message, message(&rows[1], Event::Opened, "b"));
}

/// Protects findings from disappearing: statuses change, rows stay, also those of a database that is followed no more.
#[test]
fn findings_stay() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let row = finding(Kind::OpSkipped, 4);
    state
        .write(|write| {
            write.add_finding(&row)?;
            assert!(write.set_status(&row.finding.id, Status::Acknowledged, Some("seen"), 6)?);
            assert!(!write.set_status(&row.finding.id, Status::Acknowledged, None, 7)?);
            write.remind(&row.finding.id, 8)?;
            assert!(write.remove_database(&DATABASE, 9)?);
            assert!(!write.remove_database(&DATABASE, 9)?);
            Ok(())
        })
        .unwrap();
    let read = state.finding(&row.finding.id).unwrap().unwrap();
    let expected = FindingRow {
        status: Status::Acknowledged,
        changed_at: 6,
        reminders: 1,
        reminded_at: Some(8),
        note: Some("seen".to_owned()),
        ..row.clone()
    };
    assert_eq!(read, expected);
    let acknowledged =
        Filter { status: Some(Status::Acknowledged), class: Some(Class::Violation), ..Filter::default() };
    assert_eq!(state.findings(&acknowledged).unwrap().len(), 1);
    let open = Filter { status: Some(Status::Open), ..Filter::default() };
    assert_eq!(state.findings(&open).unwrap(), []);
    // Added again, it is followed again, and how far it was verified stays.
    state.write(|write| write.put_database(&database(DATABASE, "new name"))).unwrap();
    let read = state.databases().unwrap();
    assert_eq!((read[0].name.as_str(), read[0].removed_at), ("new name", None));
}

/// Protects other people's files, and a newer version's.
#[test]
fn other_files_are_refused_and_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    assert!(State::read(&path).is_err(), "reading makes nothing");
    assert!(!path.exists());
    drop(State::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let error = State::open(&path).unwrap_err().to_string();
    assert!(error.contains("version 99"), "{error}");
    connection.pragma_update(None, "application_id", 5).unwrap();
    let error = State::open(&path).unwrap_err().to_string();
    assert!(error.contains("another program"), "{error}");
    std::fs::write(dir.path().join("text"), "no database at all, and long enough to be looked at as one").unwrap();
    assert!(State::open(&dir.path().join("text")).is_err());
}

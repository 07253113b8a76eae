//! Every statement that the state makes. No dialect but `STRICT`, pragmas and the names of two column types.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, params};

use super::{
    ConditionKind, ConditionRow, DatabaseRow, Filter, FindingRow, Message, OutboxRow, OutboxStatus, Pile, Proof,
    StateError, Status,
};
use crate::hypercore::Key;
use crate::replay::finding::{Class, Verdict};
use crate::watch::Millis;
use crate::watch::alert::Alert;

/// "vtwS", so that `file` and SQLite's tools tell a state from other databases.
const APPLICATION: i32 = 0x7674_7753;

/// What makes each version out of the one before. Never changed once released: only added to.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE databases (
    key BLOB PRIMARY KEY CHECK (length(key) = 32),
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    contact TEXT,
    at_run_time INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    removed_at INTEGER,
    verdict TEXT,
    verified_length INTEGER NOT NULL DEFAULT 0,
    head_length INTEGER NOT NULL DEFAULT 0,
    transactions INTEGER NOT NULL DEFAULT 0,
    progress_at INTEGER
) STRICT;
CREATE TABLE findings (
    id TEXT PRIMARY KEY,
    database BLOB NOT NULL REFERENCES databases (key),
    class TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    reminders INTEGER NOT NULL DEFAULT 0,
    reminded_at INTEGER,
    proof BLOB,
    proof_size INTEGER,
    probe TEXT,
    note TEXT
) STRICT;
CREATE INDEX findings_by_database ON findings (database, status);
CREATE TABLE conditions (
    id TEXT PRIMARY KEY,
    database BLOB REFERENCES databases (key),
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    announced INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    channel TEXT NOT NULL,
    database BLOB,
    finding TEXT,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL,
    error TEXT,
    delivered_at INTEGER,
    UNIQUE (id, channel)
) STRICT;
CREATE INDEX outbox_by_status ON outbox (status, channel, database, number);
CREATE INDEX outbox_by_finding ON outbox (finding);
CREATE TABLE checkpoints (
    database BLOB PRIMARY KEY REFERENCES databases (key),
    body TEXT NOT NULL
) STRICT;
"];

pub(super) fn configure(connection: &Connection) -> Result<(), StateError> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn number(connection: &Connection, pragma: &str) -> Result<i32, StateError> {
    Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
}

/// Makes sure that this is a state that this version can read.
pub(super) fn check(connection: &Connection) -> Result<usize, StateError> {
    let (application, version) = (number(connection, "application_id")?, number(connection, "user_version")?);
    let newest = MIGRATIONS.len();
    match usize::try_from(version) {
        Ok(0) if application == 0 => Ok(0),
        _ if application != APPLICATION => Err(StateError::Foreign("the file belongs to another program".to_owned())),
        Ok(version) if version <= newest => Ok(version),
        _ => Err(StateError::Foreign(format!(
            "the state is of version {version}; this program knows versions up to {newest}"
        ))),
    }
}

pub(super) fn migrate(connection: &mut Connection) -> Result<(), StateError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version = check(&transaction)?;
    for migration in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(migration)?;
    }
    if version < MIGRATIONS.len() {
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    }
    transaction.commit()?;
    // Outside a transaction only.
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StateError::Foreign("the state needs a file system on which SQLite's WAL mode works".to_owned()));
    }
    Ok(())
}

// --- reading

fn rows<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T, StateError>,
) -> Result<Vec<T>, StateError> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_and_then(params, read)?.collect()
}

fn damaged(what: impl std::fmt::Display) -> StateError {
    StateError::Damaged(what.to_string())
}

/// A name that this program has written, back as what it stands for.
fn named<T>(row: &Row<'_>, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StateError> {
    let name: String = row.get(column)?;
    parse(&name).ok_or_else(|| damaged(format!("{column} {name:?}")))
}

/// A class or verdict by its name in JSON.
fn of_json<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::from(name)).ok()
}

fn to_json(value: &impl serde::Serialize) -> Result<String, StateError> {
    serde_json::to_string(value).map_err(damaged)
}

/// The name of a class or verdict in JSON.
fn name_of(value: &impl serde::Serialize) -> Result<String, StateError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(damaged("a name that is no text")),
    }
}

pub(super) fn databases(connection: &Connection) -> Result<Vec<DatabaseRow>, StateError> {
    rows(connection, "SELECT * FROM databases ORDER BY name, key", [], |row| {
        let labels: String = row.get("labels")?;
        let verdict: Option<String> = row.get("verdict")?;
        let verdict = verdict.map(|name| of_json::<Verdict>(&name).ok_or_else(|| damaged("verdict")));
        Ok(DatabaseRow {
            key: row.get("key")?,
            name: row.get("name")?,
            labels: serde_json::from_str(&labels).map_err(damaged)?,
            contact: row.get("contact")?,
            at_run_time: row.get("at_run_time")?,
            added_at: row.get("added_at")?,
            removed_at: row.get("removed_at")?,
            verdict: verdict.transpose()?,
            verified_length: row.get("verified_length")?,
            head_length: row.get("head_length")?,
            transactions: row.get("transactions")?,
            progress_at: row.get("progress_at")?,
        })
    })
}

pub(super) fn findings(connection: &Connection, filter: &Filter) -> Result<Vec<FindingRow>, StateError> {
    let sql = "SELECT * FROM findings
        WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR database = ?2) AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR class = ?4)
        ORDER BY found_at DESC, id LIMIT ?5";
    let class = filter.class.as_ref().map(name_of).transpose()?;
    let status = filter.status.map(Status::name);
    let most = filter.most.unwrap_or(u32::MAX);
    rows(connection, sql, params![filter.id, filter.database, status, class, most], |row| {
        let body: String = row.get("body")?;
        let digest: Option<[u8; 32]> = row.get("proof")?;
        let size: Option<u64> = row.get("proof_size")?;
        Ok(FindingRow {
            finding: serde_json::from_str(&body).map_err(damaged)?,
            database: row.get("database")?,
            status: named(row, "status", Status::named)?,
            found_at: row.get("found_at")?,
            changed_at: row.get("changed_at")?,
            reminders: row.get("reminders")?,
            reminded_at: row.get("reminded_at")?,
            proof: digest.zip(size).map(|(digest, size)| Proof { digest, size }),
            probe: row.get("probe")?,
            note: row.get("note")?,
        })
    })
}

pub(super) fn open_findings(connection: &Connection) -> Result<Vec<Pile>, StateError> {
    let sql = "SELECT database, class, kind, count(*) AS count FROM findings WHERE status IN ('open', 'acknowledged')
        GROUP BY database, class, kind ORDER BY database, class, kind";
    rows(connection, sql, [], |row| {
        Ok(Pile {
            database: row.get("database")?,
            class: named(row, "class", of_json::<Class>)?,
            kind: row.get("kind")?,
            count: row.get("count")?,
        })
    })
}

pub(super) fn conditions(
    connection: &Connection,
    open: bool,
    database: Option<&Key>,
    most: u32,
) -> Result<Vec<ConditionRow>, StateError> {
    let sql = "SELECT * FROM conditions WHERE (NOT ?1 OR ended_at IS NULL) AND (?2 IS NULL OR database = ?2)
        ORDER BY began_at DESC, id LIMIT ?3";
    rows(connection, sql, params![open, database, most], |row| {
        Ok(ConditionRow {
            id: row.get("id")?,
            database: row.get("database")?,
            kind: named(row, "kind", ConditionKind::named)?,
            message: row.get("message")?,
            began_at: row.get("began_at")?,
            announced: row.get("announced")?,
            ended_at: row.get("ended_at")?,
        })
    })
}

fn outbox_row(row: &Row<'_>) -> Result<OutboxRow, StateError> {
    let body: String = row.get("body")?;
    // One message that cannot be read must not keep all others: what is left of it goes in its place.
    let alert = match serde_json::from_str(&body) {
        Ok(alert) => alert,
        Err(_) => Alert::unreadable(row.get("id")?, row.get("created_at")?, &body),
    };
    Ok(OutboxRow {
        number: row.get("number")?,
        message: Message { alert, channel: row.get("channel")?, database: row.get("database")? },
        created_at: row.get("created_at")?,
        due_at: row.get("due_at")?,
        attempts: row.get("attempts")?,
        status: named(row, "status", OutboxStatus::named)?,
        error: row.get("error")?,
        delivered_at: row.get("delivered_at")?,
    })
}

pub(super) fn due(connection: &Connection, now: Millis) -> Result<Vec<OutboxRow>, StateError> {
    // A null is a database of its own here: alerts about ourselves are in order as well.
    let sql = "SELECT * FROM outbox WHERE number IN
            (SELECT min(number) FROM outbox WHERE status = 'pending' GROUP BY channel, database)
        AND due_at <= ?1 ORDER BY number";
    rows(connection, sql, [now], outbox_row)
}

pub(super) fn next_due(connection: &Connection, now: Millis) -> Result<Option<Millis>, StateError> {
    let sql = "SELECT min(due_at) FROM outbox WHERE number IN
            (SELECT min(number) FROM outbox WHERE status = 'pending' GROUP BY channel, database)
        AND due_at > ?1";
    Ok(connection.prepare_cached(sql)?.query_row([now], |row| row.get(0))?)
}

pub(super) fn pending(connection: &Connection, channel: &str, most: u32) -> Result<Vec<OutboxRow>, StateError> {
    let sql = "SELECT * FROM outbox WHERE status = 'pending' AND channel = ?1 ORDER BY number LIMIT ?2";
    rows(connection, sql, params![channel, most], outbox_row)
}

pub(super) fn outbox(
    connection: &Connection,
    status: Option<OutboxStatus>,
    most: u32,
) -> Result<Vec<OutboxRow>, StateError> {
    let sql = "SELECT * FROM outbox WHERE ?1 IS NULL OR status = ?1 ORDER BY number DESC LIMIT ?2";
    rows(connection, sql, params![status.map(OutboxStatus::name), most], outbox_row)
}

pub(super) fn outbox_counts(connection: &Connection) -> Result<Vec<(String, OutboxStatus, u64)>, StateError> {
    let sql = "SELECT channel, status, count(*) AS count FROM outbox GROUP BY channel, status ORDER BY channel, status";
    rows(connection, sql, [], |row| {
        Ok((row.get("channel")?, named(row, "status", OutboxStatus::named)?, row.get("count")?))
    })
}

pub(super) fn channels_of(connection: &Connection, finding: &str) -> Result<Vec<String>, StateError> {
    let sql = "SELECT DISTINCT channel FROM outbox WHERE finding = ?1 ORDER BY channel";
    rows(connection, sql, [finding], |row| Ok(row.get(0)?))
}

pub(super) fn checkpoint(connection: &Connection, database: &Key) -> Result<Option<String>, StateError> {
    let mut statement = connection.prepare_cached("SELECT body FROM checkpoints WHERE database = ?1")?;
    Ok(statement.query_row([database], |row| row.get(0)).optional()?)
}

// --- writing

fn execute(transaction: &Transaction<'_>, sql: &str, params: impl Params) -> Result<bool, StateError> {
    Ok(transaction.prepare_cached(sql)?.execute(params)? > 0)
}

pub(super) fn put_database(transaction: &Transaction<'_>, row: &DatabaseRow) -> Result<(), StateError> {
    let sql =
        "INSERT INTO databases (key, name, labels, contact, at_run_time, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (key) DO UPDATE SET name = excluded.name, labels = excluded.labels, contact = excluded.contact,
            at_run_time = excluded.at_run_time, removed_at = NULL";
    let labels = to_json(&row.labels)?;
    let params = params![row.key, row.name, labels, row.contact, row.at_run_time, row.added_at];
    execute(transaction, sql, params).map(drop)
}

pub(super) fn remove_database(transaction: &Transaction<'_>, key: &Key, at: Millis) -> Result<bool, StateError> {
    let sql = "UPDATE databases SET removed_at = ?2 WHERE key = ?1 AND removed_at IS NULL";
    execute(transaction, sql, params![key, at])
}

pub(super) fn progress(
    transaction: &Transaction<'_>,
    key: &Key,
    verdict: Verdict,
    [verified, head, transactions]: [u64; 3],
    at: Option<Millis>,
) -> Result<(), StateError> {
    let sql = "UPDATE databases SET verdict = ?2, verified_length = ?3, head_length = ?4, transactions = ?5,
        progress_at = coalesce(?6, progress_at) WHERE key = ?1";
    let params = params![key, name_of(&verdict)?, verified, head, transactions, at];
    execute(transaction, sql, params).map(drop)
}

pub(super) fn add_finding(transaction: &Transaction<'_>, row: &FindingRow) -> Result<bool, StateError> {
    let sql = "INSERT INTO findings
            (id, database, class, kind, body, status, found_at, changed_at, reminders, reminded_at, proof, proof_size, probe, note)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (id) DO NOTHING";
    let finding = &row.finding;
    let (class, body) = (name_of(&finding.class)?, to_json(finding)?);
    let (digest, size) = (row.proof.map(|proof| proof.digest), row.proof.map(|proof| proof.size));
    let params = params![
        finding.id,
        row.database,
        class,
        finding.kind.name(),
        body,
        row.status.name(),
        row.found_at,
        row.changed_at,
        row.reminders,
        row.reminded_at,
        digest,
        size,
        row.probe,
        row.note
    ];
    execute(transaction, sql, params)
}

pub(super) fn set_status(
    transaction: &Transaction<'_>,
    id: &str,
    to: Status,
    note: Option<&str>,
    at: Millis,
) -> Result<bool, StateError> {
    let sql =
        "UPDATE findings SET status = ?2, note = coalesce(?3, note), changed_at = ?4 WHERE id = ?1 AND status <> ?2";
    execute(transaction, sql, params![id, to.name(), note, at])
}

pub(super) fn set_proof(transaction: &Transaction<'_>, id: &str, proof: Proof) -> Result<(), StateError> {
    let size = i64::try_from(proof.size).map_err(damaged)?;
    let sql = "UPDATE findings SET proof = ?2, proof_size = ?3 WHERE id = ?1";
    execute(transaction, sql, params![id, proof.digest, size]).map(drop)
}

pub(super) fn remind(transaction: &Transaction<'_>, id: &str, at: Millis) -> Result<(), StateError> {
    let sql = "UPDATE findings SET reminders = reminders + 1, reminded_at = ?2 WHERE id = ?1";
    execute(transaction, sql, params![id, at]).map(drop)
}

pub(super) fn put_condition(transaction: &Transaction<'_>, row: &ConditionRow) -> Result<(), StateError> {
    let sql = "INSERT INTO conditions (id, database, kind, message, began_at, announced, ended_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (id) DO UPDATE SET message = excluded.message, announced = excluded.announced, ended_at = excluded.ended_at";
    let ConditionRow { id, database, kind, message, began_at, announced, ended_at } = row;
    execute(transaction, sql, params![id, database, kind.name(), message, began_at, announced, ended_at]).map(drop)
}

pub(super) fn add_message(transaction: &Transaction<'_>, message: &Message, at: Millis) -> Result<bool, StateError> {
    let sql = "INSERT INTO outbox (number, id, channel, database, finding, body, created_at, due_at, status)
        VALUES ((SELECT coalesce(max(number), 0) + 1 FROM outbox), ?1, ?2, ?3, ?4, ?5, ?6, ?6, 'pending')
        ON CONFLICT (id, channel) DO NOTHING";
    let alert = &message.alert;
    let finding = alert.finding.as_ref().map(|note| &note.finding.id);
    let params = params![alert.id, message.channel, message.database, finding, to_json(alert)?, at];
    execute(transaction, sql, params)
}

pub(super) fn delivered(transaction: &Transaction<'_>, number: i64, at: Millis) -> Result<(), StateError> {
    let sql = "UPDATE outbox SET status = 'delivered', attempts = attempts + 1, error = NULL, delivered_at = ?2
        WHERE number = ?1";
    execute(transaction, sql, params![number, at]).map(drop)
}

pub(super) fn failed(
    transaction: &Transaction<'_>,
    number: i64,
    why: &str,
    again: Option<Millis>,
) -> Result<(), StateError> {
    let sql = "UPDATE outbox SET status = CASE WHEN ?3 IS NULL THEN 'dead' ELSE 'pending' END, attempts = attempts + 1,
        error = ?2, due_at = coalesce(?3, due_at) WHERE number = ?1";
    execute(transaction, sql, params![number, why, again]).map(drop)
}

pub(super) fn waiting_longer(transaction: &Transaction<'_>, channel: &str, at: Millis) -> Result<Vec<i64>, StateError> {
    let sql = "SELECT number FROM outbox WHERE status = 'pending' AND channel = ?1 AND attempts > 0 AND due_at > ?2";
    rows(transaction, sql, params![channel, at], |row| Ok(row.get("number")?))
}

pub(super) fn hasten(transaction: &Transaction<'_>, number: i64, at: Millis) -> Result<(), StateError> {
    let sql = "UPDATE outbox SET due_at = ?2 WHERE number = ?1";
    execute(transaction, sql, params![number, at]).map(drop)
}

pub(super) fn resend(transaction: &Transaction<'_>, number: i64, at: Millis) -> Result<bool, StateError> {
    let sql = "UPDATE outbox SET status = 'pending', due_at = ?2, attempts = 0 WHERE number = ?1";
    execute(transaction, sql, params![number, at])
}

pub(super) fn set_checkpoint(
    transaction: &Transaction<'_>,
    database: &Key,
    body: Option<&str>,
) -> Result<(), StateError> {
    let sql = "INSERT INTO checkpoints (database, body) VALUES (?1, ?2) ON CONFLICT (database) DO UPDATE SET body = excluded.body";
    match body {
        Some(body) => execute(transaction, sql, params![database, body]).map(drop),
        None => execute(transaction, "DELETE FROM checkpoints WHERE database = ?1", [database]).map(drop),
    }
}

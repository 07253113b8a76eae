//! Orders and questions to the service: `findings`, `outbox`, `databases`, `alert`, `status`. Questions are answered from
//! the state, whether the service runs or not; orders go through its socket, or, when it does not run, into the state.

use std::io::Write;

use super::args::{AlertCommand, DatabasesCommand, FindingsCommand, OutboxCommand, ServiceArgs, StatusArgs};
use super::watch::{load, places};
use super::{Failure, escape, escape_json, exit};
use crate::alerts::Router;
use crate::config::Config;
use crate::database::ack::to_hex;
use crate::replay::finding::Class;
use crate::sandbox::Sandbox;
use crate::watch::control::{self, Order, Reply};
use crate::watch::ledger::Ledger;
use crate::watch::register;
use crate::watch::service::Places;
use crate::watch::state::{Filter, FindingRow, OutboxStatus, State, StateError, Status};
use crate::watch::watched::Shared;
use crate::watch::{Millis, now};

struct Place {
    config: Config,
    places: Places,
    json: bool,
}

fn unusable(error: StateError) -> Failure {
    Failure::new(exit::INTERNAL, error)
}

impl Place {
    fn of(args: &ServiceArgs) -> Result<Place, Failure> {
        let config = load(&args.config)?;
        // These commands start no workers.
        let places = places(&config, Sandbox::off(), &super::runtimes::Place { named: None })?;
        Ok(Place { config, places, json: args.json })
    }

    fn read(&self) -> Result<State, Failure> {
        let absent = || Failure::new(exit::UNAVAILABLE, "there is no state yet: `vitra-watch watch` makes it");
        if self.places.state.is_file() { State::read(&self.places.state).map_err(unusable) } else { Err(absent()) }
    }

    /// Gives an order to the running service, or does it without one.
    fn order(&self, order: &Order, out: &mut dyn Write) -> Result<u8, Failure> {
        let reply = match control::ask(&self.places.socket, order)? {
            Some(reply) => reply,
            None => self.without(order)?,
        };
        match reply {
            Reply::Done => Ok(exit::VERIFIED),
            Reply::Sent(id) => {
                writeln!(
                    out,
                    "alert {} is in the outbox; `vitra-watch outbox list` says what becomes of it",
                    escape(&id)
                )?;
                Ok(exit::VERIFIED)
            }
            Reply::Refused(why) => Err(Failure::new(exit::USAGE, why)),
            Reply::Status(_) => Err(Failure::new(exit::INTERNAL, "the service gave another answer than was asked for")),
        }
    }

    fn without(&self, order: &Order) -> Result<Reply, Failure> {
        let at = now();
        let mut state = State::open(&self.places.state).map_err(unusable)?;
        let refused = |what: String| Ok(Reply::Refused(what));
        match order {
            Order::Acknowledge { id, note } => self.acknowledge(&mut state, id, note.as_deref(), at),
            Order::Resend { number } => match state.write(|write| write.resend(*number, at)).map_err(unusable)? {
                true => Ok(Reply::Done),
                false => refused(format!("there is no message {number}")),
            },
            Order::Add { key, name } => {
                register::add(&mut state, *key, name.clone(), at).map_err(unusable)?;
                Ok(Reply::Done)
            }
            Order::Remove { key } => match register::remove(&mut state, key, at).map_err(unusable)? {
                true => Ok(Reply::Done),
                false => refused("there is no such database, or the configuration names it".to_owned()),
            },
            Order::Test { .. } | Order::Status => refused("the service does not run".to_owned()),
        }
    }

    fn acknowledge(&self, state: &mut State, id: &str, note: Option<&str>, at: Millis) -> Result<Reply, Failure> {
        let row = state.finding(id).map_err(unusable)?.filter(|row| row.status == Status::Open);
        let Some(row) = row else { return Ok(Reply::Refused(format!("there is no open finding {id}"))) };
        let database = state.databases().map_err(unusable)?.into_iter().find(|database| database.key == row.database);
        let Some(database) = database else { return Ok(Reply::Refused("its database is not there".to_owned())) };
        let shared = Shared::of(&self.config);
        let mut row = FindingRow { status: Status::Acknowledged, changed_at: at, ..row };
        row.note = note.map(str::to_owned).or(row.note);
        let event = crate::watch::alert::Event::Acknowledged;
        let alert = shared.alert(event, 0, at, &crate::watch::watched::subject(&database), &row);
        let mut ledger = Ledger::default();
        ledger.change(&row, Status::Acknowledged, note.map(str::to_owned), alert);
        ledger.write(state, &Router::new(&self.config.alerts), at).map_err(unusable)?;
        Ok(Reply::Done)
    }

    fn line(&self, out: &mut dyn Write, json: &serde_json::Value, text: &str) -> Result<(), Failure> {
        if self.json {
            writeln!(out, "{}", escape_json(&json.to_string()))?;
        } else {
            writeln!(out, "{}", escape(text))?;
        }
        Ok(())
    }
}

fn when(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |at| format!("{at:.0}"))
}

pub(super) fn findings(command: &FindingsCommand, out: &mut dyn Write) -> Result<u8, Failure> {
    match command {
        FindingsCommand::List { service, all, database, most } => {
            let place = Place::of(service)?;
            let filter = Filter { database: *database, most: Some(*most), ..Filter::default() };
            for row in place.read()?.findings(&filter).map_err(unusable)? {
                let open = matches!(row.status, Status::Open | Status::Acknowledged);
                if *all || (open && row.finding.class != Class::Notice) {
                    let finding = &row.finding;
                    let text = format!(
                        "{} {} {} {}: {} ({})",
                        when(row.found_at),
                        row.status.name(),
                        to_hex(row.database.get(..4).unwrap_or_default()),
                        finding.kind.name(),
                        finding.message,
                        finding.id
                    );
                    place.line(out, &shown(&row), &text)?;
                }
            }
            Ok(exit::VERIFIED)
        }
        FindingsCommand::Show { service, id } => {
            let place = Place::of(service)?;
            let row = place.read()?.finding(id).map_err(unusable)?;
            let row = row.ok_or_else(|| Failure::new(exit::USAGE, format!("there is no finding {id}")))?;
            if place.json {
                place.line(out, &shown(&row), "")?;
                return Ok(exit::VERIFIED);
            }
            let finding = &row.finding;
            let proof = row.proof.map(|proof| to_hex(&proof.digest));
            let fields = [
                ("finding", finding.id.clone()),
                ("database", to_hex(&row.database)),
                ("kind", finding.kind.name().to_owned()),
                ("status", row.status.name().to_owned()),
                ("found", when(row.found_at)),
                ("what", finding.message.clone()),
                ("peers", row.probe.unwrap_or_default()),
                ("proof", proof.unwrap_or_default()),
                ("note", row.note.unwrap_or_default()),
            ];
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
                writeln!(out, "{name:9} {}", escape(value))?;
            }
            Ok(exit::VERIFIED)
        }
        FindingsCommand::Ack { service, id, note } => {
            Place::of(service)?.order(&Order::Acknowledge { id: id.clone(), note: note.clone() }, out)
        }
    }
}

fn shown(row: &FindingRow) -> serde_json::Value {
    serde_json::json!({
        "schema": "vitra-watch/finding/1",
        "database": to_hex(&row.database),
        "status": row.status.name(),
        "found_at": row.found_at,
        "changed_at": row.changed_at,
        "proof": row.proof.map(|proof| serde_json::json!({ "digest": to_hex(&proof.digest), "size": proof.size })),
        "probe": row.probe,
        "note": row.note,
        "finding": row.finding,
    })
}

pub(super) fn outbox(command: &OutboxCommand, out: &mut dyn Write) -> Result<u8, Failure> {
    match command {
        OutboxCommand::List { service, status, most } => {
            let place = Place::of(service)?;
            let status = status.as_deref().and_then(OutboxStatus::named);
            for row in place.read()?.outbox(status, *most).map_err(unusable)? {
                let alert = &row.message.alert;
                let error = row.error.as_deref().map_or_else(String::new, |why| format!(" ({why})"));
                let text = format!(
                    "{} {} {} {} after {} tries: {}{error}",
                    row.number,
                    when(row.created_at),
                    row.message.channel,
                    row.status.name(),
                    row.attempts,
                    alert.message
                );
                let json = serde_json::json!({
                    "schema": "vitra-watch/outbox/1",
                    "number": row.number,
                    "channel": row.message.channel,
                    "status": row.status.name(),
                    "created_at": row.created_at,
                    "due_at": row.due_at,
                    "delivered_at": row.delivered_at,
                    "attempts": row.attempts,
                    "error": row.error,
                    "alert": alert,
                });
                place.line(out, &json, &text)?;
            }
            Ok(exit::VERIFIED)
        }
        OutboxCommand::Resend { service, number } => Place::of(service)?.order(&Order::Resend { number: *number }, out),
    }
}

pub(super) fn databases(command: &DatabasesCommand, out: &mut dyn Write) -> Result<u8, Failure> {
    match command {
        DatabasesCommand::List { service } => {
            let place = Place::of(service)?;
            for row in place.read()?.databases().map_err(unusable)? {
                if row.removed_at.is_some() {
                    continue;
                }
                let verdict = row.verdict.map_or("not judged yet", |verdict| verdict.name());
                let (verified, head) = (row.verified_length, row.head_length);
                let key = to_hex(&row.key);
                let text = format!("{key} {}: {verdict}, verified up to block {verified} of {head}", row.name);
                let json = serde_json::json!({
                    "schema": "vitra-watch/database/1",
                    "key": key,
                    "name": row.name,
                    "labels": row.labels,
                    "verdict": row.verdict,
                    "verified_length": verified,
                    "head_length": head,
                    "transactions": row.transactions,
                    "progress_at": row.progress_at,
                    "at_run_time": row.at_run_time,
                });
                place.line(out, &json, &text)?;
            }
            Ok(exit::VERIFIED)
        }
        DatabasesCommand::Add { service, key, name } => {
            Place::of(service)?.order(&Order::Add { key: *key, name: name.clone() }, out)
        }
        DatabasesCommand::Remove { service, key } => Place::of(service)?.order(&Order::Remove { key: *key }, out),
    }
}

pub(super) fn alert(command: &AlertCommand, out: &mut dyn Write) -> Result<u8, Failure> {
    let AlertCommand::Test { service, channel } = command;
    let place = Place::of(service)?;
    match control::ask(&place.places.socket, &Order::Test { channel: channel.clone() })? {
        Some(Reply::Sent(id)) => {
            writeln!(out, "alert {} is in the outbox; `vitra-watch outbox list` says what becomes of it", escape(&id))?;
            Ok(exit::VERIFIED)
        }
        Some(Reply::Refused(why)) => Err(Failure::new(exit::USAGE, why)),
        Some(_) => Err(Failure::new(exit::INTERNAL, "the service gave another answer than was asked for")),
        None => deliver(&place.config, channel, out),
    }
}

/// Tries a channel without the service.
fn deliver(config: &Config, channel: &str, out: &mut dyn Write) -> Result<u8, Failure> {
    use crate::alerts::{Channels, Outcome};
    let channels = Channels::open(&config.alerts).map_err(|error| Failure::new(exit::CONFIGURATION, error))?;
    let absent = || Failure::new(exit::USAGE, format!("there is no channel {channel:?}"));
    let sent = channels.get(channel).ok_or_else(absent)?;
    let alert = crate::watch::alert::Alert::test(channel, now(), &config.name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(sent.deliver(&alert, None)) {
        Outcome::Delivered => {
            writeln!(out, "alert {} was delivered", escape(&alert.id))?;
            Ok(exit::VERIFIED)
        }
        Outcome::Failed { why, .. } => Err(Failure::new(exit::UNAVAILABLE, format!("it was not delivered: {why}"))),
    }
}

pub(super) fn status(args: &StatusArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let place = Place::of(&args.service)?;
    let Some(reply) = control::ask(&place.places.socket, &Order::Status)? else {
        return Err(Failure::new(
            exit::UNAVAILABLE,
            "the service does not run; `databases list` says what it knew last",
        ));
    };
    let Reply::Status(report) = reply else {
        return Err(Failure::new(exit::INTERNAL, "the service gave another answer than was asked for"));
    };
    if place.json {
        let json = serde_json::to_value(&report).map_err(|error| Failure::new(exit::INTERNAL, error))?;
        place.line(out, &json, "")?;
        return Ok(exit::VERIFIED);
    }
    let stopped = report.stopped.as_ref().map_or_else(String::new, |why| format!("; nothing new is taken in: {why}"));
    writeln!(out, "running since {}, {} peers{}", when(report.started_at), report.peers, escape(&stopped))?;
    for database in &report.databases {
        let verdict = database.verdict.map_or("not judged yet", |verdict| verdict.name());
        let (verified, head, peers) = (database.verified_length, database.head_length, database.peers);
        let name = escape(&database.name);
        writeln!(
            out,
            "{name}: {verdict}, verified up to block {verified} of {head}, {peers} peers ({})",
            database.key
        )?;
    }
    Ok(exit::VERIFIED)
}

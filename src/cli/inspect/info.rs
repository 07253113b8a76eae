//! `inspect info` and `oplogs`: the logs, and how far each was executed.

use std::io::Write;

use serde_json::json;

use super::{Held, Look, Shown, print_json};
use crate::archive::parse_key;
use crate::cli::{Failure, escape, exit};
use crate::database::ack::{self, to_hex};
use crate::database::{Ack, decode, path};
use crate::hyperbee::{Bounds, View};
use crate::hypercore::discovery_key;

/// What follows every key below a directory: the separator's successor.
const AFTER: u8 = 1;

/// One declared participant.
struct Participant {
    /// What follows `/.sys/inputs/`: the oplog's key in hex, unless somebody wrote otherwise.
    name: String,
    /// Its declaration is not one.
    malformed: bool,
    active: bool,
    /// The operation after the last one that was acked.
    next: u64,
    log: Option<Held>,
}

impl Participant {
    fn json(&self) -> serde_json::Value {
        let log = self.log.as_ref();
        json!({
            "key": self.name,
            "active": self.active,
            "malformed": self.malformed,
            "executed": self.next,
            "length": log.map(|log| log.length),
            "fork": log.map(|log| log.fork),
            "available": log.map(|log| log.available),
        })
    }

    fn text(&self) -> String {
        let state = match self {
            Self { malformed: true, .. } => "malformed declaration",
            Self { active: true, .. } => "active",
            _ => "inactive",
        };
        let log = match &self.log {
            None => "its log is not here".to_owned(),
            Some(log) => format!("{} published{}", log.length, log.text()),
        };
        format!("{}  {state}, {} executed, {log}", escape(&self.name), self.next)
    }
}

impl Look<'_> {
    fn participants(&self) -> Result<Vec<Participant>, Failure> {
        let tree = self.tree();
        let upper = with_end(path::INPUTS);
        let range = tree.range(Bounds::between(path::INPUTS, &upper)).map_err(|error| self.unreadable(error))?;
        let mut last = path::INPUTS.to_vec();
        let mut found = Vec::new();
        for entry in range {
            let entry = entry.map_err(|error| self.unreadable(error))?;
            // Also what ends the walk: a tampered tree may lead to the same nodes again and again.
            if entry.key() <= last.as_slice() {
                return Err(self.malformed(format!("block {}: its key is out of order", entry.seq())));
            }
            last = entry.key().to_vec();
            let name = entry.key().strip_prefix(path::INPUTS).unwrap_or_default();
            let value = entry.value().and_then(|value| decode(value).ok()).map(|decoded| decoded.value);
            let active = value.and_then(|value| ack::parse_input(name, &value));
            let name = String::from_utf8_lossy(name).into_owned();
            found.push(Participant {
                malformed: active.is_none(),
                active: active.unwrap_or(false),
                next: self.executed(&name)?,
                log: parse_key(&name).map_or(Ok(None), |key| (self.held)(&key))?,
                name,
            });
        }
        Ok(found)
    }

    /// The operation after the last one of this oplog that was acked; acks sort by their numbers.
    fn executed(&self, name: &str) -> Result<u64, Failure> {
        let mut lower = path::ACKS.to_vec();
        lower.extend_from_slice(name.as_bytes());
        lower.push(0);
        let upper = with_end(&lower);
        let last = Bounds { reverse: true, ..Bounds::between(&lower, &upper) };
        let last = self.tree().peek(last).map_err(|error| self.unreadable(error))?;
        let value = last.as_ref().and_then(|entry| decode(entry.value()?).ok());
        let ack = value.and_then(|decoded| Ack::parse(&decoded.value).ok());
        Ok(ack.map_or(0, |ack| ack.seq.saturating_add(1)))
    }

    pub(super) fn info(&self, out: &mut dyn Write) -> Shown {
        let source = self.contract()?;
        let participants = self.participants()?;
        let index = (self.held)(&self.key)?;
        let index = index.unwrap_or(Held { length: self.blocks.length(), fork: 0, available: 0 });
        if self.json {
            let contract =
                source.map(|source| json!({ "seq": source.seq, "digest": source.digest, "bytes": source.text.len() }));
            let shown = json!({
                "schema": "vitra-watch/info/1",
                "database": to_hex(&self.key),
                "discovery_key": to_hex(&discovery_key(&self.key)),
                "head": { "length": index.length, "fork": index.fork },
                "available": index.available,
                "version": self.version,
                "contract": contract,
                "participants": participants.iter().map(Participant::json).collect::<Vec<_>>(),
            });
            print_json(&shown, out)?;
            return Ok(exit::VERIFIED);
        }
        writeln!(out, "database       {}", to_hex(&self.key))?;
        writeln!(out, "discovery key  {}", to_hex(&discovery_key(&self.key)))?;
        writeln!(out, "head           {} blocks{}", index.length, index.text())?;
        writeln!(out, "version        {}", self.version)?;
        match source {
            Some(source) => {
                let digest = source.digest.get(..16).unwrap_or_default();
                writeln!(out, "contract       {digest} since block {} ({} bytes)", source.seq, source.text.len())?;
            }
            None => writeln!(out, "contract       none yet")?,
        }
        if participants.is_empty() {
            writeln!(out, "participants   none")?;
        }
        for (at, participant) in participants.iter().enumerate() {
            let label = if at == 0 { "participants" } else { "" };
            writeln!(out, "{label:<15}{}", participant.text())?;
        }
        Ok(exit::VERIFIED)
    }

    pub(super) fn oplogs(&self, out: &mut dyn Write) -> Shown {
        let participants = self.participants()?;
        if self.json {
            let oplogs: Vec<_> = participants.iter().map(Participant::json).collect();
            let schema = "vitra-watch/oplogs/1";
            print_json(&json!({ "schema": schema, "version": self.version, "oplogs": oplogs }), out)?;
            return Ok(exit::VERIFIED);
        }
        if participants.is_empty() {
            writeln!(out, "no oplogs")?;
        }
        for participant in participants {
            writeln!(out, "{}", participant.text())?;
        }
        Ok(exit::VERIFIED)
    }
}

/// The end of the keys below `prefix`, which ends with the separator.
fn with_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    if let Some(last) = end.last_mut() {
        *last = AFTER;
    }
    end
}

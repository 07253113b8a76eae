//! `inspect history`: every block of the index, in order, one at a time.

use std::io::Write;

use serde_json::json;

use super::{Look, Shown, value_json, value_text};
use crate::cli::{Failure, escape, escape_json, exit};
use crate::database::ack::{self, to_hex};
use crate::database::path::{self, Place};
use crate::database::{Ack, Value, decode};
use crate::hyperbee::{Entry, is_header};
use crate::hypercore::hash::blake2b;

/// Name and version of one line of JSON.
const SCHEMA: &str = "vitra-watch/history/1";

impl Look<'_> {
    pub(super) fn history(&self, out: &mut dyn Write) -> Shown {
        for seq in 0..self.version {
            let Some(block) = self.blocks.block(seq) else {
                // Lengths are whatever somebody signed: from here on there may be nothing but gaps.
                let why = format!("block {seq} of the index is not here; the history stops before it");
                return Err(Failure::new(exit::INCOMPLETE, why));
            };
            if seq == 0 && is_header(&block) {
                if self.json {
                    line(&json!({ "schema": SCHEMA, "seq": seq, "type": "header" }), out)?;
                } else {
                    writeln!(out, "{seq:>8}  header")?;
                }
                continue;
            }
            match Entry::decode(seq, block) {
                Ok(entry) if self.json => line(&shown_json(&entry), out)?,
                Ok(entry) => writeln!(out, "{seq:>8}  {}", shown_text(&entry))?,
                Err(why) if self.json => {
                    let why = why.to_string();
                    line(&json!({ "schema": SCHEMA, "seq": seq, "type": "malformed", "why": why }), out)?;
                }
                Err(why) => writeln!(out, "{seq:>8}  malformed: {why}")?,
            }
        }
        Ok(exit::VERIFIED)
    }
}

fn line(value: &serde_json::Value, out: &mut dyn Write) -> Result<(), Failure> {
    Ok(writeln!(out, "{}", escape_json(&value.to_string()))?)
}

fn shown_json(entry: &Entry) -> serde_json::Value {
    let place = match Place::of(entry.key()) {
        Place::Source => "source",
        Place::Input(_) => "input",
        Place::Ack => "ack",
        Place::System => "system",
        Place::Data => "data",
    };
    let path = path::display(entry.key());
    if entry.is_delete() {
        json!({ "schema": SCHEMA, "seq": entry.seq(), "type": "del", "place": place, "path": path })
    } else {
        let value = value_json(entry.value());
        json!({ "schema": SCHEMA, "seq": entry.seq(), "type": "put", "place": place, "path": path, "value": value })
    }
}

pub(in super::super) fn shown_text(entry: &Entry) -> String {
    let path = escape(&path::display(entry.key()));
    if entry.is_delete() {
        return format!("del  {path}");
    }
    let value = entry.value().and_then(|value| decode(value).ok()).map(|decoded| decoded.value);
    let special = match (Place::of(entry.key()), &value) {
        (Place::Ack, Some(value)) => {
            Ack::parse(value).ok().filter(|ack| *ack.key() == *entry.key()).map(|ack| ack_text(&ack))
        }
        (Place::Source, Some(Value::Str(source))) => Some(source_text(source)),
        (Place::Input(name), Some(value)) => ack::parse_input(name, value).map(|active| {
            let state = if active { "active" } else { "inactive" };
            format!("input  {} {state}", escape(&String::from_utf8_lossy(name)))
        }),
        _ => None,
    };
    special.unwrap_or_else(|| format!("put  {path} = {}", value_text(entry.value())))
}

fn ack_text(ack: &Ack) -> String {
    let outcome = match (&ack.error, ack.success) {
        (None, true) => "succeeded".to_owned(),
        (None, false) => "failed".to_owned(),
        (Some(error), true) => format!("succeeded, with the error {}", quoted(error)),
        (Some(error), false) => format!("failed: {}", quoted(error)),
    };
    let changes = if ack.num_changes == 1 { "1 change".to_owned() } else { format!("{} changes", ack.num_changes) };
    format!("ack  operation {} of {} {outcome}, {changes}", ack.seq, ack.origin)
}

/// Quoted, so that where it ends can be seen.
fn quoted(text: &str) -> String {
    escape(&serde_json::Value::from(text).to_string())
}

fn source_text(source: &str) -> String {
    let digest = to_hex(&blake2b(&[source.as_bytes()]));
    format!("source  {} ({} bytes)", digest.get(..16).unwrap_or_default(), source.len())
}

//! `inspect get`, `list`, `source` and `methods`: the state as readers of one version get it.

use std::io::Write;
use std::rc::Rc;

use serde_json::json;

use super::{Look, Shown, print_json, value_json, value_text};
use crate::cli::{Failure, escape, exit};
use crate::database::ack::to_hex;
use crate::database::{DecodeError, Value, decode, path};
use crate::escape::escape_lines;
use crate::hyperbee::list::{ListOptions, shallow};
use crate::hyperbee::{Entry, ListError, View};
use crate::hypercore::hash::blake2b;
use crate::replay::scan::scan;

/// Most entries of one listing.
const MOST_LISTED: usize = 2_000_000;

/// A contract source as published.
pub(super) struct Source {
    /// The block that holds it.
    pub seq: u64,
    pub text: Box<str>,
    /// BLAKE2b-256, in hex.
    pub digest: String,
}

impl Look<'_> {
    fn read(&self, key: &[u8]) -> Result<Option<Rc<Entry>>, Failure> {
        self.tree().get(key).map_err(|error| self.unreadable(error))
    }

    pub(super) fn get(&self, path: &str, out: &mut dyn Write) -> Shown {
        let found = self.read(&path::key(path))?;
        if self.json {
            let entry = found.map(|entry| json!({ "seq": entry.seq(), "value": value_json(entry.value()) }));
            let schema = "vitra-watch/get/1";
            print_json(&json!({ "schema": schema, "version": self.version, "path": path, "entry": entry }), out)?;
        } else {
            match found {
                Some(entry) => writeln!(out, "{}", value_text(entry.value()))?,
                None => writeln!(out, "nothing at {}", escape(path))?,
            }
        }
        Ok(exit::VERIFIED)
    }

    pub(super) fn list(&self, prefix: &str, out: &mut dyn Write) -> Shown {
        let segments: Vec<&str> = prefix.split('/').filter(|segment| !segment.is_empty()).collect();
        let decodes = |value: &[u8]| !matches!(decode(value), Err(DecodeError::Malformed { .. }));
        let listed = shallow(&self.tree(), &segments, ListOptions::default(), MOST_LISTED, decodes);
        let listed = listed.map_err(|error| match error {
            ListError::Tree(error) => self.unreadable(error),
            error => Failure::new(exit::MALFORMED, format!("{} cannot be listed: {error}", escape(prefix))),
        })?;
        if self.json {
            let entries = listed.into_iter().map(|item| {
                let entry = item.entry.map(|entry| json!({ "seq": entry.seq(), "value": value_json(entry.value()) }));
                json!({ "path": item.path, "name": item.name, "container": item.container, "entry": entry })
            });
            let entries: Vec<_> = entries.collect();
            let schema = "vitra-watch/list/1";
            print_json(&json!({ "schema": schema, "version": self.version, "path": prefix, "entries": entries }), out)?;
            return Ok(exit::VERIFIED);
        }
        if listed.is_empty() {
            writeln!(out, "nothing below {}", escape(prefix))?;
        }
        for item in listed {
            let slash = if item.container { "/" } else { "" };
            let value = item.entry.map_or_else(String::new, |entry| format!(" = {}", value_text(entry.value())));
            writeln!(out, "{}{slash}{value}", escape(&item.path))?;
        }
        Ok(exit::VERIFIED)
    }

    /// The contract source in force; `None` before the genesis.
    pub(super) fn contract(&self) -> Result<Option<Source>, Failure> {
        let Some(entry) = self.read(path::SOURCE)? else { return Ok(None) };
        let Some(Ok(Value::Str(text))) = entry.value().map(|value| decode(value).map(|decoded| decoded.value)) else {
            let message = format!("the contract source in block {} is no string", entry.seq());
            return Err(Failure::new(exit::MALFORMED, message));
        };
        let digest = to_hex(&blake2b(&[text.as_bytes()]));
        Ok(Some(Source { seq: entry.seq(), text, digest }))
    }

    pub(super) fn source(&self, out: &mut dyn Write) -> Shown {
        let source = self.contract()?;
        if self.json {
            let (schema, source) = (
                "vitra-watch/source/1",
                source.map(|source| json!({ "seq": source.seq, "digest": source.digest, "source": source.text })),
            );
            print_json(&json!({ "schema": schema, "version": self.version, "contract": source }), out)?;
            return Ok(exit::VERIFIED);
        }
        match source {
            Some(source) => {
                let end = if source.text.ends_with('\n') { "" } else { "\n" };
                write!(out, "{}{end}", escape_lines(&source.text))?;
            }
            None => writeln!(out, "no contract yet")?,
        }
        Ok(exit::VERIFIED)
    }

    pub(super) fn methods(&self, out: &mut dyn Write) -> Shown {
        let source = self.contract()?;
        let scanned = source.map(|source| scan(&source.text));
        if let Some(error) = scanned.as_ref().and_then(|scan| scan.syntax_error.as_ref()) {
            let message = format!("the contract does not compile: {} at offset {}", error.message, error.offset);
            return Err(Failure::new(exit::MALFORMED, message));
        }
        // What executors and the runtime call; everything else is a participant's to call.
        let own = |name: &String| !matches!(&**name, "apply" | "process");
        let methods = scanned.map(|scan| scan.exports.into_iter().filter(own).collect::<Vec<String>>());
        if self.json {
            let schema = "vitra-watch/methods/1";
            print_json(&json!({ "schema": schema, "version": self.version, "methods": methods }), out)?;
            return Ok(exit::VERIFIED);
        }
        match methods {
            Some(methods) if methods.is_empty() => writeln!(out, "the contract exports no methods")?,
            Some(methods) => {
                for method in methods {
                    writeln!(out, "{}", escape(&method))?;
                }
            }
            None => writeln!(out, "no contract yet")?,
        }
        Ok(exit::VERIFIED)
    }
}

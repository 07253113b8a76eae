//! The reference runtimes: the software that executors run, asked what one operation comes to.
//!
//! This module knows the conversation, not the processes. A question goes to each runtime as one line of JSON: the contract's
//! source, the bytes of the operation, the ack. A runtime that reads the index asks for the bytes of an entry, again in a line; in the
//! end it says the changes, as the bytes that the executor would write (`docs/runtimes.md`). Every line from a runtime is
//! hostile: a contract may have taken it over.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::engine::{AckView, Change, ListRequest, Outcome, ReadError, State};
use crate::database::{Value, decode, encode, path};

/// Most reads of the index that one operation may make of a runtime.
const MAX_READS: u64 = 1 << 20;

/// Processes that answer questions.
pub trait References {
    /// What each one is, as findings and proofs name it.
    fn names(&self) -> &[String];

    /// Gives lines to some of them, by number, and waits for one line of each. `None`: there is no answer, and the process is
    /// no more; the next line starts another one. An empty line ends a process.
    fn exchange(&self, lines: Vec<(usize, String)>) -> Vec<(usize, Option<String>)>;
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The contract's source as published.
    pub source: &'a str,
    /// The key of the index in hex.
    pub index: &'a str,
    /// The block of the oplog.
    pub operation: &'a [u8],
    /// The ack.
    pub ack: &'a AckView<'a>,
}

/// What a runtime said.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The operation's outcome there: a success, a failure, or the end of the guest.
    Outcome {
        /// What it is.
        outcome: Outcome,
        /// The same for equal outcomes of two runtimes.
        result: String,
        /// Reads waited beside one another, so that their answers might have come in another order.
        concurrent: bool,
    },
    /// It gives no result: why not.
    None(String),
}

/// A line from a runtime.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Get(String),
    List(String),
    Done(Done),
    Hangs(String),
    #[serde(untagged)]
    Unloaded {
        unloaded: String,
        text: String,
    },
}

/// What an operation came to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Done {
    outcome: Ending,
    concurrent: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Ending {
    Changes(Vec<Shown>),
    Failed(String),
    Dies(bool),
    Undecodable(String),
}

/// A change that the executor would write.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    path: String,
    put: bool,
    value: Option<String>,
    system: bool,
}

/// Asks all runtimes, and gives the reply of each, in their order.
///
/// # Errors
/// The number of a block that is not here.
pub fn ask(references: &dyn References, question: &Question<'_>, state: &dyn State) -> Result<Vec<Reply>, u64> {
    let all: Vec<usize> = (0..references.names().len()).collect();
    ask_some(references, &all, question, state)
}

/// Asks one runtime, by its number.
///
/// # Errors
/// As [`ask`].
pub fn ask_one(
    references: &dyn References,
    at: usize,
    question: &Question<'_>,
    state: &dyn State,
) -> Result<Reply, u64> {
    let replies = ask_some(references, &[at], question, state)?;
    Ok(replies.into_iter().nth(at).unwrap_or_else(|| Reply::None("there is no such runtime".to_owned())))
}

fn ask_some(
    references: &dyn References,
    which: &[usize],
    question: &Question<'_>,
    state: &dyn State,
) -> Result<Vec<Reply>, u64> {
    let count = references.names().len();
    let opening = question.line();
    let mut replies: Vec<Reply> = vec![Reply::None("it was not asked".to_owned()); count];
    let mut lines: Vec<(usize, String)> = which.iter().map(|at| (*at, opening.clone())).collect();
    let mut reads = 0_u64;
    while !lines.is_empty() {
        let mut stop = Vec::new();
        for (at, line) in references.exchange(std::mem::take(&mut lines)) {
            let said = line.as_deref().map(serde_json::from_str::<Line>);
            let (reply, alive) = match said {
                None => (Reply::None("it gave no answer".to_owned()), true),
                Some(Err(_)) => (Reply::None("it said what cannot be read".to_owned()), false),
                Some(Ok(line)) => match answer(line, state) {
                    Ok(Turn::Read(line)) if reads < MAX_READS => {
                        reads = reads.saturating_add(1);
                        lines.push((at, line));
                        continue;
                    }
                    Ok(Turn::Read(_)) => (Reply::None("it reads the index without end".to_owned()), false),
                    Ok(Turn::Reply(reply, alive)) => (reply, alive),
                    Err(seq) => {
                        // Whoever waits for an answer is asked nothing new.
                        references.exchange((0..count).map(|at| (at, String::new())).collect());
                        return Err(seq);
                    }
                },
            };
            if !alive {
                stop.push((at, String::new()));
            }
            if let Some(slot) = replies.get_mut(at) {
                *slot = reply;
            }
        }
        if !stop.is_empty() {
            references.exchange(stop);
        }
    }
    Ok(replies)
}

enum Turn {
    /// The answer to a read.
    Read(String),
    /// The end, and whether the process can be asked again.
    Reply(Reply, bool),
}

impl Question<'_> {
    fn line(&self) -> String {
        let metadata = match self.ack.metadata {
            Value::Undefined => Json::Null,
            value => Json::String(BASE64.encode(encode(value))),
        };
        let ack = json!({ "origin": self.ack.origin, "seq": self.ack.seq, "ts": self.ack.ts, "metadata": metadata });
        let op = BASE64.encode(self.operation);
        json!({ "apply": { "source": self.source, "pubkey": self.index, "op": op, "ack": ack } }).to_string()
    }
}

fn answer(line: Line, state: &dyn State) -> Result<Turn, u64> {
    let none = |why: String, alive| Ok(Turn::Reply(Reply::None(why), alive));
    let odd = || none("it said what cannot be read".to_owned(), false);
    match line {
        Line::Get(key) => {
            let Ok(key) = BASE64.decode(key) else { return odd() };
            match state.entry(&key) {
                Ok(None) => Ok(Turn::Read(json!({ "entry": null }).to_string())),
                Ok(Some(entry)) => {
                    let value = entry.value().map(|value| BASE64.encode(value));
                    Ok(Turn::Read(json!({ "entry": { "seq": entry.seq(), "value": value } }).to_string()))
                }
                Err(error) => unreadable(error),
            }
        }
        Line::List(prefix) => {
            let prefix = BASE64.decode(prefix).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let Some(prefix) = prefix else { return odd() };
            let request = ListRequest { prefix: prefix.into(), reverse: false, offset: 0, limit: 0 };
            match state.listed(&request) {
                Ok(listed) => Ok(Turn::Read(listing(&listed))),
                Err(error) => unreadable(error),
            }
        }
        Line::Done(Done { outcome, concurrent }) => Ok(ending(outcome, concurrent)),
        Line::Hangs(why) => none(format!("it never ends: {why}"), false),
        Line::Unloaded { unloaded, text } => {
            none(format!("the contract cannot be loaded there ({unloaded}): {text}"), true)
        }
    }
}

/// The reply that an operation's end is.
fn ending(ending: Ending, concurrent: bool) -> Turn {
    let none = |why: String, alive| Turn::Reply(Reply::None(why), alive);
    let failed =
        |outcome, alive| Turn::Reply(Reply::Outcome { outcome, result: FAILURE.to_owned(), concurrent }, alive);
    match ending {
        Ending::Changes(shown) => match changes(&shown) {
            Some((changes, result)) => {
                let outcome = Outcome::Success { changes, actions: shown.len() as u64 };
                Turn::Reply(Reply::Outcome { outcome, result, concurrent }, true)
            }
            None => none("it writes what cannot be decoded".to_owned(), true),
        },
        // A limit of the guest's memory is no opinion of what the operation comes to, and ends that guest.
        Ending::Failed(text) if text.contains("Isolate") => none(format!("its guest ended: {text}"), false),
        Ending::Failed(text) => failed(Outcome::Failure { text: text.into(), own: true }, true),
        Ending::Dies(true) => failed(Outcome::Dies, false),
        Ending::Dies(false) => none("it said what cannot be read".to_owned(), false),
        Ending::Undecodable(why) => failed(Outcome::Failure { text: why.into(), own: false }, true),
    }
}

/// Failures are alike: nothing of them is published but a text, which is never compared.
const FAILURE: &str = "a failure";

fn unreadable(error: ReadError) -> Result<Turn, u64> {
    match error {
        ReadError::Missing(seq) => Err(seq),
        ReadError::Unreadable(why) => {
            Ok(Turn::Reply(Reply::None(format!("the published state cannot be read: {why}")), false))
        }
        ReadError::NeverEnds => Ok(Turn::Reply(Reply::None("a listing never ends".to_owned()), false)),
    }
}

fn listing(listed: &[crate::hyperbee::list::Listed]) -> String {
    let entries: Vec<Json> = listed
        .iter()
        .map(|item| {
            let mut shown = json!({ "container": item.container, "name": item.name, "path": item.path });
            if let (Some(entry), Some(shown)) = (&item.entry, shown.as_object_mut()) {
                shown.insert("seq".to_owned(), json!(entry.seq()));
                shown.insert("value".to_owned(), json!(entry.value().map(|value| BASE64.encode(value))));
            }
            shown
        })
        .collect();
    json!({ "entries": entries }).to_string()
}

/// The changes as ours, and a text that is the same for equal ones.
fn changes(shown: &[Shown]) -> Option<(Vec<Change>, String)> {
    let mut result = String::new();
    let mut all = Vec::with_capacity(shown.len());
    for one in shown {
        let path = String::from_utf8(BASE64.decode(&one.path).ok()?).ok()?;
        let bytes = one.value.as_deref().map(|value| BASE64.decode(value)).transpose().ok()?;
        let key = path::key(&path);
        let put = match (&bytes, one.put) {
            (_, false) => None,
            (None, true) => Some(Value::Null),
            (Some(bytes), true) => {
                let decoded = decode(bytes).ok()?;
                // Where versions read these bytes differently, only the bytes themselves are equal.
                let text = if decoded.peculiar { format!("{bytes:?}") } else { String::new() };
                let _ = write!(result, "{text}");
                Some(decoded.value)
            }
        };
        let _ = writeln!(result, "{key:?} {put:?}");
        let bypass = !one.system && !matches!(path::Place::of(&key), path::Place::Data);
        all.push(Change { path: path.into(), key, put, bytes: bytes.map(Into::into), bypass });
    }
    Some((all, result))
}

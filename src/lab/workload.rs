//! Workloads: what participants do, in a small language of JSON (`docs/lab.md`).
//!
//! ```json
//! { "first": [{ "by": 0, "call": "claim", "args": {} }],
//!   "then": [{ "weight": 3, "call": "set", "args": { "key": { "$name": ["k", 1000] }, "value": { "$int": [0, 9] } } },
//!            { "weight": 1, "op": { "op": "SET" } }] }
//! ```
//!
//! `first` happens once, in order; then items of `then` at random, by weight. Random parts are objects with one key:
//! `$int`, `$name`, `$one`, `$text`, `$key`, `$source`. All randomness comes from the seed.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::random::Random;
use crate::database::Value;
use crate::database::json::from_json;

/// Templates nest no deeper than this.
const MAX_DEPTH: usize = 32;

macro_rules! example {
    ($name:literal) => {
        Example {
            name: $name,
            source: include_str!(concat!("../../examples/contracts/", $name, ".js")),
            workload: include_str!(concat!("../../examples/contracts/", $name, ".workload.json")),
        }
    };
}

/// Contracts with their workloads that the program brings along.
pub const EXAMPLES: [Example; 5] =
    [example!("counter"), example!("kv"), example!("registry"), example!("members"), example!("forum")];

/// A contract with its workload.
#[derive(Clone, Copy)]
pub struct Example {
    /// Its name: that of the files in `examples/contracts`.
    pub name: &'static str,
    /// The contract's source.
    pub source: &'static str,
    /// The workload, as JSON.
    pub workload: &'static str,
}

/// Sources that workloads of the examples name.
const SOURCES: [(&str, &str); 1] = [("registry-2.js", include_str!("../../examples/contracts/registry-2.js"))];

/// Why a workload cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// It is not JSON of the right form.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Something in it has no meaning.
    #[error("{0}")]
    Meaning(String),
}

/// What a participant does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Calls a method of the contract, which emits operations.
    Call {
        /// The method.
        method: String,
        /// Its argument.
        args: Value,
    },
    /// Publishes this operation.
    Op(Value),
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub struct Action {
    /// The participant.
    pub who: usize,
    /// What it does.
    pub act: Act,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    first: Vec<Item>,
    #[serde(default)]
    then: Vec<Item>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    #[serde(default = "one")]
    weight: u64,
    by: Option<Json>,
    call: Option<String>,
    #[serde(default)]
    args: Json,
    op: Option<Json>,
    #[serde(default)]
    once: bool,
}

fn one() -> u64 {
    1
}

/// A workload, going on.
#[derive(Clone, Debug)]
pub struct Workload {
    first: Vec<Rc<Item>>,
    /// With their weights: 0 for what happens once and has happened.
    then: Vec<(u64, Rc<Item>)>,
    sources: BTreeMap<String, String>,
    keys: Vec<String>,
    participants: usize,
    random: Random,
    done: usize,
}

impl Workload {
    /// Reads a workload. `source` answers `$source` with a contract that the workload names; `keys` are the oplogs' keys in
    /// hex, of which the first `participants` are inputs from the beginning.
    ///
    /// # Errors
    /// [`WorkloadError`], before anything has happened.
    pub fn new(
        text: &str,
        mut source: impl FnMut(&str) -> Option<String>,
        keys: Vec<String>,
        participants: usize,
        seed: u64,
    ) -> Result<Self, WorkloadError> {
        let form: Form = serde_json::from_str(text)?;
        let meaning = |text: &str| Err(WorkloadError::Meaning(text.to_owned()));
        if form.then.iter().fold(0_u64, |sum, item| sum.saturating_add(item.weight)) == 0 {
            return meaning("`then` has nothing that could happen");
        }
        let mut sources = BTreeMap::new();
        for item in form.first.iter().chain(&form.then) {
            if item.call.is_some() == item.op.is_some() {
                return meaning("an item has either `call` or `op`");
            }
            for name in named_sources(&item.args).into_iter().chain(item.op.iter().flat_map(named_sources)) {
                match source(&name) {
                    Some(text) => sources.insert(name, text),
                    None => return meaning(&format!("`$source` names {name}, which is not there")),
                };
            }
        }
        let first = form.first.into_iter().map(Rc::new).collect();
        let then = form.then.into_iter().map(|item| (item.weight, Rc::new(item))).collect();
        let workload = Self { first, then, sources, keys, participants, random: Random::new(seed), done: 0 };
        // Everything once, on a copy: what has no meaning is found before the first block is written.
        let mut trial = workload.clone();
        for item in workload.first.iter().chain(workload.then.iter().map(|(_, item)| item)) {
            trial.action(item)?;
        }
        Ok(workload)
    }

    /// Whether what happens next is one of the things that happen once, in order.
    pub fn prepares(&self) -> bool {
        self.done < self.first.len()
    }

    /// What happens next.
    ///
    /// # Errors
    /// Only for templates that mean nothing for some of the random choices.
    pub fn act(&mut self) -> Result<Action, WorkloadError> {
        let at = self.done;
        self.done = self.done.saturating_add(1);
        if let Some(item) = self.first.get(at).map(Rc::clone) {
            return self.action(&item);
        }
        let total = self.then.iter().fold(0_u64, |sum, (weight, _)| sum.saturating_add(*weight));
        let mut choice = self.random.below(total);
        let chosen = self.then.iter_mut().find(|(weight, _)| match choice.checked_sub(*weight) {
            Some(rest) => {
                choice = rest;
                false
            }
            None => true,
        });
        let Some((weight, item)) = chosen else {
            return Err(WorkloadError::Meaning("nothing can happen any more".to_owned()));
        };
        if item.once {
            *weight = 0;
        }
        let item = Rc::clone(item);
        self.action(&item)
    }

    fn action(&mut self, item: &Item) -> Result<Action, WorkloadError> {
        let who = match &item.by {
            None => self.random.below(self.participants as u64) as usize,
            Some(by) => match self.filled(by, 0)? {
                Json::Number(n) => n.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX),
                _ => usize::MAX,
            },
        };
        // Workloads are written for several participants and run with fewer, too.
        let who = if self.keys.is_empty() { 0 } else { who % self.keys.len() };
        let value = |filled: &Json| from_json(filled).map_err(|error| WorkloadError::Meaning(error.to_string()));
        let act = match (&item.call, &item.op) {
            (Some(method), _) => Act::Call { method: method.clone(), args: value(&self.filled(&item.args, 0)?)? },
            (None, op) => Act::Op(value(&self.filled(op.as_ref().unwrap_or(&Json::Null), 0)?)?),
        };
        Ok(Action { who, act })
    }

    /// A template with its random parts filled in.
    fn filled(&mut self, template: &Json, depth: usize) -> Result<Json, WorkloadError> {
        if depth > MAX_DEPTH {
            return Err(WorkloadError::Meaning("a template nested too deep".to_owned()));
        }
        let deeper = depth.saturating_add(1);
        Ok(match template {
            Json::Array(items) => {
                Json::Array(items.iter().map(|item| self.filled(item, deeper)).collect::<Result<_, _>>()?)
            }
            Json::Object(pairs) => match only(pairs) {
                Some((key, inner)) if key.starts_with('$') => match self.random_part(key, inner, deeper)? {
                    Some(value) => value,
                    None => template.clone(),
                },
                _ => {
                    let pair = |(key, item): (&String, &Json)| Ok((key.clone(), self.filled(item, deeper)?));
                    Json::Object(pairs.iter().map(pair).collect::<Result<_, WorkloadError>>()?)
                }
            },
            plain => plain.clone(),
        })
    }

    fn random_part(&mut self, key: &str, inner: &Json, depth: usize) -> Result<Option<Json>, WorkloadError> {
        let wrong = || WorkloadError::Meaning(format!("{key} cannot be {inner}"));
        let list = inner.as_array().map(Vec::as_slice);
        Ok(Some(match (key, list) {
            ("$int", Some([low, high])) => {
                let (low, high) = low.as_i64().zip(high.as_i64()).ok_or_else(wrong)?;
                let count = high.checked_sub(low).and_then(|n| u64::try_from(n).ok()).ok_or_else(wrong)?;
                Json::from(low.saturating_add_unsigned(self.random.below(count.saturating_add(1))))
            }
            ("$name", Some([prefix, count])) => {
                let (prefix, count) = prefix.as_str().zip(count.as_u64()).ok_or_else(wrong)?;
                Json::from(format!("{prefix}{}", self.random.below(count)))
            }
            ("$one", Some([_, ..])) => {
                let one = list.and_then(|all| self.random.pick(all));
                self.filled(one.unwrap_or(&Json::Null), depth)?
            }
            ("$text", None) => {
                let most = inner.as_u64().filter(|most| *most <= 1 << 20).ok_or_else(wrong)?;
                let count = self.random.below(most.saturating_add(1));
                Json::from((0..count).filter_map(|_| self.letter()).collect::<String>())
            }
            ("$key", _) => {
                let number = self.filled(inner, depth)?.as_u64().ok_or_else(wrong)?;
                let at = usize::try_from(number).unwrap_or_default() % self.keys.len().max(1);
                Json::from(self.keys.get(at).cloned().unwrap_or_default())
            }
            ("$source", None) => {
                Json::from(inner.as_str().and_then(|name| self.sources.get(name)).cloned().ok_or_else(wrong)?)
            }
            _ => return Ok(None),
        }))
    }

    fn letter(&mut self) -> Option<char> {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz     ABCDEF0123456789.,-";
        const OTHERS: [char; 6] = ['\u{e4}', '\u{df}', '\u{3b1}', '\u{4e2d}', '\u{1f600}', '"'];
        if self.random.once_in(20) {
            return self.random.pick(&OTHERS).copied();
        }
        self.random.pick(LETTERS).map(|&letter| char::from(letter))
    }
}

impl std::fmt::Debug for Example {
    /// Its name alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Example {
    /// The example of this name.
    pub fn named(name: &str) -> Option<Example> {
        EXAMPLES.into_iter().find(|example| example.name == name)
    }

    /// Its workload.
    ///
    /// # Errors
    /// Never for those that the program brings along; a test reads them all.
    pub fn workload(&self, keys: Vec<String>, participants: usize, seed: u64) -> Result<Workload, WorkloadError> {
        Workload::new(self.workload, known_source, keys, participants, seed)
    }
}

/// A source that the examples' workloads name.
pub fn known_source(name: &str) -> Option<String> {
    SOURCES.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
}

fn only(pairs: &Map<String, Json>) -> Option<(&String, &Json)> {
    pairs.iter().next().filter(|_| pairs.len() == 1)
}

/// What `$source` names in a template.
fn named_sources(template: &Json) -> Vec<String> {
    match template {
        Json::Array(items) => items.iter().flat_map(named_sources).collect(),
        Json::Object(pairs) => match only(pairs) {
            Some((key, Json::String(name))) if key == "$source" => vec![name.clone()],
            _ => pairs.values().flat_map(named_sources).collect(),
        },
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("{n:064x}")).collect()
    }

    #[test]
    fn the_examples_are_readable_and_the_same_for_a_seed() {
        for example in EXAMPLES {
            let run = |seed| {
                let mut workload = example.workload(keys(3), 2, seed).unwrap();
                (0..100).map(|_| format!("{:?}", workload.act().unwrap())).collect::<Vec<_>>()
            };
            assert_eq!(run(1), run(1), "{}", example.name);
            assert_ne!(run(1), run(2), "{}", example.name);
        }
    }

    #[test]
    fn what_has_no_meaning_is_said_before_anything_happens() {
        for text in [
            "",
            "{}",
            r#"{"then": [{"weight": 0, "op": 1}]}"#,
            r#"{"then": [{}]}"#,
            r#"{"then": [{"op": 1, "call": "x"}]}"#,
            r#"{"then": [{"op": 1, "colour": 1}]}"#,
            r#"{"then": [{"op": {"$int": [5, 1]}}]}"#,
            r#"{"then": [{"op": {"$nothing": 1}}]}"#,
            r#"{"then": [{"op": {"$source": "absent.js"}}]}"#,
        ] {
            assert!(Workload::new(text, |_| None, keys(1), 1, 1).is_err(), "{text}");
        }
    }
}

//! Findings and verdicts: the vocabulary of the rulebook (`docs/verdicts.md`).

use serde::{Deserialize, Serialize};

use crate::database::{Value, ack, path};
use crate::hypercore::hash::blake2b;

/// Version of the rulebook that the identities of findings name.
pub const RULEBOOK: u64 = 1;

/// What sort of statement a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Somebody broke a rule.
    Violation,
    /// The contract is at fault, not a person.
    ContractDefect,
    /// It could not be decided.
    Unverifiable,
    /// Data is not here (yet).
    Missing,
    /// Worth a reader's eye.
    Notice,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal $class:ident,)*) => {
        /// The kind of a finding, in the order of the rulebook's tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Kind] = &[$(Kind::$name,)*];

            /// The name that output, metrics and documents use.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }

            /// The kind of this name.
            pub fn named(name: &str) -> Option<Kind> {
                match name { $($text => Some(Kind::$name),)* _ => None }
            }

            /// The class that findings of this kind have.
            pub fn class(self) -> Class {
                match self { $(Kind::$name => Class::$class,)* }
            }
        }
    };
}

kinds! {
    /// The log does not begin as a Vitra index must.
    BadGenesis = "bad-genesis" Violation,
    /// A block that is no entry.
    MalformedEntry = "malformed-entry" Violation,
    /// An entry at an ack path that is no well-typed ack.
    AckMalformed = "ack-malformed" Violation,
    /// An ack stored at another operation's path.
    AckPathMismatch = "ack-path-mismatch" Violation,
    /// An ack for a log that is no active input.
    NonParticipant = "non-participant" Violation,
    /// An operation acked again.
    OpRepeated = "op-repeated" Violation,
    /// An operation left out.
    OpSkipped = "op-skipped" Violation,
    /// The ack says failed, the contract succeeds.
    FalseFailure = "false-failure" Violation,
    /// The ack says success, the contract throws.
    FalseSuccess = "false-success" Violation,
    /// A published change differs from the contract's.
    WrongChange = "wrong-change" Violation,
    /// An entry that the contract did not make, within the announced number.
    ExtraChange = "extra-change" Violation,
    /// A change of the contract that was not published.
    MissingChange = "missing-change" Violation,
    /// An entry that no operation announced.
    UnpromptedWrite = "unprompted-write" Violation,
    /// `numChanges` is not the number of actions.
    ChangeCountMismatch = "change-count-mismatch" Violation,
    /// Metadata without a `process` that could have made it.
    MetadataInvented = "metadata-invented" Violation,
    /// The B-tree in the blocks is not the one that follows from the history.
    IndexTampered = "index-tampered" Violation,
    /// A signed head with a fork counter above 0.
    Truncation = "truncation" Violation,
    /// Two signed heads, neither a prefix of the other.
    Equivocation = "equivocation" Violation,
    /// The contract does not compile, or its module code fails.
    ContractDoesNotCompile = "contract-does-not-compile" ContractDefect,
    /// The contract source is empty.
    EmptyContract = "empty-contract" ContractDefect,
    /// The outcome depends on clock, chance or the executor's own oplog.
    NondeterministicContract = "nondeterministic-contract" ContractDefect,
    /// The outcome depends on what functions left in the module's state.
    StatefulContract = "stateful-contract" ContractDefect,
    /// The replay used up a budget.
    BudgetExhausted = "budget-exhausted" ContractDefect,
    /// The operation never ends.
    NeverSettles = "never-settles" ContractDefect,
    /// A contract wrote below `.sys` past the runtime's guard.
    ProtectedPathWrite = "protected-path-write" ContractDefect,
    /// The engines that executors run differ in what the operation touched.
    EngineSpecific = "engine-specific" Unverifiable,
    /// Our engine's result was not published, and nothing shows that an executor's engine makes the same.
    EngineUnconfirmed = "engine-unconfirmed" Unverifiable,
    /// Bytes that cannot be decoded, acked as a success.
    UndecodableOp = "undecodable-op" Unverifiable,
    /// The outcome depends on limits in which engines differ.
    NearLimit = "near-limit" Unverifiable,
    /// The ack records a dying runtime.
    RuntimeFault = "runtime-fault" Unverifiable,
    /// The order rests on collation that engines disagree about.
    OrderInconclusive = "order-inconclusive" Unverifiable,
    /// Numbering of an input that was removed and added again.
    ReaddRace = "readd-race" Unverifiable,
    /// Only a rewritten history of the oplog is held.
    OpRewritten = "op-rewritten" Unverifiable,
    /// A rule was broken in a log whose head names nobody who did it.
    Unattributed = "unattributed" Unverifiable,
    /// The published state that a check needs cannot be read.
    StateUnreadable = "state-unreadable" Unverifiable,
    /// An operation beyond every head of its oplog that is held.
    OpUnavailable = "op-unavailable" Missing,
    /// A block that nobody has given us.
    BlockUnavailable = "block-unavailable" Missing,
    /// The log has no genesis yet.
    NoGenesisYet = "no-genesis-yet" Missing,
    /// Changes in another order than the root locale's.
    ChangeOrderDiffers = "change-order-differs" Notice,
    /// Another error text than the contract's.
    ErrorTextDiffers = "error-text-differs" Notice,
    /// Fields that an ack does not have.
    AckExtraFields = "ack-extra-fields" Notice,
    /// An ack older than the one before it.
    TimestampBackwards = "timestamp-backwards" Notice,
    /// Several transactions in one batch.
    TransactionsShareABatch = "transactions-share-a-batch" Notice,
    /// One transaction in several batches.
    TransactionSplitOverAppends = "transaction-split-over-appends" Notice,
    /// A tree of another shape with the right content.
    NonCanonicalTree = "non-canonical-tree" Notice,
    /// An operation that cannot be decoded, acked as failed.
    MalformedOp = "malformed-op" Notice,
    /// A reference runtime makes what was published, and our engine something else.
    EngineDifference = "engine-difference" Notice,
}

impl Kind {
    /// Did the check use an operation's bytes, so that the oplog's owner may be the liar as well?
    pub fn by_replay(self) -> bool {
        matches!(
            self,
            Self::FalseFailure
                | Self::FalseSuccess
                | Self::WrongChange
                | Self::ExtraChange
                | Self::MissingChange
                | Self::ChangeCountMismatch
        )
    }

    /// Is it about signed heads rather than blocks?
    pub fn by_heads(self) -> bool {
        matches!(self, Self::Truncation | Self::Equivocation)
    }
}

/// Somebody who can be accused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "kebab-case")]
pub enum Accused {
    /// The executor; alone, or it or the owner of the operation's oplog.
    Executor {
        /// The owner, where one of the two lied.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        or: Option<Box<Accused>>,
    },
    /// The owner of an oplog.
    Participant {
        /// The oplog's key in hex.
        key: String,
        /// More oplogs, where it may be the owner of any: a list, not a chain, for readers of JSON limit its depth.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<String>,
    },
}

impl Accused {
    /// The executor alone.
    pub const EXECUTOR: Accused = Accused::Executor { or: None };

    /// The owner of an oplog (key in hex).
    pub fn owner(key: impl Into<String>) -> Accused {
        Accused::Participant { key: key.into(), others: Vec::new() }
    }

    /// The executor, or one of the owners of these oplogs; the last one, which is the operation's own, is told first.
    pub fn executor_or<'a>(keys: impl IntoIterator<Item = &'a str>) -> Accused {
        let mut others: Vec<String> = Vec::new();
        for key in keys {
            if !others.iter().any(|known| known == key) {
                others.push(key.into());
            }
        }
        others.reverse();
        let or = (!others.is_empty()).then(|| Box::new(Accused::Participant { key: others.remove(0), others }));
        Accused::Executor { or }
    }

    /// The oplogs whose owners are among the accused.
    pub fn owners(&self) -> Vec<&str> {
        match self {
            Accused::Executor { or: Some(owner) } => owner.owners(),
            Accused::Executor { or: None } => Vec::new(),
            Accused::Participant { key, others } => std::iter::once(key).chain(others).map(String::as_str).collect(),
        }
    }
}

/// An operation: a place in an oplog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Operation {
    /// The oplog's key in hex.
    pub origin: String,
    /// The block.
    pub seq: u64,
}

impl Operation {
    /// Operation `seq` of the oplog `origin`.
    pub fn new(origin: impl Into<String>, seq: u64) -> Self {
        Self { origin: origin.into(), seq }
    }
}

/// Why the replay's result is known to be that of the executor's engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// Contract and operation stay inside what every engine does alike.
    Plain,
    /// These reference runtimes were asked, and make the same.
    Runtimes(Vec<String>),
}

/// One change as findings show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownChange {
    /// `put` or `del`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path.
    pub path: String,
    /// The value, in the JSON form of `docs/json.md`; absent for a delete.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
}

/// A value that is there, even if it is null.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<serde_json::Value>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

impl ShownChange {
    /// Shows an index entry.
    pub fn new(key: &[u8], put: Option<&Value>) -> Self {
        let kind = if put.is_some() { "put" } else { "del" };
        Self { kind: kind.into(), path: path::display(key), value: put.map(shown_value) }
    }
}

/// Something else that is wrong in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Also {
    /// What.
    pub kind: Kind,
    /// Where in the index.
    pub seq: u64,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Identity: a hash over rulebook, database, kind, log, fork and subject; the same wherever it is found.
    pub id: String,
    /// The class.
    pub class: Class,
    /// The kind.
    pub kind: Kind,
    /// Who did it, for violations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accused: Option<Accused>,
    /// The log of the block `seq`, in hex.
    pub log: String,
    /// The block; null where the finding is about a head.
    pub seq: Option<u64>,
    /// What else is wrong in that transaction.
    pub also: Vec<Also>,
    /// The oplog of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Its place there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op_seq: Option<u64>,
    /// Other operations that it rests on: with other bytes they may have written what was taken for the executor's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests_on: Vec<Operation>,
    /// What the contract makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ShownChange>,
    /// What was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<ShownChange>,
    /// For violations that a replay shows: why its result is the executor's engine's, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<Support>,
    /// For `nondeterministic-contract`: do other clocks explain the mismatch (`yes`, `no`, `unknown`)?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained: Option<String>,
    /// The transaction went unjudged because of this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unjudged: bool,
    /// A sentence for people.
    pub message: String,
}

impl Finding {
    /// A finding about block `seq` of the log `log` (hex) of the database `database` (hex).
    pub fn new(database: &str, kind: Kind, log: &str, seq: Option<u64>, message: impl Into<String>) -> Self {
        let subject = seq.map_or_else(String::new, |seq| seq.to_string());
        Self {
            id: identity(database, kind, log, 0, &subject),
            class: kind.class(),
            kind,
            accused: None,
            log: log.to_owned(),
            seq,
            also: Vec::new(),
            origin: None,
            op_seq: None,
            rests_on: Vec::new(),
            expected: None,
            published: None,
            support: None,
            explained: None,
            unjudged: false,
            message: message.into(),
        }
    }

    /// Accuses the executor, or one of the owners of the oplogs whose operations these are; the last one is the finding's own.
    pub fn accuse_executor_or(&mut self, operations: &[Operation]) {
        if self.class != Class::Violation {
            return;
        }
        self.accused = Some(Accused::executor_or(operations.iter().map(|operation| operation.origin.as_str())));
        let mut others: Vec<Operation> = operations.to_vec();
        others.sort();
        others.dedup();
        others.retain(|op| (self.origin.as_deref(), self.op_seq) != (Some(&op.origin), Some(op.seq)));
        self.rests_on = others;
    }

    /// Whether it rests on an operation of this oplog that may have been another one: two histories of the log differ
    /// within the first `within` blocks; where that is `None`, nobody knows from where on.
    pub fn may_differ(&self, log: &str, within: Option<u64>) -> bool {
        let owners = self.accused.as_ref().map(Accused::owners).unwrap_or_default();
        let own = self.op_seq.filter(|_| self.origin.as_deref() == Some(log));
        let others = self.rests_on.iter().filter(|operation| operation.origin == log).map(|operation| operation.seq);
        let reached = |seq: u64| within.is_none_or(|within| within <= seq.saturating_add(1));
        owners.contains(&log) && own.into_iter().chain(others).any(reached)
    }
}

/// The identity of a finding.
pub fn identity(database: &str, kind: Kind, log: &str, fork: u64, subject: &str) -> String {
    let text = format!("vitra-watch/finding\n{RULEBOOK}\n{database}\n{}\n{log}\n{fork}\n{subject}\n", kind.name());
    ack::to_hex(&blake2b(&[text.as_bytes()]))
}

/// What an audit says of a database; the worst finding wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// At least one violation.
    Violated,
    /// Some transaction could not be judged.
    Unverifiable,
    /// Data is missing.
    Incomplete,
    /// Everything follows the contract.
    Verified,
}

impl Verdict {
    /// The verdict that findings add up to.
    pub fn of(findings: &[Finding]) -> Self {
        let any = |test: fn(&Finding) -> bool| findings.iter().any(test);
        if any(|f| f.class == Class::Violation) {
            Self::Violated
        } else if any(|f| f.class == Class::Unverifiable || f.unjudged) {
            Self::Unverifiable
        } else if any(|f| f.class == Class::Missing) {
            Self::Incomplete
        } else {
            Self::Verified
        }
    }

    /// The name that output uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Violated => "violated",
            Self::Unverifiable => "unverifiable",
            Self::Incomplete => "incomplete",
            Self::Verified => "verified",
        }
    }
}

/// Longest text and most items of a value that a finding shows; what is cut is said.
const SHOWN_TEXT: usize = 1_000;
const SHOWN_ITEMS: usize = 50;
const SHOWN_DEPTH: usize = 8;

/// A value in the JSON form of `docs/json.md`: JSON where JSON can say it, `{"$…": …}` where it cannot.
pub fn shown_value(value: &Value) -> serde_json::Value {
    shown_at(value, 0)
}

fn shown_at(value: &Value, depth: usize) -> serde_json::Value {
    use serde_json::{Value as Json, json};
    match value {
        Value::Undefined => json!({ "$undefined": true }),
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Num(n) if n.is_finite() => shown_number(*n),
        Value::Num(n) => {
            json!({ "$number": if n.is_nan() { "NaN" } else if *n > 0.0 { "Infinity" } else { "-Infinity" } })
        }
        Value::BigInt(n) => json!({ "$bigint": n.to_string() }),
        Value::Str(text) => shown_text(text),
        Value::Bytes(bytes) => {
            let shown = ack::to_hex(bytes.get(..SHOWN_TEXT / 2).unwrap_or(bytes));
            if bytes.len() > SHOWN_TEXT / 2 {
                json!({ "$bytes": shown, "length": bytes.len() })
            } else {
                json!({ "$bytes": shown })
            }
        }
        Value::Date(ms) if ms.is_finite() => json!({ "$date": shown_number(*ms) }),
        Value::Date(_) => json!({ "$date": null }),
        Value::Array(_) | Value::Object(_) if depth >= SHOWN_DEPTH => json!({ "$cut": "nested deeper" }),
        Value::Array(items) => {
            let mut shown: Vec<Json> = items.iter().take(SHOWN_ITEMS).map(|v| shown_at(v, depth + 1)).collect();
            if items.len() > SHOWN_ITEMS {
                shown.push(json!({ "$cut": "more items", "length": items.len() }));
            }
            Json::Array(shown)
        }
        // Keys that would look like our own forms, or that have to be cut: as pairs.
        Value::Object(pairs) if pairs.iter().take(SHOWN_ITEMS).any(|(key, _)| is_odd_key(key)) => {
            let pair = |(key, value): &(Box<str>, Value)| json!([shown_text(key), shown_at(value, depth + 1)]);
            let shown: Vec<Json> = pairs.iter().take(SHOWN_ITEMS).map(pair).collect();
            if pairs.len() > SHOWN_ITEMS {
                json!({ "$object": shown, "length": pairs.len() })
            } else {
                json!({ "$object": shown })
            }
        }
        Value::Object(pairs) => {
            let shown = pairs.iter().take(SHOWN_ITEMS);
            let mut shown: serde_json::Map<String, Json> =
                shown.map(|(key, value)| (key.to_string(), shown_at(value, depth + 1))).collect();
            if pairs.len() > SHOWN_ITEMS {
                shown.insert("$cut".into(), json!("more keys"));
                shown.insert("$length".into(), json!(pairs.len()));
            }
            Json::Object(shown)
        }
    }
}

/// A finite number, whole ones without a point.
fn shown_number(n: f64) -> serde_json::Value {
    if n.fract() == 0.0 && n.abs() < 9e15 { (n as i64).into() } else { n.into() }
}

fn shown_text(text: &str) -> serde_json::Value {
    use serde_json::json;
    match text.char_indices().nth(SHOWN_TEXT) {
        Some((cut, _)) => json!({ "$cut": text.get(..cut), "length": text.len() }),
        None if text.starts_with('$') => json!({ "$text": text }),
        None => json!(text),
    }
}

fn is_odd_key(key: &str) -> bool {
    key.starts_with('$') || key.len() > SHOWN_TEXT
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_two_values_are_shown_alike() {
        let object = |key: &str, value| Value::object(vec![(key.into(), value)]);
        let odd = [
            (Value::Undefined, json!({ "$undefined": true })),
            (object("$undefined", Value::Bool(true)), json!({ "$object": [[{ "$text": "$undefined" }, true]] })),
            (Value::BigInt(5), json!({ "$bigint": "5" })),
            (object("$bigint", Value::str("5")), json!({ "$object": [[{ "$text": "$bigint" }, "5"]] })),
            (object("a", Value::BigInt(-5)), json!({ "a": { "$bigint": "-5" } })),
            (Value::str("$cut"), json!({ "$text": "$cut" })),
            (Value::Bytes([1, 255].into()), json!({ "$bytes": "01ff" })),
            (Value::Date(1.5e12), json!({ "$date": 1_500_000_000_000_i64 })),
            (Value::Date(f64::NAN), json!({ "$date": null })),
            (Value::Num(f64::NEG_INFINITY), json!({ "$number": "-Infinity" })),
            (Value::Num(f64::INFINITY), json!({ "$number": "Infinity" })),
            (Value::Num(f64::NAN), json!({ "$number": "NaN" })),
            (Value::Num(1e300), json!(1e300)),
            (Value::Num(3.0), json!(3)),
        ];
        for (value, shown) in odd {
            assert_eq!(shown_value(&value), shown);
        }
    }

    #[test]
    fn a_put_of_null_stays_one_on_its_way() {
        for change in [ShownChange::new(b"a", Some(&Value::Null)), ShownChange::new(b"a", None)] {
            let text = serde_json::to_string(&change).unwrap();
            assert_eq!(serde_json::from_str::<ShownChange>(&text).unwrap(), change, "{text}");
        }
        // The worker's report is JSON on its way to whoever prints it: no digit may change.
        for n in [0.1 + 0.2, 5e-324, 1.797_693_134_862_315_7e308, 122.416_294_033_786_58, 9_007_199_254_740_993.0] {
            let change = ShownChange::new(b"a", Some(&Value::Num(n)));
            let text = serde_json::to_string(&change).unwrap();
            assert_eq!(serde_json::from_str::<ShownChange>(&text).unwrap(), change, "{text}");
        }
    }

    #[test]
    fn what_is_cut_is_said() {
        let long = "k".repeat(SHOWN_TEXT + 1);
        let cut = json!({ "$cut": &long[1..], "length": SHOWN_TEXT + 1 });
        assert_eq!(shown_value(&Value::str(long.as_str())), cut);
        let two = vec![(format!("{long}a").into(), Value::Null), (format!("{long}b").into(), Value::Null)];
        assert_eq!(shown_value(&Value::object(two))["$object"].as_array().map(Vec::len), Some(2));
        let many = Value::Array(vec![Value::Null; SHOWN_ITEMS + 1]);
        assert_eq!(shown_value(&many)[SHOWN_ITEMS], json!({ "$cut": "more items", "length": SHOWN_ITEMS + 1 }));
        let many = Value::object((0..SHOWN_ITEMS + 1).map(|i| (format!("k{i}").into(), Value::Null)).collect());
        assert_eq!(shown_value(&many)["$length"], json!(SHOWN_ITEMS + 1));
        let deep = (0..100).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        assert!(shown_value(&deep).to_string().contains("nested deeper"));
    }
}

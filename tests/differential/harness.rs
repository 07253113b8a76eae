//! One program in our engine, and its answer in the form of the oracle's.

#![allow(dead_code)] // each test file uses its part

use serde_json::{Value as Json, json};
use vitra_watch::database::{Value, decode, path};
use vitra_watch::hyperbee::list::{ListOptions, shallow};
use vitra_watch::hyperbee::{Batch, Block, Cache, Tree, View};
use vitra_watch::replay::engine::{
    AckView, Applied, Budget, Delivery, Dialect, ListEntry, ListRequest, LoadError, Outcome, ReadError, Realm, State,
    Surroundings,
};
use vitra_watch::replay::scan::scan;

#[derive(Clone, Debug, Default)]
pub struct Program {
    pub name: String,
    pub source: String,
    pub op: Option<Json>,
    pub op_hex: Option<String>,
    pub ack: Json,
    pub state: Json,
    pub taints: bool,
}

pub fn from_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => Value::num(n.as_f64().unwrap()),
        Json::String(text) => Value::str(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(from_json).collect()),
        Json::Object(pairs) => {
            Value::object(pairs.iter().map(|(key, value)| (key.as_str().into(), from_json(value))).collect())
        }
    }
}

/// The tagged JSON of `tests/oracle/lib/tagged.js`.
pub fn tagged(value: &Value) -> Json {
    match value {
        Value::Undefined => json!({ "t": "undefined" }),
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Num(n) if n.is_nan() => json!({ "t": "num", "v": "NaN" }),
        Value::Num(n) if n.is_infinite() => json!({ "t": "num", "v": if *n > 0.0 { "Infinity" } else { "-Infinity" } }),
        Value::Num(n) => json!(n),
        Value::BigInt(n) => json!({ "t": "bigint", "v": n.to_string() }),
        Value::Str(text) => json!(text),
        Value::Bytes(bytes) => json!({ "t": "bytes", "v": vitra_watch::database::ack::to_hex(bytes) }),
        Value::Date(ms) if ms.is_nan() => json!({ "t": "date", "v": "NaN" }),
        Value::Date(ms) => json!({ "t": "date", "v": ms }),
        Value::Array(items) => json!({ "t": "array", "v": items.iter().map(tagged).collect::<Vec<_>>() }),
        Value::Object(pairs) => {
            json!({ "t": "object", "v": pairs.iter().map(|(k, v)| json!([k, tagged(v)])).collect::<Vec<_>>() })
        }
    }
}

/// Numbers as floats, so that 1 and 1.0 are the same; object keys in any order; top-level undefined is null.
pub fn normal(value: &Json) -> Json {
    match value {
        Json::Number(n) => json!(n.as_f64()),
        Json::Array(items) => Json::Array(items.iter().map(normal).collect()),
        Json::Object(pairs) => match (pairs.get("t").and_then(Json::as_str), pairs.get("v")) {
            (Some("num"), Some(Json::String(text))) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
                json!(text.parse::<f64>().unwrap())
            }
            (Some("date"), Some(Json::Null)) => json!({ "t": "date", "v": "NaN" }),
            (Some("object"), Some(Json::Array(entries))) => {
                let mut entries: Vec<Json> = entries.iter().map(normal).collect();
                entries.sort_by_key(|entry| entry[0].to_string());
                json!({ "t": "object", "v": entries })
            }
            _ => Json::Object(pairs.iter().map(|(key, value)| (key.clone(), normal(value))).collect()),
        },
        other => other.clone(),
    }
}

/// State in a real tree; the values are places in a table.
pub struct Fixed {
    blocks: Vec<Block>,
    values: Vec<Value>,
}

impl Fixed {
    fn new(state: &Json) -> Self {
        let mut blocks: Vec<Block> = vec![b"\x0a\x08hyperbee"[..].into()];
        let mut values = Vec::new();
        for (place, value) in state.as_object().into_iter().flatten() {
            let cache = Cache::default();
            let mut batch = Batch::new(&blocks, &cache, blocks.len() as u64);
            batch.put(&path::key(place), Some(&[values.len() as u8])).unwrap();
            let written = batch.finish().unwrap();
            blocks.extend(written.into_iter().map(Block::from));
            values.push(from_json(value));
        }
        Self { blocks, values }
    }

    fn value(&self, bytes: Option<&[u8]>) -> Value {
        bytes.map_or(Value::Null, |bytes| self.values[usize::from(bytes[0])].clone())
    }
}

impl State for Fixed {
    fn get(&self, key: &[u8]) -> Result<Option<(u64, Value)>, ReadError> {
        let cache = Cache::default();
        let tree = Tree::new(&self.blocks, &cache, self.blocks.len() as u64);
        Ok(tree.get(key).unwrap().map(|entry| (entry.seq(), self.value(entry.value()))))
    }

    fn list(&self, request: &ListRequest) -> Result<Vec<ListEntry>, ReadError> {
        let cache = Cache::default();
        let tree = Tree::new(&self.blocks, &cache, self.blocks.len() as u64);
        let prefix: Vec<&str> = request.prefix.split('/').filter(|segment| !segment.is_empty()).collect();
        let options =
            ListOptions { reverse: request.reverse, offset: request.offset as usize, limit: request.limit as usize };
        let listed = shallow(&tree, &prefix, options, 10_000, |_| true).map_err(|_| ReadError::NeverEnds)?;
        let entry = |item: vitra_watch::hyperbee::Listed| ListEntry {
            container: item.container,
            name: item.name,
            path: item.path,
            entry: item.entry.map(|entry| (entry.seq(), self.value(entry.value()))),
        };
        Ok(listed.into_iter().map(entry).collect())
    }
}

/// An answer in the form of the oracle, and whether our engine warns that others may answer differently.
pub struct Answer {
    pub json: Json,
    pub tainted: bool,
}

pub fn run(program: &Program, around: Surroundings) -> Answer {
    run_within(program, around, Budget { ticks: 3_000, ..Budget::default() })
}

/// As [`run`], with a budget of its own.
pub fn run_within(program: &Program, around: Surroundings, budget: Budget) -> Answer {
    let scanned = scan(&program.source);
    if let Some(error) = &scanned.syntax_error {
        return Answer {
            json: json!({ "ok": false, "error": format!("!compile: {}", error.message) }),
            tainted: false,
        };
    }
    let flagged = !scanned.engine_specific.is_empty();
    let op = match &program.op_hex {
        Some(hex) => {
            let bytes: Vec<u8> =
                (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
            match decode(&bytes) {
                Ok(decoded) => (decoded.value, decoded.peculiar),
                Err(_) => return Answer { json: json!({ "error": "!undecodable" }), tainted: true },
            }
        }
        None => (program.op.as_ref().map_or_else(|| from_json(&json!({ "op": "RUN" })), from_json), false),
    };
    let state = Fixed::new(&program.state);
    let metadata = program.ack.get("metadata").map_or(Value::Undefined, from_json);
    let origin = program.ack.get("origin").and_then(Json::as_str).map_or("ab".repeat(32), str::to_owned);
    let ack = AckView {
        origin: &origin,
        seq: program.ack.get("seq").and_then(Json::as_u64).unwrap_or(0),
        ts: program.ack.get("ts").and_then(Json::as_f64).unwrap_or(1_700_000_000_123.0),
        metadata: &metadata,
    };
    let pubkey = "cd".repeat(32);
    let realm = Realm::load(&scanned.rewritten, &pubkey, budget, around, &state);
    let (json, tainted) = match realm {
        Err(LoadError::Syntax(why)) => (json!({ "error": format!("!compile: {why}") }), false),
        Err(error) => (json!({ "error": format!("!evaluate: {error:?}") }), false),
        Ok(mut realm) => {
            let applied = realm.apply(&op.0, &ack, around, &state);
            let tainted = !applied.taint.is_clean() || applied.taint.dialect || applied.near_limit;
            (answer(&applied), tainted)
        }
    };
    Answer { json, tainted: tainted || flagged || op.1 }
}

pub fn answer(applied: &Applied) -> Json {
    match &applied.outcome {
        Outcome::Success { changes, actions } => {
            let shown = changes.iter().map(|change| match &change.put {
                Some(value) => json!(["put", change.path, tagged(value)]),
                None => json!(["del", change.path, { "t": "undefined" }]),
            });
            json!({ "ok": true, "changes": shown.collect::<Vec<_>>(), "count": actions })
        }
        Outcome::Failure { text, own } => json!({ "ok": false, "error": text, "own": own, "changes": [], "count": 0 }),
        Outcome::Dies => json!({ "ok": false, "error": "!died", "changes": [], "count": 0 }),
        Outcome::NeverSettles => json!({ "ok": false, "error": "!hang", "changes": [], "count": 0 }),
        other => json!({ "ok": false, "error": format!("!{other:?}"), "changes": [], "count": 0 }),
    }
}

/// Do the two agree on everything that an index would show, and on the error's text where it is the contract's own?
pub fn agree(ours: &Json, theirs: &Json) -> bool {
    if ours["ok"] == json!(true) || theirs["ok"] == json!(true) {
        return ours["ok"] == theirs["ok"]
            && normal(&ours["changes"]) == normal(&theirs["changes"])
            && normal(&ours["count"]) == normal(&theirs["count"]);
    }
    let (ours_text, theirs_text) = (ours["error"].as_str().unwrap_or(""), theirs["error"].as_str().unwrap_or(""));
    let kind = |text: &str| text.strip_prefix('!').map(|text| text.split(':').next().unwrap_or("").to_owned());
    match (kind(ours_text), kind(theirs_text)) {
        (None, None) => ours["own"] != json!(true) || ours_text == theirs_text,
        (ours, theirs) => ours == theirs,
    }
}

pub const AROUND: Surroundings = Surroundings {
    clock: 1_700_000_000_000.0,
    seed: 0xefef_efef_efef_efef,
    writer: true,
    locale: 0,
    dialect: Dialect::Old,
    delivery: Delivery::Asked,
};

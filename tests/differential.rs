//! The contract engine against real ones: the runtime of Vitra's time (V8 8.6), and a newer V8.
//!
//! The answers of the real engines are kept in `tests/differential/expected`; `tests/oracle.rs` makes them again. A program
//! on which our engine does not give the answer of V8 8.6 must raise a taint, or stand in the list of
//! `docs/engine-differences.txt` with the reason. Where two versions of V8 differ, our engine must raise a taint too: it
//! cannot know which one an executor ran.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use vitra_watch::database::{Value, decode, path};
use vitra_watch::hyperbee::list::{ListOptions, shallow};
use vitra_watch::hyperbee::{Batch, Block, Cache, Tree, View};
use vitra_watch::replay::engine::{
    AckView, Applied, Budget, Delivery, Dialect, ListEntry, ListRequest, LoadError, Outcome, ReadError, Realm, State,
    Surroundings, locale, on_big_stack,
};
use vitra_watch::replay::scan::scan;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential")
}

#[derive(Clone, Debug, Default)]
struct Program {
    name: String,
    source: String,
    op: Option<Json>,
    op_hex: Option<String>,
    ack: Json,
    state: Json,
    taints: bool,
}

/// Reads the programs of one file; the format is in `tests/differential/programs/README.md`.
fn programs_of(file: &Path, body: bool) -> Vec<Program> {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let mut programs: Vec<Program> = Vec::new();
    let mut heading = false;
    for line in std::fs::read_to_string(file).unwrap().lines() {
        if let Some(name) = line.strip_prefix("// name: ") {
            programs.push(Program { name: format!("{stem}/{}", name.trim()), ..Program::default() });
            heading = true;
            continue;
        }
        let Some(program) = programs.last_mut() else { continue };
        let directive = line.strip_prefix("// ").and_then(|line| line.split_once(": "));
        match directive.filter(|_| heading) {
            Some(("op", text)) => program.op = Some(serde_json::from_str(text).unwrap()),
            Some(("op-hex", text)) => program.op_hex = Some(text.trim().to_owned()),
            Some(("ack", text)) => program.ack = serde_json::from_str(text).unwrap(),
            Some(("state", text)) => program.state = serde_json::from_str(text).unwrap(),
            Some(("taints", _)) => program.taints = true,
            Some(("runtime-only", _)) => {}
            _ => {
                heading = false;
                program.source.push_str(line);
                program.source.push('\n');
            }
        }
    }
    for program in &mut programs {
        program.source = program.source.trim().to_owned();
        if body {
            program.source = format!(
                "export const apply = {{ async RUN (tx, op, ack) {{ tx.put('/out', await (async () => {{\n{}\n}})()) }} }}",
                program.source
            );
        }
    }
    programs
}

fn programs() -> Vec<Program> {
    let mut all = Vec::new();
    for (dir, body) in [("bodies", true), ("contracts", false)] {
        let Ok(entries) = folder().join("programs").join(dir).read_dir() else { continue };
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        all.extend(files.iter().flat_map(|file| programs_of(file, body)));
    }
    let probe = folder().join("programs/probe");
    let source = std::fs::read_to_string(probe.join("contract.js")).unwrap();
    let ops: Vec<Json> = serde_json::from_slice(&std::fs::read(probe.join("ops.json")).unwrap()).unwrap();
    for case in ops {
        all.push(Program {
            name: format!("probe/{}", case["name"].as_str().unwrap()),
            source: source.clone(),
            op: case.get("op").cloned(),
            op_hex: case.get("opHex").and_then(Json::as_str).map(str::to_owned),
            state: case.get("state").cloned().unwrap_or_default(),
            taints: case.get("taints").is_some(),
            ..Program::default()
        });
    }
    all
}

fn from_json(value: &Json) -> Value {
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
fn tagged(value: &Value) -> Json {
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
fn normal(value: &Json) -> Json {
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
struct Fixed {
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
struct Answer {
    json: Json,
    tainted: bool,
}

fn run(program: &Program, around: Surroundings) -> Answer {
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
    let budget = Budget { ticks: 3_000, ..Budget::default() };
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

fn answer(applied: &Applied) -> Json {
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
fn agree(ours: &Json, theirs: &Json) -> bool {
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

fn expected(file: &str) -> BTreeMap<String, Json> {
    let text = std::fs::read_to_string(folder().join("expected").join(file)).unwrap();
    // Some answers are nested 500 deep and more.
    let lines = text.lines().map(|line| {
        let mut reader = serde_json::Deserializer::from_str(line);
        reader.disable_recursion_limit();
        <Json as serde::Deserialize>::deserialize(&mut reader).unwrap()
    });
    lines.map(|line| (line["name"].as_str().unwrap().to_owned(), line)).collect()
}

/// Names and reasons of the differences that are neither made equal nor tainted.
fn listed() -> BTreeMap<String, String> {
    let text = include_str!("../docs/engine-differences.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split_once(": ").unwrap()).map(|(name, why)| (name.to_owned(), why.to_owned())).collect()
}

const AROUND: Surroundings = Surroundings {
    clock: 1_700_000_000_000.0,
    seed: 0xefef_efef_efef_efef,
    writer: true,
    locale: 0,
    dialect: Dialect::Old,
    delivery: Delivery::Asked,
};

#[test]
fn every_difference_is_equal_tainted_or_listed() {
    let (old, newer, listed) = (expected("v8-8.6.jsonl"), expected("node20.jsonl"), listed());
    let programs = programs();
    let report = on_big_stack(&Budget::default(), || {
        let mut wrong = Vec::new();
        let mut unused: Vec<&String> = listed.keys().collect();
        let (mut equal, mut tainted, mut known) = (0, 0, 0);
        for program in &programs {
            let Some(theirs) = old.get(&program.name) else {
                // Answers that vary from run to run are not kept; we must say that they do.
                if program.taints && run(program, AROUND).tainted {
                    tainted += 1;
                } else {
                    wrong.push(format!("{}: no recorded answer and no taint", program.name));
                }
                continue;
            };
            let ours = run(program, AROUND);
            let same = agree(&ours.json, theirs);
            let stable = newer.get(&program.name).is_none_or(|newer| {
                newer["ok"] == theirs["ok"] && normal(&newer["changes"]) == normal(&theirs["changes"])
            });
            // A reader instead of a writer, another locale: runs that the audit makes before it accuses anybody.
            let varies = || {
                let others = (1..locale::COUNT).map(|locale| Surroundings { locale, ..AROUND });
                let reader = Surroundings { writer: false, ..AROUND };
                others.chain([reader]).any(|around| run(program, around).json != ours.json)
            };
            if same && stable {
                equal += 1;
            } else if ours.tainted || varies() {
                tainted += 1;
            } else if listed.contains_key(&program.name) {
                known += 1;
                unused.retain(|name| *name != &program.name);
            } else {
                wrong.push(format!(
                    "{} (same {same}, stable {stable})\n  ours   {}\n  theirs {theirs}",
                    program.name, ours.json
                ));
            }
        }
        wrong.extend(unused.iter().map(|name| format!("{name}: listed as a difference, but there is none")));
        (wrong, equal, tainted, known)
    });
    let (wrong, equal, tainted, known) = report.unwrap();
    println!("{} programs: {equal} equal, {tainted} tainted, {known} listed", programs.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), programs.len(), wrong.join("\n"));
    assert!(equal > tainted, "most programs should need no taint");
}

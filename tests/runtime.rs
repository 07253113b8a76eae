//! The example contracts in the real runtime: for every operation of a random history it says what the lab did.
//!
//! Compared are the outcome, the text of an error, what `process()` answers, and the changes: order, type, key and value,
//! the order of keys in objects included. The runtime has a state of its own and follows new sources, so one difference would lead to others.
//!
//! `VITRA_WATCH_OPERATIONS=10000` runs so many operations of each contract, and `VITRA_WATCH_SEED=5` others.

#[path = "common/node.rs"]
mod node;

use node::{Node, Project, successful};
use serde_json::{Value as Json, json};
use vitra_watch::database::ack::to_hex;
use vitra_watch::database::path::SOURCE;
use vitra_watch::database::{Ack, decode, encode};
use vitra_watch::hyperbee::{Blocks, Entry};
use vitra_watch::lab::draft::{What, Write};
use vitra_watch::lab::workload::EXAMPLES;
use vitra_watch::lab::{Beginning, Course, Example, Lab, Memory, Oddities, Random};
use vitra_watch::replay::engine::{Budget, on_big_stack};

static ORACLE: Project = Project::new("oracle");

/// Operations of a history: after many, all names of some workloads are taken.
const HISTORIES: std::ops::Range<u64> = 200..1_500;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// A history: a line for the beginning and one for each operation, and what the runtime should say of each.
struct Told {
    lines: Vec<Json>,
    expected: Vec<Json>,
    failed: usize,
    changes: usize,
    sources: usize,
}

fn tell(example: Example, seed: u64, operations: u64) -> Told {
    let mut random = Random::new(seed);
    let beginning = Beginning { participants: 3, outsiders: 2, ..Beginning::new(example.source, seed) };
    let lab = Lab::in_memory(&beginning).unwrap();
    let keys = (0..lab.oplogs.len()).map(|who| lab.name(who).unwrap()).collect();
    let workload = example.workload(keys, beginning.participants, random.bits()).unwrap();
    let mut course = Course::new(lab, workload, Oddities::default(), None, random);
    course.calls = Some(Vec::new());
    // When all inputs are removed nothing happens any more, whatever participants do.
    for _ in 0..10 {
        let left = operations.saturating_sub(course.transactions);
        course.run(left).unwrap();
    }
    written(&course.lab, &beginning.source, course.calls.as_deref().unwrap())
}

fn written(lab: &Lab<Memory>, source: &str, calls: &[Vec<Write>]) -> Told {
    let genesis = (1..lab.index.store.heads()[1].length()).map(|seq| {
        let entry = Entry::decode(seq, lab.index.store.block(seq).unwrap()).unwrap();
        json!([to_hex(entry.key()), to_hex(entry.value().unwrap())])
    });
    let beginning =
        json!({"source": source, "pubkey": to_hex(lab.index.key()), "genesis": genesis.collect::<Vec<_>>()});
    let mut told = Told { lines: vec![beginning], expected: Vec::new(), failed: 0, changes: 0, sources: 0 };
    let processed = lab.contract().scan.exports_process;
    for call in calls {
        let (first, changes) = call.split_first().unwrap();
        let What::Put(bytes) = &first.what else { panic!("no ack") };
        let ack = Ack::parse(&decode(bytes).unwrap().value).unwrap();
        let oplog = lab.oplogs.iter().find(|log| to_hex(log.key()) == *ack.origin).unwrap();
        let op = oplog.store.block(ack.seq).unwrap();
        let metadata = (!ack.metadata.is_nullish()).then(|| to_hex(&encode(&ack.metadata)));
        told.lines.push(json!({
            "op": to_hex(&op), "origin": ack.origin, "seq": ack.seq, "ts": ack.ts, "metadata": metadata,
            "processed": processed, "ack": [to_hex(&first.key), to_hex(bytes)],
        }));
        let change = |write: &Write| match &write.what {
            What::Put(value) => json!(["put", to_hex(&write.key), to_hex(value)]),
            What::PutNull => json!(["put", to_hex(&write.key), null]),
            What::Delete => json!(["del", to_hex(&write.key)]),
        };
        let mut expected = json!({
            "ok": ack.success, "metadata": metadata, "changes": changes.iter().map(change).collect::<Vec<_>>(),
            "count": ack.num_changes,
        });
        if let Some(error) = &ack.error {
            expected["error"] = json!(error);
        }
        told.expected.push(expected);
        told.failed += usize::from(!ack.success);
        told.changes += changes.len();
        told.sources += changes.iter().filter(|write| write.key == SOURCE).count();
    }
    told.expected.push(json!({"length": lab.index.length()}));
    told
}

/// A line of the runtime's answers. Its msgpackr writes some numbers in more bytes than later ones (and the lab) do, so values
/// are encoded again.
fn answer(line: &str) -> Json {
    let mut answer: Json = serde_json::from_str(line).unwrap();
    let again = |value: &mut Json| {
        if let Some(hex) = value.as_str() {
            let bytes: Vec<u8> =
                (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
            *value = json!(to_hex(&encode(&decode(&bytes).unwrap().value)));
        }
    };
    answer.get_mut("metadata").map(again);
    let changes = answer.get_mut("changes").and_then(Json::as_array_mut);
    changes.into_iter().flatten().filter_map(|change| change.get_mut(2)).for_each(again);
    answer
}

/// Runs histories of a contract both ways.
fn compare(name: &str) {
    let (mut left, mut seed) = (number("VITRA_WATCH_OPERATIONS", 1_000), number("VITRA_WATCH_SEED", 0));
    let example = Example::named(name).unwrap();
    let (mut failed, mut changes, mut sources, mut operations) = (0, 0, 0, 0);
    let mut differences = Vec::new();
    while left > 0 {
        let mut random = Random::new(seed);
        let length = HISTORIES.start + random.below(HISTORIES.end - HISTORIES.start);
        let told = on_big_stack(&Budget::default(), || tell(example, random.bits(), left.min(length))).unwrap();
        let input = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<String> = told.lines.iter().map(Json::to_string).collect();
        std::fs::write(input.path(), lines.join("\n")).unwrap();
        let Some(output) = ORACLE.run(Node::Old, "run-history.js", &[input.path()]) else { return };
        let answers: Vec<Json> = successful(&output).lines().map(answer).collect();
        assert_eq!(answers.len(), told.expected.len());
        let pairs = answers.iter().zip(&told.expected).enumerate();
        differences.extend(pairs.filter(|(_, (answer, expected))| answer != expected).map(
            |(number, (answer, expected))| {
                format!("{name}, seed {seed}, operation {number}: the runtime says {answer}, the lab {expected}")
            },
        ));
        operations += told.lines.len() - 1;
        (failed, changes, sources) = (failed + told.failed, changes + told.changes, sources + told.sources);
        left = left.saturating_sub((told.lines.len() as u64 - 1).max(1));
        seed += 1;
    }
    println!("{name}: {operations} operations ({failed} failed), {changes} changes, {sources} new sources");
    assert!(name != "registry" || operations < 1_000 || sources > 0, "the contract never changed");
    let first = differences.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} differences\n{first}", differences.len());
}

macro_rules! contracts {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            compare(stringify!($name));
        })*

        #[test]
        fn no_example_is_left_out() {
            assert_eq!(EXAMPLES.map(|example| example.name), [$(stringify!($name)),*]);
        }
    };
}

contracts!(counter, kv, registry, members, forum);

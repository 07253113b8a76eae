//! What the lab writes is what Hypercore and Hyperbee in JavaScript write for the same calls and keys: blocks, tree hashes
//! and signatures, byte for byte.
//!
//! Logs by public key are written by Hypercore 10 and Hyperbee 1, logs by manifest by Hypercore 11 and Hyperbee 2.
//! `VITRA_WATCH_CASES` says how many databases (usually one for each contract and scheme), `VITRA_WATCH_SEED` which.

#[path = "common/node.rs"]
mod node;

use std::fmt::Write as _;

use node::{Node, Project, successful};
use serde_json::{Value as Json, json};
use vitra_watch::database::ack::to_hex;
use vitra_watch::hyperbee::Entry;
use vitra_watch::hypercore::hash::blake2b;
use vitra_watch::hypercore::{Key, SignedHead};
use vitra_watch::lab::draft::{What, Write};
use vitra_watch::lab::workload::EXAMPLES;
use vitra_watch::lab::{Beginning, Course, Example, KeyScheme, Lab, Log, Memory, Oddities, Owner, Random};
use vitra_watch::replay::engine::{Budget, on_big_stack};

static INTEROP: Project = Project::new("interop");

const SCHEMES: [KeyScheme; 2] = [KeyScheme::PublicKey, KeyScheme::Manifest];

/// A log as the lab wrote it, and how JavaScript is told to write it.
struct Case {
    name: String,
    told: Json,
    key: Key,
    blocks: Vec<String>,
    heads: Vec<Json>,
}

impl Case {
    fn new(name: String, (seed, number, scheme): (u64, u64, KeyScheme), bee: bool, steps: Vec<Json>) -> Self {
        let secret = blake2b(&[b"vitra-watch lab", &seed.to_le_bytes(), &number.to_le_bytes()]);
        let version = if scheme == KeyScheme::PublicKey { 10 } else { 11 };
        let told = json!({"seed": to_hex(&secret), "version": version, "bee": bee, "steps": steps});
        Case { name, told, key: Key::default(), blocks: Vec::new(), heads: Vec::new() }
    }

    fn wrote(self, log: &Log<Memory>, heads: &[SignedHead]) -> Self {
        let blocks = log.store.blocks().iter().map(|block| to_hex(block)).collect();
        let head =
            |head: &SignedHead| json!([head.length(), head.fork(), to_hex(head.tree_hash()), to_hex(head.signature())]);
        Case { key: *log.key(), blocks, heads: heads.iter().map(head).collect(), ..self }
    }

    /// What is different in what JavaScript wrote.
    fn difference(&self, other: &Json) -> Option<String> {
        if other["key"] != json!(to_hex(&self.key)) {
            return Some(format!("the key is {}", other["key"]));
        }
        let (blocks, heads) = (other["blocks"].as_array().unwrap(), other["heads"].as_array().unwrap());
        let block = self.blocks.iter().zip(blocks).position(|(own, other)| other != own);
        let head = self.heads.iter().zip(heads).position(|(own, other)| own != other);
        match (block, head) {
            (Some(seq), _) => Some(format!("block {seq}: {} and not {}", self.blocks[seq], blocks[seq])),
            (None, Some(at)) => Some(format!("head {at}: {} and not {}", self.heads[at], heads[at])),
            (None, None) => {
                let counts = |blocks: usize, heads: usize| format!("{blocks} blocks, {heads} heads");
                let (own, other) = (counts(self.blocks.len(), self.heads.len()), counts(blocks.len(), heads.len()));
                (own != other).then(|| format!("{own} and not {other}"))
            }
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// The index and the oplogs of a database that the lab makes.
fn database(seed: u64, example: Example, scheme: KeyScheme, actions: u64) -> Vec<Case> {
    let mut random = Random::new(seed);
    let beginning = Beginning {
        participants: 2 + random.below(2) as usize,
        outsiders: 2,
        scheme,
        ..Beginning::new(example.source, seed)
    };
    let lab = Lab::in_memory(&beginning).unwrap();
    let keys = (0..lab.oplogs.len()).map(|who| lab.name(who).unwrap()).collect();
    let workload = example.workload(keys, beginning.participants, random.bits()).unwrap();
    let mut course = Course::new(lab, workload, Oddities { manners: true, races: true }, None, random);
    course.calls = Some(Vec::new());
    course.run(actions).unwrap();
    let (lab, calls) = (course.lab, course.calls.unwrap());
    let genesis = lab.index.store.heads()[1].length();
    // Nothing but puts, and of nothing but values.
    let genesis = (1..genesis).map(|seq| {
        let entry = Entry::decode(seq, lab.index.store.blocks()[seq as usize].clone()).unwrap();
        json!([to_hex(entry.key()), to_hex(entry.value().unwrap())])
    });
    let entry = |write: &Write| match &write.what {
        What::Put(value) => json!([to_hex(&write.key), to_hex(value)]),
        What::PutNull => json!([to_hex(&write.key), null]),
        What::Delete => json!([to_hex(&write.key)]),
    };
    let mut steps = vec![Json::Array(genesis.collect())];
    steps.extend(calls.iter().map(|call| Json::Array(call.iter().map(entry).collect())));
    let name = |log: &str| format!("{} by {scheme:?}, seed {seed}: {log}", example.name);
    let mut cases =
        vec![Case::new(name("index"), (seed, 0, scheme), true, steps).wrote(&lab.index, lab.index.store.heads())];
    for (log, owner) in lab.oplogs.iter().zip(1..) {
        let mut from = 0;
        let steps = log.store.heads().iter().map(|head| {
            let blocks = &log.store.blocks()[from..head.length() as usize];
            from = head.length() as usize;
            Json::from(blocks.iter().map(|block| to_hex(block)).collect::<Vec<_>>())
        });
        let case = Case::new(name(&format!("oplog {owner}")), (seed, owner, scheme), false, steps.collect());
        cases.push(case.wrote(log, log.store.heads()));
    }
    cases
}

/// A log of random blocks that is cut now and then.
fn plain(seed: u64, scheme: KeyScheme) -> Case {
    let mut random = Random::new(seed);
    let mut log = Log::new(Owner::numbered(seed, 7, scheme), 0, Memory::default());
    let (mut steps, mut heads) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let length = log.length();
        if length > 1 && random.once_in(5) {
            let length = 1 + random.below(length - 1);
            log.cut(length, true).unwrap();
            steps.push(json!(length));
        } else {
            let mut block = || (0..random.below(300)).map(|_| random.bits() as u8).collect::<Vec<u8>>();
            let blocks: Vec<_> = (0..1 + length % 9).map(|_| block()).collect();
            log.append(&blocks).unwrap();
            steps.push(json!(blocks.iter().map(|block| to_hex(block)).collect::<Vec<_>>()));
        }
        heads.extend(log.store.heads().last().cloned());
    }
    let case = Case::new(format!("plain by {scheme:?}, seed {seed}"), (seed, 7, scheme), false, steps);
    case.wrote(&log, &heads)
}

fn compare(cases: &[Case]) {
    let directory = tempfile::tempdir().unwrap();
    let lines: Vec<String> = cases.iter().map(|case| case.told.to_string()).collect();
    std::fs::write(directory.path().join("logs"), lines.join("\n")).unwrap();
    let Some(output) = INTEROP.run(Node::Todays, "write.js", &[directory.path()]) else { return };
    let text = successful(&output);
    let written: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(written.len(), cases.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut all = String::new();
    for (case, other) in cases.iter().zip(&written) {
        if let Some(difference) = case.difference(other) {
            writeln!(all, "{}: {difference}", case.name).unwrap();
        }
    }
    assert!(all.is_empty(), "{all}");
    let sum = |count: fn(&Case) -> usize| cases.iter().map(count).sum::<usize>();
    let (blocks, heads) = (sum(|case| case.blocks.len()), sum(|case| case.heads.len()));
    println!("{} logs, {blocks} blocks and {heads} heads are the same", cases.len());
}

/// The histories have in them what matters.
fn assert_varied(logs: &[Case]) {
    let indexes = logs.iter().filter(|case| case.told["bee"] == true);
    let calls: Vec<&Vec<Json>> =
        indexes.flat_map(|case| case.told["steps"].as_array().unwrap()).map(|step| step.as_array().unwrap()).collect();
    let acks = |call: &[Json]| {
        let prefix = to_hex(vitra_watch::database::path::ACKS);
        call.iter().filter(|write| write[0].as_str().unwrap().starts_with(&prefix)).count()
    };
    assert!(calls.iter().any(|call| acks(call) == 0 && !call.is_empty()), "no transaction over two appends");
    assert!(calls.iter().any(|call| acks(call) == 2), "no two transactions in one batch");
    let writes = || calls.iter().flat_map(|call| call.iter());
    assert!(writes().any(|write| write.as_array().unwrap().len() == 1), "no delete");
    assert!(writes().any(|write| write.get(1).is_some_and(Json::is_null)), "no put of null");
}

#[test]
fn databases_are_those_of_javascript() {
    let usual = (EXAMPLES.len() * SCHEMES.len()) as u64;
    let (cases, seed) = (number("VITRA_WATCH_CASES", usual), number("VITRA_WATCH_SEED", 0));
    let make = |number: u64| {
        let at = number as usize;
        let (example, scheme) = (EXAMPLES[at % EXAMPLES.len()], SCHEMES[at / EXAMPLES.len() % SCHEMES.len()]);
        database(Random::new(seed + number).bits(), example, scheme, 250)
    };
    let logs: Vec<Case> = on_big_stack(&Budget::default(), || (0..cases).flat_map(make).collect()).unwrap();
    assert_varied(&logs);
    compare(&logs);
}

#[test]
fn cut_logs_are_those_of_javascript() {
    let seed = number("VITRA_WATCH_SEED", 0);
    let logs: Vec<Case> = SCHEMES.iter().flat_map(|scheme| (seed..seed + 4).map(|seed| plain(seed, *scheme))).collect();
    compare(&logs);
}

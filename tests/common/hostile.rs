//! Histories with an honest executor and hostile participants.
//!
//! The contract lets them do almost anything: write any path (below `/.sys` too, past the runtime's guard), admit and remove
//! logs, replace the contract. They publish bytes that are no operations, and some rewrite their own logs afterwards.

use vitra_watch::database::{Value, encode};
use vitra_watch::lab::{Beginning, Lab, LabError, Memory, Random};
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::engine::Budget;
use vitra_watch::replay::report::{self, Report};

const CONTRACT: &str = r"
import { index } from 'contract'
export const apply = {
  PUT (tx, op) { tx.put(op.path, op.value) },
  DEL (tx, op) { tx.delete(op.path) },
  COPY: async (tx, op) => { tx.put(op.path, (await index.get(op.from))?.value) },
  LIST: async (tx, op) => { tx.put(op.path, (await index.list(op.from)).map((e) => [e.name, e.path, e.container])) },
  MANY (tx, op) { for (const [path, value] of op.pairs) { if (value === undefined) tx.delete(path); else tx.put(path, value) } },
  ADD (tx, op) { tx.addOplog({ pubkey: op.key }) },
  REMOVE (tx, op) { tx.removeOplog({ pubkey: op.key }) },
  SOURCE (tx, op) { tx.setContractSource({ code: op.code }) },
  FAIL (tx, op) { tx.put('/x', 1); throw new Error(op.why) },
  JSON (tx, op) { tx.put('/json', JSON.stringify(op)) }
}
";

const PATHS: [&str; 22] = [
    "/a",
    "/b/c",
    "//b//c/",
    "b\0c",
    "/b",
    "x",
    "/",
    "",
    "//.sys/inputs/x",
    "/.sys",
    "/.sys/x",
    "//.sys/contract/source",
    "/.sys\0contract\0source",
    "//.sys/acks/genesis",
    "//.sys/acks/x/000000000000000",
    "/\u{ff}",
    "/\u{10ffff}",
    "/__proto__",
    "/constructor",
    "/10",
    "/9",
    "/a\u{301}",
];

struct Hostile {
    random: Random,
    keys: Vec<String>,
}

impl Hostile {
    fn path(&mut self) -> String {
        let key = self.random.pick(&self.keys).unwrap().clone();
        match self.random.below(8) {
            0 => format!("//.sys/inputs/{key}"),
            1 => format!("//.sys/acks/{key}/{:015}", self.random.below(12)),
            _ => (*self.random.pick(&PATHS).unwrap()).to_owned(),
        }
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.random.below(if depth > 3 { 9 } else { 13 }) {
            0 => Value::Null,
            1 => Value::Undefined,
            2 => Value::Bool(self.random.once_in(2)),
            3 => Value::num(self.random.below(1 << 40) as f64 / 8.0),
            4 => Value::BigInt(self.random.bits().into()),
            5 => Value::str(self.path()),
            6 => Value::Bytes(vec![7; self.random.below(40) as usize].into()),
            7 => Value::Date(self.random.below(1 << 41) as f64),
            8 => Value::Num(f64::NAN),
            9 | 10 => Value::Array((0..self.random.below(4)).map(|_| self.value(depth + 1)).collect()),
            11 => {
                // What an ack or an input looks like.
                let key = self.random.pick(&self.keys).unwrap().clone();
                let bytes: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&key[2 * i..2 * i + 2], 16).unwrap()).collect();
                Value::object(vec![
                    ("pubkey".into(), Value::Bytes(bytes.into())),
                    ("active".into(), Value::Bool(self.random.once_in(2))),
                    ("success".into(), Value::Bool(true)),
                    ("origin".into(), Value::str(key)),
                    ("seq".into(), Value::num(self.random.below(9) as f64)),
                    ("ts".into(), Value::num(5.0)),
                    ("numChanges".into(), Value::num(self.random.below(3) as f64)),
                ])
            }
            _ => {
                let keys = ["a", "1", "__proto__", "toJSON", ""];
                let pairs = (0..self.random.below(4)).map(|_| {
                    let key = *self.random.pick(&keys).unwrap();
                    (key.into(), self.value(depth + 1))
                });
                Value::object(pairs.collect())
            }
        }
    }

    fn operation(&mut self) -> Vec<u8> {
        let mut pairs: Vec<(Box<str>, Value)> = Vec::new();
        let names =
            ["PUT", "PUT", "PUT", "DEL", "COPY", "LIST", "MANY", "ADD", "REMOVE", "SOURCE", "FAIL", "JSON", "toString"];
        let name = *self.random.pick(&names).unwrap();
        pairs.push(("op".into(), Value::str(name)));
        pairs.push(("path".into(), Value::str(self.path())));
        pairs.push(("from".into(), Value::str(self.path())));
        pairs.push(("why".into(), Value::str("why not")));
        pairs.push(("key".into(), Value::str(self.random.pick(&self.keys).unwrap().clone())));
        let (more, mark) = (self.random.below(3), self.random.below(99));
        let codes = [CONTRACT.to_owned(), format!("{CONTRACT}// {mark}"), "no contract (".to_owned(), String::new()];
        // A contract that is gone stays gone: seldom.
        let code = if self.random.once_in(6) { &codes[2 + more as usize % 2] } else { &codes[more as usize % 2] };
        pairs.push(("code".into(), Value::str(code.clone())));
        pairs.push(("value".into(), self.value(0)));
        let many =
            (0..self.random.below(5)).map(|_| Value::Array(vec![Value::str(self.path()), self.value(1)])).collect();
        pairs.push(("pairs".into(), Value::Array(many)));
        let mut bytes = encode(&Value::object(pairs));
        match self.random.below(12) {
            0 => bytes = (0..self.random.below(30)).map(|_| self.random.bits() as u8).collect(),
            1 => {
                let at = self.random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << self.random.below(8);
            }
            2 => bytes.truncate(self.random.below(bytes.len() as u64) as usize),
            // Deeper than anything that a contract can be given.
            3 if self.random.once_in(10) => bytes = [vec![0x91; 20_000], vec![0xc0]].concat(),
            _ => {}
        }
        bytes
    }
}

/// A history: the database, and whether a participant's log was rewritten. The executor is honest.
pub fn history(seed: u64) -> (Lab<Memory>, bool) {
    let mut random = Random::new(seed);
    let beginning = Beginning {
        participants: 2,
        outsiders: 2,
        budget: Budget { ticks: 400, memory: 96 << 20, ..Budget::default() },
        ..Beginning::new(CONTRACT, seed)
    };
    let mut lab = Lab::in_memory(&beginning).unwrap();
    let keys: Vec<String> = (0..4).map(|who| lab.name(who).unwrap()).collect();
    let mut hostile = Hostile { random: random.fork(), keys };
    let mut rewritten = false;
    let mut blocked = Vec::new();
    for _ in 0..2 + random.below(22) {
        let who = random.below(4) as usize;
        let ops: Vec<Vec<u8>> = (0..=random.below(2)).map(|_| hostile.operation()).collect();
        lab.publish(who, &ops).unwrap();
        if random.once_in(6) && lab.restart().is_err() {
            break;
        }
        while !random.once_in(5) {
            let ready: Vec<usize> = (0..4).filter(|who| !blocked.contains(who) && lab.next(*who).is_some()).collect();
            let Some(&who) = random.pick(&ready) else { break };
            match lab.execute(who) {
                Ok(_) => {}
                // A real executor is dead or stands still by now.
                Err(LabError::Stuck { .. }) => blocked.push(who),
                // What a contract wrote over its own source.
                Err(LabError::Contract(_)) => return (lab, rewritten),
                Err(error) => panic!("seed {seed}: {error}"),
            }
        }
        if random.once_in(25) {
            let log = &mut lab.oplogs[who];
            log.cut(random.below(log.length().max(1)), random.once_in(2)).unwrap();
            let ops: Vec<Vec<u8>> = (0..6).map(|_| hostile.operation()).collect();
            log.append(&ops).unwrap();
            if random.once_in(2) {
                log.store.forget_past();
            }
            rewritten = true;
            // From here on an executor that goes on would only see the new history.
            break;
        }
    }
    (lab, rewritten)
}

/// A larger budget than its executor's.
pub fn options() -> Options {
    Options { budget: Budget { ticks: 1_600, memory: 384 << 20, ..Budget::default() }, ..Options::default() }
}

/// Audits it.
pub fn audit(lab: &Lab<Memory>) -> Report {
    let key = *lab.index.key();
    report::run(Auditor::new(lab, &key, options()), |_, _| ())
}

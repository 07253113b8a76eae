//! `bad-genesis`: the log does not begin as a Vitra index must.

use super::{Lie, Tell};
use crate::database::{Value, path};
use crate::hypercore::Key;
use crate::lab::draft::Write;
use crate::lab::executor::{Genesis, declaration};
use crate::replay::finding::Kind;

const fn lie(name: &'static str, change: fn(&mut Genesis) -> u64) -> Lie {
    Lie { name, kind: Kind::BadGenesis, then: &[], tell: Tell::Genesis(change) }
}

const NOBODY: Key = [0x11; 32];

pub(super) const LIES: &[Lie] = &[
    lie("bad-genesis/header", |genesis| {
        genesis.header = b"\x0a\x08hyperbug".to_vec();
        0
    }),
    lie("bad-genesis/source-is-a-number", |genesis| {
        genesis.source = Value::num(5.0);
        1
    }),
    lie("bad-genesis/source-is-null", |genesis| {
        genesis.source = Value::Null;
        1
    }),
    lie("bad-genesis/no-inputs", |genesis| {
        genesis.inputs.clear();
        2
    }),
    lie("bad-genesis/no-active-input", |genesis| {
        for (name, value) in &mut genesis.inputs {
            let key = crate::archive::parse_key(name).unwrap_or_default();
            *value = declaration(&key, false);
        }
        2 + genesis.inputs.len() as u64
    }),
    lie("bad-genesis/input-of-another-key", |genesis| {
        genesis.inputs.push(("22".repeat(32), declaration(&NOBODY, true)));
        1 + genesis.inputs.len() as u64
    }),
    lie("bad-genesis/input-without-active", |genesis| {
        let value = Value::object(vec![("pubkey".into(), Value::Bytes(NOBODY.into()))]);
        genesis.inputs.push(("11".repeat(32), value));
        1 + genesis.inputs.len() as u64
    }),
    lie("bad-genesis/data", |genesis| {
        genesis.more.push(Write::put(path::key("/gift").to_vec(), &Value::num(1.0)));
        2 + genesis.inputs.len() as u64
    }),
    lie("bad-genesis/second-source", |genesis| {
        genesis.more.push(Write::put(path::SOURCE, &genesis.source));
        2 + genesis.inputs.len() as u64
    }),
];

//! The logs in `tests/data/hyperbee`, written by Hyperbee itself, and an obvious model to compare with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use vitra_watch::hyperbee::Block;

pub type Op = (Vec<u8>, Option<Vec<u8>>);

/// A batch: the blocks `from..to`, and the operations that made them. A delete has no value.
pub struct Written {
    pub from: u64,
    pub to: u64,
    pub ops: Vec<Op>,
}

/// What the log should hold: key to (block, value).
pub type Model = BTreeMap<Vec<u8>, (u64, Option<Vec<u8>>)>;

pub fn blocks(name: &str) -> Vec<Block> {
    read(name).lines().map(|line| Arc::from(unhex(line))).collect()
}

pub fn batches(name: &str) -> Vec<Written> {
    read(name).lines().map(batch).collect()
}

fn batch(line: &str) -> Written {
    let json: serde_json::Value = serde_json::from_str(line).unwrap();
    let ops = json["ops"].as_array().unwrap().iter().map(|op| {
        let value = (op[0] == "p").then(|| unhex(op[2].as_str().unwrap()));
        (unhex(op[1].as_str().unwrap()), value)
    });
    Written { from: json["from"].as_u64().unwrap(), to: json["to"].as_u64().unwrap(), ops: ops.collect() }
}

/// Applies a batch; a delete of an absent key has no block.
pub fn apply(model: &mut Model, batch: &Written) {
    let mut seq = batch.from;
    for (key, value) in &batch.ops {
        match value {
            Some(value) => drop(model.insert(key.clone(), (seq, Some(value.clone())))),
            None if model.remove(key).is_some() => {}
            None => continue,
        }
        seq += 1;
    }
    assert_eq!(seq, batch.to, "the model and the file agree on which deletes are blocks");
}

pub fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hyperbee").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let bytes = if name.ends_with(".zst") { zstd::decode_all(&bytes[..]).unwrap() } else { bytes };
    String::from_utf8(bytes).unwrap()
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

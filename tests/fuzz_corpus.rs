//! Replays the corpora of the fuzz targets (see `fuzz/Cargo.toml`) and every input that once broke one.

mod common;

use common::{ERAS, unpack};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use vitra_watch::archive::{Corestore, Database, find_stores, parse_key};
use vitra_watch::fuzzing::TARGETS;
use vitra_watch::hyperbee::{Block, Blocks, Entry, Node as BeeNode, NodeLevel};
use vitra_watch::hypercore::{HeadClaim, Manifest, Node};

fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

#[test]
fn every_corpus() {
    for (name, target) in TARGETS {
        let mut inputs = 0;
        for entry in directory(name).read_dir().unwrap_or_else(|e| panic!("{name}: {e}")) {
            target(&std::fs::read(entry.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs > 5, "{name} has {inputs} inputs");
    }
}

#[test]
fn every_target_has_a_binary() {
    let manifest = std::fs::read_to_string(directory("../Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}

/// Writes the first inputs anew, from real data: `cargo test --test fuzz_corpus -- --ignored`.
#[test]
#[ignore = "writes into the source tree"]
fn write_seeds() {
    let put = |target: &str, name: String, bytes: Vec<u8>| {
        std::fs::create_dir_all(directory(target)).unwrap();
        std::fs::write(directory(target).join(name), bytes).unwrap();
    };
    for era in ERAS {
        for name in ["d-truncate-index", "h-fail-last", "h-batch-ops"] {
            let case = unpack(era, name);
            let store = Corestore::open(&find_stores(&case.dir)[0]).unwrap();
            for (i, core) in store.cores().iter().enumerate() {
                put("hypercore_header", format!("{era}-{name}-{i}"), std::fs::read(core.dir().join("oplog")).unwrap());
            }
        }
    }
    for name in ["manifest", "upgraded", "partial-b"] {
        let (_temp, dir) = common::store(name);
        let store = Corestore::open(&dir).unwrap();
        let oplog = std::fs::read(store.cores()[0].dir().join("oplog")).unwrap();
        put("hypercore_header", name.to_owned(), oplog);
    }

    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hypercore/vectors.json");
    let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(vectors).unwrap()).unwrap();
    let hex = |text: &serde_json::Value| -> Vec<u8> {
        let digits = text.as_str().unwrap();
        (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
    };
    for (i, case) in vectors["cases"].as_array().unwrap().iter().enumerate() {
        let head = &case["head"];
        let key = parse_key(case["key"].as_str().unwrap()).unwrap();
        let manifest = case["manifest"].as_str().map(|_| Manifest::decode(&hex(&case["manifest"])).unwrap());
        let mut claim = HeadClaim {
            key,
            manifest: manifest.and_then(|manifest| manifest.bind(&key).unwrap()),
            fork: head["fork"].as_u64().unwrap(),
            length: head["length"].as_u64().unwrap(),
            tree_hash: hex(&head["treeHash"]).try_into().unwrap(),
            signature: hex(&head["signature"]),
            roots: Vec::new(),
        };
        if claim.needs_roots() {
            let roots = head["roots"].as_array().unwrap().iter();
            let node = |node: &serde_json::Value| Node {
                size: node["size"].as_u64().unwrap(),
                hash: hex(&node["hash"]).try_into().unwrap(),
            };
            claim.roots = roots.map(node).collect();
        }
        put("head_with_manifest", format!("core-{i}"), claim.clone().verify().map(|_| claim.encode()).unwrap());
    }

    for name in ["p-probe", "h-types", "h-deletes", "d-btree-stale-read", "d-bad-msgpack-index-value"] {
        let case = unpack("b", name);
        let database = Database::open(&case.dir, None).unwrap();
        let index = database.index_core().unwrap();
        let blocks: Vec<Block> = (1..index.length()).map(|seq| index.block(seq).unwrap()).collect();
        for (i, log) in blocks.chunks(12).take(4).enumerate() {
            put("hyperbee_node", format!("log-{name}-{i}"), joined(log));
        }
        for (i, block) in blocks.iter().step_by(4).take(12).enumerate().filter(|(_, block)| block.len() < 2_000) {
            put("hyperbee_node", format!("block-{name}-{i}"), block.to_vec());
        }
        let values = blocks.iter().filter_map(|block| Some(Entry::decode(1, block.clone()).ok()?.value()?.to_vec()));
        let store = Corestore::open(&find_stores(&case.dir)[0]).unwrap();
        let oplogs = store.cores().iter().filter(|core| core.key() != database.key());
        let ops = oplogs.flat_map(|core| (0..core.length()).filter_map(|seq| core.block(seq)));
        let all = values.chain(ops.map(|op| op.to_vec())).filter(|value| value.len() < 4_000);
        for (i, value) in all.collect::<BTreeSet<_>>().into_iter().step_by(3).take(30).enumerate() {
            put("msgpack_value", format!("value-{name}-{i}"), value);
        }
    }
    // Small trees, with every shape of pointers that a tamperer has: itself, a cycle, ahead, nowhere.
    let node = |key: &[u8], keys: &[u64], children: &[u64]| {
        let levels = vec![NodeLevel { keys: keys.to_vec(), children: children.to_vec() }];
        Block::from(BeeNode { key: key.to_vec(), value: Some(vec![1]), levels }.encode())
    };
    for (i, children) in
        [vec![2, 0, 2, 0], vec![1, 0, 2, 0], vec![1, 0, 9, 0], vec![1, 0, 1, 7], vec![1]].iter().enumerate()
    {
        let log = [node(b"a\0b", &[1], &[]), node(b"m", &[2], children)];
        put("hyperbee_node", format!("tampered-{i}"), joined(&log));
    }
    let odd: [&[u8]; 12] = [
        &[0xd4, 0, 0],
        &[0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0],
        &[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1],
        &[0xd7, 0xff, 0x1d, 0x59, 0xe6, 0, 0x65, 0x53, 0xf1, 0],
        &[0xc7, 12, 0xff, 0x3b, 0x8b, 0x87, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0],
        &[0x82, 0xa1, b'b', 1, 0xa1, b'1', 2],
        &[0xa2, 0xc3, 0x28],
        &[0x93, 0xa1, b'a', 0xa1, b'B', 0xa2, 0xc3, 0xa4],
        &[0xc4, 2, 1, 2],
        &[0xdd, 0, 0, 0, 1, 0xde, 0, 1, 0xa1, b'k', 0xc0],
        &[0x91; 502],
    ];
    for (i, bytes) in odd.into_iter().enumerate() {
        put("msgpack_value", format!("odd-{i}"), bytes.to_vec());
    }
}

/// Blocks as `hyperbee_node` takes them.
fn joined(blocks: &[Block]) -> Vec<u8> {
    let framed = blocks.iter().map(|block| [&(block.len() as u16).to_le_bytes()[..], &block[..]].concat());
    framed.collect::<Vec<_>>().concat()
}

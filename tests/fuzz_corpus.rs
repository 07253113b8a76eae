//! Replays the corpora of the fuzz targets (see `fuzz/Cargo.toml`) and every input that once broke one.

mod common;

use common::{ERAS, unpack};
use std::path::{Path, PathBuf};
use vitra_watch::archive::{Corestore, find_stores, parse_key};
use vitra_watch::fuzzing::TARGETS;
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
}

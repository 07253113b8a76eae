//! Importing the Corestore directories of the corpus: every log of every database, both eras.

mod common;

use common::{Case, ERAS, cases, key, unpack};
use serde_json::Value;
use vitra_watch::archive::{Corestore, find_stores};
use vitra_watch::hyperbee::Blocks;
use vitra_watch::hypercore::{Nodes, Roots, Scheme, conflict, leaf};

/// Key, length and fork of each log that the manifest names, the index first.
fn expected_logs(case: &Case) -> Vec<([u8; 32], u64, u64)> {
    let manifest = &case.manifest;
    let number = |value: &Value| value.as_u64().unwrap();
    let Some(index) = manifest["indexKey"].as_str() else { return Vec::new() };
    let mut logs = vec![(key(index), number(&manifest["indexLength"]), number(&manifest["indexFork"]))];
    for (text, log) in manifest["oplogs"].as_object().unwrap() {
        logs.push((key(text), number(&log["length"]), number(&log["fork"])));
    }
    logs
}

fn hex(key: &[u8; 32]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_log_of_every_database() {
    let (mut databases, mut logs, mut blocks, mut heads) = (0, 0, 0, 0);
    for era in ERAS {
        for name in cases(era) {
            let case = unpack(era, &name);
            let stores = find_stores(&case.dir);
            assert_eq!(stores.len(), if name == "d-split-view-index-only" { 2 } else { 1 }, "{era}/{name}");
            databases += 1;
            for dir in stores {
                let store = Corestore::open(&dir).unwrap_or_else(|e| panic!("{era}/{name}: {e}"));
                let found: Vec<_> = store.find_index().unwrap().iter().map(|core| *core.key()).collect();
                assert_eq!(found.len(), 1, "{era}/{name}");
                for (key, length, fork) in expected_logs(&case) {
                    let Some(core) = store.core_by_key(&key) else { panic!("{era}/{name}: a log is missing") };
                    assert!(core.dir().ends_with(store.path_of(&key)));
                    assert_eq!((core.length(), core.fork()), (length, fork), "{era}/{name}");
                    assert_eq!(found == [key], case.manifest["indexKey"] == hex(&key), "{era}/{name}");
                }
                for core in store.cores() {
                    core.check_all().unwrap_or_else(|e| panic!("{era}/{name}: {e}"));
                    assert_eq!(core.available(), Ok(core.length()), "{era}/{name}");
                    let mut roots = Roots::new();
                    for seq in 0..core.length() {
                        let block = core.block(seq).unwrap();
                        assert_eq!(core.peek(seq).unwrap().as_deref(), Some(&*block));
                        roots.push_leaf(leaf(&block)).unwrap();
                        if seq % 97 == 0 {
                            assert_eq!(core.tree_hash_at(seq + 1), Some(roots.tree_hash()));
                        }
                        blocks += 1;
                    }
                    assert!(core.block(core.length()).is_none() && core.block(u64::MAX).is_none());
                    assert_eq!(core.peek(core.length()), Ok(None));
                    match core.head() {
                        None => assert_eq!(core.length(), 0),
                        Some(head) => {
                            assert_eq!(*head.tree_hash(), roots.tree_hash());
                            let scheme = if era == "a" { Scheme::Legacy48 } else { Scheme::Compat80 };
                            assert_eq!(head.scheme(), scheme);
                            assert_eq!(conflict::truncates(head), core.fork() > 0);
                        }
                    }
                    assert_eq!(core.take_error(), None);
                    heads += core.heads().len();
                    logs += 1;
                }
            }
        }
    }
    println!("{databases} databases, {logs} logs, {blocks} blocks, {heads} heads");
    assert!(databases > 140 && logs > 300 && blocks > 30_000);
}

//! Importing the Corestore directories of the corpus: every log of every database, both eras.

mod common;

use common::{Case, ERAS, cases, key, unpack};
use serde_json::Value;
use vitra_watch::archive::{Core, Corestore, find_stores};
use vitra_watch::hyperbee::Blocks;
use vitra_watch::hypercore::views::{Conflict, conflicts};
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

/// Contradictions in everything that a case holds of each log: `(log, first difference)`; a truncation has none.
fn contradictions(case: &Case) -> Vec<([u8; 32], Option<u64>)> {
    let stores: Vec<_> = find_stores(&case.dir).iter().map(|dir| Corestore::open(dir).unwrap()).collect();
    let cores = || stores.iter().flat_map(Corestore::cores);
    let mut keys: Vec<_> = cores().map(|core| *core.key()).collect();
    keys.sort();
    keys.dedup();
    let mut found = Vec::new();
    for key in keys {
        let views: Vec<_> = cores().filter(|core| *core.key() == key).map(Core::view).collect();
        for conflict in conflicts(&views) {
            found.push(match conflict {
                Conflict::Equivocation { evidence, first_difference } => {
                    assert_eq!(evidence.verify(), Ok(vec![key]));
                    (key, first_difference)
                }
                Conflict::Truncation(head) => {
                    assert!(head.fork() == 1 && *head.key() == key);
                    (key, None)
                }
            });
        }
    }
    found
}

#[test]
fn only_those_who_signed_two_histories_contradict_themselves() {
    for era in ERAS {
        for name in cases(era) {
            let case = unpack(era, &name);
            let index = || key(case.manifest["indexKey"].as_str().unwrap());
            let expected = match name.as_str() {
                "d-split-view-index-only" => vec![(index(), Some(10))],
                "d-truncate-index" => vec![(index(), None)],
                "d-truncate-oplog" => {
                    let logs = expected_logs(&case);
                    logs.iter().filter(|(_, _, fork)| *fork > 0).map(|(key, _, _)| (*key, None)).collect()
                }
                _ => vec![],
            };
            assert_eq!(contradictions(&case), expected, "{era}/{name}");
            assert_eq!(
                expected.is_empty(),
                !["d-split-view-index-only", "d-truncate-index", "d-truncate-oplog"].contains(&&*name)
            );
        }
    }
}

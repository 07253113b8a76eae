//! Importing the Corestore directories of the corpus: every log of every database, both eras.

mod common;

use common::{Case, ERAS, cases, key, store, unpack};
use serde_json::Value;
use std::path::{Path, PathBuf};
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
                            assert_eq!(core.roots_at(seq + 1).as_ref(), Some(&roots));
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

fn only_core(store: &Corestore) -> &Core {
    let [core] = store.cores() else { panic!("{} logs", store.cores().len()) };
    core
}

#[test]
fn logs_that_were_downloaded_in_part() {
    for (name, length, there) in [("partial-a", 40, &[0, 7, 8, 9, 33][..]), ("partial-b", 42, &[0, 7, 8, 9, 33, 41])] {
        let (_temp, dir) = store(name);
        let store = Corestore::open(&dir).unwrap();
        let core = only_core(&store);
        assert_eq!((core.length(), core.available()), (length, Ok(there.len() as u64)), "{name}");
        for seq in 0..length {
            let x = "x".repeat(seq as usize % 5);
            let text = if seq < 40 { format!("block {seq} {x}") } else { format!("late {seq}") };
            let expected = there.contains(&seq).then_some(text.as_bytes());
            assert_eq!(core.block(seq).as_deref(), expected, "{name} {seq}");
            assert_eq!(core.peek(seq).unwrap().as_deref(), expected, "{name} {seq}");
            // Looked at before the rest is checked.
            assert_eq!(only_core(&Corestore::open(&dir).unwrap()).peek(seq).unwrap_or_default().as_deref(), expected);
        }
        assert!(core.head().is_none_or(|head| core.backs(head)));
        assert_eq!(core.take_error(), None);
        assert_eq!(conflicts(&[core.view()]), []);
    }
}

#[test]
fn a_log_whose_key_is_a_manifest_and_one_with_two_schemes() {
    let (_temp, dir) = store("manifest");
    let store_m = Corestore::open(&dir).unwrap();
    let core = only_core(&store_m);
    let blocks: Vec<_> = (0..6).map(|seq| core.block(seq).unwrap()).collect();
    assert_eq!(
        blocks.iter().map(|b| std::str::from_utf8(b).unwrap()).collect::<Vec<_>>(),
        ["m0", "n0", "", "m1", "n1", "after"]
    );
    assert!(core.manifest().is_some_and(|manifest| manifest.key() == *core.key()));
    assert_eq!(core.head().unwrap().scheme(), Scheme::Key112);
    let forks: Vec<_> = core.heads().iter().map(|head| (head.fork(), head.length())).collect();
    assert!(forks.starts_with(&[(1, 6)]) && forks.contains(&(1, 5)), "{forks:?}");
    assert!(matches!(&conflicts(&[core.view()])[..], [Conflict::Truncation(head)] if head.length() == 6));

    let (_temp, dir) = store("upgraded");
    let store_u = Corestore::open(&dir).unwrap();
    let core = only_core(&store_u);
    assert_eq!(core.available(), Ok(9));
    assert_eq!(core.head().unwrap().scheme(), Scheme::Compat80);
    assert_eq!(conflicts(&[core.view()]), []);
}

#[test]
fn what_is_not_claimed_but_authentic_is_used_and_what_is_claimed_must_be_there() {
    let (_temp, dir) = store("partial-a");
    let path = only_core(&Corestore::open(&dir).unwrap()).dir().join("bitfield");
    let bits = std::fs::read(&path).unwrap();
    std::fs::write(&path, [0; 4096]).unwrap();
    let store = Corestore::open(&dir).unwrap();
    assert_eq!(only_core(&store).available(), Ok(5));
    let mut more = bits.clone();
    more[2] |= 1;
    std::fs::write(&path, &more).unwrap();
    let store = Corestore::open(&dir).unwrap();
    let error = only_core(&store).check_all().unwrap_err();
    assert!(error.file.ends_with("tree") && error.to_string().contains("block 16"), "{error}");
    assert_eq!(only_core(&store).block(0), None);
    assert_eq!(only_core(&store).take_error(), Some(error));
}

#[test]
fn a_file_that_changes_after_the_check_yields_nothing() {
    // Larger than what is read ahead.
    let case = unpack("b", "x-big-value");
    let store = Corestore::open(&find_stores(&case.dir)[0]).unwrap();
    let core = store.find_index().unwrap()[0];
    let before: Vec<_> = (0..core.length()).map(|seq| core.block(seq)).collect();
    assert!(before.iter().all(Option::is_some));
    let path = core.dir().join("data");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.iter_mut().for_each(|byte| *byte ^= 1);
    for changed in [&bytes[..], &[]] {
        std::fs::write(&path, changed).unwrap();
        let now: Vec<_> = (0..core.length()).map(|seq| core.block(seq)).collect();
        assert!(now.iter().zip(&before).all(|(now, before)| now.is_none() || now == before));
        assert!(now.contains(&None));
        assert_eq!(core.take_error().unwrap().file, path);
        assert_eq!(core.take_error(), None);
    }
}

#[test]
fn importing_writes_nothing() {
    fn snapshot(dir: &Path, out: &mut Vec<(PathBuf, Vec<u8>, std::time::SystemTime)>) {
        for entry in dir.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                snapshot(&path, out);
            } else {
                let time = path.metadata().unwrap().modified().unwrap();
                out.push((path.clone(), std::fs::read(&path).unwrap(), time));
            }
        }
        out.sort();
    }
    let case = unpack("a", "d-truncate-index");
    let (mut before, mut after) = (Vec::new(), Vec::new());
    snapshot(&case.dir, &mut before);
    contradictions(&case);
    snapshot(&case.dir, &mut after);
    assert!(before == after);
}

#[test]
fn what_is_no_store_is_one_sentence() {
    let case = unpack("a", "h-fail-last");
    let open = |dir: &Path| Corestore::open(dir).unwrap_err().to_string();
    assert!(open(&case.dir).ends_with("it is no Corestore: it has no directory `cores`"));
    assert!(open(&case.dir.join("absent")).contains("absent: "));
    assert!(open(&case.dir.join("manifest.json")).contains("it is no Corestore"));
    assert_eq!(find_stores(&case.dir.join("absent")), Vec::<PathBuf>::new());
    assert_eq!(find_stores(&case.dir.join("db")), [case.dir.join("db")]);
    std::fs::create_dir_all(case.dir.join("empty/cores/ab")).unwrap();
    assert!(open(&case.dir.join("empty")).ends_with("there is no log in it"));
}

#[test]
fn links_out_of_the_store_pipes_and_wrong_names() {
    use std::os::unix::fs::symlink;
    let case = unpack("a", "h-fail-last");
    let db = case.dir.join("db");
    let core = Corestore::open(&db).unwrap().find_index().unwrap()[0].dir().to_owned();
    let open = || Corestore::open(&db).and_then(|store| store.cores().iter().try_for_each(Core::check_all));
    let data = core.join("data");
    // A link inside the store is as good as the file.
    std::fs::rename(&data, db.join("moved")).unwrap();
    symlink(db.join("moved"), &data).unwrap();
    assert_eq!(open(), Ok(()));
    std::fs::rename(db.join("moved"), case.dir.join("moved")).unwrap();
    std::fs::remove_file(&data).unwrap();
    symlink(case.dir.join("moved"), &data).unwrap();
    let e = open().unwrap_err();
    assert!(e.file == data && e.reason.contains("leads out"), "{e}");
    std::fs::remove_file(&data).unwrap();
    std::fs::create_dir(&data).unwrap();
    assert!(open().unwrap_err().reason.contains("not a regular file"));
    std::fs::remove_dir(&data).unwrap();
    assert!(open().unwrap_err().reason.contains("missing"));
    std::fs::rename(case.dir.join("moved"), &data).unwrap();
    assert_eq!(open(), Ok(()));
    // A pipe would make the reader wait for ever.
    let made = std::process::Command::new("mkfifo").arg(db.join("pipe")).status();
    if made.is_ok_and(|status| status.success()) {
        std::fs::rename(core.join("oplog"), db.join("oplog")).unwrap();
        std::fs::rename(db.join("pipe"), core.join("oplog")).unwrap();
        assert!(open().unwrap_err().reason.contains("not a regular file"));
        std::fs::rename(db.join("oplog"), core.join("oplog")).unwrap();
    }
    let other = core.with_file_name(format!("{}0", &core.file_name().unwrap().to_str().unwrap()[..63]));
    std::fs::rename(&core, &other).unwrap();
    assert!(open().is_err());
}

//! Our own archive: what is committed stays, whatever happens, and is audited like a Corestore.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::unpack;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use vitra_watch::archive::{
    Archive, ArchiveError, ArchiveReader, Core, Corestore, Database, ImportError, LogId, LogWriter, find_stores,
};
use vitra_watch::crash;
use vitra_watch::hyperbee::Blocks;
use vitra_watch::hypercore::head::signable;
use vitra_watch::hypercore::views::{Conflict, conflicts};
use vitra_watch::hypercore::{ConsistencyProof, HeadClaim, Key, MerkleTree, Nodes, Roots, Scheme, SignedHead, leaf};
use vitra_watch::replay::logs::Logs as _;

fn owner(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> Key {
    owner(seed).verifying_key().to_bytes()
}

fn sign(seed: u8, fork: u64, roots: &Roots) -> SignedHead {
    let signed = signable(Scheme::Compat80, &[0; 32], &roots.tree_hash(), roots.length(), fork);
    let signature = owner(seed).sign(&signed).to_bytes();
    HeadClaim::by_public_key(public(seed), fork, roots.length(), roots.tree_hash(), &signature).verify().unwrap()
}

fn roots_of(blocks: &[Vec<u8>]) -> Roots {
    let mut roots = Roots::new();
    blocks.iter().for_each(|block| roots.push_leaf(leaf(block)).unwrap());
    roots
}

fn begin(archive: &mut Archive, seed: u8, fork: u64) -> LogWriter {
    let log = archive.log(&public(seed), None).unwrap();
    let history = archive.new_history(log, fork).unwrap();
    archive.writer(log, history).unwrap()
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in dir.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { drop(found.insert(path.clone(), std::fs::read(path).unwrap())) }
        }
    }
    found
}

/// Copies a store's logs, with their heads, as whoever replicated them would have written them.
fn copy(from: &Path, to: &Path) {
    let store = Corestore::open(from).unwrap();
    let mut archive = Archive::create(to).unwrap();
    for core in store.cores() {
        copy_core(core, &mut archive);
    }
}

fn copy_core(core: &Core, archive: &mut Archive) -> (LogId, u64) {
    let log = archive.log(core.key(), core.manifest()).unwrap();
    let history = archive.new_history(log, core.fork()).unwrap();
    let mut writer = archive.writer(log, history).unwrap();
    writer.append((0..Blocks::length(core)).map(|seq| core.block(seq).unwrap())).unwrap();
    for head in core.heads() {
        match writer.stage_head(head.clone()) {
            Ok(()) => (),
            Err(ArchiveError::OtherHead { .. }) => drop(archive.keep_head(head, None).unwrap()),
            Err(error) => panic!("{error}"),
        }
    }
    archive.commit(&mut [&mut writer]).unwrap();
    (log, history)
}

fn audit(dir: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_vitra-watch")).args(["audit", "--json"]).arg(dir).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn an_archive_is_audited_like_the_store_it_was_copied_from() {
    let cases = [
        ("a", "h-kv-10"),
        ("a", "d-truncate-index"),
        ("a", "d-wrong-value"),
        ("a", "d-split-view-index-only"),
        ("b", "h-upgrade"),
        ("b", "d-truncate-oplog"),
        ("b", "d-truncate-index"),
        ("b", "d-phantom-op"),
        ("b", "d-split-view-index-only"),
        ("b", "x-big-value"),
    ];
    for (era, name) in cases {
        let case = unpack(era, name);
        let temp = tempfile::tempdir().unwrap();
        for dir in find_stores(&case.dir) {
            let name = dir.strip_prefix(&case.dir).unwrap();
            std::fs::create_dir_all(temp.path().join(name)).unwrap();
            copy(&dir, &temp.path().join(name));
        }
        let before = files(temp.path());
        let expected = audit(&case.dir);
        assert_eq!(audit(temp.path()), expected, "{era}/{name}");
        assert!(expected.1.contains("\"verdict\""), "{era}/{name}: {}", expected.1);
        assert!(files(temp.path()) == before, "{era}/{name}: an audit wrote");
        let looks = |dir: &Path| {
            let inspect = |what| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
                command.arg("inspect").arg(dir).arg("--json").arg(what).output().unwrap()
            };
            ["info", "history", "oplogs"].map(inspect)
        };
        assert_eq!(looks(temp.path()), looks(&case.dir), "{era}/{name}");
    }
}

#[test]
fn two_histories_in_one_archive_contradict_each_other_like_two_stores() {
    for era in common::ERAS {
        let case = unpack(era, "d-split-view-index-only");
        let stores: Vec<_> = find_stores(&case.dir).iter().map(|dir| Corestore::open(dir).unwrap()).collect();
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("archive");
        let mut archive = Archive::create(&dir).unwrap();
        for core in stores.iter().flat_map(Corestore::cores) {
            let log = archive.log(core.key(), None).unwrap();
            let known = archive.histories(log).unwrap();
            // The oplogs of both views are the same.
            if known.iter().all(|history| history.length != Blocks::length(core))
                || stores[0].find_index().unwrap()[0].key() == core.key()
            {
                let (log, history) = copy_core(core, &mut archive);
                let longest = known.iter().map(|history| history.length).max();
                if longest < Some(Blocks::length(core)) {
                    archive.make_current(log, history).unwrap();
                }
            }
        }
        drop(archive);
        assert_eq!(audit(&dir), audit(&case.dir), "{era}");
        let both = Database::open(&case.dir, None).unwrap();
        let one = Database::open(&dir, None).unwrap();
        let found = one.conflicts(one.key());
        assert_eq!(found, both.conflicts(both.key()));
        assert!(matches!(&found[..], [Conflict::Equivocation { first_difference: Some(10), .. }]), "{found:?}");
    }
}

#[test]
fn heads_without_blocks_are_kept_and_compared() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("archive");
    let mut archive = Archive::create(&dir).unwrap();
    let mut writer = begin(&mut archive, 1, 0);
    let blocks: Vec<Vec<u8>> = (0..9_u8).map(|n| vec![n; 5]).collect();
    writer.append(&blocks[..6]).unwrap();
    writer.stage_head(sign(1, 0, &roots_of(&blocks[..4]))).unwrap();
    writer.stage_head(sign(1, 0, writer.roots())).unwrap();
    archive.commit(&mut [&mut writer]).unwrap();

    // A longer head of the same history says nothing against anybody.
    archive.keep_head(&sign(1, 0, &roots_of(&blocks)), None).unwrap();
    let conflicts_now = || {
        let reader = ArchiveReader::open(&dir).unwrap();
        conflicts(
            &reader.cores().iter().map(Core::view).chain(reader.kept().iter().map(|k| k.view())).collect::<Vec<_>>(),
        )
    };
    assert_eq!(conflicts_now(), []);
    // Another history of seven blocks, which differs at block 2, with what its first six blocks hash to.
    let mut other = blocks.clone();
    other[2] = b"other".to_vec();
    let tree = MerkleTree::over(&other[..7]).unwrap();
    let head = sign(1, 0, tree.roots());
    archive.keep_head(&head, None).unwrap();
    assert_eq!(conflicts_now(), [], "nothing connects the two");
    let proof = ConsistencyProof::build(&tree, 6, 7).unwrap();
    assert!(matches!(archive.keep_head(&head, Some((5, &proof))), Err(ArchiveError::Proof(_))));
    archive.keep_head(&head, Some((6, &proof))).unwrap();
    assert!(matches!(&conflicts_now()[..], [Conflict::Equivocation { first_difference: None, .. }]));
    // A head of a fork is a truncation.
    archive.keep_head(&sign(1, 1, &roots_of(&blocks[..2])), None).unwrap();
    assert!(
        matches!(&conflicts_now()[..], [Conflict::Equivocation { .. }, Conflict::Truncation(head)] if head.fork() == 1)
    );

    // Heads of other blocks, forks and logs are refused.
    let refused = [sign(1, 0, &roots_of(&other[..6])), sign(1, 1, writer.roots()), sign(2, 0, writer.roots())];
    for head in refused.into_iter().chain([sign(1, 0, &roots_of(&blocks))]) {
        assert!(matches!(writer.stage_head(head), Err(ArchiveError::OtherHead { .. })));
    }
    // The kept head gets its blocks.
    writer.append(&blocks[6..]).unwrap();
    writer.stage_head(sign(1, 0, writer.roots())).unwrap();
    archive.commit(&mut [&mut writer]).unwrap();
    let reader = ArchiveReader::open(&dir).unwrap();
    assert_eq!(reader.kept().len(), 2);
    let lengths: Vec<_> = reader.cores()[0].heads().iter().map(SignedHead::length).collect();
    assert_eq!(lengths, [9, 6, 4]);
}

#[test]
fn one_writer_and_any_number_of_readers() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("archive");
    let mut archive = Archive::create(&dir).unwrap();
    assert!(matches!(Archive::create(&dir), Err(ArchiveError::NotEmpty(_))));
    assert!(matches!(Archive::open(&dir), Err(ArchiveError::Locked(_))));
    let mut writer = begin(&mut archive, 1, 0);
    assert!(matches!(archive.writer(writer.log(), 0), Err(ArchiveError::Busy)));
    assert!(matches!(archive.writer(writer.log(), 1), Err(ArchiveError::Unknown)));
    let mut all = Vec::new();
    for round in 0..20_u64 {
        let block = vec![round as u8; 3000];
        all.push(block.clone());
        writer.append([&block]).unwrap();
        writer.stage_head(sign(1, 0, writer.roots())).unwrap();
        let before: Vec<_> = files(&dir).into_keys().collect();
        let reader = ArchiveReader::open(&dir).unwrap();
        assert_eq!(Blocks::length(&reader.cores()[0]), round, "not committed yet");
        archive.commit(&mut [&mut writer]).unwrap();
        // Blocks that no head covers are committed and not shown.
        writer.append([b"unsigned"]).unwrap();
        let core = &reader.cores()[0];
        core.check_all().unwrap();
        assert!((0..round).all(|seq| core.block(seq).as_deref() == Some(&all[seq as usize])));
        let now = ArchiveReader::open(&dir).unwrap();
        assert_eq!(now.cores()[0].check_all(), Ok(()));
        assert_eq!(Blocks::length(&now.cores()[0]), round + 1);
        assert_eq!(files(&dir).into_keys().collect::<Vec<_>>(), before, "a reader makes no files");
        // Left behind without a commit, and taken back by opening again.
        drop(writer);
        writer = archive.writer(archive.logs().unwrap()[0].0, 0).unwrap();
    }
    let (archive_2, writer_2) = {
        let temp = tempfile::tempdir().unwrap();
        let mut archive = Archive::create(&temp.path().join("b")).unwrap();
        let writer = begin(&mut archive, 1, 0);
        (archive, writer)
    };
    let mut stranger = writer_2;
    assert!(matches!(archive.commit(&mut [&mut stranger]), Err(ArchiveError::Moved)));
    drop((archive, archive_2));
    // The lock lives as long as a writer does.
    assert!(matches!(Archive::open(&dir), Err(ArchiveError::Locked(_))));
    drop(writer);
    open_again(&dir);
}

/// Opens an archive that nobody holds any more. A process that another test starts has our lock, too, between its fork
/// and its exec.
fn open_again(dir: &Path) -> Archive {
    for _ in 0..1_000_000 {
        match Archive::open(dir) {
            Err(ArchiveError::Locked(_)) => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
    panic!("it stays locked");
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize, Vec<Vec<u8>>),
    Sign(usize),
    Commit,
    Reopen,
    History,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let block = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (any::<u8>(), 0..300_000_usize).prop_map(|(byte, n)| vec![byte; n]),
    ];
    let step = prop_oneof![
        5 => (0..3_usize, prop::collection::vec(block, 0..9)).prop_map(|(at, blocks)| Step::Append(at, blocks)),
        3 => (0..3_usize).prop_map(Step::Sign),
        3 => Just(Step::Commit),
        1 => Just(Step::Reopen),
        1 => Just(Step::History),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Clone, Default)]
struct Model {
    blocks: Vec<Vec<u8>>,
    signed: Vec<u64>,
}

fn check_writer(writer: &LogWriter, model: &Model) {
    let tree = MerkleTree::over(&model.blocks).unwrap();
    assert_eq!(writer.roots(), tree.roots());
    for seq in 0..model.blocks.len() as u64 + 1 {
        assert_eq!(writer.block(seq).as_deref(), model.blocks.get(seq as usize).map(|block| &block[..]));
        assert_eq!(writer.roots_at(seq), tree.roots_at(seq));
    }
    assert_eq!(writer.take_error(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn like_lists_in_memory(steps in steps()) {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("archive");
        let mut archive = Archive::create(&dir).unwrap();
        let log = archive.log(&public(1), None).unwrap();
        let (mut writers, mut now, mut safe) = (Vec::new(), Vec::<Model>::new(), Vec::<Model>::new());
        for step in [Step::History].into_iter().chain(steps).chain([Step::Reopen]) {
            match step {
                Step::History => {
                    let fork = now.len() as u64;
                    let number = archive.new_history(log, fork).unwrap();
                    prop_assert_eq!(number, fork);
                    writers.push(archive.writer(log, number).unwrap());
                    now.push(Model::default());
                    safe.push(Model::default());
                }
                Step::Append(at, blocks) => {
                    let at = at % writers.len();
                    writers[at].append(&blocks).unwrap();
                    now[at].blocks.extend(blocks);
                }
                Step::Sign(at) => {
                    let at = at % writers.len();
                    let length = now[at].blocks.len() as u64;
                    if length > 0 && !now[at].signed.contains(&length) {
                        let head = sign(1, at as u64, writers[at].roots());
                        writers[at].stage_head(head).unwrap();
                        now[at].signed.push(length);
                    }
                }
                Step::Commit => {
                    archive.commit(&mut writers.iter_mut().collect::<Vec<_>>()).unwrap();
                    safe = now.clone();
                }
                Step::Reopen => {
                    drop((writers, archive));
                    archive = open_again(&dir);
                    now = safe.clone();
                    writers = (0..now.len()).map(|number| archive.writer(log, number as u64).unwrap()).collect();
                }
            }
            writers.iter().zip(&now).for_each(|(writer, model)| check_writer(writer, model));
            let reader = ArchiveReader::open(&dir).unwrap();
            prop_assert_eq!(reader.cores().len(), safe.len());
            for (core, model) in reader.cores().iter().zip(&safe) {
                let newest = model.signed.last().copied().unwrap_or_default();
                prop_assert_eq!(Blocks::length(core), newest);
                let lengths: Vec<_> = core.heads().iter().map(SignedHead::length).collect();
                prop_assert_eq!(lengths, model.signed.iter().rev().copied().collect::<Vec<_>>());
                for seq in 0..newest {
                    let block = core.block(seq);
                    prop_assert_eq!(block.as_deref(), Some(&model.blocks[seq as usize][..]));
                }
                prop_assert_eq!(core.take_error(), None);
            }
        }
    }
}

type Shown = Vec<(Key, u64, Vec<Option<Vec<u8>>>, Vec<(u64, u64)>)>;

fn show(dir: &Path) -> Result<Shown, ImportError> {
    let reader = ArchiveReader::open(dir)?;
    let mut all = Vec::new();
    for core in reader.cores() {
        core.check_all()?;
        let blocks = (0..Blocks::length(core)).map(|seq| core.block(seq).map(|block| block.to_vec())).collect();
        assert_eq!(core.take_error(), None);
        let heads = core.heads().iter().map(|head| (head.fork(), head.length())).collect();
        all.push((*core.key(), core.fork(), blocks, heads));
    }
    Ok(all)
}

#[test]
fn damage_is_an_error_and_never_other_blocks() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("archive");
    let mut archive = Archive::create(&dir).unwrap();
    let (mut a, mut b) = (begin(&mut archive, 1, 0), begin(&mut archive, 2, 3));
    for n in 0..30_u8 {
        a.append([vec![n; usize::from(n)], b"x".to_vec()]).unwrap();
        b.append([[n; 40]]).unwrap();
        for (seed, writer) in [(1, &mut a), (2, &mut b)] {
            let head = sign(seed, writer.fork(), writer.roots());
            writer.stage_head(head).unwrap();
        }
        archive.commit(&mut [&mut a, &mut b]).unwrap();
    }
    archive.keep_head(&sign(1, 1, &roots_of(&[b"z".to_vec()])), None).unwrap();
    drop((a, b, archive));
    let whole = show(&dir).unwrap();
    let mut all = files(&dir);
    all.retain(|path, _| !path.ends_with("lock"));
    assert_eq!(all.len(), 5);
    let mut random = 1_u64;
    let mut below = |n: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % n
    };
    let (mut errors, mut rounds) = (0, 0);
    for round in 0..120 {
        for (path, bytes) in &all {
            let name = path.file_name().unwrap().to_str().unwrap();
            let mut changed = bytes.clone();
            match round {
                0 => drop(std::fs::remove_file(path)),
                1..20 => changed.truncate(below(bytes.len())),
                _ => changed[below(bytes.len())] ^= 1 << below(8),
            }
            if round > 0 {
                std::fs::write(path, &changed).unwrap();
            }
            let result = show(&dir);
            rounds += 1;
            match &result {
                Err(error) => {
                    errors += 1;
                    assert!(
                        error.file.starts_with(&dir) || error.file.starts_with(dir.canonicalize().unwrap()),
                        "{error}"
                    );
                }
                Ok(shown) => {
                    // Only the database has bytes that nobody reads. What is shown is what was signed.
                    assert_eq!(name, "archive.sqlite", "round {round}");
                    for (key, _, blocks, _) in shown {
                        let (_, _, truth, _) = whole.iter().find(|(known, ..)| known == key).unwrap();
                        assert!(truth.starts_with(blocks), "{round}");
                    }
                }
            }
            if round < 2 {
                assert!(result.is_err());
            }
            // Opening for writing does not panic either.
            if name != "archive.sqlite"
                && let Ok(archive) = Archive::open(&dir)
            {
                for (log, _) in archive.logs().unwrap() {
                    drop(archive.writer(log, 0));
                }
            }
            drop(Archive::open(&dir));
            for side in ["-wal", "-shm"] {
                drop(std::fs::remove_file(dir.join(format!("archive.sqlite{side}"))));
            }
            for (path, bytes) in &all {
                std::fs::write(path, bytes).unwrap();
            }
        }
    }
    assert_eq!(show(&dir).unwrap(), whole);
    println!("{errors} of {rounds} damages are errors");
}

/// Protects audits that go on where another one was: what they spare themselves to check in advance is checked when it is read.
#[test]
fn spared_blocks_are_checked_when_they_are_read() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("archive");
    let mut archive = Archive::create(&dir).unwrap();
    let mut writer = begin(&mut archive, 1, 0);
    let blocks: Vec<Vec<u8>> = (0..100_u8).map(|seq| vec![seq; 10]).collect();
    let mut commit = |from: usize, to: usize| {
        writer.append(&blocks[from..to]).unwrap();
        writer.stage_head(sign(1, 0, &roots_of(&blocks[..to]))).unwrap();
        archive.commit(&mut [&mut writer]).unwrap();
    };
    commit(0, 70);
    let file = files(&dir).into_iter().find(|(_, bytes)| bytes.len() == 700).unwrap().0;
    let damage = |at: usize| {
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[at] ^= 1;
        std::fs::write(&file, bytes).unwrap();
    };
    let open = |spared| {
        let mut database = Database::open(&dir, Some(public(1))).unwrap();
        database.spare(spared, &BTreeMap::new());
        database
    };
    damage(333);
    assert!(open(0).index_core().unwrap().check_all().is_err());
    assert!(open(33).index_core().unwrap().check_all().is_err());
    for spared in [34, 64, 70, 1000] {
        let database = open(spared);
        database.index_core().unwrap().check_all().unwrap();
        for seq in (0..70).filter(|seq| *seq != 33) {
            assert_eq!(database.index().block(seq).as_deref(), Some(&*blocks[seq as usize]), "{spared} {seq}");
        }
        assert!(database.take_error().is_none());
        assert_eq!(database.index().block(33), None);
        assert!(database.take_error().is_some(), "{spared}");
    }
    // Of what comes later all is checked.
    let mut database = open(50);
    database.index_core().unwrap().check_all().unwrap();
    commit(70, 100);
    assert!(database.renew(true).unwrap());
    for seq in (0..100).filter(|seq| *seq != 33) {
        assert_eq!(database.index().block(seq).as_deref(), Some(&*blocks[seq as usize]), "{seq}");
    }
    assert_eq!(database.index().block(33), None);
    damage(999);
    assert!(open(99).index_core().unwrap().check_all().is_err());
}

#[test]
fn evidence_is_made_once() {
    let temp = tempfile::tempdir().unwrap();
    let archive = Archive::create(&temp.path().join("archive")).unwrap();
    let evidence = archive.evidence();
    let id = evidence.put(b"proof").unwrap();
    let path = evidence.path(&id);
    let made = path.metadata().unwrap().modified().unwrap();
    assert_eq!(evidence.put(b"proof"), Ok(id));
    assert_eq!(path.metadata().unwrap().modified().unwrap(), made);
    assert_eq!(evidence.get(&id), Ok(Some(b"proof".to_vec())));
    assert_eq!(evidence.get(&[0; 32]), Ok(None));
    std::fs::write(&path, b"other").unwrap();
    for error in [evidence.put(b"proof").unwrap_err(), evidence.get(&id).unwrap_err()] {
        assert!(error.file == path && error.reason.contains("do not belong"), "{error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"other", "never overwritten");
}

const CHILD: &str = "ARCHIVE_STORE_CHILD";
const ROUNDS: u64 = 4;

/// Block `seq` of a log of the scenario: some large, many small.
fn scenario_block(seed: u8, seq: u64) -> Vec<u8> {
    let size = if seq < 8 { 300_000 } else { seq as usize % 7 };
    vec![seed ^ seq as u8; size]
}

/// Brings an archive from wherever it is to the end of the scenario. Says what is committed.
fn scenario(dir: &Path, said: impl Fn(String)) {
    let mut archive = if dir.exists() { Archive::open(dir) } else { Archive::create(dir) }.unwrap();
    let mut writers = Vec::new();
    for seed in [1, 2] {
        let log = archive.log(&public(seed), None).unwrap();
        if archive.histories(log).unwrap().is_empty() {
            archive.new_history(log, 0).unwrap();
        }
        writers.push((seed, archive.writer(log, 0).unwrap()));
    }
    for round in 1..=ROUNDS {
        let target = round * 5_000;
        for (seed, writer) in &mut writers {
            let length = Blocks::length(writer);
            if length < target {
                writer.append((length..target).map(|seq| scenario_block(*seed, seq))).unwrap();
                let head = sign(*seed, 0, writer.roots());
                writer.stage_head(head).unwrap();
            }
        }
        archive.commit(&mut writers.iter_mut().map(|(_, writer)| writer).collect::<Vec<_>>()).unwrap();
        said(format!("committed {target}"));
        let id = archive.evidence().put(format!("evidence {round}").as_bytes()).unwrap();
        said(format!("evidence {}", id[0]));
    }
}

#[test]
fn child() {
    if let Some(dir) = std::env::var_os(CHILD) {
        scenario(Path::new(&dir), |text| println!("SAID {text}"));
    }
}

/// All that an archive holds at the end, but for the database's own bytes.
fn everything(dir: &Path) -> (Shown, BTreeMap<PathBuf, Vec<u8>>) {
    let shown = show(dir).unwrap();
    let files = files(dir).into_iter().map(|(path, bytes)| (path.strip_prefix(dir).unwrap().to_owned(), bytes));
    (shown, files.filter(|(path, _)| !path.to_str().unwrap().starts_with("archive.sqlite")).collect())
}

#[test]
fn a_crash_anywhere_loses_nothing_that_was_committed() {
    let temp = tempfile::tempdir().unwrap();
    let calm = temp.path().join("calm");
    scenario(&calm, drop);
    let expected = everything(&calm);
    for point in crash::ARCHIVE {
        for pass in 1..=3 {
            let dir = temp.path().join(format!("{point}-{pass}"));
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "child", "--nocapture"]).env(CHILD, &dir).stderr(Stdio::null());
            let output = command.env("VITRA_WATCH_CRASH_AT", format!("{point}:{pass}")).output().unwrap();
            let killed = std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(9);
            assert!(killed || output.status.success(), "{point}:{pass} {output:?}");
            assert!(killed || pass > 1, "{point} is never passed");
            let said = String::from_utf8(output.stdout).unwrap();
            let committed = said.lines().filter_map(|line| line.split_once("SAID committed ")?.1.parse::<u64>().ok());
            let acknowledged = committed.max().unwrap_or_default();
            let evidence = said.matches("SAID evidence ").count();

            // As an audit sees it, before anybody repairs anything.
            let before: Vec<_> = files(&dir).into_iter().collect();
            if let Ok(shown) = show(&dir) {
                for (at, (key, _, blocks, _)) in shown.iter().enumerate() {
                    let length = blocks.len() as u64;
                    assert!(length >= acknowledged && length.is_multiple_of(5_000), "{point}:{pass} {length}");
                    assert_eq!(length, shown[0].2.len() as u64, "{point}:{pass}: log {at} was committed alone");
                    let seed = if *key == public(1) { 1 } else { 2 };
                    for (seq, block) in blocks.iter().enumerate() {
                        assert_eq!(block.as_deref(), Some(&scenario_block(seed, seq as u64)[..]));
                    }
                }
            } else {
                assert_eq!(acknowledged, 0, "{point}:{pass}: {:?}", show(&dir));
            }
            assert!(files(&dir).into_iter().collect::<Vec<_>>() == before, "{point}:{pass}: an audit wrote");
            let there =
                files(&dir.join("evidence")).into_keys().filter(|path| !path.parent().unwrap().ends_with("new"));
            assert!(there.count() >= evidence);

            scenario(&dir, drop);
            assert!(everything(&dir) == expected, "{point}:{pass}");
            std::fs::remove_dir_all(&dir).unwrap();
        }
    }
}

#[test]
fn a_manifest_may_come_later_than_the_log() {
    use vitra_watch::lab::{KeyScheme, Owner};
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("archive");
    let owner = Owner::numbered(1, 1, KeyScheme::Manifest);
    let mut archive = Archive::create(&dir).unwrap();
    let log = archive.log(owner.key(), None).unwrap();
    assert_eq!(archive.log(owner.key(), owner.manifest()).unwrap(), log);
    let history = archive.new_history(log, 0).unwrap();
    let mut writer = archive.writer(log, history).unwrap();
    writer.append([b"a", b"b"]).unwrap();
    writer.stage_head(owner.sign(0, writer.roots()).unwrap()).unwrap();
    archive.commit(&mut [&mut writer]).unwrap();
    let reader = ArchiveReader::open(&dir).unwrap();
    let [core] = reader.cores() else { panic!("{reader:?}") };
    assert_eq!((core.length(), core.manifest()), (2, owner.manifest()));
    core.check_all().unwrap();
}

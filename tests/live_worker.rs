//! A worker that stays: what it says while its archive grows is what an audit of the same archive says, whatever comes late and
//! whatever becomes of its process.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use vitra_watch::archive::{Archive, ArchiveReader, Core, find_stores};
use vitra_watch::database::ack::to_hex;
use vitra_watch::hyperbee::Blocks;
use vitra_watch::replay::auditor::Wait;
use vitra_watch::replay::finding::{Class, Kind, Verdict};
use vitra_watch::sandbox::{Layers, Mode, Sandbox};
use vitra_watch::worker::{
    self, Begun, Checkpoint, Command as Order, Launcher, Limits, News, Report, Request, Standing, Worker,
};

const BINARY: &str = env!("CARGO_BIN_EXE_vitra-watch");

fn launcher(binary: &str) -> Launcher {
    Launcher::new(binary, Sandbox::new(Mode::Auto).unwrap())
}

fn lab(args: &[&str]) {
    let output = Command::new(BINARY).arg("lab").args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn await_news<T>(worker: &mut Worker, mut wanted: impl FnMut(News) -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(120);
    while Instant::now() < end {
        match worker.news() {
            Some(News::Failed(error)) => panic!("{error}"),
            Some(news) => {
                if let Some(found) = wanted(news) {
                    return found;
                }
            }
            None => std::thread::yield_now(),
        }
    }
    panic!("the worker says nothing");
}

fn standing(worker: &mut Worker) -> Standing {
    await_news(worker, |news| match news {
        News::Standing(standing) => Some(*standing),
        _ => None,
    })
}

fn from_disk(dir: &Path) -> Report {
    worker::run(&launcher(BINARY), Request::new(dir.into()), Limits::default(), |_| ()).unwrap()
}

fn finish(worker: &mut Worker) -> Report {
    worker.tell(Order::Finish);
    await_news(worker, |news| match news {
        News::Report(report) => Some(*report),
        _ => None,
    })
}

/// A database of one participant.
fn create(temp: &Path) -> PathBuf {
    let dir = temp.join("lab");
    let options = ["create", "--contract", "kv", "--ops", "20", "--seed", "4", "--outsiders", "0", "--out"];
    lab(&[&options[..], &[dir.to_str().unwrap()]].concat());
    dir
}

/// Has an archive hold a log.
fn hold(archive: &mut Archive, core: &Core) {
    let log = archive.log(core.key(), core.manifest()).unwrap();
    let number = archive.histories(log).unwrap().first().map(|history| history.number);
    let number = number.unwrap_or_else(|| archive.new_history(log, 0).unwrap());
    let mut writer = archive.writer(log, number).unwrap();
    let mut all = core.heads().to_vec();
    all.sort_by_key(|head| head.length());
    let before = writer.committed();
    for head in all.into_iter().filter(|head| head.length() > before) {
        let blocks: Vec<_> = (writer.length()..head.length()).map(|seq| core.block(seq).unwrap()).collect();
        writer.append(blocks).unwrap();
        writer.stage_head(head).unwrap();
    }
    archive.commit(&mut [&mut writer]).unwrap();
}

/// Protects the verdict of a database that is followed: it is that of the audit of what is there.
#[test]
fn a_worker_goes_on_where_it_was() {
    let temp = tempfile::tempdir().unwrap();
    let dir = create(temp.path());
    let out = dir.to_str().unwrap();
    let mut worker = Worker::start(launcher(BINARY), Request::new(dir.clone()), Limits::default()).unwrap();
    let first = standing(&mut worker);
    assert!(first.is_in_order(), "{first:?}");
    for number in 0..5_u64 {
        let args: Json = serde_json::json!({ "key": format!("k{number}"), "value": number });
        lab(&["call", out, "set", "--args", &args.to_string()]);
        worker.tell(Order::Grown { heads: false });
        let now = standing(&mut worker);
        assert!(now.is_in_order(), "{now:?}");
        assert_eq!(now.report.transactions, first.report.transactions + number + 1, "all but the last are closed");
        assert!(now.report.head.length > first.report.head.length);
    }
    assert_eq!(finish(&mut worker), from_disk(&dir));
}

/// Protects honest executors from participants who withhold operations, and what comes after those from not being judged: an
/// operation is waited for, left out when that is told, and judged after all once its log comes.
#[test]
fn an_operation_may_be_withheld_and_come_late() {
    let temp = tempfile::tempdir().unwrap();
    let lab = create(temp.path());
    let reader = ArchiveReader::open(&find_stores(&lab)[0]).unwrap();
    let from_disk = from_disk(&lab);
    let is_index = |core: &&Core| to_hex(core.key()) == from_disk.database;
    let index = reader.cores().iter().find(is_index).unwrap();
    let oplog = reader.cores().iter().find(|core| !is_index(core)).unwrap();
    let dir = temp.path().join("archive");
    let mut archive = Archive::create(&dir).unwrap();
    hold(&mut archive, index);
    let mut worker = Worker::start(launcher(BINARY), Request::new(dir.clone()), Limits::default()).unwrap();
    let mut passed = 0;
    loop {
        let now = standing(&mut worker);
        let unavailable = now.report.findings.iter().filter(|finding| finding.kind == Kind::OpUnavailable).count();
        // What the log ends with is not closed yet.
        assert!(unavailable == passed || unavailable + 1 == passed, "{unavailable} {passed}");
        assert!(now.report.findings.iter().all(|finding| finding.class != Class::Violation), "{now:?}");
        assert!(now.foreseen.violations.is_empty(), "{now:?}");
        let Some(Wait::Operation { origin, seq }) = now.wait else { break };
        assert_eq!(origin, to_hex(oplog.key()));
        worker.tell(Order::Pass { origin, seq });
        passed += 1;
    }
    assert!(passed > 5, "{passed}");
    hold(&mut archive, oplog);
    worker.tell(Order::Grown { heads: false });
    let now = standing(&mut worker);
    assert!(now.is_in_order(), "{now:?}");
    let report = finish(&mut worker);
    assert_eq!((report.verdict, &report), (Verdict::Verified, &from_disk));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in from.read_dir().unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn set(dir: &Path, key: &str) {
    let args = serde_json::json!({ "key": key, "value": 1 }).to_string();
    lab(&["call", dir.to_str().unwrap(), "set", "--args", &args]);
}

/// Starts a worker, at a checkpoint if there is one, and waits until it has judged what is here. Gives how often it ran
/// something, too.
fn start(dir: &Path, checkpoint: Option<&Checkpoint>) -> (Worker, Standing, u64) {
    let request = Request { checkpoint: checkpoint.cloned(), checkpoint_every: Some(1), ..Request::new(dir.into()) };
    let mut worker = Worker::start(launcher(BINARY), request, Limits::default()).unwrap();
    let mut runs = 0;
    let standing = await_news(&mut worker, |news| match news {
        News::Beat(beat) => {
            runs = beat.runs;
            None
        }
        News::Standing(standing) => Some(*standing),
        _ => None,
    });
    (worker, standing, runs)
}

/// Protects the time of whoever follows many databases: a worker that is started again says what one from the genesis says, and
/// runs only what is new.
#[test]
fn a_worker_begins_where_another_one_was() {
    let temp = tempfile::tempdir().unwrap();
    let dir = create(temp.path());
    let (worker, first, all) = start(&dir, None);
    let mut checkpoint = first.checkpoint.clone().unwrap();
    assert_eq!(first.begun, Begun::Genesis);
    drop(worker);
    for round in 0..3 {
        (0..4).for_each(|number| set(&dir, &format!("{round}/{number}")));
        let (mut worker, now, runs) = start(&dir, Some(&checkpoint));
        let (_, fresh, from_genesis) = start(&dir, None);
        assert!(matches!(now.begun, Begun::Checkpoint(_)), "{:?}", now.begun);
        assert_eq!((&now.report, &now.foreseen, &now.wait), (&fresh.report, &fresh.foreseen, &fresh.wait));
        assert!(now.is_in_order(), "{now:?}");
        // Each run is noted when it begins and when it ends. The last one of before was not closed, and no other is run again.
        assert_eq!(runs, 2 * 5, "{round}");
        assert!(from_genesis > all, "{from_genesis} {all}");
        checkpoint = now.checkpoint.unwrap();
        assert_eq!(Some(&checkpoint), fresh.checkpoint.as_ref(), "the same place, the same checkpoint");
        // Nothing new, nothing to say.
        worker.tell(Order::Grown { heads: false });
        assert_eq!(standing(&mut worker).checkpoint, None);
        assert_eq!(finish(&mut worker), from_disk(&dir));
    }
}

/// Protects verdicts from checkpoints that do not fit what is here: the audit begins at the genesis, and says so.
#[test]
fn a_checkpoint_of_other_logs_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let dir = create(temp.path());
    let other = temp.path().join("other");
    copy(&dir, &other);
    // Two futures of the same owners.
    ["a", "b", "c"].into_iter().for_each(|key| set(&dir, key));
    ["d", "e", "f", "g"].into_iter().for_each(|key| set(&other, key));
    let checkpoint = start(&dir, None).1.checkpoint.unwrap();
    let damaged = Checkpoint::from(checkpoint.as_str().replacen("\"at\":", "\"at\":1", 1));
    for (dir, checkpoint) in [(&other, &checkpoint), (&dir, &damaged), (&dir, &Checkpoint::from(String::new()))] {
        let (mut worker, now, _) = start(dir, Some(checkpoint));
        assert!(matches!(now.begun, Begun::Anew(_)), "{:?}", now.begun);
        assert!(now.is_in_order(), "{now:?}");
        assert_eq!(now.checkpoint, start(dir, None).1.checkpoint);
        assert_eq!(finish(&mut worker), from_disk(dir));
    }
    assert!(matches!(start(&dir, Some(&checkpoint)).1.begun, Begun::Checkpoint(_)));
}

/// Protects the watch from whatever kills a process that waits: another one takes its place.
#[test]
fn a_worker_that_dies_while_it_waits_is_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let dir = create(temp.path());
    let (program, pids) = (temp.path().join("worker"), temp.path().join("pids"));
    symlink(BINARY, temp.path().join("program")).unwrap();
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/worker.sh"), &program).unwrap();
    let mut worker = Worker::start(
        Launcher::new(program, Sandbox::only(Layers::NONE)),
        Request::new(dir.clone()),
        Limits::default(),
    )
    .unwrap();
    let first = standing(&mut worker);
    let kill = |number: usize| {
        let pids = std::fs::read_to_string(&pids).unwrap();
        assert_eq!(pids.lines().count(), number);
        let pid = rustix::process::Pid::from_raw(pids.lines().last().unwrap().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    };
    kill(1);
    worker.tell(Order::Grown { heads: false });
    assert_eq!(standing(&mut worker), first);
    kill(2);
    assert_eq!(finish(&mut worker), from_disk(&dir));
}

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
use vitra_watch::worker::{self, Command as Order, Limits, News, Report, Request, Standing, Worker};

const BINARY: &str = env!("CARGO_BIN_EXE_vitra-watch");

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
    worker::run(Path::new(BINARY), Request::new(dir.into()), Limits::default(), |_| ()).unwrap()
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
    let mut worker = Worker::start(BINARY.into(), Request::new(dir.clone()), Limits::default()).unwrap();
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
    let mut worker = Worker::start(BINARY.into(), Request::new(dir.clone()), Limits::default()).unwrap();
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

/// Protects the watch from whatever kills a process that waits: another one takes its place.
#[test]
fn a_worker_that_dies_while_it_waits_is_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let dir = create(temp.path());
    let (program, pids) = (temp.path().join("worker"), temp.path().join("pids"));
    symlink(BINARY, temp.path().join("program")).unwrap();
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/worker.sh"), &program).unwrap();
    let mut worker = Worker::start(program, Request::new(dir.clone()), Limits::default()).unwrap();
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

//! What a restart costs, with and without a checkpoint; see `docs/performance.md`.
//!
//! `cargo test --release --test restart_cost -- --ignored --nocapture --test-threads 1`

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use vitra_watch::archive::{Archive, Database};
use vitra_watch::database::{Value, encode};
use vitra_watch::lab::archived::{Archived, commit};
use vitra_watch::lab::{Beginning, Lab};
use vitra_watch::replay::auditor::{Auditor, Checkpoint, Options, Step};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::report;

fn lab(args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_vitra-watch")).arg("lab").args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Processor time of all threads.
fn timed<T>(name: &'static str, times: &mut Vec<(&'static str, Duration)>, work: impl FnOnce() -> T) -> T {
    let now = || {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let begun = now();
    let done = work();
    times.push((name, now() - begun));
    done
}

/// One start, in stages; gives the checkpoint at its end.
fn start(dir: &Path, checkpoint: Option<&Checkpoint>) -> (Vec<(&'static str, Duration)>, Checkpoint) {
    let mut times = Vec::new();
    let options = Options::default();
    let mut database = timed("open", &mut times, || Database::open(dir, None).unwrap());
    let key = *database.key();
    timed("check", &mut times, || {
        if let Some(checkpoint) = checkpoint {
            let (index, oplogs) = checkpoint.lengths(&key, &options).unwrap();
            database.spare(index, &oplogs);
        }
        database.index_core().unwrap().check_all().unwrap();
    });
    let logs = Rc::new(database);
    let mut auditor = timed("resume", &mut times, || match checkpoint {
        Some(checkpoint) => Auditor::resume(logs, &key, options, checkpoint).unwrap(),
        None => Auditor::live(logs, &key, options),
    });
    timed("audit", &mut times, || while let Step::Judged(_) = auditor.step() {});
    timed("report", &mut times, || serde_json::to_vec(&report::of(&auditor)).unwrap());
    let checkpoint = timed("checkpoint", &mut times, || auditor.checkpoint().unwrap());
    (times, checkpoint)
}

/// Medians of five.
fn show(title: &str, dir: &Path, checkpoint: Option<&Checkpoint>) {
    let all: Vec<_> = (0..5).map(|_| start(dir, checkpoint)).collect();
    let median = |stage: Option<usize>| {
        let of = |times: &[(&str, Duration)]| match stage {
            Some(at) => times[at].1,
            None => times.iter().map(|(_, time)| *time).sum(),
        };
        let mut times: Vec<Duration> = all.iter().map(|(times, _)| of(times)).collect();
        times.sort();
        times[2]
    };
    let stages = all[0].0.iter().enumerate().map(|(at, (name, _))| format!("{name} {:.1?}", median(Some(at))));
    let stages: Vec<String> = stages.collect();
    println!("{title}: {:.1?} ({}); checkpoint of {} bytes", median(None), stages.join(", "), all[0].1.as_str().len());
}

/// Measures restarts behind long logs.
#[test]
#[ignore = "a measurement"]
fn behind_long_logs() {
    for operations in ["1000", "10000", "100000"] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("lab");
        let out = dir.to_str().unwrap();
        lab(&["create", "--contract", "kv", "--ops", operations, "--outsiders", "0", "--out", out]);
        on_big_stack(&Budget::default(), || {
            let checkpoint = start(&dir, None).1;
            for number in 0..5 {
                let args = serde_json::json!({ "key": format!("k{number}"), "value": number }).to_string();
                lab(&["call", out, "set", "--args", &args]);
            }
            show(&format!("{operations} operations, from the genesis"), &dir, None);
            show(&format!("{operations} operations, five more"), &dir, Some(&checkpoint));
        })
        .unwrap();
    }
}

/// Measures checkpoints of many participants.
#[test]
#[ignore = "a measurement"]
fn of_many_participants() {
    for participants in [100, 1_000, 10_000] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("archive");
        on_big_stack(&Budget::default(), || {
            let source = "export function apply (tx, op) { tx.put('/n', op.n) }";
            let beginning = Beginning { participants, ..Beginning::new(source, 5) };
            let archive = Rc::new(RefCell::new(Archive::create(&dir).unwrap()));
            let store = |owner: &_| Archived::open(&archive, owner);
            let mut lab = Lab::create(&beginning, &beginning.genesis(), store).unwrap();
            let go_on = |lab: &mut Lab<Archived>, count: usize| {
                for who in 0..count {
                    let op = encode(&Value::object(vec![("n".into(), Value::num(who as f64))]));
                    lab.publish(who, &[op]).unwrap();
                    lab.execute(who).unwrap();
                }
                let logs = lab.oplogs.iter_mut().chain([&mut lab.index]);
                commit(&archive, logs.map(|log| &mut log.store)).unwrap();
            };
            go_on(&mut lab, participants);
            let checkpoint = start(&dir, None).1;
            go_on(&mut lab, 5);
            show(&format!("{participants} participants, from the genesis"), &dir, None);
            show(&format!("{participants} participants, five more operations"), &dir, Some(&checkpoint));
        })
        .unwrap();
    }
}

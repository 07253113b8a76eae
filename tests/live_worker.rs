//! A worker that stays: what it says while its archive grows is what an audit of the same archive says.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
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

/// Protects the verdict of a database that is followed: it is that of the audit of what is there.
#[test]
fn a_worker_goes_on_where_it_was() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("lab");
    let out = dir.to_str().unwrap();
    lab(&["create", "--contract", "kv", "--ops", "20", "--seed", "4", "--out", out]);
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
    worker.tell(Order::Finish);
    let report = await_news(&mut worker, |news| match news {
        News::Report(report) => Some(*report),
        _ => None,
    });
    assert_eq!(report, from_disk(&dir));
}

//! The parent's side of the worker: what it does with one that is stuck, dies, or talks nonsense.

mod common;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use vitra_watch::sandbox::{Layers, Mode, Sandbox};
use vitra_watch::worker::{self, Launcher, Limits, Report, Request, WorkerError};

/// A stand-in for the program: a shell script that is called as the worker is.
fn script(dir: &Path, body: &str) -> Launcher {
    let path = dir.join("worker.sh");
    let mut file = std::fs::File::create(&path).unwrap();
    write!(file, "#!/bin/sh\nread -r request\n{body}\n").unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
    // It writes, and starts other programs.
    Launcher::new(path, Sandbox::only(Layers::NONE))
}

fn program() -> Launcher {
    Launcher::new(env!("CARGO_BIN_EXE_vitra-watch"), Sandbox::new(Mode::Auto).unwrap())
}

fn limits() -> Limits {
    Limits { run: Duration::from_millis(300), silence: Duration::from_secs(20), killed: 2 }
}

fn run(body: &str) -> (Result<Report, WorkerError>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("starts");
    let body = format!("echo start >> {}\n{body}", log.display());
    let result = worker::run(&script(dir.path(), &body), Request::new("/nowhere".into()), limits(), |_| {});
    let starts = std::fs::read_to_string(log).unwrap_or_default().lines().count();
    (result, starts)
}

const STUCK: &str =
    r#"while :; do echo '{"beat":{"position":4,"length":9,"transactions":1,"running":6,"runs":3}}'; done"#;

/// A report to answer with: that of a real, honest database.
fn report() -> String {
    let case = common::unpack("b", "h-kv-10");
    let report = worker::run(&program(), Request::new(case.dir.clone()), Limits::default(), |_| {}).unwrap();
    format!("{{\"report\":{}}}", serde_json::to_string(&report).unwrap())
}

/// An operation under which a worker has to be killed is tried once more, then left out.
#[test]
fn a_stuck_operation_is_retried_then_left_out() {
    let body = format!("case \"$request\" in *'\"killed\":[6]'*) echo '{}';; *) {STUCK};; esac", report());
    let (result, starts) = run(&body);
    assert_eq!(result.unwrap().verdict.name(), "verified");
    assert_eq!(starts, 3, "two tries, then one without the operation");
}

#[test]
fn a_worker_that_is_always_stuck_is_given_up() {
    let (result, starts) = run(STUCK);
    assert!(matches!(result, Err(WorkerError::Failed(_))));
    // The same operation again: it was left out, and still the worker says that it runs.
    assert!(starts <= 6, "{starts}");
}

#[test]
fn a_worker_that_dies_or_babbles_is_a_failure_and_no_verdict() {
    for body in ["exit 1", "kill -9 $$", "echo nonsense", "echo '{\"report\":{}}'"] {
        let (result, _) = run(body);
        assert!(matches!(result, Err(WorkerError::Failed(_))), "{body}");
    }
    let missing = worker::run(
        &Launcher::new("/no/such/program", Sandbox::only(Layers::NONE)),
        Request::new("/nowhere".into()),
        limits(),
        |_| {},
    );
    assert!(matches!(missing, Err(WorkerError::Failed(_))));
}

/// The child inherits neither environment nor descriptors.
#[test]
fn a_worker_starts_with_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let seen = dir.path().join("seen");
    let _held = std::fs::File::open("/dev/null").unwrap();
    let body = format!("env | cut -d= -f1 | sort > {0}; ls /proc/$$/fd >> {0}; exit 1", seen.display());
    let _ = worker::run(&script(dir.path(), &body), Request::new("/nowhere".into()), limits(), |_| {});
    let seen = std::fs::read_to_string(seen).unwrap();
    let names: Vec<&str> = seen.lines().filter(|line| line.parse::<u32>().is_err()).collect();
    // The shell itself sets PWD and the like.
    assert!(names.iter().all(|name| ["TZ", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"].contains(name)), "{names:?}");
    let descriptors: Vec<u32> = seen.lines().filter_map(|line| line.parse().ok()).collect();
    // Beyond the standard ones only the shell's own, for the script that it reads.
    assert!(descriptors.iter().filter(|&&fd| fd > 2).all(|&fd| fd >= 10), "{descriptors:?}");
}

/// A real database whose contract sits in a native loop, which nothing can interrupt: a verdict all the same.
#[test]
fn a_native_loop_in_a_real_database_ends_in_a_verdict() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    // Whoever shows the contract another time than the ack's is caught: the auditor does, the lab does not.
    let contract = "export const apply = { X (tx, op, ack) {
        if (op.stuck && Date.now() !== ack.ts) Array.prototype.join.call({ length: 2 ** 53 - 1 })
        tx.put('/x', op.n)
    } }";
    let workload = r#"{ "first": [{ "op": { "op": "X", "n": 1 } }, { "op": { "op": "X", "n": 2, "stuck": true } }],
                        "then": [{ "op": { "op": "X", "n": 3 } }] }"#;
    std::fs::write(at("contract.js"), contract).unwrap();
    std::fs::write(at("workload.json"), workload).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_vitra-watch"));
    let mut create = std::process::Command::new(binary);
    create.args(["lab", "create", "--ops", "4", "--contract"]).arg(at("contract.js"));
    create.arg("--workload").arg(at("workload.json")).arg("--out").arg(at("lab"));
    let made = create.output().unwrap();
    assert!(made.status.success(), "{made:?}");
    // Long enough for every honest operation, however slow the machine; a native loop lasts for years.
    let limits = Limits { run: Duration::from_secs(4), silence: Duration::from_secs(60), killed: 2 };
    let report = worker::run(&program(), Request::new(at("lab")), limits, |_| {}).unwrap();
    assert_eq!(report.verdict.name(), "unverifiable");
    let kinds: Vec<_> = report.findings.iter().map(|finding| (finding.kind.name(), finding.seq)).collect();
    assert_eq!(kinds, [("budget-exhausted", Some(6))]);
    assert_eq!(report.transactions, 4);
}

/// Protects the parent's memory from a worker that was taken over: a line without an end is not kept, and it is given up.
#[test]
fn a_worker_that_says_too_much_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    // However slow the machine: what counts is how much it says.
    let limits = Limits { silence: Duration::from_secs(3_600), ..limits() };
    let program = script(dir.path(), "head -c 300000000 /dev/zero; sleep 3600");
    let why = worker::run(&program, Request::new("/nowhere".into()), limits, |_| {}).unwrap_err().to_string();
    assert!(why.contains("it said a line of more than 256 MiB"), "{why}");
}

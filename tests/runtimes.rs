//! Nobody honest is accused because engines differ, and what the executor's own engine confirms is found.

mod common;
#[path = "common/runtimes.rs"]
mod installation;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;
use vitra_watch::database::Value;
use vitra_watch::replay::engine::{AckView, Outcome};
use vitra_watch::replay::finding::{Class, Kind, Support, Verdict};
use vitra_watch::replay::reference::{Question, References, Reply, ask};
use vitra_watch::replay::state::Empty;
use vitra_watch::runtimes::{Runtimes, names};
use vitra_watch::sandbox::{Layers, Mode, Sandbox};
use vitra_watch::worker::{self, Launcher, Limits, Report, Request};

fn audit(dir: &Path, runtimes: Option<&Path>, confirm: bool) -> Report {
    let sandbox = Sandbox::new(Mode::Auto).unwrap();
    let launcher =
        Launcher::new(env!("CARGO_BIN_EXE_vitra-watch"), sandbox).with_runtimes(runtimes.map(Path::to_owned));
    let request = Request { confirm, ..Request::new(dir.to_owned()) };
    worker::run(&launcher, request, Limits::default(), |_| {}).unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
}

fn field() -> (std::path::PathBuf, serde_json::Map<String, Json>) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/field");
    let expected: Json = serde_json::from_slice(&std::fs::read(dir.join("expected.json")).unwrap()).unwrap();
    (dir, expected.as_object().unwrap().clone())
}

/// Lies, and contracts that hold up an audit: their issues are other ones.
const OTHERS: [&str; 3] = ["b2", "keyorder-lie", "keyorder-honest"];

/// Protects honest executors from the differences between V8, msgpackr and our engine: without the executor's engine at hand
/// such a database is undecided, with it verified.
#[test]
fn no_difference_between_engines_accuses() {
    let (dir, expected) = field();
    let runtimes = installation::installed();
    let mut verified = 0;
    let mut count = 0;
    for name in expected.keys().filter(|name| !OTHERS.contains(&name.as_str())) {
        let unpacked = common::extract(&dir.join(format!("{name}.tar.zst")));
        let database = unpacked.path().join(name).join("db");
        let alone = audit(&database, None, false);
        assert_ne!(alone.verdict, Verdict::Violated, "{name}: {:?}", kinds(&alone));
        let Some(runtimes) = &runtimes else { continue };
        let asked = audit(&database, Some(runtimes), false);
        assert_ne!(asked.verdict, Verdict::Violated, "{name}: {:?}", kinds(&asked));
        let differs = asked.findings.iter().any(|finding| finding.kind == Kind::EngineDifference);
        assert!(differs || asked.verdict == alone.verdict, "{name}: {:?}", kinds(&asked));
        verified += usize::from(asked.verdict == Verdict::Verified);
        count += 1;
    }
    assert!(runtimes.is_none() || (count >= 54 && verified >= 52), "{verified} of {count} verified");
}

/// Protects the proofs of lies: whatever our engine finds in the corpus, the executor's own engine confirms.
#[test]
fn every_lie_of_the_corpus_is_confirmed() {
    let Some(runtimes) = installation::installed() else { return };
    let mut confirmed = 0;
    for era in common::ERAS {
        for name in common::cases(era).into_iter().filter(|name| name.starts_with("d-")) {
            let case = common::unpack(era, &name);
            let (usual, asked) = (audit(&case.dir, None, false), audit(&case.dir, Some(&runtimes), true));
            assert_eq!(usual.verdict, asked.verdict, "{era}/{name}: {:?}", kinds(&asked));
            let violations = |report: &Report| -> Vec<_> {
                let all = report.findings.iter().filter(|finding| finding.class == Class::Violation);
                all.map(|finding| (finding.kind, finding.seq, finding.expected.clone())).collect()
            };
            assert_eq!(violations(&usual), violations(&asked), "{era}/{name}");
            for finding in asked.findings.iter().filter(|finding| finding.kind.by_replay()) {
                assert_eq!(finding.support, Some(Support::Runtimes(names())), "{era}/{name}: {finding:?}");
                confirmed += 1;
            }
        }
    }
    assert!(confirmed >= 10, "{confirmed}");
}

/// Runtimes that say what a test has them say.
struct Scripted {
    names: Vec<String>,
    says: RefCell<Vec<VecDeque<Option<String>>>>,
    heard: RefCell<Vec<(usize, String)>>,
}

impl Scripted {
    fn new(says: &[&[Option<&str>]]) -> Self {
        let own = |lines: &&[Option<&str>]| lines.iter().map(|line| line.map(str::to_owned)).collect();
        Self {
            names: (0..says.len()).map(|at| format!("runtime {at}")).collect(),
            says: RefCell::new(says.iter().map(own).collect()),
            heard: RefCell::default(),
        }
    }
}

impl References for Scripted {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn exchange(&self, lines: Vec<(usize, String)>) -> Vec<(usize, Option<String>)> {
        self.heard.borrow_mut().extend(lines.iter().cloned());
        let mut says = self.says.borrow_mut();
        let asked = lines.into_iter().filter(|(_, line)| !line.is_empty());
        asked.map(|(at, _)| (at, says[at].pop_front().flatten())).collect()
    }
}

fn replies(references: &dyn References) -> Vec<Reply> {
    let metadata = Value::Undefined;
    let ack = AckView { origin: "", seq: 0, ts: 0.0, metadata: &metadata };
    ask(references, &Question { source: "", index: "", operation: &[0xc0], ack: &ack }, &Empty).unwrap()
}

/// Protects the worker from a runtime that a contract has taken over: no line of it is more than no answer.
#[test]
fn a_runtime_that_says_something_odd_has_said_nothing() {
    let deep = format!("{{\"done\": {}", "[".repeat(200_000));
    let lines = [
        "",
        "null",
        "[]",
        "{}",
        "{\"done\": {\"outcome\": {\"changes\": null}, \"concurrent\": false}}",
        "{\"done\": {\"outcome\": {\"changes\": []}}}",
        "{\"changes\": []}",
        "{\"done\": {\"outcome\": {\"changes\": [{\"path\": \"!\", \"put\": true, \"value\": null, \"system\": false}]}, \"concurrent\": false}}",
        "{\"done\": {\"outcome\": {\"changes\": [{\"path\": \"L3g=\", \"put\": true, \"value\": \"2Q==\", \"system\": false}]}, \"concurrent\": false}}",
        "{\"done\": {\"outcome\": {\"changes\": [{\"path\": \"L3g=\", \"put\": true, \"value\": null, \"system\": false, \"more\": 1}]}, \"concurrent\": false}}",
        "{\"get\": \"!\"}",
        "{\"get\": \"L3g=\"}",
        "{\"list\": \"/w==\"}",
        "{\"done\": {\"outcome\": {\"dies\": false}, \"concurrent\": false}}",
        "{\"done\": {\"outcome\": {\"changes\": [], \"failed\": \"both\"}, \"concurrent\": false}}",
        "{\"hangs\": \"it waits\"}",
        "{\"unloaded\": \"compile\", \"text\": \"no\"}",
        "{\"done\": {\"outcome\": {\"failed\": \"Error: Isolate was disposed during execution due to memory limit\"}, \"concurrent\": false}}",
        &deep,
    ];
    for line in lines {
        let shown = line.get(..60).unwrap_or(line);
        let scripted = Scripted::new(&[&[Some(line)], &[None]]);
        assert!(matches!(&replies(&scripted)[..], [Reply::None(_), Reply::None(_)]), "{shown}");
    }
    let scripted = Scripted::new(&[
        &[Some("{\"done\": {\"outcome\": {\"changes\": []}, \"concurrent\": false}}")],
        &[Some("{\"done\": {\"outcome\": {\"failed\": \"Error: no\"}, \"concurrent\": true}}")],
    ]);
    let both = replies(&scripted);
    assert!(matches!(&both[0], Reply::Outcome { outcome: Outcome::Success { actions: 0, .. }, .. }), "{both:?}");
    assert!(matches!(&both[1], Reply::Outcome { outcome: Outcome::Failure { .. }, .. }), "{both:?}");
}

/// Protects an audit from processes that end, that say nothing that ends, and that are not there.
#[test]
fn a_runtime_that_breaks_down_has_said_nothing() {
    let ready = "echo '{\"ready\": \"\"}'";
    for (what, script) in [
        ("it ends at once", String::new()),
        ("it ends when it is asked", format!("{ready}; read line")),
        ("it says too much", format!("{ready}; read line; exec tr '\\0' x < /dev/zero")),
        ("it ends within a line", format!("{ready}; read line; printf '{{\"changes\": [')")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        for program in ["node-15", "node-24"] {
            let bin = dir.path().join("node_modules").join(program).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            std::fs::write(bin.join("node"), format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(bin.join("node"), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let said = replies(&Runtimes::new(dir.path(), Sandbox::only(Layers::NONE)));
        assert!(said.iter().all(|reply| matches!(reply, Reply::None(_))), "{what}: {said:?}");
    }
    let said = replies(&Runtimes::new(Path::new("/no/such/directory"), Sandbox::off()));
    assert!(said.len() == 3 && said.iter().all(|reply| matches!(reply, Reply::None(_))), "{said:?}");
}

/// A contract, what its participants do, and a database that a real runtime has made of both.
fn executed(source: &str, ops: u64, engine: &str, lie: Option<&str>) -> Option<tempfile::TempDir> {
    let runtimes = installation::installed()?;
    let dir = tempfile::tempdir().unwrap();
    let workload = r#"{ "then": [{ "weight": 1, "op": {
        "op": "POST", "text": { "$text": 20 }, "n": { "$int": [0, 9] }
    } }] }"#;
    std::fs::write(dir.path().join("contract.js"), source).unwrap();
    std::fs::write(dir.path().join("workload.json"), workload).unwrap();
    let mut create = Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
    create.arg("--runtimes").arg(runtimes).args(["lab", "create", "--ops", &ops.to_string(), "--engine", engine]);
    create.args(["--contract", "contract.js", "--workload", "workload.json", "--out", "db"]).current_dir(&dir);
    let output = create.args(lie.iter().flat_map(|lie| ["--lie", lie])).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(dir)
}

/// Not plain, and the same in all engines.
const REVIVED: &str = "export const apply = { POST (tx, op) {
  tx.put('/p/' + op.n, { text: op.text, some: JSON.parse('[1, 2]', (key, value) => value) })
} }";

/// What V8 does and our engine does not: 70,000 arguments.
const MANY_ARGUMENTS: &str = "export const apply = { POST (tx, op) {
  tx.put('/p/' + op.n, { text: op.text, most: Math.max(...new Array(70000).fill(op.n)) })
} }";

/// The clock, looked at where this engine does not come to, and local time.
const LOOKING: [&str; 2] = [
    "export const apply = { POST (tx, op) {
  let many = false
  try { many = Math.max(...new Array(70000).fill(1)) === 1 } catch (error) {}
  tx.put('/p/' + op.n, { text: op.text, late: many && Date.now() > 1700000005000 })
} }",
    "export const apply = { POST (tx, op, ack) {
  tx.put('/p/' + op.n, { text: op.text, hour: new Date(ack.ts).getHours(), some: JSON.parse('[1]', (key, value) => value) })
} }",
];

/// Protects executors from contracts that look at the clock or the machine in their engine only: what the runtimes make today
/// accuses nobody of what was made then and there.
#[test]
fn what_no_engine_repeats_is_not_confirmed() {
    let lying = [(MANY_ARGUMENTS, "wrong-change@5")];
    for (source, lie) in LOOKING.map(|source| (source, "wrong-change@5")).into_iter().chain(lying) {
        let Some(dir) = executed(source, 20, "vitra-1.5", Some(lie)) else { return };
        let runtimes = installation::installed();
        let report = audit(&dir.path().join("db"), runtimes.as_deref(), false);
        assert_eq!(report.verdict, Verdict::Unverifiable, "{source}: {:?}", kinds(&report));
    }
}

fn kinds(report: &Report) -> Vec<(Kind, Option<u64>, &str)> {
    report.findings.iter().map(|finding| (finding.kind, finding.seq, finding.message.as_str())).collect()
}

/// Protects both sides of a proof: it convicts where the executor's engine confirms it, and nowhere else.
#[test]
fn a_proof_that_rests_on_an_engine_needs_that_engine() {
    let Some(dir) = executed(REVIVED, 20, "vitra-1.5", Some("wrong-change@5")) else { return };
    let runtimes = installation::installed().unwrap();
    let database = dir.path().join("db");
    let undecided = audit(&database, None, false);
    assert_eq!(undecided.verdict, Verdict::Unverifiable, "{:?}", kinds(&undecided));
    let report = audit(&database, Some(&runtimes), false);
    let violations: Vec<_> = report.findings.iter().filter(|finding| finding.class == Class::Violation).collect();
    assert!(matches!(&violations[..], [one] if one.kind == Kind::WrongChange), "{violations:?}");
    assert_eq!(violations[0].support, Some(Support::Runtimes(names())));
    let vitra_watch = |args: &[&str], asks: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
        // Whatever is installed for whoever runs the tests is none of theirs.
        command.current_dir(&dir).env("XDG_DATA_HOME", dir.path());
        command.args(args);
        if asks {
            command.arg("--runtimes").arg(&runtimes);
        }
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(vitra_watch(&["audit", "db", "--proofs", "proofs"], true).0, 10);
    let mut files = dir.path().join("proofs").read_dir().unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    let file = file.to_str().unwrap();
    let (code, text) = vitra_watch(&["proof", "verify", file], true);
    assert!(code == 0 && text.contains("PROVEN") && text.contains("vitra-1.5, vitra-1.12, current-1.12"), "{text}");
    let (code, text) = vitra_watch(&["proof", "verify", file], false);
    assert!(code == 2 && text.contains("NOT CONFIRMED") && text.contains("runtimes install"), "{text}");
    let (code, text) = vitra_watch(&["audit", "db"], false);
    assert!(code == 20 && text.contains("1 finding needs the reference runtimes"), "{text}");
}

/// Ordinary code whose result depends on the order in which answers arrive.
const CONCURRENT_READS: &str = "import { index } from 'contract'
export const apply = { async POST (tx, op) {
  const seen = []
  await Promise.all([1, 2, 3].map(async (n) => {
    const entry = await index.get('/p/' + n)
    seen.push(n + ':' + (entry ? entry.seq : 0))
  }))
  tx.put('/p/' + op.n, { text: op.text, seen })
} }";

/// Protects executors whose real runtime delivers answers in another order, as it does under load: never an accusation.
/// `VITRA_WATCH_OPS=5000` for more of them.
#[test]
fn concurrent_reads_in_any_order_accuse_nobody() {
    let ops = std::env::var("VITRA_WATCH_OPS").map_or(400, |text| text.parse().unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Two busy threads a core.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        for _ in 0..cores * 2 {
            scope.spawn(|| {
                let mut spun = 0_u64;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    spun = std::hint::black_box(spun.wrapping_add(1));
                }
            });
        }
        let dir = executed(CONCURRENT_READS, ops, "current-1.12", None);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        let Some(dir) = dir else { return };
        let runtimes = installation::installed();
        for (runtimes, confirm) in [(None, false), (runtimes.as_deref(), false), (runtimes.as_deref(), true)] {
            let report = audit(&dir.path().join("db"), runtimes, confirm);
            assert_ne!(report.verdict, Verdict::Violated, "{:?}", kinds(&report));
            let explained = report.findings.iter().filter(|finding| finding.kind == Kind::NondeterministicContract);
            eprintln!("{ops} operations, {} raced, asked: {}", explained.count(), runtimes.is_some());
        }
    });
}

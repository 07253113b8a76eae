//! `lab serve`: hostile peers beside honest ones. An audit ends with the verdict that it has from disk, or says what it was shown.

#[path = "common/node.rs"]
mod node;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use node::Project;
use serde_json::{Value as Json, json};
use tempfile::{TempDir, tempdir};

static INTEROP: Project = Project::new("interop");

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitra-watch")).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Exit code, report, and what was said beside it.
fn audit(args: &[&str]) -> (i32, Json, String) {
    let output = run(&[&["audit", "--json"], args].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code().unwrap(), json, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Makes a lab with 80 things done, and more arguments.
fn create(dir: &Path, more: &[&str]) -> String {
    let out = dir.to_str().unwrap();
    let made =
        run(&[&["lab", "create", "--contract", "kv", "--ops", "80", "--seed", "9", "--out", out], more].concat());
    assert!(made.status.success(), "{made:?}");
    out.to_owned()
}

/// A serving process; killed when dropped.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(dir: &str, behaviour: &str, more: &[&str]) -> Serving {
        let args = ["lab", "serve", dir, "--behaviour", behaviour, "--listen-tcp", "127.0.0.1:0"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
        command.args([&args, more].concat()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.filter_map(|line| Some(line.strip_prefix("listening")?.trim().to_owned())).next().unwrap();
        Serving { child, address }
    }

    /// Peak of its memory, in KiB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Case {
    temp: TempDir,
    lab: String,
    report: (i32, Json),
    key: String,
}

impl Case {
    fn new(more: &[&str]) -> Case {
        let temp = tempdir().unwrap();
        let lab = create(&temp.path().join("lab"), more);
        let (code, report, _) = audit(&[&lab]);
        let key = report["database"].as_str().unwrap().to_owned();
        Case { temp, lab, report: (code, report), key }
    }

    fn archive(&self, name: &str) -> String {
        self.temp.path().join(name).to_str().unwrap().to_owned()
    }

    /// An audit by key from these peers.
    fn audit(&self, archive: &str, peers: &[&str]) -> (i32, Json, String) {
        let archive = self.archive(archive);
        let mut args = vec![&*self.key, "--archive", &archive];
        peers.iter().for_each(|peer| args.extend(["--peer", peer]));
        audit(&args)
    }
}

/// Behaviours under which one honest peer is enough, and what is said of the hostile one, if it gets a chance.
const HOSTILE: [(&str, &str); 9] = [
    ("withheld", ""),
    ("stalled", ""),
    ("slow-drip", ""),
    ("garbage", "a message ends too early"),
    ("flood", "too many messages"),
    ("opens", ""),
    ("wrong-block", "a proof that does not hold"),
    ("replayed", "a proof that does not hold"),
    ("huge-claims", ""),
];

/// Protects the verdict: beside each hostile peer an honest one is enough, and the report is the one from disk.
#[test]
fn an_honest_peer_beside_a_hostile_one_is_enough() {
    let case = Case::new(&["--lie", "wrong-change@40"]);
    assert_eq!(case.report.0, 10);
    let honest = Serving::start(&case.lab, "honest", &[]);
    std::thread::scope(|scope| {
        for (behaviour, why) in HOSTILE {
            let (case, honest) = (&case, &honest);
            scope.spawn(move || {
                let hostile = Serving::start(&case.lab, behaviour, &[]);
                let (code, report, said) = case.audit(behaviour, &[&hostile.address, &honest.address]);
                assert_eq!((code, &report), (case.report.0, &case.report.1), "{behaviour}: {said}");
                assert!(said.is_empty() || said.contains(why), "{behaviour}: {said}");
            });
        }
    });
    assert!(honest.peak() < 100 << 10, "{} KiB", honest.peak());
}

/// Protects against believing hostile peers, and against meeting them again after a restart: whoever has lied is banned.
#[test]
fn a_liar_alone_is_remembered() {
    let case = Case::new(&[]);
    let hostile = Serving::start(&case.lab, "wrong-block", &[]);
    let (code, _, said) = case.audit("a", &[&hostile.address]);
    assert!(code == 21 && said.contains("a proof that does not hold"), "{code} {said}");
    let banned = std::fs::read_to_string(Path::new(&case.archive("a")).join("banned")).unwrap();
    assert!(banned.trim_end().ends_with(&hostile.address), "{banned}");
    let args = ["audit", &case.key, "--peer", &hostile.address, "--archive", &case.archive("a")];
    let output = run(&args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(69) && said.contains("it is banned"), "{output:?}");
}

/// Protects owners from peers that shift sizes between the nodes of a prefix proof: who holds a part of the log, in whatever
/// shape the rest comes, accuses nobody, and drops the peer.
#[test]
fn shifted_sizes_accuse_nobody() {
    let mut case = Case::new(&[]);
    let behind = Serving::start(&case.lab, "honest", &[]);
    assert_eq!(case.audit("a", &[&behind.address]).0, 0);
    for value in 0..20 {
        let args = json!({ "key": "k", "value": value }).to_string();
        let called = run(&["lab", "call", &case.lab, "set", "--args", &args]);
        assert!(called.status.success(), "{called:?}");
    }
    let (code, report, _) = audit(&[&case.lab]);
    case.report = (code, report);
    let [hostile, honest] = ["shifted-sizes", "honest"].map(|how| Serving::start(&case.lab, how, &[]));
    let archive = case.archive("a");
    let output = run(&["audit", &case.key, "--archive", &archive, "--peer", &hostile.address]);
    assert!(output.status.code() == Some(69), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("another size"), "{output:?}");
    assert_eq!(audit(&[&archive, "--key", &case.key]).0, 0, "what it sent was not kept");
    let (code, report, said) = case.audit("a", &[&hostile.address, &honest.address]);
    assert_eq!((code, &report), (case.report.0, &case.report.1), "{said}");
    // And from the start, where no prefix is asked for yet.
    let (code, report, said) = case.audit("b", &[&hostile.address]);
    assert_eq!((code, &report), (case.report.0, &case.report.1), "{said}");
}

/// Protects the evidence: who is shown two histories says so, and so does who sees the log cut.
#[test]
fn other_histories_are_reported() {
    let case = Case::new(&[]);
    let other = create(&case.temp.path().join("other"), &["--lie", "wrong-change@40"]);
    let split = Serving::start(&case.lab, "split-view", &["--other", &other]);
    assert_eq!(case.audit("a", &[&split.address]).0, 0);
    let (code, report, _) = case.audit("a", &[&split.address]);
    assert_eq!((code, &report["findings"][0]["kind"]), (11, &json!("equivocation")), "{report}");

    let cut = Case::new(&["--lie", "truncation@40"]);
    let serving = Serving::start(&cut.lab, "truncation", &[]);
    let (code, report, said) = cut.audit("a", &[&serving.address]);
    let kinds: Vec<&Json> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["kind"]).collect();
    assert!(code == 11 && kinds.contains(&&json!("truncation")), "{code} {kinds:?} {said}");
}

/// The same with hostile peers in JavaScript, below Hypercore.
#[test]
fn hostile_javascript_peers_change_nothing() {
    let case = Case::new(&[]);
    let honest = Serving::start(&case.lab, "honest", &[]);
    let mut peers = Vec::new();
    for way in ["garbage", "opens", "half-open", "hangup"] {
        let Some(mut script) = INTEROP.start("hostile.js") else { return };
        let address = format!("tcp://127.0.0.1:{}", script.call(&json!({"hostile": way}))["port"]);
        peers.push((script, address));
    }
    let addresses: Vec<&str> = peers.iter().map(|(_, address)| &**address).chain([&*honest.address]).collect();
    let (code, report, said) = case.audit("a", &addresses);
    assert_eq!((code, &report), (case.report.0, &case.report.1), "{said}");
}

/// Wrong arguments say so.
#[test]
fn arguments_are_checked_before_anything_is_opened() {
    for (args, code) in [
        (&["lab", "serve", "nowhere"][..], 64),
        (&["lab", "serve", "nowhere", "--listen-tcp", "127.0.0.1:0"], 65),
        (&["lab", "serve", "nowhere", "--listen-tcp", "127.0.0.1:0", "--behaviour", "x"], 64),
        (&["lab", "serve", "nowhere", "--listen-tcp", "127.0.0.1:0", "--behaviour", "split-view"], 64),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
}

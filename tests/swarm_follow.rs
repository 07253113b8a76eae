//! `vitra-watch follow`: live databases of JavaScript peers, what is said of them at once, and what a crash leaves.

mod common;
#[path = "common/node.rs"]
mod node;
#[path = "common/serve.rs"]
mod serve;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use node::{Project, Script};
use serde_json::{Value as Json, json};
use serve::lab_logs;
use vitra_watch::archive::{ArchiveReader, find_stores};

static INTEROP: Project = Project::new("interop");
const BINARY: &str = env!("CARGO_BIN_EXE_vitra-watch");
/// Generous: no verdict depends on it.
const LONG: Duration = Duration::from_secs(90);
/// Schemes of keys and the version of Hypercore that serves them.
const VERSIONS: [(&str, u64); 2] = [("public-key", 10), ("manifest", 11)];

/// A lab database, and where its index may be cut: the lengths that its executor signed.
struct Lab {
    _temp: tempfile::TempDir,
    dir: PathBuf,
    key: String,
    logs: Vec<Json>,
}

fn lab(scheme: &str, version: u64, more: &[&str]) -> Lab {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("lab");
    let mut create = Command::new(BINARY);
    create.args([
        "lab",
        "create",
        "--contract",
        "kv",
        "--ops",
        "12",
        "--seed",
        "3",
        "--outsiders",
        "0",
        "--keys",
        scheme,
    ]);
    let made = create.args(more).arg("--out").arg(&dir).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let (_, report) = audit(&dir);
    let logs = lab_logs(&dir, 3, version);
    Lab { key: report["database"].as_str().unwrap().to_owned(), _temp: temp, dir, logs }
}

fn audit(dir: &Path) -> (i32, Json) {
    let output = Command::new(BINARY).args(["audit", "--json"]).arg(dir).output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code().unwrap(), report)
}

impl Lab {
    /// Where the executor has signed its index, the longest last.
    fn heads(&self) -> Vec<u64> {
        let reader = ArchiveReader::open(&find_stores(&self.dir)[0]).unwrap();
        let index =
            reader.cores().iter().find(|core| vitra_watch::database::ack::to_hex(core.key()) == self.key).unwrap();
        let lengths = index.heads().iter().map(|head| head.length());
        lengths.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    fn index(&self) -> &Json {
        self.logs.iter().find(|log| log["expected"] == *self.key).unwrap()
    }

    /// A peer that serves the database with an index of these blocks, and its port.
    fn serve(&self, index: &[Json], port: u64) -> Option<(Script, u64)> {
        let mut peer = INTEROP.start("peer.js")?;
        let mut names = Vec::new();
        for (number, log) in self.logs.iter().enumerate() {
            let mut log = log.clone();
            let name = if log["expected"] == *self.key { "index".to_owned() } else { number.to_string() };
            if name == "index" {
                log["steps"] = json!([index]);
            }
            log["log"] = json!(name);
            assert_eq!(peer.call(&log)["key"], log["expected"]);
            names.push(name);
        }
        let port = peer.call(&json!({"listen": names, "port": port}))["port"].as_u64().unwrap();
        Some((peer, port))
    }

    fn blocks(&self) -> Vec<Json> {
        self.index()["steps"][0].as_array().unwrap().clone()
    }
}

/// A `follow` that runs until it is stopped; killed when dropped.
struct Follow {
    child: Child,
    lines: Receiver<Json>,
    seen: Vec<Json>,
}

impl Follow {
    fn start(archive: &Path, key: &str, ports: &[u64]) -> Follow {
        let mut follow = Command::new(BINARY);
        follow.args(["follow", "--json", key, "--archive"]).arg(archive);
        for port in ports {
            follow.arg("--peer").arg(format!("tcp://127.0.0.1:{port}"));
        }
        let mut child = follow.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/follow.schema.json");
        let schema = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
        let form = jsonschema::draft202012::new(&schema).unwrap();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let line: Json = serde_json::from_str(&line).unwrap();
                assert!(form.is_valid(&line), "{line}");
                let _ = tell.send(line);
            }
        });
        Follow { child, lines, seen: Vec::new() }
    }

    /// Waits for a line.
    fn until(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        let end = Instant::now() + LONG;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.seen.push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
        panic!("{:#?}", self.seen);
    }

    fn verified(&mut self, length: u64) {
        self.until(|line| line["event"] == "transactions" && line["verified_length"] == length);
    }

    /// Stops it in good order.
    fn stop(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code().unwrap()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kinds(report: &Json) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["kind"].as_str().unwrap()).collect()
}

/// Protects the watch itself: what an executor appends while it is followed is judged, and so is the database in the end. The peer is
/// killed and comes back in between.
#[test]
fn appends_are_audited_live() {
    for (scheme, version) in VERSIONS {
        let lab = lab(scheme, version, &[]);
        let (heads, blocks) = (lab.heads(), lab.blocks());
        let begin = heads[heads.len() / 2];
        let Some((mut peer, port)) = lab.serve(&blocks[..begin as usize], 0) else { return };
        let archive = tempfile::tempdir().unwrap();
        let mut follow = Follow::start(archive.path(), &lab.key, &[port]);
        follow.verified(begin);
        let mut from = begin;
        let later: Vec<u64> = heads.iter().copied().filter(|head| *head > begin).collect();
        for (at, head) in later.iter().enumerate() {
            if at == later.len() / 2 {
                drop(peer);
                follow.until(|line| line["event"] == "peer-down");
                peer = lab.serve(&blocks[..from as usize], port).unwrap().0;
                follow.until(|line| line["event"] == "peer-up");
            }
            peer.call(&json!({"append": "index", "blocks": blocks[from as usize..*head as usize]}));
            follow.verified(*head);
            from = *head;
        }
        assert!(follow.seen.iter().all(|line| line["event"] != "finding" || line["finding"]["class"] == "notice"));
        assert_eq!(follow.stop(), 0);
        // The same report as that of the executor's own directory, and every block there once.
        assert_eq!(audit(archive.path()).1["transactions"], audit(&lab.dir).1["transactions"]);
        let reader = ArchiveReader::open(archive.path()).unwrap();
        let mut histories: BTreeMap<_, usize> = BTreeMap::new();
        reader.cores().iter().for_each(|core| *histories.entry(*core.key()).or_default() += 1);
        assert!(histories.values().all(|count| *count == 1), "{histories:?}");
    }
}

/// Protects against lies that come live, and against their being forgotten.
#[test]
fn a_lie_is_said_and_outlasts_a_crash() {
    let lab = lab("public-key", 10, &["--lie", "wrong-change@9"]);
    let Some((mut peer, port)) = lab.serve(&lab.blocks()[..4], 0) else { return };
    let archive = tempfile::tempdir().unwrap();
    let mut follow = Follow::start(archive.path(), &lab.key, &[port]);
    follow.until(|line| line["event"] == "peer-up");
    peer.call(&json!({"append": "index", "blocks": lab.blocks()[4..]}));
    let said = follow.until(|line| line["event"] == "finding" && line["finding"]["class"] == "violation");
    follow.kill();
    let (code, report) = audit(archive.path());
    assert_eq!(code, 10);
    let found = report["findings"].as_array().unwrap().iter().any(|finding| finding["id"] == said["finding"]["id"]);
    assert!(found, "{said} {report}");
}

/// Protects the evidence of a truncation: both signed heads are on disk before anything is said.
#[test]
fn a_truncation_outlasts_a_crash() {
    for (scheme, version) in VERSIONS {
        let lab = lab(scheme, version, &[]);
        let blocks = lab.blocks();
        let Some((mut peer, port)) = lab.serve(&blocks, 0) else { return };
        let archive = tempfile::tempdir().unwrap();
        let mut follow = Follow::start(archive.path(), &lab.key, &[port]);
        follow.verified(blocks.len() as u64);
        let cut = lab.heads()[5];
        peer.call(&json!({"truncate": "index", "length": cut}));
        let fork = follow.until(|line| line["event"] == "fork");
        assert_eq!(fork["heads"].as_array().unwrap().len(), 2, "{fork}");
        follow.kill();
        let (code, report) = audit(archive.path());
        assert_eq!((code, kinds(&report)), (11, vec!["truncation"]), "{version} {report}");
    }
}

/// Protects the evidence of a split view, of equal, longer and shorter length.
#[test]
fn a_split_view_outlasts_a_crash() {
    for (scheme, version) in VERSIONS {
        let lab = lab(scheme, version, &[]);
        let (heads, blocks) = (lab.heads(), lab.blocks());
        let length = heads[heads.len() - 3];
        for other in [length, length + 2, length - 2] {
            let mut theirs = blocks[..other as usize].to_vec();
            theirs[length as usize - 3] = json!("00");
            let Some((_first, port)) = lab.serve(&blocks[..length as usize], 0) else { return };
            let archive = tempfile::tempdir().unwrap();
            let mut follow = Follow::start(archive.path(), &lab.key, &[port]);
            follow.verified(length);
            // Some of the oplogs may still be on their way.
            assert!(matches!(follow.stop(), 0 | 21));
            // The other one is met by whoever knows the first.
            let Some((_second, beside)) = lab.serve(&theirs, 0) else { return };
            let mut follow = Follow::start(archive.path(), &lab.key, &[port, beside]);
            follow.until(|line| line["event"] == "split");
            follow.kill();
            let (code, report) = audit(archive.path());
            assert_eq!((code, kinds(&report)), (11, vec!["equivocation"]), "{version} {other} {report}");
        }
    }
}

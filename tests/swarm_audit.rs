//! `vitra-watch audit KEY --peer`: the same report as from disk, for databases that JavaScript serves; and what it says when
//! something is missing.

mod common;
#[path = "common/node.rs"]
mod node;
#[path = "common/serve.rs"]
mod serve;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::unpack;
use node::{Project, Script};
use serde_json::{Value as Json, json};
use serve::{lab_logs, stored};
use tempfile::tempdir;
use vitra_watch::archive::Database;
use vitra_watch::database::ack::to_hex;

static INTEROP: Project = Project::new("interop");

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitra-watch")).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Exit code and report of an audit.
fn audit(args: &[&str]) -> (i32, Json) {
    let output = run(&[&["audit", "--json"], args].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code().unwrap(), json)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A peer that serves these logs, and its address.
fn serving(logs: &[Json]) -> Option<(Script, String)> {
    let mut peer = INTEROP.start("peer.js")?;
    let mut names = Vec::new();
    for (i, log) in logs.iter().enumerate() {
        let mut log = log.clone();
        log["log"] = json!(i.to_string());
        let answer = peer.call(&log);
        if let Some(expected) = log.get("expected") {
            assert_eq!(answer["key"], *expected);
        }
        names.push(i.to_string());
    }
    let port = peer.call(&json!({"listen": names}))["port"].clone();
    Some((peer, format!("tcp://127.0.0.1:{port}")))
}

/// Protects the verdicts: what comes over the network is judged like what is on disk, and again from the archive alone.
#[test]
fn a_corpus_database_gets_the_same_report() {
    for name in ["h-kv-10", "d-wrong-value", "d-btree-stale-read", "d-phantom-op"] {
        let case = unpack("b", name);
        let key = to_hex(Database::open(&case.dir, None).unwrap().key());
        let from_disk = audit(&[text(&case.dir)]);
        let Some((_peer, address)) = serving(&stored(&case.dir)) else { return };
        let archive = tempdir().unwrap();
        let archive = text(archive.path());
        let link = format!("hyper://{key}");
        assert_eq!(audit(&[&link, "--peer", &address, "--archive", archive]), from_disk, "{name}");
        assert_eq!(audit(&[archive, "--key", &key]), from_disk, "{name}");
        assert_eq!(audit(&[&key, "--peer", &address, "--archive", archive]), from_disk, "{name}, again");
    }
}

/// The same for the lab's databases, by public keys from Hypercore 10 and 11 and by manifests from Hypercore 11.
#[test]
fn a_lab_database_gets_the_same_report() {
    for (scheme, version) in [("public-key", 10), ("public-key", 11), ("manifest", 11)] {
        let temp = tempdir().unwrap();
        let lab = temp.path().join("lab");
        let made = run(&[
            "lab",
            "create",
            "--contract",
            "kv",
            "--ops",
            "80",
            "--seed",
            "9",
            "--keys",
            scheme,
            "--lie",
            "wrong-change@40",
            "--out",
            text(&lab),
        ]);
        assert!(made.status.success(), "{made:?}");
        let from_disk = audit(&[text(&lab)]);
        assert_eq!(from_disk.0, 10);
        let Some((_peer, address)) = serving(&lab_logs(&lab, 9, version)) else { return };
        let archive = temp.path().join("archive");
        let key = from_disk.1["database"].as_str().unwrap().to_owned();
        let report = audit(&[&key, "--peer", &address, "--archive", text(&archive)]);
        assert_eq!(report, from_disk, "{scheme} by {version}");
    }
}

/// Protects what signed heads show: truncations, of index and oplog, and an index that two peers show differently.
#[test]
fn other_histories_are_reported() {
    for (name, code) in [("d-truncate-index", 11), ("d-truncate-oplog", 12)] {
        let case = unpack("b", name);
        let key = to_hex(Database::open(&case.dir, None).unwrap().key());
        let Some((_peer, address)) = serving(&stored(&case.dir)) else { return };
        let archive = tempdir().unwrap();
        let report = audit(&[&key, "--peer", &address, "--archive", text(archive.path())]);
        assert_eq!(report.0, code, "{name} {}", report.1);
        assert_eq!(report, audit(&[text(&case.dir)]), "{name}");
    }
    let temp = tempdir().unwrap();
    let mut peers = Vec::new();
    for (name, ops) in [("honest", "60"), ("other", "61")] {
        let lab = temp.path().join(name);
        let lie: &[&str] = if name == "other" { &["--lie", "wrong-change@30"] } else { &[] };
        let made = ["lab", "create", "--contract", "kv", "--ops", ops, "--seed", "3", "--keys", "manifest", "--out"];
        let made = run(&[&made[..], &[text(&lab)], lie].concat());
        assert!(made.status.success(), "{made:?}");
        let Some(peer) = serving(&lab_logs(&lab, 3, 11)) else { return };
        peers.push(peer);
    }
    let (_, honest) = audit(&[text(&temp.path().join("honest"))]);
    let key = honest["database"].as_str().unwrap();
    let archive = temp.path().join("archive");
    let (a, b) = (&peers[0].1, &peers[1].1);
    let (code, report) = audit(&[key, "--peer", a, "--peer", b, "--archive", text(&archive)]);
    assert!(code == 10 || code == 11, "{code} {report}");
    let kinds: Vec<&str> = report["findings"].as_array().unwrap().iter().map(|f| f["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"equivocation"), "{kinds:?}");
}

/// Protects against silence: who was tried, which blocks of which log are missing, and never "verified" without them.
#[test]
fn what_is_missing_is_said() {
    let case = unpack("b", "h-kv-10");
    let database = Database::open(&case.dir, None).unwrap();
    let key = to_hex(database.key());
    let archive = tempdir().unwrap();
    let archive = |name: &str| archive.path().join(name).to_str().unwrap().to_owned();
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("tcp://{}", listener.local_addr().unwrap())
    };
    let output = run(&["audit", &key, "--peer", &nobody, "--archive", &archive("a")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains(&format!("nobody serves {key}; tried {nobody}: ")), "{said}");

    // Without the oplogs.
    let logs = stored(&case.dir);
    let index = logs.iter().filter(|log| log["storage"] == text(database.index_core().unwrap().dir())).cloned();
    let index: Vec<Json> = index.collect();
    let Some((peer, address)) = serving(&index) else { return };
    let output = run(&["audit", &key, "--peer", &address, "--archive", &archive("b")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(21), "{said}");
    assert!(said.contains(": nobody serves it"), "{said}");

    // Without a block of the index. The storage is locked by who has it open.
    drop(peer);
    let Some((mut peer, address)) = serving(&logs) else { return };
    let at = logs.iter().position(|log| log == &index[0]).unwrap().to_string();
    peer.call(&json!({"clear": at, "start": 5, "end": 6}));
    let output = run(&["audit", &key, "--peer", &address, "--archive", &archive("c")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(21), "{said}");
    let length = database.index_core().unwrap().length();
    assert!(said.contains(&format!("missing: log {key}: 1 of {length} blocks: 5\n")), "{said}");
}

/// Wrong arguments say so.
#[test]
fn a_peer_needs_a_key() {
    for (args, code) in [
        (&["audit", "no-key", "--peer", "tcp://127.0.0.1:1"][..], 64),
        (&["audit", "x", "--peer", "127.0.0.1:1"], 64),
        (&["audit", "x", "--archive", "y"], 64),
        (&["audit", "no-key", "--bootstrap", "127.0.0.1:1"], 64),
        (&["audit", "x", "--bootstrap", "127.0.0.1"], 64),
        (&["audit", "x"], 65),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
}

//! `vitra-watch follow`: live databases of JavaScript peers, what is said of them at once, what a crash leaves, and what JavaScript
//! clients get of it.
//!
//! Those that are ignored measure, and print what they saw:
//! `cargo test --test swarm_follow -- --ignored --nocapture --test-threads 1`.

mod common;
#[path = "common/follow.rs"]
mod follow;
#[path = "common/node.rs"]
mod node;
#[path = "common/serve.rs"]
mod serve;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use follow::{Follow, Killed, terminate};
use node::{Project, Script};
use serde_json::{Value as Json, json};
use serve::lab_logs;
use vitra_watch::archive::{ArchiveReader, find_stores};

static INTEROP: Project = Project::new("interop");
const BINARY: &str = env!("CARGO_BIN_EXE_vitra-watch");
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
    seeded(3, scheme, version, more)
}

fn seeded(seed: u64, scheme: &str, version: u64, more: &[&str]) -> Lab {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("lab");
    let mut create = Command::new(BINARY);
    create.args(["lab", "create", "--contract", "kv", "--outsiders", "0", "--keys", scheme]);
    create.args(if more.contains(&"--ops") { &[][..] } else { &["--ops", "12"] });
    let made = create.args(["--seed", &seed.to_string()]).args(more).arg("--out").arg(&dir).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let (_, report) = audit(&dir, None);
    let logs = lab_logs(&dir, seed, version);
    Lab { key: report["database"].as_str().unwrap().to_owned(), _temp: temp, dir, logs }
}

fn audit(dir: &Path, key: Option<&str>) -> (i32, Json) {
    let key = key.map(|key| ["--key", key]).into_iter().flatten();
    let output = Command::new(BINARY).args(["audit", "--json"]).arg(dir).args(key).output().unwrap();
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
        for (name, mut log) in self.names().zip(self.logs.clone()) {
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

    fn names(&self) -> impl Iterator<Item = String> {
        let name = |(number, log): (usize, &Json)| match log["expected"] == *self.key {
            true => "index".to_owned(),
            false => number.to_string(),
        };
        self.logs.iter().enumerate().map(name)
    }

    /// A client that has nothing yet of the database, meets whoever dials it and nobody else, and its port.
    fn client(&self, version: u64) -> (Script, u64) {
        let mut client = INTEROP.start("peer.js").unwrap();
        for (name, log) in self.names().zip(&self.logs) {
            client.call(&json!({"log": name, "version": version, "key": log["expected"]}));
        }
        let port = client.call(&json!({"listen": self.names().collect::<Vec<_>>()}))["port"].as_u64().unwrap();
        (client, port)
    }

    /// Waits until a client has all of the database, with an index of these blocks.
    fn assert_read(&self, client: &mut Script, index: &[Json]) {
        for (name, log) in self.names().zip(&self.logs) {
            let all = log["steps"][0].as_array().unwrap();
            let blocks = if name == "index" { index } else { all };
            let read = client.call(&json!({"read": name, "length": blocks.len()}));
            assert_eq!(read["blocks"], json!(blocks), "{name}");
            assert_eq!(client.call(&json!({"events": name})), json!({"events": []}), "{name}");
        }
    }

    fn blocks(&self) -> Vec<Json> {
        self.index()["steps"][0].as_array().unwrap().clone()
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
        let mut follow = Follow::start(archive.path(), &[&lab.key], &[port]);
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
        assert_eq!(audit(archive.path(), None).1["transactions"], audit(&lab.dir, None).1["transactions"]);
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
    let mut follow = Follow::start(archive.path(), &[&lab.key], &[port]);
    follow.until(|line| line["event"] == "peer-up");
    peer.call(&json!({"append": "index", "blocks": lab.blocks()[4..]}));
    let said = follow.until(|line| line["event"] == "finding" && line["finding"]["class"] == "violation");
    follow.kill();
    let (code, report) = audit(archive.path(), None);
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
        let mut follow = Follow::start(archive.path(), &[&lab.key], &[port]);
        follow.verified(blocks.len() as u64);
        let cut = lab.heads()[5];
        peer.call(&json!({"truncate": "index", "length": cut}));
        let fork = follow.until(|line| line["event"] == "fork");
        assert_eq!(fork["heads"].as_array().unwrap().len(), 2, "{fork}");
        follow.kill();
        let (code, report) = audit(archive.path(), None);
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
            let mut follow = Follow::start(archive.path(), &[&lab.key], &[port]);
            follow.verified(length);
            // Some of the oplogs may still be on their way.
            assert!(matches!(follow.stop(), 0 | 21));
            // The other one is met by whoever knows the first.
            let Some((_second, beside)) = lab.serve(&theirs, 0) else { return };
            let mut follow = Follow::start(archive.path(), &[&lab.key], &[port, beside]);
            follow.until(|line| line["event"] == "split");
            follow.kill();
            let (code, report) = audit(archive.path(), None);
            assert_eq!((code, kinds(&report)), (11, vec!["equivocation"]), "{version} {other} {report}");
        }
    }
}

/// Protects databases from each other: those of one process, over one connection, are each judged for what they are, live.
#[test]
fn several_databases_share_a_peer() {
    for (scheme, version) in VERSIONS {
        follow_databases(3, scheme, version);
    }
}

/// Fifty databases of fifty executors over one connection; the second one of them lies.
#[test]
#[ignore = "measures"]
fn fifty_databases_share_a_peer() {
    for (scheme, version) in VERSIONS {
        let begun = Instant::now();
        let Some((verified, peak)) = follow_databases(50, scheme, version) else { return };
        eprintln!("50 databases, Hypercore {version}: verified after {verified} ms, {peak} KiB at most");
        eprintln!("  in all {:.1} s", begun.elapsed().as_secs_f64());
        assert!(peak < 100 << 10);
    }
}

/// Follows databases of one peer, the second of which lies in its second half, which comes live. Milliseconds until the first
/// halves are verified, and the peak of the process's memory in KiB.
fn follow_databases(count: usize, scheme: &str, version: u64) -> Option<(u128, u64)> {
    let lie = |at: usize| if at == 1 { &["--lie", "wrong-change@9"][..] } else { &[] };
    let labs: Vec<Lab> = (0..count).map(|at| seeded(3 + at as u64, scheme, version, lie(at))).collect();
    let halves: Vec<u64> = labs.iter().map(|lab| lab.heads()[lab.heads().len() / 2]).collect();
    let mut peer = INTEROP.start("peer.js")?;
    let mut names = Vec::new();
    for (lab, half) in labs.iter().zip(&halves) {
        for mut log in lab.logs.clone() {
            let name = log["expected"].clone();
            if name == *lab.key {
                log["steps"] = json!([lab.blocks()[..*half as usize]]);
            }
            log["log"] = name.clone();
            assert_eq!(peer.call(&log)["key"], name);
            names.push(name);
        }
    }
    let port = peer.call(&json!({"listen": names}))["port"].as_u64().unwrap();
    let archive = tempfile::tempdir().unwrap();
    let keys: Vec<&str> = labs.iter().map(|lab| &*lab.key).collect();
    let begun = Instant::now();
    let mut follow = Follow::start(archive.path(), &keys, &[port]);
    let verified = |line: &Json, key: &str, length: u64| {
        line["event"] == "transactions" && line["database"] == key && line["verified_length"] == length
    };
    for (key, half) in keys.iter().zip(&halves) {
        follow.once(|line| verified(line, key, *half));
    }
    let halfway = begun.elapsed().as_millis();
    for (lab, half) in labs.iter().zip(&halves) {
        peer.call(&json!({"append": lab.key, "blocks": lab.blocks()[*half as usize..]}));
    }
    let violation = |line: &Json| line["event"] == "finding" && line["finding"]["class"] == "violation";
    for (at, lab) in labs.iter().enumerate() {
        match at {
            1 => follow.once(|line| violation(line) && line["database"] == *lab.key),
            _ => follow.once(|line| verified(line, &lab.key, lab.blocks().len() as u64)),
        }
    }
    let accused = follow.seen.iter().filter(|line| violation(line));
    assert!(accused.into_iter().all(|line| line["database"] == keys[1]), "{:#?}", follow.seen);
    assert_eq!(follow.seen.iter().filter(|line| line["event"] == "peer-up").count(), 1);
    let peak = follow.peak();
    assert_eq!(follow.stop(), 10);
    for lab in &labs {
        assert_eq!(audit(archive.path(), Some(&lab.key)), audit(&lab.dir, None), "{version}");
    }
    Some((halfway, peak))
}

/// Protects availability: JavaScript clients of both versions, that know nobody but a `follow`, get everything from it, live.
#[test]
fn clients_replicate_from_a_follow() {
    for (scheme, version) in VERSIONS {
        let lab = lab(scheme, version, &[]);
        let (heads, blocks) = (lab.heads(), lab.blocks());
        let begin = heads[heads.len() / 2];
        let Some((mut peer, port)) = lab.serve(&blocks[..begin as usize], 0) else { return };
        let mut clients = [10, 11].map(|version| lab.client(version));
        let archive = tempfile::tempdir().unwrap();
        let mut follow = Follow::start(archive.path(), &[&lab.key], &[port, clients[0].1, clients[1].1]);
        follow.verified(begin);
        let mut from = begin;
        for head in heads.iter().copied().filter(|head| *head >= begin) {
            peer.call(&json!({"append": "index", "blocks": blocks[from as usize..head as usize]}));
            for (client, _) in &mut clients {
                lab.assert_read(client, &blocks[..head as usize]);
            }
            from = head;
        }
        follow.once(|line| line["event"] == "transactions" && line["verified_length"] == from);
        assert_eq!(follow.stop(), 0);
    }
}

/// Protects availability after an audit: once the verdict is there JavaScript clients get everything from us, though its owner is
/// gone, and the exit code is still the verdict's.
#[test]
fn an_audit_seeds_what_it_has() {
    for (scheme, version) in VERSIONS {
        let lab = lab(scheme, version, &["--lie", "wrong-change@9"]);
        let Some((peer, port)) = lab.serve(&lab.blocks(), 0) else { return };
        let mut clients = [10, 11].map(|version| lab.client(version));
        let archive = tempfile::tempdir().unwrap();
        let start = |seconds: &str, ports: &[u64]| {
            let mut audit = Command::new(BINARY);
            audit.args(["audit", &lab.key, "--seed-for", seconds, "--archive"]).arg(archive.path());
            audit.args(ports.iter().flat_map(|port| ["--peer".to_owned(), format!("tcp://127.0.0.1:{port}")]));
            audit.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
        };
        let mut audit = Killed(start("3600", &[port, clients[0].1, clients[1].1]));
        let mut out = BufReader::new(audit.0.stdout.take().unwrap()).lines();
        assert!(out.any(|line| line.unwrap() == "VIOLATED by executor"));
        drop(peer);
        for (client, _) in &mut clients {
            lab.assert_read(client, &lab.blocks());
        }
        assert_eq!(terminate(&mut audit.0), 10);
        // Unstopped it ends by itself.
        assert_eq!(Killed(start("1", &[clients[0].1])).0.wait().unwrap().code(), Some(10));
    }
}

/// From a JavaScript executor's `append()` of one transaction to the line that it is verified.
#[test]
#[ignore = "measures"]
fn appends_are_verified_soon() {
    for (scheme, version) in VERSIONS {
        let lab = lab(scheme, version, &["--ops", "60"]);
        let (heads, blocks) = (lab.heads(), lab.blocks());
        let begin = heads[heads.len() - 41];
        let Some((mut peer, port)) = lab.serve(&blocks[..begin as usize], 0) else { return };
        let archive = tempfile::tempdir().unwrap();
        let mut follow = Follow::start(archive.path(), &[&lab.key], &[port]);
        follow.verified(begin);
        let (mut from, mut times) = (begin, Vec::new());
        for head in heads.iter().copied().filter(|head| *head > begin) {
            let begun = Instant::now();
            peer.call(&json!({"append": "index", "blocks": blocks[from as usize..head as usize]}));
            follow.verified(head);
            times.push(begun.elapsed().as_millis());
            from = head;
        }
        report(&format!("append to verified, Hypercore {version}"), times);
        assert_eq!(follow.stop(), 0);
    }
}

/// From the first byte that a peer with another history may say to the line that tells of it: both heads are on disk then.
#[test]
#[ignore = "measures"]
fn a_split_view_is_said_soon() {
    for (scheme, version) in VERSIONS {
        let lab = lab(scheme, version, &[]);
        let (heads, blocks) = (lab.heads(), lab.blocks());
        let here = heads[heads.len() / 2];
        let mut times = Vec::new();
        for round in 0..21 {
            let there = [here, heads[heads.len() - 1], heads[heads.len() / 3]][round % 3] as usize;
            let mut theirs = blocks[..there].to_vec();
            theirs[there.min(here as usize) - 3] = json!("00");
            let Some((_first, port)) = lab.serve(&blocks[..here as usize], 0) else { return };
            let Some((_second, beside)) = lab.serve(&theirs, 0) else { return };
            let (gate, open) = gate(beside);
            let archive = tempfile::tempdir().unwrap();
            let mut follow = Follow::start(archive.path(), &[&lab.key], &[port, gate]);
            follow.verified(here);
            let (tell, opened) = channel();
            open.send(tell).unwrap();
            follow.until(|line| line["event"] == "split");
            times.push(opened.recv().unwrap().elapsed().as_millis());
        }
        report(&format!("split view to line, Hypercore {version}"), times);
    }
}

/// A port that hangs up on whoever comes, until it is opened; then who comes is led on, and when is told.
fn gate(to: u64) -> (u64, Sender<Sender<Instant>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (open, opened) = channel::<Sender<Instant>>();
    std::thread::spawn(move || {
        let came = |_| listener.accept().unwrap().0;
        let (socket, tell) = std::iter::repeat(()).map(came).find_map(|s| Some((s, opened.try_recv().ok()?))).unwrap();
        tell.send(Instant::now()).unwrap();
        let peer = TcpStream::connect(format!("127.0.0.1:{to}")).unwrap();
        for (mut from, mut to) in [(socket.try_clone().unwrap(), peer.try_clone().unwrap()), (peer, socket)] {
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
    });
    (u64::from(port), open)
}

fn report(what: &str, mut times: Vec<u128>) {
    times.sort_unstable();
    let (count, most) = (times.len(), times.last().unwrap());
    eprintln!("{what}: median {} ms, {most} ms at most, {count} times", times[count / 2]);
}

//! Finding peers through a DHT: one of HyperDHT 6.34.0 nodes on 127.0.0.1, with peers of Hyperswarm 4.17.2
//! (`tests/interop/dht/peer.js`). Verdicts depend on what happens, never on when.

mod common;
#[path = "common/follow.rs"]
mod follow;
#[path = "common/node.rs"]
mod node;
#[path = "common/serve.rs"]
mod serve;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::unpack;
use follow::{Follow, Killed};
use node::{Project, Script};
use serde_json::{Value as Json, json};
use serve::{lab_logs, stored};
use tempfile::tempdir;
use vitra_watch::archive::{Database, parse_key};
use vitra_watch::database::ack::to_hex;
use vitra_watch::hypercore::Key;
use vitra_watch::swarm::discovery::{Config, Firewalled, Swarm};
use vitra_watch::swarm::node::{Happened, Node as Swarmed};

static DHT: Project = Project::new("interop/dht");
/// Generous: a verdict never depends on it.
const LONG: Duration = Duration::from_secs(120);

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

/// A DHT, and the port of its bootstrap node.
fn testnet() -> Option<(Script, u64)> {
    let mut nodes = DHT.start("peer.js")?;
    let port = nodes.call(&json!({"testnet": 4}))["port"].as_u64().unwrap();
    Some((nodes, port))
}

/// A peer on it.
fn peer(port: u64, identity: u8) -> Option<Script> {
    let mut peer = DHT.start("peer.js")?;
    peer.call(&json!({"join": port, "identity": to_hex(&[identity; 32])}));
    Some(peer)
}

/// Protects finding: by the key alone, what the DHT leads to is judged like what is on disk.
#[test]
fn a_database_is_found_by_its_key() {
    let case = unpack("b", "d-wrong-value");
    let lab = tempdir().unwrap();
    let lab = lab.path().join("lab");
    let options = "--contract kv --ops 80 --seed 9 --keys manifest --lie wrong-change@40 --out";
    let options: Vec<&str> = options.split(' ').collect();
    let made = run(&[&["lab", "create"], &options[..], &[text(&lab)]].concat());
    assert!(made.status.success(), "{made:?}");
    for (dir, logs) in [(&case.dir, stored(&case.dir)), (&lab, lab_logs(&lab, 9, 11))] {
        let Some((_nodes, port)) = testnet() else { return };
        let bootstrap = format!("127.0.0.1:{port}");
        let key = to_hex(Database::open(dir, None).unwrap().key());
        let from_disk = audit(&[text(dir)]);
        let mut peer = peer(port, 1).unwrap();
        let mut index = None;
        for (i, mut log) in logs.into_iter().enumerate() {
            log["log"] = json!(i.to_string());
            if peer.call(&log)["key"] == *key {
                index = Some(i.to_string());
            }
        }
        peer.call(&json!({"announce": index.unwrap()}));
        let archive = tempdir().unwrap();
        let through = ["--bootstrap", &bootstrap, "--listen", "127.0.0.1:0", "--firewalled", "no"];
        let report = audit(&[&[&*key, "--archive", text(archive.path())], &through[..]].concat());
        assert_eq!(report, from_disk);
    }
}

/// A node of ours on the DHT, that follows a log.
async fn follower(dir: &Path, port: u64, key: &Key) -> Swarmed {
    let bootstrap = vec![format!("127.0.0.1:{port}").parse().unwrap()];
    let config = Config { bootstrap, listen: "127.0.0.1:0".parse().unwrap(), firewalled: Firewalled::No };
    let mut node = Swarmed::open(dir).unwrap();
    node.follow(key).unwrap();
    node.join(Swarm::open(&config).await.unwrap());
    node.seek(key);
    node
}

/// Steps until so many blocks are here; what happened on the way.
async fn until(node: &mut Swarmed, key: &Key, length: u64) -> Vec<Happened> {
    let end = Instant::now() + LONG;
    let mut all = Vec::new();
    loop {
        let branch = node.replica(key).and_then(|replica| replica.branch(0));
        if branch.and_then(|branch| branch.served()).is_some_and(|head| head.length() >= length) {
            return all;
        }
        assert!(Instant::now() < end, "{all:?} {:?}", node.tried());
        all.extend(node.step(end).await.unwrap());
    }
}

fn ups(happened: &[Happened]) -> usize {
    happened.iter().filter(|happened| matches!(happened, Happened::Up(_))).count()
}

/// Has a peer write and announce a log.
fn write(peer: &mut Script, version: u64, length: u64) -> Key {
    let blocks: Vec<String> = (0..length).map(|seq| to_hex(format!("block {seq}").as_bytes())).collect();
    let log = json!({"log": "a", "version": version, "seed": to_hex(&[5; 32]), "steps": [blocks]});
    let key = peer.call(&log)["key"].as_str().and_then(parse_key).unwrap();
    peer.call(&json!({"announce": "a"}));
    key
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Protects against losing a peer for good: it is found again after it was killed, and after it quit, each time with more.
#[test]
fn a_peer_that_comes_back_is_found_again() {
    for version in [10, 11] {
        let Some((_nodes, port)) = testnet() else { return };
        let dir = tempdir().unwrap();
        let mut first = peer(port, 1).unwrap();
        let key = write(&mut first, version, 10);
        runtime().block_on(async {
            let mut node = follower(dir.path(), port, &key).await;
            assert_eq!(ups(&until(&mut node, &key, 10).await), 1);
            drop(first); // kill -9
            let mut second = peer(port, 1).unwrap();
            write(&mut second, version, 20);
            assert_eq!(ups(&until(&mut node, &key, 20).await), 1);
            second.call(&json!({"leave": true}));
            drop(second);
            let mut third = peer(port, 1).unwrap();
            write(&mut third, version, 30);
            assert_eq!(ups(&until(&mut node, &key, 30).await), 1);
            node.leave().await;
        });
    }
}

/// Protects against records of peers that are gone: they keep nobody from being found.
#[test]
fn dead_records_do_not_hide_a_live_peer() {
    let Some((_nodes, port)) = testnet() else { return };
    let dir = tempdir().unwrap();
    let mut live = peer(port, 1).unwrap();
    let key = write(&mut live, 10, 10);
    live.call(&json!({"dead": "a", "count": 20}));
    runtime().block_on(async {
        let mut node = follower(dir.path(), port, &key).await;
        until(&mut node, &key, 10).await;
        node.leave().await;
    });
}

/// Protects against an unhelpful end: which nodes answered, how many records there were.
#[test]
fn nobody_serves_it() {
    let Some((_nodes, port)) = testnet() else { return };
    let archive = tempdir().unwrap();
    let key = "1a5b6c22e4a4aa82b612ed68baea17a543db8ded6078040097e695b9fc40a129";
    let (good, bad) = (format!("127.0.0.1:{port}"), "127.0.0.1:9");
    let listen = ["--listen", "127.0.0.1:0", "--firewalled", "no", "--archive", text(archive.path())];
    let output = run(&[&["audit", key, "--bootstrap", &good, "--bootstrap", bad], &listen[..]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains(&format!("tried bootstrap node {good}: answered")), "{said}");
    assert!(said.contains(&format!("tried bootstrap node {bad}: no answer")), "{said}");
    assert!(said.contains("tried the DHT: 0 peers found"), "{said}");
}

/// Protects seeding: a JavaScript peer that knows the key alone finds us, and gets from us what its owner no longer serves.
#[test]
fn a_peer_finds_us() {
    for version in [10, 11] {
        let Some((_nodes, port)) = testnet() else { return };
        let dir = tempdir().unwrap();
        let mut writer = peer(port, 1).unwrap();
        let key = write(&mut writer, version, 10);
        let mut reader = peer(port, 2).unwrap();
        reader.call(&json!({"log": "a", "version": version, "key": to_hex(&key)}));
        runtime().block_on(async {
            let mut node = follower(dir.path(), port, &key).await;
            node.announce();
            until(&mut node, &key, 10).await;
            let end = Instant::now() + LONG;
            while !node.is_announced(&key) {
                assert!(Instant::now() < end, "{:?}", node.tried());
                node.step(end).await.unwrap();
            }
            writer.call(&json!({"leave": true}));
            drop(writer);
            let read = tokio::task::spawn_blocking(move || reader.call(&json!({"find": "a", "length": 10})));
            tokio::pin!(read);
            let answer = loop {
                tokio::select! {
                    answer = &mut read => break answer.unwrap(),
                    happened = node.step(end) => drop(happened.unwrap()),
                }
                assert!(Instant::now() < end, "{:?}", node.tried());
            };
            assert_eq!(answer["blocks"].as_array().unwrap().len(), 10);
            assert_eq!(answer["blocks"][9], to_hex(b"block 9"));
            node.leave().await;
        });
    }
}

/// A database of the lab.
fn create(dir: &Path, keys: &str) {
    let options =
        ["lab", "create", "--contract", "kv", "--ops", "12", "--seed", "9", "--outsiders", "0", "--keys", keys];
    let made = run(&[&options[..], &["--out", text(dir)]].concat());
    assert!(made.status.success(), "{made:?}");
}

/// Arguments that make a node of ours one of a DHT.
fn on(port: u64) -> Vec<String> {
    let bootstrap = format!("127.0.0.1:{port}");
    ["--bootstrap", &bootstrap, "--listen", "127.0.0.1:0", "--firewalled", "no"].map(str::to_owned).to_vec()
}

/// Protects following by the key alone: appends are heard and judged live, and clients that know the key alone get from us what
/// nobody else serves any more.
#[test]
fn a_database_is_followed_by_its_key() {
    for (keys, version) in [("public-key", 10), ("manifest", 11)] {
        let lab = tempdir().unwrap();
        let lab = lab.path().join("lab");
        create(&lab, keys);
        let key = to_hex(Database::open(&lab, None).unwrap().key());
        let logs = lab_logs(&lab, 9, version);
        let blocks_of = |log: &Json| log["steps"][0].as_array().unwrap().clone();
        let blocks = blocks_of(logs.iter().find(|log| log["expected"] == key).unwrap());
        let Some((_nodes, port)) = testnet() else { return };
        let mut writer = peer(port, 1).unwrap();
        for mut log in logs.clone() {
            log["log"] = log["expected"].clone();
            if log["expected"] == key {
                // The rest comes live.
                log["steps"] = json!([blocks[..blocks.len() / 2]]);
            }
            writer.call(&log);
        }
        writer.call(&json!({"announce": key}));
        let archive = tempdir().unwrap();
        let mut follow = Follow::start_with(archive.path(), &[&key], &on(port));
        follow.until(|line| line["event"] == "transactions");
        writer.call(&json!({"append": key, "blocks": blocks[blocks.len() / 2..]}));
        follow.verified(blocks.len() as u64);
        writer.call(&json!({"leave": true}));
        drop(writer);
        for (identity, version) in [(2, 10), (3, 11)] {
            let mut client = peer(port, identity).unwrap();
            for log in &logs {
                client.call(&json!({"log": log["expected"], "version": version, "key": log["expected"]}));
            }
            let read = client.call(&json!({"find": key, "length": blocks.len()}));
            assert_eq!(read["blocks"], json!(blocks), "{keys} to {version}");
            for log in &logs {
                let all = blocks_of(log);
                let read = client.call(&json!({"find": log["expected"], "length": all.len()}));
                assert_eq!(read["blocks"], json!(all), "{keys} to {version}");
            }
        }
        assert_eq!(follow.stop(), 0);
    }
}

/// Protects the lab's server: it is found like any peer.
#[test]
fn a_lab_server_is_found() {
    let lab = tempdir().unwrap();
    let lab = lab.path().join("lab");
    create(&lab, "manifest");
    let key = to_hex(Database::open(&lab, None).unwrap().key());
    let Some((_nodes, port)) = testnet() else { return };
    let mut serve = Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
    let serve = serve.args(["lab", "serve", text(&lab)]).args(on(port)).stdout(Stdio::piped()).spawn();
    let mut serve = Killed(serve.unwrap());
    let mut said = BufReader::new(serve.0.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().starts_with("announced")));
    let archive = tempdir().unwrap();
    let through = on(port);
    let through: Vec<&str> = through.iter().map(String::as_str).collect();
    let report = audit(&[&[&*key, "--archive", text(archive.path())], &through[..]].concat());
    assert_eq!(report, audit(&[text(&lab)]));
}

//! Finding peers through a DHT: one of HyperDHT 6.34.0 nodes on 127.0.0.1, with peers of Hyperswarm 4.17.2
//! (`tests/interop/dht/peer.js`). Verdicts depend on what happens, never on when.

mod common;
#[path = "common/node.rs"]
mod node;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::unpack;
use node::{Project, Script};
use serde_json::{Value as Json, json};
use tempfile::tempdir;
use vitra_watch::archive::{Corestore, Database, find_stores};
use vitra_watch::database::ack::to_hex;

static DHT: Project = Project::new("interop/dht");

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

/// Has a peer serve the logs of a directory of Hypercore 10, and announce its index.
fn serve(peer: &mut Script, dir: &Path, index: &str) {
    let store = Corestore::open(&find_stores(dir)[0]).unwrap();
    let mut announced = String::new();
    for (i, core) in store.cores().iter().enumerate() {
        let log = peer.call(&json!({"log": i.to_string(), "version": 10, "storage": text(core.dir())}));
        if log["key"] == index {
            announced = i.to_string();
        }
    }
    peer.call(&json!({"announce": announced}));
}

/// Protects finding: by the key alone, what the DHT leads to is judged like what is on disk.
#[test]
fn a_database_is_found_by_its_key() {
    let Some((_nodes, port)) = testnet() else { return };
    let bootstrap = format!("127.0.0.1:{port}");
    let case = unpack("b", "d-wrong-value");
    let key = to_hex(Database::open(&case.dir, None).unwrap().key());
    let from_disk = audit(&[text(&case.dir)]);
    let mut peer = peer(port, 1).unwrap();
    serve(&mut peer, &case.dir, &key);
    let archive = tempdir().unwrap();
    let through = ["--bootstrap", &bootstrap, "--listen", "127.0.0.1:0", "--firewalled", "no"];
    let report = audit(&[&[&*key, "--archive", text(archive.path())], &through[..]].concat());
    assert_eq!(report, from_disk);
}

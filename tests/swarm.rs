//! Following logs from JavaScript peers: Hypercore 10.38.2 and 11.37.1 over TCP on 127.0.0.1 (`tests/interop/peer.js`).

#[path = "common/node.rs"]
mod node;

use std::path::Path;
use std::time::{Duration, Instant};

use node::{Project, Script};
use serde_json::{Value as Json, json};
use tempfile::tempdir;
use vitra_watch::archive::{ArchiveReader, Core};
use vitra_watch::database::ack::to_hex;
use vitra_watch::hyperbee::Blocks;
use vitra_watch::hypercore::Key;
use vitra_watch::swarm::fetch::{Fetched, fetch};
use vitra_watch::swarm::node::{Happened, Node};
use vitra_watch::swarm::transport::Address;

static INTEROP: Project = Project::new("interop");
/// Generous: a verdict never depends on it.
const LONG: Duration = Duration::from_secs(60);
/// Hypercore's versions, and whether 11 uses public keys.
const VERSIONS: [(u64, bool); 3] = [(10, true), (11, false), (11, true)];

fn blocks(from: u64, count: u64) -> Vec<Vec<u8>> {
    (from..from + count).map(|seq| format!("block {seq} {}", "x".repeat(seq as usize * 7 % 300)).into_bytes()).collect()
}

fn told(blocks: &[Vec<u8>]) -> Json {
    blocks.iter().map(|block| to_hex(block)).collect::<Vec<_>>().into()
}

fn key(answer: &Json) -> Key {
    vitra_watch::archive::parse_key(answer["key"].as_str().unwrap()).unwrap()
}

fn address(answer: &Json) -> Address {
    format!("tcp://127.0.0.1:{}", answer["port"]).parse().unwrap()
}

/// A peer with one log, and its key and address.
fn serving(version: (u64, bool), seed: u8, steps: &Json) -> Option<(Script, Key, Address)> {
    let mut peer = INTEROP.start("peer.js")?;
    let seed = to_hex(&[seed; 32]);
    let (version, compat) = version;
    let log = json!({"log": "a", "version": version, "compat": compat, "seed": seed, "steps": steps});
    let key = key(&peer.call(&log));
    let address = address(&peer.call(&json!({"listen": ["a"]})));
    Some((peer, key, address))
}

fn download(dir: &Path, key: &Key, peers: &[Address]) -> Fetched {
    fetch(dir, key, peers, LONG, &mut |_, _| ()).unwrap()
}

fn assert_holds(core: &Core, blocks: &[Vec<u8>]) {
    assert_eq!(core.length(), blocks.len() as u64);
    core.check_all().unwrap();
    for (seq, block) in blocks.iter().enumerate() {
        assert_eq!(&*core.block(seq as u64).unwrap(), &block[..], "block {seq}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Steps until something holds; what happened on the way.
async fn until(node: &mut Node, mut done: impl FnMut(&Node) -> bool) -> Vec<Happened> {
    let end = Instant::now() + LONG;
    let mut all = Vec::new();
    while !done(node) {
        assert!(Instant::now() < end, "{all:?}");
        all.extend(node.step(end).await.unwrap());
    }
    all
}

fn committed(node: &Node, key: &Key) -> u64 {
    let branch = node.replica(key).and_then(|replica| replica.branch(0));
    branch.and_then(|branch| branch.served()).map_or(0, |head| head.length())
}

/// Protects the whole path: handshake, channels, probe, requests, proofs, manifests, the archive.
#[test]
fn a_log_arrives_completely_and_a_second_run_continues() {
    for version in VERSIONS {
        let dir = tempdir().unwrap();
        let all = blocks(0, 700);
        let steps = json!([told(&all[..1]), told(&all[1..650])]);
        let Some((mut peer, key, address)) = serving(version, 1, &steps) else { return };
        let first = download(dir.path(), &key, std::slice::from_ref(&address));
        assert_eq!((first.served, first.lacking.len()), (true, 0), "{version:?} {first:?}");
        assert_holds(&ArchiveReader::open(dir.path()).unwrap().cores()[0], &all[..650]);
        peer.call(&json!({"append": "a", "blocks": told(&all[650..])}));
        let second = download(dir.path(), &key, &[address]);
        assert!(second.served);
        let reader = ArchiveReader::open(dir.path()).unwrap();
        assert_eq!(reader.cores().len(), 1);
        assert_holds(&reader.cores()[0], &all);
    }
}

/// Protects following: every append arrives, each with the head that was signed for it.
#[test]
fn appends_arrive_live() {
    for version in VERSIONS {
        let dir = tempdir().unwrap();
        let all = blocks(0, 60);
        let Some((mut peer, key, address)) = serving(version, 2, &json!([told(&all[..20])])) else { return };
        runtime().block_on(async {
            let mut node = Node::open(dir.path()).unwrap();
            node.follow(&key).unwrap();
            node.dial(address);
            until(&mut node, |node| committed(node, &key) == 20).await;
            for length in [21, 40, 60] {
                let from = committed(&node, &key) as usize;
                peer.call(&json!({"append": "a", "blocks": told(&all[from..length])}));
                until(&mut node, |node| committed(node, &key) == length as u64).await;
            }
        });
        let reader = ArchiveReader::open(dir.path()).unwrap();
        let core = &reader.cores()[0];
        assert_holds(core, &all);
        let lengths: Vec<u64> = core.heads().iter().map(|head| head.length()).collect();
        assert!([20, 21, 40, 60].iter().all(|length| lengths.contains(length)), "{lengths:?}");
    }
}

/// Protects against taking an address that answers nothing, or another log's peer, for a served log.
#[test]
fn nobody_serves_it() {
    let dir = tempdir().unwrap();
    let Some((_peer, key, address)) = serving((10, true), 3, &json!([told(&blocks(0, 3))])) else { return };
    let nobody: Address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap()
    };
    let other = [9; 32];
    assert_ne!(key, other);
    let fetched = download(dir.path(), &other, &[address, nobody.clone()]);
    assert!(!fetched.served);
    assert_eq!(fetched.tried.len(), 1);
    assert_eq!(fetched.tried[0].0, nobody.to_string());
}

//! Many logs, few peers, some of which die: everything arrives, once, in little memory.
//!
//! `VITRA_WATCH_LOGS=500 cargo test --test swarm_scale` is the full size. Those that are ignored measure, and print what they saw:
//! `cargo test --test swarm_scale -- --ignored --nocapture --test-threads 1`.

#[path = "common/swarm.rs"]
mod swarm;

use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use swarm::*;
use tempfile::tempdir;
use vitra_watch::archive::{Archive, ArchiveReader};
use vitra_watch::database::ack::to_hex;
use vitra_watch::hypercore::{Key, SignedHead};
use vitra_watch::swarm::node::Node;
use vitra_watch::swarm::transport::Address;

/// KiB; this process's.
const MOST_MEMORY: u64 = 100 << 10;

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A peer with some of the logs, on this port if one is given.
fn peer(version: u64, logs: &[usize], all: &[Vec<u8>], port: u64) -> Option<(Script, Vec<Key>, Address)> {
    let mut peer = INTEROP.start("peer.js")?;
    let log = |n: &usize| {
        let mut seed = [3; 32];
        seed[..8].copy_from_slice(&(*n as u64).to_le_bytes());
        json!({"log": n.to_string(), "version": version, "seed": to_hex(&seed), "steps": [told(all)]})
    };
    let keys = logs.iter().map(|n| key(&peer.call(&log(n)))).collect();
    let names: Vec<String> = logs.iter().map(usize::to_string).collect();
    let address = address(&peer.call(&json!({"listen": names, "port": port})));
    Some((peer, keys, address))
}

fn port(address: &Address) -> u64 {
    address.to_string().rsplit(':').next().unwrap().parse().unwrap()
}

/// Every log is there, complete, in one history.
fn assert_arrived(dir: &std::path::Path, keys: &[Key], all: &[Vec<u8>]) {
    let reader = ArchiveReader::open(dir).unwrap();
    assert_eq!(reader.cores().len(), keys.len(), "nothing is stored twice");
    for core in reader.cores() {
        assert!(keys.contains(core.key()));
        assert_holds(core, all);
        let files: u64 = ["blocks", "tree"].map(|file| core.dir().join(file).metadata().unwrap().len()).iter().sum();
        let blocks: usize = all.iter().map(Vec::len).sum();
        let nodes = 2 * all.len() - (all.len() as u64).count_ones() as usize;
        assert_eq!(files, (blocks + 40 * nodes) as u64);
    }
}

/// Protects following at scale: two peers are killed and come back, one never speaks, one does not exist.
#[test]
fn many_logs_over_peers_that_die() {
    let count = number("VITRA_WATCH_LOGS", 80);
    let all = blocks(0, 12);
    let dir = tempdir().unwrap();
    let mut peers = Vec::new();
    let mut keys = Vec::new();
    let shares: Vec<Vec<usize>> = (0..4).map(|at| (0..count).filter(|n| n % 4 == at).collect()).collect();
    for (at, share) in shares.iter().enumerate() {
        let version = if at % 2 == 0 { 10 } else { 11 };
        let Some((script, some, address)) = peer(version, share, &all, 0) else { return };
        keys.extend(some);
        peers.push((Some(script), address));
    }
    let half_open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = |at: std::net::SocketAddr| format!("tcp://{at}").parse::<Address>().unwrap();
    let begun = Instant::now();
    runtime().block_on(async {
        let mut node = Node::open(dir.path()).unwrap();
        keys.iter().for_each(|key| node.follow(key).unwrap());
        peers.iter().for_each(|(_, address)| node.dial(address.clone()));
        node.dial(place(half_open.local_addr().unwrap()));
        node.dial(place(nobody));
        let arrived = |node: &Node| keys.iter().filter(|key| committed(node, key) == 12).count();
        until(&mut node, |node| arrived(node) >= count / 5).await;
        for at in [0, 1] {
            drop(peers[at].0.take());
            let (again, ..) = peer(if at == 0 { 10 } else { 11 }, &shares[at], &all, port(&peers[at].1)).unwrap();
            peers[at].0 = Some(again);
        }
        until(&mut node, |node| arrived(node) == count).await;
    });
    let memory = status("VmHWM");
    eprintln!("{count} logs of 12 blocks over 4 peers: {:.1} s, {memory} KiB at most", begun.elapsed().as_secs_f64());
    assert!(memory < MOST_MEMORY, "{memory} KiB");
    assert_arrived(dir.path(), &keys, &all);
}

/// Protects many databases on one connection.
#[test]
fn fifty_indexes_over_one_connection() {
    let all = blocks(0, 40);
    let dir = tempdir().unwrap();
    let logs: Vec<usize> = (1_000..1_050).collect();
    let Some((_peer, keys, address)) = peer(11, &logs, &all, 0) else { return };
    runtime().block_on(async {
        let mut node = Node::open(dir.path()).unwrap();
        keys.iter().for_each(|key| node.follow(key).unwrap());
        node.dial(address);
        until(&mut node, |node| keys.iter().all(|key| committed(node, key) == 40)).await;
        assert_eq!(node.connected(), 1);
    });
    assert!(status("VmHWM") < MOST_MEMORY);
    assert_arrived(dir.path(), &keys, &all);
}

/// 10,000 logs with a block each, held by a node to which one peer is connected that has none of them.
#[test]
#[ignore = "measures"]
fn ten_thousand_idle_logs() {
    let count = number("VITRA_WATCH_LOGS", 10_000) as u64;
    let dir = tempdir().unwrap();
    let mut archive = Archive::create(dir.path()).unwrap();
    let mut keys = Vec::new();
    for from in (0..count).step_by(500) {
        let mut writers = Vec::new();
        for n in from..count.min(from + 500) {
            let owner = SigningKey::from_bytes(&std::array::from_fn(|i| n.to_le_bytes()[i % 8]));
            let key = owner.verifying_key().to_bytes();
            let log = archive.log(&key, None).unwrap();
            let history = archive.new_history(log, 0).unwrap();
            let mut writer = archive.writer(log, history).unwrap();
            writer.append([[7; 100]]).unwrap();
            let head = SignedHead::sign(&owner, key, None, 0, 1, writer.roots().tree_hash()).unwrap();
            writer.stage_head(head).unwrap();
            writers.push(writer);
            keys.push(key);
        }
        archive.commit(&mut writers.iter_mut().collect::<Vec<_>>()).unwrap();
    }
    drop(archive);
    let cpu = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = |from: rustix::time::Timespec, to: rustix::time::Timespec| {
        (to.tv_sec - from.tv_sec) as f64 + (to.tv_nsec - from.tv_nsec) as f64 / 1e9
    };
    let memory = status("VmRSS");
    let (begun, used) = (Instant::now(), cpu());
    let Some((_peer, other, address)) = peer(11, &[0], &blocks(0, 3), 0) else { return };
    runtime().block_on(async {
        let mut node = Node::open(dir.path()).unwrap();
        keys.iter().for_each(|key| node.follow(key).unwrap());
        let opened = (begun.elapsed(), status("VmRSS"));
        node.follow(&other[0]).unwrap();
        node.dial(address);
        until(&mut node, |node| committed(node, &other[0]) == 3).await;
        until(&mut node, |node| node.is_settled()).await;
        eprintln!("{count} logs: opened in {:.1} s", opened.0.as_secs_f64());
        eprintln!(
            "  memory a log: {:.2} KiB, with one peer {:.2} KiB",
            per(opened.1 - memory, count),
            per(status("VmRSS") - memory, count)
        );
        eprintln!("  processor time up to here: {:.2} s", seconds(used, cpu()));
        let (idle, end) = (cpu(), Instant::now() + Duration::from_secs(20));
        while Instant::now() < end {
            node.step(end).await.unwrap();
        }
        eprintln!("  processor time of 20 s: {:.3} s; descriptors {}", seconds(idle, cpu()), descriptors());
    });
}

fn per(kib: u64, count: u64) -> f64 {
    kib as f64 / count as f64
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// 10,000 blocks of 1 KB from a JavaScript server: ours against the JavaScript client, in turn.
#[test]
#[ignore = "measures"]
fn as_fast_as_javascript() {
    for version in [10, 11] {
        let Some(mut server) = INTEROP.start("peer.js") else { return };
        let log = key(&server.call(&json!({"log": "a", "version": version, "seed": to_hex(&[5; 32])})));
        server.call(&json!({"fill": "a", "count": 10_000, "size": 1_000}));
        let answer = server.call(&json!({"listen": ["a"]}));
        let (mut ours, mut theirs, mut rss) = (Vec::new(), Vec::new(), 0);
        for _ in 0..5 {
            let dir = tempdir().unwrap();
            let begun = Instant::now();
            runtime().block_on(async {
                let mut node = Node::open(dir.path()).unwrap();
                node.follow(&log).unwrap();
                node.dial(address(&answer));
                until(&mut node, |node| committed(node, &log) == 10_000).await;
            });
            ours.push(begun.elapsed().as_millis() as u64);
            let reader = ArchiveReader::open(dir.path()).unwrap();
            assert_eq!(reader.cores()[0].length(), 10_000);
            let mut client = INTEROP.start("peer.js").unwrap();
            client.call(&json!({"log": "b", "version": version, "key": to_hex(&log)}));
            client.call(&json!({"connect": answer["port"], "logs": ["b"]}));
            let timed: Json = client.call(&json!({"time": "b", "length": 10_000}));
            theirs.push(timed["ms"].as_u64().unwrap());
            rss = rss.max(timed["rss"].as_u64().unwrap());
        }
        ours.sort_unstable();
        theirs.sort_unstable();
        eprintln!(
            "Hypercore {version}: ours {ours:?} ms, {} KiB at most; JavaScript {theirs:?} ms, {rss} KiB",
            status("VmHWM")
        );
        assert!(ours[2] <= theirs[2], "slower than JavaScript");
    }
}

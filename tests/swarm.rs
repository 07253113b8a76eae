//! Following logs from JavaScript peers: Hypercore 10.38.2 and 11.37.1 over TCP on 127.0.0.1 (`tests/interop/peer.js`).

#[path = "common/swarm.rs"]
mod swarm;

use serde_json::json;
use swarm::*;
use tempfile::tempdir;
use vitra_watch::archive::ArchiveReader;
use vitra_watch::swarm::node::{Happened, Node};
use vitra_watch::swarm::transport::Address;

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

/// Protects many logs on one connection: more than may be asked at once, and a peer that lacks some of them.
#[test]
fn many_logs_share_a_connection() {
    let Some(mut peer) = INTEROP.start("peer.js") else { return };
    let all = blocks(0, 12);
    let mut keys = Vec::new();
    let mut names = Vec::new();
    for i in 0..150_u8 {
        let name = i.to_string();
        let seed = vitra_watch::database::ack::to_hex(&[i; 32]);
        let log = json!({"log": name, "version": 10, "seed": seed, "steps": [told(&all)]});
        keys.push(key(&peer.call(&log)));
        names.push(name);
    }
    let address = address(&peer.call(&json!({"listen": names[..140]})));
    let dir = tempdir().unwrap();
    runtime().block_on(async {
        let mut node = Node::open(dir.path()).unwrap();
        keys.iter().for_each(|key| node.follow(key).unwrap());
        node.dial(address);
        until(&mut node, |node| node.is_settled() && keys[..140].iter().all(|key| committed(node, key) == 12)).await;
        peer.call(&json!({"append": "77", "blocks": told(&all[..1])}));
        until(&mut node, |node| committed(node, &keys[77]) == 13).await;
        assert!(keys[140..].iter().all(|key| committed(&node, key) == 0));
    });
}

/// Protects following over days: a peer that hangs up, and one that is killed and comes back, are found again.
#[test]
fn a_lost_peer_is_found_again() {
    let dir = tempdir().unwrap();
    let all = blocks(0, 30);
    let Some((mut peer, key, address)) = serving((11, false), 9, &json!([told(&all[..10])])) else { return };
    let port: u16 = address.to_string().rsplit(':').next().unwrap().parse().unwrap();
    runtime().block_on(async {
        let mut node = Node::open(dir.path()).unwrap();
        node.follow(&key).unwrap();
        node.dial(address);
        until(&mut node, |node| committed(node, &key) == 10).await;
        peer.call(&json!({"hangup": true}));
        peer.call(&json!({"append": "a", "blocks": told(&all[10..20])}));
        until(&mut node, |node| committed(node, &key) == 20).await;
        drop(peer);
        let mut peer = INTEROP.start("peer.js").unwrap();
        let seed = vitra_watch::database::ack::to_hex(&[9; 32]);
        peer.call(&json!({"log": "a", "version": 11, "seed": seed, "steps": [told(&all[..20]), told(&all[20..])]}));
        peer.call(&json!({"listen": ["a"], "port": port}));
        until(&mut node, |node| committed(node, &key) == 30).await;
    });
    let reader = ArchiveReader::open(dir.path()).unwrap();
    assert_eq!(reader.cores().len(), 1, "nothing is stored twice");
    assert_holds(&reader.cores()[0], &all);
}

/// Protects following from half-open connections: what a peer was asked that has fallen silent comes from another one, and the
/// connection is ended.
#[test]
fn a_silent_peer_holds_nothing_up() {
    let dir = tempdir().unwrap();
    let all = blocks(0, 400);
    let steps = json!([told(&all)]);
    let Some((frozen, key, silent)) = serving((10, true), 11, &steps) else { return };
    let Some((_peer, _, address)) = serving((10, true), 11, &steps) else { return };
    runtime().block_on(async {
        let mut node = Node::open(dir.path()).unwrap();
        node.follow(&key).unwrap();
        node.dial(silent.clone());
        let branch = |node: &Node| node.replica(&key).and_then(|replica| Some(replica.branch(0)?.length()));
        until(&mut node, |node| branch(node).is_some_and(|length| length > 0)).await;
        frozen.freeze();
        node.dial(address);
        let is_down = |event: &Happened| matches!(event, Happened::Down(peer, _) if *peer == silent.to_string());
        let before = until(&mut node, |node| committed(node, &key) == 400).await;
        if !before.iter().any(is_down) {
            let end = std::time::Instant::now() + LONG;
            while !node.step(end).await.unwrap().iter().any(is_down) {
                assert!(std::time::Instant::now() < end, "it is still connected");
            }
        }
    });
    assert_holds(&ArchiveReader::open(dir.path()).unwrap().cores()[0], &all);
}

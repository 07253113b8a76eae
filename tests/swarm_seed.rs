//! Seeding: Hypercore 10.38.2 and 11.37.1 replicate from us what we replicated from them, live.

#[path = "common/swarm.rs"]
mod swarm;

use serde_json::json;
use swarm::*;
use tempfile::tempdir;
use vitra_watch::database::ack::to_hex;
use vitra_watch::swarm::node::Node;

/// Protects availability: the writer is gone, and a peer that never met it gets everything, manifest included; once the writer
/// is back, its appends go through us.
#[test]
fn javascript_peers_replicate_from_us() {
    for version in VERSIONS {
        let dir = tempdir().unwrap();
        let all = blocks(0, 330);
        let Some((mut writer, key, address)) = serving(version, 7, &json!([told(&all[..300])])) else { return };
        assert!(download(dir.path(), &key, std::slice::from_ref(&address)).lacking.is_empty());
        let node = Running::start(dir.path(), &[key], &[]);
        // Hypercore 10 reads logs by manifest of 11, too.
        let readers: &[u64] = if version.1 { &[10, 11] } else { &[11, 10] };
        for reader in readers {
            let mut peer = INTEROP.start("peer.js").unwrap();
            peer.call(&json!({"log": "b", "version": reader, "key": to_hex(&key)}));
            peer.call(&json!({"connect": node.port, "logs": ["b"]}));
            let read = peer.call(&json!({"read": "b", "length": 300}));
            assert_eq!(read["blocks"], told(&all[..300]), "{version:?} to {reader}");
        }
        drop(node);
        let node = Running::start(dir.path(), &[key], &[address]);
        let mut peer = INTEROP.start("peer.js").unwrap();
        peer.call(&json!({"log": "b", "version": readers[0], "key": to_hex(&key)}));
        peer.call(&json!({"connect": node.port, "logs": ["b"]}));
        peer.call(&json!({"read": "b", "length": 300}));
        for from in [300, 301, 320] {
            let to = (from + 10).min(330);
            writer.call(&json!({"append": "a", "blocks": told(&all[from..to])}));
            let length = writer.call(&json!({"append": "a", "blocks": []}))["length"].as_u64().unwrap();
            let read = peer.call(&json!({"read": "b", "length": length}));
            assert_eq!(read["length"], length, "{version:?}");
        }
        assert_eq!(peer.call(&json!({"events": "b"})), json!({"events": []}));
    }
}

/// Protects availability: who comes before there is anything to get does not have to come again.
#[test]
fn an_early_client_gets_what_comes_later() {
    for version in VERSIONS {
        let dir = tempdir().unwrap();
        let all = blocks(0, 30);
        let Some((_writer, key, writer)) = serving(version, 10, &json!([told(&all)])) else { return };
        let mut client = INTEROP.start("peer.js").unwrap();
        client.call(&json!({"log": "b", "version": version.0, "key": to_hex(&key)}));
        let early = address(&client.call(&json!({"listen": ["b"]})));
        runtime().block_on(async {
            let mut node = Node::open(dir.path()).unwrap();
            node.follow(&key).unwrap();
            node.dial(early);
            until(&mut node, |node| node.connected() == 1 && node.is_settled()).await;
            node.dial(writer);
            let read = tokio::task::spawn_blocking(move || client.call(&json!({"read": "b", "length": 30})));
            tokio::pin!(read);
            let end = std::time::Instant::now() + LONG;
            let answer = loop {
                tokio::select! {
                    answer = &mut read => break answer.unwrap(),
                    happened = node.step(end) => drop(happened.unwrap()),
                }
                assert!(std::time::Instant::now() < end, "{version:?}");
            };
            assert_eq!(answer["blocks"], told(&all), "{version:?}");
        });
    }
}

/// Protects bystanders: a peer that holds another history of the log is served that history, and never meets ours.
#[test]
fn a_peer_sees_no_history_but_its_own() {
    for version in VERSIONS {
        let dir = tempdir().unwrap();
        let all = blocks(0, 60);
        let Some((_writer, key, address)) = serving(version, 8, &json!([told(&all[..20])])) else { return };
        assert!(download(dir.path(), &key, &[address]).lacking.is_empty());
        let theirs = [&all[..10], &all[30..33]].concat();
        let Some((mut other, _, _)) = serving(version, 8, &json!([told(&theirs)])) else { return };
        let node = Running::start(dir.path(), &[key], &[]);
        other.call(&json!({"connect": node.port, "logs": ["a"]}));
        let end = std::time::Instant::now() + LONG;
        while contradictions(dir.path()).is_empty() {
            assert!(std::time::Instant::now() < end);
            std::thread::yield_now();
        }
        other.call(&json!({"append": "a", "blocks": told(&all[40..41])}));
        let read = other.call(&json!({"read": "a", "length": 14}));
        assert_eq!((read["length"].as_u64(), read["fork"].as_u64()), (Some(14), Some(0)));
        assert_eq!(other.call(&json!({"events": "a"})), json!({"events": []}));
    }
}

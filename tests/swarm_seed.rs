//! Seeding: Hypercore 10.38.2 and 11.37.1 replicate from us what we replicated from them, live.

#[path = "common/swarm.rs"]
mod swarm;

use serde_json::json;
use swarm::*;
use tempfile::tempdir;
use vitra_watch::database::ack::to_hex;

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

//! Truncations and split views, as Hypercore 10.38.2 and 11.37.1 show them: both signed histories are kept, and prove it.

#[path = "common/swarm.rs"]
mod swarm;

use serde_json::json;
use swarm::*;
use tempfile::tempdir;
use vitra_watch::archive::ArchiveReader;
use vitra_watch::hypercore::views::Conflict;
use vitra_watch::swarm::node::{Happened, Node};

/// Whether history `at` is here up to this length.
fn has(node: &Node, key: &[u8; 32], at: usize, length: u64) -> bool {
    let branch = node.replica(key).and_then(|replica| replica.branch(at));
    branch.and_then(|branch| branch.served()).is_some_and(|head| head.length() == length)
}

/// Protects against forgetting: a truncated log's old history stays, the new one is followed, and the head convicts.
#[test]
fn a_truncation_is_kept_beside_the_old_history() {
    for version in VERSIONS {
        let dir = tempdir().unwrap();
        let all = blocks(0, 40);
        let Some((mut peer, key, address)) = serving(version, 4, &json!([told(&all[..30])])) else { return };
        runtime().block_on(async {
            let mut node = Node::open(dir.path()).unwrap();
            node.follow(&key).unwrap();
            node.dial(address);
            until(&mut node, |node| committed(node, &key) == 30).await;
            peer.call(&json!({"truncate": "a", "length": 13}));
            peer.call(&json!({"append": "a", "blocks": told(&all[35..])}));
            let happened = until(&mut node, |node| has(node, &key, 1, 18)).await;
            assert!(happened.iter().any(|event| matches!(event, Happened::Fork(_, 1, _))), "{happened:?}");
            // And on: the new history lives.
            peer.call(&json!({"append": "a", "blocks": told(&all[..2])}));
            until(&mut node, |node| has(node, &key, 1, 20)).await;
            // Nothing was closed properly: this is what a crash would leave.
            let found = contradictions(dir.path());
            assert!(
                matches!(&found[..], [Conflict::Truncation(head)] if (head.fork(), head.length()) == (1, 20)),
                "{version:?} {found:?}"
            );
        });
        let reader = ArchiveReader::open(dir.path()).unwrap();
        let forks: Vec<_> = reader.cores().iter().map(|core| (core.fork(), core.length())).collect();
        assert_eq!(forks, [(0, 30), (1, 20)]);
        assert_holds(&reader.cores()[0], &all[..30]);
        let new = [&all[..13], &all[35..], &all[..2]].concat();
        assert_holds(&reader.cores()[1], &new);
    }
}

/// Protects the evidence: whatever the lengths, both heads are kept with a proof, and neither peer notices the other.
#[test]
fn a_split_view_is_captured_at_any_length() {
    for version in VERSIONS {
        for other in [20, 26, 14] {
            let dir = tempdir().unwrap();
            let all = blocks(0, 60);
            let Some((mut first, key, address)) = serving(version, 5, &json!([told(&all[..20])])) else { return };
            let theirs = [&all[..10], &all[30..30 + other - 10]].concat();
            let Some((mut second, same, beside)) = serving(version, 5, &json!([told(&theirs)])) else { return };
            assert_eq!(key, same);
            runtime().block_on(async {
                let mut node = Node::open(dir.path()).unwrap();
                node.follow(&key).unwrap();
                node.dial(address);
                until(&mut node, |node| committed(node, &key) == 20).await;
                node.dial(beside);
                let happened = until(&mut node, |node| has(node, &key, 1, other as u64)).await;
                let split = Happened::Split(key, 0, other as u64);
                assert!(happened.contains(&split), "{happened:?}");
                // The first one is followed as before.
                first.call(&json!({"append": "a", "blocks": told(&all[20..22])}));
                until(&mut node, |node| committed(node, &key) == 22).await;
                let found = contradictions(dir.path());
                let Some(Conflict::Equivocation { evidence, first_difference }) = found.first() else {
                    panic!("{version:?} {other} {found:?}")
                };
                assert_eq!(evidence.verify().unwrap().len(), 1);
                assert_eq!(*first_difference, Some(10));
                let events = [first.call(&json!({"events": "a"})), second.call(&json!({"events": "a"}))];
                assert_eq!(events, [json!({"events": []}), json!({"events": []})], "they froze");
            });
            let reader = ArchiveReader::open(dir.path()).unwrap();
            assert_holds(&reader.cores()[0], &all[..22]);
            assert_holds(&reader.cores()[1], &theirs);
        }
    }
}

/// Protects owners from JavaScript peers that shift sizes in prefix proofs, to nodes that are behind, equal and ahead: the head is
/// no contradiction, whoever shows it like that is dropped, and an honest peer serves the rest.
#[test]
fn shifted_sizes_are_no_contradiction() {
    for version in VERSIONS {
        for theirs in [26, 20, 14] {
            let dir = tempdir().unwrap();
            let all = blocks(0, 26);
            let Some((first, key, address)) = serving(version, 7, &json!([told(&all[..20])])) else { return };
            assert!(download(dir.path(), &key, &[address]).lacking.is_empty());
            drop(first);
            let Some((mut peer, same, honest)) = serving(version, 7, &json!([told(&all[..theirs])])) else { return };
            assert_eq!(key, same);
            let hostile = swarm::address(&peer.call(&json!({"listen": ["a"], "shift": true})));
            let fetched = download(dir.path(), &key, std::slice::from_ref(&hostile));
            let dropped =
                fetched.tried.iter().any(|(tried, why)| *tried == hostile.to_string() && why.contains("size"));
            assert_eq!(dropped, theirs > 20, "{version:?} {theirs} {fetched:?}");
            assert!(contradictions(dir.path()).is_empty(), "{version:?} {theirs}");
            download(dir.path(), &key, &[honest]);
            assert!(contradictions(dir.path()).is_empty(), "{version:?} {theirs}");
            let reader = ArchiveReader::open(dir.path()).unwrap();
            assert_holds(&reader.cores()[0], &all[..theirs.max(20)]);
        }
    }
}

/// Protects a second run: what it continues is compared with what peers show then.
#[test]
fn a_split_view_is_seen_by_a_later_run() {
    for version in VERSIONS {
        let dir = tempdir().unwrap();
        let all = blocks(0, 60);
        let Some((first, key, address)) = serving(version, 6, &json!([told(&all[..20])])) else { return };
        assert!(download(dir.path(), &key, &[address]).lacking.is_empty());
        drop(first);
        let theirs = [&all[..19], &all[40..42]].concat();
        let Some((_second, _, beside)) = serving(version, 6, &json!([told(&theirs)])) else { return };
        assert!(download(dir.path(), &key, &[beside]).lacking.is_empty());
        let found = contradictions(dir.path());
        assert!(
            matches!(&found[..], [Conflict::Equivocation { first_difference: Some(19), .. }]),
            "{version:?} {found:?}"
        );
    }
}

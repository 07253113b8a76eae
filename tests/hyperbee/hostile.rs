//! Hostile trees end in an error, soon, and never in a loop, an overflow or a panic.

use std::time::Instant;

use proptest::prelude::*;
use vitra_watch::hyperbee::list::{ListOptions, shallow};
use vitra_watch::hyperbee::{
    Batch, Block, Bounds, Cache, Kind, Malformed, Node, NodeError, NodeLevel, Tree, TreeError, View, check,
};

fn log(nodes: impl IntoIterator<Item = Node>) -> Vec<Block> {
    let header = Block::from(&b"\x0a\x08hyperbee"[..]);
    std::iter::once(header).chain(nodes.into_iter().map(|node| node.encode().into())).collect()
}

fn node(key: &str, levels: &[(&[u64], &[u64])]) -> Node {
    let level = |&(keys, children): &(&[u64], &[u64])| NodeLevel { keys: keys.to_vec(), children: children.to_vec() };
    Node { key: key.into(), value: Some(vec![0xc0]), levels: levels.iter().map(level).collect() }
}

/// Everything that can be asked of the last version.
fn all_errors(blocks: &Vec<Block>, key: &[u8]) -> Vec<Option<TreeError>> {
    let version = blocks.len() as u64;
    let cache = Cache::default();
    let tree = Tree::new(blocks, &cache, version);
    let mut batch = Batch::new(blocks, &cache, version);
    let mut delete = Batch::new(blocks, &cache, version);
    let put = batch.put(key, Some(b"v")).err();
    assert_eq!(batch.finish().err(), put, "a dead batch stays dead");
    let kinds = vec![Kind::Put; blocks.len() - 1];
    _ = check(blocks, &cache, 1, &kinds, &[]);
    _ = check(blocks, &cache, version - 1, &kinds[..1], &[]);
    _ = shallow(&tree, &[], ListOptions::default(), 1_000, |_| true);
    let range = |reverse| {
        let bounds = Bounds { reverse, ..Bounds::default() };
        tree.range(bounds)
            .and_then(|mut range| range.by_ref().take(10_000).find_map(Result::err).map_or(Ok(()), Err))
            .err()
    };
    vec![tree.get(key).err(), range(false), range(true), put, delete.del(key).err()]
}

#[test]
fn cycles_and_bad_pointers_are_errors() {
    let malformed = |seq, why| Some(TreeError::Malformed { seq, why });
    let started = Instant::now();
    for (root, why) in [
        (node("m", &[(&[1], &[1, 0, 1, 0])]), Malformed::TooDeep),
        (node("m", &[(&[], &[1, 0])]), Malformed::TooDeep),
        (node("m", &[(&[], &[1, 1])]), Malformed::NoLevel(1)),
        (node("m", &[(&[], &[1, u64::MAX])]), Malformed::NoLevel(1 << 53)),
        (node("m", &[(&[], &[2, 0])]), Malformed::ChildOutOfRange { to: 2 }),
        (node("m", &[(&[], &[1 << 52, 0])]), Malformed::ChildOutOfRange { to: 1 << 52 }),
        (node("m", &[(&[2], &[])]), Malformed::KeyOutOfRange { to: 2 }),
        (node("m", &[]), Malformed::NoLevel(0)),
        (node("m", &[(&[], &[1])]), Malformed::NoChild(0)),
    ] {
        let blocks = log([root.clone()]);
        for error in all_errors(&blocks, b"a") {
            assert_eq!(error, malformed(1, why), "{root:?}");
        }
    }
    // The header is no node; junk in an index is found when somebody needs it.
    for error in all_errors(&log([node("m", &[(&[0], &[])])]), b"a") {
        assert_eq!(error, malformed(0, Malformed::Node(NodeError::NoKey)));
    }
    let junk = vec![log([])[0].clone(), Block::from(&b"\x0a\x01\x1b\x12\x01k"[..])];
    for error in all_errors(&junk, b"a") {
        assert_eq!(error, malformed(1, Malformed::Node(NodeError::WireType(3))));
    }
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn deep_and_wide_trees_are_left_in_time() {
    let started = Instant::now();
    // 60 nodes in a chain; and a diamond of 40 levels, each with the one below it as all of its children.
    let chain = log((1..=60).map(|seq| node("m", if seq == 1 { &[(&[1], &[])] } else { &[] })));
    assert!(all_errors(&chain, b"a").iter().all(Option::is_some));
    let links: Vec<[u64; 2]> = (0..60).map(|i| [1, i + 1]).collect();
    let mut levels: Vec<(&[u64], &[u64])> = links.iter().map(|link| (&[][..], &link[..])).collect();
    levels.push((&[1], &[]));
    assert!(all_errors(&log([node("m", &levels)]), b"a").iter().all(Option::is_some));
    let fans: Vec<Vec<u64>> = (0..39).map(|i| [1, i + 1].repeat(9)).collect();
    let mut levels: Vec<(&[u64], &[u64])> = fans.iter().map(|fan| (&[1; 8][..], &fan[..])).collect();
    levels.push((&[1], &[]));
    let errors = all_errors(&log([node("m", &levels)]), b"a");
    assert!(errors[..3].iter().all(Option::is_none), "readers get there: {errors:?}");
    let wide: Vec<u64> = (0..2_000).map(|_| 1).collect();
    for error in all_errors(&log([node("m", &[(&wide, &[])])]), b"a") {
        assert_eq!(error, Some(TreeError::Malformed { seq: 1, why: Malformed::Node(NodeError::TooManyKeys) }));
    }
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn children_that_no_search_needs_are_ignored_as_readers_do() {
    let blocks = log([node("m", &[(&[1], &[1, 1, 1, 1, 7, 7]), (&[], &[])])]);
    let cache = Cache::default();
    let tree = Tree::new(&blocks, &cache, 2);
    assert!(tree.get(b"z").unwrap().is_none());
    assert_eq!(tree.get(b"m").unwrap().unwrap().seq(), 1);
    assert_eq!(tree.range(Bounds::default()).unwrap().count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_trees_do_no_harm(
        nodes in prop::collection::vec(
            (0u8..6, prop::collection::vec(
                (prop::collection::vec(0u64..9, 0..12), prop::collection::vec(0u64..9, 0..24)), 0..5)),
            1..8),
        keys in prop::collection::vec(0u8..6, 1..8),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let nodes = nodes.into_iter().map(|(key, levels)| Node {
            key: vec![b'a' + key],
            value: None,
            levels: levels.into_iter().map(|(keys, children)| NodeLevel { keys, children }).collect(),
        });
        let mut blocks = log(nodes);
        for (block, at, byte) in flips {
            let block = block.get_mut(&mut blocks);
            let mut bytes = block.to_vec();
            *at.get_mut(&mut bytes) = byte;
            *block = bytes.into();
        }
        all_errors(&blocks, b"c");
        let cache = Cache::default();
        let mut batch = Batch::new(&blocks, &cache, blocks.len() as u64);
        for key in &keys {
            _ = batch.put(&[b'a' + key, b'x'], None);
            _ = batch.del(&[b'a' + key]);
            _ = batch.get(&[b'a' + key]);
            _ = batch.range(Bounds::default()).map(|range| range.take(500).count());
            _ = batch.blocks_if_ended();
        }
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        _ = Node::decode(&bytes);
        let mut block = vec![0x0a, bytes.len() as u8];
        block.extend(&bytes);
        block.extend(b"\x12\x01k");
        if let Ok(node) = Node::decode(&block) {
            prop_assert_eq!(Node::decode(&node.encode()).unwrap(), node);
        }
    }
}

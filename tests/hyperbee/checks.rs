//! The check of trees of another shape: honest ones pass, and no tampering does.

use std::sync::Arc;

use proptest::prelude::*;
use vitra_watch::hyperbee::{
    Batch, Block, Bounds, Cache, Difference, Kind, Node, NodeLevel, Tree, Verdict, View, check,
};

use crate::data::{Model, Op, Written, apply, batches, blocks};

/// A log in the making.
pub struct Log {
    pub blocks: Vec<Block>,
    pub batches: Vec<(u64, Vec<Kind>, Vec<Vec<u8>>)>,
}

impl Log {
    pub fn new() -> Self {
        Self { blocks: vec![Arc::from(&b"\x0a\x08hyperbee"[..])], batches: vec![] }
    }

    /// Appends a batch; a delete of an absent key has no block.
    pub fn append(&mut self, ops: &[Op]) -> u64 {
        let from = self.blocks.len() as u64;
        let cache = Cache::default();
        let mut kinds = vec![];
        let mut batch = Batch::new(&self.blocks, &cache, from);
        for (key, value) in ops {
            match value {
                Some(value) => _ = (batch.put(key, Some(value)).unwrap(), kinds.push(Kind::Put)),
                None if batch.del(key).unwrap().is_some() => kinds.push(Kind::Del),
                None => {}
            }
        }
        let written = batch.finish().unwrap();
        self.blocks.extend(written.iter().map(|block| Block::from(&block[..])));
        self.batches.push((from, kinds, written));
        from
    }
}

fn kinds_of(batch: &Written, model: &Model) -> Vec<Kind> {
    let mut present: std::collections::BTreeSet<_> = model.keys().cloned().collect();
    let kinds = batch.ops.iter().filter_map(|(key, value)| match value {
        Some(_) => Some((present.insert(key.clone()), Kind::Put).1),
        None => present.remove(key).then_some(Kind::Del),
    });
    kinds.collect()
}

#[test]
fn honest_batches_pass_and_their_garbage_is_known() {
    let blocks = blocks("bee-17.blocks.zst");
    let cache = Cache::default();
    let mut model = Model::new();
    let mut garbage = 0;
    for batch in batches("bee-17.ops.zst") {
        let kinds = kinds_of(&batch, &model);
        apply(&mut model, &batch);
        let own: Vec<Vec<u8>> = blocks[batch.from as usize..batch.to as usize].iter().map(|b| b.to_vec()).collect();
        assert_eq!(check(&blocks, &cache, batch.from, &kinds, &own), Verdict::Same { usual_sizes: true });
        match check(&blocks, &cache, batch.from, &kinds, &[]) {
            Verdict::Same { .. } => {}
            Verdict::Different { what: Difference::Unreached { .. } } => garbage += 1,
            other => panic!("{other:?}"),
        }
    }
    eprintln!("{garbage} batches with garbage");
}

#[test]
fn garbage_of_a_shrinking_root_is_no_tampering() {
    // One batch grows a second level and loses it again.
    let mut log = Log::new();
    let key = |i: u32| format!("k{i:02}").into_bytes();
    let mut ops: Vec<Op> = (0..9).map(|i| (key(i), Some(vec![1]))).collect();
    ops.extend((0..6).map(|i| (key(i), None)));
    ops.extend((20..40).map(|i| (key(i), Some(vec![2]))));
    log.append(&ops);
    let (from, kinds, own) = &log.batches[0];
    let cache = Cache::default();
    assert_eq!(check(&log.blocks, &cache, *from, kinds, own), Verdict::Same { usual_sizes: true });
    let without = check(&log.blocks, &cache, *from, kinds, &[]);
    assert!(matches!(without, Verdict::Different { what: Difference::Unreached { .. } }), "{without:?}");
}

#[test]
fn a_stale_leaf_is_tampering() {
    let blocks = blocks("t-stale.blocks");
    let from = blocks.len() as u64 - 1;
    let verdict = check(&blocks, &Cache::default(), from, &[Kind::Put], &[]);
    // k05 was rewritten in block 31 or so; the leaf has block 6.
    let Verdict::Different { what: Difference::Entry { expected: Some(expected), published: Some(6) } } = verdict
    else {
        panic!("{verdict:?}")
    };
    assert!(expected > 6);
}

#[test]
fn another_shape_with_the_same_content_passes() {
    let mut log = Log::new();
    let ops: Vec<Op> = (0..30).map(|i| (format!("k{i:02}").into_bytes(), Some(vec![i]))).collect();
    let from = log.append(&ops);
    let (_, kinds, own) = log.batches[0].clone();
    // All nodes in the last block: a root with two keys over three leaves of other sizes than Hyperbee's.
    let last = log.blocks.len() - 1;
    let seq = |i: u64| from + i;
    for block in &mut log.blocks[1..last] {
        let node = Node { levels: vec![], ..Node::decode(block).unwrap() };
        *block = node.encode().into();
    }
    let leaf = |range: std::ops::Range<u64>| NodeLevel { keys: range.map(seq).collect(), children: vec![] };
    let at = last as u64;
    let root = NodeLevel { keys: vec![seq(8), seq(17)], children: vec![at, 2, at, 1, at, 3] };
    let mut node = Node::decode(&log.blocks[last]).unwrap();
    node.levels = vec![root, leaf(9..17), leaf(0..8), leaf(18..30)];
    log.blocks[last] = node.encode().into();
    assert_eq!(check(&log.blocks, &Cache::default(), from, &kinds, &own), Verdict::Same { usual_sizes: false });
    let cache = Cache::default();
    let tree = Tree::new(&log.blocks, &cache, log.blocks.len() as u64);
    assert_eq!(tree.range(Bounds::default()).unwrap().count(), 30);
    // A level more, and it is a trap for later batches.
    node.levels.push(leaf(3..8));
    log.blocks[last] = node.encode().into();
    let verdict = check(&log.blocks, &Cache::default(), from, &kinds, &own);
    assert!(matches!(verdict, Verdict::Different { what: Difference::Unreached { .. } }), "{verdict:?}");
}

#[test]
fn a_put_of_null_must_not_look_otherwise_than_hyperbees() {
    // Two appends, b = null and then c; and the same content in one batch of which the first block shows no own key.
    let mut log = Log::new();
    let cache = Cache::default();
    let from = log.blocks.len() as u64;
    let mut batch = Batch::new(&log.blocks, &cache, from);
    batch.put(b"b", None).unwrap();
    let alone = batch.blocks_if_ended().unwrap();
    batch.put(b"c", Some(b"1")).unwrap();
    let together = batch.finish().unwrap();
    assert_ne!(alone[0], together[0]);
    for (published, expected, shown) in [(&alone, &together, true), (&together, &alone, false)] {
        log.blocks.truncate(1);
        log.blocks.push(published[0].clone().into());
        log.blocks.push(together[1].clone().into());
        let entry = Cache::default().entry(&log.blocks, 1).unwrap();
        assert_eq!(entry.holds_own_key(), Ok(shown));
        let verdict = check(&log.blocks, &Cache::default(), from, &[Kind::Put, Kind::Put], expected);
        assert_eq!(verdict, Verdict::Different { what: Difference::NullShownOtherwise { seq: 1 } });
    }
}

/// All ways to be wrong about one number or one level of an index.
fn mutations(node: &Node, seq: u64) -> Vec<Node> {
    let mut all = vec![];
    let mut add = |change: &dyn Fn(&mut Vec<NodeLevel>)| {
        let mut node = node.clone();
        change(&mut node.levels);
        all.push(node);
    };
    for (l, level) in node.levels.iter().enumerate() {
        for (k, &key) in level.keys.iter().enumerate() {
            add(&|levels| _ = levels[l].keys.remove(k));
            add(&|levels| levels[l].keys.insert(k, key));
            add(&|levels| levels[l].keys[k] = key - 1);
            add(&|levels| levels[l].keys[k] = seq + 1);
            add(&|levels| levels[l].keys.insert(k, if key == 1 { 2 } else { key / 2 + 1 }));
            if k > 0 {
                add(&|levels| levels[l].keys.swap(k - 1, k));
            }
        }
        for c in 0..level.children.len() {
            let (was, pair) = (level.children[c], c / 2 * 2);
            add(&|levels| levels[l].children[c] = was + 1);
            add(&|levels| levels[l].children[c] = was.saturating_sub(1) + u64::from(was == 0) * 7);
            add(&|levels| drop(levels[l].children.drain(pair..pair + 2)));
            add(&|levels| _ = levels[l].children.remove(c));
            if c >= 2 {
                add(&|levels| levels[l].children.swap(c - 2, c));
            }
        }
        add(&|levels| levels[l].children.clear());
        add(&|levels| levels[l].children.extend([seq, 0]));
        add(&|levels| drop(levels.remove(l)));
        add(&|levels| levels.push(level.clone()));
        add(&|levels| levels.swap(0, l));
    }
    add(&|levels| levels.clear());
    all.retain(|mutated| mutated != node);
    all
}

#[test]
fn every_mutation_of_a_last_index_is_flagged() {
    let blocks = blocks("bee-17.blocks.zst");
    let mut model = Model::new();
    let mut flagged = 0;
    for (i, batch) in batches("bee-17.ops.zst").into_iter().enumerate() {
        let kinds = kinds_of(&batch, &model);
        apply(&mut model, &batch);
        if i % 60 != 20 || batch.from == batch.to {
            continue;
        }
        let own: Vec<Vec<u8>> = blocks[batch.from as usize..batch.to as usize].iter().map(|b| b.to_vec()).collect();
        let last = batch.to - 1;
        for mutated in mutations(&Node::decode(&blocks[last as usize]).unwrap(), last) {
            let mut tampered = blocks[..batch.to as usize].to_vec();
            tampered[last as usize] = mutated.encode().into();
            assert_ne!(tampered[last as usize], blocks[last as usize]);
            let verdict = check(&tampered, &Cache::default(), batch.from, &kinds, &own);
            assert!(
                matches!(verdict, Verdict::Different { .. } | Verdict::Unreadable { .. }),
                "{last}: {verdict:?} for {mutated:?}"
            );
            flagged += 1;
        }
    }
    assert!(flagged > 2_000, "{flagged}");
}

fn ops() -> impl Strategy<Value = Vec<Vec<Op>>> {
    let key = (0u32..60).prop_map(|i| format!("k{}", i * 7 % 60).into_bytes());
    let value = prop_oneof![2 => prop::collection::vec(any::<u8>(), 0..4).prop_map(Some), 1 => Just(None)];
    prop::collection::vec(prop::collection::vec((key, value), 1..30), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn logs_of_our_own_read_back_and_pass(batches in ops()) {
        let mut log = Log::new();
        let mut model = Model::new();
        for ops in batches {
            let from = log.append(&ops);
            let to = log.blocks.len() as u64;
            apply(&mut model, &Written { from, to, ops });
            let cache = Cache::default();
            let (_, kinds, own) = log.batches.last().unwrap();
            prop_assert_eq!(check(&log.blocks, &cache, from, kinds, own), Verdict::Same { usual_sizes: true });
            if to > from {
                let tree = Tree::new(&log.blocks, &cache, to);
                let read: Vec<u64> = tree.range(Bounds::default()).unwrap().map(|entry| entry.unwrap().seq()).collect();
                prop_assert_eq!(read, model.values().map(|(seq, _)| *seq).collect::<Vec<_>>());
            }
        }
    }
}

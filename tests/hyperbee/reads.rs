//! Reads of real trees against the model, at every batch end.

use vitra_watch::hyperbee::{Bounds, Cache, Node, Tree, View, is_header};

use crate::data::{Model, apply, batches, blocks};

#[test]
fn every_block_decodes_and_encodes_to_itself() {
    for name in ["bee-17.blocks.zst", "bee-227.blocks.zst", "t-honest.blocks", "t-stale.blocks"] {
        let blocks = blocks(name);
        assert!(is_header(&blocks[0]));
        for block in &blocks[1..] {
            assert_eq!(Node::decode(block).unwrap().encode(), **block);
        }
    }
}

#[test]
fn reads_agree_with_the_model_at_every_batch_end() {
    let blocks = blocks("bee-17.blocks.zst");
    let cache = Cache::new(1 << 20);
    let mut model = Model::new();
    let mut ever = Vec::new();
    for (i, batch) in batches("bee-17.ops.zst").iter().enumerate() {
        apply(&mut model, batch);
        ever.extend(batch.ops.iter().map(|(key, _)| key.clone()));
        let tree = Tree::new(&blocks, &cache, batch.to);
        if i % 20 == 0 {
            check_all(&tree, &model);
        }
        for key in ever.iter().rev().step_by(7).take(20) {
            let found = tree.get(key).unwrap().map(|entry| (entry.seq(), entry.value().map(<[u8]>::to_vec)));
            assert_eq!(found, model.get(key).cloned());
        }
        check_range(&tree, &model, &ever[i % ever.len()], &ever[i * 31 % ever.len()]);
    }
    assert!(model.len() > 100);
}

fn check_all(tree: &impl View, model: &Model) {
    let read = tree.range(Bounds::default()).unwrap().map(|entry| {
        let entry = entry.unwrap();
        (entry.key().to_vec(), (entry.seq(), entry.value().map(<[u8]>::to_vec)))
    });
    assert!(read.eq(model.iter().map(|(key, value)| (key.clone(), value.clone()))));
}

fn check_range(tree: &impl View, model: &Model, a: &[u8], b: &[u8]) {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    for (inclusive, reverse, limit) in
        [(true, false, None), (false, true, Some(7)), (false, false, Some(3)), (true, true, None)]
    {
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        if a == b && !inclusive {
            continue;
        }
        let end = |key| if inclusive { Included(key) } else { Excluded(key) };
        for (lower, upper) in [(Some(a), Some(b)), (Some(a), None), (None, Some(b))] {
            let ends = (lower.map_or(Unbounded, end), upper.map_or(Unbounded, end));
            let mut expected: Vec<u64> = model.range::<[u8], _>(ends).map(|(_, (seq, _))| *seq).collect();
            if reverse {
                expected.reverse();
            }
            expected.truncate(limit.unwrap_or(usize::MAX));
            let bound = |key: Option<_>| key.map(|key| (key, inclusive));
            let bounds = Bounds { lower: bound(lower), upper: bound(upper), reverse, limit };
            let read: Vec<u64> = tree.range(bounds).unwrap().map(|entry| entry.unwrap().seq()).collect();
            assert_eq!(read, expected, "{bounds:?}");
        }
    }
}

#[test]
fn a_tree_without_a_write_is_empty() {
    let blocks = blocks("t-honest.blocks");
    let cache = Cache::default();
    for version in [0, 1] {
        let tree = Tree::new(&blocks, &cache, version);
        assert!(tree.get(b"k00").unwrap().is_none());
        assert_eq!(tree.range(Bounds::default()).unwrap().count(), 0);
    }
}

#[test]
fn a_tampered_tree_is_read_as_readers_read_it() {
    let cache = (Cache::default(), Cache::default());
    let logs = (blocks("t-honest.blocks"), blocks("t-stale.blocks"));
    let version = logs.0.len() as u64;
    let honest = Tree::new(&logs.0, &cache.0, version);
    let stale = Tree::new(&logs.1, &cache.1, version);
    let differing: Vec<_> = honest
        .range(Bounds::default())
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| stale.get(entry.key()).unwrap().map(|stale| stale.seq()) != Some(entry.seq()))
        .collect();
    assert_eq!(differing.len(), 1);
    assert_eq!(differing[0].key(), b"k05");
    assert_eq!(stale.get(b"k05").unwrap().unwrap().value(), Some(&b"old5"[..]));
}

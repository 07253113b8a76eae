//! Recomputing what Hyperbee wrote, byte for byte.

use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use vitra_watch::hyperbee::{Batch, Block, Bounds, Cache, Entry, Fit, View};

use crate::data::{Model, Written, apply, batches, blocks};

/// Recomputes every batch on top of the published blocks before it; the first block that differs.
fn first_difference(blocks: &Vec<Block>, batches: &[Written]) -> Option<u64> {
    let cache = Cache::default();
    for batch in batches {
        let mut recomputed = Batch::new(blocks, &cache, batch.from);
        for (key, value) in &batch.ops {
            match value {
                Some(value) => _ = recomputed.put(key, Some(value)).unwrap(),
                None => _ = recomputed.del(key).unwrap(),
            }
        }
        let range = batch.from as usize..batch.to as usize;
        let entries: Vec<Rc<Entry>> = range.clone().map(|seq| cache.entry(blocks, seq as u64).unwrap()).collect();
        let fit = recomputed.fits(entries.iter().map(|entry| &**entry)).unwrap();
        let written = recomputed.finish().unwrap();
        let differs = written.iter().zip(&blocks[range.clone()]).position(|(ours, theirs)| **ours != **theirs);
        assert_eq!(written.len(), range.len());
        match differs {
            Some(i) => {
                assert_eq!(fit, Fit::Differs { seq: batch.from + i as u64 });
                return Some(batch.from + i as u64);
            }
            None => assert_eq!(fit, Fit::Same),
        }
    }
    None
}

#[test]
fn hyperbee_1_7_and_2_27_are_recomputed() {
    for name in ["bee-17", "bee-227"] {
        let blocks = blocks(&format!("{name}.blocks.zst"));
        assert_eq!(first_difference(&blocks, &batches(&format!("{name}.ops.zst"))), None, "{name}");
    }
    assert_eq!(blocks("bee-17.blocks.zst"), blocks("bee-227.blocks.zst"));
}

#[test]
fn a_stale_leaf_is_found() {
    assert_eq!(first_difference(&blocks("t-honest.blocks"), &batches("t-honest.ops")), None);
    assert_eq!(first_difference(&blocks("t-stale.blocks"), &batches("t-stale.ops")), Some(33));
}

#[test]
fn a_batch_reads_as_what_it_will_be() {
    let blocks = blocks("bee-17.blocks.zst");
    let cache = Cache::default();
    let mut model = Model::new();
    for batch in batches("bee-17.ops.zst") {
        let mut made = Batch::new(&blocks, &cache, batch.from);
        for (key, value) in &batch.ops {
            let absent = made.get(key).unwrap().is_none();
            match value {
                Some(value) => _ = made.put(key, Some(value)).unwrap(),
                None => assert_eq!(made.del(key).unwrap().is_none(), absent),
            }
            let found = made.get(key).unwrap();
            assert_eq!(found.is_some(), value.is_some());
            assert_eq!(found.as_deref().and_then(Entry::value), value.as_deref());
        }
        apply(&mut model, &batch);
        if batch.from % 5 == 0 {
            let read = made.range(Bounds::default()).unwrap().map(|entry| entry.unwrap().seq());
            assert!(read.eq(model.values().map(|(seq, _)| *seq)));
        }
    }
}

/// Protects what a search for the end of a batch rests on, with what Hyperbee 1.7 and 2.27 wrote, deletes that shrink the
/// tree among it: the first block that carries as many nodes as its operation wrote is the last.
#[test]
fn a_block_says_whether_its_batch_ends() {
    for name in ["bee-17", "bee-227"] {
        let blocks = blocks(&format!("{name}.blocks.zst"));
        let cache = Cache::default();
        let (mut inside, mut deletes) = (0, 0);
        for batch in &batches(&format!("{name}.ops.zst")) {
            let mut made = Batch::new(&blocks, &cache, batch.from);
            for (key, value) in &batch.ops {
                let written = match value {
                    Some(value) => Some(made.put(key, Some(value)).unwrap()),
                    None => made.del(key).unwrap(),
                };
                let Some(seq) = written else { continue };
                let entries: Vec<_> = (batch.from..=seq).map(|seq| cache.entry(&blocks, seq).unwrap()).collect();
                let is_last = seq + 1 == batch.to;
                assert_eq!(made.must_end_with(entries.last().unwrap()), is_last, "{seq}");
                if inside < 500 {
                    let fits = made.fits(entries.iter().map(|entry| &**entry)).unwrap() == Fit::Same;
                    assert_eq!(fits, is_last, "{seq}");
                }
                inside += usize::from(!is_last);
                deletes += usize::from(!is_last && value.is_none());
            }
        }
        assert!(inside > 500 && deletes > 100, "{inside} {deletes}");
    }
}

proptest! {
    /// Protects the same rule for every batch, those that empty the tree included.
    #[test]
    fn every_block_but_the_last_leaves_out_the_root(
        batches in prop::collection::vec(prop::collection::vec((0_u16..80, 0_u8..5), 1..60), 1..12),
    ) {
        let cache = Cache::default();
        let mut blocks: Vec<Block> = vec![Arc::from(&b"\x0a\x08\x79hyperbee"[..])];
        for ops in &batches {
            let from = blocks.len() as u64;
            let apply = |made: &mut Batch<'_, Vec<Block>>, (key, write): (u16, u8)| {
                let key = format!("k{key}");
                match write {
                    0 | 1 => made.del(key.as_bytes()).unwrap(),
                    2 => Some(made.put(key.as_bytes(), None).unwrap()),
                    _ => Some(made.put(key.as_bytes(), Some(&[write])).unwrap()),
                }
            };
            let mut made = Batch::new(&blocks, &cache, from);
            ops.iter().for_each(|op| _ = apply(&mut made, *op));
            let written = made.finish().unwrap();
            let mut again = Batch::new(&blocks, &cache, from);
            for op in ops {
                let Some(seq) = apply(&mut again, *op) else { continue };
                let block = &written[(seq - from) as usize];
                let entry = Entry::decode(seq, Arc::from(&block[..])).unwrap();
                prop_assert_eq!(again.must_end_with(&entry), seq + 1 == from + written.len() as u64);
            }
            drop(again);
            blocks.extend(written.into_iter().map(Arc::from));
        }
    }
}

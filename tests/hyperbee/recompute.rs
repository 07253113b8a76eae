//! Recomputing what Hyperbee wrote, byte for byte.

use std::rc::Rc;

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

#[test]
fn the_end_of_a_batch_is_found_by_trying() {
    let blocks = blocks("bee-17.blocks.zst");
    let cache = Cache::default();
    let (mut turned_away, mut no_ends) = (0, 0);
    for batch in batches("bee-17.ops.zst").iter().filter(|batch| batch.to - batch.from > 1).take(60) {
        let mut made = Batch::new(&blocks, &cache, batch.from);
        for (key, value) in &batch.ops {
            let written = match value {
                Some(value) => Some(made.put(key, Some(value)).unwrap()),
                None => made.del(key).unwrap(),
            };
            let Some(seq) = written else { continue };
            let last = cache.entry(&blocks, seq).unwrap();
            let entries: Vec<_> = (batch.from..=seq).map(|seq| cache.entry(&blocks, seq).unwrap()).collect();
            let fits = made.fits(entries.iter().map(|entry| &**entry)).unwrap() == Fit::Same;
            assert_eq!(fits, seq + 1 == batch.to, "{seq}");
            assert!(made.may_end_with(&last) || !fits);
            turned_away += usize::from(!made.may_end_with(&last));
            no_ends += usize::from(!fits);
        }
    }
    assert!(turned_away == no_ends && no_ends > 100, "{turned_away} of {no_ends}");
}

//! Vitra's shallow listing, against what its own algorithm gave on Hyperbee 1.10.1 (`never`: it did not end).

use std::cell::Cell;

use serde_json::{Value, json};
use vitra_watch::hyperbee::list::{ListOptions, shallow};
use vitra_watch::hyperbee::{Block, Cache, ListError, Tree};

use crate::checks::Log;
use crate::data::{read, unhex};

#[test]
fn listings_are_those_of_vitra() {
    let (mut listings, mut never) = (0, 0);
    for line in read("lists.jsonl.zst").lines() {
        let tree: Value = serde_json::from_str(line).unwrap();
        let blocks = tree["blocks"].as_array().unwrap();
        let blocks: Vec<Block> = blocks.iter().map(|block| unhex(block.as_str().unwrap()).into()).collect();
        let cache = Cache::default();
        let tree_at_end = Tree::new(&blocks, &cache, blocks.len() as u64);
        for case in tree["lists"].as_array().unwrap() {
            let prefix: Vec<&str> = case[0].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
            let listed = shallow(&tree_at_end, &prefix, ListOptions::default(), 100_000, |_| true);
            listings += 1;
            if case[1] == "never" {
                never += 1;
                assert_eq!(listed.unwrap_err(), ListError::NeverEnds, "{prefix:?}");
                continue;
            }
            let listed = listed.unwrap().into_iter().map(|entry| {
                let seq = entry.entry.map(|entry| entry.seq());
                json!({"container": entry.container, "seq": seq, "name": entry.name, "path": entry.path})
            });
            assert_eq!(listed.collect::<Value>(), case[1], "{prefix:?}");
        }
    }
    assert!(listings > 150 && never > 5, "{listings} listings, {never} without an end");
}

#[test]
fn options_apply_to_the_whole_listing() {
    let mut log = Log::new();
    let names = ["a", "b", "b\0x", "c\0y", "d"];
    log.append(&names.map(|name| (name.as_bytes().to_vec(), Some(name.as_bytes().to_vec()))));
    let cache = Cache::default();
    let tree = Tree::new(&log.blocks, &cache, log.blocks.len() as u64);
    let list = |reverse, offset, limit| -> String {
        let options = ListOptions { reverse, offset, limit };
        let listed = shallow(&tree, &[], options, 100, |_| true).unwrap();
        listed.iter().map(|entry| entry.name.as_deref().unwrap()).collect()
    };
    assert_eq!(list(false, 0, 0), "abcd");
    assert_eq!(list(true, 0, 0), "dcba");
    assert_eq!(list(true, 1, 2), "cb");
    assert_eq!(list(false, 3, 9), "d");
    assert_eq!(list(false, 9, 0), "");
    let both = &shallow(&tree, &[], ListOptions::default(), 100, |_| true).unwrap()[1];
    assert!(both.container && both.entry.as_ref().unwrap().value() == Some(b"b"));
    assert_eq!(shallow(&tree, &[], ListOptions::default(), 3, |_| true).unwrap_err(), ListError::TooMany(3));
    // Vitra decodes every value that it passes, also those that only stand for a directory.
    let seen = Cell::new(0);
    let refused = shallow(&tree, &[], ListOptions::default(), 100, |value| {
        seen.set(seen.get() + 1);
        value != b"c\0y"
    });
    assert_eq!((refused.unwrap_err(), seen.get()), (ListError::Value { seq: 4 }, 4));
}

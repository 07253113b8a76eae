//! Indexes made in memory: strings that want to act on a screen, and trees that want to keep a reader busy.

use std::sync::Arc;

use super::*;
use crate::cli::args::Cli;
use crate::cli::nasty::{NASTY, is_harmful, very_long};
use crate::hyperbee::{Batch, Block, Node, NodeLevel};

fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xdb];
    bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// `{key: value}`
fn object(key: &str, value: &str) -> Vec<u8> {
    [vec![0x81], text(key), text(value)].concat()
}

/// An index of one batch.
fn index(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![Arc::from(&b"\x0a\x08hyperbee"[..])];
    let cache = Cache::new(DEFAULT_CACHE_BYTES);
    let mut batch = Batch::new(&blocks, &cache, 1);
    for (key, value) in entries {
        batch.put(key, Some(value)).unwrap();
    }
    let new = batch.finish().unwrap();
    blocks.extend(new.into_iter().map(Block::from));
    blocks
}

fn shown(blocks: &Vec<Block>, what: What, json: bool) -> Result<String, Failure> {
    let held = |_: &Key| Ok(Some(Held { length: 5, fork: 1, available: 3 }));
    let cache = Cache::new(DEFAULT_CACHE_BYTES);
    let look = Look { key: [7; 32], blocks, held: &held, cache, version: blocks.len() as u64, json };
    let mut out = Vec::new();
    look.show(&what, false, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn everything(path: &str) -> Vec<What> {
    let path = || path.to_owned();
    let what = vec![What::Info, What::History, What::Get { path: path() }, What::List { prefix: "/".into() }];
    [what, vec![What::List { prefix: path() }, What::Source, What::Methods, What::Oplogs]].concat()
}

#[test]
fn no_string_from_a_log_acts_on_a_screen() {
    let long = very_long();
    for nasty in NASTY.iter().copied().chain([&*long]) {
        let key = path::key(nasty);
        let below = |place: &[u8]| [place, nasty.as_bytes()].concat();
        let blocks = index(&[
            (path::SOURCE.to_vec(), text(nasty)),
            (below(path::INPUTS), object(nasty, nasty)),
            (below(path::ACKS), object(nasty, nasty)),
            (key.to_vec(), object(nasty, nasty)),
            ([b"dir\0", &*key].concat(), text(nasty)),
            ([b"raw\0", nasty.as_bytes()].concat(), [b"\xc1", nasty.as_bytes()].concat()),
        ]);
        for what in everything(nasty) {
            for json in [false, true] {
                let shown = match shown(&blocks, what.clone(), json) {
                    Ok(shown) => shown,
                    // What `main` prints.
                    Err(failure) => escape(&failure.message),
                };
                let lines = matches!(what, What::Source);
                let harmful = |c: char| is_harmful(c) && c != '\n' && !(lines && c == '\t');
                assert!(!shown.chars().any(harmful), "{what:?} {shown:?}");
            }
        }
        let history = shown(&blocks, What::History, true).unwrap();
        assert_eq!(history.lines().count(), blocks.len(), "{history}");
        for line in history.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["schema"], "vitra-watch/history/1");
        }
        assert_eq!(shown(&blocks, What::History, false).unwrap().lines().count(), blocks.len());
        let get = shown(&blocks, What::Get { path: nasty.into() }, true).unwrap();
        let get: serde_json::Value = serde_json::from_str(&get).unwrap();
        assert_eq!(get["path"], nasty);
        let source = shown(&blocks, What::Source, true).unwrap();
        let source: serde_json::Value = serde_json::from_str(&source).unwrap();
        assert_eq!(source["contract"]["source"], nasty);
    }
}

#[test]
fn a_hostile_tree_ends_in_a_sentence() {
    let header: Block = Arc::from(&b"\x0a\x08hyperbee"[..]);
    let level = |keys: &[u64], children: &[u64]| NodeLevel { keys: keys.to_vec(), children: children.to_vec() };
    let key = [path::INPUTS, b"aa"].concat();
    let node = |levels| Node { key: key.clone(), value: Some(text("x")), levels };
    let many = |seq: u64| (0..9).flat_map(|_| [seq, 0]).collect::<Vec<u64>>();
    let trees = [
        // Itself as its own child; the same children again and again; beyond the end; no level; children without keys.
        vec![node(vec![level(&[1], &[1, 0, 1, 0])])],
        (1..=30).map(|seq| node(vec![level(&[seq; 8], &if seq == 1 { vec![] } else { many(seq - 1) })])).collect(),
        vec![node(vec![level(&[9], &[])])],
        vec![node(vec![])],
        vec![node(vec![level(&[], &[1, 0])])],
        vec![node(vec![level(&[1], &[7, u64::MAX >> 1, u64::MAX >> 1, 7])])],
    ];
    for tree in trees {
        let blocks: Vec<Block> = [header.clone()].into_iter().chain(tree.iter().map(|n| n.encode().into())).collect();
        for what in everything("/.sys/inputs") {
            for json in [false, true] {
                if let Err(failure) = shown(&blocks, what.clone(), json) {
                    assert_eq!(failure.code, exit::MALFORMED, "{what:?} {failure:?}");
                    assert!(!failure.message.contains('\n'));
                }
            }
        }
        assert!(shown(&blocks, What::Oplogs, false).is_err(), "{tree:?}");
    }
}

#[test]
fn a_hole_is_said() {
    struct Hole(Vec<Block>);
    impl Blocks for Hole {
        fn length(&self) -> u64 {
            1 << 50
        }
        fn block(&self, seq: u64) -> Option<Block> {
            self.0.block(seq)
        }
    }
    let blocks = Hole(index(&[(b"a".to_vec(), text("x"))]));
    let held = |_: &Key| Ok(None);
    let cache = Cache::new(DEFAULT_CACHE_BYTES);
    let mut look = Look { key: [7; 32], blocks: &blocks, held: &held, cache, version: 1 << 50, json: false };
    let mut out = Vec::new();
    for what in [What::History, What::Info, What::Get { path: "/a".into() }] {
        assert_eq!(look.show(&what, false, &mut out).unwrap_err().code, exit::INCOMPLETE);
    }
    assert_eq!(String::from_utf8(out).unwrap(), "       0  header\n       1  put  /a = \"x\"\n");
    look.version = 1 << 49;
    assert_eq!(look.show(&What::Info, true, &mut Vec::new()).unwrap_err().code, exit::INCOMPLETE);
}

#[test]
fn the_arguments_are_consistent() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

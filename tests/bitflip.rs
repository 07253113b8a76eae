//! Damaged storage: bits flipped, files cut off, files removed, whole frames forged. Never a panic, never an accusation,
//! never other blocks than those that were signed.

mod common;

use common::unpack;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vitra_watch::archive::{Corestore, ImportError, find_stores};
use vitra_watch::hyperbee::Block;
use vitra_watch::hyperbee::Blocks;
use vitra_watch::hypercore::views::{Conflict, conflicts};
use vitra_watch::hypercore::{Hash, Key};

/// Small databases: rewritten, truncated, restarted, split, honest.
const CASES: [(&str, &str); 12] = [
    ("a", "d-truncate-index"),
    ("a", "h-restart"),
    ("a", "h-fail-last"),
    ("a", "d-split-view-index-only"),
    ("b", "d-truncate-oplog"),
    ("b", "h-kv-10"),
    ("b", "d-truncate-index-fork0"),
    ("b", "h-deletes"),
    ("", "partial-a"),
    ("", "partial-b"),
    ("", "manifest"),
    ("", "upgraded"),
];

/// A database of the corpus, or a store of `tests/data/corestore`: what removes it when dropped, and the store.
fn unpack_case(era: &str, name: &str) -> (Box<dyn std::any::Any>, PathBuf) {
    if era.is_empty() {
        let (temp, dir) = common::store(name);
        return (Box::new(temp), dir);
    }
    let case = unpack(era, name);
    let dir = find_stores(&case.dir).remove(0);
    (Box::new(case), dir)
}

/// SplitMix64: the same sequence everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % n as u64) as usize
    }
}

/// All that an import says of one log.
#[derive(Debug, PartialEq)]
struct Log {
    fork: u64,
    blocks: Vec<Option<Block>>,
    heads: Vec<(u64, u64, Hash)>,
}

#[derive(Debug, PartialEq)]
struct Import {
    logs: BTreeMap<Key, Log>,
    contradictions: Vec<Conflict>,
}

fn import(dir: &Path) -> Result<Import, ImportError> {
    let store = Corestore::open(dir)?;
    store.find_index()?;
    let mut import = Import { logs: BTreeMap::new(), contradictions: Vec::new() };
    for core in store.cores() {
        core.check_all()?;
        let blocks = (0..core.length()).map(|seq| core.block(seq)).collect();
        assert_eq!(core.take_error(), None);
        let heads = core.heads().iter().map(|head| (head.fork(), head.length(), *head.tree_hash())).collect();
        import.logs.insert(*core.key(), Log { fork: core.fork(), blocks, heads });
        import.contradictions.extend(conflicts(&[core.view()]));
    }
    Ok(import)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.retain(|path| path.to_str().unwrap().contains("/cores/"));
    found.sort();
    found
}

/// For each damage that `next` makes of a random file (`None`: the file goes away): the import, beside that of the whole
/// store.
fn damaged(
    rounds: usize,
    seed: u64,
    next: impl Fn(&Path, &[u8], &mut Random) -> Option<Option<Vec<u8>>>,
    mut look: impl FnMut(&str, Result<Import, ImportError>, &Import),
) -> usize {
    let mut done = 0;
    let mut random = Random(seed);
    for (era, name) in CASES {
        let case = unpack_case(era, name);
        let dir = case.1.clone();
        let whole = import(&dir).unwrap();
        let files = files(&dir);
        for _ in 0..rounds {
            let path = &files[random.below(files.len())];
            let bytes = std::fs::read(path).unwrap();
            let Some(changed) = next(path, &bytes, &mut random) else { continue };
            match &changed {
                Some(changed) => std::fs::write(path, changed).unwrap(),
                None => std::fs::remove_file(path).unwrap(),
            }
            let result = import(&dir);
            if let Err(e) = &result {
                assert!(e.file.starts_with(&dir), "{e}");
                let text = e.to_string();
                assert!(!text.contains('\n') && text.starts_with(e.file.to_str().unwrap()), "{text}");
            }
            look(&format!("{era}/{name} {}", path.strip_prefix(&dir).unwrap().display()), result, &whole);
            std::fs::write(path, &bytes).unwrap();
            done += 1;
        }
        assert_eq!(import(&dir).as_ref(), Ok(&whole));
    }
    done
}

/// Nothing but what was signed: heads that were there before, blocks as before, no new contradiction.
fn assert_part_of(what: &str, part: &Import, whole: &Import) {
    for (key, log) in &part.logs {
        let before = &whole.logs[key];
        assert!(log.heads.iter().all(|head| before.heads.contains(head)), "{what}: another head");
        for (seq, block) in log.blocks.iter().enumerate() {
            if log.fork == before.fork {
                assert!(block.is_none() || *block == before.blocks[seq], "{what}: another block");
            }
        }
    }
    for conflict in &part.contradictions {
        // A cut-off log shows the same truncation at a shorter head.
        let known = |other: &Conflict| match (conflict, other) {
            (Conflict::Truncation(a), Conflict::Truncation(b)) => a.key() == b.key() && a.fork() == b.fork(),
            (a, b) => a == b,
        };
        assert!(whole.contradictions.iter().any(known), "{what}: another contradiction");
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_changes_nothing() {
    let flip = |_: &Path, bytes: &[u8], random: &mut Random| {
        let mut bytes = bytes.to_vec();
        let at = random.below(bytes.len().max(1));
        *bytes.get_mut(at)? ^= 1 << random.below(8);
        Some(Some(bytes))
    };
    let (mut errors, mut same) = (0, 0);
    let done = damaged(700, 1, flip, |what, result, whole| match result {
        Err(_) => errors += 1,
        Ok(import) => {
            assert_part_of(what, &import, whole);
            for (key, log) in &import.logs {
                // Old heads may get lost, the newest never.
                let before = &whole.logs[key];
                assert!(log.heads.first() == before.heads.first(), "{what}: another newest head");
                assert_eq!((&log.blocks, log.fork), (&before.blocks, before.fork), "{what}: other blocks");
            }
            same += 1;
        }
    });
    println!("{done} flipped bits: {errors} errors, {same} without effect");
    assert!(done > 4_000 && errors > 1_000 && same > 1_000);
}

#[test]
fn flipped_bits_in_the_used_part_of_an_oplog_are_errors() {
    // Everything in the file counts but the gaps behind the headers and the older header.
    let flip = |path: &Path, bytes: &[u8], random: &mut Random| {
        if path.file_name()? != "oplog" || bytes.len() <= 8192 {
            return None;
        }
        let mut bytes = bytes.to_vec();
        let at = 8192 + random.below(bytes.len() - 8192);
        bytes[at] ^= 1 << random.below(8);
        Some(Some(bytes))
    };
    let done = damaged(500, 2, flip, |what, result, _| assert!(result.is_err(), "{what}"));
    assert!(done > 300, "{done}");
}

#[test]
fn flipped_bits_in_headers_are_errors_or_change_nothing() {
    let flip = |path: &Path, bytes: &[u8], random: &mut Random| {
        if path.file_name()? != "oplog" {
            return None;
        }
        let mut bytes = bytes.to_vec();
        let slot = 4096 * random.below(2);
        let word = u32::from_le_bytes(bytes.get(slot + 4..slot + 8)?.try_into().unwrap());
        let at = slot + random.below(8 + (word >> 2) as usize);
        bytes[at] ^= 1 << random.below(8);
        Some(Some(bytes))
    };
    let (mut errors, mut same) = (0, 0);
    let done = damaged(500, 6, flip, |what, result, whole| match result {
        Err(_) => errors += 1,
        Ok(import) => {
            for (key, log) in &import.logs {
                let before = &whole.logs[key];
                assert_eq!((&log.blocks, log.fork), (&before.blocks, before.fork), "{what}: other blocks");
                assert_eq!(log.heads.first(), before.heads.first(), "{what}: another newest head");
            }
            same += 1;
        }
    });
    println!("{done} flipped bits in headers: {errors} errors, {same} in older ones");
    assert!(done > 800 && errors > 300 && same > 300);
}

#[test]
fn cut_off_and_missing_files() {
    let cut = |_: &Path, bytes: &[u8], random: &mut Random| match random.below(8) {
        0 => Some(None),
        1 => Some(Some(Vec::new())),
        2 => Some(Some(bytes[..bytes.len().saturating_sub(1)].to_vec())),
        _ => Some(Some(bytes[..random.below(bytes.len().max(1))].to_vec())),
    };
    let mut errors = 0;
    let done = damaged(150, 3, cut, |what, result, whole| match result {
        Err(_) => errors += 1,
        Ok(import) => assert_part_of(what, &import, whole),
    });
    println!("{done} cut off or missing: {errors} errors");
    assert!(done > 1_000 && errors > done / 2);
}

#[test]
fn zeroed_and_random_stretches() {
    let spoil = |_: &Path, bytes: &[u8], random: &mut Random| {
        let mut bytes = bytes.to_vec();
        let start = random.below(bytes.len().max(1));
        let end = bytes.len().min(start + 1 + random.below(600));
        let zeros = random.below(2) == 0;
        for byte in bytes.get_mut(start..end)? {
            *byte = if zeros { 0 } else { random.below(256) as u8 };
        }
        Some(Some(bytes))
    };
    let done = damaged(150, 4, spoil, |what, result, whole| {
        if let Ok(import) = result {
            assert_part_of(what, &import, whole);
        }
    });
    assert!(done > 1_000);
}

#[test]
fn forged_frames_show_nothing_that_was_not_signed() {
    // Somebody edits headers and entries and repairs the checksums.
    let forge = |path: &Path, bytes: &[u8], random: &mut Random| {
        if path.file_name()? != "oplog" {
            return None;
        }
        let mut bytes = bytes.to_vec();
        let mut frames = vec![0, 4096];
        let mut at = 8192;
        while let Some(word) = bytes.get(at + 4..at + 8) {
            frames.push(at);
            at += 8 + (u32::from_le_bytes(word.try_into().unwrap()) >> 2) as usize;
        }
        let at = frames[random.below(frames.len())];
        let length = (u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) >> 2) as usize;
        for _ in 0..1 + random.below(3) {
            // Often the frame's own flags, else any bit of its message.
            let (byte, bit) = if random.below(4) == 0 {
                (4, random.below(2))
            } else {
                (8 + random.below(length + 1), random.below(8))
            };
            *bytes.get_mut(at + byte)? ^= 1 << bit;
        }
        let crc = crc32(bytes.get(at + 4..at + 8 + length)?);
        bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
        Some(Some(bytes))
    };
    let (mut errors, mut fine) = (0, 0);
    let done = damaged(600, 5, forge, |what, result, whole| match result {
        Err(_) => errors += 1,
        Ok(import) => {
            assert_part_of(what, &import, whole);
            fine += 1;
        }
    });
    println!("{done} forged frames: {errors} errors, {fine} harmless");
    assert!(done > 1_000 && errors > 500 && fine > 100);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

//! Files of every structure, most of which state something false: changed ones, re-signed by keys of the test, and made ones.

use super::cbor::Item;
use super::forge::Owner;
use super::made::{by_heads, cut, inclusion, rebuttal};
use vitra_watch::lab::Random;

pub const KINDS: [&str; 18] = [
    "bad-genesis",
    "malformed-entry",
    "ack-malformed",
    "ack-path-mismatch",
    "non-participant",
    "op-repeated",
    "op-skipped",
    "false-failure",
    "false-success",
    "wrong-change",
    "extra-change",
    "missing-change",
    "unprompted-write",
    "change-count-mismatch",
    "metadata-invented",
    "index-tampered",
    "truncation",
    "timestamp-backwards",
];

/// What is changed: files of all three sorts, and the blocks of whole indexes.
pub struct Bases {
    pub files: Vec<Item>,
    pub indexes: Vec<Vec<Vec<u8>>>,
}

/// Where the slices of a file are; a rebuttal has none of its own.
fn slices(file: &mut Item) -> Option<&mut Vec<Item>> {
    let Item::List(items) = file else { return None };
    match items.last_mut() {
        Some(Item::List(slices)) if items_are_slices(slices) => Some(slices),
        _ => None,
    }
}

fn items_are_slices(slices: &[Item]) -> bool {
    !slices.is_empty() && slices.iter().all(|slice| matches!(slice, Item::List(items) if items.len() == 8))
}

/// The same about an index of another owner.
fn owned(file: &mut Item, owner: &Owner, random: &mut Random) {
    let Item::Bytes(database) = file.items()[1].clone() else { return };
    let Some(slices) = slices(file) else { return };
    for slice in slices {
        if slice.items()[0] == Item::Bytes(database.clone()) {
            owner.sign(slice, random);
        }
    }
    file.list()[1] = Item::Bytes(owner.key().to_vec());
}

/// One of the files, mostly with an index that this test signs.
pub fn mutant(bases: &Bases, random: &mut Random) -> (&'static str, Vec<u8>) {
    let mut file = random.pick(&bases.files).unwrap().clone();
    let owner = Owner::Key { secret: 1 + random.below(3) as u8, legacy: random.once_in(2) };
    let name = match random.below(14) {
        0 => {
            let mut bytes = file.encode();
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
            return ("a bit", bytes);
        }
        1 => {
            integer(&mut file, random);
            "an integer"
        }
        2 => {
            items(&mut file, random);
            "an item"
        }
        3 | 4 => {
            structure(&mut file, random);
            owned(&mut file, &owner, random);
            "a slice, signed again"
        }
        5 => {
            structure(&mut file, random);
            "a slice"
        }
        6 => {
            claim(&mut file, random);
            "a claim"
        }
        7 => {
            let mut other = random.pick(&bases.files).unwrap().clone();
            if let (Some(mine), Some(theirs)) = (slices(&mut file), slices(&mut other)) {
                let (at, from) = (random.below(mine.len() as u64), random.below(theirs.len() as u64));
                mine[at as usize] = theirs[from as usize].clone();
            }
            "a slice of another file"
        }
        8 => {
            let victim = file.items()[1].clone();
            let victim = if let Item::Bytes(key) = victim { key } else { vec![0; 32] };
            owned(&mut file, &Owner::random(random, &victim), random);
            "an owner"
        }
        9 => {
            unreadable(&mut file, random);
            owned(&mut file, &owner, random);
            "a block that cannot be read"
        }
        10 => {
            file = by_heads(random);
            "heads"
        }
        11 => {
            file = cut(random.pick(&bases.indexes).unwrap(), random);
            "an index that was cut"
        }
        12 => {
            file = rebuttal(bases, random);
            "a rebuttal"
        }
        _ => {
            file = inclusion(&file, random).unwrap_or(file);
            match random.below(4) {
                0 => structure(&mut file, random),
                1 => integer(&mut file, random),
                2 => unreadable(&mut file, random),
                _ => {}
            }
            owned(&mut file, &owner, random);
            "an inclusion"
        }
    };
    if random.once_in(12) {
        integer(&mut file, random);
    }
    (name, file.encode())
}

fn integer(file: &mut Item, random: &mut Random) {
    for _ in 0..50 {
        let n = random.below(file.count() as u64) as usize;
        if let Item::Int(value) = file.nth(n) {
            let most = (1 << 53) - 1;
            *value = match random.below(7) {
                0 => most,
                1 => most + 1,
                2 => u64::MAX,
                3 => value.wrapping_add(1),
                4 => value.saturating_sub(1),
                5 => most - 40,
                _ => random.below(60),
            };
            return;
        }
    }
}

fn items(file: &mut Item, random: &mut Random) {
    for _ in 0..50 {
        let n = random.below(file.count() as u64) as usize;
        let Item::List(items) = file.nth(n) else { continue };
        if items.is_empty() {
            continue;
        }
        let (one, other) = (random.below(items.len() as u64) as usize, random.below(items.len() as u64) as usize);
        match random.below(6) {
            0 => _ = items.remove(one),
            1 => items.insert(other, items[one].clone()),
            2 => items.swap(one, other),
            3 => items[one] = Item::Null,
            4 => items[one] = Item::Bytes(vec![7; random.below(66) as usize]),
            _ => items[one] = Item::List(Vec::new()),
        }
        return;
    }
}

/// Of a slice: sizes, nodes, blocks, the tree, the fork, the length.
fn structure(file: &mut Item, random: &mut Random) {
    let Some(slices) = slices(file) else { return };
    for _ in 0..1 + random.below(2) {
        let which = random.below(slices.len() as u64) as usize;
        let slice = slices[which].list();
        let place = 6 + random.below(2) as usize;
        let Item::List(items) = &mut slice[place] else { continue };
        let pairs = items.len() as u64 / 2;
        let (one, other) = (2 * random.below(pairs.max(1)) as usize, 2 * random.below(pairs.max(1)) as usize);
        match random.below(9) {
            0 | 1 if pairs > 1 && place == 6 => {
                let by = 1 + random.below(3);
                if let Item::Int(size) = &mut items[one] {
                    *size = size.wrapping_add(by);
                }
                if let Item::Int(size) = &mut items[other] {
                    *size = size.wrapping_sub(by);
                }
            }
            2 if pairs > 0 => _ = items.drain(one..one + 2),
            3 if pairs > 0 => {
                let pair: Vec<Item> = items[one..one + 2].to_vec();
                items.splice(other..other, pair);
            }
            4 | 5 if pairs > 1 => items.swap(one + 1, other + 1),
            6 => slice[5] = if random.once_in(2) { Item::Null } else { Item::Bytes(vec![3; 32]) },
            7 => slice[2] = Item::Int(random.below(3)),
            8 => {
                if let Item::Int(length) = &mut slice[3] {
                    *length = length.wrapping_add(random.below(3)).saturating_sub(1);
                }
            }
            _ => {}
        }
    }
}

fn claim(file: &mut Item, random: &mut Random) {
    let Item::List(claim) = &mut file.list()[2] else { return };
    match random.below(6) {
        0 => claim[0] = Item::text(random.pick(&KINDS).unwrap()),
        1 if claim.len() == 3 => claim.push(Item::Int(random.below(60))),
        2 if claim.len() == 4 => _ = claim.pop(),
        3 => file.list()[0] = Item::Text(format!("vitra-watch/proof/{}", 1 + random.below(3))),
        _ if claim.len() > 2 => {
            let at = 1 + random.below(2) as usize;
            if let Item::Int(n) = &mut claim[at] {
                *n = random.below(*n + 4);
            }
        }
        _ => {}
    }
}

/// Garbage in place of a block, or a part of one.
fn unreadable(file: &mut Item, random: &mut Random) {
    let Some(slices) = slices(file) else { return };
    let Item::List(blocks) = &mut slices[0].list()[7] else { return };
    let pairs = blocks.len() as u64 / 2;
    if pairs == 0 {
        return;
    }
    let at = 2 * random.below(pairs) as usize + 1;
    let Item::Bytes(bytes) = &mut blocks[at] else { return };
    let length = bytes.len() as u64;
    match random.below(4) {
        0 => bytes.truncate(random.below(length + 1) as usize),
        1 if length > 0 => bytes[random.below(length) as usize] ^= 1 << random.below(8),
        2 if length > 0 => bytes[random.below(length.min(30)) as usize] = random.below(256) as u8,
        _ => *bytes = vec![random.below(256) as u8; random.below(40) as usize],
    }
}

//! Files of every structure, most of which state something false: changed ones, re-signed by keys of the test, and made ones.

use super::cbor::Item;
use super::forge::{self, Owner, between, nodes_item, over, spans};
use vitra_watch::lab::Random;

const KINDS: [&str; 18] = [
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

fn proof(form: u64, database: &[u8], claim: Vec<Item>, slices: Vec<Item>) -> Item {
    let name = Item::Text(format!("vitra-watch/proof/{form}"));
    Item::List(vec![name, Item::Bytes(database.to_vec()), Item::List(claim), Item::Null, Item::List(slices)])
}

fn slice(fork: u64, length: u64, tree: Item, nodes: Item, blocks: Vec<Item>) -> Item {
    let nothing = Item::Bytes(vec![0; 32]);
    Item::List(vec![
        nothing.clone(),
        Item::Null,
        Item::Int(fork),
        Item::Int(length),
        nothing,
        tree,
        nodes,
        Item::List(blocks),
    ])
}

/// All blocks of a log, up to a length.
fn whole(blocks: &[Vec<u8>], length: u64) -> Item {
    let pairs = blocks.iter().enumerate().take(length as usize);
    let pairs = pairs.flat_map(|(seq, block)| [Item::Int(seq as u64), Item::Bytes(block.clone())]);
    slice(0, length, Item::Null, Item::List(Vec::new()), pairs.collect())
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

/// A truncation or an equivocation, over small logs of this test's.
fn by_heads(random: &mut Random) -> Item {
    let owner = Owner::random(random, &forge::public(3));
    let index = Owner::Key { secret: 4, legacy: false };
    let same = random.below(9);
    let log = |text: &str, from: u64| -> Vec<Vec<u8>> {
        (0..16).map(|n| format!("{} {n}", if n < from { "both" } else { text }).into_bytes()).collect()
    };
    let logs = [log("one", same), log(if random.once_in(5) { "one" } else { "other" }, same)];
    let (short, fork) = (random.below(12), random.below(2) * random.below(3));
    let lengths = [short, if random.once_in(2) { short } else { short + random.below(5) }];
    let mut heads: Vec<Item> = (0..2)
        .map(|n| {
            let roots = between(&logs[n], 0, lengths[n]);
            let bare = random.once_in(2);
            let tree = if bare { Item::Bytes(forge::tree_hash(&roots).to_vec()) } else { Item::Null };
            let nodes = if bare { Item::List(Vec::new()) } else { nodes_item(&roots) };
            let mut head = slice(fork, lengths[n], tree, nodes, Vec::new());
            owner.sign(&mut head, random);
            head
        })
        .collect();
    let form = 1 + random.below(2);
    let mut claim = vec![Item::text("truncation")];
    if random.once_in(8) {
        heads.truncate(1);
    } else {
        let length = random.below(short + 2).max(short.min(same + 1));
        claim = vec![Item::text("equivocation"), Item::Int(length)];
        let prefixes: Vec<Vec<Item>> = (0..2).map(|n| prefix(&logs[n], length, lengths[n], form, random)).collect();
        let hash = |n: usize| forge::tree_hash(&between(&logs[n], 0, lengths[n]));
        let swapped = (lengths[0] == lengths[1] && hash(0) > hash(1)) != random.once_in(12);
        if swapped {
            heads.reverse();
        }
        let order = if swapped { [1, 0] } else { [0, 1] };
        claim.extend(order.into_iter().flat_map(|n| prefixes[n].clone()));
    }
    let own = random.once_in(2);
    if !own {
        let name: String = owner.key().iter().map(|byte| format!("{byte:02x}")).collect();
        let key = [b".sys\0inputs\0", name.as_bytes()].concat();
        let block = [&[0x0a, 0, 0x12, key.len() as u8][..], &key, &[0x1a, 1, 0xc0]].concat();
        let blocks = vec![b"first".to_vec(), block];
        let mut declaring = slice(0, 2, Item::Null, nodes_item(&[over(&blocks, 0, 1)]), Vec::new());
        declaring.list()[7] = Item::List(vec![Item::Int(1), Item::Bytes(blocks[1].clone())]);
        index.sign(&mut declaring, random);
        heads.push(declaring);
    }
    proof(form, &if own { owner.key() } else { index.key() }, claim, heads)
}

/// What shows a log at a length: nothing, plain, opened; sometimes with sizes that nothing binds.
fn prefix(log: &[Vec<u8>], length: u64, whole: u64, form: u64, random: &mut Random) -> Vec<Item> {
    let none = Item::List(Vec::new());
    if length >= whole && !random.once_in(12) {
        return if form == 2 { vec![Item::Null] } else { vec![none.clone(), none] };
    }
    let (mut roots, mut extension) = (between(log, 0, length), between(log, length, whole));
    let mut openings: Vec<Vec<u8>> = Vec::new();
    if form == 2 && random.once_in(2) {
        openings = spans(0, length)
            .into_iter()
            .map(|(first, count)| match count {
                1 => log[first as usize].clone(),
                _ => [over(log, first, count / 2), over(log, first + count / 2, count / 2)]
                    .map(|node| node.hash)
                    .concat(),
            })
            .collect();
    }
    let shift = random.below(6);
    if let (Some(root), Some(next), 0..=1) = (roots.last_mut(), extension.first_mut(), shift) {
        root.size += 1;
        next.size = next.size.wrapping_sub(1);
    }
    match (random.below(10), openings.last_mut()) {
        (0, Some(last)) => last.push(0),
        (1, Some(last)) => last[0] ^= 1,
        (2, Some(_)) => _ = openings.pop(),
        (3, None) if form == 2 => openings.push(vec![0; 64]),
        _ => {}
    }
    let openings = Item::List(openings.into_iter().map(Item::Bytes).collect());
    let both = [nodes_item(&roots), nodes_item(&extension)];
    if form == 1 { both.to_vec() } else { vec![Item::List([&both[..], &[openings]].concat())] }
}

/// A claim about an index of which an older or derived head is shown.
fn cut(blocks: &[Vec<u8>], random: &mut Random) -> Item {
    let length = 1 + random.below(blocks.len() as u64);
    let owner = Owner::random(random, &forge::public(3));
    let mut index = whole(blocks, length);
    owner.sign(&mut index, random);
    let seq = length.saturating_sub(random.below(4));
    let from = if random.once_in(2) { 0 } else { random.below(seq + 1) };
    let mut claim = vec![Item::text(random.pick(&KINDS[..16]).unwrap()), Item::Int(from), Item::Int(seq)];
    if random.once_in(2) {
        claim[0] = Item::text("index-tampered");
    }
    if random.once_in(2) {
        claim.push(Item::Int(length));
    }
    proof(2, &owner.key(), claim, vec![index])
}

/// A proof, and an answer to it.
fn rebuttal(bases: &Bases, random: &mut Random) -> Item {
    let name = Item::Text(format!("vitra-watch/rebuttal/{}", 1 + random.below(6).min(1)));
    if random.once_in(2) {
        let first = mutant(bases, random).1;
        let second = if random.once_in(2) { by_heads(random).encode() } else { mutant(bases, random).1 };
        return Item::List(vec![name, Item::Bytes(first), Item::Bytes(second)]);
    }
    let blocks = random.pick(&bases.indexes).unwrap();
    let owner = Owner::Key { secret: 5, legacy: false };
    let (longest, at) = (blocks.len() as u64, 1 + random.below(blocks.len() as u64));
    let mut first = whole(blocks, at);
    owner.sign(&mut first, random);
    let claim = vec![Item::text("index-tampered"), Item::Int(0), Item::Int(at - 1), Item::Int(at)];
    let first = proof(2, &owner.key(), claim, vec![first]);
    let longer = longest.min(at + random.below(6));
    let mut index = whole(blocks, longer);
    owner.sign(&mut index, random);
    let nodes = nodes_item(&between(blocks, at, longer));
    let answer = Item::List(vec![nodes, Item::List(vec![index])]);
    Item::List(vec![name, Item::Bytes(first.encode()), answer])
}

/// What a proof's operation became, if the proof has one.
fn inclusion(file: &Item, random: &mut Random) -> Option<Item> {
    let [_, database, _, _, Item::List(slices)] = file.items() else { return None };
    let [index, log, ..] = &slices[..] else { return None };
    let [Item::Int(seq), Item::Bytes(_)] = log.items().get(7)?.items() else { return None };
    let name: String = log.items()[0].bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let key = format!(".sys\0acks\0{name}\0{seq:015}").into_bytes();
    let ack = index.items()[7]
        .items()
        .chunks_exact(2)
        .find(|pair| matches!(&pair[1], Item::Bytes(block) if block.windows(key.len()).any(|window| window == key)));
    let ack = ack.map_or(Item::Null, |pair| pair[0].clone());
    let form = 1 + random.below(4).min(1);
    let mut items = vec![Item::Text(format!("vitra-watch/inclusion/{form}")), database.clone(), log.items()[0].clone()];
    items.push(Item::Int(*seq));
    if form == 2 {
        items.push(ack);
    }
    items.push(Item::List(vec![index.clone(), log.clone()]));
    Some(Item::List(items))
}

//! Files that a test makes: heads of small logs, indexes that were cut, answers, inclusions. Some state what is true.

use super::cbor::Item;
use super::forge::{self, Owner, between, nodes_item, over, spans};
use super::mutants::{Bases, KINDS, mutant};
use vitra_watch::lab::Random;

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

/// A truncation or an equivocation, over small logs of this test's.
pub fn by_heads(random: &mut Random) -> Item {
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

/// The last entry at the path of an ack up to a block, or 0.
pub fn ack_before(blocks: &[Vec<u8>], seq: u64) -> u64 {
    let path = b".sys\0acks\0";
    let is_ack = |seq: &u64| blocks[*seq as usize].windows(path.len()).any(|window| window == path);
    (0..=seq.min(blocks.len() as u64 - 1)).rev().find(is_ack).filter(|seq| *seq > 5).unwrap_or(0)
}

/// A claim about an index of which an older or derived head is shown.
pub fn cut(blocks: &[Vec<u8>], random: &mut Random) -> Item {
    let length = 1 + random.below(blocks.len() as u64);
    let owner = Owner::random(random, &forge::public(3));
    let mut index = whole(blocks, length);
    owner.sign(&mut index, random);
    let seq = length.saturating_sub(random.below(4));
    let from = if random.once_in(2) { 0 } else { ack_before(blocks, random.below(seq + 1)) };
    let mut claim = vec![Item::text(random.pick(&KINDS[..16]).unwrap()), Item::Int(from), Item::Int(seq)];
    if random.once_in(2) {
        // True where the cut goes through a batch.
        claim[0] = Item::text("index-tampered");
        claim[2] = Item::Int(length - 1);
    }
    if random.once_in(2) {
        claim.push(Item::Int(length));
    }
    proof(2, &owner.key(), claim, vec![index])
}

/// A claim about an index with just these blocks, which does not rest on its end.
pub fn over_blocks(blocks: &[Vec<u8>], (kind, from, seq): (&str, u64, u64)) -> Item {
    let owner = Owner::Key { secret: 5, legacy: false };
    let mut index = whole(blocks, blocks.len() as u64);
    owner.sign(&mut index, &mut Random::new(0));
    proof(2, &owner.key(), vec![Item::text(kind), Item::Int(from), Item::Int(seq)], vec![index])
}

/// A proof, and an answer to it.
pub fn rebuttal(bases: &Bases, random: &mut Random) -> Item {
    let name = Item::Text(format!("vitra-watch/rebuttal/{}", 1 + random.below(6).min(1)));
    if random.once_in(2) {
        let first = mutant(bases, random).1;
        let second = if random.once_in(2) { by_heads(random).encode() } else { mutant(bases, random).1 };
        return Item::List(vec![name, Item::Bytes(first), Item::Bytes(second)]);
    }
    let blocks = random.pick(&bases.indexes).unwrap();
    let at = 1 + random.below(blocks.len() as u64);
    let longer = (blocks.len() as u64).min(at + random.below(6));
    let from = if random.once_in(2) { 0 } else { ack_before(blocks, at - 1) };
    let mut file = by_longer(blocks, ("index-tampered", from), (at, longer), &[], random);
    file.list()[0] = name;
    file
}

/// A claim that rests on the end of an index at one length, and an index that goes on to another one, with oplogs.
pub fn by_longer(
    blocks: &[Vec<u8>],
    (kind, from): (&str, u64),
    (end, longer): (u64, u64),
    oplogs: &[Item],
    random: &mut Random,
) -> Item {
    let owner = Owner::Key { secret: 5, legacy: false };
    let with_oplogs = |index: Item| [&[index][..], oplogs].concat();
    let (mut first, mut index) = (whole(blocks, end), whole(blocks, longer));
    owner.sign(&mut first, random);
    owner.sign(&mut index, random);
    let seq = if kind == "missing-change" { end } else { end - 1 };
    let claim = vec![Item::text(kind), Item::Int(from), Item::Int(seq), Item::Int(end)];
    let first = proof(2, &owner.key(), claim, with_oplogs(first));
    let answer = Item::List(vec![nodes_item(&between(blocks, end, longer)), Item::List(with_oplogs(index))]);
    Item::List(vec![Item::text("vitra-watch/rebuttal/2"), Item::Bytes(first.encode()), answer])
}

/// What a proof's operation became, if the proof has one.
pub fn inclusion(file: &Item, random: &mut Random) -> Option<Item> {
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

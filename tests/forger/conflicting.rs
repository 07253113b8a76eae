//! Claims about heads: two that are to contradict each other, one that is to show a truncation.

use vitra_watch::database::ack::to_hex;
use vitra_watch::database::path;
use vitra_watch::hyperbee::Entry;
use vitra_watch::hypercore::flat;
use vitra_watch::hypercore::{ConsistencyProof, Hash, Key, Nodes as _, Opening, Roots};
use vitra_watch::lab::Random;
use vitra_watch::proofs::file::{Shorter, Version};
use vitra_watch::proofs::{Claim, Proof, Slice};

use crate::databases::{Database, World};
use crate::logs::{HeldLog, History};
use crate::twist::{self, Head};

/// A claim about heads of some log of some database.
pub fn proof(world: &World, random: &mut Random) -> Option<Proof> {
    let database = random.pick(&world.databases)?;
    let log = if random.once_in(2) { &database.index } else { random.pick(&database.oplogs)? };
    let mut proof =
        if random.once_in(5) { truncation(database, log, random)? } else { equivocation(database, log, random)? };
    if log.key != database.index.key {
        proof.slices.push(naming(database, &log.key, random)?);
    }
    if random.once_in(6) {
        let at = random.below(proof.slices.len() as u64) as usize;
        twist::exchange(&mut proof.slices[at], world, random);
    }
    if random.once_in(30) {
        proof.database = random.pick(&world.databases)?.index.key;
    }
    Some(proof)
}

fn version(random: &mut Random) -> Version {
    if random.once_in(3) { Version::One } else { Version::Two }
}

fn truncation(database: &Database, log: &HeldLog, random: &mut Random) -> Option<Proof> {
    let head = twist::head(log, random)?;
    let mut slice = alone(log, &head, random);
    if random.once_in(4) {
        slice.fork += 1;
    }
    let version = version(random);
    Some(Proof { version, database: database.index.key, claim: Claim::Truncation, engine: None, slices: vec![slice] })
}

fn equivocation(database: &Database, log: &HeldLog, random: &mut Random) -> Option<Proof> {
    let mut heads = [twist::head(log, random)?, twist::head(log, random)?];
    if random.once_in(6) {
        // One head twice.
        let Head { history, length, ref signature, ref roots } = heads[0];
        heads[1] = Head { history, length, signature: signature.clone(), roots: roots.clone() };
    }
    let order = |head: &Head| (head.length, tree_hash(head));
    if order(&heads[0]) > order(&heads[1]) && !random.once_in(20) {
        heads.swap(0, 1);
    }
    let shorter = heads[0].length;
    let length = if random.once_in(3) { shorter } else { 1 + random.below(shorter) };
    let prefixes = [0, 1].map(|at| {
        let head = &heads[at];
        if head.length == length && !random.once_in(10) { None } else { shown(log, head, length, random) }
    });
    let slices = heads.iter().map(|head| alone(log, head, random)).collect();
    let claim = Claim::Equivocation { length, prefixes };
    Some(Proof { version: version(random), database: database.index.key, claim, engine: None, slices })
}

fn tree_hash(head: &Head) -> Hash {
    Roots::from_nodes(head.length, &head.roots).map_or([0; 32], |roots| roots.tree_hash())
}

/// A head alone: bare, or with its roots.
fn alone(log: &HeldLog, head: &Head, random: &mut Random) -> Slice {
    let mut slice = Slice {
        key: log.key,
        manifest: log.manifest.as_ref().map(|manifest| manifest.bytes().to_vec()),
        fork: log.histories[head.history].fork,
        length: head.length,
        signature: head.signature.clone(),
        ..Slice::default()
    };
    if random.once_in(2) && !head.is_patched(log) {
        slice.tree = Some(tree_hash(head));
    } else {
        slice.nodes = head.roots.clone();
        if random.once_in(8) {
            twist::shift_some(&mut slice.nodes, random);
        }
    }
    slice
}

/// What a head's log is to have been at a shorter length: plain or opened, with true sizes or others.
fn shown(log: &HeldLog, head: &Head, length: u64, random: &mut Random) -> Option<Shorter> {
    // Of another history, once in a while.
    let history = if random.once_in(8) { random.below(log.histories.len() as u64) as usize } else { head.history };
    let tree = &log.histories[history];
    let mut proof = ConsistencyProof::build(tree, length, head.length)?;
    match random.below(6) {
        0..3 => twist::shift_edge(&mut proof.roots, &mut proof.extension, random),
        3 => twist::shift_some(if random.once_in(2) { &mut proof.roots } else { &mut proof.extension }, random),
        _ => {}
    }
    let openings = if random.once_in(2) { Vec::new() } else { openings(tree, length, random) };
    Some(Shorter { proof, openings })
}

fn openings(tree: &History, length: u64, random: &mut Random) -> Vec<Vec<u8>> {
    let bytes = |at| match Opening::build(tree, at)? {
        Opening::Children(hashes) => Some(hashes.concat()),
        Opening::Block(block) => Some(block),
    };
    let mut all: Vec<Vec<u8>> = flat::roots(length).filter_map(bytes).collect();
    if random.once_in(4) {
        // What opens another node, or nothing.
        let other = tree.node(flat::Subtree { first: 0, blocks: 1 << random.below(4) });
        let at = random.below(all.len().max(1) as u64) as usize;
        if let (Some(opening), Some(node)) = (all.get_mut(at), other) {
            match random.below(4) {
                0 => opening.reverse(),
                1 => *opening = [node.hash, node.hash].concat(),
                2 => opening.truncate(63),
                _ => drop(all.remove(at)),
            }
        }
    }
    all
}

/// The slice of the index that declares a log as an input.
fn naming(database: &Database, oplog: &Key, random: &mut Random) -> Option<Slice> {
    let key = [path::INPUTS, to_hex(oplog).as_bytes()].concat();
    let head = twist::head(&database.index, random)?;
    let blocks = &database.index.histories[head.history].blocks;
    let declares = |seq: &u64| {
        let block = &blocks[*seq as usize];
        Entry::decode(*seq, block.as_slice().into()).is_ok_and(|entry| *entry.key() == *key)
    };
    let seq = (1..head.length).find(declares)?;
    database.index.slice(head.history, head.length, head.signature, &[seq])
}

//! Heads that tests sign with keys of their own: trees of hashes, manifests, containers. Written from docs/formats.md, apart from
//! the program's own code, since both verifiers are compared over them.

#![allow(dead_code)] // each test file uses its part

use super::cbor::Item;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use ed25519_dalek::{Signer, SigningKey};
use vitra_watch::lab::Random;

pub type Hash = [u8; 32];

pub fn hash(parts: &[&[u8]]) -> Hash {
    let mut hash = Blake2b::<U32>::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

fn namespace(n: u8) -> Hash {
    hash(&[&hash(&[b"hypercore"]), &[n]])
}

#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub first: u64,
    pub count: u64,
    pub size: u64,
    pub hash: Hash,
}

pub fn leaf(seq: u64, block: &[u8]) -> Node {
    let size = block.len() as u64;
    Node { first: seq, count: 1, size, hash: hash(&[&[0], &size.to_le_bytes(), block]) }
}

pub fn parent(left: Node, right: Node) -> Node {
    let size = left.size.wrapping_add(right.size);
    let hash = hash(&[&[1], &size.to_le_bytes(), &left.hash, &right.hash]);
    Node { first: left.first, count: 2 * left.count, size, hash }
}

pub fn tree_hash(roots: &[Node]) -> Hash {
    let mut bytes = vec![2];
    for root in roots {
        bytes.extend_from_slice(&root.hash);
        bytes.extend_from_slice(&(2 * root.first + root.count - 1).to_le_bytes());
        bytes.extend_from_slice(&root.size.to_le_bytes());
    }
    hash(&[&bytes])
}

/// The largest subtrees from a block to another one.
pub fn spans(from: u64, to: u64) -> Vec<(u64, u64)> {
    let (mut at, mut result) = (from, Vec::new());
    while at < to {
        let mut count = 1 << (to - at).ilog2();
        while at % count > 0 {
            count /= 2;
        }
        result.push((at, count));
        at += count;
    }
    result
}

/// The tree over a span of blocks.
pub fn over(blocks: &[Vec<u8>], first: u64, count: u64) -> Node {
    if count == 1 {
        return leaf(first, &blocks[first as usize]);
    }
    parent(over(blocks, first, count / 2), over(blocks, first + count / 2, count / 2))
}

pub fn between(blocks: &[Vec<u8>], from: u64, to: u64) -> Vec<Node> {
    spans(from, to).into_iter().map(|(first, count)| over(blocks, first, count)).collect()
}

fn extend(roots: &[Node], nodes: &[Node]) -> Vec<Node> {
    let mut result = roots.to_vec();
    for node in nodes {
        result.push(*node);
        while let [.., left, right] = result[..] {
            if left.count != right.count || left.first % (2 * left.count) > 0 {
                break;
            }
            result.truncate(result.len() - 2);
            result.push(parent(left, right));
        }
    }
    result
}

pub fn nodes_item(nodes: &[Node]) -> Item {
    Item::List(nodes.iter().flat_map(|node| [Item::Int(node.size), Item::Bytes(node.hash.to_vec())]).collect())
}

/// The full roots that a slice's blocks and nodes make, if they make one tree.
pub fn roots(slice: &Item) -> Option<Vec<Node>> {
    let [_, _, _, Item::Int(length), _, _, Item::List(nodes), Item::List(blocks)] = slice.items() else { return None };
    let pairs = nodes.chunks_exact(2).map(|pair| match pair {
        [Item::Int(size), Item::Bytes(hash)] => Some((*size, Hash::try_from(hash.as_slice()).ok()?)),
        _ => None,
    });
    let mut nodes = pairs.collect::<Option<Vec<_>>>()?.into_iter();
    let blocks = blocks.chunks_exact(2).map(|pair| match pair {
        [Item::Int(seq), Item::Bytes(bytes)] => Some((*seq, bytes.clone())),
        _ => None,
    });
    let blocks = blocks.collect::<Option<std::collections::BTreeMap<_, _>>>()?;
    fn walk(
        (first, count): (u64, u64),
        blocks: &std::collections::BTreeMap<u64, Vec<u8>>,
        nodes: &mut impl Iterator<Item = (u64, Hash)>,
    ) -> Option<Node> {
        if blocks.range(first..first + count).next().is_none() {
            let (size, hash) = nodes.next()?;
            return Some(Node { first, count, size, hash });
        }
        if count == 1 {
            return Some(leaf(first, &blocks[&first]));
        }
        let left = walk((first, count / 2), blocks, nodes)?;
        Some(parent(left, walk((first + count / 2, count / 2), blocks, nodes)?))
    }
    if *length >= 1 << 52 {
        return None;
    }
    spans(0, *length).into_iter().map(|span| walk(span, &blocks, &mut nodes)).collect()
}

fn secret(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub fn public(n: u8) -> Hash {
    secret(n).verifying_key().to_bytes()
}

fn signed(n: u8, context: &[&[u8]], tree: &Hash, length: u64, fork: u64) -> Vec<u8> {
    let mut bytes = context.concat();
    bytes.extend_from_slice(tree);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&fork.to_le_bytes());
    secret(n).sign(&bytes).to_bytes().to_vec()
}

fn compact(out: &mut Vec<u8>, n: u64) {
    match n {
        0..=0xfc => out.push(n as u8),
        0xfd..=0xffff => {
            out.push(0xfd);
            out.extend_from_slice(&(n as u16).to_le_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xfe);
            out.extend_from_slice(&(n as u32).to_le_bytes());
        }
        _ => {
            out.push(0xff);
            out.extend_from_slice(&n.to_le_bytes());
        }
    }
}

/// Who signs a log. `odd` manifests and containers are such that most must be refused.
#[derive(Clone, Debug)]
pub enum Owner {
    Key { secret: u8, legacy: bool },
    Manifest { bytes: Vec<u8>, version: u8, flags: u8, quorum: u64, signers: Vec<(Hash, u8)>, odd: bool },
}

impl Owner {
    pub fn key(&self) -> Hash {
        match self {
            Owner::Key { secret, .. } => public(*secret),
            Owner::Manifest { bytes, .. } => hash(&[&namespace(3), bytes]),
        }
    }

    /// One of a few keys, or a manifest of any form. `victim`: a log whose key may stand for a namespace.
    pub fn random(random: &mut Random, victim: &[u8]) -> Owner {
        let first = 1 + random.below(3) as u8;
        if random.once_in(3) {
            return Owner::Key { secret: first, legacy: random.once_in(2) };
        }
        let odd = random.once_in(2);
        let version = if odd { random.below(4) as u8 } else { 1 + random.below(2) as u8 };
        let flags = if odd { random.below(20) as u8 } else { *random.pick(&[0, 1]).unwrap() };
        let many = 1 + random.below(3) * u64::from(random.once_in(2));
        let signers: Vec<(Hash, u8)> = (0..many)
            .map(|n| {
                let namespace = match random.below(if odd { 4 } else { 1 }) {
                    1 => Hash::try_from(victim).unwrap_or_default(),
                    2 => [random.below(256) as u8; 32],
                    _ => namespace(4),
                };
                (namespace, first + n as u8)
            })
            .collect();
        let quorum = if odd { random.below(many + 2) } else { 1 + random.below(many) };
        let mut bytes = vec![version];
        let kind = random.below(4);
        match (version, kind) {
            (0, 0) => bytes.extend([&[0, 0][..], &[7; 32]].concat()),
            (0, 1) => {
                bytes.extend([0, 1]);
                signer(&mut bytes, &signers[0]);
            }
            _ => {
                if version == 0 {
                    bytes.extend([0, 2]);
                }
                bytes.push(flags);
                if version > 0 {
                    bytes.push(u8::from(odd && random.once_in(10)));
                }
                compact(&mut bytes, quorum);
                compact(&mut bytes, signers.len() as u64);
                signers.iter().for_each(|one| signer(&mut bytes, one));
                if version > 0 && flags & 2 > 0 {
                    bytes.extend([random.below(2) as u8; 32]);
                    compact(&mut bytes, *random.pick(&[0, 3, 20, 1 << 53]).unwrap());
                }
                if version == 2 && flags & 4 > 0 {
                    bytes.extend([&[1][..], &[9; 32]].concat());
                }
                if version == 2 && flags & 8 > 0 {
                    compact(&mut bytes, 9000);
                    bytes.extend(vec![0; 9000]);
                }
                if odd && random.once_in(20) {
                    bytes.push(0);
                }
            }
        }
        Owner::Manifest { bytes, version, flags, quorum, signers, odd }
    }

    /// Makes a slice a head of this owner's.
    pub fn sign(&self, slice: &mut Item, random: &mut Random) {
        let (fork, length) = (slice.items()[2].clone(), slice.items()[3].clone());
        let (Item::Int(fork), Item::Int(length)) = (fork, length) else { return };
        let roots = roots(slice).unwrap_or_default();
        let tree = match &slice.items()[5] {
            Item::Bytes(tree) => Hash::try_from(tree.as_slice()).unwrap_or_default(),
            _ => tree_hash(&roots),
        };
        let (manifest, signature) = match self {
            Owner::Key { secret, legacy } => {
                let context = namespace(0);
                let context: &[&[u8]] = if *legacy { &[] } else { &[&context] };
                (Item::Null, signed(*secret, context, &tree, length, fork))
            }
            Owner::Manifest { bytes, .. } => {
                let container = self.container(&roots, &tree, length, fork, random);
                (Item::Bytes(bytes.clone()), container)
            }
        };
        let items = slice.list();
        items[0] = Item::Bytes(self.key().to_vec());
        items[1] = manifest;
        items[4] = Item::Bytes(signature);
    }

    fn container(&self, roots: &[Node], tree: &Hash, length: u64, fork: u64, random: &mut Random) -> Vec<u8> {
        let Owner::Manifest { version, flags, quorum, signers, odd, .. } = self else { unreachable!() };
        let key = self.key();
        let tree_space = namespace(0);
        let patches = flags & 1 > 0 && *version > 0;
        let mut patched = if patches && random.once_in(2) { 1 + random.below(9) } else { 0 };
        if *odd && random.once_in(10) {
            patched = 2;
        }
        // What the log may have been afterwards: nobody sees the blocks.
        let extension = |to: u64| -> Vec<Node> {
            spans(length, to)
                .into_iter()
                .map(|(first, count)| Node { first, count, size: 3 * count, hash: hash(&[&first.to_le_bytes()]) })
                .collect()
        };
        let mut nodes: Vec<Node> = Vec::new();
        let mut proofs: Vec<(u64, Vec<u8>, u64)> = Vec::new();
        let count = if *odd { random.below(signers.len() as u64 + 1) } else { (*quorum).min(signers.len() as u64) };
        let shift = random.below(signers.len() as u64);
        for n in 0..count {
            let who = (n + shift) % signers.len() as u64;
            let (space, secret) = &signers[who as usize];
            let patch = if n > 0 && random.once_in(2) { 0 } else { patched };
            let (hash, longer) = if patch == 0 {
                (*tree, length)
            } else {
                let extension = extension(length + patch);
                for node in &extension {
                    if !nodes.iter().any(|old| old.first == node.first && old.count == node.count) {
                        nodes.push(*node);
                    }
                }
                (tree_hash(&extend(roots, &extension)), length + patch)
            };
            let ns112 = *version == 0 || (*odd && random.once_in(4));
            let context = if ns112 { space } else { &key };
            proofs.push((who, signed(*secret, &[&tree_space, context], &hash, longer, fork), patch));
        }
        if *version == 0 && random.once_in(2) {
            return proofs.pop().map_or_else(Vec::new, |(_, signature, _)| signature);
        }
        if *odd {
            tampered(&mut proofs, &mut nodes, random);
        }
        let mut bytes = Vec::new();
        compact(&mut bytes, proofs.len() as u64);
        for (who, signature, patch) in proofs {
            if *version == 0 {
                bytes.push(u8::from(random.once_in(8)));
            }
            compact(&mut bytes, who);
            bytes.extend(signature);
            if *version > 0 {
                compact(&mut bytes, patch);
            }
        }
        compact(&mut bytes, nodes.len() as u64);
        for node in nodes {
            compact(&mut bytes, 2 * node.first + node.count - 1);
            compact(&mut bytes, node.size);
            bytes.extend(node.hash);
        }
        if *odd && random.once_in(20) { Vec::new() } else { bytes }
    }
}

fn signer(bytes: &mut Vec<u8>, (namespace, secret): &(Hash, u8)) {
    bytes.push(0);
    bytes.extend_from_slice(namespace);
    bytes.extend_from_slice(&public(*secret));
}

/// A second form of a container: repeated, unknown and surplus signers, surplus, lost and exchanged nodes.
fn tampered(proofs: &mut Vec<(u64, Vec<u8>, u64)>, nodes: &mut Vec<Node>, random: &mut Random) {
    let one = random.pick(proofs).cloned();
    match (random.below(9), one) {
        (0, Some(one)) => proofs.push(one),
        (1, Some((_, signature, patch))) => proofs.push((7, signature, patch)),
        (2, Some((who, ..))) => proofs.push((who + 1, vec![1; 64], 0)),
        (3, _) => proofs.reverse(),
        (4, _) => nodes.push(Node { first: 0, count: 1, size: 1, hash: [1; 32] }),
        (5, _) => _ = nodes.pop(),
        (6, _) => nodes.reverse(),
        (7, _) if nodes.len() > 1 => {
            nodes[0].size += 1;
            nodes[1].size -= 1;
        }
        _ => {}
    }
}

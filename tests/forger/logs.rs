//! What a forger holds of one honest log: all blocks and nodes of each history, and every signature that its owner made.

use std::collections::BTreeMap;

use vitra_watch::hypercore::encoding::put_uint;
use vitra_watch::hypercore::flat::{self, Subtree};
use vitra_watch::hypercore::{HeadClaim, Key, Manifest, MerkleTree, MultiProof, Node, Nodes, Scheme, SignedHead};
use vitra_watch::lab::Random;
use vitra_watch::proofs::Slice;

use crate::keys::Charter;

/// One history of a log.
pub struct History {
    pub fork: u64,
    pub blocks: Vec<Vec<u8>>,
    pub tree: MerkleTree,
    /// Lengths at which an append ended.
    pub ends: Vec<u64>,
}

impl History {
    pub fn new(fork: u64, blocks: Vec<Vec<u8>>, ends: Vec<u64>) -> History {
        let tree = MerkleTree::over(&blocks).unwrap();
        History { fork, blocks, tree, ends }
    }

    /// The first block in which two histories differ: the shorter one's length if one continues the other.
    pub fn parts(&self, other: &History) -> u64 {
        self.blocks.iter().zip(&other.blocks).take_while(|(a, b)| a == b).count() as u64
    }
}

impl Nodes for History {
    fn length(&self) -> u64 {
        self.blocks.len() as u64
    }
    fn node(&self, at: Subtree) -> Option<Node> {
        self.tree.node(at)
    }
    fn block_bytes(&self, block: u64) -> Option<Vec<u8>> {
        self.blocks.get(usize::try_from(block).ok()?).cloned()
    }
}

/// One signature of one signer: what cannot be forged.
#[derive(Clone, Debug)]
pub struct Signature {
    pub signer: usize,
    pub history: usize,
    pub length: u64,
    pub fork: u64,
    pub bytes: [u8; 64],
}

/// One log.
pub struct HeldLog {
    pub key: Key,
    pub manifest: Option<Manifest>,
    /// Those who may sign it.
    pub signers: Vec<Key>,
    pub patches: bool,
    pub histories: Vec<History>,
    pub signatures: Vec<Signature>,
}

impl HeldLog {
    /// The log with all that its owner honestly signs of it.
    pub fn signed(charter: &Charter, histories: Vec<History>, random: &mut Random) -> HeldLog {
        let mut signatures = Vec::new();
        for (number, history) in histories.iter().enumerate() {
            for length in 1..=history.length() {
                let scheme = charter.style.scheme(length, history.length());
                // Receipts of Vitra are signed for every block.
                if scheme == Scheme::Manifest || (scheme != Scheme::Legacy48 && !history.ends.contains(&length)) {
                    continue;
                }
                let all = charter.public_keys().len();
                // Of several signers some come too late, but never so many that there is no head.
                let late = (all > charter.quorum() && random.once_in(2)).then(|| random.below(all as u64) as usize);
                let on_time = (0..all).filter(|signer| Some(*signer) != late);
                signatures.extend(on_time.map(|signer| charter.sign(signer, (number, history), length)));
            }
        }
        let (key, manifest) = (charter.key, charter.manifest.clone());
        HeldLog { key, manifest, signers: charter.public_keys(), patches: charter.patches(), histories, signatures }
    }

    /// The history that its owner shows now.
    pub fn now(&self) -> &History {
        self.histories.last().unwrap()
    }

    /// Whether its owner cut it or has two histories of it.
    pub fn is_rewritten(&self) -> bool {
        self.histories.len() > 1
    }

    /// Whether its owner showed two histories of one fork that differ within so many blocks.
    pub fn contradicts_itself(&self, fork: u64, within: u64) -> bool {
        let of_fork: Vec<&History> = self.histories.iter().filter(|history| history.fork == fork).collect();
        let differ = |a: &History, b: &History| {
            let shared = a.length().min(b.length());
            a.parts(b) < shared.min(within)
        };
        of_fork.iter().enumerate().any(|(i, a)| of_fork[i + 1..].iter().any(|b| differ(a, b)))
    }

    /// A signed head of a history at a length, as its owner would show it: from signatures over just that length, or, with
    /// `derived`, from those over longer trees as well. Gives the bytes that sign it.
    pub fn head(&self, history: usize, length: u64, derived: bool, random: &mut Random) -> Option<Vec<u8>> {
        let fits = |s: &&Signature| {
            s.history == history && (s.length == length || (derived && self.patches && s.length > length))
        };
        let mut known: Vec<&Signature> = self.signatures.iter().filter(fits).collect();
        let Some(manifest) = &self.manifest else { return known.last().map(|s| s.bytes.to_vec()) };
        let mut chosen: Vec<&Signature> = Vec::new();
        while chosen.len() < manifest.quorum.max(1) && !known.is_empty() {
            let next = known.swap_remove(random.below(known.len() as u64) as usize);
            if chosen.iter().all(|other| other.signer != next.signer) {
                chosen.push(next);
            }
        }
        if let Some((_, first)) = manifest.prologue.filter(|(_, first)| length <= *first) {
            return (length == first).then(Vec::new);
        }
        if manifest.fixed.is_some() {
            return (length == self.now().length()).then(Vec::new);
        }
        if chosen.len() < manifest.quorum {
            return None;
        }
        if manifest.bare {
            return Some(chosen[0].bytes.to_vec());
        }
        let parts: Vec<_> = chosen.iter().map(|s| (s.signer as u64, s.bytes, s.length - length)).collect();
        Some(container(manifest.version, &parts, &connecting(&self.histories[history], length, &parts)))
    }

    /// Blocks of a history under a head.
    pub fn slice(&self, history: usize, length: u64, signature: Vec<u8>, seqs: &[u64]) -> Option<Slice> {
        let held = &self.histories[history];
        let nodes = MultiProof::build(&held.tree, seqs, length)?.nodes;
        let blocks = seqs.iter().map(|seq| (*seq, held.blocks[*seq as usize].clone()));
        Some(Slice {
            key: self.key,
            manifest: self.manifest.as_ref().map(|manifest| manifest.bytes().to_vec()),
            fork: held.fork,
            length,
            signature,
            tree: None,
            nodes,
            blocks: blocks.collect::<BTreeMap<_, _>>(),
        })
    }

    /// The heads of a history, not derived, that verify: for audits of what is really there.
    pub fn signed_heads(&self, history: usize) -> Vec<SignedHead> {
        let held = &self.histories[history];
        let mut random = Random::new(0);
        let mut heads = Vec::new();
        for length in 1..=held.length() {
            let Some(signature) = self.head(history, length, false, &mut random) else { continue };
            let tree_hash = held.tree.roots_at(length).unwrap().tree_hash();
            let (key, manifest, fork) = (self.key, self.manifest.clone(), held.fork);
            let claim = HeadClaim { key, manifest, fork, length, tree_hash, signature, roots: Vec::new() };
            heads.extend(claim.verify());
        }
        heads
    }
}

/// The bytes of a container: signer, signature and patch of each part, and the nodes that connect.
pub fn container(version: u8, parts: &[(u64, [u8; 64], u64)], nodes: &[(u64, Node)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_uint(&mut bytes, parts.len() as u64);
    for (signer, signature, patch) in parts {
        if version == 0 {
            bytes.push(0);
        }
        put_uint(&mut bytes, *signer);
        bytes.extend_from_slice(signature);
        if version > 0 {
            put_uint(&mut bytes, *patch);
        }
    }
    put_uint(&mut bytes, nodes.len() as u64);
    for (index, node) in nodes {
        put_uint(&mut bytes, *index);
        put_uint(&mut bytes, node.size);
        bytes.extend_from_slice(&node.hash);
    }
    bytes
}

/// The nodes that connect a length with those that were signed, each once, in the order of the parts.
pub fn connecting(history: &History, length: u64, parts: &[(u64, [u8; 64], u64)]) -> Vec<(u64, Node)> {
    let mut nodes: Vec<(u64, Node)> = Vec::new();
    for (.., patch) in parts {
        for at in flat::extension(length, length + patch) {
            let Some(node) = history.node(at).filter(|_| nodes.iter().all(|(index, _)| *index != at.index())) else {
                continue;
            };
            nodes.push((at.index(), node));
        }
    }
    nodes
}

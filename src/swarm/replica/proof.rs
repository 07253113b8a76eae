//! Between the protocol's proofs and `hypercore`: what an answer proves, and answers that prove. Pure.
//!
//! Peers send nodes with indexes. They are compared with where the nodes must stand and then forgotten. We ask for heads
//! in one form only, `upgrade {start: 0, length}`: the full roots at `length`, the nodes that extend them to the peer's head,
//! its signature. So every head comes with a proof of what its log was at a length of our choice.

use crate::hyperbee::Blocks;
use crate::hypercore::flat::{self, Subtree};
use crate::hypercore::{
    ConsistencyProof, HeadClaim, HeadError, Key, MAX_LENGTH, Manifest, Node, Nodes, Prefix, PrefixEvidence, ProofError,
    Roots, SignedHead, TreeError, hash,
};
use crate::swarm::wire::messages::{Data, DataBlock, DataNodes, DataUpgrade, IndexedNode, Request, RequestNode};

/// Levels of a tree.
const MAX_LEVELS: u64 = 52;

/// Why an answer proves nothing. Whoever sends one is not worth talking to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It does not hold what was asked for.
    #[error("the answer is not to the question")]
    Other,
    /// A node stands where it does not belong.
    #[error("a node of the proof is not where it belongs")]
    Misplaced,
    /// The nodes do not lead where they should.
    #[error("the proof does not lead to what is known")]
    Mismatch,
    /// The nodes are no tree.
    #[error("{0}")]
    Tree(#[from] TreeError),
    /// The head is not signed.
    #[error("{0}")]
    Head(#[from] HeadError),
    /// The nodes do not show what its log was.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// It gives a node the hash that it has, and another size.
    #[error("a node of the proof has another size than the blocks below it")]
    Sizes,
}

/// A signed head, and what its log was at a shorter length.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The head.
    pub head: SignedHead,
    /// The shorter length.
    pub prefix: u64,
    /// What the head binds of its log there. The sizes are the peer's word.
    pub there: Prefix,
    /// What it binds of all its blocks.
    pub whole: Prefix,
    /// From there to the head.
    pub proof: ConsistencyProof,
}

impl Shown {
    /// Reads the answer to `upgrade {start: 0, length: prefix}`.
    ///
    /// # Errors
    /// When it does not prove a head.
    pub fn read(
        key: &Key,
        manifest: Option<&Manifest>,
        fork: u64,
        prefix: u64,
        upgrade: &DataUpgrade,
    ) -> Result<Shown, AnswerError> {
        if upgrade.start != 0 || upgrade.length != prefix {
            return Err(AnswerError::Other);
        }
        let last = upgrade.additional.last().map(|node| subtree(node.index).ok_or(AnswerError::Misplaced));
        let length = last.transpose()?.map_or(prefix, Subtree::end);
        if length < prefix || length >= MAX_LENGTH {
            return Err(AnswerError::Misplaced);
        }
        let roots = placed(&upgrade.nodes, flat::roots(prefix))?;
        let extension = placed(&upgrade.additional, flat::extension(prefix, length))?;
        let mut tree = Roots::from_nodes(prefix, &roots)?;
        for (at, node) in flat::extension(prefix, length).zip(&extension) {
            tree.push_subtree(at, *node)?;
        }
        let mut claim = HeadClaim {
            key: *key,
            manifest: manifest.cloned(),
            fork,
            length,
            tree_hash: tree.tree_hash(),
            signature: upgrade.signature.clone(),
            roots: Vec::new(),
        };
        if claim.needs_roots() {
            claim.roots = tree.nodes().to_vec();
        }
        let head = claim.verify()?;
        let proof = ConsistencyProof { roots, extension };
        let there = proof.verify(prefix, &head)?;
        let whole = Prefix::of(&head, length, &PrefixEvidence::Roots(tree.nodes().to_vec()))?;
        Ok(Shown { head, prefix, there, whole, proof })
    }

    /// All nodes of the tree that it shows, with the parents that they complete.
    pub fn nodes(&self, mut known: impl FnMut(Subtree, Node)) {
        let mut tree = std::collections::BTreeMap::new();
        let places = flat::roots(self.prefix).chain(flat::extension(self.prefix, self.head.length()));
        for (mut at, mut node) in places.zip(self.proof.roots.iter().chain(&self.proof.extension).copied()) {
            known(at, node);
            tree.insert(at.index(), node);
            while !at.is_left() {
                let Some(left) = tree.get(&at.sibling().index()) else { break };
                let Some(parent) = hash::parent(left, &node) else { break };
                (at, node) = (at.parent(), parent);
                known(at, node);
                tree.insert(at.index(), node);
            }
        }
    }
}

/// The subtree with a flat-tree index.
pub fn subtree(index: u64) -> Option<Subtree> {
    let height = index.trailing_ones();
    if u64::from(height) > MAX_LEVELS || index >= MAX_LENGTH.wrapping_mul(2) {
        return None;
    }
    let blocks = 1_u64 << height;
    Some(Subtree { first: index.checked_add(1)?.checked_sub(blocks)? / 2, blocks })
}

/// The nodes, if they stand at these places and no others.
fn placed(nodes: &[IndexedNode], places: impl Iterator<Item = Subtree>) -> Result<Vec<Node>, AnswerError> {
    let mut given = nodes.iter();
    let mut out = Vec::new();
    for at in places {
        let node = given.next().filter(|node| node.index == at.index()).ok_or(AnswerError::Misplaced)?;
        out.push(node.node);
    }
    if given.next().is_some() { Err(AnswerError::Misplaced) } else { Ok(out) }
}

/// Checks a block against the hash of a node some levels above it that is known, and tells `learn` every node on the way, that
/// one too: the sizes of nodes that came with a head are a peer's word, those above a block are not.
///
/// # Errors
/// When it is another block, or the proof has other nodes than it needs.
pub fn read_block(
    asked: RequestNode,
    known: &Node,
    data: &DataBlock,
    mut learn: impl FnMut(Subtree, Node),
) -> Result<(), AnswerError> {
    if data.index != asked.index || data.nodes.len() as u64 != asked.nodes {
        return Err(AnswerError::Other);
    }
    let mut at = Subtree::leaf(data.index);
    let mut node = hash::leaf(&data.value);
    let mut learnt = vec![(at, node)];
    for uncle in &data.nodes {
        let beside = at.sibling();
        if uncle.index != beside.index() {
            return Err(AnswerError::Misplaced);
        }
        let (left, right) = if at.is_left() { (&node, &uncle.node) } else { (&uncle.node, &node) };
        node = hash::parent(left, right).ok_or(TreeError::TooLarge)?;
        at = at.parent();
        learnt.extend([(beside, uncle.node), (at, node)]);
    }
    if node.hash != known.hash {
        return Err(AnswerError::Mismatch);
    }
    learnt.into_iter().for_each(|(at, node)| learn(at, node));
    Ok(())
}

/// Answers a peer's question from a log that we hold, under the head that the peer is shown. `None`: there is no answer.
pub fn answer<L: Blocks + Nodes>(log: &L, head: &SignedHead, request: &Request) -> Option<Data> {
    if request.id == 0 || request.fork != head.fork() || request.seek.is_some() {
        return None;
    }
    let mut data = Data { request: request.id, fork: request.fork, ..Data::default() };
    let (from, to) = match request.upgrade {
        Some((start, length)) => (start, start.checked_add(length)?),
        None => (0, head.length()),
    };
    if from >= to || to > head.length() {
        return None;
    }
    let wanted = match (request.block, request.hash) {
        (Some(block), None) if block.index < head.length() => Some((Subtree::leaf(block.index), block.nodes)),
        (None, Some(hash)) => Some((subtree(hash.index)?, hash.nodes)),
        (None, None) => None,
        _ => return None,
    };
    // What lies in the extension that is asked for is proven up to the extension's own node, which is left out.
    let covering = wanted.filter(|(at, _)| request.upgrade.is_some() && at.end() > from);
    let covering = covering
        .map(|(at, _)| flat::extension(from, to).find(|above| above.contains(at.first) && at.end() <= above.end()));
    if let Some((at, levels)) = wanted {
        let levels = match covering {
            Some(above) => u64::from(above?.blocks.trailing_zeros().checked_sub(at.blocks.trailing_zeros())?),
            None => levels,
        };
        let nodes = uncles(log, at, levels, to)?;
        if request.block.is_some() {
            let value = log.block(at.first)?.to_vec();
            data.block = Some(DataBlock { index: at.first, value, nodes });
        } else {
            let own = indexed(log, at)?;
            data.hash = Some(DataNodes { at: at.index(), nodes: std::iter::once(own).chain(nodes).collect() });
        }
    }
    if request.upgrade.is_some() {
        let covering = covering.flatten();
        let places = flat::extension(from, to).filter(|at| Some(*at) != covering);
        let nodes = places.map(|at| indexed(log, at)).collect::<Option<_>>()?;
        let additional = flat::extension(to, head.length()).map(|at| indexed(log, at)).collect::<Option<_>>()?;
        let signature = head.signature().to_vec();
        data.upgrade = Some(DataUpgrade { start: from, length: to.checked_sub(from)?, nodes, additional, signature });
    }
    if request.manifest {
        data.manifest = head.manifest().map(|manifest| manifest.bytes().to_vec());
    }
    let empty = data.block.is_none() && data.hash.is_none() && data.upgrade.is_none() && data.manifest.is_none();
    if empty { None } else { Some(data) }
}

fn indexed(log: &impl Nodes, at: Subtree) -> Option<IndexedNode> {
    Some(IndexedNode { index: at.index(), node: log.node(at)? })
}

/// The siblings on the way up, so many levels, in a log of `length` blocks.
fn uncles(log: &impl Nodes, mut at: Subtree, levels: u64, length: u64) -> Option<Vec<IndexedNode>> {
    if levels > MAX_LEVELS {
        return None;
    }
    let mut nodes = Vec::new();
    for _ in 0..levels {
        nodes.push(indexed(log, at.sibling())?);
        at = at.parent();
        if at.end() > length {
            return None;
        }
    }
    Some(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperbee::Block;
    use crate::hypercore::MerkleTree;
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    struct Log(Vec<Block>, MerkleTree);

    impl Blocks for Log {
        fn length(&self) -> u64 {
            self.0.len() as u64
        }
        fn block(&self, seq: u64) -> Option<Block> {
            self.0.get(seq as usize).cloned()
        }
    }

    impl Nodes for Log {
        fn length(&self) -> u64 {
            self.0.len() as u64
        }
        fn node(&self, at: Subtree) -> Option<Node> {
            self.1.node(at)
        }
    }

    fn log(length: u64) -> (Log, SignedHead) {
        let blocks: Vec<Block> = (0..length).map(|seq| Block::from(&seq.to_le_bytes()[..])).collect();
        let tree = MerkleTree::over(&blocks).unwrap();
        let secret = SigningKey::from_bytes(&[1; 32]);
        let key = secret.verifying_key().to_bytes();
        let head = SignedHead::sign(&secret, key, None, 0, length, tree.roots().tree_hash()).unwrap();
        (Log(blocks, tree), head)
    }

    proptest! {
        /// What we answer is what we believe, at every length; and nothing else is.
        #[test]
        fn heads_are_shown_at_any_prefix(length in 1..200_u64, prefix in 1..200_u64, at in any::<prop::sample::Index>()) {
            let prefix = prefix.min(length);
            let (log, head) = log(length);
            let request = Request { id: 1, upgrade: Some((0, prefix)), ..Request::default() };
            let mut upgrade = answer(&log, &head, &request).unwrap().upgrade.unwrap();
            let read = |upgrade: &DataUpgrade| Shown::read(head.key(), None, 0, prefix, upgrade);
            let shown = read(&upgrade).unwrap();
            prop_assert_eq!(&shown.head, &head);
            prop_assert_eq!(shown.there.has_roots(&log.roots_at(prefix).unwrap()), Some(true));
            prop_assert_eq!(shown.whole.has_roots(log.1.roots()), Some(true));
            let mut nodes = 0;
            shown.nodes(|at, node| {
                assert_eq!(log.node(at), Some(node));
                nodes += 1;
            });
            prop_assert!(flat::roots(length).count() <= nodes);
            let all = upgrade.nodes.len() + upgrade.additional.len();
            let i = at.index(all);
            let changed = upgrade.nodes.iter_mut().chain(&mut upgrade.additional).nth(i).unwrap();
            changed.node.hash[3] ^= 1;
            prop_assert!(read(&upgrade).is_err());
        }

        #[test]
        fn blocks_are_proven_to_any_known_node(
            length in 1..200_u64, index in any::<prop::sample::Index>(), levels in 0..8_u64, bit in 0..64_usize,
        ) {
            let (log, head) = log(length);
            let index = index.index(length as usize) as u64;
            let root = flat::roots(length).find(|root| root.contains(index)).unwrap();
            let levels = levels.min(u64::from(root.blocks.trailing_zeros()));
            let asked = RequestNode { index, nodes: levels };
            let request = Request { id: 1, block: Some(asked), ..Request::default() };
            let mut block = answer(&log, &head, &request).unwrap().block.unwrap();
            let known = log.node((0..levels).fold(Subtree::leaf(index), |at, _| at.parent())).unwrap();
            read_block(asked, &known, &block, |at, node| assert_eq!(log.node(at), Some(node))).unwrap();
            block.value[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(read_block(asked, &known, &block, |_, _| ()), Err(AnswerError::Mismatch));
            let beyond = Request { block: Some(RequestNode { index, nodes: 60 }), ..request };
            prop_assert_eq!(answer(&log, &head, &beyond), None);
        }
    }

    #[test]
    fn an_index_is_a_subtree() {
        for first in 0..40 {
            for height in 0..5 {
                let at = Subtree { first: first << height, blocks: 1 << height };
                assert_eq!(subtree(at.index()), Some(at));
            }
        }
        assert_eq!(subtree(u64::MAX), None);
        assert_eq!(subtree(MAX_LENGTH * 2), None);
    }
}

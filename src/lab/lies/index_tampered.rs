//! `index-tampered`: the history is right, the B-tree in the blocks is not the one that follows from it.

use super::{Lie, Tell, TellBlocks, Told};
use crate::hyperbee::{Blocks, Cache, Entry, Node, NodeLevel, Tree, View};
use crate::lab::draft::What;
use crate::replay::finding::Kind;

/// The blocks of a batch, decoded, on top of an index.
struct Tampered<'a> {
    index: &'a dyn Blocks,
    at: u64,
    nodes: Vec<Node>,
}

impl<'a> Tampered<'a> {
    fn new(blocks: &[Vec<u8>], at: u64, index: &'a dyn Blocks) -> Option<Self> {
        let nodes = blocks.iter().map(|block| Node::decode(block).ok()).collect::<Option<_>>()?;
        Some(Self { index, at, nodes })
    }

    /// The nodes of the last block: the root, and what else is new at the batch's end.
    fn last(&mut self) -> Option<&mut Vec<NodeLevel>> {
        self.nodes.last_mut().map(|node| &mut node.levels)
    }

    fn key_of(&self, seq: u64) -> Option<Vec<u8>> {
        match seq.checked_sub(self.at) {
            Some(place) => self.nodes.get(usize::try_from(place).ok()?).map(|node| node.key.clone()),
            None => Some(Entry::decode(seq, self.index.block(seq)?).ok()?.key().to_vec()),
        }
    }

    /// The block of a key before the batch.
    fn before(&self, key: &[u8]) -> Option<u64> {
        let cache = Cache::default();
        Tree::new(self.index, &cache, self.at).get(key).ok()?.map(|entry| entry.seq())
    }

    fn write(self, blocks: &mut Vec<Vec<u8>>) -> Option<Told> {
        *blocks = self.nodes.iter().map(Node::encode).collect();
        Some(Told::Last)
    }
}

/// The tree may have lost an input, which the executor still follows: for readers it is none any more.
const fn lie(name: &'static str, tell: TellBlocks) -> Lie {
    Lie { name, kind: Kind::IndexTampered, then: &[Kind::NonParticipant], tell: Tell::Blocks(tell) }
}

const fn draft(name: &'static str, tell: Tell) -> Lie {
    Lie { name, kind: Kind::IndexTampered, then: &[], tell }
}

pub(super) const LIES: &[Lie] = &[
    lie("index-tampered/stale-value", |blocks, scene, index, _| {
        let mut tree = Tampered::new(blocks, scene.at, index)?;
        // A key that was there before, whose new entry the tree points to.
        let new = (scene.at..).zip(&tree.nodes);
        let stale: Vec<(u64, u64)> = new.filter_map(|(seq, node)| Some((seq, tree.before(&node.key)?))).collect();
        let pointers = tree.nodes.iter_mut().flat_map(|node| &mut node.levels).flat_map(|level| &mut level.keys);
        let (pointer, old) = pointers
            .filter_map(|pointer| stale.iter().find(|(new, _)| new == pointer).map(|(_, old)| (pointer, *old)))
            .next()?;
        *pointer = old;
        tree.write(blocks)
    }),
    lie("index-tampered/hidden-key", |blocks, scene, index, random| {
        let mut tree = Tampered::new(blocks, scene.at, index)?;
        let leaf = tree.last()?.iter_mut().find(|level| level.children.is_empty() && level.keys.len() > 1)?;
        let place = random.below(leaf.keys.len() as u64) as usize;
        let hidden = leaf.keys.remove(place);
        // A null that this batch put over something: only the operation tells that it was no delete.
        let node = hidden.checked_sub(scene.at).and_then(|place| tree.nodes.get(usize::try_from(place).ok()?));
        let null = node.is_some_and(|node| node.value.is_none() && tree.before(&node.key).is_some());
        tree.write(blocks).map(|told| if null { Told::LastByReplay } else { told })
    }),
    lie("index-tampered/resurrected-key", |blocks, scene, index, _| {
        let mut tree = Tampered::new(blocks, scene.at, index)?;
        let pointed = |seq: u64| tree.nodes.iter().flat_map(|node| &node.levels).any(|level| level.keys.contains(&seq));
        let deleted = (scene.at..).zip(&tree.nodes).find_map(|(seq, node)| {
            let old = tree.before(&node.key).filter(|_| node.value.is_none() && !pointed(seq))?;
            Some((old, node.key.clone()))
        });
        let (old, key) = deleted?;
        let levels = tree.nodes.last()?.levels.iter().enumerate();
        // Into the leaf where it would be found: between a smaller and a larger key, or in the only leaf.
        let (place, position) = levels.filter(|(_, level)| level.children.is_empty()).find_map(|(place, level)| {
            let keys = level.keys.iter().map(|seq| tree.key_of(*seq)).collect::<Option<Vec<_>>>()?;
            let position = keys.partition_point(|other| *other < key);
            (position > 0 && position < keys.len() || tree.nodes.last()?.levels.len() == 1).then_some((place, position))
        })?;
        tree.last()?.get_mut(place)?.keys.insert(position, old);
        tree.write(blocks)
    }),
    lie("index-tampered/swapped-keys", |blocks, scene, index, random| {
        let mut tree = Tampered::new(blocks, scene.at, index)?;
        let level = tree.last()?.iter_mut().find(|level| level.keys.len() > 1)?;
        let place = random.below(level.keys.len() as u64 - 1) as usize;
        level.keys.swap(place, place + 1);
        tree.write(blocks)
    }),
    lie("index-tampered/old-subtree", |blocks, scene, index, _| {
        let mut tree = Tampered::new(blocks, scene.at, index)?;
        let old = Node::decode(&index.block(scene.at.checked_sub(1)?)?).ok()?;
        let old = old.levels.first()?.children.clone();
        let batch = tree.nodes.clone();
        let node = |at: &[u64]| {
            let [seq, level] = *at else { return None };
            let node = match seq.checked_sub(scene.at) {
                Some(place) => batch.get(usize::try_from(place).ok()?)?.clone(),
                None => Node::decode(&index.block(seq)?).ok()?,
            };
            node.levels.get(usize::try_from(level).ok()?).cloned()
        };
        let root = tree.last()?.first_mut()?;
        // A child that this batch made anew, where the root's shape did not change. One that says the same misleads nobody.
        let same = root.children.len() == old.len();
        let fresh = |pair: &&mut [u64]| pair.first().is_some_and(|seq| *seq >= scene.at);
        let mut pairs = root.children.chunks_mut(2).zip(old.chunks(2)).filter(|_| same);
        let (child, before) = pairs.find(|(child, before)| fresh(child) && node(child) != node(before))?;
        child.copy_from_slice(before);
        tree.write(blocks)
    }),
    lie("index-tampered/unreachable-node", |blocks, scene, index, _| {
        let mut tree = Tampered::new(blocks, scene.at, index)?;
        tree.last()?.push(NodeLevel { keys: vec![scene.at], children: Vec::new() });
        tree.write(blocks)
    }),
    draft(
        "index-tampered/null-as-a-value",
        Tell::Draft(|draft, _, _| {
            let null = draft.writes.iter_mut().find(|write| write.what == What::PutNull)?;
            null.what = What::Put(vec![0xc0]);
            Some(Told::Last)
        }),
    ),
    draft(
        "index-tampered/null-as-a-delete",
        Tell::Draft(|draft, scene, _| {
            scene.all_written().then_some(())?;
            let null =
                draft.writes.iter_mut().find(|write| write.what == What::PutNull && scene.existed(&write.key))?;
            null.what = What::Delete;
            Some(Told::LastByReplay)
        }),
    ),
    draft(
        "index-tampered/delete-as-a-null",
        Tell::Draft(|draft, scene, _| {
            scene.all_written().then_some(())?;
            draft.writes.iter_mut().find(|write| write.what == What::Delete)?.what = What::PutNull;
            Some(Told::LastByReplay)
        }),
    ),
];

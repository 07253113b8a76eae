//! What the slow oracle knows of trees: it walks them from end to end.

use std::collections::BTreeSet;

use vitra_watch::hyperbee::{Blocks, Node};
use vitra_watch::hypercore::flat::Subtree;
use vitra_watch::lab::{Lab, Memory};
use vitra_watch::replay::finding::Kind;

/// Nodes and pairs that a walk came by.
pub struct Walk<'a> {
    lab: &'a Lab<Memory>,
    pairs: Vec<(Vec<u8>, u64)>,
    nodes: BTreeSet<(u64, u64)>,
}

impl Walk<'_> {
    /// Does the tree with its root in this block hold exactly these keys, in this order, in these blocks, and does it reach all
    /// nodes of the blocks from `batch` on?
    pub fn holds(lab: &Lab<Memory>, root: u64, batch: u64, pairs: impl Iterator<Item = (Vec<u8>, u64)>) -> bool {
        let mut walk = Walk { lab, pairs: Vec::new(), nodes: BTreeSet::new() };
        let walked = walk.from((root, 0), 0).is_some();
        let count = |seq| walk.node(seq).map_or(0, |node| node.levels.len() as u64);
        let mut all = (batch..=root).flat_map(|seq| (0..count(seq)).map(move |level| (seq, level)));
        walked && all.all(|node| walk.nodes.contains(&node)) && pairs.eq(walk.pairs.iter().cloned())
    }

    fn node(&self, seq: u64) -> Option<Node> {
        Node::decode(&self.lab.index.store.block(seq)?).ok()
    }

    fn from(&mut self, at: (u64, u64), depth: u32) -> Option<()> {
        self.nodes.insert(at);
        let level = self.node(at.0)?.levels.get(at.1 as usize)?.clone();
        for place in 0..=level.keys.len() {
            if let Some([seq, child]) = level.children.get(2 * place..2 * place + 2) {
                (depth < 50).then_some(())?;
                self.from((*seq, *child), depth + 1)?;
            }
            if let Some(key) = level.keys.get(place) {
                let pair = (self.node(*key)?.key, *key);
                self.pairs.push(pair);
            }
        }
        Some(())
    }
}

/// Two histories of one log under one fork (the first block that differs), or one that was cut.
pub fn past(store: &Memory) -> Option<(Kind, u64)> {
    let views: Vec<_> = store.views().collect();
    let leaf = |view: usize, seq| views[view].tree.node(Subtree::leaf(seq)).map(|node| node.hash);
    for (a, b) in (0..views.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
        let same = views[a].heads.iter().any(|x| views[b].heads.iter().any(|y| x.fork() == y.fork()));
        let length = views[a].tree.length().min(views[b].tree.length());
        if let Some(differs) = (0..length).find(|seq| same && leaf(a, *seq) != leaf(b, *seq)) {
            return Some((Kind::Equivocation, differs));
        }
    }
    views.iter().flat_map(|view| view.heads).any(|head| head.fork() > 0).then_some((Kind::Truncation, 0))
}

//! What a forger changes in something authentic: sizes moved between nodes, blocks left out, and whatever names a log,
//! its signers or its signatures exchanged.

use vitra_watch::hypercore::{HeadClaim, Manifest, Node, Nodes as _};
use vitra_watch::lab::Random;
use vitra_watch::proofs::Slice;

use crate::databases::{Database, World};
use crate::logs::{HeldLog, connecting, container};

/// Moves bytes from one node to another, so that their sum stays.
pub fn shift(from: &mut Node, to: &mut Node, random: &mut Random) {
    let most = if random.once_in(2) { 1 } else { from.size.max(1) };
    let moved = (1 + random.below(most)).min(from.size);
    from.size -= moved;
    to.size += moved;
}

/// Moves bytes between two of some nodes, neighbours above all.
pub fn shift_some(nodes: &mut [Node], random: &mut Random) {
    if nodes.len() < 2 {
        return;
    }
    let first = random.below(nodes.len() as u64 - 1) as usize;
    let (left, right) = nodes.split_at_mut(first + 1);
    let (a, b) = (&mut left[first], &mut right[0]);
    if random.once_in(2) { shift(a, b, random) } else { shift(b, a, random) }
}

/// Moves bytes between the last root of a prefix and the node that becomes its sibling: their parent stays.
pub fn shift_edge(roots: &mut [Node], extension: &mut [Node], random: &mut Random) {
    let (Some(root), Some(next)) = (roots.last_mut(), extension.first_mut()) else { return };
    if random.once_in(2) { shift(root, next, random) } else { shift(next, root, random) }
}

/// Some head of a log: mostly one that is really signed, sometimes one that anybody derives, or that nobody has.
pub struct Head {
    pub history: usize,
    pub length: u64,
    pub signature: Vec<u8>,
    /// The full roots there; of a derived head with sizes of the forger's choice.
    pub roots: Vec<Node>,
}

impl Head {
    /// Whether its signatures are over longer trees.
    pub fn is_patched(&self, log: &HeldLog) -> bool {
        let (key, manifest, signature) = (log.key, log.manifest.clone(), self.signature.clone());
        let (fork, length) = (log.histories[self.history].fork, self.length);
        HeadClaim { key, manifest, fork, length, tree_hash: [0; 32], signature, roots: Vec::new() }.needs_roots()
    }
}

/// Picks a head of a log.
pub fn head(log: &HeldLog, random: &mut Random) -> Option<Head> {
    for _ in 0..8 {
        let history = random.below(log.histories.len() as u64) as usize;
        let held = &log.histories[history];
        let signed = log.signatures.iter().filter(|signature| signature.history == history);
        let signed: Vec<u64> = signed.map(|signature| signature.length).collect();
        let derived = log.patches && !random.once_in(3);
        let length = match random.below(4) {
            _ if derived || signed.is_empty() => 1 + random.below(held.blocks.len() as u64),
            0 => held.blocks.len() as u64,
            _ => *random.pick(&signed)?,
        };
        let Some(signature) = log.head(history, length, derived, random) else { continue };
        let roots = held.tree.roots_at(length)?.nodes().to_vec();
        let mut head = Head { history, length, signature, roots };
        if derived && random.once_in(2) {
            shift_derived(log, &mut head, random);
        }
        return Some(head);
    }
    None
}

/// Derives the head of one signature again, with other sizes in its roots.
fn shift_derived(log: &HeldLog, head: &mut Head, random: &mut Random) {
    let held = &log.histories[head.history];
    let longer = log.signatures.iter().filter(|s| s.history == head.history && s.length > head.length);
    let longer: Vec<_> = longer.collect();
    let (Some(one), Some(manifest)) = (random.pick(&longer), &log.manifest) else { return };
    let mut parts = vec![(one.signer as u64, one.bytes, one.length - head.length)];
    for other in &longer {
        if parts.len() < manifest.quorum && parts.iter().all(|(signer, ..)| *signer != other.signer as u64) {
            parts.push((other.signer as u64, other.bytes, other.length - head.length));
        }
    }
    let mut nodes = connecting(held, head.length, &parts);
    if let (Some(root), Some((_, next))) = (head.roots.last_mut(), nodes.first_mut()) {
        if random.once_in(2) { shift(root, next, random) } else { shift(next, root, random) }
    }
    head.signature = container(manifest.version, &parts, &nodes);
}

/// Some of the blocks below a length: all, all but some, those at the end.
pub fn some_blocks(length: u64, from: u64, random: &mut Random) -> Vec<u64> {
    let all = 0..length;
    match random.below(8) {
        0..4 => all.collect(),
        4 => {
            let (gap, wide) = (random.below(length), random.below(4));
            all.filter(|seq| *seq < gap || *seq > gap + wide).collect()
        }
        5 => {
            let left_out = 1 + random.below(8);
            all.filter(|_| random.below(64) >= left_out).collect()
        }
        6 => all.filter(|seq| *seq < 12 || *seq + 4 >= from).collect(),
        _ => {
            let end = from + 1 + random.below(length.saturating_sub(from).max(1));
            all.filter(|seq| *seq < end).collect()
        }
    }
}

/// Exchanges something that a slice says of its log for what another log, or nobody, says.
pub fn exchange(slice: &mut Slice, world: &World, random: &mut Random) {
    let database: &Database = random.pick(&world.databases).unwrap();
    let logs: Vec<&HeldLog> = [&database.index].into_iter().chain(&database.oplogs).collect();
    let other = *random.pick(&logs).unwrap();
    match random.below(11) {
        0 => shift_some(&mut slice.nodes, random),
        1 => slice.manifest = other.manifest.as_ref().map(|manifest| manifest.bytes().to_vec()),
        2 => {
            // The head of another log, at this length if it has one.
            let known = other.signatures.iter().find(|signature| signature.length == slice.length);
            let Some(signature) = known.or_else(|| random.pick(&other.signatures)) else { return };
            if slice.manifest.is_some() {
                slice.signature = container(1, &[(0, signature.bytes, 0)], &[]);
            } else {
                slice.signature = signature.bytes.to_vec();
            }
        }
        3 => slice.key = other.key,
        4 => slice.fork = slice.fork.wrapping_add(1).min(3),
        5 => slice.length = slice.length.saturating_sub(1).max(1),
        6 => slice.length += 1,
        7 => slice.signature = Vec::new(),
        8 => {
            // A signature alone where a container belongs, and the reverse.
            let signature = random.pick(&other.signatures).map(|signature| signature.bytes);
            let Some(bytes) = signature else { return };
            let bare = slice.signature.len() == 64;
            slice.signature = if bare { container(1, &[(0, bytes, 0)], &[]) } else { bytes.to_vec() };
        }
        9 => {
            // The container of a manifest of another version.
            let manifest = slice.manifest.as_ref().and_then(|bytes| Manifest::decode(bytes).ok());
            let Some(signature) = random.pick(&other.signatures) else { return };
            let version = manifest.map_or(0, |manifest| manifest.version);
            let version = u8::from(version == 0);
            slice.signature = container(version, &[(signature.signer as u64, signature.bytes, 0)], &[]);
        }
        _ => {
            let drop = random.below(slice.nodes.len().max(1) as u64) as usize;
            if drop < slice.nodes.len() {
                slice.nodes.remove(drop);
            }
        }
    }
}

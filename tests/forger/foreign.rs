//! Logs of the forger's own, whose manifests name victims: under any version, flags, quorum, prologue and namespace, a
//! victim's signature may seem to be one of this log.

use vitra_watch::hypercore::hash::namespace;
use vitra_watch::hypercore::{Hash, Key, Manifest, MerkleTree, MultiProof, Nodes as _};
use vitra_watch::lab::Random;
use vitra_watch::proofs::file::Version;
use vitra_watch::proofs::{Inclusion, Proof, Slice};

use crate::audits::{self};
use crate::databases::{Database, World};
use crate::keys::{manifest_bytes, manifest_v0};
use crate::logs::{HeldLog, History, Signature, connecting, container};

/// Files about a log whose manifest the forger wrote, and whose blocks and signatures are those of victims: that a block is in
/// it, or claims by audit.
pub fn files(world: &World, random: &mut Random) -> Vec<Vec<u8>> {
    let Some(database) = random.pick(&world.databases) else { return Vec::new() };
    let Some(index) = log(world, &database.index, random) else { return Vec::new() };
    let length = index.length;
    if random.once_in(2) {
        let (key, seq, version) = (index.key, random.below(length), Version::Two);
        let slices = vec![alone(index, seq)];
        return vec![Inclusion { version, database: key, log: key, seq, ack: None, slices }.encode()];
    }
    let mut slices = vec![index];
    slices.extend(audits::oplogs(&database.oplogs, random));
    let acks = database.acks(0);
    let from = if random.once_in(2) { 0 } else { random.pick(&acks).copied().filter(|seq| *seq < length).unwrap_or(0) };
    let named = Database {
        name: String::new(),
        index: empty(slices[0].key),
        oplogs: Vec::new(),
        lie: None,
        options: database.options,
    };
    audits::proofs_over(&named, from, slices, random).iter().map(Proof::encode).collect()
}

/// A slice that has all blocks, with one of them only.
fn alone(slice: Slice, seq: u64) -> Slice {
    let tree = MerkleTree::over(slice.blocks.values()).unwrap();
    let nodes = MultiProof::build(&tree, &[seq], slice.length).unwrap().nodes;
    let blocks = slice.blocks.into_iter().filter(|(other, _)| *other == seq).collect();
    Slice { nodes, blocks, ..slice }
}

fn empty(key: Key) -> HeldLog {
    let histories = vec![History::new(0, Vec::new(), Vec::new())];
    HeldLog { key, manifest: None, signers: Vec::new(), patches: false, histories, signatures: Vec::new() }
}

/// A slice of a log under a forged manifest, with the blocks of a victim's log and the victim's own signatures.
fn log(world: &World, victim: &HeldLog, random: &mut Random) -> Option<Slice> {
    let history = random.below(victim.histories.len() as u64) as usize;
    let held = &victim.histories[history];
    let known: Vec<&Signature> = victim.signatures.iter().filter(|signature| signature.history == history).collect();
    let signature = *random.pick(&known)?;
    let patches = random.once_in(2);
    let length = if patches { 1 + random.below(signature.length) } else { signature.length };
    let context = namespace_of(world, victim, random);
    let mut signers = vec![(context, *victim.signers.get(signature.signer)?)];
    if random.once_in(3) {
        signers.push((namespace::DEFAULT, [7; 32]));
    }
    let prologue = random.once_in(4).then(|| {
        let length = if random.once_in(2) { length } else { random.below(length + 1) };
        Some((held.tree.roots_at(length)?.tree_hash(), length))
    });
    let version = random.below(3) as u8;
    let bytes = match version {
        0 if random.once_in(4) => [&[0, 0, 0][..], &held.tree.roots_at(length)?.tree_hash()].concat(),
        0 => manifest_v0(patches, 1, &signers),
        version => manifest_bytes(version, patches, 1, &signers, prologue.flatten()),
    };
    let manifest = Manifest::decode(&bytes).ok()?;
    let parts = [(0, signature.bytes, signature.length - length)];
    let signed = match random.below(5) {
        0 => Vec::new(),
        _ if manifest.bare => signature.bytes.to_vec(),
        _ => container(manifest.version, &parts, &connecting(held, length, &parts)),
    };
    let forged = HeldLog {
        key: manifest.key(),
        manifest: Some(manifest),
        signers: Vec::new(),
        patches,
        // Only the bytes are needed.
        histories: vec![History::new(signature.fork, held.blocks.clone(), Vec::new())],
        signatures: Vec::new(),
    };
    forged.slice(0, length, signed, &(0..length).collect::<Vec<_>>())
}

/// What a victim's signature was made with, or may have been.
fn namespace_of(world: &World, victim: &HeldLog, random: &mut Random) -> Hash {
    let other = random.pick(&world.databases).map(|database| database.index.key);
    match random.below(5) {
        0 | 1 => victim.key,
        2 => namespace::DEFAULT,
        3 => {
            victim.manifest.as_ref().and_then(|manifest| Some(manifest.signers.first()?.namespace)).unwrap_or_default()
        }
        _ => other.unwrap_or(namespace::TREE),
    }
}

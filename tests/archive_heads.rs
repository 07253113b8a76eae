//! Heads whose blocks are not held: an owner who signs for ever fills no disk, and nothing that convicts is forgotten.

use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use tempfile::tempdir;
use vitra_watch::archive::{Archive, ArchiveReader, Core, KeptHead};
use vitra_watch::hypercore::head::signable;
use vitra_watch::hypercore::views::{Conflict, View, conflicts};
use vitra_watch::hypercore::{ConsistencyProof, HeadClaim, MerkleTree, Nodes, Scheme, SignedHead};

/// What an archive reads of a log.
const MOST: usize = 256;

/// A history: which of two, and its tree.
fn tree(history: u64, length: u64) -> MerkleTree {
    let block = |seq: u64| format!("{} {seq}", if seq < 3 { 0 } else { history }).into_bytes();
    MerkleTree::over((0..length).map(block).collect::<Vec<_>>()).unwrap()
}

fn sign(fork: u64, tree: &MerkleTree) -> SignedHead {
    let owner = SigningKey::from_bytes(&[1; 32]);
    let roots = tree.roots();
    let signed = signable(Scheme::Compat80, &[0; 32], &roots.tree_hash(), roots.length(), fork);
    let key = owner.verifying_key().to_bytes();
    let signature = owner.sign(&signed).to_bytes();
    HeadClaim::by_public_key(key, fork, roots.length(), roots.tree_hash(), &signature).verify().unwrap()
}

/// An archive with an empty history of the log.
fn followed(dir: &std::path::Path) -> Archive {
    let mut archive = Archive::create(dir).unwrap();
    let log = archive.log(&SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes(), None).unwrap();
    archive.new_history(log, 0).unwrap();
    archive
}

/// Keeps the head of a history at a length, with what its log was at a shorter one.
fn keep(archive: &mut Archive, fork: u64, history: u64, length: u64, prefix: u64) {
    let tree = tree(history, length);
    let head = sign(fork, &tree);
    let proof = ConsistencyProof::build(&tree, prefix, length).unwrap();
    archive.keep_head(&head, Some((prefix, &proof))).unwrap();
}

/// How many heads there are, and of which forks there is an equivocation, and a truncation.
fn convicted(dir: &std::path::Path) -> (usize, Vec<u64>, Vec<u64>) {
    let reader = ArchiveReader::open(dir).unwrap();
    let kept = reader.kept().iter().map(KeptHead::view);
    let views: Vec<View<'_>> = reader.cores().iter().map(Core::view).chain(kept).collect();
    let (mut equivocations, mut truncations) = (Vec::new(), Vec::new());
    for conflict in conflicts(&views) {
        match conflict {
            Conflict::Equivocation { evidence, .. } => equivocations.push(evidence.longer.fork()),
            Conflict::Truncation(head) => truncations.push(head.fork()),
        }
    }
    equivocations.dedup();
    (reader.kept().len(), equivocations, truncations)
}

/// Protects the disk and the evidence: after a thousand heads few are left, and the two that contradict each other are among
/// them, whether they came first, in between or last.
#[test]
fn a_contradiction_outlasts_a_flood() {
    for at in [0, 400, 999] {
        let dir = tempdir().unwrap();
        let mut archive = followed(dir.path());
        for n in 0..1_000 {
            if n == at {
                // Compared with the longest head so far, as peers are asked.
                keep(&mut archive, 0, 1, n + 6, (n + 4).max(4));
            }
            keep(&mut archive, 0, 0, n + 5, n + 4);
        }
        drop(archive);
        let (kept, equivocations, truncations) = convicted(dir.path());
        assert!(kept <= MOST, "{kept}");
        assert_eq!((equivocations, truncations), (vec![0], vec![]), "{at}");
    }
}

/// The same for many forks: each is a truncation, one of them has two histories.
#[test]
fn a_contradiction_outlasts_many_truncations() {
    let dir = tempdir().unwrap();
    let mut archive = followed(dir.path());
    keep(&mut archive, 0, 0, 9, 4);
    keep(&mut archive, 0, 1, 9, 4);
    (1..700).for_each(|fork| keep(&mut archive, fork, 0, 9, 4));
    drop(archive);
    let (kept, equivocations, truncations) = convicted(dir.path());
    assert!(kept <= MOST && equivocations == [0], "{kept} {equivocations:?}");
    assert_eq!(truncations.last(), Some(&699));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// Whatever the order: who could be convicted by all heads is convicted by those that are left, fork by fork.
    #[test]
    fn what_is_left_convicts_as_well(
        heads in prop::collection::vec((0..3_u64, prop::sample::select(vec![0, 0, 0, 0, 0, 1_u64]), 4..500_u64), 300..700),
    ) {
        let dir = tempdir().unwrap();
        let mut archive = followed(dir.path());
        let mut all = Vec::new();
        for (fork, history, length) in &heads {
            keep(&mut archive, *fork, *history, *length, 4);
            all.push((*fork, *history));
        }
        drop(archive);
        let (kept, equivocations, _) = convicted(dir.path());
        // All were asked for what they were at length 4, where the two histories differ already.
        let both = |fork: &u64| all.contains(&(*fork, 0)) && all.contains(&(*fork, 1));
        prop_assert!(kept <= MOST);
        prop_assert!((0..3).filter(both).all(|fork| equivocations.contains(&fork)));
    }
}

/// Protects the descriptors: many logs are open for writing and for reading, and few files are.
#[test]
fn many_logs_need_few_descriptors() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let dir = tempdir().unwrap();
    let mut archive = Archive::create(dir.path()).unwrap();
    let before = open();
    let mut writers = Vec::new();
    for n in 0..600_u32 {
        let owner = SigningKey::from_bytes(&std::array::from_fn(|i| n.to_le_bytes()[i % 4]));
        let log = archive.log(&owner.verifying_key().to_bytes(), None).unwrap();
        let history = archive.new_history(log, 0).unwrap();
        let mut writer = archive.writer(log, history).unwrap();
        writer.append([n.to_le_bytes()]).unwrap();
        writers.push(writer);
    }
    archive.commit(&mut writers.iter_mut().collect::<Vec<_>>()).unwrap();
    assert!(open() < before + 300, "{}", open());
    for (n, writer) in writers.iter().enumerate() {
        use vitra_watch::hyperbee::Blocks;
        assert_eq!(&*writer.block(0).unwrap(), (n as u32).to_le_bytes());
        assert_eq!(Nodes::length(writer), 1);
    }
    let between = open();
    let reader = ArchiveReader::open(dir.path()).unwrap();
    assert_eq!(reader.cores().len(), 600);
    assert!(open() < between + 50, "{}", open());
}

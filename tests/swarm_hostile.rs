//! Hostile peers: whatever they do, nothing false is stored, memory stays, and honest peers are served and heard.

#[path = "common/liars.rs"]
mod liars;
#[path = "common/swarm.rs"]
mod swarm;

use std::time::{Duration, Instant};

use liars::{Log, Manners, manifest, start};
use swarm::{LONG, assert_holds, blocks, committed, download, runtime, until};
use tempfile::tempdir;
use vitra_watch::archive::ArchiveReader;
use vitra_watch::hypercore::Key;
use vitra_watch::swarm::node::Node;
use vitra_watch::swarm::transport::Address;

const ALL: [Manners; 10] = [
    Manners::Garbage,
    Manners::WrongBlock,
    Manners::WrongSignature,
    Manners::OtherLog,
    Manners::HugeClaims,
    Manners::OtherBlock,
    Manners::Flood,
    Manners::Refusing,
    Manners::Insisting,
    Manners::Withholding,
];

/// Those that show the log's true head.
const HONEST_HEADS: [Manners; 5] =
    [Manners::WrongBlock, Manners::OtherBlock, Manners::Refusing, Manners::Insisting, Manners::Withholding];

/// Peak of this process's memory, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Protects everything at once: among ten hostile peers and two that never finish a handshake, one honest peer is enough.
#[test]
fn one_honest_peer_is_enough() {
    let dir = tempdir().unwrap();
    let all = blocks(0, 500);
    let log = Log::new(1, &all);
    let hostile = start(&log, &ALL);
    let honest = start(&log, &[Manners::Honest]);
    let key: Key = *log.head.key();
    let before = peak();
    let peers: Vec<Address> = hostile.iter().chain(&honest[..1]).cloned().collect();
    let fetched = download(dir.path(), &key, &peers);
    assert!(fetched.served && fetched.lacking.is_empty(), "{fetched:?}");
    assert_holds(&ArchiveReader::open(dir.path()).unwrap().cores()[0], &all);
    assert!(peak() - before < 100 << 10, "{} KiB", peak() - before);
    assert!(swarm::contradictions(dir.path()).is_empty());
    let why = |at: usize| {
        let address = hostile[at].to_string();
        fetched.tried.iter().find(|(tried, _)| *tried == address).map(|(_, why)| why.clone()).unwrap_or_default()
    };
    for (at, manners) in ALL.iter().enumerate() {
        let expected = match manners {
            Manners::WrongBlock | Manners::OtherBlock | Manners::OtherLog | Manners::WrongSignature => "proof",
            Manners::Flood => "too many messages",
            _ => "",
        };
        // Who was never asked for a block had no chance to lie about one.
        assert!(why(at).contains(expected) || why(at).is_empty(), "{manners:?}: {}", why(at));
    }
}

/// Each alone: nothing but what was proven is stored, and the download ends.
#[test]
fn alone_none_of_them_gets_anything_in() {
    let log = Log::new(2, &blocks(0, 40));
    let addresses = start(&log, &ALL);
    let begun = Instant::now();
    let threads = ALL.into_iter().zip(addresses).map(|(manners, address)| {
        let key = *log.head.key();
        std::thread::spawn(move || {
            let dir = tempdir().unwrap();
            let fetched = download(dir.path(), &key, &[address]);
            let shows_head = HONEST_HEADS.contains(&manners);
            assert_eq!(fetched.served, shows_head, "{manners:?} {fetched:?}");
            assert!(!fetched.lacking.is_empty(), "{manners:?} {fetched:?}");
            if shows_head {
                let reader = ArchiveReader::open(dir.path()).unwrap();
                assert!(reader.cores().iter().all(|core| core.length() == 0), "{manners:?}");
                assert_eq!(reader.kept().len(), 1, "the head stays");
            }
        })
    });
    let threads = threads.collect::<Vec<_>>();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(begun.elapsed() < LONG);
}

/// Protects against a peer that is asked for one block for ever, because it answers each time with one that is here: nobody else was
/// asked for it.
#[test]
fn whoever_answers_with_what_is_here_is_dropped() {
    let dir = tempdir().unwrap();
    let all = blocks(3, 40);
    let (begun, log) = (Log::new(3, &all[..39]), Log::new(3, &all));
    let honest = start(&begun, &[Manners::Honest]);
    assert!(download(dir.path(), log.head.key(), &honest[..1]).lacking.is_empty());
    let hostile = start(&log, &[Manners::OtherBlock]);
    let fetched = download(dir.path(), log.head.key(), &hostile[..1]);
    assert!(fetched.tried.iter().any(|(_, why)| why.contains("proof")), "{fetched:?}");
}

/// Protects against peers that keep others from being asked: they take every question, and answer none.
#[test]
fn no_question_is_anybodys_alone() {
    for manners in [Manners::Refusing, Manners::Insisting, Manners::Withholding] {
        let dir = tempdir().unwrap();
        let log = Log::new(4, &blocks(0, 300));
        let key = *log.head.key();
        let (hostile, honest) = (start(&log, &[manners; 8]), start(&log, &[Manners::Honest]));
        runtime().block_on(async {
            let mut node = Node::open(dir.path()).unwrap();
            node.wait_for_answers(Duration::from_millis(500));
            node.follow(&key).unwrap();
            hostile[..8].iter().for_each(|address| node.dial(address.clone()));
            until(&mut node, |node| node.connected() == 8 && node.is_waiting()).await;
            node.dial(honest[0].clone());
            until(&mut node, |node| committed(node, &key) == 300).await;
        });
    }
}

/// Protects owners whose manifest allows patches: anybody derives heads of all lengths from one signature, with sizes of his
/// choice. Whoever is behind, equal or ahead takes none of them for a contradiction, and gets the whole log from an honest peer.
#[test]
fn derived_heads_are_no_contradiction() {
    let all = blocks(5, 100);
    let whole = Log::derived(&all, 100, 0);
    let key = whole.key();
    for (held, shown, moved) in
        [(0, 60, 0), (0, 60, 1), (40, 60, 1), (100, 60, 0), (100, 60, 1), (100, 60, -1), (60, 60, 1), (80, 70, 1)]
    {
        let dir = tempdir().unwrap();
        if held > 0 {
            let begun = start(&Log::derived(&all, held, 0), &[Manners::Honest]);
            assert!(download(dir.path(), &key, &begun[..1]).lacking.is_empty());
        }
        let hostile = start(&Log::derived(&all, shown, moved), &[Manners::Honest]);
        let fetched = download(dir.path(), &key, &hostile[..1]);
        let dropped = fetched.tried.iter().any(|(_, why)| why.contains("another size"));
        assert_eq!(dropped, moved != 0 && held >= shown, "{held} {shown} {moved}: {fetched:?}");
        assert!(swarm::contradictions(dir.path()).is_empty(), "{held} {shown} {moved}");
        let honest = start(&whole, &[Manners::Honest]);
        let fetched = download(dir.path(), &key, &honest[..1]);
        assert!(fetched.lacking.is_empty(), "{held} {shown} {moved}: {fetched:?}");
        assert!(swarm::contradictions(dir.path()).is_empty(), "{held} {shown} {moved}");
        assert_holds(&ArchiveReader::open(dir.path()).unwrap().cores()[0], &all);
    }
}

/// Protects owners whose signatures name their log: under a manifest of a forger's, with the log's key for a namespace, they are
/// no signatures, and who shows them is dropped.
#[test]
fn a_foreign_manifest_signs_nothing() {
    let dir = tempdir().unwrap();
    let victim = Log::derived(&blocks(6, 30), 30, 0);
    let public = victim.head.signers()[0];
    let forged = Log { alias: Some(manifest(victim.head.key(), &public)), ..victim };
    let hostile = start(&forged, &[Manners::Honest]);
    let fetched = download(dir.path(), &forged.key(), &hostile[..1]);
    assert!(!fetched.served && fetched.tried.iter().any(|(_, why)| why.contains("proof")), "{fetched:?}");
}

/// Protects owners from their own older heads: whoever shows one, to whom is ahead of it too, shows no other history.
#[test]
fn older_heads_are_no_contradiction() {
    let dir = tempdir().unwrap();
    let all = blocks(7, 60);
    let whole = Log::new(8, &all);
    let honest = start(&whole, &[Manners::Honest]);
    assert!(download(dir.path(), &whole.key(), &honest[..1]).lacking.is_empty());
    for length in [1, 31, 32, 59] {
        let older = start(&Log::new(8, &all[..length]), &[Manners::Honest]);
        download(dir.path(), &whole.key(), &older[..1]);
        assert!(swarm::contradictions(dir.path()).is_empty(), "{length}");
    }
    let reader = ArchiveReader::open(dir.path()).unwrap();
    assert_eq!(reader.cores().len(), 1);
    assert_holds(&reader.cores()[0], &all);
}

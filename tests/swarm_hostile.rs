//! Hostile peers: whatever they do, nothing false is stored, memory stays, and honest peers are served and heard.

#[path = "common/swarm.rs"]
mod swarm;

use std::time::{Duration, Instant};

use ed25519_dalek::{Signer as _, SigningKey};
use swarm::{LONG, assert_holds, blocks, committed, download, runtime, until};
use tempfile::tempdir;
use tokio::io::AsyncWriteExt;
use vitra_watch::archive::ArchiveReader;
use vitra_watch::hyperbee::{Block, Blocks};
use vitra_watch::hypercore::encoding::put_uint;
use vitra_watch::hypercore::flat::{self, Subtree};
use vitra_watch::hypercore::hash::namespace;
use vitra_watch::hypercore::head::signable;
use vitra_watch::hypercore::{
    HeadClaim, Key, Manifest, MerkleTree, Node as TreeNode, Nodes, Roots, Scheme, SignedHead, discovery_key,
};
use vitra_watch::swarm::node::Node;
use vitra_watch::swarm::replica::proof::answer;
use vitra_watch::swarm::session::{Event, Session};
use vitra_watch::swarm::transport::{Address, Signal, Signals, accept};
use vitra_watch::swarm::wire::messages::{Message, Request, Span, Sync};

/// A log in memory, with its owner's signature over all of it.
#[derive(Clone)]
struct Log {
    blocks: Vec<Block>,
    tree: MerkleTree,
    head: SignedHead,
    /// Another key that it is served under, and the manifest of that.
    alias: Option<Manifest>,
}

impl Log {
    fn new(seed: u8, blocks: &[Vec<u8>]) -> Log {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let tree = MerkleTree::over(blocks).unwrap();
        let key = secret.verifying_key().to_bytes();
        let hash = tree.roots().tree_hash();
        let head = SignedHead::sign(&secret, key, None, 0, blocks.len() as u64, hash).unwrap();
        Log { blocks: blocks.iter().map(|block| Block::from(&block[..])).collect(), tree, head, alias: None }
    }

    /// The key that it is served under.
    fn key(&self) -> Key {
        self.alias.as_ref().map_or(*self.head.key(), Manifest::key)
    }

    /// Of a log whose manifest allows patches and whose owner signed it at the length of all blocks: the head of `length` blocks
    /// that anybody derives from that, with so many bytes of size moved from its last root.
    fn derived(blocks: &[Vec<u8>], length: u64, moved: i64) -> Log {
        let secret = SigningKey::from_bytes(&[21; 32]);
        let manifest = manifest(&namespace::DEFAULT, secret.verifying_key().as_bytes());
        let whole = MerkleTree::over(blocks).unwrap();
        let all = whole.roots().length();
        let signed = signable(Scheme::Key112, &manifest.key(), &whole.roots().tree_hash(), all, 0);
        let mut nodes: Vec<TreeNode> = whole.roots_at(length).unwrap().nodes().to_vec();
        let mut extension: Vec<_> = flat::extension(length, all).map(|at| (at, whole.node(at).unwrap())).collect();
        if let (Some(last), Some((_, first))) = (nodes.last_mut(), extension.first_mut()) {
            last.size = last.size.wrapping_add_signed(moved);
            first.size = first.size.wrapping_add_signed(-moved);
        }
        let mut signature = vec![1, 0];
        signature.extend_from_slice(&secret.sign(&signed).to_bytes());
        put_uint(&mut signature, all - length);
        put_uint(&mut signature, extension.len() as u64);
        for (at, node) in &extension {
            put_uint(&mut signature, at.index());
            put_uint(&mut signature, node.size);
            signature.extend_from_slice(&node.hash);
        }
        let roots = Roots::from_nodes(length, &nodes).unwrap();
        let claim = HeadClaim {
            key: manifest.key(),
            manifest: Some(manifest),
            fork: 0,
            length,
            tree_hash: roots.tree_hash(),
            signature,
            roots: if length < all { nodes } else { Vec::new() },
        };
        let head = claim.verify().unwrap();
        let blocks: Vec<Block> = blocks[..length as usize].iter().map(|block| Block::from(&block[..])).collect();
        let tree = MerkleTree::over(&blocks).unwrap();
        Log { blocks, tree, head, alias: None }
    }
}

impl Blocks for Log {
    fn length(&self) -> u64 {
        self.blocks.len() as u64
    }
    fn block(&self, seq: u64) -> Option<Block> {
        self.blocks.get(seq as usize).cloned()
    }
}

impl Nodes for Log {
    fn length(&self) -> u64 {
        self.blocks.len() as u64
    }
    fn node(&self, at: Subtree) -> Option<TreeNode> {
        self.tree.node(at)
    }
}

/// A manifest that allows patches, with one signer.
fn manifest(namespace: &[u8; 32], public: &[u8; 32]) -> Manifest {
    Manifest::decode(&[&[1, 1, 0, 1, 1, 0], &namespace[..], public].concat()).unwrap()
}

/// What a peer does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manners {
    Honest,
    /// A frame of arbitrary bytes.
    Garbage,
    /// A block with one bit changed.
    WrongBlock,
    /// The head with one bit of its signature changed.
    WrongSignature,
    /// Another log's head, signed by another owner.
    OtherLog,
    /// 2^51 blocks, and any range of them.
    HugeClaims,
    /// Everything announced, no block ever sent.
    Withholding,
    /// Each block is answered with another one, and its valid proof.
    OtherBlock,
    /// More messages in a frame than anybody sends.
    Flood,
    /// Each block is refused, and announced again at once.
    Refusing,
    /// No block is ever sent, and whenever we have had enough all are announced again.
    Insisting,
}

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

/// Serves a log on every connection, until the runtime ends.
async fn peer(log: Log, manners: Manners) -> Address {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (signals, mut inbox) = Signals::channel();
            accept(1, socket, signals);
            let log = log.clone();
            tokio::spawn(async move {
                let dk = discovery_key(&log.key());
                let mut connection = None;
                while let Some((_, signal)) = inbox.recv().await {
                    match signal {
                        Signal::Up(link) => {
                            let mut session = Session::new(link.initiator, link.hash);
                            session.add(&log.key());
                            connection = Some((link, session));
                        }
                        Signal::Frame(inbound) => {
                            let (link, session) = connection.as_mut().unwrap();
                            if session.receive(&inbound.frame).is_err() {
                                return;
                            }
                            while let Some(event) = session.event() {
                                behave(session, &log, manners, &dk, event);
                            }
                            if manners == Manners::Garbage && session.is_open(&dk) {
                                link.send([1, 3, 0xff].repeat(50));
                            }
                            if manners == Manners::Flood && session.is_open(&dk) {
                                let mut flood = vec![0, 0, 1];
                                flood.extend([3, 8, 2, 9].repeat(1 << 20));
                                link.send(flood);
                            }
                        }
                        Signal::Room => {}
                        Signal::Down(_) => return,
                    }
                    let (link, session) = connection.as_mut().unwrap();
                    while link.has_room()
                        && let Some(frame) = session.frame()
                    {
                        link.send(frame);
                    }
                }
            });
        }
    });
    address
}

fn behave(session: &mut Session, log: &Log, manners: Manners, dk: &[u8; 32], event: Event) {
    match event {
        Event::Opened(_) => {
            let length = if manners == Manners::HugeClaims { 1 << 51 } else { log.head.length() };
            session.show(dk, Sync { length, uploading: true, downloading: true, ..Sync::default() });
            session.tell(dk, &Message::Range(Span { start: 0, length }, false));
            if manners == Manners::HugeClaims {
                session.tell(dk, &Message::Bitfield(1 << 40, vec![0x5555_5555; 65_536]));
            }
        }
        Event::Question(_, request) => {
            if let Some(message) = reply(log, manners, request) {
                session.tell(dk, &message);
            }
            if manners == Manners::Refusing {
                announce_all(session, log, dk);
            }
        }
        Event::Cancelled(..) if manners == Manners::Insisting => announce_all(session, log, dk),
        _ => {}
    }
}

fn announce_all(session: &mut Session, log: &Log, dk: &[u8; 32]) {
    session.tell(dk, &Message::Range(Span { start: 0, length: log.head.length() }, false));
}

fn reply(log: &Log, manners: Manners, mut request: Request) -> Option<Message> {
    let block = request.block.is_some();
    match manners {
        Manners::HugeClaims => return Some(Message::NoData(request.id, 1)),
        Manners::Withholding | Manners::Insisting if block => return None,
        Manners::Refusing if block => return Some(Message::NoData(request.id, 1)),
        Manners::OtherBlock => request.block.iter_mut().for_each(|block| block.index ^= 1),
        _ => {}
    }
    let Some(mut data) = answer(log, &log.head, &request) else { return Some(Message::NoData(request.id, 1)) };
    // The tree has the sizes of the blocks; a derived head may have others.
    let sizes = log.head.claim().roots.last().map(|node| node.size);
    if let (Some(size), Some(upgrade)) = (sizes, &mut data.upgrade)
        && let Some(last) = upgrade.additional.last_mut().or(upgrade.nodes.last_mut())
    {
        last.node.size = size;
    }
    if let (Some(alias), Some(shown)) = (&log.alias, &mut data.manifest) {
        *shown = alias.bytes().to_vec();
    }
    match manners {
        Manners::WrongBlock => data.block.iter_mut().for_each(|block| block.value[0] ^= 1),
        Manners::WrongSignature => data.upgrade.iter_mut().for_each(|upgrade| upgrade.signature[9] ^= 1),
        Manners::OtherLog => {
            let other = Log::new(99, &blocks(7, log.head.length()));
            data = answer(&other, &other.head, &request)?;
        }
        _ => {}
    }
    Some(Message::Data(data))
}

/// Peak of this process's memory, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Starts peers on a thread of their own, and gives their addresses.
fn start(log: &Log, all: &[Manners]) -> Vec<Address> {
    let (log, all) = (log.clone(), all.to_vec());
    let (tell, addresses) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let mut addresses = Vec::new();
            for manners in all {
                addresses.push(peer(log.clone(), manners).await);
            }
            // Handshakes that never end, a byte at a time, and nothing at all.
            for drip in [true, false] {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                addresses.push(format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap());
                tokio::spawn(async move {
                    let (mut socket, _) = listener.accept().await.unwrap();
                    while drip && socket.write_all(&[0]).await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                    std::future::pending::<()>().await;
                });
            }
            tell.send(addresses).unwrap();
            tokio::time::sleep(LONG).await;
        });
    });
    addresses.recv().unwrap()
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

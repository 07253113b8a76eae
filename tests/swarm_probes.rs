//! What is asked again of a peer that says nothing: its head, which may have become another one, and blocks that it did not send in
//! time; and heads whose blocks nobody sends.

#[path = "common/swarm.rs"]
mod swarm;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use swarm::{LONG, blocks, committed, contradictions, runtime, until};
use tempfile::tempdir;
use vitra_watch::hyperbee::{Block, Blocks};
use vitra_watch::hypercore::flat::Subtree;
use vitra_watch::hypercore::views::Conflict;
use vitra_watch::hypercore::{MerkleTree, Node as TreeNode, Nodes, SignedHead, discovery_key};
use vitra_watch::swarm::node::{Happened, Node};
use vitra_watch::swarm::replica::proof::answer;
use vitra_watch::swarm::session::{Event, Session};
use vitra_watch::swarm::transport::{Address, Signal, Signals, accept};
use vitra_watch::swarm::wire::messages::{Message, Span, Sync};

/// A log in memory, with its owner's signature over all of it.
struct Log {
    blocks: Vec<Block>,
    tree: MerkleTree,
    head: SignedHead,
    // A block for which the first question is not answered.
    overlooked: Option<u64>,
    // Nothing from this block on is sent, and the head is shown so many times.
    withheld: u64,
    shows: usize,
}

impl Log {
    fn new(blocks: &[Vec<u8>]) -> Log {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let tree = MerkleTree::over(blocks).unwrap();
        let (key, hash) = (secret.verifying_key().to_bytes(), tree.roots().tree_hash());
        let head = SignedHead::sign(&secret, key, None, 0, blocks.len() as u64, hash).unwrap();
        Log {
            blocks: blocks.iter().map(|block| Block::from(&block[..])).collect(),
            tree,
            head,
            overlooked: None,
            withheld: u64::MAX,
            shows: usize::MAX,
        }
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

/// Serves whatever the log is at the moment, to one who dials. It says its length once.
async fn peer(log: Arc<Mutex<Log>>) -> Address {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let (signals, mut inbox) = Signals::channel();
        accept(1, socket, signals);
        let mut connection = None;
        while let Some((_, signal)) = inbox.recv().await {
            let mut log = log.lock().unwrap();
            match signal {
                Signal::Up(link) => {
                    let mut session = Session::new(link.initiator, link.hash);
                    session.add(log.head.key());
                    connection = Some((link, session));
                }
                Signal::Frame(inbound) => {
                    let (_, session) = connection.as_mut().unwrap();
                    session.receive(&inbound.frame).unwrap();
                    while let Some(event) = session.event() {
                        behave(session, &mut log, event);
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
    address
}

fn behave(session: &mut Session, log: &mut Log, event: Event) {
    let dk = discovery_key(log.head.key());
    match event {
        Event::Opened(_) => {
            let length = log.head.length();
            session.show(&dk, Sync { length, uploading: true, downloading: true, ..Sync::default() });
            session.tell(&dk, &Message::Range(Span { start: 0, length }, false));
        }
        Event::Question(_, request) if request.block.is_some_and(|block| log.overlooked == Some(block.index)) => {
            log.overlooked = None;
        }
        Event::Question(_, request) if request.block.is_some_and(|block| block.index >= log.withheld) => {}
        Event::Question(_, request) if request.upgrade.is_some() && log.shows == 0 => {
            session.tell(&dk, &Message::NoData(request.id, 1));
        }
        Event::Question(_, request) => {
            log.shows = log.shows.saturating_sub(usize::from(request.upgrade.is_some()));
            let log = &*log;
            let data = answer(log, &log.head, &request);
            session.tell(&dk, &data.map_or(Message::NoData(request.id, 1), Message::Data));
        }
        _ => {}
    }
}

/// Protects against a split view that comes in silence, at equal and greater length.
#[test]
fn a_head_that_changes_in_silence_is_caught() {
    for longer in [0, 3] {
        let dir = tempdir().unwrap();
        let first = Log::new(&blocks(0, 20));
        let key = *first.head.key();
        let log = Arc::new(Mutex::new(first));
        runtime().block_on(async {
            let mut node = Node::open(dir.path()).unwrap();
            node.probe_every(Duration::from_millis(20));
            node.follow(&key).unwrap();
            node.dial(peer(Arc::clone(&log)).await);
            until(&mut node, |node| committed(node, &key) == 20).await;
            let theirs = [blocks(0, 10), blocks(30, 10 + longer)].concat();
            *log.lock().unwrap() = Log::new(&theirs);
            let end = Instant::now() + LONG;
            let is_split = |event: &Happened| matches!(event, Happened::Split(..));
            while !node.step(end).await.unwrap().iter().any(is_split) {
                assert!(Instant::now() < end, "it was not asked again");
            }
        });
        assert!(matches!(&contradictions(dir.path())[..], [Conflict::Equivocation { .. }]));
    }
}

/// Protects against losing a block for good: one that its only peer did not send in time is asked for again, though the peer says
/// nothing.
#[test]
fn a_block_that_came_too_late_is_asked_for_again() {
    let dir = tempdir().unwrap();
    let log = Log { overlooked: Some(7), ..Log::new(&blocks(0, 20)) };
    let key = *log.head.key();
    runtime().block_on(async {
        let mut node = Node::open(dir.path()).unwrap();
        node.wait_for_answers(Duration::from_millis(500));
        node.probe_every(Duration::from_millis(500));
        node.follow(&key).unwrap();
        node.dial(peer(Arc::new(Mutex::new(log))).await);
        until(&mut node, |node| committed(node, &key) == 20).await;
    });
}

fn target(node: &Node, key: &[u8; 32]) -> u64 {
    node.replica(key).and_then(|replica| replica.branch(0)).map_or(0, |branch| branch.target())
}

async fn dial(node: &mut Node, log: Log) {
    node.dial(peer(Arc::new(Mutex::new(log))).await);
}

/// Protects against an owner who signs a longer head, shows it to us alone and never sends the blocks: what others have of the log
/// comes all the same, and what is missing is still known.
#[test]
fn a_head_without_blocks_keeps_nothing_from_us() {
    for (here, sent, shows) in
        [(0, 0, usize::MAX), (0, 0, 1), (10, 10, usize::MAX), (10, 10, 1), (10, 18, 1), (0, 30, 1)]
    {
        let dir = tempdir().unwrap();
        let all = blocks(0, 60);
        let key = *Log::new(&all).head.key();
        runtime().block_on(async {
            let mut node = Node::open(dir.path()).unwrap();
            node.wait_for_answers(Duration::from_millis(300));
            node.follow(&key).unwrap();
            if here > 0 {
                dial(&mut node, Log::new(&all[..here])).await;
                until(&mut node, |node| committed(node, &key) == here as u64).await;
            }
            dial(&mut node, Log { withheld: sent, shows, ..Log::new(&all) }).await;
            until(&mut node, |node| target(node, &key) == 60).await;
            for length in [25, 27, 40] {
                dial(&mut node, Log::new(&all[..length])).await;
                until(&mut node, |node| committed(node, &key) == length as u64).await;
                let branch = node.replica(&key).unwrap().branch(0).unwrap();
                let next = sent.max(length as u64);
                assert_eq!(branch.lacking(1), (vec![(next, 60)], 60 - next));
            }
            dial(&mut node, Log::new(&all)).await;
            until(&mut node, |node| committed(node, &key) == 60).await;
            assert_eq!(node.connected(), 5 + usize::from(here > 0), "nobody was dropped");
        });
        assert!(contradictions(dir.path()).is_empty());
    }
}

/// Protects the evidence: a head whose blocks never came is held against the log once it is as long.
#[test]
fn a_head_without_blocks_is_compared_once_they_are_here() {
    let dir = tempdir().unwrap();
    let all = blocks(0, 70);
    let other = [blocks(0, 15), blocks(100, 45)].concat();
    let key = *Log::new(&all).head.key();
    runtime().block_on(async {
        let mut node = Node::open(dir.path()).unwrap();
        node.wait_for_answers(Duration::from_millis(300));
        node.follow(&key).unwrap();
        dial(&mut node, Log { withheld: 0, shows: 1, ..Log::new(&other) }).await;
        until(&mut node, |node| target(node, &key) == 60).await;
        dial(&mut node, Log::new(&all[..25])).await;
        let before = until(&mut node, |node| committed(node, &key) == 25).await;
        dial(&mut node, Log::new(&all)).await;
        let then = until(&mut node, |node| committed(node, &key) == 70).await;
        let splits =
            |events: &[Happened]| events.iter().filter(|event| matches!(event, Happened::Split(_, 0, 60))).count();
        assert_eq!((splits(&before), splits(&then)), (0, 1), "{then:?}");
    });
    assert!(matches!(&contradictions(dir.path())[..], [Conflict::Equivocation { .. }]));
}

/// Protects honest peers, and the download, from whoever is impatient: heads of many lengths, each tried in turn.
#[test]
fn peers_of_many_lengths_serve_together() {
    let dir = tempdir().unwrap();
    let all = blocks(0, 3_000);
    let key = *Log::new(&all).head.key();
    runtime().block_on(async {
        let mut node = Node::open(dir.path()).unwrap();
        node.wait_for_answers(Duration::from_millis(1));
        node.follow(&key).unwrap();
        // None of the shorter ones can be placed while the longest head is what there is.
        dial(&mut node, Log { withheld: 0, ..Log::new(&all) }).await;
        until(&mut node, |node| target(node, &key) == 3_000).await;
        for length in [700, 1_100, 2_999, 5] {
            dial(&mut node, Log::new(&all[..length])).await;
        }
        let mut events = until(&mut node, |node| committed(node, &key) == 2_999).await;
        dial(&mut node, Log::new(&all)).await;
        events.extend(until(&mut node, |node| committed(node, &key) == 3_000).await);
        assert!(!events.iter().any(|event| matches!(event, Happened::Down(..))), "{events:?}");
    });
    assert!(contradictions(dir.path()).is_empty());
}

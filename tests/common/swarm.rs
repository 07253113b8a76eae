//! Logs that JavaScript peers serve, and a node of ours that follows them.
#![allow(dead_code)] // each test file uses its part

#[path = "node.rs"]
mod node;

use std::path::Path;
use std::time::{Duration, Instant};

use node::Project;
pub use node::Script;
use serde_json::{Value as Json, json};
use vitra_watch::archive::{ArchiveReader, Core};
use vitra_watch::database::ack::to_hex;
use vitra_watch::hyperbee::Blocks;
use vitra_watch::hypercore::Key;
use vitra_watch::hypercore::views::{Conflict, View, conflicts};
use vitra_watch::swarm::fetch::{Fetched, Sources, fetch};
use vitra_watch::swarm::node::{Happened, Node};
use vitra_watch::swarm::transport::Address;

pub static INTEROP: Project = Project::new("interop");
/// Generous: a verdict never depends on it.
pub const LONG: Duration = Duration::from_secs(60);
/// Hypercore's versions, and whether 11 uses public keys.
pub const VERSIONS: [(u64, bool); 3] = [(10, true), (11, false), (11, true)];

pub fn blocks(from: u64, count: u64) -> Vec<Vec<u8>> {
    (from..from + count).map(|seq| format!("block {seq} {}", "x".repeat(seq as usize * 7 % 300)).into_bytes()).collect()
}

pub fn told(blocks: &[Vec<u8>]) -> Json {
    blocks.iter().map(|block| to_hex(block)).collect::<Vec<_>>().into()
}

pub fn key(answer: &Json) -> Key {
    vitra_watch::archive::parse_key(answer["key"].as_str().unwrap()).unwrap()
}

pub fn address(answer: &Json) -> Address {
    format!("tcp://127.0.0.1:{}", answer["port"]).parse().unwrap()
}

/// A peer with one log, and its key and address.
pub fn serving(version: (u64, bool), seed: u8, steps: &Json) -> Option<(Script, Key, Address)> {
    let mut peer = INTEROP.start("peer.js")?;
    let seed = to_hex(&[seed; 32]);
    let (version, compat) = version;
    let log = json!({"log": "a", "version": version, "compat": compat, "seed": seed, "steps": steps});
    let key = key(&peer.call(&log));
    let address = address(&peer.call(&json!({"listen": ["a"]})));
    Some((peer, key, address))
}

pub fn download(dir: &Path, key: &Key, peers: &[Address]) -> Fetched {
    let sources = Sources { peers: peers.to_vec(), dht: None };
    fetch(dir, key, &sources, LONG, &mut |_, _| ()).unwrap()
}

pub fn assert_holds(core: &Core, blocks: &[Vec<u8>]) {
    assert_eq!(core.length(), blocks.len() as u64);
    core.check_all().unwrap();
    for (seq, block) in blocks.iter().enumerate() {
        assert_eq!(&*core.block(seq as u64).unwrap(), &block[..], "block {seq}");
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Steps until something holds; what happened on the way.
pub async fn until(node: &mut Node, mut done: impl FnMut(&Node) -> bool) -> Vec<Happened> {
    let end = Instant::now() + LONG;
    let mut all = Vec::new();
    while !done(node) {
        assert!(Instant::now() < end, "{all:?}");
        all.extend(node.step(end).await.unwrap());
    }
    all
}

pub fn committed(node: &Node, key: &Key) -> u64 {
    let branch = node.replica(key).and_then(|replica| replica.branch(0));
    branch.and_then(|branch| branch.served()).map_or(0, |head| head.length())
}

/// All contradictions among what an archive holds of a log.
pub fn contradictions(dir: &Path) -> Vec<Conflict> {
    let reader = ArchiveReader::open(dir).unwrap();
    let kept = reader.kept().iter().map(vitra_watch::archive::KeptHead::view);
    let views: Vec<View<'_>> = reader.cores().iter().map(Core::view).chain(kept).collect();
    conflicts(&views)
}

/// A node that runs on a thread of its own until it is dropped, and where it listens.
pub struct Running {
    pub port: u16,
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    /// Follows logs in an archive, dials addresses and listens.
    pub fn start(dir: &Path, keys: &[Key], peers: &[Address]) -> Running {
        let (dir, keys, peers) = (dir.to_owned(), keys.to_vec(), peers.to_vec());
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = std::sync::Arc::clone(&stop);
        let (tell, port) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap().port()).unwrap();
                let mut node = Node::open(&dir).unwrap();
                node.listen(listener);
                keys.iter().for_each(|key| node.follow(key).unwrap());
                peers.into_iter().for_each(|peer| node.dial(peer));
                while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                    node.step(Instant::now() + Duration::from_millis(50)).await.unwrap();
                }
            });
        });
        Running { port: port.recv().unwrap(), stop, thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let ended = self.thread.take().map(std::thread::JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()));
    }
}

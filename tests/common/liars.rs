//! Peers that serve logs from memory, honestly or not, on threads of their own.
#![allow(dead_code)] // each test file uses its part

use std::collections::BTreeMap;
use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};
use tokio::io::AsyncWriteExt;
use vitra_watch::hyperbee::{Block, Blocks};
use vitra_watch::hypercore::encoding::put_uint;
use vitra_watch::hypercore::flat::{self, Subtree};
use vitra_watch::hypercore::hash::namespace;
use vitra_watch::hypercore::head::signable;
use vitra_watch::hypercore::{
    HeadClaim, Key, Manifest, MerkleTree, Node as TreeNode, Nodes, Roots, Scheme, SignedHead, discovery_key,
};
use vitra_watch::swarm::replica::proof::answer;
use vitra_watch::swarm::session::{Event, Session};
use vitra_watch::swarm::transport::{Address, Signal, Signals, accept};
use vitra_watch::swarm::wire::messages::{Message, Request, Span, Sync};

use crate::swarm::{LONG, blocks, runtime};

/// A log in memory, with its owner's signature over all of it.
#[derive(Clone)]
pub struct Log {
    pub blocks: Vec<Block>,
    pub tree: MerkleTree,
    pub head: SignedHead,
    /// Another key that it is served under, and the manifest of that.
    pub alias: Option<Manifest>,
}

impl Log {
    pub fn new(seed: u8, blocks: &[Vec<u8>]) -> Log {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let tree = MerkleTree::over(blocks).unwrap();
        let key = secret.verifying_key().to_bytes();
        let hash = tree.roots().tree_hash();
        let head = SignedHead::sign(&secret, key, None, 0, blocks.len() as u64, hash).unwrap();
        Log { blocks: blocks.iter().map(|block| Block::from(&block[..])).collect(), tree, head, alias: None }
    }

    /// The key that it is served under.
    pub fn key(&self) -> Key {
        self.alias.as_ref().map_or(*self.head.key(), Manifest::key)
    }

    /// Of a log whose manifest allows patches and whose owner signed it at the length of all blocks: the head of `length` blocks
    /// that anybody derives from that, with so many bytes of size moved from its last root.
    pub fn derived(blocks: &[Vec<u8>], length: u64, moved: i64) -> Log {
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
pub fn manifest(namespace: &[u8; 32], public: &[u8; 32]) -> Manifest {
    Manifest::decode(&[&[1, 1, 0, 1, 1, 0], &namespace[..], public].concat()).unwrap()
}

/// What a peer does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manners {
    Honest,
    /// The manifest of a log of the peer's, with the log's key for a namespace and its signer.
    ForeignManifest,
    /// A byte of size moved from the last root of each prefix proof to the node that becomes its sibling.
    Shifting,
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

/// Serves logs on every connection, until the runtime ends.
async fn peer(logs: Vec<Log>, manners: Manners) -> Address {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (signals, mut inbox) = Signals::channel();
            accept(1, socket, signals);
            let logs: BTreeMap<[u8; 32], Log> =
                logs.iter().map(|log| (discovery_key(&log.key()), log.clone())).collect();
            tokio::spawn(async move {
                let mut connection = None;
                while let Some((_, signal)) = inbox.recv().await {
                    match signal {
                        Signal::Up(link) => {
                            let mut session = Session::new(link.initiator, link.hash);
                            logs.values().for_each(|log| session.add(&log.key()));
                            connection = Some((link, session));
                        }
                        Signal::Frame(inbound) => {
                            let (link, session) = connection.as_mut().unwrap();
                            if session.receive(&inbound.frame).is_err() {
                                return;
                            }
                            while let Some(event) = session.event() {
                                behave(session, &logs, manners, event);
                            }
                            let open = logs.keys().any(|dk| session.is_open(dk));
                            if manners == Manners::Garbage && open {
                                link.send([1, 3, 0xff].repeat(50));
                            }
                            if manners == Manners::Flood && open {
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

fn behave(session: &mut Session, logs: &BTreeMap<[u8; 32], Log>, manners: Manners, event: Event) {
    match event {
        Event::Opened(dk) => {
            let Some(log) = logs.get(&dk) else { return };
            let length = if manners == Manners::HugeClaims { 1 << 51 } else { log.head.length() };
            session.show(&dk, Sync { length, uploading: true, downloading: true, ..Sync::default() });
            session.tell(&dk, &Message::Range(Span { start: 0, length }, false));
            if manners == Manners::HugeClaims {
                session.tell(&dk, &Message::Bitfield(1 << 40, vec![0x5555_5555; 65_536]));
            }
        }
        Event::Question(dk, request) => {
            let Some(log) = logs.get(&dk) else { return };
            if let Some(message) = reply(log, manners, request) {
                session.tell(&dk, &message);
            }
            if manners == Manners::Refusing {
                announce_all(session, log, &dk);
            }
        }
        Event::Cancelled(dk, _) if manners == Manners::Insisting => {
            logs.get(&dk).into_iter().for_each(|log| announce_all(session, log, &dk));
        }
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
        Manners::ForeignManifest => {
            let forged = manifest(log.head.key(), &log.head.signers()[0]);
            data.manifest.iter_mut().for_each(|shown| *shown = forged.bytes().to_vec());
        }
        Manners::Shifting => {
            if let Some(upgrade) = &mut data.upgrade
                && let (Some(last), Some(first)) = (upgrade.nodes.last_mut(), upgrade.additional.first_mut())
            {
                last.node.size += 1;
                first.node.size -= 1;
            }
        }
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

/// Starts peers on a thread of their own, and gives their addresses.
pub fn start(log: &Log, all: &[Manners]) -> Vec<Address> {
    start_with(std::slice::from_ref(log), all)
}

/// Peers that serve several logs each.
pub fn start_with(logs: &[Log], all: &[Manners]) -> Vec<Address> {
    let (logs, all) = (logs.to_vec(), all.to_vec());
    let (tell, addresses) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let mut addresses = Vec::new();
            for manners in all {
                addresses.push(peer(logs.clone(), manners).await);
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

//! What the fuzz targets run, one function each, so that the tests can replay their corpora through the same code.
//!
//! A function takes arbitrary bytes and asserts what must hold for all of them; "no panic, no hang" goes without saying.
//! To add a target: a function here, its name in [`TARGETS`], and a binary in `fuzz/`.
#![allow(clippy::panic)] // an assertion that fails is what these functions are for

use std::rc::Rc;

use crate::archive::oplog;
use crate::database::{Ack, Value, ack, decode, msgpack, order, path};
use crate::hyperbee::list::{self, ListOptions};
use crate::hyperbee::view::NodeView;
use crate::hyperbee::{self, Batch, Block, Bounds, Cache, Entry, Kind, Node, Tree, TreeError, View};
use crate::hypercore::{HeadClaim, Manifest, discovery_key};
use crate::proofs::verify::unsigned;
use crate::proofs::{Inclusion, Proof, Rebuttal, check};
use crate::replay::auditor::Options;
use crate::replay::engine::{Budget, on_big_stack};
use crate::replay::finding::Class;
use crate::swarm::session::{Asked, Event, MAX_IN_FLIGHT, Session};
use crate::swarm::wire::frames::{Frame, Frames};
use crate::swarm::wire::messages::{Handshake, Message, Request, RequestNode, Sync};

/// A target: arbitrary bytes in, a panic if something does not hold.
pub type Target = fn(&[u8]);

/// All targets by name: the name of the binary and of the directory in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("hypercore_header", hypercore_header),
    ("head_with_manifest", head_with_manifest),
    ("hyperbee_node", hyperbee_node),
    ("msgpack_value", msgpack_value),
    ("wire_message", wire_message),
    ("session", session),
    ("proof_file", proof_file),
];

/// A file that is shown as a proof: it has one form, and whatever its logs hold, to check it ends. Everything is taken for signed
/// once more, or no input would get past the signatures.
pub fn proof_file(bytes: &[u8]) {
    const MOST: usize = 1 << 20;
    let budget = Budget { ticks: 20, memory: 16 << 20, stack: 256 << 10, jobs: 50, output: 1 << 16 };
    let options = Options { budget, cache: 1 << 20, ..Options::default() };
    let all = || {
        if let Ok(statement) = check(bytes, MOST, options) {
            assert_eq!(check(bytes, MOST, options), Ok(statement));
        }
        if let Ok(rebuttal) = Rebuttal::decode(bytes, MOST) {
            assert_eq!(rebuttal.encode(), bytes);
        }
        if let Ok(inclusion) = Inclusion::decode(bytes, MOST) {
            assert_eq!(inclusion.encode(), bytes);
        }
        if let Ok(proof) = Proof::decode(bytes, MOST) {
            assert_eq!(proof.encode(), bytes);
            if let Some(finding) = unsigned(&proof, options) {
                assert_eq!(finding.class, Class::Violation);
            }
        }
    };
    assert!(on_big_stack(&budget, all).is_ok());
}

/// A connection over which two logs are open: the input is the peer's frames, each behind its length in two bytes. What the
/// peer can make grow is bounded, what we ask lies in what it announced, and what we send is well formed.
pub fn session(bytes: &[u8]) {
    const KEYS: [[u8; 32]; 2] = [[7; 32], [8; 32]];
    let (mut ours, mut theirs) = (Session::new(true, [3; 64]), Session::new(false, [3; 64]));
    let logs = KEYS.map(|key| discovery_key(&key));
    for (key, dk) in KEYS.iter().zip(&logs) {
        [&mut ours, &mut theirs].into_iter().for_each(|side| side.add(key));
        theirs.open(dk);
    }
    for frame in std::iter::from_fn(|| theirs.frame()) {
        assert_eq!(ours.receive(&frame), Ok(()));
    }
    assert!(logs.iter().all(|dk| ours.is_open(dk)));
    while ours.event().is_some() {}
    while ours.frame().is_some() {}
    for (at, frame) in split(bytes).enumerate() {
        let received = ours.receive(frame);
        let mut events = 0;
        while let Some(event) = ours.event() {
            events += 1;
            match event {
                Event::Closed(dk, _) => ours.open(&dk),
                Event::Question(dk, Request { id, .. }) => ours.tell(&dk, &Message::NoData(id, 0)),
                _ => {}
            }
        }
        assert!(events <= frame.len());
        if received.is_err() {
            return;
        }
        for dk in &logs {
            let Some(sync) = ours.sync(dk) else { continue };
            let asked = Asked { fork: sync.fork, at: at as u64, ..Asked::default() };
            let block = (0..sync.length.min(8)).find(|block| ours.has(dk, *block));
            for asked in [
                Asked { prefix: Some(sync.length), manifest: true, ..asked },
                Asked { prefix: Some(sync.length.saturating_add(1)), ..asked },
                Asked { block: block.map(|index| RequestNode { index, nodes: 0 }), ..asked },
            ] {
                let sent = ours.ask(dk, asked);
                assert!(!sent || asked.prefix.is_none_or(|prefix| prefix > 0 && prefix <= sync.length));
                assert!(!sent || asked.block.is_none_or(|block| ours.is_asked(dk, block.index)));
            }
            ours.show(dk, Sync { remote_length: sync.length, ..Sync::default() });
        }
        if at % 7 == 6 {
            ours.give_up(|_, asked| asked.at < at as u64);
        }
        assert!(ours.in_flight() <= MAX_IN_FLIGHT);
        // Every answer of ours is to a message of the peer's.
        assert!(ours.waiting() <= 256 * frame.len().saturating_add(64));
        for frame in std::iter::from_fn(|| ours.frame()) {
            assert!(Frames::new(&frame).all(|frame| match frame {
                Ok(Frame::Message { kind, body, .. }) =>
                    Message::decode(kind, body).is_ok_and(|message| message.is_some()),
                frame => frame.is_ok(),
            }));
        }
        assert_eq!(ours.waiting(), 0);
    }
}

/// A decrypted frame from a peer: it ends, what can be read can be written and read again, and nothing is made up.
pub fn wire_message(bytes: &[u8]) {
    let mut messages = 0;
    for frame in Frames::new(bytes) {
        messages += 1;
        match frame {
            Ok(Frame::Message { kind, body, .. }) => {
                let Ok(Some(message)) = Message::decode(kind, body) else { continue };
                let written = message.encode();
                assert!(written.len() <= body.len().saturating_add(1), "{message:?}");
                assert_eq!(Message::decode(kind, &written), Ok(Some(message)));
            }
            Ok(Frame::Open { handshake, .. }) => {
                let Ok(handshake) = Handshake::decode(handshake) else { continue };
                assert_eq!(Handshake::decode(&handshake.encode()), Ok(handshake));
            }
            _ => {}
        }
    }
    assert!(messages <= bytes.len());
}

/// An oplog file: headers and log entries. Checksums are repaired first, or nearly no input would get past them.
pub fn hypercore_header(bytes: &[u8]) {
    let _ = oplog::parse(bytes);
    let repaired = oplog::repair(bytes);
    let Ok(parsed) = oplog::parse(&repaired) else { return };
    let nodes: usize = parsed.entries.iter().chain(&parsed.stale).map(|entry| entry.nodes.len()).sum();
    // A node takes 34 bytes at least: nothing was made up.
    assert!(nodes <= bytes.len() / 34);
    let headers = std::iter::once(&parsed.header).chain(&parsed.older);
    for header in headers {
        if let Some(manifest) = &header.manifest {
            assert_eq!(Manifest::decode(manifest.bytes()).as_ref(), Ok(manifest));
        }
    }
}

/// A head with its manifest, as evidence carries it: one form only, and what verifies once verifies always.
pub fn head_with_manifest(bytes: &[u8]) {
    let Ok(claim) = HeadClaim::decode(bytes) else { return };
    assert_eq!(claim.encode(), bytes);
    let needs_roots = claim.needs_roots();
    let Ok(head) = claim.clone().verify() else { return };
    assert!(needs_roots || claim.roots.is_empty());
    assert_eq!(head.claim(), &claim);
    assert_eq!(claim.verify().as_ref(), Ok(&head));
}

/// A block of an index, and a small index made of such blocks (`split`): one form of a block is Hyperbee's, and every
/// walk ends, whatever the pointers say.
pub fn hyperbee_node(bytes: &[u8]) {
    block(bytes);
    let mut log = vec![Block::from(&b"\x0a\x08hyperbee"[..])];
    log.extend(split(bytes).map(Block::from));
    log.iter().for_each(|bytes| block(bytes));
    let cache = Cache::default();
    let version = log.len() as u64;
    let keys: Vec<Vec<u8>> = log.iter().filter_map(|bytes| Some(Node::decode(bytes).ok()?.key)).take(8).collect();
    for version in [version, version / 2] {
        let tree = Tree::new(&log, &cache, version);
        reads(&tree, &keys);
    }
    // Every way of cutting the end off as a batch, written by the executor; and a batch of our own on what is there.
    for from in (version.saturating_sub(3).max(1))..version {
        let count = (version - from) as usize;
        for kind in [Kind::Put, Kind::Del] {
            let verdict = hyperbee::check(&log, &cache, from, &vec![kind; count], &[]);
            assert_eq!(verdict, hyperbee::check(&log, &cache, from, &vec![kind; count], &[]));
        }
    }
    batch(&log, version, &keys);
}

/// The inverse of joining blocks, each behind its length in two bytes, the low one first. The last may be cut off.
fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const MOST: usize = 64;
    let next = move || {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (block, rest) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
        bytes = rest;
        Some(block)
    };
    std::iter::from_fn(next).take(MOST)
}

fn block(bytes: &[u8]) {
    let Ok(entry) = Entry::decode(1, Block::from(bytes)) else {
        assert!(Node::decode(bytes).is_err());
        return;
    };
    assert!(entry.key().len() + entry.value().map_or(0, <[u8]>::len) <= 2 * bytes.len());
    let _ = entry.holds_own_key();
    let Ok(node) = Node::decode(bytes) else {
        assert!(entry.level_count().is_err() && !entry.index_canonical());
        return;
    };
    assert_eq!(entry.level_count(), Ok(node.levels.len()));
    let written = node.encode();
    assert_eq!(Node::decode(&written).as_ref(), Ok(&node));
    let ours = Entry::decode(1, Block::from(&written[..]));
    let halves = node.levels.iter().any(|level| level.children.len() % 2 == 1);
    assert!(ours.is_ok_and(|ours| ours.canonical() && ours.index_canonical() != halves));
    assert_eq!(entry.canonical() && entry.index_canonical(), written == bytes && !halves);
}

/// A view with all that is provided: the slow way to the same answers.
struct Slow<'a, V>(&'a V);

impl<V: View> View for Slow<'_, V> {
    fn root(&self) -> Result<Option<NodeView>, TreeError> {
        self.0.root()
    }
    fn child(&self, node: &NodeView, i: usize) -> Result<NodeView, TreeError> {
        self.0.child(node, i)
    }
    fn entry(&self, from: u64, seq: u64) -> Result<Rc<Entry>, TreeError> {
        self.0.entry(from, seq)
    }
}

/// Looks up these keys, then reads some ranges and directories. A tampered tree may hold the same things again and again, so that
/// only so much of each is read; that much must come.
fn reads<V: View>(view: &V, keys: &[Vec<u8>]) {
    const MOST: usize = 200;
    let seq = |entry: Result<Option<Rc<Entry>>, TreeError>| entry.map(|entry| entry.map(|entry| entry.seq()));
    for key in keys.iter().map(|key| &**key).chain([&b""[..], b"m", b"\xff"]) {
        let found = view.get(key);
        if let Ok(Some(entry)) = &found {
            assert_eq!(entry.key(), key);
        }
        assert_eq!(seq(found), seq(Slow(view).get(key)));
        let from_key = Some((key, true));
        for bounds in [
            Bounds { lower: from_key, ..Bounds::default() },
            Bounds { upper: from_key, reverse: true, ..Bounds::default() },
        ] {
            let Ok(range) = view.range(Bounds { limit: Some(MOST), ..bounds }) else { continue };
            let mut errors = 0;
            let entries = range.inspect(|entry| errors += usize::from(entry.is_err())).count();
            assert!(entries <= MOST && errors <= 1);
        }
    }
    for prefix in [&[][..], &["a"], &[".sys", "acks"]] {
        let decodes = |value: &[u8]| decode(value).is_ok();
        if let Ok(listed) = list::shallow(view, prefix, ListOptions::default(), MOST, decodes) {
            assert!(listed.len() <= MOST);
            let options = ListOptions { reverse: true, offset: 1, limit: 1 };
            let last = list::shallow(view, prefix, options, MOST, decodes).unwrap_or_default();
            let path = listed.len().checked_sub(2).and_then(|i| Some(&listed.get(i)?.path));
            assert_eq!(last.first().map(|item| &item.path), path);
        }
    }
}

/// A batch on a hostile tree: what it finishes is a tree that reads back.
fn batch(log: &[Block], version: u64, keys: &[Vec<u8>]) {
    let mut log = log.to_vec();
    let cache = Cache::default();
    let finished = {
        let mut batch = Batch::new(&log, &cache, version);
        let mut work = || {
            batch.put(b"m", Some(b"\x01"))?;
            for (i, key) in keys.iter().enumerate() {
                if i % 2 == 0 {
                    batch.del(key)?;
                } else {
                    batch.put(key, None)?;
                }
            }
            batch.put(b"n", Some(b"\x02"))
        };
        if work().is_err() {
            return;
        }
        reads(&batch, keys);
        batch.finish()
    };
    let Ok(blocks) = finished else { return };
    for bytes in &blocks {
        block(bytes);
        assert!(
            Entry::decode(1, Block::from(&bytes[..])).is_ok_and(|entry| entry.canonical() && entry.index_canonical())
        );
    }
    log.extend(blocks.into_iter().map(Block::from));
    reads(&Tree::new(&log, &cache, log.len() as u64), keys);
}

/// A msgpack value: bounded in size and depth, equal to itself, and the same again when it is written plainly and read.
pub fn msgpack_value(bytes: &[u8]) {
    let Ok(decoded) = decode(bytes) else { return };
    let value = decoded.value;
    let (count, depth) = measure(&value);
    assert!(count <= bytes.len() && depth <= msgpack::MAX_DEPTH);
    assert!(value.same(&value) && value.same(&value.clone()));
    assert!(!value.is_nullish() || bytes.first().is_some_and(|&tag| msgpack::may_be_nullish(tag)));
    let mut plain = Vec::new();
    write(&value, &mut plain);
    let again = decode(&plain).map(|again| again.value);
    assert!(again.is_ok_and(|again| again.same(&value) && value.same(&again)));
    if let Ok(ack) = Ack::parse(&value) {
        assert!(matches!(path::Place::of(&ack.key()), path::Place::Ack));
    }
    let _ = ack::parse_input(&[b'a'; 64], &value);
    if let Value::Array(items) = &value {
        texts(&items.iter().filter_map(Value::as_str).take(6).collect::<Vec<_>>());
    }
}

/// Values inside, itself included, and how far down they go.
fn measure(value: &Value) -> (usize, usize) {
    let children: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(pairs) => pairs.iter().map(|(_, value)| value).collect(),
        _ => return (1, 0),
    };
    let inside = children.into_iter().map(measure);
    inside.fold((1, 0), |(count, depth), (inner, below)| (count + inner, depth.max(below + 1)))
}

/// Writes a value in the form that says what it is in the fewest words, not in msgpackr's.
fn write(value: &Value, out: &mut Vec<u8>) {
    fn sized(out: &mut Vec<u8>, tag: u8, size: usize) {
        out.push(tag);
        out.extend((size as u32).to_be_bytes());
    }
    fn text(out: &mut Vec<u8>, text: &str) {
        sized(out, 0xdb, text.len());
        out.extend(text.as_bytes());
    }
    match value {
        Value::Undefined => out.extend([0xd4, 0, 0]),
        Value::Null => out.push(0xc0),
        Value::Bool(yes) => out.push(0xc2 + u8::from(*yes)),
        Value::Num(n) => {
            assert!(*n != 0.0 || n.is_sign_positive());
            out.push(0xcb);
            out.extend(n.to_be_bytes());
        }
        Value::BigInt(n) => match u64::try_from(*n) {
            Ok(n) => (out.push(0xcf), out.extend(n.to_be_bytes())).1,
            Err(_) => (out.push(0xd3), out.extend((*n as i64).to_be_bytes())).1,
        },
        Value::Str(string) => text(out, string),
        Value::Bytes(bytes) => {
            sized(out, 0xc6, bytes.len());
            out.extend(bytes);
        }
        Value::Date(ms) if ms.is_nan() => out.extend([0xd4, 0xff, 0xff]),
        Value::Date(ms) => {
            assert!(ms.fract() == 0.0 && ms.abs() <= 8.64e15);
            let seconds = (ms / 1000.0).floor();
            let nanos = (ms - seconds * 1000.0) * 1e6;
            out.extend([0xc7, 12, 0xff]);
            out.extend((nanos as u32).to_be_bytes());
            out.extend((seconds as i64).to_be_bytes());
        }
        Value::Array(items) => {
            sized(out, 0xdd, items.len());
            items.iter().for_each(|item| write(item, out));
        }
        Value::Object(pairs) => {
            sized(out, 0xdf, pairs.len());
            for (key, value) in pairs {
                text(out, key);
                write(value, out);
            }
        }
    }
}

/// Orders are orders, and a path has one key.
fn texts(texts: &[&str]) {
    for a in texts {
        assert_eq!(order::locale_compare(a, a), std::cmp::Ordering::Equal);
        // A NUL in a path is kept in its key and separates when the key is shown.
        let key = path::key(&a.replace('\0', "/"));
        assert_eq!(path::key(&path::display(&key)), key);
        for b in texts {
            assert_eq!(order::locale_compare(a, b), order::locale_compare(b, a).reverse());
            for c in texts {
                if order::locale_compare(a, b).is_le() && order::locale_compare(b, c).is_le() {
                    assert!(order::locale_compare(a, c).is_le());
                }
            }
        }
    }
}

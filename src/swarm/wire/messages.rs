//! The messages of `hypercore/alpha`, as Hypercore 10.0.0-alpha.26 to 11.37 send them. Integers are compact.
//!
//! ```text
//! handshake    flags (1 seeks) | capability 32
//! 0 sync       flags (1 canUpgrade 2 uploading 4 downloading 8 hasManifest 16 allowPush) | fork | length | remoteLength
//! 1 request    flags (1 block 2 hash 4 seek 8 upgrade 16 manifest 32 priority) | id | fork
//!              [index nodes] [index nodes] [bytes padding] [start length] [priority]
//! 2 cancel     request
//! 3 data       flags (1 block 2 hash 4 seek 8 upgrade 16 manifest) | request | fork
//!              [index value nodes] [index nodes] [bytes nodes] [start length nodes additional signature] [manifest]
//! 4 noData     request | [flags (1 reason)] [reason]
//! 5 want       start | length | [flags (1 any)]
//! 6 unwant     as want
//! 7 bitfield   start | words (u32, little-endian)
//! 8 range      flags (1 drop 2 length is 1) | start | [length]
//! 9 extension  name | the rest
//! ```
//!
//! A node is `index | size | hash 32`; values, signatures and names are buffers, lists begin with a count. Older versions
//! leave out what stands in brackets at the end; bytes after the last known field are ignored.

use super::WireError;
use super::compact::{Reader, put_buffer, put_uint};
use crate::hypercore::Node;

/// Of a list of tree nodes: the longest honest one has about two nodes a level of the tree.
pub const MAX_NODES: usize = 512;
/// Words of a bitfield: 2^21 blocks, what one `want` of Hypercore asks for.
pub const MAX_WORDS: usize = 65_536;
/// The id of what nobody asked for.
const NO_REQUEST: u64 = 0;

/// A tree node with the index that the peer says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexedNode {
    /// Flat-tree index.
    pub index: u64,
    /// The node.
    pub node: Node,
}

/// The handshake of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The peer answers seeks.
    pub seeks: bool,
    /// Shows that the peer knows the log's key.
    pub capability: [u8; 32],
}

/// What a peer says of its log. Nothing of it is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sync {
    /// How often the log was truncated.
    pub fork: u64,
    /// Blocks.
    pub length: u64,
    /// The other side's length, as far as this side knows.
    pub remote_length: u64,
    /// It can extend the other side's log.
    pub can_upgrade: bool,
    /// It answers requests.
    pub uploading: bool,
    /// It wants blocks.
    pub downloading: bool,
    /// It has the manifest.
    pub has_manifest: bool,
    /// It takes data that it did not ask for.
    pub allow_push: bool,
}

/// A block or a node, and how many levels above it are to be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestNode {
    /// Of the block (`block`) or in the flat tree (`hash`).
    pub index: u64,
    /// Levels.
    pub nodes: u64,
}

/// Asks for blocks or proofs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Chosen by who asks; never 0 (JavaScript keeps 0 for conflicts).
    pub id: u64,
    /// Of the log in this fork.
    pub fork: u64,
    /// A block with its proof.
    pub block: Option<RequestNode>,
    /// A tree node with its proof.
    pub hash: Option<RequestNode>,
    /// The node over the block at this byte offset: bytes and padding of a block.
    pub seek: Option<(u64, u64)>,
    /// Proof that `start` blocks are extended by `length`: start and length.
    pub upgrade: Option<(u64, u64)>,
    /// The manifest.
    pub manifest: bool,
    /// 0 to 2.
    pub priority: u64,
}

/// A block and the nodes beside the path up from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataBlock {
    /// Block number.
    pub index: u64,
    /// Its bytes.
    pub value: Vec<u8>,
    /// Bottom up.
    pub nodes: Vec<IndexedNode>,
}

/// Nodes that prove a node or an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataNodes {
    /// In the flat tree (`hash`), or the byte offset (`seek`).
    pub at: u64,
    /// The node itself, then those beside the path up from it.
    pub nodes: Vec<IndexedNode>,
}

/// A signed head and how it extends a shorter log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataUpgrade {
    /// The shorter log.
    pub start: u64,
    /// Blocks that were asked for beyond it.
    pub length: u64,
    /// Extend `start` by `length`.
    pub nodes: Vec<IndexedNode>,
    /// Extend that to the head.
    pub additional: Vec<IndexedNode>,
    /// Of the head.
    pub signature: Vec<u8>,
}

/// The answer to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// Which request; 0: none (a push).
    pub request: u64,
    /// Of the log in this fork.
    pub fork: u64,
    /// A block.
    pub block: Option<DataBlock>,
    /// A node.
    pub hash: Option<DataNodes>,
    /// An offset.
    pub seek: Option<DataNodes>,
    /// A head.
    pub upgrade: Option<DataUpgrade>,
    /// The manifest's bytes, and whatever follows them; not looked into here.
    pub manifest: Option<Vec<u8>>,
}

/// Blocks `start .. start + length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First block.
    pub start: u64,
    /// Number of blocks.
    pub length: u64,
}

/// Any message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// State of the log.
    Sync(Sync),
    /// Question.
    Request(Request),
    /// The question needs no answer any more.
    Cancel(u64),
    /// Answer.
    Data(Data),
    /// There is no answer: request and reason (0 unknown, 1 not available, 2 invalid request).
    NoData(u64, u64),
    /// Tell me what you have of these blocks; `true`: any one will do.
    Want(Span, bool),
    /// Do not tell me any more.
    Unwant(Span, bool),
    /// What I have from a block on: 32 blocks a word, the lowest bit first.
    Bitfield(u64, Vec<u32>),
    /// I have these blocks, or (`true`) no longer.
    Range(Span, bool),
    /// Something else: name and contents.
    Extension(Vec<u8>, Vec<u8>),
}

impl Handshake {
    /// Reads a handshake; what follows is ignored.
    pub fn decode(bytes: &[u8]) -> Result<Handshake, WireError> {
        let mut reader = Reader::new(bytes);
        let flags = reader.uint()?;
        Ok(Handshake { seeks: flags & 1 != 0, capability: reader.array()? })
    }

    /// The bytes of it.
    pub fn encode(&self) -> Vec<u8> {
        [&[u8::from(self.seeks)][..], &self.capability].concat()
    }
}

impl Message {
    /// Reads the fields of a message; `None` if there is no such message.
    pub fn decode(kind: u64, body: &[u8]) -> Result<Option<Message>, WireError> {
        let mut reader = Reader::new(body);
        let reader = &mut reader;
        Ok(Some(match kind {
            0 => Message::Sync(read_sync(reader)?),
            1 => Message::Request(read_request(reader)?),
            2 => Message::Cancel(reader.uint()?),
            3 => Message::Data(read_data(reader)?),
            4 => {
                let request = reader.uint()?;
                Message::NoData(request, if read_flag(reader)? { reader.uint()? } else { 0 })
            }
            5 => Message::Want(read_span(reader)?, read_flag(reader)?),
            6 => Message::Unwant(read_span(reader)?, read_flag(reader)?),
            7 => {
                let start = reader.uint()?;
                let count = reader.count(4, MAX_WORDS)?;
                let words = (0..count).map(|_| reader.array().map(u32::from_le_bytes));
                Message::Bitfield(start, words.collect::<Result<_, _>>()?)
            }
            8 => {
                let flags = reader.uint()?;
                let start = reader.uint()?;
                let length = if flags & 2 != 0 { 1 } else { reader.uint()? };
                Message::Range(Span { start, length }, flags & 1 != 0)
            }
            9 => {
                let name = reader.buffer()?.to_vec();
                Message::Extension(name, reader.rest().to_vec())
            }
            _ => return Ok(None),
        }))
    }

    /// The number of the message.
    pub fn kind(&self) -> u64 {
        match self {
            Message::Sync(_) => 0,
            Message::Request(_) => 1,
            Message::Cancel(_) => 2,
            Message::Data(_) => 3,
            Message::NoData(..) => 4,
            Message::Want(..) => 5,
            Message::Unwant(..) => 6,
            Message::Bitfield(..) => 7,
            Message::Range(..) => 8,
            Message::Extension(..) => 9,
        }
    }

    /// The bytes of its fields.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Message::Sync(sync) => put_sync(&mut out, sync),
            Message::Request(request) => put_request(&mut out, request),
            Message::Cancel(request) => put_uint(&mut out, *request),
            Message::Data(data) => put_data(&mut out, data),
            Message::NoData(request, reason) => {
                put_uint(&mut out, *request);
                // Older versions end here.
                if *reason > 0 {
                    out.push(1);
                    put_uint(&mut out, *reason);
                }
            }
            Message::Want(span, any) | Message::Unwant(span, any) => {
                put_uint(&mut out, span.start);
                put_uint(&mut out, span.length);
                if *any {
                    out.push(1);
                }
            }
            Message::Bitfield(start, words) => {
                put_uint(&mut out, *start);
                put_uint(&mut out, words.len() as u64);
                out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            }
            Message::Range(span, drop) => {
                out.push(u8::from(*drop) | if span.length == 1 { 2 } else { 0 });
                put_uint(&mut out, span.start);
                if span.length != 1 {
                    put_uint(&mut out, span.length);
                }
            }
            Message::Extension(name, rest) => {
                put_buffer(&mut out, name);
                out.extend_from_slice(rest);
            }
        }
        out
    }
}

impl Data {
    /// Whether nobody asked for it.
    pub fn is_push(&self) -> bool {
        self.request == NO_REQUEST
    }
}

fn read_flag(reader: &mut Reader<'_>) -> Result<bool, WireError> {
    Ok(!reader.is_empty() && reader.uint()? & 1 != 0)
}

fn read_span(reader: &mut Reader<'_>) -> Result<Span, WireError> {
    Ok(Span { start: reader.uint()?, length: reader.uint()? })
}

fn read_sync(reader: &mut Reader<'_>) -> Result<Sync, WireError> {
    let flags = reader.uint()?;
    let flag = |bit: u64| flags & bit != 0;
    Ok(Sync {
        fork: reader.uint()?,
        length: reader.uint()?,
        remote_length: reader.uint()?,
        can_upgrade: flag(1),
        uploading: flag(2),
        downloading: flag(4),
        has_manifest: flag(8),
        allow_push: flag(16),
    })
}

fn put_sync(out: &mut Vec<u8>, sync: &Sync) {
    let flags = [sync.can_upgrade, sync.uploading, sync.downloading, sync.has_manifest, sync.allow_push];
    out.push(flags.iter().rev().fold(0, |byte, flag| byte << 1 | u8::from(*flag)));
    put_uint(out, sync.fork);
    put_uint(out, sync.length);
    put_uint(out, sync.remote_length);
}

fn read_request(reader: &mut Reader<'_>) -> Result<Request, WireError> {
    let flags = reader.uint()?;
    let mut request = Request { id: reader.uint()?, fork: reader.uint()?, ..Request::default() };
    let mut pair = |bit: u64| -> Result<Option<(u64, u64)>, WireError> {
        if flags & bit == 0 { Ok(None) } else { Ok(Some((reader.uint()?, reader.uint()?))) }
    };
    let node = |(index, nodes)| RequestNode { index, nodes };
    request.block = pair(1)?.map(node);
    request.hash = pair(2)?.map(node);
    request.seek = pair(4)?;
    request.upgrade = pair(8)?;
    request.manifest = flags & 16 != 0;
    request.priority = if flags & 32 != 0 { reader.uint()? } else { 0 };
    Ok(request)
}

fn put_request(out: &mut Vec<u8>, request: &Request) {
    let Request { id, fork, block, hash, seek, upgrade, manifest, priority } = *request;
    let flags = [block.is_some(), hash.is_some(), seek.is_some(), upgrade.is_some(), manifest, priority > 0];
    out.push(flags.iter().rev().fold(0, |byte, flag| byte << 1 | u8::from(*flag)));
    put_uint(out, id);
    put_uint(out, fork);
    let pair = |node: RequestNode| (node.index, node.nodes);
    for (a, b) in [block.map(pair), hash.map(pair), seek, upgrade].into_iter().flatten() {
        put_uint(out, a);
        put_uint(out, b);
    }
    if priority > 0 {
        put_uint(out, priority);
    }
}

fn read_nodes(reader: &mut Reader<'_>) -> Result<Vec<IndexedNode>, WireError> {
    let count = reader.count(34, MAX_NODES)?;
    let mut node = || {
        let (index, size) = (reader.uint()?, reader.uint()?);
        Ok(IndexedNode { index, node: Node { size, hash: reader.array()? } })
    };
    (0..count).map(|_| node()).collect()
}

fn put_nodes(out: &mut Vec<u8>, nodes: &[IndexedNode]) {
    put_uint(out, nodes.len() as u64);
    for IndexedNode { index, node } in nodes {
        put_uint(out, *index);
        put_uint(out, node.size);
        out.extend_from_slice(&node.hash);
    }
}

fn read_data(reader: &mut Reader<'_>) -> Result<Data, WireError> {
    let flags = reader.uint()?;
    let mut data = Data { request: reader.uint()?, fork: reader.uint()?, ..Data::default() };
    if flags & 1 != 0 {
        let (index, value) = (reader.uint()?, reader.buffer()?.to_vec());
        data.block = Some(DataBlock { index, value, nodes: read_nodes(reader)? });
    }
    if flags & 2 != 0 {
        data.hash = Some(DataNodes { at: reader.uint()?, nodes: read_nodes(reader)? });
    }
    if flags & 4 != 0 {
        data.seek = Some(DataNodes { at: reader.uint()?, nodes: read_nodes(reader)? });
    }
    if flags & 8 != 0 {
        let (start, length) = (reader.uint()?, reader.uint()?);
        let (nodes, additional) = (read_nodes(reader)?, read_nodes(reader)?);
        let signature = reader.buffer()?.to_vec();
        data.upgrade = Some(DataUpgrade { start, length, nodes, additional, signature });
    }
    if flags & 16 != 0 {
        data.manifest = Some(reader.rest().to_vec());
    }
    Ok(data)
}

fn put_data(out: &mut Vec<u8>, data: &Data) {
    let Data { request, fork, block, hash, seek, upgrade, manifest } = data;
    let flags = [block.is_some(), hash.is_some(), seek.is_some(), upgrade.is_some(), manifest.is_some()];
    out.push(flags.iter().rev().fold(0, |byte, flag| byte << 1 | u8::from(*flag)));
    put_uint(out, *request);
    put_uint(out, *fork);
    if let Some(block) = block {
        put_uint(out, block.index);
        put_buffer(out, &block.value);
        put_nodes(out, &block.nodes);
    }
    for nodes in [hash, seek].into_iter().flatten() {
        put_uint(out, nodes.at);
        put_nodes(out, &nodes.nodes);
    }
    if let Some(upgrade) = upgrade {
        put_uint(out, upgrade.start);
        put_uint(out, upgrade.length);
        put_nodes(out, &upgrade.nodes);
        put_nodes(out, &upgrade.additional);
        put_buffer(out, &upgrade.signature);
    }
    out.extend_from_slice(manifest.as_deref().unwrap_or_default());
}

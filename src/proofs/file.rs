//! The file: deterministic CBOR (RFC 8949, 4.2.1), of arrays, integers, byte strings, text and null only.
//!
//! One proof has one encoding: decoding encodes again and compares. The layout is that of `docs/proof-format.md`; its
//! version is in the first field.

use std::collections::BTreeMap;

use minicbor::{Decoder, Encoder};

use crate::hypercore::flat::{self, Subtree};
use crate::hypercore::hash::blake2b;
use crate::hypercore::{ConsistencyProof, Hash, Key, Node, Opening, PrefixEvidence};
use crate::replay::finding::Kind;

/// Versions of a file's form. Files of both are read and judged by the same rules; only the second is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Could not name that a claim rests on the end of a head, nor bind the sizes of roots.
    One,
    /// Today's.
    #[default]
    Two,
}

/// The first field, by version.
pub const FORMATS: [(Version, &str); 2] =
    [(Version::One, "vitra-watch/proof/1"), (Version::Two, "vitra-watch/proof/2")];
/// The largest integer of a file: what JavaScript, too, can count to.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;
/// Bytes of a file that is read without being told otherwise.
pub const MAX_SIZE: usize = 16 << 20;

/// A proof, as its file says it; see [`super::verify()`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The form in which it is written.
    pub version: Version,
    /// Key of the index log: the database.
    pub database: Key,
    /// What is claimed.
    pub claim: Claim,
    /// Name and version of the engine that ran contracts for it, if any had to be run.
    pub engine: Option<(String, String)>,
    /// The logs' slices: of a transaction's claim the index, then oplogs by their keys; of a claim about heads those heads.
    pub slices: Vec<Slice>,
}

/// What a proof claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// An audit of the index that begins at block `from` (an ack; 0: the genesis) finds this violation at block `seq`.
    Audit {
        /// The kind.
        kind: Kind,
        /// Where the audit begins.
        from: u64,
        /// The finding's block.
        seq: u64,
        /// The length of the index's head, where the finding rests on the log's ending there: a longer head may show that
        /// it goes on.
        end: Option<u64>,
    },
    /// The log of the only slice, which has a fork counter above 0, was truncated.
    Truncation,
    /// The logs of the heads of the first two slices (the shorter first; equally long ones by their tree hashes) differ
    /// within their first `length` blocks.
    Equivocation {
        /// At most the shorter head's length.
        length: u64,
        /// What each head's log is there; nothing for a head of that length.
        prefixes: [Option<Shorter>; 2],
    },
}

/// What shows a head's log at a shorter length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shorter {
    /// Its full roots there, and what extends them to the head.
    pub proof: ConsistencyProof,
    /// What binds the roots' sizes, one for each; or none. The hashes of a root's two children, or the block that is the root.
    pub openings: Vec<Vec<u8>>,
}

impl Shorter {
    /// What is compared, at `length` blocks. `None` if an opening has not the form that its place demands.
    pub(super) fn evidence(&self, length: u64) -> Option<PrefixEvidence> {
        let opening = |(at, bytes): (Subtree, &Vec<u8>)| {
            if at.blocks == 1 {
                return Some(Opening::Block(bytes.clone()));
            }
            let (left, right) = bytes.split_first_chunk::<32>()?;
            Some(Opening::Children([*left, right.try_into().ok()?]))
        };
        if self.openings.is_empty() {
            return Some(PrefixEvidence::Prefix(self.proof.clone()));
        }
        let places = flat::roots(length).collect::<Vec<_>>();
        if places.len() != self.openings.len() {
            return None;
        }
        let openings = places.into_iter().zip(&self.openings).map(opening).collect::<Option<_>>()?;
        Some(PrefixEvidence::Opened(self.proof.clone(), openings))
    }

    /// The same in a file's form; `None` for a head of just that length.
    pub(super) fn of(evidence: &PrefixEvidence) -> Option<Shorter> {
        match evidence {
            PrefixEvidence::TreeHash | PrefixEvidence::Roots(_) => None,
            PrefixEvidence::Prefix(proof) => Some(Shorter { proof: proof.clone(), openings: Vec::new() }),
            PrefixEvidence::Opened(proof, openings) => {
                let bytes = |opening: &Opening| match opening {
                    Opening::Children(hashes) => hashes.concat(),
                    Opening::Block(block) => block.clone(),
                };
                Some(Shorter { proof: proof.clone(), openings: openings.iter().map(bytes).collect() })
            }
        }
    }
}

impl Claim {
    /// The kind of the violation.
    pub fn kind(&self) -> Kind {
        match self {
            Claim::Audit { kind, .. } => *kind,
            Claim::Truncation => Kind::Truncation,
            Claim::Equivocation { .. } => Kind::Equivocation,
        }
    }
}

/// Some blocks of a log, and what shows that its owner signed a log with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// The log.
    pub key: Key,
    /// Its manifest, where the key is a manifest's hash.
    pub manifest: Option<Vec<u8>>,
    /// The signed head: its fork counter.
    pub fork: u64,
    /// Its length.
    pub length: u64,
    /// Its signature (a container, with a manifest).
    pub signature: Vec<u8>,
    /// The signed tree hash, where neither blocks nor nodes are needed; then there are none.
    pub tree: Option<Hash>,
    /// Roots of the largest subtrees without any of the blocks, left to right.
    pub nodes: Vec<Node>,
    /// The blocks.
    pub blocks: BTreeMap<u64, Vec<u8>>,
}

/// Why bytes are no proof file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is larger than is to be read.
    #[error("the file has {0} bytes, more than the limit of {1}")]
    TooLarge(usize, usize),
    /// It is none, or of another version.
    #[error("it is no file of a form that is known: {0}")]
    Form(String),
    /// The same proof has other bytes.
    #[error("it is not in its one canonical form")]
    NotCanonical,
}

impl From<minicbor::decode::Error> for FileError {
    fn from(error: minicbor::decode::Error) -> Self {
        FileError::Form(error.to_string())
    }
}

impl Proof {
    /// The proof's identity: BLAKE2b-256 of its bytes.
    pub fn id(bytes: &[u8]) -> Hash {
        blake2b(&[bytes])
    }

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        encoded(|to| self.write(to))
    }

    fn write(&self, to: &mut Encoder<&mut Vec<u8>>) -> Result<(), Wrote> {
        to.array(5)?.str(name(&FORMATS, self.version))?.bytes(&self.database)?;
        match &self.claim {
            Claim::Audit { kind, from, seq, end: None } => {
                to.array(3)?.str(kind.name())?.u64(*from)?.u64(*seq)?;
            }
            Claim::Audit { kind, from, seq, end: Some(end) } => {
                to.array(4)?.str(kind.name())?.u64(*from)?.u64(*seq)?.u64(*end)?;
            }
            Claim::Truncation => {
                to.array(1)?.str(Kind::Truncation.name())?;
            }
            Claim::Equivocation { length, prefixes } if self.version == Version::One => {
                to.array(6)?.str(Kind::Equivocation.name())?.u64(*length)?;
                for prefix in prefixes {
                    let proof = prefix.as_ref().map(|prefix| prefix.proof.clone()).unwrap_or_default();
                    write_nodes(to, &proof.roots)?;
                    write_nodes(to, &proof.extension)?;
                }
            }
            Claim::Equivocation { length, prefixes } => {
                to.array(4)?.str(Kind::Equivocation.name())?.u64(*length)?;
                prefixes.iter().try_for_each(|prefix| write_shorter(to, prefix.as_ref()))?;
            }
        }
        match &self.engine {
            Some((name, version)) => to.array(2)?.str(name)?.str(version)?,
            None => to.null()?,
        };
        write_slices(to, &self.slices)
    }

    /// Reads a file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn decode(bytes: &[u8], limit: usize) -> Result<Proof, FileError> {
        let (version, mut from) = opened(bytes, limit, &FORMATS, &[5, 5])?;
        let database = hash(&mut from)?;
        let claim = read_claim(&mut from, version)?;
        let engine = match is_null(&mut from)? {
            true => None,
            false => {
                array(&mut from, 2)?;
                Some((from.str()?.to_owned(), from.str()?.to_owned()))
            }
        };
        let slices = read_slices(&mut from)?;
        let proof = Proof { version, database, claim, engine, slices };
        if proof.encode() == bytes { Ok(proof) } else { Err(FileError::NotCanonical) }
    }
}

/// Why bytes of our own are not written; memory never gives a reason.
pub(super) type Wrote = minicbor::encode::Error<std::convert::Infallible>;

pub(super) fn write_nodes(to: &mut Encoder<&mut Vec<u8>>, nodes: &[Node]) -> Result<(), Wrote> {
    to.array((nodes.len() as u64).saturating_mul(2))?;
    nodes.iter().try_for_each(|node| to.u64(node.size)?.bytes(&node.hash).map(drop))
}

fn write_shorter(to: &mut Encoder<&mut Vec<u8>>, shorter: Option<&Shorter>) -> Result<(), Wrote> {
    let Some(Shorter { proof, openings }) = shorter else { return to.null().map(drop) };
    to.array(3)?;
    write_nodes(to, &proof.roots)?;
    write_nodes(to, &proof.extension)?;
    to.array(openings.len() as u64)?;
    openings.iter().try_for_each(|opening| to.bytes(opening).map(drop))
}

/// The name of a version.
pub(super) fn name(formats: &[(Version, &'static str); 2], version: Version) -> &'static str {
    formats.iter().find(|(known, _)| *known == version).map_or("", |(_, name)| name)
}

/// The bytes of a file.
pub(super) fn encoded(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), Wrote>) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = write(&mut Encoder::new(&mut out));
    out
}

/// Opens a file of at most `limit` bytes: an array of as many fields as its version has, of which the form's name is read. The
/// caller reads the rest, encodes it again and compares: that refuses other lengths of integers, bytes after the end, and
/// whatever else is not written like this.
pub(super) fn opened<'b>(
    bytes: &'b [u8],
    limit: usize,
    formats: &[(Version, &str); 2],
    fields: &[u64; 2],
) -> Result<(Version, Decoder<'b>), FileError> {
    if bytes.len() > limit {
        return Err(FileError::TooLarge(bytes.len(), limit));
    }
    let mut from = Decoder::new(bytes);
    let count = items(&mut from)?;
    let name = from.str()?;
    let known = formats.iter().zip(fields).find(|((_, known), _)| *known == name);
    let ((version, _), fields) = known.ok_or_else(|| FileError::Form("the first field is another".to_owned()))?;
    if count == *fields { Ok((*version, from)) } else { Err(FileError::Form(format!("{fields} fields were expected"))) }
}

/// An integer.
pub(super) fn integer(from: &mut Decoder<'_>) -> Result<u64, FileError> {
    let value = from.u64()?;
    if value <= MAX_INTEGER { Ok(value) } else { Err(FileError::Form("an integer beyond 2^53 - 1".to_owned())) }
}

impl Slice {
    fn write(&self, to: &mut Encoder<&mut Vec<u8>>) -> Result<(), Wrote> {
        to.array(8)?.bytes(&self.key)?;
        match &self.manifest {
            Some(manifest) => to.bytes(manifest)?,
            None => to.null()?,
        };
        to.u64(self.fork)?.u64(self.length)?.bytes(&self.signature)?;
        match &self.tree {
            Some(tree) => to.bytes(tree)?,
            None => to.null()?,
        };
        write_nodes(to, &self.nodes)?;
        to.array((self.blocks.len() as u64).saturating_mul(2))?;
        self.blocks.iter().try_for_each(|(seq, block)| to.u64(*seq)?.bytes(block).map(drop))
    }

    fn read(from: &mut Decoder<'_>) -> Result<Slice, FileError> {
        array(from, 8)?;
        let key = hash(from)?;
        let manifest = if is_null(from)? { None } else { Some(from.bytes()?.to_vec()) };
        let (fork, length, signature) = (integer(from)?, integer(from)?, from.bytes()?.to_vec());
        let tree = if is_null(from)? { None } else { Some(hash(from)?) };
        let nodes = read_nodes(from)?;
        let mut blocks = BTreeMap::new();
        for _ in 0..items(from)? / 2 {
            // Twice the same, or out of order: the bytes differ when it is encoded again.
            blocks.insert(integer(from)?, from.bytes()?.to_vec());
        }
        Ok(Slice { key, manifest, fork, length, signature, tree, nodes, blocks })
    }
}

pub(super) fn write_slices(to: &mut Encoder<&mut Vec<u8>>, slices: &[Slice]) -> Result<(), Wrote> {
    to.array(slices.len() as u64)?;
    slices.iter().try_for_each(|slice| slice.write(to))
}

pub(super) fn read_slices(from: &mut Decoder<'_>) -> Result<Vec<Slice>, FileError> {
    let count = items(from)?;
    (0..count).map(|_| Slice::read(from)).collect()
}

fn read_claim(from: &mut Decoder<'_>, version: Version) -> Result<Claim, FileError> {
    let fields = items(from)?;
    let name = from.str()?;
    let kind = Kind::named(name).filter(|kind| kind.class() == crate::replay::finding::Class::Violation);
    match (kind, fields, version) {
        (Some(Kind::Truncation), 1, _) => Ok(Claim::Truncation),
        (Some(Kind::Equivocation), 6, Version::One) => {
            let length = integer(from)?;
            let mut prefix = || {
                let proof = ConsistencyProof { roots: read_nodes(from)?, extension: read_nodes(from)? };
                let none = proof == ConsistencyProof::default();
                Ok::<_, FileError>((!none).then_some(Shorter { proof, openings: Vec::new() }))
            };
            Ok(Claim::Equivocation { length, prefixes: [prefix()?, prefix()?] })
        }
        (Some(Kind::Equivocation), 4, Version::Two) => {
            Ok(Claim::Equivocation { length: integer(from)?, prefixes: [read_shorter(from)?, read_shorter(from)?] })
        }
        (Some(kind), 3, _) if !kind.by_heads() => {
            Ok(Claim::Audit { kind, from: integer(from)?, seq: integer(from)?, end: None })
        }
        (Some(kind), 4, Version::Two) if !kind.by_heads() => {
            Ok(Claim::Audit { kind, from: integer(from)?, seq: integer(from)?, end: Some(integer(from)?) })
        }
        _ => Err(FileError::Form("it claims nothing that is known".to_owned())),
    }
}

fn read_shorter(from: &mut Decoder<'_>) -> Result<Option<Shorter>, FileError> {
    if is_null(from)? {
        return Ok(None);
    }
    array(from, 3)?;
    let proof = ConsistencyProof { roots: read_nodes(from)?, extension: read_nodes(from)? };
    let count = items(from)?;
    let openings = (0..count).map(|_| Ok(from.bytes()?.to_vec())).collect::<Result<_, FileError>>()?;
    Ok(Some(Shorter { proof, openings }))
}

pub(super) fn read_nodes(from: &mut Decoder<'_>) -> Result<Vec<Node>, FileError> {
    let mut nodes = Vec::new();
    for _ in 0..items(from)? / 2 {
        nodes.push(Node { size: integer(from)?, hash: hash(from)? });
    }
    Ok(nodes)
}

pub(super) fn hash(from: &mut Decoder<'_>) -> Result<Hash, FileError> {
    from.bytes()?.try_into().map_err(|_| FileError::Form("a hash has 32 bytes".to_owned()))
}

pub(super) fn is_null(from: &mut Decoder<'_>) -> Result<bool, FileError> {
    let null = from.datatype()? == minicbor::data::Type::Null;
    if null {
        from.null()?;
    }
    Ok(null)
}

/// The number of items of an array of a definite length.
fn items(from: &mut Decoder<'_>) -> Result<u64, FileError> {
    from.array()?.ok_or_else(|| FileError::Form("an array without a length".to_owned()))
}

pub(super) fn array(from: &mut Decoder<'_>, fields: u64) -> Result<(), FileError> {
    if items(from)? == fields { Ok(()) } else { Err(FileError::Form(format!("{fields} fields were expected"))) }
}

//! Manifests: who may sign a log, when its key is not simply an Ed25519 public key.
//!
//! Three versions, all still valid (integers are compact, `hash` is 0 for BLAKE2b):
//!
//! ```text
//! v0  00 | hash | type    0: tree hash (a log that never grows)   1: signer   2: flags (1 patch) | quorum | signers
//! v1  01 | flags (1 patch, 2 prologue) | hash | quorum | signers | [prologue: tree hash, length]
//! v2  02 | flags (also 4 linked, 8 user data) | ... as v1 ... | [linked: keys] | [user data]
//! signer  type (0 = Ed25519) | namespace | public key
//! ```
//!
//! The key of such a log is `H(MANIFEST | bytes)`, so the bytes themselves are kept. Where the key *is* the only signer's
//! public key (a "compat" core), nothing binds the manifest: anybody can write another one for the same key. Such a
//! manifest says nothing and is left out of evidence ([`Manifest::bind`]).

use super::Key;
use super::encoding::{DecodeError, Reader};
use super::hash::{self, Hash, namespace};

/// Manifests are at most this many bytes: enough for a hundred signers.
pub const MAX_MANIFEST: usize = 8 * 1024;

/// Why a manifest is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// More than [`MAX_MANIFEST`] bytes.
    #[error("the manifest is too large")]
    TooLarge,
    /// It cannot be read.
    #[error("the manifest cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// A version, type, flag, hash or signature kind that does not exist.
    #[error("the manifest uses an unknown feature")]
    Unknown,
    /// Its quorum is zero or larger than the number of signers.
    #[error("the manifest's quorum can never be met")]
    Quorum,
    /// The log's key is not its hash.
    #[error("the manifest is not the one of this key")]
    NotThisKey,
}

/// One party that may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer {
    /// What its signatures under v0 (and 10.32's v1) are prefixed with.
    pub namespace: Hash,
    /// Its Ed25519 public key. Not necessarily a point of the curve.
    pub public_key: Key,
}

/// A decoded manifest, with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    /// 0, 1 or 2.
    pub version: u8,
    /// A signature may be over a longer tree, connected by nodes inside the signature.
    pub allow_patch: bool,
    /// Signatures needed.
    pub quorum: usize,
    /// Who may sign.
    pub signers: Vec<Signer>,
    /// Tree hash and length of a first part that needs no signature.
    pub prologue: Option<(Hash, u64)>,
    /// The log never grows: its tree hash (v0 only).
    pub fixed: Option<Hash>,
    /// One signature of 64 bytes instead of a container (v0 with one signer).
    pub bare: bool,
}

impl Manifest {
    /// Reads a manifest; every byte must be used.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let mut reader = Reader::new(bytes);
        let manifest = Manifest::read(&mut reader)?;
        reader.end()?;
        Ok(manifest)
    }

    /// Reads a manifest from the front of a longer message.
    pub fn read(reader: &mut Reader<'_>) -> Result<Manifest, ManifestError> {
        let before = reader.rest();
        let [version] = reader.array()?;
        let mut manifest = match version {
            0 => read_v0(reader)?,
            1 | 2 => read_v1(reader, version)?,
            _ => return Err(ManifestError::Unknown),
        };
        let taken = before.len().saturating_sub(reader.rest().len());
        let bytes = before.get(..taken).unwrap_or_default();
        if bytes.len() > MAX_MANIFEST {
            return Err(ManifestError::TooLarge);
        }
        let usable = manifest.quorum >= 1 && manifest.quorum <= manifest.signers.len();
        if !usable && manifest.fixed.is_none() && manifest.prologue.is_none() {
            return Err(ManifestError::Quorum);
        }
        manifest.bytes = bytes.to_vec();
        Ok(manifest)
    }

    /// Hypercore's default: version 1, one signer in the default namespace.
    pub fn single(public_key: &Key) -> Manifest {
        // version, flags, hash, quorum, number of signers, kind of signature
        let bytes = [&[1, 0, 0, 1, 1, 0], &namespace::DEFAULT[..], public_key].concat();
        let signers = vec![Signer { namespace: namespace::DEFAULT, public_key: *public_key }];
        Manifest { bytes, quorum: 1, signers, ..blank(1) }
    }

    /// Whether a container with the one signature of this signer, and no patch, is a valid signature from the first block
    /// on.
    pub fn is_single(&self, public_key: &Key) -> bool {
        self.version >= 1 && self.quorum == 1 && self.prologue.is_none() && self.is_compat(public_key)
    }

    /// The bytes it was read from.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key of the log that has this manifest.
    pub fn key(&self) -> Key {
        hash::blake2b(&[&namespace::MANIFEST, &self.bytes])
    }

    /// Whether `key` is the only signer's own public key, so that nothing binds this manifest to it.
    pub fn is_compat(&self, key: &Key) -> bool {
        matches!(self.signers.as_slice(), [signer] if signer.public_key == *key)
    }

    /// The manifest, if `key` is its hash; `None` if the log is a compat core, for which it says nothing.
    pub fn bind(self, key: &Key) -> Result<Option<Manifest>, ManifestError> {
        if self.key() == *key {
            Ok(Some(self))
        } else if self.is_compat(key) {
            Ok(None)
        } else {
            Err(ManifestError::NotThisKey)
        }
    }
}

fn blank(version: u8) -> Manifest {
    Manifest {
        bytes: Vec::new(),
        version,
        allow_patch: false,
        quorum: 0,
        signers: Vec::new(),
        prologue: None,
        fixed: None,
        bare: false,
    }
}

fn known(value: u64) -> Result<(), ManifestError> {
    if value == 0 { Ok(()) } else { Err(ManifestError::Unknown) }
}

fn read_signer(reader: &mut Reader<'_>) -> Result<Signer, ManifestError> {
    known(reader.uint()?)?;
    Ok(Signer { namespace: reader.array()?, public_key: reader.array()? })
}

fn read_signers(reader: &mut Reader<'_>) -> Result<Vec<Signer>, ManifestError> {
    let count = reader.count(65)?;
    (0..count).map(|_| read_signer(reader)).collect()
}

fn read_quorum(reader: &mut Reader<'_>) -> Result<usize, ManifestError> {
    usize::try_from(reader.uint()?).map_err(|_| ManifestError::Quorum)
}

fn read_v0(reader: &mut Reader<'_>) -> Result<Manifest, ManifestError> {
    let mut manifest = blank(0);
    known(reader.uint()?)?;
    match reader.uint()? {
        0 => manifest.fixed = Some(reader.array()?),
        1 => {
            manifest.quorum = 1;
            manifest.signers = vec![read_signer(reader)?];
            manifest.bare = true;
        }
        2 => {
            let flags = reader.uint()?;
            known(flags & !1)?;
            manifest.allow_patch = flags & 1 != 0;
            manifest.quorum = read_quorum(reader)?;
            manifest.signers = read_signers(reader)?;
            // Hypercore's verifier goes by the number of signers, not by how the manifest was written.
            manifest.bare = !manifest.allow_patch && manifest.signers.len() == 1;
        }
        _ => return Err(ManifestError::Unknown),
    }
    Ok(manifest)
}

fn read_v1(reader: &mut Reader<'_>, version: u8) -> Result<Manifest, ManifestError> {
    let mut manifest = blank(version);
    let flags = reader.uint()?;
    known(flags & if version == 1 { !3 } else { !15 })?;
    known(reader.uint()?)?;
    manifest.allow_patch = flags & 1 != 0;
    manifest.quorum = read_quorum(reader)?;
    manifest.signers = read_signers(reader)?;
    if flags & 2 != 0 {
        manifest.prologue = Some((reader.array()?, reader.uint_up_to(super::MAX_LENGTH - 1)?));
    }
    if flags & 4 != 0 {
        for _ in 0..reader.count(32)? {
            reader.bytes(32)?;
        }
    }
    if flags & 8 != 0 {
        reader.buffer()?;
    }
    Ok(manifest)
}

//! Signed heads: the owner of a log committed to this tree hash, at this length, in this fork.
//!
//! Four schemes sign the same statement; which one applies follows from key and manifest (`treeHash` 32 bytes, `len` and
//! `fork` little-endian u64):
//!
//! | scheme | signed bytes | key | written by |
//! |---|---|---|---|
//! | legacy48 | treeHash len fork | public key | 10.0.0-alpha.0 ... alpha.25, Vitra's receipts |
//! | compat80 | TREE treeHash len fork | public key | alpha.26 ... 11 for keys that are public keys |
//! | ns112 | TREE namespace treeHash len fork | manifest hash | manifest v0; 10.32 with v1; the default namespace only |
//! | key112 | TREE key treeHash len fork | manifest hash | 10.33 ... 11 with manifest v1 or v2 |
//!
//! One key may have signed under two schemes (the software was upgraded); each counts on its own. With a manifest the
//! signature is a container: `n x (signer | signature | patch) | m x (index | size | hash)`, except for v0 with one
//! signer. A *patch* says that the signer signed a tree that is `patch` blocks longer; the nodes connect the two.
//!
//! A signature in ns112 names no log: one key pair that signs two logs signs the same bytes for both. Nobody is accused by such
//! heads ([`SignedHead::names_its_log`]). In the other schemes the signed bytes, or the key that they verify under, name it.
//!
//! A [`HeadClaim`] is what somebody says, a [`SignedHead`] is a claim that verified. Of what JavaScript accepts we refuse
//! what would give one head two encodings or let strangers write one: surplus signatures that do not verify, unused patch
//! nodes, a manifest that the key does not bind, an unsigned (prologue) head with a signature or in a fork other than 0.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::encoding::{DecodeError, Reader, put_buffer, put_uint};
use super::flat::{self, Subtree};
use super::hash::{Hash, Node, namespace};
use super::manifest::{Manifest, ManifestError, Signer};
use super::tree::{Roots, TreeError};
use super::{Key, MAX_BYTES, MAX_LENGTH};

/// Signatures and containers are at most this many bytes.
pub const MAX_SIGNATURE: usize = 64 * 1024;

/// How a head is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// 48 bytes: tree hash, length, fork.
    Legacy48,
    /// 80 bytes: the namespace TREE before those.
    Compat80,
    /// 112 bytes: TREE and the signer's namespace before those.
    Namespace112,
    /// 112 bytes: TREE and the log's key before those.
    Key112,
    /// Not signed: the manifest itself fixes the tree hash (a prologue, or a log that never grows).
    Manifest,
}

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The length is [`MAX_LENGTH`] or more, or the fork is larger than JavaScript can count.
    #[error("the length or the fork is out of range")]
    Range,
    /// A field is larger than its limit.
    #[error("the signature is too large")]
    TooLarge,
    /// Bytes cannot be read.
    #[error("it cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// The manifest is refused.
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    /// The manifest says nothing about this key and must be left out.
    #[error("the key is a public key, so nothing binds the manifest")]
    UnboundManifest,
    /// A signer's public key (or the log's key) is no point of the curve.
    #[error("the signing key is not a valid Ed25519 key")]
    KeyNotAPoint,
    /// A signature is not one of this statement by this key, under any scheme that applies.
    #[error("the signature does not verify")]
    BadSignature,
    /// Fewer signatures than the manifest's quorum.
    #[error("fewer signatures than the quorum")]
    Quorum,
    /// A signer that does not exist, or that occurs twice.
    #[error("a signer does not exist or occurs twice")]
    BadSigner,
    /// A patch where the manifest allows none, of a kind that is not supported, or with other nodes than it needs.
    #[error("the patch inside the signature is not valid")]
    BadPatch,
    /// Full roots are needed (patches) and missing, or given and not needed, or do not hash to the tree hash.
    #[error("the full roots are missing, superfluous or wrong")]
    BadRoots,
    /// The head is within the manifest's prologue and not equal to it.
    #[error("the head contradicts the manifest's prologue")]
    Prologue,
    /// The tree is not possible.
    #[error("{0}")]
    Tree(#[from] TreeError),
}

/// A head as somebody claims it; see [`HeadClaim::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadClaim {
    /// The log.
    pub key: Key,
    /// Its manifest, where the key is a manifest's hash (and only there).
    pub manifest: Option<Manifest>,
    /// How often the owner truncated the log.
    pub fork: u64,
    /// Number of blocks.
    pub length: u64,
    /// Tree hash at that length.
    pub tree_hash: Hash,
    /// A signature of 64 bytes or a container. Empty where the manifest fixes the tree hash.
    pub signature: Vec<u8>,
    /// The full roots at `length`, where a patch inside the signature needs them (and only there).
    pub roots: Vec<Node>,
}

/// A head that its owner signed. Only [`HeadClaim::verify`] makes one, and [`SignedHead::sign`], which signs it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    claim: HeadClaim,
    scheme: Scheme,
    signers: Vec<Key>,
    // Length of the longest tree that one of the signers signed.
    reach: u64,
}

impl SignedHead {
    /// Signs a head with the key that the log belongs to: its own public key (compat80), or the only signer of a manifest
    /// of version 1 or later (key112). `None` if it is neither.
    pub fn sign(
        secret: &SigningKey,
        key: Key,
        manifest: Option<&Manifest>,
        fork: u64,
        length: u64,
        tree_hash: Hash,
    ) -> Option<SignedHead> {
        let public = secret.verifying_key().to_bytes();
        if length >= MAX_LENGTH || fork > MAX_BYTES {
            return None;
        }
        let sign = |scheme| secret.sign(&signable(scheme, &key, &tree_hash, length, fork)).to_bytes();
        let (scheme, signature) = match manifest {
            None if key == public => (Scheme::Compat80, sign(Scheme::Compat80).to_vec()),
            Some(manifest) if manifest.is_single(&public) && manifest.key() == key => {
                // One signature, by signer 0, without a patch; no nodes.
                (Scheme::Key112, [&[1, 0], &sign(Scheme::Key112)[..], &[0, 0]].concat())
            }
            _ => return None,
        };
        let claim =
            HeadClaim { key, manifest: manifest.cloned(), fork, length, tree_hash, signature, roots: Vec::new() };
        Some(SignedHead { claim, scheme, signers: vec![public], reach: length })
    }

    /// The log.
    pub fn key(&self) -> &Key {
        &self.claim.key
    }
    /// Its manifest, if the key is a manifest's hash.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.claim.manifest.as_ref()
    }
    /// How often the owner truncated the log before this head.
    pub fn fork(&self) -> u64 {
        self.claim.fork
    }
    /// Number of blocks.
    pub fn length(&self) -> u64 {
        self.claim.length
    }
    /// Tree hash at that length.
    pub fn tree_hash(&self) -> &Hash {
        &self.claim.tree_hash
    }
    /// The signature, as it came.
    pub fn signature(&self) -> &[u8] {
        &self.claim.signature
    }
    /// The scheme under which it verified.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
    /// Public keys of those who signed, in the order of the container. Empty if the manifest fixes the tree hash.
    pub fn signers(&self) -> &[Key] {
        &self.signers
    }
    /// Whether the signatures say which log they are of, so that they can accuse its owner. A signature in the scheme ns112
    /// says the same of every log whose manifest has this signer; a head that nobody signed says nothing of anybody.
    pub fn names_its_log(&self) -> bool {
        match self.scheme {
            Scheme::Legacy48 | Scheme::Compat80 | Scheme::Key112 => true,
            Scheme::Namespace112 | Scheme::Manifest => false,
        }
    }
    /// Whether it was derived from signatures over longer trees. Anybody can do that, for any shorter length: such a head
    /// shows which blocks the log has, never where a batch or the log ends, and the sizes of its roots bind nobody.
    pub fn is_patched(&self) -> bool {
        self.reach > self.claim.length
    }
    /// Number of blocks of the longest tree that one of its signers signed: its own length, unless it is patched.
    pub fn reach(&self) -> u64 {
        self.reach
    }
    /// Whether these are its full roots.
    pub fn has_roots(&self, roots: &Roots) -> bool {
        let own = || self.claim.roots.iter().map(|node| node.hash).eq(roots.nodes().iter().map(|node| node.hash));
        roots.length() == self.claim.length
            && (roots.tree_hash() == self.claim.tree_hash || (self.is_patched() && own()))
    }
    /// The claim, to be written down and verified again elsewhere.
    pub fn claim(&self) -> &HeadClaim {
        &self.claim
    }
    /// Whether both say the same, whoever signed and however.
    pub fn same_statement(&self, other: &SignedHead) -> bool {
        (self.key(), self.fork(), self.length(), self.tree_hash())
            == (other.key(), other.fork(), other.length(), other.tree_hash())
    }
}

/// Who signed a claim, and how.
struct Signed {
    scheme: Scheme,
    signers: Vec<Key>,
    reach: u64,
}

/// One signature of a container.
struct Part {
    signer: usize,
    signature: [u8; 64],
    patch: u64,
}

struct Container {
    parts: Vec<Part>,
    nodes: Vec<(u64, Node)>,
}

impl HeadClaim {
    /// A claim by the log's own key, without a manifest: every Vitra log, and its receipts.
    pub fn by_public_key(key: Key, fork: u64, length: u64, tree_hash: Hash, signature: &[u8]) -> HeadClaim {
        HeadClaim { key, manifest: None, fork, length, tree_hash, signature: signature.to_vec(), roots: Vec::new() }
    }

    /// A Vitra receipt (`BlockInclusionProof`): the owner's signature over the log up to and including block `seq`. A head
    /// like any other, of fork 0 and in the legacy48 scheme.
    pub fn receipt(key: Key, seq: u64, tree_hash: Hash, signature: &[u8]) -> HeadClaim {
        HeadClaim::by_public_key(key, 0, seq.saturating_add(1), tree_hash, signature)
    }

    /// Checks everything and turns the claim into a head.
    pub fn verify(self) -> Result<SignedHead, HeadError> {
        if self.length >= MAX_LENGTH || self.fork > MAX_BYTES {
            return Err(HeadError::Range);
        }
        if self.signature.len() > MAX_SIGNATURE {
            return Err(HeadError::TooLarge);
        }
        let Signed { scheme, signers, reach } = match &self.manifest {
            None => self.verify_public_key()?,
            Some(manifest) if manifest.key() != self.key => {
                return Err(if manifest.is_compat(&self.key) {
                    HeadError::UnboundManifest
                } else {
                    ManifestError::NotThisKey.into()
                });
            }
            Some(manifest) => self.verify_manifest(manifest)?,
        };
        Ok(SignedHead { claim: self, scheme, signers, reach })
    }

    /// Whether the signature holds patches, so that `roots` must be filled in before [`HeadClaim::verify`].
    pub fn needs_roots(&self) -> bool {
        let Some(manifest) = self.manifest.as_ref().filter(|manifest| manifest.allow_patch) else { return false };
        read_container(manifest, &self.signature).is_ok_and(|c| c.parts.iter().any(|part| part.patch > 0))
    }

    fn verify_public_key(&self) -> Result<Signed, HeadError> {
        if !self.roots.is_empty() {
            return Err(HeadError::BadRoots);
        }
        let signature = self.signature.as_slice().try_into().map_err(|_| HeadError::BadSignature)?;
        let key = point(&self.key)?;
        for scheme in [Scheme::Compat80, Scheme::Legacy48] {
            let signed = signable(scheme, &[0; 32], &self.tree_hash, self.length, self.fork);
            if verifies(&key, &signed, signature) {
                return Ok(Signed { scheme, signers: vec![self.key], reach: self.length });
            }
        }
        Err(HeadError::BadSignature)
    }

    fn verify_manifest(&self, manifest: &Manifest) -> Result<Signed, HeadError> {
        if let Some(hash) = manifest.fixed {
            return self.verify_unsigned(self.tree_hash == hash);
        }
        if let Some((hash, length)) = manifest.prologue
            && self.length <= length
        {
            return self.verify_unsigned(self.length == length && self.tree_hash == hash);
        }
        if manifest.quorum < 1 || manifest.quorum > manifest.signers.len() {
            return Err(HeadError::Quorum);
        }
        let container = read_container(manifest, &self.signature)?;
        if container.parts.len() < manifest.quorum {
            return Err(HeadError::Quorum);
        }
        let mut signers: Vec<&Signer> = Vec::new();
        for (i, part) in container.parts.iter().enumerate() {
            let before = container.parts.get(..i).unwrap_or_default();
            if before.iter().any(|earlier| earlier.signer == part.signer) {
                return Err(HeadError::BadSigner);
            }
            signers.push(manifest.signers.get(part.signer).ok_or(HeadError::BadSigner)?);
        }
        let signed = self.patched(manifest, &container)?;
        // A signature in ns112 does not say which log it is of: with a namespace of his choice (the key of a victim's log,
        // say) a forger would make a log of his own from the victim's signatures. Only what real software wrote is taken:
        // the default namespace, under version 0, and without patches under version 1 (10.32).
        let plain = !manifest.allow_patch && signers.iter().all(|signer| signer.namespace == namespace::DEFAULT);
        let schemes: &[Scheme] = match manifest.version {
            0 if signers.iter().any(|signer| signer.namespace != namespace::DEFAULT) => &[],
            0 => &[Scheme::Namespace112],
            1 if plain => &[Scheme::Key112, Scheme::Namespace112],
            _ => &[Scheme::Key112],
        };
        let mut points = Vec::new();
        for signer in &signers {
            points.push(point(&signer.public_key)?);
        }
        for scheme in schemes {
            let all = container.parts.iter().zip(&signers).zip(&points).zip(&signed);
            let mut all = all.map(|(((part, signer), key), (hash, length))| {
                let context = if *scheme == Scheme::Key112 { &self.key } else { &signer.namespace };
                verifies(key, &signable(*scheme, context, hash, *length, self.fork), &part.signature)
            });
            if all.all(|good| good) {
                let reach = signed.iter().map(|(_, length)| *length).fold(self.length, u64::max);
                let signers = signers.iter().map(|signer| signer.public_key).collect();
                return Ok(Signed { scheme: *scheme, signers, reach });
            }
        }
        Err(HeadError::BadSignature)
    }

    /// The manifest vouches for the tree hash, but not for a fork: without a signature only fork 0 can be meant.
    fn verify_unsigned(&self, equal: bool) -> Result<Signed, HeadError> {
        if !equal || self.fork != 0 {
            return Err(HeadError::Prologue);
        }
        if !self.signature.is_empty() {
            return Err(HeadError::BadSignature);
        }
        if !self.roots.is_empty() {
            return Err(HeadError::BadRoots);
        }
        Ok(Signed { scheme: Scheme::Manifest, signers: Vec::new(), reach: self.length })
    }

    /// Tree hash and length that each signer signed.
    fn patched(&self, manifest: &Manifest, container: &Container) -> Result<Vec<(Hash, u64)>, HeadError> {
        let any = container.parts.iter().any(|part| part.patch > 0);
        if any && (!manifest.allow_patch || manifest.version == 0) {
            return Err(HeadError::BadPatch);
        }
        if !any {
            if !container.nodes.is_empty() {
                return Err(HeadError::BadPatch);
            }
            if !self.roots.is_empty() {
                return Err(HeadError::BadRoots);
            }
            return Ok(container.parts.iter().map(|_| (self.tree_hash, self.length)).collect());
        }
        let roots = Roots::from_nodes(self.length, &self.roots).map_err(|_| HeadError::BadRoots)?;
        if roots.tree_hash() != self.tree_hash {
            return Err(HeadError::BadRoots);
        }
        // The nodes stand in the order in which the signatures need them first, each once.
        let mut unused = container.nodes.iter();
        let mut seen: Vec<(Subtree, Node)> = Vec::new();
        let mut signed = Vec::new();
        for part in &container.parts {
            let to = self.length.checked_add(part.patch).filter(|to| *to < MAX_LENGTH).ok_or(HeadError::Range)?;
            let mut tree = roots.clone();
            for at in flat::extension(self.length, to) {
                let node = match seen.iter().find(|(there, _)| *there == at) {
                    Some((_, node)) => *node,
                    None => match unused.next() {
                        Some((index, node)) if *index == at.index() => {
                            seen.push((at, *node));
                            *node
                        }
                        _ => return Err(HeadError::BadPatch),
                    },
                };
                tree.push_subtree(at, node)?;
            }
            signed.push((tree.tree_hash(), to));
        }
        if unused.next().is_some() { Err(HeadError::BadPatch) } else { Ok(signed) }
    }

    /// The bytes of a claim: `key | manifest | fork | length | treeHash | signature | roots`, integers and lengths compact.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.key.to_vec();
        put_buffer(&mut out, self.manifest.as_ref().map_or(&[], |manifest| manifest.bytes()));
        put_uint(&mut out, self.fork);
        put_uint(&mut out, self.length);
        out.extend_from_slice(&self.tree_hash);
        put_buffer(&mut out, &self.signature);
        put_uint(&mut out, self.roots.len() as u64);
        for node in &self.roots {
            put_uint(&mut out, node.size);
            out.extend_from_slice(&node.hash);
        }
        out
    }

    /// Reads what [`HeadClaim::encode`] wrote; nothing may be left over.
    pub fn decode(bytes: &[u8]) -> Result<HeadClaim, HeadError> {
        let mut reader = Reader::new(bytes);
        let key = reader.array()?;
        let manifest = match reader.buffer()? {
            [] => None,
            bytes => Some(Manifest::decode(bytes)?),
        };
        let (fork, length) = (reader.uint()?, reader.uint()?);
        let tree_hash = reader.array()?;
        let signature = reader.buffer()?;
        if signature.len() > MAX_SIGNATURE {
            return Err(HeadError::TooLarge);
        }
        let count = reader.count(33)?;
        let node = |_| Ok(Node { size: reader.uint_up_to(MAX_BYTES)?, hash: reader.array()? });
        let roots = (0..count).map(node).collect::<Result<Vec<_>, DecodeError>>()?;
        reader.end()?;
        Ok(HeadClaim { key, manifest, fork, length, tree_hash, signature: signature.to_vec(), roots })
    }
}

/// The bytes that get signed. `context` is the signer's namespace or the log's key; unused without a manifest.
pub fn signable(scheme: Scheme, context: &[u8; 32], tree_hash: &Hash, length: u64, fork: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(112);
    if scheme != Scheme::Legacy48 {
        out.extend_from_slice(&namespace::TREE);
    }
    if matches!(scheme, Scheme::Namespace112 | Scheme::Key112) {
        out.extend_from_slice(context);
    }
    out.extend_from_slice(tree_hash);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&fork.to_le_bytes());
    out
}

fn point(key: &Key) -> Result<VerifyingKey, HeadError> {
    VerifyingKey::from_bytes(key).map_err(|_| HeadError::KeyNotAPoint)
}

/// Strict: one signature, one meaning, no key of small order (anybody could sign for one).
fn verifies(key: &VerifyingKey, signed: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(signed, &Signature::from_bytes(signature)).is_ok()
}

fn read_container(manifest: &Manifest, bytes: &[u8]) -> Result<Container, HeadError> {
    let index = |value: u64| usize::try_from(value).map_err(|_| HeadError::BadSigner);
    if manifest.bare {
        let signature = bytes.try_into().map_err(|_| HeadError::BadSignature)?;
        return Ok(Container { parts: vec![Part { signer: 0, signature, patch: 0 }], nodes: Vec::new() });
    }
    let mut reader = Reader::new(bytes);
    let mut parts = Vec::new();
    for _ in 0..reader.count(65)? {
        if manifest.version == 0 {
            // Flag 1: patches, whose v0 form no known software wrote.
            if reader.uint()? != 0 {
                return Err(HeadError::BadPatch);
            }
            parts.push(Part { signer: index(reader.uint()?)?, signature: reader.array()?, patch: 0 });
        } else {
            let (signer, signature) = (index(reader.uint()?)?, reader.array()?);
            parts.push(Part { signer, signature, patch: reader.uint()? });
        }
    }
    let mut nodes = Vec::new();
    for _ in 0..reader.count(34)? {
        nodes.push((reader.uint()?, Node { size: reader.uint_up_to(MAX_BYTES)?, hash: reader.array()? }));
    }
    reader.end()?;
    Ok(Container { parts, nodes })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one way around `verify` must lead to the same place.
    #[test]
    fn what_we_sign_verifies() {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let public = secret.verifying_key().to_bytes();
        let manifest = Manifest::single(&public);
        assert_eq!(Manifest::decode(manifest.bytes()), Ok(manifest.clone()));
        for (key, manifest) in [(public, None), (manifest.key(), Some(&manifest))] {
            for (fork, length) in [(0, 1), (3, 1 << 40)] {
                let head = SignedHead::sign(&secret, key, manifest, fork, length, [9; 32]).unwrap();
                assert_eq!(head.claim().clone().verify(), Ok(head));
            }
            assert!(SignedHead::sign(&SigningKey::from_bytes(&[8; 32]), key, manifest, 0, 1, [9; 32]).is_none());
        }
    }
}

//! Who may sign a log, and how: every key scheme, manifest version and quorum that real software writes.
//!
//! A [`Style`] says what kind of key a log has; a [`Charter`] is that key with its manifest and the key pairs behind it. The
//! charters of honest owners sign honestly ([`Charter::sign`]). The forger writes charters of his own with the same bytes
//! ([`manifest_bytes`]), over public keys that he can name but not sign with.

use ed25519_dalek::{Signer as _, SigningKey};
use vitra_watch::hypercore::encoding::put_uint;
use vitra_watch::hypercore::hash::{blake2b, namespace};
use vitra_watch::hypercore::head::signable;
use vitra_watch::hypercore::{Hash, Key, Manifest, Nodes as _, Scheme};
use vitra_watch::lab::Random;

use crate::logs::{History, Signature};

/// What kind of key a log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Its key is the public key; heads of 48 bytes, and receipts at every length.
    Legacy,
    /// Its key is the public key; heads of 80 bytes.
    Compat,
    /// Its key is the public key; the software was upgraded halfway.
    Upgraded,
    /// A manifest of version 0, with one signer or several.
    Version0 { signers: u8, quorum: u8 },
    /// A manifest of version 1 as Hypercore 10.32 signed it: in the scheme ns112.
    Namespaced,
    /// A manifest of version 1 or 2, signed in key112.
    Manifest { version: u8, signers: u8, quorum: u8, patches: bool, prologue: bool },
    /// A manifest of version 0 that fixes the tree: the log never grows, and nobody signs it.
    Fixed,
}

/// Styles that a participant's log can have: its key is known before its first block.
pub const OPLOGS: [Style; 12] = [
    Style::Legacy,
    Style::Compat,
    Style::Upgraded,
    Style::Version0 { signers: 1, quorum: 1 },
    Style::Version0 { signers: 3, quorum: 2 },
    Style::Namespaced,
    Style::Manifest { version: 1, signers: 1, quorum: 1, patches: false, prologue: false },
    Style::Manifest { version: 1, signers: 1, quorum: 1, patches: true, prologue: false },
    Style::Manifest { version: 2, signers: 1, quorum: 1, patches: true, prologue: false },
    Style::Manifest { version: 2, signers: 1, quorum: 1, patches: false, prologue: false },
    Style::Manifest { version: 1, signers: 2, quorum: 1, patches: true, prologue: false },
    Style::Manifest { version: 2, signers: 3, quorum: 2, patches: true, prologue: false },
];

/// Styles that an index can have besides.
pub const INDEXES: [Style; 4] = [
    Style::Fixed,
    Style::Manifest { version: 1, signers: 1, quorum: 1, patches: false, prologue: true },
    Style::Manifest { version: 1, signers: 3, quorum: 2, patches: false, prologue: false },
    Style::Manifest { version: 2, signers: 2, quorum: 1, patches: true, prologue: true },
];

impl Style {
    /// The scheme in which an honest owner signs length `length` of `all`.
    pub fn scheme(self, length: u64, all: u64) -> Scheme {
        match self {
            Style::Legacy => Scheme::Legacy48,
            Style::Upgraded if length <= all / 2 => Scheme::Legacy48,
            Style::Compat | Style::Upgraded => Scheme::Compat80,
            Style::Version0 { .. } | Style::Namespaced => Scheme::Namespace112,
            Style::Manifest { .. } => Scheme::Key112,
            Style::Fixed => Scheme::Manifest,
        }
    }

    /// How many key pairs it needs.
    pub fn signers(self) -> usize {
        match self {
            Style::Version0 { signers, .. } | Style::Manifest { signers, .. } => usize::from(signers),
            Style::Fixed => 0,
            _ => 1,
        }
    }

    /// Whether the key is the public key.
    pub fn is_public_key(self) -> bool {
        matches!(self, Style::Legacy | Style::Compat | Style::Upgraded)
    }
}

/// The bytes of a manifest of version 1 or 2.
pub fn manifest_bytes(
    version: u8,
    patches: bool,
    quorum: u64,
    signers: &[(Hash, Key)],
    prologue: Option<(Hash, u64)>,
) -> Vec<u8> {
    let mut bytes = vec![version, u8::from(patches) | u8::from(prologue.is_some()) << 1, 0];
    put_uint(&mut bytes, quorum);
    put_signers(&mut bytes, signers);
    if let Some((tree, length)) = prologue {
        bytes.extend_from_slice(&tree);
        put_uint(&mut bytes, length);
    }
    bytes
}

/// The bytes of a manifest of version 0 with one signer, or with several.
pub fn manifest_v0(patches: bool, quorum: u64, signers: &[(Hash, Key)]) -> Vec<u8> {
    match signers {
        [(namespace, key)] if !patches && quorum == 1 => [&[0, 0, 1, 0], &namespace[..], key].concat(),
        _ => {
            let mut bytes = vec![0, 0, 2, u8::from(patches)];
            put_uint(&mut bytes, quorum);
            put_signers(&mut bytes, signers);
            bytes
        }
    }
}

fn put_signers(bytes: &mut Vec<u8>, signers: &[(Hash, Key)]) {
    put_uint(bytes, signers.len() as u64);
    for (namespace, key) in signers {
        bytes.push(0);
        bytes.extend_from_slice(namespace);
        bytes.extend_from_slice(key);
    }
}

/// A log's key, with who may sign the log.
#[derive(Clone)]
pub struct Charter {
    pub style: Style,
    pub key: Key,
    pub manifest: Option<Manifest>,
    pairs: Vec<SigningKey>,
}

impl Charter {
    /// The charter of a log with these key pairs. `history` is the log's own where the style fixes a part of it.
    pub fn new(style: Style, pairs: &[SigningKey], history: Option<&History>, random: &mut Random) -> Charter {
        let pairs = pairs[..style.signers()].to_vec();
        // Namespaces of an owner's choice are usual, but ns112 is read under the default one only.
        let own = blake2b(&[b"a namespace", &random.bits().to_le_bytes()]);
        let other = !matches!(style, Style::Namespaced) && random.once_in(3);
        let chosen = if other { own } else { namespace::DEFAULT };
        let signers: Vec<(Hash, Key)> = pairs.iter().map(|pair| (chosen, pair.verifying_key().to_bytes())).collect();
        let bytes = match style {
            Style::Legacy | Style::Compat | Style::Upgraded => {
                return Charter { style, key: signers[0].1, manifest: None, pairs };
            }
            Style::Version0 { quorum, .. } => manifest_v0(false, quorum.into(), &signers),
            Style::Namespaced => manifest_bytes(1, false, 1, &signers, None),
            Style::Manifest { version, quorum, patches, prologue, .. } => {
                let history = history.filter(|_| prologue).filter(|history| history.length() > 1);
                let first = history.map(|history| {
                    let length = 1 + random.below(history.length() - 1);
                    (history.tree.roots_at(length).unwrap().tree_hash(), length)
                });
                manifest_bytes(version, patches, quorum.into(), &signers, first)
            }
            Style::Fixed => {
                let tree = history.map_or([0; 32], |history| history.tree.roots().tree_hash());
                [&[0, 0, 0][..], &tree].concat()
            }
        };
        let manifest = Manifest::decode(&bytes).unwrap();
        Charter { style, key: manifest.key(), manifest: Some(manifest), pairs }
    }

    /// The public keys of who may sign it.
    pub fn public_keys(&self) -> Vec<Key> {
        self.pairs.iter().map(|pair| pair.verifying_key().to_bytes()).collect()
    }

    /// What signer number `signer` honestly signs of a history at a length.
    pub fn sign(&self, signer: usize, at: (usize, &History), length: u64) -> Signature {
        let (number, history) = at;
        let scheme = self.style.scheme(length, history.length());
        let context = match (&self.manifest, scheme) {
            (Some(manifest), Scheme::Namespace112) => manifest.signers[signer].namespace,
            _ => self.key,
        };
        let tree = history.tree.roots_at(length).unwrap().tree_hash();
        let bytes = self.pairs[signer].sign(&signable(scheme, &context, &tree, length, history.fork)).to_bytes();
        Signature { signer, history: number, length, fork: history.fork, bytes }
    }

    /// How many signatures a head needs.
    pub fn quorum(&self) -> usize {
        self.manifest.as_ref().map_or(1, |manifest| manifest.quorum)
    }

    /// Whether heads may be derived from signatures over longer trees.
    pub fn patches(&self) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| manifest.allow_patch && manifest.version > 0)
    }
}

/// A key pair that belongs to a number.
pub fn pair(seed: u64, number: u64) -> SigningKey {
    SigningKey::from_bytes(&blake2b(&[b"forger", &seed.to_le_bytes(), &number.to_le_bytes()]))
}

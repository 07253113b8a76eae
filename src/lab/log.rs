//! Logs that the lab writes: who signs them, and where their blocks go.

use std::io;

use ed25519_dalek::SigningKey;

use crate::database::ack::to_hex;
use crate::hyperbee::{Block, Blocks};
use crate::hypercore::hash::{blake2b, leaf};
use crate::hypercore::views::View;
use crate::hypercore::{Key, Manifest, MerkleTree, Roots, SignedHead};

/// How the key of a log follows from its owner's public key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyScheme {
    /// It is the public key ("compat"): all that Vitra writes.
    #[default]
    PublicKey,
    /// It is the hash of a manifest of version 1.
    Manifest,
}

/// The owner of a log: who can sign its heads.
#[derive(Clone)]
pub struct Owner {
    // `None` where the heads are signed elsewhere.
    secret: Option<SigningKey>,
    key: Key,
    manifest: Option<Manifest>,
}

impl std::fmt::Debug for Owner {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owner").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Owner {
    /// The owner whose Ed25519 seed this is.
    pub fn new(seed: [u8; 32], scheme: KeyScheme) -> Self {
        let secret = SigningKey::from_bytes(&seed);
        let public = secret.verifying_key().to_bytes();
        let manifest = (scheme == KeyScheme::Manifest).then(|| Manifest::single(&public));
        let key = manifest.as_ref().map_or(public, Manifest::key);
        Self { secret: Some(secret), key, manifest }
    }

    /// The owner of a log with this key, who signs nothing here: a [`Log`] of theirs keeps blocks only. This is for tests of
    /// key schemes that the lab does not write. They sign the heads themselves.
    pub fn named(key: Key) -> Self {
        Self { secret: None, key, manifest: None }
    }

    /// One of the owners that belong to a seed. Everybody can derive them: labs are for tests and demonstrations.
    pub fn numbered(seed: u64, number: u64, scheme: KeyScheme) -> Self {
        Self::new(blake2b(&[b"vitra-watch lab", &seed.to_le_bytes(), &number.to_le_bytes()]), scheme)
    }

    /// The log's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The log's manifest, where its key is a manifest's hash.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Signs a head. `None` beyond the longest log there can be, and of an owner who signs nothing here.
    pub fn sign(&self, fork: u64, roots: &Roots) -> Option<SignedHead> {
        SignedHead::sign(
            self.secret.as_ref()?,
            self.key,
            self.manifest.as_ref(),
            fork,
            roots.length(),
            roots.tree_hash(),
        )
    }
}

/// Where the blocks and heads of a log go.
pub trait Store: Blocks {
    /// Appends blocks.
    ///
    /// # Errors
    /// When they cannot be written, or the log would be longer than a log can be.
    fn push(&mut self, blocks: &[Vec<u8>]) -> io::Result<()>;
    /// The full roots over all blocks.
    fn roots(&self) -> &Roots;
    /// Keeps a signed head of the blocks so far.
    ///
    /// # Errors
    /// When it cannot be written.
    fn keep(&mut self, head: SignedHead) -> io::Result<()>;
    /// Begins another history: the first `length` blocks stay, and the history so far is kept beside it with its heads.
    ///
    /// # Errors
    /// When it cannot be written.
    fn cut(&mut self, length: u64, fork: u64) -> io::Result<()>;
}

/// A log with its owner.
#[derive(Clone, Debug)]
pub struct Log<S> {
    owner: Owner,
    name: String,
    fork: u64,
    /// Its blocks.
    pub store: S,
}

impl<S: Store> Log<S> {
    /// A log in a store.
    pub fn new(owner: Owner, fork: u64, store: S) -> Self {
        let name = to_hex(owner.key());
        Self { owner, name, fork, store }
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        self.owner.key()
    }

    /// Its key in hex, under which the executor knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it was cut.
    pub fn fork(&self) -> u64 {
        self.fork
    }

    /// Number of blocks.
    pub fn length(&self) -> u64 {
        self.store.length()
    }

    /// Appends blocks at once and signs one head over them, as `append()` does.
    ///
    /// # Errors
    /// Those of the store.
    pub fn append(&mut self, blocks: &[Vec<u8>]) -> io::Result<()> {
        self.store.push(blocks)?;
        if self.owner.secret.is_none() {
            return Ok(());
        }
        let head = self.owner.sign(self.fork, self.store.roots());
        self.store.keep(head.ok_or_else(|| io::Error::other("the log is as long as a log can be"))?)
    }

    /// Cuts the log, as `truncate()` does: with a higher fork counter, and a head at the new length. Without `openly` the
    /// fork counter stays and nothing is signed.
    ///
    /// # Errors
    /// Those of the store.
    pub fn cut(&mut self, length: u64, openly: bool) -> io::Result<()> {
        self.fork = self.fork.saturating_add(u64::from(openly));
        self.store.cut(length, self.fork)?;
        match self.owner.sign(self.fork, self.store.roots()) {
            Some(head) if openly => self.store.keep(head),
            _ => Ok(()),
        }
    }
}

/// A log in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    now: History,
    past: Vec<History>,
}

#[derive(Clone, Debug, Default)]
struct History {
    blocks: Vec<Block>,
    tree: MerkleTree,
    heads: Vec<SignedHead>,
}

impl Memory {
    /// What is known of the log, every history by itself.
    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        [&self.now].into_iter().chain(&self.past).map(|history| View { heads: &history.heads, tree: &history.tree })
    }

    /// The present history's blocks.
    pub fn blocks(&self) -> &Vec<Block> {
        &self.now.blocks
    }

    /// The present history's tree.
    pub fn tree(&self) -> &MerkleTree {
        &self.now.tree
    }

    /// The present history's heads, in the order in which they were signed.
    pub fn heads(&self) -> &[SignedHead] {
        &self.now.heads
    }

    /// Forgets the histories before the present one, as a peer that never saw them.
    pub fn forget_past(&mut self) {
        self.past.clear();
    }
}

impl Blocks for Memory {
    fn length(&self) -> u64 {
        self.now.blocks.len() as u64
    }
    fn block(&self, seq: u64) -> Option<Block> {
        self.now.blocks.block(seq)
    }
}

impl Store for Memory {
    fn push(&mut self, blocks: &[Vec<u8>]) -> io::Result<()> {
        for block in blocks {
            self.now.tree.push_leaf(leaf(block)).map_err(io::Error::other)?;
            self.now.blocks.push(block.as_slice().into());
        }
        Ok(())
    }

    fn roots(&self) -> &Roots {
        self.now.tree.roots()
    }

    fn keep(&mut self, head: SignedHead) -> io::Result<()> {
        self.now.heads.push(head);
        Ok(())
    }

    fn cut(&mut self, length: u64, _: u64) -> io::Result<()> {
        let kept: Vec<Block> =
            self.now.blocks.iter().take(usize::try_from(length).unwrap_or(usize::MAX)).cloned().collect();
        let tree = MerkleTree::over(&kept).map_err(io::Error::other)?;
        let before = std::mem::replace(&mut self.now, History { blocks: kept, tree, heads: Vec::new() });
        self.past.push(before);
        Ok(())
    }
}

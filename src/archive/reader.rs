//! Reading an archive for an audit: nothing in it is trusted, and nothing in it changes.
//!
//! Every history becomes a [`Core`], bound to its newest head; blocks that no head covers yet are not shown. Heads whose
//! blocks are not held are kept beside, with the tree nodes that came with them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::core::{Files, Parts, Presence};
use super::files::StoreFile;
use super::nodes::{Layout, NODE, StoredNodes, read_node, records};
use super::sql::{self, HeadRow, HistoryRow, LogRow, Tables};
use super::store::history_dir;
use super::thin::MAX_KEPT;
use super::{Core, ImportError, writer};
use crate::hypercore::encoding::Reader;
use crate::hypercore::flat::{self, Subtree};
use crate::hypercore::views::View;
use crate::hypercore::{
    ConsistencyProof, HeadClaim, Key, MAX_BYTES, MAX_LENGTH, Manifest, Node, Nodes, SignedHead, discovery_key,
};

/// Of a history's older heads only so many are verified: they are prefixes of the newest.
const MAX_OLD_HEADS: usize = 64;
/// A database that changes while it is read is read again so often.
const ATTEMPTS: usize = 5;

/// An archive, opened read-only.
#[derive(Debug)]
pub struct ArchiveReader {
    dir: PathBuf,
    tables: Tables,
    cores: Vec<Core>,
    // Of each log's histories, by number: which core it is, and the length that was signed.
    places: HashMap<(i64, u64), (usize, u64)>,
    kept: Vec<KeptHead>,
}

/// What an archive holds of one log.
#[derive(Debug)]
pub struct Held {
    cores: Vec<Core>,
    kept: Vec<KeptHead>,
}

impl Held {
    /// Reads a log for whoever has the archive open for writing.
    pub(super) fn read(dir: &Path, tables: &Tables, row: &LogRow) -> Result<Held, ImportError> {
        let root = dir.canonicalize().map_err(|e| ImportError::new(dir, None, e))?;
        let opening = Opening::new(&root, dir, tables, row)?;
        let histories = opening.histories()?;
        let cores = histories.iter().map(|history| opening.core(history, MAX_OLD_HEADS)).collect::<Result<_, _>>()?;
        Ok(Held { cores, kept: opening.all_kept()? })
    }

    /// Its histories as far as they are committed, the current one first.
    pub fn cores(&self) -> &[Core] {
        &self.cores
    }

    /// Heads without blocks.
    pub fn kept(&self) -> &[KeptHead] {
        &self.kept
    }
}

impl ArchiveReader {
    /// Opens all logs of the archive at `dir`, in the order of their discovery keys, the current history of each first.
    /// Reads and verifies their heads, not their blocks.
    ///
    /// # Errors
    /// The file that does not hold what was committed.
    pub fn open(dir: &Path) -> Result<ArchiveReader, ImportError> {
        let mut attempt = 0;
        loop {
            let before = Tables::state(dir);
            let result = ArchiveReader::read(dir);
            attempt += 1;
            // With a writer at work SQLite keeps the reads apart; without, nobody may have come.
            let calm = before.is_some_and(|(open, ..)| open) || before == Tables::state(dir);
            if calm || attempt == ATTEMPTS {
                return result;
            }
        }
    }

    fn read(dir: &Path) -> Result<ArchiveReader, ImportError> {
        let root = dir.canonicalize().map_err(|e| ImportError::new(dir, None, e))?;
        let tables = Tables::read(&root)?;
        let (mut cores, mut places, mut kept) = (Vec::new(), HashMap::new(), Vec::new());
        for row in tables.logs()? {
            let opening = Opening::new(&root, dir, &tables, &row)?;
            for history in opening.histories()? {
                places.insert((row.id, history.number), (cores.len(), history.signed));
                cores.push(opening.core(&history, MAX_OLD_HEADS)?);
            }
            kept.extend(opening.all_kept()?);
        }
        if cores.is_empty() {
            return Err(tables.fail("there is no log in it"));
        }
        Ok(ArchiveReader { dir: dir.to_owned(), tables, cores, places, kept })
    }

    /// Goes on to what is committed now. Of a log that has grown only what is new is read; the heads without blocks, where
    /// `heads` says so. Histories that were not there before come last.
    ///
    /// # Errors
    /// As [`ArchiveReader::open`].
    pub fn renew(&mut self, heads: bool) -> Result<(), ImportError> {
        let root = self.dir.canonicalize().map_err(|e| ImportError::new(&self.dir, None, e))?;
        self.tables.renew(&root)?;
        let mut kept = Vec::new();
        for row in self.tables.logs()? {
            let opening = Opening::new(&root, &self.dir, &self.tables, &row)?;
            for history in opening.histories()? {
                let place = (row.id, history.number);
                let (at, signed) = self.places.get(&place).copied().unwrap_or((self.cores.len(), 0));
                match self.cores.get_mut(at) {
                    Some(_) if signed == history.signed => (),
                    Some(core) => core.extend(opening.parts(&history, 0)?)?,
                    None => self.cores.push(opening.core(&history, MAX_OLD_HEADS)?),
                }
                self.places.insert(place, (at, history.signed));
            }
            if heads {
                kept.extend(opening.all_kept()?);
            }
        }
        if heads {
            self.kept = kept;
        }
        Ok(())
    }

    /// The archive's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All histories of all logs; of each log the current one first.
    pub fn cores(&self) -> &[Core] {
        &self.cores
    }

    pub(super) fn cores_mut(&mut self) -> &mut [Core] {
        &mut self.cores
    }

    /// The same, without the reader.
    pub fn into_cores(self) -> Vec<Core> {
        self.cores
    }

    /// The heads whose blocks are not held.
    pub fn kept(&self) -> &[KeptHead] {
        &self.kept
    }
}

/// Whether a directory is an archive.
pub(crate) fn is_archive(dir: &Path) -> bool {
    dir.join(sql::FILE).is_file()
}

/// A head whose blocks are not held, and the tree nodes that came with it.
#[derive(Debug)]
pub struct KeptHead {
    head: SignedHead,
    // Authenticated, by flat-tree index.
    nodes: HashMap<u64, Node>,
}

impl KeptHead {
    /// The head.
    pub fn head(&self) -> &SignedHead {
        &self.head
    }

    /// What is known of the log through this head.
    pub fn view(&self) -> View<'_> {
        View { heads: std::slice::from_ref(&self.head), tree: self }
    }
}

impl Nodes for KeptHead {
    fn length(&self) -> u64 {
        self.head.length()
    }

    fn node(&self, at: Subtree) -> Option<Node> {
        self.nodes.get(&at.index()).copied()
    }
}

/// One log while it is opened.
struct Opening<'a> {
    root: &'a Path,
    dir: &'a Path,
    tables: &'a Tables,
    row: &'a LogRow,
    manifest: Option<Manifest>,
}

impl<'a> Opening<'a> {
    fn new(root: &'a Path, dir: &'a Path, tables: &'a Tables, row: &'a LogRow) -> Result<Self, ImportError> {
        if row.discovery_key != discovery_key(&row.key) {
            return Err(tables.fail("a log's discovery key does not belong to its key"));
        }
        let bind = |bytes: &[u8]| Manifest::decode(bytes)?.bind(&row.key);
        let manifest = row.manifest.as_deref().map_or(Ok(None), bind).map_err(|e| tables.fail(e))?;
        Ok(Opening { root, dir, tables, row, manifest })
    }

    /// The current history first.
    fn histories(&self) -> Result<Vec<HistoryRow>, ImportError> {
        let mut histories = self.tables.histories(self.row.id)?;
        let current = self.row.current;
        if !histories.is_empty() && !histories.iter().any(|row| Some(row.number) == current) {
            return Err(self.tables.fail("a log's current history is missing"));
        }
        histories.sort_by_key(|row| Some(row.number) != current);
        Ok(histories)
    }

    fn all_kept(&self) -> Result<Vec<KeptHead>, ImportError> {
        let kept = self.tables.kept(self.row.id, MAX_KEPT.saturating_add(1))?;
        Ok(kept.into_iter().filter_map(|row| self.kept(row)).collect())
    }

    fn core(&self, history: &HistoryRow, old_heads: usize) -> Result<Core, ImportError> {
        self.parts(history, old_heads).map(Core::new)
    }

    /// What is known of a history before its blocks are read, with so many of its older heads.
    fn parts(&self, history: &HistoryRow, old_heads: usize) -> Result<Parts, ImportError> {
        let HistoryRow { number, fork, length, bytes, signed } = *history;
        if length >= MAX_LENGTH || bytes > MAX_BYTES || signed > length {
            return Err(self.tables.fail("a history's length is out of range"));
        }
        let dir = history_dir(self.dir, self.row, number);
        let writer::Files { blocks, tree } = writer::Files::of(&dir);
        let file = StoreFile::open(self.root, &tree)?;
        let expected = records(length).saturating_mul(NODE);
        match &file {
            None if length > 0 => return Err(ImportError::new(&tree, None, "the file is missing")),
            Some(file) if file.length() < expected => {
                return Err(file.error(file.length(), "the file is cut off"));
            }
            _ => (),
        }
        let mut nodes = StoredNodes::new(Layout::Completion, file.map(|file| file.up_to(expected)));
        let roots = nodes.roots(&tree, signed)?;
        let mut rows = match old_heads {
            0 => Vec::new(),
            most => self.tables.heads(self.row.id, number, most)?,
        };
        if rows.first().is_some_and(|row| row.length > signed) {
            return Err(self.tables.fail("a history has a head beyond its signed length"));
        }
        let mut heads = Vec::new();
        if signed > 0 {
            // Found by what it says, not by its history: a head may be of two histories that begin alike.
            let row = self.tables.head(self.row.id, fork, signed, &roots.tree_hash())?;
            let reason = format!("the tree's roots are not those of the signed head of length {signed}");
            let row = row.ok_or_else(|| ImportError::new(&tree, None, reason))?;
            rows.retain(|old| (old.length, old.tree_hash) != (row.length, row.tree_hash));
            let head = self.claim(row).and_then(|claim| claim.verify().ok());
            heads.push(head.ok_or_else(|| self.tables.fail(format!("the signed head of length {signed} is damaged")))?);
        }
        heads.extend(rows.into_iter().filter_map(|row| self.claim(row)?.verify().ok()));
        // There may be more logs than descriptors.
        nodes.close(self.root, &tree);
        Ok(Parts {
            files: Files { root: self.root.to_owned(), dir, tree, data: blocks, bytes },
            key: self.row.key,
            manifest: self.manifest.clone(),
            heads,
            fork,
            roots,
            presence: Presence::All,
            nodes,
        })
    }

    fn claim(&self, row: HeadRow) -> Option<HeadClaim> {
        let HeadRow { fork, length, tree_hash, signature, roots, .. } = row;
        let roots = roots.map_or(Some(Vec::new()), |bytes| read_nodes(&bytes))?;
        let (key, manifest): (Key, _) = (self.row.key, self.manifest.clone());
        Some(HeadClaim { key, manifest, fork, length, tree_hash, signature, roots })
    }

    /// A kept head, if it verifies; its nodes, if they lead to it.
    fn kept(&self, mut row: HeadRow) -> Option<KeptHead> {
        let prefix = row.nodes.take();
        let head = self.claim(row)?.verify().ok()?;
        let nodes = prefix.and_then(|bytes| authentic(&bytes, &head)).unwrap_or_default();
        Some(KeptHead { head, nodes })
    }
}

fn read_nodes(bytes: &[u8]) -> Option<Vec<Node>> {
    let (records, rest) = bytes.as_chunks::<{ NODE as usize }>();
    if rest.is_empty() { records.iter().map(|record| read_node(record)).collect() } else { None }
}

/// The nodes of a kept head's proof, with the full roots at the head's length.
fn authentic(bytes: &[u8], head: &SignedHead) -> Option<HashMap<u64, Node>> {
    let mut reader = Reader::new(bytes);
    let length = reader.uint().ok()?;
    let roots = read_nodes(reader.buffer().ok()?)?;
    let extension = read_nodes(reader.buffer().ok()?)?;
    reader.end().ok()?;
    let proof = ConsistencyProof { roots, extension };
    proof.verify(length, head).ok()?;
    let places = flat::roots(length).chain(flat::extension(length, head.length()));
    let mut nodes: HashMap<u64, Node> = HashMap::new();
    for (at, node) in places.zip(proof.roots.iter().chain(&proof.extension)) {
        nodes.insert(at.index(), *node);
        // Parents that this completes: the head's own full roots are among them.
        let (mut at, mut node) = (at, *node);
        while !at.is_left() {
            let left = nodes.get(&at.sibling().index())?;
            node = crate::hypercore::hash::parent(left, &node)?;
            at = at.parent();
            nodes.insert(at.index(), node);
        }
    }
    Some(nodes)
}

//! One database in one or more stores: which log is the index, which are its oplogs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::corestore::find_index;
use super::reader::is_archive;
use super::{ArchiveReader, Core, Corestore, ImportError, KeptHead, find_stores, hex};
use crate::hyperbee::Blocks;
use crate::hypercore::views::{Conflict, View, conflicts, rewritten_from};
use crate::hypercore::{Key, MerkleTree, Nodes, SignedHead};
use crate::proofs::Evidence;
use crate::replay::logs::{History, Logs, Oplog};

/// A Corestore or an archive.
#[derive(Debug)]
enum Store {
    Corestore(Vec<Core>),
    Archive(Box<ArchiveReader>),
}

impl Store {
    fn open(dir: &Path) -> Result<Self, ImportError> {
        if is_archive(dir) {
            return Ok(Self::Archive(Box::new(ArchiveReader::open(dir)?)));
        }
        Ok(Self::Corestore(Corestore::open(dir)?.into_cores()))
    }

    /// Of logs with several histories the current one first.
    fn cores(&self) -> &[Core] {
        match self {
            Self::Corestore(cores) => cores,
            Self::Archive(archive) => archive.cores(),
        }
    }

    fn cores_mut(&mut self) -> &mut [Core] {
        match self {
            Self::Corestore(cores) => cores,
            Self::Archive(archive) => archive.cores_mut(),
        }
    }

    fn kept(&self) -> &[KeptHead] {
        match self {
            Self::Corestore(_) => &[],
            Self::Archive(archive) => archive.kept(),
        }
    }

    fn core_by_key(&self, key: &Key) -> Option<&Core> {
        self.cores().iter().find(|core| core.key() == key)
    }
}

/// A database as its stores hold it. Several stores are views of one database; the longest index is the one to audit.
#[derive(Debug)]
pub struct Database {
    stores: Vec<Store>,
    // Of each log, its histories: the number of the store, and of the history there. There may be thousands of logs.
    places: HashMap<Key, Vec<(usize, usize)>>,
    key: Key,
    primary: usize,
    // Heads from elsewhere, by log.
    shown: HashMap<Key, Vec<SignedHead>>,
    nothing: MerkleTree,
}

/// Why no database can be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The files cannot be used.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The directory holds no store.
    #[error("{}: it is no store: neither it nor its `db` has a directory `cores` or a file `archive.sqlite`", .0.display())]
    NoStore(PathBuf),
    /// There is no index log.
    #[error("{}: no log in it begins with a Hyperbee header; name the index with --key", .0.display())]
    NoIndex(PathBuf),
    /// There are several index logs.
    #[error("several logs begin with a Hyperbee header; name one with --key: {}", .0.join(", "))]
    SeveralIndexes(Vec<String>),
    /// The named log is not there.
    #[error("{}: there is no log with the key {key}", .dir.display())]
    NoSuchLog {
        /// Where it was looked for.
        dir: PathBuf,
        /// In hex.
        key: String,
    },
}

impl OpenError {
    /// Is it the caller's choice of words that is wrong, and not the files?
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::SeveralIndexes(_))
    }
}

impl Database {
    /// Opens the stores that a directory stands for ([`find_stores`]).
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(dir: &Path, key: Option<Key>) -> Result<Self, OpenError> {
        Self::open_all(&[dir], key)
    }

    /// The same, of several directories that are views of one database.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_all(wanted: &[&Path], key: Option<Key>) -> Result<Self, OpenError> {
        let mut dirs = Vec::new();
        for dir in wanted {
            let found = find_stores(dir);
            if found.is_empty() {
                return Err(OpenError::NoStore(dir.to_path_buf()));
            }
            dirs.extend(found);
        }
        let dir = wanted.first().copied().unwrap_or(Path::new(""));
        let stores = dirs.iter().map(|dir| Store::open(dir)).collect::<Result<Vec<_>, _>>()?;
        let key = match key {
            Some(key) => key,
            None => index_key(dir, &stores)?,
        };
        let length = |store: &Store| store.core_by_key(&key).map(Core::length);
        let lengths: Vec<Option<u64>> = stores.iter().map(length).collect();
        let longest = lengths.iter().flatten().max().copied();
        let Some(primary) = lengths.iter().position(|length| length.is_some() && *length == longest) else {
            return Err(OpenError::NoSuchLog { dir: dir.to_owned(), key: hex(&key) });
        };
        let places = places(&stores);
        Ok(Self { stores, places, key, primary, shown: HashMap::new(), nothing: MerkleTree::default() })
    }

    /// Does not check the first blocks of the index and of oplogs (by key in hex) in advance; see [`Core::spare`].
    pub fn spare(&mut self, index: u64, oplogs: &BTreeMap<String, u64>) {
        let Self { stores, key, .. } = self;
        for core in stores.iter_mut().flat_map(Store::cores_mut) {
            let length = if core.key() == key { Some(index) } else { oplogs.get(&hex(core.key())).copied() };
            core.spare(length.unwrap_or_default());
        }
    }

    /// Compares the logs with a head, too, that their owner has shown elsewhere: a receipt, say.
    pub fn add_head(&mut self, head: SignedHead) {
        self.shown.entry(*head.key()).or_default().push(head);
    }

    /// Goes on to what archives hold now; Corestores stay as they were when they were opened. `heads`: heads without blocks
    /// may be new. `false` when a log is now taken for another of its histories, so that what was read of it may not stand.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn renew(&mut self, heads: bool) -> Result<bool, OpenError> {
        let before = self.taken();
        for store in &mut self.stores {
            if let Store::Archive(archive) = store {
                archive.renew(heads)?;
            }
        }
        self.places = places(&self.stores);
        self.index_core()?.check_all()?;
        let now = self.taken();
        Ok(before.iter().all(|(key, dir)| now.get(key) == Some(dir)))
    }

    /// Which history each log is taken for.
    fn taken(&self) -> HashMap<Key, PathBuf> {
        let mut taken: HashMap<Key, &Core> = HashMap::new();
        let rank = |core: &Core| (std::cmp::Reverse(core.fork()), core.length());
        for core in self.cores().filter(|core| core.length() > 0) {
            if taken.get(core.key()).is_none_or(|best| rank(core) >= rank(best)) {
                taken.insert(*core.key(), core);
            }
        }
        taken.extend(self.index_core().ok().filter(|core| core.length() > 0).map(|core| (self.key, core)));
        taken.into_iter().map(|(key, core)| (key, core.dir().to_owned())).collect()
    }

    /// The key of the index log.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The keys of all logs that are here, of other databases too.
    pub fn logs(&self) -> BTreeSet<Key> {
        self.cores().map(|core| *core.key()).collect()
    }

    /// The index log.
    ///
    /// # Errors
    /// Never after [`Database::open`]; the type says so instead of a panic.
    pub fn index_core(&self) -> Result<&Core, OpenError> {
        let place = self.places.get(&self.key).and_then(|all| all.iter().find(|(store, _)| *store == self.primary));
        let core = place.and_then(|place| self.core(*place));
        core.ok_or_else(|| OpenError::NoSuchLog { dir: PathBuf::new(), key: hex(&self.key) })
    }

    /// The longest copy of an oplog in any store, histories that were never cut before others.
    pub fn oplog_core(&self, key: &Key) -> Option<&Core> {
        self.copies(key).max_by_key(|core| (std::cmp::Reverse(core.fork()), core.length()))
    }

    /// Checks every block of the index and of these logs against their heads.
    ///
    /// # Errors
    /// The first file that does not hold what was signed.
    pub fn check(&self, oplogs: &[Key]) -> Result<(), OpenError> {
        self.index_core()?.check_all()?;
        for key in oplogs {
            if let Some(core) = self.oplog_core(key) {
                core.check_all()?;
            }
        }
        Ok(())
    }

    fn core(&self, (store, core): (usize, usize)) -> Option<&Core> {
        self.stores.get(store)?.cores().get(core)
    }

    /// Every history of a log, in the order of [`Database::cores`].
    fn copies(&self, key: &Key) -> impl Iterator<Item = &Core> {
        self.places.get(key).into_iter().flatten().filter_map(|place| self.core(*place))
    }

    /// Every history of every log.
    fn cores(&self) -> impl Iterator<Item = &Core> {
        self.stores.iter().flat_map(Store::cores)
    }
    /// The first read that failed after the check: a file that changed meanwhile.
    pub fn take_error(&self) -> Option<ImportError> {
        self.cores().find_map(Core::take_error)
    }
}

fn places(stores: &[Store]) -> HashMap<Key, Vec<(usize, usize)>> {
    let mut places: HashMap<Key, Vec<(usize, usize)>> = HashMap::new();
    for (store, cores) in stores.iter().map(Store::cores).enumerate() {
        for (at, core) in cores.iter().enumerate() {
            places.entry(*core.key()).or_default().push((store, at));
        }
    }
    places
}

fn index_key(dir: &Path, stores: &[Store]) -> Result<Key, OpenError> {
    let mut keys: Vec<Key> = Vec::new();
    for store in stores {
        for core in find_index(store.cores())? {
            if !keys.contains(core.key()) {
                keys.push(*core.key());
            }
        }
    }
    match keys.as_slice() {
        [key] => Ok(*key),
        [] => Err(OpenError::NoIndex(dir.to_owned())),
        several => Err(OpenError::SeveralIndexes(several.iter().map(|key| hex(key)).collect())),
    }
}

impl Logs for Database {
    fn index(&self) -> &dyn Blocks {
        const NOTHING: &Vec<crate::hyperbee::Block> = &Vec::new();
        match self.index_core() {
            Ok(core) => core,
            Err(_) => NOTHING,
        }
    }

    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        self.oplog_core(key).map(|core| Oplog {
            blocks: core,
            rewritten: core.fork() > 0,
            attributed: core.is_attributed(),
        })
    }

    fn index_fork(&self) -> u64 {
        self.index_core().map_or(0, Core::fork)
    }

    fn index_is_attributed(&self) -> bool {
        self.index_core().is_ok_and(Core::is_attributed)
    }

    fn signed_length(&self) -> u64 {
        let (views, fork) = (self.views(&self.key), self.index_fork());
        let heads = views.iter().flat_map(|view| view.heads).filter(|head| head.fork() == fork);
        heads.map(SignedHead::reach).max().unwrap_or_default()
    }

    /// The contradictions among all heads of a log in all stores, of all histories.
    fn conflicts(&self, key: &Key) -> Vec<Conflict> {
        conflicts(&self.views(key))
    }

    fn rewritten_from(&self, key: &Key) -> Option<u64> {
        rewritten_from(&self.views(key), self.oplog_core(key)?)
    }

    fn history(&self, oplog: Option<&Key>, length: u64) -> Option<History> {
        let core = oplog.map_or_else(|| self.index_core().ok(), |key| self.oplog_core(key))?;
        Some(History { fork: core.fork(), tree_hash: core.roots_at(length)?.tree_hash() })
    }
}

impl Evidence for Database {
    fn views(&self, key: &Key) -> Vec<View<'_>> {
        let kept = self.stores.iter().flat_map(Store::kept);
        let kept = kept.filter(|kept| kept.head().key() == key).map(KeptHead::view);
        let shown = self.shown.get(key).map(|heads| View { heads, tree: &self.nothing });
        self.copies(key).map(Core::view).chain(kept).chain(shown).collect()
    }
}

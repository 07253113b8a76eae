//! A Corestore directory: `cores/<dk[0:2]>/<dk[2:4]>/<dk>/{oplog,tree,bitfield,data}`, where dk is a log's discovery key.
//!
//! There is no list of logs and no word about what they are for: the logs are those whose directories are there, and an
//! index log is known by the Hyperbee header in its first block.

use std::path::{Path, PathBuf};

use super::reader::is_archive;
use super::{Core, ImportError, hex};
use crate::hypercore::{Key, discovery_key};

/// The first bytes of an index log's first block: the Protobuf field 1 with the text "hyperbee".
const HYPERBEE: &[u8] = b"\x0a\x08hyperbee";

/// A store, opened read-only.
#[derive(Debug)]
pub struct Corestore {
    dir: PathBuf,
    cores: Vec<Core>,
}

impl Corestore {
    /// Opens all logs of the store at `dir`, in the order of their discovery keys. Reads and verifies their heads, not
    /// their blocks.
    pub fn open(dir: &Path) -> Result<Corestore, ImportError> {
        let root = dir.canonicalize().map_err(|e| ImportError::new(dir, None, e))?;
        let cores = dir.join("cores");
        if !cores.is_dir() {
            return Err(ImportError::new(dir, None, "it is no Corestore: it has no directory `cores`"));
        }
        let mut found = Vec::new();
        for (a, first) in subdirectories(&root, &cores, 2)? {
            for (b, second) in subdirectories(&root, &first, 2)? {
                for (name, core) in subdirectories(&root, &second, 64)? {
                    if !name.starts_with(&format!("{a}{b}")) {
                        return Err(ImportError::new(&core, None, "it is in the wrong directory for its name"));
                    }
                    // Nothing was written yet.
                    if !is_empty(&core)? {
                        found.push(Core::open(&root, &core)?);
                    }
                }
            }
        }
        if found.is_empty() {
            return Err(ImportError::new(&cores, None, "there is no log in it"));
        }
        Ok(Corestore { dir: dir.to_owned(), cores: found })
    }

    /// The store's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All logs.
    pub fn cores(&self) -> &[Core] {
        &self.cores
    }

    /// The log with this key.
    pub fn core_by_key(&self, key: &Key) -> Option<&Core> {
        self.cores.iter().find(|core| core.key() == key)
    }

    /// The logs that begin with a Hyperbee header.
    pub fn find_index(&self) -> Result<Vec<&Core>, ImportError> {
        find_index(&self.cores)
    }

    /// All logs, without the store.
    pub fn into_cores(self) -> Vec<Core> {
        self.cores
    }

    /// Where a log with this key would be.
    pub fn path_of(&self, key: &Key) -> PathBuf {
        let name = hex(&discovery_key(key));
        let part = |range| name.get(range).unwrap_or_default();
        self.dir.join("cores").join(part(0..2)).join(part(2..4)).join(&name)
    }
}

/// The logs that begin with a Hyperbee header.
pub(super) fn find_index(cores: &[Core]) -> Result<Vec<&Core>, ImportError> {
    let mut found = Vec::new();
    for core in cores {
        if core.peek(0)?.is_some_and(|block| block.starts_with(HYPERBEE)) {
            found.push(core);
        }
    }
    Ok(found)
}

/// Subdirectories whose names are so many lower-case hexadecimal digits, sorted; those that links lead out of the store
/// are refused, everything else is passed over.
fn subdirectories(root: &Path, dir: &Path, digits: usize) -> Result<Vec<(String, PathBuf)>, ImportError> {
    let mut found = Vec::new();
    for entry in dir.read_dir().map_err(|e| ImportError::new(dir, None, e))? {
        let entry = entry.map_err(|e| ImportError::new(dir, None, e))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.len() != digits || !name.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)) {
            continue;
        }
        let path = entry.path();
        let real = path.canonicalize().map_err(|e| ImportError::new(&path, None, e))?;
        if !real.starts_with(root) {
            return Err(ImportError::new(&path, None, "it leads out of the store's directory"));
        }
        if real.is_dir() {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}

fn is_empty(dir: &Path) -> Result<bool, ImportError> {
    let mut entries = dir.read_dir().map_err(|e| ImportError::new(dir, None, e))?;
    Ok(entries.next().is_none())
}

/// The stores (Corestores or archives) that a directory stands for: itself, its `db/`, or several views of one database at `view-*/` or
/// `db/view-*/`. Sorted; empty if there is none.
pub fn find_stores(dir: &Path) -> Vec<PathBuf> {
    let is_store = |dir: &Path| dir.join("cores").is_dir() || is_archive(dir);
    if is_store(dir) {
        return vec![dir.to_owned()];
    }
    let db = dir.join("db");
    if is_store(&db) {
        return vec![db];
    }
    let mut found = Vec::new();
    for parent in [dir, &db] {
        for entry in parent.read_dir().into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with("view-")) && is_store(&entry.path()) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

//! The evidence folder: files named by the BLAKE2b-256 hash of what they hold, made once and never changed.
//!
//! A file is written under another name, synced, and then given its own with a hard link, which fails if the name is
//! taken. So a name stands for whole contents or does not exist, whenever the process dies.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::store::{create_dirs, sync_dir};
use super::{ImportError, hex};
use crate::crash;
use crate::hypercore::Hash;
use crate::hypercore::hash::blake2b;

/// Where files are while they are written.
const NEW: &str = "new";

/// The folder.
#[derive(Debug)]
pub struct Evidence {
    dir: PathBuf,
    count: AtomicU64,
}

impl Evidence {
    /// The folder of the archive at `dir`, without what a crash left half written. Only its one writer may call this.
    pub(super) fn open(dir: &Path) -> Result<Evidence, ImportError> {
        let dir = dir.join("evidence");
        let new = dir.join(NEW);
        create_dirs(&new)?;
        for entry in new.read_dir().map_err(|e| ImportError::new(&new, None, e))?.flatten() {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(|e| ImportError::new(&path, None, e))?;
        }
        Ok(Evidence { dir, count: AtomicU64::new(0) })
    }

    /// Where the evidence with this name is, or would be.
    pub fn path(&self, id: &Hash) -> PathBuf {
        Self::path_in(&self.dir, id)
    }

    /// Where it is in a folder of evidence that is only read.
    pub fn path_in(dir: &Path, id: &Hash) -> PathBuf {
        let name = hex(id);
        dir.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Stores these bytes and returns their name, once they are on disk. Storing them again changes nothing.
    ///
    /// # Errors
    /// When they cannot be written, or their name stands for other bytes (a damaged file).
    pub fn put(&self, bytes: &[u8]) -> Result<Hash, ImportError> {
        let id = blake2b(&[bytes]);
        let path = self.path(&id);
        let above = path.parent().unwrap_or(&self.dir);
        if self.get(&id)?.is_some() {
            // The one who made it may have died before its name was on disk.
            sync_dir(above)?;
            return Ok(id);
        }
        crash::point("evidence-begin");
        if crash::fails("evidence-write") {
            return Err(ImportError::new(&path, None, std::io::Error::from(std::io::ErrorKind::StorageFull)));
        }
        create_dirs(above)?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let new = self.dir.join(NEW).join(number.to_string());
        let fail = |e| ImportError::new(&new, None, e);
        let mut file = File::create_new(&new).map_err(fail)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail)?;
        crash::point("evidence-written");
        match std::fs::hard_link(&new, &path) {
            // Another thread was faster with the same bytes.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => drop(self.get(&id)?),
            linked => linked.map_err(|e| ImportError::new(&path, None, e))?,
        }
        crash::point("evidence-named");
        std::fs::remove_file(&new).map_err(fail)?;
        sync_dir(above)?;
        crash::point("evidence-done");
        if crash::fails("evidence-wrote") {
            return Err(ImportError::new(&path, None, std::io::Error::from(std::io::ErrorKind::StorageFull)));
        }
        Ok(id)
    }

    /// The bytes with this name, if they are here.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn get(&self, id: &Hash) -> Result<Option<Vec<u8>>, ImportError> {
        let path = self.path(id);
        match std::fs::read(&path) {
            Ok(bytes) if blake2b(&[&bytes]) == *id => Ok(Some(bytes)),
            Ok(_) => Err(ImportError::new(&path, None, "its contents do not belong to its name")),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(ImportError::new(&path, None, e)),
        }
    }
}

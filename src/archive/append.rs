//! A file that only grows: a bounded tail in memory, the rest on disk, read through the archive's pages.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ImportError;
use super::pool::{FileId, PAGE, Pool};

/// The tail is written out when it is longer than this.
const TAIL: usize = 256 * 1024;

/// The file and its tail.
#[derive(Debug)]
pub(crate) struct AppendFile {
    path: PathBuf,
    pool: Arc<Pool>,
    id: FileId,
    // Bytes in the file.
    written: u64,
    // What follows them.
    tail: Vec<u8>,
}

impl AppendFile {
    /// Opens the file, whose first `committed` bytes count; what follows them is cut off. It is made if nothing counts.
    pub fn open(pool: &Arc<Pool>, path: &Path, committed: u64) -> Result<AppendFile, ImportError> {
        let fail = |e| ImportError::new(path, None, e);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(committed == 0).truncate(false).open(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        if length < committed {
            return Err(ImportError::new(path, length, "the file is cut off"));
        }
        if length > committed {
            file.set_len(committed).map_err(fail)?;
        }
        let (id, pool) = (pool.add(file), Arc::clone(pool));
        Ok(AppendFile { path: path.to_owned(), pool, id, written: committed, tail: Vec::new() })
    }

    fn file(&self) -> Result<Arc<File>, ImportError> {
        self.pool.file(self.id, &self.path).map_err(|e| ImportError::new(&self.path, None, e))
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes, written out or not.
    pub fn length(&self) -> u64 {
        self.written.saturating_add(self.tail.len() as u64)
    }

    /// Whether the tail should be written out before more is appended.
    pub fn is_full(&self) -> bool {
        self.tail.len() >= TAIL
    }

    /// Appends to the tail.
    pub fn push(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// Writes the tail out. May be repeated after an error.
    pub fn flush(&mut self) -> Result<(), ImportError> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let file = self.file()?;
        file.write_all_at(&self.tail, self.written).map_err(|e| ImportError::new(&self.path, self.written, e))?;
        self.written = self.length();
        self.tail.clear();
        // One large block must not keep its memory for ever.
        self.tail.shrink_to(TAIL);
        Ok(())
    }

    /// Waits until everything is on disk.
    pub fn sync(&mut self) -> Result<(), ImportError> {
        self.flush()?;
        self.file()?.sync_data().map_err(|e| ImportError::new(&self.path, None, e))?;
        // A log that rests keeps no memory.
        self.tail = Vec::new();
        Ok(())
    }

    /// The bytes `offset .. offset + length`.
    pub fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, ImportError> {
        let cut = || ImportError::new(&self.path, offset, "the file is cut off");
        let end = offset.checked_add(length).filter(|end| *end <= self.length()).ok_or_else(cut)?;
        let mut out = Vec::new();
        let size = usize::try_from(length).map_err(|_| cut())?;
        out.try_reserve_exact(size).map_err(|e| ImportError::new(&self.path, offset, e))?;
        let on_disk = end.min(self.written);
        if on_disk > offset && on_disk.saturating_sub(offset) >= PAGE {
            out.resize(usize::try_from(on_disk.saturating_sub(offset)).map_err(|_| cut())?, 0);
            self.file()?.read_exact_at(&mut out, offset).map_err(|e| ImportError::new(&self.path, offset, e))?;
        }
        let mut at = offset.saturating_add(out.len() as u64);
        while at < on_disk {
            let before = out.len();
            self.read_page(at, on_disk, &mut out)?;
            let more = out.len().saturating_sub(before) as u64;
            at = at.saturating_add(more.max(1));
        }
        if end > self.written {
            let from = usize::try_from(at.saturating_sub(self.written)).map_err(|_| cut())?;
            let to = usize::try_from(end.saturating_sub(self.written)).map_err(|_| cut())?;
            out.extend_from_slice(self.tail.get(from..to).ok_or_else(cut)?);
        }
        Ok(out)
    }

    /// Appends to `out` what the page around `at` has of `at .. end`; `end` is at most what is written.
    fn read_page(&self, at: u64, end: u64, out: &mut Vec<u8>) -> Result<(), ImportError> {
        let number = at / PAGE;
        let start = number.saturating_mul(PAGE);
        let from = usize::try_from(at.saturating_sub(start)).unwrap_or_default();
        let to = usize::try_from(end.saturating_sub(start).min(PAGE)).unwrap_or_default();
        // The last page is read again when the file has grown.
        let fill = |page: &mut Vec<u8>| {
            let length = usize::try_from(self.written.saturating_sub(start).min(PAGE)).unwrap_or_default();
            page.resize(length, 0);
            self.file()?.read_exact_at(page, start).map_err(|e| ImportError::new(&self.path, start, e))
        };
        let before = out.len();
        let read = |page: &[u8]| out.extend_from_slice(page.get(from..to).unwrap_or_default());
        self.pool.page(self.id, number, to, fill, read)?;
        if out.len() == before {
            return Err(ImportError::new(&self.path, at, "the file is cut off"));
        }
        Ok(())
    }
}

impl Drop for AppendFile {
    fn drop(&mut self) {
        self.pool.forget(self.id);
    }
}

//! Reading the files of a store: read-only, never locked, never outside the store's directory.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::ImportError;

/// How much is read at once where the last read ended, and elsewhere (the B-tree's blocks are all over a log).
const AHEAD: usize = 64 * 1024;
const ASIDE: usize = 4 * 1024;

/// An open file of a store.
#[derive(Debug)]
pub(crate) struct StoreFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl StoreFile {
    /// Opens a regular file that lies (after following links) below `root`, which must be a canonical path. `None` if
    /// there is nothing of that name.
    pub fn open(root: &Path, path: &Path) -> Result<Option<StoreFile>, ImportError> {
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(ImportError::new(path, None, e)),
        };
        if !real.starts_with(root) {
            return Err(ImportError::new(path, None, "it leads out of the store's directory"));
        }
        // Looked at before it is opened: opening a pipe would wait for a writer.
        let metadata = real.metadata().map_err(|e| ImportError::new(path, None, e))?;
        if !metadata.is_file() {
            return Err(ImportError::new(path, None, "it is not a regular file"));
        }
        let file = File::open(&real).map_err(|e| ImportError::new(path, None, e))?;
        Ok(Some(StoreFile { path: path.to_owned(), file, length: metadata.len() }))
    }

    /// The same file, without what follows its first `bytes` bytes: that may change or go while it is read.
    pub fn up_to(self, bytes: u64) -> StoreFile {
        StoreFile { length: self.length.min(bytes), ..self }
    }

    /// Bytes in the file when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// An error at a place in this file.
    pub fn error(&self, offset: impl Into<Option<u64>>, reason: impl std::fmt::Display) -> ImportError {
        ImportError::new(&self.path, offset, reason)
    }

    /// Fills `out` from `offset` on.
    pub fn read_exact(&self, out: &mut [u8], offset: u64) -> Result<(), ImportError> {
        self.file.read_exact_at(out, offset).map_err(|e| self.error(offset, e))
    }

    /// The first bytes of the file, at most `limit`.
    pub fn read_up_to(&self, limit: u64) -> Result<Vec<u8>, ImportError> {
        let length = usize::try_from(self.length.min(limit)).map_err(|_| self.error(None, "it is too large"))?;
        let mut out = zeroed(length).ok_or_else(|| self.error(None, "it is too large for the memory"))?;
        self.read_exact(&mut out, 0)?;
        Ok(out)
    }
}

fn zeroed(length: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    out.try_reserve_exact(length).ok()?;
    out.resize(length, 0);
    Some(out)
}

/// A stretch of a file that was read ahead.
#[derive(Debug, Default)]
pub(crate) struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// Calls `piece` with the bytes `offset .. offset + length`, in one or more pieces. The range must lie inside the file.
    pub fn read(
        &mut self,
        file: &StoreFile,
        mut offset: u64,
        mut length: u64,
        mut piece: impl FnMut(&[u8]),
    ) -> Result<(), ImportError> {
        if offset.checked_add(length).is_none_or(|end| end > file.length()) {
            return Err(file.error(file.length(), "the file is cut off"));
        }
        while length > 0 {
            let mut there = self.at(offset);
            if there.is_empty() {
                self.fill(file, offset)?;
                there = self.at(offset);
            }
            let take = there.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            let Some(bytes) = there.get(..take).filter(|bytes| !bytes.is_empty()) else {
                return Err(file.error(offset, "the file is cut off"));
            };
            piece(bytes);
            (offset, length) = (offset.saturating_add(take as u64), length.saturating_sub(take as u64));
        }
        Ok(())
    }

    fn at(&self, offset: u64) -> &[u8] {
        let skip = offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.bytes.get(skip..)).unwrap_or_default()
    }

    fn fill(&mut self, file: &StoreFile, offset: u64) -> Result<(), ImportError> {
        let rest = file.length().saturating_sub(offset);
        let reading_on = offset == self.start.saturating_add(self.bytes.len() as u64);
        let length = usize::try_from(rest).unwrap_or(usize::MAX).min(if reading_on { AHEAD } else { ASIDE });
        self.bytes.clear();
        self.bytes.resize(length, 0);
        self.start = offset;
        let read = file.read_exact(&mut self.bytes, offset);
        if read.is_err() {
            self.bytes.clear();
        }
        read
    }
}

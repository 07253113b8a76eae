//! Open files and pages of an archive's histories: what is kept of all of them together is bounded, so that a history that
//! nobody reads or writes costs neither a descriptor nor a page.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::core::lock;

/// Files that are open at once.
const MAX_FILES: usize = 256;
/// Bytes of a page.
pub(crate) const PAGE: u64 = 8 * 1024;
/// Pages kept: eight megabytes.
const PAGES: u64 = 1024;

/// A file as the pool knows it. Never used for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(u64);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    uses: u64,
    files: BTreeMap<FileId, (u64, Arc<File>)>,
    // Each page has one place, which it shares with others.
    pages: Vec<Option<(FileId, u64, Vec<u8>)>>,
}

impl Pool {
    /// A file that was just opened.
    pub fn add(&self, file: File) -> FileId {
        let mut inner = lock(&self.inner);
        inner.last = inner.last.saturating_add(1);
        let id = FileId(inner.last);
        inner.keep(id, Arc::new(file));
        id
    }

    /// The file, opened again if it was closed.
    pub fn file(&self, id: FileId, path: &Path) -> io::Result<Arc<File>> {
        let mut inner = lock(&self.inner);
        inner.uses = inner.uses.saturating_add(1);
        let now = inner.uses;
        if let Some((used, file)) = inner.files.get_mut(&id) {
            *used = now;
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(OpenOptions::new().read(true).write(true).open(path)?);
        inner.keep(id, Arc::clone(&file));
        Ok(file)
    }

    /// Gives `read` a page that holds at least `need` bytes; `fill` reads it if it is not here.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn page<T, E>(
        &self,
        id: FileId,
        number: u64,
        need: usize,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, E> {
        let place = number.wrapping_add(id.0.wrapping_mul(0x9e37_79b9)) % PAGES;
        let taken = {
            let mut inner = lock(&self.inner);
            inner.pages.get_mut(usize::try_from(place).unwrap_or_default()).and_then(Option::take)
        };
        let page = match taken {
            Some((of, at, page)) if (of, at) == (id, number) && page.len() >= need => page,
            other => {
                let mut page = other.map(|(_, _, page)| page).unwrap_or_default();
                page.clear();
                fill(&mut page)?;
                page
            }
        };
        let value = read(&page);
        let mut inner = lock(&self.inner);
        if inner.pages.is_empty() {
            inner.pages.resize_with(usize::try_from(PAGES).unwrap_or_default(), || None);
        }
        if let Some(slot) = inner.pages.get_mut(usize::try_from(place).unwrap_or_default()) {
            *slot = Some((id, number, page));
        }
        Ok(value)
    }

    /// Forgets a file that is not needed any more. Its pages make room for others by and by.
    pub fn forget(&self, id: FileId) {
        lock(&self.inner).files.remove(&id);
    }
}

impl Inner {
    fn keep(&mut self, id: FileId, file: Arc<File>) {
        if self.files.len() >= MAX_FILES {
            let oldest = self.files.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id);
            oldest.and_then(|id| self.files.remove(&id));
        }
        self.uses = self.uses.saturating_add(1);
        self.files.insert(id, (self.uses, file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the process's descriptors: of many files few are open, and each is opened again when it is used.
    #[test]
    fn few_files_are_open() {
        let dir = tempfile::tempdir().unwrap();
        let pool = Pool::default();
        let add = |n: usize| {
            let path = dir.path().join(n.to_string());
            (pool.add(File::create_new(&path).unwrap()), path)
        };
        let files: Vec<_> = (0..MAX_FILES + 50).map(add).collect();
        for (id, path) in &files {
            pool.file(*id, path).unwrap();
            assert!(lock(&pool.inner).files.len() <= MAX_FILES);
        }
        files.iter().for_each(|(id, _)| pool.forget(*id));
        assert!(lock(&pool.inner).files.is_empty());
    }

    /// Protects against another file's bytes: pages that share a place replace each other.
    #[test]
    fn a_page_is_of_its_file() {
        let pool = Pool::default();
        let get = |id: u64, number: u64| {
            let fill = |page: &mut Vec<u8>| {
                page.extend([id.to_le_bytes(), number.to_le_bytes()].concat());
                Ok::<_, ()>(())
            };
            let read = |page: &[u8]| assert_eq!(page, [id.to_le_bytes(), number.to_le_bytes()].concat());
            pool.page(FileId(id), number, 16, fill, read).unwrap();
        };
        for _ in 0..2 {
            for id in 0..40 {
                (0..40).for_each(|number| get(id, number * PAGES / 3));
            }
        }
    }
}

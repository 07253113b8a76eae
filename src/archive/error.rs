//! The one error of an import.

use std::path::{Path, PathBuf};

/// Local storage that cannot be used: absent, cut off, damaged, or not what it should be. Never a statement about the
/// log's owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {reason}", file.display(), At(offset))]
pub struct ImportError {
    /// The file or directory.
    pub file: PathBuf,
    /// Where in the file, in bytes, if the fault is at a place.
    pub offset: Option<u64>,
    /// What is wrong: a fragment in lower case.
    pub reason: String,
}

struct At<'a>(&'a Option<u64>);

impl std::fmt::Display for At<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |offset| write!(f, " at offset {offset}"))
    }
}

impl ImportError {
    pub(crate) fn new(file: &Path, offset: impl Into<Option<u64>>, reason: impl std::fmt::Display) -> ImportError {
        ImportError { file: file.to_owned(), offset: offset.into(), reason: reason.to_string() }
    }
}

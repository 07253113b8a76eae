//! Room on the disk: below a bound nothing new is taken in, so that what was found can still be written down.

use std::path::{Path, PathBuf};

use super::service::Trouble;

/// The disk of a directory.
#[derive(Debug)]
pub struct Room {
    dir: PathBuf,
    least: u64,
}

impl Room {
    /// At least `least` bytes are to stay free where `dir` is.
    pub fn new(dir: &Path, least: u64) -> Self {
        Self { dir: dir.to_owned(), least }
    }

    /// # Errors
    /// [`Trouble::Full`] when there is less; others when it cannot be found out.
    pub fn check(&self) -> Result<(), Trouble> {
        let disk = rustix::fs::statvfs(&self.dir).map_err(std::io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free >= self.least {
            return Ok(());
        }
        let (free, least) = (free >> 20, self.least >> 20);
        Err(Trouble::Full(format!("{free} MiB are free, and {least} MiB are to stay free")))
    }
}

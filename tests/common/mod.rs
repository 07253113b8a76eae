//! What several test files share: the corpus of real databases, histories of the lab.

#![allow(dead_code)] // each test file uses its part

pub mod arrived;
pub mod hostile;
pub mod lab;
pub mod oracle;
pub mod walk;

use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// `tests/corpus/vitra`.
pub fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/vitra")
}

/// The corpus's eras.
pub const ERAS: [&str; 2] = ["a", "b"];

/// Names of all cases of an era, sorted.
pub fn cases(era: &str) -> Vec<String> {
    let entries = corpus().join(era).read_dir().unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter_map(|name| name.strip_suffix(".tar.zst").map(str::to_owned)).collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

/// One database of the corpus, unpacked; removed when dropped.
pub struct Case {
    pub name: String,
    /// Holds `db/` and `manifest.json` (`p-probe`: `outcomes.json`).
    pub dir: PathBuf,
    /// What the database consists of, and what Vitra said of it. Null for `p-probe`.
    pub manifest: Value,
    _temp: TempDir,
}

/// Unpacks a case into a directory of its own.
pub fn unpack(era: &str, name: &str) -> Case {
    let temp = extract(&corpus().join(era).join(format!("{name}.tar.zst")));
    let dir = temp.path().join(name);
    let manifest = std::fs::read(dir.join("manifest.json"));
    let manifest = manifest.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
    assert!(manifest.is_object() || name == "p-probe");
    Case { name: name.to_owned(), dir, manifest, _temp: temp }
}

/// Unpacks an archive.
pub fn extract(archive: &Path) -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    let archive = std::fs::File::open(archive).unwrap();
    tar::Archive::new(zstd::Decoder::new(archive).unwrap()).unpack(temp.path()).unwrap();
    temp
}

/// Unpacks a store of `tests/data/corestore`; see the README there.
pub fn store(name: &str) -> (TempDir, PathBuf) {
    let temp = extract(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/corestore/{name}.tar.zst")));
    let dir = temp.path().join(name);
    (temp, dir)
}

/// 32 bytes from 64 hexadecimal digits.
pub fn key(text: &str) -> [u8; 32] {
    vitra_watch::archive::parse_key(text).unwrap()
}

//! What a dynamically linked program needs before its `main`: its loader and the usual libraries.
//!
//! A white list of file names in the directories where distributions keep them, instead of these
//! directories as a whole: a directory of libraries holds programs and configuration, too.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Loaders: the kernel opens them to execute them.
const LOADERS: [&str; 4] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

const DIRECTORIES: [&str; 7] = [
    "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/usr/lib",
];

/// What this program and the reference runtimes are linked with.
const LIBRARIES: [&str; 8] = [
    "libatomic.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libstdc++.so.6",
];

/// Where the loader looks a library's place up.
const CACHE: &str = "/etc/ld.so.cache";

pub(super) fn loaders() -> impl Iterator<Item = &'static Path> {
    LOADERS.iter().map(Path::new)
}

/// Those that exist. Looked up once.
pub(super) fn shared() -> impl Iterator<Item = &'static Path> {
    static FOUND: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let of = |directory: &'static str| LIBRARIES.iter().map(move |name| Path::new(directory).join(name));
        let mut found = vec![PathBuf::from(CACHE)];
        for path in DIRECTORIES.iter().flat_map(|directory| of(directory)) {
            // `/lib` is often a link to `/usr/lib`: one rule a file suffices.
            if let Ok(real) = path.canonicalize()
                && !found.contains(&real)
            {
                found.push(real);
            }
        }
        found
    });
    found.iter().map(PathBuf::as_path)
}

//! The reference runtimes for tests: installed once, under the target directory.

#![allow(dead_code)] // each test file uses its part

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Where they are; `None` after saying SKIPPED.
pub fn installed() -> Option<PathBuf> {
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match DIR.get_or_init(install) {
        Ok(dir) => Some(dir.clone()),
        Err(why) if std::env::var_os("VITRA_WATCH_REQUIRE_NODE").is_some() => panic!("{why}"),
        Err(why) => {
            use std::io::Write as _;
            // Straight to stderr: the test harness swallows what a passing test prints.
            let _ = writeln!(std::io::stderr(), "SKIPPED: the reference runtimes: {why}");
            None
        }
    }
}

fn install() -> Result<PathBuf, String> {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("runtimes");
    // Test programs run side by side: one of them installs.
    let lock = std::fs::File::create(dir.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if vitra_watch::runtimes::installed(&dir).is_ok() {
        return Ok(dir);
    }
    let mut install = Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
    let output = install.args(["runtimes", "install", "--dir"]).arg(&dir).output().unwrap();
    match output.status.success() {
        true => Ok(dir),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

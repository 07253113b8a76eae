//! A watchtower under test: the real program, its configuration, and whoever it tells.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use vitra_watch::database::ack::to_hex;
use vitra_watch::lab::live::{LiveLab, Plan};
use vitra_watch::lab::{Example, lies};

/// Longest that anything is waited for: generous, since what is waited for comes.
pub const LONG: Duration = Duration::from_secs(120);

/// A database of an example that grows when it is told to.
pub fn lab(dir: &Path, example: &str, seed: u64, lie: Option<(&str, u64)>) -> LiveLab {
    let lie = lie.map(|(name, after)| (lies::named(name).unwrap(), after));
    LiveLab::start(dir, Plan { example: Example::named(example).unwrap(), seed, lie }).unwrap()
}

/// Where a watchtower lives, and its configuration.
pub struct Place {
    pub dir: PathBuf,
    pub config: PathBuf,
}

impl Place {
    /// A configuration for these databases; `more` is put over it.
    pub fn new(dir: &Path, labs: &[&LiveLab], receiver: &Hook, more: &Json) -> Place {
        let databases: Vec<Json> = labs
            .iter()
            .enumerate()
            .map(|(at, lab)| json!({ "key": to_hex(lab.key()), "name": format!("db{at}") }))
            .collect();
        let peers: Vec<&str> = labs.iter().map(|lab| lab.address()).collect();
        let mut config = json!({
            "name": "tower",
            "data": dir.join("data"),
            "databases": databases,
            "network": { "peers": peers, "dht": false },
            "quotas": { "free": "1MiB" },
            "alerts": { "channels": { "hook": { "webhook": { "url": receiver.url(), "allow-private": true } } } },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        let file = dir.join("vitra-watch.yaml");
        std::fs::write(&file, config.to_string()).unwrap();
        Place { dir: dir.to_owned(), config: file }
    }

    pub fn state(&self) -> PathBuf {
        self.dir.join("data/state.sqlite")
    }

    pub fn evidence(&self, digest: &str) -> PathBuf {
        self.dir.join("data/archive/evidence").join(&digest[..2]).join(digest)
    }

    /// Runs another command of the program with this configuration.
    pub fn command(&self, args: &[&str]) -> Output {
        let mut command = program();
        command.args(args).arg("--config").arg(&self.config);
        command.output().unwrap()
    }

    /// The lines of JSON that a command prints.
    pub fn json(&self, args: &[&str]) -> Vec<Json> {
        let output = self.command(&[args, &["--json"]].concat());
        assert!(output.status.success(), "{args:?} {output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Starts the service, which is killed at this point (`name` or `name:k`), if one is named.
    pub fn start(&self, crash: Option<&str>) -> Service {
        let mut command = program();
        if let Some(point) = crash {
            command.env("VITRA_WATCH_CRASH_AT", point);
        }
        self.begin(command)
    }

    /// Starts the service, in which this fails (`name` or `name:k`).
    pub fn start_failing(&self, point: &str) -> Service {
        let mut command = program();
        command.env("VITRA_WATCH_FAIL_AT", point);
        self.begin(command)
    }

    /// Starts the service by another program, which is given ours and its arguments.
    pub fn start_by(&self, mut command: Command) -> Service {
        command.arg(env!("CARGO_BIN_EXE_vitra-watch"));
        self.begin(command)
    }

    fn begin(&self, mut command: Command) -> Service {
        command.arg("watch").arg("--config").arg(&self.config);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        Service { child, log: self.dir.join("log") }
    }
}

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_vitra-watch"))
}

/// A service that runs; killed when it is dropped.
pub struct Service {
    pub child: Child,
    log: PathBuf,
}

impl Service {
    /// The first line of output that begins so: what is behind it.
    pub fn says(&mut self, beginning: &str) -> String {
        let output = self.child.stdout.as_mut().unwrap();
        for line in BufReader::new(output).lines() {
            if let Some(rest) = line.unwrap().strip_prefix(beginning) {
                return rest.trim().to_owned();
            }
        }
        panic!("it does not say {beginning:?}: {}", std::fs::read_to_string(&self.log).unwrap_or_default());
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it as systemd does, and gives its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap().code()
    }

    /// Ends it as a power failure does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a webhook has received: identity and body of each delivery, in order.
type Deliveries = Arc<(Mutex<Vec<(Instant, String, Json)>>, Condvar)>;

/// A webhook's receiver, in plain HTTP, written without the project's own code. Answers with a status that can be changed.
pub struct Hook {
    url: String,
    deliveries: Deliveries,
    pub status: Arc<AtomicU16>,
}

impl Hook {
    pub fn start() -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let deliveries = Deliveries::default();
        let status = Arc::new(AtomicU16::new(204));
        let (taken, answer) = (Arc::clone(&deliveries), Arc::clone(&status));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (taken, answer) = (Arc::clone(&taken), Arc::clone(&answer));
                std::thread::spawn(move || take(stream, &taken, &answer));
            }
        });
        Hook { url, deliveries, status }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every delivery that was answered with success so far: identity and alert.
    pub fn all(&self) -> Vec<(String, Json)> {
        self.deliveries.0.lock().unwrap().iter().map(|(_, id, alert)| (id.clone(), alert.clone())).collect()
    }

    /// Waits for an alert, and gives when it came.
    pub fn wait(&self, wanted: impl Fn(&Json) -> bool) -> (Instant, Json) {
        let end = Instant::now() + LONG;
        let (list, news) = &*self.deliveries;
        let mut list = list.lock().unwrap();
        loop {
            if let Some((at, _, alert)) = list.iter().find(|(_, _, alert)| wanted(alert)) {
                return (*at, alert.clone());
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no such alert among {:#?}", list);
            list = news.wait_timeout(list, left).unwrap().0;
        }
    }
}

fn take(mut stream: std::net::TcpStream, taken: &Deliveries, answer: &AtomicU16) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut length, mut id, mut line) = (0, String::new(), String::new());
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) == 0 {
                return;
            }
            match header.trim().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap()
                }
                Some((name, value)) if name.eq_ignore_ascii_case("webhook-id") => id = value.trim().to_owned(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let status = answer.load(Ordering::SeqCst);
        if (200..300).contains(&status) {
            let alert = serde_json::from_slice(&body).unwrap();
            taken.0.lock().unwrap().push((Instant::now(), id, alert));
            taken.1.notify_all();
        }
        if write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// Whether an alert says that a violation was found.
pub fn is_violation(alert: &Json) -> bool {
    alert["event"] == "opened" && alert["finding"]["class"] == "violation"
}

/// Waits until something is so.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !so() {
        assert!(Instant::now() < end, "it never came to this: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

//! `vitra-watch demo`: an executor that will lie, a watchtower, and whoever it tells, on this machine alone.
//!
//! The watchtower and the verifier are this program, started as anybody would start it. Executors and receiver are threads.

mod receiver;

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::args::DemoArgs;
use super::runtimes::Place;
use super::{Failure, escape, exit};
use crate::database::ack::to_hex;
use crate::lab::live::{LiveLab, Plan};
use crate::lab::{Example, lies};
use crate::watch::alert::{Alert, Event};
use receiver::Receiver;

/// The executor lies after so many transactions.
const LIES_AFTER: u64 = 12;
/// Between two operations.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest that the demonstration waits for its alert.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the demonstration. On a terminal the status page stays up until it is interrupted.
pub(super) fn run(args: &DemoArgs, runtimes: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    let dir = Scratch::new()?;
    let binary = std::env::current_exe()?;
    let mode = args.sandbox.sandbox.name();
    let runtimes = runtimes.usual()?;
    let again = || {
        let mut command = Command::new(&binary);
        command.args(runtimes.iter().flat_map(|dir| ["--runtimes".as_ref(), dir.as_os_str()]));
        command
    };
    writeln!(
        out,
        "A database whose executor is honest, and one whose executor will lie, each with a counter as its contract."
    )?;
    let honest = lab(&dir.0.join("honest"), false)?;
    let liar = lab(&dir.0.join("liar"), true)?;
    writeln!(out, "  honest  {}\n  liar    {}", to_hex(honest.key()), to_hex(liar.key()))?;
    let receiver = Receiver::start()?;
    let config = dir.0.join("vitra-watch.yaml");
    std::fs::write(&config, configuration(&dir.0, &receiver, [&honest, &liar]))?;
    let mut tower = Tower::start(again(), &config, mode)?;
    let page = tower.page()?;
    writeln!(out, "The watchtower follows both, and its webhook goes to {}.", receiver.url())?;
    writeln!(out, "  status page  {}\n", escape(&page))?;
    out.flush()?;
    let (after, alert) = wait(&receiver, [&honest, &liar])?;
    let after = after.as_millis();
    writeln!(out, "ALERT, {after} ms after the lie was published:\n  {}", escape(&alert.message))?;
    let proof = alert.finding.as_ref().and_then(|note| note.proof.as_ref());
    let proof = proof.ok_or_else(|| Failure::new(exit::INTERNAL, "the alert names no proof"))?;
    // Whoever receives a proof has nothing but the file.
    let alone = dir.0.join("somebody-else");
    std::fs::create_dir(&alone)?;
    let name = format!("{}.vproof", proof.digest);
    let kept = dir.0.join("tower/archive/evidence").join(proof.digest.get(..2).unwrap_or_default());
    std::fs::copy(kept.join(&proof.digest), alone.join(&name))?;
    writeln!(out, "\nThe proof is a file of {} bytes. Somebody who has nothing else checks it:", proof.size)?;
    writeln!(out, "  $ vitra-watch proof verify {name}")?;
    let checked = again().args(["proof", "verify", "--sandbox", mode, &name]).current_dir(&alone).output()?;
    for line in String::from_utf8_lossy(&checked.stdout).lines() {
        writeln!(out, "  {}", escape(line))?;
    }
    if !checked.status.success() {
        return Err(Failure::new(exit::INTERNAL, "the proof does not hold"));
    }
    if std::io::stdout().is_terminal() {
        writeln!(out, "\nThe status page stays up until Ctrl-C: {}", escape(&page))?;
        out.flush()?;
        stay()?;
    }
    Ok(exit::VERIFIED)
}

/// A counter with two participants, under keys that nobody had before: a database has one history.
fn lab(dir: &Path, lies: bool) -> Result<LiveLab, Failure> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seed = u64::try_from(since.as_nanos() & u128::from(u64::MAX)).unwrap_or_default();
    let unknown = || Failure::new(exit::INTERNAL, "the example is not there");
    let example = Example::named("counter").ok_or_else(unknown)?;
    let lie = lies::named("wrong-change/value").filter(|_| lies).map(|lie| (lie, LIES_AFTER));
    Ok(LiveLab::start(dir, Plan { example, seed, lie })?)
}

/// Has both executors go on, and waits for the alert of a violation: how long after the lie was served it came.
fn wait(receiver: &Receiver, databases: [&LiveLab; 2]) -> Result<(Duration, Alert), Failure> {
    let end = Instant::now().checked_add(PATIENCE).unwrap_or_else(Instant::now);
    let mut lied = None;
    while Instant::now() < end {
        for database in databases {
            let told = database.go_on(1)?.truth.is_some();
            lied = lied.or(told.then(Instant::now));
        }
        let next = Instant::now().checked_add(PAUSE).unwrap_or(end);
        while let Some((at, alert)) = receiver.next(next.saturating_duration_since(Instant::now())) {
            let violation = alert.class() == Some(crate::replay::finding::Class::Violation);
            if alert.event == Event::Opened && violation {
                return Ok((lied.map(|lied| at.saturating_duration_since(lied)).unwrap_or_default(), alert));
            }
        }
    }
    Err(Failure::new(exit::INTERNAL, "no alert came"))
}

fn stay() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        super::stop::Stop::new()?.raised().await;
        Ok(())
    })
}

fn configuration(dir: &Path, receiver: &Receiver, databases: [&LiveLab; 2]) -> String {
    let [honest, liar] = databases;
    // JSON is YAML, and quotes every string.
    let config = serde_json::json!({
        "name": "demo",
        "data": dir.join("tower"),
        "databases": [
            { "key": to_hex(honest.key()), "name": "honest" },
            { "key": to_hex(liar.key()), "name": "liar" },
        ],
        "network": { "peers": [honest.address(), liar.address()], "dht": false },
        "quotas": { "free": "1MiB" },
        "alerts": { "channels": { "here": { "webhook": { "url": receiver.url(), "allow-private": true } } } },
        "web": { "listen": "127.0.0.1:0", "title": "Demonstration" },
    });
    config.to_string()
}

/// The watchtower.
struct Tower(Child);

impl Tower {
    fn start(mut command: Command, config: &Path, mode: &str) -> Result<Tower, Failure> {
        command.args(["watch", "--sandbox", mode, "--config"]).arg(config);
        Ok(Tower(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?))
    }

    /// The address of its status page, which it says first.
    fn page(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        // The pipe stays open: it says more.
        if let Some(output) = &mut self.0.stdout {
            BufReader::new(output).read_line(&mut line)?;
        }
        let page = line.trim().strip_prefix("status page: ").map(str::to_owned);
        page.ok_or_else(|| Failure::new(exit::INTERNAL, "the watchtower did not start"))
    }
}

impl Drop for Tower {
    fn drop(&mut self) {
        let stopped = rustix::process::Pid::from_child(&self.0);
        // One that has ended is only reaped.
        let _ = rustix::process::kill_process(stopped, rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}

/// A directory that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, Failure> {
        let dir = std::env::temp_dir().join(format!("vitra-watch-demo-{}", std::process::id()));
        std::fs::create_dir(&dir)
            .map_err(|error| Failure::new(exit::INTERNAL, format!("{}: {error}", dir.display())))?;
        Ok(Scratch(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is only untidy.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

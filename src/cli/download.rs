//! What comes before an audit by key: the download, and what is said about it on the way.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{AuditArgs, DownloadArgs, NetworkArgs};
use super::seed::Seed;
use super::{Failure, escape, exit};
use crate::archive::{ArchiveError, parse_link};
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::swarm::discovery::{Bootstrap, Config};
use crate::swarm::fetch::{Fetched, Lacking, Sources, Standing, fetch, fetch_from};
use crate::swarm::node::Happened;
use crate::swarm::transport::Address;
use crate::worker::{Beat, Command, Launcher, Limits, News, Report, Request, Worker};

/// What was tried in vain is named up to here.
const MAX_TRIED: usize = 32;

/// A database that was downloaded.
pub(super) struct Download {
    /// Its archive.
    pub dir: PathBuf,
    /// Its index log.
    pub key: Key,
    /// Blocks are missing that somebody signed.
    pub lacks: bool,
    /// The audit of what came, if it could begin.
    pub audit: Live,
    /// What serves it after the audit, if that is wanted.
    pub seed: Option<Seed>,
}

/// The audit of a database while it is downloaded.
#[derive(Default)]
pub(super) struct Live {
    worker: Option<Worker>,
    told: u64,
    transactions: u64,
    failed: bool,
}

impl Live {
    /// Gives the worker what is new. `request` says what to audit.
    fn turn(&mut self, at: Standing, request: impl FnOnce() -> Option<(Launcher, Request)>) {
        while let Some(news) = self.worker.as_mut().and_then(Worker::news) {
            match news {
                News::Beat(beat) => self.transactions = beat.transactions,
                // Whatever it was, the audit of the whole meets it again.
                News::Failed(_) => self.failed = true,
                News::Standing(_) | News::Report(_) => {}
            }
        }
        if self.failed || at.index == 0 || at.shown == self.told {
            return;
        }
        match &mut self.worker {
            Some(worker) if worker.is_busy() => return,
            Some(worker) => worker.tell(Command::Grown { heads: false }),
            None => match request().map(|request| Worker::start(request.0, request.1, Limits::default())) {
                Some(Ok(worker)) => self.worker = Some(worker),
                _ => self.failed = true,
            },
        }
        self.told = at.shown;
    }

    /// The report of what is there now; `None` when the whole must be audited again.
    pub fn finish(self, mut progress: impl FnMut(Beat)) -> Option<Report> {
        let mut worker = self.worker.filter(|_| !self.failed)?;
        worker.tell(Command::Finish);
        loop {
            match worker.wait()? {
                News::Beat(beat) => progress(beat),
                News::Report(report) => return Some(*report),
                News::Standing(_) => {}
                News::Failed(_) => return None,
            }
        }
    }
}

/// Whether the arguments name a database to be downloaded.
pub(super) fn is_wanted(args: &AuditArgs) -> Result<bool, Failure> {
    let network = &args.download.network;
    let key = args.target.to_str().and_then(parse_link).is_some();
    if !network.peers.is_empty() || !network.bootstrap.is_empty() || (key && !args.target.exists()) {
        return Ok(true);
    }
    match (&network.archive, args.seed_for) {
        (Some(_), _) => Err(Failure::new(exit::USAGE, "--archive goes with a key: it is where a download is kept")),
        (None, Some(_)) => Err(Failure::new(exit::USAGE, "--seed-for goes with a key: what was downloaded is served")),
        (None, None) => Ok(false),
    }
}

impl Download {
    /// Downloads what the arguments name, and audits it meanwhile.
    pub fn run(
        args: &AuditArgs,
        launcher: &Launcher,
        request: impl Fn(PathBuf) -> Request,
    ) -> Result<Download, Failure> {
        let key = args.target.to_str().and_then(parse_link);
        let no_key = "with --peer or --bootstrap, name a key: 64 hex digits or 52 letters of z-base-32";
        let key = key.ok_or_else(|| Failure::new(exit::USAGE, no_key))?;
        let dir = archive_directory(&args.download.network)?;
        let (mut progress, mut audit) = (Progress::default(), Live::default());
        let (sources, limit) = wanted(&args.download);
        let mut watch = |at: Standing, happened: &[Happened]| {
            let begin = || Some((launcher.clone(), request(dir.canonicalize().ok()?)));
            audit.turn(at, begin);
            progress.show(at, audit.transactions, happened);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let fetched = runtime.block_on(async {
            let (mut node, fetched) = fetch_from(&dir, &key, &sources, limit, &mut watch).await?;
            if args.seed_for.is_some() && fetched.served {
                return Ok((Some(node), fetched));
            }
            node.leave().await;
            Ok((None, fetched))
        });
        progress.clear();
        let (node, fetched) = fetched.map_err(failed)?;
        if !fetched.served {
            return Err(nobody(&key, &sources, &fetched));
        }
        let length = Duration::from_secs(args.seed_for.unwrap_or_default().into());
        let seed = node.map(|node| Seed::new(runtime, node, length));
        let lacks = fetched.lacking.iter().any(|log| log.blocks > 0);
        for log in &fetched.lacking {
            let _ = writeln!(std::io::stderr(), "missing: {}", missing(log));
        }
        Ok(Download { dir, key, lacks, audit, seed })
    }
}

/// Where a database is: in a directory, or, named by its key, in the archive after it was downloaded.
pub(super) fn locate(target: &Path, args: &DownloadArgs) -> Result<(PathBuf, Option<Key>), Failure> {
    let key = target.to_str().and_then(parse_link).filter(|_| !target.exists());
    let Some(key) = key else { return Ok((target.to_owned(), None)) };
    let dir = archive_directory(&args.network)?;
    let (sources, limit) = wanted(args);
    let mut progress = Progress::default();
    let fetched = fetch(&dir, &key, &sources, limit, &mut |at, happened| progress.show(at, 0, happened));
    progress.clear();
    let fetched = fetched.map_err(failed)?;
    match fetched.served {
        true => Ok((dir, Some(key))),
        false => Err(nobody(&key, &sources, &fetched)),
    }
}

/// An archive that cannot be used.
pub(super) fn failed(error: ArchiveError) -> Failure {
    match error {
        ArchiveError::NotEmpty(_) | ArchiveError::Locked(_) => Failure::new(exit::USAGE, error),
        error => Failure::new(exit::MALFORMED, error),
    }
}

fn wanted(args: &DownloadArgs) -> (Sources, Duration) {
    (sources(&args.network), Duration::from_secs(args.timeout.into()))
}

/// Where the arguments say that peers are.
pub(super) fn sources(args: &NetworkArgs) -> Sources {
    let dht = args.peers.is_empty() || !args.bootstrap.is_empty();
    let bootstrap = if args.bootstrap.is_empty() { Bootstrap::public() } else { args.bootstrap.clone() };
    let config = Config { bootstrap, listen: args.socket.listen, firewalled: args.socket.firewalled };
    Sources { peers: args.peers.clone(), dht: dht.then_some(config) }
}

fn nobody(key: &Key, sources: &Sources, fetched: &Fetched) -> Failure {
    let mut text = format!("nobody serves {}", to_hex(key));
    for address in &sources.peers {
        let address = address.to_string();
        let tried = fetched.tried.iter().find(|(tried, _)| *tried == address);
        let why = tried.map_or("connected, but it shows no signed head of this log", |(_, why)| why);
        text.push_str(&format!("; tried {}: {}", escape(&address), escape(why)));
    }
    let addresses: Vec<String> = sources.peers.iter().map(Address::to_string).collect();
    for (what, why) in fetched.tried.iter().filter(|(what, _)| !addresses.contains(what)).take(MAX_TRIED) {
        text.push_str(&format!("; tried {}: {}", escape(what), escape(why)));
    }
    Failure::new(exit::UNAVAILABLE, text)
}

fn missing(log: &Lacking) -> String {
    let key = to_hex(&log.key);
    if log.length == 0 {
        return format!("log {key}: nobody serves it");
    }
    let run = |(from, to): &(u64, u64)| match to.saturating_sub(1) {
        last if last == *from => from.to_string(),
        last => format!("{from}-{last}"),
    };
    let mut runs: Vec<String> = log.runs.iter().map(run).collect();
    let named = log.runs.iter().map(|(from, to)| to.saturating_sub(*from)).fold(0, u64::saturating_add);
    if named < log.blocks {
        runs.push("...".to_owned());
    }
    format!("log {key}: {} of {} blocks: {}", log.blocks, log.length, runs.join(", "))
}

/// Where downloads are kept.
pub(super) fn archive_directory(args: &NetworkArgs) -> Result<PathBuf, Failure> {
    let dir = args.archive.clone().or_else(data_directory);
    dir.ok_or_else(|| Failure::new(exit::USAGE, "name an archive with --archive: HOME is not set"))
}

/// `vitra-watch/archive` in the user's data directory.
fn data_directory() -> Option<PathBuf> {
    Some(data_home()?.join("archive"))
}

/// `vitra-watch` in the user's data directory, by the XDG rules.
pub(super) fn data_home() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("vitra-watch"))
}

/// A line on a terminal, nothing elsewhere.
#[derive(Default)]
struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    fn show(&mut self, at: Standing, transactions: u64, happened: &[Happened]) {
        for event in happened {
            if let Happened::Down(peer, why) = event {
                let line = format!("{}: {}", escape(peer), escape(why));
                match &self.bar {
                    Some(bar) => bar.println(line),
                    None => drop(writeln!(std::io::stderr(), "{line}")),
                }
            }
        }
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:30} block {pos}/{len}  {msg}  {per_sec}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        bar.set_length(at.of);
        bar.set_position(at.blocks);
        bar.set_message(format!("{} peers  {transactions} transactions", at.peers));
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let log = Lacking { key: [0; 32], length: 20, blocks: 9, runs: vec![(3, 4), (6, 9)] };
        assert!(missing(&log).ends_with(": 9 of 20 blocks: 3, 6-8, ..."));
    }
}

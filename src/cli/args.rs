//! The arguments: the one definition from which help, completions and manual pages follow.

use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

pub(super) use super::config::ConfigArgs;
pub(super) use super::proof::args::*;
pub(super) use super::service_args::*;
use crate::archive::parse_key;
use crate::hypercore::Key;
use crate::sandbox::{Layers, Mode};
use crate::swarm::discovery::{Bootstrap, Firewalled};
use crate::swarm::transport::Address;

/// An independent auditor for Vitra databases.
///
/// Replays a database's contract over its published logs and says whether the executor followed it.
#[derive(Debug, Parser)]
#[command(name = "vitra-watch", version, max_term_width = 100)]
pub struct Cli {
    /// Where the reference runtimes are, which confirm what the contract engine says (see `vitra-watch runtimes`); by default
    /// `runtimes` in the data directory.
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) runtimes: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Audit(AuditArgs),
    Follow(FollowArgs),
    Inspect(InspectArgs),
    Lab(LabArgs),
    Contract(ContractArgs),
    Proof(ProofArgs),
    Receipt(ReceiptArgs),
    Compare(CompareArgs),
    Watch(WatchArgs),
    Demo(DemoArgs),
    Status(StatusArgs),
    /// List, show and acknowledge what the service has found.
    #[command(subcommand)]
    Findings(FindingsCommand),
    /// List and resend alerts.
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// List, add and remove the databases of the service.
    #[command(subcommand)]
    Databases(DatabasesCommand),
    /// Try a way of telling people.
    #[command(subcommand)]
    Alert(AlertCommand),
    Config(ConfigArgs),
    /// Install and try the reference runtimes: the software that executors run. Needs Node's npm.
    #[command(subcommand)]
    Runtimes(RuntimesCommand),
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page of the program or of a subcommand.
    Man {
        /// The subcommand.
        command: Option<String>,
    },
    /// Audit one database on behalf of another process of this program.
    #[command(hide = true)]
    Worker {
        /// The layers in which it was started, to which it adds its own share.
        #[arg(long)]
        layers: Option<Layers>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum RuntimesCommand {
    /// Install them with npm: exact versions, each package verified against the hash in the lock file, no scripts run.
    ///
    /// Exit status: 0 installed; 69 npm is not there, or failed.
    Install {
        /// Where, instead of --runtimes or the data directory.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Say what is there, and try each of them.
    ///
    /// Exit status: 0 all of them work; 69 they are not there, or do not work.
    Check,
}

/// Audit a database once, from genesis to head.
///
/// A database that is named by its key is downloaded first, into an archive that later runs continue. Its verdict is about what
/// peers have shown when the download ends: what they append later is for the next run, or for `follow`.
///
/// Exit status: 0 verified; 10 violated by the executor; 11 by the executor, shown by signed heads only; 12 by participants
/// only; 20 unverifiable; 21 incomplete; 64 wrong arguments; 65 malformed files; 69 nobody serves it; 70 internal error.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// A storage directory that Vitra wrote, or an archive (or the directory above its `db`; several `view-*` are compared).
    /// Or the key of an index log, in hex or z-base-32, or as hyper://KEY.
    #[arg(value_name = "DIR|KEY")]
    pub target: PathBuf,
    #[command(flatten)]
    pub download: DownloadArgs,
    /// Serve what was downloaded for so many seconds after the verdict, or until SIGINT or SIGTERM; the exit status is the verdict's.
    #[arg(long, value_name = "S", help_heading = "Download")]
    pub seed_for: Option<u32>,
    /// Key of the index log, in hex or z-base-32, where the directory holds several.
    #[arg(long, value_parser = key, conflicts_with_all = ["peers", "bootstrap"])]
    pub key: Option<Key>,
    /// Stop at the last whole transaction before this length of the index.
    #[arg(long, value_name = "SEQ")]
    pub until: Option<u64>,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Write a proof of each violation into this directory: a file that convicts by itself (see `vitra-watch proof`).
    #[arg(long, value_name = "DIR")]
    pub proofs: Option<PathBuf>,
    /// Report at most this many findings.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_findings: u32,
    /// Accuse only what the reference runtimes confirm, of plain contracts, too.
    #[arg(long)]
    pub confirm: bool,
    #[command(flatten)]
    pub budget: BudgetArgs,
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

/// How contract code is locked in.
#[derive(Debug, Args)]
pub(super) struct SandboxArgs {
    /// Whether contract code may run without the layers that lock it in: not at all, with what this system has, or with none.
    #[arg(long, value_name = "MODE", default_value = "auto", value_parser = sandbox_mode())]
    pub sandbox: Mode,
}

pub(super) fn sandbox_mode() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::NAMES).try_map(|text| text.parse::<Mode>())
}

/// Show on this machine alone how a lying executor is caught: an executor, a watchtower, an alert, a proof.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

/// Follow databases live: download, audit, seed and watch them until it is stopped.
///
/// Prints a line for whatever happens: transactions verified, findings, forks, peers that come and go. What waits for an operation
/// or for the rest of a transaction accuses nobody; `audit` says what is missing in the end.
///
/// Exit status, when it is stopped by SIGINT or SIGTERM: that of the database that stands worst, as of `audit`: 10, 11 or 12
/// violated; 20 unverifiable; 69 nobody serves it; 21 incomplete; 0 verified. 64 wrong arguments; 65 malformed files; 70 internal
/// error.
#[derive(Debug, Args)]
pub(super) struct FollowArgs {
    /// Keys of index logs, in hex or z-base-32, or as hyper://KEY.
    #[arg(value_name = "KEY", required = true, value_parser = link)]
    pub keys: Vec<Key>,
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Print JSON, an object a line.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

fn link(text: &str) -> Result<Key, String> {
    crate::archive::parse_link(text).ok_or_else(|| "it is no key: 64 hex digits or 52 letters of z-base-32".to_owned())
}

/// Where a database comes from that is named by its key.
#[derive(Debug, Args)]
#[command(next_help_heading = "Download")]
pub(super) struct NetworkArgs {
    /// Download from this peer (repeatable); the DHT is not asked then, unless with --bootstrap.
    #[arg(long = "peer", value_name = "tcp://HOST:PORT")]
    pub peers: Vec<Address>,
    /// Find peers through the DHT to which this node belongs (repeatable); by default the public one.
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap: Vec<Bootstrap>,
    #[command(flatten)]
    pub socket: SocketArgs,
    /// Where downloads are kept; by default in the user's data directory.
    #[arg(long, value_name = "DIR")]
    pub archive: Option<PathBuf>,
}

/// Where a database is downloaded from, and how long that may take.
#[derive(Debug, Args)]
pub(super) struct DownloadArgs {
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Download for at most so many seconds.
    #[arg(long, value_name = "S", default_value_t = 300, help_heading = "Download")]
    pub timeout: u32,
}

/// Our own place on the DHT.
#[derive(Debug, Args)]
pub(super) struct SocketArgs {
    /// Address and UDP port for the DHT.
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:0")]
    pub listen: SocketAddrV4,
    /// Whether a firewall or a NAT keeps peers from dialling us.
    #[arg(long, default_value = "auto", value_parser = firewalled())]
    pub firewalled: Firewalled,
}

fn firewalled() -> impl TypedValueParser<Value = Firewalled> {
    PossibleValuesParser::new(["auto", "yes", "no"]).try_map(|text| text.parse::<Firewalled>())
}

/// Budgets of the replay; an operation that exceeds one is not judged.
#[derive(Debug, Args)]
#[command(next_help_heading = "Budgets")]
pub(super) struct BudgetArgs {
    /// Instructions of one operation, in ticks of 10,000.
    #[arg(long, value_name = "TICKS", default_value_t = 20_000)]
    pub max_ticks: u64,
    /// Memory of a contract, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    pub max_memory: u32,
    /// Native stack of a contract, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub max_stack: u32,
    /// Queued jobs (reactions of promises) of one operation.
    #[arg(long, value_name = "N", default_value_t = 4_000_000)]
    pub max_jobs: u64,
    /// Values that one operation may write, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub max_output: u32,
}

/// Look into a database: what Vitra's own tools show of it.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A storage directory that Vitra wrote, or an archive (or the directory above its `db`).
    pub dir: PathBuf,
    /// Key of the index log, in hex or z-base-32, where the directory holds several.
    #[arg(long, value_parser = key, global = true)]
    pub key: Option<Key>,
    /// Show the state at this version (length of the index); versions exist where batches end.
    #[arg(long, value_name = "VERSION", global = true)]
    pub at: Option<u64>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub what: What,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum What {
    /// Key, lengths, participants, contract.
    Info,
    /// Every entry of the index, in order.
    History,
    /// The value at a path.
    Get {
        /// The path, such as /a/b.
        path: String,
    },
    /// The entries of a directory.
    List {
        /// The directory.
        #[arg(default_value = "/")]
        prefix: String,
    },
    /// The contract's source.
    Source,
    /// The methods that the contract exports.
    Methods,
    /// The participants' logs.
    Oplogs,
}

/// Make databases to test with, honest or with one chosen lie.
///
/// All keys of a lab follow from its seed: anybody can write into it. It runs its contracts in its own process.
#[derive(Debug, Args)]
pub(super) struct LabArgs {
    #[command(subcommand)]
    pub command: LabCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum LabCommand {
    Create(CreateArgs),
    Call(CallArgs),
    Serve(ServeArgs),
    /// List the lies that can be told.
    Lies,
    /// List the behaviours of a serving peer.
    Behaviours,
}

/// Make a database from a contract and a workload, the same one for the same arguments.
///
/// Exit status: 0 made; 64 wrong arguments, or DIR exists; 65 a contract or workload that cannot be used; 70 it could not be
/// written.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// The contract: a file, or counter, kv, registry, members or forum.
    #[arg(long, value_name = "FILE|NAME")]
    pub contract: PathBuf,
    /// What the participants do: a file (docs/lab.md), or that of an example. An example has its own.
    #[arg(long, value_name = "FILE|NAME")]
    pub workload: Option<PathBuf>,
    /// Things that participants do: most publish one operation.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub ops: u64,
    /// Participants that the genesis declares.
    #[arg(long, value_name = "P", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub participants: u16,
    /// More oplogs, of people who are no participants (yet).
    #[arg(long, value_name = "P", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    pub outsiders: u16,
    /// From which everything random follows, keys too.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// What the logs' keys are.
    #[arg(long, value_enum, default_value_t = KeysArg::PublicKey)]
    pub keys: KeysArg,
    /// One lie (`lab lies` lists them), at the first chance after so many transactions.
    #[arg(long, value_name = "KIND[/WAY][@N]")]
    pub lie: Option<String>,
    /// Execute operations with this reference runtime, as a real executor does, instead of the replay's engine.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(
        crate::runtimes::REFERENCES.iter().map(|reference| reference.name)
    ))]
    pub engine: Option<String>,
    /// Be honest in odd ways: backlogs, restarts, shared and split batches, other orders of changes.
    #[arg(long)]
    pub odd: bool,
    /// The directory to make.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// What the keys of a lab's logs are.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum KeysArg {
    /// Public keys, as Vitra has them.
    PublicKey,
    /// Hashes of manifests, as Hypercore 11 makes them.
    Manifest,
}

/// Call a method of a lab's contract as a participant, and execute what it publishes.
#[derive(Debug, Args)]
pub(super) struct CallArgs {
    /// A directory that `lab create` made.
    pub dir: PathBuf,
    /// An exported method.
    pub method: String,
    /// Its argument, as JSON (docs/json.md).
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub args: String,
    /// Who calls, from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub participant: u16,
}

/// Serve a database to peers, honestly or not, until it is killed.
///
/// Any archive or Corestore is served as it is when this starts; it is only read. Prints the keys of the indexes, where it listens,
/// and when the DHT knows about it. Misbehave only towards software that you test.
///
/// Exit status: 0 its time is over; 64 wrong arguments; 65 files that cannot be used; 70 internal error.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// A directory that `lab create` made, or any archive or Corestore.
    pub dir: PathBuf,
    /// How to behave; `lab behaviours` says what each does.
    #[arg(long, value_name = "NAME", default_value = "honest", value_parser = behaviour())]
    pub behaviour: String,
    /// With split-view: what every other peer is shown.
    #[arg(long, value_name = "DIR")]
    pub other: Option<PathBuf>,
    /// Take connections over TCP; port 0: any.
    #[arg(long, value_name = "IP:PORT")]
    pub listen_tcp: Option<SocketAddr>,
    /// Announce it on the DHT to which this node belongs (repeatable).
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap: Vec<Bootstrap>,
    #[command(flatten)]
    pub socket: SocketArgs,
    /// Stop after so many seconds.
    #[arg(long, value_name = "S")]
    pub seconds: Option<u32>,
}

fn behaviour() -> PossibleValuesParser {
    PossibleValuesParser::new(crate::lab::serve::ways().map(|way| way.name))
}

/// Look at contracts before they run anywhere.
#[derive(Debug, Args)]
pub(super) struct ContractArgs {
    #[command(subcommand)]
    pub command: ContractCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ContractCommand {
    Check(CheckArgs),
}

/// Say whether a contract is a function of operation and state, so that anybody can audit it.
///
/// Compiles it and looks at its source; with a workload also runs it: in continued and in fresh realms, with other clocks, random
/// numbers and locales, and with the other exported methods called in between.
///
/// Exit status: 0 nothing found; 20 something that can make an audit unverifiable; 64 wrong arguments; 65 files that cannot be used.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The contract: a file, or counter, kv, registry, members or forum.
    pub contract: PathBuf,
    /// What the participants do: a file (docs/lab.md), or that of an example. An example has its own.
    #[arg(long, value_name = "FILE|NAME")]
    pub workload: Option<PathBuf>,
    /// Things that participants do.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub ops: u64,
    /// From which everything random follows.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

pub(super) fn key(text: &str) -> Result<Key, String> {
    parse_key(text).ok_or_else(|| "a key is 64 hex digits or 52 letters of z-base-32".to_owned())
}

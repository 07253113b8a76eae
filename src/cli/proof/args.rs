//! Arguments of what makes, shows and checks proofs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::super::args::{DownloadArgs, SandboxArgs, key};
use crate::hypercore::Key;

/// Make, show and check proofs: files that convict by themselves.
#[derive(Debug, Args)]
pub(in super::super) struct ProofArgs {
    #[command(subcommand)]
    pub command: ProofCommand,
}

#[derive(Debug, Subcommand)]
pub(in super::super) enum ProofCommand {
    Verify(VerifyArgs),
    Show(ShowArgs),
    Rebut(RebutArgs),
    Inclusion(InclusionArgs),
    Import(ImportArgs),
    Export(ExportArgs),
}

/// Check proofs, each from its file alone: no archive, no network, no trust in the sender.
///
/// Says of each whom it convicts of what, in which database and at which block, and what was checked. Rebuttals and proofs of
/// inclusion are checked likewise.
///
/// Exit status: 0 all are proven; 1 one does not prove its claim; 2 one needs the reference runtimes (`vitra-watch runtimes
/// install`); 65 one is no proof file; 64 wrong arguments; 70 internal
/// error.
#[derive(Debug, Args)]
pub(in super::super) struct VerifyArgs {
    /// Proof files; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Read files of at most so many MiB.
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub max_size: u32,
    /// Print JSON, an object a line.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

/// Show what a proof holds: its claim, the logs' heads and blocks, the contract, and the expected and the published change.
///
/// Exit status: as of `proof verify`.
#[derive(Debug, Args)]
pub(in super::super) struct ShowArgs {
    /// The proof; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Read a file of at most so many MiB.
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub max_size: u32,
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

/// Clear an executor of a proof.
///
/// A proof against the executor or the owner of an oplog is answered by the proof that this owner truncated the oplog, or that
/// it has two histories which differ as early as the operation in question. A proof that rests on the end of a head is
/// answered by a longer head: name a directory with the database, or its key, and the longer head is taken from there.
///
/// Writes a file of its own, which `proof verify` checks.
///
/// Exit status: 0 cleared; 1 the answer does not show it; 65 one is no proof file, or malformed files; 64 wrong arguments; 69
/// nobody serves the database; 70 internal error.
#[derive(Debug, Args)]
pub(in super::super) struct RebutArgs {
    /// The proof that accuses the executor, or the executor or an owner.
    #[arg(value_name = "FILE")]
    pub proof: PathBuf,
    /// The proof of the oplog's equivocation or truncation; or a directory with the database, or its key.
    #[arg(value_name = "FILE|DIR|KEY")]
    pub answer: PathBuf,
    /// Write the rebuttal into this directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    #[command(flatten)]
    pub download: DownloadArgs,
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

/// Prove that a block is in a log, and, of an operation, what the executor made of it.
///
/// Exit status: 0 written; 21 the block is not here; 64 wrong arguments; 65 malformed files; 69 nobody serves it; 70 internal
/// error.
#[derive(Debug, Args)]
pub(in super::super) struct InclusionArgs {
    /// A directory with the database, or its key: then it is downloaded first.
    #[arg(value_name = "DIR|KEY")]
    pub target: PathBuf,
    /// Key of the log, in hex or z-base-32.
    #[arg(value_name = "LOG", value_parser = key)]
    pub log: Key,
    /// The block.
    #[arg(value_name = "SEQ")]
    pub seq: u64,
    /// Write the proof into this directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    #[command(flatten)]
    pub download: DownloadArgs,
}

/// Take the signed heads out of Vitra's own JSON: a transaction with receipts, a receipt, or a proof of a fork or a rewritten block.
///
/// Their signatures are checked, and what is signed is said. Given a directory, they are compared with the logs of its database,
/// and, where that is an archive, kept in it; without one, with each other. What they contradict is proven. For an oplog that needs
/// the directory: the proof shows that the log is an input of the database.
///
/// Exit status: 0 nothing contradicts them; 11 the executor contradicts itself; 12 a participant does; 21 they contradict each
/// other, and whose log it is only its database shows; 64 wrong arguments; 65 malformed files; 70 internal error.
#[derive(Debug, Args)]
pub(in super::super) struct ImportArgs {
    /// The JSON; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A directory with the database.
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Key of the index log, in hex or z-base-32, where the directory holds several, or there is none.
    #[arg(long, value_parser = key)]
    pub key: Option<Key>,
    /// Write proofs into this directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
}

/// Print a proof in Vitra's own JSON, where that can say it: truncations, and receipts that contradict each other.
///
/// Exit status: 0 printed; 1 Vitra's JSON cannot say it; 65 it is no proof file; 64 wrong arguments.
#[derive(Debug, Args)]
pub(in super::super) struct ExportArgs {
    /// The proof; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// In Vitra's JSON, the only other form there is.
    #[arg(long, required = true)]
    pub vitra: bool,
}

/// Check what a participant was given for an operation.
#[derive(Debug, Args)]
pub(in super::super) struct ReceiptArgs {
    #[command(subcommand)]
    pub command: ReceiptCommand,
}

#[derive(Debug, Subcommand)]
pub(in super::super) enum ReceiptCommand {
    Verify(ReceiptVerifyArgs),
}

/// Say whether the receipts of a transaction still hold: is each operation in the log, was it processed, with which result?
///
/// Where the log was rewritten since, a proof of that is written.
///
/// Exit status: 0 all are in the log and processed; 12 a log was rewritten; 21 one is not here or not processed yet; 64 wrong
/// arguments; 65 malformed files, or a receipt that its owner has not signed; 69 nobody serves it; 70 internal error.
#[derive(Debug, Args)]
pub(in super::super) struct ReceiptVerifyArgs {
    /// The transaction or receipt, in Vitra's JSON; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A directory with the database, or its key: then it is downloaded first.
    #[arg(value_name = "DIR|KEY")]
    pub target: PathBuf,
    /// Write proofs into this directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    #[command(flatten)]
    pub download: DownloadArgs,
    /// Print JSON, an object a line.
    #[arg(long)]
    pub json: bool,
}

/// Compare two copies of one database, log by log: the same, one a prefix of the other, or a contradiction, which is proven.
///
/// Exit status: 0 no contradiction; 11 the executor contradicts itself; 12 a participant does; 21 they differ, but no signed
/// heads show it; 64 wrong arguments; 65 malformed files; 69 nobody serves it; 70 internal error.
#[derive(Debug, Args)]
pub(in super::super) struct CompareArgs {
    /// A directory with the database, or its key: then it is downloaded first.
    #[arg(value_name = "DIR|KEY")]
    pub first: PathBuf,
    /// The other copy.
    #[arg(value_name = "DIR|KEY")]
    pub second: PathBuf,
    /// Key of the index log, in hex or z-base-32, where a directory holds several.
    #[arg(long, value_parser = key)]
    pub key: Option<Key>,
    /// Write proofs into this directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    #[command(flatten)]
    pub download: DownloadArgs,
    /// Print JSON, an object a line.
    #[arg(long)]
    pub json: bool,
}

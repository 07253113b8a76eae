//! Arguments of the service, and of orders to it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::{key, sandbox_mode};
use crate::hypercore::Key;
use crate::sandbox::Mode;

/// Follow many databases, and tell people what is found.
///
/// Runs until SIGINT or SIGTERM; SIGHUP has it read its configuration again. Starting again continues where it was.
///
/// Exit status: 0 stopped; 70 internal error; 78 a configuration that cannot be used.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// The configuration; `vitra-watch config init` makes one.
    #[arg(long, value_name = "FILE", default_value = "vitra-watch.yaml")]
    pub config: PathBuf,
    /// Whether contract code may run without the layers that lock it in; by default what the configuration says.
    #[arg(long, value_name = "MODE", value_parser = sandbox_mode())]
    pub sandbox: Option<Mode>,
}

/// Which service is meant, and how to print.
#[derive(Debug, Args)]
pub(super) struct ServiceArgs {
    /// The configuration of the service.
    #[arg(long, value_name = "FILE", default_value = "vitra-watch.yaml")]
    pub config: PathBuf,
    /// Print JSON, an object a line.
    #[arg(long)]
    pub json: bool,
}

/// Say how the running service is.
///
/// Exit status: 0 it runs; 69 it does not; 78 a configuration that cannot be used.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    pub service: ServiceArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum FindingsCommand {
    /// Print findings that are open, a line each.
    List {
        #[command(flatten)]
        service: ServiceArgs,
        /// Those that are over, and notices, too.
        #[arg(long)]
        all: bool,
        /// Of this database only.
        #[arg(long, value_name = "KEY", value_parser = key)]
        database: Option<Key>,
        /// At most so many, the newest.
        #[arg(long, value_name = "N", default_value_t = 1000)]
        most: u32,
    },
    /// Print one finding.
    Show {
        #[command(flatten)]
        service: ServiceArgs,
        /// Its identity.
        id: String,
    },
    /// Say that somebody has taken note of a finding: no more reminders of it.
    Ack {
        #[command(flatten)]
        service: ServiceArgs,
        /// Its identity.
        id: String,
        /// What to write beside it.
        #[arg(long)]
        note: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum OutboxCommand {
    /// Print alerts and what became of them, the newest first.
    List {
        #[command(flatten)]
        service: ServiceArgs,
        /// With this status only.
        #[arg(long, value_parser = ["pending", "delivered", "dead"])]
        status: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        most: u32,
    },
    /// Deliver an alert again.
    Resend {
        #[command(flatten)]
        service: ServiceArgs,
        /// Its number in `outbox list`.
        number: i64,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum DatabasesCommand {
    /// Print the databases and how far they were verified.
    List {
        #[command(flatten)]
        service: ServiceArgs,
    },
    /// Follow a database that the configuration does not name.
    Add {
        #[command(flatten)]
        service: ServiceArgs,
        /// Its index key.
        #[arg(value_parser = key)]
        key: Key,
        /// Its name.
        #[arg(long)]
        name: Option<String>,
    },
    /// Follow a database no more that was added like this. Its findings stay.
    Remove {
        #[command(flatten)]
        service: ServiceArgs,
        /// Its index key.
        #[arg(value_parser = key)]
        key: Key,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum AlertCommand {
    /// Send an alert that says that it is a test.
    Test {
        #[command(flatten)]
        service: ServiceArgs,
        /// The channel.
        channel: String,
    },
}

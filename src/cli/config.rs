//! `vitra-watch config`: whether a configuration is right, and an example to begin with.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Failure, escape, exit};
use crate::alerts::Channels;
use crate::config::{Config, EXAMPLE};

/// Check a configuration of the service, or begin one.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    Check(CheckArgs),
    /// Write an example with every key, explained; to standard output without FILE.
    ///
    /// Exit status: 0 written; 64 FILE exists; 70 it cannot be written.
    Init {
        /// The file to make.
        file: Option<PathBuf>,
    },
}

/// Say what is wrong with a configuration, and where.
///
/// Exit status: 0 nothing is wrong; 64 wrong arguments; 69 a channel does not answer; 78 the configuration is wrong.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The file.
    pub file: PathBuf,
    /// Read the secrets too, and connect with every channel, without sending an alert: log in at the mail server, ask the
    /// Alertmanager whether it is ready, look for the program.
    #[arg(long)]
    pub probe: bool,
}

/// Runs the subcommand.
pub(super) fn run(args: &ConfigArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    match &args.command {
        ConfigCommand::Check(args) => check(args, out),
        ConfigCommand::Init { file } => init(file.as_ref(), out),
    }
}

fn check(args: &CheckArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let config = Config::load(&args.file)?;
    let counts = [
        (config.databases.len(), "database"),
        (config.alerts.channels.len(), "channel"),
        (config.alerts.routes.len(), "route"),
    ];
    let counts = counts.map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    writeln!(out, "nothing is wrong: {}", counts.join(", "))?;
    if args.probe { probe(&config, out) } else { Ok(exit::VERIFIED) }
}

fn probe(config: &Config, out: &mut dyn Write) -> Result<u8, Failure> {
    let channels = Channels::open(&config.alerts).map_err(|why| Failure::new(exit::CONFIGURATION, why))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut code = exit::VERIFIED;
    for (name, channel) in channels.names().iter().filter_map(|name| Some((name, channels.get(name)?))) {
        match runtime.block_on(channel.probe()) {
            Ok(said) => writeln!(out, "{}: {}", escape(name), escape(&said))?,
            Err(why) => {
                code = exit::UNAVAILABLE;
                writeln!(out, "{}: FAILED: {}", escape(name), escape(&why))?;
            }
        }
    }
    runtime.shutdown_background();
    Ok(code)
}

fn init(file: Option<&PathBuf>, out: &mut dyn Write) -> Result<u8, Failure> {
    let Some(path) = file else {
        out.write_all(EXAMPLE.as_bytes())?;
        return Ok(exit::VERIFIED);
    };
    let fail = |code, why: &dyn std::fmt::Display| Failure::new(code, format!("{}: {why}", path.display()));
    let mut made = std::fs::File::create_new(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => fail(exit::USAGE, &"it is there already"),
        _ => fail(exit::INTERNAL, &e),
    })?;
    made.write_all(EXAMPLE.as_bytes()).map_err(|e| fail(exit::INTERNAL, &e))?;
    writeln!(out, "{}", escape(&path.display().to_string()))?;
    Ok(exit::VERIFIED)
}

//! The command line: one file a subcommand.
//!
//! Results go to stdout, progress and errors to stderr. The exit code is derived here, once, from what a subcommand
//! returns.

mod args;
mod audit;
mod compare;
mod config;
mod contract;
mod demo;
mod download;
pub mod exit;
mod follow;
mod inspect;
mod lab;
mod launcher;
#[cfg(test)]
#[path = "../../tests/common/nasty.rs"]
mod nasty;
mod proof;
mod receipt;
mod runtimes;
mod seed;
mod service;
mod service_args;
mod stop;
mod watch;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::escape;

pub use args::Cli;
use args::Command;
pub use escape::{escape, escape_json};

/// A failure of a subcommand: what to say, and how to exit.
#[derive(Debug)]
pub struct Failure {
    /// One of [`exit`]'s constants.
    pub code: u8,
    /// One sentence.
    pub message: String,
    /// Whoever read the output has closed it (`| head`): no failure of ours.
    closed: bool,
    /// It has several lines, and is harmless on a terminal as it is.
    lines: bool,
}

impl Failure {
    fn new(code: u8, message: impl std::fmt::Display) -> Self {
        Self { code, message: message.to_string(), closed: false, lines: false }
    }
}

impl From<crate::config::Error> for Failure {
    fn from(error: crate::config::Error) -> Self {
        Self { lines: true, ..Self::new(exit::CONFIGURATION, error) }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let closed = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { closed, ..Self::new(exit::INTERNAL, error) }
    }
}

/// Parses the arguments and runs the subcommand.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = !error.use_stderr();
            // Nothing can be said where nothing can be printed.
            let _ = error.print();
            return ExitCode::from(if asked { exit::VERIFIED } else { exit::USAGE });
        }
    };
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let message = if failure.lines { failure.message } else { escape(&failure.message) };
            let _ = writeln!(std::io::stderr(), "vitra-watch: {message}");
            ExitCode::from(failure.code)
        }
    }
}

fn run(cli: Cli) -> Result<u8, Failure> {
    let out = &mut std::io::stdout();
    let runtimes = runtimes::Place { named: cli.runtimes };
    let result = match cli.command {
        Command::Audit(args) => audit::run(&args, &runtimes, out),
        Command::Follow(args) => follow::run(&args, &runtimes, out),
        Command::Inspect(args) => inspect::run(&args, out),
        Command::Lab(args) => lab::run(&args, &runtimes, out),
        Command::Contract(args) => contract::run(&args, out),
        Command::Proof(args) => proof::run(&args, &runtimes, out),
        Command::Receipt(args) => receipt::run(&args, out),
        Command::Compare(args) => compare::run(&args, out),
        Command::Watch(args) => watch::run(&args, &runtimes, out),
        Command::Demo(args) => demo::run(&args, &runtimes, out),
        Command::Status(args) => service::status(&args, out),
        Command::Findings(command) => service::findings(&command, out),
        Command::Outbox(command) => service::outbox(&command, out),
        Command::Databases(command) => service::databases(&command, out),
        Command::Alert(command) => service::alert(&command, out),
        Command::Config(args) => config::run(&args, out),
        Command::Runtimes(command) => runtimes::run(&command, &runtimes, out),
        Command::Completions { shell } => {
            // Into memory first: the generator panics when it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut visible(), "vitra-watch", &mut script);
            out.write_all(&script).map(|()| exit::VERIFIED).map_err(Failure::from)
        }
        Command::Man { command } => man(command.as_deref(), out),
        Command::Worker { layers } => {
            // Before it reads anything, and while it is one thread.
            if let Some(layers) = layers {
                crate::sandbox::enter(layers).map_err(|error| Failure::new(exit::INTERNAL, error))?;
            }
            let input = std::io::BufReader::new(std::io::stdin());
            crate::worker::serve(Box::new(input), Box::new(std::io::stdout()))
                .map(|()| exit::VERIFIED)
                .map_err(Failure::from)
        }
    };
    match result {
        // A reader that has seen enough is no error.
        Err(failure) if failure.closed => Ok(exit::VERIFIED),
        result => result,
    }
}

/// The program without what is hidden: completions would offer it.
fn visible() -> clap::Command {
    let whole = Cli::command();
    let shown: Vec<_> = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    clap::Command::new("vitra-watch").version(env!("CARGO_PKG_VERSION")).subcommands(shown)
}

/// Writes the manual page of the program, or of one subcommand.
fn man(name: Option<&str>, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut command = Cli::command();
    command.build();
    let command = match name {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).filter(|found| !found.is_hide_set()).cloned();
            let found = found.ok_or_else(|| Failure::new(exit::USAGE, format!("there is no subcommand {name:?}")))?;
            found.display_name(format!("vitra-watch-{name}"))
        }
    };
    clap_mangen::Man::new(command).render(out)?;
    Ok(exit::VERIFIED)
}

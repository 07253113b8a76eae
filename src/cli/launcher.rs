//! How commands start their workers.

use std::io::Write;

use super::runtimes::Place;
use super::{Failure, exit};
use crate::sandbox::{Mode, Sandbox};
use crate::worker::Launcher;

/// Workers of this program, locked in as `mode` says. What the system lacks is said on stderr.
pub(super) fn launcher(mode: Mode, runtimes: &Place) -> Result<Launcher, Failure> {
    let sandbox = Sandbox::new(mode).map_err(|error| Failure::new(exit::INTERNAL, error))?;
    if !sandbox.layers().missing().is_empty() {
        // Nothing can be said where nothing can be printed.
        let _ = writeln!(std::io::stderr(), "vitra-watch: {}", sandbox.statement());
    }
    Ok(Launcher::new(std::env::current_exe()?, sandbox).with_runtimes(runtimes.usual()?))
}

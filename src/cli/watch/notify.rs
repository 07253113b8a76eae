//! What the service tells systemd and its journal.

use std::io::Write;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::escape::escape;
use crate::watch::service::Pulse;

/// systemd, if it started us.
pub(super) struct Systemd {
    /// How often it wants to hear that we live, and when it last did.
    every: Option<Duration>,
    told: Instant,
}

impl Systemd {
    pub fn new() -> Self {
        Self { every: sd_notify::watchdog_enabled().map(|limit| limit / 3), told: Instant::now() }
    }

    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }
}

impl Pulse for Systemd {
    fn ready(&mut self) {
        tell(&[NotifyState::Ready]);
    }

    fn turn(&mut self) {
        // Only a round that was gone says it: a service that hangs is started again.
        if self.every.is_some_and(|every| self.told.elapsed() >= every) {
            self.told = Instant::now();
            tell(&[NotifyState::Watchdog]);
        }
    }

    fn say(&mut self, line: &str) {
        say(line);
    }

    fn reloaded(&mut self) {
        reloaded();
    }
}

/// The configuration is being read again.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// It was.
pub(super) fn reloaded() {
    tell(&[NotifyState::Ready]);
}

fn tell(what: &[NotifyState<'_>]) {
    // Without systemd there is nobody to be told.
    let _ = sd_notify::notify(what);
}

/// A line for the journal.
pub(super) fn say(line: &str) {
    // Where nothing can be said, there is nothing to be done about it.
    let _ = writeln!(std::io::stderr(), "{}", escape(line));
}

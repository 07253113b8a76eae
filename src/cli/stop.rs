//! The signals that stop what would go on for long.

use std::task::{Context, Poll, Waker};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, from when this is made: they end the program no more.
pub(super) struct Stop([Signal; 2]);

impl Stop {
    /// Must be made within a runtime.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]))
    }

    /// Waits for either.
    pub async fn raised(&mut self) {
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    /// Whether either came.
    pub fn is_raised(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        self.0.iter_mut().any(|signal| matches!(signal.poll_recv(&mut context), Poll::Ready(Some(()))))
    }
}

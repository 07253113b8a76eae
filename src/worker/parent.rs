//! The parent's side: what is done about workers that are stuck.

use std::collections::HashMap;
use std::time::Duration;

use super::report::{Beat, Request};
use super::session::{Ended, Launcher, Session};
use crate::replay::report::Report;

/// When a worker is given up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One run of the engine may take so long by the wall clock; a loop that can be interrupted ends long before, by its
    /// instruction budget.
    pub run: Duration,
    /// Silence after which a worker counts as dead.
    pub silence: Duration,
    /// Operations that may be left out because they were killed.
    pub killed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { run: Duration::from_secs(10), silence: Duration::from_secs(60), killed: 16 }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The stores cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// The request does not fit the stores.
    #[error("{0}")]
    Usage(String),
    /// The worker failed.
    #[error("failed to audit in a worker process: {0}")]
    Failed(String),
}

/// Audits in worker processes; `progress` is told where the worker stands.
///
/// # Errors
/// [`WorkerError`].
pub fn run(
    launcher: &Launcher,
    mut request: Request,
    limits: Limits,
    mut progress: impl FnMut(Beat),
) -> Result<Report, WorkerError> {
    let mut stuck = Stuck::default();
    loop {
        match Session::start(launcher, &mut request)?.listen(limits, &mut |beat| {
            progress(beat);
            true
        })? {
            Ended::Report(report) => return Ok(*report),
            Ended::Standing(_) | Ended::Proof(_) => return Err(odd()),
            Ended::Stuck(seq, why) => stuck.count(seq, why, &mut request, limits)?,
        }
    }
}

/// It answers what it was not asked.
pub(super) fn odd() -> WorkerError {
    WorkerError::Failed("it said something odd".to_owned())
}

/// The operations under which workers were stuck.
#[derive(Default)]
pub(super) struct Stuck {
    tries: HashMap<u64, u32>,
}

impl Stuck {
    /// Notes an operation, and leaves it out of the request the second time.
    ///
    /// # Errors
    /// When no operation is to blame, or too many are.
    pub fn count(
        &mut self,
        seq: Option<u64>,
        why: String,
        request: &mut Request,
        limits: Limits,
    ) -> Result<(), WorkerError> {
        let Some(seq) = seq.filter(|_| request.killed.len() < limits.killed) else {
            return Err(WorkerError::Failed(why));
        };
        let count = self.tries.entry(seq).or_default();
        *count = count.saturating_add(1);
        if *count >= 2 {
            request.killed.push(seq);
        }
        Ok(())
    }
}

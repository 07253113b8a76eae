//! Places where tests end the process, as a power failure would: at once and without a word.
//!
//! In builds with debug assertions the environment variable `VITRA_WATCH_CRASH_AT` names one of [`ARCHIVE`] or [`SERVICE`], or `name:k` for
//! the k-th time that it is passed (from 1). Release builds contain nothing of this.

/// The points of an archive, in the order in which its writer passes them.
pub const ARCHIVE: [&str; 13] = [
    "history-row",
    "history-files",
    "flush-blocks",
    "flush-tree",
    "commit-begin",
    "commit-blocks",
    "commit-files",
    "commit-rows",
    "commit-done",
    "evidence-begin",
    "evidence-written",
    "evidence-named",
    "evidence-done",
];

/// The points of the service, in the order in which it passes them.
pub const SERVICE: [&str; 5] =
    ["state-commit", "state-committed", "delivery-begin", "delivery-sent", "delivery-marked"];

/// Ends the process here, if a test asked for it.
#[cfg(debug_assertions)]
pub fn point(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("VITRA_WATCH_CRASH_AT").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), count.parse().ok()?))
    });
    let Some((wanted, count)) = wanted else { return };
    if wanted == name && PASSED.fetch_add(1, Ordering::SeqCst).saturating_add(1) == *count {
        // Nothing to do about a signal that cannot be sent: the test will see that the process lives.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Ends the process here, if a test asked for it: never in release builds.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point(_: &'static str) {}

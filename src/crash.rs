//! Places where tests end the process, as a power failure would: at once and without a word; and places where tests have
//! something fail.
//!
//! In builds with debug assertions the environment variable `VITRA_WATCH_CRASH_AT` names one of [`ARCHIVE`] or [`SERVICE`], or
//! `name:k` for the k-th time that it is passed (from 1); `VITRA_WATCH_FAIL_AT` names one of [`FAILURES`] in the same way. Release builds
//! contain nothing of this.

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

/// The points of the service: its sessions, a finding's way, what is written, what is delivered.
pub const SERVICE: [&str; 30] = [
    "service-opened",
    "courier-started",
    "session-begin",
    "session-state",
    "session-register",
    "session-followed",
    "session-node",
    "session-ready",
    "round-heard",
    "audit-stands",
    "case-opened",
    "case-asked",
    "case-heard",
    "proof-wanted",
    "proof-taken",
    "evidence-kept",
    "finding-noted",
    "progress-noted",
    "ledger-routed",
    "state-begin",
    "state-finding",
    "state-progress",
    "state-message",
    "state-commit",
    "state-committed",
    "courier-woken",
    "delivery-begin",
    "delivery-sent",
    "delivery-marked",
    "snapshot-made",
];

/// What can fail: what is written to the state, before and after it was; evidence; the archive.
pub const FAILURES: [&str; 5] = ["state-write", "state-wrote", "evidence-write", "evidence-wrote", "archive-step"];

/// Ends the process here, if a test asked for it.
#[cfg(debug_assertions)]
pub fn point(name: &'static str) {
    static WANTED: Wanted = Wanted::new("VITRA_WATCH_CRASH_AT");
    if WANTED.is_now(name) {
        // Nothing to do about a signal that cannot be sent: the test will see that the process lives.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Whether something is to fail here, because a test asked for it.
#[cfg(debug_assertions)]
pub fn fails(name: &'static str) -> bool {
    static WANTED: Wanted = Wanted::new("VITRA_WATCH_FAIL_AT");
    WANTED.is_now(name)
}

/// Which point a test wants, and how often it was passed.
#[cfg(debug_assertions)]
struct Wanted {
    variable: &'static str,
    wanted: std::sync::OnceLock<Option<(String, u64)>>,
    passed: std::sync::atomic::AtomicU64,
}

#[cfg(debug_assertions)]
impl Wanted {
    const fn new(variable: &'static str) -> Self {
        Self { variable, wanted: std::sync::OnceLock::new(), passed: std::sync::atomic::AtomicU64::new(0) }
    }

    fn is_now(&self, name: &str) -> bool {
        let wanted = self.wanted.get_or_init(|| {
            let text = std::env::var(self.variable).ok()?;
            let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
            Some((name.to_owned(), count.parse().ok()?))
        });
        let Some((wanted, count)) = wanted else { return false };
        let order = std::sync::atomic::Ordering::SeqCst;
        wanted == name && self.passed.fetch_add(1, order).saturating_add(1) == *count
    }
}

/// Ends the process here, if a test asked for it: never in release builds.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point(_: &'static str) {}

/// Whether something is to fail here: never in release builds.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn fails(_: &'static str) -> bool {
    false
}

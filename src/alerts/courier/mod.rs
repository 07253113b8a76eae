//! The thread that delivers what stands in the outbox.
//!
//! It has its own connection with the state and its own runtime: the service never waits for it, and it never for the service. The order
//! of each delivery: send → mark. What dies in between is sent again with the same identity; what was sent and cannot be marked (a full
//! disk) is marked later and not sent again meanwhile.
//!
//! One message at a time for each channel and database, so nobody hears of an end before the beginning. A channel that does
//! not answer keeps up its own messages and no others. Once it answers again, what waits for it is tried at once.

mod desk;
mod open;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::{Channels, Schedule};
use crate::config;
use crate::watch::state::{State, StateError};

/// How long deliveries may go on that have begun when it is stopped.
const FAREWELL: Duration = Duration::from_secs(3);
/// A receiver that takes some messages and fails at others is not asked about these each time.
const HASTEN: Duration = Duration::from_secs(60);

/// What it works with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The state.
    pub state: PathBuf,
    /// The evidence folder of the archive, for proofs that go with mails.
    pub evidence: PathBuf,
    /// The name under which this watchtower speaks.
    pub watcher: String,
    /// For links.
    pub web: config::Web,
    /// When what failed is tried again.
    pub schedule: Schedule,
    /// How often what is open is repeated to Alertmanagers.
    pub repeat: Duration,
    /// What waits is tried at most so often because its channel works again.
    pub hasten: Duration,
}

impl Options {
    /// As the service has it.
    pub fn new(state: PathBuf, evidence: PathBuf, config: &config::Config) -> Options {
        Options {
            state,
            evidence,
            watcher: config.name.clone(),
            web: config.web.clone(),
            schedule: Schedule::default(),
            repeat: super::alertmanager::REPEAT,
            hasten: HASTEN,
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    notify: Notify,
    stop: AtomicBool,
    channels: Mutex<Option<Channels>>,
    trouble: Mutex<Option<String>>,
}

impl Shared {
    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Tells the courier that there is something new in the outbox.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Shared>);

impl Waker {
    /// Tells it.
    pub fn wake(&self) {
        self.0.notify.notify_one();
    }
}

/// See the module. Dropping it has it stop by itself.
#[derive(Debug)]
pub struct Courier {
    shared: Arc<Shared>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Courier {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the state cannot be opened, or there are no threads left.
    pub fn start(options: Options, channels: Channels) -> Result<Courier, StateError> {
        let state = State::open(&options.state)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StateError::Thread)?;
        let shared = Arc::new(Shared::default());
        let (end, ended) = oneshot::channel();
        let theirs = Arc::clone(&shared);
        let work = move || {
            runtime.block_on(desk::Desk::new(options, state, channels, theirs).work());
            // A name that is still being resolved is not waited for.
            runtime.shutdown_timeout(Duration::from_millis(100));
            // Nobody may be waiting.
            let _ = end.send(());
        };
        std::thread::Builder::new().name("courier".to_owned()).spawn(work).map_err(StateError::Thread)?;
        Ok(Courier { shared, ended: Some(ended) })
    }

    /// Has it look into the outbox at once.
    pub fn wake(&self) {
        self.shared.notify.notify_one();
    }

    /// Something that wakes it from elsewhere.
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.shared))
    }

    /// Gives it other channels. What stands in the outbox for a channel that is no more is dead, and the others are told.
    pub fn reload(&self, channels: Channels) {
        *self.shared.channels.lock().unwrap_or_else(PoisonError::into_inner) = Some(channels);
        self.wake();
    }

    /// What keeps it from working, if anything does: the state cannot be read or written.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops it within seconds. What it could not finish is delivered when the service is started again.
    pub async fn stop(mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(ended) = self.ended.take() {
            let longest = FAREWELL.saturating_mul(2);
            // It may have to wait for the disk; it stops by itself then.
            let _ = tokio::time::timeout(longest, ended).await;
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
    }
}

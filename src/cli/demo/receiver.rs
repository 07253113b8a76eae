//! Whoever is told: a webhook's receiver.

use std::sync::mpsc::{Receiver as Queue, Sender, channel};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;

use super::super::Failure;
use crate::watch::alert::Alert;

/// Receives alerts on the loopback address until the program ends.
pub(super) struct Receiver {
    url: String,
    alerts: Queue<(Instant, Alert)>,
}

impl Receiver {
    pub fn start() -> Result<Receiver, Failure> {
        let (tell, alerts) = channel();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}/", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = move || {
            let served: std::io::Result<()> = runtime.block_on(async {
                let router = axum::Router::new().route("/", post(take)).with_state(tell);
                axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await
            });
            // Whoever waits for alerts sees that none comes.
            drop(served);
        };
        std::thread::Builder::new().name("receiver".to_owned()).spawn(work)?;
        Ok(Receiver { url, alerts })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next alert, and when it came.
    pub fn next(&self, wait: Duration) -> Option<(Instant, Alert)> {
        self.alerts.recv_timeout(wait).ok()
    }
}

async fn take(State(tell): State<Sender<(Instant, Alert)>>, body: Bytes) -> StatusCode {
    let Ok(alert) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
    // Whoever waited may have what they waited for.
    let _ = tell.send((Instant::now(), alert));
    StatusCode::NO_CONTENT
}

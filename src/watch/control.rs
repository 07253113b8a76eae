//! Orders to a running service, through a Unix socket that only its user may open: one line of JSON there, one back.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::Millis;
use super::live::Snapshot;
use crate::hypercore::Key;

/// Longest line.
const MAX_LINE: u64 = 1 << 16;
/// Connections at a time.
const MAX_OPEN: usize = 16;
/// Longest that either side waits.
const WAIT: Duration = Duration::from_secs(30);

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// How it is.
    Status,
    /// Somebody has taken note of a finding.
    Acknowledge {
        /// Its identity.
        id: String,
        /// What they write about it.
        note: Option<String>,
    },
    /// Deliver a message again.
    Resend {
        /// Its place in the outbox.
        number: i64,
    },
    /// Follow a database.
    Add {
        /// Its index key.
        key: Key,
        /// Its name.
        name: Option<String>,
    },
    /// Follow a database no more.
    Remove {
        /// Its index key.
        key: Key,
    },
    /// Try a channel.
    Test {
        /// Its name.
        channel: String,
    },
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It was done, and is on disk.
    Done,
    /// It was not done; why.
    Refused(String),
    /// An alert of this identity is in the outbox.
    Sent(String),
    /// How it is.
    Status(StatusReport),
}

/// How the service is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Name and version of this form (`docs/json.md`).
    pub schema: String,
    /// When it started.
    pub started_at: Millis,
    /// Why nothing new is taken in, if so.
    pub stopped: Option<String>,
    /// Connected peers.
    pub peers: u64,
    /// The databases.
    pub databases: Vec<DatabaseStatus>,
}

/// How a database is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseStatus {
    /// Its key in hex.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The verdict so far.
    pub verdict: Option<crate::replay::finding::Verdict>,
    /// Blocks that follow the contract.
    pub verified_length: u64,
    /// Blocks of the newest head.
    pub head_length: u64,
    /// Peers that have it.
    pub peers: u64,
    /// When something of it was last verified.
    pub progress_at: Option<Millis>,
}

/// A report of what is true now.
pub fn status(snapshot: &Snapshot) -> StatusReport {
    let databases = snapshot.databases.values().map(|live| DatabaseStatus {
        key: live.subject.key.clone(),
        name: live.subject.name.clone(),
        verdict: live.verdict,
        verified_length: live.verified_length,
        head_length: live.head_length,
        peers: live.peers,
        progress_at: live.progress_at,
    });
    StatusReport {
        schema: "vitra-watch/status/1".to_owned(),
        started_at: snapshot.started_at,
        stopped: snapshot.stopped.clone(),
        peers: snapshot.peers,
        databases: databases.collect(),
    }
}

/// An order, and who waits for the answer.
#[derive(Debug)]
pub struct Asked {
    order: Order,
    reply: oneshot::Sender<Reply>,
}

impl Asked {
    /// What is asked.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Answers it.
    pub fn answer(self, reply: Reply) {
        // Whoever has hung up does not want to know.
        let _ = self.reply.send(reply);
    }
}

/// Takes orders at `path` until the receiver is gone. A socket that was left there is replaced, one that somebody listens to is not.
///
/// # Errors
/// When another service runs there, or there can be no socket.
pub fn listen(path: &Path, orders: mpsc::Sender<Asked>) -> std::io::Result<tokio::task::JoinHandle<()>> {
    if UnixStream::connect(path).is_ok() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::AddrInUse,
            "another service runs with this data directory",
        ));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    let room = Arc::new(Semaphore::new(MAX_OPEN));
    Ok(tokio::spawn(async move {
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted,
                () = orders.closed() => break,
            };
            let Ok((stream, _)) = stream else { continue };
            let orders = orders.clone();
            tokio::spawn(async move {
                // One that does not speak or listen is dropped.
                let _ = tokio::time::timeout(WAIT, serve(stream, orders)).await;
                drop(permit);
            });
        }
    }))
}

async fn serve(mut stream: tokio::net::UnixStream, orders: mpsc::Sender<Asked>) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    tokio::io::BufReader::new(read.take(MAX_LINE)).read_line(&mut line).await?;
    let reply = match serde_json::from_str(&line) {
        Ok(order) => {
            let (reply, answer) = oneshot::channel();
            let sent = orders.send(Asked { order, reply }).await.is_ok();
            let stopping = || Reply::Refused("the service is stopping".to_owned());
            if sent { answer.await.unwrap_or_else(|_| stopping()) } else { stopping() }
        }
        Err(error) => Reply::Refused(format!("no order: {error}")),
    };
    let mut line = serde_json::to_vec(&reply)?;
    line.push(b'\n');
    write.write_all(&line).await
}

/// Gives an order to the service at `path`; `None` when none runs there.
///
/// # Errors
/// When it does not answer.
pub fn ask(path: &Path, order: &Order) -> std::io::Result<Option<Reply>> {
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) => {
            let absent = [std::io::ErrorKind::NotFound, std::io::ErrorKind::ConnectionRefused];
            return if absent.contains(&error.kind()) { Ok(None) } else { Err(error) };
        }
    };
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(1 << 26)).read_line(&mut answer)?;
    Ok(Some(serde_json::from_str(&answer)?))
}

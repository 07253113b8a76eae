//! Encrypted connections: Noise XX over TCP, as `core.replicate(socket)` of Hypercore 10 and 11 speaks it; those of the DHT
//! come here ready, through [`carry`].
//!
//! Each connection has a task that reads and one that writes: reads of the encrypted stream must not be cancelled, or it
//! loses its place. What they have goes to one owner through one channel. Limits: a handshake takes at most
//! [`HANDSHAKE`]; a connection on which no byte comes for [`IDLE`], or on which a write takes as long, is dead; at most
//! [`BUDGET`] bytes of frames (one more frame, at most 16 MiB, if it is larger) wait for the owner, then the peer waits; where
//! it cannot be made to wait, [`OVERRUN`] bytes, then its connection ends. When [`BUDGET_OF_ALL`] wait, both are an eighth.

mod idle;
mod room;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use peeroxide_dht::noise::generate_keypair;
use peeroxide_dht::secret_stream::SecretStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use idle::Watched;
pub use room::{BUDGET, BUDGET_OF_ALL, OVERRUN, Pace};
use room::{Common, Room, Share};

/// How long connecting and the handshake may take.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often something is written, if only an empty frame.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Silence after which a connection is dead. JavaScript writes every 5 seconds.
pub const IDLE: Duration = Duration::from_secs(20);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Frames on their way to the socket.
const QUEUE: usize = 4;

/// Where a peer is: `tcp://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(String);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let place = text.strip_prefix("tcp://").filter(|place| !place.contains(['/', '@', ' ']));
        match place.and_then(|place| place.rsplit_once(':')) {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(Address(text.to_owned())),
            _ => Err("a peer is tcp://HOST:PORT".to_owned()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A frame, and its share of the room for frames until it is dropped.
#[derive(Debug)]
pub struct Inbound {
    /// Decrypted.
    pub frame: Vec<u8>,
    _share: Share,
}

/// What a connection tells its owner.
#[derive(Debug)]
pub enum Signal {
    /// It stands.
    Up(Link),
    /// A frame came.
    Frame(Inbound),
    /// There is room for more frames.
    Room,
    /// It ended, or never stood, and why.
    Down(String),
}

/// The owner's end of a connection.
#[derive(Debug)]
pub struct Link {
    /// We dialled.
    pub initiator: bool,
    /// Hash of the Noise handshake.
    pub hash: [u8; 64],
    /// The peer's public key on this connection.
    pub remote: [u8; 32],
    frames: mpsc::Sender<Vec<u8>>,
}

impl Link {
    /// Whether a frame can be sent now; [`Signal::Room`] comes when it can again.
    pub fn has_room(&self) -> bool {
        self.frames.capacity() > 0
    }

    /// Sends a frame. Without room, or when the connection is down, it is lost: ask [`Link::has_room`] first.
    pub fn send(&self, frame: Vec<u8>) {
        let _ = self.frames.try_send(frame);
    }
}

/// Signals of all connections, with the number that the owner gave each.
pub type Inbox = mpsc::UnboundedReceiver<(u64, Signal)>;

/// The other end of an [`Inbox`], for every connection whose owner that is; and the room that their frames have together.
#[derive(Clone, Debug)]
pub struct Signals {
    tell: mpsc::UnboundedSender<(u64, Signal)>,
    room: Common,
}

impl Signals {
    /// For a new owner of connections.
    pub fn channel() -> (Signals, Inbox) {
        let (tell, inbox) = mpsc::unbounded_channel();
        (Signals { tell, room: Common::new(BUDGET_OF_ALL) }, inbox)
    }

    /// Whether the owner is still there.
    fn send(&self, number: u64, signal: Signal) -> bool {
        self.tell.send((number, signal)).is_ok()
    }
}

/// Dials an address; the connection tells `signals` what becomes of it. It ends when its [`Link`] is dropped.
pub fn dial(number: u64, address: &Address, signals: Signals) {
    let place = address.0.trim_start_matches("tcp://").to_owned();
    tokio::spawn(async move {
        let socket = match timeout(HANDSHAKE, TcpStream::connect(&place)).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => return down(&signals, number, error),
            Err(_) => return down(&signals, number, "no answer"),
        };
        run(number, socket, true, signals).await;
    });
}

/// Takes a connection that a listener accepted.
pub fn accept(number: u64, socket: TcpStream, signals: Signals) {
    tokio::spawn(run(number, socket, false, signals));
}

pub(super) fn down(signals: &Signals, number: u64, why: impl ToString) {
    signals.send(number, Signal::Down(why.to_string()));
}

async fn run(number: u64, socket: TcpStream, initiator: bool, signals: Signals) {
    let _ = socket.set_nodelay(true);
    let stream = SecretStream::new(initiator, Watched::new(socket, IDLE), generate_keypair());
    let stream = match timeout(HANDSHAKE, stream).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return down(&signals, number, error),
        Err(_) => return down(&signals, number, "the handshake takes too long"),
    };
    carry(number, stream, Pace::Waits, signals).await;
}

/// Carries frames until the connection ends.
pub async fn carry<T>(number: u64, stream: SecretStream<T>, pace: Pace, signals: Signals)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (hash, remote, initiator) = (*stream.handshake_hash(), *stream.remote_public_key(), stream.is_initiator());
    let (mut reader, mut writer) = stream.into_split();
    let (frames, mut outgoing) = mpsc::channel::<Vec<u8>>(QUEUE);
    signals.send(number, Signal::Up(Link { initiator, hash, remote, frames }));
    let (room, limits) = (signals.clone(), Room::new(pace, signals.room.clone()));
    let write = async move {
        loop {
            let frame = match timeout(KEEP_ALIVE, outgoing.recv()).await {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    let _ = timeout(FAREWELL, writer.shutdown()).await;
                    return "closed here".to_owned();
                }
                Err(_) => Vec::new(),
            };
            match timeout(IDLE, writer.write(&frame)).await {
                Ok(Ok(())) if frame.is_empty() => {}
                Ok(Ok(())) => {
                    room.send(number, Signal::Room);
                }
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "the peer does not read".to_owned(),
            }
        }
    };
    let read = {
        let signals = signals.clone();
        async move {
            loop {
                let frame = match reader.read().await {
                    Ok(Some(frame)) => frame,
                    Ok(None) => return "closed by the peer".to_owned(),
                    Err(error) => return error.to_string(),
                };
                let Some(share) = limits.take(frame.len()).await else { return "it sends too much at once".to_owned() };
                if !signals.send(number, Signal::Frame(Inbound { frame, _share: share })) {
                    return "closed here".to_owned();
                }
            }
        }
    };
    // Whichever ends first ends the connection; the other one's future is dropped with the socket.
    let (read, write) = (tokio::spawn(read), tokio::spawn(write));
    let (read_abort, write_abort) = (read.abort_handle(), write.abort_handle());
    let why = tokio::select! {
        why = read => why,
        why = write => why,
    };
    read_abort.abort();
    write_abort.abort();
    down(&signals, number, why.unwrap_or_else(|error| error.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["tcp://127.0.0.1:7000", "tcp://example.org:1", "tcp://[::1]:80"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        for bad in ["127.0.0.1:7000", "tcp://:1", "tcp://a", "tcp://a:70000", "tcp://a:1/x", "udp://a:1", ""] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}

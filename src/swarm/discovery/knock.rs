//! Peers that dial us: one Noise handshake in a datagram, answered with the number of a UDX stream on which they then speak.
//!
//! Only for a node that strangers can reach. Behind a NAT that would need a hole to be punched from this side, too, which is
//! not done: such a node dials others and serves them over those connections.

use std::net::IpAddr;
use std::sync::Arc;

use libudx::UdxSocket;
use peeroxide_dht::hyperdht::{KeyPair, ServerEvent, alloc_stream_id};
use peeroxide_dht::hyperdht_messages::{
    FIREWALL_OPEN, HandshakeMessage, MODE_FROM_CLIENT, MODE_FROM_SERVER, MODE_REPLY, NoisePayload, SecretStreamInfo,
    UdxInfo, encode_handshake_to_bytes,
};
use peeroxide_dht::messages::Ipv4Peer;
use peeroxide_dht::noise::Keypair;
use peeroxide_dht::noise_wrap::{NoiseWrap, NoiseWrapResult};
use peeroxide_dht::secret_stream::SecretStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::dht::Dht;
use crate::swarm::transport::{HANDSHAKE, Pace, Signals, carry, down};

/// A peer that has shown its key and waits for an answer.
pub struct Knock {
    session: NoiseWrapResult,
    answer: Vec<u8>,
    reply: oneshot::Sender<Option<Vec<u8>>>,
    ours: u32,
    theirs: u32,
    from: IpAddr,
}

impl Knock {
    /// Reads a handshake; `None`: it is none, or not for us.
    pub fn read(event: ServerEvent, keys: &KeyPair) -> Option<Knock> {
        let ServerEvent::PeerHandshake { msg, from, peer_address, reply_tx, .. } = event else { return None };
        let client = peer_address.unwrap_or_else(|| from.clone());
        let keys = Keypair { public_key: keys.public_key, secret_key: keys.secret_key };
        let mut noise = NoiseWrap::new_responder(keys);
        let theirs = noise.recv(&msg.noise).ok()?;
        if theirs.version != 1 || theirs.error != 0 {
            return None;
        }
        let theirs = u32::try_from(theirs.udx?.id).ok()?;
        let ours = alloc_stream_id();
        let noise_answer = noise.send(&payload(ours)).ok()?;
        let direct = msg.mode == MODE_FROM_CLIENT;
        let mode = if direct { MODE_REPLY } else { MODE_FROM_SERVER };
        let answer = HandshakeMessage {
            mode,
            noise: noise_answer,
            peer_address: Some(Ipv4Peer { host: client.host.clone(), port: client.port }),
            relay_address: msg.relay_address,
        };
        let answer = encode_handshake_to_bytes(&answer).ok()?;
        let from = client.host.parse().ok()?;
        Some(Knock { session: noise.finalize().ok()?, answer, reply: reply_tx, ours, theirs, from })
    }

    /// The peer's public key.
    pub fn key(&self) -> &[u8; 32] {
        &self.session.remote_public_key
    }

    /// Answers, and carries frames until the connection ends.
    pub async fn open(self, dht: Arc<Dht>, number: u64, signals: Signals) {
        let stream = async {
            let socket = dht.socket().await.ok_or("the DHT has no socket")?;
            let stream = dht.runtime.create_stream(self.ours).await.map_err(|error| error.to_string())?;
            // The first packet says the port; its address was seen in the handshake.
            let from = self.from;
            let known = move |_: &UdxSocket, _, ip: IpAddr| ip == from;
            stream.set_firewall_hook(&socket, self.theirs, known).map_err(|error| error.to_string())?;
            let _ = self.reply.send(Some(self.answer));
            let session = self.session;
            let stream = SecretStream::from_session(
                session.is_initiator,
                stream.into_async_stream(),
                session.tx,
                session.rx,
                session.handshake_hash,
                session.remote_public_key,
            );
            stream.await.map_err(|error| error.to_string())
        };
        match timeout(HANDSHAKE, stream).await {
            Ok(Ok(stream)) => carry(number, stream, Pace::Ends, signals).await,
            Ok(Err(error)) => down(&signals, number, error),
            Err(_) => down(&signals, number, "the handshake takes too long"),
        }
    }
}

fn payload(stream: u32) -> NoisePayload {
    NoisePayload {
        version: 1,
        error: 0,
        firewall: FIREWALL_OPEN,
        holepunch: None,
        addresses4: Vec::new(),
        addresses6: Vec::new(),
        udx: Some(UdxInfo { version: 1, reusable_socket: true, id: u64::from(stream), seq: 0 }),
        secret_stream: Some(SecretStreamInfo { version: 1 }),
        relay_through: None,
        relay_addresses: None,
    }
}

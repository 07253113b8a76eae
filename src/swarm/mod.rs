//! Peers: following logs over the network.
//!
//! | module | has | may use |
//! |---|---|---|
//! | `wire` | frames and messages; pure | `hypercore` |
//! | `session` | one connection, many logs: channels, what the peer has, what it was asked; pure | `wire` |
//! | `transport` | encrypted connections as frames in both directions | tokio, the DHT crate |
//! | `discovery` | the DHT: topics, dials, connections through it; what is due when is pure | `transport` |
//! | `replica` | one log: its histories, which blocks are wanted, what an answer proves | `archive`, `hypercore` |
//! | `node` | all peers and all logs: who is asked and shown what | all of these |
//! | `fetch` | a whole database, once | `node` |
//!
//! `docs/network.md` has the protocol and its limits.

pub mod discovery;
pub mod fetch;
pub mod node;
pub mod replica;
pub mod session;
pub mod transport;
pub mod wire;

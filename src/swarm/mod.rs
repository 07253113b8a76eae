//! Peers: following logs over the network.
//!
//! | module | has | may use |
//! |---|---|---|
//! | `wire` | frames and messages, pure | `hypercore` |

pub mod wire;

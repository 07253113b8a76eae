//! The watchtower service: many databases, nothing forgotten, alerts that arrive.
//!
//! One service follows every database of its configuration with one node and a worker process for each. What it learns becomes
//! durable in one order, each arrow a barrier:
//!
//! signed head → verified blocks → evidence → ONE transaction {findings, outbox rows, checkpoint} → deliver → mark
//!
//! So a crash anywhere means doing some work again and never losing any; identities are hashes, so doing it again is
//! harmless. Nothing is said to anybody that is not in the outbox, and nothing gets there without its finding.
//!
//! - [`state`]: what must survive, in SQLite behind one module.
//! - [`alert`]: what is said, as data; `alerts` brings it to people.
//! - [`followed`]: a database and its worker.
//! - [`live`]: what is true now and need not survive: peers, lags, heads.

pub mod alert;
pub mod followed;
pub mod live;
pub mod state;

/// Milliseconds since 1970, UTC: the service's clock. No finding rests on it.
pub type Millis = i64;

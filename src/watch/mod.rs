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
//! - [`service`]: the loop that owns everything, and its sessions.
//! - [`register`]: the databases; [`watched`]: one of them; [`followed`]: its logs and its worker; [`cases`]: violations that
//!   are being proven; [`conditions`]: what is no finding and has a beginning and an end; [`room`]: the disk.
//! - [`ledger`]: what a round writes; [`state`]: where, in SQLite behind one module.
//! - [`control`]: orders from outside.
//! - [`alert`]: what is said, as data; `alerts` brings it to people.
//! - [`live`]: what is true now and need not survive: peers, lags, heads.

pub mod alert;
pub mod cases;
pub mod conditions;
pub mod control;
pub mod followed;
pub mod ledger;
pub mod live;
pub mod register;
pub mod room;
pub mod service;
pub mod state;
pub mod watched;

/// Milliseconds since 1970, UTC: the service's clock. No finding rests on it.
pub type Millis = i64;

/// Now.
pub fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

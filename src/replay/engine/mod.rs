//! The contract engine: QuickJS, made to behave like the V8 that executors run, as far as that can be told.
//!
//! A [`Realm`] is one loaded contract. [`Realm::apply`] runs one operation the way the executor did and says what should
//! have been published. Whatever engines do differently is either made equal or noted as a [`Taint`] of the operation:
//! a tainted mismatch accuses nobody. `docs/engine.md` lists every difference and what is done about it.
//!
//! The engine is memory-unsafe C that runs hostile code. Contracts of strangers run in the worker process only
//! ([`crate::worker`]), those that somebody tries out in a lab in that lab's own process; both on a thread with the stack that
//! [`Budget`] asks for.

/// The engine's name, as proofs say it.
pub const NAME: &str = "quickjs-ng";
/// Its version: that of the pinned crate `rquickjs`.
pub const VERSION: &str = "0.16.2";

pub mod alloc;
pub mod clone;
pub mod cmath;
pub mod host;
pub mod locale;
pub mod math;
mod natives;
pub mod numbers;
pub mod raw;
mod realm;
pub mod tx;

pub use host::{Budget, Delivery, Dialect, Exhausted, ListRequest, Surroundings, Taint};
pub use natives::HELPER;
pub use realm::{AckView, Applied, Called, ListEntry, LoadError, Outcome, ReadError, Realm, State, on_big_stack};
pub use tx::Change;

#[cfg(test)]
mod tests;

//! Fraud proofs: one file that convicts by itself.
//!
//! A proof holds slices of logs, each under a head that the log's owner signed, and a claim. Nothing in it is trusted: the
//! slices are authenticated, and the claim is evaluated by the auditor that found it, run over the slices instead of
//! the logs. What a slice does not hold is not there, so that whatever the auditor asks for must be in the file.
//!
//! | module | has |
//! |---|---|
//! | [`mod@file`] | the file's form: types, canonical bytes, limits (`docs/proof-format.md`) |
//! | [`witness`] | slices, authenticated: the logs that the auditor is run over |
//! | [`mod@verify`] | from bytes to what they prove |
//! | [`mod@prove`] | from a finding in logs to its proof, as small as the auditor's own reads |
//!
//! Pure. Verifying runs contracts: callers that cannot trust the file do that in a worker.

pub mod file;
pub mod prove;
pub mod verify;
pub mod witness;

pub use file::{Claim, FileError, Proof, Slice};
pub use prove::{Evidence, ProveError, prove};
pub use verify::{Proven, Refused, Setup, evaluate, verify};

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
//! | [`rebuttal`] | a file that clears the executor of what a proof says |
//! | [`mod@heads`] | signed heads without their logs |
//! | [`inclusion`] | a file that shows that a block is in a log, and what became of an operation |
//! | [`statement`] | any of these files |
//! | [`vitra`] | receipts and proofs in Vitra's own JSON |
//!
//! Pure. Verifying runs contracts: callers that cannot trust the file do that in a worker.

pub mod file;
pub mod heads;
pub mod inclusion;
pub mod prove;
pub mod rebuttal;
pub mod statement;
pub mod verify;
pub mod vitra;
pub mod witness;

pub use file::{Claim, FileError, Proof, Slice};
pub use heads::Heads;
pub use inclusion::{Included, Inclusion};
pub use prove::{Evidence, ProveError, by_heads_of, is_input, prove};
pub use rebuttal::{Rebuttal, Rebutted};
pub use statement::{Statement, check};
pub use verify::{Lacks, Proven, Refused, Setup, evaluate, verify};

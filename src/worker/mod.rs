//! The audit in a process of its own.
//!
//! Contracts run in an engine written in C whose native loops can be killed but not interrupted, so the audit of a
//! database runs in a child of the same binary, locked in by [`crate::sandbox`]: it reads the stores that it audits and writes to one
//! pipe. The child gets one [`Request`], audits the whole range from read-only logs, and answers with one
//! [`Report`]; in between it only says where it stands ([`Beat`]), never a word per operation.
//!
//! A live worker stays: it says how the audit stands ([`Standing`]) and waits for a [`Command`], such as that the archive has
//! grown. It goes on where it was; only if a log turns out to be another than the one that was read it begins anew. Asked for it, it
//! says where another worker, later, can go on ([`Checkpoint`]).
//!
//! Findings never rest on a clock. The parent's clock only kills: an operation under which the child was killed is tried
//! once more, then left out, and its transaction is `budget-exhausted`.

mod checkpoints;
mod child;
mod live;
mod parent;
mod proofs;
mod report;
mod session;

pub use crate::replay::auditor::Checkpoint;
pub use crate::replay::report::{ContractInForce, Head, ParticipantReport, Report, SCHEMA};
pub use child::{Pulse, audit, serve};
pub use live::{News, Worker};
pub use parent::{Limits, WorkerError, run};
pub use proofs::{Refusal, check_proof, make_proofs, make_rebuttal};
pub use report::{Answer, Beat, Begun, Command, ProofTask, Request, Standing};
pub use session::Launcher;

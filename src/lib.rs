//! `vitra-watch`: an independent auditor for Vitra databases.
//!
//! Start with `ARCHITECTURE.md`; the rulebook is `docs/verdicts.md`. The modules below the line in that map
//! (`hypercore`, `hyperbee`, `database`, `replay`) are pure: bytes in, verdict out.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![warn(clippy::todo, clippy::unimplemented, clippy::unreachable)]

pub mod alerts;
pub mod archive;
pub mod cli;
pub mod config;
pub mod crash;
pub mod database;
pub mod escape;
#[doc(hidden)]
pub mod fuzzing;
pub mod hyperbee;
pub mod hypercore;
pub mod lab;
pub mod proofs;
pub mod replay;
pub mod runtimes;
pub mod sandbox;
pub mod swarm;
pub mod watch;
pub mod web;
pub mod worker;

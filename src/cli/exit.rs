//! Exit codes.
//!
//! 0 to 21 are verdicts, 64 and up are failures in the manner of `sysexits.h`.

use crate::proofs::Lacks;
use crate::replay::finding::Kind;
use crate::replay::finding::{Accused, Class, Verdict};
use crate::worker::Report;

/// Every published transaction follows the contract.
pub const VERIFIED: u8 = 0;
/// A file does not prove what it claims.
pub const NOT_PROVEN: u8 = 1;
/// What a file shows needs the reference runtimes.
pub const UNCONFIRMED: u8 = 2;
/// A violation of the executor (alone, or "the executor or the owner of an oplog").
pub const VIOLATED_BY_EXECUTOR: u8 = 10;
/// Violations of the executor by signed heads only.
pub const VIOLATED_BY_HEADS: u8 = 11;
/// Violations of participants only.
pub const VIOLATED_BY_PARTICIPANTS: u8 = 12;
/// Some transaction could not be judged.
pub const UNVERIFIABLE: u8 = 20;
/// Data is missing.
pub const INCOMPLETE: u8 = 21;
/// The arguments are wrong.
pub const USAGE: u8 = 64;
/// The input files cannot be used.
pub const MALFORMED: u8 = 65;
/// Nobody serves the database.
pub const UNAVAILABLE: u8 = 69;
/// The program failed.
pub const INTERNAL: u8 = 70;
/// The configuration is wrong.
pub const CONFIGURATION: u8 = 78;

/// The exit code for a file that proves nothing.
pub fn lacking(lacks: Lacks) -> u8 {
    match lacks {
        Lacks::Form => MALFORMED,
        Lacks::Proof => NOT_PROVEN,
        Lacks::Confirmation => UNCONFIRMED,
    }
}

/// The gravest of several verdicts: the executor's violations before participants', and what is shown before what is not.
pub fn gravest(codes: &[u8]) -> u8 {
    let order =
        [VIOLATED_BY_EXECUTOR, VIOLATED_BY_HEADS, VIOLATED_BY_PARTICIPANTS, UNVERIFIABLE, UNAVAILABLE, INCOMPLETE];
    order.into_iter().find(|code| codes.contains(code)).unwrap_or(VERIFIED)
}

/// The exit code of a report.
pub fn of(report: &Report) -> u8 {
    match report.verdict {
        Verdict::Verified => VERIFIED,
        Verdict::Incomplete => INCOMPLETE,
        Verdict::Unverifiable => UNVERIFIABLE,
        Verdict::Violated => {
            let by_executor: Vec<Kind> = report
                .findings
                .iter()
                .filter(|f| f.class == Class::Violation && matches!(f.accused, Some(Accused::Executor { .. })))
                .map(|f| f.kind)
                .collect();
            if by_executor.is_empty() {
                VIOLATED_BY_PARTICIPANTS
            } else if by_executor.iter().all(|kind| kind.by_heads()) {
                VIOLATED_BY_HEADS
            } else {
                VIOLATED_BY_EXECUTOR
            }
        }
    }
}

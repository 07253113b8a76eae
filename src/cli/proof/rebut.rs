//! `vitra-watch proof rebut`.

use std::io::Write;

use super::super::args::RebutArgs;
use super::super::{Failure, escape, exit};
use super::{failure, read, save};
use crate::proofs::{Rebuttal, file::MAX_SIZE};
use crate::worker::{self, Limits};

pub(super) fn run(args: &RebutArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let limit = MAX_SIZE.saturating_mul(2);
    let (proof, equivocation) = (read(&args.proof, MAX_SIZE)?, read(&args.equivocation, MAX_SIZE)?);
    let file = Rebuttal { proof, equivocation }.encode();
    let binary = std::env::current_exe()?;
    match worker::check_proof(&binary, &file, limit, Limits::default()).map_err(failure)? {
        Ok(_) => {
            let path = save(&args.out, &file)?;
            writeln!(out, "the executor is cleared: {}", escape(&path.display().to_string()))?;
            Ok(exit::VERIFIED)
        }
        Err(refusal) => {
            writeln!(out, "no rebuttal: {}", escape(&refusal.why))?;
            Ok(if refusal.malformed { exit::MALFORMED } else { exit::NOT_PROVEN })
        }
    }
}

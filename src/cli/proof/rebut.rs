//! `vitra-watch proof rebut`.

use std::io::Write;

use super::super::args::RebutArgs;
use super::super::launcher::launcher;
use super::super::runtimes::Place;
use super::super::{Failure, download, escape, exit};
use super::{failure, read, save};
use crate::proofs::{Rebuttal, file::MAX_SIZE};
use crate::worker::{self, Limits, Refusal};

pub(super) fn run(args: &RebutArgs, runtimes: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    let limit = MAX_SIZE.saturating_mul(2);
    let proof = read(&args.proof, MAX_SIZE)?;
    let launcher = launcher(args.sandbox.sandbox, runtimes)?;
    let file = if args.answer.is_file() || args.answer.as_os_str() == "-" {
        Rebuttal::by_owner(proof, read(&args.answer, MAX_SIZE)?).encode()
    } else {
        let (dir, _) = download::locate(&args.answer, &args.download)?;
        match worker::make_rebuttal(&launcher, &dir, &proof, limit, Limits::default()).map_err(failure)? {
            Ok(file) => file,
            Err(refusal) => return refused(&refusal, out),
        }
    };
    match worker::check_proof(&launcher, &file, limit, Limits::default()).map_err(failure)? {
        Ok(_) => {
            let path = save(&args.out, &file)?;
            writeln!(out, "the executor is cleared: {}", escape(&path.display().to_string()))?;
            Ok(exit::VERIFIED)
        }
        Err(refusal) => refused(&refusal, out),
    }
}

fn refused(refusal: &Refusal, out: &mut dyn Write) -> Result<u8, Failure> {
    writeln!(out, "no rebuttal: {}", escape(&refusal.why))?;
    Ok(exit::lacking(refusal.lacks))
}

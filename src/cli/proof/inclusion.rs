//! `vitra-watch proof inclusion`.

use std::io::Write;

use super::super::args::InclusionArgs;
use super::super::{Failure, download, escape, exit};
use super::save;
use crate::archive::{Database, OpenError};
use crate::proofs::Inclusion;

pub(super) fn run(args: &InclusionArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let (dir, key) = download::locate(&args.target, &args.download)?;
    let database = Database::open(&dir, key).map_err(unusable)?;
    let oplogs = if args.log == *database.key() { Vec::new() } else { vec![args.log] };
    database.check(&oplogs).map_err(unusable)?;
    let inclusion = Inclusion::prove(&database, database.key(), &args.log, args.seq);
    if let Some(error) = database.take_error() {
        return Err(Failure::new(exit::MALFORMED, error));
    }
    let missing = |_| Failure::new(exit::INCOMPLETE, format!("block {} of that log is not here", args.seq));
    let file = inclusion.map_err(missing)?.encode();
    let path = save(&args.out, &file)?;
    writeln!(out, "{}", escape(&path.display().to_string()))?;
    Ok(exit::VERIFIED)
}

/// A database that cannot be opened or does not hold what was signed.
pub(in super::super) fn unusable(error: OpenError) -> Failure {
    Failure::new(if error.is_usage() { exit::USAGE } else { exit::MALFORMED }, error)
}

//! `vitra-watch inspect`: a look into a database, without judging it.

use std::io::Write;

use super::args::InspectArgs;
use super::{Failure, exit};

pub(super) fn run(args: &InspectArgs, _out: &mut dyn Write) -> Result<u8, Failure> {
    let _ = (&args.dir, &args.key, args.at, args.json, &args.what);
    Err(Failure::new(exit::INTERNAL, "not yet"))
}

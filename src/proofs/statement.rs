//! Any file of ours, and what it shows.

use minicbor::Decoder;
use serde::{Deserialize, Serialize};

use super::file::Version;
use super::inclusion::{self, Included, Inclusion};
use super::rebuttal::{self, Rebuttal, Rebutted};
use super::verify::{Proven, Refused, Setup, verify};

/// What a file shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statement {
    /// A violation.
    Violation(Box<Proven>),
    /// That a proof of a violation does not convict the executor.
    Rebuttal(Box<Rebutted>),
    /// That a block is in a log.
    Inclusion(Box<Included>),
}

/// Checks a file, of at most `limit` bytes; see [`verify`].
///
/// # Errors
/// [`Refused`] for every file that does not show what it claims.
pub fn check<'w>(bytes: &[u8], limit: usize, setup: impl Into<Setup<'w>>) -> Result<Statement, Refused> {
    Ok(match format(bytes) {
        Some(name) if has(&inclusion::FORMATS, name) => {
            Statement::Inclusion(Box::new(Inclusion::decode(bytes, limit)?.verify()?))
        }
        Some(name) if has(&rebuttal::FORMATS, name) => {
            Statement::Rebuttal(Box::new(Rebuttal::decode(bytes, limit)?.verify(limit, setup)?))
        }
        _ => Statement::Violation(Box::new(verify(bytes, limit, setup)?)),
    })
}

fn has(formats: &[(Version, &str)], name: &str) -> bool {
    formats.iter().any(|(_, known)| *known == name)
}

/// What the first field says.
fn format(bytes: &[u8]) -> Option<&str> {
    let mut from = Decoder::new(bytes);
    from.array().ok()?;
    from.str().ok()
}

//! Rebuttal: of a proof against "the executor or the owner of an oplog", the proof that the owner signed two histories which
//! differ as early as the operation in question. It clears the executor, and leaves the owner.

use minicbor::Encoder;
use serde::{Deserialize, Serialize};

use super::file::{self, Claim, FileError, MAX_SIZE, Proof, Wrote};
use super::verify::{Refused, Setup, evaluate};
use crate::database::ack::to_hex;
use crate::replay::finding::{Accused, Finding};

/// The first field.
pub const FORMAT: &str = "vitra-watch/rebuttal/1";

/// A file: two proofs, in their own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuttal {
    /// The proof that is rebutted.
    pub proof: Vec<u8>,
    /// That of the equivocation.
    pub equivocation: Vec<u8>,
}

/// What a rebuttal shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rebutted {
    /// The database, by the key of its index in hex.
    pub database: String,
    /// The rebutted proof's identity, in hex.
    pub proof: String,
    /// What it said. The executor is cleared of it.
    pub finding: Finding,
    /// What the owner of the oplog is convicted of instead.
    pub equivocation: Finding,
    /// What was checked, in sentences.
    pub checks: Vec<String>,
}

/// Whether the operation of a finding may be the same in both histories of a log that are known to differ at this length.
fn may_be_same(finding: &Finding, log: &str, length: u64) -> bool {
    let own = finding.origin.as_deref() == Some(log);
    own && finding.op_seq.is_none_or(|seq| length > seq.saturating_add(1))
}

impl Rebuttal {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        file::encoded(|to| self.write(to))
    }

    fn write(&self, to: &mut Encoder<&mut Vec<u8>>) -> Result<(), Wrote> {
        to.array(3)?.str(FORMAT)?.bytes(&self.proof)?.bytes(&self.equivocation)?;
        Ok(())
    }

    /// Reads a file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn decode(bytes: &[u8], limit: usize) -> Result<Rebuttal, FileError> {
        let mut from = file::opened(bytes, limit, FORMAT, 3)?;
        let rebuttal = Rebuttal { proof: from.bytes()?.to_vec(), equivocation: from.bytes()?.to_vec() };
        if rebuttal.encode() == bytes { Ok(rebuttal) } else { Err(FileError::NotCanonical) }
    }

    /// Whether what it says fits a finding: the second proof tells of an oplog that it rests on, early enough. Nothing is
    /// checked.
    pub fn is_about(&self, finding: &Finding) -> bool {
        let Ok(second) = Proof::decode(&self.equivocation, MAX_SIZE) else { return false };
        let (Claim::Equivocation { length, .. }, Some(head)) = (&second.claim, second.slices.first()) else {
            return false;
        };
        let log = to_hex(&head.key);
        let owners = finding.accused.as_ref().map(Accused::owners).unwrap_or_default();
        owners.contains(&log.as_str()) && !may_be_same(finding, &log, *length)
    }

    /// Checks both proofs, and that the second one clears the executor of the first. Runs the contract, as
    /// [`evaluate`] does.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify<'w>(&self, limit: usize, setup: impl Into<Setup<'w>>) -> Result<Rebutted, Refused> {
        let setup = setup.into();
        let (first, second) = (Proof::decode(&self.proof, limit)?, Proof::decode(&self.equivocation, limit)?);
        let Claim::Equivocation { length, .. } = second.claim else {
            return Err(Refused::Rebuttal("the second proof is not one of an equivocation"));
        };
        if first.database != second.database {
            return Err(Refused::Rebuttal("the proofs are of two databases"));
        }
        let (rebutted, equivocation) = (evaluate(&first, setup)?, evaluate(&second, setup)?);
        let (finding, log) = (rebutted.finding, &equivocation.finding.log);
        let accused = finding.accused.as_ref();
        if !accused.is_some_and(|accused| accused.owners().contains(&log.as_str()))
            || !matches!(accused, Some(Accused::Executor { .. }))
        {
            return Err(Refused::Rebuttal("the first proof does not rest on an operation of that log"));
        }
        if may_be_same(&finding, log, length) {
            return Err(Refused::Rebuttal("the histories may be the same up to and including that operation"));
        }
        let mut checks = rebutted.checks;
        checks.extend(equivocation.checks);
        checks.push(format!("the first proof rests on an operation that log {log} has two histories of"));
        Ok(Rebutted {
            database: rebutted.database,
            proof: to_hex(&Proof::id(&self.proof)),
            finding,
            equivocation: equivocation.finding,
            checks,
        })
    }
}

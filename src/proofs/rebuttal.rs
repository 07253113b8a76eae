//! Rebuttals: of a proof against the executor, what clears the executor of it.
//!
//! - Of a proof against "the executor or the owner of an oplog": the proof that the owner signed two histories which differ as
//!   early as the operation in question, or that the owner truncated that log. The owner is convicted of that instead.
//! - Of a proof that rests on the end of a head: a longer head of the same log, under which the transaction is in order.

use minicbor::Encoder;
use serde::{Deserialize, Serialize};

use super::file::{self, Claim, FileError, MAX_SIZE, Proof, Slice, Version, Wrote};
use super::prove::{Evidence, ProveError, Recorder};
use super::verify::{Refused, Setup, attributed, begin, evaluate, is_index_and_oplogs};
use super::witness::Witness;
use crate::database::ack::to_hex;
use crate::hypercore::{ConsistencyProof, Key, MultiProof, Node};
use crate::replay::auditor::{Auditor, Step, Wait};
use crate::replay::finding::{Accused, Class, Finding, Kind};

/// The first field, by version.
pub const FORMATS: [(Version, &str); 2] =
    [(Version::One, "vitra-watch/rebuttal/1"), (Version::Two, "vitra-watch/rebuttal/2")];

/// A file: a proof, and what clears the executor of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuttal {
    /// The form in which it is written.
    pub version: Version,
    /// The proof that is rebutted, in its own bytes.
    pub proof: Vec<u8>,
    /// What clears the executor.
    pub answer: Answer,
}

/// What clears an executor of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A proof that the owner of an oplog truncated it or signed two histories of it, in its own bytes.
    Owner(Vec<u8>),
    /// A longer head of the index.
    Longer {
        /// What extends the rebutted proof's index to it.
        extension: Vec<Node>,
        /// The index under that head, and oplogs, as in a proof.
        slices: Vec<Slice>,
    },
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
    /// What the owner of the oplog is convicted of instead: two histories of it,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equivocation: Option<Finding>,
    /// or that it was truncated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation: Option<Finding>,
    /// The length of the longer head that goes on where the proof's head ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longer: Option<u64>,
    /// What was checked, in sentences.
    pub checks: Vec<String>,
}

impl Rebutted {
    /// What the owner of an oplog is convicted of instead.
    pub fn instead(&self) -> Option<&Finding> {
        self.equivocation.as_ref().or(self.truncation.as_ref())
    }
}

impl Rebuttal {
    /// The rebuttal of a proof by a proof against the owner of an oplog.
    pub fn by_owner(proof: Vec<u8>, answer: Vec<u8>) -> Rebuttal {
        Rebuttal { version: Version::Two, proof, answer: Answer::Owner(answer) }
    }

    /// The rebuttal of a proof that rests on the end of a head, from logs that have a longer one. `participants` are the
    /// oplogs that it may need.
    ///
    /// # Errors
    /// Where the logs do not clear the executor.
    pub fn by_longer_head<'w>(
        proof: Vec<u8>,
        logs: &dyn Evidence,
        participants: &[Key],
        limit: usize,
        setup: impl Into<Setup<'w>>,
    ) -> Result<Rebuttal, ProveError> {
        let not_shown = |why| ProveError::NotShown(Refused::Rebuttal(why));
        let first = Proof::decode(&proof, limit).map_err(|why| ProveError::NotShown(why.into()))?;
        let (Claim::Audit { from, seq, end: Some(end), .. }, setup) = (&first.claim, setup.into()) else {
            return Err(not_shown(NO_END));
        };
        let finding = evaluate(&first, setup).map_err(ProveError::NotShown)?.finding;
        // An oplog that was cut, or whose head names nobody, clears nobody.
        let usable = |key: &&Key| logs.oplog(key).is_some_and(|oplog| oplog.attributed && !oplog.rewritten);
        let participants: Vec<Key> = participants.iter().filter(usable).copied().collect();
        let recorder = Recorder::new(logs, &participants, true);
        let mut auditor = begin(&recorder, &first.database, setup, *from).map_err(ProveError::NotShown)?;
        in_order(&mut auditor, *seq, &finding).map_err(ProveError::NotShown)?;
        drop(auditor);
        let slices = recorder.slices(logs, &first.database)?;
        let length = slices.first().map_or(0, |index| index.length);
        let trees = logs.views(&first.database);
        let extensions = trees.iter().filter_map(|view| ConsistencyProof::build(view.tree, *end, length));
        // Of several histories only that of the proof leads on.
        let mut answers = extensions.map(|extension| Rebuttal {
            version: Version::Two,
            proof: proof.clone(),
            answer: Answer::Longer { extension: extension.extension, slices: slices.clone() },
        });
        let valid = answers.find(|answer| answer.verify(limit, setup).is_ok());
        valid.ok_or_else(|| not_shown("no longer head that is here goes on from the proof's head"))
    }

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        file::encoded(|to| self.write(to))
    }

    fn write(&self, to: &mut Encoder<&mut Vec<u8>>) -> Result<(), Wrote> {
        to.array(3)?.str(file::name(&FORMATS, self.version))?.bytes(&self.proof)?;
        match &self.answer {
            Answer::Owner(proof) => to.bytes(proof).map(drop),
            Answer::Longer { extension, slices } => {
                to.array(2)?;
                file::write_nodes(to, extension)?;
                file::write_slices(to, slices)
            }
        }
    }

    /// Reads a file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn decode(bytes: &[u8], limit: usize) -> Result<Rebuttal, FileError> {
        let (version, mut from) = file::opened(bytes, limit, &FORMATS, &[3, 3])?;
        let proof = from.bytes()?.to_vec();
        let is_array = matches!(from.datatype()?, minicbor::data::Type::Array);
        let answer = if version == Version::Two && is_array {
            file::array(&mut from, 2)?;
            Answer::Longer { extension: file::read_nodes(&mut from)?, slices: file::read_slices(&mut from)? }
        } else {
            Answer::Owner(from.bytes()?.to_vec())
        };
        let rebuttal = Rebuttal { version, proof, answer };
        if rebuttal.encode() == bytes { Ok(rebuttal) } else { Err(FileError::NotCanonical) }
    }

    /// Whether what it says fits a finding: the answer tells of an oplog that it rests on, early enough. Nothing is checked.
    pub fn is_about(&self, finding: &Finding) -> bool {
        let Answer::Owner(answer) = &self.answer else { return false };
        let Ok(second) = Proof::decode(answer, MAX_SIZE) else { return false };
        let Some(head) = second.slices.first() else { return false };
        second.claim.kind().by_heads() && finding.may_differ(&to_hex(&head.key), differ_within(&second.claim))
    }

    /// Checks everything in it, and that it clears the executor. Runs the contract, as [`evaluate`] does.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify<'w>(&self, limit: usize, setup: impl Into<Setup<'w>>) -> Result<Rebutted, Refused> {
        let setup = setup.into();
        let first = Proof::decode(&self.proof, limit)?;
        match &self.answer {
            Answer::Owner(answer) => self.verify_owner(&first, &Proof::decode(answer, limit)?, setup),
            Answer::Longer { extension, slices } => self.verify_longer(&first, extension, slices, setup),
        }
    }

    fn verify_owner(&self, first: &Proof, second: &Proof, setup: Setup<'_>) -> Result<Rebutted, Refused> {
        if !second.claim.kind().by_heads() {
            return Err(Refused::Rebuttal("the second proof is not one of an equivocation or a truncation"));
        }
        if first.database != second.database {
            return Err(Refused::Rebuttal("the proofs are of two databases"));
        }
        let (rebutted, instead) = (evaluate(first, setup)?, evaluate(second, setup)?);
        let (finding, log) = (rebutted.finding, &instead.finding.log);
        let accused = finding.accused.as_ref();
        if !accused.is_some_and(|accused| accused.owners().contains(&log.as_str()))
            || !matches!(accused, Some(Accused::Executor { .. }))
        {
            return Err(Refused::Rebuttal("the first proof does not rest on an operation of that log"));
        }
        if !finding.may_differ(log, differ_within(&second.claim)) {
            return Err(Refused::Rebuttal("the histories may be the same up to and including that operation"));
        }
        let mut checks = rebutted.checks;
        checks.extend(instead.checks);
        checks.push(match second.claim {
            Claim::Truncation => format!(
                "the first proof rests on an operation of log {log}, which was cut: the executor may have been shown another"
            ),
            _ => format!("the first proof rests on an operation that log {log} has two histories of"),
        });
        let is_cut = matches!(second.claim, Claim::Truncation);
        let (equivocation, truncation) =
            if is_cut { (None, Some(instead.finding)) } else { (Some(instead.finding), None) };
        let (database, proof) = (rebutted.database, to_hex(&Proof::id(&self.proof)));
        Ok(Rebutted { database, proof, finding, equivocation, truncation, longer: None, checks })
    }

    fn verify_longer(
        &self,
        first: &Proof,
        extension: &[Node],
        slices: &[Slice],
        setup: Setup<'_>,
    ) -> Result<Rebutted, Refused> {
        let Claim::Audit { from, seq, end: Some(end), .. } = first.claim else {
            return Err(Refused::Rebuttal(NO_END));
        };
        is_index_and_oplogs(&first.database, slices)?;
        let rebutted = evaluate(first, setup)?;
        let (shorter, longer) = (first.slices.first().ok_or(Refused::Slices)?, slices.first().ok_or(Refused::Slices)?);
        let mut checks = rebutted.checks;
        let mut heads = Vec::new();
        for slice in slices {
            let head = slice.authenticate().map_err(|error| Refused::Slice(slice.key, error))?;
            attributed(&head)?;
            checks.push(format!("log {}: its owner signed length {}", to_hex(&slice.key), head.reach()));
            heads.push(head);
        }
        let head = heads.first().ok_or(Refused::Slices)?;
        if (longer.fork, true) != (shorter.fork, longer.length > end) {
            return Err(Refused::Rebuttal("the second head is not a longer one of the same log and fork"));
        }
        let failed = |_| Refused::Rebuttal("the second head is not shown to go on from the first proof's head");
        let roots = MultiProof { nodes: shorter.nodes.clone() }.roots(&shorter.blocks, end).map_err(failed)?;
        let proof = ConsistencyProof { roots: roots.nodes().to_vec(), extension: extension.to_vec() };
        proof.verify(end, head).map_err(failed)?;
        checks.push(format!("the head of length {} goes on from the one of length {end}", longer.length));
        let logs = Witness::new(slices).ok_or(Refused::Slices)?;
        in_order(&mut begin(&logs, &first.database, setup, from)?, seq, &rebutted.finding)?;
        checks.push("under it the transaction is in order".to_owned());
        Ok(Rebutted {
            database: rebutted.database,
            proof: to_hex(&Proof::id(&self.proof)),
            finding: rebutted.finding,
            equivocation: None,
            truncation: None,
            longer: Some(longer.length),
            checks,
        })
    }
}

const NO_END: &str = "the first proof does not rest on the end of a head";

/// Within how many blocks the two histories of a log differ; `None` where that is not said: a cut log may differ anywhere.
fn differ_within(claim: &Claim) -> Option<u64> {
    match claim {
        Claim::Equivocation { length, .. } => Some(*length),
        _ => None,
    }
}

/// Audits until the transaction with block `seq` is judged, and demands that it is in order. `finding` says whether that rests
/// on the bytes of an operation, which then must be here. What an audit says of other transactions decides nothing: a
/// participant who rewrites a log must not keep the executor from clearing itself.
fn in_order(auditor: &mut Auditor<'_>, seq: u64, finding: &Finding) -> Result<(), Refused> {
    let not_cleared = Refused::Rebuttal("under the longer head that transaction is not in order either");
    let by_operation =
        finding.kind.by_replay() || finding.accused.as_ref().is_some_and(|accused| !accused.owners().is_empty());
    let speaks_against = |found: &Finding| {
        found.class == Class::Violation || (by_operation && (found.unjudged || found.class == Class::Missing))
    };
    let last = if finding.kind == Kind::MissingChange { seq.saturating_sub(1) } else { seq };
    loop {
        let (before, known, more) = (auditor.position(), auditor.findings.len(), auditor.more_findings);
        match auditor.step() {
            // What is missing is missing before block `seq`: with that transaction the log may well have ended there.
            Step::Judged(position) if position > last => {
                // Findings beyond the limit are only counted: one of them may be about this transaction.
                let mut news = auditor.findings.get(known..).unwrap_or_default().iter();
                let clear = auditor.more_findings == more && !news.any(speaks_against);
                return if clear { Ok(()) } else { Err(not_cleared) };
            }
            Step::Judged(position) if position > before => {}
            Step::Waits(Wait::Index(_)) => {
                // The longer head, too, ends with this transaction.
                let whole = auditor.foreseen().in_order.is_some_and(|end| end > seq);
                return if whole && before <= seq { Ok(()) } else { Err(not_cleared) };
            }
            Step::Needs { seq } => return Err(Refused::Lacks(seq)),
            Step::Judged(_) | Step::Waits(_) | Step::End => return Err(not_cleared),
        }
    }
}

//! From a file's bytes to what they prove.

use serde::{Deserialize, Serialize};

use super::file::{Claim, FileError, Proof, Shorter, Slice, Version};
use super::prove::names;
use super::witness::{SliceError, Witness};
use crate::database::ack::to_hex;
use crate::database::{DecodeError, decode};
use crate::hyperbee::Entry;
use crate::hypercore::{Equivocation, Key, PrefixEvidence, SignedHead, truncates};
use crate::replay::auditor::{Auditor, Options, Step, Unanchored, Wait};
use crate::replay::finding::{Accused, Class, Finding, Kind, Support};
use crate::replay::heads;
use crate::replay::logs::Logs;

/// How auditors are run over a proof.
#[derive(Clone, Copy)]
pub struct Setup<'w> {
    /// Their options.
    pub options: Options,
    /// Called with each before it begins, for whoever watches from outside.
    pub watch: &'w dyn Fn(&mut Auditor<'_>),
}

impl From<Options> for Setup<'_> {
    fn from(options: Options) -> Self {
        Setup { options, watch: &|_| () }
    }
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proven {
    /// The database, by the key of its index in hex.
    pub database: String,
    /// The finding, as the auditor says it.
    pub finding: Finding,
    /// The length of the index's head, where the finding rests on the log's ending there. A longer head may show that the
    /// log goes on, and clear the executor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// What was checked, in sentences.
    pub checks: Vec<String>,
}

/// What a file lacks that proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lacks {
    /// It is no proof file.
    Form,
    /// It does not show what it claims.
    Proof,
    /// It may show it: reference runtimes would have to confirm the replay.
    Confirmation,
}

/// Why a file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no proof file.
    #[error("{0}")]
    File(#[from] FileError),
    /// A slice was not signed by the owner of its log.
    #[error("log {key}: {error}", key = to_hex(.0), error = .1)]
    Slice(Key, SliceError),
    /// A head of a log says nothing of what its owner did.
    #[error("log {key}: nobody is accused by its head: {why}", key = to_hex(.0), why = .1)]
    Unattributed(Key, &'static str),
    /// The claim rests on the end of a head, and does not say so, or cannot.
    #[error("what the file holds shows it only if the log ends at block {0}, where a head ends: {1}")]
    End(u64, &'static str),
    /// The slices are not those that the claim is about.
    #[error("it does not hold the logs that its claim is about")]
    Slices,
    /// The audit cannot begin where the file says.
    #[error("an audit cannot begin at block {0}: {1}")]
    Beginning(u64, Unanchored),
    /// The audit asks for a block that is not in the file.
    #[error("block {0} of the index is needed, and not in the file")]
    Lacks(u64),
    /// A block beside the claim convicts by itself, and what follows from it is for no reader to guess.
    #[error(
        "block {0} of the index, beside the claim, cannot be read: that is a malformed-entry, to be proven by itself"
    )]
    Unreadable(u64),
    /// The audit comes to another result.
    #[error("what the file holds does not show it")]
    NotShown,
    /// The result of the replay is not known to be that of the executor's engine.
    #[error("what it shows needs the reference runtimes: {0}")]
    Unconfirmed(String),
    /// The heads do not contradict each other.
    #[error("the heads do not contradict each other: {0}")]
    Heads(String),
    /// The result of an operation is not shown, or not all of it.
    #[error("it does not show what became of the operation: {0}")]
    Result(&'static str),
    /// The second proof clears nobody of the first.
    #[error("it clears nobody: {0}")]
    Rebuttal(&'static str),
}

impl Refused {
    /// What the file lacks.
    pub fn lacks(&self) -> Lacks {
        match self {
            Refused::File(_) => Lacks::Form,
            Refused::Unconfirmed(_) => Lacks::Confirmation,
            _ => Lacks::Proof,
        }
    }
}

/// Checks a proof, of at most `limit` bytes. Runs the contract that it holds, if its claim needs that: must run on a
/// thread with the stack that the budget asks for, and, for a file that is not trusted, in a worker.
///
/// # Errors
/// [`Refused`] for every file that does not prove its claim.
pub fn verify<'w>(bytes: &[u8], limit: usize, setup: impl Into<Setup<'w>>) -> Result<Proven, Refused> {
    let proof = Proof::decode(bytes, limit)?;
    evaluate(&proof, setup)
}

/// The same for a proof that is read already.
///
/// # Errors
/// As [`verify`].
pub fn evaluate<'w>(proof: &Proof, setup: impl Into<Setup<'w>>) -> Result<Proven, Refused> {
    let setup = setup.into();
    let mut checks = Vec::new();
    let mut heads = Vec::new();
    for slice in &proof.slices {
        let head = slice.authenticate().map_err(|error| Refused::Slice(slice.key, error))?;
        attributed(&head)?;
        let text = format!(
            "log {}: its owner signed length {} (fork {}); {} of its blocks are here, at their places",
            to_hex(&slice.key),
            head.reach(),
            slice.fork,
            slice.blocks.len()
        );
        checks.push(text);
        heads.push(head);
    }
    let mut ends = None;
    let finding = match &proof.claim {
        Claim::Audit { kind, from, seq, end } => {
            ends = *end;
            by_audit(proof, &heads, (*kind, *from, *seq, *end), setup, &mut checks)?
        }
        Claim::Truncation => {
            let ([head], named) = split::<1>(&heads)?;
            let owner = owner(proof, head.key(), named)?;
            if head.is_patched() {
                return Err(Refused::Heads("a head that is derived from a longer one shows no truncation".to_owned()));
            }
            if !truncates(head) {
                return Err(Refused::Heads("a head with the fork counter 0 shows no truncation".to_owned()));
            }
            checks.push("a fork counter above 0 is signed only when a log was cut".to_owned());
            heads::truncation(&to_hex(&proof.database), &to_hex(head.key()), owner, head)
        }
        Claim::Equivocation { length, prefixes } => {
            let ([shorter, longer], named) = split::<2>(&heads)?;
            let owner = owner(proof, shorter.key(), named)?;
            let evidence = |at: usize| {
                let prefix = prefixes.get(at).and_then(Option::as_ref);
                shown_at(*length, prefix, proof.slices.get(at).ok_or(Refused::Slices)?)
            };
            let evidence = Equivocation {
                shorter: shorter.clone(),
                longer: longer.clone(),
                length: *length,
                evidence: [evidence(0)?, evidence(1)?],
            };
            evidence.verify().map_err(|error| Refused::Heads(error.to_string()))?;
            checks.push(format!("the heads' logs differ within their first {length} blocks"));
            let log = to_hex(shorter.key());
            heads::equivocation(&to_hex(&proof.database), &log, owner, &evidence, None)
        }
    };
    Ok(Proven { database: to_hex(&proof.database), finding, end: ends, checks })
}

/// Whether the owner of a log answers for a head: somebody signed it, and the signature says of which log.
pub(super) fn attributed(head: &SignedHead) -> Result<(), Refused> {
    if head.names_its_log() {
        return Ok(());
    }
    Err(Refused::Unattributed(
        *head.key(),
        match head.signers() {
            [] => "nobody signed it; the log's manifest fixes its first blocks",
            _ => "its signature is of the scheme ns112, which does not say of which log it is",
        },
    ))
}

/// What the file shows of a head's log at a length: with the head's slice, if that is the head's own.
fn shown_at(length: u64, prefix: Option<&Shorter>, slice: &Slice) -> Result<PrefixEvidence, Refused> {
    let malformed = || Refused::Heads("what opens the roots is not in its one form".to_owned());
    match prefix {
        Some(prefix) => prefix.evidence(length).ok_or_else(malformed),
        None if slice.tree.is_none() && slice.blocks.is_empty() => Ok(PrefixEvidence::Roots(slice.nodes.clone())),
        None if slice.tree.is_some() => Ok(PrefixEvidence::TreeHash),
        // Roots above blocks are known as well; a head alone is asked for, in one form.
        None => Err(Refused::Slices),
    }
}

/// The heads that contradict, and those of further slices.
fn split<const N: usize>(heads: &[SignedHead]) -> Result<(&[SignedHead; N], &[SignedHead]), Refused> {
    heads.split_first_chunk().ok_or(Refused::Slices)
}

/// The owner to accuse, where the log is not the index. Then one more slice, of the index, must declare the log as an input:
/// else anybody's log could be said to be part of this database.
fn owner(proof: &Proof, log: &Key, named: &[SignedHead]) -> Result<Option<String>, Refused> {
    let declared = || {
        let slice = proof.slices.last()?;
        let (seq, block) = slice.blocks.first_key_value().filter(|_| slice.blocks.len() == 1)?;
        (slice.key == proof.database && names(*seq, block, log)).then(|| to_hex(log))
    };
    match (*log == proof.database, named) {
        (true, []) => Ok(None),
        (false, [_]) => declared().map(Some).ok_or(Refused::Slices),
        _ => Err(Refused::Slices),
    }
}

/// Evaluates a claim by audit as if all of it were signed: for whoever tests what lies behind the signatures.
pub(crate) fn unsigned(proof: &Proof, options: Options) -> Option<Finding> {
    let Claim::Audit { kind, from, seq, end } = proof.claim else { return None };
    by_audit(proof, &[], (kind, from, seq, end), options.into(), &mut Vec::new()).ok()
}

/// Audits the slices until the claimed finding.
fn by_audit(
    proof: &Proof,
    heads: &[SignedHead],
    (kind, from, seq, end): (Kind, u64, u64, Option<u64>),
    setup: Setup<'_>,
    checks: &mut Vec<String>,
) -> Result<Finding, Refused> {
    is_index_and_oplogs(&proof.database, &proof.slices)?;
    let index = proof.slices.first().ok_or(Refused::Slices)?;
    if kind != Kind::MalformedEntry {
        let unreadable = index.blocks.iter().find(|(at, block)| **at > 0 && **at != seq && !is_readable(**at, block));
        if let Some((at, _)) = unreadable {
            return Err(Refused::Unreadable(*at));
        }
    }
    if let Some(end) = end {
        if end != index.length {
            return Err(Refused::End(end, "the head in the file is of another length"));
        }
        if heads.first().is_some_and(SignedHead::is_patched) {
            return Err(Refused::End(end, "that head is derived from a longer one, and shows no end"));
        }
    }
    let mut logs = Witness::new(&proof.slices).ok_or(Refused::Slices)?;
    logs.goes_on = end.is_none();
    let mut auditor = begin(&logs, &proof.database, setup, from)?;
    if from > 0 {
        checks.push(format!("a batch ends before block {from}, and every contract so far keeps to the guard"));
    }
    let finding = search(&mut auditor, kind, seq).map_err(|why| match why {
        Refused::End(length, _) if proof.version == Version::One => {
            Refused::End(length, "a file of this form does not name that, and a longer head may show that it goes on")
        }
        why => why,
    })?;
    checks.push(format!("the auditor, over these blocks, finds {} at block {seq}", kind.name()));
    if let Some(end) = end {
        checks.push(format!(
            "that rests on the log's ending with the head of length {end}: a longer head that goes on from there clears"
        ));
    }
    match &finding.support {
        None => {}
        Some(Support::Plain) => {
            checks.push("the contract is plain: every engine makes of this operation what this one makes".to_owned());
        }
        Some(Support::Runtimes(names)) => {
            checks.push(format!("the reference runtimes {} make the same of this operation", names.join(", ")));
        }
    }
    if finding.accused.as_ref().is_some_and(|accused| !accused.owners().is_empty()) {
        checks.push(
            "it used the bytes of an operation: a proof that its oplog was rewritten clears the executor".to_owned(),
        );
    }
    Ok(finding)
}

/// Whether a block of the index is no `malformed-entry`.
fn is_readable(seq: u64, block: &[u8]) -> bool {
    let Ok(entry) = Entry::decode(seq, block.into()) else { return false };
    !matches!(entry.value().map(decode), Some(Err(DecodeError::Malformed { .. })))
}

/// Whether slices are those of an audit: the index of the database, then oplogs in ascending order, with their blocks.
pub(super) fn is_index_and_oplogs(database: &Key, slices: &[Slice]) -> Result<(), Refused> {
    let (index, oplogs) = slices.split_first().ok_or(Refused::Slices)?;
    let keys: Vec<&Key> = oplogs.iter().map(|slice| &slice.key).collect();
    let bare = slices.iter().any(|slice| slice.tree.is_some());
    if index.key != *database || bare || keys.contains(&&index.key) || !keys.is_sorted_by(|a, b| a < b) {
        return Err(Refused::Slices);
    }
    Ok(())
}

/// An audit that begins at the genesis (0) or at some ack.
pub(super) fn begin<'a>(
    logs: &'a dyn Logs,
    database: &Key,
    setup: Setup<'_>,
    from: u64,
) -> Result<Auditor<'a>, Refused> {
    let options = Options { until: None, ..setup.options };
    let mut auditor = match from {
        0 => Auditor::new(logs, database, options),
        from => Auditor::beginning_at(logs, database, options, from).map_err(|why| match why {
            Unanchored::Missing(seq) => Refused::Lacks(seq),
            why => Refused::Beginning(from, why),
        })?,
    };
    (setup.watch)(&mut auditor);
    Ok(auditor)
}

/// Audits until a violation is found, and no further than needed. Where the logs go on beyond what is here, only what nothing
/// added can mend is found.
pub(super) fn search(auditor: &mut Auditor<'_>, kind: Kind, seq: u64) -> Result<Finding, Refused> {
    let wanted = |f: &&Finding| f.class == Class::Violation && f.kind == kind && f.seq == Some(seq);
    loop {
        let before = auditor.position();
        let step = auditor.step();
        if let Some(found) = auditor.findings.iter().find(wanted) {
            return Ok(found.clone());
        }
        // The transaction that the claim is about was judged, and its result is not known to be every engine's.
        let unconfirmed =
            |f: &&Finding| f.kind == Kind::EngineUnconfirmed && f.seq.is_some_and(|at| before <= at && at <= seq);
        // What is missing is missed where the next transaction begins.
        let after = auditor.position().saturating_add(u64::from(kind == Kind::MissingChange));
        if let Some(open) = auditor.findings.iter().find(unconfirmed).filter(|_| after > seq) {
            return Err(Refused::Unconfirmed(open.message.clone()));
        }
        match step {
            Step::Judged(position) if position > before && before <= seq => {}
            Step::Needs { seq } => return Err(Refused::Lacks(seq)),
            Step::Waits(Wait::Index(end)) => {
                let foreseen = auditor.foreseen().violations.iter().find(wanted).cloned();
                return foreseen.ok_or(Refused::End(end, "the claim does not name that, and a longer head may go on"));
            }
            Step::Judged(_) | Step::Waits(_) | Step::End => return Err(Refused::NotShown),
        }
    }
}

impl Proven {
    /// Whom it convicts, in words.
    pub fn convicts(&self) -> String {
        let owners = |accused: &Accused| {
            accused.owners().iter().map(|key| format!("the owner of oplog {key}")).collect::<Vec<_>>()
        };
        let mut who = match &self.finding.accused {
            Some(accused @ Accused::Executor { .. }) => {
                let mut who = vec!["the executor".to_owned()];
                who.extend(owners(accused));
                who
            }
            Some(accused) => owners(accused),
            None => Vec::new(),
        };
        let who = match who.pop() {
            Some(last) if who.is_empty() => last,
            Some(last) => format!("{} or {last}", who.join(", ")),
            None => "nobody".to_owned(),
        };
        match self.end {
            Some(end) => format!("{who}, unless a longer head shows that the log goes on after {end} blocks"),
            None => who,
        }
    }
}

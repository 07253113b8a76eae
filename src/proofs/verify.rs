//! From a file's bytes to what they prove.

use serde::{Deserialize, Serialize};

use super::file::{Claim, FileError, Proof};
use super::prove::names;
use super::witness::{SliceError, Witness};
use crate::database::ack::to_hex;
use crate::hypercore::{ConsistencyProof, Equivocation, Key, SignedHead, diverge, truncates};
use crate::replay::auditor::{Auditor, Options, Step, Unanchored};
use crate::replay::finding::{Accused, Class, Finding, Kind};
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
    /// What was checked, in sentences.
    pub checks: Vec<String>,
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
    /// The slices are not those that the claim is about.
    #[error("it does not hold the logs that its claim is about")]
    Slices,
    /// The audit cannot begin where the file says.
    #[error("an audit cannot begin at block {0}: {1}")]
    Beginning(u64, Unanchored),
    /// The audit asks for a block that is not in the file.
    #[error("block {0} of the index is needed, and not in the file")]
    Lacks(u64),
    /// The audit comes to another result.
    #[error("what the file holds does not show it")]
    NotShown,
    /// The heads do not contradict each other.
    #[error("the heads do not contradict each other: {0}")]
    Heads(String),
    /// The second proof clears nobody of the first.
    #[error("it clears nobody: {0}")]
    Rebuttal(&'static str),
}

impl Refused {
    /// Whether it is the file's form that is wrong.
    pub fn is_malformed(&self) -> bool {
        matches!(self, Refused::File(_))
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
        let text = format!(
            "log {}: its owner signed length {} (fork {}); {} of its blocks are here, at their places",
            to_hex(&slice.key),
            slice.length,
            slice.fork,
            slice.blocks.len()
        );
        checks.push(text);
        heads.push(head);
    }
    let finding = match &proof.claim {
        Claim::Audit { kind, from, seq } => by_audit(proof, (*kind, *from, *seq), setup, &mut checks)?,
        Claim::Truncation => {
            let ([head], named) = split::<1>(&heads)?;
            let owner = owner(proof, head.key(), named)?;
            if !truncates(head) {
                return Err(Refused::Heads("a head with the fork counter 0 shows no truncation".to_owned()));
            }
            checks.push("a fork counter above 0 is signed only when a log was cut".to_owned());
            heads::truncation(&to_hex(&proof.database), &to_hex(head.key()), owner, head)
        }
        Claim::Equivocation { length, prefixes } => {
            let ([shorter, longer], named) = split::<2>(&heads)?;
            let owner = owner(proof, shorter.key(), named)?;
            let [first, second] = prefixes.each_ref().map(|prefix| Some(prefix).filter(|prefix| !is_empty(prefix)));
            diverge([shorter, longer], *length, [first, second]).map_err(|error| Refused::Heads(error.to_string()))?;
            checks.push(format!("the heads' logs differ within their first {length} blocks"));
            let evidence = Equivocation { shorter: shorter.clone(), longer: longer.clone(), prefix: None };
            let log = to_hex(shorter.key());
            heads::equivocation(&to_hex(&proof.database), &log, owner, &evidence, None)
        }
    };
    Ok(Proven { database: to_hex(&proof.database), finding, checks })
}

fn is_empty(prefix: &ConsistencyProof) -> bool {
    prefix.roots.is_empty() && prefix.extension.is_empty()
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
    let Claim::Audit { kind, from, seq } = proof.claim else { return None };
    by_audit(proof, (kind, from, seq), options.into(), &mut Vec::new()).ok()
}

/// Audits the slices until the claimed finding.
fn by_audit(
    proof: &Proof,
    (kind, from, seq): (Kind, u64, u64),
    setup: Setup<'_>,
    checks: &mut Vec<String>,
) -> Result<Finding, Refused> {
    let (index, oplogs) = proof.slices.split_first().ok_or(Refused::Slices)?;
    let keys: Vec<&Key> = oplogs.iter().map(|slice| &slice.key).collect();
    let bare = proof.slices.iter().any(|slice| slice.tree.is_some());
    if index.key != proof.database || bare || keys.contains(&&index.key) || !keys.is_sorted_by(|a, b| a < b) {
        return Err(Refused::Slices);
    }
    let logs = Witness::new(&proof.slices).ok_or(Refused::Slices)?;
    let mut auditor = begin(&logs, &proof.database, setup, from)?;
    if from > 0 {
        checks.push(format!("a batch ends before block {from}, and every contract so far keeps to the guard"));
    }
    let finding = search(&mut auditor, kind, seq)?.clone();
    checks.push(format!("the auditor, over these blocks, finds {} at block {seq}", kind.name()));
    if finding.accused.as_ref().is_some_and(|accused| !accused.owners().is_empty()) {
        checks.push(
            "it used the bytes of an operation: a proof that its oplog was rewritten clears the executor".to_owned(),
        );
    }
    Ok(finding)
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

/// Audits until a violation is found, and no further than needed.
pub(super) fn search<'a>(auditor: &'a mut Auditor<'_>, kind: Kind, seq: u64) -> Result<&'a Finding, Refused> {
    let wanted = |f: &Finding| f.class == Class::Violation && f.kind == kind && f.seq == Some(seq);
    loop {
        let before = auditor.position();
        let step = auditor.step();
        if let Some(at) = auditor.findings.iter().position(wanted) {
            return auditor.findings.get(at).ok_or(Refused::NotShown);
        }
        match step {
            Step::Judged(position) if position > before && before <= seq => {}
            Step::Needs { seq } => return Err(Refused::Lacks(seq)),
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
        match who.pop() {
            Some(last) if who.is_empty() => last,
            Some(last) => format!("{} or {last}", who.join(", ")),
            None => "nobody".to_owned(),
        }
    }
}

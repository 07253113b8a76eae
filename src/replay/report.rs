//! The end of an audit: everything that was found, weighed, as one report.

use serde::{Deserialize, Serialize};

use super::auditor::{Auditor, Foreseen, Step, from_hex};
use super::finding::{Accused, Class, Finding, Kind, Verdict};
use super::heads;

/// Name and version of the report's form (`docs/json.md`).
pub const SCHEMA: &str = "vitra-watch/audit/1";

/// The head that was audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Blocks.
    pub length: u64,
    /// The fork counter.
    pub fork: u64,
}

/// A contract that was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractInForce {
    /// The block that published it.
    pub seq: u64,
    /// BLAKE2b-256 of its source, in hex.
    pub digest: String,
}

/// A participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantReport {
    /// The oplog's key in hex.
    pub key: String,
    /// Declared active at the end.
    pub active: bool,
    /// Operations acked.
    pub acked: u64,
    /// Operations published, as far as the oplog is held; null when it is not.
    pub length: Option<u64>,
}

/// The report of an audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The index key in hex.
    pub database: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Roles that are accused: `executor`, `participant`.
    pub violated_by: Vec<String>,
    /// The head.
    pub head: Head,
    /// Length up to which everything follows the contract.
    pub verified_length: u64,
    /// Transactions audited.
    pub transactions: u64,
    /// Operations published and not acked.
    pub operations_pending: u64,
    /// The contracts that were in force, in order.
    pub contracts: Vec<ContractInForce>,
    /// Everybody who was ever declared or acked.
    pub participants: Vec<ParticipantReport>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// Findings beyond the limit.
    pub more_findings: u64,
}

impl Report {
    /// Who is accused, by role.
    pub fn accused_roles(findings: &[Finding]) -> Vec<String> {
        let mut roles = Vec::new();
        for accused in findings.iter().filter(|f| f.class == Class::Violation).filter_map(|f| f.accused.as_ref()) {
            let role = match accused {
                Accused::Executor { .. } => "executor",
                Accused::Participant { .. } => "participant",
            };
            if !roles.iter().any(|known| known == role) {
                roles.push(role.to_owned());
            }
        }
        roles.sort();
        roles
    }
}

/// Audits to the end and weighs what was found, the signed heads included. `progress` gets the block before which the
/// audit stands and the number of transactions judged.
pub fn run(mut auditor: Auditor<'_>, mut progress: impl FnMut(u64, u64)) -> Report {
    auditor.stop_waiting();
    loop {
        match auditor.step() {
            Step::Judged(position) => progress(position, auditor.transactions),
            Step::Needs { seq } => {
                auditor.missing(seq);
                break;
            }
            Step::Waits(_) if auditor.close() => {}
            Step::Waits(_) | Step::End => break,
        }
    }
    of(&auditor)
}

/// What an audit has found so far.
pub fn of(auditor: &Auditor<'_>) -> Report {
    let (logs, most) = (auditor.logs(), auditor.max_findings());
    let name = auditor.database().to_owned();
    let head = Head { length: logs.index().length(), fork: logs.index_fork() };
    let mut participants = Vec::new();
    let mut findings = of_log(auditor, &name, None);
    for (key, participant) in &auditor.participants {
        let oplog = from_hex(key).and_then(|key| logs.oplog(&key));
        participants.push(ParticipantReport {
            key: key.clone(),
            active: participant.active,
            acked: participant.origin.acks,
            length: oplog.map(|oplog| oplog.blocks.length()),
        });
        findings.extend(of_log(auditor, key, Some(key)));
    }
    let contracts = auditor.sources.iter();
    let contracts = contracts.map(|(seq, digest)| ContractInForce { seq: *seq, digest: digest.clone() }).collect();
    let equivocations: Vec<Finding> =
        findings.iter().filter(|f| f.kind == Kind::Equivocation && f.log != name).cloned().collect();
    let (verified_length, transactions, operations_pending, any_unjudged) =
        (auditor.verified_length(), auditor.transactions, auditor.pending(), auditor.any_unjudged);
    let mut more_findings = auditor.more_findings;
    let mut replayed = auditor.findings.clone();
    clear(&mut replayed, &equivocations);
    let any_unjudged = exempt(&mut replayed, auditor) || any_unjudged;
    findings.extend(replayed);
    // The verdict rests on all findings; the report shows the gravest.
    let verdict = match Verdict::of(&findings) {
        Verdict::Verified | Verdict::Incomplete if any_unjudged => Verdict::Unverifiable,
        verdict => verdict,
    };
    let violated_by = Report::accused_roles(&findings);
    let all = findings.len();
    let findings = gravest(findings, most);
    more_findings = more_findings.saturating_add(all.saturating_sub(findings.len()) as u64);
    Report {
        schema: SCHEMA.into(),
        database: name,
        verdict,
        violated_by,
        head,
        verified_length,
        transactions,
        operations_pending,
        contracts,
        participants,
        findings,
        more_findings,
    }
}

/// What is foreseen of the transaction at the end, by the same rules.
pub fn foreseen(auditor: &Auditor<'_>) -> Foreseen {
    let mut foreseen = auditor.foreseen().clone();
    if !foreseen.violations.is_empty() {
        let heads = auditor.participants.keys().flat_map(|key| of_log(auditor, key, Some(key)));
        let equivocations: Vec<Finding> = heads.filter(|finding| finding.kind == Kind::Equivocation).collect();
        clear(&mut foreseen.violations, &equivocations);
        exempt(&mut foreseen.violations, auditor);
        foreseen.violations.retain(|finding| finding.class == Class::Violation);
    }
    foreseen
}

/// What the heads of a log say.
fn of_log(auditor: &Auditor<'_>, key: &str, owner: Option<&str>) -> Vec<Finding> {
    let conflicts = from_hex(key).map(|bytes| auditor.logs().conflicts(&bytes));
    conflicts.map_or_else(Vec::new, |conflicts| heads::judge(auditor.database(), key, owner, &conflicts))
}

/// Accuses the owners alone whom equivocations of their oplogs convict.
fn clear(findings: &mut [Finding], equivocations: &[Finding]) {
    for finding in findings {
        if let Some(equivocation) = equivocations.iter().find(|equivocation| clears(equivocation, finding)) {
            finding.accused = Some(Accused::owner(&*equivocation.log));
        }
    }
}

/// Takes back what rests on an operation that its owner, who truncated the log, may have signed otherwise. Whether there was
/// any.
fn exempt(findings: &mut [Finding], auditor: &Auditor<'_>) -> bool {
    let mut any = false;
    for finding in findings.iter_mut().filter(|finding| finding.class == Class::Violation) {
        let Some(Accused::Executor { or: Some(owners) }) = &finding.accused else { continue };
        let rewritten = |owner: &&str| {
            let from = from_hex(owner).and_then(|key| auditor.logs().rewritten_from(&key));
            from.is_some_and(|from| finding.may_differ(owner, Some(from.saturating_add(1))))
        };
        let Some(owner) = owners.owners().into_iter().find(rewritten) else { continue };
        let why = format!(
            "{}: {}; but the owner of oplog {owner} truncated it, so that the operation may have been another one when it was \
             executed",
            finding.kind.name(),
            finding.message
        );
        let taken = Finding::new(auditor.database(), Kind::OpRewritten, &finding.log, finding.seq, why);
        let (origin, op_seq) = (finding.origin.take(), finding.op_seq);
        *finding = Finding { origin, op_seq, unjudged: true, ..taken };
        any = true;
    }
    any
}

/// Whether the proof that an oplog has two histories clears the executor of a finding: if it rests on an operation of that
/// log, and the histories may differ as early as there. Where they are the same up to it, everybody was shown that operation.
fn clears(equivocation: &Finding, finding: &Finding) -> bool {
    // Where the first difference is not known, nobody knows from where on.
    finding.may_differ(&equivocation.log, equivocation.seq.map(|first| first.saturating_add(1)))
}

/// The gravest findings, in the order they came. The exit code follows from them, so the executor's violations come
/// first, and among them those that more than heads show.
fn gravest(findings: Vec<Finding>, most: usize) -> Vec<Finding> {
    let gravity = |finding: &Finding| {
        let executor = matches!(finding.accused, Some(Accused::Executor { .. }));
        (finding.class, !executor, finding.kind.by_heads(), !finding.unjudged)
    };
    let mut ranked: Vec<(usize, Finding)> = findings.into_iter().enumerate().collect();
    ranked.sort_by_key(|(at, finding)| (gravity(finding), *at));
    ranked.truncate(most);
    ranked.sort_by_key(|(at, _)| *at);
    ranked.into_iter().map(|(_, finding)| finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_findings_are_shown() {
        let finding = |kind: Kind, accused| {
            let mut finding = Finding::new("", kind, "", Some(1), "");
            finding.accused = accused;
            finding
        };
        let owner = Accused::owner("");
        let all = vec![
            finding(Kind::AckExtraFields, None),
            finding(Kind::Equivocation, Some(owner)),
            finding(Kind::Truncation, Some(Accused::EXECUTOR)),
            finding(Kind::OpUnavailable, None),
            finding(Kind::WrongChange, Some(Accused::EXECUTOR)),
            finding(Kind::EngineSpecific, None),
        ];
        let kinds = |most| gravest(all.clone(), most).iter().map(|finding| finding.kind).collect::<Vec<_>>();
        assert_eq!(kinds(1), [Kind::WrongChange]);
        assert_eq!(kinds(2), [Kind::Truncation, Kind::WrongChange]);
        assert_eq!(kinds(4), [Kind::Equivocation, Kind::Truncation, Kind::WrongChange, Kind::EngineSpecific]);
        assert_eq!(kinds(9).len(), 6);
    }
}

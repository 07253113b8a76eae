//! Findings about signed heads: logs that were cut, and logs with two histories.

use super::finding::{Accused, Finding, Kind, identity};
use crate::database::ack;
use crate::hypercore::views::Conflict;
use crate::hypercore::{Equivocation, Key, SignedHead};

const CAVEAT: &str = "this proves the fact, not the intent: a restored backup or lost power does the same";

/// The findings for the contradictions of one log. `owner` is the participant, for an oplog.
pub fn judge(database: &str, log: &str, owner: Option<&str>, conflicts: &[Conflict]) -> Vec<Finding> {
    let finding = |conflict: &Conflict| match conflict {
        Conflict::Truncation(head) => truncation(database, log, owner.map(str::to_owned), head),
        Conflict::Equivocation { evidence, first_difference } => {
            equivocation(database, log, owner.map(str::to_owned), evidence, *first_difference)
        }
    };
    conflicts.iter().map(finding).collect()
}

/// The finding of a head with a fork counter above 0.
pub fn truncation(database: &str, log: &str, owner: Option<String>, head: &SignedHead) -> Finding {
    let message = format!(
        "a signed head has the fork counter {}: the log was cut and rewritten{}; {CAVEAT}",
        head.fork(),
        signed_by(head, head.signers())
    );
    let subject = subject(head);
    finding((database, Kind::Truncation, log, head.fork()), &subject, owner, None, message)
}

/// The finding of two heads that contradict each other; `difference` is the first block that differs, if that is known.
pub fn equivocation(
    database: &str,
    log: &str,
    owner: Option<String>,
    evidence: &Equivocation,
    difference: Option<u64>,
) -> Finding {
    let (shorter, longer) = (&evidence.shorter, &evidence.longer);
    let message = format!(
        "two signed heads of one history, at lengths {} and {}, contradict each other{}; {CAVEAT}",
        shorter.length(),
        longer.length(),
        signed_by(shorter, &evidence.signed_both())
    );
    let mut subjects = [subject(shorter), subject(longer)];
    subjects.sort();
    finding((database, Kind::Equivocation, log, longer.fork()), &subjects.join(" "), owner, difference, message)
}

/// Whether two findings tell of one event: a log that was cut, or a split, goes on to grow, and each longer head makes
/// another finding of it.
pub fn is_same_event(one: &Finding, other: &Finding) -> bool {
    let same = (one.kind, &one.log, one.seq) == (other.kind, &other.log, other.seq);
    match one.kind {
        Kind::Equivocation => same,
        // The message names the fork counter.
        Kind::Truncation => same && one.message == other.message,
        _ => one.id == other.id,
    }
}

fn finding(
    (database, kind, log, fork): (&str, Kind, &str, u64),
    subject: &str,
    owner: Option<String>,
    seq: Option<u64>,
    message: String,
) -> Finding {
    let mut finding = Finding::new(database, kind, log, seq, message);
    finding.id = identity(database, kind, log, fork, subject);
    finding.accused = Some(owner.map_or(Accused::EXECUTOR, Accused::owner));
    finding
}

/// Of a log that several may sign: which of them did.
fn signed_by(head: &SignedHead, keys: &[Key]) -> String {
    let several = head.manifest().is_some_and(|manifest| manifest.signers.len() > 1);
    match (several, keys) {
        (false, _) => String::new(),
        (true, []) => " (none of its signers signed both: the log as a whole contradicts itself)".to_owned(),
        (true, keys) => {
            let keys: Vec<String> = keys.iter().map(|key| ack::to_hex(key)).collect();
            format!(" (of its signers {})", keys.join(", "))
        }
    }
}

fn subject(head: &SignedHead) -> String {
    format!("{}:{}", head.length(), ack::to_hex(head.tree_hash()))
}

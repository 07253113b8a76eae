//! Findings about signed heads: logs that were cut, and logs with two histories.

use super::finding::{Accused, Finding, Kind, identity};
use crate::database::ack;
use crate::hypercore::SignedHead;
use crate::hypercore::views::Conflict;

/// The findings for the contradictions of one log. `owner` is the participant, for an oplog.
pub fn judge(database: &str, log: &str, owner: Option<&str>, conflicts: &[Conflict]) -> Vec<Finding> {
    conflicts.iter().map(|conflict| finding(database, log, owner, conflict)).collect()
}

fn finding(database: &str, log: &str, owner: Option<&str>, conflict: &Conflict) -> Finding {
    let caveat = "this proves the fact, not the intent: a restored backup or lost power does the same";
    let (kind, seq, fork, mut subjects, message) = match conflict {
        Conflict::Truncation(head) => (
            Kind::Truncation,
            None,
            head.fork(),
            vec![subject(head)],
            format!("a signed head has the fork counter {}: the log was cut and rewritten; {caveat}", head.fork()),
        ),
        Conflict::Equivocation { evidence, first_difference } => (
            Kind::Equivocation,
            *first_difference,
            evidence.longer.fork(),
            vec![subject(&evidence.shorter), subject(&evidence.longer)],
            format!(
                "two signed heads of one history, at lengths {} and {}, contradict each other; {caveat}",
                evidence.shorter.length(),
                evidence.longer.length()
            ),
        ),
    };
    subjects.sort();
    let mut finding = Finding::new(database, kind, log, seq, message);
    finding.id = identity(database, kind, log, fork, &subjects.join(" "));
    finding.accused = Some(match owner {
        Some(key) => Accused::owner(key),
        None => Accused::EXECUTOR,
    });
    finding
}

fn subject(head: &SignedHead) -> String {
    format!("{}:{}", head.length(), ack::to_hex(head.tree_hash()))
}

//! What a finding means, for somebody who has never heard of hashes and logs. The rules are those of `docs/verdicts.md`.

use crate::replay::finding::{Accused, Finding, Kind};
use crate::watch::alert::is_suspicion;
use crate::watch::state::Status;

/// A kind of finding in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What happened, as a heading.
    pub title: &'static str,
    /// The rule, and why there is one.
    pub rule: &'static str,
    /// What the finding shows.
    pub shows: &'static str,
    /// What it does not show.
    pub not: &'static str,
}

/// The words for a kind.
pub fn explain(kind: Kind) -> Explanation {
    let (title, rule, shows, not) = words(kind);
    Explanation { title, rule, shows, not }
}

const REPLAYED: &str = "The contract was run again on the operation and on the state that was published before it, several times and under other \
    conditions, always with this result. It does not show who of the two accused lied, nor why: the operation that was replayed is the one its owner \
    signed for us, and the owner may have signed another one for the executor.";
const UNJUDGED: &str =
    "It accuses nobody. The operation may have been executed rightly or wrongly; this watchtower cannot tell.";
const ABSENT: &str = "It accuses nobody. What is missing may be on its way, and logs only grow, so absence never proves that something does not exist.";
const ODD: &str = "It breaks no rule and changes no verdict.";

#[rustfmt::skip]
fn words(kind: Kind) -> (&'static str, &'static str, &'static str, &'static str) {
    match kind {
        Kind::BadGenesis => (
            "The database does not begin as it must",
            "Every database begins with a header, the source of its contract, the list of its first participants and a closing entry. Whoever joins later \
             relies on that beginning to know the rules.",
            "The executor signed a beginning of another form. Nothing that follows can be checked against a contract.",
            "It does not show what the executor had in mind; a broken program could write this, too."),
        Kind::MalformedEntry => (
            "An entry that nobody can read",
            "Every block of the index is an entry in the format that all readers share.",
            "The executor signed a block that is no such entry. Readers trip over it, or see what others do not.",
            "It does not show whether this was done on purpose."),
        Kind::AckMalformed => (
            "An acknowledgement that is none",
            "Before the changes of an operation the executor publishes an acknowledgement: which operation, whether it succeeded, how many changes follow.",
            "Where that acknowledgement belongs, the executor signed something else.",
            "It does not show what became of the operation: everything up to the next acknowledgement goes unjudged."),
        Kind::AckPathMismatch => (
            "An acknowledgement in another operation's place",
            "The acknowledgement of an operation is kept at a place that names that operation, so that its author can look up what became of it.",
            "The executor signed an acknowledgement that names one operation at the place of another.",
            "It does not show which of the two operations the executor meant."),
        Kind::NonParticipant => (
            "An operation of somebody who takes no part",
            "Only operations of the participants that the database declares are executed.",
            "The executor executed an operation from a log that was no active participant at that point.",
            "It does not show that the outsider did anything wrong: anybody may write a log."),
        Kind::OpRepeated => (
            "An operation executed twice",
            "Each operation is executed once. Executed twice, a payment would be made twice.",
            "The executor acknowledged an operation again that it had acknowledged before: the first acknowledgement and this one stand in the same signed log.",
            "It does not show that anybody gained by it, or that the second execution changed anything."),
        Kind::OpSkipped => (
            "An operation was left out",
            "A participant's operations are executed in their order, none left out.",
            "The executor acknowledged a later operation of a participant before this one. Whoever wrote the one that was left out was not heard.",
            "It does not show why. An operation that is only late is no violation; one that was passed over is."),
        Kind::FalseFailure => (
            "An operation is said to have failed, and succeeds",
            "Whether an operation succeeds is decided by the contract, not by the executor.",
            "The executor published that the operation failed. The contract accepts it.",
            REPLAYED),
        Kind::FalseSuccess => (
            "An operation is said to have succeeded, and fails",
            "Whether an operation succeeds is decided by the contract, not by the executor.",
            "The executor published that the operation succeeded. The contract refuses it.",
            REPLAYED),
        Kind::WrongChange => (
            "A change that the contract did not make",
            "The contract decides what an operation changes, and to which value. The executor only runs it and publishes what came out.",
            "The published change differs from the one that the contract makes.",
            REPLAYED),
        Kind::ExtraChange => (
            "One change too many",
            "The executor publishes the changes that the contract makes, and no others.",
            "Among the changes of this operation is one that the contract does not make.",
            REPLAYED),
        Kind::MissingChange => (
            "A change was held back",
            "Every change that the contract makes is published.",
            "The contract makes a change for this operation that was not published. At the very end of a log a longer log may still bring it.",
            REPLAYED),
        Kind::UnpromptedWrite => (
            "A change without an operation",
            "Nothing changes in the database unless a participant asked for it. Each operation announces how many changes it makes.",
            "The executor wrote an entry that belongs to no operation.",
            "It does not show whom that entry was meant to serve."),
        Kind::ChangeCountMismatch => (
            "The number of changes is wrong",
            "The acknowledgement of an operation says how many changes follow; readers rely on it to know where an operation ends.",
            "The number that the executor signed is not the number that the contract makes.",
            REPLAYED),
        Kind::MetadataInvented => (
            "Metadata from nowhere",
            "An acknowledgement carries metadata only if the contract has a function that makes some.",
            "The acknowledgement carries metadata, and the contract has no such function.",
            "It does not show where the metadata comes from, nor that anybody was misled by it."),
        Kind::IndexTampered => (
            "The search tree was tampered with",
            "Besides the history, the log holds a search tree through which everybody looks up values. It follows from the history, byte for byte.",
            "The tree is not the one that follows from the history: whoever looks something up may get stale, hidden or resurrected values, while whoever reads \
             the history sees nothing of it.",
            "It does not show who has read the wrong values, nor why the tree was changed."),
        Kind::Truncation => (
            "A log was cut back",
            "Logs only grow. What was published stays published.",
            "The owner of the log signed a statement that says of itself that the log was cut back and written anew.",
            "It shows the fact and not the intent: somebody who restores a backup, or whose computer loses power, may do the same without wanting to."),
        Kind::Equivocation => (
            "Two histories of one log",
            "A log has one history. Whoever signs it signs the same for everybody.",
            "There are two signed statements about the same log that cannot both be true: some were shown one history, some another.",
            "It shows the fact and not the intent: somebody who restores a backup and goes on writing does the same without wanting to."),
        Kind::ContractDoesNotCompile => ("The contract cannot be run", "A contract is a JavaScript module.", "The published source does not compile, or fails while it is loaded.", UNJUDGED),
        Kind::EmptyContract => ("The contract is empty", "A contract is a JavaScript module.", "The published source is empty; that stops an honest executor.", UNJUDGED),
        Kind::NondeterministicContract => (
            "The contract depends on chance or time",
            "A contract can be checked if it depends on nothing but the operation and the state.",
            "The operation made the contract look at a clock, at chance or at the executor's surroundings, and the result differs from the published one.", UNJUDGED),
        Kind::StatefulContract => (
            "The contract remembers",
            "A contract can be checked if it keeps everything that it remembers in the database.",
            "The contract keeps something in its own memory, which nobody publishes, and the result differs from the published one.", UNJUDGED),
        Kind::BudgetExhausted => ("The operation takes too much", "Replaying has limits of time and memory, far beyond those of an executor.", "The replay of the operation reached one of them.", UNJUDGED),
        Kind::NeverSettles => ("The operation never ends", "An operation ends.", "The contract waits for something that never comes; an executor that runs it is stuck.", UNJUDGED),
        Kind::ProtectedPathWrite => (
            "The contract wrote where it must not",
            "The part of the database that holds participants, source and acknowledgements is the executor's.",
            "The contract found a way past the guard and wrote there.", ODD),
        Kind::EngineSpecific => ("Engines differ here", "Contracts run in different JavaScript engines.", "The result differs, and the operation touched something in which engines differ.", UNJUDGED),
        Kind::EngineUnconfirmed => ("Nobody has confirmed it", "Contracts run in the executor's JavaScript engine, which is another one than this watchtower's.", "The result differs from this watchtower's, and nothing shows yet that the executor's engine makes the same.", UNJUDGED),
        Kind::UndecodableOp => ("An operation that cannot be read", "Operations are encoded in a common format.", "The operation cannot be decoded here, and was executed with success there.", UNJUDGED),
        Kind::NearLimit => ("Close to a limit", "Engines differ in how much memory and depth they allow.", "The result differs, and the operation came close to such a limit.", UNJUDGED),
        Kind::RuntimeFault => ("The executor's runtime broke down", "An operation fails when the contract refuses it.", "The operation is published as failed with the words of a runtime that breaks down; the contract accepts it.", UNJUDGED),
        Kind::OrderInconclusive => ("The order cannot be told", "An operation that writes a place twice leaves the later value.", "Which one is later depends on how strings are sorted, in which engines differ.", UNJUDGED),
        Kind::ReaddRace => ("A participant who was removed and added again", "A participant's operations are executed in their order.", "They were not; but executors that are restarted at such a moment do this without being dishonest.", UNJUDGED),
        Kind::Unattributed => ("A rule was broken, by nobody in particular", "A signature says which log it is of.", "Nobody signed the head of this log, or its signature could be of another log of the same owner.", UNJUDGED),
        Kind::OpRewritten => ("The operation's log was rewritten", "Logs only grow.", "The log of this operation was rewritten; the operation may have been another one when it was executed.", UNJUDGED),
        Kind::StateUnreadable => ("The state cannot be read", "Each operation is checked against the state that was published before it.", "A part of that state cannot be read.", UNJUDGED),
        Kind::OpUnavailable => ("An operation that nobody has shown us", "Executed operations are in their participants' logs.", "The index acknowledges an operation that is not in any log that we have been shown.", ABSENT),
        Kind::BlockUnavailable => ("A block that nobody has shown us", "Whoever signs a log can show its blocks.", "A block is signed for, and nobody has given it to us.", ABSENT),
        Kind::NoGenesisYet => ("The database has not begun", "A database begins with its contract and participants.", "They are not there yet.", ABSENT),
        Kind::ChangeOrderDiffers => ("Changes in another order", "The order of changes of different places does not matter.", "They stand in another order than ours; executors sort by their own language settings.", ODD),
        Kind::ErrorTextDiffers => ("Another error text", "The text of an error depends on the engine.", "The published error text is not the one that the contract gives here.", ODD),
        Kind::AckExtraFields => ("An acknowledgement with more in it", "Acknowledgements have six fields.", "This one has others beside them.", ODD),
        Kind::TimestampBackwards => ("Time ran backwards", "Acknowledgements carry the executor's clock, which may be wrong.", "This one is older than the one before it.", ODD),
        Kind::TransactionsShareABatch => ("Several operations at once", "Executors usually write each operation for itself.", "Several were written in one go.", ODD),
        Kind::TransactionSplitOverAppends => ("One operation in several parts", "Executors usually write an operation in one go.", "This one was written in several parts.", ODD),
        Kind::NonCanonicalTree => ("A search tree of another shape", "The search tree holds the newest value of every place.", "It does, in another shape than usual.", ODD),
        Kind::EngineDifference => ("Our engine was wrong", "Contracts run in the executor's JavaScript engine, which is another one than this watchtower's.", "The executor's engine makes what was published; this watchtower's makes something else.", ODD),
        Kind::MalformedOp => ("An operation that is none", "Operations are encoded in a common format.", "The operation cannot be decoded, and was published as failed, as it should be.", ODD),
    }
}

/// Whom a finding accuses, in a sentence or two.
pub fn accuses(finding: &Finding, status: Status) -> String {
    let owners = |owners: &[&str]| match owners {
        [one] => format!("the owner of the log {one}"),
        many => format!("one of the owners of the logs {}", many.join(", ")),
    };
    let Some(accused) = &finding.accused else {
        return if is_suspicion(finding) {
            "Nobody: this is a suspicion and not proven. Nothing honest is known that explains it.".to_owned()
        } else {
            "Nobody.".to_owned()
        };
    };
    let named = accused.owners();
    match (accused, status) {
        (Accused::Executor { or: Some(_) }, Status::Cleared) => format!(
            "Not the executor any more: {} signed two histories of it, and the executor may have been given another operation than we were.",
            owners(&named)
        ),
        (Accused::Executor { or: None }, _) => "The executor, who alone signs the log in which this stands.".to_owned(),
        (Accused::Executor { or: Some(_) }, _) => format!(
            "The executor, or {}: one of them lied, and the data does not say who. A proof that such a log has two histories clears the executor.",
            owners(&named)
        ),
        (Accused::Participant { .. }, _) => {
            let mut sentence = owners(&named);
            sentence.replace_range(..1, &sentence.get(..1).unwrap_or_default().to_uppercase());
            format!("{sentence}, who alone signs it. The executor is not accused.")
        }
    }
}

/// How a finding stands, in a word or two.
pub fn standing(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Acknowledged => "noted by the watcher",
        Status::Resolved => "over",
        Status::Cleared => "cleared",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::replay::finding::Class;

    /// Protects who reads a finding's page: every kind is explained, each in words of its own, and violations say what they do not show.
    #[test]
    fn every_kind_is_explained() {
        let mut titles = BTreeSet::new();
        for kind in Kind::ALL {
            let Explanation { title, rule, shows, not } = explain(*kind);
            assert!(titles.insert(title), "{}", kind.name());
            assert!(rule.ends_with('.') && shows.ends_with('.') && not.ends_with('.'), "{}", kind.name());
            if kind.class() == Class::Violation {
                let words = format!("{rule} {shows} {not}");
                assert!(words.split_whitespace().count() >= 35, "{}", kind.name());
                assert!(not.contains("not") && ![UNJUDGED, ABSENT, ODD].contains(&not), "{}", kind.name());
                assert_eq!(not == REPLAYED, kind.by_replay(), "{}", kind.name());
            } else {
                assert!([UNJUDGED, ABSENT, ODD].contains(&not), "{}: accuses somebody", kind.name());
            }
        }
    }

    /// Protects the innocent: whoever may not have done it is never named as if they had.
    #[test]
    fn whom_it_accuses_is_said_as_it_is() {
        let mut finding = Finding::new("d", Kind::WrongChange, "d", Some(7), "m");
        let mut said = |accused, status| {
            finding.accused = accused;
            accuses(&finding, status)
        };
        assert_eq!(said(None, Status::Open), "Nobody.");
        assert!(said(Some(Accused::EXECUTOR), Status::Open).starts_with("The executor, who alone"));
        let either = said(Some(Accused::executor_or(["aa"])), Status::Open);
        assert!(either.starts_with("The executor, or the owner of the log aa: one of them lied"), "{either}");
        let many = said(Some(Accused::executor_or(["aa", "bb"])), Status::Acknowledged);
        assert!(many.contains("or one of the owners of the logs bb, aa"), "{many}");
        assert!(said(Some(Accused::executor_or(["aa"])), Status::Cleared).starts_with("Not the executor any more"));
        let owner = said(Some(Accused::owner("aa")), Status::Open);
        assert!(owner.starts_with("The owner of the log aa") && owner.ends_with("The executor is not accused."));
    }
}

//! From what does not fit to findings: at most one that is certain and one by replay for each transaction.

use super::*;
use crate::replay::finding::Support;

pub(super) const NO_ENTRY: &str = "the block is no entry of a Hyperbee with a msgpack value";

impl Auditor<'_> {
    /// Reports what does not fit, takes what was published as it stands, and moves on.
    pub(super) fn settle(
        &mut self,
        ack: Option<&Ack>,
        at: u64,
        matching: Matching,
        mut certain: Vec<(Issue, String)>,
        judged: Option<(Replay, Judged)>,
    ) -> Result<(), Stop> {
        let (replay, judged) = judged.unwrap_or_default();
        let split_later = |issue: &Issue| issue.kind == Kind::UnpromptedWrite;
        certain.extend(matching.certain.iter().map(|issue| {
            let text =
                if split_later(issue) { "no operation announced this entry".to_owned() } else { NO_ENTRY.to_owned() };
            (issue.clone(), text)
        }));
        let displaced = self.report_certain(ack, certain, &matching, &judged).or(self.late.take());
        match displaced {
            // An ack that should not be here at all: what its replay shows is an aside.
            Some(home) => self.add_aside(home, &matching, &judged),
            None => self.report_replay(ack, &matching, &replay, judged),
        }
        let announced = ack.map_or(0, |ack| at.saturating_add(ack.num_changes));
        let guarded = self.guarded;
        self.adopt_entries(&matching, replay.expected.as_ref(), ack, announced);
        if let Some(ack) = ack {
            self.transactions = self.transactions.saturating_add(1);
            if !guarded {
                self.reach.note(Operation::new(&*ack.origin, ack.seq), at, ack.num_changes, matching.end);
            }
        }
        self.at = matching.end;
        Ok(())
    }

    /// Judges what does not fit the replay. Where a reference runtime knows better than our engine, its result takes the place of
    /// the replay's.
    pub(super) fn judge_replay(
        &mut self,
        ack: &Ack,
        at: u64,
        matching: &mut Matching,
        replay: &mut Replay,
    ) -> Result<Judged, Stop> {
        let unjudged =
            |kind, message, explained| Judged { unjudged: Some((kind, message, explained)), ..Judged::default() };
        if let Some((kind, mut message)) = replay.hindrance.clone() {
            if may_be_asked(kind) && !self.is_full(kind.class()) {
                match self.examine(ack, at, replay, examine::by_reference_alone)? {
                    Some(Ok(Examined::MatchesReference { name, outcome })) => {
                        replay.hindrance = None;
                        replay.by_reference = Some(name);
                        self.take(ack, at, outcome, matching, replay)?;
                        return Ok(Judged { matches: true, ..Judged::default() });
                    }
                    Some(Err(said)) => message = format!("{message}; {said}"),
                    Some(Ok(_)) | None => {}
                }
            }
            return Ok(unjudged(kind, message, None));
        }
        if matching.by_replay.is_empty() {
            return Ok(Judged::default());
        }
        // One violation more would change nothing; anything less must not keep us from finding the first.
        if self.is_full(Class::Violation) {
            self.more_findings = self.more_findings.saturating_add(1);
            return Ok(Judged::default());
        }
        replay.state_peculiar |= matching.peculiar;
        let (Some(_), Some(applied)) = (&replay.op, &replay.applied) else {
            // An operation that cannot be decoded was acked as failed, with changes.
            return Ok(Judged { accuse: Some(Support::Plain), ..Judged::default() });
        };
        let examined = self
            .examine(ack, at, replay, |case, contract, compare| examine::examine(case, contract, applied, compare))?;
        let contested = contested_order(replay.expected.as_ref(), matching);
        Ok(match examined {
            None => Judged::default(),
            Some(Examined::Match) => Judged { matches: true, ..Judged::default() },
            Some(Examined::MatchesOtherReading) => {
                // Only the other reading fits: the first one is closed.
                self.contract = self.other_contract.take().or(self.contract.take());
                Judged { matches: true, ..Judged::default() }
            }
            Some(Examined::MatchesReference { name, outcome }) => {
                replay.by_reference = Some(name);
                self.take(ack, at, outcome, matching, replay)?;
                Judged { matches: true, ..Judged::default() }
            }
            Some(Examined::Accuse { .. }) if contested => {
                let text = "one key is written twice, in an order that engines disagree about";
                unjudged(Kind::OrderInconclusive, text.into(), None)
            }
            Some(Examined::Accuse { support }) => Judged { accuse: Some(support), ..Judged::default() },
            Some(Examined::Unjudged { kind, message, explained }) => unjudged(kind, message, explained),
        })
    }

    /// What is certain but for the operation's result needs that result to be every engine's.
    pub(super) fn support_certain(
        &mut self,
        ack: &Ack,
        at: u64,
        matching: &Matching,
        replay: &Replay,
        certain: &[(Issue, String)],
        judged: &mut Judged,
    ) -> Result<(), Stop> {
        let used = certain.iter().map(|(issue, _)| issue).chain(&matching.certain).any(|issue| issue.used_op);
        // A result that one reference runtime makes excuses; it accuses nobody.
        let own = used && replay.by_reference.is_none();
        let Some(applied) = replay.applied.as_ref().filter(|_| own) else { return Ok(()) };
        let examined = self.examine(ack, at, replay, |case, contract, compare| {
            examine::examine(case, contract, applied, &|applied| {
                Ok(match compare(applied)? {
                    Compared::Match => {
                        Compared::Mismatch { success: ack.success, result: format!("{:?}", applied.outcome) }
                    }
                    compared => compared,
                })
            })
        })?;
        if let Some(Examined::Accuse { support }) = examined {
            judged.certain = Some(support);
        }
        Ok(())
    }

    /// Puts the question of an operation's result to `ask`. `None` when no contract is in force.
    fn examine<T>(
        &mut self,
        ack: &Ack,
        at: u64,
        replay: &Replay,
        ask: impl FnOnce(&Case<'_>, &Contract, &examine::Compare<'_>) -> Result<T, u64>,
    ) -> Result<Option<T>, Stop> {
        let Some(contract) = self.contract.take() else { return Ok(None) };
        let other = self.other_contract.take();
        (self.running)(Some(at));
        let examined = self.with_state(at, |view| {
            let case = Case {
                op: replay.op.as_ref().unwrap_or(&Value::Undefined),
                op_bytes: &replay.op_bytes,
                index: &self.database,
                references: self.references.as_deref(),
                confirm: self.options.confirm,
                op_peculiar: replay.op_peculiar,
                state_peculiar: replay.state_peculiar,
                op_rewritten: replay.op_rewritten,
                op_attributed: replay.op_attributed,
                ack,
                state: view.state(),
                budget: self.options.budget,
                around: self.around(ack.ts),
                other: other.as_ref(),
            };
            ask(&case, &contract, &|applied| self.compare(at, ack, applied, view))
        });
        (self.running)(None);
        self.contract = Some(contract);
        self.other_contract = other;
        match examined {
            Ok(Ok(examined)) => Ok(Some(examined)),
            Ok(Err(seq)) => Err(Stop::Needs(seq)),
            Err(error) => Err(tree_stop(error)),
        }
    }

    /// Takes the outcome of a reference runtime for the replay's.
    fn take(
        &mut self,
        ack: &Ack,
        at: u64,
        outcome: Outcome,
        matching: &mut Matching,
        replay: &mut Replay,
    ) -> Result<(), Stop> {
        let applied = Applied::of(outcome);
        let expected = self.with_state(at, |view| expect(&applied, ack, view)).and_then(|found| found);
        replay.expected = expected.map_err(tree_stop)?;
        replay.applied = Some(applied);
        let announced = Announced { seq: at, success: ack.success, changes: ack.num_changes };
        *matching = matching::matching(announced, replay.expected.as_ref(), self.until, |seq| self.entry(seq))
            .map_err(Stop::Needs)?;
        Ok(())
    }

    pub(super) fn compare(&self, at: u64, ack: &Ack, applied: &Applied, view: &dyn ReadView) -> Result<Compared, u64> {
        // Another run is over; whoever watches from outside counts each by itself.
        (self.running)(Some(at));
        let expected = match expect(applied, ack, view) {
            Ok(Some(expected)) => expected,
            Ok(None) => return Ok(Compared::Undecided),
            Err(TreeError::Missing { seq }) => return Err(seq),
            Err(_) => return Ok(Compared::Undecided),
        };
        let announced = Announced { seq: at, success: ack.success, changes: ack.num_changes };
        let matching = matching::matching(announced, Some(&expected), self.until, |seq| self.entry(seq))?;
        if matching.by_replay.is_empty() && !matching.certain.iter().any(|issue| issue.kind == Kind::UnpromptedWrite) {
            return Ok(Compared::Match);
        }
        let changes: Vec<_> = expected.changes.iter().map(|change| (&change.key, &change.put)).collect();
        let result = format!("{} {} {changes:?}", expected.success, expected.actions);
        Ok(Compared::Mismatch { success: expected.success, result })
    }

    pub(super) fn add_aside(&mut self, home: usize, matching: &Matching, judged: &Judged) {
        if let (true, Some(finding)) = (judged.accuse.is_some(), self.findings.get_mut(home)) {
            finding.also.extend(matching.by_replay.iter().map(|issue| Also { kind: issue.kind, seq: issue.seq }));
        }
    }

    /// At most one finding that is certain, the first of the rulebook's table; the rest goes into its `also`.
    ///
    /// Gives the finding's place when it says that the ack itself should not be there.
    pub(super) fn report_certain(
        &mut self,
        ack: Option<&Ack>,
        mut certain: Vec<(Issue, String)>,
        matching: &Matching,
        judged: &Judged,
    ) -> Option<usize> {
        if judged.matches {
            // Under the run that matches, what seemed unprompted was the contract's.
            certain.retain(|(issue, _)| issue.kind != Kind::UnpromptedWrite);
        }
        certain.sort_by_key(|(issue, _)| (issue.kind, issue.seq));
        let (violations, others): (Vec<_>, Vec<_>) =
            certain.into_iter().partition(|(issue, _)| issue.kind.class() == Class::Violation);
        for (issue, text) in others {
            let at = match ack {
                Some(ack) => self.add_for(ack, issue.kind, issue.seq, text),
                None => self.add(issue.kind, Some(issue.seq), text),
            };
            if issue.kind != Kind::ReaddRace {
                self.unjudged(at);
            }
        }
        let (first, rest) = violations.split_first()?;
        let (issue, text) = first;
        // Whatever an operation is, it makes no wrong tree and no block that is no entry.
        let by_nobody_else = matches!(issue.kind, Kind::IndexTampered | Kind::MalformedEntry) && !issue.used_op;
        if !by_nobody_else && self.suspects.iter().any(|operation| self.is_missing(operation)) {
            let why = format!("{text}; but what may have written that is an operation that is not here");
            self.add(Kind::OpUnavailable, Some(issue.seq), why);
            return None;
        }
        let own = ack.filter(|_| issue.used_op).map(|ack| Operation::new(&*ack.origin, ack.seq));
        if self.suspects.iter().chain(&own).any(|operation| self.is_rewritten(&operation.origin)) {
            let why = format!("{text}; but that rests on a log that was rewritten since, or whose head names nobody");
            let at = self.add(Kind::OpRewritten, Some(issue.seq), why);
            self.unjudged(at);
            return None;
        }
        if let (true, None, Some(ack)) = (issue.used_op, &judged.certain, ack) {
            let why = format!("{text}; but that rests on a result which engines may differ in");
            let at = self.add_for(ack, Kind::EngineUnconfirmed, issue.seq, why);
            self.unjudged(at);
            return None;
        }
        let at = match ack {
            Some(ack) => self.add_for(ack, issue.kind, issue.seq, text.clone()),
            None => self.add(issue.kind, Some(issue.seq), text.clone()),
        };
        let shown = issue.published.and_then(|place| matching.entries.get(place)).and_then(show_published);
        let used_op = issue.used_op;
        if let Some(finding) = at.and_then(|at| self.findings.get_mut(at)) {
            if let (true, Some(ack)) = (used_op, ack) {
                let own = Operation::new(&*ack.origin, ack.seq);
                let operations: Vec<Operation> = self.suspects.iter().cloned().chain([own]).collect();
                finding.accuse_executor_or(&operations);
                finding.support.clone_from(&judged.certain);
            }
            finding.also = rest.iter().map(|(issue, _)| Also { kind: issue.kind, seq: issue.seq }).collect();
            finding.published = shown;
        }
        let displaced =
            |kind| matches!(kind, Kind::AckPathMismatch | Kind::NonParticipant | Kind::OpRepeated | Kind::OpSkipped);
        at.filter(|_| displaced(issue.kind))
    }

    pub(super) fn report_replay(&mut self, ack: Option<&Ack>, matching: &Matching, replay: &Replay, judged: Judged) {
        let Some(ack) = ack else { return };
        let at = matching.end.saturating_sub(matching.entries.len() as u64).saturating_sub(1);
        if let Some((kind, message, explained)) = judged.unjudged {
            let at = self.add_for(ack, kind, at, message);
            let missing = kind.class() == Class::Missing;
            self.any_unjudged |= !missing;
            if let Some(finding) = at.and_then(|at| self.findings.get_mut(at)) {
                finding.unjudged = !missing;
                finding.explained = explained.map(str::to_owned);
            }
            return;
        }
        let Some(support) = judged.accuse else { return };
        if self.suspects.iter().chain(&self.source_by).any(|operation| self.is_missing(operation)) {
            let why = "what looks like an ack, or the contract, may be what an operation wrote that is not here";
            self.add_for(ack, Kind::OpUnavailable, at, why);
            return;
        }
        if self.suspects.iter().any(|operation| self.is_rewritten(&operation.origin)) {
            let why =
                "what looks like an ack may be what an operation wrote whose log was rewritten since, or names nobody";
            let at = self.add_for(ack, Kind::OpRewritten, at, why);
            self.unjudged(at);
            return;
        }
        let mut issues: Vec<&Issue> = matching.by_replay.iter().collect();
        issues.sort_by_key(|issue| (issue.kind, issue.seq));
        let Some((first, rest)) = issues.split_first() else { return };
        let change = first.expected.and_then(|place| replay.expected.as_ref()?.changes.get(place));
        let expected = change.map(|change| ShownChange::new(&change.key, change.put.as_ref()));
        let published = first.published.and_then(|place| matching.entries.get(place)).and_then(show_published);
        let message = replay_message(first.kind, first.seq, matching, self.until, replay);
        let Some(at) = self.add_for(ack, first.kind, first.seq, message) else { return };
        if let Some(finding) = self.findings.get_mut(at) {
            let own = Operation::new(&*ack.origin, ack.seq);
            let operations: Vec<Operation> =
                self.suspects.iter().chain(&self.source_by).cloned().chain([own]).collect();
            finding.accuse_executor_or(&operations);
            finding.also = rest.iter().map(|issue| Also { kind: issue.kind, seq: issue.seq }).collect();
            finding.support = Some(support);
            finding.expected = expected;
            finding.published = published;
        }
    }
}

#[derive(Default)]
pub(super) struct Judged {
    /// It accuses, and that is why the result is the executor's engine's, too.
    pub(super) accuse: Option<Support>,
    /// The same for what is certain but for the result.
    pub(super) certain: Option<Support>,
    pub(super) matches: bool,
    pub(super) unjudged: Option<(Kind, String, Option<&'static str>)>,
}

/// Whether the software that executors run may be able to do what our engine was hindered in.
fn may_be_asked(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::BudgetExhausted
            | Kind::NeverSettles
            | Kind::ContractDoesNotCompile
            | Kind::EngineUnconfirmed
            | Kind::UndecodableOp
    )
}

fn show_published(block: &Block) -> Option<ShownChange> {
    match &block.body {
        Body::Entry { entry, value, .. } => Some(ShownChange::new(entry.key(), value.as_ref())),
        Body::Malformed { .. } => None,
    }
}

/// Do expected changes of one key differ in paths whose order engines disagree about?
fn contested_order(expected: Option<&Expected>, matching: &Matching) -> bool {
    let Some(expected) = expected else { return false };
    let wrong: HashSet<usize> = matching.by_replay.iter().filter_map(|issue| issue.expected).collect();
    let contested = |at: &usize| {
        let Some(change) = expected.changes.get(*at) else { return false };
        let twins = expected.changes.iter().filter(|other| other.key == change.key && other.path != change.path);
        twins.count() > 0 && crate::database::unicode::order_is_contested(&change.path)
    };
    wrong.iter().any(contested)
}

fn replay_message(kind: Kind, seq: u64, matching: &Matching, until: u64, replay: &Replay) -> String {
    match kind {
        Kind::FalseFailure => "the ack says that the operation failed; the contract succeeds".into(),
        Kind::FalseSuccess => match replay.outcome() {
            Some(Outcome::Failure { text, .. }) => {
                format!("the ack says that the operation succeeded; the contract fails with {text:?}")
            }
            _ => "the ack says that the operation succeeded; the contract fails".into(),
        },
        Kind::WrongChange => format!("block {seq} is not the change that the contract makes"),
        Kind::ExtraChange => format!("the contract does not make the change of block {seq}"),
        Kind::MissingChange if matching.end >= until => {
            "the log ends without a change that the contract makes; a longer head could still complete it".into()
        }
        Kind::MissingChange => "a change that the contract makes was not published".into(),
        Kind::ChangeCountMismatch => {
            let actions = replay.expected.as_ref().map_or(0, |expected| expected.actions);
            format!("the ack announces another number of changes than the contract's {actions}")
        }
        _ => kind.name().into(),
    }
}

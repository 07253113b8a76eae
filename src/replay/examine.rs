//! What a mismatch between replay and index means.
//!
//! An accusation by replay needs: no taint, no budget used up, nothing near a limit, nothing engine-specific, no mutable
//! contract state, every open reading failing, and the same result from a fresh realm (`docs/verdicts.md`). This module
//! runs an operation again under other circumstances until one of these applies, or none does.

use super::contract::Contract;
use super::engine::{AckView, Applied, Budget, Dialect, Exhausted, LoadError, Outcome, State, Surroundings, locale};
use super::finding::Kind;
use crate::database::{Ack, Value};

/// What a run of the operation looks like beside what was published.
pub enum Compared {
    /// Everything fits.
    Match,
    /// Something does not; `success` says whether the contract succeeded.
    Mismatch {
        /// Did it?
        success: bool,
        /// A description of the expected result, equal for equal results.
        result: String,
    },
    /// The comparison itself could not be made.
    Undecided,
}

/// Compares the result of a run with the index.
pub type Compare<'a> = dyn Fn(&Applied) -> Result<Compared, u64> + 'a;

/// The outcome of an examination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Examined {
    /// Another run of the same honest executor explains what was published.
    Match,
    /// The same, for the contract source that was not in force by the first reading.
    MatchesOtherReading,
    /// Nothing explains it: somebody lied.
    Accuse,
    /// It cannot be judged.
    Unjudged {
        /// Why.
        kind: Kind,
        /// A sentence.
        message: String,
        /// Do other clocks explain it?
        explained: Option<&'static str>,
    },
}

/// Everything that an examination needs.
pub struct Case<'a> {
    /// The operation.
    pub op: &'a Value,
    /// Its bytes are read differently by versions of msgpackr.
    pub op_peculiar: bool,
    /// Some value of the index that was read or compared is.
    pub state_peculiar: bool,
    /// Only a rewritten history of the oplog is held.
    pub op_rewritten: bool,
    /// The head of the oplog shows that its owner wrote it.
    pub op_attributed: bool,
    /// The ack.
    pub ack: &'a Ack,
    /// The state before it.
    pub state: &'a dyn State,
    /// The budget of the first run.
    pub budget: Budget,
    /// The surroundings of the first run.
    pub around: Surroundings,
    /// The source that is in force by the other reading, if two are open.
    pub other: Option<&'a Contract>,
}

fn unjudged(kind: Kind, message: impl Into<String>) -> Examined {
    Examined::Unjudged { kind, message: message.into(), explained: None }
}

/// Outcomes that no executor's ack can contradict or confirm.
///
/// `None` when the outcome is an ordinary one.
pub fn extraordinary(outcome: &Outcome) -> Option<Examined> {
    Some(match outcome {
        Outcome::Exhausted(what) => unjudged(
            Kind::BudgetExhausted,
            format!("the replay of this operation used up its budget of {}", budget_name(*what)),
        ),
        Outcome::NeverSettles => {
            unjudged(Kind::NeverSettles, "this operation never ends in the replay; an executor that runs it is stuck")
        }
        Outcome::Unreadable(why) => unjudged(
            Kind::StateUnreadable,
            format!("the published state that the operation reads cannot be read: {why}"),
        ),
        _ => return None,
    })
}

fn budget_name(what: Exhausted) -> &'static str {
    match what {
        Exhausted::Ticks => "instructions",
        Exhausted::Memory => "memory",
        Exhausted::Jobs => "queued jobs",
        Exhausted::Output => "output",
        Exhausted::Killed => "time: it was killed in a loop that cannot be interrupted",
    }
}

/// Texts of an executor's runtime that died under an operation.
const DYING: [&str; 3] = ["Isolate was disposed", "Isolated is disposed", "Connection closed prematurely"];

/// Does the ack record a dying runtime?
pub fn runtime_died(error: Option<&str>) -> bool {
    error.is_some_and(|error| DYING.iter().any(|text| error.contains(text)))
}

/// Examines a mismatch of the first run.
///
/// # Errors
/// The number of a block that is not here.
pub fn examine(case: &Case<'_>, contract: &Contract, first: &Applied, compare: &Compare<'_>) -> Result<Examined, u64> {
    let view = AckView { origin: &case.ack.origin, seq: case.ack.seq, ts: case.ack.ts, metadata: &case.ack.metadata };
    let run = |contract: &Contract, around: Surroundings, budget: Budget| {
        contract.apply_fresh(case.op, &view, around, budget, case.state)
    };
    let fresh = match run(contract, case.around, case.budget) {
        Ok(applied) => applied,
        Err(error) => return Ok(load_failure(&error)),
    };
    if let Some(verdict) = extraordinary(&fresh.outcome) {
        return Ok(verdict);
    }
    let (success, result) = match compare(&fresh)? {
        Compared::Match => return Ok(Examined::Match),
        Compared::Undecided => return Ok(unjudged(Kind::StateUnreadable, "the published state cannot be read")),
        Compared::Mismatch { success, result } => (success, result),
    };
    let mut taint = first.taint.clone();
    taint.merge(&fresh.taint);

    if taint.dialect {
        let around = Surroundings { dialect: Dialect::Old, ..case.around };
        if let Ok(applied) = run(contract, around, case.budget)
            && matches!(compare(&applied)?, Compared::Match)
        {
            return Ok(Examined::Match);
        }
        taint.note_engine("a value that versions of msgpackr pack differently");
    }
    if taint.locale {
        for index in 1..locale::COUNT {
            let around = Surroundings { locale: index, ..case.around };
            match run(contract, around, case.budget).map(|applied| compare(&applied)) {
                Ok(Ok(Compared::Match)) => return Ok(Examined::Match),
                Ok(Ok(Compared::Mismatch { result: other, .. })) if other == result => {}
                Ok(Err(seq)) => return Err(seq),
                _ => taint.note_engine("an order of strings that depends on the executor's locale"),
            }
        }
    }
    if let Some(other) = case.other
        && let Ok(applied) = run(other, case.around, case.budget)
    {
        if matches!(compare(&applied)?, Compared::Match) {
            return Ok(Examined::MatchesOtherReading);
        }
        taint.merge(&applied.taint);
        taint.merge(&other.taint());
        if !other.scan.mutable_state.is_empty() {
            return Ok(stateful(other));
        }
    }
    if !case.op_attributed {
        return Ok(unjudged(
            Kind::Unattributed,
            "nobody signed the head of this oplog, or its signature does not say of which log it is; the operation may have \
             been another one when it was executed",
        ));
    }
    if case.op_rewritten {
        return Ok(unjudged(
            Kind::OpRewritten,
            "only a rewritten history of this oplog is held; the operation may have been another one when it was executed",
        ));
    }
    if case.ack.success != success && runtime_died(case.ack.error.as_deref()) {
        return Ok(unjudged(
            Kind::RuntimeFault,
            "the ack records that the executor's runtime died; the contract itself would have succeeded",
        ));
    }
    if let Some(verdict) = surroundings(case, &run, contract, &mut taint, &result, compare)? {
        return Ok(verdict);
    }
    taint.merge(&contract.taint());
    if !contract.scan.mutable_state.is_empty() {
        return Ok(stateful(contract));
    }
    if case.op_peculiar {
        taint.note_engine("bytes of the operation that versions of msgpackr read differently");
    }
    if case.state_peculiar {
        taint.note_engine("bytes of the index that versions of msgpackr read differently");
    }
    if !taint.engine.is_empty() {
        let touched = taint.engine.iter().map(|name| &**name).collect::<Vec<_>>().join("; ");
        return Ok(unjudged(
            Kind::EngineSpecific,
            format!(
                "the published result differs from the replay's, but engines differ in what was touched: {touched}"
            ),
        ));
    }
    if near_limit(case, &run, contract, first, &fresh, success, &result, compare)? {
        return Ok(unjudged(
            Kind::NearLimit,
            "the outcome depends on memory, stack or size limits in which engines differ",
        ));
    }
    Ok(Examined::Accuse)
}

fn stateful(contract: &Contract) -> Examined {
    let names: Vec<&str> = contract.scan.mutable_state.iter().take(5).map(|finding| &*finding.what).collect();
    unjudged(
        Kind::StatefulContract,
        format!("the result differs, but the contract keeps state outside the index: {}", names.join("; ")),
    )
}

/// What a contract that cannot be loaded means for an operation.
pub fn load_failure(error: &LoadError) -> Examined {
    match error {
        LoadError::Syntax(why) | LoadError::Evaluation(why) => {
            unjudged(Kind::ContractDoesNotCompile, format!("the contract cannot be loaded: {why}"))
        }
        LoadError::Exhausted(what) => unjudged(
            Kind::BudgetExhausted,
            format!("loading the contract used up its budget of {}", budget_name(*what)),
        ),
    }
}

type Run<'a> = dyn Fn(&Contract, Surroundings, Budget) -> Result<Applied, LoadError> + 'a;

/// Runs again with other clocks, other chance and as a reader. `Some` when the outcome is not a function of the logs.
fn surroundings(
    case: &Case<'_>,
    run: &Run<'_>,
    contract: &Contract,
    taint: &mut super::engine::Taint,
    result: &str,
    compare: &Compare<'_>,
) -> Result<Option<Examined>, u64> {
    let mut explained = None;
    let mut varies = false;
    let mut others = vec![
        Surroundings { writer: false, ..case.around },
        Surroundings { seed: case.around.seed ^ 0x9e37_79b9_7f4a_7c15, ..case.around },
    ];
    let touched_clock = !taint.nondeterministic.is_empty();
    if touched_clock {
        // The executor takes the time of the ack just before it runs the operation.
        let offsets = (0..=40).chain([50, 75, 100, 150, 200, 300, 500, 1_000]).map(f64::from);
        others.extend(offsets.map(|ms| Surroundings { clock: case.ack.ts.trunc() + ms, ..case.around }));
    }
    for around in others {
        let Ok(applied) = run(contract, around, case.budget) else { continue };
        match compare(&applied)? {
            Compared::Match => {
                explained = Some("yes");
                varies = true;
                break;
            }
            Compared::Mismatch { result: other, .. } => varies |= other != result,
            Compared::Undecided => {}
        }
        taint.merge(&applied.taint);
    }
    if !touched_clock && !varies {
        return Ok(None);
    }
    let explained = explained.unwrap_or(if varies { "unknown" } else { "no" });
    let mut names: Vec<&str> = taint.nondeterministic.clone();
    if names.is_empty() {
        names.push("isWriter or oplog");
    }
    Ok(Some(Examined::Unjudged {
        kind: Kind::NondeterministicContract,
        message: format!("the contract's result depends on what no log records: {}", names.join(", ")),
        explained: Some(explained),
    }))
}

#[expect(clippy::too_many_arguments, reason = "one question, asked in one place")]
fn near_limit(
    case: &Case<'_>,
    run: &Run<'_>,
    contract: &Contract,
    first: &Applied,
    fresh: &Applied,
    success: bool,
    result: &str,
    compare: &Compare<'_>,
) -> Result<bool, u64> {
    if (first.near_limit || fresh.near_limit) && success != case.ack.success {
        return Ok(true);
    }
    // Depth of the stack cannot be read off, but smaller stacks show whether the outcome depends on it.
    for stack in [Budget::NEAR_STACK, 4 << 20, 16 << 20] {
        let Ok(applied) = run(contract, case.around, Budget { stack, ..case.budget }) else { return Ok(true) };
        match compare(&applied)? {
            Compared::Mismatch { result: other, .. } if other == result => {}
            _ => return Ok(true),
        }
    }
    Ok(first.near_limit && fresh.near_limit && limits_shape_the_result(fresh))
}

/// A limit of this engine was hit on the way, so even an equal-looking result rests on it.
fn limits_shape_the_result(applied: &Applied) -> bool {
    matches!(applied.outcome, Outcome::Failure { own: false, .. })
}

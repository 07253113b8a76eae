//! What a mismatch between replay and index means.
//!
//! An accusation by replay needs two things (`docs/verdicts.md`). Nothing that no engine can repeat may explain what was
//! published: clock and chance, the contract's own state, an order of answers, a rewritten oplog, the other of two open readings.
//! And the result must be the executor's engine's, not only ours: because contract and operation are *plain*, or because every
//! reference runtime confirms it. This module runs an operation again under other circumstances, and asks the reference
//! runtimes, until what was published is explained, or cannot be decided, or accuses.

use super::contract::Contract;
use super::engine::{
    AckView, Applied, Budget, Delivery, Dialect, Exhausted, LoadError, Outcome, State, Surroundings, Taint, locale,
};
use super::finding::{Kind, Support};
use super::reference::{Question, References, Reply, ask};
use crate::database::{Ack, Value, is_plain_path, is_plain_result};

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
#[derive(Clone, Debug)]
pub enum Examined {
    /// Another run of the same honest executor explains what was published.
    Match,
    /// The same, for the contract source that was not in force by the first reading.
    MatchesOtherReading,
    /// A reference runtime gives what was published, and our engine does not.
    MatchesReference {
        /// The runtime.
        name: String,
        /// Its outcome.
        outcome: Outcome,
    },
    /// Nothing explains it: somebody lied.
    Accuse {
        /// Why our result is the executor's engine's, too.
        support: Support,
    },
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
    /// The block that it was read from.
    pub op_bytes: &'a [u8],
    /// The key of the index in hex.
    pub index: &'a str,
    /// The software that executors run, where it is at hand.
    pub references: Option<&'a dyn References>,
    /// Plain contracts are asked about, too.
    pub confirm: bool,
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

impl Case<'_> {
    /// The ack as the contract gets it.
    pub fn view(&self) -> AckView<'_> {
        let Ack { origin, seq, ts, metadata, .. } = self.ack;
        AckView { origin, seq: *seq, ts: *ts, metadata }
    }
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
        Outcome::NeverSettles => unjudged(
            Kind::NeverSettles,
            "this operation never ends in this program's engine; an executor for which it does not end is stuck",
        ),
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
    let view = case.view();
    let run = |contract: &Contract, around: Surroundings, budget: Budget| {
        contract.apply_fresh(case.op, &view, around, budget, case.state)
    };
    // A contract whose results keep differing is asked of those who know.
    if contract.differs.get()
        && let Ok(found) = by_reference_alone(case, contract, compare)?
    {
        return Ok(found);
    }
    case.state.watch();
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

    let moves = moves(case, &run, contract, &mut taint, &result, compare)?;
    if matches!(moves, Some(Examined::Match)) {
        return Ok(Examined::Match);
    }
    if let Some(other) = case.other
        && let Ok(applied) = run(other, case.around, case.budget)
    {
        if matches!(compare(&applied)?, Compared::Match) {
            return Ok(Examined::MatchesOtherReading);
        }
        taint.merge(&applied.taint);
        taint.merge(&other.taint());
        other.scan.beyond_plain.iter().for_each(|finding| taint.note_engine(&finding.what));
        if !other.scan.mutable_state.is_empty() {
            return Ok(stateful(other));
        }
    }
    if case.ack.success != success && runtime_died(case.ack.error.as_deref()) {
        return Ok(unjudged(
            Kind::RuntimeFault,
            "the ack records that the executor's runtime died; the contract itself would have succeeded",
        ));
    }
    let mut never = never(case);
    if never.is_none() {
        if let Some(verdict) = surroundings(case, &run, contract, &mut taint, &result, compare)? {
            return Ok(verdict);
        }
        if (first.concurrent || fresh.concurrent)
            && let Some(race) = race(case, &run, contract, &result, compare)?
        {
            return Ok(race);
        }
    }
    if !contract.scan.mutable_state.is_empty() {
        never.get_or_insert_with(|| stateful(contract));
    }
    if case.op_peculiar {
        taint.note_engine("bytes of the operation that versions of msgpackr read differently");
    }
    if case.state_peculiar {
        taint.note_engine("bytes of the index that versions of msgpackr read differently");
    }
    // What accuses nobody in any case is still a match, if the software that the executor ran says so.
    never = never.or(moves);
    if never.is_none() && near_limit(case, &run, contract, first, &fresh, success, &result, compare)? {
        let why = "the outcome depends on memory, stack or size limits in which engines differ";
        never = Some(unjudged(Kind::NearLimit, why));
    }
    if !case.op.is_plain() || !case.ack.metadata.is_plain() || case.state.is_beyond_plain() || !writes_plain(&fresh) {
        taint.note_engine("a value that is not plain");
    }
    let unsettled = taint.unsettled().map(str::to_owned);
    taint.merge(&contract.taint());
    let beyond = beyond_plain(case, contract, &taint);
    if never.is_none() && beyond.is_none() {
        return Ok(Examined::Accuse { support: Support::Plain });
    }
    let heard = by_references(case, contract, &view, compare)?;
    let other = match (&heard, case.other) {
        (Heard::Agree { .. }, Some(other)) => Some(by_references(case, other, &view, compare)?),
        _ => None,
    };
    match other {
        Some(Heard::Match { .. }) => return Ok(Examined::MatchesOtherReading),
        None | Some(Heard::Agree { .. }) => {}
        Some(_) => {
            never.get_or_insert_with(|| {
                let why = "the reference runtimes do not agree on what the contract makes that may be in force as well";
                unjudged(Kind::EngineUnconfirmed, why)
            });
        }
    }
    Ok(match (heard, never) {
        (Heard::Match { name, outcome }, _) => {
            contract.differs.set(true);
            Examined::MatchesReference { name, outcome }
        }
        (_, Some(never)) => never,
        (Heard::Agree { names, result: theirs, concurrent }, None) => {
            let raced = concurrent && !(first.concurrent || fresh.concurrent);
            let looks = contract.scan.unrepeatable.first().map(|finding| &*finding.what);
            match (unsettled, looks) {
                // What no engine repeats is noted of our engine's runs only.
                _ if theirs != result || raced => unjudged(
                    Kind::EngineUnconfirmed,
                    "every reference runtime makes another result than was published, and than this program's engine, which alone \
                     says whether it depends on something else than operation and state",
                ),
                (Some(what), _) => unjudged(
                    Kind::EngineUnconfirmed,
                    format!(
                        "the result differs everywhere, but the executor's machine may decide what was touched: {what}"
                    ),
                ),
                (None, Some(what)) => unjudged(
                    Kind::EngineUnconfirmed,
                    format!("the result differs everywhere, but in another engine the contract might look at {what}"),
                ),
                (None, None) => Examined::Accuse { support: Support::Runtimes(names) },
            }
        }
        (Heard::Differ(why), None) => unjudged(Kind::EngineSpecific, why),
        (Heard::Silent(why), None) => unjudged(Kind::EngineUnconfirmed, why),
        (Heard::Nobody, None) => unjudged(
            Kind::EngineUnconfirmed,
            format!(
                "the published result differs from the replay's, but {}; the reference runtimes would decide it \
                 (`vitra-watch runtimes install`)",
                beyond.unwrap_or_default()
            ),
        ),
    })
}

/// Whether what an operation writes is plain.
fn writes_plain(applied: &Applied) -> bool {
    let Outcome::Success { changes, .. } = &applied.outcome else { return true };
    changes.iter().all(|change| is_plain_path(&change.path) && change.put.as_ref().is_none_or(is_plain_result))
}

/// What keeps a mismatch from accusing anybody, whatever any engine makes of it.
fn never(case: &Case<'_>) -> Option<Examined> {
    if !case.op_attributed {
        return Some(unjudged(
            Kind::Unattributed,
            "nobody signed the head of this oplog, or its signature does not say of which log it is; the operation may have \
             been another one when it was executed",
        ));
    }
    case.op_rewritten.then(|| {
        let why =
            "only a rewritten history of this oplog is held; the operation may have been another one when it was executed";
        unjudged(Kind::OpRewritten, why)
    })
}

/// How often the reference runtimes are asked about a contract that neither they nor our engine can run: each time may take as long
/// as they are waited for.
const MOST_SILENT: u32 = 8;

/// Examines an operation that our engine cannot run: whether a reference runtime gives what was published, or what they say
/// instead. What nothing can repeat is known of our engine's runs only, so nobody is accused here.
///
/// # Errors
/// The number of a block that is not here.
pub fn by_reference_alone(
    case: &Case<'_>,
    contract: &Contract,
    compare: &Compare<'_>,
) -> Result<Result<Examined, String>, u64> {
    if contract.silent.get() >= MOST_SILENT {
        return Ok(Err(format!(
            "the reference runtimes have given no result {MOST_SILENT} times, and are not asked again"
        )));
    }
    let heard = by_references(case, contract, &case.view(), compare)?;
    contract.silent.set(contract.silent.get().saturating_add(u32::from(matches!(heard, Heard::Silent(_)))));
    Ok(match heard {
        Heard::Match { name, outcome } => {
            contract.differs.set(true);
            Ok(Examined::MatchesReference { name, outcome })
        }
        Heard::Agree { .. } => Err("every reference runtime makes another result than was published".to_owned()),
        Heard::Differ(why) | Heard::Silent(why) => Err(why),
        Heard::Nobody => Err("the reference runtimes may be able to (`vitra-watch runtimes install`)".to_owned()),
    })
}

/// Why our result is not known to be that of every engine: what of the contract or the operation is outside the white list.
fn beyond_plain(case: &Case<'_>, contract: &Contract, taint: &Taint) -> Option<String> {
    if case.confirm {
        return Some("what is plain is to be confirmed, too".to_owned());
    }
    let mut names: Vec<&str> = taint.engine.iter().map(|name| &**name).collect();
    names.extend(contract.scan.beyond_plain.iter().take(5).map(|finding| &*finding.what));
    (!names.is_empty()).then(|| format!("engines may differ in what was touched: {}", names.join("; ")))
}

/// What the reference runtimes say.
enum Heard {
    /// There are none.
    Nobody,
    /// One gives what was published.
    Match { name: String, outcome: Outcome },
    /// All give the same, which was not published. `result` is as a comparison describes it.
    Agree { names: Vec<String>, result: String, concurrent: bool },
    /// They give different results.
    Differ(String),
    /// Some give none.
    Silent(String),
}

/// Asks the reference runtimes.
fn by_references(
    case: &Case<'_>,
    contract: &Contract,
    view: &AckView<'_>,
    compare: &Compare<'_>,
) -> Result<Heard, u64> {
    let Some(references) = case.references else { return Ok(Heard::Nobody) };
    let question = Question { source: &contract.source, index: case.index, operation: case.op_bytes, ack: view };
    let replies = ask(references, &question, case.state)?;
    let names = references.names();
    let mut agreed: Option<(String, String)> = None;
    let mut differ = None;
    let mut silent = None;
    let mut concurrent = false;
    for (name, reply) in names.iter().zip(replies) {
        let (outcome, described) = match reply {
            Reply::Outcome { outcome, result, concurrent: beside } => {
                concurrent |= beside;
                (outcome, result)
            }
            Reply::None(why) => {
                silent.get_or_insert(format!("the reference runtime {name} cannot say what the contract makes: {why}"));
                continue;
            }
        };
        let applied = Applied::of(outcome);
        match compare(&applied)? {
            Compared::Match => return Ok(Heard::Match { name: name.clone(), outcome: applied.outcome }),
            Compared::Undecided => {
                silent.get_or_insert(format!("what the reference runtime {name} makes cannot be compared"));
            }
            Compared::Mismatch { result, .. } => match &agreed {
                Some((known, ..)) if *known != described => {
                    differ.get_or_insert(format!("the reference runtimes {} and {name} differ", first_of(names)));
                }
                Some(_) => {}
                None => agreed = Some((described, result)),
            },
        }
    }
    Ok(match (differ, silent, agreed) {
        (Some(why), ..) => Heard::Differ(why),
        (None, Some(why), _) => Heard::Silent(why),
        (None, None, Some((_, result))) => Heard::Agree { names: names.to_vec(), result, concurrent },
        (None, None, None) => Heard::Nobody,
    })
}

fn first_of(names: &[String]) -> &str {
    names.first().map_or("", String::as_str)
}

/// Runs the operation again where answers to concurrent reads arrive in other orders. `Some` when the result depends on it.
fn race(
    case: &Case<'_>,
    run: &Run<'_>,
    contract: &Contract,
    result: &str,
    compare: &Compare<'_>,
) -> Result<Option<Examined>, u64> {
    let mut explained = None;
    for number in 0..Delivery::OTHERS {
        let around = Surroundings { delivery: Delivery::Other(number), ..case.around };
        match run(contract, around, case.budget).map(|applied| compare(&applied)) {
            Ok(Err(seq)) => return Err(seq),
            Ok(Ok(Compared::Mismatch { result: other, .. })) if other == result => {}
            Ok(Ok(Compared::Match)) => {
                explained = Some("yes");
                break;
            }
            _ => explained = Some("unknown"),
        }
    }
    Ok(explained.map(|explained| Examined::Unjudged {
        kind: Kind::NondeterministicContract,
        message: "the contract's result depends on the order in which answers to concurrent reads arrive".to_owned(),
        explained: Some(explained),
    }))
}

/// Runs the operation again as another version of msgpackr packs and where another locale orders. `Some` when one of them gives
/// what was published, or when the locale moves the result, which no reference runtime settles.
fn moves(
    case: &Case<'_>,
    run: &Run<'_>,
    contract: &Contract,
    taint: &mut Taint,
    result: &str,
    compare: &Compare<'_>,
) -> Result<Option<Examined>, u64> {
    if taint.dialect {
        let around = Surroundings { dialect: Dialect::Old, ..case.around };
        if let Ok(applied) = run(contract, around, case.budget)
            && matches!(compare(&applied)?, Compared::Match)
        {
            return Ok(Some(Examined::Match));
        }
        taint.note_engine("a value that versions of msgpackr pack differently");
    }
    let mut moved = None;
    if taint.locale {
        for index in 1..locale::COUNT {
            let around = Surroundings { locale: index, ..case.around };
            match run(contract, around, case.budget).map(|applied| compare(&applied)) {
                Ok(Ok(Compared::Match)) => return Ok(Some(Examined::Match)),
                Ok(Ok(Compared::Mismatch { result: other, .. })) if other == result => {}
                Ok(Err(seq)) => return Err(seq),
                _ => {
                    let why = "the result depends on an order of strings, which the executor's locale decides";
                    moved = Some(unjudged(Kind::EngineSpecific, why));
                }
            }
        }
    }
    Ok(moved)
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
            unjudged(Kind::ContractDoesNotCompile, format!("this program's engine cannot load the contract: {why}"))
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
    taint: &mut Taint,
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

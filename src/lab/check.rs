//! Is a contract a function of operation and state, so that anybody can audit it?
//!
//! Every operation of a workload runs in the realm that the executor goes on with, in a fresh one, with another clock, with
//! other random numbers, elsewhere (`isWriter`) and in another locale. Between operations the other exported methods are
//! called, and `process`, as an executor does for its users. What the same operation then comes to must be the same.

use std::collections::BTreeMap;

use super::executor::{Lab, LabError};
use super::log::Memory;
use super::workload::{Act, Workload, WorkloadError};
use crate::database::{Value, decode, encode};
use crate::hyperbee::{Blocks, Tree};
use crate::replay::contract::Contract;
use crate::replay::engine::{AckView, Applied, Budget, Delivery, Dialect, LoadError, Outcome, Surroundings};
use crate::replay::state::Published;

/// Something that makes the contract more than a function of operation and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// A sentence, with names of the contract in it: escape it for the sink.
    pub what: String,
    /// The first operation that showed it, as JSON would show it.
    pub operation: String,
    /// How many did.
    pub times: u64,
}

/// What a check found out.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Operations that ran.
    pub operations: u64,
    /// Of them, those that succeeded.
    pub succeeded: u64,
    /// Calls that failed, so that nothing was published.
    pub refused: u64,
    /// What was seen, each once.
    pub remarks: Vec<Remark>,
}

/// Why a check ends early.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The lab.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The workload.
    #[error("the workload: {0}")]
    Workload(#[from] WorkloadError),
}

/// Runs a workload of so many actions through a lab in memory, and looks at every operation from all sides.
///
/// # Errors
/// When the contract cannot be loaded or the workload means nothing.
pub fn check(mut lab: Lab<Memory>, mut workload: Workload, actions: u64) -> Result<Checked, CheckError> {
    let mut checked = Checked::default();
    let mut remarks: BTreeMap<String, Remark> = BTreeMap::new();
    let methods: Vec<String> = lab.contract().scan.exports.clone();
    for round in 0..actions {
        let action = workload.act()?;
        match action.act {
            Act::Op(op) => lab.publish(action.who, &[encode(&op)])?,
            Act::Call { method, args } => {
                let called = lab.call(action.who, &method, &args)?;
                checked.refused += u64::from(called.result.is_err());
            }
        }
        while let Some((who, seq)) = (0..lab.oplogs.len()).find_map(|who| Some((who, lab.next(who)?))) {
            let Some(bytes) = lab.oplogs.get(who).and_then(|log| log.store.block(seq)) else { break };
            let op = decode(&bytes).map_or(Value::Undefined, |decoded| decoded.value);
            let method = methods.get(usize::try_from(round).unwrap_or_default() % methods.len().max(1));
            let sides = look(&mut lab, who, seq, &op, method.map(String::as_str))?;
            checked.operations += 1;
            checked.succeeded += u64::from(sides.succeeded);
            for what in sides.remarks {
                let remark = remarks.entry(what.clone()).or_insert_with(|| Remark {
                    what,
                    operation: crate::replay::finding::shown_value(&op).to_string(),
                    times: 0,
                });
                remark.times += 1;
            }
            if sides.stuck {
                checked.remarks = remarks.into_values().collect();
                return Ok(checked);
            }
            lab.execute(who)?;
        }
    }
    checked.remarks = remarks.into_values().collect();
    Ok(checked)
}

#[derive(Default)]
struct Sides {
    remarks: Vec<String>,
    succeeded: bool,
    stuck: bool,
}

/// One operation from all sides.
fn look(lab: &mut Lab<Memory>, who: usize, seq: u64, op: &Value, method: Option<&str>) -> Result<Sides, LabError> {
    let origin = lab.name(who).unwrap_or_default();
    let length = lab.index.length();
    let clock = 1_800_000_000_000.0 + length as f64;
    let usual =
        Surroundings { clock, seed: 1, writer: true, locale: 0, dialect: Dialect::New, delivery: Delivery::Asked };
    let (contract, index, cache) = lab.parts();
    let tree = Tree::new(index, cache, length);
    let state = Published::new(&tree);
    let metadata = if contract.scan.exports_process {
        let processed = contract.call("process", op, usual, &state).map_err(LabError::Contract)?;
        processed.result.unwrap_or(Value::Undefined)
    } else {
        Value::Undefined
    };
    if let Some(method) = method.filter(|method| !matches!(*method, "apply" | "process")) {
        contract.call(method, &Value::object(Vec::new()), usual, &state).map_err(LabError::Contract)?;
    }
    let ack = AckView { origin: &origin, seq, ts: clock, metadata: &metadata };
    let mut sides = Sides::default();
    let first = contract.apply(op, &ack, usual, &state).map_err(LabError::Contract)?;
    sides.succeeded = matches!(first.outcome, Outcome::Success { .. });
    match &first.outcome {
        Outcome::Success { changes, .. } => {
            for change in changes.iter().filter(|change| change.bypass) {
                sides.remarks.push(format!(
                    "it writes {} past the runtime\u{2019}s guard: participants, source and acks can be replaced",
                    change.path
                ));
            }
        }
        Outcome::Failure { .. } => {}
        Outcome::Dies => {
            (sides.stuck, sides.remarks) = (true, vec!["it throws null or undefined, which kills an executor".into()])
        }
        Outcome::NeverSettles => {
            (sides.stuck, sides.remarks) =
                (true, vec!["it waits for something that never comes, which stops an executor".into()])
        }
        Outcome::Exhausted(what) => {
            (sides.stuck, sides.remarks) =
                (true, vec![format!("it uses up the budget of {what:?}: no audit can judge it")])
        }
        Outcome::Missing(_) | Outcome::Unreadable(_) => sides.stuck = true,
    }
    if sides.stuck {
        return Ok(sides);
    }
    for name in &first.taint.nondeterministic {
        sides.remarks.push(format!("it touches {name}, which is not the same for everybody"));
    }
    for name in &first.taint.engine {
        sides.remarks.push(format!("it touches {name}, which engines do differently"));
    }
    if first.near_limit {
        sides.remarks.push("it comes near a limit of memory or depth in which engines differ".into());
    }
    let usual_result = result(&first);
    let others: [(&str, Surroundings); 4] = [
        ("another time", Surroundings { clock: clock + 86_400_000.0, ..usual }),
        ("other random numbers", Surroundings { seed: 99, ..usual }),
        ("an executor elsewhere", Surroundings { writer: false, ..usual }),
        ("another locale", Surroundings { locale: 1, ..usual }),
    ];
    let budget = Budget::default();
    let fresh = |contract: &Contract, around| contract.apply_fresh(op, &ack, around, budget, &state);
    if same(fresh(contract, usual), &usual_result)? {
        for (name, around) in others {
            if !same(fresh(contract, around), &usual_result)? {
                sides.remarks.push(format!("it comes to something else with {name}"));
            }
        }
    } else {
        sides.remarks.push(
            "it comes to something else after a restart: earlier operations or calls left something behind".into(),
        );
    }
    Ok(sides)
}

fn same(applied: Result<Applied, LoadError>, usual: &str) -> Result<bool, LabError> {
    Ok(result(&applied.map_err(LabError::Contract)?) == usual)
}

fn result(applied: &Applied) -> String {
    format!("{:?}", applied.outcome)
}

//! The state as pages read it: on threads that may wait, through a few connections that cannot write.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::overview::Overview;
use super::text::short;
use crate::hypercore::Key;
use crate::replay::finding::Class;
use crate::watch::live::Snapshot;
use crate::watch::state::{ConditionRow, DatabaseRow, Filter, FindingRow, State, StateError};

/// Connections that are kept for the next request.
const KEPT: usize = 4;

/// Most open conditions that are read: one of each kind for more databases than one service follows.
const CONDITIONS: u32 = 100_000;

/// Most findings of a class on a page or in a feed, and most conditions on a page.
pub const SHOWN: u32 = 100;

/// The state.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    idle: Mutex<Vec<State>>,
}

impl Store {
    pub fn new(path: PathBuf) -> Arc<Store> {
        Arc::new(Store { path, idle: Mutex::new(Vec::new()) })
    }

    /// Asks the state something.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        ask: impl FnOnce(&State) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let store = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || {
            let kept = store.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let state = kept.map_or_else(|| State::read(&store.path), Ok)?;
            let answer = ask(&state)?;
            let mut idle = store.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < KEPT {
                idle.push(state);
            }
            Ok(answer)
        });
        asked.await.unwrap_or_else(|error| Err(StateError::Damaged(error.to_string())))
    }

    /// How everything stands.
    pub async fn overview(self: &Arc<Self>, now: Arc<Snapshot>) -> Result<Overview, StateError> {
        self.read(move |state| {
            let conditions = state.conditions(true, CONDITIONS)?;
            Ok(Overview::new(state.databases()?, state.open_findings()?, conditions, state.outbox_counts()?, &now))
        })
        .await
    }
}

/// One database with its history.
#[derive(Debug)]
pub struct History {
    pub database: DatabaseRow,
    /// The newest of each class but notices.
    pub findings: Vec<FindingRow>,
    pub notices: Vec<FindingRow>,
    pub conditions: Vec<ConditionRow>,
    /// There are more findings than these.
    pub cut: bool,
}

/// The database with this key, and what was found about it.
pub fn history(state: &State, key: &Key) -> Result<Option<History>, StateError> {
    let Some(database) = state.databases()?.into_iter().find(|row| row.key == *key) else { return Ok(None) };
    let (findings, cut) = newest(state, Some(key))?;
    let notices = of_class(state, Some(key), Class::Notice)?;
    let conditions = state.conditions_of(key, false, SHOWN)?;
    Ok(Some(History { database, findings, notices, conditions, cut }))
}

fn of_class(state: &State, database: Option<&Key>, class: Class) -> Result<Vec<FindingRow>, StateError> {
    let filter = Filter { database: database.copied(), class: Some(class), most: Some(SHOWN), ..Filter::default() };
    state.findings(&filter)
}

/// The newest findings of each class but notices, the newest first, and whether there are more. Each class for itself: whoever can make many of
/// one sort must not push a violation out.
pub fn newest(state: &State, database: Option<&Key>) -> Result<(Vec<FindingRow>, bool), StateError> {
    let mut findings = Vec::new();
    let mut cut = false;
    for class in [Class::Violation, Class::ContractDefect, Class::Unverifiable, Class::Missing] {
        let some = of_class(state, database, class)?;
        cut |= some.len() == SHOWN as usize;
        findings.extend(some);
    }
    findings.sort_by(|a, b| (b.found_at, &a.finding.id).cmp(&(a.found_at, &b.finding.id)));
    Ok((findings, cut))
}

/// The names of all databases, also of those that are not followed any more.
pub fn names(state: &State) -> Result<std::collections::BTreeMap<Key, String>, StateError> {
    Ok(state.databases()?.into_iter().map(|row| (row.key, row.name)).collect())
}

/// A name for a database that may have none.
pub fn name_of<'a>(names: &'a std::collections::BTreeMap<Key, String>, key: &Key, hex: &'a str) -> &'a str {
    names.get(key).map_or_else(|| short(hex), String::as_str)
}

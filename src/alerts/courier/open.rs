//! What is open now, as alerts: for receivers that forget what is not repeated.

use std::collections::BTreeMap;

use super::Options;
use crate::archive::hex;
use crate::hypercore::Key;
use crate::watch::Millis;
use crate::watch::alert::{Alert, ConditionNote, Event, FindingNote, ProofRef, Subject};
use crate::watch::state::{ConditionRow, Filter, FindingRow, State, StateError, Status};

/// Open findings, and as many conditions, that are repeated at most.
const MOST: u32 = 10_000;

/// Findings that are open or acknowledged, and conditions that were announced and have not ended.
pub(super) fn alerts(state: &State, options: &Options, now: Millis) -> Result<Vec<Alert>, StateError> {
    let databases = state.databases()?.into_iter().map(|row| {
        let subject = Subject { key: hex(&row.key), name: row.name, labels: row.labels, contact: row.contact };
        (row.key, subject)
    });
    let databases: BTreeMap<Key, Subject> = databases.collect();
    let mut alerts = Vec::new();
    for status in [Status::Open, Status::Acknowledged] {
        let filter = Filter { status: Some(status), most: Some(MOST), ..Filter::default() };
        for row in state.findings(&filter)? {
            let subject = databases.get(&row.database).cloned();
            alerts.extend(subject.map(|subject| of_finding(row, subject, options, now)));
        }
    }
    for row in state.conditions(true, MOST)?.into_iter().filter(|row| row.announced && row.ended_at.is_none()) {
        let subject = row.database.and_then(|key| databases.get(&key).cloned());
        alerts.push(of_condition(row, subject, options, now));
    }
    Ok(alerts)
}

fn of_finding(row: FindingRow, subject: Subject, options: &Options, now: Millis) -> Alert {
    let proof = row.proof.map(|proof| {
        let digest = hex(&proof.digest);
        ProofRef { url: options.web.link(&format!("proofs/{digest}")), digest, size: proof.size }
    });
    let url = options.web.link(&format!("findings/{}", row.finding.id));
    let note =
        FindingNote { finding: row.finding, status: row.status, found_at: row.found_at, proof, probe: row.probe, url };
    Alert::of_finding(Event::Reminded, row.reminders, now, &options.watcher, subject, note)
}

fn of_condition(row: ConditionRow, subject: Option<Subject>, options: &Options, now: Millis) -> Alert {
    let ConditionRow { id, kind, message, began_at, ended_at, .. } = row;
    let note = ConditionNote { id, kind, began_at, ended_at, message };
    Alert::of_condition(Event::Began, now, &options.watcher, subject, note)
}

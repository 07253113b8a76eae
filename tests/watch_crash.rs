//! The crash matrix: the service is killed at every point, or something fails there, while databases grow and lie; started
//! again, it must find, prove and tell what an undisturbed run does.

#[path = "common/tower.rs"]
mod tower;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value as Json, json};
use tower::{Hook, Place, is_violation, lab, program, until};
use vitra_watch::crash;

/// What a run comes to: of each finding its identity, kind and accused; and which of them were told.
type Outcome = (BTreeMap<String, (String, String)>, BTreeSet<String>);

/// How a run is disturbed.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    Crash(&'static str, u64),
    Failure(&'static str, u64),
}

/// Two lies, one that rests on an operation and one that does not, told while the service runs; and an honest database.
fn run(dir: &Path, trouble: Trouble) -> (Outcome, bool) {
    let honest = lab(&dir.join("honest"), "counter", 11, None);
    let first = lab(&dir.join("first"), "counter", 12, Some(("wrong-change/value", 4)));
    let second = lab(&dir.join("second"), "kv", 13, Some(("unprompted-write/data", 6)));
    let hook = Hook::start();
    let labs = [&honest, &first, &second];
    let place = Place::new(dir, &labs, &hook, &json!({}));
    let mut service = match trouble {
        Trouble::None => place.start(None),
        Trouble::Crash(point, times) => place.start(Some(&format!("{point}:{times}"))),
        Trouble::Failure(point, times) => place.start_failing(&format!("{point}:{times}")),
    };
    for _ in 0..10 {
        labs.iter().for_each(|lab| drop(lab.go_on(1).unwrap()));
    }
    let told = |hook: &Hook| -> BTreeSet<String> {
        let violations = hook.all().into_iter().filter(|(_, alert)| is_violation(alert));
        violations.map(|(_, alert)| alert["finding"]["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut died = false;
    until("both lies are told", || {
        if service.is_over() {
            died = true;
            service = place.start(None);
        }
        told(&hook).len() >= 2
    });
    // It may die of what it does after it has told everybody.
    until("everything delivered is marked", || {
        if service.is_over() {
            died = true;
            service = place.start(None);
        }
        let outbox = place.json(&["outbox", "list"]);
        outbox.iter().all(|row| row["status"] == "delivered")
    });
    if let Some(code) = service.stop() {
        assert_eq!(code, 0);
    } else {
        died = true;
        assert_eq!(place.start(None).stop(), Some(0));
    }
    let mut findings = BTreeMap::new();
    for row in place.json(&["findings", "list"]) {
        let finding = &row["finding"];
        let what = (finding["kind"].to_string(), finding["accused"].to_string());
        findings.insert(finding["id"].as_str().unwrap().to_owned(), what);
        let proof = place.evidence(row["proof"]["digest"].as_str().expect("a violation has a proof"));
        let checked = program().args(["proof", "verify", "--json"]).arg(&proof).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
        let checked: Json = serde_json::from_slice(&checked.stdout).unwrap();
        assert_eq!(checked["finding"]["id"], finding["id"]);
    }
    // Whatever was sent more than once has one identity and says one thing.
    let mut bodies: BTreeMap<String, Json> = BTreeMap::new();
    for (id, alert) in hook.all() {
        assert_eq!(alert["id"], id.as_str());
        let before = bodies.entry(id).or_insert_with(|| alert.clone());
        assert_eq!(*before, alert);
    }
    let mut subjects = BTreeSet::new();
    for alert in bodies.values().filter(|alert| is_violation(alert)) {
        assert!(subjects.insert(alert["finding"]["id"].to_string()), "two alerts for one finding");
    }
    ((findings, told(&hook)), died)
}

/// Points of the archive and the service, each at its first passing and a later one. Buffers are flushed before a commit only
/// of logs that are larger than these; `tests/archive_store.rs` dies there.
fn troubles() -> Vec<Trouble> {
    let points = crash::ARCHIVE.iter().chain(&crash::SERVICE).filter(|point| !point.starts_with("flush-"));
    let crashes = points.flat_map(|point| [Trouble::Crash(point, 1), Trouble::Crash(point, 3)]);
    let failures = crash::FAILURES.iter().flat_map(|point| [Trouble::Failure(point, 1), Trouble::Failure(point, 2)]);
    crashes.chain(failures).collect()
}

fn matrix(troubles: &[Trouble]) {
    let calm = tempfile::tempdir().unwrap();
    let (expected, died) = run(calm.path(), Trouble::None);
    assert!(!died);
    assert_eq!((expected.0.len(), expected.1.len()), (2, 2), "{expected:?}");
    let mut dead = BTreeSet::new();
    for trouble in troubles {
        let dir = tempfile::tempdir().unwrap();
        let (outcome, died) = run(dir.path(), *trouble);
        assert_eq!(outcome, expected, "{trouble:?}");
        if let (Trouble::Crash(point, _), true) = (trouble, died) {
            dead.insert(*point);
        }
    }
    println!("died at {} points: {dead:?}", dead.len());
    for trouble in troubles {
        if let Trouble::Crash(point, 1) = trouble {
            assert!(dead.contains(point), "the service never came by {point}");
        }
    }
}

/// Protects every alert and every finding from power failures and full disks: a sample, one point in seven.
#[test]
fn nothing_is_lost_wherever_it_dies() {
    let all = troubles();
    let sample: Vec<Trouble> = all.into_iter().step_by(7).collect();
    let first = |trouble: &&Trouble| !matches!(trouble, Trouble::Crash(_, times) if *times > 1);
    let sample: Vec<Trouble> = sample.iter().filter(first).copied().collect();
    matrix(&sample);
}

/// The whole matrix: `cargo test --test watch_crash -- --ignored --nocapture`.
#[test]
#[ignore = "some minutes"]
fn nothing_is_lost_wherever_it_dies_at_all() {
    matrix(&troubles());
}

//! The service, as a process, with databases that grow and lie while it runs.

#[path = "common/tower.rs"]
mod tower;

use serde_json::{Value as Json, json};
use std::process::Command;
use tower::{Hook, Place, is_violation, lab, program, until};
use vitra_watch::database::ack::to_hex;

/// The database of this name, as `status` shows it.
fn status(place: &Place, name: &str) -> Option<Json> {
    let output = place.command(&["status", "--json"]);
    let report: Json = serde_json::from_slice(&output.stdout).ok()?;
    report["databases"].as_array()?.iter().find(|database| database["name"] == name).cloned()
}

fn is_verified(place: &Place, name: &str, length: u64) -> bool {
    status(place, name)
        .is_some_and(|database| database["verified_length"] == length && database["verdict"] == "verified")
}

/// Protects the whole way: a lie is found, proven, written down, delivered, and its proof holds for somebody who has only the
/// file. The honest database beside it stays verified.
#[test]
fn a_lie_is_found_proven_and_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let honest = lab(&dir.path().join("honest"), "counter", 1, None);
    let liar = lab(&dir.path().join("liar"), "kv", 2, Some(("wrong-change/value", 5)));
    let hook = Hook::start();
    let place = Place::new(dir.path(), &[&honest, &liar], &hook, &json!({}));
    let service = place.start(None);
    let mut truth = None;
    while truth.is_none() {
        honest.go_on(1).unwrap();
        truth = liar.go_on(1).unwrap().truth;
    }
    // What comes behind it closes the transaction.
    liar.go_on(1).unwrap();
    let (_, alert) = hook.wait(is_violation);
    let truth = truth.unwrap();
    assert_eq!(alert["database"]["key"], to_hex(liar.key()));
    assert_eq!(alert["finding"]["kind"], truth.kind.name());
    assert_eq!(alert["finding"]["seq"], truth.seq.unwrap());
    let finding = alert["finding"]["id"].as_str().unwrap();
    let digest = alert["finding"]["proof"]["digest"].as_str().unwrap();
    // It rests on an operation, so every peer was asked for that oplog before.
    let probe = alert["finding"]["probe"].as_str().unwrap();
    assert!(probe.contains("1 peers were asked") && probe.contains("none shows another history"), "{probe}");
    let alone = tempfile::tempdir().unwrap();
    std::fs::copy(place.evidence(digest), alone.path().join("p.vproof")).unwrap();
    let checked = program().args(["proof", "verify", "p.vproof"]).current_dir(alone.path()).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let length = honest.go_on(1).unwrap().length;
    until("the honest one is verified", || is_verified(&place, "db0", length));
    // One service has one data directory.
    let second = place.command(&["watch"]);
    assert_eq!(second.status.code(), Some(70), "{second:?}");
    let list = place.json(&["findings", "list"]);
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!((&list[0]["finding"]["id"], &list[0]["status"]), (&json!(finding), &json!("open")));
    // Taken note of, and said so.
    assert!(place.command(&["findings", "ack", finding, "--note", "we know"]).status.success());
    hook.wait(|alert| alert["event"] == "acknowledged");
    assert_eq!(place.json(&["findings", "show", finding])[0]["note"], "we know");
    assert!(!place.command(&["findings", "ack", finding]).status.success(), "it is not open any more");
    assert_eq!(service.stop(), Some(0));
    // Without the service, what is known can still be read.
    assert_eq!(place.json(&["databases", "list"]).len(), 2);
    assert_eq!(place.command(&["status"]).status.code(), Some(69));
}

/// Protects a restart: what was verified is not replayed, what was announced is not announced again, and what came meanwhile
/// is found.
#[test]
fn starting_again_continues() {
    let dir = tempfile::tempdir().unwrap();
    let liar = lab(&dir.path().join("liar"), "counter", 3, Some(("wrong-change/value", 200)));
    let hook = Hook::start();
    let place = Place::new(dir.path(), &[&liar], &hook, &json!({}));
    let length = liar.go_on(150).unwrap().length;
    let service = place.start(None);
    until("it is verified", || is_verified(&place, "db0", length));
    until("that is written down", || place.json(&["databases", "list"])[0]["verified_length"] == length);
    assert_eq!(service.stop(), Some(0));
    let checkpoint = vitra_watch::watch::state::State::read(&place.state()).unwrap().checkpoint(liar.key()).unwrap();
    assert!(checkpoint.is_some(), "there is a checkpoint");
    // The lie is told while nobody looks.
    let mut progress = liar.go_on(60).unwrap();
    while progress.truth.is_none() {
        progress = liar.go_on(10).unwrap();
    }
    liar.go_on(2).unwrap();
    let service = place.start(None);
    let (_, alert) = hook.wait(is_violation);
    assert_eq!(alert["finding"]["seq"], progress.truth.unwrap().seq.unwrap());
    service.kill();
    let service = place.start(None);
    until("it runs again", || status(&place, "db0").is_some_and(|database| database["verdict"] == "violated"));
    assert_eq!(service.stop(), Some(0));
    // It may be delivered twice, when the service dies before that is marked, and is one alert then.
    let violations = hook.all().into_iter().filter(|(_, alert)| is_violation(alert));
    let said: std::collections::BTreeSet<String> = violations.map(|(id, _)| id).collect();
    assert_eq!(said.len(), 1, "{said:#?}");
}

/// Protects databases that are added while the service runs, and a configuration that is read again.
#[test]
fn databases_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let first = lab(&dir.path().join("first"), "counter", 5, None);
    let second = lab(&dir.path().join("second"), "kv", 6, None);
    let hook = Hook::start();
    let both = Place::new(dir.path(), &[&first, &second], &hook, &json!({}));
    let mut config: Json = serde_json::from_slice(&std::fs::read(&both.config).unwrap()).unwrap();
    let named = config["databases"].as_array_mut().unwrap().pop().unwrap();
    std::fs::write(&both.config, config.to_string()).unwrap();
    let place = both;
    let service = place.start(None);
    let length = first.go_on(3).unwrap().length;
    until("the first is verified", || is_verified(&place, "db0", length));
    let key = to_hex(second.key());
    assert!(place.command(&["databases", "add", &key, "--name", "added"]).status.success());
    let length = second.go_on(3).unwrap().length;
    until("the second is verified", || is_verified(&place, "added", length));
    assert!(place.command(&["databases", "remove", &key]).status.success());
    assert_eq!(status(&place, "added"), None);
    let refused = place.command(&["databases", "remove", &to_hex(first.key())]);
    assert!(!refused.status.success(), "the configuration names it");
    // Now the configuration names it.
    config["databases"].as_array_mut().unwrap().push(named);
    std::fs::write(&place.config, config.to_string()).unwrap();
    service.signal(rustix::process::Signal::HUP);
    let length = second.go_on(3).unwrap().length;
    until("it is followed again", || is_verified(&place, "db1", length));
    // A configuration that is wrong changes nothing.
    std::fs::write(&place.config, "databases: [").unwrap();
    service.signal(rustix::process::Signal::HUP);
    until("it says so", || service.log().contains("the configuration stays as it was"));
    std::fs::write(&place.config, config.to_string()).unwrap();
    let length = first.go_on(1).unwrap().length;
    until("it goes on", || is_verified(&place, "db0", length));
    assert_eq!(service.stop(), Some(0));
}

/// Protects the README's first command.
#[test]
fn the_demonstration_shows_an_alert_and_a_proof() {
    let output = Command::new(env!("CARGO_BIN_EXE_vitra-watch")).arg("demo").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("ALERT") && text.contains("violation proven: wrong-change"), "{text}");
    assert!(text.contains("proof verify"), "{text}");
}

/// Measures: from when a lie is served to when the webhook has it, 100 databases, one after the other.
/// `cargo test --release --test watch -- --ignored --nocapture from_a_lie`
#[test]
#[ignore = "a measurement"]
fn from_a_lie_to_the_webhook() {
    let dir = tempfile::tempdir().unwrap();
    let labs: Vec<_> = (0..100)
        .map(|at| lab(&dir.path().join(at.to_string()), "counter", 1_000 + at, Some(("wrong-change/value", 3))))
        .collect();
    let hook = Hook::start();
    let all: Vec<_> = labs.iter().collect();
    let place = Place::new(dir.path(), &all, &hook, &json!({}));
    let service = place.start(None);
    let lengths: Vec<u64> = labs.iter().map(|lab| lab.go_on(2).unwrap().length).collect();
    until("all are verified", || {
        lengths.iter().enumerate().all(|(at, length)| is_verified(&place, &format!("db{at}"), *length))
    });
    let mut times = Vec::new();
    for lab in &labs {
        while lab.go_on(1).unwrap().truth.is_none() {}
        let served = std::time::Instant::now();
        let key = to_hex(lab.key());
        let (at, _) = hook.wait(|alert| is_violation(alert) && alert["database"]["key"] == key.as_str());
        times.push(at.saturating_duration_since(served));
    }
    times.sort();
    println!("median {:?}, 99th of 100 {:?}, longest {:?}", times[50], times[98], times[99]);
    assert_eq!(service.stop(), Some(0));
}

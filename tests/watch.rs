//! The service, as a process, with databases that grow and lie while it runs.

#[path = "common/services.rs"]
mod services;
#[path = "common/tower.rs"]
mod tower;

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use serde_json::{Value as Json, json};
use tower::{Hook, Place, is_violation, lab, program, until};
use vitra_watch::archive::Archive;
use vitra_watch::database::ack::to_hex;
use vitra_watch::lab::archived::{Archived, commit};
use vitra_watch::lab::live::LiveLab;
use vitra_watch::lab::serve::{Directory, Server, ways};
use vitra_watch::lab::{Beginning, Course, Example, Lab, Oddities, Random};

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
    // One that cannot take effect now says so.
    config["web"] = json!({ "listen": "127.0.0.1:0" });
    std::fs::write(&place.config, config.to_string()).unwrap();
    service.signal(rustix::process::Signal::HUP);
    until("it says so", || service.log().contains("web has changed, which takes effect when"));
    let length = first.go_on(1).unwrap().length;
    until("it goes on", || is_verified(&place, "db0", length));
    assert_eq!(service.stop(), Some(0));
}

/// Protects what was found from a full disk: with too little room nothing new is taken in, everybody is told so, and it goes on
/// from where it was as soon as there is room again.
#[test]
fn a_full_disk_stops_the_intake_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let liar = lab(&dir.path().join("liar"), "counter", 21, Some(("wrong-change/value", 5)));
    let hook = Hook::start();
    let place = Place::new(dir.path(), &[&liar], &hook, &json!({}));
    let service = place.start(None);
    let length = liar.go_on(2).unwrap().length;
    until("it is verified", || is_verified(&place, "db0", length));
    // As if somebody else had taken the room: more is to stay free than there is.
    let plenty = std::fs::read_to_string(&place.config).unwrap();
    std::fs::write(&place.config, plenty.replace("\"1MiB\"", "\"1000000GiB\"")).unwrap();
    service.signal(rustix::process::Signal::HUP);
    let of = |event: &'static str| {
        move |alert: &Json| alert["event"] == event && alert["condition"]["kind"] == "intake-stopped"
    };
    let (_, alert) = hook.wait(of("began"));
    assert!(alert["message"].as_str().unwrap().contains("the disk is nearly full"), "{alert}");
    let mut truth = None;
    while truth.is_none() {
        truth = liar.go_on(1).unwrap().truth;
    }
    liar.go_on(1).unwrap();
    let stopped = || {
        let report: Option<Json> = serde_json::from_slice(&place.command(&["status", "--json"]).stdout).ok();
        report.is_some_and(|report| report["stopped"].as_str().is_some_and(|why| why.contains("nearly full")))
    };
    until("its status says so", stopped);
    assert!(!hook.all().iter().any(|(_, alert)| is_violation(alert)), "something was taken in");
    std::fs::write(&place.config, plenty).unwrap();
    service.signal(rustix::process::Signal::HUP);
    hook.wait(of("ended"));
    let (_, alert) = hook.wait(is_violation);
    assert_eq!(alert["finding"]["seq"], truth.unwrap().seq.unwrap());
    assert_eq!(service.stop(), Some(0));
    let began = hook.all().into_iter().filter(|(_, alert)| of("began")(alert)).map(|(id, _)| id);
    assert_eq!(began.collect::<std::collections::BTreeSet<_>>().len(), 1, "it is said once");
}

/// Protects what was found from a disk that is really full: nothing can be written any more, not even that. The service stays, and
/// goes on once there is room.
#[test]
fn a_disk_without_a_byte_left_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let liar = lab(&dir.path().join("liar"), "counter", 22, Some(("wrong-change/value", 5)));
    let hook = Hook::start();
    let more = json!({ "quotas": { "free": "1KiB" } });
    let place = Place::new(dir.path(), &[&liar], &hook, &more);
    // A disk of its own, which only the service sees.
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let script = "mount -t tmpfs -o size=24m tmpfs \"$0\" && exec \"$@\"";
    let alone = ["--user", "--map-root-user", "--mount", "sh", "-c", script];
    let mut try_it = Command::new("unshare");
    if !try_it.args(alone).arg(&data).arg("true").status().is_ok_and(|status| status.success()) {
        return services::skipped("unshare");
    }
    let mut command = Command::new("unshare");
    command.args(alone).arg(&data);
    let service = place.start_by(command);
    liar.go_on(2).unwrap();
    let inside = PathBuf::from(format!("/proc/{}/root", service.child.id())).join(data.strip_prefix("/").unwrap());
    until("it has begun", || inside.join("archive").exists());
    let filler = inside.join("filler");
    let fill = || {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&filler).unwrap();
        while file.write(&[1; 4096]).is_ok_and(|wrote| wrote > 0) {}
    };
    let mut truth = None;
    until("nothing can be written", || {
        fill();
        truth = liar.go_on(1).unwrap().truth.or(truth.take());
        service.log().contains("nothing new is taken in")
    });
    while truth.is_none() {
        truth = liar.go_on(1).unwrap().truth;
    }
    liar.go_on(1).unwrap();
    std::fs::remove_file(&filler).unwrap();
    let (_, alert) = hook.wait(is_violation);
    assert_eq!(alert["finding"]["seq"], truth.unwrap().seq.unwrap());
    let digest = alert["finding"]["proof"]["digest"].as_str().unwrap();
    let proof = inside.join("archive/evidence").join(&digest[..2]).join(digest);
    assert!(program().args(["proof", "verify"]).arg(proof).status().unwrap().success());
    assert_eq!(service.stop(), Some(0));
}

/// The oplogs of a lab's participants as their owners would have written them for others: with the same keys, and other operations.
/// The index that goes with them is not among them.
fn other_histories(dir: &Path, seed: u64) {
    let example = Example::named("counter").unwrap();
    let beginning = Beginning { participants: 2, ..Beginning::new(example.source, seed) };
    let shown = Rc::new(RefCell::new(Archive::create(dir).unwrap()));
    let hidden = Rc::new(RefCell::new(Archive::create(&dir.with_extension("index")).unwrap()));
    let participants = [beginning.owner(1), beginning.owner(2)].map(|owner| *owner.key());
    let store = |owner: &vitra_watch::lab::Owner| {
        Archived::open(if participants.contains(owner.key()) { &shown } else { &hidden }, owner)
    };
    let mut random = Random::new(seed);
    let lab = Lab::create(&beginning, &beginning.genesis(), store).unwrap();
    let keys = participants.map(|key| to_hex(&key)).to_vec();
    let workload = example.workload(keys, 2, random.bits()).unwrap();
    let mut course = Course::new(lab, workload, Oddities::default(), None, random);
    course.run(30).unwrap();
    commit(&hidden, [&mut course.lab.index.store]).unwrap();
    commit(&shown, course.lab.oplogs.iter_mut().map(|log| &mut log.store)).unwrap();
}

/// Serves a directory of logs from a thread, at once if `begin` is dropped already, otherwise then.
fn serve(dir: PathBuf, listener: std::net::TcpListener, begin: std::sync::mpsc::Receiver<()>) {
    std::thread::spawn(move || {
        let _ = begin.recv();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let honest = ways().next().unwrap();
            let mut server = Server::new(vec![Directory::open(&dir).unwrap()], honest);
            listener.set_nonblocking(true).unwrap();
            server.listen(tokio::net::TcpListener::from_std(listener).unwrap());
            loop {
                server.step().await;
            }
        });
    });
}

/// An executor that seems to lie about an operation, and a peer that shows other histories of the participants' oplogs.
fn doubted(dir: &Path) -> (LiveLab, Hook, Place, std::sync::mpsc::Sender<()>) {
    let liar = lab(&dir.join("liar"), "kv", 31, Some(("wrong-change/value", 3)));
    let others = dir.join("others");
    other_histories(&others, 31);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let beside = format!("tcp://{}", listener.local_addr().unwrap());
    let (begin, wait) = std::sync::mpsc::channel();
    serve(others, listener, wait);
    let hook = Hook::start();
    let network = json!({ "network": { "peers": [liar.address(), beside], "dht": false } });
    let place = Place::new(dir, &[&liar], &hook, &network);
    (liar, hook, place, begin)
}

fn is_about(kind: &'static str) -> impl Fn(&Json) -> bool {
    move |alert| alert["event"] == "opened" && alert["finding"]["kind"] == kind
}

/// Protects executors: when it comes out that the owner of the oplog has signed two histories, whoever heard the accusation hears that it
/// is withdrawn, with a file that shows it to anybody.
#[test]
fn an_owner_with_two_histories_clears_the_executor() {
    let dir = tempfile::tempdir().unwrap();
    let (liar, hook, place, begin) = doubted(dir.path());
    let service = place.start(None);
    while liar.go_on(1).unwrap().truth.is_none() {}
    liar.go_on(1).unwrap();
    let (_, accusing) = hook.wait(is_about("wrong-change"));
    assert_eq!(accusing["finding"]["accused"]["role"], "executor");
    let owner = &accusing["finding"]["accused"]["or"]["key"];
    drop(begin);
    let (_, split) = hook.wait(|alert| is_about("equivocation")(alert) && alert["finding"]["log"] == *owner);
    assert_eq!(split["finding"]["accused"], json!({ "role": "participant", "key": owner }));
    let (_, cleared) = hook.wait(|alert| alert["event"] == "cleared");
    assert_eq!(cleared["finding"]["id"], accusing["finding"]["id"]);
    assert_eq!(cleared["finding"]["status"], "cleared");
    let rebuttal = place.evidence(cleared["finding"]["proof"]["digest"].as_str().unwrap());
    let checked = program().args(["proof", "verify", "--json"]).arg(&rebuttal).output().unwrap();
    let said: Json = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((checked.status.code(), &said["shows"]), (Some(0), &json!("rebuttal")), "{said}");
    let shown = place.json(&["findings", "show", accusing["finding"]["id"].as_str().unwrap()]);
    assert_eq!((&shown[0]["status"], &shown[0]["proof"]), (&json!("cleared"), &cleared["finding"]["proof"]));
    assert_eq!(service.stop(), Some(0));
}

/// Protects executors: a peer that shows the other history is heard before anybody is accused by an operation of it. Protects
/// readers too: two histories that go on to grow are one event.
#[test]
fn whoever_has_two_histories_is_accused_instead() {
    let dir = tempfile::tempdir().unwrap();
    let (liar, hook, place, begin) = doubted(dir.path());
    drop(begin);
    let service = place.start(None);
    let by_replay = |alert: &Json| is_violation(alert) && alert["finding"]["origin"].is_string();
    while liar.go_on(1).unwrap().truth.is_none() {}
    hook.wait(|alert| by_replay(alert) && alert["finding"]["accused"]["role"] == "participant");
    for _ in 0..5 {
        let length = liar.go_on(1).unwrap().length;
        until("it is judged", || status(&place, "db0").is_some_and(|database| database["head_length"] == length));
    }
    assert_eq!(service.stop(), Some(0));
    let mut events = std::collections::BTreeSet::new();
    for (id, alert) in hook.all() {
        // Peers that take too long for this machine may be heard too late.
        let heard = alert["finding"]["probe"].as_str().is_some_and(|probe| probe.contains("all answered"));
        assert!(!(heard && by_replay(&alert) && alert["finding"]["accused"]["role"] == "executor"), "{alert:#}");
        if is_about("equivocation")(&alert) {
            events.insert((alert["finding"]["log"].to_string(), id));
        }
    }
    assert!((1..=2).contains(&events.len()), "one for each participant's oplog: {events:?}");
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

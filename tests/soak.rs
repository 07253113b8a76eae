//! A soak: 200 databases, some of which lie, at lab and JavaScript peers, with faults, for half an hour.
//! `cargo test --release --test soak -- --ignored --nocapture`; `VITRA_WATCH_SOAK_MINUTES` has it take longer or shorter.

#[path = "common/swarm.rs"]
mod swarm;
#[path = "common/tower.rs"]
mod tower;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use swarm::{INTEROP, Script};
use tower::{Hook, LONG, Place, Service, is_violation, program, until};
use vitra_watch::database::ack::to_hex;
use vitra_watch::hyperbee::Blocks;
use vitra_watch::hypercore::hash::blake2b;
use vitra_watch::lab::live::{LiveLab, Plan, Progress};
use vitra_watch::lab::{Beginning, Course, Example, Lab, Memory, Oddities, Random, Truth, lies};

const DATABASES: u64 = 200;
/// Every so many databases one is at a JavaScript peer, and one lies.
const JAVASCRIPT: u64 = 10;
const LIARS: u64 = 4;
/// JavaScript databases of one process.
const IN_A_PROCESS: usize = 5;
const EXAMPLES: [&str; 3] = ["counter", "kv", "registry"];
const LIES: [&str; 3] = ["wrong-change/value", "unprompted-write/data", "op-skipped/next"];

/// Processes of JavaScript peers.
type Scripts = Vec<Rc<RefCell<Script>>>;

/// A database at a JavaScript peer: what the lab writes is appended there, by Hypercore itself.
struct Elsewhere {
    course: Course<Memory>,
    peer: Rc<RefCell<Script>>,
    names: Vec<String>,
    sent: Vec<u64>,
}

impl Elsewhere {
    fn start(plan: &Plan, peer: &Rc<RefCell<Script>>) -> Elsewhere {
        let (seed, mut random) = (plan.seed, Random::new(plan.seed));
        let beginning = Beginning { participants: 2, ..Beginning::new(plan.example.source, seed) };
        let lab = Lab::create(&beginning, &beginning.genesis(), |_| Ok(Memory::default())).unwrap();
        let keys = (1..=2).map(|number| to_hex(beginning.owner(number).key())).collect();
        let workload = plan.example.workload(keys, 2, random.bits()).unwrap();
        let course = Course::new(lab, workload, Oddities::default(), plan.lie, random);
        let names: Vec<String> = (0..=course.lab.oplogs.len()).map(|number| format!("{seed}-{number}")).collect();
        for (number, name) in names.iter().enumerate() {
            let secret = blake2b(&[b"vitra-watch lab", &seed.to_le_bytes(), &(number as u64).to_le_bytes()]);
            let log = json!({ "log": name, "version": 10, "seed": to_hex(&secret) });
            peer.borrow_mut().call(&log);
        }
        let mut database = Elsewhere { course, peer: Rc::clone(peer), sent: vec![0; names.len()], names };
        database.publish();
        database
    }

    /// Appends what is new: the oplogs first, so that nothing is acked that is not there.
    fn publish(&mut self) {
        let lab = &self.course.lab;
        let logs = std::iter::once(&lab.index).chain(&lab.oplogs).map(|log| &log.store);
        let logs: Vec<(usize, &Memory)> = logs.enumerate().collect();
        for (number, store) in logs.into_iter().rev() {
            let new: Vec<String> =
                (self.sent[number]..store.length()).map(|seq| to_hex(&store.block(seq).unwrap())).collect();
            if !new.is_empty() {
                let said = self.peer.borrow_mut().call(&json!({ "append": self.names[number], "blocks": new }));
                self.sent[number] = said["length"].as_u64().unwrap();
            }
        }
    }

    fn go_on(&mut self) -> Progress {
        if !self.course.ended {
            self.course.go_on(1, false).unwrap();
            self.publish();
        }
        let length = self.course.lab.index.length();
        Progress { length, transactions: self.course.transactions, truth: self.course.truth.clone() }
    }
}

enum Peer {
    Lab(LiveLab),
    JavaScript(Box<Elsewhere>),
}

/// A database, and the lie that it is to tell, once told.
struct Database {
    peer: Peer,
    liar: bool,
    truth: Option<Truth>,
    length: u64,
}

impl Database {
    fn key(&self) -> String {
        match &self.peer {
            Peer::Lab(lab) => to_hex(lab.key()),
            Peer::JavaScript(there) => to_hex(there.course.lab.index.key()),
        }
    }

    fn go_on(&mut self) {
        let progress = match &mut self.peer {
            Peer::Lab(lab) => lab.go_on(1).unwrap(),
            Peer::JavaScript(there) => there.go_on(),
        };
        (self.truth, self.length) = (progress.truth, progress.length);
    }
}

/// The databases, their addresses, and the JavaScript processes.
fn databases(dir: &Path) -> Option<(Vec<Database>, Vec<String>, Scripts)> {
    let (mut all, mut addresses, mut scripts) = (Vec::new(), Vec::new(), Vec::new());
    let mut random = Random::new(2_026);
    let mut together: Vec<String> = Vec::new();
    for number in 0..DATABASES {
        let liar = number % LIARS == 0;
        let lie = liar.then(|| (lies::named(random.pick(&LIES).unwrap()).unwrap(), 2 + random.below(12)));
        let example = Example::named(random.pick(&EXAMPLES).unwrap()).unwrap();
        let plan = Plan { example, seed: 50_000 + number, lie };
        let peer = if number % JAVASCRIPT == JAVASCRIPT / 2 - 1 || number % JAVASCRIPT == 0 && number % 20 == 0 {
            if together.is_empty() {
                scripts.push(Rc::new(RefCell::new(INTEROP.start("peer.js")?)));
            }
            let script = scripts.last().unwrap();
            let there = Elsewhere::start(&plan, script);
            together.extend(there.names.iter().cloned());
            if together.len() >= IN_A_PROCESS * there.names.len() {
                let said = script.borrow_mut().call(&json!({ "listen": std::mem::take(&mut together) }));
                addresses.push(format!("tcp://127.0.0.1:{}", said["port"]));
            }
            Peer::JavaScript(Box::new(there))
        } else {
            let lab = LiveLab::start(&dir.join(format!("lab{number}")), plan).unwrap();
            addresses.push(lab.address().to_owned());
            Peer::Lab(lab)
        };
        all.push(Database { peer, liar, truth: None, length: 0 });
    }
    if let Some(script) = scripts.last().filter(|_| !together.is_empty()) {
        let said = script.borrow_mut().call(&json!({ "listen": together }));
        addresses.push(format!("tcp://127.0.0.1:{}", said["port"]));
    }
    Some((all, addresses, scripts))
}

/// Starts it with few open files allowed, as some shells do: it must know how to help itself.
fn start(place: &Place) -> Service {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -Sn 256 && exec \"$0\" \"$@\""]);
    let service = place.start_by(shell);
    // A signal that comes before it listens would end it.
    until("it answers", || place.command(&["status"]).status.success());
    service
}

/// Memory in MiB and open files of a process.
fn use_of(pid: u32) -> Option<(u64, usize)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = rss.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((kib / 1024, std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count()))
}

fn middle(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// Another configuration, at once and as a whole: somebody may be reading.
fn configure(place: &Place, text: &str) {
    let new = place.config.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, &place.config).unwrap();
}

/// Protects those who start it once: no lie is missed and no alert lost over half an hour of kills, full disks, dead receivers and broken
/// connections; nobody honest is accused; memory stays flat and descriptors bounded.
#[test]
#[ignore = "half an hour"]
fn nothing_is_lost_in_half_an_hour() {
    let minutes = std::env::var("VITRA_WATCH_SOAK_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(30.0);
    let whole = Duration::from_secs_f64(minutes * 60.0);
    let dir = tempfile::tempdir().unwrap();
    let Some((mut all, addresses, scripts)) = databases(dir.path()) else { return };
    let hook = Hook::start();
    let named: Vec<Json> =
        all.iter().enumerate().map(|(at, one)| json!({ "key": one.key(), "name": format!("db{at}") })).collect();
    let more = json!({ "databases": named, "network": { "peers": addresses, "dht": false } });
    let place = Place::new(dir.path(), &[], &hook, &more);
    let config = std::fs::read_to_string(&place.config).unwrap();
    let full = config.replace("\"1MiB\"", "\"1000000GiB\"");
    println!("{} databases at {} peers, {} of them in JavaScript", all.len(), addresses.len(), scripts.len());
    let mut service = start(&place);
    let (began, mut random) = (Instant::now(), Random::new(7));
    let (mut faulted, mut steps) = (Instant::now(), 0_u64);
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut calm, mut early, mut late, mut files) = (false, Vec::new(), Vec::new(), Vec::new());
    let mut sampled = Instant::now();
    while began.elapsed() < whole {
        let at = random.below(DATABASES) as usize;
        all[at].go_on();
        steps += 1;
        std::thread::park_timeout(Duration::from_millis(60));
        let share = began.elapsed().as_secs_f64() / whole.as_secs_f64();
        // Kills and full disks start everything anew, and memory with it: they end before it is measured.
        calm |= share > 0.4;
        if sampled.elapsed() > Duration::from_secs(5) {
            sampled = Instant::now();
            if let Some((rss, open)) = use_of(service.child.id()) {
                match share {
                    share if share > 0.8 => late.push(rss),
                    share if share > 0.5 && share < 0.7 => early.push(rss),
                    _ => {}
                }
                files.push(open);
            }
        }
        if faulted.elapsed() < Duration::from_secs(10) {
            continue;
        }
        faulted = Instant::now();
        assert!(!service.is_over(), "it has died: {}", service.log());
        let fault = match random.below(if calm { 4 } else { 7 }) {
            0 => {
                hook.status.store(503, Ordering::SeqCst);
                "receiver down"
            }
            1 => {
                scripts.iter().for_each(|script| drop(script.borrow_mut().call(&json!({ "hangup": true }))));
                "connections cut"
            }
            2 => {
                service.signal(rustix::process::Signal::HUP);
                "reload"
            }
            3 => {
                assert!(place.command(&["findings", "list"]).status.success());
                "somebody asks"
            }
            4 => {
                service.kill();
                service = start(&place);
                "killed"
            }
            5 => {
                assert_eq!(service.stop(), Some(0));
                service = start(&place);
                "stopped"
            }
            _ => {
                configure(&place, &full);
                service.signal(rustix::process::Signal::HUP);
                "disk full"
            }
        };
        if fault != "receiver down" {
            hook.status.store(204, Ordering::SeqCst);
        }
        if fault != "disk full" && std::fs::read_to_string(&place.config).unwrap() != config {
            configure(&place, &config);
            service.signal(rustix::process::Signal::HUP);
        }
        *faults.entry(fault).or_default() += 1;
    }
    hook.status.store(204, Ordering::SeqCst);
    if std::fs::read_to_string(&place.config).unwrap() != config {
        configure(&place, &config);
        service.signal(rustix::process::Signal::HUP);
    }
    for liar in all.iter_mut().filter(|one| one.liar) {
        (0..500).for_each(|_| {
            if liar.truth.is_none() {
                liar.go_on()
            }
        });
        // What comes behind a lie closes its transaction.
        liar.go_on();
    }
    println!("{steps} steps, faults {faults:?}");
    // The receiver is mended, and whoever mends it tries it: what has failed there comes now.
    assert!(place.command(&["alert", "test", "hook"]).status.success());
    judge(&all, &hook, &place);
    assert_eq!(service.stop(), Some(0));
    let (early, late) = (middle(early), middle(late));
    println!("memory {early} MiB, then {late} MiB; at most {:?} open files", files.iter().max());
    assert!(late <= early + early / 5 + 10, "its memory grows");
    assert!(files.iter().max().is_some_and(|most| *most < 20 * DATABASES as usize));
}

fn judge(all: &[Database], hook: &Hook, place: &Place) {
    let told = || -> BTreeSet<String> {
        let violations = hook.all().into_iter().filter(|(_, alert)| is_violation(alert));
        violations.map(|(_, alert)| alert["database"]["key"].as_str().unwrap().to_owned()).collect()
    };
    let liars: BTreeSet<String> = all.iter().filter(|one| one.truth.is_some()).map(Database::key).collect();
    let end = Instant::now() + 2 * LONG;
    while !told().is_superset(&liars) && Instant::now() < end {
        std::thread::park_timeout(Duration::from_millis(500));
    }
    let told = told();
    println!("{} lies told, {} databases accused", liars.len(), told.len());
    let lacking: Vec<_> = all
        .iter()
        .filter(|one| one.truth.is_some() && !told.contains(&one.key()))
        .map(|one| (one.key(), &one.truth))
        .collect();
    assert!(lacking.is_empty(), "lies that nobody heard of: {lacking:#?}");
    for (_, alert) in hook.all().iter().filter(|(_, alert)| is_violation(alert)) {
        let one = all.iter().find(|one| alert["database"]["key"] == one.key().as_str()).unwrap();
        let truth = one.truth.as_ref().unwrap_or_else(|| panic!("an honest executor is accused: {alert:#}"));
        let kind = alert["finding"]["kind"].as_str().unwrap();
        let kinds: Vec<&str> = std::iter::once(&truth.kind).chain(truth.then).map(|kind| kind.name()).collect();
        assert!(kinds.contains(&kind), "{kind} of {truth:?}");
        let proof = place.evidence(alert["finding"]["proof"]["digest"].as_str().unwrap());
        let checked = program().args(["proof", "verify"]).arg(&proof).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
    }
    let mut bodies: BTreeMap<String, Json> = BTreeMap::new();
    for (id, alert) in hook.all() {
        assert_eq!(*bodies.entry(id).or_insert_with(|| alert.clone()), alert);
    }
    // Whatever was honest is verified to its end.
    let verified = || {
        let output = place.command(&["status", "--json"]);
        let report: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let databases = report["databases"].as_array().cloned().unwrap_or_default();
        let so = |one: &&Database| {
            let key = one.key();
            databases.iter().any(|row| {
                row["key"] == key.as_str() && row["verified_length"] == one.length && row["verdict"] == "verified"
            })
        };
        all.iter()
            .filter(|one| !one.liar && one.length > 0)
            .filter(|one| !so(one))
            .map(Database::key)
            .collect::<Vec<_>>()
    };
    let end = Instant::now() + 2 * LONG;
    while !verified().is_empty() && Instant::now() < end {
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let behind = verified();
    assert!(behind.is_empty(), "{} honest databases are not verified to their ends: {behind:?}", behind.len());
    println!("{} alerts received, {} of them more than once", bodies.len(), hook.all().len() - bodies.len());
}

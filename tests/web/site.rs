//! A status page over the state of real audits: an honest database of the lab and lying ones, and made-up findings of every kind.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use tokio::sync::oneshot;
use vitra_watch::database::ack::to_hex;
use vitra_watch::hypercore::Key;
use vitra_watch::hypercore::hash::blake2b;
use vitra_watch::lab::lies;
use vitra_watch::lab::workload::EXAMPLES;
use vitra_watch::proofs::prove;
use vitra_watch::replay::auditor::Options;
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::{Accused, Class, Finding, Kind, Verdict};
use vitra_watch::replay::report::Report;
use vitra_watch::watch::Millis;
use vitra_watch::watch::alert::{Alert, ConditionNote, Event, Subject};
use vitra_watch::watch::live::{Live, LiveDatabase, LogHead, Snapshot};
use vitra_watch::watch::state::{
    ConditionKind, ConditionRow, DatabaseRow, FindingRow, Message, Proof, State, StateError, Status, Write,
};
use vitra_watch::web::{Site, serve};

use crate::common::lab::{Case, audit};

pub fn now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as Millis
}

/// A database of the lab with its report and proofs.
pub struct Audited {
    key: Key,
    heads: Vec<LogHead>,
    pub report: Report,
    pub proofs: BTreeMap<String, Vec<u8>>,
}

/// A history with this lie, of the given seed or the first after it in which there was a chance to tell it.
pub fn told(lie: Option<&str>, seed: u64) -> Audited {
    let lie = lie.map(|name| lies::all().find(|lie| lie.name == name).unwrap());
    let example = *EXAMPLES.iter().find(|example| example.name == "kv").unwrap();
    on_big_stack(&Budget::default(), move || {
        for seed in seed.. {
            let case = Case { example, actions: 25, after: 6, ..Case::random(seed, lie) };
            let (lab, truth) = case.tell();
            if lie.is_some() && truth.is_none() {
                continue;
            }
            let report = audit(&lab);
            let participants: Vec<Key> = report.participants.iter().map(|who| crate::common::key(&who.key)).collect();
            let violations = report.findings.iter().filter(|finding| finding.class == Class::Violation);
            let proofs = violations.map(|finding| {
                let proof = prove(&lab, lab.index.key(), finding, &participants, Options::default()).unwrap();
                (finding.id.clone(), proof.encode())
            });
            let proofs = proofs.collect();
            let logs = std::iter::once(&lab.index).chain(&lab.oplogs);
            let heads = logs.filter_map(|log| log.store.heads().last()).map(LogHead::from).collect();
            return Audited { key: *lab.index.key(), heads, report, proofs };
        }
        unreachable!()
    })
    .unwrap()
}

impl Audited {
    pub fn key(&self) -> Key {
        self.key
    }

    pub fn heads(&self) -> Vec<LogHead> {
        self.heads.clone()
    }

    pub fn live(&self, name: &str) -> LiveDatabase {
        let report = &self.report;
        LiveDatabase {
            subject: subject(&self.key(), name),
            verdict: Some(report.verdict),
            verified_length: report.verified_length,
            head_length: report.head.length,
            transactions: report.transactions,
            pending: report.operations_pending,
            participants: report.participants.len() as u64,
            peers: 3,
            progress_at: Some(now() - 42_000),
            checked_at: Some(now() - 7_000),
            archive_bytes: 1_234_567,
            heads: self.heads(),
        }
    }
}

pub fn subject(key: &Key, name: &str) -> Subject {
    Subject { key: to_hex(key), name: name.to_owned(), labels: BTreeMap::new(), contact: None }
}

pub fn row(key: Key, name: &str) -> DatabaseRow {
    let contact = Some("operator@example.org".to_owned());
    DatabaseRow { contact, ..DatabaseRow::new(key, name.to_owned(), now() - 86_400_000 * 40) }
}

/// A key that nobody has.
pub fn some_key(text: &str) -> Key {
    blake2b(&[text.as_bytes()])
}

pub fn found(finding: Finding, database: Key) -> FindingRow {
    FindingRow {
        finding,
        database,
        status: Status::Open,
        found_at: now() - 3_600_000,
        changed_at: now() - 3_600_000,
        reminders: 0,
        reminded_at: None,
        proof: None,
        probe: None,
        note: None,
    }
}

/// A finding of a kind as an audit would report it.
pub fn finding(database: &Key, kind: Kind, message: &str) -> Finding {
    let hex = to_hex(database);
    let mut finding = Finding::new(&hex, kind, &hex, Some(7), message);
    if kind.class() == Class::Violation {
        let oplog = to_hex(&some_key("oplog"));
        finding.accused = Some(if kind.by_replay() { Accused::executor_or([&*oplog]) } else { Accused::EXECUTOR });
    }
    finding
}

pub fn condition(database: Option<Key>, kind: ConditionKind, message: &str, ended: bool) -> ConditionRow {
    ConditionRow {
        id: to_hex(&some_key(&format!("{database:?}{kind:?}{ended}"))),
        database,
        kind,
        message: message.to_owned(),
        began_at: now() - 7_200_000,
        announced: true,
        ended_at: ended.then(|| now() - 3_600_000),
    }
}

/// A message in the outbox: about nothing, but delivered or not.
pub fn message(number: u64, channel: &str) -> Message {
    let note = ConditionNote {
        id: number.to_string(),
        kind: ConditionKind::OwnNetwork,
        began_at: 0,
        ended_at: None,
        message: "a test".to_owned(),
    };
    Message {
        alert: Alert::of_condition(Event::Began, 0, "tests", None, note),
        channel: channel.to_owned(),
        database: None,
    }
}

/// A directory with state and evidence, and what is true now.
pub struct Fixture {
    pub temp: TempDir,
    pub site: Site,
    state: State,
}

impl Fixture {
    /// With nothing in it, and all well.
    pub fn new() -> Fixture {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("state.sqlite");
        let state = State::open(&path).unwrap();
        let live = Live::default();
        live.set(Snapshot {
            started_at: now() - 3_600_000,
            turned_at: now(),
            ready: true,
            peers: 5,
            archive_bytes: 2_000_000,
            channels: vec!["mail".to_owned(), "hook".to_owned()],
            ..Snapshot::default()
        });
        let site = Site {
            state: path,
            live,
            evidence: temp.path().join("evidence"),
            title: "Watchtower of the tests".to_owned(),
            url: None,
            watcher: "tests.example".to_owned(),
            webhook_key: None,
        };
        Fixture { temp, site, state }
    }

    pub fn write<T>(&mut self, work: impl FnOnce(&Write<'_>) -> Result<T, StateError>) -> T {
        self.state.write(work).unwrap()
    }

    /// Changes what is true now.
    pub fn now(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = (*self.site.live.get()).clone();
        change(&mut snapshot);
        self.site.live.set(snapshot);
    }

    /// Stores a file of evidence under its digest, as the archive does.
    pub fn evidence(&self, bytes: &[u8]) -> Proof {
        let digest = blake2b(&[bytes]);
        let file = self.evidence_path(&digest);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
        Proof { digest, size: bytes.len() as u64 }
    }

    pub fn evidence_path(&self, digest: &Key) -> PathBuf {
        let name = to_hex(digest);
        self.site.evidence.join(&name[..2]).join(name)
    }

    /// An audited database with all that was found.
    pub fn add(&mut self, audited: &Audited, name: &str) {
        let key = audited.key();
        let report = &audited.report;
        let rows: Vec<FindingRow> = report
            .findings
            .iter()
            .map(|finding| {
                let proof = audited.proofs.get(&finding.id).map(|bytes| self.evidence(bytes));
                let probe = proof.is_some().then(|| "3 of 3 peers showed the same history of the oplog".to_owned());
                FindingRow { proof, probe, ..found(finding.clone(), key) }
            })
            .collect();
        self.write(|write| {
            write.put_database(&row(key, name))?;
            let lengths = (report.verified_length, report.head.length, report.transactions);
            write.progress(&key, report.verdict, lengths, Some(now()))?;
            rows.iter().try_for_each(|row| write.add_finding(row).map(drop))
        });
        self.now(|snapshot| drop(snapshot.databases.insert(key, audited.live(name))));
    }

    /// A database with an open finding of each kind, whose message is the given text.
    pub fn add_gallery(&mut self, name: &str, message: &str) -> Key {
        let key = some_key(name);
        self.write(|write| {
            write.put_database(&row(key, name))?;
            write.progress(&key, Verdict::Violated, (7, 9, 3), None)?;
            Kind::ALL
                .iter()
                .try_for_each(|kind| write.add_finding(&found(finding(&key, *kind, message), key)).map(drop))
        });
        key
    }

    pub fn serve(&self) -> Served {
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let site = self.site.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                serve(listener, site, async { drop(stopped.await) }).await.unwrap();
            });
        });
        Served { address, stop: Some(stop), thread: Some(thread) }
    }
}

/// A site that is being served; stopped when dropped.
pub struct Served {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Stops it and waits until it has ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.end();
    }
}

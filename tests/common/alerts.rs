//! Alerts to be delivered, and receivers that remember what came.

#![allow(dead_code)] // each test file uses its part

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::Value as Json;
use vitra_watch::alerts::courier::Options;
use vitra_watch::alerts::{Channels, Courier, Schedule};
use vitra_watch::config::Config;
use vitra_watch::database::ack::to_hex as hex;
use vitra_watch::hypercore::Key;
use vitra_watch::replay::finding::{Accused, Finding, Kind, ShownChange};
use vitra_watch::watch::alert::{Alert, ConditionNote, Event, FindingNote, ProofRef, Subject};
use vitra_watch::watch::state::{ConditionKind, Message, OutboxRow, State, Status};

/// Longest that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub fn subject(number: u8, name: &str) -> Subject {
    let labels = BTreeMap::from([("team".to_owned(), name.to_owned())]);
    Subject { key: hex(&[number; 32]), name: name.to_owned(), labels, contact: Some(name.to_owned()) }
}

/// An alert about a finding of this kind at this block, in which every text that a stranger chooses is `text`.
pub fn finding(event: Event, kind: Kind, seq: u64, text: &str) -> Alert {
    let key = hex(&[7; 32]);
    let change = |value| ShownChange { kind: "put".to_owned(), path: text.to_owned(), value: Some(Json::from(value)) };
    let mut finding = Finding::new(&key, kind, &key, Some(seq), text);
    finding.accused = Some(Accused::EXECUTOR);
    finding.expected = Some(change(text));
    finding.published = Some(change("else"));
    let note = FindingNote {
        finding,
        status: Status::Open,
        found_at: 1_700_000_000_000,
        proof: None,
        probe: Some(text.to_owned()),
        url: None,
    };
    Alert::of_finding(event, 0, 1_700_000_001_000, "tower", subject(7, text), note)
}

pub fn violation(seq: u64) -> Alert {
    finding(Event::Opened, Kind::WrongChange, seq, "registry")
}

pub fn with_proof(mut alert: Alert, bytes: &[u8], dir: &Path) -> Alert {
    let digest = vitra_watch::hypercore::hash::blake2b(&[bytes]);
    let name = hex(&digest);
    std::fs::create_dir_all(dir.join(&name[..2])).unwrap();
    std::fs::write(dir.join(&name[..2]).join(&name), bytes).unwrap();
    let proof = ProofRef { digest: name, size: bytes.len() as u64, url: None };
    alert.finding.as_mut().unwrap().proof = Some(proof);
    alert
}

pub fn condition(event: Event, id: &str, text: &str) -> Alert {
    let note = ConditionNote {
        id: id.to_owned(),
        kind: ConditionKind::Unreachable,
        began_at: 1_700_000_000_000,
        ended_at: (event == Event::Ended).then_some(1_700_000_002_000),
        message: text.to_owned(),
    };
    Alert::of_condition(event, 1_700_000_002_000, "tower", Some(subject(7, text)), note)
}

/// What came.
#[derive(Debug)]
pub struct Heard {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Heard {
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }
}

/// A receiver of HTTP requests.
pub struct Ear {
    pub addr: SocketAddr,
    heard: Receiver<Heard>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Ear {
    /// Answers the request number n (from 0) with what `answer` says.
    pub fn new<A: IntoResponse>(answer: impl Fn(usize, &Heard) -> A + Send + Sync + 'static) -> Ear {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let (sender, heard) = channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let count = std::sync::atomic::AtomicUsize::new(0);
        let answer = std::sync::Arc::new(move |heard: Heard| {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let response = answer(number, &heard).into_response();
            let _ = sender.send(heard);
            response
        });
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let router =
                    Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                        let answer = answer.clone();
                        async move { answer(Heard { method, uri, headers, body }) }
                    });
                tokio::select! {
                    done = async { axum::serve(listener, router).await } => done.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Ear { addr, heard, stop: Some(stop), thread: Some(thread) }
    }

    pub fn good() -> Ear {
        Ear::new(|_, _| StatusCode::NO_CONTENT)
    }

    pub fn next(&self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("nothing came")
    }

    /// What has come and was not looked at.
    pub fn rest(&self) -> Vec<Heard> {
        self.heard.try_iter().collect()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

pub fn hook(ear: &Ear) -> String {
    format!("{{webhook: {{url: \"http://{}/hook\", allow-private: true}}}}", ear.addr)
}

/// A configuration with these channels, and routes.
pub fn config(channels: &[(&str, String)], routes: &str) -> Config {
    let channels: String = channels.iter().map(|(name, channel)| format!("    {name}: {channel}\n")).collect();
    let text = format!("name: tower\nalerts:\n  channels:\n{channels}  routes: {routes}\n");
    Config::parse(&text, "test.yaml").unwrap_or_else(|error| panic!("{error}"))
}

/// An outbox and its courier.
pub struct Post {
    pub dir: tempfile::TempDir,
    pub config: Config,
    pub state: State,
}

impl Post {
    pub fn new(config: Config) -> Post {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(&dir.path().join("state.sqlite")).unwrap();
        Post { dir, config, state }
    }

    pub fn evidence(&self) -> PathBuf {
        self.dir.path().join("evidence")
    }

    pub fn options(&self, schedule: Schedule) -> Options {
        let state = self.dir.path().join("state.sqlite");
        Options { schedule, ..Options::new(state, self.evidence(), &self.config) }
    }

    pub fn start(&self, schedule: Schedule) -> Courier {
        let channels = Channels::open(&self.config.alerts).unwrap();
        Courier::start(self.options(schedule), channels).unwrap()
    }

    pub fn put(&mut self, alert: &Alert, channel: &str, database: Option<Key>) {
        self.put_at(alert, channel, database, vitra_now());
    }

    pub fn put_at(&mut self, alert: &Alert, channel: &str, database: Option<Key>, at: i64) {
        let message = Message { alert: alert.clone(), channel: channel.to_owned(), database };
        assert!(self.state.write(|write| write.add_message(&message, at)).unwrap());
    }

    /// Waits until the outbox is as wanted.
    pub fn wait(&self, what: impl Fn(&[OutboxRow]) -> bool) -> Vec<OutboxRow> {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let mut rows = self.state.outbox(None, 10_000).unwrap();
            rows.reverse();
            if what(&rows) {
                return rows;
            }
            assert!(std::time::Instant::now() < until, "{rows:#?}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

pub fn vitra_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Short waits, many of them.
pub fn quickly() -> Schedule {
    Schedule::new(vec![Duration::from_millis(5); 50])
}

//! The courier: at least once, in order, never in vain, and one dead channel holds up no other.

#[path = "common/alerts.rs"]
mod alerts;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alerts::{Ear, Post, block_on, condition, config, finding, hook, quickly, violation};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use proptest::prelude::*;
use vitra_watch::alerts::courier::Options;
use vitra_watch::alerts::{Channels, Courier, Schedule};
use vitra_watch::replay::finding::Kind;
use vitra_watch::watch::alert::{Alert, Event};
use vitra_watch::watch::state::OutboxStatus;

fn all(rows: &[vitra_watch::watch::state::OutboxRow], status: OutboxStatus) -> bool {
    rows.iter().all(|row| row.status == status)
}

/// Protects alerts against receivers that fail for a while: tried again, delivered, with the same identity each time.
#[test]
fn fails_and_then_succeeds() {
    let ear = Ear::new(|number, _| if number < 5 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK });
    let mut post = Post::new(config(&[("hook", hook(&ear))], "[]"));
    let alert = violation(1);
    post.put(&alert, "hook", Some([7; 32]));
    let courier = post.start(quickly());
    let ids: BTreeSet<String> = (0..6).map(|_| ear.next().header("webhook-id").to_owned()).collect();
    assert_eq!(ids, BTreeSet::from([alert.id]));
    let rows = post.wait(|rows| all(rows, OutboxStatus::Delivered));
    assert_eq!((rows[0].attempts, &rows[0].error), (6, &None));
    block_on(courier.stop());
    assert!(ear.rest().is_empty());
}

/// Protects a new alert against waiting: the courier is told, and sends.
#[test]
fn woken_it_delivers_at_once() {
    let ear = Ear::good();
    let mut post = Post::new(config(&[("hook", hook(&ear))], "[]"));
    let courier = post.start(Schedule::default());
    for seq in 0..10 {
        post.put(&violation(seq), "hook", Some([7; 32]));
        courier.waker().wake();
        assert_eq!(ear.next().json()["finding"]["seq"], seq);
    }
    assert_eq!(courier.trouble(), None);
    block_on(courier.stop());
}

/// Messages about a database each, of which the first is refused `refusals` times; those behind it come when it was.
fn hastened(
    refusals: usize,
    hasten: Duration,
    answer: impl Fn() -> axum::response::Response + Send + Sync + 'static,
) -> (Post, Ear, Courier) {
    let refused = std::sync::atomic::AtomicUsize::new(0);
    let ear = Ear::new(move |_, heard: &alerts::Heard| {
        let first = heard.json()["finding"]["seq"] == 0;
        let refuses = first && refused.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < refusals;
        if refuses { answer() } else { StatusCode::OK.into_response() }
    });
    let mut post = Post::new(config(&[("hook", hook(&ear))], "[]"));
    post.put(&violation(0), "hook", Some([0; 32]));
    let schedule = Schedule::new(vec![Duration::from_secs(3_600); 3]);
    let options = Options { hasten, ..post.options(schedule) };
    let courier = Courier::start(options, Channels::open(&post.config.alerts).unwrap()).unwrap();
    ear.next();
    post.wait(|rows| rows[0].attempts == 1);
    (post, ear, courier)
}

/// Protects alerts against waiting for hours because their receiver was down for minutes: once it takes something again, it gets
/// everything, however often that happens before it is three days old (here: three hours, and three waits).
#[test]
fn what_waits_is_tried_once_its_channel_works_again() {
    let down = || StatusCode::SERVICE_UNAVAILABLE.into_response();
    let (mut post, ear, courier) = hastened(6, Duration::ZERO, down);
    for seq in 1..7 {
        post.put(&violation(seq), "hook", Some([seq as u8; 32]));
        courier.wake();
        let came =
            BTreeSet::from([ear.next(), ear.next()].map(|heard| heard.json()["finding"]["seq"].as_u64().unwrap()));
        assert_eq!(came, BTreeSet::from([0, seq]));
        post.wait(|rows| rows[0].attempts == seq as u32 + 1);
    }
    post.wait(|rows| all(rows, OutboxStatus::Delivered));
    block_on(courier.stop());
}

/// Protects receivers that fail at one message against being asked about it with each of the others.
#[test]
fn a_message_that_fails_alone_is_not_tried_all_the_time() {
    let (mut post, ear, courier) =
        hastened(1_000, Duration::from_secs(3_600), || StatusCode::BAD_GATEWAY.into_response());
    for seq in 1..20 {
        post.put(&violation(seq), "hook", Some([seq as u8; 32]));
        courier.wake();
        post.wait(|rows| rows[seq as usize].status == OutboxStatus::Delivered);
    }
    block_on(courier.stop());
    let again = ear.rest().iter().filter(|heard| heard.json()["finding"]["seq"] == 0).count();
    assert_eq!(again, 1);
    assert_eq!(post.state.outbox(None, 100).unwrap().last().unwrap().status, OutboxStatus::Pending);
}

/// Protects receivers that say when they want to be asked again.
#[test]
fn who_asks_to_wait_is_waited_for() {
    let later = || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "3600")]).into_response();
    let (mut post, ear, courier) = hastened(1_000, Duration::ZERO, later);
    for seq in 1..20 {
        post.put(&violation(seq), "hook", Some([seq as u8; 32]));
        courier.wake();
        post.wait(|rows| rows[seq as usize].status == OutboxStatus::Delivered);
    }
    block_on(courier.stop());
    assert_eq!(ear.rest().iter().filter(|heard| heard.json()["finding"]["seq"] == 0).count(), 0);
}

/// Protects the others against a channel that takes connections and never answers.
#[test]
fn a_dead_channel_holds_up_no_other() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("{{webhook: {{url: \"http://{}/\", allow-private: true}}}}", silent.local_addr().unwrap());
    let ear = Ear::good();
    let mut post = Post::new(config(&[("dead", dead), ("hook", hook(&ear))], "[]"));
    for seq in 0..40 {
        let database = Some([seq as u8; 32]);
        post.put(&violation(seq), "dead", database);
        post.put(&violation(seq), "hook", database);
    }
    let courier = post.start(Schedule::default());
    for _ in 0..40 {
        ear.next();
    }
    post.wait(|rows| rows.iter().filter(|row| row.status == OutboxStatus::Delivered).count() == 40);
    // It does not wait for the silent one either.
    block_on(courier.stop());
    assert_eq!(post.state.outbox(Some(OutboxStatus::Pending), 100).unwrap().len(), 40);
}

/// Protects whoever relies on one channel: what could not be delivered for days is said on every other one, with all that it said.
#[test]
fn what_is_dead_is_announced_elsewhere() {
    let bad = Ear::new(|_, _| StatusCode::BAD_GATEWAY);
    let (good, other) = (Ear::good(), Ear::good());
    let channels = [("bad", hook(&bad)), ("good", hook(&good)), ("other", hook(&other))];
    let mut post = Post::new(config(&channels, "[]"));
    let alert = violation(3);
    post.put(&alert, "bad", Some([7; 32]));
    let courier = post.start(Schedule::new(vec![Duration::from_millis(1); 3]));
    for ear in [&good, &other] {
        let said = ear.next().json();
        assert_eq!(said["event"], "dead-letter");
        assert_eq!(said["finding"]["id"], alert.finding.as_ref().unwrap().finding.id);
        let message = said["message"].as_str().unwrap();
        assert!(message.contains("the channel bad could not deliver") && message.contains(&alert.message), "{message}");
    }
    let rows = post.wait(|rows| rows.iter().filter(|row| row.status == OutboxStatus::Delivered).count() == 2);
    assert_eq!((rows.len(), rows[0].status, rows[0].attempts), (3, OutboxStatus::Dead, 4));
    assert_eq!(bad.rest().len(), 4);
    block_on(courier.stop());
}

/// Protects against two dead channels that tell each other about it for ever.
#[test]
fn dead_letters_that_die_are_not_announced() {
    let (one, two) = (Ear::new(|_, _| StatusCode::GONE), Ear::new(|_, _| StatusCode::GONE));
    let mut post = Post::new(config(&[("one", hook(&one)), ("two", hook(&two))], "[]"));
    post.put(&violation(3), "one", None);
    let courier = post.start(quickly());
    let rows = post.wait(|rows| rows.len() == 2 && all(rows, OutboxStatus::Dead));
    // "Gone" is not asked again.
    assert_eq!(rows.iter().map(|row| row.attempts).collect::<Vec<_>>(), [1, 1]);
    block_on(courier.stop());
}

/// Protects what waits for a channel that a new configuration has not: the others are told at once.
#[test]
fn a_channel_that_is_gone_after_a_reload() {
    let bad = Ear::new(|_, _| StatusCode::BAD_GATEWAY);
    let good = Ear::good();
    let mut post = Post::new(config(&[("old", hook(&bad))], "[]"));
    post.put(&violation(3), "old", Some([7; 32]));
    let courier = post.start(Schedule::new(vec![Duration::from_millis(50); 1_000]));
    bad.next();
    courier.reload(Channels::open(&config(&[("new", hook(&good))], "[]").alerts).unwrap());
    assert_eq!(good.next().json()["event"], "dead-letter");
    post.wait(|rows| rows[0].status == OutboxStatus::Dead && rows[1].status == OutboxStatus::Delivered);
    block_on(courier.stop());
}

/// Protects receivers against what is sent and not written down: resent by hand, it has its old identity.
#[test]
fn resent_by_hand() {
    let ear = Ear::good();
    let mut post = Post::new(config(&[("hook", hook(&ear))], "[]"));
    let alert = violation(1);
    post.put(&alert, "hook", Some([7; 32]));
    let courier = post.start(quickly());
    ear.next();
    let rows = post.wait(|rows| all(rows, OutboxStatus::Delivered));
    assert!(post.state.write(|write| write.resend(rows[0].number, 0)).unwrap());
    courier.wake();
    assert_eq!(ear.next().header("webhook-id"), alert.id);
    post.wait(|rows| all(rows, OutboxStatus::Delivered));
    block_on(courier.stop());
}

/// Protects receivers against a disk that is full: what was sent and cannot be marked is not sent all the time.
#[test]
fn what_cannot_be_marked_is_not_sent_again_and_again() {
    let ear = Ear::good();
    let mut post = Post::new(config(&[("hook", hook(&ear))], "[]"));
    post.put(&violation(1), "hook", Some([7; 32]));
    let path = post.dir.path().join("state.sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TRIGGER full BEFORE UPDATE ON outbox BEGIN SELECT RAISE(FAIL, 'no room'); END")
        .unwrap();
    let courier = post.start(quickly());
    ear.next();
    while courier.trouble().is_none() {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    assert!(courier.trouble().unwrap().contains("no room"));
    for _ in 0..20 {
        courier.wake();
        std::thread::park_timeout(Duration::from_millis(10));
    }
    other.execute_batch("DROP TRIGGER full").unwrap();
    courier.wake();
    post.wait(|rows| all(rows, OutboxStatus::Delivered));
    assert!(ear.rest().is_empty());
    block_on(courier.stop());
}

/// What was said of each channel and database, in order.
type Order = BTreeMap<(String, String), Vec<u64>>;

#[derive(Clone, Debug)]
struct Load {
    /// Database and channel of each message.
    messages: Vec<(u8, bool)>,
    /// Which requests fail.
    failures: BTreeSet<usize>,
}

fn load() -> impl Strategy<Value = Load> {
    let messages = prop::collection::vec((0_u8..4, any::<bool>()), 1..40);
    let failures = prop::collection::btree_set(0_usize..60, 0..30);
    (messages, failures).prop_map(|(messages, failures)| Load { messages, failures })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Protects the order: whatever fails in between, each channel hears of each database in the order in which it was written, and
    /// misses nothing.
    #[test]
    fn in_order_for_each_channel_and_database(load in load()) {
        let failures = load.failures.clone();
        let answer = move |number: usize, _: &alerts::Heard| {
            if failures.contains(&number) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
        };
        let delivered: Arc<Mutex<Order>> = Arc::default();
        let theirs = Arc::clone(&delivered);
        let ear = Ear::new(move |number, heard: &alerts::Heard| {
            let status = answer(number, heard);
            if status.is_success() {
                let json = heard.json();
                let lane = (heard.uri.path().to_owned(), json["finding"]["log"].to_string() + &json["database"]["key"].to_string());
                theirs.lock().unwrap().entry(lane).or_default().push(json["finding"]["seq"].as_u64().unwrap());
            }
            status
        });
        let url = |path: &str| format!("{{webhook: {{url: \"http://{}/{path}\", allow-private: true}}}}", ear.addr);
        let mut post = Post::new(config(&[("one", url("one")), ("two", url("two"))], "[]"));
        let mut expected = Order::new();
        for (seq, (database, second)) in load.messages.iter().enumerate() {
            let channel = if *second { "two" } else { "one" };
            let mut alert = violation(seq as u64);
            alert.database.as_mut().unwrap().key = vitra_watch::database::ack::to_hex(&[*database; 32]);
            let log = &alert.finding.as_ref().unwrap().finding.log;
            let lane = (format!("/{channel}"), format!("\"{log}\"\"{}\"", alert.database.as_ref().unwrap().key));
            expected.entry(lane).or_default().push(seq as u64);
            post.put(&alert, channel, Some([*database; 32]));
        }
        let courier = post.start(Schedule::new(vec![Duration::from_millis(1); 1_000]));
        post.wait(|rows| all(rows, OutboxStatus::Delivered));
        block_on(courier.stop());
        prop_assert_eq!(&*delivered.lock().unwrap(), &expected);
    }
}

/// The child of the test below: delivers until it is killed.
#[test]
#[ignore = "started by another test"]
fn child() {
    let dir = std::path::PathBuf::from(std::env::var("POST").unwrap());
    let text = std::fs::read_to_string(dir.join("config.yaml")).unwrap();
    let config = vitra_watch::config::Config::parse(&text, "config.yaml").unwrap();
    let options = vitra_watch::alerts::courier::Options::new(dir.join("state.sqlite"), dir.join("evidence"), &config);
    let courier = Courier::start(options, Channels::open(&config.alerts).unwrap()).unwrap();
    let state = vitra_watch::watch::state::State::open(&dir.join("state.sqlite")).unwrap();
    while !state.outbox(Some(OutboxStatus::Pending), 10).unwrap().is_empty() {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    block_on(courier.stop());
}

/// Protects alerts against a crash at any point of a delivery: nothing is lost, and what comes twice has the same identity.
#[test]
fn killed_at_every_point_of_a_delivery() {
    for (point, least, most) in
        [("delivery-begin", 0, 0), ("delivery-sent", 1, 1), ("delivery-marked", 1, 1), ("state-commit", 1, 1)]
    {
        let ear = Ear::good();
        let text = format!("alerts: {{channels: {{hook: {}}}}}\n", hook(&ear));
        let mut post = Post::new(vitra_watch::config::Config::parse(&text, "c").unwrap());
        std::fs::write(post.dir.path().join("config.yaml"), &text).unwrap();
        let alert = violation(1);
        post.put(&alert, "hook", Some([7; 32]));
        let run = |crash: Option<&str>| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--ignored", "--exact", "child"]).env("POST", post.dir.path());
            if let Some(point) = crash {
                command.env("VITRA_WATCH_CRASH_AT", point);
            }
            command.output().unwrap().status.success()
        };
        assert!(!run(Some(point)), "{point}");
        let first = ear.rest();
        assert!((least..=most).contains(&first.len()), "{point}: {}", first.len());
        let marked = point == "delivery-marked";
        assert!(run(None), "{point}");
        let second = ear.rest();
        assert_eq!(second.len(), usize::from(!marked), "{point}");
        for heard in first.iter().chain(&second) {
            assert_eq!(heard.header("webhook-id"), alert.id);
        }
        assert!(all(&post.state.outbox(None, 10).unwrap(), OutboxStatus::Delivered));
    }
}

/// Protects against sending what is far in the future or long dead, and against an alert about ourselves being in nobody's order.
#[test]
fn what_is_not_due_waits() {
    let ear = Ear::good();
    let mut post = Post::new(config(&[("hook", hook(&ear))], "[]"));
    post.put_at(&violation(1), "hook", Some([7; 32]), alerts::vitra_now() + 3_600_000);
    post.put(&condition(Event::Began, "own", "our own network"), "hook", None);
    let courier = post.start(quickly());
    assert_eq!(ear.next().json()["condition"]["id"], "own");
    post.wait(|rows| rows[1].status == OutboxStatus::Delivered);
    block_on(courier.stop());
    assert!(ear.rest().is_empty());
}

/// Protects the router's word about dead letters and tests: they are for everybody. (What `alert test` sends is for one channel.)
#[test]
fn notices_are_only_sent_where_they_are_asked_for() {
    let ear = Ear::good();
    let route = |routes: &str, alert: &Alert| {
        let config = config(&[("one", hook(&ear)), ("two", hook(&ear))], routes);
        vitra_watch::alerts::Router::new(&config.alerts).channels(alert)
    };
    let notice = finding(Event::Opened, Kind::AckExtraFields, 1, "registry");
    let violation = violation(1);
    let unreachable = condition(Event::Began, "x", "registry");
    let mut suspicion = finding(Event::Opened, Kind::NondeterministicContract, 1, "registry");
    suspicion.finding.as_mut().unwrap().finding.explained = Some("no".to_owned());
    let both = ["one", "two"].map(str::to_owned);
    assert_eq!(route("[]", &notice), [""; 0]);
    for alert in
        [&violation, &suspicion, &unreachable, &Alert::test("one", 1, "tower"), &violation.dead_letter("one", 1, "")]
    {
        assert_eq!(route("[]", alert), both);
    }
    assert_eq!(route("[{to: [one]}]", &notice), [""; 0]);
    assert_eq!(route("[{to: [one], class: [notice]}]", &notice), ["one"]);
    assert_eq!(route("[{to: [one], kind: [ack-extra-fields]}]", &notice), ["one"]);
    assert_eq!(route("[{to: [two], class: [suspicion]}]", &suspicion), ["two"]);
    assert_eq!(route("[{to: [two], class: [contract-defect]}]", &suspicion), ["two"]);
    assert_eq!(route("[{to: [two], class: [condition]}, {to: [one], kind: [unreachable]}]", &unreachable), both);
    assert_eq!(route("[{to: [two], class: [violation]}]", &unreachable), [""; 0]);
    // Never nowhere.
    assert_eq!(route("[{to: [two], class: [condition]}]", &violation), both);
    assert_eq!(route("[{to: [two], kind: [equivocation]}]", &violation), both);
    let key = vitra_watch::database::ack::to_hex(&[7; 32]);
    assert_eq!(route(&format!("[{{to: [two], database: [{key}]}}]"), &violation), ["two"]);
    assert_eq!(route("[{to: [two], labels: {team: registry}}]", &violation), ["two"]);
    assert_eq!(route("[{to: [two], labels: {team: other}}, {to: [one], class: [violation]}]", &violation), ["one"]);
}

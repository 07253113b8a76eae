//! What machines read: health, JSON, feeds.

use serde_json::{Value as Json, json};
use vitra_watch::database::ack::to_hex;
use vitra_watch::replay::finding::{Kind, Verdict};
use vitra_watch::watch::Millis;
use vitra_watch::watch::live::Snapshot;
use vitra_watch::watch::state::{ConditionKind, Status};

use crate::client::get;
use crate::markup::bones;
use crate::site::{Fixture, condition, finding, message, now, row, some_key, told};

fn codes(fixture: &Fixture) -> [u16; 3] {
    let served = fixture.serve();
    ["/health", "/readyz", "/livez"].map(|path| {
        let reply = get(served.address, path);
        let wrong = reply.json()["problems"].as_array().unwrap().len();
        assert_eq!(reply.status == 200, wrong == 0, "{path}");
        reply.status
    })
}

/// Protects the one who watches the watcher: whatever keeps it from finding lies or telling of them fails `/health`, and
/// what databases do never does.
#[test]
fn health_is_strict_about_ourselves_alone() {
    let mut fixture = Fixture::new();
    let key = fixture.add_gallery("liar", "a lie");
    fixture.write(|write| write.put_condition(&condition(Some(key), ConditionKind::OpStalled, "stalled", false)));
    assert_eq!(codes(&fixture), [200, 200, 200]);

    let with = |change: fn(&mut Snapshot)| {
        let fixture = Fixture::new();
        fixture.now(change);
        codes(&fixture)
    };
    const MINUTE: Millis = 60_000;
    assert_eq!(with(|snapshot| snapshot.ready = false), [503, 503, 200]);
    assert_eq!(with(|snapshot| snapshot.stopped = Some("the disk is full".to_owned())), [503, 200, 200]);
    assert_eq!(with(|snapshot| snapshot.turned_at = now() - 2 * MINUTE), [503, 200, 200]);
    assert_eq!(with(|snapshot| snapshot.turned_at = now() - 6 * MINUTE), [503, 200, 503]);
    // A clock that was set back.
    assert_eq!(with(|snapshot| snapshot.turned_at = now() + 60 * MINUTE), [200, 200, 200]);

    // What was not announced counts as well: an audit that failed a second ago has failed.
    let mut failed = condition(Some(key), ConditionKind::AuditFailed, "the worker", false);
    failed.announced = false;
    fixture.write(|write| write.put_condition(&failed));
    assert_eq!(codes(&fixture), [503, 200, 200]);
    failed.ended_at = Some(now());
    fixture.write(|write| write.put_condition(&failed));
    assert_eq!(codes(&fixture), [200, 200, 200]);

    fixture.write(|write| {
        write.add_message(&message(1, "mail"), 0)?;
        write.failed(1, "no such host", Some(5))
    });
    assert_eq!(codes(&fixture), [200, 200, 200]);
    fixture.write(|write| write.failed(1, "no such host", None));
    assert_eq!(codes(&fixture), [503, 200, 200]);
    fixture.write(|write| write.resend(1, 0).map(drop));
    assert_eq!(codes(&fixture), [200, 200, 200]);
}

/// Protects who reads the status with a program: it is what the state and the workers say.
#[test]
fn the_status_is_what_the_state_says() {
    let lying = told(Some("op-skipped/next"), 1);
    let mut fixture = Fixture::new();
    fixture.add(&lying, "liar");
    let gone = some_key("gone");
    fixture.write(|write| {
        write.put_database(&row(gone, "gone"))?;
        write.remove_database(&gone, 5)?;
        write.put_condition(&condition(Some(lying.key()), ConditionKind::OpStalled, "stalled", false))?;
        write.put_condition(&condition(None, ConditionKind::IntakeStopped, "full", false))
    });
    let served = fixture.serve();
    let status = get(served.address, "/api/status.json").json();
    assert_eq!(status["schema"], "vitra-watch/site/1");
    assert_eq!(status["conditions"][0]["kind"], "intake-stopped");
    let databases = status["databases"].as_array().unwrap();
    assert_eq!(databases.len(), 1, "{databases:?}");
    let database = &databases[0];
    let report = &lying.report;
    assert_eq!(database["verdict"], "violated");
    assert_eq!(database["verified_length"], report.verified_length);
    assert_eq!(database["head_length"], report.head.length);
    assert_eq!(database["conditions"], json!(["op-stalled"]));
    let open: u64 = database["findings"].as_array().unwrap().iter().map(|pile| pile["open"].as_u64().unwrap()).sum();
    assert_eq!(open, report.findings.len() as u64);
    // What was found about it is still there.
    assert_eq!(get(served.address, &format!("/database/{}", to_hex(&gone))).status, 200);
}

/// Protects what a restart knows: until a worker speaks, the verdict is the one before the restart.
#[test]
fn before_the_workers_speak_the_state_does() {
    let lying = told(Some("op-skipped/next"), 1);
    let mut fixture = Fixture::new();
    fixture.add(&lying, "liar");
    fixture.now(|snapshot| {
        for live in snapshot.databases.values_mut() {
            (live.verdict, live.verified_length, live.head_length) = (None, 0, 0);
        }
    });
    let served = fixture.serve();
    let database = get(served.address, "/api/status.json").json()["databases"][0].clone();
    assert_eq!(database["verdict"], json!(Verdict::Violated));
    assert_eq!(database["head_length"], lying.report.head.length);
}

fn items(feed: &Json) -> &Vec<Json> {
    feed["items"].as_array().unwrap()
}

/// Protects subscribers: an entry keeps its identity, moves when a finding is cleared and then says so; both forms say the same.
#[test]
fn feeds_tell_what_became_of_a_finding() {
    let mut fixture = Fixture::new();
    fixture.site.url = Some("https://watch.example.org/vitra/".to_owned());
    let key = fixture.add_gallery("gallery", "a message");
    let served = fixture.serve();
    let first = get(served.address, "/feed.json").json();
    assert_eq!(first["version"], "https://jsonfeed.org/version/1.1");
    assert_eq!(first["feed_url"], "https://watch.example.org/vitra/feed.json");
    let kinds = Kind::ALL.iter().filter(|kind| serde_json::to_value(kind.class()).unwrap() != "notice");
    assert_eq!(items(&first).len(), kinds.count());
    let id = finding(&key, Kind::WrongChange, "").id;
    fixture.write(|write| write.set_status(&id, Status::Cleared, None, now()));
    let second = get(served.address, "/feed.json").json();
    let entry = |feed: &Json| items(feed).iter().find(|item| item["tags"] == json!(["wrong-change"])).unwrap().clone();
    assert_eq!(entry(&first)["id"], entry(&second)["id"]);
    assert_eq!(entry(&first)["url"], format!("https://watch.example.org/vitra/finding/{id}"));
    assert!(entry(&first)["date_modified"].as_str() < entry(&second)["date_modified"].as_str());
    assert!(entry(&second)["title"].as_str().unwrap().ends_with("(cleared)"));
    assert!(entry(&second)["content_text"].as_str().unwrap().contains("Not the executor any more"));

    let atom = get(served.address, "/feed.atom");
    assert_eq!(atom.header("content-type").unwrap(), "application/atom+xml; charset=utf-8");
    bones(atom.text());
    for item in items(&second) {
        assert!(atom.text().contains(&format!("<id>{}</id>", item["id"].as_str().unwrap())));
    }
    let of_one = get(served.address, &format!("/database/{}/feed.json", to_hex(&key))).json();
    assert_eq!(items(&of_one), items(&second));
    assert_ne!(of_one["title"], second["title"]);
    let nobody = to_hex(&some_key("nobody"));
    assert_eq!(get(served.address, &format!("/database/{nobody}/feed.atom")).status, 404);
}

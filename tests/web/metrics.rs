//! Metrics: named by Prometheus' rules, documented, there from the start, and true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use vitra_watch::database::ack::to_hex;
use vitra_watch::replay::finding::{Class, Kind};
use vitra_watch::watch::live::BUCKETS;
use vitra_watch::watch::state::{ConditionKind, Status};

use crate::client::get;
use crate::site::{Fixture, condition, finding, message, now, row, some_key};

/// The exposed text: series with their values, and the type of each family.
pub struct Exposed {
    pub series: BTreeMap<String, f64>,
    pub types: BTreeMap<String, String>,
}

impl Exposed {
    pub fn of(text: &str) -> Exposed {
        let (mut series, mut types) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(types.insert(name.to_owned(), kind.to_owned()), None, "{name} twice");
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert_eq!(series.insert(name.to_owned(), value.parse().unwrap()), None, "{name} twice");
            }
        }
        Exposed { series, types }
    }

    fn value(&self, series: &str) -> f64 {
        *self.series.get(series).unwrap_or_else(|| panic!("{series} in {:#?}", self.series))
    }
}

fn scrape(fixture: &Fixture) -> Exposed {
    let served = fixture.serve();
    let reply = get(served.address, "/metrics");
    assert_eq!(reply.header("content-type").unwrap(), "text/plain; version=0.0.4");
    Exposed::of(reply.text())
}

/// One database about which nothing was found.
fn quiet() -> (Fixture, String) {
    let mut fixture = Fixture::new();
    let key = some_key("quiet");
    fixture.write(|write| write.put_database(&row(key, "quiet")));
    (fixture, to_hex(&key))
}

/// First cells of the tables of docs/metrics.md, and the type that stands in the second.
pub fn documented() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `vitra_watch_"));
    let rows = rows.map(|line| {
        let (name, rest) = line.split_once("` | ").unwrap();
        (format!("vitra_watch_{name}"), rest.split(' ').next().unwrap().to_owned())
    });
    rows.collect()
}

/// Protects who writes queries: what is documented is there, and what is there is documented, with its type.
#[test]
fn the_document_lists_what_is_exposed() {
    assert_eq!(documented(), scrape(&quiet().0).types);
}

/// Protects dashboards: names and units as Prometheus wants them.
#[test]
fn names_follow_the_rules() {
    for (name, kind) in scrape(&quiet().0).types {
        assert!(name.starts_with("vitra_watch_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        for unit in ["milliseconds", "_ms", "_kb", "_minutes", "percent"] {
            assert!(!name.contains(unit), "{name}");
        }
        assert!(["gauge", "counter", "histogram"].contains(&&*kind), "{name}");
    }
}

/// Protects alerts on the first lie of a database: its series is there at 0 before, for every kind of violation and condition.
#[test]
fn everything_is_there_at_zero() {
    let (fixture, hex) = quiet();
    let exposed = scrape(&fixture);
    for kind in Kind::ALL.iter().filter(|kind| kind.class() == Class::Violation) {
        let labels = format!("class=\"violation\",database=\"{hex}\",kind=\"{}\",name=\"quiet\"", kind.name());
        assert_eq!(exposed.value(&format!("vitra_watch_findings_open{{{}}}", in_order(&exposed, &labels))), 0.0);
    }
    let conditions: BTreeSet<&str> = ConditionKind::ALL
        .iter()
        .map(|kind| kind.name())
        .filter(|kind| {
            exposed.series.keys().any(|series| {
                series.starts_with("vitra_watch_conditions_open") && series.contains(&format!("\"{kind}\""))
            })
        })
        .collect();
    assert_eq!(conditions.len(), ConditionKind::ALL.len());
    for channel in ["mail", "hook"] {
        for metric in ["outbox_pending", "outbox_dead", "deliveries_total"] {
            assert_eq!(exposed.value(&format!("vitra_watch_{metric}{{channel=\"{channel}\"}}")), 0.0);
        }
    }
    assert_eq!(exposed.value("vitra_watch_replay_seconds_count"), 0.0);
}

/// The labels in the order in which the text has them.
fn in_order(exposed: &Exposed, labels: &str) -> String {
    let wanted: BTreeSet<&str> = labels.split(',').collect();
    let all =
        exposed.series.keys().filter_map(|series| series.split_once('{')).map(|(_, rest)| rest.trim_end_matches('}'));
    let mut same = all.filter(|there| there.split(',').collect::<BTreeSet<_>>() == wanted);
    same.next().unwrap_or(labels).to_owned()
}

fn sum(exposed: &Exposed, name: &str, labels: &[&str]) -> f64 {
    let of = |series: &&String| {
        series.split(['{', ' ']).next() == Some(name) && labels.iter().all(|label| series.contains(label))
    };
    exposed.series.keys().filter(of).map(|series| exposed.series[series]).sum()
}

/// Protects who is on call: what is open is counted until it is not, also after a restart; acknowledged is still open.
#[test]
fn open_findings_are_counted_until_they_end() {
    let mut fixture = Fixture::new();
    let key = fixture.add_gallery("gallery", "a message");
    let id = finding(&key, Kind::WrongChange, "").id;
    let open = |fixture: &Fixture| sum(&scrape(fixture), "vitra_watch_findings_open", &["kind=\"wrong-change\""]);
    assert_eq!(open(&fixture), 1.0);
    fixture.write(|write| write.set_status(&id, Status::Acknowledged, None, now()));
    assert_eq!(open(&fixture), 1.0);
    fixture.write(|write| write.set_status(&id, Status::Cleared, None, now()));
    assert_eq!(open(&fixture), 0.0);
    let all = scrape(&fixture);
    assert_eq!(sum(&all, "vitra_watch_findings_open", &[]), Kind::ALL.len() as f64 - 1.0);
    assert_eq!(sum(&all, "vitra_watch_findings_open", &["class=\"violation\""]), 17.0);
    fixture.write(|write| write.remove_database(&key, now()));
    assert_eq!(sum(&scrape(&fixture), "vitra_watch_findings_open", &[]), 0.0);
}

/// Protects everything else that is read off the metrics: conditions, outbox, replay times, our own state.
#[test]
fn numbers_are_those_of_the_service() {
    let (mut fixture, hex) = quiet();
    let key = some_key("quiet");
    let mut unannounced = condition(Some(key), ConditionKind::Unreachable, "a moment", false);
    unannounced.announced = false;
    fixture.write(|write| {
        write.put_condition(&condition(Some(key), ConditionKind::OpStalled, "stalled", false))?;
        write.put_condition(&condition(Some(key), ConditionKind::Incomplete, "was", true))?;
        write.put_condition(&unannounced)?;
        write.put_condition(&condition(None, ConditionKind::OwnNetwork, "ours", false))?;
        for (number, channel) in [(1, "mail"), (2, "mail"), (3, "mail"), (4, "old")] {
            write.add_message(&message(number, channel), 0)?;
        }
        write.delivered(1, 5)?;
        write.failed(2, "why", None)
    });
    fixture.now(|snapshot| {
        snapshot.stopped = Some("full".to_owned());
        snapshot.replay.observe(0.02);
        snapshot.replay.observe(0.3);
        snapshot.replay.observe(5_000.0);
    });
    let exposed = scrape(&fixture);
    let open = |kind: &str| sum(&exposed, "vitra_watch_conditions_open", &[&format!("kind=\"{kind}\"")]);
    assert_eq!(
        ["op-stalled", "incomplete", "unreachable", "own-network", "intake-stopped"].map(open),
        [1.0, 0.0, 0.0, 1.0, 0.0]
    );
    let outbox = |metric: &str, channel: &str| exposed.value(&format!("vitra_watch_{metric}{{channel=\"{channel}\"}}"));
    assert_eq!(
        ["outbox_pending", "outbox_dead", "deliveries_total"].map(|metric| outbox(metric, "mail")),
        [1.0, 1.0, 1.0]
    );
    assert_eq!(outbox("outbox_pending", "old"), 1.0);
    assert_eq!(exposed.value("vitra_watch_stopped"), 1.0);
    assert_eq!(exposed.value("vitra_watch_replay_seconds_count"), 3.0);
    assert_eq!(exposed.value("vitra_watch_replay_seconds_bucket{le=\"0.025\"}"), 1.0);
    assert_eq!(exposed.value("vitra_watch_replay_seconds_bucket{le=\"600\"}"), 2.0);
    assert_eq!(exposed.value("vitra_watch_replay_seconds_bucket{le=\"+Inf\"}"), 3.0);
    assert_eq!(exposed.series.keys().filter(|series| series.contains("_bucket{")).count(), BUCKETS.len() + 1);
    assert_eq!(sum(&exposed, "vitra_watch_databases", &["verdict=\"unknown\""]), 1.0);
    assert_eq!(sum(&exposed, "vitra_watch_database_verdict", &[&hex]), 0.0);
}

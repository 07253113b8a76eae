//! Real Prometheus with the shipped rules scrapes the page of a lying database, and a real Alertmanager gets the alert.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use vitra_watch::database::ack::to_hex;

use crate::client::{parse, send};
use crate::services::{Running, program};
use crate::site::{Fixture, told};

/// How long anything may take before the test gives up; nothing is concluded from how long it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A port that is free now.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Asks until there is an answer that is good enough.
fn wait<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(answer) = ask() {
            return answer;
        }
        // Nobody sends: a pause.
        let _ = receiver.recv_timeout(Duration::from_millis(200));
    }
    drop(sender);
    panic!("{what}: not within {PATIENCE:?}");
}

/// JSON from a server that may not be there yet.
fn json_of(address: SocketAddr, path: &str) -> Option<Json> {
    std::net::TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n");
    let all = send(address, request.as_bytes());
    if all.is_empty() {
        return None;
    }
    serde_json::from_slice(&parse(&all).body).ok()
}

/// Protects the second way in which a lie is heard of: scraped, evaluated by the shipped rules, sent on, received, with the labels of the database.
#[test]
fn a_lie_reaches_alertmanager() {
    let (Some(mut prometheus), Some(mut alertmanager)) = (program("prometheus"), program("prometheus-alertmanager"))
    else {
        return;
    };
    let lying = told(Some("wrong-change/value"), 1);
    let mut fixture = Fixture::new();
    fixture.add(&lying, "liar");
    fixture.add(&told(None, 2), "honest");
    let served = fixture.serve();
    let temp = tempfile::tempdir().unwrap();
    let (watching, receiving) = (free(), free());
    let monitoring = Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring");
    // JSON is YAML.
    let config = json!({
        "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
        "rule_files": [monitoring.join("prometheus-rules.yml")],
        "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": [receiving.to_string()] }] }] },
        "scrape_configs": [{ "job_name": "vitra-watch", "static_configs": [{ "targets": [served.address.to_string()] }] }],
    });
    std::fs::write(temp.path().join("prometheus.yml"), config.to_string()).unwrap();
    let _alertmanager = Running::start(
        alertmanager
            .arg(format!("--config.file={}", monitoring.join("alertmanager.yml").display()))
            .arg(format!("--web.listen-address={receiving}"))
            .args(["--cluster.listen-address=", "--log.level=error"])
            .arg(format!("--storage.path={}", temp.path().join("alertmanager").display()))
            .current_dir(temp.path()),
    );
    let _prometheus = Running::start(
        prometheus
            .arg(format!("--config.file={}", temp.path().join("prometheus.yml").display()))
            .arg(format!("--web.listen-address={watching}"))
            .arg(format!("--storage.tsdb.path={}", temp.path().join("prometheus").display()))
            .arg("--log.level=error")
            .current_dir(temp.path()),
    );
    let received = wait("an alert at Alertmanager", || {
        let alerts = json_of(receiving, "/api/v2/alerts")?;
        let alerts = alerts.as_array()?.clone();
        let ours = alerts.into_iter().find(|alert| alert["labels"]["alertname"] == "VitraWatchViolation")?;
        Some(ours)
    });
    assert_eq!(received["labels"]["database"], to_hex(&lying.key()));
    assert_eq!(received["labels"]["kind"], "wrong-change");
    assert_eq!(received["labels"]["severity"], "critical");
    assert_eq!(received["annotations"]["summary"], "liar: wrong-change is proven");
    assert_eq!(received["annotations"]["runbook_url"], "docs/runbook.md#violation");
    // Nothing is said of the honest one.
    let all = json_of(receiving, "/api/v2/alerts").unwrap();
    assert!(!all.to_string().contains("honest"), "{all}");
    // And Prometheus has read every metric.
    let names = wait("the names of metrics", || {
        json_of(watching, "/api/v1/label/__name__/values")?["data"].as_array().filter(|names| names.len() > 10).cloned()
    });
    for (metric, kind) in crate::metrics::documented() {
        let name = if kind == "histogram" { format!("{metric}_bucket") } else { metric };
        assert!(names.contains(&json!(name)), "{name}");
    }
}

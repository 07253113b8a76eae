//! Prometheus' Alertmanager, API v2.
//!
//! An Alertmanager forgets: it takes an alert as over when nobody repeats it. So what is open is repeated every minute (by the courier), and
//! each time said to end in an hour: a restart of this service ends nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;
use serde_json::{Value as Json, json};

use super::Outcome;
use super::http::{Http, beginning};
use crate::config;
use crate::escape::{escape, escape_json};
use crate::replay::finding::Class;
use crate::watch::Millis;
use crate::watch::alert::{Alert, Event, is_suspicion};

/// When an alert that is not repeated ends.
const LASTS: i64 = 3_600_000;
/// When one ends that only tries the channel.
const TEST_LASTS: i64 = 300_000;
/// Alerts in one request.
const TOGETHER: usize = 200;
/// Longest label or annotation, in characters.
const LONGEST: usize = 1_000;

/// An Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    alerts: Url,
    ready: Url,
    http: Http,
}

impl Alertmanager {
    pub(super) fn open(config: &config::Alertmanager) -> Result<Alertmanager, String> {
        let below = |path: &str| {
            let base = config.url.as_str().trim_end_matches('/');
            Url::parse(&format!("{base}/{path}")).map_err(|e| e.to_string())
        };
        let http = Http::new(config.ca.as_deref(), config.allow_private)?;
        Ok(Alertmanager { alerts: below("api/v2/alerts")?, ready: below("-/ready")?, http })
    }

    /// Posts alerts. What it has already is the same alert to it.
    pub(super) async fn deliver(&self, alerts: &[Alert]) -> Outcome {
        for some in alerts.chunks(TOGETHER) {
            let now = jiff::Timestamp::now().as_millisecond();
            let list: Vec<Json> = some.iter().map(|alert| form(alert, now)).collect();
            let body = escape_json(&Json::from(list).to_string()).into_bytes();
            let response = match self.http.post(&self.alerts, &[], body).await {
                Ok(response) => response,
                Err(why) => return Outcome::failed(why),
            };
            let status = response.status();
            if !status.is_success() {
                return Outcome::failed(format!("it answers {status}: {}", beginning(response).await));
            }
        }
        Outcome::Delivered
    }

    pub(super) async fn probe(&self) -> Result<String, String> {
        let response = self.http.get(&self.ready).await?;
        match response.status() {
            status if status.is_success() => Ok("it is ready".to_owned()),
            status => Err(format!("it answers {status}")),
        }
    }
}

fn cut(text: &str) -> String {
    let text = escape(text);
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

fn time(at: Millis) -> Option<String> {
    jiff::Timestamp::from_millisecond(at).ok().map(|time| time.to_string())
}

fn sort(alert: &Alert) -> (&'static str, &'static str) {
    match (alert.event, &alert.finding) {
        (Event::Test, _) => ("VitraTest", "info"),
        (Event::DeadLetter, _) => ("VitraDeadLetter", "critical"),
        (_, Some(note)) if note.finding.class == Class::Violation => ("VitraViolation", "critical"),
        (_, Some(note)) if is_suspicion(&note.finding) => ("VitraSuspicion", "warning"),
        (_, Some(note)) if matches!(note.finding.class, Class::Missing | Class::Notice) => ("VitraFinding", "info"),
        (_, Some(_)) => ("VitraFinding", "warning"),
        (_, None) => ("VitraCondition", "warning"),
    }
}

/// An alert as Alertmanager takes it. Labels are what it is: they stay the same as long as it is open. All else is annotations.
fn form(alert: &Alert, now: Millis) -> Json {
    let (name, severity) = sort(alert);
    let mut labels = BTreeMap::from([("alertname", name.to_owned()), ("severity", severity.to_owned())]);
    labels.insert("watcher", cut(&alert.watcher));
    let mut annotations = BTreeMap::from([("summary", cut(&alert.message)), ("id", alert.id.clone())]);
    let mut page = None;
    let mut begins = alert.at;
    if let Some(kind) = alert.kind() {
        labels.insert("kind", kind.to_owned());
    }
    if let Some(note) = &alert.finding {
        begins = note.found_at;
        labels.insert("class", config::Topic::from(note.finding.class).name().to_owned());
        labels.insert("finding", cut(&note.finding.id));
        annotations.insert("status", note.status.name().to_owned());
        if let Some(proof) = &note.proof {
            annotations.insert("proof_digest", cut(&proof.digest));
            annotations.extend(proof.url.as_deref().map(|url| ("proof", cut(url))));
        }
        page = note.url.as_deref();
    }
    if let Some(note) = &alert.condition {
        begins = note.began_at;
        labels.insert("class", config::Topic::Condition.name().to_owned());
        labels.insert("condition", cut(&note.id));
    }
    if matches!(alert.event, Event::DeadLetter | Event::Test) {
        begins = alert.at;
        // Each of these is an alert of its own.
        labels.insert("alert", alert.id.clone());
    }
    let mut labels: BTreeMap<String, String> =
        labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if let Some(database) = &alert.database {
        labels.insert("database".to_owned(), cut(&database.name));
        labels.insert("key".to_owned(), cut(&database.key));
        for (name, value) in &database.labels {
            let safe = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
            labels.insert(format!("label_{}", safe.collect::<String>()), cut(value));
        }
        annotations.extend(database.contact.as_deref().map(|contact| ("contact", cut(contact))));
    }
    let ends = match alert.event {
        Event::Resolved | Event::Cleared | Event::Ended => alert.at.max(begins),
        Event::Test => now.saturating_add(TEST_LASTS),
        _ => now.saturating_add(LASTS),
    };
    let mut form = json!({"labels": labels, "annotations": annotations});
    if let Some(map) = form.as_object_mut() {
        map.extend(time(begins.min(ends)).map(|time| ("startsAt".to_owned(), Json::from(time))));
        map.extend(time(ends).map(|time| ("endsAt".to_owned(), Json::from(time))));
        map.extend(page.map(|page| ("generatorURL".to_owned(), Json::from(page))));
    }
    form
}

/// How often what is open is repeated.
pub(super) const REPEAT: Duration = Duration::from_secs(60);

//! Metrics in Prometheus' text format (`docs/metrics.md` lists them).
//!
//! They are made anew for each scrape out of the state and of what is true now, so nothing has to be counted twice, and what is open
//! after a restart is there at once: an alert on a gauge fires, where one on a counter born at 1 never would. Every series is there at 0
//! before anything happens. Labels hold nothing that a log says: keys and names of databases, kinds, channels.

use std::collections::BTreeMap;

use prometheus::TextEncoder;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use super::overview::{Entry, Overview};
use super::text::plain_name;
use crate::replay::finding::{Class, Kind, RULEBOOK, Verdict};
use crate::sandbox::Layer;
use crate::watch::live::{BUCKETS, Snapshot};
use crate::watch::state::{ConditionKind, OutboxStatus};

/// A label and its value.
type Label<'a> = (&'a str, &'a str);

/// Everything as Prometheus reads it. `answers` counts our own answers by class of status code.
///
/// # Errors
/// When the encoder finds a metric that is none, which would be a mistake here.
pub fn text(overview: &Overview, live: &Snapshot, answers: &BTreeMap<&str, u64>) -> Result<String, prometheus::Error> {
    let mut families = own(live, answers);
    families.extend(alerts(overview, live));
    families.extend(sums(overview));
    families.extend(databases(&overview.databases));
    families.push(findings(&overview.databases));
    families.push(conditions(overview));
    // The encoder refuses a family without series: those of databases, where there are none.
    families.retain(|family| !family.get_metric().is_empty());
    TextEncoder::new().encode_to_string(&families)
}

fn family(name: &str, help: &str, kind: MetricType) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(format!("vitra_watch_{name}"));
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family
}

fn labelled(labels: &[Label<'_>]) -> Metric {
    let pair = |(name, value): &Label<'_>| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}

/// Adds a series to a family, as the family's type wants it.
fn add(family: &mut MetricFamily, labels: &[Label<'_>], value: f64) {
    let mut metric = labelled(labels);
    if family.get_field_type() == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    family.mut_metric().push(metric);
}

/// A family with one series.
fn single(name: &str, help: &str, value: f64) -> MetricFamily {
    let mut family = family(name, help, MetricType::GAUGE);
    add(&mut family, &[], value);
    family
}

/// Milliseconds as seconds; 0 for never.
fn seconds(at: Option<i64>) -> f64 {
    at.unwrap_or(0) as f64 / 1e3
}

/// About the service itself.
fn own(live: &Snapshot, answers: &BTreeMap<&str, u64>) -> Vec<MetricFamily> {
    let mut build = family("build_info", "Always 1; the version is in the labels.", MetricType::GAUGE);
    add(&mut build, &[("version", env!("CARGO_PKG_VERSION")), ("rulebook", &RULEBOOK.to_string())], 1.0);
    let mut requests =
        family("http_requests_total", "Answers of the status page, by class of status code.", MetricType::COUNTER);
    for (class, count) in answers {
        add(&mut requests, &[("code", class)], *count as f64);
    }
    vec![
        build,
        single("start_timestamp_seconds", "When the service started.", seconds(Some(live.started_at))),
        single("turn_timestamp_seconds", "When the service's loop last went round.", seconds(Some(live.turned_at))),
        single("ready", "1 when everything that was to be opened is open.", f64::from(u8::from(live.ready))),
        single(
            "stopped",
            "1 while nothing new is taken in: the disk is full, above all.",
            f64::from(u8::from(live.stopped.is_some())),
        ),
        single(
            "reference_runtimes",
            "1 when the reference runtimes are at hand, which confirm accusations of contracts that are not plain.",
            f64::from(u8::from(live.runtimes)),
        ),
        single("peers", "Connected peers.", live.peers as f64),
        single("archive_bytes", "Bytes of the archive.", live.archive_bytes as f64),
        sandbox(live),
        replay(live),
        requests,
    ]
}

/// Every layer, whether the system has it or not.
fn sandbox(live: &Snapshot) -> MetricFamily {
    let help = "1 when this layer locks contract code in, 0 when this system lacks it or it is switched off.";
    let mut family = family("sandbox_layer", help, MetricType::GAUGE);
    for layer in Layer::ALL {
        add(&mut family, &[("layer", layer.name())], f64::from(u8::from(live.layers.has(layer))));
    }
    family
}

fn replay(live: &Snapshot) -> MetricFamily {
    let mut family = family(
        "replay_seconds",
        "How long the turns of the workers took that judge what has come.",
        MetricType::HISTOGRAM,
    );
    let mut all = 0;
    let mut buckets = Vec::new();
    for (bound, count) in BUCKETS.iter().zip(live.replay.counts) {
        all += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(all);
        buckets.push(bucket);
    }
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets);
    histogram.set_sample_count(live.replay.counts.iter().sum());
    histogram.set_sample_sum(live.replay.sum);
    let mut metric = Metric::default();
    metric.set_histogram(histogram);
    family.mut_metric().push(metric);
    family
}

/// The outbox, by channel: those of the configuration, and those for which something is still there.
fn alerts(overview: &Overview, live: &Snapshot) -> Vec<MetricFamily> {
    let mut channels: BTreeMap<&str, [u64; 3]> = live.channels.iter().map(|name| (name.as_str(), [0; 3])).collect();
    for (channel, status, count) in &overview.outbox {
        let [pending, delivered, dead] = channels.entry(channel).or_default();
        match status {
            OutboxStatus::Pending => *pending += count,
            OutboxStatus::Delivered => *delivered += count,
            OutboxStatus::Dead => *dead += count,
        }
    }
    let mut pending = family("outbox_pending", "Alerts that are still to be delivered.", MetricType::GAUGE);
    let mut dead = family("outbox_dead", "Alerts that were given up after days, and not resent.", MetricType::GAUGE);
    let mut delivered = family("deliveries_total", "Alerts that were delivered.", MetricType::COUNTER);
    for (channel, [waiting, done, given_up]) in channels {
        let channel = plain_name(channel);
        let labels = [("channel", channel.as_str())];
        add(&mut pending, &labels, waiting as f64);
        add(&mut delivered, &labels, done as f64);
        add(&mut dead, &labels, given_up as f64);
    }
    vec![pending, dead, delivered]
}

const VERDICTS: [Option<Verdict>; 5] =
    [None, Some(Verdict::Verified), Some(Verdict::Incomplete), Some(Verdict::Unverifiable), Some(Verdict::Violated)];

fn sums(overview: &Overview) -> Vec<MetricFamily> {
    let mut family = family("databases", "Databases that are followed, by verdict.", MetricType::GAUGE);
    for verdict in VERDICTS {
        add(&mut family, &[("verdict", verdict.map_or("unknown", Verdict::name))], overview.count(verdict) as f64);
    }
    vec![family]
}

/// A metric of each database: its name, what it is, and its value.
type OfDatabase = (&'static str, &'static str, fn(&Entry) -> f64);

const OF_DATABASE: [OfDatabase; 10] = [
    (
        "database_verdict",
        "The verdict: 0 not judged yet, 1 verified, 2 incomplete, 3 unverifiable, 4 violated.",
        |entry| VERDICTS.iter().position(|verdict| *verdict == entry.verdict).unwrap_or(0) as f64,
    ),
    ("database_verified_blocks", "Blocks of the index that follow the contract.", |entry| entry.verified_length as f64),
    ("database_head_blocks", "Blocks of the index's newest head.", |entry| entry.head_length as f64),
    ("database_transactions", "Transactions judged.", |entry| entry.transactions as f64),
    ("database_pending_operations", "Operations published and not acked yet.", |entry| entry.pending as f64),
    ("database_participants", "Participants.", |entry| entry.participants as f64),
    ("database_peers", "Peers that have the index.", |entry| entry.peers as f64),
    ("database_archive_bytes", "Bytes of the database's logs in the archive.", |entry| entry.archive_bytes as f64),
    ("database_progress_timestamp_seconds", "When something was last verified; 0 for never.", |entry| {
        seconds(entry.progress_at)
    }),
    ("database_checked_timestamp_seconds", "When the worker last said how it stands; 0 for never.", |entry| {
        seconds(entry.checked_at)
    }),
];

fn databases(entries: &[Entry]) -> Vec<MetricFamily> {
    let families = OF_DATABASE.iter().map(|(name, help, value)| {
        let mut family = family(name, help, MetricType::GAUGE);
        for entry in entries {
            add(&mut family, &[("database", &entry.hex), ("name", &plain_name(&entry.name))], value(entry));
        }
        family
    });
    families.collect()
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Violation => "violation",
        Class::ContractDefect => "contract-defect",
        Class::Unverifiable => "unverifiable",
        Class::Missing => "missing",
        Class::Notice => "notice",
    }
}

/// Open findings: every kind of violation from the start, and what else there is.
fn findings(entries: &[Entry]) -> MetricFamily {
    let mut family = family("findings_open", "Findings that are open or acknowledged.", MetricType::GAUGE);
    for entry in entries {
        let name = plain_name(&entry.name);
        let of = |class, kind| {
            [("database", entry.hex.as_str()), ("name", name.as_str()), ("class", class_name(class)), ("kind", kind)]
        };
        for kind in Kind::ALL.iter().filter(|kind| kind.class() == Class::Violation) {
            let open = entry.findings.get(&(Class::Violation, kind.name().to_owned())).copied().unwrap_or(0);
            add(&mut family, &of(Class::Violation, kind.name()), open as f64);
        }
        for ((class, kind), open) in entry.findings.iter().filter(|((class, _), _)| *class != Class::Violation) {
            add(&mut family, &of(*class, kind.as_str()), *open as f64);
        }
    }
    family
}

/// Kinds of conditions that are about ourselves.
fn is_own(kind: ConditionKind) -> bool {
    matches!(kind, ConditionKind::OwnNetwork | ConditionKind::IntakeStopped)
}

/// Open conditions of each kind: our own without a database.
fn conditions(overview: &Overview) -> MetricFamily {
    let mut family = family("conditions_open", "Conditions that were announced and have not ended.", MetricType::GAUGE);
    for kind in ConditionKind::ALL.iter().filter(|kind| is_own(**kind)) {
        let open = overview.own_conditions.iter().filter(|row| row.kind == *kind).count();
        add(&mut family, &[("database", ""), ("name", ""), ("kind", kind.name())], open as f64);
    }
    for entry in &overview.databases {
        let name = plain_name(&entry.name);
        for kind in ConditionKind::ALL.iter().filter(|kind| !is_own(**kind)) {
            let open = entry.conditions.get(kind.name()).copied().unwrap_or(0);
            add(&mut family, &[("database", &entry.hex), ("name", &name), ("kind", kind.name())], open as f64);
        }
    }
    family
}

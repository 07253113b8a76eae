//! What `monitoring/` ships: rules, their tests, a dashboard, example configurations. Nothing in it asks for what does not exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::metrics::documented;
use crate::services::program;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn yaml(path: &str) -> Json {
    serde_saphyr::from_str(&read(path)).unwrap()
}

fn list<'a>(json: &'a Json, field: &str) -> &'a Vec<Json> {
    json[field].as_array().unwrap_or_else(|| panic!("{field} in {json}"))
}

fn text<'a>(json: &'a Json, field: &str) -> &'a str {
    json[field].as_str().unwrap_or_else(|| panic!("{field} in {json}"))
}

/// Every rule of the file, by name.
fn rules() -> BTreeMap<String, Json> {
    let file = yaml("monitoring/prometheus-rules.yml");
    let rules = list(&file, "groups").iter().flat_map(|group| list(group, "rules"));
    rules.map(|rule| (text(rule, "alert").to_owned(), rule.clone())).collect()
}

/// Whatever looks like one of our metrics in a query is one, with the suffixes of histograms.
fn asks_for_what_exists(query: &str) -> usize {
    let known = documented();
    let mut count = 0;
    for rest in query.split("vitra_watch_").skip(1) {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let name = format!("vitra_watch_{name}");
        let of_histogram = ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| name.strip_suffix(suffix));
        let of_histogram = of_histogram.filter(|base| known.get(*base).is_some_and(|kind| kind == "histogram")).count();
        assert!(known.contains_key(&name) || of_histogram == 1, "{name} in {query}");
        count += 1;
    }
    count
}

/// Headings as fragments of links.
fn anchors(path: &str) -> BTreeSet<String> {
    let text = read(path);
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let fragment = |heading: &str| {
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(fragment).collect()
}

/// Protects who is on call: each rule asks for metrics that exist, and leads to a paragraph that says what to do.
#[test]
fn every_rule_has_a_runbook() {
    let anchors = anchors("docs/runbook.md");
    let rules = rules();
    assert!(rules.len() >= 8);
    for (name, rule) in &rules {
        assert!(asks_for_what_exists(text(rule, "expr")) > 0 || text(rule, "expr").contains("up{"), "{name}");
        let annotations = &rule["annotations"];
        let anchor = text(annotations, "runbook_url").strip_prefix("docs/runbook.md#").unwrap();
        assert!(anchors.contains(anchor), "{name}: {anchor}");
        assert!(!text(annotations, "summary").is_empty() && !text(annotations, "description").is_empty(), "{name}");
        assert!(["critical", "warning"].contains(&text(&rule["labels"], "severity")), "{name}");
        assert!(read("docs/runbook.md").contains(&format!("`{name}`")), "{name} in the runbook");
    }
    for kind in vitra_watch::watch::state::ConditionKind::ALL {
        assert!(read("docs/runbook.md").contains(&format!("`{}`", kind.name())), "{}", kind.name());
    }
}

/// Protects sleep and trust: each rule has a test in which it fires and one in which it stays silent, and all pass.
#[test]
fn every_rule_is_tested_both_ways() {
    let mut tested: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    let mut files = Vec::new();
    for entry in root().join("monitoring/tests").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let file = yaml(path.strip_prefix(root()).unwrap().to_str().unwrap());
        for case in list(&file, "tests").iter().flat_map(|test| list(test, "alert_rule_test")) {
            let fires = !list(case, "exp_alerts").is_empty();
            tested.entry(text(case, "alertname").to_owned()).or_default().insert(fires);
        }
        files.push(path);
    }
    let both = BTreeSet::from([true, false]);
    for name in rules().keys() {
        assert_eq!(tested.get(name), Some(&both), "{name}");
    }
    let Some(mut promtool) = program("promtool") else { return };
    succeeds(promtool.arg("check").arg("rules").arg(root().join("monitoring/prometheus-rules.yml")));
    let Some(mut promtool) = program("promtool") else { return };
    succeeds(promtool.arg("test").arg("rules").args(files));
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

/// Protects who starts from the examples: Prometheus and Alertmanager accept them.
#[test]
fn the_example_configurations_are_accepted() {
    let Some(mut promtool) = program("promtool") else { return };
    succeeds(promtool.arg("check").arg("config").arg(root().join("monitoring/prometheus.yml")));
    let Some(mut amtool) = program("amtool") else { return };
    succeeds(amtool.arg("check-config").arg(root().join("monitoring/alertmanager.yml")));
}

/// Queries of the dashboard.
fn queries(dashboard: &Json) -> Vec<String> {
    let panels = list(dashboard, "panels").iter().flat_map(|panel| list(panel, "targets"));
    panels.map(|target| text(target, "expr").to_owned()).collect()
}

/// Protects who looks at the dashboard: every query asks for metrics that exist, every metric is on it, and Prometheus reads the queries.
#[test]
fn the_dashboard_shows_what_exists() {
    let dashboard: Json = serde_json::from_str(&read("monitoring/grafana-dashboard.json")).unwrap();
    let queries = queries(&dashboard);
    for query in &queries {
        assert!(asks_for_what_exists(query) > 0, "{query}");
    }
    let all = queries.join("\n");
    for metric in documented().keys() {
        assert!(all.contains(metric.as_str()), "{metric} is not on the dashboard");
    }
    for variable in list(&dashboard["templating"], "list") {
        if let Some(query) = variable["definition"].as_str() {
            assert_eq!(asks_for_what_exists(query), 1);
        }
    }
    let as_rules = queries.iter().enumerate().map(|(at, query)| {
        let query = query.replace("$__rate_interval", "5m").replace("$database", ".*");
        serde_json::json!({ "record": format!("query_{at}"), "expr": query })
    });
    let file = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": as_rules.collect::<Vec<_>>() }] });
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("dashboard.yml");
    // JSON is YAML.
    std::fs::write(&path, file.to_string()).unwrap();
    let Some(mut promtool) = program("promtool") else { return };
    succeeds(promtool.arg("check").arg("rules").arg(Path::new(&path)));
}

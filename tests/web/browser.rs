//! Chromium visits every page: nothing on the console, nothing from elsewhere, nothing that axe-core objects to, in light and dark,
//! wide and on a phone. `VITRA_WATCH_SHOTS=DIR` keeps a picture of each.

use serde_json::{Value as Json, json};
use vitra_watch::database::ack::to_hex;
use vitra_watch::replay::finding::Kind;
use vitra_watch::watch::state::ConditionKind;

use crate::nasty::{NASTY, very_long};
use crate::node::{Node, Project, successful};
use crate::services::program;
use crate::site::{Fixture, condition, finding, told};

static BROWSER: Project = Project::new("browser");

/// A site with everything on it: an honest database, lying ones, one of each kind of finding, a nasty one.
fn everything() -> (Fixture, Vec<String>, Vec<String>) {
    let mut fixture = Fixture::new();
    fixture.site.url = Some("https://watch.example.org".to_owned());
    fixture.site.webhook_key = Some("whpk_zmcQLzv6NVHD9YfYYb0rsIAhXxzyKyrUXYk9w+R5Zs0=".to_owned());
    let mut paths = vec!["/".to_owned(), "/nothing/here".to_owned()];
    let mut feeds = vec!["/feed.atom".to_owned(), "/icon.svg".to_owned()];
    // Keys follow from the seed.
    for (seed, name, lie) in [
        (1, "Town council votes", None),
        (2, "Community land registry", Some("wrong-change/value")),
        (3, "Food bank ledger", Some("op-skipped/next")),
        (4, "Library catalogue", Some("index-tampered/stale-value")),
    ] {
        let audited = told(lie, seed);
        fixture.add(&audited, name);
        let hex = to_hex(&audited.key());
        paths.push(format!("/database/{hex}"));
        feeds.extend([format!("/badge/{hex}.svg"), format!("/database/{hex}/feed.atom")]);
        paths.extend(audited.report.findings.iter().take(2).map(|finding| format!("/finding/{}", finding.id)));
    }
    let long = very_long();
    let nasty = format!("{} {long}", NASTY.concat());
    let key = fixture.add_gallery("Every kind", &nasty);
    let scribbled = fixture.add_gallery(&nasty, "a message");
    fixture.write(|write| {
        write.put_condition(&condition(Some(key), ConditionKind::OpStalled, &nasty, false))?;
        write.put_condition(&condition(Some(key), ConditionKind::Unreachable, "nobody serves it", true))?;
        write.put_condition(&condition(None, ConditionKind::IntakeStopped, "the disk is full", false))
    });
    fixture.now(|snapshot| snapshot.stopped = Some("the disk is full".to_owned()));
    paths.extend([format!("/database/{}", to_hex(&key)), format!("/database/{}", to_hex(&scribbled))]);
    for kind in [Kind::WrongChange, Kind::NondeterministicContract, Kind::OpUnavailable, Kind::MalformedOp] {
        paths.push(format!("/finding/{}", finding(&key, kind, "").id));
    }
    (fixture, paths, feeds)
}

/// Protects everybody who looks, also those who cannot see well or see otherwise.
#[test]
fn every_page_in_a_browser() {
    let Some(chromium) = program("chromium") else { return };
    let libraries = chromium.get_envs().find(|(name, _)| *name == "LD_LIBRARY_PATH").and_then(|(_, value)| value);
    let (fixture, paths, feeds) = everything();
    let served = fixture.serve();
    let profile = tempfile::tempdir().unwrap();
    let task = json!({
        "chromium": chromium.get_program().to_str(),
        "libraries": libraries.and_then(|path| path.to_str()).unwrap_or_default(),
        "profile": profile.path(),
        "base": format!("http://{}", served.address),
        "paths": paths,
        "feeds": feeds,
        "shots": std::env::var("VITRA_WATCH_SHOTS").ok(),
    });
    let Some(output) = BROWSER.run(Node::Todays, "visit.js", &[task.to_string()]) else { return };
    let results: Vec<Json> = serde_json::from_str(&successful(&output)).unwrap();
    assert_eq!(results.len(), 4 * paths.len() + feeds.len());
    // Browsers say of a page that is not there that it is not there.
    let absent = "console: error: Failed to load resource: the server responded with a status of 404 (Not Found)";
    let expected = |result: &Json| match result["path"].as_str() {
        Some("/nothing/here") => json!([absent]),
        _ => json!([]),
    };
    let wrong: Vec<&Json> = results.iter().filter(|result| result["wrong"] != expected(result)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(results.iter().all(|result| result["checks"].as_u64() > Some(0)));
}

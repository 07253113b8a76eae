//! Pages: what they say of real findings, and what nasty strings cannot make of them.

use vitra_watch::database::ack::to_hex;
use vitra_watch::proofs;
use vitra_watch::replay::auditor::Options;
use vitra_watch::replay::finding::{Class, Kind, ShownChange, Verdict};
use vitra_watch::watch::state::{ConditionKind, FindingRow, Status};

use crate::client::get;
use crate::markup::bones;
use crate::nasty::{NASTY, is_harmful, very_long};
use crate::site::{Fixture, condition, finding, found, now, row, some_key, told};

/// Protects a reader: the page of a real lie says which, whom it accuses, what was expected and published, and its file convicts by itself.
#[test]
fn a_lie_from_the_first_page_to_its_proof() {
    let lying = told(Some("wrong-change/value"), 1);
    // Keys follow from the seed.
    let honest = told(None, 2);
    let mut fixture = Fixture::new();
    fixture.add(&lying, "liar");
    fixture.add(&honest, "honest");
    let served = fixture.serve();
    let home = get(served.address, "/");
    assert_eq!(home.status, 200);
    bones(home.text());
    assert!(home.text().contains("in 1 of them a violation is proven"), "{}", home.text());
    let place = |name: &str| home.text().find(name).unwrap();
    assert!(place(">liar<") < place(">honest<"), "the gravest comes first");

    let hex = to_hex(&lying.key());
    let database = get(served.address, &format!("/database/{hex}"));
    bones(database.text());
    let lie = lying.report.findings.iter().find(|finding| finding.kind == Kind::WrongChange).unwrap();
    assert!(database.text().contains(&format!("href=\"../finding/{}\"", lie.id)));

    let page = get(served.address, &format!("/finding/{}", lie.id));
    bones(page.text());
    for words in [
        "A change that the contract did not make",
        "one of them lied",
        "The contract makes",
        "The executor published",
        "3 of 3 peers",
    ] {
        assert!(page.text().contains(words), "{words}");
    }
    let digest = page.text().split("href=\"../proof/").nth(1).unwrap().split(".vproof").next().unwrap();
    assert!(page.text().contains(&format!("vitra-watch proof verify {digest}.vproof")));
    let proof = get(served.address, &format!("/proof/{digest}.vproof"));
    assert_eq!(proof.header("content-disposition").unwrap(), format!("attachment; filename=\"{digest}.vproof\""));
    assert!(proof.header("cache-control").unwrap().contains("immutable"));
    let proven = vitra_watch::replay::engine::on_big_stack(&Default::default(), move || {
        proofs::verify(&proof.body, usize::MAX, Options::default()).map(|proven| proven.finding.id)
    });
    assert_eq!(proven.unwrap().unwrap(), lie.id);

    let as_json = get(served.address, &format!("/finding/{}.json", lie.id)).json();
    assert_eq!(as_json["schema"], "vitra-watch/finding/1");
    assert_eq!(as_json["finding"], serde_json::to_value(lie).unwrap());
    assert_eq!(as_json["proof"]["digest"], digest);

    let badge = |hex: &str| get(served.address, &format!("/badge/{hex}.svg"));
    bones(badge(&hex).text());
    assert!(badge(&hex).text().contains("violated"));
    assert!(badge(&to_hex(&honest.key())).text().contains("verified"));
    assert_eq!(badge(&to_hex(&some_key("nobody"))).status, 404);
}

/// Protects readers of every finding: each kind has a page, in each status, whose links lead somewhere.
#[test]
fn every_kind_has_a_page() {
    let mut fixture = Fixture::new();
    let key = fixture.add_gallery("gallery", "a message");
    let served = fixture.serve();
    for kind in Kind::ALL {
        let id = finding(&key, *kind, "").id;
        for status in Status::ALL {
            fixture.write(|write| write.set_status(&id, *status, Some("a note"), now()));
            let page = get(served.address, &format!("/finding/{id}"));
            assert_eq!(page.status, 200, "{}", kind.name());
            bones(page.text());
            assert!(page.text().contains(kind.name()));
            let accusing = page.text().contains("The executor, ") || page.text().contains("The executor. ");
            assert!(!accusing || kind.class() == Class::Violation, "{}", kind.name());
            if *status == Status::Cleared && kind.by_replay() {
                assert!(page.text().contains("Not the executor any more"), "{}", kind.name());
            }
        }
    }
    for page in [
        "/".to_owned(),
        format!("/database/{}", to_hex(&key)),
        format!("/finding/{}", finding(&key, Kind::OpSkipped, "").id),
    ] {
        for link in links(&page, get(served.address, &page).text()) {
            assert_eq!(get(served.address, &link).status, 200, "{page}: {link}");
        }
    }
}

/// Addresses that a page refers to, as a browser resolves them.
fn links(page: &str, text: &str) -> Vec<String> {
    let attributes = text.split("href=\"").chain(text.split("src=\"")).map(|rest| rest.split('"').next().unwrap());
    let links = attributes
        .filter(|link| !link.starts_with('#') && !link.contains(' ') && !link.contains('<') && !link.is_empty());
    let resolved = links.map(|link| {
        let mut parts: Vec<&str> = page.split('/').skip(1).collect();
        parts.pop();
        for part in link.split('/') {
            match part {
                ".." => drop(parts.pop()),
                "." => {}
                part => parts.push(part),
            }
        }
        format!("/{}", parts.join("/"))
    });
    resolved.collect()
}

/// A database in whose findings, conditions and name a stranger wrote.
fn scribbled(text: &str) -> Fixture {
    let mut fixture = Fixture::new();
    let key = some_key("scribbled");
    let change = |text: &str| ShownChange {
        kind: "put".to_owned(),
        path: text.to_owned(),
        value: Some(serde_json::json!({ text: [text] })),
    };
    let mut lie = finding(&key, Kind::WrongChange, text);
    (lie.expected, lie.published) = (Some(change(text)), Some(change(text)));
    (lie.origin, lie.explained) = (Some(text.to_owned()), Some(text.to_owned()));
    let missing = finding(&key, Kind::OpUnavailable, text);
    fixture.write(|write| {
        let mut database = row(key, text);
        database.contact = Some(text.to_owned());
        write.put_database(&database)?;
        write.progress(&key, Verdict::Violated, (1, 2, 3), None)?;
        write.add_finding(&FindingRow {
            probe: Some(text.to_owned()),
            note: Some(text.to_owned()),
            ..found(lie, key)
        })?;
        write.add_finding(&found(missing, key))?;
        write.put_condition(&condition(Some(key), ConditionKind::OpStalled, text, false))?;
        write.put_condition(&condition(None, ConditionKind::IntakeStopped, text, false))
    });
    fixture.now(|snapshot| snapshot.stopped = Some(text.to_owned()));
    fixture.site.title = text.to_owned();
    fixture.site.watcher = text.to_owned();
    fixture.site.webhook_key = Some(text.to_owned());
    fixture
}

/// Protects readers from what strangers write: no string changes the structure of a page, a feed or a badge, none brings a character that
/// acts on the reader's screen, and long ones are cut.
#[test]
fn nasty_strings_stay_text() {
    let key = some_key("scribbled");
    let hex = to_hex(&key);
    let lie = finding(&key, Kind::WrongChange, "").id;
    let marked = ["/", "/nothing/here", "/feed.atom"].map(str::to_owned).into_iter();
    let marked = marked.chain([
        format!("/database/{hex}"),
        format!("/finding/{lie}"),
        format!("/database/{hex}/feed.atom"),
        format!("/badge/{hex}.svg"),
    ]);
    let marked: Vec<String> = marked.collect();
    let others = ["/feed.json", "/api/status.json", "/metrics", "/health"].map(str::to_owned).into_iter();
    let others: Vec<String> =
        others.chain([format!("/finding/{lie}.json"), format!("/database/{hex}/feed.json")]).collect();
    let bones_of = |text: &str| {
        let fixture = scribbled(text);
        let served = fixture.serve();
        for path in &others {
            let reply = get(served.address, path);
            harmless(path, text, reply.text());
            if path != "/metrics" {
                reply.json();
            }
        }
        let each = marked.iter().map(|path| {
            let reply = get(served.address, path);
            harmless(path, text, reply.text());
            assert!(reply.body.len() < 60_000, "{path}: {}", reply.body.len());
            bones(reply.text())
        });
        each.collect::<Vec<_>>()
    };
    let plain = bones_of("plain");
    let long = very_long();
    for text in NASTY.iter().copied().chain([&*long]) {
        assert!(bones_of(text) == plain, "{text:?}");
    }
}

fn harmless(path: &str, text: &str, shown: &str) {
    let found = shown.chars().find(|c| is_harmful(*c) && *c != '\n');
    assert_eq!(found, None, "{path}: {text:?}");
}

/// Protects what is grave from what is much: whoever can make many findings of one sort does not push a violation off a page or a feed.
#[test]
fn a_violation_is_not_crowded_out() {
    let mut fixture = Fixture::new();
    let key = some_key("crowded");
    let lie = finding(&key, Kind::OpSkipped, "the lie");
    let crowd = (0..300).map(|n| {
        let mut finding = finding(&key, Kind::OpUnavailable, "not here");
        finding.id = to_hex(&some_key(&n.to_string()));
        found(finding, key)
    });
    let crowd: Vec<FindingRow> = crowd.collect();
    fixture.write(|write| {
        write.put_database(&row(key, "crowded"))?;
        write.add_finding(&FindingRow { found_at: 1, changed_at: 1, ..found(lie.clone(), key) })?;
        crowd.iter().try_for_each(|row| write.add_finding(row).map(drop))
    });
    let served = fixture.serve();
    for path in [format!("/database/{}", to_hex(&key)), "/feed.atom".to_owned(), "/feed.json".to_owned()] {
        assert!(get(served.address, &path).text().contains("the lie"), "{path}");
    }
}

/// Protects the operator of many databases: pages of a hundred, the gravest on the first.
#[test]
fn many_databases_are_several_pages() {
    let mut fixture = Fixture::new();
    fixture.write(|write| {
        (0..250).try_for_each(|n| {
            let key = some_key(&n.to_string());
            write.put_database(&row(key, &format!("database-{n:03}")))?;
            let verdict = if n == 249 { Verdict::Violated } else { Verdict::Verified };
            write.progress(&key, verdict, (5, 5, 1), None)
        })
    });
    let served = fixture.serve();
    let page = |query: &str| get(served.address, &format!("/{query}"));
    assert!(page("").text().contains("database-249") && page("").text().contains("250 databases watched"));
    assert!(page("?page=2").text().contains("database-099") && !page("?page=2").text().contains("database-249"));
    assert!(page("?page=3").text().contains("database-248"));
    for wrong in ["?page=0", "?page=4", "?page=-1", "?page=x", "?page=99999999999999999999"] {
        assert_eq!(page(wrong).status, 404, "{wrong}");
    }
    let text = page("?page=3&x").status;
    assert_eq!(text, 404);
}

/// Protects those who link here: a statement that is no proof of a finding is served as well, since rebuttals are evidence too.
#[test]
fn rebuttals_are_served_too() {
    let fixture = Fixture::new();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/proofs/rebuttal.vproof");
    let bytes = std::fs::read(file).unwrap();
    let proof = fixture.evidence(&bytes);
    let served = fixture.serve();
    assert_eq!(get(served.address, &format!("/proof/{}.vproof", to_hex(&proof.digest))).body, bytes);
}

//! The documents say what the code does: kinds, exit codes, links.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vitra_watch::replay::finding::{Kind, RULEBOOK, Verdict};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// First cells of the tables below "## Findings", without backquotes and the mark of replay findings.
fn documented_kinds(rulebook: &str) -> Vec<(String, bool, String)> {
    let mut section = String::new();
    let mut kinds = Vec::new();
    let findings = rulebook.split("\n## ").find(|part| part.starts_with("Findings\n")).expect("a section on findings");
    for line in findings.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            section = title.to_owned();
        }
        let Some(rest) = line.strip_prefix("| `") else { continue };
        let (name, after) = rest.split_once('`').expect("a closed name");
        kinds.push((name.to_owned(), after.trim_start().starts_with("(R)"), section.clone()));
    }
    kinds
}

#[test]
fn the_rulebook_has_every_kind_and_no_other() {
    let rulebook = read(&root().join("docs/verdicts.md"));
    assert!(rulebook.starts_with(&format!("# The rulebook, version {RULEBOOK}\n")));
    let documented = documented_kinds(&rulebook);
    let names: Vec<&str> = documented.iter().map(|(name, ..)| &**name).collect();
    // In the same order too: it decides which finding of a transaction comes first.
    assert_eq!(names, Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>());
    for ((_, by_replay, section), kind) in documented.iter().zip(Kind::ALL) {
        assert_eq!(*by_replay, kind.by_replay(), "{}", kind.name());
        let class = match &**section {
            "Violations" => "violation",
            "Contract defects" => "contract-defect",
            "Undecidable" => "unverifiable",
            "Missing" => "missing",
            "Notices" => "notice",
            other => panic!("a kind in the section {other:?}"),
        };
        assert_eq!(serde_json::to_value(kind.class()).unwrap(), class, "{}", kind.name());
    }
}

#[test]
fn whatever_looks_like_a_kind_in_the_rulebook_is_one() {
    let rulebook = read(&root().join("docs/verdicts.md"));
    let known: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    for (at, name) in rulebook.split('`').enumerate() {
        let like_a_kind = name.contains('-') && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        if at % 2 == 1 && like_a_kind && !name.starts_with("--") && name != "vitra-watch" {
            assert!(known.contains(name), "`{name}` is no kind");
        }
    }
    for verdict in [Verdict::Violated, Verdict::Unverifiable, Verdict::Incomplete, Verdict::Verified] {
        assert!(rulebook.contains(&format!("\n| {} |", verdict.name())), "{}", verdict.name());
    }
}

#[test]
fn every_exit_code_is_documented() {
    let source = read(&root().join("src/cli/exit.rs"));
    let rulebook = read(&root().join("docs/verdicts.md"));
    let readme = read(&root().join("README.md"));
    let mut constants = 0;
    for line in source.lines().filter_map(|line| line.strip_prefix("pub const ")) {
        let (name, value) = line.trim_end_matches(';').split_once(": u8 = ").expect("a constant of type u8");
        assert!(rulebook.contains(&format!("| {value} | `{name}` |")), "{name} in docs/verdicts.md");
        assert!(readme.contains(&format!("\n| {value} |")), "{name} in README.md");
        constants += 1;
    }
    assert!(constants >= 11);
}

fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root()];
    while let Some(dir) = open.pop() {
        for entry in dir.read_dir().unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if path.is_dir() {
                if !matches!(&*name, "target" | "node_modules" | ".git" | "corpus") {
                    open.push(path);
                }
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

/// A heading as the fragment of a link.
fn fragment(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The text outside of fenced blocks.
fn prose(text: &str) -> String {
    text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
}

#[test]
fn links_inside_the_project_lead_somewhere() {
    let documents = documents();
    assert!(documents.len() >= 5);
    for path in documents {
        let text = prose(&read(&path));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link)) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", path.display());
            if !heading.is_empty() {
                let headings = prose(&read(&target));
                let mut headings = headings.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| fragment(line.trim_start_matches('#').trim()) == heading);
                assert!(found, "{}: {link}", path.display());
            }
        }
    }
}

#[test]
fn modules_that_the_architecture_names_exist() {
    let text = read(&root().join("ARCHITECTURE.md"));
    for (at, name) in text.split('`').enumerate() {
        if at % 2 == 1 && name.starts_with("src/") {
            assert!(root().join(name).exists(), "{name}");
        }
    }
    assert!(text.lines().count() < 300);
}

/// The words in which the engine notes a touch, as they stand in its sources.
fn notes(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (start, quote) in [("touch_engine(\"", '"'), ("host.engine('", '\'')] {
        found.extend(source.split(start).skip(1).filter_map(|rest| rest.split_once(quote).map(|(note, _)| note)));
    }
    found
}

#[test]
fn every_touch_that_the_engine_notes_is_documented() {
    let text = read(&root().join("docs/engine.md"));
    let engine = root().join("src/replay/engine");
    let mut count = 0;
    let files = ["natives/asserts.rs", "natives/guest.rs", "natives/mod.rs", "natives/taint.rs", "natives/tx.rs"];
    let more = ["clone.rs", "realm/mod.rs", "realm/events.rs", "realm/load.rs", "prelude/taint.js"];
    for file in files.into_iter().chain(more) {
        for note in notes(&read(&engine.join(file))) {
            assert!(text.contains(note), "{note:?} of {file} in docs/engine.md");
            count += 1;
        }
    }
    assert!(count >= 30, "{count}");
}

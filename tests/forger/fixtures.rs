//! Files that used to verify and said what was not so, and true ones beside them that must go on to verify
//! (`tests/data/forged`). `expected.json` says what each is, and with which sentence it is refused, or what it shows.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use vitra_watch::archive::Database;
use vitra_watch::proofs::file::MAX_SIZE;
use vitra_watch::proofs::{Statement, check};
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::Verdict;
use vitra_watch::replay::report;

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/forged")
}

fn shows(statement: &Statement) -> String {
    match statement {
        Statement::Violation(proven) => {
            let finding = &proven.finding;
            let seq = finding.seq.map_or_else(String::new, |seq| format!(" at block {seq}"));
            format!("{}{seq}", finding.kind.name())
        }
        Statement::Rebuttal(rebutted) => format!("rebutted: {}", rebutted.finding.kind.name()),
        Statement::Inclusion(included) => format!("included: block {}", included.seq),
    }
}

/// Protects the innocent from the files that once convicted them.
#[test]
fn forged_files_are_refused() {
    let expected: Json = serde_json::from_slice(&std::fs::read(dir().join("expected.json")).unwrap()).unwrap();
    let expected = expected.as_object().unwrap();
    on_big_stack(&Budget::default(), || {
        for (name, expected) in expected {
            let bytes = std::fs::read(dir().join(name)).unwrap();
            let (field, said) = match check(&bytes, MAX_SIZE, Options::default()) {
                Ok(statement) => ("accepted", shows(&statement)),
                Err(why) => ("refused", why.to_string()),
            };
            assert_eq!(expected[field], said, "{name}: {}", expected["what"]);
        }
    })
    .unwrap();
    let files = dir().read_dir().unwrap().count();
    assert_eq!(files, expected.len() + 2, "a file that nothing is expected of");
}

/// Protects an honest executor from a peer who sends a true head with a prefix proof whose sizes are the peer's: the archive
/// that keeps both accuses nobody.
#[test]
fn a_kept_head_with_shifted_sizes_accuses_nobody() {
    let temp = tempfile::tempdir().unwrap();
    copy(&dir().join("kept-head-archive"), temp.path());
    on_big_stack(&Budget::default(), || {
        let database = Database::open(temp.path(), None).unwrap();
        let report = report::run(Auditor::new(&database, database.key(), Options::default()), |_, _| ());
        assert!(report.findings.iter().all(|finding| finding.accused.is_none()), "{:#?}", report.findings);
        assert_ne!(report.verdict, Verdict::Violated);
    })
    .unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

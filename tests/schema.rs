//! `docs/audit.schema.json` says of real reports what they are, and refuses others.

mod common;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use vitra_watch::replay::finding::Kind;

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.schema.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn report(dir: &Path) -> Value {
    let binary = env!("CARGO_BIN_EXE_vitra-watch");
    let output = Command::new(binary).args(["audit", "--json"]).arg(dir).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn real_reports_fit() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    for name in common::cases("b") {
        let case = common::unpack("b", &name);
        let report = report(&case.dir);
        if let Err(error) = validator.validate(&report) {
            panic!("{name}: {error} at {}", error.instance_path());
        }
    }
}

#[test]
fn others_do_not() {
    let schema = schema();
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let good = report(&common::unpack("b", "d-wrong-value").dir);
    assert!(validator.is_valid(&good));
    let change = |path: &str, value: Value| {
        let mut report = good.clone();
        *report.pointer_mut(path).unwrap() = value;
        report
    };
    for (path, value) in [
        ("/findings/0/kind", json!("no-such-kind")),
        ("/findings/0/class", json!("crime")),
        ("/findings/0/seq", json!(-1)),
        ("/findings/0/accused", json!({ "role": "participant" })),
        ("/findings/0/published/type", json!("get")),
        ("/findings/0/published/value", json!({ "$bigint": 5 })),
        ("/findings/0/published/value", json!({ "$no-such": 5 })),
        ("/findings/0/published/value", json!([{ "$undefined": false }])),
        ("/schema", json!("vitra-watch/audit/2")),
        ("/verdict", json!("guilty")),
        ("/database", json!("ABC")),
        ("/head/length", json!(1.5)),
    ] {
        assert!(!validator.is_valid(&change(path, value.clone())), "{path} {value}");
    }
    for value in [
        json!({ "$bigint": "-5" }),
        json!({ "a": { "$undefined": true }, "": [null, 1.5, "x"] }),
        json!({ "$object": [[{ "$text": "$a" }, 1]] }),
        json!({ "a": 1, "$cut": "more keys", "$length": 60 }),
        json!([{ "$date": null }, { "$bytes": "00ff", "length": 9 }, { "$cut": "abc", "length": 7 }]),
    ] {
        assert!(validator.is_valid(&change("/findings/0/published/value", value.clone())), "{value}");
    }
    let required = schema["required"].as_array().unwrap().iter();
    for field in required.map(|field| field.as_str().unwrap()) {
        let mut report = good.clone();
        report.as_object_mut().unwrap().remove(field).unwrap();
        assert!(!validator.is_valid(&report), "without {field}");
    }
    for field in ["id", "class", "kind", "log", "seq", "also", "message", "accused"] {
        let mut report = good.clone();
        report["findings"][0].as_object_mut().unwrap().remove(field).unwrap();
        assert!(!validator.is_valid(&report), "a finding without {field}");
    }
}

#[test]
fn every_kind_and_no_other() {
    let schema = schema();
    let kinds = schema["$defs"]["kind"]["enum"].as_array().unwrap();
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str().unwrap()).collect();
    let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(kinds, all);
}

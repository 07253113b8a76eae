//! What the scan says about contracts: tables of sources that change state and of sources that do not.

use std::fmt::Write as _;

use vitra_watch::replay::scan::{Scan, scan};

fn contract(name: &str) -> String {
    std::fs::read_to_string(format!("tests/scan/contracts/{name}.js")).unwrap()
}

fn describe(scan: &Scan) -> String {
    let mut text = String::new();
    for finding in &scan.mutable_state {
        write!(text, "\n    {}:{} {}", finding.line, finding.column, finding.what).unwrap();
    }
    text
}

fn valid(source: &str) -> Scan {
    let scan = scan(source);
    assert_eq!(scan.syntax_error, None, "{source}");
    scan
}

#[test]
fn corpus_contracts() {
    for name in ["counter", "kv", "registry", "registry-v2", "chance", "hostile", "ackpeek"] {
        let scan = valid(&contract(name));
        assert!(scan.mutable_state.is_empty(), "{name}:{}", describe(&scan));
        assert!(scan.engine_specific.is_empty(), "{name}: {:?}", scan.engine_specific);
    }
    for name in ["memo", "stamped", "probe"] {
        let scan = valid(&contract(name));
        assert!(!scan.mutable_state.is_empty(), "{name}");
        println!("{name}:{}", describe(&scan));
    }
    assert!(valid(&contract("stamped")).exports_process);
    assert!(!valid(&contract("kv")).exports_process);
    // `(() => {}).constructor('return 1')()` and `globalThis.leak = ...`, nothing else.
    let probe = valid(&contract("probe"));
    let lines: Vec<_> = probe.mutable_state.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [74, 78], "{}", describe(&probe));
}

#[test]
fn state_that_functions_change_is_found() {
    let mut missed = String::new();
    let table = include_str!("scan/stateful.js");
    for source in table.split("\n//---\n") {
        let scan = valid(source);
        if scan.mutable_state.is_empty() {
            writeln!(missed, "{source}\n").unwrap();
        }
    }
    assert!(missed.is_empty(), "missed:\n{missed}");
}

#[test]
fn pure_modules_are_left_alone() {
    let mut accused = String::new();
    let table = include_str!("scan/pure.js");
    for source in table.split("\n//---\n") {
        let scan = valid(source);
        if !scan.mutable_state.is_empty() {
            writeln!(accused, "{source}{}\n", describe(&scan)).unwrap();
        }
    }
    assert!(accused.is_empty(), "accused:\n{accused}");
}

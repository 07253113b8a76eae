//! The program as people run it: exit codes, bad input, closed pipes, what it prints.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{Case, unpack};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
    command.args(args);
    command
}

fn run(args: &[&str]) -> Output {
    command(args).stdin(Stdio::null()).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was killed by a signal")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn db(case: &Case) -> String {
    case.dir.to_str().unwrap().to_owned()
}

fn audit_json(args: &[&str]) -> (i32, serde_json::Value) {
    let output = run(&[&["audit", "--json"], args].concat());
    let json = serde_json::from_slice(&output.stdout);
    (code(&output), json.unwrap_or_else(|_| panic!("{output:?}")))
}

/// Fails with this code, one sentence and nothing else.
fn refuses(args: &[&str], expected: i32) -> String {
    let output = run(args);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(&output), expected, "{args:?} {said} {}", out(&output));
    assert!(output.stdout.is_empty(), "{args:?} {output:?}");
    assert!(said.starts_with("vitra-watch: ") && said.lines().count() == 1 && !said.contains("panicked"), "{said}");
    said
}

#[test]
fn exit_codes_follow_the_rulebook() {
    let cases = [
        ("h-kv-10", 0),
        ("d-wrong-value", 10),
        ("d-truncate-index", 11),
        ("d-truncate-oplog", 12),
        ("h-datenow", 20),
        ("d-phantom-op", 21),
    ];
    for (name, expected) in cases {
        let case = unpack("b", name);
        let output = run(&["audit", &db(&case)]);
        assert_eq!(code(&output), expected, "{name} {}", out(&output));
        assert!(output.stderr.is_empty(), "no progress where there is no terminal");
    }
}

#[test]
fn human_output() {
    for name in ["h-kv-10", "d-wrong-value", "h-datenow", "d-phantom-op"] {
        let case = unpack("b", name);
        insta::assert_snapshot!(format!("audit_{name}"), out(&run(&["audit", &db(&case)])));
    }
}

#[test]
fn inspect_output() {
    let case = unpack("b", "h-upgrade");
    let dir = db(&case);
    let looks: [(&str, &[&str]); 10] = [
        ("info", &["info"]),
        ("info_at_4", &["info", "--at", "4"]),
        ("info_json", &["info", "--json"]),
        ("history", &["history"]),
        ("history_json_at_6", &["history", "--json", "--at", "6"]),
        ("list", &["list", "/names"]),
        ("list_at_7_json", &["list", "/names", "--at", "7", "--json"]),
        ("get", &["get", "/stats/count"]),
        ("get_json", &["get", "//stats/count/", "--json"]),
        ("oplogs", &["oplogs"]),
    ];
    for (name, args) in looks {
        let output = run(&[&["inspect", &*dir], args].concat());
        assert_eq!(code(&output), 0, "{output:?}");
        insta::assert_snapshot!(format!("inspect_{name}"), out(&output));
    }
}

#[test]
fn what_is_not_there_is_no_failure() {
    let case = unpack("a", "h-kv-10");
    let dir = db(&case);
    let output = run(&["inspect", &dir, "get", "/no/such"]);
    assert_eq!((code(&output), &*out(&output)), (0, "nothing at /no/such\n"));
    let output = run(&["inspect", &dir, "get", "/no/such", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["entry"].is_null());
    let output = run(&["inspect", &dir, "list", "/no/such"]);
    assert_eq!((code(&output), &*out(&output)), (0, "nothing below /no/such\n"));
    for what in ["source", "methods"] {
        let output = run(&["inspect", &dir, what, "--at", "1"]);
        assert_eq!((code(&output), &*out(&output)), (0, "no contract yet\n"));
    }
    let output = run(&["inspect", &dir, "source"]);
    assert!(out(&output).starts_with("import ") && out(&output).contains("export "));
}

#[test]
fn versions_exist_where_batches_end() {
    let case = unpack("b", "h-upgrade");
    let dir = db(&case);
    for at in [0, 1, 4, 7, 10, 12, 15, 18] {
        let output = run(&["inspect", &dir, "list", "--at", &at.to_string()]);
        assert_eq!(code(&output), 0, "{at} {output:?}");
    }
    for (at, before) in [(2, 1), (3, 1), (5, 4), (6, 4), (17, 15)] {
        let said = refuses(&["inspect", &dir, "get", "/stats/count", "--at", &at.to_string()], 64);
        assert!(said.trim_end().ends_with(&format!("the nearest before it is {before}")), "{said}");
    }
    assert!(refuses(&["inspect", &dir, "info", "--at", "19"], 64).contains("18 blocks"));
    refuses(&["inspect", &dir, "info", "--at", "18446744073709551615"], 64);
}

#[test]
fn keys_in_both_spellings() {
    let case = unpack("b", "h-kv-10");
    let dir = db(&case);
    let hex = case.manifest["indexKey"].as_str().unwrap();
    let z32 = z_base_32(&common::key(hex));
    for key in [hex, &hex.to_uppercase(), &z32] {
        assert_eq!(code(&run(&["audit", &dir, "--key", key])), 0, "{key}");
        assert_eq!(code(&run(&["inspect", &dir, "info", "--key", key])), 0, "{key}");
    }
    let other = "ab".repeat(32);
    for what in [&["audit", &dir, "--key", &other][..], &["inspect", &dir, "--key", &other, "info"]] {
        assert!(refuses(what, 65).contains(&other));
    }
    // A log, but no index: its blocks are read as one all the same, because somebody said so.
    let (oplog, _) = case.manifest["oplogs"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(code(&run(&["audit", &dir, "--key", oplog])), 10);
    for wrong in ["", "xyz", &hex[1..], &format!("{}l", &z32[1..])] {
        assert_eq!(code(&run(&["audit", &dir, "--key", wrong])), 64, "{wrong:?}");
    }
}

fn z_base_32(key: &[u8; 32]) -> String {
    let alphabet = b"ybndrfg8ejkmcpqxot1uwisza345h769";
    let bit = |i: usize| i < 256 && key[i / 8] >> (7 - i % 8) & 1 == 1;
    let digit = |i: usize| (0..5).fold(0, |value, j| value << 1 | usize::from(bit(i + j)));
    (0..260).step_by(5).map(|i| char::from(alphabet[digit(i)])).collect()
}

#[test]
fn wrong_arguments_are_64() {
    for args in [
        &["audit"][..],
        &["audit", "x", "--max-findings", "0"],
        &["audit", "x", "--until", "-1"],
        &["audit", "x", "--no-such-flag"],
        &["inspect", "x"],
        &["inspect", "x", "get"],
        &["man", "no-such"],
        &["man", "worker"],
        &["completions", "tcsh"],
        &["no-such"],
        &[],
    ] {
        let output = run(args);
        assert_eq!(code(&output), 64, "{args:?} {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(code(&run(&["--help"])), 0);
    assert_eq!(code(&run(&["--version"])), 0);
}

#[test]
fn directories_that_are_no_databases_are_65() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir_all(temp.path().join("empty/cores")).unwrap();
    std::fs::write(temp.path().join("file"), b"x").unwrap();
    // An error text must not be taken for a closed pipe.
    for dir in [at(""), at("absent"), at("file"), at("empty"), at("Broken pipe"), at("\u{1b}[31m\u{202e}")] {
        for args in [&["audit", &dir][..], &["inspect", &dir, "history"], &["inspect", &dir, "info", "--json"]] {
            let said = refuses(args, 65);
            assert!(!said.trim_end().chars().any(char::is_control));
        }
    }
}

/// The files of a log's directory with this name.
fn files(dir: &Path, name: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in dir.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.file_name().is_some_and(|file| file == name) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn damaged_files_are_65_and_nobodys_lie() {
    for era in common::ERAS {
        for name in ["data", "tree", "oplog"] {
            let case = unpack(era, "h-kv-10");
            let dir = db(&case);
            for file in files(&case.dir, name) {
                let whole = std::fs::read(&file).unwrap();
                // Cut off, and absurd lengths: every number at its beginning is as large as can be.
                let cut = whole[..whole.len() / 3].to_vec();
                let mut absurd = whole.clone();
                absurd.iter_mut().take(200).for_each(|byte| *byte = 0xff);
                for damaged in [cut, absurd] {
                    std::fs::write(&file, &damaged).unwrap();
                    let output = run(&["audit", &dir]);
                    // One of the two headers is enough, and a torn entry at the end was never written: an older head.
                    let spare = name == "oplog" && code(&output) == 0 && out(&output).contains("\nVERIFIED\n");
                    if !spare {
                        assert!(refuses(&["audit", &dir], 65).contains("/cores/"), "{era} {name}");
                    }
                }
                std::fs::write(&file, &whole).unwrap();
            }
            assert_eq!(code(&run(&["audit", &dir])), 0);
        }
    }
}

#[test]
fn until_stops_at_whole_transactions() {
    let case = unpack("b", "h-upgrade");
    let dir = db(&case);
    // Genesis 1..4, transactions from 4, 7, 10, 12 and 15 on, 18 blocks.
    let ends = [4, 7, 10, 12, 15, 18];
    for until in 0..=19_u64 {
        let (code, report) = audit_json(&[&dir, "--until", &until.to_string()]);
        let end = ends.iter().rev().find(|&&end| end <= until);
        let expected = end.map_or((21, 0), |&end| (0, end));
        assert_eq!((code, report["verified_length"].as_u64().unwrap()), expected, "until {until}: {report}");
        let transactions = ends.iter().filter(|&&end| end <= until).count().saturating_sub(1);
        assert_eq!(report["transactions"], transactions, "until {until}");
    }
}

#[test]
fn until_says_nothing_of_what_comes_later() {
    for name in ["d-phantom-op", "d-wrong-value", "d-op-twice", "d-missing-change-last", "d-unprompted", "h-datenow"] {
        let case = unpack("b", name);
        let dir = db(&case);
        let (_, whole) = audit_json(&[&dir]);
        let first = whole["findings"].as_array().unwrap().iter().filter_map(|f| f["seq"].as_u64()).min().unwrap();
        let length = whole["head"]["length"].as_u64().unwrap();
        for until in 4..length.min(first + 2) {
            let (_, report) = audit_json(&[&dir, "--until", &until.to_string()]);
            let findings = report["findings"].as_array().unwrap();
            let late = findings.iter().filter_map(|f| f["seq"].as_u64()).any(|seq| seq >= until);
            assert!(!late && (until > first || findings.is_empty()), "{name} until {until}: {report}");
        }
    }
}

#[test]
fn findings_beyond_the_limit_are_counted() {
    let case = unpack("b", "d-truncate-oplog");
    let (_, all) = audit_json(&[&db(&case)]);
    let count = all["findings"].as_array().unwrap().len();
    assert!(count > 1 && all["more_findings"] == 0, "{all}");
    let (code, few) = audit_json(&[&db(&case), "--max-findings", "1"]);
    assert_eq!((code, few["findings"].as_array().unwrap().len()), (12, 1));
    assert_eq!(few["findings"][0]["kind"], "truncation");
    assert_eq!(few["more_findings"], count - 1);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let case = unpack("b", "h-kv-1000");
    let dir = db(&case);
    for args in [&["inspect", &*dir, "history"][..], &["inspect", &*dir, "history", "--json"], &["completions", "bash"]]
    {
        let mut child = command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 0, "{args:?} {output:?}");
        assert!(output.stderr.is_empty() && !line.is_empty(), "{args:?} {output:?}");
    }
    // A verdict stays what it is when nobody reads it to the end.
    let case = unpack("b", "d-wrong-value");
    let mut child = command(&["audit", &db(&case)]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), output.stderr.len()), (10, 0), "{output:?}");
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish"] {
        let script = out(&run(&["completions", shell]));
        assert!(script.contains("max-findings") && script.contains("history"), "{shell}");
        assert!(!script.contains("worker"), "{shell} offers what is hidden");
    }
    for (args, title) in [(&["man"][..], "vitra-watch"), (&["man", "audit"], "vitra-watch-audit")] {
        let page = out(&run(args));
        assert!(page.contains(".TH ") && page.contains(title), "{args:?} {page}");
    }
}

#[test]
fn a_lab_is_made_lied_in_and_found_out() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
    let create = |dir: &str, more: &[&str]| {
        run(&[&["lab", "create", "--contract", "kv", "--ops", "60", "--seed", "5", "--out", dir], more].concat())
    };
    let (honest, again, lie) = (at("honest"), at("again"), at("lie"));
    for dir in [&honest, &again] {
        let made = create(dir, &["--odd", "--participants", "3"]);
        assert_eq!(code(&made), 0, "{made:?}");
        assert_eq!(code(&run(&["audit", dir])), 0);
    }
    let history = |dir: &str| out(&run(&["inspect", dir, "history", "--json"]));
    assert_eq!(history(&honest), history(&again), "the same for a seed");
    assert!(history(&honest).lines().count() > 100);
    refuses(&["lab", "create", "--contract", "kv", "--out", &honest], 64);

    assert_eq!(code(&create(&lie, &["--lie", "wrong-change/value@20"])), 0);
    let notes = std::fs::read_to_string(Path::new(&lie).join("lab.json")).unwrap();
    let notes: serde_json::Value = serde_json::from_str(&notes).unwrap();
    let (code_of_lie, report) = audit_json(&[&lie]);
    assert_eq!(code_of_lie, 10);
    assert_eq!(
        (&report["findings"][0]["kind"], &report["findings"][0]["seq"]),
        (&notes["lie"]["kind"], &notes["lie"]["seq"])
    );
    for (way, expected) in [("truncation/index", 11), ("equivocation/index", 11), ("truncation/oplog", 12)] {
        let dir = at(&way.replace('/', "-"));
        assert_eq!(code(&create(&dir, &["--lie", way, "--keys", "manifest"])), 0, "{way}");
        assert_eq!(code(&run(&["audit", &dir])), expected, "{way}");
    }

    let call = run(&["lab", "call", &honest, "set", "--args", r#"{"key":"called","value":{"$bigint":"7"}}"#]);
    assert_eq!(code(&call), 0, "{call:?}");
    let get = out(&run(&["inspect", &honest, "get", "/kv/called", "--json"]));
    let get: serde_json::Value = serde_json::from_str(&get).unwrap();
    assert_eq!(get["entry"]["value"]["$bigint"], "7", "{get}");
    assert_eq!(code(&run(&["audit", &honest])), 0);
    refuses(&["lab", "call", &honest, "no-such"], 65);
    refuses(&["lab", "call", &honest, "set", "--participant", "9"], 64);
    refuses(&["lab", "call", &honest, "set", "--args", "{"], 64);
}

#[test]
fn labs_that_cannot_be_made_leave_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = temp.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let dir = temp.path().join("lab").to_str().unwrap().to_owned();
    let broken = file("broken.js", "export const apply = {");
    let throws = file("throws.js", "throw new Error('no')");
    let fine = file("fine.js", "export function act (_, emit) { emit({ op: 'X' }) }\nexport const apply = { X () {} }");
    let unknown = file("unknown.json", r#"{ "then": [{ "call": "act", "colour": 1 }] }"#);
    let works = file("works.json", r#"{ "then": [{ "call": "act" }] }"#);
    for (args, expected) in [
        (vec!["--contract", &broken, "--workload", &works], 65),
        (vec!["--contract", &throws, "--workload", &works], 65),
        (vec!["--contract", "absent.js", "--workload", &works], 65),
        (vec!["--contract", &fine], 64),
        (vec!["--contract", &fine, "--workload", &unknown], 65),
        (vec!["--contract", &fine, "--workload", "absent.json"], 65),
        (vec!["--contract", &fine, "--workload", &works, "--lie", "no-such"], 64),
        (vec!["--contract", &fine, "--workload", &works, "--lie", "wrong-change"], 65),
    ] {
        refuses(&[&["lab", "create", "--ops", "5", "--out", &dir], &args[..]].concat(), expected);
        let left: Vec<_> = temp.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_str().unwrap().starts_with("lab")), "{args:?} {left:?}");
    }
}

/// The disk fills up while a lab is made: here, files may not grow beyond 100 KB.
#[test]
fn a_full_disk_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("lab");
    let program = env!("CARGO_BIN_EXE_vitra-watch");
    let script = r#"trap '' XFSZ; ulimit -f 200; exec "$0" lab create --contract kv --ops 2000 --out "$1""#;
    let output = Command::new("sh").args(["-c", script, program]).arg(&dir).output().unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(&output), 70, "{output:?}");
    assert!(said.starts_with("vitra-watch: ") && said.lines().count() == 1 && said.contains("too large"), "{said}");
    assert_eq!(temp.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_contract_is_checked() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("contract.js");
    let check = |text: &str, workload: Option<&str>| {
        std::fs::write(&path, text).unwrap();
        let mut args = vec!["contract", "check", path.to_str().unwrap()];
        let file = temp.path().join("workload.json");
        if let Some(workload) = workload {
            std::fs::write(&file, workload).unwrap();
            args.extend(["--workload", file.to_str().unwrap(), "--ops", "20"]);
        }
        let output = run(&args);
        (code(&output), out(&output))
    };
    for name in ["counter", "kv", "registry", "members", "forum"] {
        assert_eq!(code(&run(&["contract", "check", name, "--ops", "60"])), 0, "{name}");
    }
    let workload = r#"{ "then": [{ "op": { "op": "X" } }, { "call": "look" }] }"#;
    for (text, said) in [
        ("export const apply = {", "does not compile"),
        ("export const apply = { X (tx) { tx.put('/a', Date.now()) } }", "1:"),
        (
            "let n = 0; export function look () { n++ }\nexport const apply = { X (tx) { tx.put('/a', n) } }",
            "after a restart",
        ),
        ("export const apply = { X (tx, op, ack) { if (ack.success) tx.put('/a', 1) } }", "ack.success"),
        ("export const apply = { X (tx) { tx.put('//.sys/inputs/x', 1) } }", "guard"),
        ("export const apply = { X (tx) { while (true) {} } }", "budget"),
        ("export const apply = { X: () => new Promise(() => {}) }", "never comes"),
        ("export const apply = { X () { throw null } }", "kills an executor"),
        ("export const apply = { X (tx) { tx.put('/a', 'b'.localeCompare('a', 'sv')) } }", "engines"),
    ] {
        let (code, output) = check(text, Some(workload));
        assert!(code == 20 && output.contains(said), "{text}: {code} {output}");
    }
    let json = run(&["contract", "check", path.to_str().unwrap(), "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["schema"], &json["clean"]), (&"vitra-watch/contract/1".into(), &true.into()));
}

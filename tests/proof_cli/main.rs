//! The commands around proofs, from files and directories alone: show, rebut, import, export, inclusion; receipts; compare.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/node.rs"]
mod node;

mod vitra;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{cases, unpack};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitra-watch")).args(args).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Json> {
    text(output).lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{output:?}"))).collect()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A database of the lab. Those of one seed have the same keys, whatever their contract.
fn lab(temp: &TempDir, name: &str, more: &[&str]) -> PathBuf {
    seeded(temp, name, ("5", "12"), more)
}

fn seeded(temp: &TempDir, name: &str, (seed, ops): (&str, &str), more: &[&str]) -> PathBuf {
    let dir = temp.path().join(name);
    let common = ["lab", "create", "--seed", seed, "--ops", ops, "--outsiders", "0"];
    let made = run(&[&common, more, &["--out", path(&dir)]].concat());
    assert!(made.status.success(), "{made:?}");
    dir
}

/// A copy of a lab in which its participants have written more.
fn extended(dir: &Path, name: &str, calls: &[(&str, &str)]) -> PathBuf {
    let copy = dir.with_file_name(name);
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    copy_all(dir, &copy);
    for (participant, value) in calls {
        let args = format!(r#"{{"key": "a", "value": "{value}"}}"#);
        let called = run(&["lab", "call", path(&copy), "set", "--args", &args, "--participant", participant]);
        assert!(called.status.success(), "{called:?}");
    }
    copy
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in from.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        let there = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy_all(&entry, &there) } else { _ = std::fs::copy(&entry, &there).unwrap() }
    }
}

fn proofs(dir: &Path) -> Vec<PathBuf> {
    let entries = dir.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "vproof")).collect()
}

/// A contract whose handler reaches a counter of the module through `this` of an object literal, and a proof that took an honest
/// executor of it for a liar: it replays one late transaction in a realm where the counter begins at 0.
#[test]
fn hidden_state_convicts_nobody() {
    let forged = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/forged/state-behind-this.vproof");
    let (code, said) = verify(&forged);
    assert_eq!(code, 1, "{said}");
    assert_eq!(said["why"], "an audit cannot begin at block 26: a contract may keep state outside the index");

    let temp = tempfile::tempdir().unwrap();
    let (contract, workload) = (temp.path().join("contract.js"), temp.path().join("workload.json"));
    let source = "const S = { n: 0 }
export const apply = {
  BUMP (tx, op) {
    const q = { S, f () { this.S.n += 1; return this.S.n } }
    tx.put('n', q.f())
  }
}
";
    std::fs::write(&contract, source).unwrap();
    std::fs::write(&workload, r#"{ "then": [{ "weight": 1, "op": { "op": "BUMP" } }] }"#).unwrap();
    let more = ["--contract", path(&contract), "--workload", path(&workload), "--odd"];
    let dir = seeded(&temp, "hidden", ("3", "60"), &more);
    let audit = run(&["audit", "--json", path(&dir)]);
    assert_eq!(audit.status.code(), Some(20), "{audit:?}");
    assert!(text(&audit).contains("stateful-contract"), "{audit:?}");
}

/// What `proof verify` says of a file, read in a directory where there is nothing else.
fn verify(file: &Path) -> (i32, Json) {
    let temp = tempfile::tempdir().unwrap();
    let alone = temp.path().join("file");
    std::fs::copy(file, &alone).unwrap();
    let output = run(&["proof", "verify", "--json", path(&alone)]);
    (output.status.code().unwrap(), lines(&output).remove(0))
}

fn write(temp: &TempDir, name: &str, json: &Json) -> PathBuf {
    let file = temp.path().join(name);
    std::fs::write(&file, json.to_string()).unwrap();
    file
}

/// Protects whoever reads a proof: what it rests on is shown, and what cannot be believed is said.
#[test]
fn a_proof_is_shown() {
    let temp = tempfile::tempdir().unwrap();
    let dir = lab(&temp, "lab", &["--contract", "kv", "--lie", "wrong-change/value@6"]);
    let out = temp.path().join("proofs");
    run(&["audit", path(&dir), "--proofs", path(&out)]);
    let file = proofs(&out).remove(0);
    let shown = run(&["proof", "show", path(&file)]);
    assert_eq!(shown.status.code(), Some(0), "{shown:?}");
    let shown = text(&shown);
    for part in [
        "claims     wrong-change at block",
        "expected   put",
        "published  put",
        "  contract:",
        "  index ",
        "  oplog ",
        "PROVEN",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let shown = run(&["proof", "show", path(&file)]);
    assert_eq!(shown.status.code(), Some(1), "{shown:?}");
    assert!(text(&shown).contains("NOT SIGNED") && text(&shown).contains("NOT PROVEN"), "{shown:?}");
}

/// Protects whoever compares notes: equal copies and prefixes are said to be that, contradictions are proven.
#[test]
fn copies_are_compared() {
    let temp = tempfile::tempdir().unwrap();
    let short = seeded(&temp, "a", ("5", "8"), &["--contract", "kv", "--participants", "2"]);
    let long = extended(&short, "b", &[("0", "x"), ("0", "y")]);
    let out = temp.path().join("out");
    let compare = |a: &Path, b: &Path| run(&["compare", "--json", path(a), path(b), "--out", path(&out)]);
    let relations = |output: &Output| lines(output).iter().map(|line| line["relation"].clone()).collect::<Vec<_>>();
    let same = compare(&long, &long);
    assert_eq!(same.status.code(), Some(0));
    assert_eq!(relations(&same), ["same", "same", "same"]);

    for (first, second, longer) in [(&short, &long, "second_length"), (&long, &short, "first_length")] {
        let prefix = compare(first, second);
        assert_eq!(prefix.status.code(), Some(0), "{prefix:?}");
        let lines = lines(&prefix);
        let index = lines.first().unwrap();
        assert_eq!(index["relation"], "prefix");
        let [a, b] = ["first_length", "second_length"].map(|name| index[name].as_u64().unwrap());
        assert_eq!(index[longer].as_u64().unwrap(), a.max(b));
        let mut relations = relations(&prefix);
        relations.sort_by_key(Json::to_string);
        assert_eq!(relations, ["prefix", "prefix", "same"], "one participant wrote more");
    }

    for other in [seeded(&temp, "c", ("5", "12"), &["--contract", "counter"]), extended(&short, "d", &[("0", "z")])] {
        let contradiction = compare(&long, &other);
        assert_eq!(contradiction.status.code(), Some(11), "{contradiction:?}");
        let contradicting: Vec<Json> =
            lines(&contradiction).into_iter().filter(|line| line["relation"] == "contradiction").collect();
        assert!(contradicting.len() >= 2, "{contradiction:?}");
        for line in contradicting {
            for proof in line["proofs"].as_array().unwrap() {
                let (code, said) = verify(Path::new(proof["proof"].as_str().unwrap()));
                assert_eq!((code, &said["finding"]["log"]), (0, &line["log"]), "{said}");
            }
        }
    }
    let strangers = seeded(&temp, "e", ("6", "12"), &["--contract", "kv"]);
    assert_eq!(compare(&long, &strangers).status.code(), Some(64));
}

/// Protects the two views of a split that the corpus holds: each alone is in order, together they convict.
#[test]
fn split_views_of_the_corpus_are_compared() {
    let mut splits = 0;
    for era in common::ERAS {
        for name in cases(era) {
            let case = unpack(era, &name);
            let views = ["view-a", "view-b"].map(|view| case.dir.join("db").join(view));
            if !views.iter().all(|view| view.is_dir()) {
                continue;
            }
            splits += 1;
            let out = tempfile::tempdir().unwrap();
            let output = run(&["compare", "--json", path(&views[0]), path(&views[1]), "--out", path(out.path())]);
            assert!(matches!(output.status.code(), Some(11 | 12)), "{name} {output:?}");
            let proofs = proofs(out.path());
            assert!(!proofs.is_empty());
            for proof in proofs {
                assert_eq!(verify(&proof).0, 0, "{name}");
            }
        }
    }
    assert!(splits > 0);
}

/// Protects participants: any block of any log can be shown to anybody, an operation with its result.
#[test]
fn blocks_are_included() {
    let temp = tempfile::tempdir().unwrap();
    let dir = lab(&temp, "lab", &["--contract", "registry"]);
    let out = temp.path().join("out");
    let report: Json = serde_json::from_slice(&run(&["audit", "--json", path(&dir)]).stdout).unwrap();
    let index = report["database"].as_str().unwrap();
    let mut logs = vec![(index, report["head"]["length"].as_u64().unwrap(), 0)];
    for participant in report["participants"].as_array().unwrap() {
        let number = |name: &str| participant[name].as_u64().unwrap_or(0);
        logs.push((participant["key"].as_str().unwrap(), number("length"), number("acked")));
    }
    let mut changes = 0;
    for (log, length, acked) in logs {
        for seq in 0..length {
            let made = run(&["proof", "inclusion", path(&dir), log, &seq.to_string(), "--out", path(&out)]);
            assert_eq!(made.status.code(), Some(0), "{made:?}");
            let (code, said) = verify(Path::new(text(&made).trim()));
            assert_eq!((code, &said["shows"]), (0, &json!("inclusion")), "{said}");
            let included = &said["inclusion"];
            assert_eq!((included["log"].as_str(), included["seq"].as_u64()), (Some(log), Some(seq)));
            if seq < acked {
                assert!(included["result"]["success"].is_boolean(), "{included}");
                changes += included["result"]["changes"].as_array().unwrap().len();
            }
        }
        let beyond = run(&["proof", "inclusion", path(&dir), log, &length.to_string(), "--out", path(&out)]);
        assert_eq!(beyond.status.code(), Some(21), "{beyond:?}");
    }
    assert!(changes > 5, "{changes}");
    // None of it can be changed.
    let file = proofs(&out).remove(0);
    let bytes = std::fs::read(&file).unwrap();
    for at in (0..bytes.len()).step_by(bytes.len() / 20 + 1) {
        let mut other = bytes.clone();
        other[at] ^= 4;
        std::fs::write(&file, other).unwrap();
        assert_ne!(verify(&file).0, 0, "{at}");
    }
}

/// Protects executors from owners who show each side another operation: the proof is answered by a file.
#[test]
fn an_equivocation_clears_the_executor() {
    let temp = tempfile::tempdir().unwrap();
    // As if the owner had shown us another first operation than the executor.
    let lying = lab(&temp, "lie", &["--contract", "kv", "--lie", "wrong-change/value@6"]);
    let out = temp.path().join("proofs");
    run(&["audit", path(&lying), "--proofs", path(&out)]);
    let accusing = proofs(&out).remove(0);
    let (_, said) = verify(&accusing);
    let owner = said["finding"]["accused"]["or"]["key"].as_str().unwrap();
    let other = lab(&temp, "other", &["--contract", "counter"]);
    let split = temp.path().join("split");
    let compared = run(&["compare", "--json", path(&lying), path(&other), "--out", path(&split)]);
    let line = lines(&compared).into_iter().find(|line| line["log"] == owner).unwrap();
    let equivocation = PathBuf::from(line["proofs"][0]["proof"].as_str().unwrap());
    let rebuttals = temp.path().join("rebuttals");
    let rebut =
        |first: &Path, second: &Path| run(&["proof", "rebut", path(first), path(second), "--out", path(&rebuttals)]);
    let done = rebut(&accusing, &equivocation);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let (code, said) = verify(&proofs(&rebuttals)[0]);
    assert_eq!((code, &said["shows"]), (0, &json!("rebuttal")), "{said}");
    assert_eq!(said["rebuttal"]["equivocation"]["log"], owner);
    assert_eq!(said["rebuttal"]["finding"]["kind"], "wrong-change");
    // Neither the other way round, nor with the index's, nor with itself.
    let index = lines(&compared).into_iter().find(|line| line["log"] != owner).unwrap();
    let index = PathBuf::from(index["proofs"][0]["proof"].as_str().unwrap());
    for (first, second) in [(&equivocation, &accusing), (&accusing, &index), (&accusing, &accusing)] {
        assert_eq!(rebut(first, second).status.code(), Some(1));
    }
}

/// Protects the truth where an owner signed two histories only after the operation: both show the same one, and the executor is
/// accused as before.
#[test]
fn an_equivocation_afterwards_clears_nobody() {
    let temp = tempfile::tempdir().unwrap();
    let lying = lab(&temp, "lie", &["--contract", "kv", "--lie", "wrong-change/value@6"]);
    let views = ["x", "y"].map(|value| extended(&lying, &format!("db/view-{value}"), &[("0", value)]));
    let [out, split, rebuttals] = ["proofs", "split", "rebuttals"].map(|name| temp.path().join(name));
    run(&["audit", path(&lying), "--proofs", path(&out)]);
    let accusing = proofs(&out).remove(0);
    let (_, said) = verify(&accusing);
    let accused = &said["finding"]["accused"];
    let owner = accused["or"]["key"].as_str().unwrap();
    let compared = run(&["compare", "--json", path(&views[0]), path(&views[1]), "--out", path(&split)]);
    let line = lines(&compared).into_iter().find(|line| line["log"] == owner).unwrap();
    let equivocation = PathBuf::from(line["proofs"][0]["proof"].as_str().unwrap());
    assert_eq!(verify(&equivocation).1["finding"]["kind"], "equivocation");
    let rebut = run(&["proof", "rebut", path(&accusing), path(&equivocation), "--out", path(&rebuttals)]);
    assert_eq!(rebut.status.code(), Some(1), "{rebut:?}");

    // Who holds both histories says the same.
    let both = run(&["audit", "--json", path(&temp.path().join("db"))]);
    assert_eq!(both.status.code(), Some(10), "{both:?}");
    let report: Json = serde_json::from_slice(&both.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["kind"] == "equivocation" && finding["log"] == owner));
    let wrong = findings.iter().find(|finding| finding["kind"] == "wrong-change").unwrap();
    assert_eq!(&wrong["accused"], accused);
}

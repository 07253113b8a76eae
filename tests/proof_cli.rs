//! The commands around proofs, from files and directories alone: show, rebut, import, export, inclusion; receipts; compare.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{cases, unpack};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use vitra_watch::archive::ArchiveReader;
use vitra_watch::database::ack::to_hex;

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

fn proofs(dir: &Path) -> Vec<PathBuf> {
    let entries = dir.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "vproof")).collect()
}

/// What `proof verify` says of a file, read in a directory where there is nothing else.
fn verify(file: &Path) -> (i32, Json) {
    let temp = tempfile::tempdir().unwrap();
    let alone = temp.path().join("file");
    std::fs::copy(file, &alone).unwrap();
    let output = run(&["proof", "verify", "--json", path(&alone)]);
    (output.status.code().unwrap(), lines(&output).remove(0))
}

/// What the owner of a lab's oplog signed, as Vitra writes it: of all heads the one of this number, by length.
fn receipt(dir: &Path, number: usize) -> Json {
    let reader = ArchiveReader::open(dir).unwrap();
    let index = run(&["audit", "--json", path(dir)]);
    let index: Json = serde_json::from_slice(&index.stdout).unwrap();
    let oplogs = reader.cores().iter().filter(|core| index["database"] != to_hex(core.key()));
    let mut heads: Vec<_> = oplogs.flat_map(|core| core.heads()).collect();
    heads.sort_by_key(|head| (*head.key(), head.length()));
    let head = heads[number.min(heads.len() - 1)];
    json!({
        "vitraBlockInclusionProof": 1,
        "logPubkey": to_hex(head.key()),
        "blockSeq": head.length() - 1,
        "rootHashAtBlock": to_hex(head.tree_hash()),
        "rootHashSignature": to_hex(head.signature()),
    })
}

fn transaction(dir: &Path, receipts: &[Json]) -> Json {
    let report: Json = serde_json::from_slice(&run(&["audit", "--json", path(dir)]).stdout).unwrap();
    let operations: Vec<Json> = receipts.iter().map(|proof| json!({ "proof": proof })).collect();
    json!({
        "vitraTransaction": 1, "databasePubkey": report["database"], "isProcessed": false,
        "call": { "method": "set", "params": {} }, "operations": operations,
    })
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

/// Protects whoever has a receipt: what it says is found again, with its result, and a log that was rewritten is proven to be.
#[test]
fn receipts_hold_or_convict() {
    let temp = tempfile::tempdir().unwrap();
    let (ours, theirs) = (lab(&temp, "kv", &["--contract", "kv"]), lab(&temp, "other", &["--contract", "counter"]));
    let out = temp.path().join("out");
    let verify_receipt = |file: &Path, json: bool| {
        let json: &[&str] = if json { &["--json"] } else { &[] };
        run(&[&["receipt", "verify", path(file), path(&ours), "--out", path(&out)], json].concat())
    };
    let good = write(&temp, "good.json", &transaction(&ours, &[receipt(&ours, 0), receipt(&ours, 1)]));
    let held = verify_receipt(&good, true);
    assert_eq!(held.status.code(), Some(0), "{held:?}");
    for line in lines(&held) {
        assert_eq!((&line["standing"], &line["agrees"]), (&json!("processed"), &json!(true)), "{line}");
        assert!(line["result"]["seq"].as_u64().unwrap() > 0);
    }
    assert!(text(&verify_receipt(&good, false)).contains("in the log, as the receipt says"));

    // A longer log than ours, or one that goes on differently.
    let long = seeded(&temp, "long", ("5", "60"), &["--contract", "kv"]);
    let beyond = write(&temp, "beyond.json", &receipt(&long, usize::MAX));
    let code = verify_receipt(&beyond, true).status.code();
    assert!(matches!(code, Some(12 | 21)), "{code:?}");

    // Somebody changed it.
    let mut forged = receipt(&ours, 1);
    forged["blockSeq"] = json!(forged["blockSeq"].as_u64().unwrap() + 2);
    assert_eq!(verify_receipt(&write(&temp, "forged.json", &forged), true).status.code(), Some(65));

    // The owner has signed another history.
    let rewritten = write(&temp, "rewritten.json", &receipt(&theirs, 0));
    let output = verify_receipt(&rewritten, true);
    assert_eq!(output.status.code(), Some(12), "{output:?}");
    let line = lines(&output).remove(0);
    assert_eq!(line["standing"], "rewritten");
    let proof = PathBuf::from(line["proofs"][0].as_str().unwrap());
    let (code, said) = verify(&proof);
    assert_eq!((code, &said["finding"]["kind"]), (0, &json!("equivocation")), "{said}");
    assert_eq!(said["finding"]["accused"]["role"], "participant");

    // Imported, it stays: audits know it from now on.
    assert_eq!(run(&["audit", path(&ours)]).status.code(), Some(0));
    let imported = run(&["proof", "import", path(&rewritten), path(&ours), "--out", path(&out)]);
    assert_eq!(imported.status.code(), Some(12), "{imported:?}");
    assert_eq!(run(&["audit", path(&ours)]).status.code(), Some(12));
}

/// Protects whoever compares notes: equal copies and prefixes are said to be that, contradictions are proven.
#[test]
fn copies_are_compared() {
    let temp = tempfile::tempdir().unwrap();
    let [short, long, other] = [("a", "8", "kv"), ("b", "16", "kv"), ("c", "12", "counter")]
        .map(|(name, ops, contract)| seeded(&temp, name, ("5", ops), &["--contract", contract]));
    let out = temp.path().join("out");
    let compare = |a: &Path, b: &Path| run(&["compare", "--json", path(a), path(b), "--out", path(&out)]);
    let relations = |output: &Output| lines(output).iter().map(|line| line["relation"].clone()).collect::<Vec<_>>();
    let same = compare(&long, &long);
    assert_eq!(same.status.code(), Some(0));
    assert!(relations(&same).iter().all(|relation| relation == "same"), "{same:?}");

    let index_prefix = compare(&short, &long);
    let code = index_prefix.status.code();
    // Histories of one seed are the same up to the shorter one's end, or contradict each other; in either case it is said.
    assert!(matches!(code, Some(0 | 11 | 12)), "{index_prefix:?}");

    let contradiction = compare(&long, &other);
    assert_eq!(contradiction.status.code(), Some(11), "{contradiction:?}");
    for line in lines(&contradiction) {
        assert_eq!(line["relation"], "contradiction", "{line}");
        for proof in line["proofs"].as_array().unwrap() {
            let (code, said) = verify(Path::new(proof["proof"].as_str().unwrap()));
            assert_eq!((code, &said["finding"]["log"]), (0, &line["log"]), "{said}");
        }
    }
    let strangers = seeded(&temp, "d", ("6", "12"), &["--contract", "kv"]);
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

/// Protects the way to Vitra's own format and back: a truncation can be said there, and is believed again from there.
#[test]
fn truncations_go_through_vitras_json() {
    let temp = tempfile::tempdir().unwrap();
    for lie in ["truncation/index", "truncation/oplog"] {
        let name = lie.replace('/', "-");
        let dir = lab(&temp, &name, &["--contract", "kv", "--lie", lie]);
        let honest = lab(&temp, &format!("{name}-honest"), &["--contract", "kv"]);
        let out = temp.path().join(format!("{name}-proofs"));
        run(&["audit", path(&dir), "--proofs", path(&out)]);
        let truncation = |file: &PathBuf| verify(file).1["finding"]["kind"] == "truncation";
        let file = proofs(&out).into_iter().find(truncation).unwrap();
        let exported = run(&["proof", "export", "--vitra", path(&file)]);
        assert_eq!(exported.status.code(), Some(0), "{exported:?}");
        let json = lines(&exported).remove(0);
        assert_eq!(json["vitraLogForkFraudProof"], 1);
        let json = write(&temp, &format!("{name}.json"), &json);
        let imported = run(&["proof", "import", path(&json), path(&honest), "--out", path(&out)]);
        let expected = if lie == "truncation/index" { 11 } else { 12 };
        assert_eq!(imported.status.code(), Some(expected), "{imported:?}");
        assert!(text(&imported).contains("truncation"));
        assert_eq!(run(&["audit", path(&honest)]).status.code(), Some(expected));
    }
    // What Vitra's format cannot say is not said.
    let dir = lab(&temp, "lie", &["--contract", "kv", "--lie", "wrong-change/value@6"]);
    let out = temp.path().join("lie-proofs");
    run(&["audit", path(&dir), "--proofs", path(&out)]);
    assert_eq!(run(&["proof", "export", "--vitra", path(&proofs(&out)[0])]).status.code(), Some(1));
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

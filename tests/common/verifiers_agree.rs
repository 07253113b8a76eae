//! Both verifiers agree about files of every structure, in all but their words.

use super::common::lab::Case;
use super::{cbor, confirmed, lying, made, mutants, number, second};
use serde_json::{Value as Json, json};
use std::path::Path;
use vitra_watch::hyperbee::Blocks;
use vitra_watch::lab::{Lab, Memory, Random};
use vitra_watch::proofs::file::{Slice, Version};
use vitra_watch::proofs::{Claim, Evidence, Proof};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::Kind;
use vitra_watch::replay::logs::Logs;

/// What the first verifier says of files: by its command, which tells malformed files from others.
fn first(files: &[Vec<u8>]) -> Vec<Json> {
    let temp = tempfile::tempdir().unwrap();
    let paths = (0..files.len()).map(|n| temp.path().join(format!("{n}.vproof")));
    let paths: Vec<_> = paths.collect();
    files.iter().zip(&paths).for_each(|(bytes, path)| std::fs::write(path, bytes).unwrap());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
    // Whatever is installed for whoever runs the tests is none of theirs.
    command.env("XDG_DATA_HOME", temp.path());
    let output = command.args(["proof", "verify", "--json"]).args(&paths).output().unwrap();
    let (text, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    let results: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(results.len(), files.len(), "{errors}");
    results
}

/// Why the second verifier may leave undecided what the first decides: its README lists these.
const UNDECIDED: [&str; 18] = [
    "not decided without the reference runtimes",
    "reference runtime",
    "the run decides nothing",
    "the contract",
    "it is not clear what the contract exports",
    "versions of msgpackr read differently",
    "more work than a file of this size is worth",
    "too many ways to read blocks without a value",
    "a tree that is too large to walk",
    "a node with another number of children",
    "an operation that is no msgpack",
    "an extension that is not decoded",
    "a value that is nested too deeply",
    "a varint that is too long",
    "a field number that is too large",
    "too many numbers",
    "too many levels",
    "an entry that nobody reads may be one of several changes",
];

/// What is compared of a file: what it shows, of whom; nothing of the words.
fn shown(result: &Json) -> Json {
    let finding = |finding: &Json| json!([finding["kind"], finding["seq"], finding["accused"], finding["log"]]);
    let (rebuttal, inclusion) = (&result["rebuttal"], &result["inclusion"]);
    // The first names it by what it is.
    let instead = ["instead", "equivocation", "truncation"].map(|name| &rebuttal[name]);
    let instead = instead.into_iter().find(|found| found.is_object()).unwrap_or(&Json::Null);
    let published = &inclusion["result"];
    let changes = published["changes"].as_array().map(Vec::len);
    json!([
        finding(&result["finding"]),
        [&result["end"], &rebuttal["proof"], &finding(&rebuttal["finding"]), &finding(instead)],
        [&inclusion["log"], &inclusion["seq"], &inclusion["length"], &inclusion["fork"]],
        [&published["seq"], &published["success"], &published["until"], &json!(changes)],
    ])
}

/// Where the verifiers disagree about a file, in anything but the words.
fn disagreement(first: &Json, second: &Json) -> Option<String> {
    let status = second["status"].as_str().unwrap();
    let why = second["why"].as_str().unwrap_or_default();
    let expected = match (first["lacks"].as_str(), first["shows"].as_str()) {
        (Some("form"), _) => "MALFORMED",
        (Some("confirmation"), _) => "NOT_CONFIRMED",
        (_, Some("violation")) => "PROVEN",
        (_, Some("rebuttal")) => "REBUTTED",
        (_, Some("inclusion")) => "INCLUDED",
        _ => "NOT_PROVEN",
    };
    // A verifier may ask for fewer blocks than the other.
    let asked = first["why"].as_str().is_some_and(|why| why.ends_with("of the index is needed, and not in the file"));
    let agreed = if status == "NOT_DECIDED" && expected != "MALFORMED" {
        UNDECIDED.iter().any(|reason| why.contains(reason))
    } else if status == "PROVEN" && expected == "NOT_PROVEN" {
        asked
    } else {
        status == expected && shown(first) == shown(second)
    };
    (!agreed).then(|| format!("{expected} {status}\n  first  {first}\n  second {second}"))
}

/// Protects whoever believes a file from what one program alone takes for true: over files of every structure, most of them
/// signed by whoever forged them, the verifiers disagree in nothing but their words.
#[test]
fn both_verifiers_agree_about_mutants_of_every_structure() {
    let most = number("VITRA_WATCH_MUTANTS", 600) as usize;
    let mut random = Random::new(number("VITRA_WATCH_SEED", 0));
    let mut bases = mutants::Bases { files: Vec::new(), indexes: Vec::new() };
    on_big_stack(&Budget::default(), || {
        lying(1, |_, _, logs, proofs| {
            bases.files.extend(proofs.iter().map(|proof| cbor::Item::decode(&proof.encode())));
            let index = logs.index();
            bases.indexes.push((0..index.length()).map(|seq| index.block(seq).unwrap().to_vec()).collect());
        });
    })
    .unwrap();
    for entry in Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/proofs").read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "vproof") {
            bases.files.push(cbor::Item::decode(&std::fs::read(path).unwrap()));
        }
    }
    let mut counts = std::collections::BTreeMap::new();
    let mut disagreements = Vec::new();
    for start in (0..most).step_by(500) {
        let made: Vec<_> = (start..most.min(start + 500)).map(|_| mutants::mutant(&bases, &mut random)).collect();
        let files: Vec<Vec<u8>> = made.iter().map(|(_, bytes)| bytes.clone()).collect();
        let Some(seconds) = second(&files, &[]) else { return };
        for (((name, bytes), first), second) in made.iter().zip(first(&files)).zip(seconds) {
            *counts.entry((*name, second["status"].as_str().unwrap().to_owned())).or_insert(0) += 1;
            if let Some(what) = disagreement(&first, &second) {
                // Kept, so that it can be looked into.
                let path =
                    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutant-{}.vproof", disagreements.len()));
                std::fs::write(&path, bytes).unwrap();
                disagreements.push(format!("{name} {}: {what}", path.display()));
            }
        }
    }
    println!("{most} mutants: {counts:#?}");
    let shown = disagreements.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(disagreements.is_empty(), "{} disagreements:\n{shown}", disagreements.len());
}

/// The head of an oplog with all of its blocks, as its owner signed it.
fn signed(lab: &Lab<Memory>, which: usize) -> cbor::Item {
    let log = &lab.oplogs[which];
    let view = lab.views(log.key()).pop().unwrap();
    let head = view.heads.iter().max_by_key(|head| head.length()).unwrap();
    let blocks = (0..head.length()).map(|seq| (seq, log.store.block(seq).unwrap().to_vec())).collect();
    let slice = Slice::build(head, view.tree, blocks).unwrap();
    // Any proof will do to write it.
    let claim = Claim::Audit { kind: Kind::BadGenesis, from: 0, seq: 0, end: None };
    let version = Version::Two;
    let proof = Proof { version, database: *log.key(), claim, engine: None, slices: vec![slice] };
    cbor::Item::decode(&proof.encode()).items()[4].items()[0].clone()
}

/// Protects honest executors from older heads, and everybody from false rebuttals: the verifiers agree about what a longer head
/// shows of a transaction which an older one cuts in two. The second one runs the contracts.
#[test]
fn both_verifiers_agree_about_longer_heads() {
    let mut random = Random::new(number("VITRA_WATCH_SEED", 0));
    let mut files = Vec::new();
    for seed in 0..4 * number("VITRA_WATCH_CASES", 1) {
        let (lab, _) = Case::random(seed, None).tell();
        let mut oplogs: Vec<usize> = (0..lab.oplogs.len()).filter(|n| lab.oplogs[*n].length() > 0).collect();
        oplogs.sort_by_key(|n| *lab.oplogs[*n].key());
        let oplogs: Vec<_> = oplogs.into_iter().map(|n| signed(&lab, n)).collect();
        let index = lab.index();
        let blocks: Vec<Vec<u8>> = (0..index.length()).map(|seq| index.block(seq).unwrap().to_vec()).collect();
        let length = blocks.len() as u64;
        for _ in 0..6 {
            let end = length.min(length / 2 + random.below(length / 2));
            let longer = length.min(end + 1 + random.below(6));
            // A transaction before the one that is cut.
            let cut = made::ack_before(&blocks, end - 1);
            let from = made::ack_before(&blocks, cut - u64::from(cut > 0));
            for kind in ["index-tampered", "missing-change"] {
                let file = made::by_longer(&blocks, (kind, from), (end, longer), &oplogs, &mut random);
                files.push((kind, file.encode()));
            }
        }
    }
    let bytes: Vec<Vec<u8>> = files.iter().map(|(_, bytes)| bytes.clone()).collect();
    let Some(seconds) = confirmed(&bytes) else { return };
    let mut counts = std::collections::BTreeMap::new();
    for (((kind, _), first), second) in files.iter().zip(first(&bytes)).zip(seconds) {
        *counts.entry((*kind, second["status"].as_str().unwrap().to_owned())).or_insert(0) += 1;
        assert_eq!(disagreement(&first, &second), None, "{kind}");
    }
    println!("{counts:#?}");
}

/// Protects proofs that were handed out: the second verifier reads the files of earlier versions as the first.
#[test]
fn both_verifiers_read_old_files() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/proofs");
    let paths = dir.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "vproof"));
    let files: Vec<Vec<u8>> = paths.map(|path| std::fs::read(path).unwrap()).collect();
    let Some(seconds) = confirmed(&files) else { return };
    for (first, second) in first(&files).iter().zip(seconds) {
        assert_eq!(first["proven"], true, "{first}");
        assert_eq!(disagreement(first, &second), None);
    }
}

/// Protects honest executors whose transactions share batches: a head that ends inside one, as a patched head may, shows no
/// tree that is wrong. And a block that is no entry is found behind an ack that is none, though the log goes on.
#[test]
fn both_verifiers_agree_about_honest_logs_that_are_cut() {
    let mut random = Random::new(number("VITRA_WATCH_SEED", 0));
    let (mut cut, mut malformed) = (Vec::new(), Vec::new());
    for seed in 0..6 * number("VITRA_WATCH_CASES", 1) {
        let (lab, _) = Case::random(seed, None).tell();
        let index = lab.index();
        let blocks: Vec<Vec<u8>> = (0..index.length()).map(|seq| index.block(seq).unwrap().to_vec()).collect();
        let length = blocks.len() as u64;
        for end in length.saturating_sub(60).max(2)..=length {
            let from = made::ack_before(&blocks, random.below(end));
            let seq = from + random.below(end - from);
            for (from, seq) in [(0, random.below(end)), (from, seq), (from, end - 1)] {
                cut.push(made::over_blocks(&blocks[..end as usize], ("index-tampered", from, seq)).encode());
            }
        }
        let key = [b".sys\0acks\0", &[b'a'; 64][..], &[0][..], b"000000000000000"].concat();
        let deleted = [&[0x0a, 0, 0x12, key.len() as u8][..], &key].concat();
        let genesis = blocks.iter().position(|block| block.windows(16).any(|part| part == b".sys\0acks\0genesi"));
        let begun = [&blocks[..=genesis.unwrap()], &[deleted, b"no entry".to_vec()]].concat();
        malformed.push(made::over_blocks(&begun, ("malformed-entry", 0, begun.len() as u64 - 1)).encode());
    }
    for (files, proven) in [(&cut, false), (&malformed, true)] {
        let Some(seconds) = second(files, &[]) else { return };
        for (first, second) in first(files).iter().zip(seconds) {
            assert_eq!(first["proven"], proven, "{first}");
            assert_eq!(second["status"] == "PROVEN", proven, "{second}");
        }
    }
    println!("{} cuts, {} blocks that are no entries", cut.len(), malformed.len());
}

/// Protects the innocent from files that once convicted them: both verifiers refuse each, and take the true ones.
#[test]
fn both_verifiers_refuse_what_was_forged() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/forged");
    let expected: Json = serde_json::from_slice(&std::fs::read(dir.join("expected.json")).unwrap()).unwrap();
    let expected = expected.as_object().unwrap();
    let files: Vec<Vec<u8>> = expected.keys().map(|name| std::fs::read(dir.join(name)).unwrap()).collect();
    let Some(seconds) = confirmed(&files) else { return };
    for ((name, expected), (first, second)) in expected.iter().zip(first(&files).iter().zip(&seconds)) {
        let accepted = expected.get("accepted").is_some();
        assert_eq!(first["proven"], json!(accepted), "{name} {first}");
        let shown = ["PROVEN", "REBUTTED", "INCLUDED"].iter().any(|word| second["status"] == **word);
        assert_eq!(shown, accepted, "{name} {second}");
        assert!(accepted || second["why"].is_string(), "{name} {second}");
    }
}

//! The second verifier, in JavaScript, says the same of proofs as the first: of every lie of the lab, of every violation
//! in the corpus, and of files that were changed. Both see the files only.
//!
//! `VITRA_WATCH_CASES` says how many histories of each lie (usually one), `VITRA_WATCH_SEED` which, `VITRA_WATCH_MUTANTS`
//! how many changed files.

#[path = "common/cbor.rs"]
mod cbor;
mod common;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/runtimes.rs"]
mod installation;
#[path = "common/made.rs"]
mod made;
#[path = "common/mutants.rs"]
mod mutants;
#[path = "common/node.rs"]
mod node;
#[path = "common/verifiers_agree.rs"]
mod verifiers_agree;

use common::lab::{Case, audit};
use common::{ERAS, cases, unpack};
use node::{Node, Project};
use serde_json::{Value as Json, json};
use vitra_watch::archive::{Database, parse_key};
use vitra_watch::lab::Random;
use vitra_watch::lab::lies::{self, Lie};
use vitra_watch::proofs::file::{MAX_SIZE, Slice, Version};
use vitra_watch::proofs::{Claim, Evidence, Proof, prove, verify};
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::{Class, Finding, Kind};
use vitra_watch::replay::logs::Logs;
use vitra_watch::replay::report::{self, Report};

static JAVASCRIPT: Project = Project::of_modules("verifiers-javascript", "verifiers/javascript");

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// What is compared: whom a file convicts of what, where.
fn said(finding: &Finding) -> Json {
    let finding = serde_json::to_value(finding).unwrap();
    json!([finding["kind"], finding["seq"], finding["accused"], finding["log"]])
}

/// The proofs of all violations in a report.
fn proofs(logs: &dyn Evidence, report: &Report) -> Vec<Proof> {
    let database = parse_key(&report.database).unwrap();
    let participants: Vec<_> = report.participants.iter().filter_map(|p| parse_key(&p.key)).collect();
    let violations = report.findings.iter().filter(|finding| finding.class == Class::Violation);
    let prove = |finding| prove(logs, &database, finding, &participants, Options::default()).unwrap();
    violations.map(prove).collect()
}

/// What the second verifier says of files, which are all that it has: a result for each.
fn second(files: &[Vec<u8>], options: &[&str]) -> Option<Vec<Json>> {
    let temp = tempfile::tempdir().unwrap();
    let mut args: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
    args.push("--json".to_owned());
    for (n, bytes) in files.iter().enumerate() {
        let path = temp.path().join(format!("{n}.vproof"));
        std::fs::write(&path, bytes).unwrap();
        args.push(path.to_str().unwrap().to_owned());
    }
    let output = JAVASCRIPT.run(Node::Todays, "verify.js", &args)?;
    let (text, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    let results: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(results.len(), files.len(), "{errors}");
    Some(results)
}

/// The same, with the reference runtimes.
fn confirmed(files: &[Vec<u8>]) -> Option<Vec<Json>> {
    let runtimes = installation::installed()?;
    second(files, &["--runtimes", runtimes.to_str().unwrap()])
}

/// Both verifiers say the same of true proofs: at once where nothing has to be run, with reference runtimes of all.
fn agree(proofs: &[(String, Proof)]) {
    let files: Vec<Vec<u8>> = proofs.iter().map(|(_, proof)| proof.encode()).collect();
    let first = files.iter().map(|bytes| said(&verify(bytes, MAX_SIZE, Options::default()).unwrap().finding));
    let first: Vec<Json> = first.collect();
    let Some(results) = second(&files, &[]) else { return };
    let mut to_run = Vec::new();
    for (n, (name, proof)) in proofs.iter().enumerate() {
        if results[n]["status"] == "NOT_DECIDED" && proof.engine.is_some() {
            assert_eq!(results[n]["why"], "not decided without the reference runtimes: --runtimes DIR", "{name}");
            to_run.push(n);
        } else {
            assert_same(name, &results[n], &first[n]);
        }
    }
    let files: Vec<Vec<u8>> = to_run.iter().map(|&n| files[n].clone()).collect();
    let Some(results) = confirmed(&files) else { return };
    let mut reasons = results.iter().filter_map(|result| result["why"].as_str());
    if let Some(why) = reasons.find(|why| why.starts_with("the contract is not run")) {
        assert!(std::env::var_os("VITRA_WATCH_REQUIRE_NODE").is_none(), "{why}");
        eprintln!("SKIPPED: runs of contracts: {why}");
        return;
    }
    for (result, n) in results.iter().zip(to_run) {
        assert_same(&proofs[n].0, result, &first[n]);
    }
}

fn assert_same(name: &str, second: &Json, first: &Json) {
    let finding = &second["finding"];
    let second_said = json!([finding["kind"], finding["seq"], finding["accused"], finding["log"]]);
    assert_eq!(second["status"], "PROVEN", "{name}: {first}: {second}");
    assert_eq!(&second_said, first, "{name}");
}

/// Histories with lies, and the proofs of what was found in each.
fn lying(cases: u64, mut each: impl FnMut(&Lie, &Case, &dyn Evidence, Vec<Proof>)) {
    let base = number("VITRA_WATCH_SEED", 0);
    let all: Vec<&Lie> = lies::all().collect();
    for number in 0..cases * all.len() as u64 {
        let lie = all[(number % all.len() as u64) as usize];
        let case = Case::random(base.wrapping_mul(1_000_003).wrapping_add(number), Some(lie));
        let (lab, truth) = case.tell();
        if truth.is_some() {
            let proofs = proofs(&lab, &audit(&lab));
            each(lie, &case, &lab, proofs);
        }
    }
}

/// Protects whoever believes a file: both verifiers convict the same people of every lie of the lab.
#[test]
fn both_verifiers_convict_every_liar() {
    on_big_stack(&Budget::default(), || {
        let mut all = Vec::new();
        lying(number("VITRA_WATCH_CASES", 1), |lie, case, _, proofs| {
            let name = format!("{} {:?} {case:?}", lie.name, lie.kind);
            all.extend(proofs.into_iter().map(|proof| (name.clone(), proof)));
        });
        println!("{} proofs", all.len());
        agree(&all);
    })
    .unwrap();
}

/// Protects the same for databases that Vitra itself wrote.
#[test]
fn both_verifiers_convict_the_liars_of_the_corpus() {
    on_big_stack(&Budget::default(), || {
        let mut all = Vec::new();
        for (era, name) in ERAS.into_iter().flat_map(|era| cases(era).into_iter().map(move |name| (era, name))) {
            let case = unpack(era, &name);
            let Ok(database) = Database::open(&case.dir, None) else { continue };
            let report = report::run(Auditor::new(&database, database.key(), Options::default()), |_, _| ());
            all.extend(proofs(&database, &report).into_iter().map(|proof| (format!("{era} {name}"), proof)));
        }
        println!("{} proofs", all.len());
        agree(&all);
    })
    .unwrap();
}

/// Protects the innocent from both: what the first verifier refuses of changed files, the second refuses, too; and what it
/// proves without running anything, the other proves.
#[test]
fn both_verifiers_refuse_changed_files() {
    on_big_stack(&Budget::default(), || {
        let most = number("VITRA_WATCH_MUTANTS", 2_000) as usize;
        let mut random = Random::new(number("VITRA_WATCH_SEED", 0));
        let mut mutants: Vec<Vec<u8>> = Vec::new();
        let mut lies = 0;
        lying(1, |_, _, logs, proofs| {
            lies += 1;
            let room = (most * lies / lies::all().count()).saturating_sub(mutants.len());
            for n in 0..room {
                let proof = &proofs[n % proofs.len()];
                let bytes = proof.encode();
                let mutant = match n % 3 {
                    // Every n-th byte.
                    0 => flipped(&bytes, n * bytes.len() / room, 1 << random.below(8)),
                    1 => exchanged(proof, logs, &mut random).encode(),
                    _ => claiming(proof, logs.index().length(), &mut random).encode(),
                };
                if mutant != bytes {
                    mutants.push(mutant);
                }
            }
        });
        let Some(results) = second(&mutants, &[]) else { return };
        let (mut refused, mut proven) = (0, 0);
        for (bytes, result) in mutants.iter().zip(results) {
            match verify(bytes, MAX_SIZE, Options::default()) {
                Ok(first) if result["status"] == "PROVEN" => {
                    assert_same("a changed file", &result, &said(&first.finding));
                    proven += 1;
                }
                Ok(first) => assert_eq!(result["status"], "NOT_DECIDED", "{result}: {:#?}", first.finding),
                Err(error) => {
                    assert_ne!(result["status"], "PROVEN", "{result}: {error}");
                    refused += 1;
                }
            }
        }
        println!("{} changed files: {refused} refused by both, {proven} other true statements", mutants.len());
        assert!(refused > mutants.len() / 2);
    })
    .unwrap();
}

/// Protects honest executors: whatever is claimed about an honest history (oddities and races included), over all its blocks
/// or some, the second verifier does not believe it.
#[test]
fn the_second_verifier_convicts_nobody_honest() {
    on_big_stack(&Budget::default(), || {
        let (cases, base) = (number("VITRA_WATCH_CASES", 1) * 60, number("VITRA_WATCH_SEED", 0));
        let mut random = Random::new(base);
        let mut files = Vec::new();
        for number in 0..cases {
            let case = Case::random(base.wrapping_mul(1_000_003).wrapping_add(number), None);
            let (lab, _) = case.tell();
            let view = lab.views(lab.index.key()).pop().unwrap();
            let head = view.heads.iter().max_by_key(|head| head.length()).unwrap();
            let length = head.length();
            let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| !kind.by_heads()).collect();
            for _ in 0..20 {
                let (gap, wide) = (random.below(length), random.below(8));
                let all = random.once_in(2);
                let blocks = (0..length).filter(|seq| all || *seq < gap || *seq > gap + wide);
                let blocks = blocks.map(|seq| (seq, lab.index().block(seq).unwrap().to_vec())).collect();
                let seq = random.below(length + 1);
                let from = if random.once_in(2) { 0 } else { random.below(seq + 1) };
                let end = random.once_in(2).then_some(length);
                let claim = Claim::Audit { kind: *random.pick(&kinds).unwrap(), from, seq, end };
                let slice = Slice::build(head, view.tree, blocks).unwrap();
                let version = Version::Two;
                let proof = Proof { version, database: *lab.index.key(), claim, engine: None, slices: vec![slice] };
                files.push((format!("{case:?} {:?} {all} {gap} {wide}", proof.claim), proof.encode()));
            }
        }
        let Some(results) = second(&files.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>(), &[]) else {
            return;
        };
        for ((name, _), result) in files.iter().zip(results) {
            assert_ne!(result["status"], "PROVEN", "{name}: {result}");
        }
        println!("{} claims", files.len());
    })
    .unwrap();
}

/// Protects whoever runs the second verifier: hostile contracts are neither taken for guarded ones nor let out.
#[test]
fn the_second_verifier_keeps_to_its_guard_and_lock() {
    for script in ["guard.test.js", "run.test.js"] {
        let none: [&str; 0] = [];
        let Some(output) = JAVASCRIPT.run(Node::Todays, script, &none) else { return };
        node::successful(&output);
    }
}

fn flipped(bytes: &[u8], at: usize, bit: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= bit;
    bytes
}

/// Another block in place of one, or two that changed places, or another log's head.
fn exchanged(proof: &Proof, logs: &dyn Evidence, random: &mut Random) -> Proof {
    let mut proof = proof.clone();
    let count = proof.slices.len() as u64;
    let slice = &mut proof.slices[random.below(count) as usize];
    let seqs: Vec<u64> = slice.blocks.keys().copied().collect();
    let (one, other) = (random.pick(&seqs).copied(), random.pick(&seqs).copied());
    match (one, other, random.below(3)) {
        (Some(one), _, 0) => {
            let block = logs.index().block(random.below(logs.index().length())).unwrap();
            slice.blocks.insert(one, block.to_vec());
        }
        (Some(one), Some(other), 1) => {
            let (first, second) = (slice.blocks[&one].clone(), slice.blocks[&other].clone());
            slice.blocks.insert(one, second);
            slice.blocks.insert(other, first);
        }
        (Some(one), ..) => _ = slice.blocks.remove(&one),
        _ => slice.fork += 1,
    }
    proof
}

/// Another claim over the same logs.
fn claiming(proof: &Proof, length: u64, random: &mut Random) -> Proof {
    let mut proof = proof.clone();
    if let Claim::Audit { kind, from, seq, end } = &mut proof.claim {
        match random.below(4) {
            3 => *end = if end.is_some() { None } else { Some(length) },
            0 => *kind = *random.pick(Kind::ALL).unwrap(),
            1 => *seq = random.below(length + 1),
            _ => *from = random.below(length),
        }
    } else {
        proof.slices.reverse();
    }
    proof
}

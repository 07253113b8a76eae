//! Fraud proofs: every violation has one, it convicts from the file alone, nothing in it can be left out, and nothing can
//! be made of it that convicts anybody of something else.

#[path = "../common/mod.rs"]
mod common;

mod beginnings;
mod held;
mod rebuttals;

use std::collections::BTreeMap;

use common::lab::{Case, audit};
use common::{ERAS, cases, hostile, unpack};
use serde_json::{Value as Json, json};
use vitra_watch::archive::{Database, parse_key};
use vitra_watch::database::ack::to_hex;
use vitra_watch::database::{encode, json::from_json};
use vitra_watch::hypercore::Key;
use vitra_watch::lab::lies::{self, Lie};
use vitra_watch::lab::{Beginning, Example, Lab, Memory, Random};
use vitra_watch::proofs::file::MAX_SIZE;
use vitra_watch::proofs::{Claim, Evidence, Proof, Rebuttal, Statement, check, evaluate, prove, verify};
use vitra_watch::replay::auditor::{Auditor, Options, Step};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::{Accused, Class, Finding, Kind};
use vitra_watch::replay::report::{self, Report};

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

fn participants(report: &Report) -> Vec<Key> {
    report.participants.iter().filter_map(|participant| parse_key(&participant.key)).collect()
}

fn violations(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.class == Class::Violation).collect()
}

/// Proves every violation of a report and checks each proof from its bytes alone.
fn proofs(logs: &dyn Evidence, report: &Report) -> Vec<(Proof, Finding)> {
    let database = parse_key(&report.database).unwrap();
    let mut proofs = Vec::new();
    for finding in violations(report) {
        let proof = prove(logs, &database, finding, &participants(report), Options::default());
        let proof = proof.unwrap_or_else(|error| panic!("{error}: {finding:#?}"));
        let bytes = proof.encode();
        let proven = verify(&bytes, usize::MAX, Options::default()).unwrap();
        assert_eq!((proven.finding.kind, &proven.finding.id), (finding.kind, &finding.id));
        let cleared = matches!(finding.accused, Some(Accused::Participant { .. })) && finding.kind.by_replay();
        assert!(cleared || proven.finding.accused == finding.accused, "{finding:#?}");
        if !finding.kind.by_heads() {
            assert_eq!(proven.finding.seq, finding.seq);
        }
        proofs.push((proof, finding.clone()));
    }
    proofs
}

/// Nothing can be left out.
fn is_minimal(proof: &Proof) {
    for (at, slice) in proof.slices.iter().enumerate() {
        for seq in slice.blocks.keys() {
            let mut less = proof.clone();
            less.slices[at].blocks.remove(seq);
            assert!(evaluate(&less, Options::default()).is_err(), "without block {seq}: {:?}", proof.claim);
        }
        for node in 0..slice.nodes.len() {
            let mut less = proof.clone();
            less.slices[at].nodes.remove(node);
            assert!(evaluate(&less, Options::default()).is_err(), "without node {node}: {:?}", proof.claim);
        }
        let mut less = proof.clone();
        less.slices.remove(at);
        assert!(evaluate(&less, Options::default()).is_err(), "without slice {at}: {:?}", proof.claim);
    }
}

/// Protects everybody who is to believe us: each lie of the lab is proven by a file, as the audit found it, and by the
/// transaction alone.
#[test]
fn every_lie_is_proven() {
    on_big_stack(&Budget::default(), || {
        let (cases, base) = (number("VITRA_WATCH_CASES", 75), number("VITRA_WATCH_SEED", 0));
        let all: Vec<&Lie> = lies::all().collect();
        let mut beginnings: BTreeMap<bool, u64> = BTreeMap::new();
        for number in 0..cases {
            let lie = all[(number % all.len() as u64) as usize];
            let case = Case::random(base.wrapping_mul(1_000_003).wrapping_add(number), Some(lie));
            let (lab, truth) = case.tell();
            if truth.is_none() {
                continue;
            }
            for (n, (proof, finding)) in proofs(&lab, &audit(&lab)).iter().enumerate() {
                if let Claim::Audit { from, .. } = proof.claim {
                    if from == 0 && std::env::var_os("VITRA_WATCH_SHOW").is_some() {
                        println!("{} {:?} from the genesis: {:?}", lie.name, case.example.name, finding.seq);
                    }
                    *beginnings.entry(from > 0).or_default() += 1;
                }
                if n == 0 && number % 3 == 0 {
                    is_minimal(proof);
                }
            }
        }
        println!("{beginnings:?}");
    })
    .unwrap();
}

/// Protects whoever is sent the proof of a wrong tree: what comes later is in the file only as far as it shows that the batch has
/// ended, which is the next batch.
#[test]
fn a_wrong_tree_is_proven_by_its_batch_and_the_next() {
    // Of the lab's.
    const MOST_OF_A_BATCH: usize = 24;
    on_big_stack(&Budget::default(), || {
        let (mut proven, mut most) = (0, 0);
        let lies: Vec<&Lie> = lies::all().filter(|lie| lie.kind == Kind::IndexTampered).collect();
        for (number, lie) in lies.iter().cycle().take(24).enumerate() {
            let case = Case { actions: 150, after: 20, ..Case::random(number as u64, Some(lie)) };
            let (lab, truth) = case.tell();
            let Some(seq) = truth.and_then(|truth| truth.seq) else { continue };
            for (proof, finding) in proofs(&lab, &audit(&lab)) {
                if finding.kind != Kind::IndexTampered || finding.seq != Some(seq) {
                    continue;
                }
                let later = proof.slices[0].blocks.range(seq + 1..).count();
                most = most.max(later);
                assert!(later <= MOST_OF_A_BATCH, "{later} later blocks: {} {case:?}", lie.name);
                proven += 1;
            }
        }
        println!("{proven} proven, at most {most} later blocks");
        assert!(proven > 12, "{proven}");
    })
    .unwrap();
}

/// Protects the same for databases that Vitra itself wrote.
#[test]
fn every_violation_of_the_corpus_is_proven() {
    on_big_stack(&Budget::default(), || {
        for (era, name) in ERAS.into_iter().flat_map(|era| cases(era).into_iter().map(move |name| (era, name))) {
            let case = unpack(era, &name);
            let Ok(database) = Database::open(&case.dir, None) else { continue };
            let report = report::run(Auditor::new(&database, database.key(), Options::default()), |_, _| ());
            for (proof, finding) in proofs(&database, &report) {
                let size = proof.encode().len();
                println!("{era} {name} {} {:?} {size}", finding.kind.name(), proof.claim);
                assert!(size < MAX_SIZE);
            }
        }
    })
    .unwrap();
}

/// Protects whoever receives a proof: of many thousands of changed files none verifies, but as the same statement.
#[test]
fn changed_proofs_are_refused() {
    on_big_stack(&Budget::default(), || {
        let (mutants, base) = (number("VITRA_WATCH_MUTANTS", 1_500), number("VITRA_WATCH_SEED", 0));
        let all: Vec<&Lie> = lies::all().collect();
        let mut random = Random::new(base);
        let (mut done, mut case_number, mut verified) = (0, 0, 0);
        while done < mutants {
            let lie = all[(case_number % all.len() as u64) as usize];
            let case = Case::random(base.wrapping_mul(1_000_003).wrapping_add(case_number), Some(lie));
            case_number += 1;
            let (lab, truth) = case.tell();
            if truth.is_none() {
                continue;
            }
            let report = audit(&lab);
            let true_ones = violations(&report);
            let proofs = proofs(&lab, &report);
            for (proof, finding) in &proofs {
                let bytes = proof.encode();
                for _ in 0..40 {
                    let other = &proofs[random.below(proofs.len() as u64) as usize].0;
                    let mutant = mutant(proof, other, &bytes, &lab, &mut random);
                    done += 1;
                    if mutant == bytes {
                        continue;
                    }
                    let Ok(proven) = verify(&mutant, MAX_SIZE, Options::default()) else { continue };
                    verified += 1;
                    let said = |f: &&Finding| {
                        (f.kind, f.seq) == (proven.finding.kind, proven.finding.seq)
                            || f.also
                                .iter()
                                .any(|also| (also.kind, Some(also.seq)) == (proven.finding.kind, proven.finding.seq))
                            || f.id == proven.finding.id
                    };
                    assert!(true_ones.iter().any(said), "{case:?} {finding:#?} became {proven:#?}");
                }
            }
        }
        println!("{done} mutants, {verified} of them other files of true statements");
    })
    .unwrap();
}

/// A proof with something changed.
fn mutant(proof: &Proof, other: &Proof, bytes: &[u8], logs: &dyn Evidence, random: &mut Random) -> Vec<u8> {
    let mut proof = proof.clone();
    let at = random.below(proof.slices.len() as u64) as usize;
    let length = logs.index().length();
    match random.below(9) {
        0 | 1 => {
            let mut bytes = bytes.to_vec();
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
            return bytes;
        }
        2 => {
            // Another block of the same log in place of one.
            let slice = &mut proof.slices[at];
            let seqs: Vec<u64> = slice.blocks.keys().copied().collect();
            let Some(seq) = random.pick(&seqs) else { return proof.encode() };
            let block = logs.index().block(random.below(length)).unwrap();
            slice.blocks.insert(*seq, block.to_vec());
        }
        3 => {
            let to = random.below(proof.slices.len() as u64) as usize;
            proof.slices.swap(at, to);
        }
        4 => {
            if let Claim::Audit { kind, .. } = &mut proof.claim {
                *kind = *random.pick(Kind::ALL).unwrap();
            }
        }
        5 => {
            if let Claim::Audit { seq, .. } = &mut proof.claim {
                *seq = random.below(length + 1);
            }
        }
        6 => {
            if let Claim::Audit { from, .. } = &mut proof.claim {
                *from = random.below(length);
            }
        }
        7 => {
            // The head of another history, or of another log.
            let to = random.below(other.slices.len() as u64) as usize;
            let (slice, other) = (&mut proof.slices[at], &other.slices[to]);
            (slice.fork, slice.length, slice.signature) = (other.fork, other.length, other.signature.clone());
        }
        _ => proof.claim = other.claim.clone(),
    }
    proof.encode()
}

/// Protects proofs that were handed out: files of earlier versions prove the same for ever.
#[test]
fn old_files_still_prove() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/proofs");
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("expected.json")).unwrap()).unwrap();
    let expected = expected.as_object().unwrap().clone();
    on_big_stack(&Budget::default(), move || {
        let mut kinds = std::collections::BTreeSet::new();
        for (name, expected) in &expected {
            let bytes = std::fs::read(dir.join(name)).unwrap();
            assert_eq!(to_hex(&Proof::id(&bytes)), expected["proof"].as_str().unwrap(), "{name} was changed");
            let said = match check(&bytes, MAX_SIZE, Options::default()) {
                Ok(Statement::Violation(proven)) => {
                    kinds.insert(proven.finding.kind);
                    serde_json::json!({
                        "shows": "violation", "database": proven.database, "kind": proven.finding.kind,
                        "seq": proven.finding.seq, "accused": proven.finding.accused, "proof": expected["proof"],
                    })
                }
                Ok(Statement::Rebuttal(rebutted)) => serde_json::json!({
                    "shows": "rebuttal", "database": rebutted.database, "of": rebutted.proof,
                    "log": rebutted.instead().map(|finding| &finding.log), "proof": expected["proof"],
                }),
                Ok(Statement::Inclusion(included)) => serde_json::json!({
                    "shows": "inclusion", "database": included.database, "log": included.log, "seq": included.seq,
                    "success": included.result.map(|result| result.success), "proof": expected["proof"],
                }),
                Err(why) => panic!("{name}: {why}"),
            };
            assert_eq!(&said, expected, "{name}");
        }
        assert_eq!(kinds.len(), Kind::ALL.iter().filter(|kind| kind.class() == Class::Violation).count());
        let files = dir.read_dir().unwrap().count();
        assert_eq!(files, expected.len() + 1, "a file that nothing is expected of");
    })
    .unwrap();
}

//! Fraud proofs: every violation has one, it convicts from the file alone, nothing in it can be left out, and nothing can
//! be made of it that convicts anybody of something else.

mod common;

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

/// Protects whoever is sent the proof of a wrong tree: its batch says where it ends, so nothing that comes later is in the file.
#[test]
fn a_wrong_tree_is_proven_by_its_own_batch() {
    on_big_stack(&Budget::default(), || {
        let mut proven = 0;
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
                // The one that shows where the transaction ends.
                assert!(later <= 1, "{later} later blocks: {} {case:?}", lie.name);
                proven += 1;
            }
        }
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

/// Every audit that begins at some block of a database, with all of it at hand: the most that a proof could hold.
fn begun_anywhere(logs: &dyn Evidence, database: &Key, mut found: impl FnMut(u64, &Finding)) -> u64 {
    let mut begun = 0;
    for from in 0..logs.index().length() {
        let Ok(mut auditor) = Auditor::beginning_at(logs, database, Options::default(), from) else { continue };
        begun += 1;
        while let Step::Judged(_) = auditor.step() {}
        auditor.findings.iter().filter(|f| f.class == Class::Violation).for_each(|finding| found(from, finding));
    }
    begun
}

/// Protects honest executors: wherever an audit begins in an honest history (races, several transactions in a batch and all
/// other oddities included), it accuses nobody; so no file can.
#[test]
fn nobody_honest_is_convicted_from_anywhere() {
    on_big_stack(&Budget::default(), || {
        let (cases, base) = (number("VITRA_WATCH_CASES", 75), number("VITRA_WATCH_SEED", 0));
        let mut begun = 0;
        for number in 0..cases {
            let case = Case::random(base.wrapping_mul(1_000_003).wrapping_add(number), None);
            let (lab, _) = case.tell();
            let database = *lab.index.key();
            begun += begun_anywhere(&lab, &database, |from, finding| panic!("{case:?} from {from}: {finding:#?}"));
        }
        println!("{begun} audits");
        assert!(begun > cases, "too few places to begin at");
    })
    .unwrap();
}

/// Protects an honest executor whom a restart sent back: an input was removed and came back, and later its operations were
/// skipped and repeated. An audit that began in between, at an ack with the right number, did not ask what had been before,
/// and called that a violation.
#[test]
fn a_removal_before_the_audit_excuses_wrong_numbers() {
    on_big_stack(&Budget::default(), || {
        let registry = Example::named("registry").unwrap();
        for (then, repeated) in [(2, 1), (2, 2), (4, 1)] {
            let beginning = Beginning { participants: 2, ..Beginning::new(registry.source, 5) };
            let mut lab = Lab::in_memory(&beginning).unwrap();
            let key = lab.name(1).unwrap();
            let publish = |lab: &mut Lab<Memory>, who: usize, ops: &[Json]| {
                let ops: Vec<_> = ops.iter().map(|op| encode(&from_json(op).unwrap())).collect();
                lab.publish(who, &ops).unwrap();
            };
            publish(&mut lab, 0, &[json!({"op": "STEWARD"})]);
            publish(&mut lab, 1, &[json!({}), json!({})]);
            lab.execute_all().unwrap();
            publish(&mut lab, 0, &[json!({"op": "EXPEL", "key": key}), json!({"op": "ADMIT", "key": key})]);
            lab.execute_all().unwrap();
            publish(&mut lab, 1, &[json!({}), json!({}), json!({})]);
            assert!(lab.execute(1).unwrap());
            for _ in 0..repeated {
                lab.stand_before(1, then);
                assert!(lab.execute(1).unwrap());
            }
            let report = audit(&lab);
            assert!(violations(&report).is_empty(), "{:#?}", report.findings);
            let database = *lab.index.key();
            let begun = begun_anywhere(&lab, &database, |from, f| panic!("from {from}: {f:#?}"));
            assert!(begun > 5);
        }
    })
    .unwrap();
}

/// Protects the size of proofs: an input that was declared a hundred times still needs no proof from the genesis.
#[test]
fn a_skip_is_proven_behind_many_declarations() {
    on_big_stack(&Budget::default(), || {
        let beginning = Beginning::new(Example::named("registry").unwrap().source, 5);
        let mut lab = Lab::in_memory(&beginning).unwrap();
        let admit = json!({"op": "ADMIT", "key": lab.name(0).unwrap()});
        let mut ops = vec![json!({"op": "STEWARD"})];
        ops.extend(std::iter::repeat_n(admit, 100));
        ops.extend([json!({}), json!({}), json!({})]);
        let ops: Vec<_> = ops.iter().map(|op| encode(&from_json(op).unwrap())).collect();
        lab.publish(0, &ops).unwrap();
        for _ in 0..102 {
            assert!(lab.execute(0).unwrap());
        }
        lab.stand_before(0, 103);
        assert!(lab.execute(0).unwrap());
        let proofs = proofs(&lab, &audit(&lab));
        let [(proof, finding)] = &proofs[..] else { panic!("{proofs:#?}") };
        assert_eq!(finding.kind, Kind::OpSkipped);
        let Claim::Audit { from, .. } = proof.claim else { panic!("{:?}", proof.claim) };
        assert!(from > 200, "{from}");
        is_minimal(proof);
    })
    .unwrap();
}

/// Protects the truth of what files say: wherever an audit begins in a lying history, what it finds is found by the whole
/// audit, too, or follows from an earlier lie of the same executor.
#[test]
fn liars_are_convicted_of_their_lies_only() {
    on_big_stack(&Budget::default(), || {
        let (cases, base) = (number("VITRA_WATCH_CASES", 75), number("VITRA_WATCH_SEED", 0));
        let all: Vec<&Lie> = lies::all().collect();
        for number in 0..cases {
            let lie = all[(number % all.len() as u64) as usize];
            let case = Case::random(base.wrapping_mul(1_000_003).wrapping_add(number), Some(lie));
            let (lab, truth) = case.tell();
            let Some(truth) = truth else { continue };
            let first = truth.seq.unwrap_or(u64::MAX);
            begun_anywhere(&lab, lab.index.key(), |from, finding| {
                // Where acks are not at their places, an audit that begins later finds the numbers wrong that rest on them.
                let numbering = matches!(finding.kind, Kind::OpSkipped | Kind::OpRepeated);
                let kind_too = finding.kind == truth.kind || truth.then.contains(&finding.kind) || numbering;
                let told = finding.seq.is_some_and(|seq| seq >= first) && truth.oplog.is_none();
                let owner = truth.oplog.as_ref().is_some_and(|key| {
                    finding.accused.as_ref().is_some_and(|accused| accused.owners().contains(&key.as_str()))
                });
                assert!(told && kind_too || owner, "{case:?} from {from}: {finding:#?}");
            });
        }
    })
    .unwrap();
}

/// Protects executors from owners with two histories: where an audit clears the executor, so does a file; and no file does
/// where the histories are the same up to the operation.
#[test]
fn equivocations_clear_executors() {
    on_big_stack(&Budget::default(), || {
        let (cases, base) = (number("VITRA_WATCH_CASES", 75), number("VITRA_WATCH_SEED", 0));
        let (mut cleared, mut left) = (0, 0);
        for number in 0..cases * 8 {
            let (lab, rewritten) =
                hostile::history(Random::new(base.wrapping_mul(1_000_003).wrapping_add(number)).bits());
            if !rewritten {
                continue;
            }
            let report = hostile::audit(&lab);
            let database = *lab.index.key();
            let prove = |finding: &Finding| prove(&lab, &database, finding, &participants(&report), Options::default());
            let found = violations(&report);
            for equivocation in found.iter().filter(|finding| finding.kind == Kind::Equivocation) {
                let second = prove(equivocation).unwrap().encode();
                for finding in found.iter().filter(|finding| finding.kind.by_replay()) {
                    let rests = finding.origin.as_ref() == Some(&equivocation.log);
                    // What runs out of another budget than the one that found it is proven by nobody.
                    let Ok(first) = prove(finding) else { continue };
                    let rebuttal = Rebuttal { proof: first.encode(), equivocation: second.clone() };
                    let verified = rebuttal.verify(MAX_SIZE, Options::default());
                    let early = equivocation.seq.zip(finding.op_seq).is_some_and(|(first, seq)| first <= seq);
                    if rests && early {
                        assert!(matches!(finding.accused, Some(Accused::Participant { .. })), "{finding:#?}");
                        assert!(verified.is_ok(), "{verified:?} {finding:#?} {equivocation:#?}");
                        cleared += 1;
                    } else if rests {
                        assert!(verified.is_err(), "{finding:#?} {equivocation:#?}");
                        left += 1;
                    }
                }
            }
        }
        println!("{cleared} cleared, {left} not");
        assert!(cleared > 0);
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
                    "log": rebutted.equivocation.log, "proof": expected["proof"],
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

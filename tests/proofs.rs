//! Fraud proofs: every violation has one, it convicts from the file alone, nothing in it can be left out, and nothing can
//! be made of it that convicts anybody of something else.

mod common;

use std::collections::BTreeMap;

use common::lab::{Case, audit};
use common::{ERAS, cases, unpack};
use vitra_watch::archive::{Database, parse_key};
use vitra_watch::hypercore::Key;
use vitra_watch::lab::lies::{self, Lie};
use vitra_watch::proofs::file::MAX_SIZE;
use vitra_watch::proofs::{Claim, Evidence, Proof, evaluate, prove, verify};
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::{Accused, Class, Finding};
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
        let (cases, base) = (number("VITRA_WATCH_CASES", 150), number("VITRA_WATCH_SEED", 0));
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

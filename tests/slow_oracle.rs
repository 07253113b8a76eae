//! The auditor agrees with a slow, obvious oracle on histories of the lab: the same first violation, or none.
//!
//! `VITRA_WATCH_CASES=20000 cargo test --release --test slow_oracle` asks for more than usual.

mod common;

use common::lab::Case;
use common::{hostile, oracle};
use vitra_watch::lab::Random;
use vitra_watch::lab::lies::{self, Lie};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::{Class, Kind};
use vitra_watch::replay::report::Report;

fn cases(usual: u64) -> u64 {
    std::env::var("VITRA_WATCH_CASES").map_or(usual, |text| text.parse().unwrap())
}

fn first_violation(report: &Report) -> Option<(Kind, u64)> {
    let first = report.findings.iter().find(|finding| finding.class == Class::Violation);
    first.map(|finding| (finding.kind, finding.seq.unwrap_or_default()))
}

#[test]
fn they_agree_on_honest_executors_and_liars() {
    let cases = cases(250);
    let all: Vec<&'static Lie> = lies::all().collect();
    on_big_stack(&Budget::default(), || {
        let mut lies = 0;
        for number in 0..cases {
            let lie = all.get((number % (all.len() as u64 + 20)) as usize).copied();
            let case = Case::random(Random::new(number ^ 0x0_5ac1e).bits(), lie);
            let (lab, _) = case.tell();
            let report = common::lab::audit(&lab);
            // An honest race around a removed input: nobody can tell it from a repetition.
            if report.findings.iter().any(|finding| finding.kind == Kind::ReaddRace) {
                continue;
            }
            let first = first_violation(&report);
            let judged = oracle::judge(&lab);
            // Deletes leave unreachable nodes behind, too, and the oracle does not know which.
            if lie.is_some_and(|lie| lie.name == "index-tampered/unreachable-node") && judged == (None, None) {
                continue;
            }
            assert_eq!((first, None), judged, "{case:?}");
            lies += u64::from(first.is_some());
        }
        assert!(lies > cases / 3, "{lies}");
    })
    .unwrap();
}

/// The oracle follows until a contract writes below `/.sys` past the guard, the auditor until bytes that engines read
/// differently made a difference (by then the participant has rewritten its log).
#[test]
fn they_agree_on_what_hostile_participants_do() {
    let cases = cases(250);
    on_big_stack(&Budget::default(), || {
        let (mut to_the_end, mut violations) = (0, 0);
        // Some on which they once disagreed.
        for number in (0..cases).chain([1_205, 2_072, 9_979]) {
            let (lab, rewritten) = hostile::history(Random::new(number).bits());
            let report = hostile::audit(&lab);
            let (found, open) = oracle::judge(&lab);
            let first = first_violation(&report);
            let left_open = |seq: u64| {
                report.findings.iter().any(|finding| finding.unjudged && finding.seq.is_some_and(|at| at <= seq))
            };
            match (first, found, open) {
                (Some((_, seq)), None, Some(open)) if seq > open => {}
                (_, Some((_, seq)), _) if rewritten && left_open(seq) => {}
                _ => {
                    assert_eq!(first, found, "{number}: {report:#?}");
                    to_the_end += u64::from(open.is_none());
                    violations += u64::from(found.is_some());
                }
            }
        }
        assert!(to_the_end > cases / 4 && violations > cases / 20, "{to_the_end} {violations}");
    })
    .unwrap();
}

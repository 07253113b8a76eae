//! The lab against the auditor, in memory: honest databases are never accused, and every lie is found for what it is.
//!
//! `VITRA_WATCH_CASES=100000 cargo test --release --test lab` runs more than the usual number of random histories, and
//! `VITRA_WATCH_SEED=5` others; a failure prints the seed of its own history, made as short as it stays one.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use common::lab::{Case, audit};
use vitra_watch::lab::lies::{self, Lie};
use vitra_watch::lab::{Random, Truth};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::{Accused, Class, Finding, Kind, Verdict};
use vitra_watch::replay::report::Report;

/// What is wrong with what the auditor says of an honest database.
fn wrongly_accused(report: &Report) -> Option<String> {
    let bad = |class| matches!(class, Class::Violation | Class::Missing);
    let races = |kind| matches!(kind, Kind::ReaddRace);
    let accused = report.findings.iter().find(|f| bad(f.class) || f.unjudged && !races(f.kind));
    let verdict = matches!(report.verdict, Verdict::Verified)
        || report.verdict == Verdict::Unverifiable && report.findings.iter().any(|f| races(f.kind));
    match accused {
        Some(finding) => Some(format!("{finding:#?}")),
        None => (!verdict).then(|| format!("{:?}", report.verdict)),
    }
}

/// What is wrong with what the auditor says of a database with this lie in it.
fn misjudged(example: &str, truth: &Truth, report: &Report) -> Option<String> {
    let violations: Vec<_> = report.findings.iter().filter(|f| f.class == Class::Violation).collect();
    let Some(first) = violations.first() else { return Some(format!("nothing found: {:#?}", report.findings)) };
    let owner = |key: &String| Accused::owner(key.as_str());
    let accused = match (&truth.oplog, &truth.origin) {
        (Some(oplog), _) => owner(oplog),
        (None, origin) => Accused::executor_or(truth.suspects.iter().chain(origin).map(String::as_str)),
    };
    // Who changed the participants or the contract may be to blame, too: with another operation than the one we are given.
    let may_differ = |found: &Accused| {
        let owners = found.owners();
        matches!((found, &accused), (Accused::Executor { .. }, Accused::Executor { .. }))
            && accused.owners().iter().all(|owner| owners.contains(owner))
    };
    let numbering = matches!(truth.kind, Kind::OpRepeated | Kind::OpSkipped);
    let steered = numbering || matches!(example, "registry" | "members");
    let accuses = |found: &Accused| *found == accused || steered && may_differ(found);
    let right = first.kind == truth.kind && first.seq == truth.seq && first.accused.as_ref().is_some_and(accuses);
    // Who equivocated is to blame for every operation that does not fit.
    let follows = |kind: Kind| truth.then.contains(&kind) || truth.kind == Kind::Equivocation && kind.by_replay();
    let excused = |f: &Finding| follows(f.kind) && (truth.oplog.is_none() || f.accused.as_ref() == Some(&accused));
    let later = violations.iter().skip(1).find(|f| !excused(f));
    if !right {
        return Some(format!("found {first:#?}"));
    }
    later.map(|finding| format!("and then {finding:#?}"))
}

fn wrong(case: &Case) -> Option<String> {
    let (lab, truth) = case.tell();
    let report = audit(&lab);
    match (case.lie, truth) {
        (None, _) => wrongly_accused(&report),
        // Up to there it is honest.
        (Some(_), None) => wrongly_accused(&report),
        (Some(_), Some(truth)) => {
            misjudged(case.example.name, &truth, &report).map(|what| format!("{truth:?}\n{what}"))
        }
    }
}

/// Makes a failing history as short as it stays one.
fn shrink(mut case: Case) -> (Case, String) {
    let mut why = wrong(&case).unwrap_or_default();
    loop {
        let smaller = [
            Case { actions: case.actions / 2, ..case.clone() },
            Case { actions: case.actions.saturating_sub(1), ..case.clone() },
            Case { after: case.after / 2, ..case.clone() },
            Case { outsiders: 0, ..case.clone() },
            Case { participants: 1, ..case.clone() },
        ];
        let differs = |small: &Case| format!("{small:?}") != format!("{case:?}");
        let found = smaller.into_iter().filter(differs).find_map(|small| wrong(&small).map(|why| (small, why)));
        match found {
            Some(found) => (case, why) = found,
            None => return (case, why),
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Runs cases on two threads; the first failure ends it.
fn run(count: u64, make: impl Fn(u64) -> Case + Sync, done: impl Fn(&Case) -> bool + Sync) -> u64 {
    let (next, told) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let work = || {
            on_big_stack(&Budget::default(), || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let case = make(number);
                    if let Some(why) = wrong(&case) {
                        println!("{case:?}\n{why}\nmade smaller:");
                        let (case, why) = shrink(case);
                        panic!("{case:?}\n{why}");
                    }
                    told.fetch_add(u64::from(done(&case)), Ordering::Relaxed);
                }
            })
            .unwrap();
        };
        let threads = [scope.spawn(work), scope.spawn(work)];
        for thread in threads {
            thread.join().expect("a case failed; see above");
        }
    });
    told.into_inner()
}

fn seed_of(base: u64, number: u64) -> u64 {
    Random::new(base.wrapping_add(number)).bits()
}

#[test]
fn honest_databases_are_never_accused() {
    let (cases, seed) = (number("VITRA_WATCH_CASES", 2_000), number("VITRA_WATCH_SEED", 0));
    run(cases, |number| Case::random(seed_of(seed, number), None), |_| true);
}

#[test]
fn every_lie_is_found_for_what_it_is() {
    let (cases, seed) = (number("VITRA_WATCH_CASES", 800), number("VITRA_WATCH_SEED", 0));
    let all: Vec<&Lie> = lies::all().collect();
    let make = |number| {
        let lie = all[(number % all.len() as u64) as usize];
        Case::random(seed_of(seed ^ 0x11e5, number), Some(lie))
    };
    run(cases, make, |_| true);
}

#[test]
fn every_lie_gets_its_chance() {
    on_big_stack(&Budget::default(), || {
        for lie in lies::all() {
            let told = |seed| Case { actions: 60, ..Case::random(seed, Some(lie)) }.tell().1.is_some();
            assert!((0..200).any(told), "{} is never told", lie.name);
        }
    })
    .unwrap();
}

#[test]
fn every_violation_has_its_lies() {
    for kind in Kind::ALL.iter().filter(|kind| kind.class() == Class::Violation) {
        assert!(lies::all().any(|lie| lie.kind == *kind), "{kind:?}");
    }
    for lie in lies::all() {
        assert!(lie.name.starts_with(&format!("{}/", lie.kind.name())), "{}", lie.name);
    }
}

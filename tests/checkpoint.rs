//! An audit that is interrupted, and goes on from its checkpoint over the same logs or longer ones, ends in exactly the report of
//! one that was not: findings, identities, order, counts.
//!
//! `VITRA_WATCH_CASES=5000 cargo test --release --test checkpoint` runs more than usual.

mod common;

use std::rc::Rc;

use common::arrived::Arrived;
use common::hostile;
use common::lab::{Case, audit};
use vitra_watch::lab::lies::{self, Lie};
use vitra_watch::lab::{Lab, Memory, Random};
use vitra_watch::replay::auditor::{Auditor, Checkpoint, Options, Step};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::logs::Logs;
use vitra_watch::replay::report::{self, Report};

/// Where the index of a lab may end for somebody who is shown it head by head.
fn ends(lab: &Lab<Memory>) -> Vec<u64> {
    let mut ends: Vec<u64> = lab.index.store.heads().iter().map(|head| head.length()).collect();
    ends.retain(|end| *end < lab.index.length());
    ends.push(lab.index.length());
    ends
}

/// How often audits went on from a checkpoint, and how often there was none.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    resumed: u64,
    with_findings: u64,
    none: u64,
}

/// What is wrong with an audit of this lab that is interrupted again and again while the logs arrive.
fn wrong(lab: &Lab<Memory>, whole: &Report, options: Options, seed: u64, seen: &mut Seen) -> Option<String> {
    let mut random = Random::new(seed ^ 0xc4ec);
    let (ends, key) = (ends(lab), lab.index.key());
    let (mut shown, mut lengths) = (0, vec![0_u64; lab.oplogs.len()]);
    let arrived = |shown: usize, lengths: &[u64]| -> Rc<dyn Logs + '_> {
        let index = shown.checked_sub(1).map_or(0, |at| ends[at]);
        Rc::new(Arrived::new(lab, index, lengths))
    };
    let mut auditor = Auditor::live(arrived(0, &lengths), key, options);
    loop {
        // Interrupted at any transaction: at every one, or seldom.
        let often = 1 + random.below(6);
        loop {
            let judged = matches!(auditor.step(), Step::Judged(_));
            if !random.once_in(often) {
                if !judged {
                    break;
                }
                continue;
            }
            match auditor.checkpoint() {
                Some(checkpoint) => {
                    // Through a file and back.
                    let text = serde_json::to_string(&checkpoint).unwrap();
                    let checkpoint: Checkpoint = serde_json::from_str(&text).unwrap();
                    let before = report::of(&auditor);
                    let logs = arrived(shown, &lengths);
                    auditor = match Auditor::resume(logs, key, options, &checkpoint) {
                        Ok(auditor) => auditor,
                        Err(why) => return Some(format!("refused: {why}\n{}", checkpoint.as_str())),
                    };
                    if auditor.checkpoint().as_ref() != Some(&checkpoint) {
                        return Some("it is not what it was made from".to_owned());
                    }
                    if report::of(&auditor) != before {
                        return Some(format!("after it {:#?}\ninstead of {before:#?}", report::of(&auditor)));
                    }
                    seen.resumed += 1;
                    seen.with_findings += u64::from(!auditor.findings.is_empty());
                }
                None => seen.none += 1,
            }
            if !judged {
                break;
            }
        }
        let mut late: Vec<Option<usize>> = Vec::new();
        late.extend((shown < ends.len()).then_some(None));
        late.extend((0..lengths.len()).filter(|log| lengths[*log] < lab.oplogs[*log].length()).map(Some));
        match random.pick(&late) {
            None => break,
            Some(None) => shown += 1,
            Some(Some(log)) => lengths[*log] += 1,
        }
        let logs = arrived(shown, &lengths);
        // The process may be another one by the time that more is here.
        match auditor.checkpoint().filter(|_| random.once_in(2)) {
            Some(checkpoint) => match Auditor::resume(logs, key, options, &checkpoint) {
                Ok(resumed) => (auditor, seen.resumed) = (resumed, seen.resumed + 1),
                Err(why) => return Some(format!("longer logs are refused: {why}")),
            },
            None => auditor.grow(logs),
        }
    }
    let live = report::run(auditor, |_, _| ());
    (live != *whole).then(|| format!("it ends with {live:#?}\ninstead of {whole:#?}"))
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Runs cases on two threads.
fn run(usual: u64, check: impl Fn(u64, &mut Seen) -> Option<String> + Sync) -> Seen {
    let cases = number("VITRA_WATCH_CASES", usual);
    let work = |first: u64| {
        let cases = || {
            let mut seen = Seen::default();
            for number in (first..cases).step_by(2) {
                if let Some(why) = check(number, &mut seen) {
                    panic!("case {number}: {why}");
                }
            }
            seen
        };
        on_big_stack(&Budget::default(), cases).unwrap()
    };
    let (one, other) = std::thread::scope(|scope| {
        let threads = [scope.spawn(|| work(0)), scope.spawn(|| work(1))];
        let [one, other] = threads.map(|thread| thread.join().expect("a case failed; see above"));
        (one, other)
    });
    let seen = Seen {
        resumed: one.resumed + other.resumed,
        with_findings: one.with_findings + other.with_findings,
        none: one.none + other.none,
    };
    println!("{cases} cases, {seen:?}");
    assert!(seen.resumed > cases, "{seen:?}");
    seen
}

fn wrong_case(case: &Case, seen: &mut Seen) -> Option<String> {
    let (lab, _) = case.tell();
    wrong(&lab, &audit(&lab), Options::default(), case.seed, seen).map(|why| format!("{case:?}\n{why}"))
}

/// Protects honest executors, and whoever counts on their audits, from restarts.
#[test]
fn an_honest_database_is_judged_alike_over_restarts() {
    let seed = number("VITRA_WATCH_SEED", 0);
    run(100, |number, seen| wrong_case(&Case::random(seed ^ number, None), seen));
}

/// Protects findings from restarts: none is lost, doubled or changed.
#[test]
fn a_lie_is_found_alike_over_restarts() {
    let seed = number("VITRA_WATCH_SEED", 0);
    let all: Vec<&'static Lie> = lies::all().collect();
    let lie = move |number| Some(all[(number % all.len() as u64) as usize]);
    let seen = run(150, move |number, seen| wrong_case(&Case::random(seed ^ 0x11e5 ^ number, lie(number)), seen));
    assert!(seen.with_findings > 0, "{seen:?}");
}

/// Protects the same where participants do whatever they can: doubtful acks, contracts and inputs written past the guard, logs
/// rewritten.
#[test]
fn hostile_histories_are_judged_alike_over_restarts() {
    let seed = number("VITRA_WATCH_SEED", 0);
    let seen = run(100, move |number, seen| {
        let seed = Random::new(seed ^ number).bits();
        let (lab, _) = hostile::history(seed);
        let why = wrong(&lab, &hostile::audit(&lab), hostile::options(), seed, seen);
        why.map(|why| format!("seed {seed}\n{why}"))
    });
    assert!(seen.with_findings > 0, "{seen:?}");
}

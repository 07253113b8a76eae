//! What hostile participants do never makes the auditor accuse an honest executor alone.
//!
//! `VITRA_WATCH_CASES=20000 cargo test --release --test framing` runs more than usual.

mod common;

use common::hostile;
use vitra_watch::lab::Random;
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::{Accused, Class};

/// Histories that once framed somebody.
const KNOWN: [u64; 3] = [7_450_823_701_398_193_906, 856_697_296_067_403_336, 14_675_111_491_361_265_600];

fn one(seed: u64) {
    let (lab, rewritten) = hostile::history(seed);
    let report = hostile::audit(&lab);
    for finding in report.findings.iter().filter(|finding| finding.class == Class::Violation) {
        let alone = match &finding.accused {
            // Without the other history nobody can tell which of the two lied.
            Some(Accused::Executor { or }) => or.is_none() || !rewritten,
            Some(Accused::Participant { .. }) => !rewritten,
            None => true,
        };
        assert!(!alone, "seed {seed} (log rewritten: {rewritten}): {finding:#?}");
    }
}

#[test]
fn hostile_participants_frame_nobody() {
    let cases = std::env::var("VITRA_WATCH_CASES").map_or(300, |text| text.parse().unwrap());
    let next = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        let work = || {
            on_big_stack(&Budget::default(), || {
                KNOWN.into_iter().for_each(one);
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if number >= cases {
                        return;
                    }
                    one(Random::new(number).bits());
                }
            })
            .unwrap();
        };
        let threads = [scope.spawn(work), scope.spawn(work)];
        for thread in threads {
            thread.join().expect("see above");
        }
    });
}

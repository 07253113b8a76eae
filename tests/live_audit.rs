//! An audit of logs that arrive bit by bit, in memory: it ends in the report of one audit of all, and on the way it accuses
//! nobody whom that report does not accuse.

mod common;

use std::rc::Rc;

use common::arrived::Arrived;
use common::lab::{Case, audit};
use vitra_watch::archive::{Archive, Database};
use vitra_watch::database::{Value, encode};
use vitra_watch::hyperbee::Blocks;
use vitra_watch::hypercore::{ConsistencyProof, SignedHead};
use vitra_watch::lab::lies::{self, Lie};
use vitra_watch::lab::{Beginning, Lab, Log, Memory, Random};
use vitra_watch::replay::auditor::{Auditor, Options, Step};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::{Class, Finding, Kind, Verdict};
use vitra_watch::replay::logs::Logs;
use vitra_watch::replay::report::{self, Report};

fn violations(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.class == Class::Violation)
}

/// Whether a report says this, by itself or beside what is graver in the same transaction.
fn says(report: &Report, said: &Finding) -> bool {
    let also = |f: &Finding| f.also.iter().any(|also| (also.kind, Some(also.seq)) == (said.kind, said.seq));
    violations(&report.findings).any(|f| f.id == said.id || also(f))
}

/// What is wrong with an audit of this case's logs while they arrive.
fn wrong(case: &Case) -> Option<String> {
    let (lab, _) = case.tell();
    let whole = audit(&lab);
    let mut random = Random::new(case.seed ^ 0x11fe);
    // The index arrives head by head, as an archive shows it.
    let mut ends: Vec<u64> = lab.index.store.heads().iter().map(|head| head.length()).collect();
    ends.retain(|end| *end < lab.index.length());
    ends.push(lab.index.length());
    let mut shown = 0;
    let mut lengths: Vec<u64> = vec![0; lab.oplogs.len()];
    let arrived = |shown: usize, lengths: &[u64]| -> Rc<dyn Logs + '_> {
        let index = shown.checked_sub(1).map_or(0, |at| ends[at]);
        Rc::new(Arrived::new(&lab, index, lengths))
    };
    let mut auditor = Auditor::live(arrived(0, &lengths), lab.index.key(), Options::default());
    loop {
        let accused = |auditor: &Auditor<'_>| {
            let mut found = violations(&auditor.findings).chain(violations(&auditor.foreseen().violations));
            found.find(|finding| !says(&whole, finding)).cloned()
        };
        while let Step::Judged(_) = auditor.step() {}
        if let Some(finding) = accused(&auditor) {
            return Some(format!("with {shown} heads and {lengths:?} operations it says {finding:#?}\n{whole:#?}"));
        }
        let mut late: Vec<Option<usize>> = Vec::new();
        late.extend((shown < ends.len()).then_some(None));
        late.extend((0..lengths.len()).filter(|log| lengths[*log] < lab.oplogs[*log].length()).map(Some));
        match random.pick(&late) {
            None => break,
            Some(None) => shown += 1,
            Some(Some(log)) => lengths[*log] += 1,
        }
        auditor.grow(arrived(shown, &lengths));
    }
    let foreseen = auditor.foreseen().clone();
    let live = report::run(auditor, |_, _| ());
    if live != whole {
        return Some(format!("it ends with {live:#?}\ninstead of {whole:#?}"));
    }
    let clean = whole.findings.iter().all(|finding| finding.class == Class::Notice);
    (foreseen.in_order.is_some_and(|end| end != whole.head.length) && clean).then(|| format!("foreseen {foreseen:?}"))
}

/// What is wrong with audits, from disk, of what somebody holds who has this case's index up to one of its heads, and knows longer ones.
fn wrong_before_the_end(case: &Case) -> Option<String> {
    let (lab, _) = case.tell();
    let whole = audit(&lab);
    let lengths: Vec<u64> = lab.oplogs.iter().map(|log| log.length()).collect();
    let mut random = Random::new(case.seed ^ 0xe4d5);
    let ends: Vec<u64> = lab.index.store.heads().iter().map(|head| head.length()).collect();
    let end = ends.into_iter().filter(|end| *end < lab.index.length()).max()?;
    for _ in 0..8 {
        // With receipts an executor signs lengths inside its batches, too.
        let end = 1 + random.below(end);
        let logs = Arrived::new(&lab, end, &lengths);
        let report = report::run(Auditor::new(&logs, lab.index.key(), Options::default()), |_, _| ());
        if let Some(finding) = violations(&report.findings).find(|finding| !says(&whole, finding)) {
            return Some(format!("with {end} blocks it says {finding:#?}\n{whole:#?}"));
        }
        let of_index = violations(&whole.findings).filter(|finding| finding.log == whole.database);
        if of_index.filter_map(|finding| finding.seq).any(|seq| seq < report.verified_length) {
            return Some(format!("of {end} blocks it verifies {}\n{whole:#?}", report.verified_length));
        }
    }
    None
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

fn run(wrong: fn(&Case) -> Option<String>, make: impl Fn(u64) -> Case + Send) {
    let cases = number("VITRA_WATCH_CASES", 150);
    on_big_stack(&Budget::default(), || {
        for case in (0..cases).map(make) {
            if let Some(why) = wrong(&case) {
                panic!("{case:?}\n{why}");
            }
        }
    })
    .unwrap();
}

/// Protects verdicts about contracts that count in their own module: their operations are run once each, as from disk, although
/// the log ended with each of them for a while.
#[test]
fn an_operation_at_the_end_of_the_log_is_run_once() {
    on_big_stack(&Budget::default(), || {
        let source = "let n = 0; export function apply (tx) { tx.put('/n', ++n) }";
        let mut lab = Lab::in_memory(&Beginning::new(source, 5)).unwrap();
        for _ in 0..6 {
            lab.publish(0, &[encode(&Value::object(Vec::new()))]).unwrap();
            lab.execute(0).unwrap();
        }
        let ends: Vec<u64> = lab.index.store.heads().iter().map(|head| head.length()).collect();
        let arrived = |end: u64| -> Rc<dyn Logs + '_> { Rc::new(Arrived::new(&lab, end, &[6])) };
        let mut auditor = Auditor::live(arrived(0), lab.index.key(), Options::default());
        for end in ends {
            auditor.grow(arrived(end));
            while let Step::Judged(_) = auditor.step() {}
        }
        let whole = audit(&lab);
        assert_eq!(whole.verdict, Verdict::Verified);
        assert_eq!(report::run(auditor, |_, _| ()), whole);
    })
    .unwrap();
}

/// Protects honest executors from whoever delays, withholds or reorders what peers send.
#[test]
fn an_honest_database_that_arrives_in_any_order_is_never_accused() {
    let seed = number("VITRA_WATCH_SEED", 0);
    run(wrong, |number| Case::random(seed ^ number, None));
}

/// Protects verdicts from the order of arrival: a lie is found for what it is, and no other on the way.
#[test]
fn a_lie_that_arrives_in_any_order_is_found_as_from_disk() {
    let seed = number("VITRA_WATCH_SEED", 0);
    let all: Vec<&'static Lie> = lies::all().collect();
    run(wrong, move |number| Case::random(seed ^ 0x11e5 ^ number, Some(all[(number % all.len() as u64) as usize])));
}

/// Protects honest executors from whoever holds a part of their index: only the longest signed head can end inside a transaction.
#[test]
fn an_end_before_the_longest_head_accuses_nobody() {
    let seed = number("VITRA_WATCH_SEED", 0);
    let all: Vec<&'static Lie> = lies::all().collect();
    let lie = move |number: u64| (number % 2 == 1).then(|| all[(number % all.len() as u64) as usize]);
    run(wrong_before_the_end, move |number| Case::random(seed ^ 0xe4d ^ number, lie(number)));
}

/// An archive of a lab's logs, the index up to one of its heads; and an audit of it from disk.
fn audit_from_disk(lab: &Lab<Memory>, head: &SignedHead, knows_more: bool) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::create(dir.path()).unwrap();
    let mut write = |log: &Log<Memory>, head: &SignedHead| {
        let id = archive.log(log.key(), head.manifest()).unwrap();
        let history = archive.new_history(id, head.fork()).unwrap();
        let mut writer = archive.writer(id, history).unwrap();
        writer.append((0..head.length()).map(|seq| log.store.block(seq).unwrap())).unwrap();
        writer.stage_head(head.clone()).unwrap();
        archive.commit(&mut [&mut writer]).unwrap();
    };
    write(&lab.index, head);
    for log in &lab.oplogs {
        log.store.heads().last().iter().for_each(|head| write(log, head));
    }
    if knows_more {
        let longest = lab.index.store.heads().last().unwrap();
        let proof = ConsistencyProof::build(lab.index.store.tree(), head.length(), longest.length()).unwrap();
        archive.keep_head(longest, Some((head.length(), &proof))).unwrap();
    }
    drop(archive);
    let database = Database::open(dir.path(), Some(*lab.index.key())).unwrap();
    report::run(Auditor::new(&database, lab.index.key(), Options::default()), |_, _| ())
}

/// Protects the same where it counts: a head that is kept without its blocks answers for the end of those that are here.
#[test]
fn a_kept_head_answers_for_the_end() {
    on_big_stack(&Budget::default(), || {
        let mut inside = 0;
        for seed in 0..40 {
            let (lab, _) = Case::random(0xe4d ^ seed, None).tell();
            for head in lab.index.store.heads().iter().filter(|head| head.length() < lab.index.length()) {
                let alone = audit_from_disk(&lab, head, false);
                if violations(&alone.findings).next().is_none() {
                    continue;
                }
                inside += 1;
                assert!(violations(&alone.findings).all(|finding| finding.kind == Kind::MissingChange), "{alone:#?}");
                let report = audit_from_disk(&lab, head, true);
                assert!(violations(&report.findings).next().is_none(), "{report:#?}");
                assert!(report.verified_length < head.length());
            }
        }
        assert!(inside > 5, "{inside}");
    })
    .unwrap();
}

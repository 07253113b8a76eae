//! An audit that is interrupted, and goes on from its checkpoint over the same logs or longer ones, ends in exactly the report of
//! one that was not: findings, identities, order, counts.
//!
//! `VITRA_WATCH_CASES=5000 cargo test --release --test checkpoint` runs more than usual.

mod common;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use common::arrived::Arrived;
use common::hostile;
use common::lab::{Case, audit};
use vitra_watch::database::{Value, encode};
use vitra_watch::hyperbee::{Block, Blocks};
use vitra_watch::hypercore::Key;
use vitra_watch::lab::lies::{self, Lie};
use vitra_watch::lab::{Beginning, Lab, Memory, Random};
use vitra_watch::replay::auditor::{Auditor, Checkpoint, Options, Refused, Step, Wait};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::Kind;
use vitra_watch::replay::logs::{History, Logs, Oplog};
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

/// A live audit of all that is here, with another one beside it that is interrupted whenever it can be. Operations that are not here
/// are waited for no longer.
fn twins<'a>(
    lab: &'a Lab<Memory>,
    lengths: &[u64],
    killed: &[u64],
    random: &mut Random,
) -> Option<(Auditor<'a>, Auditor<'a>, Checkpoint)> {
    let logs = || -> Rc<dyn Logs + 'a> { Rc::new(Arrived::new(lab, lab.index.length(), lengths)) };
    let start = || Auditor::live(logs(), lab.index.key(), Options::default());
    let (mut steady, mut broken, mut newest) = (start(), start(), None);
    steady.skip(killed.iter().copied());
    broken.skip(killed.iter().copied());
    loop {
        let step = steady.step();
        assert_eq!(broken.step(), step);
        if let Some(checkpoint) = broken.checkpoint().filter(|_| random.once_in(2)) {
            broken = Auditor::resume(logs(), lab.index.key(), Options::default(), &checkpoint).unwrap();
            newest = Some(checkpoint);
        }
        assert_eq!(report::of(&broken), report::of(&steady));
        match step {
            Step::Judged(_) => {}
            Step::Waits(Wait::Operation { origin, seq }) => {
                steady.pass(&origin, seq);
                broken.pass(&origin, seq);
            }
            _ => return Some((steady, broken, newest?)),
        }
    }
}

/// Protects what was given up from being forgotten: operations that killed their process, and those that were waited for in vain.
/// Once one of the latter comes, the audit begins anew.
#[test]
fn what_was_given_up_stays_so() {
    let seed = number("VITRA_WATCH_SEED", 0);
    let (mut outdated, mut given_up) = (0, 0);
    on_big_stack(&Budget::default(), || {
        for number in 0..number("VITRA_WATCH_CASES", 60) {
            let case = Case::random(seed ^ 0x9a55 ^ number, None);
            let (lab, _) = case.tell();
            let mut random = Random::new(case.seed);
            let all: Vec<u64> = lab.oplogs.iter().map(|log| log.length()).collect();
            let held: Vec<u64> = all.iter().map(|length| random.below(length + 1)).collect();
            let killed: Vec<u64> = (0..lab.index.length()).filter(|_| random.once_in(9)).collect();
            let Some((steady, broken, newest)) = twins(&lab, &held, &killed, &mut random) else { continue };
            let (steady, broken) = (report::run(steady, |_, _| ()), report::run(broken, |_, _| ()));
            assert_eq!(broken, steady, "{case:?}");
            given_up += u64::from(steady.findings.iter().any(|finding| finding.kind == Kind::BudgetExhausted));
            let logs = Rc::new(Arrived::new(&lab, lab.index.length(), &all));
            match Auditor::resume(logs, lab.index.key(), Options::default(), &newest) {
                Ok(resumed) => assert!(!resumed.is_outdated()),
                Err(why) => {
                    assert_eq!(why, Refused::Outdated, "{case:?}");
                    outdated += 1;
                }
            }
        }
    })
    .unwrap();
    assert!(outdated > 5 && given_up > 5, "{outdated} {given_up}");
}

/// A database whose contract counts in its own module.
fn counting(source: &str) -> Lab<Memory> {
    let mut lab = Lab::in_memory(&Beginning::new(source, 5)).unwrap();
    for _ in 0..6 {
        lab.publish(0, &[encode(&Value::object(Vec::new()))]).unwrap();
        lab.execute(0).unwrap();
    }
    lab
}

fn checkpoints(lab: &Lab<Memory>) -> usize {
    let mut auditor = Auditor::live(Rc::new(lab), lab.index.key(), Options::default());
    let mut count = 0;
    while let Step::Judged(_) = auditor.step() {
        count += usize::from(auditor.checkpoint().is_some());
    }
    count
}

/// Protects honest executors whose contracts keep what no log records: there is no going on without it.
#[test]
fn under_a_contract_that_keeps_state_there_is_no_checkpoint() {
    on_big_stack(&Budget::default(), || {
        let apply = "export function apply (tx) { tx.put('/n', ++n) }";
        assert_eq!(checkpoints(&counting(&format!("let n = 0; {apply}"))), 0);
        let pure = "export function apply (tx) { const n = 1; tx.put('/n', n) }";
        assert_eq!(checkpoints(&counting(pure)), 6);
        // Loaded once more at another time, it would be another one. As it was loaded at first it is known.
        let timed = "const start = Date.now(); export function apply (tx) { tx.put('/n', start > 5) }";
        assert_eq!(checkpoints(&counting(timed)), 6);
    })
    .unwrap();
}

fn why_refused(logs: Rc<dyn Logs + '_>, key: &Key, checkpoint: &Checkpoint) -> Option<Refused> {
    Auditor::resume(logs, key, Options::default(), checkpoint).map(drop).err()
}

/// Protects verdicts from logs that are not those which were read: shorter, cut, or with another past.
#[test]
fn other_histories_are_refused() {
    on_big_stack(&Budget::default(), || {
        let source = "export function apply (tx, op) { tx.put('/n', op.n ?? 0) }";
        let lab = || counting(source);
        let first = lab();
        let mut auditor = Auditor::live(Rc::new(&first), first.index.key(), Options::default());
        while let Step::Judged(_) = auditor.step() {}
        let checkpoint = auditor.checkpoint().unwrap();
        let key = first.index.key();
        assert_eq!(why_refused(Rc::new(lab()), key, &checkpoint), None);
        let op = encode(&Value::object(vec![("n".into(), Value::num(7.0))]));
        let mut grown = lab();
        grown.publish(0, std::slice::from_ref(&op)).unwrap();
        grown.execute(0).unwrap();
        assert_eq!(why_refused(Rc::new(grown), key, &checkpoint), None);
        for openly in [false, true] {
            let mut rewritten = lab();
            rewritten.oplogs[0].cut(5, openly).unwrap();
            rewritten.oplogs[0].append(&[op.clone(), op.clone()]).unwrap();
            assert_eq!(
                why_refused(Rc::new(rewritten), key, &checkpoint),
                Some(Refused::Histories),
                "an oplog, openly: {openly}"
            );
            let mut rewritten = lab();
            let last = rewritten.index.length() - 1;
            let block = rewritten.index.store.blocks()[last as usize].to_vec();
            rewritten.index.cut(last, openly).unwrap();
            assert_eq!(
                why_refused(Rc::new(Arrived::new(&lab(), last, &[6])), key, &checkpoint),
                Some(Refused::Histories),
                "shorter"
            );
            // The same blocks, but cut between: only the fork counter tells.
            rewritten.index.append(&[block]).unwrap();
            assert_eq!(
                why_refused(Rc::new(rewritten), key, &checkpoint),
                openly.then_some(Refused::Histories),
                "the index, openly: {openly}"
            );
        }
        assert_eq!(
            why_refused(Rc::new(Arrived::new(&first, first.index.length(), &[5])), key, &checkpoint),
            Some(Refused::Histories)
        );
    })
    .unwrap();
}

/// An index that counts how many of its blocks are read.
struct Counted<'a>(&'a Lab<Memory>, RefCell<BTreeSet<u64>>);

impl Blocks for Counted<'_> {
    fn length(&self) -> u64 {
        self.0.index.length()
    }
    fn block(&self, seq: u64) -> Option<Block> {
        self.1.borrow_mut().insert(seq);
        self.0.index.store.block(seq)
    }
}

impl Logs for Counted<'_> {
    fn index(&self) -> &dyn Blocks {
        self
    }
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        self.0.oplog(key)
    }
    fn history(&self, oplog: Option<&Key>, length: u64) -> Option<History> {
        self.0.history(oplog, length)
    }
}

/// How many blocks of the index an audit reads that goes on behind so many operations.
fn blocks_read_behind(operations: u64) -> usize {
    let mut lab =
        Lab::in_memory(&Beginning::new("export function apply (tx, op) { tx.put(op.path, op.n) }", 5)).unwrap();
    let next = |lab: &mut Lab<Memory>, n: u64| {
        let pairs = [("path", Value::str(format!("/{}", n * 7919 % 10_007))), ("n", Value::num(n as f64))];
        let op = Value::object(pairs.map(|(name, value)| (name.into(), value)).to_vec());
        lab.publish(0, &[encode(&op)]).unwrap();
        lab.execute(0).unwrap();
    };
    (0..operations).for_each(|n| next(&mut lab, n));
    let key = *lab.index.key();
    let mut auditor = Auditor::live(Rc::new(&lab), &key, Options::default());
    while let Step::Judged(_) = auditor.step() {}
    let checkpoint = auditor.checkpoint().unwrap();
    drop(auditor);
    (0..5).for_each(|n| next(&mut lab, operations + n));
    let counted = Counted(&lab, RefCell::default());
    let mut auditor = Auditor::resume(Rc::new(&counted), &key, Options::default(), &checkpoint).unwrap();
    while let Step::Judged(_) = auditor.step() {}
    assert_eq!(auditor.transactions, operations + 4, "all but the last are closed");
    drop(auditor);
    counted.1.into_inner().len()
}

/// Protects the time of a restart: it does not grow with the log, but for the height of its tree.
#[test]
fn a_restart_reads_few_blocks() {
    on_big_stack(&Budget::default(), || {
        let (few, many) = (blocks_read_behind(100), blocks_read_behind(3_000));
        // Thirty times the log, and two more levels of the tree.
        assert!(many < 3 * few && many < 150, "{few} {many}");
        println!("behind 100 operations {few} blocks, behind 3,000 {many}");
    })
    .unwrap();
}

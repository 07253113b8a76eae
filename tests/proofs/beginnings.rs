//! Audits that begin at some transaction: nobody is accused whom the whole audit does not accuse.

use super::held::Held;
use super::*;

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

/// Protects honest executors from who shows a part of their index, cut anywhere: inside a batch, too, as receipts and patched
/// heads do. A claim that does not name the end finds nothing there that the whole index does not show.
#[test]
fn nobody_honest_is_convicted_by_a_part() {
    on_big_stack(&Budget::default(), || {
        // As many audits as the history has blocks, a dozen times.
        let (cases, base) = (number("VITRA_WATCH_CASES", 75) / 5, number("VITRA_WATCH_SEED", 0));
        let (mut begun, mut open) = (0, 0);
        for number in 0..cases {
            let case = Case::random(0x9a47 ^ base.wrapping_mul(1_000_003).wrapping_add(number), None);
            let (lab, _) = case.tell();
            let database = *lab.index.key();
            for length in 1..lab.index.length() {
                let held = Held { goes_on: true, ..Held::up_to(&lab, length) };
                // From further back it is the audit of a longer part, which comes by itself.
                for from in std::iter::once(0).chain(length.saturating_sub(12)..length) {
                    let auditor = match from {
                        0 => Ok(Auditor::new(&held, &database, Options::default())),
                        from => Auditor::beginning_at(&held, &database, Options::default(), from),
                    };
                    let Ok(mut auditor) = auditor else { continue };
                    begun += 1;
                    while let Step::Judged(_) = auditor.step() {}
                    open += u64::from(auditor.foreseen().in_order.is_none());
                    let found = auditor.findings.iter().chain(&auditor.foreseen().violations);
                    let found = found.filter(|finding| finding.class == Class::Violation).collect::<Vec<_>>();
                    assert!(found.is_empty(), "{case:?} {length} from {from}: {found:#?}");
                }
            }
        }
        println!("{begun} audits, {open} of them end inside a transaction");
        assert!(open > cases, "{begun} {open}");
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

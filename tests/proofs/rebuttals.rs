//! Equivocations of oplogs: whom they clear.

use vitra_watch::hyperbee::Blocks as _;

use super::*;

/// Whether files clear the executor of what an audit found just where the audit does. Counts the findings that rest on an oplog with
/// two histories: those that are cleared, and those of operations before the histories part.
fn clears(lab: &Lab<Memory>, report: &Report) -> [u64; 2] {
    let (mut cleared, mut left) = (0, 0);
    let database = *lab.index.key();
    let prove = |finding: &Finding| prove(lab, &database, finding, &participants(report), Options::default());
    let found = violations(report);
    for equivocation in found.iter().filter(|finding| finding.kind == Kind::Equivocation) {
        let second = prove(equivocation).unwrap().encode();
        for finding in found.iter().filter(|finding| finding.kind.by_replay()) {
            if finding.origin.as_ref() != Some(&equivocation.log) {
                continue;
            }
            // What runs out of another budget than the one that found it is proven by nobody.
            let Ok(first) = prove(finding) else { continue };
            let rebuttal = Rebuttal::by_owner(first.encode(), second.clone());
            let verified = rebuttal.verify(MAX_SIZE, Options::default());
            if equivocation.seq.zip(finding.op_seq).is_some_and(|(first, seq)| first <= seq) {
                assert!(matches!(finding.accused, Some(Accused::Participant { .. })), "{finding:#?}");
                assert!(verified.is_ok(), "{verified:?} {finding:#?} {equivocation:#?}");
                cleared += 1;
            } else {
                assert!(matches!(finding.accused, Some(Accused::Executor { .. })), "{finding:#?}");
                assert!(verified.is_err(), "{finding:#?} {equivocation:#?}");
                left += 1;
            }
        }
    }
    [cleared, left]
}

/// Protects executors from owners with two histories: where an audit clears the executor, so does a file.
#[test]
fn equivocations_clear_executors() {
    on_big_stack(&Budget::default(), || {
        let (cases, base) = (number("VITRA_WATCH_CASES", 75), number("VITRA_WATCH_SEED", 0));
        let mut cleared = 0;
        for number in 0..cases * 8 {
            let (lab, rewritten) =
                hostile::history(Random::new(base.wrapping_mul(1_000_003).wrapping_add(number)).bits());
            if rewritten {
                cleared += clears(&lab, &hostile::audit(&lab))[0];
            }
        }
        println!("{cleared} cleared");
        assert!(cleared > 0);
    })
    .unwrap();
}

/// Protects the truth from lying executors: their own oplog, or a friend's, rewritten after the operation clears them of nothing.
#[test]
fn equivocations_afterwards_clear_nobody() {
    on_big_stack(&Budget::default(), || {
        let (cases, base) = (number("VITRA_WATCH_CASES", 75), number("VITRA_WATCH_SEED", 0));
        let all: Vec<&Lie> = lies::all().filter(|lie| lie.kind.by_replay()).collect();
        let (mut cleared, mut left) = (0, 0);
        for number in 0..cases {
            let seed = base.wrapping_mul(1_000_003).wrapping_add(number);
            let case = Case::random(seed, Some(all[(number % all.len() as u64) as usize]));
            let (mut lab, _) = case.tell();
            let told = audit(&lab);
            let Some(lie) = violations(&told).into_iter().find(|finding| finding.kind.by_replay()) else { continue };
            let Some(log) = lab.oplogs.iter_mut().find(|log| Some(log.name()) == lie.origin.as_deref()) else {
                continue;
            };
            // Another of its operations somewhere else.
            let (length, from) = (log.length(), Random::new(seed).below(log.length()));
            let mut ops: Vec<Vec<u8>> = (from..length).map(|seq| log.store.block(seq).unwrap().to_vec()).collect();
            ops[0] = encode(&from_json(&json!({"op": "ANOTHER"})).unwrap());
            log.cut(from, false).unwrap();
            log.append(&ops).unwrap();
            let [more_cleared, more_left] = clears(&lab, &audit(&lab));
            (cleared, left) = (cleared + more_cleared, left + more_left);
        }
        println!("{cleared} cleared, {left} not");
        assert!(cleared > 0 && left > 0, "{cleared} {left}");
    })
    .unwrap();
}

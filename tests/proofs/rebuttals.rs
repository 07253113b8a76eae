//! What clears executors: equivocations and truncations of oplogs, longer heads.

use vitra_watch::hyperbee::Blocks as _;

use super::held::Held;
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

/// Protects executors from owners who truncate: one signs an operation, cuts the log, and signs another one, which the executor
/// executes. Whoever knows the cut accuses the owner of it; whoever does not, and proves more, is rebutted.
#[test]
fn truncations_clear_executors_of_what_may_differ() {
    on_big_stack(&Budget::default(), || {
        let op = |value: u64| encode(&from_json(&json!({"op": "SET", "key": "k", "value": value})).unwrap());
        let mut lab = Lab::in_memory(&Beginning::new(Example::named("kv").unwrap().source, 3)).unwrap();
        lab.publish(0, &[op(0), op(1)]).unwrap();
        let old = lab.oplogs[0].clone();
        lab.oplogs[0].cut(1, true).unwrap();
        lab.publish(0, &[op(2)]).unwrap();
        lab.execute_all().unwrap();
        let database = *lab.index.key();
        let mut held = Held { old: Some(&old), ..Held::up_to(&lab, lab.index.length()) };
        let framed = held.report();
        let [finding] = violations(&framed)[..] else { panic!("{framed:#?}") };
        assert_eq!((finding.kind, finding.op_seq), (Kind::WrongChange, Some(1)));
        let accusing = prove(&held, &database, finding, &participants(&framed), Options::default()).unwrap().encode();
        held.knows_the_cut = true;
        let report = held.report();
        let [cut] = violations(&report)[..] else { panic!("{report:#?}") };
        assert_eq!((cut.kind, &cut.log), (Kind::Truncation, finding.origin.as_ref().unwrap()));
        let taken = report.findings.iter().find(|finding| finding.kind == Kind::OpRewritten).unwrap();
        assert_eq!((taken.op_seq, taken.unjudged, &taken.accused), (Some(1), true, &None));
        let answer = prove(&held, &database, cut, &[], Options::default()).unwrap().encode();
        let rebutted = Rebuttal::by_owner(accusing, answer).verify(MAX_SIZE, Options::default()).unwrap();
        assert_eq!(rebutted.truncation.map(|finding| finding.log), finding.origin);
    })
    .unwrap();
}

/// Protects the truth from owners who truncate afterwards: what both histories have was the operation, and a lie about it stays one.
#[test]
fn truncations_afterwards_take_no_finding_back() {
    on_big_stack(&Budget::default(), || {
        let lie = lies::all().find(|lie| lie.kind == Kind::WrongChange);
        let (mut lied, mut kept) = (0, 0);
        for seed in 0..40 {
            let (mut lab, _) = Case::random(seed, lie).tell();
            let told = audit(&lab);
            let Some(finding) = violations(&told).into_iter().find(|finding| finding.kind == Kind::WrongChange) else {
                continue;
            };
            lied += 1;
            let at = lab.oplogs.iter().position(|log| Some(log.name()) == finding.origin.as_deref()).unwrap();
            let old = lab.oplogs[at].clone();
            lab.oplogs[at].cut(finding.op_seq.unwrap() + 1, true).unwrap();
            let held = Held { old: Some(&old), knows_the_cut: true, ..Held::up_to(&lab, lab.index.length()) };
            let report = held.report();
            let still =
                violations(&report).into_iter().any(|now| now.id == finding.id && now.accused == finding.accused);
            assert!(still, "{report:#?}");
            kept += 1;
        }
        assert!(lied > 5 && kept == lied, "{lied} {kept}");
    })
    .unwrap();
}

/// Protects executors who append a transaction in parts: what an older head seems to lack, the file says of that head alone, and
/// a longer head clears it. It does not clear who really left something out.
#[test]
fn a_longer_head_clears_what_rests_on_an_end() {
    on_big_stack(&Budget::default(), || {
        let lies: Vec<&'static Lie> = lies::all().filter(|lie| lie.kind == Kind::MissingChange).collect();
        let (mut cleared, mut left) = (0, 0);
        for seed in 0..120 {
            let lie = (seed % 2 == 1).then(|| lies[seed as usize / 2 % lies.len()]);
            let (lab, truth) = Case::random(0xe4d ^ seed, lie).tell();
            let all = Held::up_to(&lab, lab.index.length());
            let whole = all.report();
            let wrong: Vec<String> = violations(&whole).iter().map(|finding| finding.id.clone()).collect();
            for head in lab.index.store.heads().iter().filter(|head| head.length() < lab.index.length()) {
                let held = Held::up_to(&lab, head.length());
                let report = held.report();
                let last = violations(&report).into_iter().find(|finding| finding.seq == Some(head.length()));
                let Some(finding) = last else { continue };
                assert_eq!(finding.kind, Kind::MissingChange);
                let participants = participants(&report);
                let proof = prove(&held, lab.index.key(), finding, &participants, Options::default()).unwrap();
                let end = Some(head.length());
                assert!(matches!(proof.claim, Claim::Audit { end: named, .. } if named == end), "{:?}", proof.claim);
                let silent = Claim::Audit { kind: finding.kind, from: 0, seq: head.length(), end: None };
                let silent = Proof { claim: silent, ..proof.clone() };
                assert!(evaluate(&silent, Options::default()).is_err(), "it must say on what it rests");
                let said = evaluate(&proof, Options::default()).unwrap();
                assert_eq!(said.end, end);
                assert!(said.convicts().contains("unless"), "{}", said.convicts());
                let rebuttal =
                    Rebuttal::by_longer_head(proof.encode(), &all, &participants, MAX_SIZE, Options::default());
                if wrong.contains(&finding.id) {
                    assert!(rebuttal.is_err(), "{truth:?}");
                    left += 1;
                    continue;
                }
                let Ok(rebuttal) = rebuttal else {
                    // The lie is another one in the same transaction.
                    assert!(lie.is_some(), "{rebuttal:?}");
                    continue;
                };
                let bytes = rebuttal.encode();
                assert_eq!(Rebuttal::decode(&bytes, MAX_SIZE).unwrap(), rebuttal);
                assert!(rebuttal.verify(MAX_SIZE, Options::default()).unwrap().longer.is_some());
                cleared += 1;
            }
        }
        println!("{cleared} cleared, {left} not");
        assert!(cleared > 5 && left > 0, "{cleared} {left}");
    })
    .unwrap();
}

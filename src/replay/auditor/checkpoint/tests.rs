use super::*;
use crate::database::encode;
use crate::lab::{Beginning, Lab, Memory, Random};
use crate::replay::engine::{Budget, on_big_stack};

/// Everything that a checkpoint can hold: doubtful acks, two contracts, forged numbers, findings.
const CONTRACT: &str = "export const apply = {
    PUT (tx, op) { tx.put(op.path, op.value) },
    ADD (tx, op) { tx.addOplog({ pubkey: op.key }) }
}";

fn database() -> Lab<Memory> {
    let beginning = Beginning { participants: 2, outsiders: 1, ..Beginning::new(CONTRACT, 7) };
    let mut lab = Lab::in_memory(&beginning).unwrap();
    let (key, other) = (lab.name(0).unwrap(), lab.name(2).unwrap());
    let ack = Value::object(vec![
        ("success".into(), Value::Bool(true)),
        ("origin".into(), Value::str(&*key)),
        ("seq".into(), Value::num(9.0)),
        ("ts".into(), Value::num(5.0)),
        ("numChanges".into(), Value::num(2.0)),
    ]);
    let writes = [
        ("/a".to_owned(), Value::num(1.5)),
        (format!("//.sys/acks/{key}/000000000000009"), ack),
        (format!("//.sys/inputs/{other}"), Value::Null),
        ("//.sys/contract/source".to_owned(), Value::str(CONTRACT)),
        ("/b".to_owned(), Value::Array(vec![Value::BigInt(5), Value::Undefined])),
    ];
    for (at, (path, value)) in writes.into_iter().enumerate() {
        let pairs = [("op", Value::str("PUT")), ("path", Value::str(&*path)), ("value", value)];
        let op = Value::object(pairs.map(|(name, value)| (name.into(), value)).to_vec());
        lab.publish(at % 2, &[encode(&op)]).unwrap();
        lab.execute(at % 2).unwrap();
    }
    lab
}

/// Audits what there is, and gives the last checkpoint.
fn last(mut auditor: Auditor<'_>) -> Option<Checkpoint> {
    let mut last = None;
    while let Step::Judged(_) = auditor.step() {
        last = auditor.checkpoint().or(last);
    }
    last
}

fn with_checkpoint(work: impl FnOnce(&Lab<Memory>, &Key, Checkpoint) + Send) {
    on_big_stack(&Budget::default(), || {
        let lab = database();
        let key = *lab.index.key();
        let checkpoint = last(Auditor::live(Rc::new(&lab), &key, Options::default())).unwrap();
        work(&lab, &key, checkpoint);
    })
    .unwrap();
}

/// Protects audits from disks: a checkpoint that changed anywhere is none.
#[test]
fn whatever_changed_is_refused() {
    with_checkpoint(|lab, key, checkpoint| {
        let refused = |text: String, key: &Key, options| {
            let resumed = Auditor::resume(Rc::new(lab), key, options, &text.into());
            assert_eq!(resumed.err(), Some(Refused::Seal));
        };
        let text = checkpoint.as_str();
        for at in 0..text.len() {
            refused(text[..at].to_owned(), key, Options::default());
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            refused(String::from_utf8(bytes).unwrap(), key, Options::default());
        }
        refused(format!("{text} "), key, Options::default());
        refused("é".repeat(40), key, Options::default());
        refused(text.to_owned(), &[7; 32], Options::default());
        refused(text.to_owned(), key, Options { max_findings: 99, ..Options::default() });
        refused(text.to_owned(), key, Options { until: Some(1 << 40), ..Options::default() });
        let budget = Budget { ticks: 1, ..Budget::default() };
        refused(text.to_owned(), key, Options { budget, ..Options::default() });
        let cache = Options { cache: 1 << 20, ..Options::default() };
        assert!(Auditor::resume(Rc::new(lab), key, cache, &checkpoint).is_ok());
    });
}

/// Protects the process: even what somebody has sealed again panics nowhere, neither at once nor later.
#[test]
fn no_checkpoint_panics() {
    with_checkpoint(|lab, key, checkpoint| {
        let text = &checkpoint.as_str()[SEAL..];
        let database = ack::to_hex(key);
        let mut random = Random::new(3);
        let mut resumed = 0;
        for _ in 0..400 {
            let mut bytes = text.as_bytes().to_vec();
            let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
            for _ in 0..=random.below(3) {
                let at = digits[random.below(digits.len() as u64) as usize];
                match random.below(8) {
                    0 => bytes[at] = random.below(256) as u8,
                    1 => drop(bytes.splice(at..at, *b"18446744073709551")),
                    2 => drop(bytes.splice(at..at, *b"99")),
                    _ => bytes[at] = b'0' + random.below(10) as u8,
                }
            }
            let Ok(mut text) = String::from_utf8(bytes) else { continue };
            // The tree hash is known to whoever writes.
            if let Ok(mut carried) = serde_json::from_str::<Carried>(&text) {
                let auditor = Auditor::live(Rc::new(lab), key, Options::default());
                if let Some(histories) = auditor.histories(carried.index, &carried.participants) {
                    carried.histories = ack::to_hex(&histories);
                    text = serde_json::to_string(&carried).unwrap();
                }
            }
            let sealed = seal(&database, &Options::default(), &text) + &text;
            if let Ok(auditor) = Auditor::resume(Rc::new(lab), key, Options::default(), &sealed.into()) {
                resumed += 1;
                drop(last(auditor));
            }
        }
        assert!(resumed > 50, "{resumed}");
    });
}

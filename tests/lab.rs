//! The lab against the auditor, in memory.

use vitra_watch::database::{Value, encode};
use vitra_watch::lab::{Beginning, Lab};
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::report;

#[test]
fn smoke() {
    on_big_stack(&Budget::default(), || {
        let source = "export const apply = { SET (tx, op) { tx.put('/kv/' + op.key, op.value) } }";
        let mut lab = Lab::in_memory(&Beginning::new(source, 1)).unwrap();
        let op = |n: usize| {
            encode(&Value::object(vec![
                ("op".into(), Value::str("SET")),
                ("key".into(), Value::str(format!("k{}", n % 7))),
                ("value".into(), Value::num(n as f64)),
            ]))
        };
        for n in 0..50 {
            lab.publish(0, &[op(n)]).unwrap();
        }
        lab.execute_all().unwrap();
        let key = *lab.index.key();
        let report = report::run(Auditor::new(&lab, &key, Options::default()), |_, _| ());
        println!("{report:#?}");
        assert_eq!(report.verdict.name(), "verified");
        assert_eq!(report.transactions, 50);
        assert!(report.findings.is_empty());
    })
    .unwrap();
}

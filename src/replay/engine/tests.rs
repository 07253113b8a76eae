//! Rules of the guest that need no real runtime to be known.

use super::*;
use crate::database::Value;
use crate::replay::state::Empty;

const AROUND: Surroundings =
    Surroundings { clock: 1_000.0, seed: 7, writer: true, locale: 0, dialect: Dialect::New, delivery: Delivery::Asked };

fn op(name: &str) -> Value {
    Value::object(vec![("op".into(), Value::str(name))])
}

fn realm(source: &str) -> Result<Realm, LoadError> {
    Realm::load(source, &"ab".repeat(32), Budget { ticks: 2_000, ..Budget::default() }, AROUND, &Empty)
}

fn run(source: &str, op: &Value) -> Applied {
    let budget = Budget::default();
    on_big_stack(&budget, || {
        let ack = AckView { origin: &"cd".repeat(32), seq: 0, ts: 5.0, metadata: &Value::Undefined };
        realm(source).unwrap().apply(op, &ack, AROUND, &Empty)
    })
    .unwrap()
}

fn body(code: &str) -> Applied {
    run(
        &format!(
            "import {{ index }} from 'contract'\nimport assert from 'assert'\nexport const apply = {{ async X (tx, op, ack) {{ {code} }} }}"
        ),
        &op("X"),
    )
}

fn written(applied: &Applied) -> Vec<String> {
    match &applied.outcome {
        Outcome::Success { changes, .. } => changes.iter().map(|c| format!("{}={:?}", c.path, c.put)).collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn a_plain_operation_is_clean() {
    let applied = body("tx.put('/a', { n: 1, s: 'x' })");
    assert_eq!(written(&applied), [r#"/a=Some(Object([("n", Num(1.0)), ("s", Str("x"))]))"#]);
    assert!(applied.taint.is_clean() && !applied.near_limit, "{:?}", applied.taint);
}

#[test]
fn reads_resolve_and_late_writes_count() {
    assert_eq!(
        written(&body("const e = await index.get('/x'); tx.put('/a', String(e))")),
        [r#"/a=Some(Str("undefined"))"#]
    );
    assert_eq!(written(&body("Promise.resolve().then(() => tx.put('/late', 1))")), ["/late=Some(Num(1.0))"]);
    let after = body("index.get('/own').then(() => tx.put('/after', 1))");
    assert!(written(&after).is_empty());
    assert!(!after.taint.is_clean());
}

#[test]
fn failures_have_the_texts_of_the_real_runtime() {
    for (code, expected) in [
        ("throw new Error('boom')", "Error: boom"),
        ("throw new RangeError('rr')", "ContractRuntimeError: The contract failed to execute with \"RangeError: rr\""),
        ("throw 'text'", "Error"),
        ("throw new Error('')", "Error: Error"),
        ("assert(false, 'm')", "Error: m"),
        ("assert(false)", "Error: false == true"),
        ("tx.put('', 1)", "Error: A key string parameter must be supplied"),
        ("class C extends Error {}; throw new C('cc')", "Error: cc"),
    ] {
        match body(code).outcome {
            Outcome::Failure { text, own } => assert_eq!((&*text, own), (expected, true), "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
    assert!(matches!(body("throw null").outcome, Outcome::Dies));
    assert!(matches!(body("undefined.x").outcome, Outcome::Failure { own: false, .. }));
    assert!(matches!(body("await index.get(5)").outcome, Outcome::NeverSettles));
}

#[test]
fn hostile_contracts_end_in_a_budget() {
    assert!(matches!(body("for (;;) {}").outcome, Outcome::Exhausted(Exhausted::Ticks)));
    assert!(matches!(
        body("const a = []; for (;;) a.push(new Array(100000).fill(a.length))").outcome,
        Outcome::Exhausted(Exhausted::Memory)
    ));
    assert!(matches!(body("const f = () => Promise.resolve().then(f); await f()").outcome, Outcome::Exhausted(_)));
    assert!(matches!(
        body("let a = [1]; for (let i = 0; i < 60; i++) a = [a, a]; tx.put('/a', a)").outcome,
        Outcome::Exhausted(Exhausted::Output)
    ));
    assert!(matches!(
        body("try { for (;;) {} } catch {} finally { for (;;) {} }").outcome,
        Outcome::Exhausted(Exhausted::Ticks)
    ));
    assert!(matches!(body("const f = () => f() + 1; f()").outcome, Outcome::Failure { own: false, .. }));
}

#[test]
fn what_engines_do_differently_is_noted() {
    for code in [
        "tx.put('/a', Date.now())",
        "tx.put('/a', Math.random())",
        "try { null.x } catch (e) { tx.put('/a', e.message) }",
        "tx.put('/a', new Error('x').stack)",
        "tx.put('/a', (() => 1).toString())",
        "tx.put('/a', new Date(2020, 1).getTime())",
        "tx.put('/a', (1e21).toString(3))",
        "tx.put('/a', typeof Intl.Collator)",
        "tx.put('/a', (() => {}).constructor('return 1')())",
    ] {
        assert!(!body(code).taint.is_clean(), "{code}");
    }
    for code in [
        "tx.put('/a', new Date(0).toISOString())",
        "try { throw new Error('own') } catch (e) { tx.put('/a', e.message) }",
        "try { null.x } catch (e) { tx.put('/a', 1) }",
        "tx.put('/a', (255).toString(16))",
        "tx.put('/a', [3, 1, 2].sort((a, b) => a - b))",
        "tx.put('/a', JSON.parse('[1]'))",
        "tx.put('/a', 'x'.toUpperCase())",
        "tx.put('/a', Object.keys({a: 1}).map(k => k + 1))",
    ] {
        let applied = body(code);
        assert!(applied.taint.is_clean(), "{code}: {:?}", applied.taint);
        assert!(matches!(applied.outcome, Outcome::Success { .. }), "{code}: {:?}", applied.outcome);
    }
}

/// What msgpackr changes on the way out arrives changed, and accuses nobody (`tests/codec` compares with msgpackr itself).
#[test]
fn what_msgpackr_changes_arrives_changed_and_is_noted() {
    for (code, expected) in [
        (
            "tx.put('/a', 'x'.repeat(62) + '\\ud800')",
            format!("/a=Some(Str(\"{}\u{fffd}\u{fffd}\u{fffd}\"))", "x".repeat(62)),
        ),
        ("tx.put('/a', 'x'.repeat(63) + '\\ud800')", format!("/a=Some(Str(\"{}\u{fffd}\"))", "x".repeat(63))),
        (
            "tx.put('/a', { ['k\\udfff']: 1 })",
            "/a=Some(Object([(\"k\u{fffd}\u{fffd}\u{fffd}\", Num(1.0))]))".to_owned(),
        ),
        ("tx.put('/a', { constructor: 1 })", "/a=Some(Object([(\"constructor\", Num(1.0))]))".to_owned()),
        ("tx.put('/a', Object.assign([1], { constructor: 1 }))", "/a=Some(Array([Num(1.0)]))".to_owned()),
    ] {
        let applied = body(code);
        assert_eq!(written(&applied), [expected], "{code}");
        assert!(!applied.taint.engine.is_empty(), "{code}");
    }
    let date = body("tx.put('/a', new Date(2 ** 32 * 1000 + 5))");
    assert_eq!(written(&date), ["/a=Some(Date(4294967296005.0))"]);
    assert!(date.taint.dialect);
    for code in [
        "tx.put('/a', new Date(2 ** 32 * 1000 - 1))",
        "tx.put('/a', '\u{1f600}'.repeat(80))",
        "tx.put('/a', { toJSON: 1 })",
    ] {
        let applied = body(code);
        assert!(applied.taint.is_clean() && !applied.taint.dialect, "{code}: {:?}", applied.taint);
    }
}

#[test]
fn globals_are_those_of_the_real_guest() {
    let applied = body("tx.put('/g', Object.getOwnPropertyNames(globalThis).sort())");
    let Outcome::Success { changes, .. } = applied.outcome else { panic!("{:?}", applied.outcome) };
    let Some(Value::Array(names)) = &changes[0].put else { panic!() };
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    let expected = "AggregateError Array ArrayBuffer BigInt BigInt64Array BigUint64Array Boolean DataView Date Error \
        EvalError FinalizationRegistry Float32Array Float64Array Infinity Int16Array Int32Array Int8Array Intl JSON Map \
        Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String Symbol \
        SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet \
        __internal__assert __internal__assert__deepEqual __internal__assert__equal __internal__assert__fail \
        __internal__assert__notDeepEqual __internal__assert__notEqual __internal__contract__indexGet \
        __internal__contract__indexList __internal__contract__indexPubkey __internal__contract__oplogGet \
        __internal__contract__oplogGetLength __internal__contract__oplogListPubkeys __internal__contract__oplogPubkey \
        __internal__genUUID console decodeURI decodeURIComponent encodeURI encodeURIComponent escape global globalThis \
        isFinite isNaN parseFloat parseInt undefined unescape";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
}

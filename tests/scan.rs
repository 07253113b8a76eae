//! What the scan says about contracts: tables of sources that change state and of sources that do not.

use std::fmt::Write as _;

use vitra_watch::replay::scan::{Scan, scan};

fn contract(name: &str) -> String {
    std::fs::read_to_string(format!("tests/scan/contracts/{name}.js")).unwrap()
}

fn describe(scan: &Scan) -> String {
    let mut text = String::new();
    for finding in &scan.mutable_state {
        write!(text, "\n    {}:{} {}", finding.line, finding.column, finding.what).unwrap();
    }
    text
}

fn valid(source: &str) -> Scan {
    let scan = scan(source);
    assert_eq!(scan.syntax_error, None, "{source}");
    scan
}

#[test]
fn corpus_contracts() {
    for name in ["counter", "kv", "registry", "registry-v2", "chance", "hostile", "ackpeek"] {
        let scan = valid(&contract(name));
        assert!(scan.mutable_state.is_empty(), "{name}:{}", describe(&scan));
        assert!(scan.engine_specific.is_empty(), "{name}: {:?}", scan.engine_specific);
    }
    for name in ["memo", "stamped", "probe"] {
        let scan = valid(&contract(name));
        assert!(!scan.mutable_state.is_empty(), "{name}");
        println!("{name}:{}", describe(&scan));
    }
    assert!(valid(&contract("stamped")).exports_process);
    assert!(!valid(&contract("kv")).exports_process);
    // `(() => {}).constructor('return 1')()` and `globalThis.leak = ...`, nothing else.
    let probe = valid(&contract("probe"));
    let lines: Vec<_> = probe.mutable_state.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [74, 78], "{}", describe(&probe));
}

#[test]
fn state_that_functions_change_is_found() {
    let mut missed = String::new();
    let table = include_str!("scan/stateful.js");
    for source in table.split("\n//---\n") {
        let scan = valid(source);
        if scan.mutable_state.is_empty() {
            writeln!(missed, "{source}\n").unwrap();
        }
    }
    assert!(missed.is_empty(), "missed:\n{missed}");
}

#[test]
fn pure_modules_are_left_alone() {
    let mut accused = String::new();
    let table = include_str!("scan/pure.js");
    for source in table.split("\n//---\n") {
        let scan = valid(source);
        if !scan.mutable_state.is_empty() {
            writeln!(accused, "{source}{}\n", describe(&scan)).unwrap();
        }
    }
    assert!(accused.is_empty(), "accused:\n{accused}");
}

/// Protects proofs of one transaction: a contract counts as guarded only if no operation can write below `/.sys` past the
/// runtime's guard. Each source that is not guarded is a way to do that, or one that nobody could tell from it.
#[test]
fn guarded_contracts_are_told_from_others() {
    let apply = |body: &str| {
        format!("import {{ index }} from 'contract'\nexport const apply = {{ async SET (tx, op, ack) {{ {body} }} }}")
    };
    for source in [
        apply("tx.put('/kv/' + op.key, op.value)"),
        apply("tx.delete(`/kv/${op.key}`); tx.addOplog({ pubkey: op.key }); tx.setContractSource({ code: op.code })"),
        apply("const path = `/a${op.x}`; if (op.y) tx.put(path, await index.get(op.z))"),
        "const at = (n) => '/kv/' + n\nconst set = (n, tx) => { tx.put(`${at(n)}/x`, 1) }\n\
         export const apply = { SET: (tx, op) => set(op.n, tx), NO () {} }"
            .to_owned(),
        "function at (n) { return 'kv' + n }\nexport function apply (tx, op) { tx.put(at(op.n), 1) }".to_owned(),
        include_str!("../examples/contracts/counter.js").to_owned(),
        include_str!("../examples/contracts/forum.js").to_owned(),
        include_str!("../examples/contracts/kv.js").to_owned(),
        include_str!("../examples/contracts/members.js").to_owned(),
        include_str!("../examples/contracts/registry.js").to_owned(),
        include_str!("../examples/contracts/registry-2.js").to_owned(),
    ] {
        assert!(scan(&source).guarded, "{source}");
    }
    for source in [
        apply("tx.put(op.key, op.value)"),
        apply("tx.put('/' + op.key, op.value)"),
        apply("tx.put('//.sys/inputs/' + op.key, op.value)"),
        apply("tx.put('/.' + op.key, op.value)"),
        apply("tx.put('' + op.key, op.value)"),
        apply("tx.put(`/${op.key}`, op.value)"),
        apply("let path = '/kv/'; path = op.key; tx.put(path, 1)"),
        apply("var path = '/kv/'; for (var path of op.keys) tx.put(path, 1)"),
        apply("tx[op.method](op.key, op.value)"),
        apply("const { put } = tx; put(op.key, 1)"),
        apply("const t = tx; t.put(op.key, 1)"),
        apply("const put = tx.put; put(op.key, 1)"),
        apply("tx.put.call(tx, op.key, 1)"),
        apply("Object.values(tx)[0](op.key, 1)"),
        apply("[tx].map((t) => t.put(op.key, 1))"),
        apply("((t) => t.put(op.key, 1))(tx)"),
        apply("arguments[0].put(op.key, 1)"),
        apply("tx = { put: tx.put }; tx.put(op.key, 1)"),
        apply("eval(op.code)"),
        apply("this.other(tx, op)"),
        apply("return { ...tx }"),
        apply("tx.put(...op.all)"),
        apply("tx.put?.(op.key)"),
        "export const apply = { SET ({ put }, op) { put(op.key, 1) } }".to_owned(),
        "export const apply = { SET (...all) { all[0].put(all[1].key, 1) } }".to_owned(),
        "export const apply = { SET (tx = 1, op) { tx.put('/a', 1) } }".to_owned(),
        "const set = (n, t) => t.put(n, 1)\nexport const apply = { SET (tx, op) { set(op.n, tx) } }".to_owned(),
        "const at = (n) => n\nexport const apply = { SET (tx, op) { tx.put(at(op.n), 1) } }".to_owned(),
        "const at = (n) => { if (n) return n; return '/kv' }\nexport const apply = { SET (tx, op) { tx.put(at(op.n), 1) } }".to_owned(),
        "const other = { SET (tx, op) { tx.put(op.key, 1) } }\nexport const apply = { ...other }".to_owned(),
        "const other = { SET (tx, op) { tx.put(op.key, 1) } }\nexport const apply = { __proto__: other }".to_owned(),
        "const other = { SET (tx, op) { tx.put(op.key, 1) } }\nexport { other as apply }".to_owned(),
        "Object.prototype.SET = (tx, op) => tx.put(op.key, 1)\nexport const apply = { NO () {} }".to_owned(),
        "export const apply = { NO () {} }\napply.SET = (tx, op) => tx.put(op.key, 1)".to_owned(),
        "export const apply = { get SET () { return (tx, op) => tx.put(op.key, 1) } }".to_owned(),
        "export let apply = { NO () {} }\nexport function process () { apply = { SET (tx, op) { tx.put(op.key, 1) } } }".to_owned(),
        "export const apply = make()\nfunction make () { return { SET (tx, op) { tx.put(op.key, 1) } } }".to_owned(),
        "export function get () { return 1 }".to_owned(),
        "export * from 'other'".to_owned(),
        "let seen = 0\nexport const apply = { SET (tx, op) { tx.put('/kv', seen++) } }".to_owned(),
    ] {
        assert!(!scan(&source).guarded, "{source}");
    }
}

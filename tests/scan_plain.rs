//! What `replay::scan::plain` lets pass, and what it finds. That the list is right is shown in `tests/plain.rs`.

use std::path::Path;

use vitra_watch::replay::scan::scan;

fn found(source: &str) -> Vec<String> {
    let scan = scan(source);
    assert!(scan.syntax_error.is_none(), "{source}: {:?}", scan.syntax_error);
    scan.beyond_plain.into_iter().map(|finding| finding.what).collect()
}

/// A contract with this body of a handler.
fn body(text: &str) -> String {
    format!(
        "import {{ index }} from 'contract'\nimport {{ ok }} from 'assert'\n\
         const load = async (path) => (await index.get(path))?.value\n\
         export const apply = {{ async RUN (tx, op, ack) {{\n{text}\n}} }}"
    )
}

/// Lies about these databases must be provable without Node.
#[test]
fn the_example_contracts_are_plain() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for (folder, wanted) in [
        ("examples/contracts", &["counter", "kv", "registry", "registry-2", "members", "forum"][..]),
        ("tests/corpus/vitra/contracts", &["counter", "kv", "registry", "registry-v2", "stamped", "ackpeek"][..]),
    ] {
        for name in wanted {
            let source = std::fs::read_to_string(root.join(folder).join(format!("{name}.js"))).unwrap();
            assert_eq!(found(&source), Vec::<String>::new(), "{folder}/{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 12);
}

#[test]
fn ordinary_code_is_plain() {
    for text in [
        "const { a, ...rest } = op; for (const [k, v] of Object.entries(rest)) tx.put(`/x/${k}`, { a, v })",
        "const names = op.list.filter((x) => x.name).map((x) => x.name.trim().toLowerCase()).sort(); tx.put('/n', names.join())",
        "const seen = new Map(); for (const x of op.list) seen.set(x, (seen.get(x) || 0) + 1); tx.put('/s', [...seen.entries()])",
        "try { await load(op.path) } catch (e) { throw new Error('no ' + op.path) }",
        "const e = await load('/a'); if (!e) throw new Error('none'); e.count += 1; tx.put('/a', e)",
        "const counts = {}; for (const x of op.list) counts[x] = (counts[x] || 0) + 1; tx.put('/c', counts)",
        "switch (op.kind) { case 'a': tx.delete('/a'); break; default: tx.put('/b', JSON.stringify(op)) }",
        "tx.put('/at', new Date(ack.ts).toISOString()); tx.put('/by', ack.origin)",
        "if (/^[a-z]{1,9}$/.test(op.name)) tx.put('/x', op.name.replace(/a/g, (m) => m + '!').split(','))",
        "let i = 0; while (i < 10 && op.list[i] !== undefined) i++; tx.put('/i', Math.max(i, 3))",
        "tx.put('/m', op.message); tx.put('/s', op.stack); tx.put('/at', op.at)",
        "if (Object.prototype.hasOwnProperty.call(op, 'x')) ok(op.x, 'x')",
        "return op.wait ? load('/x') : undefined",
    ] {
        assert_eq!(found(&body(text)), Vec::<String>::new(), "{text}");
    }
}

/// Each of these lets a contract, or the participant who chooses the operation, see a difference between engines.
#[test]
fn what_may_differ_is_found() {
    let mut missed = Vec::new();
    for (text, what) in [
        // conversions that run code of the contract
        ("const k = { toString () { return 'a' } }; op[k] = 1", "toString"),
        ("const k = { x: () => 1 }; tx.put('/x', k)", "as a value"),
        ("op.f = () => 1", "a function as a value"),
        ("const f = () => 1; op[op.k] = f", "a function as a value"),
        ("const f = () => 1; return [f]", "a function as a value"),
        ("return { then: op.x }", "then"),
        ("class A extends Error { toString () { return 'x' } }", "a class"),
        // functions of which it is not known what they are
        ("op.list.map(op.f)", "what may be no function"),
        ("op[op.method](1)", "a method of computed name"),
        ("const f = op.f; f()", "a call of what may be no function"),
        ("((x) => x(1))(op)", "a call of what may be no function"),
        ("op.constructor(1)", "the method constructor"),
        ("const { constructor } = op; tx.put('/x', typeof constructor)", "the name constructor"),
        ("op['__proto__'] = op.x", "__proto__"),
        // order
        ("const log = []; op[op.k] = log.push(1)", "which comes first"),
        ("op[op.k] = await load('/x')", "which comes first"),
        ("op[op.k] += tx.put('/a', 1)", "which comes first"),
        ("await Promise.all(op.keys.map(async (k) => tx.put('/x', await load(k))))", "Promise"),
        ("op.keys.forEach(async (k) => { tx.put('/x', await load(k)) })", "a callback that gives promises"),
        ("op.keys.map((k) => index.get(k))", "a callback that gives promises"),
        ("const a = load('/a'), b = load('/b'); tx.put('/x', await a)", "not awaited at once"),
        ("load('/a')", "not awaited at once"),
        ("const p = [load('/a')]", "not awaited at once"),
        // limits
        ("tx.put('/x', Math.max(...op.list))", "a spread into arguments"),
        ("const l = []; l.push(...op.list)", "a spread into arguments"),
        ("new Array(op.n)", "new Array"),
        // numbers
        ("tx.put('/x', op.a ** 2)", "**"),
        ("op.a **= 2", "**"),
        ("tx.put('/x', 1.00000000000000011102230246251565)", "17 digits"),
        ("tx.put('/x', Math.sin(op.a))", "Math.sin"),
        ("tx.put('/x', op.a.toString(2))", "with arguments"),
        ("tx.put('/x', 10n)", "a BigInt"),
        ("op.list.length = op.n", "a length that is assigned"),
        // what QuickJS refuses
        ("tx.put('/x', (`${op.a}` / 2))", "a template divided"),
        ("if (op.a) /[(]/.test(op.b)", "divisor"),
        // dates
        ("tx.put('/x', new Date(op.date))", "new Date"),
        ("tx.put('/x', new Date())", "new Date"),
        ("ack.ts = op.date; tx.put('/x', new Date(ack.ts))", "new Date"),
        ("tx.put('/x', Date.now())", "Date.now"),
        ("tx.put('/x', op.at.getHours())", "the method getHours"),
        // text
        ("tx.put('/x', '\\ud800')", "half characters"),
        ("tx.put('/x', op.a.localeCompare(op.b))", "localeCompare"),
        ("tx.put('/x', op.a.match(op.b))", "the method match"),
        ("tx.put('/x', new RegExp(op.a).test('x'))", "new RegExp"),
        ("tx.put('/x', /(?<=a)b/.test(op.a))", "beyond the plain subset"),
        ("tx.put('/x', /a/u.test(op.a))", "beyond the plain subset"),
        ("const r = /a/; tx.put('/x', r)", "a regular expression as a value"),
        // errors of the engine
        ("try { op.a.b.c } catch (e) { tx.put('/x', e.message) }", "a caught error as a value"),
        ("try { op.a.b.c } catch (e) { tx.put('/x', String(e)) }", "a caught error as a value"),
        ("try { op.a.b.c } catch ({ message }) { tx.put('/x', message) }", "taken apart"),
        ("tx.put('/x', new Error('x'))", "an error that is not thrown"),
        ("throw op", "something thrown"),
        // names and methods that only some engines have
        ("tx.put('/x', op.list.at(-1))", "the method at"),
        ("tx.put('/x', op.list.values().map((x) => x))", "the method values"),
        ("op.bytes.set(1)", "the method set"),
        ("let m = new Map(); m = op; m.set(1)", "the method set"),
        ("tx.put('/x', typeof Temporal)", "the global Temporal"),
        ("tx.put('/x', JSON.parse(op.x, (k, v) => v))", "JSON.parse"),
        ("tx.put('/x', Object.getOwnPropertyNames(op))", "Object.getOwnPropertyNames"),
        // syntax
        ("for (const k in op) tx.put(k, 1)", "for in"),
        ("return this", "this"),
        ("return [, 1]", "a hole"),
        ("x: for (;;) break x", "a label"),
        ("return { get a () { return 1 } }", "a getter"),
        ("return op.x`a`", "a tagged template"),
        ("for await (const x of op.list) tx.put('/x', x)", "for await"),
        ("return (1, 2)", "comma"),
        ("return function * () { yield 1 }", "generator"),
        ("const { [op.k]: x } = op; return x", "computed name"),
        ("const f = (g = () => 1) => 2; return f()", "a function"),
    ] {
        let found = found(&body(text));
        if !found.iter().any(|finding| finding.contains(what)) {
            missed.push(format!("{text}: {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn modules_with_more_than_the_hosts_names_are_found() {
    for (source, what) in [
        ("import * as c from 'contract'\nexport const apply = {}", "c"),
        ("import { oplog } from 'contract'\nexport const apply = {}", "oplog"),
        (
            "import { isWriter } from 'contract'\nexport const apply = { RUN (tx) { tx.put('/x', isWriter) } }",
            "machine",
        ),
        ("import { deepEqual } from 'assert'\nexport const apply = {}", "deepEqual"),
        ("import { genUUID } from 'util'\nexport const apply = {}", "an import"),
        ("import 'assert'\nexport const apply = {}", "an import"),
        ("export * from 'assert'", "another module"),
        ("export default 1", "export default"),
        ("export const apply = {}\nawait 1", "await outside"),
        ("export const apply = { RUN () { return h\\u0065lp } }\nconst help = 1", "escapes"),
        (
            "let f = () => 1\nexport function set () { f = () => 2 }\nexport const apply = { RUN () { f() } }",
            "may change",
        ),
    ] {
        let found = found(source);
        assert!(found.iter().any(|finding| finding.contains(what)), "{source}: {found:?}");
    }
}

/// Participants call these on their own machines; no replay does.
#[test]
fn functions_that_only_participants_call_may_call_their_parameters() {
    let own = "export function bump ({ by } = {}, emit) { emit({ op: 'BUMP', by }) }\n";
    assert_eq!(found(&format!("{own}export const apply = {{}}")), Vec::<String>::new());
    let called = format!("{own}export const apply = {{ RUN (tx, op) {{ bump(op, op.f) }} }}");
    assert!(found(&called).iter().any(|what| what.contains("may be no function")));
}

/// The scan reads hostile text: what it does for each node is bounded. It would not end here if it were not.
#[test]
fn large_contracts_are_scanned() {
    let chain = (0..20_000).map(|n| format!("const f{n} = () => f{}()\n", n + 1)).collect::<String>();
    let closures = format!("f({})", "() => 1, ".repeat(30_000));
    let uses = format!("export const apply = {{ R (t, o, ack) {{ {} }} }}", "new Date(ack.ts);".repeat(10_000));
    let parentheses = format!("const x = {}f(){}", "(".repeat(20_000), ")".repeat(20_000));
    for source in [chain, closures, uses, parentheses] {
        assert!(!found(&source).is_empty());
    }
}

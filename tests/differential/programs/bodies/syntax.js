// name: hoisting
const r = [typeof f, typeof v, (() => { try { return typeof l } catch (e) { return e.name } })()]
function f () {}
var v = 1
let l = 2
return r
// name: block-functions
const r = []
{ function g () { return 1 } r.push(g()) }
r.push((() => { try { return typeof g } catch (e) { return e.name } })())
return r
// name: switch
const f = (x) => { const r = []; switch (x) { case 1: r.push('one'); case 2: r.push('two'); break; default: r.push('default'); case 3: r.push('three') } return r }
return [f(1), f(2), f(3), f(4), (() => { switch (NaN) { case NaN: return 'nan'; default: return 'none' } })()]
// name: comma-and-void
let a = (1, 2), b = 0
for (let i = 0, j = 10; i < j; i++, j--) b++
return [a, b, void 0, (() => {})(), typeof void 5]
// name: logical-assignment
let a = null, b = 0, c = 1
const log = []
a ??= (log.push('a'), 5); b ||= 6; c &&= 7; b ??= (log.push('no'), 1)
return [a, b, c, log]
// name: template-nesting
const t = (s, ...v) => s.raw.join('|') + v.join(',')
return [`a${`b${1 + 1}`}c`, t`x${1}y${2}z`, `\u{1F600}\x41\0`, `line
break`, ((s) => s)`a` === ((s) => s)`a`]
// name: tagged-cache
const f = (s) => s
const g = () => f`x`
return [g() === g(), Object.isFrozen(g()), Object.isFrozen(g().raw)]
// name: asi
const a = 1
const b = a
;[1].forEach(() => 1)
const c = () => {
  return
  5
}
let d = 1
let e = d
++d
return [b, c(), d, e]
// name: operators-precedence
return [2 ** 3 ** 2, (-2) ** 2, 1 + 2 * 3 % 2, !1 + 1, typeof 1 + 1, 1 < 2 < 3, 3 > 2 > 1, 5 - -5, 1 + +'1', '3' * '4', true + true, [] + [], 1 || 2 && 3, (null ?? 1) || 2, ~~5.7, - - 1, 6 / 2 * 3]
// name: delete-in-strict
const o = { a: 1 }
return [delete o.a, delete o.none, (() => { try { delete Object.freeze({ b: 1 }).b } catch (e) { return e.name } })()]
// name: delete-length
try { return delete [].length } catch (e) { return e.name }
// name: strict-mode
return [(function () { return this })(), (() => { try { undeclared = 1 } catch (e) { return e.name } })(), (() => { try { 'abc'.length = 1 } catch (e) { return e.name } })(), (() => { try { Math.PI = 3 } catch (e) { return e.name } })(), (() => { try { (1).x = 1 } catch (e) { return e.name } })(), (() => { try { undefined = 1 } catch (e) { return e.name } })()]
// name: sloppy-code
const F = (() => {}).constructor
return [F('return typeof this')(), F('x = 5; var r = x; delete globalThis.x; return r')(), F('return 010')(), F('a', 'a = 2; return arguments[0]')(1), F('with ({ y: 7 }) { return y }')(), F('a', 'a', 'return a')(1, 2), F('return typeof arguments.callee')(), F('if (true) function g () {} return typeof g')()]
// name: syntax-errors
const F = (() => {}).constructor
return ['let a; let a', 'const a', 'return return', 'var x = ;', 'for (;;', 'a => {}()', '"use strict"; 010', '"use strict"; with (a) {}', 'let [a, a] = []', 'break', 'continue', 'new.target.x = 1', 'yield = 1; "use strict"', 'async () => { await = 1 }', 'class A { constructor () {} constructor () {} }', '({ a = 1 })', '1 = 2', '`${`', 'if (1) let a', 'label: label: ;', 'a?.b = 1', 'super()', '({ __proto__: 1, __proto__: 2 })', '-1 ** 2', 'a ?? b || c', 'let let = 1', 'for (let x = 1 of []) ;', 'import.meta', 'await 1', '\\u{61wait}', '"\\u{110000}"', '0b2', '1__0', '08n'].map((s) => { try { F(s); return 'ok' } catch (e) { return e.name } })
// name: newer-syntax
// taints: newer
const F = (() => {}).constructor
return ['class A { static {} }', 'class A { #a; f (o) { return #a in o } }', '/(?<a>x)|(?<a>y)/', '/a/v', '/(?i:a)/', 'using x = null', 'a ||= 1', '1_000', 'a?.b', '/a/d'].map((s) => { try { F(s); return 'ok' } catch (e) { return e.name } })
// name: unicode-identifiers
const é = 1, \u0061b = 2, $ = 3, _ = 4, 変数 = 5, ℮ = 6
return [é, ab, $, _, 変数, ℮]
// name: keywords-as-names
const o = { if: 1, class: 2, new: 3, get: 4, set: 5, async: 6, await: 7, static: 8, of: 9, let: 10 }
const { if: a, class: b } = o
const async = 1, of = 2, get = 3
return [Object.values(o), a, b, async, of, get]
// name: arrow-named-async
const F = (() => {}).constructor
try { return F('return (async => async + 1)(1)')() } catch (e) { return e.name }
// name: numeric-member
return [1..toString(), 1.5.toFixed(1), (5).constructor.name, 1e3.toString(), 0x10.toString()]
// name: getter-setter-names
const o = { get: 1, set: 2, get get () { return 3 }, set set (v) {}, async: 4, async async () {}, * gen () {}, 'str' () {}, 5 () {}, [`c`] () {} }
return Object.keys(o)
// name: evaluation-order
const log = []
const f = (n) => { log.push(n); return n }
const o = { [f('k1')]: f('v1'), [f('k2')]: f('v2') }
f('a') + f('b') * f('c')
const arr = [0, 0]
let i = 0
arr[i++] = i++
o[f('x')] = f('y')
f(f('arg1'), f('arg2'))
return [log, arr, i]
// name: default-parameters
const log = []
const f = (a, b = (log.push('b'), a + 1), { c = b + 1, d } = {}, ...rest) => [a, b, c, d, rest]
return [f(1), f(1, undefined, { d: 4 }, 5, 6), f.length, log, ((a, b = () => a) => { a = 9; return b() })(1), (() => { try { return ((a = b, b) => a)() } catch (e) { return e.name } })()]
// name: iife-and-scope
var x = 'outer'
const r = [];
(function () { r.push(x); var x = 'inner'; r.push(x) })()
{ let x = 'block'; r.push(x) }
r.push(x)
try { (() => { r.push(y); let y })() } catch (e) { r.push(e.name) }
return r
// name: comments-and-whitespace
/* block */ const a /* inline */ = 1 // end
const b = 2 /* multi
line */
const c = 3
return [a, b, c, '\
continued', "\u2028".length]
// name: directives
return [(function () { 'use strict'; return this })(), (() => { 'ignored'; return 1 })(), new ((() => {}).constructor)('"use strict"; return this')()]
// name: typeof-undeclared
return [typeof nothing, (() => { try { return typeof nothing?.x } catch (e) { return e.name } })(), (() => { try { return nothing?.x } catch (e) { return e.name } })()]
// name: do-while-and-conditions
let n = 0
do n++; while (n < 5)
let m = 10
while (m --> 5);
return [n, m, n ? 'a' : 'b', n > 3 ? n > 4 ? 'x' : 'y' : 'z', (() => { for (;;) return 'loop' })()]
// name: exceptions-in-conditions
const r = []
for (const v of [0, '', null, undefined, NaN, [], {}, '0', 'false', -1, 0n, 1n, Symbol()]) r.push(v ? 1 : 0)
return r
// name: shadowed-undefined
return ((undefined) => undefined)(5)
// name: new-expressions
function F (x) { this.x = x }
const o = { F, get G () { return F } }
return [new F().x, new F(1).x, new o.F(2).x, new (o.G)(3).x, new (class { y = 4 })().y, typeof new F, new F instanceof F]

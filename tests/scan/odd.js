export const f = async => 1
//---
export const f = (async) => 1
//---
export const f = async async => 1
//---
const async = 1; async
x => 1
//---
let x, y; x
++
y
//---
for (async of => 1; false;);
//---
for (var of of []);
//---
for (var of = 1; of < 1;);
//---
const get = 1, set = 2, of = 3, from = 4, as = 5, async = 6, target = 7, meta = 8; export { get as default, of as if }
//---
var get, set, async; ({ get, set, async, static: 1, await: 2 })
//---
({ get () {}, set () {}, async () {}, static () {}, async * get () {}, get get () {}, set set (x) {}, *async () {} })
//---
class A { get; set; static; async; static static; static async; static get; 'x2' = 1; [1 + 1] = 2; 3 = 4 }
//---
class A { get
x () {} static async * m () {} }
//---
class A { static async
m () {} }
//---
class A extends (class {}) { constructor () { super() } m () { super.m?.(); super['x'] = 1 } }
//---
class A { #a; #b () {} get #c () { return 1 } set #c (x) {} static #d = 1; m () { this.#c = this.#a; this.#b(); A.#d++ } }
//---
label: for (;;) { break label }
//---
a: b: c: for (;;) { break a }
//---
if (0) ; else if (1) ; else ;
//---
switch (1) { case 1: default: case 2: let x; { } }
//---
var { a = 1, b: { c = 2, ...d } = {}, ['e' + 1]: f, ...g } = {}; var [h, , i = 1, ...[j, k]] = []
//---
var a = {}; [a.b, a['c'], ...a.d] = [1]; ({ x: a.e, y: a['f'] = 1, ...a.g } = {})
//---
(function ({ a } = {}, [b] = [], ...[c, d]) {})
//---
(async function * () { for await (const x of y) yield * x; await (yield 1) })
//---
(function * () { const x = yield; yield
1; yield /re/; yield * y })
//---
`a${1}b${`c${2}`}`; f`\unicode and \xerxes`; function f () {}
//---
1_000; 0b11; 0o17; 0xff_ff; 1e1_0; .5; 5.; 10n; 0xfn; 1..toString()
//---
/[/]/; /\\//; /(?<n>.)\k<n>/; /a{1,2}?/; /\u{1F600}/u; /[\b]/; /(?=a)*/; /]/; /{/; /a{,1}/; /\c/; /[\c]/; /\8/; /a{/; /\k/
//---
/(?<=a)b(?<!c)/; /(?:)/; /[^]/; /[]/; /\p{L}/u; /\p{Script=Greek}/; /(a)\2/; /\x4/; /\u00/; /[\d-x]/; /a|/; /(?!a)?/
//---
var x, a, b, c, d, e; x = a ? b : c ? d : e
//---
var x, a, b; x ?? (a || b); (x ?? a) || b
//---
var a; a?.[0]?.b?.(c)?.d; delete a?.b; new a.b.c; new (a())(); new a()(); new new a()(); import.meta.x; var c
//---
(a, b) => {}; (a) => ({}); a => b => c; async (a) => await a; async () => {}; (a = 1, { b }, [c], ...d) => {}
//---
var \u0061b = 1; ab; var 𠮷 = 1; ({ \u{61}: 1 })
//---
' '; '\
'; '\u{1F600}'; '\x41'; '\0'
//---
try { } catch ({ message = 1 }) { } finally { }
//---
export default class {}; export { default as x } from 'util'; export * from 'assert'; import def, * as ns from 'contract'
//---
export default (1, 2); import {} from 'util'; export {}; import { default as y } from 'util'
//---
export default async function () {}
//---
export default function * () {}
//---
export default async () => {}
//---
export default async => async
//---
export default [1]
//---
import.meta; import('x').then(); await import('y'); await 1; for await (const z of []) ;
//---
void 0; typeof x; delete [].x; +1; -1; ~1; !1; +-+-1; - -1; var x; x = x++ + ++x
//---
var a; a **= 2; a >>>= 1; a &&= 1; a ||= 1; a ??= 1; (-1) ** 2; 2 ** -1; 2 ** 3 ** 2
//---
debugger; ;;; {} {;}
//---
function f () { return new.target } function g (a) { 'use strict'; return () => arguments }
//---
if (1) { function f () {} } { function g () {} function h () {} }
//---
({ yield: 1, let: 2, static: 3, enum: 4, class: 5, implements: 6 })
//---
var a, b, c, g; a = b
/c/g
//---
var g; var x = function () {}
/1/g
//---
var g; f()
/1/g; function f () {}
//---
({ __proto__: null, ['__proto__']: 1, __proto__ () {} }); var __proto__; ({ __proto__, __proto__ })
//---
undefined; NaN; globalThis
//---
var x; do x++; while (x < 5) x
//---
for (const x of ([], [])) ;
//---
var x; for (let [a, b] of []) ; for (let { c } in {}) ; for (x.y of []) ; for ([x] of []) ; for ({ x } of []) ;
//---
for (let i = 0, n = 2; i < n; i++) { let i = 5 }
//---
for (var i = 0 in {});
//---
var a; a = { async *[Symbol.iterator] () {}, get [1] () { return 1 }, 1n: 2, 0x10: 3, 'a b': 4, .5: 1 }
//---
class A { static name = 1; static length = 2; static 'prototype2' = 3; static { } }
//---
class A { 'constructor' () {} }
//---
class A { async 'constructor2' () {} static constructor () {} static get constructor2 () {} }
//---
class A { static m () { return super.x } x = () => this; y = super.z; z = arguments2 } var arguments2
//---
let async; async = 1; async
in
({})
//---
var x = { async
: 1 }
//---
async () => { for await (async of []) ; }; var async
//---
(async () => { await /x/ })
//---
export { a as b, a as default }; export let a; export { b2 as c }; var b2
//---
var a; (a) = 1; ((a)) = 2; [(a)] = [1]; ({ x: (a) } = {}); (a.b)++
//---
x: { break x }
//---
function f (a, b = a, { c } = b) { var a; { let b } } var f2 = function f2 () { }
//---
function a () {} var b = a; var b; var c
//---
new (class { constructor () { return {} } })
//---
var o = {}; o.if = o.class = o.new; o?.function; o.#x2
//---
"\u2028\u2029"
//---
/a/.b; x = 1 / 2 / 3; var x
//---
a
=> 1
//---
if (1) throw 1; else throw
2
//---
var x = 08
//---
var x = a --> b; var a, b
//---
let
y = 1
//---
var await2; async function f () { (await 1) ** 2; -(await 1) }
//---
x = y as; var x, y

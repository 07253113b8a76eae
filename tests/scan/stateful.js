let n = 0; export function f () { n = 1 }
//---
let n = 0; export function f () { return n++ }
//---
let n = 0; export const apply = { A () { n += 1 } }
//---
export let last; export function f (x) { last = x }
//---
let a; export function f (x) { [a] = x }
//---
let a; export function f (x) { ({ a } = x) }
//---
let a; export function f (x) { ({ b: [...a] } = x) }
//---
let a; export function f (x) { ({ b: a = 1 } = x) }
//---
let a; export function f (x) { for (a of x); }
//---
let a; export function f (x) { for (a in x); }
//---
const c = {}; export function f (x) { c.x = x }
//---
const c = {}; export function f (x) { c[x] = 1 }
//---
const c = {}; export function f (x) { c.n++ }
//---
const c = { x: 1 }; export function f (x) { delete c.x }
//---
const c = { x: 1 }; export function f (x) { delete c?.x }
//---
const c = {}; export function f (x) { [c.a] = x }
//---
const c = {}; export function f (x) { ({ q: c.a } = x) }
//---
const c = {}; export function f (x) { for (c.k of x); }
//---
const c = {}; export function f (x) { for (c.k in x); }
//---
const c = {}; export function f (x) { (c).k = x }
//---
const c = {}; export function f (x) { c.a ??= x }
//---
const c = []; export function f (x) { c.push(x) }
//---
const c = []; export function f (x) { c?.push(x) }
//---
const c = []; export function f (x) { c['push'](x) }
//---
const c = []; export function f (x) { c[x](x) }
//---
const c = []; export function f (x) { c.length = 0 }
//---
const c = [3, 1]; export function f (x) { return c.sort() }
//---
const c = new Map(); export function f (x) { c.set(x, 1) }
//---
const c = new Set([1]); export function f (x) { c.delete(1) }
//---
const c = new WeakMap(); export function f (x) { c.set(x, 1) }
//---
const d = new Date(0); export function f (x) { d.setTime(x) }
//---
const c = new Uint8Array(4); export function f (x) { c[0] = x }
//---
const c = new Uint8Array(4); export function f (x) { c.set([x]) }
//---
const c = {}; export function f (x) { Object.assign(c, x) }
//---
const c = {}; export function f (x) { Object.defineProperty(c, 'x', { value: x }) }
//---
const c = {}; export function f (x) { Object.setPrototypeOf(c, x) }
//---
const c = {}; export function f (x) { Reflect.set(c, 'x', x) }
//---
const c = {}; export function f (x) { Reflect.defineProperty(c, 'x', x) }
//---
const c = {}; export function f (x) { Object.freeze(c) }
//---
const c = {}; export function f (x) { c.__defineGetter__('a', () => x) }
//---
const c = {}; export function f (x) { c.__proto__ = x }
//---
const c = { a: { b: 1 } }; export function f (x) { c.a.b = x }
//---
const c = { a: [] }; export function f (x) { c.a.push(x) }
//---
const c = [[1], [2]]; export function f (x) { for (const row of c) row.push(x) }
//---
const c = [[1], [2]]; export function f (x) { for (const [i, row] of c.entries()) row.push(x) }
//---
const c = [[1], [2]]; export function f (x) { c.forEach(row => row.push(x)) }
//---
const c = [[1], [2]]; export function f (x) { c.forEach((row, i, all) => { all[i] = x }) }
//---
const c = [1]; export function f (x) { c.forEach(function () { arguments[2][0] = x }) }
//---
const c = [{ n: 1 }]; export function f (x) { c.find(r => r.n === x).n = 2 }
//---
const c = [{ n: 1 }]; export function f (x) { c.map(r => r)[0].n = 2 }
//---
const c = [{ n: 1 }]; export function f (x) { c.slice()[0].n = 2 }
//---
const c = [{ n: 1 }]; export function f (x) { [...c][0].n = 2 }
//---
const c = { a: { n: 1 } }; export function f (x) { ({ ...c }).a.n = 2 }
//---
const c = { a: { n: 1 } }; export function f (x) { const d = { ...c }; d.a.n = 2 }
//---
const c = { a: { n: 1 } }; export function f (x) { const { a } = c; a.n = 2 }
//---
const c = { a: { n: 1 } }; export function f (x) { const { ...d } = c; d.a.n = 2 }
//---
const c = { a: { n: 1 } }; export function f (x) { const d = Object.assign({}, c); d.a.n = 2 }
//---
const c = { a: { n: 1 } }; export function f (x) { Object.values(c)[0].n = 2 }
//---
const c = { a: { n: 1 } }; export function f (x) { for (const [k, v] of Object.entries(c)) v.n = 2 }
//---
const c = new Map([['a', { n: 1 }]]); export function f (x) { c.get('a').n = 2 }
//---
const c = {}; export function f (x) { const d = c; d.x = x }
//---
const c = {}; const d = c; export function f (x) { d.x = x }
//---
const c = {}; export function f (x) { let d; d = c; d.x = x }
//---
const c = {}; export function f (x) { const d = x || c; d.x = x }
//---
const c = {}; export function f (x) { (x ? c : {}).x = x }
//---
const c = {}; export function f (x) { (x, c).x = x }
//---
const c = {}; function put (o, v) { o.x = v }; export function f (x) { put(c, x) }
//---
const c = {}; const put = (o, v) => { o.x = v }; export function f (x) { put(c, x) }
//---
const c = {}; function put (...all) { all[0].x = 1 }; export function f (x) { put(c, x) }
//---
const c = {}; function put () { arguments[0].x = 1 }; export function f (x) { put(c, x) }
//---
const c = {}; const h = { put (o, v) { o.x = v } }; export function f (x) { h.put(c, x) }
//---
const c = {}; export function f (x) { const o = {}; o.put = v => { v.x = 1 }; o.put(c) }
//---
const c = {}; export function f (x) { const o = { ['p' + 'ut'] (v) { v.x = 1 } }; o.put(c) }
//---
const c = {}; function reg (cb) { const o = { put: cb }; o.put(c) }; export function f (x) { reg(v => { v.x = 1 }) }
//---
const c = {}; function each (cb) { cb(c) }; export function f (x) { each(v => { v.x = 1 }) }
//---
const c = {}; function get () { return c }; export function f (x) { get().x = x }
//---
const c = {}; const get = () => c; export function f (x) { get().x = x }
//---
const c = {}; const o = { get () { return c } }; export function f (x) { o.get().x = x }
//---
const c = {}; async function get () { return c }; export async function f (x) { (await get()).x = x }
//---
const c = {}; export async function f (x) { Promise.resolve(c).then(v => { v.x = x }) }
//---
const c = {}; export async function f (x) { (await Promise.all([c]))[0].x = x }
//---
const c = {}; function * g () { yield c }; export function f (x) { for (const v of g()) v.x = x }
//---
const c = {}; export function f (x) { const o = { c }; o.c.x = x }
//---
const c = {}; export function f (x) { const o = {}; o.c = c; o.c.x = x }
//---
const c = {}; export function f (x) { const o = []; o.push(c); o[0].x = x }
//---
const c = {}; export function f (x) { const p = {}; const o = p; o.c = c; p.c.x = x }
//---
const c = {}; export function f (x) { const m = new Map(); m.set(1, c); m.get(1).x = x }
//---
const c = {}; export function f (x) { try { throw c } catch (e) { e.x = x } }
//---
const c = {}; export function f (x) { c.m.call(c) }
//---
const c = {}; function set () { this.x = 1 } export function f (x) { set.call(c) }
//---
const c = {}; export function f (x) { const set = Array.prototype.push.bind(c); set(x) }
//---
const c = []; export function f (x) { Array.prototype.push.call(c, x) }
//---
const o = { n: 0, inc () { this.n++ } }; export function f () { return o.inc() }
//---
const o = { n: 0, inc: function () { this.n++ } }; export function f () { return o.inc() }
//---
const o = { n: 0, inc () { (() => { this.n++ })() } }; export function f () { return o.inc() }
//---
const o = { n: 0, get next () { return this.n++ } }; export function f () { return o.next }
//---
const o = { s: {}, inc () { const { s } = this; s.n = 1 } }; export function f () { return o.inc() }
//---
class C { static n = 0; static inc () { return C.n++ } }; export function f () { return C.inc() }
//---
class C { static n = 0; static inc () { return this.n++ } }; export function f () { return C.inc() }
//---
class C { static #n = 0; static inc () { return ++C.#n } }; export function f () { return C.inc() }
//---
class C { inc () { return this.constructor.n++ } }; export function f () { return new C().inc() }
//---
class C { constructor () { this.n = 0 } inc () { this.n++ } }; const c = new C(); export function f () { c.inc() }
//---
class B { inc () { this.n++ } } class C extends B {} const c = new C(); export function f () { c.inc() }
//---
class B { inc () { this.n++ } } class C extends B { inc () { super.inc() } } const c = new C(); export function f () { c.inc() }
//---
class B {} class C extends B { static f () { super.n = 1 } } export function f () { C.f() }
//---
const c = { x: 1 }; class A { constructor (o) { return o } } class B extends A { #n = 1; static inc (o) { o.#n++ } } export function f () { new B(c) }
//---
function f () { f.n = (f.n || 0) + 1 } export { f }
//---
export function f () { f.prototype.n = 1 }
//---
export function f () { new.target.n = 1 }
//---
const next = (() => { let n = 0; return () => n++ })(); export function f () { return next() }
//---
const next = (function () { let n = 0; return () => n++ })(); export function f () { return next() }
//---
const make = () => { let n = 0; return () => n++ }; const next = make(); export function f () { return next() }
//---
function make () { let n = 0; return { get () { return n++ } } }; const c = make(); export function f () { return c.get() }
//---
function make () { const s = {}; s.list = []; return { get (x) { s.list.push(x) } } }; const c = make(); export function f () { return c.get() }
//---
const make = () => ({ n: 0, get () { return this.n++ } }); const c = make(); export function f () { return c.get() }
//---
const tools = { make () { let n = 0; return () => n++ } }; const next = tools.make(); export function f () { return next() }
//---
const make = { get x () { let n = 0; return { get: () => n++ } } }; const c = make.x; export function f () { return c.get() }
//---
const [next] = [1].map(() => { let n = 0; return () => n++ }); export function f () { return next() }
//---
let next; [1].forEach(() => { let n = 0; next = () => n++ }); export function f () { return next() }
//---
function * count () { let i = 0; for (;;) yield i++ } const g = count(); export function f () { return g.next().value }
//---
function * count () { let i = 0; for (;;) yield i++ } const g = count(); export function f () { for (const v of g) return v }
//---
function * count () { let i = 0; for (;;) yield i++ } const g = count(); export function f () { const [v] = g; return v }
//---
function * count () { let i = 0; for (;;) yield i++ } const g = count(); export function f () { return Array.from(g) }
//---
const it = [1, 2, 3].values(); export function f () { return [...it] }
//---
const it = [1, 2, 3][Symbol.iterator](); export function f () { return it.next() }
//---
const it = [1, 2, 3].values(); export function f () { return it.some(x => x) }
//---
const c = {}; const set = Reflect.set.bind(null, c); export function f (x) { set('x', x) }
//---
let go; const p = new Promise(resolve => { go = resolve }); export function f (x) { go(x) }
//---
const { promise, resolve } = Promise.withResolvers(); export function f (x) { resolve(x) }
//---
const re = /a/g; export function f (x) { return re.test(x) }
//---
const re = /a/y; export function f (x) { return x.replace(re, '') }
//---
const re = /a/g; export function f (x) { return re.exec(x) }
//---
const re = new RegExp('a', 'g'); export function f (x) { return re.test(x) }
//---
const res = { a: /a/g }; export function f (x) { return res.a.test(x) }
//---
const re = /a/; export function f (x) { re.lastIndex = 3 }
//---
const re = /a/; export function f (x) { re.compile('b') }
//---
export function f (x) { /a(b)/.exec(x); return RegExp.$1 }
//---
const R = RegExp; export function f (x) { return R.$1 }
//---
export function f (x) { Array.prototype.x = 1 }
//---
export function f (x) { Object.defineProperty(Math, 'x', { value: 1 }) }
//---
export function f (x) { [].__proto__.x = 1 }
//---
export function f (x) { ({}).constructor.n = 1 }
//---
export function f (x) { x.a.constructor.n = 1 }
//---
export function f (x) { const { constructor: c } = x; c.n = 1 }
//---
export function f (x) { Object.getPrototypeOf([]).n = 1 }
//---
export function f (x) { Object.getPrototypeOf(x).n = 1 }
//---
export function f (x) { [].push.n = 1 }
//---
export function f (x) { Math.max.n = 1 }
//---
export function f (x) { const m = Math; m.n = 1 }
//---
export function f (x) { const o = {}; o[x].n = 1 }
//---
export function f (x, y) { const o = {}; o[x][y] = 1 }
//---
export function f (x) { const o = {}; const p = o[x]; p.n = 1 }
//---
export function f (x) { const { [x]: p } = {}; p.n = 1 }
//---
export function f (x) { const o = []; o[x].push(1) }
//---
export function f (x) { const g = o => o['__pro' + 'to__']; g({}).n = 1 }
//---
export function f (x) { const o = { p: ({})['__pro' + 'to__'] }; o.p.n = 1 }
//---
export function f (x) { (() => {}).constructor('globalThis.n = 1')() }
//---
export function f (x) { (() => {})['const' + 'ructor']('globalThis.n = 1')() }
//---
const F = (() => {}).constructor; const g = F('return globalThis'); export function f (x) { g().n = 1 }
//---
export function f (x) { globalThis.n = 1 }
//---
export function f (x) { global.n = 1 }
//---
export function f (x) { globalThis['n'] ||= 1 }
//---
globalThis.n = 0; export function f (x) { n++ }
//---
export function f (x) { leak = x }
//---
export function f (x) { Error.stackTraceLimit = 1 }
//---
import * as ns from 'contract'; export function f (x) { ns.index.n = 1 }
//---
import { index } from 'contract'; export function f (x) { index.n = 1 }
//---
import { index } from 'contract'; export function f (x) { Object.assign(index, { n: 1 }) }
//---
import { index } from 'contract'; function set (o) { o.n = 1 } export function f (x) { set(index) }
//---
import assert from 'assert'; export function f (x) { assert.n = 1 }
//---
export function f (x) { import.meta.n = 1 }
//---
const c = {}; export function f (x, y = c) { y.n = 1 }
//---
const c = {}; export function f ({ y = c }) { y.n = 1 }
//---
const c = {}; export function f (x) { let y; [y = c] = x; y.n = 1 }
//---
const c = {}; export function f (x) { let y; ({ y = c } = x); y.n = 1 }
//---
const p = new Proxy({}, { get (t, k) { t[k] = 1; return 1 } }); export function f (x) { return p.x }
//---
const c = await Promise.resolve({}); export function f (x) { c.n = 1 }
//---
const c = {}; c.list = []; export function f (x) { c.list.push(x) }
//---
const c = {}; const d = c; d.list = []; export function f (x) { c.list.push(x) }
//---
const c = []; c.push({}); export function f (x) { c[0].n = 1 }
//---
const c = new Map(); c.set('a', {}); export function f (x) { c.get('a').n = x }
//---
const c = {}; const fill = o => { o.list = [] }; fill(c); export function f (x) { c.list.push(x) }
//---
const c = Object.freeze({ a: {} }); export function f (x) { c.a.n = 1 }
//---
const c = Object.create({ n: 0 }); export function f (x) { c.n++ }
//---
export const apply = { A () { apply.n = 1 } }
//---
export const apply = { A () { apply.B = () => 1 } }
//---
export default class { static n = 0; static inc () { this.n++ } }
//---
const f = () => { f.n = 1 }; export { f }
//---
const c = {}; class Q { x = c; inc () { this.x.n = 1 } } export function f () { new Q().inc() }
//---
const c = {}; export function f (x) { (() => c)().n = 1 }
//---
const c = {}; export function f (x) { for (const v of [c]) v.n = 1 }
//---
const c = {}; export function f (x) { [1].reduce((o, v) => { o.n = v; return o }, c) }
//---
const c = {}; export function f (x) { [c].forEach(o => { o.n = 1 }) }
//---
const c = {}; export function f (x) { Array.from([1], function () { return c })[0].n = 1 }
//---
const c = {}; export function f (x) { new Set([c]).forEach(o => { o.n = 1 }) }
//---
const c = {}; const tag = (s, o) => { o.n = 1 }; export function f (x) { tag`${c}` }
//---
const c = {}; export function f (x) { Object(c).n = 1 }
//---
const c = {}; export function f (x) { new Proxy(c, {}).n = 1 }
//---
const c = {}; export function f (x) { c.valueOf().n = 1 }
//---
const c = {}; export function f (x) { Reflect.get({ c }, 'c').n = 1 }
//---
const c = {}; export function f (x) { function g (o) { h(o) } function h (o) { o.n = 1 } g(c) }
//---
{ let n = 0; globalThis.inc = () => n++ } export function f (x) { return inc() }
//---
for (let i = 0; i < 2; i++) { globalThis['f' + i] = () => i++ }
//---
var v = 1; export function f () { v = 2 }
//---
function f () {} export function g () { f = 1 }
//---
let inc; { let n = 0; inc = () => n++ } export function f () { return inc() }
//---
const o = { a: { n: 0, inc () { this.n++ } } }; export function f () { return o.a.inc() }
//---
export const apply = { A (tx) { [].__proto__.__proto__.n = 1 } }
//---
const c = {}; export function f (x) { const o = { get c () { return c } }; o.c.n = 1 }
//---
const c = { list: [1] }; export function f (x) { return c.list.reverse() }
//---
const c = []; export function f (x) { c.concat([x]); c.unshift(x) }
//---
const c = []; export function f (x) { c.splice(0, 1) }
//---
const o = { set x (v) { this.y = v } }; export function f (v) { o.x = v }
//---
function Counter () { this.n = 0 } Counter.prototype.inc = function () { return this.n++ }; const c = new Counter(); export function f () { return c.inc() }
//---
const c = {}; export function f (x) { const o = []; o['push'](c); o[0].n = 1 }
//---
const c = {}; export function f (x) { const o = {}; o[x](c).n = 1 }
//---
const c = {}; export function f (x) { const o = {}; const h = o[x]; h(c).n = 1 }
//---
const c = {}; export function f (x) { const run = [v => { v.n = 1 }]; for (const g of run) g(c) }
//---
const c = {}; export async function f (x) { (await new Promise(r => r(c))).n = 1 }
//---
const c = {}; export async function f (x) { (await { then (r) { r(c) } }).n = 1 }
//---
const c = {}; export function f (x) { const o = {}; const h = (o, k) => o[k]; h([], x).push(1) }
//---
const c = new Proxy({}, {}); export function f (x) { return c.a }

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
//---
const S = { n: 0 }; export const apply = { BUMP (tx, op) { const q = { S, f () { this.S.n += 1; return this.S.n } }; tx.put('n', q.f()) } }
//---
const S = { n: 0 }; const q = { S, f () { this.S.n += 1 } }; export function f () { q.f(); return S.n }
//---
const S = { n: 0 }; export function f () { const q = { S, get n () { return ++this.S.n } }; return q.n }
//---
const S = { n: 0 }; export function f () { const q = { S, set n (v) { this.S.n += v } }; q.n = 1; return S.n }
//---
const S = { n: 0 }; export function f () { const q = { S, toString () { this.S.n++; return '' } }; return `${q}${S.n}` }
//---
const S = { n: 0 }; export function f () { const q = { S, toString () { this.S.n++; return '' } }; return q + S.n }
//---
const S = { n: 0 }; export function f () { const q = { S, valueOf () { return ++this.S.n } }; return +q }
//---
const S = { n: 0 }; export function f () { const q = { S, valueOf () { return ++this.S.n } }; return q < 1 }
//---
const S = { n: 0 }; export function f () { const q = { S, [Symbol.toPrimitive] () { return ++this.S.n } }; return `${q}` }
//---
const S = { n: 0 }; export function f () { const q = { S, toJSON () { return ++this.S.n } }; return JSON.stringify(q) }
//---
const S = { n: 0 }; export function f () { const q = { S, get m () { return ++this.S.n } }; return JSON.stringify(q) }
//---
const S = { n: 0 }; export const apply = { A (tx) { tx.put('/a', { S, get m () { return ++this.S.n } }) } }
//---
const S = { n: 0 }; export function f (x, emit) { emit({ S, get m () { return ++this.S.n } }) }
//---
const S = { n: 0 }; export function f () { return { S, get m () { return ++this.S.n } } }
//---
const S = { n: 0 }; export function f () { const q = { S, [Symbol.iterator] () { this.S.n++; return [].values() } }; return [...q, S.n] }
//---
const S = { n: 0 }; export function f () { const q = { S, * [Symbol.iterator] () { yield ++this.S.n } }; for (const n of q) return n }
//---
const S = { n: 0 }; export function f () { const q = { S, * [Symbol.iterator] () { yield ++this.S.n } }; const [n] = q; return n }
//---
const S = { n: 0 }; export function f () { const q = { S, next () { this.S.n++; return { done: true } }, [Symbol.iterator] () { return this } }; return Array.from(q).length + S.n }
//---
const S = { n: 0 }; export async function f () { const q = { S, then (r) { r(++this.S.n) } }; return await q }
//---
const S = { n: 0 }; export async function f () { return Promise.all([{ S, then (r) { r(++this.S.n) } }]) }
//---
const S = { n: 0 }; export function f () { const q = { S, f: () => 0 }; q.g = function () { this.S.n++ }; q.g(); return S.n }
//---
const S = { n: 0 }; const M = { f () { this.S.n++ } }; export function f () { const q = { S, f: M.f }; q.f(); return S.n }
//---
const S = { n: 0 }; const M = { f () { this.S.n++ } }; export function f () { ({ ...M, S }).f(); return S.n }
//---
const S = { n: 0 }; const M = { f () { this.S.n++ } }; export function f () { ({ __proto__: M, S }).f(); return S.n }
//---
const S = { n: 0 }; const M = { f () { this.S.n++ } }; export function f () { Object.assign(Object.create(M), { S }).f(); return S.n }
//---
const S = { n: 0 }; class P { f () { this.S.n++ } } export function f () { ({ f: new P().f, S }).f(); return S.n }
//---
const S = { n: 0 }; class P { f () { this.S.n++ } } export function f () { new P().f.call({ S }); return S.n }
//---
const S = { n: 0 }; class P { f () { this.S.n++ } } export function f () { const q = new P(); q.S = S; q.f(); return S.n }
//---
const S = { n: 0 }; class P { constructor (S) { this.S = S } f () { this.S.n++ } } export function f () { new P(S).f(); return S.n }
//---
const S = { n: 0 }; class P { set (v) { this.v = v } f () { this.v.n++ } } export function f () { const q = new P(); q.set(S); q.f(); return S.n }
//---
const S = { n: 0 }; class P { f () { this.S.n++ } } class Q extends P { S = S; f () { super.f() } } export function f () { new Q().f(); return S.n }
//---
const S = { n: 0 }; export function f () { const q = { __proto__: { S }, f () { super.S.n++ } }; q.f(); return S.n }
//---
class C { constructor () { this.n = 0; this.toString = () => `${this.n++}` } } const c = new C(); export function f () { return `${c}` }
//---
class C { n = 0; toString = () => `${this.n++}` } const c = new C(); export function f () { return `${c}` }
//---
class C { m () {} } export function f () { const { m } = new C(); m.n = (m.n || 0) + 1; return m.n }
//---
class C { m () {} } export function f () { const c = new C(); c.m.n = (c.m.n || 0) + 1; return c.m.n }
//---
class C { #m () {} f () { return this.#m.n = (this.#m.n || 0) + 1 } } export function f () { return new C().f() }
//---
class C {} C.prototype.bag = { n: 0 }; export function f () { return new C().bag.n++ }
//---
Array.prototype.bag = { n: 0 }; export function f () { return [].bag.n++ }
//---
Array.prototype.last = function () {}; export function f () { return [].last.n = ([].last.n || 0) + 1 }
//---
Object.defineProperty(Object.prototype, 'bag', { value: { n: 0 } }); export function f (x) { return x.bag.n++ }
//---
const S = { n: 0 }; Math.max = o => o.n++; export function f () { return Math.max(S) }
//---
const S = { n: 0 }; JSON.stringify = o => o.n++; export function f () { return JSON.stringify(S) }
//---
const S = {}; export function f (x) { [Object.assign][0](S, { n: x }); return S }
//---
const S = {}; export function f (x) { ({ a: Object.assign }).a(S, { n: x }); return S }
//---
const S = {}; export function f (x) { ({ get: Object.assign }).get(S, { n: x }); return S }
//---
const S = {}; export function f (x) { ({ 0: Object.assign })[0](S, { n: x }); return S }
//---
const S = {}; export function f (x) { [x, Object.assign].find(v => v.call)(S, { n: x }); return S }
//---
const S = {}; export function f (x) { (x, Object.assign)(S, { n: x }); return S }
//---
const S = {}; export function f (x) { (x ? Object.assign : x)(S, { n: x }); return S }
//---
const S = {}; export function f (x) { (x && Object.assign)(S, { n: x }); return S }
//---
const S = {}; export function f (x, g = Object.assign) { g(S, { n: x }); return S }
//---
const S = {}; export function f (x) { const { assign } = Object; assign(S, { n: x }); return S }
//---
const S = {}; export function f (x) { const g = () => Object.assign; g()(S, { n: x }); return S }
//---
const S = {}; export function f (x) { Reflect.apply(Object.assign, null, [S, { n: x }]); return S }
//---
const S = {}; export function f (x) { (function () { return arguments[0] })(Object.assign)(S, { n: x }); return S }
//---
const S = []; export function f (x) { [].push.call(S, x); return S }
//---
const S = []; export function f (x) { [].push.apply(S, [x]); return S }
//---
const S = []; export function f (x) { [].push.bind(S)(x); return S }
//---
const S = []; export function f (x) { S.push`x`; return S }
//---
const S = []; export function f (x) { (S.push)(x); return S }
//---
const S = []; export function f (x) { [[].push][0].call(S, x); return S }
//---
const S = { n: 0 }; export function f () { const i = {}; const o = {}; o.i = i; o.i.S = S; i.S.n++; return S.n }
//---
const S = { n: 0 }; export function f () { const o = { set x (v) { v.n++ } }; o.x = S; return S.n }
//---
const S = { n: 0 }; export function f () { Object.assign({ set x (v) { v.n++ } }, { x: S }); return S.n }
//---
const S = { n: 0 }; export function f () { const o = {}; Object.defineProperty(o, 'x', { set (v) { v.n++ } }); o.x = S; return S.n }
//---
const S = { n: 0 }; export function f () { const o = {}; o.__defineSetter__('x', v => { v.n++ }); o.x = S; return S.n }
//---
const S = { n: 0 }; export function f () { class T { static [Symbol.hasInstance] (v) { v.n++ } } S instanceof T; return S.n }
//---
const S = { n: 0 }; export function f () { JSON.stringify({ S }, (k, v) => { if (k) v.n++; return v }); return S.n }
//---
const S = { n: 0 }; export function f () { [1, 2].reduce(o => { o.n = (o.n || 0) + 1; return S }, {}); return S.n }
//---
const S = { n: 0 }; export function f () { Array.from([1], function () { this.n++ }, S); return S.n }
//---
const S = { n: 0 }; export function f () { const each = g => [S].forEach(g); each(v => { v.n++ }); return S.n }
//---
const S = { n: 0 }; const F = v => { v.n++ }; export function f () { const g = F.bind(null); g(S); return S.n }
//---
const S = { n: 0 }; const F = (a, v) => { v.n++ }; export function f () { const g = F.bind(null, 1); const h = { run: v => v }; h.run(g)(S); return S.n }
//---
const S = { n: 0 }; const h = { run (v) {} }; function put (o, k, g) { o[k] = g } export function f () { const o = {}; put(o, 'run', v => { v.n++ }); o.run(S); return S.n }
//---
const S = { n: 0 }; const h = { run (v) {} }; export function f () { const o = {}; [o.run] = [v => { v.n++ }]; o.run(S); return S.n }
//---
const S = { n: 0 }; const h = { run (v) {} }; export function f () { const o = { get run () { return v => { v.n++ } } }; o.run(S); return S.n }
//---
const S = { n: 0 }; const h = { run (v) {} }; export function f () { const o = Object.fromEntries([['run', v => { v.n++ }]]); o.run(S); return S.n }
//---
const S = { n: 0 }; export async function f () { try { await Promise.reject(S) } catch (e) { e.n++ } return S.n }
//---
function g () {} export function f () { try { throw g } catch (e) { return e.n = (e.n || 0) + 1 } }
//---
const S = { n: 0 }; export function f () { const e = new Error('', { cause: S }); return e.cause.n++ }
//---
const S = { n: 0 }; export function f () { return new Array(S)[0].n++ }
//---
const S = { n: 0 }; export const f = function g (x) { if (x === 1) return S; return g(1).n++ }
//---
const S = { n: 0 }; export const f = function g (x, cb) { if (cb) return cb(S); return g(1, v => v.n++) }
//---
const S = { n: 0 }; export function f () { return Reflect.get({ get a () { return this.n++ } }, 'a', S) }
//---
const R = /a/; export function f (x) { const r = RegExp(R); return r.lastIndex++ }
//---
export function f (x) { /a/.test(x); return RegExp.input }
//---
export function f (x) { const { input } = RegExp; /a/.test(x); return input }
//---
const B = new Uint8Array(4); export function f () { const v = new Uint8Array(B.buffer); return v[0]++ }
//---
const tag = s => s; class A { constructor (o) { return o } } class B extends A { #x = 1; static has (o) { return #x in o } } export function f () { const s = tag`x`; const r = B.has(s); if (!r) new B(s); return r }
//---
const handlers = { a () {} }; export function f (op, emit) { handlers[op.kind](op.name, emit); return Object.keys(handlers) }
//---
const c = { sub: {} }; const d = c.sub; d.it = [1, 2, 3].values(); export function f () { const [v] = c.sub.it; return v }
//---
const it = [[{}, 1]].values(); export function f () { return new WeakMap(it).has(it) }
//---
let push; export function f () { const o = {}; ({ push: o.p } = []); o.p.n = (o.p.n || 0) + 1; return o.p.n }
//---
export function f () { let push; ({ push } = []); push.n = (push.n || 0) + 1; return push.n }
//---
export function f (x) { return [[''.at]].flat()[0].n = 1 }
//---
const S = { n: 0 }; export function f () { const q = Object.defineProperty({ S }, 'x', { get () { return this.S.n++ } }); return q.x }
//---
const S = { n: 0 }; export function f () { const a = [S, function () { return this[0].n++ }]; return a[1]() }
//---
class C { #s; f (S) { this.#s = S; return this.#s.n++ } } const S = { n: 0 }; export function f () { return new C().f(S) }
//---
const X = class Y { static i = new Y(); inc () { return this.n = (this.n || 0) + 1 } static g () { return Y.i } }; export function f () { return X.g().inc() }
//---
const S = { n: 0 }; const make = () => function () { return this.S.n++ }; export function f () { return { S, f: make() }.f() }
//---
const S = { n: 0 }; export function f () { return [{ S, f () { return this.S.n++ } }].map(q => q.f())[0] }
//---
const S = { n: 0 }; export function f () { const q = new Map([['S', S]]); q.f = function () { return this.get('S').n++ }; return q.f() }
//---
const S = { n: 0 }; export function f () { return [3, 1].sort.call({ S, get length () { return this.S.n++ } }) }
//---
const S = { n: 0 }; export function f () { return 'x'.replace({ S, [Symbol.replace] () { return this.S.n++ } }, '') }
//---
const S = { n: 0 }; export function f () { return [].concat({ S, get [Symbol.isConcatSpreadable] () { this.S.n++; return false } }).length + S.n }
//---
const S = { n: 0 }; class P extends Promise { constructor (run) { super((yes, no) => { run(v => { v.n++; yes(v) }, no) }) } } export async function f () { await P.resolve({}).then(() => S); return S.n }
//---
const S = { n: 0 }; export async function f () { const p = Promise.resolve(1); p.constructor = { [Symbol.species]: class { constructor (run) { run(v => { v.n++ }, () => 0) } } }; p.then(() => S); await 1; return S.n }
//---
class C { take () { return this.S.n++ } } const S = { n: 0 }; export function f (x) { return ({ S, __proto__: C[x] }).take() }
//---
class C { take () { return this.S.n++ } } const S = { n: 0 }; export function f () { return ({ S, __proto__: new C() }).take() }

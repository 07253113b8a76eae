import { index } from 'contract'; export async function f ({ k }) { return index.get('/x/' + k) }
//---
import assert from 'assert'; import { equal } from 'assert'; import { genUUID } from 'util'; export function f (x) { assert(x, 'm'); equal(x, 1); return genUUID() }
//---
import { index } from 'contract'; const { get, list } = index; export async function f (x) { return (await get(x)).value }
//---
import * as contract from 'contract'; export async function f (x) { return contract.index.list('/x') }
//---
const MAX = 10; const NAME = `a${MAX}`; const SUM = MAX * 2 + 1; export function f (x) { return x > MAX ? NAME : SUM }
//---
const ROLES = ['a', 'b']; export function f (x) { return ROLES.includes(x) && ROLES[0] && ROLES.length && ROLES.indexOf(x) }
//---
const ROLES = ['a', 'b']; export function f (x) { for (const r of ROLES) if (r === x) return r }
//---
const ROLES = ['a', 'b']; export function f (x) { return ROLES.map(r => r.toUpperCase()).filter(Boolean).join(',') }
//---
const ROLES = ['a', 'b']; export function f (x) { const copy = [...ROLES]; copy.push(x); copy.sort(); return copy }
//---
const ROLES = ['a', 'b']; export function f (x) { return ROLES[x] }
//---
const DEFAULTS = { a: 1, b: 'x' }; export function f (x) { const o = { ...DEFAULTS, ...x }; o.c = 1; return o }
//---
const DEFAULTS = { a: 1, b: 'x' }; export function f (x) { const o = Object.assign({}, DEFAULTS, x); o.c = 1; return o }
//---
const T = { a: { b: { c: 1 } } }; export function f (x) { return T.a.b.c + T['a'].b.c }
//---
const T = { a: { price: 1 }, b: { price: 2 } }; export const apply = { A (tx, op) { const t = T[op.kind]; if (!t) throw new Error('no'); tx.put('/p', t.price); tx.put('/t', t) } }
//---
const T = { a: 1 }; export function f (x) { return x in T || Object.keys(T).length || Object.entries(T).map(([k, v]) => k + v) || JSON.stringify(T) }
//---
const T = { a: 1 }; export function f (x) { return Object.prototype.hasOwnProperty.call(T, x) ? T[x] : T.hasOwnProperty(x) }
//---
const S = new Set(['a', 'b']); export function f (x) { return S.has(x) && S.size }
//---
const M = new Map([['a', 1], ['b', 2]]); export function f (x) { return M.has(x) && M.get(x) }
//---
const M = new Map([['a', 1]]); export function f (x) { for (const [k, v] of M) if (k === x) return v }
//---
const F = Object.freeze({ a: 1, b: [1, 2] }); export function f (x) { return F.a + F.b[0] + F.b.length }
//---
const RE = /^[a-z]+$/; export function f (x) { return RE.test(x) && RE.exec(x)[0] && x.match(RE) && x.replace(RE, '') }
//---
const RE = /[a-z]/gi; export function f (x) { return x.replace(RE, '') + x.split(RE).length }
//---
const handlers = { a (tx, op) { tx.put('/a', op.v) }, b (tx, op) { tx.put('/b', op.v) } }; export function apply (tx, op) { return handlers[op.kind](tx, op) }
//---
const handlers = { a: (tx, op) => { tx.put('/a', op.v) } }; export function apply (tx, op) { const h = handlers[op.kind]; if (h) h(tx, op) }
//---
import { index } from 'contract'; export const apply = { async A (tx, op) { const e = await index.get('/x'); const v = e ? e.value : { list: [] }; v.list.push(op.x); v.n = (v.n || 0) + 1; tx.put('/x', v) } }
//---
export const apply = { A (tx, op) { op.x = 1; op.list.push(2); delete op.y; const c = {}; for (const w of op.words) c[w] = (c[w] || 0) + 1; tx.put('/c', c) } }
//---
export const apply = { A (tx, op) { const groups = {}; for (const w of op.words) { groups[w] = groups[w] || []; groups[w].push(1) } tx.put('/g', groups) } }
//---
export const apply = { A (tx, op) { for (let i = 0; i < op.rows.length; i++) { op.rows[i].seen = true; op.rows[i].tags.push(i) } tx.put('/r', op.rows) } }
//---
class Point { constructor (x, y) { this.x = x; this.y = y } move (d) { this.x += d; return this } } export function f (x) { const p = new Point(x, 1); p.move(2); p.y = 3; return p.x }
//---
class Custom extends Error { constructor (m) { super(m); this.name = 'Custom' } } export function f (x) { throw new Custom('cc') }
//---
class Shape { area () { return 0 } } class Square extends Shape { constructor (a) { super(); this.a = a } area () { return super.area() + this.a ** 2 } static of (a) { return new Square(a) } } export function f (x) { return Square.of(x).area() }
//---
function add (a, b) { return a + b } const mul = (a, b) => a * b; export function f (x) { return add(mul(x, 2), 3) } export const apply = { A (tx, op) { tx.put('/s', add(op.a, op.b)) } }
//---
function sum (rows) { let n = 0; rows.forEach(r => { n += r.v }); return n } export function f ({ rows }) { return sum(rows) }
//---
function counter () { let n = 0; return () => n++ } export function f () { const next = counter(); next(); return next() }
//---
function * ids () { let i = 0; while (true) yield i++ } export function f () { const g = ids(); return [g.next().value, g.next().value] }
//---
const SQUARES = [1, 2, 3].map(n => n * n); export function f (x) { return SQUARES[x] }
//---
const KEYS = Object.keys({ a: 1 }); export function f (x) { return KEYS.includes(x) }
//---
const NUMBERS = Array.from({ length: 3 }, (_, i) => i); export function f (x) { return NUMBERS.includes(x) }
//---
const START = new Date(0).getTime(); export function f (x) { return x - START }
//---
const PRICES = { a: 1, b: 2 }; function price (table, k) { return table[k] || 0 } export function f (x) { return price(PRICES, x.k) }
//---
const CONFIG = { a: 1 }; function config () { return CONFIG } export function f (x) { return config().a + x }
//---
const CONFIG = { a: 1, names: ['x'] }; export function f (x) { const { a, names } = CONFIG; return a + names.length + x }
//---
const CONFIG = { a: 1 }; export const apply = { A (tx) { tx.put('/c', CONFIG); tx.put('/d', { c: CONFIG }) } }; export function get () { return CONFIG }
//---
const OP = 'SET'; export function f ({ k, v }, emit) { emit({ op: OP, k, v }) }
//---
export function f (x, emit) { const sent = { op: 'A' }; if (x.y) sent.y = x.y; emit(sent) }
//---
export function process (op, ack) { return { at: ack.ts, size: JSON.stringify(op).length } }
//---
export const apply = { A (tx, op) { const m = new Map(); for (const [k, v] of op.pairs) m.set(k, (m.get(k) || 0) + v); for (const [k, v] of m) tx.put('/m/' + k, v) } }
//---
export function f (x) { return x.map(Number).reduce((a, b) => a + b, 0) + Math.max(...x) + parseInt(x[0], 10) }
//---
export function f (x) { const parts = x.path.split('/'); parts[parts.length - 1] += '!'; return parts.filter(Boolean).join('/') }
//---
const isName = x => typeof x === 'string' && x.length > 0; export function f ({ names }) { return names.every(isName) }
//---
Array.prototype.last = function () { return 1 }; export function f (x) { return x.last() }
//---
const LIMITS = { a: 10 }; export function f (op) { const left = LIMITS[op.kind] - op.n; return left > 0 }
//---
import { index } from 'contract'; const BASE = '/names'; const path = name => `${BASE}/${name}`; export const apply = { async A (tx, op, ack) { const e = await index.get(path(op.name)); if (e && e.value.owner !== ack.origin) throw new Error('owner'); tx.put(path(op.name), { owner: ack.origin }) } }
//---
const ERR = { taken: 'name taken' }; function fail (code) { throw new Error(ERR[code] || code) } export function f (x) { fail('taken') }
//---
const validators = { name: v => typeof v === 'string', age: v => v > 0 }; export function f (op) { for (const [k, check] of Object.entries(validators)) if (!check(op[k])) throw new Error(k) }
//---
const FIELDS = [{ name: 'a', type: 'string' }, { name: 'b', type: 'number' }]; export function f (op) { for (const { name, type } of FIELDS) if (typeof op[name] !== type) throw new Error(name) }
//---
const FIELDS = [{ name: 'a', type: 'string' }]; export function f (op) { return FIELDS.every(x => typeof op[x.name] === x.type) && FIELDS.find(x => x.name === 'a').type }
//---
const MONTHS = 'jan feb'.split(' '); export function f (op) { return MONTHS.indexOf(op.m) }
//---
export async function f (op) { try { await g(op) } catch (e) { e.message = 'x'; throw e } } async function g (op) { throw new TypeError('t') }
//---
const t = Symbol('t'); export function f (op) { const o = { [t]: 1 }; o[t] = 2; return o[t] }
//---
export function f (x) { const q = { parts: [], add (p) { this.parts.push(p); return this }, toString () { return this.parts.join('/') } }; q.add(x); q.add('y'); return `${q}` }
//---
const LIMITS = { a: 1 }; export function f (x) { const q = { limits: LIMITS, max (k) { return this.limits.a + k } }; return q.max(1) }
//---
const UNITS = ['a', 'b']; class Sum { constructor () { this.n = 0; this.list = [] } add (v) { this.n += v; this.list.push(v); return this.n } get size () { return this.list.length } } export function f (x) { const s = new Sum(); for (const v of x) s.add(v); return s.size + UNITS.length }
//---
export function f (x) { const by = {}; for (const r of x.rows) { by[r.k] = by[r.k] || []; by[r.k].push(r.v) } return Object.entries(by).map(([k, v]) => k + v.length) }
//---
export function f (x) { return JSON.stringify(x.rows.sort((a, b) => a.n - b.n).map(({ n, ...rest }) => ({ ...rest, n: `${n}` }))) }
//---
export function f (x) { const set = new Set(x.tags.map(String)); set.delete('a'); return [...set].sort().filter(Boolean) }
//---
export function f (x) { class Node { constructor (v) { this.v = v; this.next = null } } let head = null; for (const v of x) { const n = new Node(v); n.next = head; head = n } return head ? head.v : null }
//---
export async function f (x) { const all = await Promise.all(x.map(async v => v + 1)); return all.reduce((a, b) => a + b, 0) }
//---
const handlers = { a (tx, op) { tx.put('/a', op.v) } }; const run = (tx, op) => handlers[op.kind](tx, op); export const apply = { A (tx, op) { run(tx, op) } }
//---
export function f ({ text }) { const m = /^(\w+)=(\w*)$/.exec(text); if (!m) throw new TypeError('form'); const [, k, v] = m; return { [k]: v } }
//---
class Refused extends Error { constructor (m) { super(m); this.name = 'Refused' } } export function f (x) { try { throw new Refused('no') } catch (e) { if (e instanceof Refused) return e.message; throw e } }

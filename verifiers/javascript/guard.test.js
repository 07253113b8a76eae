// What a contract may not do and still count as guarded, and what it may. Run with `node --test` or alone.

import assert from 'node:assert'
import { test } from 'node:test'
import { examine } from './guard.js'

// Each could write where it wants, or leave something behind.
const OPEN = [
  `import { index } from 'contract'\nexport const apply = { async A (tx, op) { await indey.get('/a') } }`,
  `import { emit } from 'contract'\nexport const apply = { A (tx, op) { e-it({ a: 1 }) } }`,
  `export const apply = { A (tx, op) { const proposal = {}; propoSal.state = 1 } }`,
  `export const apply = { A (tx, op) { if (indey.get('/a')) { tx.put('/a', 1) } } }`,
  `export const apply = { A (tx, op) { tx.put('/a', op.x ? 1 + indey : 2) } }`,
  `export const apply = { A (tx, op) { tx.put('/a', { indey }) } }`,
  `export const apply = { A (tx, op) { const it = 1 }, B (tx, op) { it({}) } }`,
  `export const apply = { A (tx, op) { const f = (a = g(indey)) => a; tx.put('/a', f()) } }`,
  `export const apply = { A (tx, op) { tx.put(op.k, 1) } }`,
  `export const apply = { A (tx, op) { tx['put'](op.k, 1) } }`,
  `export const apply = { A (t, op) { t.put(op.k, 1) } }`,
  `export const apply = { A ({ put }, op) { put(op.k, 1) } }`,
  `export const apply = { A (tx, op) { const t = tx; t.put(op.k, 1) } }`,
  `export const apply = { A (tx, op) { const { put } = tx; put(op.k, 1) } }`,
  `export const apply = { A (tx, op) { tx.put('/a' && op.k, 1) } }`,
  `export const apply = { A (tx, op) { tx.put('//a' + op.k, 1) } }`,
  `export const apply = { A (tx, op) { tx.put('/' + op.k, 1) } }`,
  `export const apply = { A (tx, op) { tx.put('/a' + op.k || op.k, 1) } }`,
  `export const apply = { A (tx, op) { tx.put('/a'.slice(op.n) + op.k, 1) } }`,
  `export const apply = { A (tx, op) { tx.put(\`/\${op.k}\`, 1) } }`,
  `const p = (k) => k\nexport const apply = { A (tx, op) { tx.put(p(op.k), 1) } }`,
  `const p = (k) => '/a' + k\nexport const apply = { A (tx, op) { ((p) => tx.put(p(op.k), 1))((x) => x) } }`,
  `function put (tx, op) { tx.put(op.k, 1) }\nexport const apply = { A (tx, op) { put(tx, op) } }`,
  `function f (t, op) { t.put(op.k, 1) }\nexport const apply = { A (tx, op) { f(tx, op) } }`,
  `let n = 0\nexport const apply = { A (tx, op) { n++; tx.put('/a', n) } }`,
  `const c = {}\nexport const apply = { A (tx, op) { c.n = 1 } }`,
  `const f = () => 0\nexport const apply = { A (tx, op) { f.n = 1 } }`,
  `export const apply = { A (tx, op) { Math.max = 1 } }`,
  `export const apply = { A (tx, op) { const m = Math; m.max = 1 } }`,
  `export const apply = { A (tx, op) { const m = op.k.slice; m.max = 1 } }`,
  `export const apply = { A (tx, op) { op[op.a][op.b] = 1 } }`,
  `export const apply = { A (tx, op) { const { [op.a]: x } = op; x.y = 1 } }`,
  `export const apply = { A (tx, op) { const x = op[op.a]; x.y = 1 } }`,
  `export const apply = { A (tx, op) { const x = op[op.a]; Object.assign(x, op) } }`,
  `import { index } from 'contract'\nexport const apply = { A (tx, op) { index.get = 1 } }`,
  `export const apply = { A (tx, op) { apply.B = 1 } }`,
  `export const apply = { A (tx, op) { const path = '/a'; { const path = op.k; tx.put(path, 1) } } }`,
  `export const apply = { A (tx, op) { const path = '/a'; const f = (path) => tx.put(path, 1); f(op.k) } }`,
  `export const apply = { A (tx, op) { const path = '/a'; for (const path of op.ks) tx.put(path, 1) } }`,
  `export const apply = { A (tx, op) { const path = '/a'; const { path: q, ...r } = op; function g (path) { tx.put(path, 1) } g(op.k) } }`,
  `export const apply = { A (tx, op) { const path = '/a'; try { throw op.k } catch (path) { tx.put(path, 1) } } }`,
  `export const apply = { A (tx, op) { let path = '/a'; path = op.k; tx.put(path, 1) } }`,
  `export const apply = { A (tx, op) { const path = '/a'\n+ 1 ? op.k : 2; tx.put(path, 1) } }`,
  `export const apply = { A (tx, op) { const path = '/a'\n? op.k : 2\n tx.put(path, 1) } }`,
  `export const apply = { A (tx, op) { (({ path }) => { const q = 1; tx.put(path, 1) })(op) } }`,
  `export const apply = { A (tx, op) { Object.values(tx)[0](op.k) } }`,
  `export const apply = { A (tx, op) { [tx].map((t) => t.put(op.k, 1)) } }`,
  `export const apply = { A (tx, op) { const o = { tx }; o.tx.put(op.k, 1) } }`,
  `export const apply = { A (tx, op) { const o = { ...tx }; o.put(op.k, 1) } }`,
  `export const apply = { A (tx, op) { (() => 0)['cons' + 'tructor']('x')() } }`,
  `export const apply = { ['A'] (t, op) { t.put(op.k, 1) } }`,
  `const apply2 = 1\nexport { apply2 as apply }`,
  `export const apply = { A (tx, op) { tx\n.put(op.k, 1) } }`,
  `export const apply = { A (tx, op) { tx.put(...op.args) } }`,
  `export const apply = { A (tx, op) { tx.put('/a' + op.x, 1), tx.put(op.k) } }`,
  `const p = (k) => '/a' + k, q = 1\nexport const apply = { A (tx, op) { tx.put(p(op.k), 1) } }`,
  `const p = (k) => '/a' + k ? k : k\nexport const apply = { A (tx, op) { tx.put(p(op.k), 1) } }`,
  `const p = (k) => { return '/a' + k ? k : k }\nexport const apply = { A (tx, op) { tx.put(p(op.k), 1) } }`,
  `const p = (k) => { return k; '/a' }\nexport const apply = { A (tx, op) { tx.put(p(op.k), 1) } }`,
  `const p = (k) => '/a' + k\nconst q = (k, tx = 1) => 2\nexport const apply = { A (tx, op) { q(1, tx) ; const s = 's'; s.x.y = 1; [].push.x = 1 } }`,
  `export const apply = { A (tx, op) { for (tx.x of op.k) ; } }`,
  `export const apply = { A (tx, op) { for (Math.max of op.k) ; } }`,
  `export const apply = { A (tx, op) { [Math.max] = op.k } }`,
  `export const apply = { A (tx, op) { const [a = Math.max] = op.k; a.x = 1 } }`,
  `export const apply = { A (tx, op) { const { max } = Math; max.x = 1 } }`,
  `export const apply = { A (tx, op) { const { slice } = op.k; slice.x = 1 } }`,
  `export const apply = { A (tx, op) { delete op[op.x][op.y] } }`,
  `export const apply = { A (tx, op) { const f = function f2 () { return f2 } ; f.x = 1 ; tx.put('/.sys/a', 1) } }`,
  `class X extends Error { static n = 0 }\nexport const apply = { A (tx, op) { X.n++ } }`,
  `class X extends Error {}\nexport const apply = { A (tx, op) { X.n = 1 } }`,
  `export const apply = { A (tx, op) { for (const k in op) op[k].x = 1 } }`,
  `export const get = () => 0\nexport const apply = { A (tx, op) { const f = get; f.n = 1 } }`,
  `const f = () => 0\nexport const apply = { A (tx, op) { const g = op.x ? f : f; g.n = 1 } }`,
  `export const apply = { A (tx, op) { tx.put(\`/.\${op.k}\`, 1) } }`,
  `export const apply = { A (tx, op) { tx.put('/\\x2esys/' + op.k, 1) } }`,
  `export const apply = { A (tx, op) { tx.put('\\u002f/.sys/' + op.k, 1) } }`
]

// Each leaves something behind. What is between the braces stands in a handler, after functions and a class of the module.
const DECLARED = `function K (v) { return v }
const A = () => 0
const change = (v) => { v.n = (v.n || 0) + 1 }
class E extends Error {}
`
const STATEFUL = [
  'const q = { K, f () { this.K.n = 1 } }; q.f()',
  'const q = { K, get n () { return this.K.n = 1 } }; q.n',
  'const q = { K, set n (v) { this.K.n = v } }; q.n = 1',
  'const q = { K, toString () { return this.K.n = 1 } }; return `${q}`',
  'const q = { K, valueOf () { return this.K.n = 1 } }; return +q',
  'const q = { K, toJSON () { this.K.n = 1 } }; return JSON.stringify(q)',
  'const q = { K, [Symbol.iterator] () { this.K.n = 1 } }; return [...q]',
  'const q = { K, then (r) { this.K.n = 1; r() } }; return q',
  'const q = { K, next () { this.K.n = 1 } }; q.next()',
  'const q = { K }; change(q.K)',
  'const q = { K }; q.K.n = 1',
  'const { q } = { q: K }; q.n = 1',
  'const q = [K]; q[0].n = 1',
  '[Object.assign][0](K, { n: 1 })',
  '({ a: Object.assign }).a(K, { n: 1 })',
  '({ get: Object.assign }).get(K, { n: 1 })',
  'const { assign } = Object; assign(K, { n: 1 })',
  'const f = Object.assign; f(K, { n: 1 })',
  '(0, Object.assign)(K, { n: 1 })',
  '(op.x ? Object.assign : K)(K, { n: 1 })',
  '((f = Object.assign) => f(K, { n: 1 }))()',
  '[[]].map(Object.freeze)',
  'Object.freeze(K)',
  'Object.assign(A, { n: 1 })',
  'Object.assign(E, { n: 1 })',
  'Object.assign([].push, { n: 1 })',
  'Reflect.apply(Object.assign, null, [K, { n: 1 }])',
  'Object.assign.call(null, K, { n: 1 })',
  'Object.assign.bind(null, K)({ n: 1 })',
  '[].push.n = 1',
  '[].push[`n`] = 1',
  '(() => 0).bind.n = 1',
  'change([].push)',
  "change(''.at)",
  'change(Math.max)',
  'change(op.x.constructor)',
  'change([].__proto__)',
  'change(Object.getPrototypeOf([]))',
  'const { push } = []; change(push)',
  '[[].push].forEach(change)',
  '[K].forEach(change)',
  '[1].reduce(change, K)',
  'Array.from([K], change)',
  'JSON.stringify({ K }, (k, v) => change(v))',
  'try { throw K } catch (e) { e.n = 1 }',
  'new Map([[1, K]]).get(1).n = 1',
  "new Error('', { cause: K }).cause.n = 1",
  'op.x instanceof { [Symbol.hasInstance]: change }',
  'Array.prototype.n = 1',
  '/a/.test(op.x); return RegExp.$1',
  '/a/.test(op.x); return RegExp.input',
  'new.target.n = 1',
  'import.meta.n = 1',
  '__internal__x.n = 1',
  'Iterator.n = 1'
].map((body) => `${DECLARED}export const apply = { A (tx, op) { ${body} } }`)

// Each is plain enough to be sure.
const GUARDED = [
  `export const apply = { A (tx, op) { tx.put('/a/' + op.k, op.v) } }`,
  `export function apply (tx, op) { tx.put(\`/a/\${op.k}\`, op.v); tx.delete('b') }`,
  `const path = (k) => '/a/' + k\nexport const apply = { async A (tx, op) { const p = path(op.k); tx.put(p + '/x', 1) } }`,
  `function write (tx, k) { tx.put('/a/' + k, 1) }\nexport const apply = { A: (tx, op) => write(tx, op.k), B (tx) { tx.addOplog({ pubkey: '' }) } }`,
  `import { index } from 'contract'\nexport const apply = { async A (tx, op) { const e = { ...(await index.get('/x')).value }; e.n = 1; tx.put('/x', e) } }`
]

test('contracts that are not guarded', () => {
  for (const source of OPEN) assert.equal(examine(source).guarded, false, source)
})

test('contracts that leave something behind', () => {
  for (const source of STATEFUL) assert.equal(examine(source).stateless, false, source)
})

test('contracts that are guarded', () => {
  for (const source of GUARDED) assert.deepEqual([examine(source).guarded, examine(source).why], [true, undefined], source)
})

test('text without an end', () => {
  for (const text of ['`', '\'', '/*', '(', '`${', '`${`', 'x /', '{}/']) assert.equal(examine(text).guarded, false, text)
  for (const piece of ['/*', '`${', '(', 'a/', '"']) assert.equal(examine(piece.repeat(50_000)).guarded, false)
})

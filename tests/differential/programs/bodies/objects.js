// name: key-order
const o = { z: 1, 10: 1, 9: 1, a: 1, [Symbol('s')]: 1, '-1': 1, '01': 1, 4294967294: 1, 4294967295: 1 }
o.y = 1; delete o.z; o.z = 2
return [Object.keys(o), Reflect.ownKeys(o).map(String)]
// name: for-in
const parent = { p: 1, shared: 1, 5: 1 }
const o = Object.create(parent, { hidden: { value: 1 }, shared: { value: 1 } })
o.own = 1; o[3] = 1
const keys = []
for (const k in o) keys.push(k)
return keys
// name: for-in-mutation
const o = { a: 1, b: 2, c: 3 }, keys = []
for (const k in o) { keys.push(k); delete o.b; o.d = 4 }
return keys
// name: getters-setters
const log = []
const o = { get a () { log.push('get'); return 1 }, set a (v) { log.push('set ' + v) } }
o.a++; o.a ||= 5; o.a ??= 6; o.a &&= 7; ({ a: o.a } = { a: 9 })
return log
// name: define-property
const o = {}
Object.defineProperty(o, 'a', { value: 1 })
const r = [Object.getOwnPropertyDescriptor(o, 'a')]
for (const f of [() => { o.a = 2 }, () => { delete o.a }, () => Object.defineProperty(o, 'a', { value: 2 }), () => Object.defineProperty(o, 'a', { value: 1 }), () => Object.defineProperty(o, 'b', { get () {}, value: 1 })]) { try { r.push(typeof f()) } catch (e) { r.push(e.name) } }
return r
// name: freeze-seal
const f = Object.freeze({ a: { b: 1 } }), s = Object.seal({ a: 1 }), p = Object.preventExtensions({ a: 1 })
f.a.b = 2; s.a = 2
return [f, s, [f, s, p].map((o) => [Object.isFrozen(o), Object.isSealed(o), Object.isExtensible(o)]), [() => { f.x = 1 }, () => { delete s.a }, () => { p.b = 1 }].map((g) => { try { return g() } catch (e) { return e.name } }), Object.isFrozen('x'), Object.isFrozen({})]
// name: prototypes
const o = { __proto__: { x: 1 } }
const n = Object.create(null)
n.__proto__ = 5
return [o.x, Object.keys(o), Object.keys(n), Object.getPrototypeOf(n), { ['__proto__']: 1 }.hasOwnProperty('__proto__'), Object.setPrototypeOf({}, null) instanceof Object, (() => { try { Object.setPrototypeOf(Object.prototype, {}) } catch (e) { return e.name } })()]
// name: assign-spread
const log = []
const src = { get a () { log.push('a'); return 1 }, [Symbol.for('s')]: 2, ...null, ...[7, 8], ...'xy' }
const t = Object.assign({}, src, undefined, [9], 'z')
return [log, Object.keys(t), t[Symbol.for('s')], { ...src, a: 5 }]
// name: rest
const { a, ...rest } = { a: 1, b: 2, 3: 4, [Symbol('s')]: 5 }
const { length, ...chars } = 'ab'
return [a, rest, Object.getOwnPropertySymbols(rest).length, length, chars]
// name: entries
return [Object.entries({ b: 1, a: [2], 1: 3 }), Object.fromEntries([['x', 1], ['x', 2], [Symbol.iterator.description, 3]]), Object.fromEntries(new Map([[1, 2]])), Object.values('ab'), Object.entries([5])]
// name: computed-names
let n = 0
const o = { [`k${++n}`]: n, [`k${++n}`]: n, [{}]: 1, [[1, 2]]: 2, [null]: 3, async * [Symbol.iterator] () {}, 'quoted-key': 4, 0x10: 5, 1e3: 6, .5: 7 }
return Object.keys(o)
// name: function-names
const f = () => 1, o = { m () {}, get g () { return 1 }, ['c' + 1]: () => 1, [Symbol('sym')]: () => 1, async a () {}, f: function () {} }
let later; later = () => 1
return [f.name, o.m.name, Object.getOwnPropertyDescriptor(o, 'g').get.name, o.c1.name, o[Object.getOwnPropertySymbols(o)[0]].name, later.name, (() => 1).name, (class A {}).name, f.bind().name, o.f.name, (function named () {}).name]
// name: function-properties
// taints: engine-specific
function f (a, b = 1, ...c) {}
return [f.length, Object.getOwnPropertyNames(f), Object.getOwnPropertyNames(() => 1), Object.getOwnPropertyNames(class { static s () {} }), Object.getOwnPropertyNames(async () => 1), 'caller' in f]
// name: function-to-string
function f (a, /* c */ b) { return a + b }
return [String(f), String(() => 1), String(class A { m () {} }), String({ get x () { return 1 } }.x), String({ m () {} }.m), String(Object.getOwnPropertyDescriptor({ get x () { return 1 } }, 'x').get)]
// name: native-to-string
// taints: engine-specific
return [String(Math.max), String(Array), String((() => 1).bind()), String(Object.getOwnPropertyDescriptor(Map.prototype, 'size').get)]
// name: to-string-tags
return [[], {}, () => 1, null, undefined, 1, 'a', true, Symbol(), 1n, new Date(), /x/, new Map(), new Set(), new Error(), Promise.resolve(), new WeakMap(), function * () {}, (function * () {})(), JSON, Math, new Proxy([], {}), new Uint8Array(), new ArrayBuffer(1), (function () { return arguments })()].map((x) => Object.prototype.toString.call(x))
// name: to-primitive
const o = { [Symbol.toPrimitive] (hint) { return hint } }
const p = { valueOf () { return 1 }, toString () { return 's' } }
return [`${o}`, o + '', +o, o * 1, `${p}`, p + '', p + 1, p == 1, [p] + '', { [p]: 1 }, new Date(0)[Symbol.toPrimitive]('number'), (() => { try { return +{ valueOf: () => ({}), toString: () => ({}) } } catch (e) { return e.name } })()]
// name: typeof-instanceof
return [typeof null, typeof undefined, typeof (() => 1), typeof class {}, typeof Symbol(), typeof 1n, [] instanceof Object, Object.create(null) instanceof Object, (() => { try { return 1 instanceof {} } catch (e) { return e.name } })(), { [Symbol.hasInstance]: 1 } instanceof Object, 5 instanceof class { static [Symbol.hasInstance] (v) { return v > 3 } }]
// name: proxy-traps
const log = []
const handler = new Proxy({}, { get: (t, name) => (...args) => { log.push(String(name)); return Reflect[name](...args) } })
const p = new Proxy({ a: 1 }, handler)
p.a; p.b = 2; 'a' in p; delete p.a; Object.keys(p); Object.getPrototypeOf(p); Object.isExtensible(p); ({ ...p }); for (const k in p);Object.freeze(p)
return log
// name: proxy-invariants
const fixed = Object.freeze({ a: 1 })
return [() => new Proxy(fixed, { get: () => 2 }).a, () => 'a' in new Proxy(fixed, { has: () => false }), () => Object.keys(new Proxy(fixed, { ownKeys: () => [] })), () => new Proxy({}, { getPrototypeOf: () => 5 }) instanceof Object, () => { 'use strict'; new Proxy({}, { set: () => false }).x = 1 }, () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy.a }].map((f) => { try { return f() } catch (e) { return e.name } })
// name: reflect
return [Reflect.ownKeys({ b: 1, 1: 2 }), Reflect.has({ a: 1 }, 'a'), Reflect.apply(Math.max, null, [1, 2]), Reflect.construct(Date, [5]).getTime(), Reflect.set(Object.freeze({ a: 1 }), 'a', 2), Reflect.get({ get x () { return this.y } }, 'x', { y: 5 }), Reflect.defineProperty({}, 'a', { value: 1 }), Reflect.construct(function () { return new.target.name }, [], class N {}) instanceof Object]
// name: map-set
const m = new Map([[NaN, 1], [0, 2], ['0', 3]])
m.set(-0, 'neg'); m.set(NaN, 'nan')
const s = new Set([1, 1, '1', NaN, NaN, {}, {}])
return [[...m], Object.is([...m.keys()][1], 0), s.size, m.get(0), new Map([[1, 2]]).set(3, 4).delete(1), [...new Map([[1, 2]]).entries()], s.has(NaN)]
// name: map-mutation
const m = new Map([[1, 1], [2, 2], [3, 3]]), seen = []
for (const [k] of m) { seen.push(k); if (k === 1) { m.delete(2); m.set(4, 4); m.delete(1); m.set(1, 1) } if (seen.length > 9) break }
const s = new Set([1, 2]), more = []
s.forEach((v) => { more.push(v); if (v < 6) { s.delete(v); s.add(v + 2) } })
return [seen, more, [...s]]
// name: weak
const k = {}, w = new WeakMap([[k, 1]]), s = new WeakSet([k])
return [w.get(k), w.has({}), s.has(k), (() => { try { w.set(1, 1) } catch (e) { return e.name } })(), w.delete(k), w.has(k)]
// name: symbols
return [Symbol.for('a') === Symbol.for('a'), Symbol.keyFor(Symbol.for('a')), Symbol('x').description, Symbol().description, String(Symbol('d')), Object(Symbol.iterator) == Symbol.iterator, (() => { try { return Symbol() + 1 } catch (e) { return e.name } })(), (() => { try { return new Symbol() } catch (e) { return e.name } })()]
// name: arguments-object
function sloppy () { arguments[0] = 'x'; return [arguments.length, [...arguments], typeof arguments.callee] }
return (() => { try { return sloppy(1, 2) } catch (e) { return e.name } })()
// name: optional-chaining
const o = { a: { b: null, f () { return this === o.a } } }
return [o?.a?.b?.c, o.x?.y.z.w, o.a?.f(), o.a.g?.(), o?.['a']?.['b'], delete o?.q, (o.x)?.y, o.a.b ?? 'd', 0 ?? 1, '' || 'e', null?.[1]]
// name: with-accessor-inheritance
class A { get v () { return this._v || 'none' } set v (x) { this._v = x } }
const o = Object.create(new A())
o.v = 5
return [o.v, Object.keys(o), Object.getPrototypeOf(o).v, new A().v]
// name: legacy-accessors
const o = {}
o.__defineGetter__('a', () => 1); o.__defineSetter__('a', () => {})
return [o.a, typeof o.__lookupGetter__('a'), typeof o.__lookupSetter__('a'), o.__lookupGetter__('b'), o.__proto__ === Object.prototype]

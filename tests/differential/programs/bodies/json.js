// name: stringify-values
return [JSON.stringify({ a: undefined, b: () => 1, c: Symbol('x'), d: NaN, e: -0, f: [undefined, () => 1], g: new Date(NaN) }), JSON.stringify(undefined), JSON.stringify('\u2028\ud800"\\\u0007é'), JSON.stringify(null), JSON.stringify(Infinity)]
// name: stringify-indent
return [JSON.stringify({ a: [1, { b: 2 }], e: [], f: {} }, null, 2), JSON.stringify([1], null, '--'), JSON.stringify([1], null, 20), JSON.stringify({ a: 1 }, null, 0), JSON.stringify([[]], null, 'abcdefghijklmnop')]
// name: stringify-replacer
return [JSON.stringify({ a: 1, b: 2, 3: 3 }, ['b', 3]), JSON.stringify({ a: 1, b: { c: 2 } }, (k, v) => typeof v === 'number' ? v + 1 : v), JSON.stringify({ a: 1 }, (k, v) => k === '' ? { x: v } : undefined), JSON.stringify({ a: 1 }, ['a', 'a', new String('a')])]
// name: stringify-to-json
return [JSON.stringify({ toJSON (k) { return 'k:' + k } }), JSON.stringify({ a: { toJSON (k) { return k } } }), JSON.stringify({ toJSON: 5, x: 1 }), JSON.stringify([{ toJSON (k) { return typeof k } }])]
// name: stringify-key-order
return JSON.stringify({ z: 1, 2: 'b', 1: 'a', a: 0, '-1': 1, '01': 2 })
// name: stringify-boxed
return JSON.stringify([new Number(5), new String('x'), new Boolean(false), Object(Symbol('s'))])
// name: stringify-collections
return JSON.stringify([new Map([[1, 2]]), new Set([1]), new Uint8Array([1, 2]), /x/, new Error('e'), new ArrayBuffer(2), Math])
// name: stringify-bigint
return [() => JSON.stringify(5n), () => JSON.stringify({ a: [1n] })].map((f) => { try { return f() } catch (e) { return e.name } })
// name: stringify-cycle
const o = {}
o.o = [o]
try { return JSON.stringify(o) } catch (e) { return e.name }
// name: stringify-nested-proxy
const log = []
const p = new Proxy({ a: 1, b: 2 }, { ownKeys (t) { log.push('ownKeys'); return Reflect.ownKeys(t) }, get (t, k) { log.push('get ' + String(k)); return t[k] }, getOwnPropertyDescriptor (t, k) { log.push('gopd ' + String(k)); return Reflect.getOwnPropertyDescriptor(t, k) } })
return [JSON.stringify(p), log]
// name: stringify-getters
return JSON.stringify({ get a () { return 1 }, b: { get c () { return [2] } } })
// name: parse-values
return ['1', '-0', '"a\\u0041"', '[1,[2]]', '{"a":1,"a":2}', ' {"2":1,"1":2} ', 'null', '1e5', '1E+2', '"\\ud800"', '0.1e-6', '123456789012345678901234567890'].map((s) => JSON.parse(s))
// name: parse-negative-zero
return [Object.is(JSON.parse('-0'), -0), Object.is(JSON.parse('[-0]')[0], -0)]
// name: parse-errors
return ['', '{', '[1,]', "{'a':1}", '01', '1.', '.5', '+1', 'undefined', 'NaN', '"\t"', '{"a":1,}', '[1 2]', '"\\x41"', '\u00a01', 'nul', '"a', '1 1', '--1', '{"a"}'].map((s) => { try { return JSON.parse(s) } catch (e) { return e.name } })
// name: parse-reviver
const log = []
return [JSON.parse('{"a":[1,2],"b":{"c":3}}', function (k, v) { log.push(k); return typeof v === 'number' ? v * 2 : v }), log, JSON.parse('[1,2,3]', (k, v) => k === '1' ? undefined : v).length, JSON.parse('1', () => 'x')]
// name: parse-proto
const o = JSON.parse('{"__proto__": {"x": 1}, "a": 2}')
return [Object.keys(o), o.x, Object.getPrototypeOf(o) === Object.prototype, Object.prototype.hasOwnProperty.call(o, '__proto__')]
// name: parse-deep
let s = '1'
for (let i = 0; i < 400; i++) s = '[' + s + ']'
let v = JSON.parse(s), n = 0
while (Array.isArray(v)) { v = v[0]; n++ }
return n
// name: parse-duplicate-keys
return Object.entries(JSON.parse('{"b":1,"a":2,"b":3,"0":4}'))
// name: parse-converts
return [JSON.parse(null), JSON.parse(1), JSON.parse([5]), JSON.parse({ toString: () => '"s"' })]
// name: round-trip
const v = { s: '\u0000\u001f\u007f\u2028😀', n: [1.5, 1e21, 1e-7, -1], o: { '': null, ' ': true } }
return [JSON.stringify(v), JSON.stringify(JSON.parse(JSON.stringify(v))) === JSON.stringify(v)]
// name: raw-json
// taints: newer
return [typeof JSON.rawJSON, typeof JSON.isRawJSON, Object.getOwnPropertyNames(JSON).length]
// name: error-text
// taints: error-text
try { JSON.parse('{"a":') } catch (e) { return e.message }

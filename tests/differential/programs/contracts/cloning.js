// Values that cross the boundary: into put, out of an operation.

// name: uncloneable
const test = (tx, v) => { try { tx.put('/t', v); return 'ok' } catch (e) { return e.name } }
export const apply = { RUN (tx) { tx.put('/v', [() => 1, Symbol('s'), new Proxy({}, {}), new Proxy([], {}), Promise.resolve(), new WeakMap(), new WeakSet(), new WeakRef({}), (function * () {})(), (function () { return arguments })(1), globalThis, class {}, [].values(), new Map().entries(), { f () {} }, [[() => 1]], new Map([[1, () => 1]]), Object(Symbol('x')), new FinalizationRegistry(() => {}), Math, JSON, Reflect, new (class { #p = 1 })(), (async () => {})].map((v) => test(tx, v))) } }
// name: uncloneable-intl
// taints: engine-specific: Intl
const test = (tx, v) => { try { tx.put('/t', v); return 'ok' } catch (e) { return e.name } }
export const apply = { RUN (tx) { tx.put('/v', [Intl, new Intl.NumberFormat('en')].map((v) => test(tx, v))) } }
// name: uncloneable-message
export const apply = { RUN (tx) { try { tx.put('/t', { a: () => 1 }) } catch (e) { tx.put('/v', [e instanceof TypeError, e.constructor === TypeError, e.message]) } } }
// name: uncloneable-fails
export const apply = { RUN (tx) { tx.put('/a', 1); tx.put('/t', Symbol('s')) } }
// name: primitives
export const apply = { RUN (tx) { tx.put('/v', [undefined, null, true, false, 0, -0, 1, -1, 1.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31) - 1, 1e300, 5e-324, '', 'é😀', 5n, -5n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n]) } }
// name: bigint-too-large
export const apply = { RUN (tx) { tx.put('/v', 2n ** 64n) } }
// name: bigint-too-small
export const apply = { RUN (tx) { tx.put('/v', -(2n ** 63n) - 1n) } }
// name: boxed
export const apply = { RUN (tx) { tx.put('/v', [new Number(5), new String('ab'), new Boolean(false), Object(5n)]) } }
// name: date
export const apply = { RUN (tx) { tx.put('/v', [new Date(0), new Date(1700000000123), new Date(-1), new Date(NaN), new Date(8.64e15), new Date(253402300800000), new Date(2 ** 34 * 1000), new Date(-62135596800001)]) } }
// name: collections
export const apply = { RUN (tx) { tx.put('/v', [new Map([['b', 1], ['a', 2], [10, 3], [9, 4]]), new Set([1, 'x', { a: 1 }]), new Map(), new Set()]) } }
// name: map-key-object
// taints: encoding: versions write it differently
export const apply = { RUN (tx) { tx.put('/v', new Map([[{ a: 1 }, 1]])) } }
// name: regexp
export const apply = { RUN (tx) { const r = /a\/b/gi; r.lastIndex = 3; tx.put('/v', [r, new RegExp('')]) } }
// name: errors
export const apply = { RUN (tx) { class Mine extends Error {} tx.put('/v', [new Error('m'), new RangeError('r'), Object.assign(new Error('x'), { code: 5 }), new Mine('mine'), Object.assign(new Error('n'), { name: 'Named' })]) } }
// name: error-names
export const apply = { RUN (tx) { tx.put('/v', [new EvalError('a'), new URIError('b'), new SyntaxError('c'), new ReferenceError('d'), new AggregateError([], 'e'), Object.assign(new Error('n'), { name: 'TypeError' }), Object.assign(new Error('n'), { name: 5 })]) } }
// name: bytes
export const apply = { RUN (tx) { tx.put('/v', [new Uint8Array([1, 2]), new Uint8Array(0), new Uint8Array([1, 2, 3, 4]).subarray(1, 3), new ArrayBuffer(3), new Int8Array([-1]), new Uint8ClampedArray([300])]) } }
// name: wide-typed-arrays
// taints: encoding: uninitialised memory
export const apply = { RUN (tx) { tx.put('/v', [new Float64Array(0), new Uint16Array(0)]) } }
// name: data-view
// taints: encoding: versions write it differently
export const apply = { RUN (tx) { tx.put('/v', new DataView(new ArrayBuffer(2))) } }
// name: class-instance
export const apply = { RUN (tx) { class A { #p = 1; x = 1; get y () { return 2 } method () {} static s = 3 } tx.put('/v', [new A(), Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } })]) } }
// name: null-prototype
export const apply = { RUN (tx) { tx.put('/v', Object.assign(Object.create(null), { a: 1 })) } }
// name: getters
export const apply = { RUN (tx) { let n = 0; tx.put('/v', { get a () { return ++n }, get b () { return ++n } }); tx.put('/n', n) } }
// name: getter-throws
export const apply = { RUN (tx) { try { tx.put('/v', { a: 1, get b () { throw new RangeError('mine') } }) } catch (e) { tx.put('/e', [e.name, e.message]) } } }
// name: getter-mutates
export const apply = { RUN (tx) { tx.put('/v', { get a () { delete this.b; this.c = 3; return 1 }, b: 2 }) } }
// name: symbols-dropped
export const apply = { RUN (tx) { tx.put('/v', { [Symbol('s')]: 1, a: 2 }) } }
// name: arrays
export const apply = { RUN (tx) { const a = [1, , 3]; a.extra = 5; a[-1] = 6; class B extends Array {} tx.put('/v', [a, new Array(3), B.from([1, 2]), Object.assign([], { 3: 'x' })]) } }
// name: array-huge-hole
export const apply = { RUN (tx) { const a = []; a.length = 100; a[50] = 1; tx.put('/v', a) } }
// name: key-order
export const apply = { RUN (tx) { tx.put('/v', { z: 1, 10: 2, 9: 3, a: 4, '-1': 5, '01': 6, 4294967294: 7, 4294967295: 8, 1.5: 9 }) } }
// name: odd-keys
export const apply = { RUN (tx) { tx.put('/v', { '': 1, ' ': 2, 'é😀': 3, 'a\0b': 4, constructor: 5, toString: 6, length: 7, then: 8 }) } }
// name: own-proto-key
// taints: encoding: versions read it differently
export const apply = { RUN (tx) { tx.put('/v', JSON.parse('{"__proto__":{"x":1},"a":2}')) } }
// name: lone-surrogates
export const apply = { RUN (tx) { tx.put('/v', ['a\ud800b', '\udc00', '\ud83d\ude00', { 'k\ud800': 1 }]) } }
// name: shared-references
export const apply = { RUN (tx) { const o = { n: 1 }; tx.put('/v', [o, o, { o }]) } }
// name: cycle
export const apply = { RUN (tx) { const o = {}; o.o = o; tx.put('/v', o) } }
// name: to-json-ignored
export const apply = { RUN (tx) { tx.put('/v', { toJSON: 1, a: new Date(5) }); tx.put('/w', Object.assign(Object.create({ toJSON () { return 'no' } }), { b: 2 })) } }
// name: deep
export const apply = { RUN (tx) { let o = 1; for (let i = 0; i < 300; i++) o = [o]; tx.put('/v', o) } }
// name: wide
export const apply = { RUN (tx) { const o = {}; for (let i = 0; i < 300; i++) o['k' + i] = i; tx.put('/v', o) } }
// name: long-string
export const apply = { RUN (tx) { tx.put('/v', 'é'.repeat(5000)) } }
// name: number-boundaries
export const apply = { RUN (tx) { tx.put('/v', [127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, 0.1, 1.1, 16777217, 3.4028235677973366e+38, 9007199254740993, 1e21]) } }
// name: op-types
// op-hex: 9ac0c2c307cb3ff8000000000000a161c402010281a161d40000d6ff00000005cf0000000000000005
export const apply = (tx, op) => { tx.put('/v', [op, op.map((x) => x === null ? 'null' : typeof x === 'object' ? x.constructor.name : typeof x)]) }
// name: op-bytes-class
// op-hex: 81a162c403010203
export const apply = (tx, op) => { tx.put('/v', [op.b.constructor === Uint8Array, op.b instanceof Uint8Array, Object.getPrototypeOf(op.b) === Uint8Array.prototype, op.b.length, [...op.b], typeof op.b.toString('hex'), Array.isArray(op.b)]) }
// name: op-int64
// op-hex: 92d3ffffffffffffffffcfffffffffffffffff
export const apply = (tx, op) => { tx.put('/v', [op, op.map((x) => typeof x)]) }
// name: op-float32
// op-hex: 91ca3dcccccd
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-duplicate-keys
// op-hex: 83a16101a16202a16103
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-integer-keys
// op-hex: 84a17a01a23130020a03a16104
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-invalid-utf8
// op-hex: 92a3ff61fea3e282c3
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-negative-zero
// op-hex: 91cb8000000000000000
export const apply = (tx, op) => { tx.put('/v', [op, Object.is(op[0], 0)]) }
// name: op-dates
// op-hex: 94d6ff65539f80d7ff1d4c2b0065539f80c70cff00000000ffffffffffffffffd4ffff
export const apply = (tx, op) => { tx.put('/v', [op, op.map((d) => d instanceof Date)]) }
// name: op-undefined
// op-hex: d40000
export const apply = (tx, op) => { tx.put('/v', [op === undefined]) }
// name: op-trailing-bytes
// op-hex: 0102
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-truncated
// op-hex: 92a161
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-empty
// op-hex: 
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-set-extension
// op-hex: 92d4730093010203
// taints: encoding: an extension
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-records
// op-hex: 92d4724091a161014002
// taints: encoding: record definitions
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-regexp-extension
// op-hex: c7057892a161a167
// taints: encoding: an extension
export const apply = (tx, op) => { tx.put('/v', [op, op instanceof RegExp]) }
// name: op-nested-deep
// op-hex: 919191919191919191919191919191919191919101
export const apply = (tx, op) => { tx.put('/v', op) }
// name: op-then-key
// op: {"op":"RUN","then":1,"constructor":2,"toString":3}
export const apply = { RUN (tx, op) { tx.put('/v', [op, Object.getPrototypeOf(op) === Object.prototype]) } }

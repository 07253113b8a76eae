// name: conversions
return [new Uint8Array([256, -1, 1.9, NaN, '5', Infinity]), new Uint8ClampedArray([256, -1, 1.5, 2.5, 0.5, NaN]), new Int16Array([32768, -32769]), new Float32Array([1.1, 16777217]), new Int32Array([2 ** 31, 2 ** 32 + 5]), new Uint32Array([-1])].map((t) => [...t])
// name: bigint-arrays
return [[...new BigInt64Array([2n ** 63n, -1n])], [...new BigUint64Array([-1n, 2n ** 64n])], (() => { try { return new BigInt64Array([1]) } catch (e) { return e.name } })()]
// name: views
const b = new ArrayBuffer(8), d = new DataView(b)
d.setInt16(0, -2); d.setFloat32(4, 1.5, true)
return [...new Uint8Array(b), d.getUint16(0), d.getUint16(0, true), d.getFloat32(4, true), (() => { try { d.getInt32(6) } catch (e) { return e.name } })()]
// name: subarray-slice
const a = new Uint8Array([1, 2, 3, 4])
const s = a.subarray(1, 3), c = a.slice(1, 3)
s[0] = 9
return [[...a], [...c], s.length, s.byteLength, [...a.subarray(-2)], [...a.slice(2, 1)]]
// name: construct
return [new Uint8Array(3), new Uint8Array([1, 2]), Uint8Array.from('123'), Uint8Array.of(1, 2), new Uint8Array(new Set([1])), new Uint8Array({ length: 2, 0: 5 }), new Uint16Array(new Uint8Array([1, 2])), Uint8Array.from([1, 2], (x) => x * 2)].map((t) => [t.length, ...t])
// name: construct-bad
return [() => new Uint8Array(-1), () => new Uint16Array(new ArrayBuffer(3)), () => new Uint16Array(new ArrayBuffer(4), 1), () => new Uint8Array(new ArrayBuffer(4), 5), () => Uint8Array(2), () => new ArrayBuffer(-1), () => new DataView({})].map((f) => { try { return typeof f() } catch (e) { return e.name } })
// name: out-of-range
const a = new Uint8Array(2)
a[5] = 1; a[-1] = 2; a['1.5'] = 3; a.x = 4
return [a[5], Object.keys(a), 5 in a, a.x, '-0' in a]
// name: element-descriptor
// taints: engine-specific
return Object.getOwnPropertyDescriptor(new Uint8Array(1), 0)
// name: methods
const a = new Int8Array([3, -1, 2])
return [[...a.map((x) => x * 2)], a.join('-'), a.indexOf(2), a.includes(-1), a.reduce((x, y) => x + y), [...a.filter((x) => x > 0)], [...a.entries()], a.find((x) => x < 0), String(a), [...a.fill(7, 1, 2)], [...a.reverse()], a.every((x) => x), [...a.copyWithin(0, 1)]]
// name: set
const a = new Uint8Array(5)
a.set([1, 2], 1); a.set(new Uint8Array([9]), 4); a.set({ length: 1, 0: '7' })
return [[...a], (() => { try { a.set([1, 2], 4) } catch (e) { return e.name } })(), (() => { const x = new Uint8Array([1, 2, 3, 4]); x.set(x.subarray(0, 3), 1); return [...x] })()]
// name: float-bits
const f = new Float64Array([NaN, -0, 1.5, 5e-324]), u = new Uint8Array(f.buffer)
return [[...u.slice(8, 16)], [...u.slice(16, 32)], Math.fround(5.5e-46), new Float32Array([3.5e38])[0]]
// name: endianness
return [...new Uint8Array(new Uint32Array([0x01020304]).buffer)]
// name: array-buffer
const b = new ArrayBuffer(5)
return [b.byteLength, b.slice(1, 3).byteLength, b.slice(-2).byteLength, ArrayBuffer.isView(new DataView(b)), ArrayBuffer.isView(b), Object.prototype.toString.call(b)]
// name: species-and-identity
class A extends Uint8Array {}
const a = new A([1, 2, 3])
return [a.map((x) => x) instanceof A, a.subarray(1) instanceof A, a.constructor.name, Uint8Array.BYTES_PER_ELEMENT, new Float64Array(1).BYTES_PER_ELEMENT, Object.getPrototypeOf(Uint8Array).name]
// name: define-property
// taints: engine-specific
const a = new Uint8Array(2)
return [() => Object.defineProperty(a, 0, { value: 5, configurable: true, enumerable: true, writable: true })[0], () => Object.defineProperty(a, 0, { get () {} }), () => Object.defineProperty(a, 3, { value: 1 }), () => Object.freeze(a), () => Object.freeze(new Uint8Array(0)).length].map((f) => { try { return f() } catch (e) { return e.name } })
// name: shared
const s = new SharedArrayBuffer(4)
new Uint8Array(s)[0] = 5
return [s.byteLength, Object.prototype.toString.call(s), new Uint8Array(s.slice(0, 1))[0], typeof Atomics]
// name: resizable
// taints: newer
try { const b = new ArrayBuffer(2, { maxByteLength: 4 }); return [b.resizable, b.maxByteLength, typeof b.resize, typeof b.transfer] } catch (e) { return e.name }

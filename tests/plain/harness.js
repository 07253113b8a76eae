// What stands before the programs of tests/plain in each contract: values to try things on, and a text for each result.
// This is not plain code itself. It gives every distinction that a contract could pass on: bits of numbers, order of keys,
// and whether and with which class of error something failed.
const bits = (n) => { if (n !== n) return 'NaN'; const view = new DataView(new ArrayBuffer(8)); view.setFloat64(0, n); return view.getUint32(0).toString(16) + '.' + view.getUint32(4).toString(16) }
const hash = (text) => { let h = 0; for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) | 0; return h }
const show = (v, depth = 0) => {
  switch (typeof v) {
    case 'number': return v !== v ? 'NaN' : Number.isInteger(v) && Math.abs(v) < 1e15 ? (Object.is(v, -0) ? '-0' : String(v)) : v + '=' + bits(v)
    // Functions as text differ, and a run notes that.
    case 'string': return v.includes('[native code]') || v.includes('...args) {') ? 'text of a function' : v.length > 200 ? `text of ${v.length}, ${hash(v)}` : JSON.stringify(v)
    case 'function': return `function ${v.name}/${v.length}`
    case 'object': break
    default: return String(v)
  }
  if (v === null) return 'null'
  if (depth > 6) return '...'
  const inner = (x) => show(x, depth + 1)
  if (Array.isArray(v)) return v.length > 300 ? `list of ${v.length}, ${inner(v[0])}, ${inner(v[v.length - 1])}` : '[' + Array.from(v, inner).join() + ']' + (Object.keys(v).length === v.length ? '' : Object.keys(v))
  if (v instanceof Date) return 'Date ' + v.getTime()
  if (v instanceof Map) return 'Map' + inner([...v])
  if (v instanceof Set) return 'Set' + inner([...v])
  if (v instanceof Uint8Array) return 'bytes ' + [...v].slice(0, 50)
  if (v instanceof RegExp) return 'pattern'
  if (v instanceof Error) return 'Error ' + v.constructor.name
  if (typeof v.next === 'function') return 'iterator'
  const p = Object.getPrototypeOf(v)
  const own = Object.keys(v).slice(0, 100).map((k) => JSON.stringify(k) + ':' + inner(v[k]))
  return (p === Object.prototype ? '' : p === null ? 'bare' : 'other') + '{' + own.join() + '}'
}
class Own extends Error {}
const failed = (e) => e instanceof Own ? 'fails ' + e.message : 'fails ' + (e && e.constructor && e.constructor.name)
const attempt = (f) => { try { return show(f()) } catch (e) { return failed(e) } }
// Fresh values each time: programs may change them.
const pool = () => [
  undefined, null, true, false, 0, 1, 2, 3, 1.5, 0.1, 100, 12345.678, 1e21, 1e-7, 9007199254740993, 4294967295, 1700000000123, -1, -2.5, -1e300, 5e-324,
  NaN, Infinity, -0,
  '', 'a', 'abc', 'ab,cd,ab', ' \t x \u00a0\ufeff', '10', '-0', ' 12 ', '0x1f', '1e3', '1_0', '0b11', '.5', '5.', 'Infinity', 'NaN', 'x'.repeat(300),
  'ÀÉß', 'straße İı', 'e\u0301', '日本語', '😀x😀', '$1$&$`$\'$$', 'constructor', '__proto__', 'length', 'toString', '2020-01-01', '\u180e\u2028\u0000',
  '1.00000000000000011102230246251565404236316680908203126', '123456789012345678901234567890', '[1,{"a":[null]}]', '{"__proto__":1,"a":1e400}',
  [], [1], [3, 1, 2], ['b', 'a', 'B', 'é', '10', '9'], [undefined, null, NaN, -0, 1], [[1, [2, [3]]], 'x'], [1, 'a', { b: 2 }, null], ['a', 1], [['a', 1], ['b', 2]],
  Array.from({ length: 100 }, (_, i) => i * 7919 % 101), [[]], ['\ud83d', '\ude00'],
  (() => { const l = [2, 1]; l[5] = 'x'; return l })(), (() => { const l = [1, 2, 3]; l.length = 70; l.extra = 1; return l })(), Object.freeze([1, 2]), Object.freeze({ a: 1 }),
  {}, { a: 1 }, { b: 2, a: 1, 10: 'x', 2: 'y' }, { length: 2, 0: 'a', 1: 'b' }, { toString: 1 }, { valueOf: null }, { toString: 'x', valueOf: 5, a: 1 }, { then: 1 },
  { length: 'x' }, { a: { b: { c: [1] } } }, { name: 'n', value: 'v', size: 3 }, { get: 1, map: 2, test: 3 }, { toJSON: 1 }, { '': 1, ' ': 2 },
  new Date(0), new Date(1700000000123), new Uint8Array([1, 2, 250]), new Uint8Array(0),
  new Map([['a', 1], [1, { b: 2 }], [NaN, 'n']]), new Set([1, 'a', -0, NaN])
]
const few = () => [undefined, null, true, 0, 1, 2.5, -1, 4294967295, NaN, '', 'a', 'ab', 'length', '__proto__', '10', [1], ['a', 'b'], { a: 1 }, { toString: 1 }]

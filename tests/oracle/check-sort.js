// node check-sort.js [arrays] [seed]: compares prelude/sort.js with the sort of the Node that runs this, over random
// arrays and comparators: results and comparator calls. Prints one line of JSON; exit 1 on a difference.
'use strict'
const fs = require('fs')
const path = require('path')
const prelude = path.join(__dirname, '../../src/replay/engine/prelude/sort.js')
const { arraySort, typedArraySort } = new Function(fs.readFileSync(process.env.SORT_JS || prelude, 'utf8'))()
const nativeSort = Array.prototype.sort
const nativeTypedSort = Uint8Array.prototype.sort

// V8 14 sorts fewer than eight elements by insertion alone: other calls than before. Only longer ones compare there.
const newer = parseInt(process.versions.v8) >= 14
const comparable = (array) => !newer || Array.prototype.filter.call(array, (x) => x !== undefined).length >= 8

const wanted = Number(process.argv[2] || 20000)
let seed = Number(process.argv[3] || 1) >>> 0
// xorshift32: the same sequence in every engine
const next = () => {
  seed ^= seed << 13
  seed >>>= 0
  seed ^= seed >>> 17
  seed ^= seed << 5
  seed >>>= 0
  return seed
}
const below = (n) => next() % n

const mix = (x, y, n) => {
  let h = Math.imul(x, 2654435761) ^ Math.imul(y + 0x9e37, 40503) ^ Math.imul(n, 97)
  h = Math.imul(h ^ (h >>> 15), 2246822519)
  return (h ^ (h >>> 13)) | 0
}

// Each makes a comparator; `n` counts its calls.
const comparators = {
  subtract: () => (x, y) => x - y,
  reverse: () => (x, y) => y - x,
  greater: () => (x, y) => x > y,
  less: () => (x, y) => x < y,
  lessOrMinusOne: () => (x, y) => x < y ? -1 : 1,
  oneOrMinusOne: () => (x, y) => x > y ? 1 : -1,
  minusOneOrZero: () => (x, y) => x < y ? -1 : 0,
  one: () => () => 1,
  minusOne: () => () => -1,
  zero: () => () => 0,
  undefinedResult: () => () => undefined,
  nan: () => (x, y) => x % 3 ? NaN : x - y,
  strings: () => (x, y) => x < y ? '-1' : '0.5',
  objects: () => (x, y) => ({ valueOf: () => x - y }),
  hash: (salt) => (x, y) => mix(x, y, salt) % 3,
  hashMostlyRight: (salt) => (x, y) => mix(x, y, salt) % 16 === 0 ? y - x : x - y,
  stateful: (salt) => { let n = 0; return () => mix(n++, salt, 1) % 3 },
  rarelyWrong: (salt) => { let n = 0; return (x, y) => mix(n++, salt, 1) % 50 === 0 ? y - x : x - y },
  modular: (salt) => { const m = 2 + salt % 20; return (x, y) => x % m - y % m },
  throws: (salt) => { let left = salt % 300; return (x, y) => { if (left-- === 0) throw new Error('stop'); return x - y } },
  bigint: () => () => 1n,
  symbol: () => () => Symbol.iterator,
  mutates: (salt) => {
    let n = 0
    return function (x, y, ...more) {
      if (mix(n++, salt, 2) % 40 === 0) {
        const target = comparators.target
        switch (mix(n, salt, 3) & 3) {
          case 0: target[(mix(n, salt, 4) >>> 1) % (target.length + 3)] = n; break
          case 1: if (Array.isArray(target)) target.length = target.length >> 1; break
          case 2: delete target[n % 7]; break
          default: if (Array.isArray(target)) target.push(n)
        }
      }
      return x - y
    }
  }
}
const names = Object.keys(comparators)

const lengthFor = () => {
  switch (below(6)) {
    case 0: return below(12)
    case 1: return below(40)
    case 2: return 28 + below(12)
    case 3: return 56 + below(80)
    case 4: return below(300)
    default: return below(601)
  }
}

const shape = (length) => {
  const list = []
  const kind = below(9)
  const range = [2, 5, 50, 1000, 1 << 30][below(5)]
  for (let i = 0; i < length; i++) {
    switch (kind) {
      case 0: list.push(i); break
      case 1: list.push(length - i); break
      case 2: list.push(i % (1 + range)); break // saw teeth
      case 3: list.push(below(20) === 0 ? below(range) : i); break // nearly in order
      case 4: list.push((i < length / 2 ? i : length - i) * 2); break // a hill
      case 5: list.push(Math.floor(i / 20) % 2 ? i + 1000 : i); break // blocks that call for galloping
      case 6: list.push(below(length || 1) < i ? i : -i); break
      default: list.push(below(range))
    }
  }
  return list
}

const describe = (object) => {
  const out = []
  for (const key of Object.keys(object)) out.push(key + '=' + String(object[key]))
  return out.join(' ') + ' #' + object.length
}

const run = (sort, object, comparator) => {
  const calls = []
  comparators.target = object
  let outcome
  try {
    outcome = sort.call(object, comparator && function (x, y) {
      calls.push(x, y, this === undefined ? 1 : 0, arguments.length)
      return comparator(x, y)
    }) === object
  } catch (e) {
    outcome = e.constructor.name + (e.message === 'stop' ? ' stop' : '')
  }
  return JSON.stringify([outcome, describe(object), calls])
}

let differences = 0
let calls = 0
const differ = (what, a, b) => {
  if (differences++ < 3) console.log(what, '\n own   ', a.slice(0, 600), '\n native', b.slice(0, 600))
}

for (let round = 0; round < wanted; round++) {
  const name = names[round % names.length]
  const list = shape(lengthFor())
  const salt = next()
  const form = below(20)
  let make = () => list.slice()
  if (form === 0) {
    const gaps = list.map(() => below(4))
    make = () => { const a = list.slice(); gaps.forEach((g, i) => { if (g === 0) delete a[i]; if (g === 1) a[i] = undefined }); return a }
  } else if (form === 1) {
    make = () => Object.assign({ length: list.length }, list)
  } else if (form === 2) {
    make = () => list.map((x) => x + 0.5)
  }
  if (!comparable(make())) continue
  const own = run(arraySort, make(), comparators[name](salt))
  const native = run(nativeSort, make(), comparators[name](salt))
  calls += native.length
  if (own !== native) differ(`array ${name} n=${list.length} form=${form} round=${round}`, own, native)
  if (form < 6) {
    const Type = [Uint8Array, Int16Array, Float64Array, Float32Array, Uint32Array, Uint8ClampedArray][form]
    const a = run(typedArraySort, Type.from(list), comparators[name](salt))
    const b = run(nativeTypedSort, Type.from(list), comparators[name](salt))
    if (a !== b) differ(`${Type.name} ${name} n=${list.length} round=${round}`, a, b)
  }
  if (form === 6) {
    const make = () => list.map((x) => x % 3 ? x : x % 2 ? 'k' + x : [x])
    const a = run(arraySort, make(), undefined)
    const b = run(nativeSort, make(), undefined)
    if (a !== b) differ(`default order n=${list.length}`, a, b)
  }
}

// What only a trace shows: the order of property operations, default order's conversions, argument checks.
const trace = (sort, target, comparator) => {
  const log = []
  const proxy = new Proxy(target, {
    get: (t, k, r) => { log.push('get ' + String(k)); return Reflect.get(t, k, r) },
    set: (t, k, v, r) => { log.push('set ' + String(k) + ' ' + String(v)); return Reflect.set(t, k, v, r) },
    has: (t, k) => { log.push('has ' + String(k)); return Reflect.has(t, k) },
    deleteProperty: (t, k) => { log.push('delete ' + String(k)); return Reflect.deleteProperty(t, k) },
    getOwnPropertyDescriptor: (t, k) => { log.push('gopd ' + String(k)); return Reflect.getOwnPropertyDescriptor(t, k) },
    defineProperty: (t, k, d) => { log.push('define ' + String(k)); return Reflect.defineProperty(t, k, d) }
  })
  try { sort.call(proxy, comparator && ((x, y) => { log.push(`compare ${x} ${y}`); return comparator(x, y) })) } catch (e) { log.push(e.name) }
  return log.join('\n')
}
const talkers = (sort) => {
  const log = []
  const list = [3, 1, 2, 10].map((x) => ({ toString () { log.push(x); return '' + x } }))
  sort.call(list)
  return log.join() + ' ' + list.map(String)
}
// Texts of the engine's own errors vary between V8 versions.
const attempt = (f) => { try { return describe(f()) } catch (e) { return e.name } }
const probes = [
  (sort) => trace(sort, [3, 1, , 2, undefined, , 5], (x, y) => x - y),
  (sort) => trace(sort, [3, 1, , 2, undefined, , 5]),
  (sort) => trace(sort, { length: 4, 0: 'b', 2: 'a' }, (x, y) => x < y ? -1 : 1),
  (sort) => trace(sort, { length: '3', 0: 1, 1: 2, 2: 0 }),
  (sort) => trace(sort, [1], () => 1),
  (sort) => trace(sort, [2, 1], () => { throw new Error('no') }),
  talkers,
  (sort) => attempt(() => sort.call([1, 2], null)),
  (sort) => attempt(() => sort.call(null)),
  (sort) => attempt(() => sort.call(undefined, 5)),
  (sort) => attempt(() => sort.call([Symbol('x'), 1])),
  (sort) => attempt(() => sort.call(Object.freeze([2, 1]))),
  (sort) => attempt(() => sort.call('ba')),
  (sort) => attempt(() => sort.call('b')),
  (sort) => attempt(() => sort.call(5)),
  (sort) => attempt(() => sort.call({ length: -1, 0: 2, 1: 1 })),
  (sort) => attempt(() => sort.call({ length: NaN, 0: 2, 1: 1 })),
  (sort) => attempt(() => sort.call({ length: 2.9, 0: 2, 1: 1, 2: 0 })),
  (sort) => attempt(() => sort.call({ get length () { throw new Error('len') } })),
  (sort) => attempt(() => sort.call(Object.create({ 0: 'c', 1: 'a', length: 3 }, { 2: { value: 'b', writable: true, enumerable: true, configurable: true } }))),
  (sort) => attempt(() => sort.call(Object.seal([3, 2, , 1]))),
  (sort) => attempt(() => sort.call(Object.preventExtensions([3, 2, , 1]))),
  (sort) => attempt(() => sort.call([3, undefined, null, , 'x', true, NaN, -0, 1n])),
  (sort) => attempt(() => { const a = [3, , 1]; Object.setPrototypeOf(a, { __proto__: Array.prototype, 1: 'p' }); return sort.call(a) }),
  (sort) => attempt(() => { const a = [3, 2, 1]; Object.defineProperty(a, 1, { get: () => 'g', set (v) { a.seen = v }, enumerable: true }); return sort.call(a) }),
  (sort) => attempt(() => { const a = [3, 2, 1]; Object.defineProperty(a, 0, { value: 3, writable: false, enumerable: true }); return sort.call(a) }),
  (sort) => attempt(() => { const a = [5, 4, 3, 2, 1]; return sort.call(a, (x, y) => { a.length = 0; return x - y }) }),
  (sort) => attempt(() => { const a = [5, 4, 3, 2, 1]; return sort.call(a, (x, y) => { Object.freeze(a); return x - y }) }),
  (sort) => sort.length + sort.name + typeof sort.prototype
]
if (!newer) probes.forEach((probe, i) => {
  const a = probe(arraySort)
  const b = probe(nativeSort)
  if (a !== b) differ('array probe ' + i, a, b)
})
const typedProbes = [
  (sort) => attempt(() => sort.call([2, 1])),
  (sort) => attempt(() => sort.call([2, 1], () => 1)),
  (sort) => attempt(() => sort.call(new Uint8Array([2, 1]), null)),
  (sort) => attempt(() => sort.call(new Uint8Array([2, 1]), {})),
  (sort) => attempt(() => sort.call({}, 5)),
  (sort) => attempt(() => sort.call(new Proxy(new Uint8Array(2), {}), () => 1)),
  (sort) => attempt(() => sort.call(new Float64Array([3, NaN, -0, 0, -Infinity, 2]))),
  (sort) => attempt(() => sort.call(new Float64Array([3, NaN, -0, 0, -Infinity, 2]), (x, y) => y - x)),
  (sort) => attempt(() => sort.call(new BigInt64Array([3n, -1n, 2n]), (x, y) => (x < y ? 1 : -1))),
  (sort) => attempt(() => { const a = new Uint8Array([3, 2, 1]); a.x = 1; return sort.call(a, (x, y) => { a[0] = 9; return x - y }) }),
  (sort) => sort.length + sort.name + typeof sort.prototype
]
typedProbes.forEach((probe, i) => {
  const a = probe(typedArraySort)
  const b = probe(nativeTypedSort)
  if (a !== b) differ('typed array probe ' + i, a, b)
})

console.log(JSON.stringify({ node: process.version, v8: process.versions.v8, arrays: wanted, comparators: names.length, bytesCompared: calls, differences }))
process.exitCode = differences ? 1 : 0

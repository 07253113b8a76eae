// name: default
return [[10, 9, 1, 2, -1, -10].sort(), ['b', undefined, 'a', , 'C', null].sort(), [true, 'a', 5, {}, []].sort(), ['é', 'e', 'z', '😀', '\uffff'].sort(), [3n, 10n, 2n].sort()]
// name: stable
return Array.from({ length: 200 }, (_, i) => ({ k: i * 7919 % 10, i })).sort((a, b) => a.k - b.k).map((x) => x.i)
// name: boolean-comparator
return [[5, 3, 9, 1].sort((a, b) => a > b), [5, 3, 9, 1].sort((a, b) => a < b), Array.from({ length: 30 }, (_, i) => i * 17 % 31).sort((a, b) => a > b)]
// name: one-or-minus-one
return [Array.from({ length: 40 }, (_, i) => i * 17 % 7).sort((a, b) => a > b ? 1 : -1), Array.from({ length: 40 }, (_, i) => i * 17 % 7).sort((a, b) => a < b ? -1 : 1)]
// name: minus-one-or-zero
return Array.from({ length: 100 }, (_, i) => i * 37 % 23).sort((a, b) => a < b ? -1 : 0)
// name: constant-comparators
const a = () => Array.from({ length: 70 }, (_, i) => i)
return [a().sort(() => 1), a().sort(() => -1), a().sort(() => 0), a().sort(() => NaN), a().sort(() => undefined), a().sort(() => '-1'), a().sort(() => true)]
// name: pseudo-random-comparator
let s = 1
const next = () => { s = s * 1103515245 + 12345 & 0x7fffffff; return s }
return [10, 50, 100, 300].map((n) => Array.from({ length: n }, (_, i) => i).sort(() => next() % 3 - 1))
// name: modular-comparator
return Array.from({ length: 150 }, (_, i) => i).sort((a, b) => a % 13 - b % 7)
// name: call-sequence-small
// taints: V8 14 sorts short arrays otherwise
const calls = [];
[5, 3, 9, 1, 7].sort((a, b) => { calls.push([a, b]); return a - b })
return calls
// name: call-sequence-large
const calls = []
Array.from({ length: 100 }, (_, i) => i * 37 % 101).sort((a, b) => { calls.push(a * 1000 + b); return a - b })
return [calls.length, calls]
// name: call-sequence-gallop
const calls = []
const a = Array.from({ length: 400 }, (_, i) => i < 200 ? i * 3 : (i - 200) * 5 + (i > 300 ? 100 : 0))
a.sort((x, y) => { calls.push(x - y); return x - y })
return [calls.length, calls.slice(0, 600)]
// name: reversed-runs
return [Array.from({ length: 200 }, (_, i) => 200 - i).sort((a, b) => a - b).slice(0, 5), Array.from({ length: 300 }, (_, i) => i % 50).sort((a, b) => b - a)]
// name: undefined-and-holes
const calls = []
const a = [3, undefined, 1, , 2, undefined, , 0]
a.sort((x, y) => { calls.push(x, y); return x - y })
return [a.length, Object.keys(a), a, calls.includes(undefined)]
// name: throwing-comparator
const a = [3, 1, 2, 5, 4]
let n = 0
try { a.sort((x, y) => { if (++n === 3) throw new Error('stop'); return x - y }) } catch (e) { return [e.message, a] }
return 'not thrown'
// name: mutating-comparator
// taints: V8 14 sorts short arrays otherwise
const a = [5, 4, 3, 2, 1]
a.sort((x, y) => { a.push(9); a[0] = 'x'; return x - y })
return a
// name: shrinking-comparator
const a = [5, 4, 3, 2, 1]
a.sort((x, y) => { a.length = 1; return x - y })
return [a, a.length]
// name: bad-comparator
return [null, 5, {}, 'x'].map((c) => { try { return [2, 1].sort(c) } catch (e) { return e.name } })
// name: bigint-result
try { return [2, 1].sort((a, b) => 1n) } catch (e) { return e.name }
// name: object-result
return [3, 1, 2].sort((a, b) => ({ valueOf: () => a - b }))
// name: array-like
return [Array.prototype.sort.call({ length: 3, 0: 'c', 1: 'a', 2: 'b' }), Array.prototype.sort.call({ length: 3, 0: 2, 2: 1 }, (a, b) => a - b)]
// name: default-converts-each-time
// taints: V8 14 sorts short arrays otherwise
const log = []
const a = [3, 1, 2].map((x) => ({ toString () { log.push(x); return String(x) } }))
a.sort()
return log
// name: symbols
try { return [Symbol('a'), 1].sort() } catch (e) { return e.name }
// name: typed-arrays
return [new Float64Array([3, NaN, -0, 0, -1, Infinity]).sort(), new Uint8Array([5, 1, 200, 3]).sort(), new Int8Array([1, -1, 0]).sort(), new BigInt64Array([3n, -1n, 2n]).sort()].map((t) => [...t])
// name: typed-arrays-comparator
const calls = []
const t = new Uint8Array([5, 3, 9, 1, 7, 2]).sort((a, b) => { calls.push(a * 10 + b); return b - a })
return [[...t], calls]
// name: typed-arrays-bad-comparators
const t = () => Uint8Array.from({ length: 100 }, (_, i) => i * 37 % 101)
return [t().sort((a, b) => a > b), t().sort(() => 1), t().sort(() => -1), t().sort((a, b) => a % 10 - b % 7)].map((x) => [...x])
// name: subclass
class A extends Array {}
const a = A.from([3, 1, 2])
return [a.sort() === a, a.sort((x, y) => y - x) instanceof A, [...a]]
// name: getter-elements
const a = [3, 1]
Object.defineProperty(a, 2, { get: () => 2, set (v) { this.seen = v }, enumerable: true, configurable: true })
a.sort()
return [[...a], a.seen]
// name: strings-vs-locale
return [['b', 'a', 'C', 'B', 'A', 'c'].sort(), ['b', 'a', 'C', 'B', 'A', 'c'].sort((x, y) => x.localeCompare(y)), ['b', 'a', 'C'].sort((x, y) => x > y ? 1 : x < y ? -1 : 0)]
// name: by-several-keys
return Array.from({ length: 120 }, (_, i) => [i % 3, i * 7 % 5, i]).sort((a, b) => a[0] - b[0] || b[1] - a[1]).map((x) => x[2])

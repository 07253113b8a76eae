// name: holes
const a = [1, , 3]
return [a.length, 1 in a, a.map((x) => x * 2), Object.keys(a), a.indexOf(undefined), a.includes(undefined), a.filter(() => true), a.reduce((x, y) => x + y), a.join('-'), [...a], JSON.stringify(a), a.findIndex((x) => x === undefined), a.every((x) => x > 0)]
// name: length
const a = [1, 2, 3]
a.length = 1; a[4] = 5; a['2'] = 'two'; a[-1] = 'neg'; a['01'] = 'x'
return [a.length, Object.keys(a), a]
// name: length-bad
return [-1, 1.5, 2 ** 32, '2', 'x', NaN].map((n) => { try { const a = [1, 2, 3]; a.length = n; return a.length } catch (e) { return e.name } })
// name: constructor
return [Array(3).length, new Array(3, 4), Array.of(3), Array.from({ length: 2 }, (_, i) => i * 2), Array.from('a😀'), Array.from(new Set([1, 1, 2])), Array.from({ 0: 'x', length: 1 }), Array.from(new Map([[1, 2]])), Array.from([1, , 3])]
// name: constructor-bad
return [-1, 1.5, 2 ** 32].map((n) => { try { return new Array(n).length } catch (e) { return e.name } })
// name: splice
const run = (...args) => { const a = [1, 2, 3, 4, 5]; const r = a.splice(...args); return [r, a] }
return [run(), run(1), run(-2), run(1, 2), run(1, 0, 'x', 'y'), run(-1, 1, 'z'), run(9, 1, 'end'), run(undefined), run(0, undefined), run(1, -1, 'q')]
// name: slice
const a = [1, 2, 3, 4]
return [a.slice(), a.slice(-2), a.slice(1, -1), a.slice(3, 1), a.slice(NaN), a.slice('1'), a.slice(0, Infinity)]
// name: concat
class A extends Array {}
return [[1].concat(2, [3], [[4]]), [].concat({ length: 1, 0: 'x', [Symbol.isConcatSpreadable]: true }), [1].concat([, 2]).length, new A(1, 2).concat(3) instanceof A, [].concat('ab', null)]
// name: flat
return [[1, [2, [3, [4]]]].flat(), [1, [2, [3, [4]]]].flat(Infinity), [1, , [2, , 3]].flat(), [1, 2].flatMap((x) => [x, [x]]), [[]].flat(), [1, 2].flatMap((x) => x), [[1]].flat(-1)]
// name: fill-copy
return [[1, 2, 3, 4, 5].copyWithin(0, 3), [1, 2, 3, 4, 5].copyWithin(1, -3, -1), Array(3).fill(0), [1, 2, 3].fill(9, 1, 2), [1, 2, 3].fill(7, -1), [1, , 3].copyWithin(0, 1)]
// name: find
const a = [5, 12, 8]
return [a.find((x) => x > 6), a.findIndex((x) => x > 6), a.find((x) => x > 99), a.findIndex((x) => x > 99), a.indexOf(8, -1), a.lastIndexOf(5, -3), a.lastIndexOf(8), [NaN].indexOf(NaN), [NaN].includes(NaN), a.indexOf(5, 1)]
// name: reduce
return [[1, 2, 3].reduceRight((x, y) => x + '-' + y), [].reduce((x, y) => x + y, 'init'), [1, 2, 3].reduce((acc, x, i, arr) => acc + x * i + arr.length, 0), (() => { try { [].reduce(() => 1) } catch (e) { return e.name } })()]
// name: mutation-during-iteration
const a = [1, 2, 3], seen = []
a.forEach((x, i) => { seen.push(x); if (i === 0) { a.push(4); a[2] = 'c'; delete a[1] } })
const b = [1, 2, 3], more = []
for (const x of b) { more.push(x); if (more.length < 6) b.push(x * 10) }
return [seen, a, more]
// name: array-likes
return [Array.prototype.map.call('abc', (c) => c + c), Array.prototype.join.call({ length: 3, 0: 'a', 2: 'c' }), Array.prototype.push.call({ length: 2 }, 'x'), Array.prototype.slice.call({ length: '2', 0: 1, 1: 2 }), Array.prototype.pop.call({ length: 1, 0: 'p' }), Array.prototype.reverse.call({ length: 3, 0: 'a' })]
// name: join
return [[1, null, undefined, [2, [3]]].join(), [].join('x'), [1].join('x'), [1, 2].join(undefined), [[], [[]]].join(), [{}].join(), [1, 2, 3].join('')]
// name: join-cycle
const a = [1]
a.push(a, 2)
return String(a)
// name: shift-unshift
const a = [1, 2, 3]
return [a.shift(), a.unshift(8, 9), a, [].shift(), a.pop(), a.push(), a.length, a.push(1, 2)]
// name: reverse
return [[1, 2, 3].reverse(), [1, , 3].reverse(), Object.keys([1, , , 4].reverse()), [].reverse()]
// name: species
class A extends Array {}
const a = A.from([1, 2, 3])
return [a.map((x) => x) instanceof A, a.filter(() => true).constructor.name, a.slice(1) instanceof A, a.length, Array.isArray(a), A.of(1) instanceof A]
// name: is-array
return [Array.isArray([]), Array.isArray({ __proto__: Array.prototype }), Array.isArray(new Proxy([], {})), Array.isArray(new Uint8Array()), Array.isArray('a')]
// name: destructuring
const [a, , b = 5, ...c] = [1, 2, undefined, 4, 5]
const [[x] = [9], { y: z } = { y: 8 }] = []
let p = 1, q = 2; [p, q] = [q, p]
return [a, b, c, x, z, p, q]
// name: entries
return [[...['a', 'b'].entries()], [...['a', , 'c'].keys()], [...[1, 2].values()], Object.entries(['x', , 'z'])]
// name: to-string
return [String([1, [2, 3]]), [] + [], [] + {}, [1] + 1, +[], +[5], [1, 2] == '1,2', [] == false]
// name: proxy-array-operations
const log = []
const p = new Proxy([1, 2], { get (t, k, r) { log.push('get ' + String(k)); return Reflect.get(t, k, r) }, set (t, k, v, r) { log.push('set ' + String(k)); return Reflect.set(t, k, v, r) }, has (t, k) { log.push('has ' + String(k)); return k in t }, deleteProperty (t, k) { log.push('del ' + String(k)); return delete t[k] } })
p.push(3); p.shift(); p.splice(0, 1, 'x'); p.map((x) => x); p.includes(2); p.reverse()
return log
// name: sparse-large-index
const a = []
a[1000000] = 1
return [a.length, Object.keys(a), a.findIndex((x) => x === 1), a.indexOf(1)]
// name: define-property-index
const a = [1, 2, 3]
Object.defineProperty(a, 1, { get: () => 'got' })
return [a.map((x) => x), a.indexOf('got'), (() => { try { a.length = 0 } catch (e) { return [e.name, a.length] } })()]
// name: frozen
const a = Object.freeze([1, 2])
return ['push', 'pop', 'shift', 'sort', 'reverse', 'fill'].map((m) => { try { return a[m](1) } catch (e) { return e.name } })

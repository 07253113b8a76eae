// name: generators
function * g () { const a = yield 1; try { yield a * 2 } finally { yield 'fin' } return 'end' }
const it = g()
return [it.next('ignored'), it.next(21), it.return('r'), it.next(), it.next(), [...g()]]
// name: generator-throw
function * g () { while (true) { try { yield 1 } catch (e) { yield 'caught ' + e } } }
const it = g()
it.next()
const other = g()
return [it.throw('x'), it.next(), (() => { try { other.throw(new Error('early')) } catch (e) { return e.message } })(), other.next()]
// name: delegation
const log = []
function * inner () { try { const x = yield 'a'; log.push(x); return 'ret' } finally { log.push('inner fin') } }
function * outer () { const r = yield * inner(); log.push(r); yield * 'xy' }
const it = outer()
return [it.next(), it.next('sent'), [...it], log]
// name: closing
const log = []
const make = () => ({ [Symbol.iterator] () { let n = 0; return { next () { log.push('next'); return { value: n++, done: n > 5 } }, return () { log.push('return'); return {} } } } })
for (const x of make()) { if (x === 1) break }
const [a, b] = make()
const [...all] = make()
try { for (const x of make()) throw new Error('e') } catch (e) { log.push(e.message) }
return log
// name: closing-on-error
const log = []
function * g () { try { yield 1; yield 2 } finally { log.push('fin') } }
try { new Map(g()) } catch (e) { log.push(e.name) }
try { Array.from(g(), () => { throw new Error('map') }) } catch (e) { log.push(e.message) }
try { const [a] = (function * () { try { yield 1 } finally { throw new Error('close') } })() } catch (e) { log.push(e.message) }
await Promise.all(g()).then((v) => log.push(v.length))
return log
// name: protocol
const it = [1, 2][Symbol.iterator]()
return [it.next(), it.next(), it.next(), it.next(), it[Symbol.iterator]() === it, typeof it.return, Object.prototype.toString.call(it), Object.keys(it.next())]
// name: bad-iterables
return [() => [...{}], () => { for (const x of 5); }, () => { const [a] = null }, () => new Set(5), () => [...{ [Symbol.iterator]: 5 }], () => [...{ [Symbol.iterator] () { return 5 } }], () => [...{ [Symbol.iterator] () { return { next () { return 5 } } } }], () => Math.max(...1)].map((f) => { try { return f() } catch (e) { return e.name } })
// name: spread
return [[...'ab', ...[1, , 2], ...new Map([[1, 2]]), ...new Set('aab')], Math.max(...[1, 5, 3]), ((...a) => a.length)(...'abc', ...[], 1), [...[1, 2].entries()]]
// name: custom-iterator
class Range { constructor (a, b) { this.a = a; this.b = b } * [Symbol.iterator] () { for (let i = this.a; i < this.b; i++) yield i } }
const r = new Range(1, 5)
return [[...r], Array.from(r, (x) => x * x), Math.max(...r), new Set(r).size, Object.fromEntries([...r].map((x) => [x, x]))]
// name: return-value
function * g () { return 5 }
return [g().next(), [...g()], (() => { function * d () { return yield * g() } return d().next() })()]
// name: generator-objects
function * g () {}
return [Object.getPrototypeOf(g()) === g.prototype, g() instanceof g, (() => { try { return new g() } catch (e) { return e.name } })(), g.constructor.name, Object.prototype.toString.call(g()), typeof g.prototype, Object.keys(g.prototype)]
// name: running-generator
let it
function * g () { try { it.next() } catch (e) { yield e.name } }
it = g()
return it.next()
// name: array-iterator-live
const a = [1, 2], it = a.values()
it.next(); it.next(); it.next(); a.push(3)
return [it.next(), [...a.keys()]]
// name: destructuring-defaults
const log = []
const d = (n) => { log.push(n); return n }
const [a = d('a'), b = d('b'), [c = d('c')] = [], { e = d('e') } = {}] = [undefined, null]
return [a, b, c, e, log]
// name: destructuring-order
const log = []
const o = { get a () { log.push('get a'); return undefined }, get b () { log.push('get b'); return 2 } }
const k = (n) => { log.push('key ' + n); return n }
const { [k('a')]: x = (log.push('default'), 1), [k('b')]: y } = o
return [x, y, log]
// name: iterator-helpers
// taints: newer
try { return [[1, 2, 3].values().map((x) => x * 2).toArray(), typeof Iterator] } catch (e) { return e.name }
// name: labels
const log = []
outer: for (let i = 0; i < 3; i++) { for (let j = 0; j < 3; j++) { if (j === 1) continue outer; if (i === 2) break outer; log.push([i, j]) } }
block: { log.push('in'); break block; log.push('never') }
return log
// name: closures-in-loops
const a = [], b = [], c = []
for (let i = 0; i < 3; i++) { a.push(() => i); i += 0 }
for (var j = 0; j < 3; j++) b.push(() => j)
for (const k in { x: 1, y: 2 }) c.push(() => k)
return [a.map((f) => f()), b.map((f) => f()), c.map((f) => f())]
// name: match-all
const it = 'a1b2'.matchAll(/[a-z]/g)
return [Object.prototype.toString.call(it), it.next().value[0], [...it].length, (() => { try { 'a'.matchAll(/a/) } catch (e) { return e.name } })()]

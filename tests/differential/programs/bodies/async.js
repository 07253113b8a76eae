// name: order-basic
const log = []
const p = Promise.resolve().then(() => log.push('p1')).then(() => log.push('p2')).then(() => log.push('p3'))
const f = async () => { log.push('a0'); await null; log.push('a1'); await null; log.push('a2') }
const q = f()
log.push('sync')
await Promise.all([p, q])
return log
// name: await-thenable
const log = []
const t = { then (r) { log.push('then'); r('v') } }
const a = (async () => { log.push(await t); log.push('after') })()
const b = Promise.resolve().then(() => log.push(1)).then(() => log.push(2)).then(() => log.push(3)).then(() => log.push(4))
await Promise.all([a, b])
return log
// name: return-promise
const log = []
const a = (async () => Promise.resolve('x'))().then((v) => log.push(v))
const b = (async () => await Promise.resolve('y'))().then((v) => log.push(v))
const c = (async () => 'z')().then((v) => log.push(v))
const d = Promise.resolve().then(() => log.push(1)).then(() => log.push(2)).then(() => log.push(3)).then(() => log.push(4))
await Promise.all([a, b, c, d])
return log
// name: resolve-with-promise
const log = []
const a = new Promise((r) => r(Promise.resolve('x'))).then((v) => log.push(v))
const b = Promise.resolve(Promise.resolve('y')).then((v) => log.push(v))
const c = Promise.resolve().then(() => Promise.resolve('z')).then((v) => log.push(v))
const d = Promise.resolve().then(() => log.push(1)).then(() => log.push(2)).then(() => log.push(3)).then(() => log.push(4))
await Promise.all([a, b, c, d])
return log
// name: combinators
const d = (v, n) => n ? Promise.resolve().then(() => d(v, n - 1)) : v
return [await Promise.all([1, d(2, 3), Promise.resolve(3)]), await Promise.race([d('slow', 3), d('fast', 1)]), await Promise.allSettled([1, Promise.reject(2)]), await Promise.any([Promise.reject(1), d('any', 2)]), await Promise.all([])]
// name: race-order
const log = []
const a = Promise.race([new Promise(() => {}), Promise.resolve('r')]).then((v) => log.push(v))
const b = Promise.all([Promise.resolve('all')]).then((v) => log.push(v[0]))
const c = Promise.any([Promise.resolve('any')]).then((v) => log.push(v))
const s = Promise.allSettled([Promise.resolve('set')]).then((v) => log.push(v[0].value))
const d = Promise.resolve().then(() => log.push(1)).then(() => log.push(2)).then(() => log.push(3))
await Promise.all([a, b, c, s, d])
return log
// name: finally-order
const log = []
const a = Promise.resolve(1).finally(() => log.push('f')).then((v) => log.push(v))
const b = Promise.resolve().then(() => log.push('x1')).then(() => log.push('x2')).then(() => log.push('x3')).then(() => log.push('x4'))
const c = Promise.reject(new Error('e')).finally(() => 5).catch((e) => log.push(e.message))
await Promise.all([a, b, c])
return log
// name: async-generator-order
const log = []
async function * g () { log.push('g1'); yield 1; log.push('g2'); yield Promise.resolve(2); log.push('g3') }
const a = (async () => { for await (const x of g()) log.push(x) })()
const b = Promise.resolve().then(() => log.push('m1')).then(() => log.push('m2')).then(() => log.push('m3')).then(() => log.push('m4')).then(() => log.push('m5')).then(() => log.push('m6'))
await Promise.all([a, b])
return log
// name: async-generator-queue
const log = []
async function * g () { let x = yield 1; log.push(x); x = yield 2; log.push(x) }
const it = g()
const all = await Promise.all([it.next('a'), it.next('b'), it.next('c'), it.next('d')])
return [all, log]
// name: async-generator-return
const log = []
async function * g () { try { yield 1; yield 2 } finally { log.push('fin'); await null; log.push('fin2') } }
for await (const x of g()) { log.push(x); break }
const it = g()
await it.next()
return [log, await it.return('r'), await it.next(), await g().return(Promise.resolve('early'))]
// name: yield-star-async
const log = []
async function * inner () { yield 1; return 'ret' }
async function * outer () { log.push(yield * inner()); yield * [Promise.resolve(2), 3] }
for await (const x of outer()) log.push(x)
return log
// name: for-await-sync-iterable
const log = []
const a = (async () => { for await (const x of [1, Promise.resolve(2)]) log.push(x) })()
const b = Promise.resolve().then(() => log.push('m1')).then(() => log.push('m2')).then(() => log.push('m3')).then(() => log.push('m4')).then(() => log.push('m5'))
await Promise.all([a, b])
return log
// name: for-await-rejection
const log = []
try { for await (const x of [1, Promise.reject(new Error('e')), 3]) log.push(x) } catch (e) { log.push(e.message) }
return log
// name: throw-in-then
const log = []
await Promise.resolve().then(() => { throw 1 }).then(() => log.push('no'), (e) => { log.push('caught ' + e); return 2 }).then((v) => log.push(v)).catch(() => log.push('never'))
return log
// name: non-function-handlers
return [await Promise.resolve(1).then(5), await Promise.resolve(2).then(null, undefined), await Promise.reject(3).catch((x) => x), await Promise.reject(4).then(null).catch((x) => x)]
// name: executor-throws
return [await new Promise(() => { throw 'x' }).catch((e) => e), await new Promise((r) => { r(1); throw 'ignored' }), await new Promise((r) => { r(1); r(2) }), await new Promise((r, j) => { j(1); r(2) }).catch((e) => 'rejected ' + e)]
// name: self-resolution
let p
p = new Promise((r) => Promise.resolve().then(() => r(p)))
return await p.catch((e) => e.name)
// name: thenable-throws
return [await Promise.resolve({ then () { throw 'thrown' } }).catch((e) => e), await Promise.resolve({ get then () { throw 'getter' } }).catch((e) => e), await Promise.resolve({ then (r) { r(1); throw 'late' } })]
// name: nested-async
const log = []
const f = async (n) => { log.push('in' + n); if (n) await f(n - 1); log.push('out' + n); return n }
await Promise.all([f(2), f(1)])
return log
// name: await-in-expressions
const f = async (v) => v
return [(await f(1)) + (await f(2)), [await f(3), ...await f([4])], { [await f('k')]: await f('v') }, `${await f('t')}`, (await f({ a: 5 })).a, await f(0) || await f('or')]
// name: await-evaluation-order
const log = []
const f = async (v) => { log.push(v); return v }
let x = 1
const r = x + await (async () => { x = 10; return 5 })()
await f('a'); log.push(await f('b') + await f('c'))
return [r, x, log]
// name: catch-order
const log = []
const a = Promise.reject(1).catch(() => log.push('c1')).then(() => log.push('c2'))
const b = Promise.resolve(1).catch(() => log.push('no')).then(() => log.push('d2'))
await Promise.all([a, b])
return log
// name: microtask-flood
let n = 0
const f = () => n++ < 5000 ? Promise.resolve().then(f) : n
return await f()
// name: then-getter-order
const log = []
const t = { get then () { log.push('get'); return (r) => { log.push('call'); r(1) } } }
const p = Promise.resolve(t)
log.push('sync')
await p
return log
// name: subclass-await
const log = []
class P extends Promise { then (...a) { log.push('then'); return super.then(...a) } }
await P.resolve(1); log.push('after'); await new P((r) => r(2))
return log
// name: async-arrow-this
const o = { v: 5, async m () { return (async () => this.v)() }, f: async function () { await null; return arguments.length } }
return [await o.m(), await o.f(1, 2)]
// name: promise-shape
const p = Promise.resolve(1)
return [Object.keys(p), p.constructor.name, Promise.length, Promise.resolve(p) === p, typeof p.then, Object.prototype.toString.call(p), (() => { try { Promise() } catch (e) { return e.name } })(), await Promise.resolve.call(Promise, 5)]

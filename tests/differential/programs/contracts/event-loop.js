// When apply() has ended, and which writes count.

// name: microtask-after-sync
export const apply = { RUN (tx) { Promise.resolve().then(() => tx.put('/late', 1)) } }
// name: microtask-after-async
export const apply = { async RUN (tx) { Promise.resolve().then(() => tx.put('/late', 1)) } }
// name: long-microtask-chain
export const apply = { async RUN (tx) { (async () => { for (let i = 0; i < 100; i++) await null; tx.put('/late', 1) })() } }
// name: after-unawaited-read
// taints: race: the read may arrive before the runtime looks
import { index } from 'contract'
export const apply = { RUN (tx) { index.get('/a').then(() => tx.put('/after', 1)) } }
// name: unawaited-then-awaited-read
// state: {"/a":1,"/b":2}
import { index } from 'contract'
export const apply = { async RUN (tx) { index.get('/a').then((e) => tx.put('/first', e.value)); const e = await index.get('/b'); tx.put('/second', e.value) } }
// name: reads-in-order
// state: {"/a":1,"/b":2,"/c":3}
import { index } from 'contract'
export const apply = { async RUN (tx) { const log = []; await Promise.all(['/c', '/a', '/b'].map(async (p) => { const e = await index.get(p); log.push(e.value); await null; log.push(-e.value) })); tx.put('/v', log) } }
// name: read-in-then
// state: {"/a":1,"/b":2}
import { index } from 'contract'
export const apply = { async RUN (tx) { const log = []; const one = index.get('/a').then(async () => { log.push('a'); await index.get('/b'); log.push('a-b') }); const two = index.get('/b').then(() => log.push('b')); await Promise.all([one, two]); tx.put('/v', log) } }
// name: race
// state: {"/a":1,"/b":2}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', (await Promise.race([index.get('/b'), index.get('/a')])).value) } }
// name: any
// state: {"/a":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', (await Promise.any([Promise.reject(new Error('x')), index.get('/a')])).value) } }
// name: all-settled
// state: {"/a":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', (await Promise.allSettled([index.get('/a'), Promise.reject(5), index.get('/none')])).map((r) => [r.status, Object.keys(r)])) } }
// name: microtasks-between-reads
// state: {"/a":1,"/b":2}
import { index } from 'contract'
export const apply = { async RUN (tx) { const log = []; index.get('/a').then(() => { log.push(1); Promise.resolve().then(() => log.push(2)).then(() => log.push(3)) }); await index.get('/b'); log.push(4); tx.put('/v', log) } }
// name: list-and-get-mixed
// state: {"/a":1,"/b/c":2}
import { index } from 'contract'
export const apply = { async RUN (tx) { const log = []; await Promise.all([index.list('/').then((l) => log.push(l.length)), index.get('/a').then((e) => log.push(e.path)), index.list('/b').then((l) => log.push(l[0].name))]); tx.put('/v', log) } }
// name: read-result-shared
// state: {"/a":{"x":1}}
import { index } from 'contract'
export const apply = { async RUN (tx) { const p = index.get('/a'); const a = await p; const b = await p; a.value.x = 2; tx.put('/v', [a === b, b.value.x, (await index.get('/a')).value.x]) } }
// name: read-is-native-promise
// state: {"/a":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { const p = index.get('/a'); tx.put('/v', [p instanceof Promise, p.constructor === Promise, Object.prototype.toString.call(p)]); await p } }
// name: settles-while-read-pending
// state: {"/a":1}
// taints: race: a read is pending at the end
import { index } from 'contract'
export const apply = { async RUN (tx) { index.get('/a').then(() => { tx.put('/late', 1) }); await null; tx.put('/v', 1) } }
// name: unhandled-rejection
export const apply = { RUN (tx) { Promise.reject(new Error('nobody looks')); tx.put('/v', 1) } }
// name: unhandled-rejection-late
// state: {"/a":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { (async () => { throw new Error('nobody') })(); await index.get('/a'); tx.put('/v', 1) } }
// name: put-in-finally
export const apply = { async RUN (tx) { try { throw new Error('x') } finally { tx.put('/v', 1); await null; tx.put('/w', 1) } } }
// name: error-then-late-put
export const apply = { async RUN (tx) { Promise.resolve().then(() => tx.put('/v', 1)); throw new Error('x') } }
// name: tx-kept-over-time
let kept
export const apply = { async RUN (tx) { kept = tx; await null; kept.put('/v', 1) } }
// name: sync-result-late-function
export const apply = { RUN (tx) { tx.put('/a', 1); return Promise.resolve().then(() => { tx.put('/b', 2); return { c: 3 } }) } }
// name: hang-on-number-key
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', 1); await index.get(5) } }
// name: hang-on-undefined-key
import { index } from 'contract'
export const apply = { async RUN (tx) { try { await index.get() } catch (e) {} tx.put('/v', 1) } }
// name: read-uncloneable-key
import { index } from 'contract'
export const apply = { async RUN (tx) { try { await index.get(() => 1) } catch (e) { tx.put('/v', [e.name, e.message]) } } }
// name: read-uncloneable-key-sync
// runtime-only: how isolated-vm copies arguments of asynchronous calls
import { index } from 'contract'
export const apply = { RUN (tx) { try { index.get(Symbol('s')); tx.put('/v', 'returned') } catch (e) { tx.put('/v', 'thrown') } } }
// name: thenable-then-order
export const apply = { async RUN (tx) { const log = []; const t = { then (r) { log.push('then'); r('t') } }; Promise.resolve(t).then((x) => log.push(x)); Promise.resolve().then(() => log.push(1)).then(() => log.push(2)).then(() => log.push(3)); await t; log.push('awaited'); await null; await null; tx.put('/v', log) } }
// name: for-await-reads
// state: {"/a":1,"/b":2}
import { index } from 'contract'
export const apply = { async RUN (tx) { const log = []; for await (const e of [index.get('/a'), index.get('/b')]) log.push(e.value); tx.put('/v', log) } }
// name: rejection-handled-later
export const apply = { async RUN (tx) { const p = Promise.reject(new Error('x')); await null; await null; try { await p } catch (e) { tx.put('/v', e.message) } } }
// name: rejection-handled-after-read
// state: {"/a":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { const p = Promise.reject(new Error('x')); await index.get('/a'); try { await p } catch (e) { tx.put('/v', e.message) } } }
// name: rejection-of-two
export const apply = { RUN (tx) { Promise.reject(new RangeError('one')); Promise.reject(new Error('two')); tx.put('/v', 1) } }
// name: rejection-unhandled-and-apply-throws
export const apply = { RUN (tx) { Promise.reject(new Error('nobody')); throw new RangeError('thrown') } }
// name: rejection-unhandled-and-apply-rejects
// runtime-only: how isolated-vm looks for unhandled rejections
export const apply = { async RUN (tx) { Promise.reject(new Error('nobody')); throw new RangeError('thrown') } }
// name: rejection-with-undefined
export const apply = { RUN (tx) { Promise.reject(); tx.put('/v', 1) } }
// name: rejection-with-string
export const apply = { RUN (tx) { Promise.reject('text'); tx.put('/v', 1) } }
// name: rejection-in-derived
export const apply = { RUN (tx) { const p = Promise.reject(new Error('x')); p.then(() => 1); p.catch(() => 1); tx.put('/v', 1) } }
// name: rejection-in-race-loser
// state: {"/a":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { await Promise.race([Promise.resolve(1), Promise.reject(new Error('loser'))]); tx.put('/v', 1) } }
// name: rejection-in-all
export const apply = { async RUN (tx) { try { await Promise.all([Promise.reject(new Error('a')), Promise.reject(new Error('b'))]) } catch (e) { tx.put('/v', e.message) } } }
// name: rejection-after-read-unawaited
// runtime-only: how isolated-vm looks for unhandled rejections
// state: {"/a":1,"/b":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { index.get('/a').then(() => { throw new Error('in then') }); await index.get('/b'); tx.put('/v', 1) } }
// name: rejection-at-load
// runtime-only: how isolated-vm looks for unhandled rejections
Promise.reject(new Error('at load'))
export const apply = { RUN (tx) { tx.put('/v', 1) } }
// name: rejection-by-async-iterator
export const apply = { async RUN (tx) { async function * g () { yield 1; throw new Error('gen') } const it = g(); await it.next(); it.next(); await null; await null; tx.put('/v', 1) } }
// name: rejection-caught-in-microtask
export const apply = { RUN (tx) { const p = Promise.reject(new Error('x')); Promise.resolve().then(() => p.catch(() => tx.put('/late', 1))); tx.put('/v', 1) } }
// name: resolved-twice
export const apply = { RUN (tx) { return new Promise((resolve, reject) => { tx.put('/v', 1); resolve(); reject(new Error('x')); throw new Error('y') }) } }
// name: console-rejection
// runtime-only: how isolated-vm looks for unhandled rejections
export const apply = { async RUN (tx) { console.log(Symbol('s')); tx.put('/v', 1) } }
// name: console-awaited
export const apply = { async RUN (tx) { tx.put('/v', typeof await console.log('x')) } }

// Modules: what compiles, what imports give, what is there at the top level.

// name: syntax-error
export const apply = {{ RUN () {} }
// name: top-level-throw
throw new Error('no')
// name: top-level-reject
await Promise.reject(new Error('no'))
// name: top-level-await
const v = await Promise.resolve(5)
export const apply = { RUN (tx) { tx.put('/v', v) } }
// name: top-level-await-read
// runtime-only: how isolated-vm runs asynchronous calls
// state: {"/a":1}
import { index } from 'contract'
const v = await index.get('/a')
export const apply = { RUN (tx) { tx.put('/v', v) } }
// name: top-level-this
const self = this
export const apply = { RUN (tx) { tx.put('/v', self === undefined) } }
// name: import-meta
export const apply = { RUN (tx) { tx.put('/v', [typeof import.meta, Object.getPrototypeOf(import.meta) === null, Object.keys(import.meta)]) } }
// name: import-unknown
import 'fs'
export const apply = { RUN (tx) { tx.put('/v', 1) } }
// name: import-unknown-namespace
import * as fs from 'fs'
export const apply = { RUN (tx) { tx.put('/v', Object.keys(fs)) } }
// name: import-unknown-default
// runtime-only: phase of the error
import fs from 'fs'
export const apply = { RUN (tx) { tx.put('/v', 1) } }
// name: import-missing-name
// runtime-only: phase of the error
import { match } from 'assert'
export const apply = { RUN (tx) { tx.put('/v', 1) } }
// name: import-same-twice
import * as a from 'assert'
import * as b from 'assert'
export const apply = { RUN (tx) { tx.put('/v', [a === b, Object.keys(a)]) } }
// name: import-dynamic
export const apply = { async RUN (tx) { try { await import('assert') } catch (e) { tx.put('/v', [e.constructor === Error, e.message]) } } }
// name: import-contract-names
import * as contract from 'contract'
export const apply = { RUN (tx) { tx.put('/v', Object.keys(contract)) } }
// name: import-util-names
import * as util from 'util'
export const apply = { RUN (tx) { tx.put('/v', Object.keys(util)) } }
// name: import-hoisted
export const apply = { RUN (tx) { tx.put('/v', typeof ok) } }
import { ok } from 'assert'
// name: import-not-writable
import { ok } from 'assert'
export const apply = { RUN (tx) { try { ok = 1 } catch (e) { tx.put('/v', e instanceof TypeError) } } }
// name: hashbang
#!/usr/bin/env node
export const apply = { RUN (tx) { tx.put('/v', 1) } }
// name: html-comment
export const apply = { RUN (tx) { tx.put('/v', 1) } }
<!-- no
// name: with-statement
with ({}) {}
export const apply = { RUN (tx) { tx.put('/v', 1) } }
// name: octal-literal
export const apply = { RUN (tx) { tx.put('/v', 010) } }
// name: duplicate-export
export const apply = { RUN (tx) { tx.put('/v', 1) } }
export { apply }
// name: implicit-global
export const apply = { RUN (tx) { try { leak = 1 } catch (e) { tx.put('/v', e.name) } } }
// name: code-from-strings
export const apply = { RUN (tx) { const F = (() => {}).constructor; tx.put('/v', [F('return 1 + 1')(), typeof globalThis.Function, typeof globalThis.eval, new F('a', 'return this === undefined')() ]) } }
// name: async-code-from-strings
export const apply = { async RUN (tx) { const F = (async () => {}).constructor; tx.put('/v', await F('return await 3')()) } }
// name: generator-code-from-strings
export const apply = { RUN (tx) { const F = (function * () {}).constructor; tx.put('/v', [...F('yield 1; yield 2')()]) } }
// name: removed-globals
export const apply = { RUN (tx) { tx.put('/v', ['eval', 'Function', 'Atomics', 'WebAssembly', 'AsyncFunction', 'setTimeout', 'queueMicrotask', 'structuredClone', 'TextEncoder', 'URL', 'atob', 'performance', 'Buffer', 'process', 'require'].map((n) => n in globalThis)) } }
// name: present-globals
export const apply = { RUN (tx) { tx.put('/v', ['AggregateError', 'FinalizationRegistry', 'WeakRef', 'SharedArrayBuffer', 'Intl', 'escape', 'unescape', 'global', 'globalThis', 'console', 'Proxy', 'Reflect', 'BigInt64Array'].map((n) => n in globalThis)) } }
// name: global-alias
export const apply = { RUN (tx) { tx.put('/v', global === globalThis) } }
// name: lower-case-globals
// runtime-only: lists the names of the realm
// taints: engine-specific: lists the names of the realm
export const apply = { RUN (tx) { tx.put('/v', Object.getOwnPropertyNames(globalThis).filter((k) => !/^[A-Z]/.test(k)).sort()) } }
// name: console-shape
// runtime-only: how isolated-vm runs asynchronous calls
export const apply = { RUN (tx) { tx.put('/v', [Object.keys(console), typeof console.table, console.log('x') instanceof Promise, console.log.length, console.log.name]) } }
// name: console-uncloneable
export const apply = { RUN (tx) { tx.put('/v', 1); console.log(() => 1) } }
// name: console-table
export const apply = { RUN (tx) { tx.put('/v', 1); console.table([1]) } }
// name: console-order
// runtime-only: how isolated-vm runs asynchronous calls
export const apply = { async RUN (tx) { const log = []; console.log('a').then(() => log.push('logged')); await null; await null; await null; log.push('later'); tx.put('/v', log) } }
// name: is-writer
// taints: machine: whether this machine writes
import { isWriter, oplog, listOplogs } from 'contract'
export const apply = { RUN (tx) { tx.put('/v', [isWriter, typeof oplog, listOplogs()]) } }
// name: index-shape
import { index } from 'contract'
export const apply = { RUN (tx) { tx.put('/v', [Object.keys(index), index.pubkey, index.constructor.name, typeof index.get, index.get.length, index.list.length]) } }
// name: patched-intrinsics
// runtime-only: the host lives in the same realm there
Array.prototype.map = function () { return 'patched' }
JSON.stringify = () => 'patched'
export const apply = { RUN (tx) { tx.put('/v', [[1].map((x) => x), JSON.stringify({})]) } }
// name: patched-before-tx
// runtime-only: the host lives in the same realm there
String.prototype.startsWith = () => { throw new Error('seen') }
Object.keys = () => { throw new Error('seen') }
Array.prototype[Symbol.iterator] = () => { throw new Error('seen') }
export const apply = { RUN (tx) { tx.put('/v', { a: [1, 2] }) } }
// name: patched-promise-then
// runtime-only: the host lives in the same realm there
const original = Promise.prototype.then
let seen = 0
Promise.prototype.then = function (...args) { seen++; return Reflect.apply(original, this, args) }
export const apply = { async RUN (tx) { await 1; await Promise.resolve(2); tx.put('/v', seen) } }
// name: object-prototype-setter
// runtime-only: the host lives in the same realm there
Object.defineProperty(Object.prototype, 'value', { set (v) { throw new Error('setter seen') }, configurable: true })
export const apply = { RUN (tx, op) { tx.put('/v', op) } }
// name: delete-globals
// runtime-only: the host lives in the same realm there
delete globalThis.Object
delete globalThis.Promise
delete globalThis.Uint8Array
export const apply = { async RUN (tx, op) { await null; tx.put('/v', [op, new Date(5)]) } }

// The assert module: it runs on copies, in the host.

// name: default-is-bare
import assert from 'assert'
export const apply = { RUN (tx) { tx.put('/v', [typeof assert, typeof assert.equal, typeof assert.ok, typeof assert.deepEqual, assert.length, assert.name]) } }
// name: names
import * as a from 'assert'
export const apply = { RUN (tx) { tx.put('/v', [Object.keys(a), a.default === a.ok]) } }
// name: truthy
import assert, { ok } from 'assert'
export const apply = { RUN (tx) { assert(1); ok('x'); assert({}, 'm'); tx.put('/v', [assert(true)]) } }
// name: falsy-message
import assert from 'assert'
export const apply = { RUN (tx) { tx.put('/v', 1); assert(0, 'zero is false') } }
// name: falsy-no-message
// runtime-only: texts of Node's assert
import assert from 'assert'
export const apply = { RUN (tx) { assert(0) } }
// name: falsy-empty-string
// runtime-only: texts of Node's assert
import assert from 'assert'
export const apply = { RUN (tx) { assert('') } }
// name: no-arguments
import assert from 'assert'
export const apply = { RUN (tx) { assert() } }
// name: function-is-uncloneable
import assert from 'assert'
export const apply = { RUN (tx) { assert(() => 1) } }
// name: error-as-message
import assert from 'assert'
export const apply = { RUN (tx) { try { assert(false, new TypeError('mine')) } catch (e) { tx.put('/v', [e instanceof TypeError, e.constructor.name, e.name, e.message]) } } }
// name: error-object-shape
import assert from 'assert'
export const apply = { RUN (tx) { try { assert(false, 'm') } catch (e) { tx.put('/v', [e.constructor === Error, e.name, e.message, 'code' in e, Object.getOwnPropertyNames(e).sort(), Object.keys(e)]) } } }
// name: equal-objects
import { equal } from 'assert'
export const apply = { RUN (tx) { const o = {}; try { equal(o, o); tx.put('/v', 'equal') } catch (e) { tx.put('/v', 'not equal') } } }
// name: not-equal-objects
import { notEqual } from 'assert'
export const apply = { RUN (tx) { const o = {}; notEqual(o, o); tx.put('/v', 1) } }
// name: equal-values
import { equal, notEqual } from 'assert'
const test = (f, ...args) => { try { f(...args); return true } catch (e) { return false } }
export const apply = { RUN (tx) { tx.put('/v', [[NaN, NaN], [0, -0], [1, '1'], [null, undefined], ['a', 'a'], [5n, 5n], [5n, 5], [true, 1], [undefined]].map((p) => [test(equal, ...p), test(notEqual, ...p)])) } }
// name: deep-equal-values
import { deepEqual, notDeepEqual } from 'assert'
const test = (f, ...args) => { try { f(...args); return true } catch (e) { return false } }
class K { constructor () { this.a = 1 } }
export const apply = { RUN (tx) { tx.put('/v', [
  [{ a: 1, b: 2 }, { b: 2, a: 1 }], [{ a: undefined }, {}], [[1, , 3], [1, undefined, 3]], [new K(), { a: 1 }], [{ a: 1 }, { a: '1' }], [NaN, NaN], [0, -0],
  [new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]])], [new Set([1, 2]), new Set([2, 1])], [new Date(5), new Date(5)], [new Date(5), new Date(6)], [/a/g, /a/g], [/a/g, /a/i],
  [new Uint8Array([1]), new Uint8Array([1])], [new Uint8Array([1]), [1]], [[1, 2], { 0: 1, 1: 2, length: 2 }], [new Error('a'), new Error('a')], [new Error('a'), new Error('b')],
  [Object.create(null), {}], [5n, 5n], [5n, 5], ['a', 'a'], [null, undefined], [[[[1]]], [[[1]]]], [new Number(5), new Number(5)], [new Number(5), 5], [Object(Symbol.iterator) && 1, 1]
].map((p) => [test(deepEqual, ...p), test(notDeepEqual, ...p)])) } }
// name: equal-message
// runtime-only: texts of Node's assert
import { equal } from 'assert'
export const apply = { RUN (tx) { equal(1, 2, 'differ') } }
// name: deep-equal-message
// runtime-only: texts of Node's assert
import { deepEqual } from 'assert'
export const apply = { RUN (tx) { deepEqual({ a: 1 }, { a: 2 }, 'deep differ') } }
// name: fail-message
import { fail } from 'assert'
export const apply = { RUN (tx) { fail('failed') } }
// name: fail-no-message
import { fail } from 'assert'
export const apply = { RUN (tx) { fail() } }
// name: caught-goes-on
import assert from 'assert'
export const apply = { RUN (tx) { try { assert(false) } catch (e) { tx.put('/v', e instanceof Error) } } }
// name: message-not-string
// taints: Node's assert changed
import assert from 'assert'
export const apply = { RUN (tx) { try { assert(false, 5) } catch (e) { tx.put('/v', [e.message, e.name]) } } }
// name: message-null
import assert from 'assert'
export const apply = { RUN (tx) { try { assert(false, null) } catch (e) { tx.put('/v', e.name) } } }
// name: getters-run-on-copy
import assert from 'assert'
export const apply = { RUN (tx) { let n = 0; assert({ get a () { n++; return 1 } }); tx.put('/v', n) } }

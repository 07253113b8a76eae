// What a contract finds in its realm. This function is evaluated there, from its text.
//
// What an executor's V8, clock or machine may do differently is noted: such a run decides nothing.

export const prelude = function (host) {
  'use strict'
  const { taint } = host
  const { Array, BigInt, Date, Error, Map, Object, Promise, Reflect, Set, String, Symbol, TypeError, Uint8Array, ArrayBuffer } = globalThis
  const { apply: call, ownKeys } = Reflect
  const isWellFormed = String.prototype.isWellFormed

  // Noted when touched.
  const note = (object, name, what = name) => {
    const found = object && Object.getOwnPropertyDescriptor(object, name)
    if (!found) return
    const get = () => { taint(`it touched ${what}`); return found.get ? undefined : found.value }
    if (found.configurable) Object.defineProperty(object, name, { get, set: undefined, configurable: true, enumerable: found.enumerable })
  }
  const all = (object, names, what) => { for (const name of names.split(' ')) note(object, name, `${what}${name}`) }
  const proto = (name) => globalThis[name]?.prototype

  const NewDate = new Proxy(Date, {
    construct (target, args, self) {
      if (args.length !== 1 || (typeof args[0] !== 'number' && !(typeof args[0] === 'string' && /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(args[0])))) taint('it touched a date that depends on the machine')
      return Reflect.construct(target, args, self)
    },
    apply () { taint('it touched the clock'); return '' }
  })
  all(Date, 'now parse', 'Date.')
  all(Date.prototype, 'getDate getDay getFullYear getHours getMilliseconds getMinutes getMonth getSeconds getTimezoneOffset getYear setDate setFullYear ' +
    'setHours setMilliseconds setMinutes setMonth setSeconds setYear toString toDateString toTimeString toLocaleString toLocaleDateString ' +
    'toLocaleTimeString', 'Date.prototype.')
  Object.defineProperty(Date.prototype, 'constructor', { value: NewDate, writable: true, configurable: true })
  globalThis.Date = NewDate

  // Chance, and what versions of V8 compute differently.
  all(globalThis.Math, 'random sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh exp expm1 log log1p log2 log10 pow cbrt hypot f16round sumPrecise', 'Math.')
  all(String.prototype, 'localeCompare toLocaleUpperCase toLocaleLowerCase normalize toUpperCase toLowerCase', 'String.prototype.')
  for (const name of ['Array', 'Number', 'BigInt', 'Object', 'Uint8Array']) note(proto(name), 'toLocaleString')
  note(proto('Number'), 'toString', 'Number.prototype.toString')
  note(proto('Function'), 'toString', 'the text of a function')
  note(Error, 'captureStackTrace')
  note(proto('WeakRef'), 'deref')
  note(proto('FinalizationRegistry'), 'register')
  all(Object.getPrototypeOf(proto('Uint8Array')), 'buffer byteOffset', '')
  for (const kind of [async () => 0, function * () {}, async function * () {}, () => 0]) note(Object.getPrototypeOf(kind), 'constructor', 'code made from text')

  // Names that V8 8.6 does not have.
  all(Array, 'fromAsync', 'Array.')
  all(proto('Array'), 'at findLast findLastIndex toReversed toSorted toSpliced with group groupToMap', 'Array.prototype.')
  all(Object.getPrototypeOf(proto('Uint8Array')), 'at findLast findLastIndex toReversed toSorted with', '')
  all(String.prototype, 'at isWellFormed toWellFormed', 'String.prototype.')
  all(Object, 'groupBy hasOwn', 'Object.')
  all(Promise, 'try withResolvers', 'Promise.')
  all(Map, 'groupBy', 'Map.')
  all(proto('Map'), 'getOrInsert getOrInsertComputed', 'Map.prototype.')
  all(proto('Set'), 'union intersection difference symmetricDifference isSubsetOf isSupersetOf isDisjointFrom', 'Set.prototype.')
  all(proto('RegExp'), 'hasIndices unicodeSets', '')
  all(globalThis, 'Intl SharedArrayBuffer escape unescape Iterator Float16Array DisposableStack AsyncDisposableStack SuppressedError ShadowRealm Temporal WeakRef FinalizationRegistry', '')
  globalThis.global = globalThis

  // Text with a lone surrogate arrives as other text, and how depends on its length.
  const wellFormed = (text) => {
    if (isWellFormed ? !call(isWellFormed, text, []) : /[\ud800-\udfff]/u.test(text)) taint('it gave text that is no Unicode')
    if (text[0] === '\ufeff') taint('it gave text that begins with a byte order mark')
    return text
  }
  // Own keys that change how msgpackr reads or packs an object, and what it cannot count.
  const looksAt = (names) => {
    if (names.length > 0xffff) taint('it gave an object of more than 65,535 keys')
    if (names.includes('__proto__') || names.includes('constructor')) taint('it gave a key that versions of msgpackr read differently')
  }

  // A copy, as it reaches the index: what is no plain data decides nothing, and functions fail in the contract's hands.
  const copy = (value, depth = 0) => {
    if (depth > 400) { taint('it gave a value that is nested deeply'); return null }
    switch (typeof value) {
      case 'function': case 'symbol': throw new TypeError(`${String(value)} could not be cloned.`)
      case 'number': return value === 0 ? 0 : value
      case 'bigint': taint('it gave a BigInt'); return value
      case 'string': return wellFormed(value)
      case 'object': break
      default: return value
    }
    if (value === null) return null
    if (Array.isArray(value)) {
      if (Object.getOwnPropertyDescriptor(value, 'constructor')) looksAt(['constructor'])
      return Array.from(value, (item) => copy(item, depth + 1))
    }
    const parent = Object.getPrototypeOf(value)
    if (parent === Date.prototype) {
      const date = new Date(+value)
      if (+date >= 2 ** 32 * 1000 && +date < 2 ** 34 * 1000) taint('it gave a date that versions of msgpackr pack differently')
      return date
    }
    if (parent === Uint8Array.prototype) return new Uint8Array(value)
    if (parent === Promise.prototype || value instanceof Promise) throw new TypeError('#<Promise> could not be cloned.')
    if (parent !== Object.prototype && parent !== null) taint('it gave a value that is not plain data')
    const result = {}
    const names = Object.keys(value)
    looksAt(names)
    for (const name of names) {
      wellFormed(name)
      Object.defineProperty(result, name, { value: copy(value[name], depth + 1), writable: true, enumerable: true, configurable: true })
    }
    return result
  }

  // The same values, as objects of this realm.
  const revive = (value) => {
    if (typeof value !== 'object' || value === null) return value
    const tag = call(Object.prototype.toString, value, [])
    if (tag === '[object Array]') return Array.from(value, revive)
    if (tag === '[object Date]') return new Date(+value)
    if (tag === '[object Uint8Array]') return new Uint8Array(value)
    const result = {}
    for (const name of ownKeys(value)) Object.defineProperty(result, name, { value: revive(value[name]), writable: true, enumerable: true, configurable: true })
    return result
  }

  const same = (a, b) => {
    if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return Object.is(a, b)
    if (Array.isArray(a) !== Array.isArray(b) || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b) || a instanceof Date || a instanceof Uint8Array) {
      taint('it compared values that are not plain data')
      return false
    }
    const names = Object.keys(a)
    return names.length === Object.keys(b).length && names.every((name) => Object.prototype.hasOwnProperty.call(b, name) && same(a[name], b[name]))
  }
  const check = (condition, message) => {
    if (condition) return
    if (message instanceof Error) throw message
    const error = new Error(message ?? 'an assertion failed')
    error.name = 'AssertionError'
    throw error
  }
  const ok = (value, message) => check(copy(value), message)
  const equal = (a, b, message) => check(Object.is(copy(a), copy(b)), message)
  const notEqual = (a, b, message) => check(!Object.is(copy(a), copy(b)), message)
  const deepEqual = (a, b, message) => check(same(copy(a), copy(b)), message)
  const notDeepEqual = (a, b, message) => check(!same(copy(a), copy(b)), message)
  const fail = (message) => check(false, message ?? 'Failed')
  const assert = (value, message) => ok(value, message)

  const read = (request) => new Promise((resolve) => host.read(request, (answer) => resolve(revive(answer))))
  const text = (value) => {
    if (typeof value !== 'string') taint('it read something that is no string')
    return wellFormed(String(value))
  }
  const index = {
    get: (path) => read({ get: text(path) }),
    list: (prefix = '/', options = {}) => read({ list: text(prefix), options: copy(options) })
  }
  const oplog = new Proxy({}, { get () { taint('it touched oplog') }, has () { taint('it touched oplog') }, ownKeys () { taint('it touched oplog'); return [] } })
  const shown = (...args) => { copy(args); return Promise.resolve() }
  globalThis.console = { log: shown, debug: shown, info: shown, warn: shown, error: shown }

  const modules = {
    contract: { index, oplog, isWriter: true, listOplogs: () => [] },
    assert: { default: assert, ok, equal, notEqual, deepEqual, notDeepEqual, fail },
    util: { genUUID () { taint('it touched genUUID') } }
  }

  // The order of `actions` is that of their first insertion; calls for the system are actions of their own.
  const transaction = () => {
    const actions = new Map()
    const normal = (key) => {
      if (typeof key !== 'string' || key === '') throw new Error('A key string parameter must be supplied')
      wellFormed(key)
      let path = key[0] === '/' ? key : '/' + key
      while (path.endsWith('/')) path = path.slice(0, -1)
      if (path === '') throw new Error('Cannot modify /')
      if (path.startsWith('/.sys/')) throw new Error('Cannot modify values with /.sys/ prefix')
      return path
    }
    const pubkey = (options) => {
      const key = copy(options)?.pubkey
      if (typeof key !== 'string' || !/^[0-9a-f]{64}$/.test(key)) throw new Error('a pubkey of 64 digits must be supplied')
      return key
    }
    let system = 0
    const tx = {
      get: (key) => {
        taint('it touched tx.get')
        return actions.get(normal(key))
      },
      put: (key, value) => { const path = normal(key); actions.set(path, { type: 'put', path, value: copy(value) }) },
      delete: (key) => { const path = normal(key); actions.set(path, { type: 'del', path }) },
      addOplog: (options) => { actions.set(system++, { pubkey: pubkey(options), active: true }) },
      removeOplog: (options) => { actions.set(system++, { pubkey: pubkey(options), active: false }) },
      setContractSource: (options) => {
        const code = copy(options)?.code
        if (typeof code !== 'string') throw new Error('a code string must be supplied')
        actions.set(system++, { code })
      }
    }
    return { tx, actions }
  }

  const dispatch = async (namespace, op, known) => {
    op = revive(op)
    const ack = { success: undefined, error: undefined, origin: known.origin, seq: known.seq, ts: known.ts, metadata: revive(known.metadata), numChanges: 0 }
    const { tx, actions } = transaction()
    try {
      const { apply } = namespace
      let handler = apply
      if (typeof apply === 'object' && apply !== null && typeof op?.op === 'string') {
        const found = Object.getOwnPropertyDescriptor(apply, op.op)
        if (!found) throw new Error('Method not found: apply')
        if (found.get || found.set) throw new TypeError('Property is getter')
        handler = found.value
      }
      if (typeof handler !== 'function') throw new Error('Method not found: apply')
      copy(await call(handler, null, [tx, op, ack]))
      // Writes in what is queued behind the end count.
      await new Promise((resolve) => host.end(resolve))
      return { success: true, actions: [...actions.values()] }
    } catch (error) {
      // What stacks, strings and numbers can hold is not alike everywhere.
      const message = error instanceof Error ? String(error.message) : ''
      if (error === null || error === undefined || (error?.name === 'RangeError' && /stack|length|BigInt|memory|alloc/.test(message))) taint('it failed near a limit')
      return { success: false, error: message, actions: [] }
    }
  }
  return { modules, dispatch }
}

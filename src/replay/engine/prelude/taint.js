// Runs first in every realm. Makes the guest's globals those of Vitra's runtime (V8 8.6), and puts a note beside
// everything that a replay cannot repeat or that engines do differently. `docs/engine.md` lists what and why.
//
// Rules for this file: use only intrinsics captured here at the start, never a method through a prototype, because a
// contract may patch them; functions made here must not be recognisable by name, length or enumerability.
(host, newer, sorts) => {
  'use strict'
  const global = globalThis
  const { apply, construct, ownKeys, defineProperty, getPrototypeOf, getOwnPropertyDescriptor } = Reflect
  const NativeObject = Object, NativeDate = Date, NativeRegExp = RegExp, NativeProxy = Proxy
  const getOwnPropertyNames = Object.getOwnPropertyNames
  const isArray = Array.isArray, isView = ArrayBuffer.isView
  const nativeDescriptor = NativeObject.getOwnPropertyDescriptor
  const errorPrototypes = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((c) => [c.prototype, c.name])
  const getters = (holder) => ['buffer', 'byteOffset', 'byteLength'].map((name) => getOwnPropertyDescriptor(holder, name).get)
  const lengthOf = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), 'length').get
  const typedParts = getters(getPrototypeOf(Uint8Array.prototype)), viewParts = getters(DataView.prototype)
  const isNaN = Number.isNaN, isInteger = Number.isInteger
  const table = (names) => { const t = NativeObject.create(null); for (let i = 0; i < names.length; i++) t[names[i]] = true; return t }
  const uncurry = (fn) => (self, ...args) => apply(fn, self, args)
  const includes = uncurry(String.prototype.includes)
  const test = (regexp) => { const exec = NativeRegExp.prototype.exec; return (text) => apply(exec, regexp, [text]) !== null }

  // Defines `name` on `holder` like the builtin that was there (same attributes), with a builtin's name and length.
  const hide = (fn, name, length) => {
    defineProperty(fn, 'length', { __proto__: null, value: length, writable: false, enumerable: false, configurable: true })
    defineProperty(fn, 'name', { __proto__: null, value: name, writable: false, enumerable: false, configurable: true })
    return fn
  }
  const put = (holder, name, value) => defineProperty(holder, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true })
  // A method made here has no prototype and is no constructor, like a builtin one.
  const method = (fn) => ({ m (...args) { return fn(this, args) } }).m
  const replace = (holder, name, make) => {
    const old = holder[name]
    put(holder, name, hide(method(make(old)), typeof name === 'symbol' ? old.name : name, old.length))
  }
  const noted = (holder, name, note) => replace(holder, name, (old) => (self, args) => { host.engine(note); return apply(old, self, args) })

  // --- constructors that are wrapped keep their prototype object
  const wrap = (Native, name, length, body) => {
    const Wrapper = hide(function (...args) { return body(new.target, args, Wrapper) }, name, length)
    const keys = ownKeys(Native)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]
      if (key === 'length' || key === 'name') continue
      defineProperty(Wrapper, key, { __proto__: null, ...getOwnPropertyDescriptor(Native, key) })
    }
    put(Native.prototype, 'constructor', Wrapper)
    put(global, name, Wrapper)
    return Wrapper
  }

  // --- clock
  const iso = test(/^[+-]?\d{4,6}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?)?)?$/)
  const checkDateText = (text) => { if (typeof text === 'string' && !iso(text)) host.engine('a date parsed from text that is not ISO 8601 with a zone') }
  const toPrimitive = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function' ? undefined : value
  const dateParse = NativeDate.parse, dateUTC = NativeDate.UTC
  const getTime = NativeDate.prototype.getTime
  const isDate = (value) => { try { apply(getTime, value, []); return true } catch { return false } }
  const WrappedDate = wrap(NativeDate, 'Date', 7, (target, args, self) => {
    if (target === undefined) { host.clock('Date()'); return new NativeDate(host.now()) + '' }
    if (args.length === 0) { host.clock('new Date()'); args = [host.now()] }
    else if (args.length === 1) {
      const value = args[0]
      if (typeof value === 'string') checkDateText(value)
      else if (toPrimitive(value) === undefined && value !== undefined && !isDate(value)) host.engine('new Date(object)')
    } else { host.engine('local time'); args = [apply(dateUTC, NativeDate, args)] }
    return construct(NativeDate, args, target === self ? NativeDate : target)
  })
  put(WrappedDate, 'now', hide(method(() => { host.clock('Date.now'); return host.now() }), 'now', 0))
  put(WrappedDate, 'parse', hide(method((self, args) => { const text = `${args[0]}`; checkDateText(text); return dateParse(text) }), 'parse', 1))
  const proto = NativeDate.prototype
  const parts = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds']
  for (let i = 0; i < parts.length; i++) {
    const names = ['get' + parts[i], 'set' + parts[i]]
    for (let j = 0; j < 2; j++) {
      const name = names[j]
      if (!(name in proto)) continue
      const utc = proto[name.slice(0, 3) + 'UTC' + parts[i]]
      replace(proto, name, () => (self, args) => { host.engine('local time'); return apply(utc, self, args) })
    }
  }
  replace(proto, 'getTimezoneOffset', () => (self) => { const t = apply(getTime, self, []); host.engine('local time'); return isNaN(t) ? t : 0 })
  const isoString = proto.toISOString
  const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'], months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
  const { getUTCDay, getUTCMonth, getUTCDate, getUTCFullYear } = proto
  const two = (n) => n < 10 ? '0' + n : '' + n
  const dateText = (d) => {
    const year = apply(getUTCFullYear, d, [])
    let digits = '' + (year < 0 ? -year : year)
    while (digits.length < (year < 0 ? 6 : 4)) digits = '0' + digits
    return days[apply(getUTCDay, d, [])] + ' ' + months[apply(getUTCMonth, d, [])] + ' ' + two(apply(getUTCDate, d, [])) + ' ' + (year < 0 ? '-' : '') + digits
  }
  const slice = uncurry(String.prototype.slice)
  const timeText = (d) => slice(apply(isoString, d, []), -13, -5) + ' GMT+0000 (Coordinated Universal Time)'
  const texts = { toString: (d) => dateText(d) + ' ' + timeText(d), toDateString: dateText, toTimeString: timeText }
  for (const name in texts) {
    replace(proto, name, () => (self) => { const t = apply(getTime, self, []); host.engine('local time'); return isNaN(t) ? 'Invalid Date' : texts[name](self) })
  }
  noted(proto, 'getYear', 'local time'); noted(proto, 'setYear', 'local time')

  // --- chance
  put(Math, 'random', hide(method(() => { host.chance('Math.random'); return host.random() }), 'random', 0))
  noted(WeakRef.prototype, 'deref', 'garbage collection')
  const NativeRegistry = FinalizationRegistry
  replace(NativeRegistry.prototype, 'register', (old) => (self, args) => { host.engine('garbage collection'); return apply(old, self, args) })

  const hypot = host.hypot
  replace(Math, 'hypot', () => (self, args) => {
    for (let i = 0; i < args.length; i++) args[i] = +args[i]
    return apply(hypot, undefined, args)
  })

  // --- locale
  const localeCompare = host.localeCompare
  replace(String.prototype, 'localeCompare', () => (self, args) => {
    if (self === undefined || self === null) throw new TypeError('String.prototype.localeCompare called on null or undefined')
    if (args.length > 1 && (args[1] !== undefined || args[2] !== undefined)) host.engine('locale arguments')
    return localeCompare(`${self}`, `${args[0]}`)
  })
  for (const [holder, names] of [[String.prototype, ['toLocaleUpperCase', 'toLocaleLowerCase']], [Array.prototype, ['toLocaleString']],
    [proto, ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']], [BigInt.prototype, ['toLocaleString']],
    [getPrototypeOf(Uint8Array.prototype), ['toLocaleString']]]) {
    for (const name of names) noted(holder, name, name)
  }
  const toFixed = Number.prototype.toFixed, numberValueOf = Number.prototype.valueOf
  replace(Number.prototype, 'toLocaleString', (old) => (self, args) => {
    host.engine('toLocaleString')
    const n = apply(numberValueOf, self, [])
    if (!(n < 1e15 && n > -1e15)) return apply(old, self, args)
    const fixed = apply(toFixed, n < 0 ? -n : n, [3])
    let whole = slice(fixed, 0, -4), rest = slice(fixed, -3)
    while (rest.length && rest[rest.length - 1] === '0') rest = slice(rest, 0, -1)
    let grouped = ''
    while (whole.length > 3) { grouped = ',' + slice(whole, -3) + grouped; whole = slice(whole, 0, -3) }
    return (n < 0 ? '-' : '') + whole + grouped + (rest ? '.' + rest : '')
  })
  put(global, 'Intl', new NativeProxy({}, { __proto__: null, get: () => { host.engine('Intl'); return undefined }, has: () => { host.engine('Intl'); return false } }))
  const settled = host.settled
  for (const name of ['toUpperCase', 'toLowerCase', 'normalize']) {
    replace(String.prototype, name, (old) => (self, args) => { if (typeof self === 'string') settled(self); return apply(old, self, args) })
  }

  // --- numbers
  const bound = 2 ** 53
  replace(Number.prototype, 'toString', (old) => (self, args) => {
    const radix = args.length ? args[0] : undefined
    if (radix !== undefined && radix !== 10) {
      const n = apply(numberValueOf, self, [])
      if (n - n === 0 && !(isInteger(n) && n <= bound && n >= -bound)) host.engine('Number.prototype.toString with a radix')
    }
    return apply(old, self, args)
  })
  const oldParse = parseInt
  const parse = hide(method((self, args) => {
    const n = args.length > 1 ? oldParse(args[0], args[1]) : oldParse(args[0])
    if (n > bound || n < -bound) host.engine('parseInt beyond 2^53')
    return n
  }), 'parseInt', 2)
  put(global, 'parseInt', parse); put(Number, 'parseInt', parse)

  const depth = host.depth
  replace(JSON, 'parse', (old) => (self, args) => { if (typeof args[0] === 'string') depth(args[0]); return apply(old, self, args) })
  replace(JSON, 'stringify', (old) => (self, args) => { const text = apply(old, self, args); if (typeof text === 'string') depth(text); return text })

  // --- functions as text, and text as functions
  noted(Function.prototype, 'toString', 'Function.prototype.toString')
  for (const sample of [function () {}, function * () {}, async function () {}, async function * () {}]) {
    const holder = getPrototypeOf(sample), Native = holder.constructor
    const Wrapper = hide(function (...args) {
      host.engine('code made from text')
      return construct(Native, args, new.target === undefined || new.target === Wrapper ? Native : new.target)
    }, Native.name, 1)
    defineProperty(Wrapper, 'prototype', { __proto__: null, value: holder, writable: false, enumerable: false, configurable: false })
    defineProperty(holder, 'constructor', { __proto__: null, ...getOwnPropertyDescriptor(holder, 'constructor'), value: Wrapper })
  }

  // --- errors: the engine's own messages and every stack differ between engines
  const entering = host.constructing
  const NativeError = Error
  const setPrototypeOf = NativeObject.setPrototypeOf
  const makeError = (Native, at) => (target, args, self) => {
    const options = args[at]
    if (options !== undefined && options !== null && typeof options === 'object' && 'cause' in options) host.engine('the cause of an error')
    entering(1)
    try { return construct(Native, args, target === undefined || target === self ? Native : target) } finally { entering(-1) }
  }
  const hook = host.errorHook
  // The engine calls this for every error that is made, its own included (an accessor: assigning is what registers it).
  NativeError.prepareStackTrace = hook
  const NewError = wrap(NativeError, 'Error', 1, makeError(NativeError, 1))
  delete NewError.prepareStackTrace; delete NewError.isError; delete NewError.stackTraceLimit
  defineProperty(NewError, 'prepareStackTrace', { __proto__: null, get () { return undefined }, set () { host.engine('stack traces') }, configurable: true, enumerable: false })
  put(NewError, 'stackTraceLimit', 10)
  const stackOf = { __proto__: null, get () { host.engine('stack traces'); return '' }, set (value) { put(this, 'stack', value) }, configurable: true, enumerable: false }
  put(NewError, 'captureStackTrace', hide(method((self, args) => { defineProperty(args[0], 'stack', stackOf) }), 'captureStackTrace', 2))
  defineProperty(NativeError.prototype, 'stack', stackOf)
  for (const name of ['EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError']) {
    setPrototypeOf(wrap(global[name], name, 1, makeError(global[name], 1)), NewError)
  }
  setPrototypeOf(wrap(AggregateError, 'AggregateError', 2, makeError(AggregateError, 2)), NewError)

  // --- prototypes exchanged through a computed key, which the source does not show
  const exchange = getOwnPropertyDescriptor(NativeObject.prototype, '__proto__')
  defineProperty(NativeObject.prototype, '__proto__', { __proto__: null, get: exchange.get, set: hide(method((self, args) => { host.engine('a prototype exchanged by __proto__'); return apply(exchange.set, self, args) }), 'set __proto__', 1), enumerable: false, configurable: true })

  // --- regular expressions
  const oddPattern = test(/\(\?[^:=!<]|\(\?<[^=!]|\\[pP]/)
  const checkPattern = (pattern, flags) => {
    if (typeof pattern === 'string' && oddPattern(pattern)) host.engine('a regular expression with groups or classes that engines read differently')
    if (typeof flags === 'string' && (includes(flags, 'd') || includes(flags, 'v'))) host.engine('newer flags of regular expressions')
  }
  const WrappedRegExp = wrap(NativeRegExp, 'RegExp', 2, (target, args, self) => {
    checkPattern(args[0], args[1])
    if (target === undefined) {
      const pattern = args[0]
      if (typeof pattern === 'object' && pattern !== null && args[1] === undefined && pattern.constructor === self && pattern instanceof NativeRegExp) return pattern
      target = self
    }
    return construct(NativeRegExp, args, target === self ? NativeRegExp : target)
  })
  for (const name of ['match', 'matchAll', 'search']) {
    replace(String.prototype, name, (old) => (self, args) => { checkPattern(args[0]); return apply(old, self, args) })
  }
  for (const name of ['$1', '$2', '$3', '$4', '$5', '$6', '$7', '$8', '$9', 'input', '$_', 'lastMatch', '$&', 'lastParen', '$+', 'leftContext', '$`', 'rightContext', "$'"]) {
    defineProperty(WrappedRegExp, name, { __proto__: null, get () { host.engine('RegExp.$1 and its like'); return '' }, set () { host.engine('RegExp.$1 and its like') }, configurable: true, enumerable: false })
  }

  // --- views of the bytes of an operation show the executor's buffers
  const typed = getPrototypeOf(Uint8Array.prototype)
  for (const name of ['buffer', 'byteOffset']) {
    const { get } = getOwnPropertyDescriptor(typed, name)
    defineProperty(typed, name, { __proto__: null, get: hide(method((self) => { host.engine('the buffer behind a Uint8Array'); return apply(get, self, []) }), 'get ' + name, 0), set: undefined, enumerable: false, configurable: true })
  }

  // --- sorting as V8 sorts
  if (sorts) {
    put(Array.prototype, 'sort', hide(sorts.arraySort, 'sort', 1))
    put(typed, 'sort', hide(sorts.typedArraySort, 'sort', 1))
  }

  // --- names: V8 8.6's globals, newer ones with a note beside them
  for (const name of ['eval', 'Function', 'Atomics', 'WebAssembly', 'AsyncFunction']) delete global[name]
  const kept = table(host.globals)
  const newerGlobals = table(newer.globals)
  const holders = new WeakMap()
  const holds = uncurry(WeakMap.prototype.get)
  const addHolder = (object, names) => apply(WeakMap.prototype.set, holders, [object, table(names)])
  const guard = (holder, name, path) => {
    const old = getOwnPropertyDescriptor(holder, name)
    const value = old === undefined ? undefined : old.value
    defineProperty(holder, name, {
      __proto__: null,
      get: old !== undefined && old.get !== undefined ? function () { host.engine(path); return apply(old.get, this, []) } : () => { host.engine(path); return value },
      set (given) { defineProperty(this, name, { __proto__: null, value: given, writable: true, enumerable: true, configurable: true }) },
      enumerable: false, configurable: true
    })
  }
  const symbolOf = (name) => name.slice(0, 2) === '@@' ? Symbol[name.slice(2)] : name
  const roots = {
    __proto__: null, '%TypedArray%': typed.constructor,
    '%IteratorPrototype%': getPrototypeOf(getPrototypeOf([][Symbol.iterator]())),
    '%AsyncIteratorPrototype%': getPrototypeOf(getPrototypeOf(getPrototypeOf((async function * () {})())))
  }
  const resolve = (path) => {
    const steps = path.split('.')
    let at = global
    if (roots[steps[0]] !== undefined) { at = roots[steps[0]]; steps.shift() }
    for (let i = 0; i < steps.length; i++) { if (at === undefined || at === null) return undefined; at = at[symbolOf(steps[i])] }
    return (typeof at === 'object' && at !== null) || typeof at === 'function' ? at : undefined
  }
  for (const path in newer.properties) {
    const holder = resolve(path)
    if (holder === undefined || newerGlobals[path.split('.')[0]]) continue
    const names = newer.properties[path]
    const plain = []
    for (let i = 0; i < names.length; i++) {
      const name = symbolOf(names[i])
      if (name === undefined) continue
      try { guard(holder, name, path + '.' + names[i]) } catch { continue }
      plain[plain.length] = name
    }
    addHolder(holder, plain)
  }
  const globals = getOwnPropertyNames(global)
  for (let i = 0; i < globals.length; i++) {
    const name = globals[i]
    if (!kept[name] && !newerGlobals[name]) delete global[name]
  }
  for (let i = 0; i < newer.globals.length; i++) guard(global, newer.globals[i], newer.globals[i])
  addHolder(global, newer.globals)
  // The order in which operations call traps differs.
  guard(global, 'Proxy', 'Proxy')

  // --- looking for names
  const probed = (object, key) => {
    if (typeof object === 'object' && object !== null || typeof object === 'function') {
      for (let at = object; at !== null && at !== undefined; at = isProxy(at) ? null : getPrototypeOf(at)) {
        const names = holds(holders, at)
        if (names !== undefined && (typeof key === 'symbol' || names[key])) { if (names[key]) host.engine(`a look for ${typeof key === 'symbol' ? 'a symbol' : key}`) }
      }
      if (key === 'stack' && object instanceof NativeError) host.engine('stack traces')
    }
  }
  const isProxy = host.isProxy
  const keyOf = (key) => typeof key === 'symbol' ? key : `${key}`
  const looks = (holder, name) => replace(holder, name, (old) => (self, args) => {
    const key = keyOf(args[1])
    probed(args[0], key)
    args[1] = key
    return apply(old, self, args)
  })
  // Elements of typed arrays have other attributes in newer versions of V8.
  for (const [holder, name] of [[NativeObject, 'getOwnPropertyDescriptor'], [NativeObject, 'getOwnPropertyDescriptors'], [NativeObject, 'defineProperty'],
    [NativeObject, 'defineProperties'], [Reflect, 'getOwnPropertyDescriptor'], [Reflect, 'defineProperty']]) {
    replace(holder, name, (old) => (self, args) => { if (isView(args[0])) host.engine('attributes of the elements of a typed array'); return apply(old, self, args) })
  }
  const looksAtThis = (name) => replace(NativeObject.prototype, name, (old) => (self, args) => {
    const key = keyOf(args[0])
    probed(self, key)
    args[0] = key
    return apply(old, self, args)
  })
  looks(NativeObject, 'getOwnPropertyDescriptor'); looks(Reflect, 'getOwnPropertyDescriptor'); looks(Reflect, 'has')
  looksAtThis('hasOwnProperty'); looksAtThis('propertyIsEnumerable'); looksAtThis('__lookupGetter__'); looksAtThis('__lookupSetter__')
  const listed = (object, names) => {
    const hidden = (typeof object === 'object' && object !== null) || typeof object === 'function' ? holds(holders, object) : undefined
    if (object instanceof NativeError) host.engine('the properties of an error')
    if (typeof object === 'function') host.engine('the order of the properties of a function')
    if (hidden === undefined && object !== global) return names
    host.engine('the names of an intrinsic object')
    const kept = []
    for (let i = 0, n = 0; i < names.length; i++) {
      if (hidden !== undefined && hidden[names[i]] || names[i] === host.helper) continue
      defineProperty(kept, n++, { __proto__: null, value: names[i], writable: true, enumerable: true, configurable: true })
    }
    return kept
  }
  replace(NativeObject, 'getOwnPropertyNames', (old) => (self, args) => listed(args[0], apply(old, self, args)))
  replace(Reflect, 'ownKeys', (old) => (self, args) => listed(args[0], apply(old, self, args)))
  replace(NativeObject, 'getOwnPropertyDescriptors', (old) => (self, args) => { if (holds(holders, NativeObject(args[0]))) host.engine('the names of an intrinsic object'); return apply(old, self, args) })
  put(global, host.helper, NativeObject.freeze({
    __proto__: null,
    spread: (value) => typeof value === 'string' ? NativeObject(value) : value,
    in: (key, object) => { if ((typeof object === 'object' && object !== null) || typeof object === 'function') { key = keyOf(key); probed(object, key) } return key in object }
  }))
  defineProperty(global, host.helper, { __proto__: null, writable: false, configurable: false, enumerable: false })
  put(global, 'global', global)
  defineProperty(global, 'global', { __proto__: null, enumerable: true })

  // --- what the host uses to look into values, with the intrinsics as they were
  const mapForEach = Map.prototype.forEach, setForEach = Set.prototype.forEach
  const list = () => { const out = []; let n = 0; return { out, add (value) { defineProperty(out, n++, { __proto__: null, value, writable: true, enumerable: true, configurable: true }) } } }
  const source = getOwnPropertyDescriptor(NativeRegExp.prototype, 'source').get, flags = getOwnPropertyDescriptor(NativeRegExp.prototype, 'flags').get
  const NativeBytes = Uint8Array
  const values = [Number, String, Boolean, BigInt, Symbol].map((c) => c.prototype.valueOf)
  const known = table(['EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'])
  const pair = (a, b) => { const l = list(); l.add(a); l.add(b); return l.out }
  return {
    date: (d) => apply(getTime, d, []),
    mark: hook,
    makeDate: (ms) => new NativeDate(ms),
    regexp: (r) => pair(apply(source, r, []), apply(flags, r, [])),
    items: (c) => { const l = list(); try { apply(mapForEach, c, [(v, k) => { l.add(k); l.add(v) }]) } catch { apply(setForEach, c, [(v) => l.add(v)]) } return l.out },
    bytes: (b) => {
      if (!isView(b)) return new NativeBytes(b)
      let parts = typedParts
      try { apply(parts[0], b, []) } catch { parts = viewParts }
      return new NativeBytes(apply(parts[0], b, []), apply(parts[1], b, []), apply(parts[2], b, []))
    },
    // As many bytes as the view has, of which the first are its elements, each cut to a byte.
    otherView: (v) => {
      try {
        const length = apply(lengthOf, v, [])
        const out = new NativeBytes(apply(typedParts[2], v, []))
        for (let i = 0; i < length; i++) out[i] = v[i]
        return out
      } catch { return new NativeBytes(0) }
    },
    error: (e) => { let name = e.name; name = name === undefined ? 'Error' : `${name}`; const own = nativeDescriptor(e, 'message'); const message = own === undefined ? '' : 'value' in own ? `${own.value}` : host.plainMessage(e); return pair(known[name] ? name : 'Error', message) },
    // isolated-vm looks at own data properties only; the length of an array is an accessor to V8.
    own: (o, name) => {
      const d = nativeDescriptor(o, name)
      if (d === undefined) { for (let at = o; at !== null; at = getPrototypeOf(at)) if (isProxy(at)) return null; return undefined }
      if (name === 'length' && isArray(o)) return list().out; const l = list(); if ('value' in d) l.add(d.value); return l.out
    },
    // What isolated-vm makes of a thrown object: undefined when it is nothing like an error.
    thrown: (e) => {
      const message = e.message
      if (message === undefined) return undefined
      const d = nativeDescriptor(e, 'message'), prototype = getPrototypeOf(e), l = list()
      let name = 'Error'
      for (let i = 0; i < errorPrototypes.length; i++) if (errorPrototypes[i][0] === prototype) name = errorPrototypes[i][1]
      l.add(name); l.add(`${message}`); l.add(!(d !== undefined && 'get' in d))
      return l.out
    },
    unboxed: (o) => { for (let i = 0; i < values.length; i++) { try { const l = list(); l.add(apply(values[i], o, [])); return l.out } catch {} } return list().out }
  }
}

// The worker thread of run-node.js: one contract, in this thread's own realm, with the environment that
// vitra-confine-runtime gives to its guests imitated on plain Node.
'use strict'
const vm = require('vm')
const { MessageChannel, parentPort, receiveMessageOnPort } = require('worker_threads')
const assert = require('assert').strict
const { pack, unpack } = require('msgpackr')
const { stdlib } = require('./node-stdlib')

const nodeProcess = process
const NodeBuffer = Buffer
// msgpackr needs the global that the contract must not see.
const withBuffer = (work) => {
  const hidden = !('Buffer' in globalThis)
  globalThis.Buffer = NodeBuffer
  try {
    return work()
  } finally {
    if (hidden) delete globalThis.Buffer
  }
}
const encode = (value) => withBuffer(() => pack(value).toString('base64'))
const decode = (text) => withBuffer(() => unpack(NodeBuffer.from(text, 'base64')))
const later = setImmediate
const { port1, port2 } = new MessageChannel()

const clone = (value) => {
  try {
    port1.postMessage(value)
  } catch (e) {
    if (e.name !== 'DataCloneError') throw e
    throw new TypeError(e.message)
  }
  return receiveMessageOnPort(port2).message
}

// An error that crosses the boundary keeps its class if that is one of these, and loses all else.
const STANDARD = [RangeError, ReferenceError, SyntaxError, TypeError]
const cloneError = (e) => {
  if (e === null || !['object', 'function', 'symbol'].includes(typeof e)) return e
  if (typeof e !== 'object' || typeof e.message !== 'string') {
    return new Error('An object was thrown from supplied code within isolated-vm, but that object was not an ' +
      'instance of `Error`.')
  }
  const Type = STANDARD.find((T) => e.constructor === T) || Error
  return new Type(e.message)
}
const hostCall = (fn) => function (...args) {
  let result
  const copies = args.map(clone)
  try {
    result = fn(...copies)
  } catch (e) {
    const error = cloneError(e)
    if (e.name) Object.defineProperty(error, 'name', { value: e.name, configurable: true, writable: true })
    throw error
  }
  return clone(result)
}

let reads = 0
const waiting = new Map()
let lock = Promise.resolve()
const hostRead = (method) => function (...args) {
  const params = args.map(clone)
  const answer = lock.then(() => new Promise((resolve) => {
    waiting.set(++reads, resolve)
    parentPort.postMessage({ read: reads, body: encode({ method, params }) })
  }))
  lock = answer
  return answer.then(clone)
}

const normalize = (key) => {
  assert(key, 'A key string parameter must be supplied')
  assert.equal(typeof key, 'string', 'A key string parameter must be supplied')
  const path = ('/' + key).replace(/^\/\//, '/').replace(/\/+$/, '')
  assert(path.length > 0, 'Cannot modify /')
  return path
}
const writable = (key) => {
  const path = normalize(key)
  assert(!path.startsWith('/.sys/'), 'Cannot modify values with /.sys/ prefix')
  return path
}
const actions = {}
let systemActions = 0
const oplogAction = (type) => (opts) => {
  assert.match(opts && opts.pubkey, /^[0-9a-f]{64}$/, `Must pass a valid {pubkey} string to ${type}`)
  actions['/.sys/_action' + systemActions++] = { type, value: { pubkey: opts.pubkey } }
}
const tx = {
  get: (key) => actions[normalize(key)],
  put: (key, value) => { actions[writable(key)] = { type: 'put', value } },
  delete: (key) => { actions[writable(key)] = { type: 'del' } },
  addOplog: oplogAction('addOplog'),
  removeOplog: oplogAction('removeOplog'),
  setContractSource: (opts) => {
    assert(opts && typeof opts.code === 'string', 'Must pass a valid {code} string to setContractSource')
    actions['/.sys/_action' + systemActions++] = { type: 'setContractSource', value: { code: opts.code } }
  }
}
for (const name of Object.keys(tx)) tx[name] = hostCall(tx[name])

const load = async (source) => {
  const cache = new Map()
  const link = (specifier) => {
    if (!cache.has(specifier)) cache.set(specifier, new vm.SourceTextModule(stdlib[specifier] || ''))
    return cache.get(specifier)
  }
  let module
  try {
    module = new vm.SourceTextModule(source, { importModuleDynamically () { throw new Error('Not supported') } })
    await module.link(link)
  } catch (e) {
    return { unloaded: 'compile', text: String(e) }
  }
  try {
    await module.evaluate()
  } catch (e) {
    return { unloaded: 'evaluate', text: String(e) }
  }
  return module
}

const notFound = () => { throw new Error('Method not found: apply') }
const handler = (apply, op) => {
  if (typeof apply !== 'object' || apply === null || !op || typeof op.op !== 'string') return apply
  if (require('util').types.isProxy(apply)) throw new TypeError('Object is or has proxy')
  const property = Object.getOwnPropertyDescriptor(apply, op.op)
  if (property && !('value' in property)) throw new TypeError('Property is getter')
  return property && property.value
}

// isolated-vm: a rejection that nobody handles fails the operation, whatever apply() returns.
let unhandled
process.on('unhandledRejection', (reason) => { unhandled = unhandled || { reason } })

parentPort.on('message', async (message) => {
  if (message.read !== undefined) {
    const answer = decode(message.body)
    waiting.get(message.read)(answer)
    return
  }
  const { params: [op, ack] } = decode(message.body)
  hideNode()
  const module = await load(message.source)
  if (module.unloaded) return parentPort.postMessage(module)
  let failed
  try {
    const fn = handler(module.namespace.apply, op)
    if (typeof fn !== 'function') notFound()
    const args = [tx, clone(op), clone(ack)]
    const result = Reflect.apply(fn, null, args)
    clone(result instanceof Promise ? await result : result)
    await new Promise((resolve) => later(resolve))
    if (unhandled) throw unhandled.reason
    parentPort.postMessage({ done: encode({ actions }) })
    return
  } catch (e) {
    failed = e
  }
  if (failed === null || failed === undefined) nodeProcess.exit(1)
  const e = cloneError(failed)
  let name = 'Error'
  if (e.constructor && e.constructor.name) name = e.constructor.name
  parentPort.postMessage({ failed: encode({ name, message: e.message || e.name }) })
})

// What a guest does not have: everything of Node, and what the runtime deletes.
const KEEP = ['AggregateError', 'FinalizationRegistry', 'WeakRef', 'escape', 'unescape', 'globalThis', 'Iterator']
function hideNode () {
  const bare = new Set(vm.runInNewContext('Object.getOwnPropertyNames(globalThis)').concat(KEEP))
  for (const name of Object.getOwnPropertyNames(globalThis)) if (!bare.has(name)) delete globalThis[name]
  for (const name of ['eval', 'Function', 'Atomics', 'WebAssembly']) delete globalThis[name]
  const define = (name, value) => {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true })
  }
  const say = function (...args) { args.forEach(clone); return Promise.resolve() }
  define('global', globalThis)
  define('console', { log: say, debug: say, info: say, warn: say, error: say })
  define('__internal__contract__indexList', hostRead('list'))
  define('__internal__contract__indexGet', hostRead('get'))
  define('__internal__contract__oplogListPubkeys', () => [])
  define('__internal__assert', hostCall(assert))
  for (const name of ['deepEqual', 'equal', 'fail', 'notDeepEqual', 'notEqual']) {
    define('__internal__assert__' + name, hostCall(assert[name]))
  }
}

// A reference runtime: the guest runtime of Vitra 0.1.3, driven as Vitra's host drives it, for one operation at a time.
//
//   node runtime.js NAME
//
// NAME is one of the keys of RUNTIMES below. Reads and writes lines of JSON; docs/runtimes.md describes them. All bytes
// are base64. Every value crosses the boundary as the bytes of msgpackr, in both directions, as between Vitra's host and the
// process in which it keeps a contract; operations and values of the index come in as the bytes of their logs.
'use strict'
const Module = require('module')
const readline = require('readline')

const RUNTIMES = {
  'vitra-1.5': { msgpackr: 'msgpackr-1.5', isolate: '@andrewosh/isolated-vm' },
  'vitra-1.12': { msgpackr: 'msgpackr-1.12', isolate: '@andrewosh/isolated-vm' },
  'current-1.12': { msgpackr: 'msgpackr-1.12', isolate: 'isolated-vm' }
}

const chosen = RUNTIMES[process.argv[2]]
if (!chosen) throw new Error('no such runtime')

// The guest runtime asks for one build of isolated-vm, which no current engine can load.
const resolve = Module._resolveFilename
Module._resolveFilename = function (request, ...rest) {
  if (request !== '@andrewosh/isolated-vm') return resolve.call(this, request, ...rest)
  return resolve.call(this, chosen.isolate, ...rest)
}

// Host calls of a guest wait for a lock, one after the other. Whether two of them waited at one time is noted: their answers
// might have come in another order.
const lock = require.resolve('vitra-confine-runtime/lib/lock')
const acquire = require(lock)
let [calls, concurrent] = [0, false]
require.cache[lock].exports = (name) => {
  if (name !== 'global') return acquire(name)
  calls++
  concurrent = concurrent || calls > 1
  return acquire(name).then((release) => () => { calls--; release() })
}

const { pack, unpack } = require(chosen.msgpackr)
const Runtime = require('vitra-confine-runtime')

const say = (message) => process.stdout.write(JSON.stringify(message) + '\n')
const bytes = (text) => Buffer.from(text, 'base64')
const text = (buffer) => Buffer.from(buffer).toString('base64')
const crossed = (value) => unpack(pack(value))
const segments = (path) => path.split('/').filter(Boolean)

// What an executor cannot do without being stuck for good: whoever asked starts another process.
function hang (why) {
  say({ hangs: why })
  process.stdin.pause()
}

let waiting // for an answer about the index
const read = (message, use) => new Promise((resolve) => {
  waiting = (answer) => resolve(crossed(use(answer)))
  say(message)
})

const valueOf = (entry) => entry.value === null ? null : unpack(bytes(entry.value))

function indexGet (...params) {
  const [, key] = crossed(params)
  if (typeof key !== 'string') {
    hang('index.get of something that is no text')
    return new Promise(() => {})
  }
  const names = segments(key)
  return read({ get: text(Buffer.from(names.join('\0'))) }, ({ entry }) => entry === null
    ? undefined
    : { seq: entry.seq, container: false, name: names[names.length - 1], path: '/' + names.join('/'), value: valueOf(entry) })
}

function indexList (...params) {
  const [, prefix = '/', opts] = crossed(params)
  if (typeof prefix !== 'string') {
    hang('index.list of something that is no text')
    return new Promise(() => {})
  }
  return read({ list: text(Buffer.from(segments(prefix).join('/'))) }, ({ entries }) => {
    let list = entries.map((entry) => ({
      container: entry.container,
      seq: entry.value === undefined ? undefined : entry.seq,
      name: entry.name === null ? undefined : entry.name,
      path: entry.path,
      value: entry.value === undefined ? undefined : valueOf(entry)
    }))
    if (opts && opts.reverse) list.reverse()
    if (opts && opts.offset) list = list.slice(opts.offset)
    if (opts && opts.limit) list = list.slice(0, opts.limit)
    return list
  })
}

const ignore = async () => undefined

async function load (source, indexPubkey) {
  const runtime = new Runtime({
    source,
    env: { indexPubkey, oplogPubkey: 'ef'.repeat(32) },
    globals: {
      console: { log: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
      __internal__: { contract: { indexList, indexGet, oplogGetLength: ignore, oplogGet: ignore } }
    }
  })
  try {
    await runtime.init()
  } catch (e) {
    return { unloaded: 'compile', text: String(e) }
  }
  try {
    await runtime.run()
  } catch (e) {
    return { unloaded: 'evaluate', text: String(e) }
  }
  runtime.configure({ restricted: true })
  return { runtime }
}

// How Vitra's executor makes a batch of the actions of an operation.
const toBatch = (actions) => Object.entries(actions).map(([path, { type, value }]) => {
  if (!path.startsWith('/.sys/')) return { type, path, value }
  if (type === 'setContractSource') return { type: 'put', path: '/.sys/contract/source', value: value.code, system: true }
  const input = { pubkey: Buffer.from(value.pubkey, 'hex'), active: type === 'addOplog' }
  return { type: 'put', path: '/.sys/inputs/' + value.pubkey, value: input, system: true }
}).sort((a, b) => a.path.localeCompare(b.path))

const shown = ({ type, path, value, system }) => {
  const put = type === 'put' && value !== null && value !== undefined
  return { path: text(Buffer.from(path)), put: type === 'put', value: put ? text(pack(value)) : null, system: Boolean(system) }
}

const NAMED_IN_ACKS = ['ReferenceError', 'InternalError', 'RangeError']

// The text that an ack would get.
const errorText = ({ name, message }) => NAMED_IN_ACKS.includes(name)
  ? `ContractRuntimeError: The contract failed to execute with "${name}: ${message}"`
  : new Error(message).toString()

let current // the loaded contract

async function apply ({ source, pubkey, op, ack }) {
  if (!current || current.source !== source || current.pubkey !== pubkey) {
    if (current && current.runtime) current.runtime.close()
    current = { source, pubkey, ...await load(source, pubkey) }
  }
  if (current.unloaded) return { unloaded: current.unloaded, text: current.text }
  concurrent = calls > 0 // a call of the operation before may still wait
  const outcome = await run({ op, ack })
  return { done: { outcome, concurrent } }
}

async function run ({ op, ack }) {
  let operation
  try {
    operation = unpack(bytes(op))
  } catch (e) {
    return { undecodable: String(e) }
  }
  const executor = {
    success: undefined,
    error: undefined,
    origin: ack.origin,
    seq: ack.seq,
    ts: ack.ts,
    metadata: ack.metadata === null ? undefined : unpack(bytes(ack.metadata)),
    numChanges: 0
  }
  let packed
  try {
    packed = pack({ method: 'apply', params: [operation, executor] })
  } catch (e) {
    return { undecodable: String(e) }
  }
  const { method, params } = unpack(packed)
  try {
    const { actions } = crossed(await current.runtime.handleAPICall(method, params))
    return { changes: toBatch(actions).map(shown) }
  } catch (e) {
    if (e === null || e === undefined) return { dies: true }
    let name = 'Error'
    if (e.constructor && e.constructor.name) name = e.constructor.name
    return { failed: errorText(crossed({ name, message: e.message || e.name })) }
  }
}

// What the guest runtime leaves unhandled ends an executor or leaves it stuck; nobody can say which.
process.on('unhandledRejection', (e) => hang(String(e)))

readline.createInterface({ input: process.stdin, crlfDelay: Infinity, terminal: false }).on('line', async (line) => {
  const message = JSON.parse(line)
  if (message.apply === undefined) {
    const answer = waiting
    waiting = undefined
    return answer(message)
  }
  say(await apply(message.apply))
})

say({ ready: process.argv[2], engine: process.versions.v8 })

// The process in which a contract runs: one operation, in a realm of its own (docs/engine.md, "The guest environment").
//
// It trusts its lock, not itself: the realm is no fence. Before it loads the contract it sees for itself that there are no files and
// no network.

import { readFileSync, readSync, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { deserialize, serialize } from 'node:v8'
import { SourceTextModule, SyntheticModule, createContext, runInContext } from 'node:vm'
import { prelude } from './realm.js'

function readExactly (length) {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length;) {
    let count = 0
    try { count = readSync(0, bytes, at, length - at) } catch (error) { if (error.code !== 'EAGAIN') throw error; continue }
    if (count === 0) process.exit(1)
    at += count
  }
  return bytes
}
const receive = () => deserialize(readExactly(readExactly(4).readUInt32LE()))

function send (message) {
  const body = serialize(message)
  const bytes = Buffer.alloc(4 + body.length)
  bytes.writeUInt32LE(body.length)
  body.copy(bytes, 4)
  for (let at = 0; at < bytes.length;) {
    try { at += writeSync(1, bytes, at) } catch (error) { if (error.code !== 'EAGAIN') throw error }
  }
}

const fails = (attempt) => { try { attempt(); return false } catch { return true } }
const isUnreachable = (port) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(false) })
  socket.on('error', () => resolve(true))
  setTimeout(() => resolve(true), 3000).unref()
})

const { source, op, ack, port } = receive()
const stop = (message) => { send(message); process.exit(0) }
if (!fails(() => readFileSync('/etc/passwd')) || !fails(() => readFileSync('/proc/self/environ')) || !(await isUnreachable(port))) {
  stop({ undecided: 'its process is not locked away from files and network' })
}

const MOST_MEMORY = 64 << 10 // in KiB
const before = process.resourceUsage().maxRSS

let taint = null
let ended = null
const calls = []
const context = createContext(Object.create(null), { microtaskMode: undefined })
const realm = runInContext(`(${prelude})`, context)({
  taint: (what) => { taint ??= what },
  // A read waits for its turn.
  read: (request, resolve) => calls.push(() => { send({ read: request }); resolve(receive().answer) }),
  end: (resolve) => { ended = resolve }
})
runInContext('delete globalThis.eval; delete globalThis.Function; delete globalThis.Atomics; delete globalThis.WebAssembly', context)

const synthetic = (exports) => new SyntheticModule(Object.keys(exports), function () {
  for (const [name, value] of Object.entries(exports)) this.setExport(name, value)
}, { context })
const modules = new Map()

process.on('unhandledRejection', () => stop({ undecided: 'a promise that was rejected, and that nobody handles' }))

// Runs what is queued, and answers reads one after the other, until a promise settles.
async function settle (promise) {
  let settled = false
  promise.then(() => { settled = true }, () => { settled = true })
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    if (settled) return
    if (ended) {
      if (calls.length) stop({ undecided: 'a read that was still under way' })
      ended()
      ended = null
      continue
    }
    if (!calls.length) stop({ undecided: 'it never settles' })
    // Their answers might come in another order.
    if (calls.length > 1) stop({ undecided: 'reads that wait beside one another' })
    calls.shift()()
  }
}

try {
  const contract = new SourceTextModule(source, { context })
  await contract.link((specifier) => {
    if (!modules.has(specifier)) modules.set(specifier, synthetic(Object.hasOwn(realm.modules, specifier) ? realm.modules[specifier] : {}))
    return modules.get(specifier)
  })
  const loading = contract.evaluate()
  await settle(loading)
  await loading
  if (taint || calls.length) stop({ undecided: taint ?? 'reads while it loads' })
  const running = realm.dispatch(contract.namespace, op, ack)
  await settle(running)
  const { success, error, actions } = await running
  if (process.resourceUsage().maxRSS - before > MOST_MEMORY) taint ??= 'it used much memory'
  stop(taint ? { undecided: taint } : { success, error, actions: success ? actions : [] })
} catch (error) {
  stop({ undecided: `the contract does not load: ${error?.message}` })
}

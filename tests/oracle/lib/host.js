// Vitra's side of the boundary, above the runtime: what `index.get` and `index.list` answer, how actions become a
// batch, how errors become the text of an ack. After Vitra 0.1.3 and the sandbox that it runs the runtime in.
'use strict'
const { toTagged } = require('./tagged')

const segments = (path) => path.split('/').filter(Boolean)
const binary = (s) => Buffer.from(s, 'utf8').toString('latin1')

// `state` is {path: value}; the first entry was written at seq 1, and so on.
exports.Index = class Index {
  constructor (state = {}) {
    this.entries = new Map() // by key, as a string of bytes: those are in the order of the bytes
    this.keys = [] // sorted
    this.length = 1
    for (const [path, value] of Object.entries(state)) this.put(exports.keyOf(path), value)
  }

  put (key, value) {
    const own = binary(key)
    const place = this.place(own)
    if (this.keys[place] !== own) this.keys.splice(place, 0, own)
    this.entries.set(own, { key, seq: this.length++, value })
  }

  // An absent key makes no block.
  delete (key) {
    const own = binary(key)
    if (!this.entries.delete(own)) return
    this.keys.splice(this.place(own), 1)
    this.length++
  }

  // Of the first key from this one on.
  place (own) {
    let low = 0
    let high = this.keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.keys[middle] < own) low = middle + 1
      else high = middle
    }
    return low
  }

  get (path) {
    const entry = this.entries.get(binary(exports.keyOf(path)))
    return entry && describe(entry)
  }

  // One level, by jumping over the children of each container, as Vitra does. Never ends for a container whose name
  // starts above U+00FF; then this gives undefined.
  list (prefix = '/', opts) {
    const parent = segments(prefix)
    const base = parent.length ? parent.join('\0') + '\0' : ''
    const top = binary(base + '\xff')
    let after = binary(base + '\0')
    let list = []
    let leaf
    for (let steps = 0; ; steps++) {
      if (steps > 10000) return undefined
      const place = this.place(after)
      const found = this.keys[this.keys[place] === after ? place + 1 : place]
      if (found === undefined || found >= top) break
      const entry = this.entries.get(found)
      const names = entry.key.split('\0').filter(Boolean)
      if (names.length <= parent.length + 1) {
        const { seq, ...rest } = describe(entry)
        leaf = { container: false, seq, ...rest } // the order of Vitra's list
        list.push(leaf)
        after = binary(names.join('\0'))
      } else {
        const own = names.slice(0, parent.length + 1)
        const path = '/' + own.join('/')
        if (leaf && leaf.path === path) leaf.container = true
        else list.push({ container: true, seq: undefined, name: own[own.length - 1], path, value: undefined })
        after = binary(own.join('\0') + '\0\xff')
      }
    }
    if (opts && opts.reverse) list.reverse()
    if (opts && opts.offset) list = list.slice(opts.offset)
    if (opts && opts.limit) list = list.slice(0, opts.limit)
    return list
  }
}

exports.keyOf = (path) => segments(path).join('\0')

function describe ({ key, seq, value }) {
  const names = key.split('\0').filter(Boolean)
  return { seq, container: false, name: names[names.length - 1], path: '/' + names.join('/'), value }
}

exports.toBatch = (actions) => Object.entries(actions).map(([path, { type, value }]) => {
  if (!path.startsWith('/.sys/')) return { type, path, value }
  if (type === 'setContractSource') return { type: 'put', path: '/.sys/contract/source', value: value.code }
  const input = { pubkey: Buffer.from(value.pubkey, 'hex'), active: type === 'addOplog' }
  return { type: 'put', path: '/.sys/inputs/' + value.pubkey, value: input }
}).sort((a, b) => a.path.localeCompare(b.path))

const NAMED_IN_ACKS = ['ReferenceError', 'InternalError', 'RangeError']

exports.errorText = ({ name, message }) => NAMED_IN_ACKS.includes(name)
  ? `ContractRuntimeError: The contract failed to execute with "${name}: ${message}"`
  : new Error(message).toString()

// The ack as an executor has it when it calls apply().
exports.ackBefore = (fields) => ({
  success: undefined,
  error: undefined,
  origin: 'ab'.repeat(32),
  seq: 0,
  ts: 1700000000123,
  metadata: undefined,
  numChanges: 0,
  ...fields
})

// Runs cases one after the other through `start`, which makes a child process that answers messages. The child is
// replaced when it dies or hangs. `serve(index, method, params)` answers its reads.
exports.runAll = async (cases, start, { timeout, run }) => {
  let child
  for (const one of cases) {
    if (!child) child = start()
    const line = await new Promise((resolve) => {
      const finish = (result, alive) => {
        clearTimeout(timer)
        child.removeAllListeners('message')
        child.removeAllListeners('exit')
        if (!alive) {
          child.kill('SIGKILL')
          child = undefined
        }
        resolve({ name: one.name, ok: false, error: undefined, changes: [], count: 0, ...result })
      }
      const timer = setTimeout(() => finish({ error: '!hang' }, false), timeout)
      child.once('exit', () => finish({ error: '!died' }, false))
      run(child, one, finish)
    })
    process.stdout.write(JSON.stringify(line) + '\n')
  }
  if (child) child.kill()
}

// How both scripts run one case: give the operation to the child, answer its reads, turn its answer into a result.
exports.caseRunner = ({ pack, unpack }) => {
  const encode = (value) => pack(value).toString('base64')
  const decode = (text) => unpack(Buffer.from(text, 'base64'))
  return (child, one, finish) => {
    const index = new exports.Index(one.state)
    let op
    try {
      op = unpack(one.opHex === undefined ? pack(one.op) : Buffer.from(one.opHex, 'hex'))
    } catch (e) {
      return finish({ error: '!undecodable: ' + e.message }, true)
    }
    child.on('message', (message) => {
      if (message.read !== undefined) {
        const { method, params } = decode(message.body)
        let answer
        try {
          answer = method === 'get' ? index.get(params[1]) : index.list(params[1], params[2])
        } catch (e) {
          return // Vitra's host fails to answer; the contract waits for ever
        }
        if (method === 'list' && answer === undefined) return
        child.send({ read: message.read, body: encode(answer) })
      } else if (message.unloaded !== undefined) {
        finish({ error: `!${message.unloaded}: ${message.text}` }, true)
      } else if (message.failed !== undefined) {
        finish({ error: exports.errorText(decode(message.failed)) }, true)
      } else {
        const batch = exports.toBatch(decode(message.done).actions)
        const changes = batch.map(({ type, path, value }) => [type, path, toTagged(value)])
        finish({ ok: true, changes, count: batch.length }, true)
      }
    })
    child.send({ source: one.source, body: encode({ method: 'apply', params: [op, exports.ackBefore(one.ack)] }) })
  }
}

exports.readInput = () => {
  const file = process.argv[2]
  if (file === '--programs') {
    const wanted = process.argv[3]
    return require('./programs').read().filter((c) => !wanted || c.name.startsWith(wanted))
  }
  return JSON.parse(require('fs').readFileSync(file && file !== '-' ? file : 0, 'utf8'))
}

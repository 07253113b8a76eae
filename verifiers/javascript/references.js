// The reference runtimes: the software that executors run, asked what an operation comes to (docs/runtimes.md). What this
// verifier's own V8 makes of a contract convicts nobody unless each of them makes the same.
//
// Every line from a runtime is read as a stranger's: a contract may have broken out of it.

import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fence } from './lock.js'
import { Undecided, decode, isEqual } from './msgpack.js'
import { list } from './list.js'
import { pathKey } from './vitra.js'

const RUNTIMES = {
  'vitra-1.5': ['node_modules/node-15/bin/node', '--jitless'],
  'vitra-1.12': ['node_modules/node-15/bin/node', '--jitless'],
  'current-1.12': ['node_modules/node-24/bin/node', '--jitless', '--no-node-snapshot']
}
const SECONDS = 10
const MOST_LINE = 64 << 20
const MOST_READS = 100_000

const fromBase64 = (text) => {
  if (typeof text !== 'string') throw new Undecided('a runtime said what cannot be read')
  return Buffer.from(text, 'base64')
}
const base64 = (bytes) => bytes === null ? null : Buffer.from(bytes).toString('base64')

export class References {
  constructor (dir) {
    this.dir = realpathSync(dir)
    if (!existsSync(join(this.dir, 'installed'))) throw new Error(`there are no reference runtimes in ${dir}`)
    this.processes = new Map()
  }

  close () {
    for (const process of this.processes.values()) process.close()
    this.processes.clear()
  }

  // Throws unless every runtime comes to this outcome.
  async confirm (operation, outcome) {
    for (const name of Object.keys(RUNTIMES)) {
      const theirs = await this.ask(name, operation)
      if (!isSame(theirs, outcome)) throw new Undecided(`the reference runtime ${name} makes another result than this verifier's V8`)
    }
  }

  async ask (name, operation) {
    if (!this.processes.has(name)) this.processes.set(name, await Process.start(this.dir, name))
    try {
      return await converse(this.processes.get(name), operation)
    } catch (error) {
      // Who has not answered to the end answers nothing new.
      this.processes.get(name).close()
      this.processes.delete(name)
      throw error
    }
  }
}

class Process {
  static async start (dir, name) {
    const [program, ...flags] = RUNTIMES[name]
    const [command, ...args] = fence([dir])
    const child = spawn(command, [...args, join(dir, program), ...flags, join(dir, 'runtime.js'), name], { stdio: ['pipe', 'pipe', 'ignore'] })
    const process = new Process(child)
    await process.line()
    return process
  }

  constructor (child) {
    this.child = child
    this.text = ''
    this.wake = () => {}
    child.on('error', () => this.end())
    child.on('close', () => this.end())
    child.stdin.on('error', () => this.end())
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      this.text += chunk
      if (this.text.length > MOST_LINE) this.end()
      this.wake()
    })
  }

  end () {
    this.ended = true
    this.child.kill('SIGKILL')
    this.wake()
  }

  close () { this.end() }
  say (message) { this.child.stdin.write(JSON.stringify(message) + '\n') }

  // The next line, read.
  async line () {
    const timer = setTimeout(() => this.end(), SECONDS * 1000)
    try {
      for (;;) {
        const at = this.text.indexOf('\n')
        if (at >= 0) {
          const line = this.text.slice(0, at)
          this.text = this.text.slice(at + 1)
          return JSON.parse(line)
        }
        if (this.ended) throw new Undecided('a reference runtime gave no answer')
        await new Promise((resolve) => { this.wake = resolve })
      }
    } catch (error) {
      if (error instanceof SyntaxError) throw new Undecided('a runtime said what cannot be read')
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
}

// A value as msgpack that every version of msgpackr reads alike.
function encode (value) {
  const long = (tag, length) => {
    const bytes = Buffer.alloc(5)
    bytes[0] = tag
    bytes.writeUInt32BE(length, 1)
    return bytes
  }
  switch (typeof value) {
    case 'undefined': return Buffer.from([0xd4, 0, 0])
    case 'boolean': return Buffer.from([value ? 0xc3 : 0xc2])
    case 'string': return Buffer.concat([long(0xdb, Buffer.byteLength(value)), Buffer.from(value)])
    case 'number': {
      const bytes = Buffer.alloc(9, 0xcb)
      bytes.writeDoubleBE(value, 1)
      return bytes
    }
    case 'object': break
    default: throw new Undecided('metadata that is not plain data')
  }
  if (value === null) return Buffer.from([0xc0])
  if (Array.isArray(value)) return Buffer.concat([long(0xdd, value.length), ...value.map(encode)])
  if (value instanceof Uint8Array) return Buffer.concat([long(0xc6, value.length), value])
  if (value instanceof Date) throw new Undecided('metadata that is not plain data')
  const pairs = Object.entries(value)
  return Buffer.concat([long(0xdf, pairs.length), ...pairs.flat().map(encode)])
}

// One operation: its reads are answered from the tree, until there is an outcome.
async function converse (process, { source, database, bytes, ack, tree }) {
  const { origin, seq, ts } = ack
  const metadata = ack.metadata === undefined ? null : base64(encode(ack.metadata))
  process.say({ apply: { source, pubkey: database, op: base64(bytes), ack: { origin, seq, ts, metadata } } })
  for (let reads = 0; reads < MOST_READS; reads++) {
    const said = await process.line()
    if (said?.get !== undefined) {
      const entry = tree.get(fromBase64(said.get).toString('latin1'))
      process.say({ entry: entry ? { seq: entry.seq, value: base64(entry.value) } : null })
    } else if (said?.list !== undefined) {
      const entries = list(tree, fromBase64(said.list).toString(), {}, true)
      process.say({ entries: entries.map(({ value, ...entry }) => value === undefined ? entry : { ...entry, value: base64(value) }) })
    } else if (said?.done?.concurrent === false) return outcome(said.done.outcome)
    else if (said?.done) throw new Undecided('reads that wait beside one another')
    else throw new Undecided('a reference runtime gives no result')
  }
  throw new Undecided('the contract reads too much')
}

function outcome (said) {
  if (Array.isArray(said?.changes)) return { success: true, changes: said.changes.map(change) }
  if (said?.dies === true || typeof said?.undecodable === 'string') return { success: false, changes: [] }
  if (typeof said?.failed === 'string' && !said.failed.includes('Isolate')) return { success: false, changes: [] }
  throw new Undecided('a reference runtime gives no result')
}

function change ({ path, put, value }) {
  const key = Buffer.from(pathKey(fromBase64(path).toString())).toString('latin1')
  if (!put) return { type: 'del', key }
  if (value === null) return { type: 'put', key, value: null }
  const { value: decoded, peculiar } = decode(fromBase64(value))
  if (peculiar) throw new Undecided('a value that versions of msgpackr read differently')
  return { type: 'put', key, value: decoded }
}

function isSame (a, b) {
  if (a.success !== b.success || a.changes.length !== b.changes.length) return false
  const order = (changes) => changes.map((change, at) => ({ ...change, at })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.at - b.at))
  const [ours, theirs] = [order(a.changes), order(b.changes)]
  return ours.every(({ key, type, value }, at) => {
    const other = theirs[at]
    const isNothing = (value) => value === null || value === undefined
    return key === other.key && type === other.type && ((isNothing(value) && isNothing(other.value)) || isEqual(value, other.value))
  })
}

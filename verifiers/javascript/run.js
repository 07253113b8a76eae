// Runs one operation of a contract in V8: in a child process that is locked away from files and network, since a proof
// file is a stranger's code. Without a lock that works nothing runs.

import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deserialize, serialize } from 'node:v8'
import { fence } from './lock.js'
import { Undecided } from './msgpack.js'
import { list } from './list.js'
import { pathKey, valueOf } from './vitra.js'

const GUEST = realpathSync(fileURLToPath(new URL('./guest.js', import.meta.url)))
const SECONDS = 10
// An outcome counts if it is the same with less of everything: no two executors have alike memory and stacks. `data` is all in KiB,
// `heap` that of V8 in MiB, `stack` in KiB.
const LIMITS = [{ data: 1 << 20, heap: 256, stack: 900 }, { data: 3 << 18, heap: 128, stack: 450 }]
const MOST_OUTPUT = 64 << 20
const MOST_READS = 100_000

function lock ({ data, heap, stack }) {
  const permission = ['--permission', '--experimental-permission'].find((flag) => process.allowedNodeEnvironmentFlags.has(flag))
  if (!permission) throw new Undecided('the contract is not run: this Node has no permission model')
  const node = realpathSync(process.execPath)
  return ['sh', '-c', `ulimit -c 0 && ulimit -d ${data} && exec "$@"`, 'sh', ...fence([node, dirname(GUEST)]), node, permission,
    `--allow-fs-read=${dirname(GUEST)}/*`, '--experimental-vm-modules', '--no-warnings', `--max-old-space-size=${heap}`, `--stack-size=${stack}`, GUEST]
}

// Listens, so that the guest can show that it does not get here.
const listening = () => new Promise((resolve, reject) => {
  const server = createServer((socket) => socket.destroy())
  server.on('error', reject).listen(0, '127.0.0.1', () => resolve(server))
})

// What a read gives, as Vitra does.
function answer (tree, { get, list: prefix, options }) {
  if (prefix !== undefined) return list(tree, prefix, options)
  const entry = tree.get(Buffer.from(pathKey(get)).toString('latin1'))
  if (!entry) return undefined
  const { value, peculiar } = valueOf(entry)
  if (peculiar) throw new Undecided('state that versions of msgpackr read differently')
  const path = '/' + entry.key.toString().split('\0').filter((segment) => segment !== '').join('/')
  return { seq: entry.seq, container: false, name: path.split('/').at(-1), path, value: entry.value === null ? null : value }
}

// The outcome: `success`, and the changes with the keys that they have in the index. It counts if each reference runtime comes to the
// same.
export const runWith = (references) => async (operation) => {
  const outcomes = []
  for (const limits of LIMITS) outcomes.push(await runOnce(operation, limits))
  const [first, second] = outcomes.map(({ success, changes }) => serialize({ success, changes }))
  if (!first.equals(second)) throw new Undecided('the run decides nothing: it is another one with less memory')
  await references.confirm(operation, outcomes[0])
  return outcomes[0]
}

async function runOnce ({ source, op, ack, tree }, limits) {
  const [program, ...args] = lock(limits)
  const server = await listening()
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], killSignal: 'SIGKILL' })
  const timer = setTimeout(() => child.kill('SIGKILL'), SECONDS * 1000)
  try {
    return await new Promise((resolve, reject) => {
      const send = (message) => {
        const bytes = serialize(message)
        const size = Buffer.alloc(4)
        size.writeUInt32LE(bytes.length)
        child.stdin.write(Buffer.concat([size, bytes]))
      }
      let [input, total, reads] = [Buffer.alloc(0), 0, 0]
      child.on('error', reject)
      child.stdin.on('error', () => {})
      child.on('close', () => reject(new Undecided('the contract used up its time or memory, or its process died')))
      child.stdout.on('data', (chunk) => {
        try {
          if ((total += chunk.length) > MOST_OUTPUT) throw new Undecided('the contract says too much')
          input = Buffer.concat([input, chunk])
          while (input.length >= 4 && input.length >= 4 + input.readUInt32LE()) {
            const message = deserialize(input.subarray(4, 4 + input.readUInt32LE()))
            input = input.subarray(4 + input.readUInt32LE())
            if (message.read) {
              if (++reads > MOST_READS) throw new Undecided('the contract reads too much')
              send({ answer: answer(tree, message.read) })
            } else if (message.undecided) throw new Undecided(`the run decides nothing: ${message.undecided}`)
            else resolve(outcome(message))
          }
        } catch (error) { reject(error) }
      })
      send({ source, op, port: server.address().port, ack: { origin: ack.origin, seq: ack.seq, ts: ack.ts, metadata: ack.metadata } })
    })
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
    server.close()
  }
}

const latin1 = (text) => Buffer.from(text).toString('latin1')

function outcome ({ success, error, actions }) {
  const changes = (actions ?? []).map(({ path, type, value, pubkey, active, code }) => {
    if (pubkey !== undefined) return { type: 'put', key: `.sys\0inputs\0${pubkey}`, value: { pubkey: Buffer.from(pubkey, 'hex'), active } }
    if (code !== undefined) return { type: 'put', key: '.sys\0contract\0source', value: code }
    const key = latin1(pathKey(path))
    if (key === '.sys' || key.startsWith('.sys\0')) throw new Undecided('the contract writes past the guard of the runtime')
    return { type, key, value }
  })
  return { success, error, changes: success ? changes : [] }
}

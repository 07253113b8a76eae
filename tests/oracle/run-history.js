// node-15.14 run-history.js FILE: a history in the real runtime, with a plain state of its own.
//
// The first line of FILE is {source, pubkey, genesis: [[key, value]...]}, with keys and values as hex: what the index begins
// with. Each other line is an operation in the order of execution: {op, origin, seq, ts, metadata, processed, ack: [key,
// value]}; `op` and `metadata` are msgpack bytes as hex, `processed` says whether the contract exports process(), `ack` is
// what stands in the index before the changes.
//
// A line of output an operation: {ok, error, metadata, changes: [[type, key, value]...], count}, all in hex again (the value
// of a put of null is null). Changes are made in the state, and a new source comes into force. The last line is {length},
// the number of blocks that the index must have.
//
// Unlike in run-confine.js the runtime is in this process; what crosses is packed and unpacked just the same.
'use strict'
const fs = require('fs')
const { pack, unpack } = require('msgpackr')
const Runtime = require('vitra-confine-runtime')
const { Index, ackBefore, errorText, keyOf, toBatch } = require('./lib/host')

const hex = (value) => value === undefined || value === null ? null : pack(value).toString('hex')
const value = (hex) => hex === null ? null : unpack(Buffer.from(hex, 'hex'))
const text = (hex) => Buffer.from(hex, 'hex').toString()
const crossed = (value) => unpack(pack(value))
const ignore = async () => undefined

async function load (source, pubkey, index) {
  const runtime = new Runtime({
    source,
    env: { indexPubkey: pubkey, oplogPubkey: 'ef'.repeat(32) },
    globals: {
      console: { log: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
      __internal__: {
        contract: {
          indexList: async (_, prefix, opts) => crossed(index.list(prefix, opts)),
          indexGet: async (_, path) => crossed(index.get(path)),
          oplogGetLength: ignore,
          oplogGet: ignore
        }
      }
    }
  })
  await runtime.init()
  await runtime.run()
  runtime.configure({ restricted: true })
  return runtime
}

async function call (runtime, method, params) {
  try {
    return { done: crossed(await runtime.handleAPICall(method, crossed(params))) }
  } catch (e) {
    return { failed: { name: (e.constructor && e.constructor.name) || 'Error', message: e.message || e.name } }
  }
}

async function main () {
  const [first, ...lines] = fs.readFileSync(process.argv[2], 'utf8').trim().split('\n').map((line) => JSON.parse(line))
  const index = new Index()
  for (const [key, bytes] of first.genesis) index.put(text(key), value(bytes))
  let runtime = await load(first.source, first.pubkey, index)
  const output = []
  for (const { op, origin, seq, ts, metadata, processed, ack: [key, bytes] } of lines) {
    let result
    if (processed) result = (await call(runtime, 'process', [value(op)])).done.result
    const ack = ackBefore({ origin, seq, ts, metadata: metadata === null ? undefined : value(metadata) })
    const { done, failed } = await call(runtime, 'apply', [value(op), ack])
    const batch = done ? toBatch(done.actions) : []
    const changes = batch.map(({ type, path, value }) => {
      return type === 'put' ? ['put', keyOf(path), hex(value)] : ['del', keyOf(path)]
    })
    index.put(text(key), value(bytes))
    for (const [type, key, bytes] of changes) {
      if (type === 'put') index.put(key, value(bytes))
      else index.delete(key)
    }
    const source = changes.filter(([, key]) => key === '.sys\0contract\0source').pop()
    if (source) {
      await runtime.close()
      runtime = await load(value(source[2]), first.pubkey, index)
    }
    output.push(JSON.stringify({
      ok: Boolean(done),
      error: failed && errorText(failed),
      metadata: hex(result),
      changes: changes.map(([type, key, ...rest]) => [type, Buffer.from(key).toString('hex'), ...rest]),
      count: batch.length
    }))
  }
  await runtime.close()
  console.log(output.concat(JSON.stringify({ length: index.length })).join('\n'))
}

main().catch((e) => {
  console.error(e)
  process.exitCode = 1
})

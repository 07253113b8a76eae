// The child process of run-confine.js: what confine-sandbox runs around a runtime.
'use strict'
const { pack, unpack } = require('msgpackr')
const Runtime = require('vitra-confine-runtime')

const encode = (value) => pack(value).toString('base64')
const decode = (text) => unpack(Buffer.from(text, 'base64'))
let reads = 0
const waiting = new Map()
const ask = (method) => (...params) => new Promise((resolve) => {
  waiting.set(++reads, resolve)
  process.send({ read: reads, body: encode({ method, params }) })
})
const ignore = async () => undefined

const load = async (source) => {
  const runtime = new Runtime({
    source,
    env: { indexPubkey: 'cd'.repeat(32), oplogPubkey: 'ef'.repeat(32) },
    globals: {
      console: { log: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
      __internal__: { contract: { indexList: ask('list'), indexGet: ask('get'), oplogGetLength: ignore, oplogGet: ignore } }
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
  return runtime
}

let last
process.on('message', async (message) => {
  if (message.read !== undefined) {
    waiting.get(message.read)(decode(message.body))
    waiting.delete(message.read)
    return
  }
  if (last) last.close()
  last = undefined
  waiting.clear()
  const runtime = await load(message.source)
  if (runtime.unloaded) return process.send(runtime)
  last = runtime
  const { method, params } = decode(message.body)
  try {
    const done = encode(await runtime.handleAPICall(method, params))
    process.send({ done })
  } catch (e) {
    // `throw null` in a contract ends the real child too.
    if (e === null || e === undefined) process.exit(1)
    let name = 'Error'
    if (e.constructor && e.constructor.name) name = e.constructor.name
    process.send({ failed: encode({ name, message: e.message || e.name, details: e.details }) })
  }
})

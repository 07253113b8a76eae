// Ways out of a locked-down Node, tried from its own libraries; prints one JSON object. Each value is null where the way is closed.
//
// node escape.js MODULES ISOLATED_VM MSGPACKR OUTSIDE
'use strict'
const fs = require('fs')
const net = require('net')
const path = require('path')
const childProcess = require('child_process')

const [modules, engine, codec, told] = process.argv.slice(2)
const outside = JSON.parse(told)

// What a way that is closed answers is an error; what it takes as one by mistake would be no escape either.
const attempt = (go) => {
  try {
    const result = go()
    return result === undefined ? 'done' : result
  } catch (error) {
    return null
  }
}

const connect = (where) =>
  new Promise((resolve) => {
    try {
      const socket = net.connect(where)
      socket.on('connect', () => resolve('connected'))
      socket.on('error', () => resolve(null))
    } catch (error) {
      resolve(null)
    }
  })

const spawned = (program, args) => {
  const result = childProcess.spawnSync(program, args)
  return result.error ? null : String(result.stdout)
}

const main = async () => {
  const evidence = path.join(outside.given, 'evidence')
  const given = fs.readFileSync(evidence, 'utf8')
  const ways = {
    read: attempt(() => fs.readFileSync(path.join(outside.kept, 'secret'), 'utf8')),
    list: attempt(() => fs.readdirSync(outside.kept)),
    passwd: attempt(() => fs.readFileSync('/etc/passwd', 'utf8')),
    write: attempt(() => fs.writeFileSync(evidence, 'lies')),
    append: attempt(() => fs.appendFileSync(evidence, 'lies')),
    truncate: attempt(() => fs.truncateSync(evidence, 0)),
    chmod: attempt(() => fs.chmodSync(evidence, 0o600)),
    rename: attempt(() => fs.renameSync(evidence, evidence + '.gone')),
    unlink: attempt(() => fs.unlinkSync(fs.existsSync(evidence) ? evidence : evidence + '.gone')),
    create: attempt(() => fs.writeFileSync(path.join(outside.given, 'made'), 'x')),
    environ: attempt(() => fs.readFileSync(`/proc/${outside.parent}/environ`, 'utf8') || null),
    memory: attempt(() => fs.openSync(`/proc/${outside.parent}/mem`, 'r')),
    signal: attempt(() => process.kill(outside.parent, 'SIGURG')),
    environment: Object.keys(process.env).filter((name) => name !== 'OPENSSL_CONF')[0] ?? null,
    exec: spawned('/bin/echo', ['out']),
    again: spawned(process.execPath, ['-p', '1']),
    tcp: await connect({ host: '127.0.0.1', port: outside.tcp }),
    unix: await connect({ path: path.join(outside.kept, 'control.sock') })
  }

  // What it is there for: the real runtime and the codec, on this engine.
  const Module = require('module')
  const resolve = Module._resolveFilename
  Module._resolveFilename = function (name, ...rest) {
    return resolve.call(this, name === '@andrewosh/isolated-vm' ? path.join(modules, engine) : name, ...rest)
  }
  const { pack, unpack } = require(path.join(modules, codec))
  const Runtime = require(path.join(modules, 'vitra-confine-runtime'))
  const source = `
    export function apply (tx, op) { tx.put('/n', op.n) }
    export function get ({ n }) { let sum = 0; for (let i = 0; i < 1e6; i++) sum += i % n; return sum }
  `
  const runtime = new Runtime({ source, env: { indexPubkey: 'a'.repeat(64) } })
  await runtime.init()
  await runtime.run()
  const applied = await runtime.handleAPICall('apply', [unpack(pack({ n: 7 }))])
  const { result } = await runtime.handleAPICall('get', [{ n: 10 }])
  ways.setuid = attempt(() => (outside.root ? process.setuid(12345) : null))
  process.stdout.write(JSON.stringify({ ways, applied, result, given }) + '\n', () => process.exit(0))
}

main().catch((error) => {
  process.stdout.write(JSON.stringify({ failed: String(error && error.stack) }) + '\n', () => process.exit(1))
})

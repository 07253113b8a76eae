// Prints what two peers of one version say to each other, a JSON line a frame, and one a message that its encoder writes
// for given fields: `node record.js > ../data/wire.jsonl` (see tests/swarm_wire.rs).
const RAM = require('random-access-memory')
const fs = require('fs')
const os = require('os')
const path = require('path')

const versions = { '10.38.2': 'hypercore', '11.37.1': 'hypercore-11' }
const hex = (buffer) => Buffer.from(buffer).toString('hex')
const print = (line) => console.log(JSON.stringify(line))
const tick = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const blocks = (from, n) => Array.from({ length: n }, (_, i) => Buffer.from(`block ${from + i}`))

async function main () {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'record-'))
  for (const [version, name] of Object.entries(versions)) {
    const Hypercore = require(name)
    const seed = Buffer.alloc(32, 7)
    const keyPair = require('hypercore-crypto').keyPair(seed)
    let n = 0
    const storage = () => (version.startsWith('10') ? RAM : path.join(dir, `${version}-${n++}`))
    const writer = new Hypercore(storage(), { keyPair })
    await writer.append(blocks(0, 9))
    const reader = new Hypercore(storage(), writer.key)
    const full = new Hypercore(storage(), writer.key)
    await Promise.all([writer.ready(), reader.ready(), full.ready()])
    for (const [client, label] of [[full, 'full'], [reader, 'sparse']]) {
      const [a, b] = [writer.replicate(true), client.replicate(false)]
      for (const [stream, from] of [[a, label], [b, 'writer']]) {
        stream.noiseStream.on('data', (frame) => frame.length && print({ version, from, frame: hex(frame) }))
      }
      a.pipe(b).pipe(a)
      if (label === 'full') {
        const range = client.download({ start: 0, end: -1 })
        await client.get(8)
        await tick(300)
        await writer.append(blocks(9, 3))
        await tick(300)
        range.destroy()
        await client.clear(2, 4)
      } else {
        await client.get(3)
        await client.seek(30)
        await client.get(11)
        client.registerExtension('greeting').broadcast(Buffer.from('hello'))
        await tick(200)
        await writer.truncate(10)
        await writer.append(blocks(10, 2))
        await tick(300)
      }
      a.destroy()
      b.destroy()
      await tick(50)
    }
    const wire = require(path.join(path.dirname(require.resolve(name)), 'lib/messages.js')).wire
    const c = require('compact-encoding')
    const encode = (kind, fields) => print({ version, kind, fields, message: hex(c.encode(wire[kind], fields)) })
    const base = { id: 7, fork: 2, block: null, hash: null, seek: null, upgrade: null, manifest: false, priority: 0 }
    const state = { canUpgrade: false, uploading: false, downloading: false, hasManifest: false, allowPush: false }
    encode('sync', { ...state, fork: 1, length: 300, remoteLength: 70000, canUpgrade: true, downloading: true })
    encode('sync', { ...state, fork: 0, length: 2 ** 40, remoteLength: 0, uploading: true, hasManifest: true })
    encode('request', { ...base, block: { index: 253, nodes: 3 } })
    encode('request', { ...base, hash: { index: 9, nodes: 1 }, seek: { bytes: 1000, padding: 8 }, priority: 2 })
    encode('request', { ...base, upgrade: { start: 0, length: 2 ** 33 }, manifest: true })
    encode('cancel', { request: 70000 })
    encode('noData', { request: 9, reason: 0 })
    encode('noData', { request: 9, reason: 2 })
    encode('want', { start: 0, length: 2097152, any: false })
    encode('want', { start: 5, length: 7, any: true })
    encode('unwant', { start: 0, length: 2097152, any: false })
    encode('range', { drop: false, start: 0, length: 2 ** 40 })
    encode('range', { drop: true, start: 4, length: 1 })
    encode('bitfield', { start: 32, bitfield: new Uint32Array([1, 0x80000000]) })
    await Promise.all([writer.close(), reader.close(), full.close()])
  }
  fs.rmSync(dir, { recursive: true, force: true })
}

main().then(() => process.exit(0), (err) => {
  console.error(err)
  process.exit(1)
})

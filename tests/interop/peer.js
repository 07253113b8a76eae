// node peer.js: a JavaScript peer over TCP on 127.0.0.1. A line of input is a command, a line of output its answer.
//
// {"log": NAME, "version": 10 or 11, ...}   a log: "seed" (hex) and "steps" as in write.js (blocks to append at once, or a
//                                           length to truncate to), or "storage" (a directory of Hypercore 10), or "key"
//                                           (hex; a reader); "compat": whether 11 uses public keys; answers {key, length}
// {"listen": [NAMES], "port": PORT}         serves these logs, all of one version, on every connection; answers {port};
//                                           "shift": true moves a byte of size between two nodes of each prefix proof
// {"connect": PORT, "logs": [NAMES]}        replicates these logs with whoever listens there
// {"append": NAME, "blocks": [hex]}, {"truncate": NAME, "length": N}, {"clear": NAME, "start": N, "end": N}
//                                           answer {length, fork}
// {"read": NAME, "length": N}               waits for so many blocks; answers {blocks, length, fork}
// {"fill": NAME, "count": N, "size": N}     appends so many blocks of so many bytes; answers {length}
// {"time": NAME, "length": N}               downloads so many blocks; answers {ms, rss}: milliseconds, and the peak of its memory in KiB
// {"events": NAME}                          answers what happened to a log: conflicts, truncations
// {"hangup": true}                          ends all connections
'use strict'
const fs = require('fs')
const net = require('net')
const os = require('os')
const path = require('path')
const readline = require('readline')
const crypto = require('hypercore-crypto')

const HYPERCORES = { 10: require('hypercore'), 11: require('hypercore-11') }
// Generous: no verdict depends on it.
const LONG = 90000
const bytes = (hex) => Buffer.from(hex, 'hex')
const hex = (buffer) => Buffer.from(buffer).toString('hex')
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'peer-'))
const logs = new Map()
const sockets = new Set()
const tick = () => new Promise((resolve) => setTimeout(resolve, 10))

async function open ({ log: name, version, seed, steps = [], storage, key, compat = false }) {
  const Hypercore = HYPERCORES[version]
  const place = storage || path.join(directory, name)
  const options = seed ? { keyPair: crypto.keyPair(bytes(seed)), compat: version === 10 || compat } : {}
  const core = key ? new Hypercore(place, bytes(key), options) : new Hypercore(place, options)
  await core.ready()
  const events = []
  core.on('conflict', (length, fork) => events.push(['conflict', length, fork]))
  core.on('truncate', (length, fork) => events.push(['truncate', length, fork]))
  for (const step of steps) {
    if (typeof step === 'number') await core.truncate(step)
    else if (step.length) await core.append(step.map(bytes))
  }
  logs.set(name, { core, events, version })
  return { key: hex(core.key), length: core.length, fork: core.fork }
}

// The nodes of a prefix proof still lead to the head when a byte of size moves from a node to its sibling.
function shifting (stream) {
  const mux = stream.noiseStream.userData
  const createChannel = mux.createChannel.bind(mux)
  const copy = (node, by) => ({ index: node.index, size: node.size + by, hash: node.hash })
  const shifted = ({ nodes, additionalNodes, ...upgrade }) => ({
    ...upgrade,
    nodes: nodes.map((node, i) => i === nodes.length - 1 ? copy(node, 1) : node),
    additionalNodes: additionalNodes.map((node, i) => i === 0 ? copy(node, -1) : node)
  })
  mux.createChannel = (options) => {
    const channel = createChannel(options)
    for (const message of channel ? channel.messages : []) {
      const send = message.send.bind(message)
      message.send = (data, session) => {
        const upgrade = data && data.upgrade
        const both = upgrade && upgrade.nodes && upgrade.additionalNodes && upgrade.nodes.length && upgrade.additionalNodes.length
        return send(both ? { ...data, upgrade: shifted(upgrade) } : data, session)
      }
    }
    return channel
  }
}

function replicate (socket, isInitiator, names, shift = false) {
  sockets.add(socket)
  socket.setNoDelay(true)
  const [first, ...rest] = names.map((name) => logs.get(name).core)
  const Hypercore = HYPERCORES[logs.get(names[0]).version]
  const stream = shift ? Hypercore.createProtocolStream(isInitiator) : first.replicate(isInitiator)
  if (shift) {
    shifting(stream)
    first.replicate(stream)
  }
  for (const core of rest) core.replicate(stream)
  socket.pipe(stream).pipe(socket)
  stream.on('error', () => {})
  if (stream.noiseStream) stream.noiseStream.on('error', () => {})
  socket.on('error', () => {})
  socket.on('close', () => sockets.delete(socket))
}

const COMMANDS = {
  log: open,
  listen ({ listen, port = 0, shift = false }) {
    const server = net.createServer((socket) => replicate(socket, false, listen, shift))
    return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve({ port: server.address().port })))
  },
  async connect ({ connect, logs: names }) {
    const socket = net.connect(connect, '127.0.0.1')
    replicate(socket, true, names)
    return {}
  },
  async append ({ append, blocks }) {
    const { core } = logs.get(append)
    await core.append(blocks.map(bytes))
    return { length: core.length, fork: core.fork }
  },
  async truncate ({ truncate, length }) {
    const { core } = logs.get(truncate)
    await core.truncate(length)
    return { length: core.length, fork: core.fork }
  },
  async clear ({ clear, start, end }) {
    const { core } = logs.get(clear)
    await core.clear(start, end)
    return { length: core.length, fork: core.fork }
  },
  async read ({ read, length }) {
    const { core } = logs.get(read)
    core.download({ start: 0, end: -1 })
    const end = Date.now() + LONG
    while (core.length < length) {
      if (Date.now() > end) throw new Error(`${core.length} blocks of ${length} came`)
      await core.update({ wait: false })
      await tick()
    }
    const blocks = []
    for (let i = 0; i < length; i++) blocks.push(hex(await core.get(i, { timeout: LONG })))
    return { blocks, length: core.length, fork: core.fork }
  },
  async fill ({ fill, count, size }) {
    const { core } = logs.get(fill)
    for (let i = 0; i < count; i += 100) {
      await core.append(Array.from({ length: Math.min(100, count - i) }, (_, j) => Buffer.alloc(size, i + j)))
    }
    return { length: core.length }
  },
  async time ({ time, length }) {
    const { core } = logs.get(time)
    const begun = Date.now()
    while (core.length < length) {
      await core.update({ wait: false })
      await tick()
    }
    await core.download({ start: 0, end: length }).done()
    return { ms: Date.now() - begun, rss: process.resourceUsage().maxRSS }
  },
  async events ({ events }) {
    return { events: logs.get(events).events }
  },
  async hangup () {
    for (const socket of sockets) socket.destroy()
    return {}
  }
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line)
    const name = Object.keys(command).find((key) => COMMANDS[key])
    console.log(JSON.stringify(await COMMANDS[name](command)))
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
}).finally(() => {
  fs.rmSync(directory, { recursive: true, force: true })
  process.exit()
})

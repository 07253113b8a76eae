// node peer.js: a DHT on 127.0.0.1, or a peer on one. A line of input is a command, a line of output its answer.
//
// {"testnet": N}                            a DHT of N nodes; answers {port}, the bootstrap node's
// {"join": PORT, "identity": hex}           a Hyperswarm on the DHT with this bootstrap node, with this seed of its key pair;
//                                           answers {key}, its public key in hex
// {"log": NAME, "version": 10 or 11, ...}   a log: "seed" (hex) and "steps" (blocks to append at once), or "storage" (a directory of Hypercore 10), or
//                                           "key" (hex; a reader); "compat": whether 11 uses public keys; answers {key, length}
// {"announce": NAME}                        announces a log's topic and serves all logs to whoever connects
// {"append": NAME, "blocks": [hex]}         answers {length}
// {"find": NAME, "length": N}               looks for the topic and waits for so many blocks; answers {blocks}
// {"dead": NAME, "count": N}                announces the topic for peers that do not exist
// {"leave": true}                           quits in good order
'use strict'
const fs = require('fs')
const os = require('os')
const path = require('path')
const readline = require('readline')
const crypto = require('hypercore-crypto')
const DHT = require('hyperdht')
const createTestnet = require('hyperdht/testnet')
const Hyperswarm = require('hyperswarm')

const HYPERCORES = { 10: require('hypercore'), 11: require('hypercore-11') }
// Generous: no verdict depends on it.
const LONG = 120000
const bytes = (hex) => Buffer.from(hex, 'hex')
const hex = (buffer) => Buffer.from(buffer).toString('hex')
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'peer-'))
const logs = new Map()
let swarm = null

const COMMANDS = {
  async testnet ({ testnet }) {
    const nodes = await createTestnet(testnet, { host: '127.0.0.1' })
    return { port: nodes.bootstrap[0].port }
  },
  async join ({ join, identity }) {
    const options = { bootstrap: [{ host: '127.0.0.1', port: join }], host: '127.0.0.1', firewalled: false }
    swarm = new Hyperswarm({ dht: new DHT(options), keyPair: crypto.keyPair(bytes(identity)) })
    swarm.on('connection', (connection) => {
      connection.on('error', () => {})
      for (const { core } of logs.values()) core.replicate(connection)
    })
    return { key: hex(swarm.keyPair.publicKey) }
  },
  async log ({ log: name, version, seed, steps = [], storage, key, compat = false }) {
    const Hypercore = HYPERCORES[version]
    const place = storage || path.join(directory, name)
    const options = seed ? { keyPair: crypto.keyPair(bytes(seed)), compat: version === 10 || compat } : {}
    const core = key ? new Hypercore(place, bytes(key), options) : new Hypercore(place, options)
    await core.ready()
    for (const step of steps) await core.append(step.map(bytes))
    logs.set(name, { core })
    return { key: hex(core.key), length: core.length }
  },
  async announce ({ announce }) {
    const discovery = swarm.join(logs.get(announce).core.discoveryKey, { server: true, client: false })
    await discovery.flushed()
    return {}
  },
  async append ({ append, blocks }) {
    const { core } = logs.get(append)
    await core.append(blocks.map(bytes))
    return { length: core.length }
  },
  async find ({ find, length }) {
    const { core } = logs.get(find)
    const discovery = swarm.join(core.discoveryKey, { server: false, client: true })
    // Whoever it is may announce itself later.
    const again = setInterval(() => discovery.refresh({ client: true, server: false }).catch(() => {}), 1000)
    const blocks = []
    for (let i = 0; i < length; i++) blocks.push(hex(await core.get(i, { timeout: LONG })))
    clearInterval(again)
    return { blocks }
  },
  async dead ({ dead, count }) {
    const topic = logs.get(dead).core.discoveryKey
    for (let i = 0; i < count; i++) {
      const relays = [{ host: '127.0.0.1', port: 9 }]
      await swarm.dht.announce(topic, crypto.keyPair(Buffer.alloc(32, i + 100)), i % 2 ? relays : []).finished()
    }
    return {}
  },
  async leave () {
    await swarm.destroy()
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

// node write.js DIRECTORY: writes logs as JavaScript writes them, and prints what they have become.
//
// A line of DIRECTORY/logs is one log: {seed, version, bee, steps}. `seed` (hex) is that of its Ed25519 key, `version` says
// which Hypercore writes: 10 (the key is the public key; Hyperbee 1) or 11 (the key is a manifest's hash; Hyperbee 2). A
// step is a list of blocks in hex to append at once, or a number: truncate to this length. With `bee` a step is one batch
// of a Hyperbee instead, a list of [key, value] in hex; the value is null for a put of null, and absent for a delete.
//
// A line of output: {key, blocks, heads}, where a head is [length, fork, tree hash, signature] after a step. A step that
// appends nothing has none; the append of the Hyperbee's header has one.
'use strict'
const fs = require('fs')
const path = require('path')
const crypto = require('hypercore-crypto')

const VERSIONS = {
  10: {
    Hyperbee: require('hyperbee'),
    open: (keyPair) => new (require('hypercore'))(() => new (require('random-access-memory'))(), { keyPair }),
    signature: (core) => core.core.header.tree.signature
  },
  11: {
    Hyperbee: require('hyperbee-2'),
    open: (keyPair, directory) => new (require('hypercore-11'))(directory, { keyPair, compat: false }),
    signature: (core) => core.state.signature
  }
}
const bytes = (hex) => Buffer.from(hex, 'hex')
const hex = (buffer) => Buffer.from(buffer).toString('hex')

async function write ({ seed, version, bee, steps }, directory) {
  const { Hyperbee, open, signature } = VERSIONS[version]
  const core = open(crypto.keyPair(bytes(seed)), directory)
  await core.ready()
  const heads = []
  const note = async () => {
    heads.push([core.length, core.fork, hex(await core.treeHash()), hex(signature(core))])
  }
  const tree = bee && new Hyperbee(core, { keyEncoding: 'binary', valueEncoding: 'binary' })
  if (bee) {
    await tree.batch().getRoot(true) // appends the header
    await note()
  }
  for (const step of steps) {
    const before = core.length
    if (typeof step === 'number') {
      await core.truncate(step)
      await note()
      continue
    }
    if (bee) {
      const batch = tree.batch()
      for (const [key, value] of step) {
        if (value === undefined) await batch.del(bytes(key))
        else await batch.put(bytes(key), value === null ? null : bytes(value))
      }
      // flush() of a batch without blocks keeps the lock.
      if (batch.length > 0) await batch.flush()
      else batch.destroy()
    } else {
      await core.append(step.map(bytes))
    }
    if (core.length > before) await note()
  }
  const blocks = []
  for (let i = 0; i < core.length; i++) blocks.push(hex(await core.get(i)))
  await core.close()
  return { key: hex(core.key), blocks, heads }
}

async function main () {
  const directory = process.argv[2]
  const logs = fs.readFileSync(path.join(directory, 'logs'), 'utf8').trim().split('\n')
  for (const [i, line] of logs.entries()) {
    console.log(JSON.stringify(await write(JSON.parse(line), path.join(directory, String(i)))))
  }
}

main()

// What Vitra 0.1.3 signs and checks, by the Corestore and Hypercore that it ran on, in a directory that it wrote. Vitra itself is
// not on npm; these are its calls (`core/log.ts`).
//
//   receipt DIR LOG SEQ         a receipt for a block
//   fork DIR LOG                what it says of a log that was cut
//   rewrite DIR LOG SEQ FORK    cuts the log there and appends as many other blocks
//   check DIR RECEIPT           the receipt against the log in the directory
const Corestore = require('corestore')

const hex = (buffer) => buffer.toString('hex')

// The tree hash at a length, and what Vitra's receipts sign: fork 0, whatever it is.
async function state (core, length) {
  const { tree } = core.core
  const hash = tree.crypto.tree(await tree.getRoots(length))
  const signable = Buffer.alloc(48)
  hash.copy(signable)
  signable.writeBigUInt64LE(BigInt(length), 32)
  return { hash, signable }
}

const commands = {
  async receipt (core, seq) {
    const { hash, signable } = await state(core, Number(seq) + 1)
    return {
      vitraBlockInclusionProof: 1,
      logPubkey: hex(core.key),
      blockSeq: Number(seq),
      rootHashAtBlock: hex(hash),
      rootHashSignature: hex(await core.sign(signable))
    }
  },

  async fork (core) {
    const { tree } = core.core
    return {
      vitraLogForkFraudProof: 1,
      logPubkey: hex(core.key),
      forkNumber: tree.fork,
      blockSeq: core.length,
      rootHashAtBlock: hex(tree.crypto.tree(tree.roots)),
      rootHashSignature: hex(tree.signature)
    }
  },

  async rewrite (core, seq, fork) {
    const count = core.length - Number(seq)
    await core.truncate(Number(seq), Number(fork))
    for (let i = 0; i < count; i++) await core.append(Buffer.from([0x80 + i]))
    return { length: core.length, fork: core.core.tree.fork }
  }
}

async function check (store, text) {
  const given = JSON.parse(text)
  const core = store.get(Buffer.from(given.logPubkey, 'hex'))
  await core.ready()
  const { tree } = core.core
  if (core.length <= given.blockSeq) return 'not here'
  const [hash, signature] = ['rootHashAtBlock', 'rootHashSignature'].map((name) => Buffer.from(given[name], 'hex'))
  const here = await state(core, given.blockSeq + 1)
  hash.copy(here.signable)
  if (!tree.crypto.verify(here.signable, signature, core.key)) return 'not signed'
  return here.hash.equals(hash) ? 'held' : 'rewritten'
}

async function main (command, dir, log, ...rest) {
  const store = new Corestore(dir)
  await store.ready()
  let result
  if (command === 'check') result = await check(store, log)
  else {
    const core = store.get(Buffer.from(log, 'hex'))
    await core.ready()
    result = await commands[command](core, ...rest)
  }
  console.log(JSON.stringify(result))
  await store.close()
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exit(1)
})

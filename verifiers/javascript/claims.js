// Claims about heads (docs/proof-format.md, "Claims about heads").

import { decodeBlock } from './hyperbee.js'
import { difference } from './prefix.js'
import { INPUTS } from './vitra.js'

const require = (condition, why) => { if (!condition) throw new Error(why) }
export const hex = (bytes) => Buffer.from(bytes).toString('hex')
const FACT = 'this proves the fact, not the intent: a restored backup or lost power does the same'

// Whether the one block of an index's slice declares a log as an input.
export function declares (index, log) {
  if (index.blocks.size !== 1) return false
  return decodeBlock([...index.blocks.values()][0])?.key.equals(Buffer.from(INPUTS + hex(log))) === true
}

// Whom a head accuses: its owner. That a log is an oplog of the database, one more slice shows.
function accused (proof, heads, head) {
  const own = head.key.equals(proof.database)
  require(heads.length === (own ? 0 : 1), 'another number of slices')
  if (own) return { role: 'executor' }
  const [index] = heads
  require(index.key.equals(proof.database), 'the last slice is not the index')
  require(declares(index, head.key),
    'a log that is not shown to be of this database: its slice of the index has not one block that declares it')
  return { role: 'participant', key: hex(head.key) }
}

function truncation (proof, [head, ...rest]) {
  require(head, 'no head')
  require(head.fork > 0, 'no fork counter above 0 was signed')
  require(!head.patched, 'a patched head shows no truncation')
  return {
    accused: accused(proof, rest, head),
    log: hex(head.key),
    message: `a signed head has the fork counter ${head.fork}: the log was cut and rewritten; ${FACT}`,
    check: 'a fork counter above 0 is signed only when a log was cut'
  }
}

// Where several may sign, those who signed both heads did it.
function signers (a, b) {
  if (!a.several) return {}
  const both = a.signers.filter((key) => b.signers.some((other) => other.equals(key))).map(hex)
  return { signers: both }
}

function equivocation (proof, [a, b, ...rest]) {
  require(a && b, 'fewer than two heads')
  require(!a.blocks.size && !b.blocks.size, 'a head that is not alone')
  require(a.key.equals(b.key) && a.fork === b.fork, 'heads of different logs or forks')
  require(a.length < b.length || (a.length === b.length && Buffer.compare(a.hash, b.hash) <= 0),
    'heads in another order')
  const { length, prefixes } = proof.claim
  require(length <= a.length, 'a length beyond the shorter head')
  difference([a, b], length, prefixes)
  const by = signers(a, b)
  let names = ''
  if (by.signers?.length) names = `; ${by.signers.join(', ')} signed both`
  else if (by.signers) names = '; no signer signed both: the log as a whole contradicts itself'
  return {
    accused: accused(proof, rest, a),
    log: hex(a.key),
    ...by,
    message: `two signed heads of one history, at lengths ${a.length} and ${b.length}, contradict each other${names}; ${FACT}`,
    check: `the heads' logs differ within their first ${length} blocks`
  }
}

export const BY_HEADS = { truncation, equivocation }

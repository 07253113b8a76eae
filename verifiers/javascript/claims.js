// Claims about heads (docs/proof-format.md, "Claims about heads").

import { extend, spans, treeHash } from './hash.js'
import { decodeBlock } from './hyperbee.js'
import { INPUTS } from './vitra.js'

const require = (condition, why) => { if (!condition) throw new Error(why) }
export const hex = (bytes) => Buffer.from(bytes).toString('hex')

// Whom a head accuses: its owner. That a log is an oplog of the database, one more slice shows.
function accused (proof, heads, head) {
  const own = head.key.equals(proof.database)
  require(heads.length === (own ? 0 : 1), 'another number of slices')
  if (own) return { role: 'executor' }
  const [index] = heads
  require(index.key.equals(proof.database), 'the last slice is not the index')
  require(index.blocks.size === 1, 'not one block that declares the log')
  const entry = decodeBlock([...index.blocks.values()][0])
  require(entry?.key.equals(Buffer.from(INPUTS + hex(head.key))), 'a log that is not shown to be of this database')
  return { role: 'participant', key: hex(head.key) }
}

function truncation (proof, [head, ...rest]) {
  require(head, 'no head')
  require(head.fork > 0 && head.signed, 'no fork counter above 0 was signed')
  return {
    accused: accused(proof, rest, head),
    log: hex(head.key),
    message: `a signed head has the fork counter ${head.fork}: the log was cut and rewritten`,
    check: 'a fork counter above 0 is signed only when a log was cut'
  }
}

// The tree hash of a head's log at a length: its own, or that of the full roots which lead to it.
function at (head, length, { roots, extension }) {
  require(length <= head.length, 'beyond the head')
  if (length === head.length) {
    require(!roots.length && !extension.length, 'nodes that are not needed')
    return head.hash
  }
  const places = spans(0, length)
  require(places.length === roots.length, 'not the full roots')
  const prefix = roots.map((root, i) => ({ ...root, ...places[i] }))
  require(treeHash(extend(prefix, length, extension, head.length)).equals(head.hash), 'roots that do not lead to the head')
  return treeHash(prefix)
}

function equivocation (proof, [a, b, ...rest]) {
  require(a && b, 'fewer than two heads')
  require(a.signed && b.signed, 'a head that nobody had to sign')
  require(a.key.equals(b.key) && a.fork === b.fork, 'heads of different logs or forks')
  require(a.length < b.length || (a.length === b.length && Buffer.compare(a.hash, b.hash) < 0), 'equal heads, or in another order')
  const { length, prefixes } = proof.claim
  require(!at(a, length, prefixes[0]).equals(at(b, length, prefixes[1])), 'logs that are the same up to there')
  return {
    accused: accused(proof, rest, a),
    log: hex(a.key),
    message: `two signed heads of one history, at lengths ${a.length} and ${b.length}, contradict each other`,
    check: `the heads' logs differ within their first ${length} blocks`
  }
}

export const BY_HEADS = { truncation, equivocation }

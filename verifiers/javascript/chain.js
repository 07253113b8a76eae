// What an audit may rest on that does not begin at the genesis (docs/proof-format.md, "Claims by audit").

import { Script } from 'node:vm'
import { batchEnd } from './batch.js'
import { examine } from './guard.js'
import { Missing, Unreadable } from './hyperbee.js'
import { NoMsgpack, Undecided } from './msgpack.js'
import { Tree } from './tree.js'
import { GENESIS, INPUTS, SOURCE, asInput, isAckPath, valueOf } from './vitra.js'

const MOST_SOURCES = 64
const MOST_DECLARATIONS = 65536

class NotAnchored extends Error {}

const require = (condition, why) => { if (!condition) throw new NotAnchored(why) }

// Condition 1: a batch ended before `ack`.
export function anchor (entries, ack) {
  require(ack > 1 && ack < entries.length, 'an anchor that is no block of the index')
  const entry = entries.at(ack)
  require(entry && isAckPath(entry), `block ${ack} is not at an ack path`)
  // The next entry at an ack path is where batches mostly end.
  let end = ack + 1
  try { while (end < entries.length && entries.at(end) && !isAckPath(entries.at(end))) end++ } catch (error) { if (!(error instanceof Missing)) throw error }
  require(batchEnd(entries, ack, end, { puts: true }), `block ${ack} is not shown to begin a batch`)
}

// Whether a batch is shown to end somewhere from block `from` on: some ack there is anchored.
export function anchorFrom (entries, from) {
  let missing = null
  for (let at = from; at < entries.length; at++) {
    if (!entries.has(at)) continue
    try {
      anchor(entries, at)
      return true
    } catch (error) {
      if (error instanceof Missing) missing ??= error
      else if (!(error instanceof NotAnchored || error instanceof Unreadable)) throw error
    }
  }
  if (missing) throw missing
  return false
}

// The ack of the transaction that wrote a block, or null for the genesis.
function writer (entries, seq) {
  for (let at = seq - 1; at > 0; at--) {
    const entry = entries.at(at)
    require(entry, `block ${at} is no entry`)
    if (isAckPath(entry)) return at
    if (at === 1 && entry.name === SOURCE) return null
  }
  return null
}

// Whether a text is one that V8 compiles: the guard reads tokens, and a text that is no module shows nothing. Nothing
// is run.
function compiles (source) {
  const script = source.replace(/^\s*import\b[^'"]*(['"])[^'"]*\1;?/gm, '').replace(/^\s*export\s*\{[^}]*\};?/gm, '')
    .replace(/^(\s*)export\s+(default\s+)?/gm, '$1')
  try { return !!new Script(`'use strict'; (async () => {${script}\n})`) } catch { return false }
}

const examined = new Map()

// What a source's text shows.
export function contract (entries, seq) {
  const entry = entries.at(seq)
  const { value, peculiar } = valueOf(entry)
  require(typeof value === 'string', `block ${seq} is no contract source`)
  if (peculiar) throw new Undecided('a contract that versions of msgpackr read differently')
  if (!examined.has(value)) {
    const shown = examine(value)
    examined.set(value, !shown.guarded || compiles(value) ? shown : { ...shown, guarded: false, why: 'a text that does not compile' })
  }
  return { seq, source: value, ...examined.get(value) }
}

// The block of the source in the tree of the first `version` blocks.
export function sourceAt (entries, version) {
  const seq = new Tree(entries, version).find(Buffer.from(SOURCE))
  require(seq !== null, 'a tree without a contract')
  return seq
}

// Condition 2: that source and each before it is guarded.
export function guard (entries, version) {
  for (let count = 0; count < MOST_SOURCES; count++) {
    const seq = sourceAt(entries, version)
    const { guarded, why } = contract(entries, seq)
    if (!guarded) throw new Undecided(`the contract at block ${seq} is not shown to keep to the guard: ${why}`)
    if (seq === 1) return
    const ack = writer(entries, seq)
    require(ack !== null && ack < version, 'a contract that no transaction wrote')
    anchor(entries, ack)
    version = ack
  }
  throw new Error('too many contracts came before')
}

// Whether an input was ever declared inactive, in the tree of the first `version` blocks or before, or may have been.
export function everInactive (entries, version, origin) {
  const name = INPUTS + origin
  try {
    const genesis = new Tree(entries, version).find(Buffer.from(GENESIS))
    for (let step = 0; step < MOST_DECLARATIONS; step++) {
      const seq = new Tree(entries, version).find(Buffer.from(name))
      if (seq === null) return step === 0 // one that no tree shows may have been anything
      const input = asInput(name, valueOf(entries.at(seq)).value)
      if (!input?.active) return true
      if (seq < genesis) return false
      const ack = writer(entries, seq)
      if (ack === null || ack >= version) return true
      anchor(entries, ack)
      version = ack
    }
  } catch (error) {
    // What nobody can read, or what is not shown to begin a batch, tells nothing.
    if (!(error instanceof Unreadable || error instanceof NoMsgpack || error instanceof NotAnchored)) throw error
  }
  return true // nor does an input that was declared too often
}

// Where batches end, and whether their trees are the ones that follow (docs/verdicts.md, "Batches"; `index-tampered`).

import { Missing } from './hyperbee.js'
import { Undecided } from './msgpack.js'
import { Tree } from './tree.js'

const FURTHEST = 4096
const MOST_READINGS = 64
const MOST_ENDS = 16
const MOST_STEPS = 200_000

// The ways to read the blocks without a value from `base` to `end`: each a set of those that are deletes. A put stands in a
// node; it may not where its key is written again.
function readings (entries, base, end) {
  const valueless = []
  const [named, last] = [new Set(), new Map()]
  for (let seq = base; seq < end; seq++) {
    const entry = entries.at(seq)
    if (!entry) throw new Missing(`block ${seq} is no entry`)
    if (entry.value === null) valueless.push(seq)
    for (const { keys } of entry.levels) for (const key of keys) named.add(key)
    last.set(entry.name, seq)
  }
  let result = [new Set()]
  for (const seq of valueless) {
    if (named.has(seq)) continue
    const again = last.get(entries.at(seq).name) > seq
    const deleted = result.map((deletes) => new Set([...deletes, seq]))
    result = again ? [...result, ...deleted] : deleted
    if (result.length > MOST_READINGS) throw new Undecided('too many ways to read blocks without a value')
  }
  return result
}

// The tree after the blocks from `base` to `end`; null where one of them would not have been written.
export function simulate (entries, base, end, deletes) {
  const tree = new Tree(entries, base)
  for (let seq = base; seq < end; seq++) {
    if (!deletes.has(seq)) tree.put(seq, entries.at(seq))
    else if (!tree.delete(seq, entries.at(seq))) return null
  }
  return tree
}

function isWritten (entries, base, end, deletes) {
  const tree = simulate(entries, base, end, deletes)
  if (!tree) return false
  let seq = base
  for (const bytes of tree.finish()) if (!bytes.equals(entries.raw(seq++))) return false
  return true
}

// The block that must be the last of a batch, under this reading: every other one leaves out its root at least, so the
// first that carries as many nodes as its operation wrote is the last.
function lastBlock (entries, base, end, deletes) {
  const tree = new Tree(entries, base)
  for (let seq = base; seq < entries.length && seq < base + FURTHEST; seq++) {
    const entry = entries.at(seq)
    if (!entry) return null
    // Beyond what was read, a delete is one if it can be one.
    const isDelete = seq < end ? deletes.has(seq) : entry.value === null && tree.find(entry.key) !== null
    if (isDelete) {
      if (!tree.delete(seq, entry)) return null
    } else tree.put(seq, entry)
    if (entry.levels.length >= tree.blocks.at(-1).index.length) return seq + 1
  }
  return null
}

// The end of the batch that begins at `base`, and which of its blocks are deletes; null where none gives the bytes that
// Hyperbee writes. `likely` is where batches mostly end.
export function batchEnd (entries, base, likely, { puts = false } = {}) {
  let missing = null
  const attempt = (make, otherwise) => {
    try { return make() } catch (error) {
      if (!(error instanceof Missing)) throw error
      missing ??= error
      return otherwise
    }
  }
  const ends = new Set([likely])
  for (const end of ends) { // grows
    if (ends.size > MOST_ENDS) throw new Undecided('too many blocks at which a batch may end')
    for (const deletes of attempt(() => readings(entries, base, end), [])) {
      if (puts && deletes.size) continue
      const last = attempt(() => lastBlock(entries, base, end, deletes), null)
      if (last === end && attempt(() => isWritten(entries, base, end, deletes), false)) return { end, deletes }
      if (last !== null) ends.add(last)
    }
  }
  if (missing) throw missing
  return null
}

// What a tree holds, in order: keys (as numbers of blocks), and subtrees that are not walked yet.
class Walk {
  constructor (entries, from, start) { Object.assign(this, { entries, from, stack: [start], steps: 0 }) }

  // The next item: a key, a subtree of old blocks, or null at the end.
  next () {
    for (;;) {
      const item = this.stack.at(-1)
      if (item === undefined) return null
      if (item.key !== undefined || (item.seq < this.from && !item.node)) return item
      this.open()
    }
  }

  skip () { this.stack.pop() }

  open () {
    const { seq, offset, node, depth } = this.stack.pop()
    if (++this.steps > MOST_STEPS || depth > 40) throw new Undecided('a tree that is too large to walk')
    const { keys, children } = node ?? this.entries.level(seq, offset)
    this.reached?.(seq, offset, !node)
    const below = children.map((child) => ({ seq: child.seq, offset: child.offset, node: child.node, depth: depth + 1 }))
    const items = []
    if (below.length && below.length !== keys.length + 1) throw new Undecided('a node with another number of children')
    keys.forEach((key, i) => items.push(...(below.length ? [below[i]] : []), { key }))
    if (below.length) items.push(below.at(-1))
    this.stack.push(...items.reverse())
  }
}

// Whether readers of the tree that is published at `end` see what follows from the blocks since `base`.
function sameContent (entries, base, end, deletes) {
  const tree = simulate(entries, base, end, deletes)
  if (!tree) return false
  const ours = new Walk(entries, base, { seq: end, offset: 0, node: tree.root, depth: 1 })
  const theirs = new Walk(entries, base, { seq: end - 1, offset: 0, node: null, depth: 1 })
  const reached = new Set()
  theirs.reached = (seq, offset) => reached.add(`${seq}/${offset}`)
  for (;;) {
    const [a, b] = [ours.next(), theirs.next()]
    if (a === null || b === null) {
      if (a !== b) return false
      break
    }
    const isKey = [a.key !== undefined, b.key !== undefined]
    if (isKey[0] && isKey[1]) {
      if (a.key !== b.key) return false
    } else if (!isKey[0] && !isKey[1] && a.seq === b.seq && a.offset === b.offset) {
      // The same subtree of old blocks.
    } else {
      // Of two subtrees the newer one is the larger, or they differ.
      if (!isKey[0] && (isKey[1] || a.seq >= b.seq)) ours.open()
      else theirs.open()
      continue
    }
    ours.skip()
    theirs.skip()
  }
  for (let seq = base; seq < end; seq++) {
    for (const offset of entries.at(seq).levels.keys()) if (!reached.has(`${seq}/${offset}`)) return false
  }
  return true
}

// Whether no reading of the blocks leads to the tree that is published at `end`.
export function isTampered (entries, base, end) {
  return readings(entries, base, end).every((deletes) => !sameContent(entries, base, end, deletes))
}

// Where batches end, and whether their trees are the ones that follow (docs/verdicts.md, "Batches"; `index-tampered`).

import { Missing } from './hyperbee.js'
import { Undecided } from './msgpack.js'
import { Tree } from './tree.js'

const FURTHEST = 4096
const MOST_READINGS = 64
const MOST_CANDIDATES = 64
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

// Applies a block; false where it would not have been written.
function apply (tree, entries, seq, deletes) {
  const entry = entries.at(seq)
  if (deletes.has(seq)) return tree.delete(seq, entry)
  tree.put(seq, entry)
  return true
}

// The tree after the blocks from `base` to `end`, or null.
export function simulate (entries, base, end, deletes) {
  const tree = new Tree(entries, base)
  for (let seq = base; seq < end; seq++) if (!apply(tree, entries, seq, deletes)) return null
  return tree
}

function isWritten (entries, base, end, deletes) {
  const tree = simulate(entries, base, end, deletes)
  if (!tree) return false
  let seq = base
  for (const bytes of tree.finish()) if (!bytes.equals(entries.raw(seq++))) return false
  return true
}

// Whether a batch may end with this block: the keys of the nodes that the last operation wrote are not changed by what
// a batch leaves out.
function mayEnd (tree, entry) {
  const { index } = tree.blocks.at(-1)
  return index.length === entry.levels.length && index.every(({ node }, i) =>
    node.keys.length === entry.levels[i].keys.length && node.keys.every((key, j) => key === entry.levels[i].keys[j]))
}

// The end of the batch that begins at `base`: the preferred one, an earlier, a later one. Or null, where no end gives
// the bytes that Hyperbee writes.
export function batchEnd (entries, base, preferred, { puts = false } = {}) {
  const limit = Math.min(entries.length, preferred + FURTHEST)
  let missing = null
  const attempt = (make) => {
    try { return make() } catch (error) {
      if (!(error instanceof Missing)) throw error
      missing ??= error
      return null
    }
  }
  const fits = (end) => {
    for (const deletes of attempt(() => readings(entries, base, end)) ?? []) {
      if (puts && deletes.size) continue
      if (attempt(() => isWritten(entries, base, end, deletes))) return { end, deletes }
    }
    return null
  }
  const first = fits(preferred)
  if (first) return first

  // How far blocks can be read as entries at all.
  let far = base
  attempt(() => { while (far < limit && entries.at(far) && !(puts && entries.at(far).value === null)) far++ })
  const candidates = new Set()
  for (const deletes of attempt(() => readings(entries, base, far)) ?? []) {
    attempt(() => {
      const tree = new Tree(entries, base)
      for (let seq = base; seq < far && apply(tree, entries, seq, deletes); seq++) {
        if (mayEnd(tree, entries.at(seq))) candidates.add(seq + 1)
      }
    })
  }
  candidates.delete(preferred)
  if (candidates.size > MOST_CANDIDATES) throw new Undecided('too many blocks at which a batch may end')
  const ends = [...candidates].sort((a, b) => a - b)
  for (const end of [...ends.filter((end) => end < preferred).reverse(), ...ends.filter((end) => end > preferred)]) {
    const found = fits(end)
    if (found) return found
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

// Where batches end, and whether their trees are the ones that follow (docs/verdicts.md, "Batches"; `index-tampered`).

import { Missing, Unreadable } from './hyperbee.js'
import { Undecided } from './msgpack.js'
import { Tree } from './tree.js'

export const FURTHEST = 4096
const MOST_READINGS = 64
const MOST_STEPS = 200_000

// The ways to read the blocks without a value from `base` to `end`: each a set of those that are deletes. A put stands
// in a node; it may not where its key is written again.
function readings (entries, base, end) {
  const valueless = []
  const [named, last] = [new Set(), new Map()]
  for (let seq = base; seq < end; seq++) {
    const entry = entries.at(seq)
    if (!entry) throw new Unreadable(`block ${seq} is no entry`)
    if (entry.value === null) valueless.push(seq)
    for (const { keys } of entry.isWhole ? entry.levels : []) for (const key of keys) named.add(key)
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
function simulate (entries, base, end, deletes) {
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

// What the blocks that are here say of those from `base` on: which numbers stand in nodes, which keys are written
// again, and whether all blocks that could be of one batch are here.
function outlook (entries, base, end) {
  const [named, last] = [new Set(), new Map()]
  let whole = true
  entries.work -= (end - base) >> 6
  for (let seq = base; seq < end; seq++) {
    if (!entries.has(seq)) whole = false
    const entry = entries.has(seq) && entries.at(seq)
    if (!entry) continue
    for (const { keys } of entry.isWhole ? entry.levels : []) for (const key of keys) named.add(key)
    last.set(entry.name, seq)
  }
  return { end, named, last, whole }
}

// The block behind which the batch must end, if the n-th block without a value that may be read in two ways is a put
// where `puts[n]`: every other block leaves out its root at least, so the first that carries as many nodes as its
// operation wrote is the last. `state.open` counts such blocks; `state.cut` says that the batch may go on behind the
// blocks that there are.
function endUnder (entries, base, { end, named, last, whole }, puts, state) {
  const tree = new Tree(entries, base)
  for (let seq = base; seq < end; seq++) {
    const entry = entries.at(seq)
    if (!entry?.isWhole) return null
    let isDelete = entry.value === null && !named.has(seq) && tree.find(entry.key) !== null
    // A put is in no node if its key is written again before the batch ends, or in one that is not here.
    if (isDelete && (!whole || last.get(entry.name) > seq) && puts[state.open++]) isDelete = false
    if (isDelete) tree.delete(seq, entry)
    else tree.put(seq, entry)
    if (entry.levels.length >= tree.blocks.at(-1).index.length) return seq + 1
  }
  state.cut = end === entries.length
  return null
}

function hasNoValue (entries, base, end) {
  for (let seq = base; seq < end; seq++) if (!entries.at(seq)?.value) return true
  return false
}

// The end of the batch that begins at `base`, and which of its blocks are deletes; null where none gives the bytes that
// Hyperbee writes. `likely` is where batches mostly end. With `puts` each block of it has a value. With `open` the log
// goes on: a batch may end behind it (`cut`).
export function batchEnd (entries, base, likely, { puts = false, open = false } = {}) {
  let [missing, unreadable, cut] = [null, null, false]
  const attempt = (make, otherwise) => {
    try { return make() } catch (error) {
      if (error instanceof Missing) missing ??= error
      else if (error instanceof Unreadable) unreadable ??= error
      else throw error
      return otherwise
    }
  }
  const fit = (end) => {
    if (puts && attempt(() => hasNoValue(entries, base, end), true)) return null
    const deletes = attempt(() => readings(entries, base, end), [])
      .find((deletes) => attempt(() => isWritten(entries, base, end, deletes), false))
    return deletes ? { end, deletes } : null
  }
  const first = fit(likely)
  if (first) return first
  const tried = new Set([likely])
  const seen = outlook(entries, base, Math.min(entries.length, likely + FURTHEST))
  // Each way to read the blocks without a value that may be read in two ways.
  const ways = [[]]
  for (const way of ways) { // grows
    if (ways.length > MOST_READINGS) throw new Undecided('too many ways to read blocks without a value')
    const state = { open: 0, cut: false }
    const end = attempt(() => endUnder(entries, base, seen, way, state), null)
    for (let n = way.length; n < state.open; n++) ways.push([...way, ...Array(n - way.length).fill(false), true])
    cut ||= state.cut
    if (end === null || tried.has(end)) continue
    tried.add(end)
    const batch = fit(end)
    if (batch) return batch
  }
  if (missing ?? unreadable) throw missing ?? unreadable
  return open && cut ? { end: entries.length, deletes: readings(entries, base, entries.length)[0], cut } : null
}

// A published tree of which readers do not find a node.
class Broken extends Error {}

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

  // Whether readers come to a block that can be read, and does not have the node.
  leadsNowhere (seq, offset) {
    if (seq === 0 || seq >= this.entries.length) return true
    const entry = this.entries.at(seq)
    if (!entry) return false
    return entry.isWhole ? !entry.levels[offset] : seq >= this.from
  }

  open () {
    const { seq, offset, node, depth } = this.stack.pop()
    if (++this.steps > MOST_STEPS || depth > 40) throw new Undecided('a tree that is too large to walk')
    if (!node && this.leadsNowhere(seq, offset)) throw new Broken(`block ${seq} has no node ${offset}`)
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
    if (!entries.at(seq).isWhole) return false
    for (const offset of entries.at(seq).levels.keys()) if (!reached.has(`${seq}/${offset}`)) return false
  }
  return true
}

// Whether no reading of the blocks leads to the tree that is published at `end`.
export function isTampered (entries, base, end) {
  return readings(entries, base, end).every((deletes) => {
    try { return !sameContent(entries, base, end, deletes) } catch (error) {
      if (error instanceof Broken) return true
      throw error
    }
  })
}

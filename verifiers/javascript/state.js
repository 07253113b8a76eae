// What an audit knows of the index at a block: the tree that readers see, which inputs are active, which operations
// were acked, and where batches end (docs/verdicts.md; docs/proof-format.md, "From there").

import { FURTHEST, batchEnd, isTampered } from './batch.js'
import { anchorFrom, everInactive } from './chain.js'
import { Entries, Unreadable } from './hyperbee.js'
import { NoMsgpack } from './msgpack.js'
import { Tree } from './tree.js'
import { INPUTS, SOURCE, ackKey, asInput, isReadable, valueOf } from './vitra.js'

const NULL = Buffer.from([0xc0])

const rangeIsUnreadable = (entries, from, to) => {
  for (let seq = from; seq < to; seq++) if (!entries.at(seq)) return true
  return false
}

// What is read, or `otherwise` where the blocks are here and nobody reads it from them.
function readable (read, otherwise) {
  try { return read() } catch (error) {
    if (error instanceof Unreadable || error instanceof NoMsgpack) return otherwise
    throw error
  }
}

export class State {
  // `open`: the log goes on behind the blocks of its slice.
  constructor (index, { from, open }, work) {
    Object.assign(this, { entries: new Entries(index, work), from, open })
    this.numbers = new Map() // of an origin: what comes next, and what was acked
    this.active = new Map()
    this.declared = new Map() // by blocks that the audit came by
    this.before = new Map() // whether an input was declared inactive before the audit begins
    this.inactive = new Set()
  }

  // The tree before a block: that of the last batch, and what its own batch made of it since.
  tree () {
    const { entries, base, at, shared } = this
    if (this.known?.base !== base || this.known.at > at) this.known = { base, at: base, tree: new Tree(entries, base) }
    for (; this.known.at < at; this.known.at++) {
      const [seq, { tree }] = [this.known.at, this.known]
      if (!shared?.deletes.has(seq)) tree.put(seq, entries.at(seq))
      else if (!tree.delete(seq, entries.at(seq))) throw new Unreadable('a batch that nobody writes')
    }
    return this.known.tree
  }

  // As the tree says when it is first asked, until the next declaration or tampering. Where nobody can read the tree,
  // the last declaration says it; null where there was none.
  isActive (origin) {
    if (!this.active.has(origin)) {
      const name = INPUTS + origin
      const found = readable(() => {
        const entry = this.tree().get(name)
        return entry ? asInput(name, valueOf(entry).value)?.active === true : false
      }, this.declared.get(origin) ?? null)
      if (found === null) return null // asked again at the next ack
      this.active.set(origin, found)
    }
    return this.active.get(origin)
  }

  // Where the numbering of an oplog stands by the tree, when its first ack comes: an audit that cannot read that ends.
  takeUp ({ origin, seq }) {
    if (this.from === 0 || this.numbers.has(origin)) return
    const isAcked = (number) => this.tree().find(Buffer.from(ackKey(origin, number))) !== null
    if (!isAcked(seq) && seq > 0) isAcked(seq - 1)
  }

  // Below 0: the operation was acked before. Above: one before it was not. `null`: nothing is said.
  numbering ({ origin, seq }) {
    if (this.inactive.has(origin)) return null
    const known = this.numbers.get(origin)
    if (this.from === 0) return known?.acked.has(seq) ? -1 : Math.max(seq - (known?.next ?? 0), 0)
    const isAcked = (number) => known?.acked.has(number) || this.tree().find(Buffer.from(ackKey(origin, number))) !== null
    const wrong = readable(() => {
      if (known && seq >= known.next) return seq - known.next
      if (isAcked(seq)) return -1
      return !known && seq > 0 && !isAcked(seq - 1) ? 1 : 0
    }, null)
    if (!wrong) return wrong
    // Of an input that was declared inactive, numbers show nothing. Inside a batch there is no tree to go back from.
    if (!this.before.has(origin)) this.before.set(origin, this.at > this.base || everInactive(this.entries, this.at, origin))
    return this.before.get(origin) ? null : wrong
  }

  count ({ ack, start, end }) {
    if (ack) {
      this.isActive(ack.origin)
      const known = this.numbers.get(ack.origin) ?? { next: 0, acked: new Set() }
      known.next = Math.max(known.next, ack.seq + 1)
      known.acked.add(ack.seq)
      this.numbers.set(ack.origin, known)
    }
    for (let at = start; at < end; at++) {
      const entry = this.entries.at(at)
      if (entry?.name === SOURCE && at > start) this.source = at
      if (!entry?.name.startsWith(INPUTS) || !isReadable(entry)) continue
      const origin = entry.name.slice(INPUTS.length)
      this.active.delete(origin)
      this.declared.set(origin, asInput(entry.name, valueOf(entry).value)?.active === true)
      if (valueOf(entry).value?.active !== true) this.inactive.add(origin)
    }
  }

  // The batch that the blocks up to `end` are of. `tampered`: its last block, where its tree is not the one that
  // follows; where that cannot be told, `unread`.
  settle (end) {
    const { entries } = this
    let [base, shared] = [this.base, this.shared]
    let read = new Set()
    const unread = { base: end, shared: null, tampered: null, unread: true }
    while (base < end) {
      if (!shared) {
        if (rangeIsUnreadable(entries, base, end)) return unread
        // Hyperbee writes no value for null: readers take this for something else.
        for (let seq = base; seq < end; seq++) if (entries.at(seq).value?.equals(NULL)) return { base: end, shared: null, tampered: end - 1, first: base }
        const found = readable(() => {
          const batch = batchEnd(entries, base, end, { open: this.open })
          return { batch, tampered: !batch && isTampered(entries, base, end) ? end - 1 : null }
        }, null)
        if (!found) return unread
        shared = found.batch
        if (!shared) return { base: end, shared: null, tampered: found.tampered, first: base }
      }
      if (shared.end > end || shared.cut) return { base, shared, tampered: null, first: base }
      base = shared.end
      read = new Set([...read, ...shared.deletes])
      shared = null
    }
    return { base, shared, read, tampered: null }
  }

  // An audit of a log that goes on ends where a tree does not fit, and its batch is not shown to end.
  requireEnd (end) {
    if (!this.open) return
    const { shared, tampered, first } = this.settle(end)
    if ((tampered ?? null) === null && !shared?.cut) return
    if (first + FURTHEST <= this.entries.length || anchorFrom(this.entries, end)) return
    throw new Error(`the batch that begins with block ${first} is not shown to end`)
  }

  advance (end) {
    this.judged = this.settle(end)
    const { base, shared, tampered } = this.judged
    if (tampered !== null) this.active.clear()
    Object.assign(this, { at: end, base, shared })
  }
}

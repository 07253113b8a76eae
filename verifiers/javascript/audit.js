// Claims by audit: an audit of these logs finds a violation of this kind at this block (docs/proof-format.md).
//
// Only what the claim rests on is looked at, in the order of the rulebook's table: of the violations of one transaction the
// first is found, the others stand in its `also`.

import { batchEnd, isTampered } from './batch.js'
import { hex } from './claims.js'
import { anchor, contract, everInactive, guard, sourceAt } from './chain.js'
import { Entries, Missing } from './hyperbee.js'
import { NoMsgpack, Undecided, decode } from './msgpack.js'
import { GENESIS, INPUTS, SOURCE, ackKey, asAck, asInput, isAckPath, isReadable, valueOf } from './vitra.js'
import { BY_REPLAY, compare } from './replay.js'
import { Tree } from './tree.js'

// Only a run of the contract can decide.
export class NeedsRun extends Undecided {}

const require = (condition, why) => { if (!condition) throw new Error(why) }

const SORTS = ['malformed-entry', 'ack-malformed', 'ack-path-mismatch', 'non-participant', 'op-repeated', 'op-skipped', 'unprompted-write',
  'metadata-invented', 'index-tampered']

const MOST_RUNS = 20

class Audit {
  constructor (proof, heads, run, work) {
    const [index, ...oplogs] = heads
    require(index?.key.equals(proof.database), 'the first slice is not the index')
    oplogs.forEach(({ key }, i) => {
      require(!key.equals(index.key), 'the index once more')
      require(i === 0 || Buffer.compare(oplogs[i - 1].key, key) < 0, 'oplogs that do not ascend')
    })
    Object.assign(this, { claim: proof.claim, entries: new Entries(index, work), run, checks: [] })
    this.oplogs = new Map(oplogs.map((head) => [hex(head.key), head]))
    this.numbers = new Map() // of an origin: what comes next, and what was acked
    this.runs = 0
    this.active = new Map()
    this.before = new Map() // whether an input was declared inactive before the audit begins
    this.inactive = new Set()
  }

  async finding () {
    const { kind, from, seq } = this.claim
    require(SORTS.includes(kind) || BY_REPLAY.includes(kind) || kind === 'bad-genesis', `${kind} is no kind of violation`)
    require(from <= seq && seq <= this.entries.length, 'a claim about a block that is not there')
    if (kind === 'bad-genesis') {
      require(from === 0, 'a genesis that does not begin at 0')
      const { bad } = this.genesis()
      require(bad === seq, 'the genesis is right there')
      return { seq, accused: { role: 'executor' }, message: `block ${seq} is not what a genesis has there` }
    }
    if (from === 0) {
      const { bad, end } = this.genesis()
      require(bad === null, 'a genesis that is wrong, and ends the audit')
      this.base = 1
      if (kind === 'index-tampered' && seq < end) {
        require(this.settle(end).tampered === seq, 'the tree of the genesis is right')
        return this.found({ seq })
      }
      this.source = 1
      this.advance(end)
      this.checks.push('the audit begins at the genesis')
    } else {
      anchor(this.entries, from)
      guard(this.entries, from)
      this.base = this.at = from
      this.source = sourceAt(this.entries, from)
      this.checks.push(`a batch ends before block ${from}, and every contract so far keeps to the guard`)
    }
    for (;;) {
      require(this.at <= seq && this.at < this.entries.length, `no ${kind} at block ${seq}`)
      const transaction = await this.transaction(this.at)
      const finding = this.mayBeIn(transaction) && await this.judge(transaction)
      if (finding) return finding
      this.count(transaction)
      this.advance(transaction.end)
    }
  }

  found ({ seq, or = null, message }) {
    const { kind } = this.claim
    // Then more people than the executor may be to blame, and the document says whom.
    if (this.doubtful) throw new Undecided('the contract is not guarded, and its operations may have written below /.sys')
    const accused = { role: 'executor' }
    if (or) accused.or = { role: 'participant', key: or }
    this.checks.push(`an audit of these blocks finds ${kind} at block ${seq}`)
    return { seq, accused, message: message ?? `${kind} at block ${seq}` }
  }

  // Where the genesis ends, or its first wrong block.
  genesis () {
    const { entries } = this
    const value = (seq) => {
      const entry = entries.at(seq)
      try { return entry && { entry, value: valueOf(entry).value } } catch (error) { if (error instanceof NoMsgpack) return null; throw error }
    }
    if (entries.raw(0).subarray(0, 10).compare(Buffer.from('0a086879706572626565', 'hex'))) return { bad: 0 }
    const source = value(1)
    if (source?.entry.name !== SOURCE || typeof source.value !== 'string') return { bad: 1 }
    let active = false
    for (let seq = 2; ; seq++) {
      const found = value(seq)
      if (found?.entry.name === GENESIS) return active ? { bad: null, end: seq + 1 } : { bad: seq }
      const input = found?.entry.name.startsWith(INPUTS) ? asInput(found.entry.name, found.value) : null
      if (!input) return { bad: seq }
      active ||= input.active
    }
  }

  // The tree before a block: that of the last batch, and what its own batch made of it since.
  tree () {
    const { entries, base, at, shared } = this
    if (this.known?.base !== base || this.known.at > at) this.known = { base, at: base, tree: new Tree(entries, base) }
    for (; this.known.at < at; this.known.at++) {
      const [seq, { tree }] = [this.known.at, this.known]
      if (!shared?.deletes.has(seq)) tree.put(seq, entries.at(seq))
      else require(tree.delete(seq, entries.at(seq)), 'a batch that nobody writes')
    }
    return this.known.tree
  }

  async transaction (start) {
    const { entries } = this
    const entry = entries.at(start)
    const transaction = { start, ack: null, malformed: !entry }
    if (entry && isAckPath(entry)) {
      if (!isReadable(entry)) transaction.malformed = true
      else {
        const { value, peculiar } = valueOf(entry)
        if (peculiar) throw new Undecided('an ack that versions of msgpackr read differently')
        transaction.ack = asAck(value)
        transaction.badAck = !transaction.ack
      }
    } else transaction.unprompted = start
    transaction.contract = contract(entries, this.source)
    // Whether an operation of an unguarded contract wrote this, only its run shows.
    if (!transaction.contract.guarded && transaction.ack && this.writesSystem(transaction)) {
      if (!this.oplogs.has(transaction.ack.origin)) throw new Undecided('the contract is not guarded, and an operation that is not here may have written below /.sys')
      await this.replay(transaction)
      transaction.doubtful = true
    }
    const expected = transaction.outcome?.changes.map(({ key }) => key) ?? []
    let end = start + 1
    for (; end < entries.length; end++) {
      const next = entries.at(end)
      const place = next ? expected.indexOf(next.name) : -1
      if (place >= 0) expected.splice(place, 1)
      else if (next && isAckPath(next)) break
    }
    transaction.end = end
    return transaction
  }

  // Whether an entry below `/.sys` stands within the announced number: an operation may have written it past the guard.
  writesSystem ({ start, ack }) {
    const last = Math.min(start + ack.numChanges, this.entries.length - 1)
    for (let at = start + 1; at <= last; at++) {
      const name = this.entries.at(at)?.name
      if (name === '.sys' || name?.startsWith('.sys\0')) return true
    }
    return false
  }

  // The outcome of the operation that an ack is about.
  async replay (transaction) {
    if (transaction.outcome) return
    const { ack, contract } = transaction
    if (!contract.stateless) throw new Undecided(`the contract is not shown to keep no state: ${contract.why}`)
    const oplog = this.oplogs.get(ack.origin)
    if (!oplog || ack.seq >= oplog.length) throw new Missing('the operation is not here')
    require(oplog.fork === 0, 'an oplog that was rewritten')
    const bytes = oplog.blocks.get(ack.seq)
    if (!bytes) throw new Missing(`block ${ack.seq} of an oplog is not here`)
    const { value: op, peculiar } = decode(bytes)
    if (peculiar) throw new Undecided('an operation that versions of msgpackr read differently')
    transaction.op = op
    if (!this.run) throw new NeedsRun('the operation has to be run')
    if (++this.runs > MOST_RUNS) throw new Undecided('too many operations to run')
    transaction.outcome = await this.run({ source: contract.source, op, ack, tree: this.tree() })
  }

  // Whether the claimed block is where this kind of violation of this transaction would be.
  mayBeIn ({ start, end }) {
    const { kind, seq } = this.claim
    if (kind === 'missing-change') return seq === end
    if (kind !== 'index-tampered') return seq >= start && seq < end
    const { shared, tampered } = this.settle(end)
    return seq === (tampered ?? (shared?.end ?? end) - 1)
  }

  // The violation of this transaction, if it is the one that is claimed.
  async judge (transaction) {
    const { kind, seq } = this.claim
    if (BY_REPLAY.includes(kind)) {
      require(transaction.ack && !transaction.malformed, 'no ack to compare with')
      const earlier = ['malformed-entry'].some((sort) => this.sort(sort, transaction) !== null)
      require(!earlier, 'another violation goes before')
      await this.replay(transaction)
      const found = compare(this, transaction)
      if (found?.kind !== kind || found.seq !== seq) return null
      return this.found({ seq, or: transaction.ack.origin, message: found.message })
    }
    for (const sort of SORTS) {
      const found = this.sort(sort, transaction)
      if (found !== null) return sort === kind && found === seq ? this.found({ seq }) : null
      if (sort === 'index-tampered' && sort === kind && await this.flipped(transaction) === seq) {
        return this.found({ seq, or: transaction.ack.origin, message: 'readers find a key deleted that the contract set to null, or the reverse' })
      }
      if (sort === kind) return null
    }
    return null
  }

  // Where a transaction breaks the rule of this sort, or null.
  sort (sort, transaction) {
    const { start, end, ack, malformed, badAck } = transaction
    const { entries } = this
    switch (sort) {
      case 'malformed-entry':
        for (let at = start; at < end; at++) if (!entries.at(at) || !isReadable(entries.at(at))) return at
        return null
      case 'ack-malformed': return badAck && !malformed ? start : null
      case 'ack-path-mismatch': return ack && entries.at(start).name !== ackKey(ack.origin, ack.seq) ? start : null
      case 'non-participant': return ack && !this.isActive(ack.origin) ? start : null
      case 'op-repeated': return ack && this.numbering(ack) < 0 ? start : null
      case 'op-skipped': return ack && this.numbering(ack) > 0 ? start : null
      case 'unprompted-write': return this.unprompted(transaction)
      case 'metadata-invented': {
        if (!ack || ack.metadata === undefined || ack.metadata === null) return null
        if (!transaction.contract.exports) throw new Undecided(`it is not clear what the contract exports: ${transaction.contract.why}`)
        return transaction.contract.exports.has('process') ? null : start
      }
      case 'index-tampered': return this.settle(end).tampered
    }
  }

  // Where readers find a key deleted that the contract set to null, or the reverse: which only its run tells apart.
  async flipped (transaction) {
    const { start, end } = transaction
    const { entries } = this
    const { shared, read } = this.settle(end)
    const deletes = shared?.deletes ?? read
    const valueless = []
    for (let at = start + 1; at < end; at++) if (entries.at(at).value === null) valueless.push(at)
    if (!valueless.length || !deletes || !transaction.ack) return null
    await this.replay(transaction)
    const changes = [...transaction.outcome.changes]
    for (let at = start + 1; at < end; at++) {
      const place = changes.findIndex(({ key }) => key === entries.at(at).name)
      const [change] = place < 0 ? [] : changes.splice(place, 1)
      if (change && valueless.includes(at) && deletes.has(at) !== (change.type === 'del')) return (shared?.end ?? end) - 1
    }
    return null
  }

  // As the tree says when it is first asked, until the next declaration or tampering.
  isActive (origin) {
    if (!this.active.has(origin)) {
      const name = INPUTS + origin
      const entry = this.tree().get(name)
      this.active.set(origin, entry ? asInput(name, valueOf(entry).value)?.active === true : false)
    }
    return this.active.get(origin)
  }

  // Below 0: the operation was acked before. Above: one before it was not.
  numbering ({ origin, seq }) {
    const known = this.numbers.get(origin)
    if (this.claim.from === 0) {
      if (this.inactive.has(origin)) return 0
      return known?.acked.has(seq) ? -1 : Math.max(seq - (known?.next ?? 0), 0)
    }
    if (this.inactive.has(origin)) return 0
    const isAcked = (number) => known?.acked.has(number) || this.tree().find(Buffer.from(ackKey(origin, number))) !== null
    let wrong = 0
    if (known && seq >= known.next) wrong = seq - known.next
    else if (isAcked(seq)) wrong = -1
    else if (!known && seq > 0 && !isAcked(seq - 1)) wrong = 1
    if (wrong === 0) return 0
    // Of an input that was declared inactive, numbers show nothing.
    // Inside a batch there is no tree to go back from.
    if (!this.before.has(origin)) this.before.set(origin, this.at > this.base || everInactive(this.entries, this.at, origin))
    return this.before.get(origin) ? 0 : wrong
  }

  // The first entry beyond what the ack announces.
  unprompted ({ start, end, ack, badAck, unprompted, outcome }) {
    if (unprompted !== undefined) return unprompted
    if (!ack || badAck) return null
    const first = start + 1 + ack.numChanges
    if (outcome) {
      const expected = outcome.changes.map(({ key }) => key)
      for (let at = start + 1; at < end; at++) {
        const place = expected.indexOf(this.entries.at(at).name)
        if (place >= 0) expected.splice(place, 1)
        else if (at >= first) return at
      }
      return null
    }
    return first < end ? first : null
  }

  count ({ ack, start, end, doubtful }) {
    this.doubtful ||= doubtful
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
      if (valueOf(entry).value?.active !== true) this.inactive.add(origin)
    }
  }

  // The batch that the blocks up to `end` are of. `tampered`: its last block, where its tree is not the one that follows.
  settle (end) {
    const { entries } = this
    let [base, shared] = [this.base, this.shared]
    let read = new Set()
    while (base < end) {
      if (!shared) {
        if (rangeIsUnreadable(entries, base, end)) return { base: end, shared: null, tampered: null }
        // Hyperbee writes no value for null: readers take this for something else.
        for (let seq = base; seq < end; seq++) if (entries.at(seq).value?.equals(NULL)) return { base: end, shared: null, tampered: end - 1 }
        shared = batchEnd(entries, base, end)
        if (!shared) return { base: end, shared: null, tampered: isTampered(entries, base, end) ? end - 1 : null }
      }
      if (shared.end > end) return { base, shared, tampered: null }
      base = shared.end
      read = new Set([...read, ...shared.deletes])
      shared = null
    }
    return { base, shared, read, tampered: null }
  }

  advance (end) {
    const { base, shared, tampered } = this.settle(end)
    if (tampered !== null) this.active.clear()
    Object.assign(this, { at: end, base, shared })
  }
}

const NULL = Buffer.from([0xc0])

const rangeIsUnreadable = (entries, from, to) => {
  for (let seq = from; seq < to; seq++) if (!entries.at(seq)) return true
  return false
}

export async function audit (proof, heads, run, work) {
  const made = new Audit(proof, heads, run, work)
  const finding = await made.finding()
  return { ...finding, log: hex(proof.database), checks: made.checks }
}

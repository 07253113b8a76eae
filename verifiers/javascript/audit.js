// Claims by audit: an audit of these logs finds a violation of this kind at this block (docs/proof-format.md).
//
// Only what the claim rests on is looked at, in the order of the rulebook's table: of the violations of one transaction
// the first is found, the others stand in its `also`.

import { hex } from './claims.js'
import { anchor, contract, guard, sourceAt } from './chain.js'
import { genesis } from './genesis.js'
import { Missing } from './hyperbee.js'
import { NoMsgpack, Undecided, decode } from './msgpack.js'
import { BY_REPLAY, compare } from './replay.js'
import { State } from './state.js'
import { ackKey, asAck, isAckPath, isReadable, valueOf } from './vitra.js'

// Only a run of the contract can decide.
export class NeedsRun extends Undecided {}

const require = (condition, why) => { if (!condition) throw new Error(why) }

const SORTS = ['malformed-entry', 'ack-malformed', 'ack-path-mismatch', 'non-participant', 'op-repeated', 'op-skipped', 'unprompted-write',
  'metadata-invented', 'index-tampered']
// What entries that follow may mend, of the transaction with which a log ends.
const MENDED = ['wrong-change', 'missing-change', 'index-tampered']

const MOST_RUNS = 20

export class Audit extends State {
  // `open`: the logs go on behind these slices.
  constructor (database, heads, { from, open }, run, work) {
    const [index, ...oplogs] = heads
    require(index?.key.equals(database), 'the first slice is not the index')
    oplogs.forEach(({ key }, i) => {
      require(!key.equals(index.key), 'the index once more')
      require(i === 0 || Buffer.compare(oplogs[i - 1].key, key) < 0, 'oplogs that do not ascend')
    })
    require(heads.every(({ roots }) => roots), 'a bare head in an audit')
    super(index, { from, open }, work)
    this.oplogs = new Map(oplogs.map((head) => [hex(head.key), head]))
    Object.assign(this, { database, run, runs: 0, checks: [] })
  }

  // Up to the first transaction: from the genesis, or from an ack at which a batch begins.
  begin () {
    const { entries, from } = this
    if (from === 0) {
      const { bad, end } = genesis(entries)
      require(bad === null, 'a genesis that is wrong, and ends the audit')
      Object.assign(this, { base: 1, source: 1, genesisEnd: end })
      if (end < entries.length) this.requireEnd(end)
      this.advance(end)
      this.checks.push('the audit begins at the genesis')
    } else {
      anchor(entries, from)
      guard(entries, from)
      Object.assign(this, { base: from, at: from, source: sourceAt(entries, from) })
      this.checks.push(`a batch ends before block ${from}, and every contract so far keeps to the guard`)
    }
  }

  async finding (claim) {
    const { kind, seq } = claim
    const { entries, from } = this
    this.claim = claim
    this.requireReadable(claim)
    require(from <= seq && seq <= entries.length, 'a claim about a block that is not there')
    this.notMended(kind, seq)
    if (kind === 'bad-genesis') {
      require(from === 0, 'a genesis that does not begin at 0')
      require(genesis(entries).bad === seq, 'the genesis is right there')
      return { seq, accused: { role: 'executor' }, message: `block ${seq} is not what a genesis has there` }
    }
    if (from === 0 && kind === 'index-tampered') {
      const { bad, end } = genesis(entries)
      if (bad === null && seq < end) {
        this.base = 1
        require(!(this.open && end === entries.length) && this.settle(end).tampered === seq,
          'the tree of the genesis is right')
        this.requireEnd(end)
        return this.found({ seq })
      }
    }
    this.begin()
    for (;;) {
      require(this.at <= seq && this.at < entries.length, `no ${kind} at block ${seq}`)
      const transaction = await this.transaction(this.at)
      const finding = this.mayBeIn(transaction) && await this.judge(transaction)
      if (finding) return finding
      this.doubtful ||= transaction.doubtful
      this.count(transaction)
      this.advance(transaction.end)
    }
  }

  // A block beside the claim that cannot be read is a malformed-entry, which convicts by itself.
  requireReadable ({ kind, seq }) {
    if (kind === 'malformed-entry') return
    for (const at of this.entries.head.blocks.keys()) {
      if (at === 0 || at === seq) continue
      const entry = this.entries.at(at)
      let readable = entry !== null
      try { readable &&= isReadable(entry) } catch (error) { if (!(error instanceof Undecided)) throw error }
      require(readable, `block ${at} of the index, beside the claim, cannot be read: that is a malformed-entry`)
    }
  }

  // A log that goes on may mend such a thing in its last transaction.
  notMended (kind, seq) {
    if (!this.open || !MENDED.includes(kind)) return
    try {
      for (let at = kind === 'missing-change' ? seq : seq + 1; at < this.entries.length; at++) {
        const entry = this.entries.at(at)
        if (entry && isAckPath(entry)) return
      }
    } catch (error) { if (error instanceof Missing) return; throw error }
    throw new Error(`what is here shows it only if the log ends at block ${this.entries.length}, and the claim does not rest on that`)
  }

  // Throws unless the transaction with block `seq` (of a missing-change, with the block before) is judged, and in order as it
  // stands. What is wrong in others decides nothing.
  async inOrder ({ kind, seq }, { accused }) {
    // Only what rests on an operation needs its bytes; and a transaction with which the longer head ends.
    const restsOnOperation = BY_REPLAY.includes(kind) || accused.or !== undefined
    const block = kind === 'missing-change' ? seq - 1 : seq
    this.begin()
    if (this.from === 0 && block < this.at) {
      const { tampered, unread } = this.judged
      require(tampered === null && !unread, 'the longer head\'s tree of the genesis is not in order')
      return
    }
    for (;;) {
      require(this.at < this.entries.length, 'the longer head does not show that transaction')
      const transaction = await this.transaction(this.at)
      const { start, end, ack } = transaction
      require(start <= block, 'the longer head does not show that transaction')
      if (block < end) {
        const byOperation = restsOnOperation || end === this.entries.length
        const what = await this.violation(transaction, byOperation)
        require(!what, `the longer head's transaction at block ${start} is not in order: ${what}`)
        require(!byOperation || (this.isActive(ack.origin) && this.numbering(ack) === 0),
          `the longer head's transaction at block ${start} cannot be judged`)
        return
      }
      this.doubtful ||= transaction.doubtful
      this.count(transaction)
      this.advance(end)
    }
  }

  // What is wrong with a transaction, if anything.
  async violation (transaction, byOperation) {
    if (!transaction.ack) return 'it has no ack that can be read'
    for (const sort of SORTS) if (await this.sort(sort, transaction) !== null) return sort
    if (this.settle(transaction.end).unread) return 'its tree cannot be read'
    if (!byOperation) return null
    await this.replay(transaction)
    if (await this.flipped(transaction) !== null) return 'index-tampered'
    return compare(this, transaction)?.kind
  }

  found ({ seq, or = null, ack = null, message }) {
    const { kind } = this.claim
    // Then more people than the executor may be to blame, and the document says whom.
    if (this.doubtful) {
      throw new Undecided('the contract is not guarded, and its operations may have written below /.sys')
    }
    const accused = { role: 'executor' }
    if (or) accused.or = { role: 'participant', key: or }
    this.checks.push(`an audit of these blocks finds ${kind} at block ${seq}`)
    if (or) this.checks.push('it used the bytes of an operation: a proof that its oplog was rewritten clears the executor')
    const operation = ack && { origin: ack.origin, op_seq: ack.seq }
    return { seq, accused, ...operation, message: message ?? `${kind} at block ${seq}` }
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
      if (!this.oplogs.has(transaction.ack.origin)) {
        throw new Undecided('the contract is not guarded, and an operation that is not here may have written below /.sys')
      }
      await this.replay(transaction)
      transaction.doubtful = true
    }
    if (transaction.ack) this.takeUp(transaction.ack)
    const expected = transaction.outcome?.changes.map(({ key }) => key) ?? []
    let end = start + 1
    for (; end < entries.length; end++) {
      const next = entries.at(end)
      const place = next ? expected.indexOf(next.name) : -1
      if (place >= 0) expected.splice(place, 1)
      else if (next && isAckPath(next)) break
    }
    // Behind the last one, a log that goes on may have more of it.
    Object.assign(transaction, { end, open: this.open && end === entries.length })
    if (!transaction.open) this.requireEnd(end)
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
    const { value: op, peculiar } = operation(bytes)
    if (peculiar) throw new Undecided('an operation that versions of msgpackr read differently')
    transaction.op = op
    if (!this.run) throw new NeedsRun('the operation has to be run')
    if (++this.runs > MOST_RUNS) throw new Undecided('too many operations to run')
    transaction.outcome = await this.run({ source: contract.source, op, bytes, ack, database: hex(this.database), tree: this.tree() })
  }

  // Whether the claimed block is where this kind of violation of this transaction would be.
  mayBeIn ({ start, end, open }) {
    const { kind, seq } = this.claim
    if (open && MENDED.includes(kind)) return false
    if (kind === 'missing-change') return seq === end
    if (kind !== 'index-tampered') return seq >= start && seq < end
    const { shared, tampered } = this.settle(end)
    return seq === (tampered ?? (shared?.end ?? end) - 1)
  }

  // The violation of this transaction, if it is the one that is claimed: one by replay and one other are found.
  async judge (transaction) {
    const { kind, seq } = this.claim
    const { ack, malformed } = transaction
    if (BY_REPLAY.includes(kind)) {
      require(ack && !malformed, 'no ack to compare with')
      await this.replay(transaction)
      const found = compare(this, transaction)
      if (found?.kind !== kind || found.seq !== seq) return null
      return this.found({ seq, or: ack.origin, ack, message: found.message })
    }
    for (const sort of SORTS) {
      const found = await this.sort(sort, transaction)
      if (found !== null) return sort === kind && found === seq ? this.found({ seq, ack }) : null
      if (sort === 'index-tampered' && sort === kind && await this.flipped(transaction) === seq) {
        return this.found({ seq, or: ack.origin, ack, message: 'readers find a key deleted that the contract set to null, or the reverse' })
      }
      if (sort === kind) return null
    }
    return null
  }

  // Where a transaction breaks the rule of this sort, or null.
  async sort (sort, transaction) {
    const { start, end, ack, malformed, badAck } = transaction
    const { entries } = this
    switch (sort) {
      case 'malformed-entry':
        for (let at = start; at < end; at++) if (!entries.at(at) || !isReadable(entries.at(at))) return at
        return null
      case 'ack-malformed': return badAck && !malformed ? start : null
      case 'ack-path-mismatch': return ack && entries.at(start).name !== ackKey(ack.origin, ack.seq) ? start : null
      case 'non-participant': return ack && this.isActive(ack.origin) === false ? start : null
      case 'op-repeated': return ack && this.numbering(ack) < 0 ? start : null
      case 'op-skipped': return ack && this.numbering(ack) > 0 ? start : null
      case 'unprompted-write': return this.unprompted(transaction)
      case 'metadata-invented': {
        if (!ack || ack.metadata === undefined || ack.metadata === null) return null
        if (!transaction.contract.exports) {
          throw new Undecided(`it is not clear what the contract exports: ${transaction.contract.why}`)
        }
        return transaction.contract.exports.has('process') ? null : start
      }
      case 'index-tampered': return this.settle(end).tampered
    }
  }

  // The first entry beyond what the ack announces. Where a log goes on, only if each change of the contract is there:
  // another entry may be one of them.
  async unprompted (transaction) {
    const { start, end, ack, badAck, unprompted, open } = transaction
    if (unprompted !== undefined) return unprompted
    if (!ack || badAck) return null
    const first = start + 1 + ack.numChanges
    if (first >= end) return null
    if (open) {
      await this.replay(transaction)
      if (ack.success !== transaction.outcome.success) return null
      const found = compare(this, { ...transaction, open: false })
      if (found && ['wrong-change', 'missing-change'].includes(found.kind)) return null
    }
    const { outcome } = transaction
    if (!outcome) return first
    const expected = outcome.changes.map(({ key }) => key)
    for (let at = start + 1; at < end; at++) {
      const place = expected.indexOf(this.entries.at(at)?.name)
      if (place >= 0) expected.splice(place, 1)
      else if (at >= first) return at
    }
    return null
  }

  // Where readers find a key deleted that the contract set to null, or the reverse: which only its run tells apart.
  async flipped (transaction) {
    const { start, end } = transaction
    const { entries } = this
    const { shared, read } = this.settle(end)
    const deletes = shared?.deletes ?? read
    const valueless = []
    for (let at = start + 1; at < end; at++) if (entries.at(at)?.value === null) valueless.push(at)
    if (!valueless.length || !deletes || !transaction.ack) return null // nothing that could be read in two ways
    await this.replay(transaction)
    const changes = [...transaction.outcome.changes]
    for (let at = start + 1; at < end; at++) {
      const place = changes.findIndex(({ key }) => key === entries.at(at)?.name)
      const [change] = place < 0 ? [] : changes.splice(place, 1)
      if (change && valueless.includes(at) && deletes.has(at) !== (change.type === 'del')) {
        return (shared?.end ?? end) - 1
      }
    }
    return null
  }
}

function operation (bytes) {
  try { return decode(bytes) } catch (error) {
    if (error instanceof NoMsgpack) throw new Undecided('an operation that is no msgpack')
    throw error
  }
}

// Of a claim that rests on the end of a head, the log is judged as if it ended there.
export async function audit (proof, heads, run, work) {
  const { kind, from, seq, end } = proof.claim
  const made = new Audit(proof.database, heads, { from, open: end === null }, run, work)
  if (end !== null) {
    require(heads[0].length === end,
      `the claim rests on the end of a head of length ${end}, and the head here is another`)
    require(!heads[0].patched, 'a claim that rests on the end of a patched head: anybody derives one that is shorter')
  }
  const finding = await made.finding({ kind, from, seq })
  if (end !== null) finding.message += `; this holds if the log ends at block ${end}: a longer head may clear the executor`
  return { ...finding, log: hex(proof.database), end, checks: made.checks }
}

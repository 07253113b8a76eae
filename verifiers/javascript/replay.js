// What a run of the contract shows (docs/verdicts.md, the kinds marked (R)).

import { Undecided, isEqual } from './msgpack.js'
import { isReadable, valueOf } from './vitra.js'

export const BY_REPLAY = ['false-failure', 'false-success', 'wrong-change', 'extra-change', 'missing-change', 'change-count-mismatch']

const RUNTIME_FAULTS = /Isolate was disposed|Isolated is disposed|Connection closed prematurely/

// The first difference between a transaction and the outcome of its operation, in the order of the table.
export function compare (audit, { start, end, ack, outcome, open }) {
  if (ack.success !== outcome.success) {
    if (RUNTIME_FAULTS.test(ack.error)) return { kind: 'runtime-fault', seq: start }
    return outcome.success
      ? { kind: 'false-failure', seq: start, message: 'the ack says that the operation failed; the contract succeeds' }
      : { kind: 'false-success', seq: start, message: `the ack says that the operation succeeded; the contract fails: ${outcome.error}` }
  }
  const { entries } = audit
  // Deletes of what is not there write no block.
  const there = new Map()
  const expected = outcome.changes.filter(({ type, key }) => {
    const isWritten = type === 'put' || (there.get(key) ?? audit.tree().find(Buffer.from(key, 'latin1')) !== null)
    there.set(key, type === 'put')
    return isWritten
  })
  let unread = 0
  const [left, wrong] = [[], []]
  for (let at = start + 1; at < end; at++) {
    const entry = entries.at(at)
    if (!entry || !isReadable(entry)) { unread++; continue }
    const place = expected.findIndex(({ key }) => key === entry.name)
    if (place < 0) { left.push(at); continue }
    const [change] = expected.splice(place, 1)
    if (!isSame(entry, change)) wrong.push(at)
  }
  // Each entry that nobody reads uses up an expected change. Which one matters only where others are left over as well.
  if (unread && expected.length > unread && left.length) {
    throw new Undecided('an entry that nobody reads may be one of several changes')
  }
  expected.splice(0, unread)
  // A log that goes on may still bring what is not there yet.
  if (open && (wrong.length || expected.length)) return null
  // What is left over pairs up.
  const paired = Math.min(left.length, expected.length)
  if (paired && left.length > paired) throw new Undecided('changes that pair up in an order which is not decided here')
  wrong.push(...left.splice(0, paired))
  if (wrong.length) {
    const seq = Math.min(...wrong)
    return { kind: 'wrong-change', seq, message: `block ${seq} is not the change that the contract makes` }
  }
  const extra = left.find((at) => at <= start + ack.numChanges)
  if (extra !== undefined) return { kind: 'extra-change', seq: extra, message: `the contract makes no change at block ${extra}` }
  if (expected.length > paired) return { kind: 'missing-change', seq: end, message: 'a change that the contract makes was not published' }
  if (ack.numChanges !== outcome.changes.length) {
    return { kind: 'change-count-mismatch', seq: start, message: `the ack announces ${ack.numChanges} changes, the contract makes ${outcome.changes.length}` }
  }
  return null
}

// A put of null and a delete look alike in a block.
function isSame (entry, { type, value }) {
  if (entry.value === null) return type === 'del' || value === null || value === undefined
  if (type === 'del') return false
  const { value: published, peculiar } = valueOf(entry)
  if (peculiar) throw new Undecided('a change that versions of msgpackr read differently')
  return isEqual(published, value)
}

// The genesis: which block of it is wrong, or where it ends (docs/verdicts.md, `bad-genesis`).

import { NoMsgpack } from './msgpack.js'
import { GENESIS, INPUTS, SOURCE, asInput, valueOf } from './vitra.js'

const HEADER = Buffer.from('0a086879706572626565', 'hex')

export function genesis (entries) {
  const value = (seq) => {
    const entry = entries.at(seq)
    try { return entry && { entry, value: valueOf(entry).value } } catch (error) { if (error instanceof NoMsgpack) return null; throw error }
  }
  if (!entries.raw(0).subarray(0, HEADER.length).equals(HEADER)) return { bad: 0 }
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

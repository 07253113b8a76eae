// Hyperbee: blocks, and reads from them (docs/formats.md, "Hyperbee").

import { Undecided } from './msgpack.js'

const MOST_LEVELS = 1024; const MOST_KEYS = 1024

// A block that is needed and not here: it ends an audit without a finding.
export class Missing extends Error {}
// A block that is here, and from which nobody reads what is needed: of that nothing is said (`state-unreadable`).
export class Unreadable extends Error {}

const varint = (bytes, cursor) => {
  let [value, factor] = [0n, 0n]
  while (cursor.at < bytes.length) {
    const byte = bytes[cursor.at++]
    if (factor < 64n) value |= BigInt(byte & 127) << factor
    factor += 7n
    if (byte < 128) return value
    if (factor > 70n) throw new Undecided('a varint that is too long')
  }
  throw new RangeError('a varint that does not end')
}

// The fields of a message, as leniently as Hyperbee: known ones (up to `last`) are bytes whatever their type, unknown ones are
// skipped, lengths are cut at the end.
function * fields (bytes, last) {
  const cursor = { at: 0 }
  while (cursor.at < bytes.length) {
    const tag = varint(bytes, cursor)
    if (tag >> 31n) throw new Undecided('a field number that is too large')
    const [number, wire] = [Number(tag >> 3n), Number(tag & 7n)]
    if (number >= 1 && number <= last) {
      const length = Number(varint(bytes, cursor))
      yield [number, bytes.subarray(cursor.at, Math.min(cursor.at + length, bytes.length))]
      cursor.at += length
    } else if (wire === 0) varint(bytes, cursor)
    else if (wire === 1) cursor.at += 8
    else if (wire === 5) cursor.at += 4
    else if (wire === 2) {
      const length = Number(varint(bytes, cursor))
      cursor.at += length
    } else throw new RangeError('an unknown wire type')
  }
}

function packed (bytes, most) {
  const [cursor, result] = [{ at: 0 }, []]
  while (cursor.at < bytes.length) {
    if (result.length === most) throw new Undecided('too many numbers')
    const value = varint(bytes, cursor)
    result.push(value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value))
  }
  return result
}

function decodeLevels (bytes) {
  const levels = []
  for (const [, level] of fields(bytes, 1)) {
    if (levels.length === MOST_LEVELS) throw new Undecided('too many levels')
    let [keys, flat] = [[], []]
    for (const [number, numbers] of fields(level, 2)) {
      if (number === 1) keys = packed(numbers, MOST_KEYS)
      if (number === 2) flat = packed(numbers, 2 * MOST_KEYS + 2)
    }
    const children = []
    for (let i = 0; i + 1 < flat.length; i += 2) children.push({ seq: flat[i], offset: flat[i + 1] })
    levels.push({ keys, children })
  }
  return levels
}

const endsEarly = (read, otherwise) => {
  try { return read() } catch (error) {
    if (error instanceof RangeError) return otherwise()
    throw error
  }
}

// A block with a key. Its nodes are read when somebody comes to them, as by Hyperbee: a reader of its key needs none.
class Entry {
  constructor (bytes, index, key, value) { Object.assign(this, { bytes, index, key, name: key.toString('latin1'), value }) }

  get isWhole () { return (this.decoded ??= endsEarly(() => decodeLevels(this.index), () => null)) !== null }

  get levels () {
    if (!this.isWhole) throw new Unreadable('a block whose nodes cannot be read')
    return this.decoded
  }
}

// An entry, or null where a block is no Hyperbee node.
export const decodeBlock = (bytes) => endsEarly(() => {
  let [index, key, value] = [null, null, null]
  for (const [number, content] of fields(bytes, 3)) {
    if (number === 1) index = content
    if (number === 2) key = content
    if (number === 3) value = content
  }
  return index && key ? new Entry(bytes, index, key, value) : null
}, () => null)

// The entries of an index whose blocks are partly here.
export class Entries {
  // `work`: how many searches in trees they are worth.
  constructor (head, work) { Object.assign(this, { head, length: head.length, decoded: new Map(), work }) }

  raw (seq) {
    const bytes = this.head.blocks.get(seq)
    if (!bytes) throw new Missing(seq < this.length ? `block ${seq} of the index is not here` : `block ${seq} is beyond the end`)
    return bytes
  }

  has (seq) { return this.head.blocks.has(seq) }

  // The entry, or null where there is none.
  at (seq) {
    if (!this.decoded.has(seq)) this.decoded.set(seq, decodeBlock(this.raw(seq)))
    return this.decoded.get(seq)
  }

  key (seq) {
    const entry = seq > 0 && seq < this.length ? this.at(seq) : null
    if (!entry) throw new Unreadable(`block ${seq} has no key`)
    return entry.key
  }

  level (seq, offset) {
    const level = seq > 0 && seq < this.length ? this.at(seq)?.levels[offset] : null
    if (!level) throw new Unreadable(`block ${seq} has no node ${offset}`)
    return level
  }
}


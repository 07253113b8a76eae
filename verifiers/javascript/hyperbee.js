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

// Behind a field that nobody knows.
function skip (bytes, cursor, wire) {
  if (wire === 0) varint(bytes, cursor)
  else if (wire === 1) cursor.at += 8
  else if (wire === 5) cursor.at += 4
  else if (wire === 2) {
    const length = Number(varint(bytes, cursor))
    cursor.at += length
  } else throw new RangeError('an unknown wire type')
}

// The fields of a message from the cursor to `end`, as leniently as Hyperbee: known ones (up to `last`) have a length
// whatever their type, unknown ones are skipped. Yields number and length; whoever takes one moves the cursor behind
// it.
function * fields (bytes, cursor, end, last) {
  while (cursor.at < end) {
    const tag = varint(bytes, cursor)
    if (tag >> 31n) throw new Undecided('a field number that is too large')
    const [number, wire] = [Number(tag >> 3n), Number(tag & 7n)]
    if (number >= 1 && number <= last) yield [number, Number(varint(bytes, cursor))]
    else skip(bytes, cursor, wire)
  }
}

// A list of numbers: one that claims to be longer than its message goes on into what follows.
function packed (bytes, cursor, length, most) {
  const [result, end] = [[], cursor.at + length]
  while (cursor.at < end) {
    if (result.length === most) throw new Undecided('too many numbers')
    const value = varint(bytes, cursor)
    result.push(value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value))
  }
  return result
}

// The nodes of an index. A node that is longer than the index is none; only bytes are cut at the end.
function decodeLevels (bytes) {
  const [levels, cursor] = [[], { at: 0 }]
  for (const [, length] of fields(bytes, cursor, bytes.length, 1)) {
    if (levels.length === MOST_LEVELS) throw new Undecided('too many levels')
    const end = cursor.at + length
    if (end > bytes.length) throw new RangeError('a node that ends too early')
    let [keys, flat] = [[], []]
    const inner = { at: cursor.at }
    for (const [number, length] of fields(bytes, inner, end, 2)) {
      if (number === 1) keys = packed(bytes, inner, length, MOST_KEYS)
      if (number === 2) flat = packed(bytes, inner, length, 2 * MOST_KEYS + 2)
    }
    cursor.at = end
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
  const cursor = { at: 0 }
  for (const [number, length] of fields(bytes, cursor, bytes.length, 3)) {
    const content = bytes.subarray(cursor.at, Math.min(cursor.at + length, bytes.length))
    cursor.at += length
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
    if (!bytes) {
      throw new Missing(seq < this.length ? `block ${seq} of the index is not here` : `block ${seq} is beyond the end`)
    }
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


// Deterministic CBOR (docs/proof-format.md, "Bytes").
//
// Nothing here is believed. Every count is bounded by the bytes that are there, and nothing recurses: the form is
// known.

export class Malformed extends Error {}

const UNSIGNED = 0; const BYTES = 2; const TEXT = 3; const ARRAY = 4
const NULL = 0xf6

export class Reader {
  constructor (bytes) { this.bytes = bytes; this.at = 0 }

  fail (what) { throw new Malformed(`${what} at byte ${this.at}`) }

  // The argument of an item of this type. Shortest form only, so that there is one file for one proof.
  head (type) {
    const first = this.bytes[this.at]
    if (first === undefined) this.fail('the file ends')
    if (first >> 5 !== type) this.fail('an unexpected item')
    this.at++
    const small = first & 31
    if (small < 24) return small
    if (small > 27) this.fail('an indefinite or reserved length')
    const width = 1 << (small - 24)
    if (this.at + width > this.bytes.length) this.fail('the file ends')
    let value = 0n
    for (let i = 0; i < width; i++) value = value << 8n | BigInt(this.bytes[this.at++])
    const least = width === 1 ? 24n : 1n << BigInt(4 * width)
    if (value < least) this.fail('an integer that is not in its shortest form')
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail('an integer beyond 2^53 - 1')
    return Number(value)
  }

  unsigned () { return this.head(UNSIGNED) }
  isNull () { return this.bytes[this.at] === NULL && ++this.at > 0 }
  isBytes () { return this.bytes[this.at] >> 5 === BYTES }

  raw (type) {
    const length = this.head(type)
    if (length > this.bytes.length - this.at) this.fail('the file ends')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  byteString (length) {
    const bytes = this.raw(BYTES)
    if (length !== undefined && bytes.length !== length) this.fail(`not ${length} bytes`)
    return bytes
  }

  text () {
    const bytes = this.raw(TEXT)
    try { return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) } catch { return this.fail('text that is no UTF-8') }
  }

  // How many items; each takes at least a byte.
  array (expected) {
    const count = this.head(ARRAY)
    if (count > this.bytes.length - this.at) this.fail('more items than bytes')
    if (expected !== undefined && count !== expected) this.fail(`an array of ${count} and not ${expected} items`)
    return count
  }

  many (read) {
    const result = [] // not sized beforehand: what a count claims may never come
    for (let count = this.array(); count > 0; count--) result.push(read())
    return result
  }

  pairs (read) {
    const count = this.array()
    if (count % 2) this.fail('an odd number of items')
    const result = []
    for (let i = 0; i < count / 2; i++) result.push(read())
    return result
  }

  end () { if (this.at !== this.bytes.length) this.fail('bytes after the end') }
}

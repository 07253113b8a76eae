// msgpack as msgpackr reads it (docs/formats.md, "Values").
//
// `peculiar` bytes are those that its versions read differently, that no version writes, or whose value a version changes when it
// packs it again; what nobody decodes alike accuses nobody.

export class NoMsgpack extends Error {}
export class Undecided extends Error {
  name = 'Undecided'
}

const MOST_NESTED = 500
// Text newer than Unicode 13 is peculiar. JavaScript does not say when a character came, so: what is assigned, in blocks to which
// nothing was added since.
const isOld = (text) => /^(?:[\0-\u061c\u061e-\u07ff\u0900-\u0bff\u0e00-\u0e7f\u0f00-\u16ff\u1780-\u17ff\u1900-\u1a9f\u1e00-\u209f\u20a0-\u20bf\u2100-\u218b\u2190-\u2426\u2440-\u2bff\u2c60-\u2e52\u2e80-\u2fdf\u3000-\u31bf\u31f0-\u9ffc\ua000-\ua6ff\uac00-\ud7ff\ue000-\ufb4f\ufe00-\uffff]|[\u{1d400}-\u{1d7ff}\u{1f000}-\u{1f6d7}\u{1f700}-\u{1f773}\u{1f900}-\u{1f978}\u{1f97a}-\u{1f9cb}\u{20000}-\u{2a6dd}\u{2a700}-\u{2b734}\u{2b740}-\u{2cea1}])*$/u.test(text) && !/[\p{Cn}\p{Cs}]/u.test(text)

// A count of more keys than this has no place in what msgpackr writes.
export const MOST_KEYS = 0xffff
// An own key that changes how an object is read or packed: it sets a prototype, or the object is no plain one any more.
export const isMeddling = (key) => key === '__proto__' || key === 'constructor'
// Between 2106 and 2514, msgpackr 1.5 packs another date.
export const isChangedBy15 = (ms) => ms >= 2 ** 32 * 1000 && ms < 2 ** 34 * 1000

// The date in an extension -1, as `unpack.js` computes it: nanoseconds of 32 bits have a sign, and of 64 bits of seconds the sign and
// the last 48 count.
function readDate (data) {
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  let [seconds, nanos, written] = [0, 0, true]
  if (data.length === 4) seconds = view.getUint32(0)
  else if (data.length === 8) {
    nanos = view.getUint32(0) >>> 2
    seconds = (view.getUint32(0) & 3) * 2 ** 32 + view.getUint32(4)
  } else if (data.length === 12) {
    nanos = view.getInt32(0)
    seconds = view.getUint16(6) * 2 ** 32 + view.getUint32(8) - (data[4] & 0x80 ? 2 ** 48 : 0)
    const said = view.getBigInt64(4)
    written = said >= -8_640_000_000_000n && said <= 8_640_000_000_000n
  } else return { date: new Date(NaN), peculiar: data.length !== 1 || data[0] !== 0xff }
  const date = new Date(nanos / 1e6 + seconds * 1000)
  return { date, peculiar: !written || nanos < 0 || nanos >= 1e9 || isChangedBy15(date.getTime()) }
}

export function decode (bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let [at, peculiar] = [0, false]

  const take = (length) => {
    if (length > bytes.length - at) throw new NoMsgpack('a value that ends too early')
    at += length
    return at - length
  }
  const number = (width, read) => read.call(view, take(width))
  const length = (width) => [view.getUint8, view.getUint16, , view.getUint32][width - 1].call(view, take(width))

  const text = (length) => {
    const slice = bytes.subarray(take(length), at)
    const result = new TextDecoder('utf-8', { ignoreBOM: true }).decode(slice)
    if (!isOld(result) || result[0] === '\ufeff' || !Buffer.from(result).equals(slice)) peculiar = true
    return result
  }
  const array = (count, depth) => {
    const result = [] // not sized beforehand: what a count claims may never come
    for (let i = 0; i < count; i++) result.push(value(depth + 1))
    return result
  }
  const object = (count, depth) => {
    const result = {}
    for (let i = 0; i < count; i++) {
      const key = value(depth + 1)
      if (typeof key === 'object' && key !== null) throw new Undecided('a key that is an object')
      if (typeof key !== 'string' || isMeddling(key)) peculiar = true
      const name = String(key)
      Object.defineProperty(result, name, { value: value(depth + 1), enumerable: true, configurable: true, writable: true })
    }
    if (count > MOST_KEYS && Object.keys(result).length > MOST_KEYS) peculiar = true
    return result
  }
  const extension = (length) => {
    const type = view.getInt8(take(1))
    const start = take(length)
    if (type === 0) {
      if (length !== 1 || bytes[start] !== 0) peculiar = true
      return undefined
    }
    if (type !== -1) throw new Undecided('an extension that is not decoded')
    const read = readDate(bytes.subarray(start, start + length))
    if (read.peculiar) peculiar = true
    return read.date
  }

  const value = (depth) => {
    if (depth > MOST_NESTED) throw new Undecided('a value that is nested too deeply')
    const first = bytes[take(1)]
    if (first < 0x80) return first
    if (first < 0x90) return object(first & 15, depth)
    if (first < 0xa0) return array(first & 15, depth)
    if (first < 0xc0) return text(first & 31)
    if (first >= 0xe0) return first - 256
    switch (first) {
      case 0xc0: return null
      case 0xc1: peculiar = true; return null
      case 0xc2: return false
      case 0xc3: return true
      case 0xc4: case 0xc5: case 0xc6: {
        const count = length(1 << (first - 0xc4))
        return bytes.subarray(take(count), at)
      }
      case 0xc7: case 0xc8: case 0xc9: return extension(length(1 << (first - 0xc7)))
      case 0xca: return number(4, view.getFloat32)
      case 0xcb: { const float = number(8, view.getFloat64); return Object.is(float, -0) ? 0 : float }
      case 0xcc: return number(1, view.getUint8)
      case 0xcd: return number(2, view.getUint16)
      case 0xce: return number(4, view.getUint32)
      case 0xcf: peculiar = true; return number(8, view.getBigUint64)
      case 0xd0: return number(1, view.getInt8)
      case 0xd1: return number(2, view.getInt16)
      case 0xd2: return number(4, view.getInt32)
      case 0xd3: peculiar = true; return number(8, view.getBigInt64)
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return extension(1 << (first - 0xd4))
      case 0xd9: case 0xda: case 0xdb: return text(length(1 << (first - 0xd9)))
      case 0xdc: case 0xdd: return array(length(2 << (first - 0xdc)), depth)
      default: return object(length(2 << (first - 0xde)), depth)
    }
  }

  const result = value(1)
  if (at !== bytes.length) throw new NoMsgpack('bytes after a value')
  return { value: result, peculiar }
}

// lodash's isEqual, null and undefined being one at the top ("Equality").
export function isEqual (a, b) {
  const stack = [[a ?? null, b ?? null]]
  while (stack.length) {
    const [x, y] = stack.pop()
    if (x === y || (x !== x && y !== y)) continue // eslint-disable-line no-self-compare
    if (typeof x !== 'object' || typeof y !== 'object' || !x || !y) return false
    const kind = (v) => Array.isArray(v) ? 'array' : v instanceof Date ? 'date' : v instanceof Uint8Array ? 'bytes' : 'object'
    if (kind(x) !== kind(y)) return false
    if (kind(x) === 'bytes') {
      if (Buffer.compare(x, y)) return false
    } else if (kind(x) === 'date') {
      if (!Object.is(x.getTime(), y.getTime())) return false
    } else {
      const keys = Object.keys(x)
      if (x.length !== y.length || keys.length !== Object.keys(y).length) return false
      for (const key of keys) {
        if (!Object.hasOwn(y, key)) return false
        stack.push([x[key], y[key]])
      }
    }
  }
  return true
}

// Answers batches of values as one version of msgpackr reads and writes them: `node answer.js PACKAGE`.
//
// A batch on stdin: its length in bytes (u32, as all numbers here little-endian), then items: a byte 'b' or 'm', a length (u32),
// and so many bytes. 'b': bytes, as they may stand in a log. 'm': a value that a contract makes, as `build` reads it.
//
// The answer on stdout: its length in bytes (u32), then for each item a status and parts, each with its length (u32):
//   0  the bytes cannot be read
//   1  the value cannot be packed, or what was packed cannot be read    (what was read)
//   2  packing and reading changes nothing                              (what was read, what is packed)
//   3  it changes the value                                             (what was read, what was read again, what is packed)
// For 'm', "what was read" is what a reader of the index gets. Values are written as `dump` does.
//
// PACKAGE may be a path: that of the verifier's own decoder. It packs nothing; its answers are 0, 2 with nothing packed, and 1 for
// what it reads without being certain.
'use strict'
const fs = require('fs')
const Module = require('module')

Error.stackTraceLimit = 0
const PACKAGE = process.argv[2]
let pack, unpack, forgetKeys, decode

async function start () {
  if (PACKAGE.startsWith('/')) {
    decode = (await import(PACKAGE)).decode
  } else {
    const module = load(PACKAGE)
    ;({ pack, unpack, forgetKeys } = module)
    if (!module.isNativeAccelerationEnabled) throw new Error('the add-on of msgpackr is not loaded')
    if (!Object.keys(require.cache).some((name) => /msgpackr-extract.*\.node$/.test(name))) throw new Error('no add-on')
  }
  serve()
}

// msgpackr keeps the keys that it has read. One that it failed to read stays there as undefined; in an executor such a failure
// ends the process, so here the store is emptied after a failure.
function load (name) {
  const file = require.resolve(name)
  const module = new Module(file)
  module.filename = file
  module.paths = Module._nodeModulePaths(require('path').dirname(file))
  module._compile(fs.readFileSync(file, 'utf8') + '\nexports.forgetKeys = () => { keyCache = new Array(4096) }', file)
  return module.exports
}

let out = Buffer.allocUnsafe(1 << 16)
let at = 0
function room (size) {
  if (at + size <= out.length) return
  const larger = Buffer.allocUnsafe(Math.max(out.length * 2, at + size))
  out.copy(larger, 0, 0, at)
  out = larger
}

const FLOAT = new Float64Array(1)
const FLOAT_BYTES = new Uint8Array(FLOAT.buffer)
function float (n) {
  FLOAT[0] = n === n ? n : NaN // eslint-disable-line no-self-compare
  if (n !== n) { FLOAT_BYTES.fill(0); FLOAT_BYTES[7] = 0x7f; FLOAT_BYTES[6] = 0xf8 } // eslint-disable-line no-self-compare
  for (let i = 0; i < 8; i++) out[at++] = FLOAT_BYTES[i]
}
function length (n) {
  out[at] = n; out[at + 1] = n >>> 8; out[at + 2] = n >>> 16; out[at + 3] = n >>> 24
  at += 4
}
function text (value) {
  room(4 + value.length * 2)
  length(value.length)
  if (value.length < 24) {
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i)
      out[at++] = unit
      out[at++] = unit >>> 8
    }
  } else at += out.write(value, at, 'utf16le')
}
function foreign (what) {
  out[at++] = 0x3f
  text(what)
}

// Every distinction that our `Value` makes; `?` and a name for what it cannot hold. `zero`: -0 is written as 0.
function dump (value, zero) {
  room(16)
  switch (typeof value) {
    case 'undefined': out[at++] = 0x75; return // u
    case 'boolean': out[at++] = value ? 0x74 : 0x66; return // t f
    case 'number':
      out[at++] = 0x4e // N
      return float(zero && value === 0 ? 0 : value)
    case 'string':
      out[at++] = 0x53 // S
      return text(value)
    case 'bigint':
      out[at++] = 0x49 // I
      return text(value.toString())
    case 'object': break
    default: return foreign(typeof value)
  }
  if (value === null) { out[at++] = 0x6e; return } // n
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Array.prototype) {
    out[at++] = 0x41 // A
    length(value.length)
    for (let i = 0; i < value.length; i++) dump(value[i], zero)
    if (Object.keys(value).length !== value.length) foreign('array with holes or more')
  } else if (prototype === Object.prototype) {
    const keys = Object.keys(value)
    out[at++] = 0x4f // O
    length(keys.length)
    for (let i = 0; i < keys.length; i++) {
      text(keys[i])
      dump(value[keys[i]], zero)
    }
  } else if (prototype === Buffer.prototype) {
    out[at++] = 0x42 // B
    room(16 + value.length)
    length(value.length)
    value.copy(out, at)
    at += value.length
  } else if (prototype === Date.prototype) {
    out[at++] = 0x44 // D
    float(value.getTime())
  } else foreign(String(prototype && prototype.constructor && prototype.constructor.name))
}

// Reads a value to be made: the form of `dump`, and `#` set, `%` map, `E` error, `X` regular expression, `P` an array that has
// a property of its own, `b` an ArrayBuffer, `o` a boxed number.
function build (bytes) {
  let i = 0
  const size = () => { i += 4; return bytes.readUInt32LE(i - 4) }
  const string = () => {
    const units = size()
    i += units * 2
    return bytes.toString('utf16le', i - units * 2, i)
  }
  const number = () => { i += 8; return bytes.readDoubleLE(i - 8) }
  const pairs = (set) => { for (let n = size(); n; n--) { const key = string(); set(key, value()) } }
  const value = () => {
    switch (String.fromCharCode(bytes[i++])) {
      case 'u': return undefined
      case 'n': return null
      case 't': return true
      case 'f': return false
      case 'N': return number()
      case 'I': return BigInt(string())
      case 'S': return string()
      case 'D': return new Date(number())
      case 'B': { const n = size(); i += n; return new Uint8Array(bytes.subarray(i - n, i)) }
      case 'b': { const n = size(); i += n; return new Uint8Array(bytes.subarray(i - n, i)).buffer }
      case 'A': { const list = []; for (let n = size(); n; n--) list.push(value()); return list }
      case 'P': { const list = []; for (let n = size(); n; n--) list.push(value()); pairs((key, value) => define(list, key, value)); return list }
      case 'O': { const object = {}; pairs((key, value) => define(object, key, value)); return object }
      case '#': { const set = new Set(); for (let n = size(); n; n--) set.add(value()); return set }
      case '%': { const map = new Map(); pairs((key, value) => map.set(key, value)); return map }
      case 'E': return new TypeError(string())
      case 'X': return new RegExp(string(), 'gi')
      case 'o': return Object(number())
      default: throw new Error('a value that cannot be made')
    }
  }
  return value()
}
function define (object, key, value) {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}

const PADDING = 'a message between processes holds more than the value; '.repeat(5)
// The way through a pipe, alone or as part of a message.
function sent (value, wrapped) {
  return wrapped ? unpack(pack({ id: 7, method: 'apply', params: [PADDING, value, PADDING] })).params[1] : unpack(pack(value))
}

// The parts begin with their length; returns where the content begins.
function begin () { room(4); at += 4; return at }
function end (start) {
  const here = at
  at = start - 4
  length(here - start)
  at = here
}
function bytesPart (bytes) {
  const start = begin()
  room(bytes.length)
  at += bytes.copy(out, at)
  end(start)
}
function dumpPart (value, zero) {
  const start = begin()
  try { dump(value, zero) } catch (error) { at = start; foreign('too deep') }
  end(start)
  return [start, at]
}

// What the verifier's decoder makes of bytes.
function verify (kind, bytes) {
  room(16)
  const status = at++
  out[status] = 0
  if (kind === 0x6d) return
  try {
    const { value, peculiar } = decode(bytes)
    out[status] = peculiar ? 1 : 2
    dumpPart(value, true)
    if (!peculiar) bytesPart(Buffer.alloc(0))
  } catch (error) {
    if (error.name !== 'Undecided' && error.constructor.name !== 'NoMsgpack') throw error
    if (error.name !== 'Undecided') return
    out[status] = 1
    dumpPart(undefined, true)
  }
}

function answer (kind, bytes, wrapped) {
  room(16)
  const status = at++
  out[status] = 0
  let value
  try {
    value = kind === 0x6d ? build(bytes) : unpack(bytes)
  } catch (error) { return forgetKeys() }
  if (kind === 0x6d) {
    out[status] = 1
    try {
      const packed = pack(sent(value, wrapped))
      const read = unpack(packed)
      const start = at
      dumpPart(read, false)
      bytesPart(packed)
      out[status] = 2
      return start
    } catch (error) { forgetKeys(); at = status + 1; dumpPart(undefined, false); return }
  }
  const [from, to] = dumpPart(value, true)
  try {
    const packed = Buffer.from(pack(value))
    const again = sent(value, wrapped)
    const [from2, to2] = dumpPart(again, false)
    if (out.compare(out, from, to, from2, to2) === 0) {
      at = from2 - 4
      out[status] = 2
    } else out[status] = 3
    bytesPart(packed)
  } catch (error) { forgetKeys(); at = to; out[status] = 1 }
}

// Reads exactly so many bytes of stdin; undefined at its end.
function read (size) {
  const buffer = Buffer.allocUnsafe(size)
  let got = 0
  while (got < size) {
    let n
    try { n = fs.readSync(0, buffer, got, size - got, null) } catch (error) {
      if (error.code === 'EAGAIN') continue
      if (error.code !== 'EOF') throw error
      n = 0
    }
    if (n === 0) {
      if (got) throw new Error('half a batch')
      return
    }
    got += n
  }
  return buffer
}
function write (buffer, from, to) {
  while (from < to) {
    try { from += fs.writeSync(1, buffer, from, to - from) } catch (error) { if (error.code !== 'EAGAIN') throw error }
  }
}

function serve () {
  for (let head; (head = read(4));) {
    const batch = read(head.readUInt32LE(0))
    at = 4
    for (let i = 0, item = 0; i < batch.length; item++) {
      const kind = batch[i]
      const size = batch.readUInt32LE(i + 1)
      ;(decode ? verify : answer)(kind, batch.subarray(i + 5, i + 5 + size), item % 2 === 1)
      i += 5 + size
    }
    const total = at
    at = 0
    length(total - 4)
    write(out, 0, total)
  }
}

start().catch((error) => { console.error(error); process.exit(1) })

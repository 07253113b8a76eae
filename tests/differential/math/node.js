// node node.js FUNCTION COUNT OUT: evaluates Math.FUNCTION of the Node that runs this over COUNT inputs (the same ones in
// every version) and writes x, y, result as little-endian float64 triples. y is 0 for functions of one argument.
'use strict'
const fs = require('fs')
const [, , name, countText, out] = process.argv
const count = Number(countText)

let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0xdeadbeef]
const next = () => { // xorshift128
  let t = d
  d = c
  c = b
  b = a
  t ^= t << 11
  t ^= t >>> 8
  a = (t ^ a ^ (a >>> 19)) >>> 0
  return a
}
const below = (n) => next() % n
const unit = () => (next() * 2097152 + (next() >>> 11)) / 9007199254740992
const view = new DataView(new ArrayBuffer(8))
const sign = () => next() & 1 ? 1 : -1
const anyBits = () => {
  view.setUint32(0, next())
  view.setUint32(4, next())
  return view.getFloat64(0)
}
const special = [0, -0, 1, -1, 0.5, -0.5, 2, -2, 3, 10, NaN, Infinity, -Infinity, 5e-324, 2.2250738585072014e-308,
  1.7976931348623157e308, Math.PI, Math.E, Math.SQRT2, 1e21, 1e-7, 4294967296, 9007199254740992]
const input = () => {
  switch (below(12)) {
    case 0: return anyBits()
    case 1: return special[below(special.length)]
    case 2: return sign() * below(1000)
    case 3: return sign() * below(100000) / 100
    case 4: return sign() * below(1000) / 10
    case 5: return sign() * below(1000) * Math.PI / [1, 2, 3, 4, 6, 180][below(6)]
    case 6: return sign() * unit()
    case 7: return unit()
    case 8: return sign() * unit() * 10
    case 9: return sign() * unit() * 1000
    case 10: return sign() * (1 + unit()) * Math.pow(2, below(60) - 30)
    default: return 1 + below(10000)
  }
}
const f = Math[name]
const two = name === 'pow' || name === 'atan2' || name === 'hypot'
const data = new Float64Array(count * 3)
for (let i = 0; i < count; i++) {
  const x = input()
  let y = 0
  if (two) {
    // Powers of all of these would mostly overflow.
    y = name === 'pow' && below(3) ? [below(20), -below(20), below(200) / 10, 0.5, 2, 1 / 3][below(6)] : input()
  }
  data[3 * i] = x
  data[3 * i + 1] = y
  data[3 * i + 2] = two ? f(x, y) : f(x)
}
fs.writeFileSync(out, Buffer.from(data.buffer))

// Tagged JSON: one JSON text for each value that can leave a contract, keeping every distinction that Vitra keeps.
//
//   null, booleans, strings, integers up to 2^53 (not -0)   themselves
//   other numbers    {"t":"num","v":"0.1"}        ("NaN", "Infinity", "-0", "1e+21": String(x), and "-0")
//   undefined        {"t":"undefined"}
//   BigInt           {"t":"bigint","v":"5"}
//   bytes            {"t":"bytes","v":"00ff"}     (Buffer and Uint8Array alike)
//   Date             {"t":"date","v":1700000000123}  (an invalid one: "v":null)
//   array            {"t":"array","v":[...]}      (holes as undefined)
//   object           {"t":"object","v":[["key",value],...]}  in key order
//   anything else    {"t":"other","v":"Map"}
'use strict'

exports.toTagged = function toTagged (value) {
  switch (typeof value) {
    case 'undefined': return { t: 'undefined' }
    case 'bigint': return { t: 'bigint', v: String(value) }
    case 'boolean': case 'string': return value
    case 'number':
      if (Object.is(value, -0)) return { t: 'num', v: '-0' }
      return Number.isSafeInteger(value) ? value : { t: 'num', v: String(value) }
    case 'object': break
    default: return { t: 'other', v: typeof value }
  }
  if (value === null) return null
  if (value instanceof Uint8Array) return { t: 'bytes', v: Buffer.from(value).toString('hex') }
  if (value instanceof Date) return { t: 'date', v: Number.isNaN(value.getTime()) ? null : value.getTime() }
  if (Array.isArray(value)) return { t: 'array', v: Array.from(value, toTagged) }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null && value.constructor !== Object) {
    // A class that msgpackr made, or an object whose prototype a "__proto__" key replaced.
    if (value.constructor && value.constructor.name !== 'Object') return { t: 'other', v: value.constructor.name }
  }
  return { t: 'object', v: Object.keys(value).map((key) => [key, toTagged(value[key])]) }
}

exports.fromTagged = function fromTagged (json) {
  if (json === null || typeof json !== 'object') return json
  switch (json.t) {
    case 'undefined': return undefined
    case 'num': return Number(json.v)
    case 'bigint': return BigInt(json.v)
    case 'bytes': return Buffer.from(json.v, 'hex')
    case 'date': return new Date(json.v === null ? NaN : json.v)
    case 'array': return json.v.map(fromTagged)
    case 'object': return Object.fromEntries(json.v.map(([k, v]) => [k, fromTagged(v)]))
    default: throw new Error('not tagged JSON: ' + JSON.stringify(json))
  }
}

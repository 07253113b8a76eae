// What Vitra writes into the index (docs/formats.md, "Vitra").

import { NoMsgpack, decode } from './msgpack.js'

export const SOURCE = '.sys\0contract\0source'
export const INPUTS = '.sys\0inputs\0'
const ACKS = '.sys\0acks\0'
export const GENESIS = '.sys\0acks\0genesis'

export const ackKey = (origin, seq) => `${ACKS}${origin}\0${String(seq).padStart(15, '0')}`
export const isAckPath = (entry) => entry.name.startsWith(ACKS)
export const pathKey = (path) => path.split('/').filter((segment) => segment !== '').join('\0')

const isObject = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Uint8Array)
const isNatural = (value) => Number.isSafeInteger(value) && value >= 0

export function asAck (value) {
  const typed = isObject(value) && typeof value.success === 'boolean' &&
    (value.error === undefined || typeof value.error === 'string') &&
    typeof value.origin === 'string' && /^[0-9a-f]{64}$/.test(value.origin) &&
    isNatural(value.seq) && isNatural(value.numChanges) && Number.isFinite(value.ts)
  return typed ? value : null
}

// An input declaration at the path of its own key.
export function asInput (name, value) {
  const typed = isObject(value) && value.pubkey instanceof Uint8Array && value.pubkey.length === 32 &&
    typeof value.active === 'boolean' && name === INPUTS + Buffer.from(value.pubkey).toString('hex')
  return typed ? value : null
}

// The value of an entry; throws NoMsgpack when it is none.
export function valueOf (entry) {
  return entry.value === null ? { value: undefined, peculiar: false } : decode(entry.value)
}

export function isReadable (entry) {
  try { valueOf(entry) } catch (error) { if (error instanceof NoMsgpack) return false; throw error }
  return true
}

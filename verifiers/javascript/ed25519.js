// Ed25519, strictly (docs/formats.md, "Heads").

import { createPublicKey, verify } from 'node:crypto'

// Points of small order: a signature of such a key fits several messages. By y, the sign aside; p = 2^255 - 19.
const P = 2n ** 255n - 19n
const EIGHTH = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
const SMALL = new Set([0n, 1n, P - 1n, P, P + 1n, EIGHTH, P - EIGHTH])
const isSmall = (point) => SMALL.has(BigInt('0x' + Buffer.from(point).reverse().toString('hex')) & (2n ** 255n - 1n))

const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

// S below the order (OpenSSL sees to it), neither key nor R of small order, no cofactor.
export function isSigned (key, message, signature) {
  if (signature.length !== 64 || isSmall(key) || isSmall(signature.subarray(0, 32))) return false
  try {
    return verify(null, message, createPublicKey({ key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' }), signature)
  } catch { return false }
}

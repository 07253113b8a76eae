// Heads: who signed which length, fork and tree hash (docs/formats.md, "Heads").

import { createPublicKey, verify } from 'node:crypto'
import { MANIFEST, TREE, extend, fullRoots, hash, indexOf, spans, treeHash, u64 } from './hash.js'

// Points of small order: a signature of such a key fits several messages. By y, the sign aside; p = 2^255 - 19.
const P = 2n ** 255n - 19n
const EIGHTH = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
const SMALL = new Set([0n, 1n, P - 1n, P, P + 1n, EIGHTH, P - EIGHTH])
const isSmall = (point) => SMALL.has(BigInt('0x' + Buffer.from(point).reverse().toString('hex')) & (2n ** 255n - 1n))

const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

// Strictly: S below the order (OpenSSL sees to it), neither key nor R of small order, no cofactor.
function isSigned (key, message, signature) {
  if (signature.length !== 64 || isSmall(key) || isSmall(signature.subarray(0, 32))) return false
  try {
    return verify(null, message, createPublicKey({ key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' }), signature)
  } catch { return false }
}

class Compact {
  constructor (bytes) { this.bytes = bytes; this.at = 0 }

  take (length) {
    if (length > this.bytes.length - this.at) throw new Error('a manifest or signature that ends too early')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  uint () {
    const first = this.take(1)[0]
    if (first <= 0xfc) return first
    const bytes = this.take(1 << (first - 0xfc))
    const value = Buffer.concat([bytes, Buffer.alloc(8 - bytes.length)]).readBigUInt64LE()
    const least = first === 0xfd ? 0xfdn : 1n << BigInt(4 * bytes.length)
    if (value < least || value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error('an integer that is not in its shortest form')
    return Number(value)
  }

  many (width, read) {
    const count = this.uint()
    if (count > (this.bytes.length - this.at) / width) throw new Error('more items than bytes')
    const result = []
    for (let i = 0; i < count; i++) result.push(read())
    return result
  }

  node () { return { index: this.uint(), size: this.uint(), hash: this.take(32) } }
  end () { if (this.at !== this.bytes.length) throw new Error('bytes after a manifest or signature') }
}

function parseManifest (bytes) {
  const input = new Compact(bytes)
  const signer = () => {
    if (input.uint() !== 0) throw new Error('a signer of another type')
    return { namespace: input.take(32), key: input.take(32) }
  }
  const version = input.uint()
  if (version > 2) throw new Error('a manifest of another version')
  const manifest = { version, patches: false, quorum: 1, signers: [], prologue: null, fixed: null, container: true }
  if (version === 0) {
    if (input.uint() !== 0) throw new Error('another hash')
    const type = input.uint()
    if (type === 0) {
      manifest.fixed = input.take(32)
    } else if (type === 1) {
      manifest.signers = [signer()]
      manifest.container = false
    } else if (type === 2) {
      manifest.patches = (input.uint() & 1) !== 0
      manifest.quorum = input.uint()
      manifest.signers = input.many(65, signer)
    } else throw new Error('a manifest of another type')
  } else {
    const flags = input.uint()
    if (flags > (version === 1 ? 3 : 15)) throw new Error('unknown flags')
    if (input.uint() !== 0) throw new Error('another hash')
    manifest.patches = (flags & 1) !== 0
    manifest.quorum = input.uint()
    manifest.signers = input.many(65, signer)
    if (flags & 2) manifest.prologue = { hash: input.take(32), length: input.uint() }
    if (flags & 4) input.many(32, () => input.take(32))
    if (flags & 8) input.take(input.uint())
  }
  input.end()
  return manifest
}

function parseContainer (bytes, version) {
  const input = new Compact(bytes)
  const proofs = input.many(66, () => {
    if (version === 0 && input.uint() !== 0) throw new Error('unknown flags')
    const proof = { signer: input.uint(), signature: input.take(64), patch: 0 }
    if (version > 0) proof.patch = input.uint()
    return proof
  })
  const nodes = input.many(34, () => input.node())
  input.end()
  return { proofs, nodes }
}

// Signed bytes, and the namespace or key that they begin with under the scheme.
const signable = (head, context) =>
  Buffer.concat([TREE, ...context, head.hash, u64(head.length), u64(head.fork)])

// The tree that a signer signed, `patch` blocks longer than this one.
function patched (head, patch, pool) {
  if (patch === 0) return head
  const length = head.length + patch
  if (!head.roots || length > 2 ** 52) throw new Error('a patch without roots')
  const nodes = spans(head.length, length).map((place) => {
    const node = pool.get(indexOf(place))
    if (!node) throw new Error('a patch without its nodes')
    return { size: node.size, hash: node.hash }
  })
  return { ...head, length, hash: treeHash(extend(head.roots, head.length, nodes, length)) }
}

function signedByManifest (head, key, bytes, signature) {
  if (!hash(MANIFEST, bytes).equals(key)) throw new Error('a manifest that does not hash to the key')
  const manifest = parseManifest(bytes)
  const start = manifest.fixed ? { hash: manifest.fixed, length: head.length } : manifest.prologue
  if (start && head.length <= start.length) {
    if (head.length !== start.length || !start.hash.equals(head.hash)) throw new Error('not the tree that the key names')
    return false
  }
  if (manifest.quorum === 0 || manifest.quorum > manifest.signers.length) throw new Error('a quorum that nobody can meet')
  const contexts = (signer) => manifest.version === 0 ? [signer.namespace] : [key, signer.namespace]
  const by = (signer, tree, signature) =>
    contexts(signer).some((context) => isSigned(signer.key, signable(tree, [context]), signature))
  if (!manifest.container) {
    if (!by(manifest.signers[0], head, signature)) throw new Error('not signed by its owner')
    return true
  }
  const { proofs, nodes } = parseContainer(signature, manifest.version)
  const pool = new Map(nodes.map((node) => [node.index, node]))
  const signers = new Set()
  for (const proof of proofs) {
    const signer = manifest.signers[proof.signer]
    if (!signer || signers.has(proof.signer) || (proof.patch && !manifest.patches)) continue
    if (by(signer, patched(head, proof.patch, pool), proof.signature)) signers.add(proof.signer)
  }
  if (signers.size < manifest.quorum) throw new Error('not signed by its owners')
  return true
}

// The head of a slice, if its owner signed it, with the blocks that are in that log. Otherwise throws.
export function authenticate (slice) {
  const { key, manifest, fork, length, signature, tree, nodes, blocks } = slice
  if (length >= 2 ** 52) throw new Error('a log of more than 2^52 blocks')
  if (tree && (nodes.length || blocks.size)) throw new Error('a bare head with nodes or blocks')
  const roots = tree ? null : fullRoots(length, blocks, nodes)
  const head = { key, fork, length, hash: tree ?? treeHash(roots), roots, blocks, signed: true }
  if (manifest) {
    head.signed = signedByManifest(head, key, manifest, signature)
  } else if (!isSigned(key, signable(head, []), signature) &&
      !isSigned(key, signable(head, []).subarray(32), signature)) {
    throw new Error('not signed by its owner')
  }
  return head
}

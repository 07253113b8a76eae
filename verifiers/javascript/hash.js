// BLAKE2b-256, and Hypercore's tree of them (docs/formats.md, "Hypercore: hashes and trees").

import { blake2b } from '@noble/hashes/blake2.js'

export const hash = (...parts) => Buffer.from(blake2b(Buffer.concat(parts), { dkLen: 32 }))

export const u64 = (number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(number))
  return bytes
}

const HYPERCORE = hash(Buffer.from('hypercore'))
const namespace = (i) => hash(HYPERCORE, Buffer.from([i]))
export const TREE = namespace(0)
export const MANIFEST = namespace(3)
// What signers have by default.
export const NAMESPACE = namespace(4)

// A node of the tree: the `count` blocks from block `first` on.
export const leaf = (seq, block) =>
  ({ first: seq, count: 1, size: block.length, hash: hash(Buffer.from([0]), u64(block.length), block) })

function sum (nodes) {
  let size = 0
  for (const node of nodes) {
    size += node.size // before it is inexact
    if (!Number.isSafeInteger(size)) throw new Error('a log of more than 2^53 - 1 bytes')
  }
  return size
}

export const parentHash = (size, left, right) => hash(Buffer.from([1]), u64(size), left, right)

function parent (left, right) {
  const size = sum([left, right])
  return { first: left.first, count: left.count * 2, size, hash: parentHash(size, left.hash, right.hash) }
}

export const indexOf = (node) => 2 * node.first + node.count - 1

export function treeHash (roots) {
  sum(roots)
  return hash(Buffer.from([2]), ...roots.flatMap((root) => [root.hash, u64(indexOf(root)), u64(root.size)]))
}

// The largest subtrees that fill the blocks from `from` to `to`, left to right: full roots, when `from` is 0.
export function spans (from, to) {
  const result = []
  for (let at = from; at < to;) {
    let count = 2 ** Math.floor(Math.log2(to - at))
    if (count > to - at) count /= 2
    while (at % count) count /= 2
    result.push({ first: at, count })
    at += count
  }
  return result
}

// The full roots of a log of `length` blocks, some of which are here. What the nodes are is fixed by that.
export function fullRoots (length, blocks, nodes) {
  const seqs = [...blocks.keys()]
  if (seqs.length && seqs.at(-1) >= length) throw new Error('a block beyond the end')
  let [nextBlock, nextNode] = [0, 0]
  const walk = (first, count) => {
    if (nextBlock >= seqs.length || seqs[nextBlock] >= first + count) {
      if (nextNode >= nodes.length) throw new Error('too few nodes')
      return { first, count, ...nodes[nextNode++] }
    }
    if (count === 1) return leaf(first, blocks.get(seqs[nextBlock++]))
    return parent(walk(first, count / 2), walk(first + count / 2, count / 2)) // at most 52 deep
  }
  const roots = spans(0, length).map(({ first, count }) => walk(first, count))
  if (nextNode !== nodes.length) throw new Error('too many nodes')
  return roots
}

// Full roots, extended by the subtrees that follow.
export function extend (roots, length, nodes, to) {
  const places = spans(length, to)
  if (places.length !== nodes.length) throw new Error('not the nodes that extend a log')
  const result = [...roots]
  nodes.forEach((node, i) => {
    result.push({ ...node, ...places[i] })
    for (;;) {
      const [left, right] = result.slice(-2)
      if (!right || left.count !== right.count || left.first % (2 * left.count)) break
      result.splice(-2, 2, parent(left, right))
    }
  })
  return result
}

// What a head's log is at a shorter length, and whether two such logs differ. A node's hash is bound, its size seldom
// is (docs/proof-format.md, "Claims about heads").

import { extend, leaf, parentHash, spans, treeHash } from './hash.js'

const require = (condition, why) => { if (!condition) throw new Error(why) }

// Whether an opening shows what a root's hash was made from, its size with it.
function isOpenedBy (bytes, { first, count, size, hash }) {
  if (count > 1) return bytes.length === 64 && parentHash(size, bytes.subarray(0, 32), bytes.subarray(32)).equals(hash)
  const node = leaf(first, bytes)
  return node.size === size && node.hash.equals(hash)
}

// `roots`: the hashes of the full roots at that length, if known. `bound`: whether the tree hash is one of right sizes.
function at (head, length, prefix) {
  if (length === head.length) {
    require(prefix === null, 'nodes that are not needed')
    return { tree: head.hash, roots: head.roots, bound: !head.patched }
  }
  require(prefix, 'a longer head without the nodes that lead to it')
  const { extension, openings } = prefix
  const places = spans(0, length)
  require(places.length === prefix.roots.length, 'not the full roots')
  const roots = prefix.roots.map((root, i) => ({ ...root, ...places[i] }))
  require(treeHash(extend(roots, length, extension, head.length)).equals(head.hash),
    'roots that do not lead to the head')
  require(!openings.length || openings.length === roots.length, 'not one opening for each root')
  openings.forEach((bytes, i) => require(isOpenedBy(bytes, roots[i]), 'an opening that is not what a root was made from'))
  const opened = openings.length === roots.length
  return { tree: treeHash(roots), roots, bound: opened && !head.patched }
}

// Throws unless the heads' logs are shown to differ within their first `length` blocks.
export function difference (heads, length, prefixes) {
  const [a, b] = heads.map((head, i) => at(head, length, prefixes[i]))
  const same = 'the heads\' logs are the same up to there: that is no contradiction'
  require(!a.tree.equals(b.tree), same)
  if (a.roots && b.roots) require(a.roots.some((root, i) => !root.hash.equals(b.roots[i].hash)), same)
  else require(a.bound && b.bound, 'nothing binds the sizes of the roots, so that another tree hash is no contradiction')
}

// Vitra's shallow list (docs/formats.md, "The shallow list").

import { Unreadable } from './hyperbee.js'
import { Undecided } from './msgpack.js'
import { valueOf } from './vitra.js'

const MOST = 10_000

// The first entry behind a key and before another one.
function peek (tree, after, before) {
  const way = []
  let node = tree.root
  while (node) {
    if (way.length > 40) throw new Unreadable('a tree that is too deep')
    const place = tree.halve(node, after)
    // Behind an equal key comes the child after it.
    const at = place.found ? place.at + 1 : place.at
    way.push({ node, at })
    if (!node.children.length) break
    node = tree.descend(node, at)
    if (!place.found) continue
    for (; ; node = tree.descend(node, 0)) {
      way.push({ node, at: 0 })
      if (!node.children.length || way.length > 40) break
    }
    break
  }
  const last = way.findLast(({ node, at }) => at < node.keys.length)
  if (!last) return null
  const seq = last.node.keys[last.at]
  const entry = tree.entries.at(seq)
  return Buffer.compare(entry.key, before) < 0 ? { seq, ...entry } : null
}

// Values are decoded, or with `raw` the bytes of the index.
export function list (tree, prefix, { reverse, offset, limit } = {}, raw = false) {
  if (reverse) throw new Undecided('a list from its end')
  const isOdd = (number) => number !== undefined && !(Number.isSafeInteger(number) && number >= 0)
  if (isOdd(offset) || isOdd(limit)) throw new Undecided('odd options of a list')
  const segments = (prefix ?? '/').split('/').filter((segment) => segment !== '')
  const start = segments.map((segment) => segment + '\0').join('')
  const end = Buffer.from(start + '\u00ff')
  const result = []
  for (let after = Buffer.from(start); ;) {
    const entry = peek(tree, after, end)
    if (!entry) break
    if (result.length === MOST) throw new Undecided('a list that is too long')
    const path = entry.key.toString().split('\0')
    const name = path[segments.length]
    const container = path.length > segments.length + 1
    const full = '/' + [...segments, name].join('/')
    const last = result.at(-1)
    if (container) {
      if (last?.name === name) last.container = true
      else result.push({ seq: undefined, container: true, name, path: full, value: undefined })
      after = Buffer.from(`${start}${name}\0\u00ff`)
      if (path[segments.length + 1] >= '\u00ff') throw new Undecided('a list that never ends')
    } else {
      const { value, peculiar } = valueOf(entry)
      if (peculiar && !raw) throw new Undecided('state that versions of msgpackr read differently')
      result.push({ seq: entry.seq, container: false, name, path: full, value: entry.value === null || raw ? entry.value : value })
      after = entry.key
    }
  }
  return result.slice(offset || 0, limit ? (offset || 0) + limit : undefined)
}

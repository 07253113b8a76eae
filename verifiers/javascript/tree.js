// The B-tree: reads, and the blocks that Hyperbee writes (docs/formats.md, "Hyperbee").
//
// A tree is the one that readers see at the end of a batch, and then what puts and deletes make of it. Nodes are loaded
// from the blocks that are here; one that is not ends the check.

import { Unreadable } from './hyperbee.js'
import { Undecided } from './msgpack.js'

const LEAST = 4; const MOST = 8
const DEEPEST = 40

class Child {
  constructor (seq, offset, node) { Object.assign(this, { seq, offset, node }) }
}

const newNode = (keys, children) => ({ keys, children, changed: true })

export class Tree {
  // The tree of the first `version` blocks: 1 for the empty one.
  constructor (entries, version) {
    this.entries = entries
    this.root = version > 1 ? this.load(new Child(version - 1, 0, null)) : null
    this.version = version
    this.blocks = []
  }

  load (child) {
    if (!child.node) {
      const { keys, children } = this.entries.level(child.seq, child.offset)
      if (children.some((c) => c.seq > child.seq)) throw new Unreadable('a node that points forward')
      child.node = { keys: [...keys], children: children.map((c) => new Child(c.seq, c.offset, null)), changed: false }
    }
    return child.node
  }

  // Counts what is done: a file may ask for more than anybody waits for.
  work () { if (--this.entries.work < 0) throw new Undecided('more work than a file of this size is worth') }

  // Where a key stands in a node, or would stand: Hyperbee halves.
  halve (node, key) {
    let [low, high] = [0, node.keys.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const order = Buffer.compare(key, this.entries.key(node.keys[middle]))
      if (order === 0) return { found: true, at: middle }
      if (order < 0) high = middle
      else low = middle + 1
    }
    return { found: false, at: high }
  }

  descend (node, at) {
    if (at >= node.children.length) throw new Unreadable('a node without a child')
    return this.load(node.children[at])
  }

  // The nodes down to where the key stands, or would stand.
  path (key) {
    this.work()
    const path = []
    for (let node = this.root; node;) {
      const place = this.halve(node, key)
      path.push({ node, at: place.at })
      if (path.length > DEEPEST) throw new Unreadable('a tree that is too deep')
      if (place.found || !node.children.length) return { path, found: place.found }
      node = this.descend(node, place.at)
    }
    return { path, found: false }
  }

  // The block that a reader gets for a key, or null.
  find (key) {
    const { path, found } = this.path(key)
    return found ? path.at(-1).node.keys[path.at(-1).at] : null
  }

  get (name) {
    const seq = this.find(Buffer.from(name, 'latin1'))
    return seq === null ? null : { seq, ...this.entries.at(seq) }
  }

  put (seq, entry) {
    const { path, found } = this.path(entry.key)
    for (const { node } of path) node.changed = true
    if (found) {
      const { node, at } = path.at(-1)
      node.keys[at] = seq
    } else this.insert(path, seq)
    this.append(seq, entry)
  }

  insert (path, seq) {
    if (!path.length) {
      this.root = newNode([seq], [])
      return
    }
    let key = seq
    let right = null
    for (let level = path.length - 1; ; level--) {
      const { node, at } = path[level]
      node.keys.splice(at, 0, key)
      if (right) node.children.splice(at + 1, 0, new Child(0, 0, right))
      if (node.keys.length <= MOST) return
      right = newNode(node.keys.splice(5), node.children.splice(5))
      key = node.keys.pop()
      if (level > 0) continue
      this.root = newNode([key], [new Child(0, 0, node), new Child(0, 0, right)])
      return
    }
  }

  // False where there is nothing to delete: then Hyperbee writes no block.
  delete (seq, entry) {
    const { path, found } = this.path(entry.key)
    if (!found) return false
    const { node, at } = path.at(-1)
    if (node.children.length) this.replace(path, node, at)
    else node.keys.splice(at, 1)
    for (const { node } of path) node.changed = true
    this.balance(path)
    this.append(seq, entry)
    return true
  }

  // The way to the leaf at an edge below a node.
  edge (node, at, last) {
    const path = []
    node = this.descend(node, at)
    for (;;) {
      const next = last ? node.children.length - 1 : 0
      path.push({ node, at: Math.max(next, 0) })
      if (path.length > DEEPEST) throw new Unreadable('a tree that is too deep')
      if (!node.children.length) return path
      node = this.descend(node, next)
    }
  }

  replace (path, node, at) {
    const [before, after] = [this.edge(node, at, true), this.edge(node, at + 1, false)]
    const [left, right] = [before.at(-1).node.keys, after.at(-1).node.keys]
    if (!left.length || (left.length < right.length && !right.length)) throw new Unreadable('an empty leaf')
    if (left.length < right.length) {
      node.keys[at] = right.shift()
      path.at(-1).at = at + 1
      path.push(...after)
    } else {
      node.keys[at] = left.pop()
      path.push(...before)
    }
  }

  balance (path) {
    for (let level = path.length - 1; level > 0; level--) {
      const { node } = path[level]
      const { node: parent, at } = path[level - 1]
      if (node.keys.length >= LEAST) return
      const left = at > 0 ? this.load(parent.children[at - 1]) : null
      const right = at + 1 < parent.children.length ? this.load(parent.children[at + 1]) : null
      if (left && left.keys.length > LEAST) {
        node.keys.unshift(parent.keys[at - 1])
        parent.keys[at - 1] = left.keys.pop()
        if (left.children.length) node.children.unshift(left.children.pop())
        left.changed = true
        return
      }
      if (right && right.keys.length > LEAST) {
        node.keys.push(parent.keys[at])
        parent.keys[at] = right.keys.shift()
        if (right.children.length) node.children.push(right.children.shift())
        right.changed = true
        return
      }
      if (!left && !right) throw new Unreadable('a node without siblings')
      const [into, from, between] = left ? [left, node, at - 1] : [node, right, at]
      into.keys.push(parent.keys[between], ...from.keys)
      into.children.push(...from.children)
      into.changed = true
      parent.keys.splice(between, 1)
      parent.children.splice(between + 1, 1)[0].seq = 0 // merged: its block does not keep it
    }
    if (!this.root.keys.length && this.root.children.length) this.root = this.load(this.root.children[0])
  }

  // The block of one operation: the changed nodes, root first.
  append (seq, entry) {
    const index = []
    const add = (node) => {
      const offset = index.push(null) - 1
      node.changed = false
      for (const child of node.children) {
        if (!child.node?.changed) continue
        child.seq = seq
        child.offset = add(child.node) // at most DEEPEST deep
        index[child.offset] = child
      }
      return offset
    }
    add(this.root)
    index[0] = new Child(seq, 0, this.root)
    this.blocks.push({ seq, entry, index })
  }

  // The bytes of the batch, in order. The tree cannot be used afterwards.
  * finish () {
    for (const [i, { seq, entry, index }] of this.blocks.entries()) {
      if (i + 1 < this.blocks.length) {
        index[0] = null
        for (let at = 0; at < index.length;) {
          if (index[at]?.seq === seq) index[at].offset = at++
          else if (at === index.length - 1) index.pop()
          else index[at] = index.pop()
        }
      }
      yield encodeBlock(index.map((child) => child.node), entry)
    }
  }
}

const varint = (number) => {
  const bytes = []
  for (; number >= 128; number = Math.floor(number / 128)) bytes.push(number % 128 + 128)
  return Buffer.from([...bytes, number])
}
const field = (tag, bytes) => Buffer.concat([Buffer.from([tag]), varint(bytes.length), bytes])
const numbers = (tag, list) => list.length ? field(tag, Buffer.concat(list.map(varint))) : Buffer.alloc(0)

function encodeBlock (nodes, { key, value }) {
  const levels = nodes.map(({ keys, children }) =>
    field(10, Buffer.concat([numbers(10, keys), numbers(18, children.flatMap(({ seq, offset }) => [seq, offset]))])))
  return Buffer.concat([field(10, Buffer.concat(levels)), field(18, key), value === null ? Buffer.alloc(0) : field(26, value)])
}

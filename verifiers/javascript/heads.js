// Heads: who signed which length, fork and tree hash (docs/formats.md, "Heads"). Only those that say of which log they
// are, and that somebody signed, pass: the others accuse nobody.

import { isSigned } from './ed25519.js'
import { MANIFEST, NAMESPACE, TREE, extend, fullRoots, hash, indexOf, spans, treeHash, u64 } from './hash.js'
import { parseContainer, parseManifest } from './manifest.js'

const require = (condition, why) => { if (!condition) throw new Error(why) }

const signable = ({ hash, length, fork }, ...context) => Buffer.concat([TREE, ...context, hash, u64(length), u64(fork)])

// The nodes of a container, which are used up in their order.
class Pool {
  constructor (nodes) { Object.assign(this, { nodes, used: new Map() }) }

  // The node of a place: one that was used before, or the next one.
  at (place) {
    const index = indexOf(place)
    if (!this.used.has(index)) {
      const next = this.nodes[this.used.size]
      require(next?.index === index, 'a patch without its nodes, or with nodes in another order')
      this.used.set(index, next)
    }
    const { size, hash } = this.used.get(index)
    return { size, hash }
  }

  end () { require(this.used.size === this.nodes.length, 'nodes that no signature needs') }
}

// The tree that a signer signed, `patch` blocks longer than the head's.
function patched (head, patch, pool) {
  if (patch === 0) return head
  const length = head.length + patch
  require(head.roots, 'a patched head without its roots')
  require(length < 2 ** 52, 'a log of 2^52 blocks or more')
  const nodes = spans(head.length, length).map((place) => pool.at(place))
  return { ...head, length, hash: treeHash(extend(head.roots, head.length, nodes, length)) }
}

// Who signed a head under a manifest, and whether its signatures are of longer trees.
function signedUnder (manifest, head, container) {
  const { patches, quorum, signers, prologue } = manifest
  require(!prologue || head.length > prologue.length,
    'a head that accuses nobody: the manifest fixes the log up to there, and nobody had to sign it')
  require(quorum > 0 && quorum <= signers.length, 'a quorum that nobody can meet')
  const { proofs, nodes } = parseContainer(container)
  const pool = new Pool(nodes)
  const by = new Map()
  let isPatched = false
  for (const { signer, signature, patch } of proofs) {
    const found = signers[signer]
    require(found && !by.has(signer), 'a signer that the manifest does not have, or one twice')
    require(patch === 0 || patches, 'a patch, which the manifest does not allow')
    const tree = patched(head, patch, pool)
    if (!isSigned(found.key, signable(tree, head.key), signature)) {
      const other = found.namespace.equals(NAMESPACE) && isSigned(found.key, signable(tree, found.namespace), signature)
      throw new Error(other
        ? 'a head that accuses nobody: its signature (ns112) does not say of which log it is'
        : 'not signed by its owner: a signature does not verify')
    }
    by.set(signer, found.key)
    isPatched ||= patch > 0
  }
  require(by.size >= quorum, 'not signed by as many as have to')
  pool.end()
  return { signers: [...by.values()], several: signers.length > 1, patched: isPatched }
}

function signed (head, manifest, signature) {
  const { key } = head
  if (manifest) {
    require(hash(MANIFEST, manifest).equals(key), 'a manifest that is not the log\'s')
    return signedUnder(parseManifest(manifest), head, signature)
  }
  const bytes = signable(head)
  require(isSigned(key, bytes, signature) || isSigned(key, bytes.subarray(32), signature),
    'not signed by its owner: the signature does not verify')
  return { signers: [key], several: false, patched: false }
}

// The head of a slice, if its owner signed it, with the blocks that are in that log. Otherwise throws.
export function authenticate ({ key, manifest, fork, length, signature, tree, nodes, blocks }) {
  try {
    require(length < 2 ** 52, 'a log of 2^52 blocks or more')
    require(!tree || (!nodes.length && !blocks.size), 'a bare head with nodes or blocks')
    const roots = tree ? null : fullRoots(length, blocks, nodes)
    const head = { key, fork, length, hash: tree ?? treeHash(roots), roots, blocks }
    return { ...head, ...signed(head, manifest, signature) }
  } catch (error) {
    throw new Error(`log ${key.toString('hex')}: ${error.message}`, { cause: error })
  }
}

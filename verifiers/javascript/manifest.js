// Manifests, and the containers of their signatures (docs/formats.md, "Heads"). What the tables there do not name is
// refused, so that nobody can write a second form of a head.

const MOST_MANIFEST = 8192
const MOST_CONTAINER = 65_536

const require = (condition, why) => { if (!condition) throw new Error(why) }

class Compact {
  constructor (bytes) { this.bytes = bytes; this.at = 0 }

  take (length) {
    require(length <= this.bytes.length - this.at, 'a manifest or signature that ends too early')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  uint () {
    const first = this.take(1)[0]
    if (first <= 0xfc) return first
    const bytes = this.take(1 << (first - 0xfc))
    const value = Buffer.concat([bytes, Buffer.alloc(8 - bytes.length)]).readBigUInt64LE()
    const least = first === 0xfd ? 0xfdn : 1n << BigInt(4 * bytes.length)
    require(value >= least, 'an integer that is not in its shortest form')
    require(value <= BigInt(Number.MAX_SAFE_INTEGER), 'an integer beyond 2^53 - 1')
    return Number(value)
  }

  many (width, read) {
    const count = this.uint()
    require(count <= (this.bytes.length - this.at) / width, 'more items than bytes')
    const result = []
    for (let i = 0; i < count; i++) result.push(read())
    return result
  }

  node () { return { index: this.uint(), size: this.uint(), hash: this.take(32) } }

  signer () {
    require(this.uint() === 0, 'a signer of an unknown type')
    return { namespace: this.take(32), key: this.take(32) }
  }

  end () { require(this.at === this.bytes.length, 'bytes after a manifest or signature') }
}

// A manifest of version 1 or 2. One of version 0 is not looked into: nobody signs its fixed tree, and its signatures
// are of ns112, so that a head under it accuses nobody.
export function parseManifest (bytes) {
  require(bytes.length <= MOST_MANIFEST, 'a manifest that is too large')
  const input = new Compact(bytes)
  const version = input.uint()
  require(version <= 2, 'a manifest of an unknown version')
  require(version > 0,
    'a manifest of version 0, under which a head accuses nobody: either nobody signed it, or the signature (ns112) does not say of which log it is')
  const flags = input.uint()
  require(flags <= (version === 1 ? 3 : 15), 'a manifest with an unknown flag')
  require(input.uint() === 0, 'a manifest with an unknown hash')
  const [quorum, signers] = [input.uint(), input.many(65, () => input.signer())]
  const prologue = flags & 2 ? { hash: input.take(32), length: input.uint() } : null
  if (flags & 4) input.many(32, () => input.take(32))
  if (flags & 8) input.take(input.uint())
  input.end()
  return { version, patches: (flags & 1) !== 0, quorum, signers, prologue }
}

export function parseContainer (bytes) {
  require(bytes.length <= MOST_CONTAINER, 'a container of signatures that is too large')
  const input = new Compact(bytes)
  const proofs = input.many(66, () => ({ signer: input.uint(), signature: input.take(64), patch: input.uint() }))
  const nodes = input.many(34, () => input.node())
  input.end()
  return { proofs, nodes }
}

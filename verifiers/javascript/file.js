// What stands where in a file: a proof, a rebuttal, or an inclusion, of form 1 or 2 (docs/proof-format.md, "Bytes").

import { Malformed, Reader } from './cbor.js'

export { Malformed }

// The kinds that an audit may be claimed to find, of class violation (docs/verdicts.md).
export const KINDS = new Set(['bad-genesis', 'malformed-entry', 'ack-malformed', 'ack-path-mismatch', 'non-participant', 'op-repeated',
  'op-skipped', 'false-failure', 'false-success', 'wrong-change', 'extra-change', 'missing-change', 'unprompted-write',
  'change-count-mismatch', 'metadata-invented', 'index-tampered'])

class File extends Reader {
  nodes () { return this.pairs(() => ({ size: this.unsigned(), hash: this.byteString(32) })) }

  slice () {
    this.array(8)
    const key = this.byteString(32)
    const manifest = this.isNull() ? null : this.byteString()
    const [fork, length] = [this.unsigned(), this.unsigned()]
    const signature = this.byteString()
    const tree = this.isNull() ? null : this.byteString(32)
    const nodes = this.nodes()
    let last = -1
    const blocks = new Map(this.pairs(() => {
      const seq = this.unsigned()
      if (seq <= last) this.fail('blocks that do not ascend')
      last = seq
      return [seq, this.byteString()]
    }))
    return { key, manifest, fork, length, signature, tree, nodes, blocks }
  }

  slices () { return this.many(() => this.slice()) }

  // What shows a head's log at the length of a claim. Form 1 has empty nodes where form 2 has null.
  prefix (form) {
    if (form === 2) {
      if (this.isNull()) return null
      this.array(3)
      return { roots: this.nodes(), extension: this.nodes(), openings: this.many(() => this.byteString()) }
    }
    const [roots, extension] = [this.nodes(), this.nodes()]
    return roots.length + extension.length ? { roots, extension, openings: [] } : null
  }

  claim (form) {
    const items = this.array()
    const kind = this.text()
    if (kind === 'truncation' && items === 1) return { kind }
    if (kind === 'equivocation' && items === (form === 1 ? 6 : 4)) {
      return { kind, length: this.unsigned(), prefixes: [this.prefix(form), this.prefix(form)] }
    }
    if (!KINDS.has(kind) || !(items === 3 || (items === 4 && form === 2))) this.fail('a claim of nothing that is known')
    const [from, seq] = [this.unsigned(), this.unsigned()]
    return { kind, from, seq, end: items === 4 ? this.unsigned() : null }
  }

  engine () {
    if (this.isNull()) return null
    this.array(2)
    return { name: this.text(), version: this.text() }
  }

  proof (form) {
    const [database, claim, engine] = [this.byteString(32), this.claim(form), this.engine()]
    return { database, claim, engine, slices: this.slices() }
  }

  rebuttal (form) {
    const inner = () => {
      const bytes = this.byteString()
      return { bytes, ...read(bytes, ['proof']) }
    }
    const first = inner()
    if (form === 1 || this.isBytes()) return { first, second: inner() }
    this.array(2)
    return { first, longer: { nodes: this.nodes(), slices: this.slices() } }
  }

  inclusion (form) {
    const [database, log, seq] = [this.byteString(32), this.byteString(32), this.unsigned()]
    const ack = form === 1 ? undefined : this.isNull() ? null : this.unsigned()
    return { database, log, seq, ack, slices: this.slices() }
  }
}

const ITEMS = { proof: [5, 5], rebuttal: [3, 3], inclusion: [5, 6] }

function read (bytes, what) {
  const file = new File(bytes)
  const items = file.array()
  const [, shape, form] = file.text().match(/^vitra-watch\/(proof|rebuttal|inclusion)\/([12])$/) ?? []
  if (!what.includes(shape)) file.fail('another form')
  if (items !== ITEMS[shape][form - 1]) file.fail(`an array of ${items} items`)
  const content = file[shape](Number(form))
  file.end()
  return { shape, ...content }
}

export const decode = (bytes) => read(bytes, Object.keys(ITEMS))

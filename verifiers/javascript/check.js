// What one file shows.

import { NeedsRun, audit } from './audit.js'
import { BY_HEADS, hex } from './claims.js'
import { decode } from './file.js'
import { hash } from './hash.js'
import { authenticate } from './heads.js'
import { inclusion } from './inclusion.js'
import { Undecided } from './msgpack.js'
import { rebuttal } from './rebuttal.js'

// Searches in trees for each MiB of a file: seconds.
const WORK = 20_000

const STATUS = { violation: 'PROVEN', rebuttal: 'REBUTTED', inclusion: 'INCLUDED' }

async function violation (proof, check, run, work) {
  const heads = check(proof.slices)
  const byHeads = BY_HEADS[proof.claim.kind]
  const found = byHeads ? byHeads(proof, heads) : await audit(proof, heads, run, work)
  const { check: shown, checks = [shown], end = null, ...finding } = found
  return { shows: 'violation', finding: { kind: proof.claim.kind, seq: null, ...finding }, end, checks }
}

export async function verify (bytes, run, mebibytes) {
  const file = decode(bytes)
  const work = mebibytes * WORK
  const checks = []
  // Every slice of every file is of a head that accuses its owner.
  const check = (slices, into = checks) => slices.map((slice) => {
    const head = authenticate(slice)
    const { key, length, fork, blocks } = head
    into.push(`log ${hex(key)}: its owner signed length ${length} (fork ${fork}); ${blocks.size} of its blocks are here, ` +
      'at their places')
    return head
  })
  const database = hex((file.first ?? file).database)
  const result = (status, fields) => ({ status, proof: hex(hash(bytes)), database, ...fields })
  try {
    const shown = await (file.shape === 'proof' ? violation(file, check, run, work)
      : file.shape === 'rebuttal' ? rebuttal(file, check, run, work) : inclusion(file, check, work))
    return result(STATUS[shown.shows], { ...shown, checks: [...checks, ...shown.checks] })
  } catch (error) {
    if (error instanceof NeedsRun) checks.push('all up to the run of the operation')
    const why = error instanceof NeedsRun ? 'not decided without the reference runtimes: --runtimes DIR' : error.message
    return result(error instanceof Undecided ? 'NOT_DECIDED' : 'NOT_PROVEN', { why, checks })
  }
}

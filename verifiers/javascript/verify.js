#!/usr/bin/env node
// Checks fraud proofs, each from its file alone: a second verifier, written from docs/proof-format.md.

import { closeSync, openSync, readSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { NeedsRun, audit } from './audit.js'
import { BY_HEADS, hex } from './claims.js'
import { Malformed, decode } from './file.js'
import { hash } from './hash.js'
import { authenticate } from './heads.js'
import { Undecided } from './msgpack.js'

// Searches in trees for each MiB of a file: seconds.
const WORK = 20_000

const EXIT = { PROVEN: 0, NOT_PROVEN: 1, NOT_DECIDED: 2, USAGE: 64, MALFORMED: 65, INTERNAL: 70 }
const HELP = `usage: node verify.js [--json] [--max-size MIB] [--run-contract] FILE...

Checks fraud proofs, each from its file alone; - is standard input.
--run-contract runs the contract in the proof, in a process that is locked away from files and network.

Exit status: 0 all are proven; 1 one does not prove its claim; 2 one was not decided, as its contract
would have to be run; 65 one is no proof file; 64 wrong arguments; 70 internal error.`

// At most so many bytes of a file.
function read (name, most) {
  const file = name === '-' ? 0 : openSync(name, 'r')
  const chunks = []
  try {
    for (let total = 0; ;) {
      const chunk = Buffer.alloc(1 << 16)
      const count = readSync(file, chunk)
      if (count === 0) return Buffer.concat(chunks)
      chunks.push(chunk.subarray(0, count))
      if ((total += count) > most) throw new Malformed('a file that is too large: see --max-size')
    }
  } finally {
    if (file !== 0) closeSync(file)
  }
}

async function verify (bytes, run, work) {
  const proof = decode(bytes)
  const checks = []
  const result = (status, fields) => ({ status, proof: hex(hash(bytes)), database: hex(proof.database), ...fields, checks })
  try {
    const heads = proof.slices.map((slice) => {
      const head = authenticate(slice)
      checks.push(`log ${hex(head.key)}: its owner signed length ${head.length} (fork ${head.fork}); ${head.blocks.size} of its blocks are here, at their places`)
      return head
    })
    const byHeads = BY_HEADS[proof.claim.kind]
    const { check, checks: more = [check], ...finding } = byHeads ? byHeads(proof, heads) : await audit(proof, heads, run, work)
    checks.push(...more)
    return result('PROVEN', { finding: { kind: proof.claim.kind, seq: null, ...finding } })
  } catch (error) {
    if (error instanceof NeedsRun) checks.push('all up to the run of the operation')
    if (error instanceof Undecided) return result('NOT_DECIDED', { why: error instanceof NeedsRun ? 'not decided without --run-contract' : error.message })
    return result('NOT_PROVEN', { why: error.message })
  }
}

const person = ({ role, key, or }) =>
  (role === 'executor' ? 'the executor' : `the owner of oplog ${key}`) + (or ? ` or ${person(or)}` : '')

function print (name, { status, proof, database, finding, checks, why }) {
  console.log(name)
  if (proof) console.log(`  proof      ${proof}\n  database   ${database}`)
  if (finding) {
    console.log(`  convicts   ${person(finding.accused)}`)
    console.log(`  of         ${finding.kind}${finding.seq === null ? '' : ` at block ${finding.seq}`} of log ${finding.log}`)
    console.log(`  because    ${finding.message}`)
  }
  for (const check of checks ?? []) console.log(`  checked    ${check}`)
  console.log(`  ${status.replace('_', ' ')}${why ? `: ${why}` : ''}`)
}

async function main () {
  let args
  try {
    args = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' }, 'max-size': { type: 'string', default: '16' }, 'run-contract': { type: 'boolean' }, help: { type: 'boolean', short: 'h' } }
    })
    if (args.values.help) return console.log(HELP) ?? EXIT.PROVEN
    if (!args.positionals.length || !(Number(args.values['max-size']) > 0)) throw new Error('a file, and a size in MiB')
  } catch (error) {
    console.error(`${error.message}\n${HELP}`)
    return EXIT.USAGE
  }
  const size = Number(args.values['max-size'])
  const run = args.values['run-contract'] ? (await import('./run.js')).run : null
  let worst = EXIT.PROVEN
  for (const name of args.positionals) {
    let result
    try {
      result = await verify(read(name, size * 2 ** 20), run, size * WORK)
    } catch (error) {
      if (!(error instanceof Malformed) && error.syscall === undefined) throw error
      result = { status: 'MALFORMED', why: error.message }
    }
    if (args.values.json) {
      console.log(JSON.stringify({ file: name, proven: result.status === 'PROVEN', ...result }))
    } else print(name, result)
    // The gravest: no proof file, then not proven, then not decided.
    const rank = [EXIT.PROVEN, EXIT.NOT_DECIDED, EXIT.NOT_PROVEN, EXIT.MALFORMED]
    if (rank.indexOf(EXIT[result.status]) > rank.indexOf(worst)) worst = EXIT[result.status]
  }
  return worst
}

try { process.exitCode = await main() } catch (error) {
  console.error(error)
  process.exitCode = EXIT.INTERNAL
}

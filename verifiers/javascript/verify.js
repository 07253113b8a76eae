#!/usr/bin/env node
// Checks fraud proofs, rebuttals and inclusions, each from its file alone: a second verifier, written from
// docs/proof-format.md.

import { closeSync, openSync, readSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { verify } from './check.js'
import { Malformed } from './file.js'
import { json, print } from './print.js'

const EXIT = { PROVEN: 0, REBUTTED: 0, INCLUDED: 0, NOT_PROVEN: 1, NOT_DECIDED: 2, USAGE: 64, MALFORMED: 65, INTERNAL: 70 }
const HELP = `usage: node verify.js [--json] [--max-size MIB] [--runtimes DIR] FILE...

Checks proofs, rebuttals and proofs of inclusion, each from its file alone; - is standard input. Says of each what it
shows: PROVEN (whom it convicts of what), REBUTTED (of what it clears the executor), or INCLUDED (what became of an operation).
--runtimes DIR runs the contract in the proof, here and in the reference runtimes that \`vitra-watch runtimes install\` has put there, in
processes that are locked away from files and network.

Exit status: 0 all show what they claim; 1 one does not; 2 one was not decided, as its contract would have to be run;
65 one is no such file; 64 wrong arguments; 70 internal error.`

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

async function main () {
  let args
  try {
    args = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' }, 'max-size': { type: 'string', default: '16' }, runtimes: { type: 'string' }, help: { type: 'boolean', short: 'h' } }
    })
    if (args.values.help) return console.log(HELP) ?? EXIT.PROVEN
    if (!args.positionals.length || !(Number(args.values['max-size']) > 0)) throw new Error('a file, and a size in MiB')
  } catch (error) {
    console.error(`${error.message}\n${HELP}`)
    return EXIT.USAGE
  }
  const size = Number(args.values['max-size'])
  let [run, references] = [null, null]
  if (args.values.runtimes !== undefined) {
    try {
      references = new (await import('./references.js')).References(args.values.runtimes)
    } catch (error) {
      console.error(error.message)
      return EXIT.USAGE
    }
    run = (await import('./run.js')).runWith(references)
  }
  let worst = EXIT.PROVEN
  for (const name of args.positionals) {
    let result
    try {
      result = await verify(read(name, size * 2 ** 20), run, size)
    } catch (error) {
      if (!(error instanceof Malformed) && error.syscall === undefined) throw error
      result = { status: 'MALFORMED', why: error.message }
    }
    if (args.values.json) console.log(json(name, result))
    else print(name, result)
    // The gravest: no proof file, then not proven, then not decided.
    const rank = [EXIT.PROVEN, EXIT.NOT_DECIDED, EXIT.NOT_PROVEN, EXIT.MALFORMED]
    if (rank.indexOf(EXIT[result.status]) > rank.indexOf(worst)) worst = EXIT[result.status]
  }
  references?.close()
  return worst
}

try { process.exitCode = await main() } catch (error) {
  console.error(error)
  process.exitCode = EXIT.INTERNAL
}

// Keeps ../differential/expected/<name>.jsonl, the answers of the real runtime (v8-8.6) or of plain Node (node20).
//
//   node golden.js write NAME     v8-8.6 with Node 15.14, node20 with Node 20
//   node golden.js check NAME     runs everything again; exit 1 if an answer differs
//   node golden.js compare v8-8.6 exit 1 if this plain Node answers otherwise in a program without `taints`
//
// Left out are programs marked `taints: ... uninitialised ...` or `taints: race ...`, whose answers vary with each run.
'use strict'
const fs = require('fs')
const path = require('path')
const { execFileSync } = require('child_process')

const [, , what, name] = process.argv
const file = path.join(__dirname, '../differential/expected', name + '.jsonl')
const script = name === 'v8-8.6' && what !== 'compare' ? 'run-confine.js' : 'run-node.js'
const ignored = what === 'compare' ? /./ : /uninitialised|race/
const unstable = new Set(require('./lib/programs').read()
  .filter((c) => ignored.test(c.taints || '')).map((c) => c.name))

const nameOf = (line) => JSON.parse(line).name
const run = (program, options) => {
  const all = [path.join(__dirname, script), '--programs', ...(program ? [program] : [])]
  const output = execFileSync(process.execPath, all, { maxBuffer: 1 << 28, ...options })
  return output.toString().trim().split('\n').filter((line) => !unstable.has(nameOf(line)))
}
// A busy machine may be too slow for the usual time: whatever hangs unexpectedly is run again with much more.
const patiently = (program) => run(program, { env: { ...process.env, CASE_TIMEOUT: '90000' } })
  .find((line) => nameOf(line) === program)
const lines = run()
if (what === 'write') {
  fs.writeFileSync(file, lines.join('\n') + '\n')
} else {
  const golden = new Map(fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => [JSON.parse(line).name, line]))
  // Texts of errors at load are the engine's.
  const key = (line = '') => line.replace(/"error":"(![a-z]+).*?","changes"/, '"error":"$1","changes"')
  const differs = (line) => key(golden.get(nameOf(line))) !== key(line)
  const again = (line) => JSON.parse(line).error === '!hang' ? patiently(nameOf(line)) : line
  const different = lines.filter(differs).map(again).filter(differs)
  for (const line of different) console.log(line + '\n  expected: ' + golden.get(nameOf(line)))
  const seen = new Set(lines.map(nameOf))
  const missing = what === 'compare' ? 0 : [...golden.keys()].filter((name) => !seen.has(name)).length
  console.log(`${lines.length} programs, ${different.length} differ, ${missing} missing`)
  process.exitCode = different.length || missing ? 1 : 0
}

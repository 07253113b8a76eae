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

const output = execFileSync(process.execPath, [path.join(__dirname, script), '--programs'], { maxBuffer: 1 << 28 })
const lines = output.toString().trim().split('\n').filter((line) => !unstable.has(JSON.parse(line).name))
if (what === 'write') {
  fs.writeFileSync(file, lines.join('\n') + '\n')
} else {
  const golden = new Map(fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => [JSON.parse(line).name, line]))
  // Texts of errors at load are the engine's.
  const key = (line = '') => line.replace(/"error":"(![a-z]+).*?","changes"/, '"error":"$1","changes"')
  const different = lines.filter((line) => key(golden.get(JSON.parse(line).name)) !== key(line))
  for (const line of different) console.log(line + '\n  expected: ' + golden.get(JSON.parse(line).name))
  const seen = new Set(lines.map((line) => JSON.parse(line).name))
  const missing = what === 'compare' ? 0 : [...golden.keys()].filter((name) => !seen.has(name)).length
  console.log(`${lines.length} programs, ${different.length} differ, ${missing} missing`)
  process.exitCode = different.length || missing ? 1 : 0
}

// node golden.js write|check v8-8.6|node20 [other.jsonl]: keeps ../differential/expected/<name>.jsonl, the answers of the
// real runtime (v8-8.6: run with Node 15.14) or of plain Node (node20). `check` runs everything again and exits with 1
// if an answer differs. What a runtime says differently each time is left out: programs that are marked
// `taints: ... uninitialised ...` or `taints: race ...`.
'use strict'
const fs = require('fs')
const path = require('path')
const { execFileSync } = require('child_process')

const [, , what, name] = process.argv
const file = path.join(__dirname, '../differential/expected', name + '.jsonl')
const script = name === 'v8-8.6' ? 'run-confine.js' : 'run-node.js'
const unstable = new Set(require('./lib/programs').read()
  .filter((c) => /uninitialised|race/.test(c.taints || '')).map((c) => c.name))

const output = execFileSync(process.execPath, [path.join(__dirname, script), '--programs'], { maxBuffer: 1 << 28 })
const lines = output.toString().trim().split('\n').filter((line) => !unstable.has(JSON.parse(line).name))
if (what === 'write') {
  fs.writeFileSync(file, lines.join('\n') + '\n')
} else {
  const golden = new Map(fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => [JSON.parse(line).name, line]))
  const different = lines.filter((line) => golden.get(JSON.parse(line).name) !== line)
  for (const line of different) console.log(line + '\n  expected: ' + golden.get(JSON.parse(line).name))
  const missing = golden.size + different.filter((line) => !golden.has(JSON.parse(line).name)).length - lines.length
  console.log(`${lines.length} programs, ${different.length} differ, ${missing} missing`)
  process.exitCode = different.length || missing ? 1 : 0
}

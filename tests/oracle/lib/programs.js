// Reads the programs of tests/differential/programs into cases. See the README there for the format.
'use strict'
const fs = require('fs')
const path = require('path')

const root = path.join(__dirname, '../../differential/programs')

// The contract around a body; the Rust harness writes the same text.
const wrap = (body) => 'export const apply = { async RUN (tx, op, ack) { tx.put(\'/out\', await (async () => {\n' +
  body + '\n})()) } }\n'

const directive = /^\/\/ (op|op-hex|ack|state|taints|runtime-only): ?(.*)$/

exports.parse = (file, text, isBody) => {
  const cases = []
  let current
  for (const line of text.split('\n')) {
    const start = /^\/\/ name: (\S+)$/.exec(line)
    if (start) {
      current = { name: `${file}/${start[1]}`, lines: [], op: { op: 'RUN' } }
      cases.push(current)
      continue
    }
    const found = directive.exec(line)
    if (!current) continue // the file's header
    if (!found || current.lines.some((l) => l !== '')) {
      current.lines.push(line)
    } else if (found[1] === 'op-hex') {
      delete current.op
      current.opHex = found[2]
    } else if (found[1] === 'taints' || found[1] === 'runtime-only') {
      current[found[1]] = found[2]
    } else {
      current[found[1]] = JSON.parse(found[2])
    }
  }
  return cases.map(({ lines, ...rest }) => {
    const source = lines.join('\n').trim()
    return { ...rest, source: isBody ? wrap(source) : source + '\n' }
  })
}

exports.read = () => {
  const cases = []
  for (const folder of ['bodies', 'contracts']) {
    for (const name of fs.readdirSync(path.join(root, folder)).sort()) {
      if (!name.endsWith('.js')) continue
      const text = fs.readFileSync(path.join(root, folder, name), 'utf8')
      cases.push(...exports.parse(name.slice(0, -3), text, folder === 'bodies'))
    }
  }
  // The probe contract: every handler once, and the operations that no handler takes, in one VM each.
  const probe = fs.readFileSync(path.join(root, 'probe/contract.js'), 'utf8')
  for (const op of JSON.parse(fs.readFileSync(path.join(root, 'probe/ops.json'), 'utf8'))) {
    cases.push({ ...op, name: `probe/${op.name}`, source: probe })
  }
  const seen = new Set()
  for (const { name } of cases) {
    if (seen.has(name)) throw new Error('two programs named ' + name)
    seen.add(name)
  }
  return cases
}

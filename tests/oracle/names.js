// node-15.14 names.js guest          the names in a guest of vitra-confine-runtime (V8 8.6), as JSON
// node names.js own                  the names of this Node's bare realm
//                                    (newer-names.json: diff of Node 15.14 and 20.20, 22.11, 24.11, 26.10)
// node names.js diff OLD.json NEW... what only the new ones have, as {globals, properties} in prelude/newer-names.json,
//                                    and what only the old one has
'use strict'
const fs = require('fs')
const path = require('path')
const vm = require('vm')
const walk = fs.readFileSync(path.join(__dirname, 'lib/walk.js'), 'utf8')

// One name a line would make a long file; one object a line reads well.
const print = ({ globals, properties, ...rest }) => {
  const lines = Object.entries(properties).map(([k, v]) => `    ${JSON.stringify(k)}: ${JSON.stringify(v)}`)
  console.log(`{\n  "globals": ${JSON.stringify(globals)},\n  "properties": {\n${lines.join(',\n')}\n  }\n}`)
}

const minus = (a, b) => {
  const globals = a.globals.filter((name) => !b.globals.includes(name))
  const properties = {}
  for (const [object, names] of Object.entries(a.properties)) {
    if (!b.properties[object]) continue // the whole object is new: its name stands elsewhere
    const only = names.filter((name) => !b.properties[object].includes(name))
    if (only.length) properties[object] = only
  }
  return { globals, properties }
}

const guest = async () => {
  const Runtime = require('vitra-confine-runtime')
  const source = `const walk = () => {\n${walk}\n}\nexport const names = () => JSON.stringify(walk())`
  const none = async () => undefined
  const runtime = new Runtime({
    source,
    env: { indexPubkey: 'cd'.repeat(32) },
    globals: {
      console: { log: none, debug: none, info: none, warn: none, error: none },
      __internal__: { contract: { indexList: none, indexGet: none, oplogGetLength: none, oplogGet: none } }
    }
  })
  await runtime.init()
  await runtime.run()
  print(JSON.parse((await runtime.handleAPICall('names', [])).result))
  await runtime.close()
}

const [, , what, ...files] = process.argv
if (what === 'guest') guest()
if (what === 'own') print(JSON.parse(vm.runInNewContext(`JSON.stringify((() => {\n${walk}\n})())`)))
if (what === 'diff') {
  const [old, ...news] = files.map((file) => JSON.parse(fs.readFileSync(file, 'utf8')))
  const newer = { globals: [], properties: {} }
  for (const one of news) {
    const more = minus(one, old)
    newer.globals = [...new Set([...newer.globals, ...more.globals])].sort()
    for (const [object, names] of Object.entries(more.properties)) {
      newer.properties[object] = [...new Set([...(newer.properties[object] || []), ...names])].sort()
    }
  }
  print(newer)
  console.error('gone in the newest:', JSON.stringify(minus(old, news[news.length - 1])))
}

// node generate.js REQUEST: programs for the tests of the white list, as a list of cases for tests/oracle.
//
// REQUEST is JSON: {what: 'entries', names: {...}} for a program for each entry of the white list,
// {what: 'plain' | 'any', seed, contracts, size} for random programs: `size` of them in each contract.
// `parts` and `part` choose one case of so many. Each case is {name, source, op}, those of random programs have `programs`
// and, for each, a contract with that program `alone`; a line of the text that it puts to /out is one observation.
'use strict'
const fs = require('fs')
const path = require('path')
const harness = fs.readFileSync(path.join(__dirname, 'harness.js'), 'utf8')
const request = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))

const contract = (body) => `import { index } from 'contract'
import { ok, equal, notEqual } from 'assert'
${harness}
export const apply = { async RUN (tx, op, ack) {
  const out = []
  const note = (...parts) => { out.push(parts.join(' ')) }
${body}
  tx.put('/out', out.join('\\n'))
} }
`
const op = { op: 'RUN' }
const cases = []
const add = (name, body, more) => cases.push({ name, source: contract(body), op, ...more })

// Every receiver, with no argument, with every argument, and with pairs from a smaller pool. Receiver and result are shown.
const overPool = (call, callbacks) => callbacks
  ? `
  const functions = [(x) => x, (x, i) => i, (x) => !x, (x, y) => (x > y ? 1 : x < y ? -1 : 0), (a, b) => a + b, (x) => { throw new Own('stop') }, (x, y) => y - x, (...all) => all.length, Boolean, Number, String]
  const n = pool().length
  for (let r = 0; r < n; r++) for (let f = 0; f < functions.length; f++) {
    for (const start of [undefined, 0, [], 'a']) {
      const x = pool()[r]
      note(r, f, attempt(() => start === undefined ? ${call('x', ['functions[f]'])} : ${call('x', ['functions[f]', 'start'])}), show(x))
    }
  }`
  : `
  const n = pool().length, m = few().length
  for (let r = 0; r < n; r++) {
    let x = pool()[r]
    note(r, attempt(() => ${call('x', [])}), show(x))
    for (let a = 0; a < n; a++) { x = pool()[r]; const y = pool()[a]; note(r, a, attempt(() => ${call('x', ['y'])}), show(x)) }
    for (let a = 0; a < m; a++) for (let b = 0; b < m; b++) { x = pool()[r]; const y = few()[a], z = few()[b]; note(r, a, b, attempt(() => ${call('x', ['y', 'z'])}), show(x)) }
  }`
const alone = (f) => `
  const n = pool().length, m = few().length
  note(attempt(() => ${f}()))
  for (let a = 0; a < n; a++) { const y = pool()[a]; note(a, attempt(() => ${f}(y)), show(y)) }
  for (let a = 0; a < n; a++) for (let b = 0; b < m; b++) { const y = pool()[a], z = few()[b]; note(a, b, attempt(() => ${f}(y, z)), show(y)) }`

const LONG = ['x'.repeat(40), 'aaaaaaaaab', 'The quick brown fox, 12:30 on 2020-01-02; a-b_c.d@e.f']
const patterns = ['a', '^[a-z]+$', '[^a-z]', '(a)(b)?', 'a|b|', '\\\\d+', '\\\\w*?', '\\\\s+', '\\\\bx', '(?:ab)+', '(a*)*', '(a|ab)(c|bcd)?', 'a{2,3}', '.', '$', '', '[\\\\s\\\\S]{2}', '[-.]', '(x(y)?)*', '[A-Z]', '\\\\W', '\\\\D+', '^\\\\s*|\\\\s*$']
const onPatterns = (use) => `
  const texts = [...pool().filter((x) => typeof x === 'string'), ...${JSON.stringify(LONG)}, undefined, null, 12, ['a'], {}, 'a\\nb\\nc']
  for (const t of texts) {
${patterns.flatMap((p) => ['', 'g', 'i', 'gm'].map((f) => `    note(attempt(() => ${use('/' + (p.replace(/\\\\/g, '\\') || '(?:)') + '/' + f)}))`)).join('\n')}
  }`

const syntax = () => {
  const text = fs.readFileSync(path.join(__dirname, 'syntax.js'), 'utf8')
  return text.split(/^\/\/ entry: /m).slice(1).map((block) => {
    const end = block.indexOf('\n')
    return { name: block.slice(0, end).trim(), body: block.slice(end + 1).trim() }
  })
}

if (request.what === 'entries') {
  const { names } = request
  for (const m of names.methods) {
    const host = ['addOplog', 'put', 'removeOplog', 'setContractSource'].includes(m)
    const callback = names.calling.includes(m) && !['replaceAll'].includes(m)
    if (host) {
      add('method ' + m, `
  const n = pool().length
  for (let a = 0; a < n; a++) { const y = pool()[a]; note(a, attempt(() => tx.${m}(y)), attempt(() => tx.${m}({ pubkey: y, code: y })), attempt(() => ${m === 'put' ? "y === undefined || y instanceof Map || y instanceof Set ? 0 : tx.put('/x' + a, y)" : 'undefined'})) }`)
    } else {
      add('method ' + m, overPool((x, a) => `${x}.${m}(${names.without_arguments.includes(m) ? '' : a.join(', ')})`, callback))
      if (m === 'sort' || m === 'replaceAll') add('method ' + m + ' ', overPool((x, a) => `${x}.${m}(${a.join(', ')})`))
    }
  }
  for (const m of names.with_literal) add('literal ' + m, `
  for (const x of pool()) note(attempt(() => x.${m}(0)), attempt(() => x.${m}(3)), attempt(() => x.${m}(10000)))`)
  for (const m of names.of_maps) add('map ' + m, overPool((x, a) => `new Map([[1, 2]]).${m}(x${a.length ? ', ' + a[0] : ''})`))
  for (const m of names.iterating) add('iterating ' + m, overPool((x) => `[...${x}.${m}()]`))
  for (const m of names.matching) {
    add('matching ' + m, onPatterns((p) => m === 'replace' ? `[t.replace(${p}, '<$1$&>'), t.replace(${p}, (...all) => all.length)]` : m === 'split' ? `[t.split(${p}), t.split(${p}, 2)]` : `t.${m}(${p})`))
    if (m === 'replace' || m === 'split') add('matching ' + m + ' text', overPool((x, a) => `${x}.${m}(${a.join(', ')})`))
  }
  for (const m of names.pattern_methods) add('pattern ' + m, onPatterns((p) => `[${p}.${m}(t), (() => { const p = ${p}; return [p.${m}(t), p.${m}(t), p.lastIndex] })()]`))
  for (const f of names.functions) add('function ' + f, alone(f))
  for (const f of names.callbacks) add('callback ' + f, overPool((x, a) => `${x}.map(${f})`))
  for (const [o, f] of names.statics) add(`static ${o}.${f}`, alone(`${o}.${f}`))
  for (const [o, f] of names.constants) add(`constant ${o}.${f}`, `  note(show(${o}.${f}))`)
  for (const v of names.values) add('value ' + v, `  note(show(${v}))`)
  for (const e of names.errors) add('error ' + e, `
  for (const x of pool()) {
    let text
    try { text = x === undefined ? '' : String(x) } catch { text = undefined }
    try { throw new ${e}(x) } catch (e) { note(show(e instanceof ${e}), text === undefined ? 'fails' : show(e.message === text)) }
  }`)
  for (const [c] of names.constructors) add('constructor ' + c, alone(c === 'Date' ? '(x => new Date(+x))' : `(x => new ${c}(x))`))
  for (const f of names.assert) {
    const own = f === 'default' ? 'ok' : f
    add('assert ' + f, own === 'fail' ? `  note(attempt(() => { throw new Own('x') }))` : `
  for (const x of pool()) for (const y of ${own === 'ok' ? "['m']" : 'pool()'}) note(attempt(() => ${own}(x, y, 'm')))`)
  }
  for (const f of names.index) add('index ' + f, `
  const keys = ['/a', 'a/b/', '//a', '/none', '/', '', '/a/ b', '/ä']
  for (const k of keys) note(k, show(await index.${f}(k)))
  note(show(${f === 'list' ? "[await index.list('/', { reverse: true }), await index.list('/', { limit: 1, offset: 1 })]" : '0'}))`, { state: { '/a': 1, '/a/b': { x: [1] }, '/b/c/d': 'x', '/ä': null } })
  for (const o of names.operators) {
    const e = /^[a-z!~+-]+ x$/.test(o) ? `(${o})` : `(${o})`
    add('operator ' + o, `
  const n = pool().length
  for (let a = 0; a < n; a++) ${/\by\b/.test(o) ? 'for (let b = 0; b < n; b++) ' : ''}{ let x = pool()[a]; const y = ${/\by\b/.test(o) ? 'pool()[b]' : '0'}; note(attempt(() => ${e})) }`)
  }
  for (const name of names.reads) add('read ' + name, `
  for (const x of pool()) note(attempt(() => x.${name}), attempt(() => { const { ${name}: z } = x; return z }))`)
  add('numbers of random bits', `
  let s = 1
  const next = () => { s ^= s << 13; s >>>= 0; s ^= s >>> 17; s ^= s << 5; s >>>= 0; return s }
  const view = new DataView(new ArrayBuffer(8))
  for (let i = 0; i < 6000; i++) {
    view.setUint32(0, next()); view.setUint32(4, next())
    const x = i % 2 ? view.getFloat64(0) : next() / 2 ** (next() % 60)
    const y = next() % 100000 / [1, 10, 100, 1000][next() % 4]
    note(String(x), bits(Number(String(x))), bits(x + y), bits(x * y), bits(x / y), bits(x % y), x | 0, x >>> 3, y.toFixed(next() % 20), Math.round(y), JSON.stringify({ x, y }))
  }`)
  add('numbers of random texts', `
  let s = 7
  const next = () => { s ^= s << 13; s >>>= 0; s ^= s >>> 17; s ^= s << 5; s >>>= 0; return s }
  const digits = (n) => { let text = ''; while (text.length < n) text += next(); return text.slice(0, n) }
  for (let i = 0; i < 6000; i++) {
    const text = digits(1 + next() % 40) + ['', '.', '.' + digits(next() % 40)][next() % 3] + ['', 'e' + next() % 330, 'e-' + next() % 345][next() % 3]
    // Half-way between two numbers, and a digit more.
    const half = (BigInt(next()) * 2097152n + 1n << BigInt(next() % 40)) + '.' + '0'.repeat(next() % 30) + next() % 2
    note(text, bits(Number(text)), bits(parseFloat(text)), bits(-text), half, bits(+half), attempt(() => JSON.parse(text)))
  }`)
  add('characters of 16 bits', `
  for (let c = 0; c < 65536; c += 16) {
    const line = []
    for (let i = c; i < c + 16; i++) {
      const t = String.fromCharCode(i)
      line.push([/\\s/.test(t), /\\w/i.test(t), /[a-z]/i.test(t), /k|s/i.test(t), /./.test(t), /^$/m.test(t), t.trim() === '', isNaN(t), ('a' + t).split('').length, t < 'm'].map(Number).join(''))
    }
    note(c, line.join())
  }`)
  for (const { name, body } of syntax()) if (body.startsWith('// module')) cases.push({ name: 'syntax ' + name, source: body, op, body, module: true }); else add('syntax ' + name, `
  const run = async (a, b, c) => {
${body}
  }
  const n = pool().length
  for (let i = 0; i < n; i++) for (const j of [3, 25, 48, 60, 66]) {
    try { note(i, j, show(await run(pool()[i], pool()[j], pool()[(i * 7 + j) % n]))) } catch (e) { note(i, j, failed(e)) }
  }`, { body })
} else {
  const random = require('./random')
  for (let c = 0; c < request.contracts; c++) {
    const programs = []
    for (let i = 0; i < request.size; i++) {
      const program = random.program(`${request.what}:${request.seed}:${c}:${i}`, request.what === 'any')
      try {
        new Function('ok', 'equal', `'use strict'; return async (a, b, c, d) => {\n${program}\n}`)
        programs.push(program)
      } catch { programs.push('return 0') } // what is no program at all, such as await in a generator
    }
    const blocks = programs.map((p, i) => `
  { const run = async (a, b, c, d) => {
${p}
    }
    for (let t = 0; t < 6; t++) {
      const at = (k) => { const all = pool(); return all[(t * 31 + k * 17 + ${i} * 7 + ${random.number(request.seed + ':' + c + ':' + i)}) % all.length] }
      try { note(${i}, t, show(await run(at(1), at(2), at(3), at(4)))) } catch (e) { note(${i}, t, failed(e)) }
    }
  }`)
    add(`${request.what} ${request.seed} ${c}`, blocks.join('\n'), { programs, alone: blocks.map(contract) })
  }
}
const { part = 0, parts = 1 } = request
process.stdout.write(JSON.stringify(cases.filter((_, i) => i % parts === part)))

// Random programs from a grammar: of the plain language, or of more than it. The same seed gives the same program.
'use strict'

const hash = (text) => { let h = 2166136261; for (const c of text) h = Math.imul(h ^ c.charCodeAt(0), 16777619); return (h ^ h >>> 13) >>> 0 }
exports.number = (text) => hash(text) % 1000

class Source {
  constructor (seed, any) {
    this.state = hash(seed) || 1
    this.any = any
    this.names = ['a', 'b', 'c', 'd']
    this.count = 0
    this.inside = 0 // closures, in which there is no await
  }

  next () { let s = this.state; s ^= s << 13; s >>>= 0; s ^= s >>> 17; s ^= s << 5; this.state = s >>> 0; return this.state }
  below (n) { return this.next() % n }
  pick (list) { return list[this.below(list.length)] }
  chance (n) { return this.below(n) === 0 }
  name () { return this.pick(this.names) }
  fresh () { return 'v' + this.count++ }

  literal () {
    return this.pick([
      () => String(this.below(10)), () => this.pick(['0.5', '1e21', '0.1', '1e-7', '255', '65536', '4294967296', '9007199254740991', '0x1f', '-1', '-0']),
      () => this.pick(["''", "'a'", "'b,c'", "'10'", "' x '", "'length'", "'é'", "'0'", "'a-b-c'"]),
      () => this.pick(['true', 'false', 'null', 'undefined', 'NaN', 'Infinity'])
    ])()
  }

  pattern () { return '/' + this.pick(['a', '[a-z]+', '\\d+', '(.)(.)?', '\\s', 'b|c', '^.', '[^0-9]*', '(?:x|y)+?', ',']) + '/' + this.pick(['', 'g', 'i', 'g']) }

  closure (depth, params) {
    const own = Array.from({ length: params }, () => this.fresh())
    this.names.push(...own)
    this.inside++
    const body = this.chance(3) ? `{ ${this.chance(2) ? `if (${this.expression(depth + 1)}) return ${this.expression(depth + 1)}; ` : ''}return ${this.expression(depth + 1)} }` : `(${this.expression(depth + 1)})`
    this.inside--
    this.names.splice(this.names.length - params)
    return `(${own.join(', ')}) => ${body}`
  }

  expression (depth = 0) {
    if (depth > 3) return this.chance(3) ? this.literal() : this.name()
    const e = () => this.expression(depth + 1)
    // Mostly of the kind that a method wants, or nearly every program would end at once.
    const kind = (what, literals) => () => this.chance(5) ? e() : this.chance(2) ? this.pick(literals) : this.name()
    const text = () => this.chance(3) ? `String(${e()})` : kind('text', ["'abc'", "' a,b '", "'A-b c1'", "'é😀'", "'12.5'", '`x${' + this.name() + '}`'])()
    const list = kind('list', ['[3, 1, 2]', "['b', 'a', 'c']", '[a, b, c]', '[[1, 2], [3]]', '[d, 1, d]', 'Object.keys(a)', '[...[b, c]]'])
    const any = () => this.pick([text, list, e])()
    const forms = [
      () => this.name(), () => this.name(), () => this.literal(),
      () => `(${e()} ${this.pick(['+', '+', '-', '*', '/', '%', '<', '<=', '>', '>=', '==', '!=', '===', '!==', '&', '|', '^', '<<', '>>', '>>>'])} ${e()})`,
      () => `((${e()}) ${this.pick(['&&', '||', '??'])} (${e()}))`,
      () => `(${e()} ? ${e()} : ${e()})`,
      () => `(${this.pick(['!', '-', '+', '~', 'typeof ', 'void '])}${e()})`,
      () => '`' + this.pick(['', 'x', '/']) + '${' + e() + '}' + this.pick(['', '-']) + '`',
      () => `[${e()}, ${this.chance(3) ? '...' : ''}${e()}]`,
      () => `({ ${this.pick(['k', 'x', 'name', 'length', "'a b'", '10'])}: ${e()}, ${this.chance(2) ? '...' + e() : `[${e()}]: ${e()}`} })`,
      () => `(${e()})[${e()}]`, () => `(${e()})?.[${e()}]`,
      () => `(${e()}).${this.pick(['length', 'a', 'name', 'size', 'x', 'k', 'b'])}`, () => `(${e()})?.${this.pick(['length', 'a', 'name'])}`,
      () => `(${e()} in ${e()})`,
      () => `(${any()}).${this.pick(['trim', 'toUpperCase', 'toLowerCase', 'trimStart', 'trimEnd', 'reverse', 'pop', 'shift', 'toString', 'getTime', 'toISOString', 'sort', 'flat', 'join', 'slice', 'clear', 'getUTCMonth'])}()`,
      () => `(${any()}).${this.pick(['charAt', 'charCodeAt', 'codePointAt', 'endsWith', 'startsWith', 'padEnd', 'padStart', 'split', 'substring', 'concat', 'includes', 'indexOf', 'lastIndexOf', 'slice', 'fill', 'flat', 'join', 'push', 'unshift', 'add', 'delete', 'get', 'has', 'hasOwnProperty', 'toFixed', 'splice'])}(${e()})`.replace(/padEnd\((.*)\)$|padStart\((.*)\)$/s, (all, x, y) => `${all.startsWith('padEnd') ? 'padEnd' : 'padStart'}((${x || y}) % 50)`),
      () => `(${any()}).${this.pick(['substring', 'slice', 'splice', 'fill', 'indexOf', 'includes', 'replaceAll', 'replace', 'startsWith', 'lastIndexOf', 'concat'])}(${e()}, ${e()})`,
      () => `(${list()}).${this.pick(['map', 'filter', 'some', 'every', 'find', 'findIndex', 'flatMap', 'forEach'])}(${this.closure(depth, 1 + this.below(2))})`,
      () => `(${list()}).${this.pick(['map', 'filter'])}(${this.pick(['String', 'Number', 'Boolean'])})`,
      () => `(${list()}).${this.pick(['reduce', 'reduceRight'])}(${this.closure(depth, 2)}${this.chance(3) ? '' : ', ' + e()})`,
      () => `(${list()}).sort(${this.closure(depth, 2)})`,
      () => `${this.pattern()}.${this.pick(['test', 'exec'])}(${e()})`,
      () => `(${text()}).${this.pick(['match', 'search', 'split'])}(${this.pattern()})`,
      () => `(${text()}).replace(${this.pattern()}, ${this.chance(2) ? this.closure(depth, 2) : e()})`,
      () => `${this.pick(['Object.keys', 'Object.values', 'Object.entries', 'Object.fromEntries', 'Object.freeze', 'Array.isArray', 'JSON.stringify', 'JSON.parse', 'Math.floor', 'Math.round', 'Math.abs', 'Math.trunc', 'Math.sign', 'Math.sqrt', 'Math.ceil', 'Number.isInteger', 'Number.isSafeInteger', 'Number', 'String', 'Boolean', 'parseFloat', 'isNaN', 'Number.isFinite', 'String.fromCharCode'])}(${e()})`,
      () => `${this.pick(['Math.max', 'Math.min', 'Object.assign', 'parseInt', 'Array.of', 'Object.is'])}(${e()}, ${e()})`,
      () => `Array.from(${e()}${this.chance(2) ? ', ' + this.closure(depth, 2) : ''})`,
      () => `[...(${list()}).${this.pick(['keys', 'values', 'entries'])}()]`,
      () => `new ${this.pick(['Map', 'Set'])}(${e()})`,
      () => `new Date(+${e()})`, () => this.inside ? e() : `(await ${e()})`,
      () => `Object.prototype.hasOwnProperty.call(${e()}, ${e()})`
    ]
    const beyond = [
      () => `(${e()} ** ${e()})`, () => `(${e()}, ${e()})`, () => `Math.${this.pick(['sin', 'pow', 'hypot', 'log', 'cbrt', 'fround', 'clz32', 'imul', 'expm1'])}(${e()}, ${e()})`,
      () => `(${e()}).${this.pick(['at', 'toString', 'localeCompare', 'normalize', 'toPrecision', 'toExponential', 'copyWithin', 'matchAll', 'substr', 'toLocaleString', 'findLast', 'toSorted', 'anchor', 'toJSON', 'valueOf', 'getDay', 'toDateString'])}(${e()})`,
      () => `${this.pick(['Reflect.ownKeys', 'Object.getOwnPropertyNames', 'Object.getOwnPropertyDescriptors', 'Symbol', 'BigInt', 'encodeURIComponent', 'decodeURI', 'escape', 'Object.create', 'Date.parse', 'structuredClone', 'Object', 'Array', 'Object.getPrototypeOf'])}(${e()})`,
      () => `new ${this.pick(['Array', 'Uint8Array', 'Float32Array', 'Date', 'RegExp', 'Proxy', 'WeakMap', 'Error', 'Uint16Array', 'BigInt64Array', 'String', 'Number'])}(${e()}${this.chance(3) ? ', ' + e() : ''})`,
      () => `/${this.pick(['(?=a)b', '(?<n>a)\\\\k<n>', '\\\\u{61}', '(a)\\\\1', '[\\\\d-x]', '\\\\p{L}', '(?<!a)b', 'a(?!b)'])}/${this.pick(['', 'u', 'y', 's', 'iu'])}[${this.pick(["'test'", "'exec'"])}](${e()})`,
      () => `({ toString () { return ${e()} } }) + ${e()}`, () => `({ get x () { return ${e()} }, set x (y) { } }).x`, () => `(class { static m = ${e()}; #p = 1; get () { return this.#p } }).m`,
      () => `[...(function * () { yield ${e()}; return ${e()} })()]`, () => `(function () { return arguments.length + ${e()} })(${e()})`,
      () => `Math.max(...${e()})`, () => `(${e()})[${e()}](${e()})`, () => `(typeof ${this.pick(['Temporal', 'Iterator', 'globalThis', 'process'])})`,
      () => this.inside ? e() : `(await Promise.all([${e()}, ${e()}]))`, () => '10n', () => `((f) => f(${e()}))((x) => x)`, () => `(() => { try { null.x } catch (e) { return e.message } })()`,
      () => `JSON.parse(${e()}, function (k, v) { return arguments.length })`, () => `JSON.stringify(${e()}, null, ${e()})`, () => `(${e()} instanceof ${this.pick(['Array', 'Object', 'Date', 'Map'])})`, () => `[, ${e()}]`
    ]
    return this.pick(this.any && this.chance(4) ? beyond : forms)()
  }

  statement (depth) {
    const e = () => this.expression(1)
    const block = () => {
      const names = this.names.length
      const all = Array.from({ length: 1 + this.below(2) }, () => this.statement(depth + 1)).join('\n')
      this.names.splice(names)
      return `{ ${all} }`
    }
    const bind = (before) => { const v = this.fresh(); const text = before(v); this.names.push(v); return text }
    const forms = [
      () => bind((v) => `let ${v}; try { ${v} = ${e()} } catch { ${v} = 'fails' }`), () => bind((v) => `const ${v} = ${e()}`), () => bind((v) => `let ${v}; try { ${v} = ${e()} } catch { ${v} = 'fails' }`),
      () => `${this.name()} ${this.pick(['=', '+=', '-=', '||=', '??=', '&&=', '*='])} ${e()}`,
      () => `${this.name()}[${e()}] = ${this.name()}`, () => `${this.name()}[\`k\${${e()}}\`] = ${e()}`, () => `${this.name()}.x = ${e()}`,
      () => `${this.name()}[${e()}] += ${this.name()}`, () => `${this.name()}${this.pick(['++', '--'])}`, () => `delete ${this.name()}[${e()}]`,
      () => `if (${e()}) ${block()}${this.chance(2) ? ` else ${block()}` : ''}`,
      () => { const v = this.fresh(); const l = e(); const n = this.names.length; this.names.push(v); const body = block(); this.names.splice(n); return `for (const ${v} of ${l}) ${body}` },
      () => { const v = this.fresh(); return `for (let ${v} = 0; ${v} < ${1 + this.below(5)}; ${v}++) ${block()}` },
      () => `try ${block()} catch ${block()}${this.chance(2) ? ` finally ${block()}` : ''}`,
      () => `switch (${e()}) { case ${e()}: ${this.name()} = ${e()}; ${this.chance(2) ? 'break' : ''}\ncase ${e()}: ${this.name()} = ${e()}\ndefault: ${this.name()} = ${e()} }`,
      () => `if (${e()}) throw new Error(${e()})`, () => `if (${e()}) return ${e()}`,
      () => bind((v) => { const w = this.fresh(); const text = `let { a: ${v} = ${e()}, ...${w} } = ${e()}`; this.names.push(w); return text }),
      () => bind((v) => { const w = this.fresh(); const text = `let [${v}, ${w} = ${e()}] = ${e()}`; this.names.push(w); return text }),
      () => `[${this.name()}, ${this.name()}] = ${e()}`, () => { const v = this.fresh(); const n = this.fresh(); return `const ${v} = async (${n}) => { return ${this.pick([n, e()])} }\n${this.name()} = await ${v}(${e()})` },
      () => `ok(${e()})`, () => `equal(${e()}, ${e()})`, () => e()
    ]
    const beyond = [
      () => `for (const ${this.fresh()} in ${e()}) ${block()}`, () => `${this.name()}[${e()}] = ${this.name()}.push(${e()})`, () => `try { ${this.statement(depth + 1)} } catch (e) { ${this.name()} = String(e) }`,
      () => `x: for (const ${this.fresh()} of ${e()}) { break x }`, () => `throw ${e()}`
    ]
    if (depth > 2) return ';' + forms[0]()
    const text = this.pick(this.any && this.chance(5) ? beyond : forms)()
    // A failure ends the program in one of four cases; declarations and jumps stand as they are.
    if (depth > 0 || this.chance(4) || /^(let|const|x:|if .* return )/.test(text)) return ';' + text
    return `;try { ${text} } catch { ${this.name()} = 'failed' }`
  }

  program () {
    const lines = Array.from({ length: 1 + this.below(5) }, () => this.statement(0))
    return lines.join('\n') + `\nreturn [${this.names.join(', ')}, ${this.expression(0)}]`
  }
}

exports.program = (seed, any) => new Source(seed, any).program()

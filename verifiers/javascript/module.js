// The statements of a contract's module: nothing but bindings, found in its tokens.

import { Unclear, tokens } from './text.js'

// What of a realm's own a contract may name.
export const GLOBALS = new Set(['Object', 'Array', 'String', 'Number', 'Boolean', 'Math', 'JSON', 'Error', 'TypeError', 'RangeError', 'Map',
  'Set', 'Date', 'Promise', 'RegExp', 'Uint8Array', 'parseInt', 'parseFloat', 'isNaN', 'isFinite', 'BigInt', 'console'])
export const CONSTANTS = new Set(['undefined', 'NaN', 'Infinity'])

export class Module {
  constructor (source) {
    this.tokens = tokens(source)
    this.functions = new Map() // name to { params, body: [from, to], expression }
    this.bound = new Set()
    this.exported = new Set()
    this.handlers = []
  }

  fail (why) { throw new Unclear(why) }
  text (at) { return this.tokens[at]?.text }
  name (at) {
    if (this.tokens[at]?.kind !== 'name') this.fail('a binding of another form')
    return this.tokens[at].text
  }

  expect (at, text) {
    if (this.text(at) !== text || this.tokens[at].kind === 'string') this.fail(`a module of another form, at ${this.text(at)}`)
    return at + 1
  }

  bind (name) {
    if (this.bound.has(name) || GLOBALS.has(name) || CONSTANTS.has(name)) this.fail('a name that is bound twice')
    this.bound.add(name)
  }

  // The names of a parameter list that begins at `at`; null for parameters that are patterns.
  params (at) {
    this.expect(at, '(')
    const end = this.tokens[at].other
    const [names, all] = [[], new Set()]
    let first = true
    for (let i = at + 1; i < end; i++) {
      const { kind, text } = this.tokens[i]
      if (first) names.push(kind === 'name' && /^[,)=]$/.test(this.text(i + 1)) && this.text(i + 1) !== '=' ? text : null)
      first = false
      if (kind === 'name' && /^([,)=}]|\])$/.test(this.text(i + 1))) all.add(text)
      if (text === '=' && kind === 'punctuation') { // a default: on to the next name of the same list
        for (i++; !/^[,)}\]]$/.test(this.text(i)); i++) if (this.tokens[i].other > i) i = this.tokens[i].other
        i--
      }
      let depth = i
      if (text === ',') {
        first = true
        for (depth = at + 1; depth < i; depth++) if (this.tokens[depth].other > i) first = false
      }
    }
    return { names, all, end }
  }

  // A function whose parameters begin at `at`; returns where it ends.
  block (at, into) {
    const { names, all, end } = this.params(at)
    this.expect(end + 1, '{')
    const close = this.tokens[end + 1].other
    Object.assign(into, { params: names, all, start: at, end: close })
    if (this.text(end + 2) === 'return') into.expression = [end + 3, close]
    return close + 1
  }

  // An arrow function, its parameters at `at`.
  arrow (at, into) {
    let all, names, end
    if (this.tokens[at].kind === 'name') [all, names, end] = [new Set([this.text(at)]), [this.text(at)], at]
    else ({ all, names, end } = this.params(at))
    const body = this.expect(end + 1, '=>')
    let close = body
    if (this.text(body) === '{') close = this.tokens[body].other + 1
    else {
      close = this.expressionEnd(body)
      into.expression = [body, close]
    }
    Object.assign(into, { params: names, all, start: at, end: close - 1 })
    return close
  }

  // Where an expression of the module ends: before what begins the next statement, or a comma.
  expressionEnd (at) {
    while (at < this.tokens.length) {
      const { kind, text, other } = this.tokens[at]
      if (kind === 'punctuation' && /^[;,})\]]$/.test(text)) return at
      if (kind === 'name' && /^(export|const|function|class|import|let|var)$/.test(text)) return at
      if (kind === 'name' && text === 'async' && this.text(at + 1) === 'function') return at
      at = other > at ? other + 1 : at + 1
    }
    return at
  }

  functionNamed (name, into = {}) { this.functions.set(name, into); return into }

  // The value of a `const`: a function, a plain constant, or the handlers.
  constant (name, at) {
    if (this.text(at) === 'async' && this.tokens[at].kind === 'name') at++
    const { kind, text } = this.tokens[at] ?? {}
    if (kind === 'name' && text === 'function') {
      at++
      if (this.text(at) !== '(') at++
      return this.block(at, this.functionNamed(name))
    }
    if (kind === 'punctuation' && text === '(' && this.text(this.tokens[at].other + 1) === '=>') return this.arrow(at, this.functionNamed(name))
    if (kind === 'name' && this.text(at + 1) === '=>') return this.arrow(at, this.functionNamed(name))
    if (kind === 'number' || kind === 'string') {
      const end = this.expressionEnd(at)
      if (end !== at + 1) this.fail('a constant that is computed')
      return end
    }
    if (name === 'apply' && text === '{') return this.object(at)
    return this.fail('a constant of another form')
  }

  // The handlers: an object of functions.
  object (at) {
    const end = this.tokens[at].other
    for (let i = at + 1; i < end;) {
      if (this.text(i) === 'async' && this.tokens[i + 1].kind === 'name') i++
      if (!/^(name|string)$/.test(this.tokens[i].kind)) this.fail('a handler of another form')
      const handler = {}
      if (this.text(i + 1) === '(') i = this.block(i + 1, handler)
      else {
        i = this.expect(i + 1, ':')
        if (this.text(i) === 'async') i++
        if (this.text(i) === 'function') i = this.block(this.text(i + 1) === '(' ? i + 1 : i + 2, handler)
        else i = this.arrow(i, handler)
      }
      this.handlers.push(handler)
      if (i < end) i = this.expect(i, ',')
    }
    return end + 1
  }

  // The statements of the module: nothing but bindings.
  statements () {
    for (let at = 0; at < this.tokens.length;) {
      if (this.text(at) === ';') { at++; continue }
      if (this.text(at) === 'import') { at = this.imports(at + 1); continue }
      const exported = this.text(at) === 'export'
      if (exported) at++
      if (this.text(at) === 'async') at++
      const word = this.text(at)
      if (word !== 'const' && word !== 'function' && word !== 'class') this.fail('a module that does more than bind names')
      const name = this.name(at + 1)
      this.bind(name)
      if (exported) this.exported.add(name)
      if (word === 'function') {
        const made = this.functionNamed(name)
        at = this.block(at + 2, made)
        if (name === 'apply') this.handlers.push(made)
      } else if (word === 'class') {
        // Only errors with a name of their own.
        at += 2
        for (const text of ['extends', 'Error', '{', '}']) at = this.expect(at, text)
        this.errors = (this.errors ?? new Set()).add(name)
      } else {
        at = this.constant(name, this.expect(at + 2, '='))
        if (this.text(at) === ',') this.fail('several constants at once')
        if (name === 'apply' && this.functions.has(name)) this.handlers.push(this.functions.get(name))
      }
    }
  }

  imports (at) {
    if (this.tokens[at].kind === 'string') return at + 1
    if (this.text(at) === '{') {
      const end = this.tokens[at].other
      for (let i = at + 1; i < end; i++) if (this.text(i) !== ',' && this.text(i + 1) !== 'as' && this.text(i) !== 'as') this.bind(this.name(i))
      at = end + 1
    } else this.bind(this.name(at++))
    at = this.expect(at, 'from')
    if (this.tokens[at].kind !== 'string') this.fail('an import of another form')
    return at + 1
  }
}

// Which contracts are guarded: their text shows that no operation writes below `/.sys`, and that nothing which they leave
// behind changes what an operation does (docs/proof-format.md, "Guard").
//
// This reads tokens, not a syntax tree, and says "unclear" where that is not enough: it refuses more than the document
// asks for, never less.

import { CONSTANTS, GLOBALS, Module } from './module.js'
import { Unclear } from './text.js'

const FORBIDDEN = /^(eval|Function|arguments|Reflect|Proxy|constructor|prototype|__\w*|globalThis|global|this|super|getPrototypeOf|setPrototypeOf|definePropert\w+|getOwnProperty\w+|bind|call|apply|toString|captureStackTrace|prepareStackTrace)$/
const RESERVED = new Set(('await async break case catch const continue delete do else export false finally for from function if import in ' +
  'instanceof let new null of return static throw true try typeof var void while yield class extends get set as').split(' '))
const ASSIGNING = /^(=|\+=|-=|\*=|\/=|%=|\*\*=|<<=|>>=|>>>=|&=|\|=|\^=|&&=|\|\|=|\?\?=|\+\+|--)$/
// Globals that this engine may lack, and others have.
const NEWER = new Set(['Iterator', 'AsyncIterator', 'Float16Array', 'SuppressedError', 'DisposableStack', 'AsyncDisposableStack', 'Temporal',
  'ShadowRealm', 'window', 'self'])
const TX = new Set(['put', 'delete', 'addOplog', 'removeOplog', 'setContractSource'])

// Names under which any object has something that is itself an object or function.
const INTRINSIC = (() => {
  const names = new Set()
  const seen = new Set()
  const queue = [globalThis.Object.prototype, '', 0, true, [], {}, () => 0, /x/, new Map(), new Set(), new Date(), new Error(''),
    Promise.prototype, Symbol.prototype, BigInt.prototype, new Uint8Array(0), [].values(), function * () {}.prototype]
  for (const value of queue) {
    for (let object = Object(value); object && !seen.has(object); object = Object.getPrototypeOf(object)) {
      seen.add(object)
      for (const [name, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
        if (get ? !/^(size|flags|source|global|sticky|length|byteLength|byteOffset)$/.test(name) : Object(value) === value) names.add(name)
      }
    }
  }
  return names
})()

class Contract extends Module {
  // Names that the function around a token binds as parameters.
  shadowed (at, name) {
    for (const { start, end, all } of [...this.functions.values(), ...this.handlers]) {
      if (start > at || at > end) continue
      if (all.has(name)) return true
      const body = (this.tokens[start].other >= 0 ? this.tokens[start].other : start) + 1
      for (let i = (this.text(body) === '=>' ? body + 1 : body) + 1; i < end; i++) { // its own statements
        if (this.tokens[i].other > i) i = this.tokens[i].other
        else if (/^(const|let)$/.test(this.text(i)) && this.text(i + 1) === name) return true
      }
    }
    return this.byArrow(at, name)
  }

  // A parameter of an arrow function that is an argument, as in `list.map((name) => name)`.
  byArrow (at, name) {
    this.arrows ??= this.tokens.flatMap(({ text, kind }, arrow) => {
      if (text !== '=>' || kind !== 'punctuation') return []
      const from = this.text(arrow - 1) === ')' ? this.tokens[arrow - 1].other : arrow - 1
      const params = this.tokens.slice(from, arrow)
      const end = this.text(arrow + 1) === '{' ? this.tokens[arrow + 1].other + 1 : this.expressionEnd(arrow + 1)
      const plain = /^[),]$/.test(this.text(end)) && params.every(({ kind, text }) => kind === 'name' || /^[(),[\]{}]$/.test(text))
      return plain ? [{ from, end, names: new Set(params.filter(({ kind }) => kind === 'name').map(({ text }) => text)) }] : []
    })
    return this.arrows.some(({ from, end, names }) => from <= at && at < end && names.has(name))
  }

  // The first token of the expression that an assignment at `at` changes, or null where it is of another form.
  target (at) {
    let i = at - 1
    for (;;) {
      if (this.text(i) === ']') i = this.tokens[i].other - 1
      else if (this.tokens[i]?.kind === 'name' && this.text(i - 1) === '.') i -= 2
      else return this.tokens[i]?.kind === 'name' ? i : null
    }
  }

  uses () {
    const { functions, handlers, tokens: all } = this
    for (const [at, { kind, text, other }] of all.entries()) {
      const [before, after] = [this.text(at - 1), this.text(at + 1)]
      if (kind === 'template' || kind === 'regex' || kind === 'number' || kind === 'end') continue
      if (kind === 'string') {
        if (after === ']' && before === '[' && FORBIDDEN.test(text.slice(1, -1))) this.fail(`the name ${text}`)
        if (text.includes('\\') && before === '[') this.fail('a name in other letters')
        continue
      }
      if (kind === 'punctuation') {
        if (ASSIGNING.test(text)) this.assignment(at)
        if (text === '[' && this.isComputed(at, other)) this.fail('a computed name')
        continue
      }
      const member = before === '.' || before === '?.'
      if (FORBIDDEN.test(text) && !(text === 'apply' && this.isDeclared(at))) this.fail(`the name ${text}`)
      if ((text === 'import' || text === 'new') && /^(\.|\()$/.test(after) && !member) this.fail(`${text}${after}`) // import.meta, new.target
      if (text === 'tx') { this.tx(at); continue }
      if (member) {
        if (INTRINSIC.has(text) && after !== '(') this.taken = text
        if (text === 'assign') this.changes = true
        continue
      }
      if (INTRINSIC.has(text) && /^[{,]$/.test(before) && /^[,}:=]$/.test(after) && this.inPattern(at)) this.taken = text
      if (text === 'delete') this.changes = true
      if (!this.isKnown(at)) this.fail(`the name ${text}, which nothing binds`)
      if ((after === ':' && before !== '?') || CONSTANTS.has(text)) continue
      if (this.bound.has(text)) this.module_(at, text, before, after)
      else if (RESERVED.has(text)) continue
      else if (text in globalThis || GLOBALS.has(text) || NEWER.has(text)) this.global(at, text, before, after)
    }
    // A function that everybody shares, taken as a value, could be what is changed.
    if (this.changes && this.taken) this.fail(`${this.taken}, not called`)
    for (const { params } of handlers) {
      if (params.length && params[0] !== 'tx') this.fail('a handler whose first parameter is not tx')
    }
    if (functions.has('tx') || this.bound.has('tx')) this.fail('tx is something else')
  }

  // Whether something binds a name, in the same function of the module, or it is no variable here.
  isKnown (at) {
    const { text } = this.tokens[at]
    if (this.bound.has(text) || RESERVED.has(text) || CONSTANTS.has(text) || GLOBALS.has(text)) return true
    this.ranges ??= [...new Set([...this.functions.values(), ...this.handlers])]
    const around = (at) => this.ranges.findIndex(({ start, end }) => start <= at && at <= end)
    this.locals ??= new Set(this.tokens.flatMap(({ kind, text }, i) => kind === 'name' && this.binds(i) ? [`${around(i)} ${text}`] : []))
    if (this.locals.has(`${around(at)} ${text}`) || (text === 'from' && this.tokens[at + 1]?.kind === 'string')) return true
    const [before, after] = [this.text(at - 1), this.text(at + 1)]
    if (/^(as|import)$/.test(before) || after === 'as') return this.inImport(at)
    if (!/^([{,*]|async|get|set)$/.test(before)) return false
    return after === ':' || (after === '(' && this.text(this.tokens[at + 1].other + 1) === '{') // a property, a method
  }

  // Whether a name stands where one is bound: in a declaration, or in a list of parameters.
  binds (at) {
    const [before, after] = [this.text(at - 1), this.text(at + 1)]
    if (/^(const|let|var|function|class)$/.test(before) || after === '=>') return true
    if (before === '*' && this.text(at - 2) === 'function') return true
    if (!/^([([{,:]|\.\.\.)$/.test(before) || !/^([,)=};]|\]|of|in)$/.test(after)) return false
    for (let i = at - 1; i >= 0; i--) {
      const { text, other, kind } = this.tokens[i]
      if (other >= 0 && other < i) { i = other; continue }
      if (kind === 'name' && /^(const|let|var)$/.test(text)) return true
      if (kind === 'punctuation' && text === ';') return false
      if (other < at) continue
      const next = this.text(other + 1)
      if (text === '(') return next === '=>' || (next === '{' && !/^(if|for|while|switch)$/.test(this.text(i - 1)))
      if (!/^[{[]$/.test(text)) return false
      const outside = this.text(i - 1)
      if (/^(const|let|var)$/.test(outside)) return true
      if (!/^([([{,:]|\.\.\.)$/.test(outside)) return false
    }
    return false
  }

  isDeclared (at) { return /^(const|function)$/.test(this.text(at - 1)) }

  // `[` as a read by a computed name, numbers aside: data could name what no text does.
  isComputed (at, other) {
    const last = this.tokens[at - 1]
    const read = last && ((last.kind === 'name' && !RESERVED.has(last.text)) || /^(\)|\]|\?\.|\})$/.test(last.text) || last.kind === 'end' || last.kind === 'string')
    const plain = other === at + 2 && /^(number|string)$/.test(this.tokens[at + 1].kind)
    if (read) return !plain
    if (this.text(other + 1) !== ':' || plain || this.text(at - 1) === '?') return false
    return this.inPattern(at) // elsewhere it names a property of a new object
  }

  // Whether something in braces reads, or may read, what it names.
  inPattern (at) {
    for (let i = at; i >= 0; i--) {
      const close = this.tokens[i].other
      if (close <= at) continue
      if (/^(=|=>|of|in)$/.test(this.text(close + 1)) || (this.text(i) === '(' && this.text(close + 1) === '{')) return true
    }
    return false
  }

  // Only what is of the function itself changes.
  assignment (at) {
    const [text, last] = [this.text(at), this.tokens[at - 1]]
    if (text === '=' && (last?.text === '}' || last?.text === ']')) {
      const open = this.tokens[last.other - 1]
      if (/^(const|let|var)$/.test(open?.text) || this.inParams(at)) return
      if (last.text === '}') this.fail('an assignment to a pattern')
    }
    const root = /^(\+\+|--)$/.test(text) && (last?.kind !== 'name' && last?.text !== ']') ? at + 1 : this.target(at)
    if (root === null || this.tokens[root]?.kind !== 'name') this.fail('an assignment of another form')
    const name = this.text(root)
    if ((this.bound.has(name) && !this.isDeclared(root) && !this.shadowed(root, name)) || name in globalThis || name === 'tx') {
      this.fail(`a change of ${name}`)
    }
    if (root !== at - 1) this.changes = true
  }

  inParams (at) {
    for (let i = at; i >= 0; i--) {
      const close = this.tokens[i].other
      if (this.text(i) === '(' && close > at) return /^(=>|\{)$/.test(this.text(close + 1))
    }
    return false
  }

  // A name of the module: called, or a member of an import called.
  module_ (at, name, before, after) {
    if (this.shadowed(at, name) || this.isDeclared(at) || before === 'class' || before === 'as' || after === 'as') return
    if (this.inImport(at)) return
    if (name === 'isWriter') return // a mere value
    if (this.errors?.has(name) && (before === 'new' || before === 'instanceof')) return
    if (after === '(' && !this.errors?.has(name)) return
    if (!this.functions.has(name) && after === '.' && this.text(at + 3) === '(' && name !== 'apply') return
    this.fail(`${name} as a value`)
  }

  inImport (at) {
    for (let i = at; i >= 0; i--) {
      if (this.text(i) === 'import') return true
      if (this.text(i) !== '{' && this.text(i) !== ',' && this.tokens[i].kind !== 'name') return false
    }
    return false
  }

  global (at, name, before, after) {
    if (!GLOBALS.has(name)) this.fail(`the name ${name}`)
    if (after === '(' || before === 'instanceof' || before === 'extends') return
    if (after === '.' && this.text(at + 3) === '(') return
    if (/^(String|Number|Boolean)$/.test(name) && before === '(' && after === ')' && /^(map|filter)$/.test(this.text(at - 2))) return
    this.fail(`${name} as a value`)
  }

  // `tx` is a parameter, called, or handed to a function of the module that treats it alike.
  tx (at) {
    const [before, after] = [this.text(at - 1), this.text(at + 1)]
    for (const { params, start } of [...this.functions.values(), ...this.handlers]) {
      if (start < at && at < this.tokens[start].other && params.includes('tx')) return
      if (start === at) return
    }
    if (after === '.') {
      const method = this.text(at + 2)
      if (before === '.' || !TX.has(method) || this.text(at + 3) !== '(') this.fail('another use of tx')
      if (method !== 'put' && method !== 'delete') return
      try { this.path(at + 4, this.tokens[at + 3].other, at, 0) } catch (error) {
        if (!(error instanceof Unclear)) throw error
        this.open ??= error.message
      }
      return
    }
    // An argument: which, of which call?
    let place = 0
    for (let i = at - 1; i >= 0; i--) {
      if (this.tokens[i].other >= 0 && this.tokens[i].other < i) i = this.tokens[i].other
      else if (this.text(i) === ',') place++
      else if (this.text(i) === '(') {
        const called = this.functions.get(this.text(i - 1))
        if (this.text(i - 2) === '.' || !/^[,(]$/.test(before) || !/^[,)]$/.test(after)) break
        if (called?.params[place] === 'tx' && !this.shadowed(i - 1, this.text(i - 1))) return
        break
      } else if (this.tokens[i].other > i) break
    }
    this.fail('another use of tx')
  }

  // The expression from `at` on begins, as text, with something else than `.` or `/`, one `/` before that aside.
  path (at, end, from, depth) {
    if (depth > 8) this.fail('a path through too many functions')
    const { kind, text } = this.tokens[at]
    const good = (start) => /^\/?[^./\\]/.test(start)
    let next = at + 1
    if (kind === 'string') {
      if (!good(text.slice(1, -1))) this.fail(`the path ${text}`)
    } else if (kind === 'template') {
      if (text === '' && this.text(at + 1) === '${') this.path(at + 2, this.tokens[at + 1].other, from, depth + 1)
      else if (!good(text)) this.fail(`the path ${text}`)
      while (this.tokens[next - 1].kind !== 'end') next = this.text(next) === '${' ? this.tokens[next].other + 1 : next + 1
    } else if (kind === 'name' && this.functions.has(text) && this.text(at + 1) === '(' && !this.shadowed(at, text)) {
      const { expression } = this.functions.get(text)
      if (!expression) this.fail(`the path ${text}`)
      this.path(expression[0], expression[1], expression[0], depth + 1)
      next = this.tokens[at + 1].other + 1
    } else if (kind === 'name') next = this.local(at, from, depth)
    else this.fail('a path of another form')
    this.concatenated(next, end)
  }

  // A constant of the function around it.
  local (at, from, depth) {
    const name = this.text(at)
    const around = [...this.functions.values(), ...this.handlers].find(({ start, end }) => start <= from && from <= end)
    let found = null
    for (let i = around?.start ?? 0; i < (around?.end ?? 0); i++) {
      if (this.text(i) !== name || this.tokens[i].kind !== 'name' || /^\??\.$/.test(this.text(i - 1))) continue
      if (this.text(i - 1) === 'const' && this.text(i + 1) === '=' && found === null) found = i
      else if (i !== at && /^(,|\(|\{|\[|\.\.\.)$/.test(this.text(i - 1)) && /^([,)}=]|\]|=>)$/.test(this.text(i + 1)) && !this.isArgument(i)) found = -1
      else if (this.text(i - 1) === 'const' || /^(let|var|function|class)$/.test(this.text(i - 1)) || this.text(i + 1) === '=>') found = -1
    }
    if (found === null || found < 0 || this.bound.has(name)) this.fail(`the path ${name}`)
    let end = found + 2
    for (const line = end; end < this.tokens.length; end++) { // to where the next statement begins
      const { kind, text, other } = this.tokens[end]
      if (kind === 'punctuation' && /^[;,})]$/.test(text)) break
      if (kind === 'name' && end > line && /^(const|let|var|if|for|while|return|throw|tx|await|try|switch|do)$/.test(text) && !/^[+(]$/.test(this.text(end - 1))) break
      if (other > end) end = other
    }
    this.path(found + 2, end, found, depth + 1)
    return at + 1
  }

  // An argument of a call that is not a declaration: good enough to be no new binding.
  isArgument (at) {
    for (let i = at - 1; i >= 0; i--) {
      const { text, other } = this.tokens[i]
      if (other >= 0 && other < i) i = other
      else if (text === '(') return this.text(i - 1) !== undefined && this.tokens[i - 1].kind === 'name' && !/^(=>|\{)$/.test(this.text(other + 1))
      else if (other > at) return false
    }
    return false
  }

  // What follows the beginning of a path: an argument's end, or more text.
  concatenated (at, end) {
    if (at >= end || this.text(at) === ',') return
    if (this.text(at) !== '+' || this.tokens[at].kind !== 'punctuation') this.fail('a path that is computed')
    for (let i = at; i < end; i++) {
      const { kind, text, other } = this.tokens[i]
      if (kind === 'punctuation' && text === ',') return
      if (kind === 'punctuation' && !/^(\+|\.|\?\.|[([{]|\$\{)$/.test(text)) this.fail('a path that is computed')
      if (kind === 'name' && /^(in|instanceof|yield|async|function|class)$/.test(text)) this.fail('a path that is computed')
      if (other > i) i = other
    }
  }
}

// What the text of a contract shows: whether it keeps no state (`stateless`), whether it is guarded as well (else why not),
// and what it exports; null where that is not clear.
export function examine (source) {
  try {
    const contract = new Contract(source)
    contract.statements()
    contract.uses()
    return { stateless: true, guarded: !contract.open, why: contract.open, exports: contract.exported }
  } catch (error) {
    if (!(error instanceof Unclear)) throw error
    return { stateless: false, guarded: false, why: error.message, exports: null }
  }
}

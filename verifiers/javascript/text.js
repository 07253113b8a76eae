// The tokens of a contract's text. What is hard to tell apart (a division from a regular expression, say) is not guessed.

export class Unclear extends Error {}

const MOST_TEXT = 1 << 18
const MOST_TOKENS = 10_000

const WORD = /[A-Za-z_$][\w$]*/y
const NUMBER = /(?:0[xX][\da-fA-F_]+|0[oObB][\d_]+|(?:\d[\d_]*)?\.?\d[\d_]*(?:[eE][+-]?\d+)?|\d+\.)n?/y
const PUNCTUATION = /\.\.\.|>>>=|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|\+\+|--|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|<<|>>|\*\*|[{}()[\];,<>+\-*/%&|^!~?:=.]/y
const SPACE = /(?:[ \t\r\n]|\/\/[^\r\n\u2028\u2029]*|\/\*[^]*?\*\/)+/y
const STRING = /'(?:[^'\\\r\n]|\\[^])*'|"(?:[^"\\\r\n]|\\[^])*"/y
const CHUNK = /(?:[^`\\$]|\\[^]|\$(?!\{))*/y
const REGEX = /\/(?![*/])(?:[^/\\[\r\n]|\\.|\[(?:[^\]\\\r\n]|\\.)*\])+\/[a-z]*/y
const BEFORE_OPERAND = new Set(['return', 'typeof', 'case', 'in', 'of', 'instanceof', 'new', 'delete', 'void', 'throw', 'await', 'else', 'do', 'yield'])

const CLOSING = { '(': ')', '[': ']', '{': '}', '${': '}' }

// Tokens, each with its kind and text; brackets with the place of the other one in `other`.
export function tokens (source) {
  if (source.length > MOST_TEXT) throw new Unclear('a long text')
  const result = []
  const open = []
  let at = 0
  const match = (pattern) => {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found) at = pattern.lastIndex
    return found?.[0]
  }
  const push = (kind, text) => result.push({ kind, text, other: -1 })
  // The text of a template up to its end or the next expression in it.
  const chunk = () => {
    push('template', match(CHUNK))
    if (source.startsWith('${', at)) {
      open.push(push('punctuation', '${') - 1)
      at += 2
    } else if (source[at++] !== '`') throw new Unclear('a template without an end')
    else push('end', '`')
  }

  while (at < source.length) {
    if (match(SPACE) !== undefined) continue
    if (source.startsWith('/*', at)) throw new Unclear('a comment without an end')
    if (result.length > MOST_TOKENS) throw new Unclear('a long text')
    const last = result.at(-1)
    let text
    if ((text = match(WORD)) !== undefined) push('name', text)
    else if ((text = match(STRING)) !== undefined) push('string', text)
    else if (source[at] === '`') {
      at++
      chunk()
    } else if (source[at] === '/') {
      const operand = last && (last.kind === 'number' || last.kind === 'string' || last.kind === 'end' ||
        last.text === ']' || (last.kind === 'name' && !BEFORE_OPERAND.has(last.text)))
      if (last && /^(\)|\}|\+\+|--)$/.test(last.text)) throw new Unclear('a division or a regular expression')
      text = match(operand ? PUNCTUATION : REGEX)
      if (text === undefined) throw new Unclear('a regular expression')
      push(operand ? 'punctuation' : 'regex', text)
    } else if (/[\d.]/.test(source[at]) && (text = match(NUMBER)) !== undefined) push('number', text)
    else if ((text = match(PUNCTUATION)) !== undefined) {
      push('punctuation', text)
      if (CLOSING[text]) open.push(result.length - 1)
      if (text !== ')' && text !== ']' && text !== '}') continue
      const opening = open.pop()
      if (opening === undefined || CLOSING[result[opening].text] !== text) throw new Unclear('brackets that do not match')
      result[opening].other = result.length - 1
      result.at(-1).other = opening
      if (result[opening].text === '${') chunk()
    } else throw new Unclear('text of another sort')
  }
  if (open.length) throw new Unclear('brackets that do not match')
  return result
}

// name: code-points
const s = 'a😀b\ud800'
return [s.length, [...s].length, s.codePointAt(1), s.codePointAt(2), s.charCodeAt(4), String.fromCodePoint(128512), String.fromCharCode(0x1F600), s.codePointAt(9), s.charAt(9)]
// name: case
return ['ß'.toUpperCase(), 'İ'.toLowerCase(), 'ΑΣ'.toLowerCase(), 'ΑΣΑ'.toLowerCase(), 'ﬁ'.toUpperCase(), 'ǆ'.toUpperCase(), 'ı'.toUpperCase(), 'ŉ'.toUpperCase(), '𐐨'.toUpperCase()]
// name: normalize
return ['é'.normalize('NFD').length, 'e\u0301'.normalize().length, 'ﬁ'.normalize('NFKC'), '한'.normalize('NFD').length, 'Å'.normalize('NFC')]
// name: normalize-bad
try { return 'a'.normalize('X') } catch (e) { return e.name }
// name: trim
return ['\u00a0\ufeff a \u2028\t'.trim(), ' a '.trimStart(), ' a '.trimEnd(), '\u180ea'.trim().length, '\u200ba'.trim().length, ' a '.trimLeft(), ' a'.trimRight()]
// name: slices
const s = 'abcdef'
return [s.slice(-3, -1), s.slice(4, 2), s.substring(4, 2), s.substr(-3, 2), s.substring(NaN, 3), s.slice(2), s.substr(2), s.slice('1', '3')]
// name: search
const s = 'abcabc'
return [s.indexOf('c', 3), s.lastIndexOf('a', 2), s.indexOf(''), s.lastIndexOf(''), s.includes('bc', 2), s.startsWith('b', 1), s.endsWith('b', 2), s.indexOf('', 99), s.lastIndexOf('c', -1), s.search(/c/), s.indexOf('b', -5)]
// name: search-regexp-argument
return ['includes', 'startsWith', 'endsWith'].map((m) => { try { return 'a'[m](/a/) } catch (e) { return e.name } })
// name: pad-repeat
return ['a'.padStart(5, 'xy'), 'a'.padEnd(5), 'abc'.padStart(2), 'a'.padStart(3, ''), 'ab'.repeat(3), ''.repeat(1e6), 'a'.repeat(0), 'a'.repeat(2.9)]
// name: repeat-bad
return [-1, Infinity].map((n) => { try { return 'a'.repeat(n) } catch (e) { return e.name } })
// name: split
return ['a,b,,c'.split(','), 'abc'.split(''), ''.split(','), ''.split(''), 'a1b2'.split(/\d/), 'a1b2'.split(/(\d)/), 'abc'.split(), 'abc'.split('', 2), 'ab'.split(/(?:)/u), '😀a'.split(''), 'A<B>bold</B>'.split(/<(\/)?([^<>]+)>/)]
// name: replace
return ['aaa'.replace('a', 'b'), 'abc'.replace('b', '[$&$`$\'$$]'), 'abc'.replace(/(?<x>b)/, '$<x>$1$2'), 'aXbX'.replaceAll('X', (m, i, s) => m + i + s.length), 'aaa'.replaceAll('', '-'), 'abc'.replace(/b/, undefined), 'abc'.replace(/(b)(c)?/g, '$01$10$2')]
// name: replace-all-non-global
try { return 'a'.replaceAll(/a/, 'b') } catch (e) { return e.name }
// name: replace-function
return 'a1b22'.replace(/(?<l>[a-z])(\d+)/g, (...args) => JSON.stringify(args))
// name: match
return [[...'a1b2'.matchAll(/[a-z](\d)/g)].map((m) => [m[0], m[1], m.index]), 'a1b2'.match(/\d/g), 'abc'.match(/x/), 'abc'.match(/b/).index, 'ab'.match(/(a)(x)?/)]
// name: raw
return [String.raw`a\n${1}b`, String.raw({ raw: ['x', 'y', 'z'] }, 1, 2), ((s) => [s.raw[0], s[0]])`\u0041\n`, ((s) => s[0])`\unicode`]
// name: html-methods
return ['x'.anchor('a"b'), 'x'.big(), 'x'.link('u'), 'x'.fontcolor('red'), 'x'.sub()]
// name: locale-compare
return [['a', 'B'], ['a', 'A'], ['a', 'á'], ['z', 'ä'], ['10', '9'], ['', 'a'], ['a-b', 'ab'], ['résumé', 'resume'], ['a', 'a'], ['_', '-'], ['ß', 'ss'], ['co-op', 'coop']].map(([x, y]) => Math.sign(x.localeCompare(y)))
// name: locale-compare-sort
return ['b', 'a', 'C', 'A', 'c', 'ä', 'z', 'Z', '1', '10', '2', '_', ' ', 'é', 'e', 'f'].sort((x, y) => x.localeCompare(y))
// name: locale-compare-options
// taints: locale
return ['a'.localeCompare('A', undefined, { sensitivity: 'base' }), '10'.localeCompare('9', undefined, { numeric: true }), 'ä'.localeCompare('z', 'sv')]
// name: locale-case
// taints: locale
return ['I'.toLocaleLowerCase('tr'), 'i'.toLocaleUpperCase('tr'), 'I'.toLocaleLowerCase()]
// name: comparison
return ['a' < 'b', 'a' < 'B', '😀' < '\uffff', 'a' < 'aa', '' < 'a', '10' < '9']
// name: uri
return [encodeURIComponent('é😀/?&'), encodeURI('a b/é?x=1#h'), decodeURIComponent('%F0%9F%98%80'), decodeURI('%2F%20'), escape('é😀 +/'), unescape('%u0041%41%zz')]
// name: uri-errors
return ['%', '%ff', '%c0%80'].map((s) => { try { return decodeURIComponent(s) } catch (e) { return e.name } }).concat([(() => { try { return encodeURIComponent('\ud800') } catch (e) { return e.name } })()])
// name: conversions
return [String(null), String(undefined), String(Symbol('x')), String([1, [2, 3]]), String({}), String(() => 1), `${[]}`, String(-0), String(1e21), String([null, undefined]), '' + [1], String(5n)]
// name: symbol-to-string
try { return `${Symbol('x')}` } catch (e) { return e.name }
// name: at-index
const s = 'abc'
return [s[0], s[-1], s['1'], s[3], s.length, Object.keys(s), 0 in Object(s), Object.getOwnPropertyNames(s)]
// name: spread-into-object
return [{ ...'hi' }, { ...'😀' }, Object.assign({}, 'hi'), Object.entries('hi'), { ...5 }, { ...null }]
// name: immutable
const s = 'abc'
try { s[0] = 'x' } catch (e) { return [e.name, s] }
return s
// name: concat
return ['a'.concat(1, null, [2]), ['x'].concat('y'), 'a' + 1 + 2, 1 + 2 + 'a', 'a' + -0, 'a' + undefined]
// name: iterate
const out = []
for (const c of 'a😀\ud83d') out.push(c.length)
return out
// name: well-known
return ['a'.valueOf(), Object('a') == 'a', new String('ab').length, typeof Object('a'), 'abc'.constructor === String, String.length, 'x' instanceof String]
// name: locale-compare-ignorable
// taints: order
return ['\u0000'.localeCompare(''), 'a\u0001'.localeCompare('a'), '\u0001'.localeCompare('\u0002')]

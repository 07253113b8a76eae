// name: groups
const m = /(?<y>\d{4})-(?<m>\d\d)/.exec('on 2020-02!')
return [m.index, m[0], m.groups.y, Object.keys(m.groups), Object.getPrototypeOf(m.groups) === null, m.input, m.length]
// name: lookaround
return ['$42 €7'.match(/(?<=\$)\d+/)[0], 'a1b'.match(/[a-z](?!\d)/)[0], 'abc'.replace(/(?<!a)c/, 'X'), 'aab'.match(/(?=(a+))a*b\1/), 'abcdef'.match(/(?<=([ac])(.))./).slice()]
// name: backreferences
return [/(a)\1/.test('aa'), /\1(a)/.exec('a')[0], /(?<n>x)\k<n>/.test('xx'), /(?:(a)|b)\1/.exec('b'), /(z)((a+)?(b+)?(c))*/.exec('zaacbbbcac')]
// name: flags
return [/a/gimsuy.flags, /a.c/s.test('a\nc'), /^b/m.test('a\nb'), /\u{1F600}/u.test('😀'), /^.$/u.test('😀'), /^.$/.test('😀'), new RegExp('a', 'g').global, /a/y.sticky]
// name: sticky
const r = /a/y
return [r.test('ba'), r.lastIndex, (r.lastIndex = 1, r.test('ba')), r.lastIndex, r.test('ba'), r.lastIndex]
// name: last-index
const r = /a/g
return [r.test('aa'), r.lastIndex, r.test('aa'), r.lastIndex, r.test('aa'), r.lastIndex, (r.lastIndex = '1', r.exec('aaa').index)]
// name: unicode-properties
return [/\p{L}+/u.exec('1éß2')[0], /\p{Lu}/u.test('a'), /\p{Script=Greek}/u.test('α'), /\P{N}/u.test('5'), /\p{Emoji}/u.test('😀'), /[\p{L}\d]+/u.exec('-a1')[0]]
// name: late-syntax-error
// taints: engine-specific
return /[\p{L}--a]/u.test('-')
// name: case-folding
return [/ſ/i.test('s'), /ſ/iu.test('s'), /K/i.test('k'), /K/iu.test('k'), /ß/i.test('ẞ'), /ß/iu.test('ẞ'), /[^x]/iu.test('X'), /\w/iu.test('ſ'), /\W/iu.test('ſ'), /É/i.test('é')]
// name: classes
return ['a b\u00a0c\u2003d\ufeff'.split(/\s/).length, /[\b]/.test('\b'), /\bé/.test('é'), /[a-\d]/.test('-'), /[]/.test('a'), /[^]/.test('\n'), /\cA/.test('\x01'), /[\c_]/.test('\x1f'), /\0/.test('\0')]
// name: annex-b
return [/\8/.test('8'), /{/.test('{'), /a{,5}/.test('a{,5}'), /]/.test(']'), /\c/.test('\\c'), /(?=a)*/.test(''), /\_/.test('_'), /\x4/.test('x4'), /\u004/.test('u004')]
// name: unicode-strict
return ['\\8', '{', 'a{,5}', '\\_', '(?=a)*', '\\u{110000}', '\\p{Foo}', '[b-a]'].map((s) => { try { return new RegExp(s, 'u').source } catch (e) { return e.name } })
// name: bad-patterns
return ['(', ')', '*', '+a', 'a**', '[', '(?<a>x)(?<a>y)', '(?<1>x)', '\\k<a>', 'a{2,1}', '(?z)', '\\'].map((s) => { try { return new RegExp(s).source } catch (e) { return e.name } })
// name: duplicate-groups-alternatives
// taints: newer
try { return new RegExp('(?<a>x)|(?<a>y)').source } catch (e) { return e.name }
// name: modifiers
// taints: newer
try { return new RegExp('(?i:a)').test('A') } catch (e) { return e.name }
// name: flags-newer
// taints: newer
return ['d', 'v', 'dg'].map((f) => { try { return new RegExp('a', f).flags } catch (e) { return e.name } })
// name: bad-flags
return ['gg', 'x', 'G'].map((f) => { try { return new RegExp('a', f).flags } catch (e) { return e.name } })
// name: legacy-statics
// taints: engine-specific
/(b)(c)/.exec('abcd')
return [RegExp.$1, RegExp.$2, RegExp.lastMatch, RegExp['$&'], RegExp.leftContext, RegExp.rightContext, RegExp.lastParen]
// name: source
return [new RegExp('/').source, new RegExp('').source, String(new RegExp('\n')), /[/]/.source, String(new RegExp('a', 'gi')), new RegExp(/x/g, 'i').flags, RegExp(/x/) === RegExp(/x/), RegExp.prototype.source]
// name: greedy-lazy
return ['<a><b>'.match(/<.+>/)[0], '<a><b>'.match(/<.+?>/)[0], 'aaa'.match(/a{2}/)[0], 'aaa'.match(/a{1,2}?/)[0], 'ab'.match(/(a|ab)(c|bcd)?/)[0], 'aaaa'.match(/(a*)*/)[1], 'b'.match(/(a*)*/)]
// name: empty-matches
return ['abc'.match(/(?:)/g).length, 'a😀'.match(/(?:)/gu).length, 'a😀'.match(/(?:)/g).length, 'abc'.replace(/x*/g, '-'), 'abc'.split(/(?:)/)]
// name: symbol-methods
class R extends RegExp { exec (s) { const m = super.exec(s); if (m) m[0] = m[0].toUpperCase(); return m } }
return ['abc'.match(new R('b'))[0], 'abc'.replace(new R('b'), '<$&>'), 'abc'.search(new R('c')), new R('b').test('abc'), 'aXbXc'.split(new R('X'))]
// name: match-object-order
return Object.keys(/(?<b>b)(?<a>a)/.exec('ba')).concat(Object.keys(/(?<b>b)(?<a>a)/.exec('ba').groups))
// name: captures-reset
return ['aacbbbcac'.match(/((a+)?(b+)?(c))*/).slice(), 'ab'.match(/(?:(a)|(b))*/).slice()]
// name: astral-class
return [/[😀]/.test('\ud83d'), /[😀]/u.test('\ud83d'), /^[^x]$/u.test('😀'), /\ud83d/.test('😀'), /\ud83d/u.test('😀'), '😀😁'.match(/./gu).length]
// name: to-string-tag
return [Object.prototype.toString.call(/a/), typeof /a/, /a/ instanceof RegExp, /a/ == '/a/', Object.getOwnPropertyNames(/a/), RegExp.length]

// Programs for the syntax of the white list, one or more for each kind of node: bodies of an async function of three values.
// entry: ArrayExpression
return [a, [b, ...[c]], []]
// entry: ArrayPattern
const [x, , y = a, ...z] = [a, b, undefined, c, a]
return [x, y, z]
// entry: ArrayAssignmentTarget
let x, y
;[x, y] = [b, a]
;[x, y = x] = a
return [x, y]
// entry: ObjectAssignmentTarget
let x, y
;({ length: x, a: y = c } = a)
return [x, y]
// entry: AssignmentPattern
const f = (x = b, { y = c } = {}) => [x, y]
return [f(), f(a), f(a, { y: 1 }), f(undefined, a)]
// entry: AssignmentTargetRest
let x, y
;[x, ...y] = a
return [x, y]
// entry: AssignmentTargetWithDefault
let x
;[x = b] = [a]
return x
// entry: AssignmentTargetPropertyIdentifier
let name
;({ name } = a)
return name
// entry: AssignmentTargetPropertyProperty
let x
;({ name: x } = a)
return x
// entry: BindingRestElement
const { name, ...rest } = a
return [name, rest]
// entry: BindingProperty
const { length: x, name = c, a: { b: y } = {} } = a
return [x, name, y]
// entry: BlockStatement
let x = a
{ let x = b; x = [x] }
{ const x = c }
return x
// entry: BooleanLiteral
return [true, false, a === true]
// entry: CatchClause
let n = 0
try { n = a.b.c } catch { n = 'no' }
try { throw new Error('x') } catch (e) { n = [n, 'yes'] }
return n
// entry: CatchParameter
try { a.b.c.d } catch (e) { throw e }
return b
// entry: ChainExpression
return [a?.b, a?.b?.c, a?.[b]?.name, a?.name.length]
// entry: ClassBody
// module
class Refused extends Error {}
export const apply = { async RUN (tx) { try { throw new Refused('x') } catch (e) { tx.put('/out', e instanceof Refused) } } }
// entry: Class
// module
class Refused extends Error {}
class Late extends Refused {}
const f = (n) => {
  try {
    if (n === 0) throw new Refused('a')
    if (n === 1) throw new Late('b')
    if (n === 2) throw new Error('c')
    return n.x.y
  } catch (e) {
    if (e instanceof Late) return 'late'
    if (e instanceof Refused) return 'refused'
    return 'other'
  }
}
export const apply = { async RUN (tx) { tx.put('/out', [0, 1, 2, 3].map((n) => f(n)).join()) } }
// entry: ConditionalExpression
return a ? b : c
// entry: DoWhileStatement
let i = 0
do { i++; if (i > 3) break } while (a)
return i
// entry: EmptyStatement
;;;
return a
// entry: ExportDeclaration
// module
export const limit = 5
export function twice (x) { return x * 2 }
export const apply = { RUN (tx) { tx.put('/out', 'limit ' + limit) } }
// entry: ExportNamedDeclaration
// module
const apply = { RUN (tx) { tx.put('/out', 'named') } }
const other = 1
export { apply, other as second }
// entry: ExportSpecifier
// module
function handle (tx, op, ack) { tx.put('/out', op.op) }
export { handle as apply }
// entry: ImportDeclaration
return typeof await index.get('/nothing')
// entry: ImportSpecifier
ok(a)
equal(b, b)
return notEqual(a, c)
// entry: ImportDefaultSpecifier
// module
import check from 'assert'
export const apply = { RUN (tx) { check(true, 'm'); try { check(0, 'm') } catch { tx.put('/out', 'refused') } } }
// entry: ExpressionStatement
a
b + c
return a
// entry: ForStatement
const found = []
for (let i = 0, j = 5; i < j; i++) { j--; found.push([i, j]) }
return found
// entry: ForStatement closures
const all = []
for (let i = 0; i < 3; i++) { const f = () => i; all.push(f()) }
let k = 0
for (; k < 5;) { k += 2; if (k === 2) continue }
return [all, k]
// entry: ForOfStatement
const found = []
for (const x of a) { if (found.length > 5) break; found.push(x) }
for (const [k, v] of b) found.push(k, v)
for (let { length } of c) { length += 1; found.push(length) }
return found
// entry: ForOfStatement growing
const list = [1, 2]
let n = 0
for (const x of list) { if (n++ < 5) list.push(x + n); if (n === 3) list.shift() }
const map = new Map([[1, 1], [2, 2]])
for (const [k] of map) { if (k < 5) { map.delete(k); map.set(k + 2, k) } }
const set = new Set([1, 2, 3])
for (const x of set) { if (x < 3) { set.delete(x); set.add(x + 10); set.delete(3) } }
return [list, n, map, set]
// entry: FormalParameter
const f = (x, { length, name = 'n' }, [y]) => [x, length, name, y]
return f(a, b, c)
// entry: FormalParameters
const f = (x, y, x2) => [x, y, x2]
return [f(a), f(a, b, c, a)]
// entry: FormalParameterRest
const f = (x, ...y) => [x, y]
return [f(), f(a), f(a, b, c)]
// entry: FunctionBody
const f = () => { 'use strict'; return a }
return f()
// entry: Directive
'use strict'
return a
// entry: Function
function f (x, n) { return n > 3 ? [x] : [f(x, n + 1)] }
return [g(b), f(a, 0)]
function g (x) { return x }
// entry: ArrowFunctionExpression
const f = (x) => x, g = async () => b
return [f(a), await g(), (() => c)()]
// entry: IfStatement
if (a) return 1
else if (b) return 2
else { return 3 }
// entry: LogicalExpression
return [a && b, a || b, a ?? b, (a && b) || c]
// entry: NullLiteral
return [null, a === null, a == null]
// entry: ObjectExpression
return { a, b: c, 'a b': 1, 3: a, 1: b, ...a, c: { b } }
// entry: ObjectProperty
return { a, [b]: c, [`x${a}`]: b, 1e3: 'n', length: c }
// entry: ObjectProperty table
const table = { twice (x) { return [x, x] }, async later (x) { return x }, once: (x) => x }
return [table.twice(a), await table.later(b), table.once(c)]
// entry: ObjectPattern
const { length, ...rest } = { ...a, length: b }
return [length, rest]
// entry: ParenthesizedExpression
return ((a))
// entry: ReturnStatement
if (a) return
return b
// entry: SwitchCase
switch (a) { case b: return 'b'; case undefined: case null: return 'none' }
return 'other'
// entry: SwitchStatement
const found = []
switch (typeof a) { case 'string': found.push('s'); case 'number': found.push('n'); break; default: found.push('d'); case 'object': found.push('o') }
switch (a) { case 1: { let x = 1; found.push(x) } break; case '1': found.push('text') }
return found
// entry: TryStatement
const found = []
const f = (x) => { try { found.push(x.length.toFixed(1)); return 'tried' } catch { found.push('caught'); return 'caught' } finally { found.push('finally') } }
found.push(f(a), f(b))
try { try { a.b.c } finally { found.push('inner') } } catch { found.push('outer') }
for (const x of [1, 2, 3]) { try { if (x === 1) continue; if (x === 2) break } finally { found.push(x) } }
return found
// entry: TryStatement returns
const f = () => { try { return a } finally { if (b) return c } }
return f()
// entry: VariableDeclarator
let x, y = a, z = y
const w = z
return [x, y, z, w]
// entry: VariableDeclaration
var x = a
if (b) { var y = c }
return [x, y]
// entry: VariableDeclaration too early
const f = () => x
try { f() } catch { return 'too early' }
const x = a
return x
// entry: WhileStatement
let n = 0
while (a && n < 4) { n++; if (n === 2) continue }
return n
// entry: BreakStatement
for (const x of [a, b]) { if (x) break; return 'through' }
return 'out'
// entry: ContinueStatement
let n = 0
for (const x of [a, b, c]) { if (!x) continue; n++ }
return n
// entry: ThrowStatement
if (a) throw new Error(b)
return c
// entry: AwaitExpression
const f = async (x) => { const y = await x; return [y] }
const g = async (x) => { try { return await f(x) } finally { await null } }
return [await a, await f(b), await g(c), await await g(a)]
// entry: AwaitExpression order
const log = []
const f = async (x) => { log.push(x); await null; log.push(x + 1); return f2(x) }
const f2 = async (x) => { await null; log.push(x + 2); return x }
log.push(await f(1))
let x = 1
x += await f2(5)
log.push(x)
for (const y of [10, 20]) log.push(await f(y))
return log
// entry: AwaitExpression failing
const f = async (x) => { await null; if (x) throw new Error('x'); return 'fine' }
try { return await f(a) } catch { return 'failed' } finally { await f(false) }
// entry: NumericLiteral
return [0, 1, -1, 0.5, 1e21, 1e-7, .5, 5., 0x1f, 0b11, 0o17, 1_000_000, 0.1 + 0.2, 12345678901234568, 5e-324, 1.79769313e308, 0.000001, 2 / 3]
// entry: StringLiteral
return ['a', "b'", '\n\t\\\'"', '\x41\u00e9\u{1f600}', 'é日', '']
// entry: TemplateLiteral
return [`${a}`, `x${b}y${c}z`, `
`]
// entry: TemplateElement
return [`\n\u0041${a}\${`, `a\
b`]
// entry: RegExpLiteral
const word = /^[a-z]+$/
return [word.test(a), /(\d+)-(\d+)/.exec('10-20'), 'a1b22'.match(/\d+/g)]
// entry: UnaryExpression
return [!a, -a, +b, ~c, typeof a, void b]
// entry: UnaryExpression delete
const o = { a, b, ...c }
delete o.a
delete o[b]
const l = [1, 2]
delete l[0]
return [o, l, 0 in l]
// entry: BinaryExpression
return [a + b, a < b, a == b, a === b, a in { a: 1, 1: 1, length: 1 }]
// entry: BinaryExpression order
const log = []
const f = (x) => { log.push(x); return x }
try { f(a) + f(b) - f(c) } catch { log.push('fails') }
try { f(a) < f(b); f({ x: 1 }) + f(1) } catch { log.push('fails') }
return log
// entry: UpdateExpression
const o = { x: a, [b]: 1 }
let y = a, z = b
const r = [o.x++, o.x, --o.x, y++, ++z, o[b]--, y, z]
return [r, o]
// entry: AssignmentExpression
let x = a
const o = { x: a }
x += b; x ||= c; x ??= 1; x &&= b
o.x = x; o.y = o.z = c; o[b] = a; o[`k${a}`] = (x = b); o.x += 1; o.x ??= b; o[b] ||= c
x = x - 1
return [x, o]
// entry: AssignmentExpression failing
const log = []
const f = (x) => { log.push(x); return x }
try { a.x = f(1) } catch { log.push('fails') }
try { a.x.y = f(2) } catch { log.push('fails') }
try { null.x = f(3) } catch { log.push('fails') }
try { a[`k`] = f(4) } catch { log.push('fails') }
try { undefined[`k`] = f(5) } catch { log.push('fails') }
try { a[1] += f(6) } catch { log.push('fails') }
return log
// entry: SpreadElement
return [[...b], [...a, ...[c]], { ...a, ...b }]
// entry: StaticMemberExpression
return [a.length, b.name, a.nothing === undefined]
// entry: ComputedMemberExpression
return [a[b], a['length'], a[0], a[`x`]]
// entry: CallExpression
const f = (x, y) => [x, y]
return [f(a), f(a, b, c), a.toString(), Object.keys(b)]
// entry: NewExpression
return [new Map(), new Set([a, b]), new Date(+c), new Map([[a, b]])]
// entry: IdentifierReference
return [a, undefined, NaN, Infinity]
// entry: BindingIdentifier
const x1 = a, $ = b, _y = c
return [x1, $, _y]
// entry: IdentifierName
return [a.if, { class: b, new: c }]
// entry: Program
return a

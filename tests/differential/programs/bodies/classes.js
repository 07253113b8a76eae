// name: fields
let n = 0
class A { a = ++n; static s = ++n; ['c' + n] = ++n; b; 'q r' = this.a; static t = this.s }
const x = new A(), y = new A()
return [Object.entries(x), Object.entries(y), A.s, A.t]
// name: private
class A { #p = 1; #m () { return this.#p } get #g () { return this.#m() + 1 } set #g (v) { this.#p = v } run () { this.#g = 5; return [this.#p, this.#g] } static #s = 9; static s () { return A.#s } }
return [new A().run(), A.s(), Object.keys(new A()), (() => { try { return A.prototype.run.call({}) } catch (e) { return e.name } })()]
// name: inheritance
const log = []
class A { constructor () { log.push('A', new.target.name); this.init() } init () { log.push('A.init') } static make () { return new this() } }
class B extends A { x = log.push('B.x'); constructor () { log.push('B'); super(); log.push('B end') } init () { log.push('B.init ' + this.x); super.init() } }
B.make()
return log
// name: super
class A { m () { return 'A' } static s () { return 'sA' } get g () { return this.v } }
class B extends A { v = 5; m () { return super.m() + 'B' } static s () { return super.s() + 'B' } get g () { return super.g + 1 } }
const o = { __proto__: { hi () { return 'hi' } }, hi () { return super.hi() + '!' } }
return [new B().m(), B.s(), new B().g, o.hi()]
// name: super-errors
return [() => { class A extends null {} return new A() }, () => { class A extends Object { constructor () {} } return new A() }, () => { class A extends Object { constructor () { super(); super() } } return new A() }, () => { class A extends 5 {} }, () => { class A {} A() }, () => { class A extends Object { constructor () { return 1 } } return new A() }].map((f) => { try { return typeof f() } catch (e) { return e.name } })
// name: constructor-return
class A { constructor () { return { other: 1 } } }
class B extends A { x = 2 }
return [new A().other, new B().x, new B() instanceof B, new B().other]
// name: accessors-enumerable
class A { get a () { return 1 } m () {} static s () {} f = 1 }
return [Object.keys(new A()), Object.getOwnPropertyNames(A.prototype), Object.getOwnPropertyNames(A).sort(), JSON.stringify(new A())]
// name: extends-builtins
class E extends Error { constructor (m) { super(m); this.name = 'E' } }
class M extends Map { get (k) { return super.get(k) ?? 'none' } }
class P extends Promise {}
class F extends Array { constructor (...a) { super(...a) } sum () { return this.reduce((x, y) => x + y, 0) } }
return [String(new E('m')), new E() instanceof Error, new M([[1, 2]]).get(2), P.resolve(1) instanceof P, P.resolve(1).then(() => 1) instanceof P, F.of(1, 2, 3).map((x) => x * 2).sum()]
// name: mixins
const M = (B) => class extends B { hi () { return 'hi ' + super.name() } }
class A { name () { return 'a' } }
return [new (M(A))().hi(), M(A).name]
// name: static-this
class A { static a = 1; static b = this.a + 1; static m () { return this.b } }
class B extends A { static a = 5 }
return [A.b, B.b, B.m(), Object.keys(B)]
// name: static-block
// taints: newer
try { return (() => {}).constructor('class A { static x; static { this.x = 5 } } return A.x')() } catch (e) { return e.name }
// name: private-in
// taints: newer
try { return (() => {}).constructor('class A { #p; static has (o) { return #p in o } } return [A.has(new A()), A.has({})]')() } catch (e) { return e.name }
// name: getter-on-class
class A { static get [Symbol.species] () { return Array } static get x () { return 'x' } }
return [A[Symbol.species] === Array, A.x, typeof A]
// name: tdz
return [() => { new A(); class A {} }, () => { class A { static x = A.y; static y = 2 } return A.x }, () => { const a = a2; const a2 = 1 }, () => { class A { [A.x] = 1 } }].map((f) => { try { return f() } catch (e) { return e.name } })
// name: generator-methods
class A { * [Symbol.iterator] () { yield * [1, 2] } async * g () { yield 3 } static * s () { yield 4 } }
const out = [...new A(), ...A.s()]
for await (const x of new A().g()) out.push(x)
return out
// name: instance-to-primitive
class Money { constructor (n) { this.n = n } valueOf () { return this.n } toString () { return '$' + this.n } }
return [new Money(5) + new Money(6), `${new Money(5)}`, new Money(5) > new Money(4), [new Money(3), new Money(1)].sort().map((m) => m.n), Math.max(new Money(7))]
// name: new-target
function F () { return new.target === undefined }
return [F(), typeof new F(), Reflect.construct(Object, [], F) instanceof F, (() => { class A { constructor () { this.t = new.target.name } } return new (class B extends A {})().t })()]
// name: field-functions
class A { arrow = () => this.v; v = 1; method = function () { return this } }
const { arrow, method } = new A()
return [arrow(), method(), new A().arrow.name]
// name: bound-this
class A { v = 1; m () { return this?.v } }
const { m } = new A()
return [m(), m.call({ v: 2 }), m.bind({ v: 3 })(), [1].map(new A().m)]
// name: class-names
const A = class {}, o = { B: class {}, C: class Named { static name = 'own' } }
return [A.name, o.B.name, o.C.name, (class {}).name, new A().constructor.name]

// Which function an operation calls, with what, and what becomes of its result.

// name: own-method
// op: {"op":"SET","value":1.5}
export const apply = { SET (tx, op, ack) { tx.put('/v', [op, ack]) } }
// name: unknown-method
// op: {"op":"NOPE"}
export const apply = { SET (tx) { tx.put('/v', 1) } }
// name: op-without-name
// op: {"kind":"SET"}
export const apply = { SET (tx) { tx.put('/v', 1) } }
// name: op-is-string
// op: "SET"
export const apply = { SET (tx) { tx.put('/v', 1) } }
// name: op-is-null
// op: null
export const apply = { SET (tx) { tx.put('/v', 1) } }
// name: op-is-number-name
// op: {"op":1}
export const apply = { 1 (tx) { tx.put('/v', 1) } }
// name: apply-is-function
// op: {"op":"SET"}
export function apply (tx, op) { tx.put('/v', op) }
// name: apply-function-null-op
// op: null
export function apply (tx, op) { tx.put('/v', [op, arguments.length]) }
// name: apply-function-with-method
// op: {"op":"SET"}
export function apply (tx, op) { tx.put('/v', 'function') }
apply.SET = (tx) => tx.put('/v', 'method')
// name: no-apply
export const other = 1
// name: apply-undefined
export let apply
// name: apply-null
export const apply = null
// name: apply-string
export const apply = 'RUN'
// name: apply-array
// op: {"op":"0"}
export const apply = [(tx) => tx.put('/v', 'zero')]
// name: apply-array-length
// runtime-only: how isolated-vm looks up properties
// op: {"op":"length"}
export const apply = [(tx) => tx.put('/v', 'zero')]
// name: inherited-method
// op: {"op":"SET"}
export const apply = Object.create({ SET (tx) { tx.put('/v', 1) } })
// name: class-instance
// op: {"op":"SET"}
class A { SET (tx) { tx.put('/v', 1) } }
export const apply = new A()
// name: class-instance-own-arrow
// op: {"op":"SET"}
class A { SET = (tx) => tx.put('/v', this instanceof A) }
export const apply = new A()
// name: object-prototype-name
// op: {"op":"toString"}
export const apply = { SET (tx) { tx.put('/v', 1) } }
// name: constructor-name
// op: {"op":"constructor"}
export const apply = { SET (tx) { tx.put('/v', 1) } }
// name: proto-name
// op: {"op":"__proto__"}
export const apply = { SET (tx) { tx.put('/v', 1) } }
// name: own-toString
// op: {"op":"toString"}
export const apply = { toString (tx) { tx.put('/v', 1) } }
// name: getter
// op: {"op":"SET"}
export const apply = { get SET () { return (tx) => tx.put('/v', 1) } }
// name: getter-inherited
// op: {"op":"SET"}
export const apply = Object.create({ get SET () { return (tx) => tx.put('/v', 1) } })
// name: setter-only
// op: {"op":"SET"}
export const apply = { set SET (v) {} }
// name: proxy
// op: {"op":"SET"}
export const apply = new Proxy({ SET (tx) { tx.put('/v', 1) } }, {})
// name: proxy-without-name
// op: {"nope":"SET"}
export const apply = new Proxy({ SET (tx) { tx.put('/v', 1) } }, {})
// name: proxy-of-function
// op: {"op":"SET"}
export const apply = new Proxy((tx) => tx.put('/v', 1), {})
// name: proxy-method
// op: {"op":"SET"}
export const apply = { SET: new Proxy((tx) => tx.put('/v', 1), {}) }
// name: proxy-prototype
// runtime-only: how isolated-vm looks up properties
// op: {"op":"SET"}
export const apply = Object.create(new Proxy({ SET (tx) { tx.put('/v', 1) } }, {}))
// name: non-enumerable
// op: {"op":"SET"}
export const apply = Object.defineProperty({}, 'SET', { value: (tx) => tx.put('/v', 1) })
// name: value-not-function
// op: {"op":"SET"}
export const apply = { SET: 5 }
// name: nested-object
// op: {"op":"a.b"}
export const apply = { a: { b (tx) { tx.put('/v', 1) } } }
// name: dotted-name
// op: {"op":"a.b"}
export const apply = { 'a.b' (tx) { tx.put('/v', 1) } }
// name: empty-name
// op: {"op":""}
export const apply = { '' (tx) { tx.put('/v', 1) } }
// name: unicode-name
// op: {"op":"\u00e9\ud83d\ude00"}
export const apply = { 'é😀' (tx) { tx.put('/v', 1) } }
// name: class-as-method
// op: {"op":"SET"}
export const apply = { SET: class { constructor (tx) { tx.put('/v', 1) } } }
// name: bound-method
// op: {"op":"SET"}
export const apply = { SET: function (tx) { tx.put('/v', this.x) }.bind({ x: 7 }) }
// name: generator-method
// op: {"op":"SET"}
export const apply = { * SET (tx) { tx.put('/v', 1) } }
// name: async-generator-method
// op: {"op":"SET"}
export const apply = { async * SET (tx) { tx.put('/v', 1) } }
// name: this-is-null
export const apply = { RUN (tx) { tx.put('/v', this === null) } }
// name: this-sloppy-function
export const apply = { RUN: (() => {}).constructor('tx', 'tx.put("/v", typeof this + (this === globalThis))') }
// name: this-helper
// taints: error-text
export const apply = { RUN (tx) { this.helper(tx) }, helper (tx) { tx.put('/v', 1) } }
// name: arguments
export const apply = { RUN (...args) { args[0].put('/v', [args.length, typeof args[0], args[1], Object.keys(args[2])]) } }
// name: default-parameter
export const apply = { RUN (tx, op, ack, more = 'default') { tx.put('/v', more) } }
// name: live-binding
export let apply = { RUN (tx) { tx.put('/v', 'old') } }
apply = { RUN (tx) { tx.put('/v', 'new') } }
// name: export-as
const handlers = { RUN (tx) { tx.put('/v', 1) } }
export { handlers as apply }
// name: export-default-only
export default { RUN (tx) { tx.put('/v', 1) } }
// name: ack-fields
// ack: {"seq":17,"ts":1650000000000.5,"metadata":{"by":"x"}}
export const apply = { RUN (tx, op, ack) { tx.put('/v', ack) } }
// name: ack-is-a-copy
export const apply = { RUN (tx, op, ack) { ack.success = 1; op.op = 'X'; tx.put('/v', [ack, op]) } }
// name: handler-replaces-apply
export let apply = { RUN (tx) { apply = null; tx.put('/v', 1) } }
// name: return-object
export const apply = { RUN (tx) { tx.put('/v', 1); return { a: 1 } } }
// name: return-function
export const apply = { RUN (tx) { tx.put('/v', 1); return () => 1 } }
// name: return-symbol
// runtime-only: texts of isolated-vm
export const apply = { RUN (tx) { tx.put('/v', 1); return Symbol('s') } }
// name: return-tx
// runtime-only: texts of isolated-vm
export const apply = { RUN (tx) { tx.put('/v', 1); return tx } }
// name: return-object-with-function
export const apply = { RUN (tx) { tx.put('/v', 1); return { deep: [{ f () {} }] } } }
// name: return-bigint
export const apply = { RUN (tx) { tx.put('/v', 1); return 2n ** 100n } }
// name: return-promise-in-object
export const apply = { RUN (tx) { tx.put('/v', 1); return { p: Promise.resolve(1) } } }
// name: return-promise-of-function
export const apply = { async RUN (tx) { tx.put('/v', 1); return () => 1 } }
// name: return-thenable-sync
export const apply = { RUN (tx) { tx.put('/v', 1); return { then (resolve) { tx.put('/then', 1); resolve() } } } }
// name: return-thenable-async
export const apply = { async RUN (tx) { tx.put('/v', 1); return { then (resolve) { tx.put('/then', 1); resolve() } } } }
// name: return-thenable-data
export const apply = { RUN (tx) { tx.put('/v', 1); return { then: 5 } } }
// name: return-promise-subclass
class P extends Promise {}
export const apply = { RUN (tx) { return new P((resolve) => { tx.put('/v', 1); resolve() }) } }
// name: return-promise-patched-then
export const apply = { RUN (tx) { const p = Promise.resolve(); p.then = () => { tx.put('/patched', 1) }; tx.put('/v', 1); return p } }
// name: return-getter-throws
export const apply = { RUN (tx) { tx.put('/v', 1); return { get x () { throw new Error('getter') } } } }
// name: return-getter-puts
export const apply = { RUN (tx) { tx.put('/v', 1); return { get x () { tx.put('/late', 2); return 1 } } } }
// name: throw-after-put
export const apply = { RUN (tx) { tx.put('/v', 1); throw new Error('after') } }
// name: throw-array
export const apply = { RUN () { throw [1] } }
// name: throw-bigint
export const apply = { RUN () { throw 5n } }
// name: throw-symbol
export const apply = { RUN () { throw Symbol('s') } }
// name: throw-function
export const apply = { RUN () { throw () => 1 } }
// name: throw-boolean
export const apply = { RUN () { throw true } }
// name: throw-custom
class Mine extends RangeError { constructor (m) { super(m); this.name = 'Mine'; this.code = 5 } }
export const apply = { RUN () { throw new Mine('mine') } }
// name: throw-named
export const apply = { RUN () { throw Object.assign(new Error('m'), { name: 'RangeError' }) } }
// name: throw-error-like
export const apply = { RUN () { throw { message: 'like', name: 'Error' } } }
// name: throw-error-created
export const apply = { RUN () { throw Object.create(Error.prototype, { message: { value: 'created' } }) } }
// name: throw-message-number
// runtime-only: how isolated-vm copies errors
export const apply = { RUN () { const e = new Error('x'); e.message = 5; throw e } }
// name: throw-message-empty-named
export const apply = { RUN () { throw new TypeError('') } }
// name: throw-message-getter
export const apply = { RUN () { const e = new Error('x'); Object.defineProperty(e, 'message', { get: () => 'got' }); throw e } }
// name: throw-eval-error
export const apply = { RUN () { throw new EvalError('ev') } }
// name: throw-uri-error
export const apply = { RUN () { throw new URIError('uri') } }
// name: throw-syntax-error
export const apply = { RUN () { throw new SyntaxError('syn') } }
// name: throw-aggregate-error
export const apply = { RUN () { throw new AggregateError([new Error('a')], 'agg') } }
// name: throw-frozen
export const apply = { RUN () { throw Object.freeze(new Error('frozen')) } }
// name: throw-undefined
export const apply = { RUN () { throw undefined } }
// name: reject-null
export const apply = { async RUN () { throw null } }
// name: reject-string
export const apply = { async RUN () { throw 'text' } }
// name: never-settles
export const apply = { RUN (tx) { tx.put('/v', 1); return new Promise(() => {}) } }
// name: throw-subclass-unnamed
class Mine extends RangeError {}
export const apply = { RUN () { throw new Mine('mine') } }
// name: throw-renamed-constructor
// runtime-only: how isolated-vm copies errors
export const apply = { RUN () { const e = new Error('x'); e.constructor = RangeError; throw e } }
// name: throw-range-named
export const apply = { RUN () { throw Object.assign(new RangeError('m'), { name: 'Other' }) } }
// name: throw-reference-prototype
// runtime-only: how isolated-vm copies errors
export const apply = { RUN () { const e = new Error('m'); Object.setPrototypeOf(e, ReferenceError.prototype); throw e } }
// name: throw-like-range
export const apply = { RUN () { throw Object.assign(Object.create(RangeError.prototype), { message: 'm' }) } }
// name: throw-like-without-name
export const apply = { RUN () { throw { message: 'like', stack: 'at x' } } }
// name: throw-message-not-string
// runtime-only: how isolated-vm copies errors
export const apply = { RUN () { throw { message: 5 } } }
// name: throw-message-empty
export const apply = { RUN () { throw { message: '' } } }
// name: throw-proxy-error
export const apply = { RUN () { throw new Proxy(new Error('p'), {}) } }
// name: throw-date
export const apply = { RUN () { throw new Date(5) } }
// name: throw-multiline
export const apply = { RUN () { throw new Error('a\nb\u0000c') } }
// name: throw-stack-overflow
// taints: near-limit
export const apply = { RUN () { const f = () => f() + 1; f() } }
// name: throw-native-range
// taints: error-text
export const apply = { RUN () { new Array(-1) } }
// name: throw-native-range-async
// taints: error-text
export const apply = { async RUN () { 'x'.repeat(-1) } }
// name: throw-native-reference
// taints: error-text
export const apply = { RUN () { nothing } }
// name: throw-tdz
// taints: error-text
export const apply = { RUN () { x; let x } }
// name: throw-native-syntax
// taints: error-text
export const apply = { RUN () { JSON.parse('{') } }
// name: throw-native-uri
// taints: error-text
export const apply = { RUN () { decodeURIComponent('%') } }
// name: throw-in-nested-call
export const apply = { RUN (tx) { [1].map(() => { tx.put('/v', 1); throw new Error('inner') }) } }

// name: messages-and-names
return [new Error(), new Error(undefined), new Error(null), new Error(5), new TypeError('t'), new RangeError(''), Error('f')].map((e) => [e.message, e.name, String(e), Object.prototype.hasOwnProperty.call(e, 'message')])
// name: to-string
const e = new Error('m')
const r = [String(e)]
e.name = ''; r.push(String(e)); e.message = ''; r.push(String(e)); e.name = undefined; r.push(String(e)); e.name = 'N'; r.push(String(e))
return [r, Error.prototype.toString.call({}), Error.prototype.toString.call({ name: 'a', message: 'b' })]
// name: kinds
return [() => null.x, () => undefined(), () => nothing, () => new Array(-1), () => decodeURI('%'), () => { throw 5 }, () => [].reduce((a) => a), () => BigInt(1.5), () => 1n + 1, () => Symbol() + '', () => new (() => 1)(), () => ({}).x.y, () => 'x'.repeat(-1), () => (1).toFixed(101), () => new Proxy({}, null), () => Object.defineProperty(1, 'a', {}), () => structuredClone(1), () => 1(), () => ({}).f(), () => [...1], () => { const [a] = {} }, () => { const { a } = null }, () => new Date(NaN).toISOString(), () => JSON.parse('{'), () => new RegExp('('), () => Object.create(1), () => Reflect.ownKeys(1), () => new Uint8Array(-1), () => 'a'.normalize('z'), () => Symbol.keyFor(1), () => new WeakMap([[1, 1]]), () => { 'a' in 'b' }].map((f) => { try { return f() } catch (e) { return e?.constructor?.name ?? typeof e } })
// name: texts
// taints: error-text
return [() => null.x, () => undefined(), () => nothing, () => new Array(-1), () => ({}).f(), () => [...1], () => { const { a } = null }, () => BigInt(1.5), () => Object.defineProperty(1, 'a', {}), () => { const c = 1; c = 2 }].map((f) => { try { return f() } catch (e) { return e.message } })
// name: own-properties
// taints: engine-specific
return [Object.getOwnPropertyNames(new Error('m')), Object.getOwnPropertyNames(new Error()), Object.keys(new Error('x')), Object.getOwnPropertyNames(Error).sort(), Object.getOwnPropertyNames(Error.prototype).sort()]
// name: own-properties-common
const e = Object.assign(new Error('m'), { code: 5 })
return [Object.keys(e), JSON.stringify(e), { ...e }, e.hasOwnProperty('message'), e.propertyIsEnumerable('message'), 'stack' in e]
// name: stack
// taints: stack
const e = new Error('m')
return [typeof e.stack, e.stack.split('\n')[0], e.stack.includes('at ')]
// name: capture-stack-trace
// taints: stack
const o = {}
return [typeof Error.captureStackTrace, Error.captureStackTrace && Error.captureStackTrace(o), typeof o.stack, typeof Error.stackTraceLimit]
// name: cause
// taints: newer
return [new Error('m', { cause: 1 }).cause, 'cause' in new Error('m', { cause: 1 })]
// name: aggregate
const e = new AggregateError([1, new Error('x')], 'm')
return [e.errors.length, e.message, e.name, e instanceof Error, Object.keys(e), AggregateError.length, new AggregateError([]).message]
// name: finally
const log = []
const f = (n) => { try { if (n === 1) throw new Error('a'); if (n === 2) return 'try'; log.push('body') } catch (e) { log.push('catch'); return 'catch' } finally { log.push('finally'); if (n === 3) return 'finally' } return 'end' }
return [[0, 1, 2, 3].map(f), log]
// name: finally-overrides
const f = () => { try { throw new Error('lost') } finally { return 'kept' } }
const g = () => { for (const x of [1, 2]) { try { continue } finally { if (x === 2) break } } return 'done' }
const h = () => { l: try { return 1 } finally { break l } return 2 }
return [f(), g(), h()]
// name: catch-binding
try { throw { a: 1, b: [2] } } catch ({ a, b: [c] }) { try { throw 0 } catch { return [a, c] } }
// name: rethrow-identity
const e = new Error('m')
try { try { throw e } catch (x) { throw x } } catch (y) { return y === e }
// name: instanceof
class A extends TypeError {}
return [new A() instanceof A, new A() instanceof TypeError, new A() instanceof Error, new A().name, Object.prototype.toString.call(new A()), Object.getPrototypeOf(TypeError) === Error, TypeError.prototype.name]
// name: error-in-getter-and-toString
return [() => `${{ toString () { throw new RangeError('r') } }}`, () => ({ get x () { throw new TypeError('t') } }).x, () => [{ valueOf () { throw new EvalError('e') } }].map((x) => +x), () => new Proxy({}, { get () { throw new URIError('u') } }).x].map((f) => { try { return f() } catch (e) { return [e.name, e.message] } })
// name: async-errors
const log = []
await (async () => { throw new Error('a') })().catch((e) => log.push(e.message))
await Promise.reject(5).catch((e) => log.push(e))
try { await Promise.all([Promise.resolve(1), Promise.reject(new Error('all'))]) } catch (e) { log.push(e.message) }
try { await { then (a, b) { b('thenable') } } } catch (e) { log.push(e) }
return log
// name: any-all-rejected
// taints: error-text
try { await Promise.any([Promise.reject(1), Promise.reject(2)]) } catch (e) { return [e.name, e.message, e.errors] }
// name: overflow
// taints: near-limit
const f = () => f() + 1
try { f() } catch (e) { return [e.name, e.message] }
// name: overflow-depth-small
const f = (n) => n === 0 ? 0 : 1 + f(n - 1)
return f(700)
// name: throw-types
return [1, 'a', null, undefined, Symbol.iterator, { a: 1 }].map((v) => { try { throw v } catch (e) { return e === v } })
// name: error-constructor-props
return [Error.length, Error.name, TypeError.length, Error.prototype.message, new Error('x', 'ignored').message, Error.prototype.constructor === Error]

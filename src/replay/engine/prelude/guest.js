// The guest's side of Vitra's API: the modules that a contract can import, the `tx` and `ack` that a handler gets.
// Shapes (own keys, order, names, lengths) are those of vitra-confine-runtime 0.5.1, measured.
(host, names) => {
  'use strict'
  const define = (name, value) => Reflect.defineProperty(globalThis, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true })
  const bare = (fn) => [function (...args) { return fn(...args) }][0]
  for (const name of names) define(name, bare(host[name]))
  define('__internal__contract__indexPubkey', host.pubkey)
  const lines = {}
  for (const name of ['log', 'debug', 'info', 'warn', 'error']) lines[name] = bare(host.console)
  define('console', lines)
  if (host.writer) define('__internal__contract__oplogPubkey', host.oplogPubkey)
  Reflect.defineProperty(globalThis, 'console', { __proto__: null, enumerable: false })
  const { get, put, del, add, remove, source } = host
  return {
    tx: (id) => ({
      get: [(a) => get(id, a)][0],
      put: [(a, b) => put(id, a, b)][0],
      delete: [(a) => del(id, a)][0],
      addOplog: [(a) => add(id, a)][0],
      removeOplog: [(a) => remove(id, a)][0],
      setContractSource: [(a) => source(id, a)][0]
    }),
    ack: (origin, seq, ts, metadata) => ({ success: undefined, error: undefined, origin, seq, ts, metadata, numChanges: 0 })
  }
}

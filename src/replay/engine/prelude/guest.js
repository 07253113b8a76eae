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
      get: (0, (a) => get(id, a)),
      put: (0, (a, b) => put(id, a, b)),
      delete: (0, (a) => del(id, a)),
      addOplog: (0, (a) => add(id, a)),
      removeOplog: (0, (a) => remove(id, a)),
      setContractSource: (0, (a) => source(id, a))
    }),
    ack: (origin, seq, ts, metadata) => ({ success: undefined, error: undefined, origin, seq, ts, metadata, numChanges: 0 })
  }
}

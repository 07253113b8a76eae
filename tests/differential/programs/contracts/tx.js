// tx: paths, order, overwriting, system actions.

// name: shape
// runtime-only: functions of isolated-vm
export const apply = { RUN (tx) { tx.put('/v', [Object.keys(tx), Object.values(tx).map((f) => [typeof f, f.name, f.length]), Object.getPrototypeOf(tx) === Object.prototype, Object.isExtensible(tx)]) } }
// name: returns
export const apply = { RUN (tx) { tx.put('/v', [tx.put('/a', 1), tx.delete('/b'), tx.get('/c'), tx.addOplog({ pubkey: 'a'.repeat(64) })]) } }
// name: detached
export const apply = { RUN ({ put, get }) { put('/a', 1); put('/b', get('/a')) } }
// name: paths
export const apply = { RUN (tx) { for (const p of ['a', '/b', 'c/', '/d///', '//e', '/f//g', '/h/../i', ' ', '.', '/j k', '/é', '/😀', '/\u0001', '/l\0m', 'n\\o', '/%2f', '/__proto__', 'constructor', '/1', '/10', '/9', '/.sys', '/.sysx/a', '/.SYS/a', '//.sys/x', '/A', '/a b', '/a-b', '/a_b']) tx.put(p, p) } }
// name: bad-keys
export const apply = { RUN (tx) { const log = []; for (const p of ['', '/', '///', 5, 0, null, undefined, true, {}, ['a'], new String('a'), 5n, NaN, '/.sys/', '/.sys/a', '.sys/a', '.sys/']) { try { tx.put(p, 1); log.push('ok') } catch (e) { log.push(e.message.split('\n')[0]) } } tx.put('/v', log) } }
// name: bad-keys-delete
export const apply = { RUN (tx) { const log = []; for (const p of ['', '/', 5, null, undefined, '/.sys/a', '.sys/a']) { try { tx.delete(p); log.push('ok') } catch (e) { log.push(e.message.split('\n')[0]) } } tx.put('/v', log) } }
// name: bad-keys-get
export const apply = { RUN (tx) { const log = []; for (const p of ['', '/', 5, null, undefined, '/.sys/a', '.sys/a']) { try { log.push([tx.get(p)]) } catch (e) { log.push(e.message.split('\n')[0]) } } tx.put('/v', log) } }
// name: uncloneable-key
export const apply = { RUN (tx) { try { tx.put(Symbol('k'), 1) } catch (e) { tx.put('/v', [e.name, e.message]) } } }
// name: bad-key-error
export const apply = { RUN (tx) { try { tx.put('', 1) } catch (e) { tx.put('/v', [e.name, e.constructor === Error, Object.getOwnPropertyNames(e).sort()]) } } }
// name: no-arguments
export const apply = { RUN (tx) { tx.put() } }
// name: put-without-value
export const apply = { RUN (tx) { tx.put('/a'); tx.put('/b', undefined); tx.put('/c', null) } }
// name: overwrite
export const apply = { RUN (tx) { tx.put('/a', 1); tx.put('/b', 2); tx.put('/a', 3) } }
// name: put-delete-put
export const apply = { RUN (tx) { tx.put('/a', 1); tx.delete('/a'); tx.put('/a', 2); tx.delete('/b'); tx.put('/b', 1); tx.put('/c', 1); tx.delete('/c') } }
// name: get-shapes
export const apply = { RUN (tx) { tx.put('/a', { x: 1 }); tx.delete('/b'); tx.addOplog({ pubkey: 'b'.repeat(64), more: 1 }); tx.setContractSource({ code: 'x' }); tx.put('/v', [tx.get('/a'), tx.get('b/'), tx.get('/none'), tx.get('/.sys/_action0'), tx.get('/.sys/_action1'), tx.get('/toString'), tx.get('/__proto__')]) } }
// name: get-is-a-copy
export const apply = { RUN (tx) { tx.put('/a', { x: 1 }); const a = tx.get('/a'); a.value.x = 2; tx.put('/v', [tx.get('/a'), tx.get('/a') === tx.get('/a')]) } }
// name: copied-at-once
export const apply = { RUN (tx) { const o = { n: 1, list: [1] }; tx.put('/a', o); o.n = 2; o.list.push(2); tx.put('/b', o) } }
// name: order-ascii
export const apply = { RUN (tx) { for (const p of ['/b', '/B', '/a', '/A', '/1', '/10', '/2', '/_', '/-', '/.', '/~', '/ ', '/a/b', '/a-b', '/a.b', '/ab', '/aB', '/$', '/@', '/z/', '/Z', '/a b', '/a_b', '/a/B', '/%', '/+', '/#', '/&', '/(', '/*', '/!', '/?', '/,', '/;', '/:', '/=', '/<', '/>', '/|', '/^', '/`', '/"', "/'", '/[', '/]', '/{', '/}', '/\\']) tx.put(p, 1) } }
// name: order-unicode
export const apply = { RUN (tx) { for (const p of ['/é', '/e', '/f', '/è', '/E', '/É', '/ä', '/a', '/z', '/ø', '/o', '/ß', '/ss', '/st', '/α', '/я', '/あ', '/ア', '/한', '/😀', '/ñ', '/n', '/e\u0301', '/œ', '/oe', '/ﬁ', '/fi']) tx.put(p, 1) } }
// name: order-ignorable
export const apply = { RUN (tx) { for (const p of ['/a\u0001', '/a', '/\u0002a', '/a\u0000b', '/ab', '/a\u00adb', '/a\u200bb']) tx.put(p, 1) } }
// name: order-stable
export const apply = { RUN (tx) { tx.addOplog({ pubkey: 'c'.repeat(64) }); tx.removeOplog({ pubkey: 'c'.repeat(64) }); tx.put('/a', 1); tx.setContractSource({ code: 'one' }); tx.addOplog({ pubkey: '0'.repeat(64) }); tx.setContractSource({ code: 'two' }) } }
// name: add-oplog-bad
export const apply = { RUN (tx) { const log = []; for (const o of [undefined, null, {}, { pubkey: 5 }, { pubkey: 'x' }, { pubkey: 'A'.repeat(64) }, { pubkey: 'a'.repeat(65) }, 'a'.repeat(64), { pubkey: 'a'.repeat(64) + '\n' }, { pubkey: ['a'.repeat(64)] }]) { for (const f of [tx.addOplog, tx.removeOplog]) { try { f(o); log.push('ok') } catch (e) { log.push(e.name) } } } tx.put('/v', log) } }
// name: add-oplog-getter
export const apply = { RUN (tx) { tx.addOplog({ get pubkey () { return 'd'.repeat(64) } }) } }
// name: source-bad
export const apply = { RUN (tx) { const log = []; for (const o of [undefined, null, {}, { code: 5 }, { code: null }, { code: new String('x') }, { code: '' }, 'x']) { try { tx.setContractSource(o); log.push('ok') } catch (e) { log.push(e.name) } } tx.put('/v', log) } }
// name: many
export const apply = { RUN (tx) { for (let i = 0; i < 500; i++) tx.put('/k' + (i * 7919 % 500), i) } }
// name: not-in-index
// state: {"/a":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/a', 2); tx.put('/v', [(await index.get('/a')).value, tx.get('/b')]) } }
// name: put-throws-keeps-earlier
export const apply = { RUN (tx) { tx.put('/a', 1); try { tx.put('/a', () => 1) } catch (e) {} } }
// name: tx-extensible
export const apply = { RUN (tx) { tx.mine = 5; delete tx.delete; tx.put('/v', Object.keys(tx)) } }

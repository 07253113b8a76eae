// What V8 8.6 does not have yet: an engine that runs these must taint the operation, or fail as 8.6 does.

// name: at
// taints: newer
try { return [[1, 2].at(-1), 'ab'.at(-1), new Uint8Array([1, 2]).at(-1)] } catch (e) { return e.name }
// name: has-own
// taints: newer
try { return Object.hasOwn({ a: 1 }, 'a') } catch (e) { return e.name }
// name: group-by
// taints: newer
try { return [Object.groupBy([1, 2, 3], (x) => x % 2 ? 'odd' : 'even'), Map.groupBy([1], (x) => x).size] } catch (e) { return e.name }
// name: find-last
// taints: newer
try { return [[1, 2, 3].findLast((x) => x < 3), [1, 2].findLastIndex((x) => x === 9)] } catch (e) { return e.name }
// name: change-by-copy
// taints: newer
try { return [[3, 1].toSorted(), [1, 2].toReversed(), [1, 2].toSpliced(0, 1), [1].with(0, 5)] } catch (e) { return e.name }
// name: promise-helpers
// taints: newer
try { return [typeof Promise.withResolvers().resolve, await Promise.try(() => 1)] } catch (e) { return e.name }
// name: set-methods
// taints: newer
try { return [...new Set([1, 2]).union(new Set([3]))] } catch (e) { return e.name }
// name: array-from-async
// taints: newer
try { return await Array.fromAsync([Promise.resolve(1)]) } catch (e) { return e.name }
// name: well-formed
// taints: newer
try { return ['a\ud800'.isWellFormed(), 'a\ud800'.toWellFormed()] } catch (e) { return e.name }
// name: math-newer
// taints: newer
return [typeof Math.f16round, typeof Math.sumPrecise]
// name: regexp-escape
// taints: newer
return [typeof RegExp.escape, 'hasIndices' in /x/, 'unicodeSets' in /x/]
// name: error-is-error
// taints: newer
return [typeof Error.isError, typeof Error.captureStackTrace]
// name: base64
// taints: newer
return [typeof Uint8Array.fromBase64, typeof new Uint8Array().toHex]
// name: feature-detection
// taints: newer
return [Array.prototype.at ? 'new' : 'old', typeof structuredClone, typeof queueMicrotask, typeof Iterator, 'groupBy' in Object, typeof SuppressedError, typeof Temporal, typeof Float16Array]
// name: symbols-newer
// taints: newer
return [typeof Symbol.dispose, typeof Symbol.asyncDispose, Object.getOwnPropertyNames(Symbol).length]
// name: map-upsert
// taints: newer
return [typeof new Map().getOrInsert, typeof new WeakMap().getOrInsertComputed]
// name: present-in-8.6
return ['a'.replaceAll('a', 'b'), typeof Promise.any, typeof AggregateError, typeof WeakRef, typeof FinalizationRegistry, [1, [2]].flat(), Object.fromEntries([['a', 1]]), typeof globalThis, 'a'.matchAll(/a/g).next().done, 'description' in Symbol.prototype, ' a'.trimStart(), typeof BigInt, typeof Promise.allSettled]
// name: clocks
// taints: clock
return [typeof Date.now(), new Date() > 0]
// name: randomness
// taints: randomness
const r = Math.random()
return r >= 0 && r < 1
// name: garbage
// taints: garbage collection
return [typeof new WeakRef({}).deref(), typeof new FinalizationRegistry(() => {}).register({}, 1)]

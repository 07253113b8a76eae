// name: arithmetic
return [2n ** 64n, -7n / 2n, -7n % 2n, 7n % -2n, 5n & -2n, 5n | 8n, 5n ^ 1n, ~5n, 1n << 70n, -5n >> 1n, 5n - 6n, -(-3n), 0n === -0n].map(String)
// name: large
return [(3n ** 500n).toString().length, (2n ** 256n - 1n).toString(16), String(123456789012345678901234567890n * 987654321098765432109876543210n), String((10n ** 50n) / 7n), String((10n ** 50n) % 97n)]
// name: conversions
return [BigInt(10), BigInt('0x1f'), BigInt(' 12 '), BigInt(true), BigInt(''), BigInt('-5'), BigInt(2 ** 60), BigInt(1e21)].map(String)
// name: conversion-errors
return ['1.5', 1.5, NaN, null, undefined, 'x', {}, Symbol(), '1n', '--1'].map((v) => { try { return String(BigInt(v)) } catch (e) { return e.name } })
// name: mixed
return [1n < 2, 2n > 1.5, 1n == 1, 1n === 1, '1' == 1n, 1n < '2', [3, 1n, 2].sort().map(String), 0n ? 't' : 'f', !0n, typeof 1n, 1n && 2n, 10n > 9, 2n ** 53n == 2 ** 53, 2n ** 53n + 1n == 2 ** 53 + 1].map(String)
// name: mixed-errors
return [() => 1n + 1, () => +1n, () => Math.max(1n), () => 1n / 0n, () => 2n ** -1n, () => 1n >>> 0n, () => JSON.stringify(1n), () => new BigInt(1), () => isNaN(1n), () => [1n].includes(1), () => 1n * 1.5].map((f) => { try { return f() } catch (e) { return e.name } })
// name: to-number
return [Number(2n ** 64n), Number(2n ** 53n + 1n), Number(-(2n ** 1024n)), parseInt('12n'), Number(9007199254740993n), Number(2n ** 1023n)]
// name: as-int
return [BigInt.asIntN(8, 255n), BigInt.asUintN(8, -1n), BigInt.asIntN(64, 2n ** 63n), BigInt.asUintN(64, -1n), BigInt.asIntN(0, 5n), BigInt.asIntN(3, 25n)].map(String)
// name: to-string-radix
return [255n.toString(16), (-255n).toString(2), (10n ** 30n).toString(36), (10n).toLocaleString === undefined, 0n.toString(3)]
// name: literals
return [0xffn, 0b11n, 0o7n, 1_000n, 0n].map(String)
// name: concatenation
return ['a' + 1n, `${5n}`, [1n, 2n].join(), String([1n]), 1n + 'x']
// name: as-keys
const m = new Map([[1n, 'a'], [1, 'b']])
return [m.get(1n), m.size, { [5n]: 'x' }, [10, 20][1n], Object.is(0n, -0n), new Set([1n, 1n]).size]
// name: increments
let a = 5n
a++; a += 2n; a **= 2n; a <<= 1n
return [String(a), String(-a), String(a--), String(a)]
// name: shifts-large
return [(1n << 1000n).toString().length, String((1n << 100n) >> 98n), String(-1n >> 100n), String(5n << -1n), String(-5n << -1n)]

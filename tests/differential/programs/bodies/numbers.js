// name: pow-ints
return [2 ** 10, 3 ** 5, 10 ** 15, (-2) ** 3, 7 ** 18, 2 ** 53, 0 ** 0]
// name: pow-exact
return [2 ** -1, 2 ** -1074, 2 ** 1023, 2 ** 1024, 1.5 ** 3, 0.25 ** 4, 9 ** 0.5, 10 ** 22]
// name: pow-special
return [NaN ** 0, 1 ** Infinity, (-0) ** -1, (-Infinity) ** 0.5, (-8) ** (1 / 3), Math.pow(-0, 3), Math.pow(0, -2)].map((x) => Object.is(x, -0) ? '-0' : x)
// name: pow-negative-ten
// taints: math
return [10 ** -4, 10 ** -5, 10 ** -1, 10 ** 23, 10 ** 30]
// name: pow-fraction
// taints: math
return [2 ** 0.3, 1.1 ** 1.1, 1923 ** -1, 3 ** 40, Math.pow(0.7, -3)]
// name: math-exact
return [Math.floor(-1.5), Math.ceil(-1.5), Math.round(-1.5), Math.round(2.5), Math.round(0.49999999999999994), Math.trunc(-0.9), Math.sign(-3), Math.abs(-0), Math.fround(1.1), Math.imul(0xffffffff, 5), Math.clz32(1), Math.sqrt(2), Math.max(), Math.min(), Math.max(NaN, 1), Math.max(-0, 0), Math.min(0, -0)].map((x) => Object.is(x, -0) ? '-0' : x)
// name: math-same
return [Math.tan(1), Math.asin(0.3), Math.acos(0.3), Math.atan(5), Math.atan2(1, -3), Math.expm1(0.5), Math.log2(10), Math.cbrt(10), Math.hypot(1, 2, 3), Math.tanh(0.7), Math.sinh(1.3)]
// name: math-rough
// taints: math
return [Math.sin(1), Math.cos(2), Math.exp(1), Math.log(10), Math.log10(3), Math.log1p(0.3), Math.asinh(2), Math.acosh(3), Math.atanh(0.4), Math.cosh(2)]
// name: math-special
return [Math.exp(0), Math.log(1), Math.log(0), Math.log10(1000), Math.sin(0), Math.cos(0), Math.atan2(0, -0), Math.sin(Infinity), Math.acosh(0.5), Math.hypot(), Math.hypot(NaN, Infinity)]
// name: math-constants
return [Math.PI, Math.E, Math.LN2, Math.LN10, Math.LOG2E, Math.LOG10E, Math.SQRT2, Math.SQRT1_2]
// name: to-string
return [0.1 + 0.2, 1e21, 1e-7, 123456789012345680000, 5e-324, 1.7976931348623157e308, -1e-7, 100, 1e5, 0.000001, 123e-20].map(String)
// name: to-string-radix-integers
return [255, -255, 2 ** 53, 0, 1e9].map((n) => [n.toString(2), n.toString(16), n.toString(36), n.toString(7)])
// name: to-string-radix-fractions
return [0.5, 0.1, 1 / 3, 123.456, -0.75, 1e-5].map((n) => [2, 3, 10, 16, 36].map((r) => n.toString(r)))
// name: to-string-radix-large
return [1e21, 2 ** 60, 1e100, 1.5e300].map((n) => [2, 7, 16, 36].map((r) => n.toString(r)))
// name: to-fixed
return [0.5, 1.5, 2.5, 1.005, 1.255, 123.456, 1e20, 1e21, -0.0001, 0.000001, 10.235].map((n) => [n.toFixed(), n.toFixed(1), n.toFixed(2), n.toFixed(10)])
// name: to-precision
return [0.1, 123.456, 1e21, 1e-7, 0.00001, 99.99, 15].map((n) => [n.toPrecision(), n.toPrecision(1), n.toPrecision(3), n.toPrecision(21)])
// name: to-exponential
return [0, 1, 123456, 0.00015, -1.5e300, 0.5].map((n) => [n.toExponential(), n.toExponential(0), n.toExponential(2), n.toExponential(20)])
// name: radix-errors
return ['toFixed', 'toPrecision', 'toExponential', 'toString'].map((m) => { try { return (1.5)[m](101) } catch (e) { return e.name } })
// name: number-of
return ['', ' ', '12', ' 12 ', '0x1f', '0b11', '0o17', '1e3', '.5', '5.', '1_000', '12px', 'Infinity', '-Infinity', '+5', '--5', '0x', '\u00a05\ufeff', '1e', 'NaN', '-0x1'].map(Number)
// name: number-of-values
return [Number(null), Number(undefined), Number(true), Number([]), Number([5]), Number([1, 2]), Number({}), Number(new Date(5)), Number(5n), Number({ valueOf: () => '7' })]
// name: parse-int
return [['12px'], ['0x1f'], ['1f', 16], ['z', 36], [''], ['-12'], ['1e3'], ['011'], ['9', 8], ['12', 1], ['12', 37], ['12', 0], ['  7'], [0.0000005], [1e21], [null, 36], ['123', '0x10']].map((a) => parseInt(...a))
// name: parse-int-large
return [parseInt('9007199254740993'), parseInt('123456789012345678901234567890', 10), parseInt('100000000000000000000000000000001', 3), parseInt('1' + '0'.repeat(60), 2), parseInt('zzzzzzzzzzzzzzz', 36)]
// name: parse-float
return ['3.14abc', '.5.5', '-.5', 'e5', '1e1000', '-0', 'Infinityx', '1_0', '0x10', '  2 ', '5e-324', '2e-324'].map(parseFloat)
// name: literals
return [0xff, 0b101, 0o17, 1_000_000, .5, 5., 1e3, 0xFFFFFFFFFFFFF, 9007199254740993, 0.1e-6]
// name: predicates
return [1, 1.5, NaN, Infinity, '1', null, 2 ** 53, -0, undefined].map((x) => [Number.isInteger(x), Number.isSafeInteger(x), Number.isFinite(x), Number.isNaN(x), isNaN(x), isFinite(x)])
// name: bit-operations
return [5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 31, -1 >>> 0, -1 >> 1, 2 ** 32 + 5 | 0, 1e21 | 0, NaN | 0, -5 >>> 28, 1 << 32, 1 << 33]
// name: arithmetic
return [5 % 3, -5 % 3, 5 % -3, 5.5 % 2, -0 % 5, 1 / 0, -1 / 0, 0 / 0, 0.1 * 3, 1e308 * 10, 5 % Infinity, Infinity % 5, 2 ** 53 + 1].map((x) => Object.is(x, -0) ? '-0' : x)
// name: negative-zero
return [Object.is(-0, 0), -0 === 0, 1 / -0, String(-0), `${-0}`, JSON.stringify(-0), (-0).toFixed(1), [-0].includes(0), [-0].indexOf(0), new Set([-0, 0]).size, Object.is([...new Set([-0])][0], 0), Math.round(-0.4), parseInt('-0')]
// name: comparisons
return [1 < '2', '10' < '9', null >= 0, undefined == null, NaN != NaN, '1' == 1, [] == '', [1] == 1, {} == '[object Object]', null == 0, '0' == false, 'a' < 'B', 1n < 1.5, 1n == 1]
// name: constants
return [Number.MAX_SAFE_INTEGER, Number.MIN_VALUE, Number.MAX_VALUE, Number.EPSILON, Number.MIN_SAFE_INTEGER]
// name: increments
let a = '5'; a++; let b = null; b += 1; let c; c += 1; let d = 2 ** 53; d++; let e = '5'; e += 1; let f = true; f++
return [a, b, c, d, e, f]

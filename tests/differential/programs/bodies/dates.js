// name: utc
return [Date.UTC(2020, 1, 29), Date.UTC(99, 0), Date.UTC(2020, 13, 1), Date.UTC(1970), Date.UTC(275760, 8, 13), Date.UTC(275760, 8, 14), Date.UTC()]
// name: iso
return [new Date(0).toISOString(), new Date(-1).toISOString(), new Date(8.64e15).toISOString(), new Date(-8.64e15).toISOString(), new Date(1e12).toJSON(), new Date(NaN).toJSON()]
// name: iso-invalid
try { return new Date(NaN).toISOString() } catch (e) { return e.name }
// name: parse-iso
return ['2020', '2020-02', '2020-02-30', '2020-02-29T10:20Z', '2020-02-29T10:20:30.123456Z', '2020-02-29T24:00Z', '2020-02-29T10:20+01:30', '+012020-01-01T00:00:00Z', '-000000-01-01T00:00:00Z', '2020-1-1', '2020-13-01', '2020-01-01T25:00Z'].map((s) => Date.parse(s))
// name: parse-iso-local
// taints: local time
return ['2020-02-29T10:20', '2020-02-29T10:20:30.5'].map((s) => Date.parse(s))
// name: parse-other
// taints: date parsing
return ['Thu, 01 Jan 1970 00:00:00 GMT', 'Jan 5 2020', '5 January 2020 10:00 UTC', '1/2/2020', '2020/01/02', 'Foo 1 2000', '2020-01-01t00:00z', '2001-02-03-04', '12:00', ''].map((s) => Date.parse(s))
// name: getters-utc
const d = new Date(1583020799999)
return [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCDay(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds(), d.getUTCMilliseconds(), d.getTime(), d.valueOf(), +d]
// name: getters-local
// taints: local time
const d = new Date(1583020799999)
return [d.getFullYear(), d.getMonth(), d.getDate(), d.getDay(), d.getHours(), d.getMinutes(), d.getTimezoneOffset(), d.getYear()]
// name: setters-utc
const d = new Date(0)
return [d.setUTCFullYear(2020, 1, 31), d.setUTCMonth(12), d.setUTCDate(0), d.setUTCHours(25, 61, 61, 1001), d.setUTCMinutes(-1), d.setUTCSeconds(90), d.setUTCMilliseconds(-5), d.setTime(8.64e15 + 1), d.getTime()]
// name: strings
// taints: local time
const d = new Date(1583020799999)
return [String(d), d.toDateString(), d.toTimeString(), '' + d, `${d}`, String(new Date(NaN))]
// name: strings-utc
const d = new Date(1583020799999)
return [d.toUTCString(), d.toGMTString(), new Date(-1e13).toUTCString(), new Date(8.64e15).toUTCString(), new Date(NaN).toUTCString()]
// name: strings-locale
// taints: locale
const d = new Date(1583020799999)
return [d.toLocaleDateString('en-US', { timeZone: 'UTC' }), typeof d.toLocaleTimeString()]
// name: constructor
return [new Date(5.9), new Date(-5.9), new Date('5'), new Date(null), new Date(true), new Date(undefined), new Date(NaN), new Date(8.64e15 + 1), new Date(new Date(7)), new Date(Infinity)].map((d) => d.getTime())
// name: constructor-local
// taints: local time
return [new Date(2020, 0).getTime(), new Date(99, 0, 1).getTime(), new Date(2020, 0, 1, 25).getTime()]
// name: arithmetic
const a = new Date(1000), b = new Date(400)
return [a - b, a > b, a == 1000, +a, a * 1, Number(a), a[Symbol.toPrimitive]('number'), new Date(5) == new Date(5), isNaN(new Date('x'))]
// name: to-primitive
// taints: local time
return [new Date(0) + 1, new Date(0)[Symbol.toPrimitive]('default'), typeof (new Date(0) + '')]
// name: json
return JSON.stringify({ d: new Date(1583020799999), n: new Date(NaN) })
// name: now-type
// taints: clock
return [typeof Date.now(), typeof Date(), Date.now() > 1e12, new Date().getTime() > 1e12]
// name: subclass
class D extends Date { twice () { return this.getTime() * 2 } }
return [new D(5).twice(), new D(5) instanceof Date, Object.prototype.toString.call(new D(5))]
// name: leap-years
return [1900, 2000, 2020, 2100, 2400].map((y) => new Date(Date.UTC(y, 1, 29)).getUTCMonth())

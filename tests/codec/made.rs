//! Values that a contract makes, which need not be values that can be stored.

use vitra_watch::database::Value;

use super::dump::{float, length, units};
use super::generate::{CALLED, Generator};

#[derive(Clone, Debug)]
pub enum Made {
    Undefined,
    Null,
    Bool(bool),
    Num(f64),
    BigInt(String),
    Text(Vec<u16>),
    Date(f64),
    Bytes(Vec<u8>),
    Buffer(Vec<u8>),
    Array(Vec<Made>),
    /// An array with properties of its own.
    ArrayWith(Vec<Made>, Vec<(Vec<u16>, Made)>),
    Object(Vec<(Vec<u16>, Made)>),
    Set(Vec<Made>),
    Map(Vec<(Vec<u16>, Made)>),
    Error(Vec<u16>),
    RegExp(Vec<u16>),
    Boxed(f64),
}

/// The contract that makes a value from its description ([`Made::description`]) and puts it at `/a`.
pub const CONTRACT: &str = "
const text = (units) => { let s = ''; for (const unit of units) s += String.fromCharCode(unit); return s }
const define = (object, key, value) => Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
function build (d) {
  switch (d[0]) {
    case 'N': return d[1]
    case '-': return -0
    case 'I': return BigInt(d[1])
    case 'S': return text(d[1])
    case 'D': return new Date(d[1])
    case 'B': return new Uint8Array(d[1])
    case 'b': return new Uint8Array(d[1]).buffer
    case 'A': return d[1].map(build)
    case 'P': { const list = d[1].map(build); for (const [key, value] of d[2]) define(list, text(key), build(value)); return list }
    case 'O': { const object = {}; for (const [key, value] of d[1]) define(object, text(key), build(value)); return object }
    case '#': { const set = new Set(); for (const item of d[1]) set.add(build(item)); return set }
    case '%': { const map = new Map(); for (const [key, value] of d[1]) map.set(text(key), build(value)); return map }
    case 'E': return new TypeError(text(d[1]))
    case 'X': return new RegExp(text(d[1]), 'gi')
    case 'o': return Object(d[1])
    default: return d[1]
  }
}
export const apply = (tx, d) => { tx.put('/a', build(d)) }
";

/// The contract that stores its operation.
pub const ECHO: &str = "export const apply = (tx, op) => { tx.put('/a', op) }";

impl Made {
    /// The form that `answer.js` builds.
    pub fn write(&self, out: &mut Vec<u8>) {
        let list = |items: &[Made], out: &mut Vec<u8>| {
            length(items.len(), out);
            items.iter().for_each(|item| item.write(out));
        };
        let pairs = |pairs: &[(Vec<u16>, Made)], out: &mut Vec<u8>| {
            length(pairs.len(), out);
            for (key, value) in pairs {
                units(key.iter().copied(), out);
                value.write(out);
            }
        };
        let tagged_bytes = |tag, bytes: &[u8], out: &mut Vec<u8>| {
            out.push(tag);
            length(bytes.len(), out);
            out.extend_from_slice(bytes);
        };
        let number = |tag, n: f64, out: &mut Vec<u8>| {
            out.push(tag);
            float(n, out);
        };
        let text = |tag, text: &[u16], out: &mut Vec<u8>| {
            out.push(tag);
            units(text.iter().copied(), out);
        };
        match self {
            Made::Undefined => out.push(b'u'),
            Made::Null => out.push(b'n'),
            Made::Bool(b) => out.push(if *b { b't' } else { b'f' }),
            Made::Num(n) => number(b'N', *n, out),
            Made::BigInt(digits) => {
                out.push(b'I');
                units(digits.encode_utf16(), out);
            }
            Made::Text(units) => text(b'S', units, out),
            Made::Date(ms) => number(b'D', *ms, out),
            Made::Bytes(bytes) => tagged_bytes(b'B', bytes, out),
            Made::Buffer(bytes) => tagged_bytes(b'b', bytes, out),
            Made::Array(items) => {
                out.push(b'A');
                list(items, out);
            }
            Made::ArrayWith(items, more) => {
                out.push(b'P');
                list(items, out);
                pairs(more, out);
            }
            Made::Object(entries) => {
                out.push(b'O');
                pairs(entries, out);
            }
            Made::Set(items) => {
                out.push(b'#');
                list(items, out);
            }
            Made::Map(entries) => {
                out.push(b'%');
                pairs(entries, out);
            }
            Made::Error(message) => text(b'E', message, out),
            Made::RegExp(source) => text(b'X', source, out),
            Made::Boxed(n) => number(b'o', *n, out),
        }
    }

    /// The operation from which the contract makes this value.
    pub fn description(&self) -> Value {
        let units = |text: &[u16]| Value::Array(text.iter().map(|unit| Value::num(f64::from(*unit))).collect());
        let bytes = |bytes: &[u8]| Value::Array(bytes.iter().map(|byte| Value::num(f64::from(*byte))).collect());
        let list = |items: &[Made]| Value::Array(items.iter().map(Made::description).collect());
        let pairs = |pairs: &[(Vec<u16>, Made)]| {
            let pair = |(key, value): &(Vec<u16>, Made)| Value::Array(vec![units(key), value.description()]);
            Value::Array(pairs.iter().map(pair).collect())
        };
        let (tag, parts) = match self {
            Made::Undefined => ("=", vec![Value::Undefined]),
            Made::Null => ("=", vec![Value::Null]),
            Made::Bool(b) => ("=", vec![Value::Bool(*b)]),
            Made::Num(n) if *n == 0.0 && n.is_sign_negative() => ("-", vec![]),
            Made::Num(n) => ("N", vec![Value::num(*n)]),
            Made::BigInt(digits) => ("I", vec![Value::str(digits.as_str())]),
            Made::Text(text) => ("S", vec![units(text)]),
            Made::Date(ms) => ("D", vec![Value::num(*ms)]),
            Made::Bytes(content) => ("B", vec![bytes(content)]),
            Made::Buffer(content) => ("b", vec![bytes(content)]),
            Made::Array(items) => ("A", vec![list(items)]),
            Made::ArrayWith(items, more) => ("P", vec![list(items), pairs(more)]),
            Made::Object(entries) => ("O", vec![pairs(entries)]),
            Made::Set(items) => ("#", vec![list(items)]),
            Made::Map(entries) => ("%", vec![pairs(entries)]),
            Made::Error(message) => ("E", vec![units(message)]),
            Made::RegExp(source) => ("X", vec![units(source)]),
            Made::Boxed(n) => ("o", vec![Value::num(*n)]),
        };
        Value::Array([vec![Value::str(tag)], parts].concat())
    }
}

impl Generator {
    /// Text that may hold lone surrogates.
    fn units(&mut self) -> Vec<u16> {
        let mut units: Vec<u16> = self.text().encode_utf16().collect();
        if self.one_in(3) {
            for _ in 0..=self.below(2) {
                let lone = self.pick(&[0xd800, 0xdbff, 0xdc00, 0xdfff, 0xd83d, 0xde00]);
                let at = self.below(units.len() + 1);
                units.insert(at, lone);
            }
        }
        units
    }

    fn entries(&mut self, depth: usize) -> Vec<(Vec<u16>, Made)> {
        let count = self.below(4);
        (0..count)
            .map(|_| {
                let key = match self.below(8) {
                    0 => self.pick(&CALLED).encode_utf16().collect(),
                    1 => self.units(),
                    _ => self.key().encode_utf16().collect(),
                };
                (key, self.made(depth))
            })
            .collect()
    }

    /// A value as a contract may make it.
    pub fn made(&mut self, depth: usize) -> Made {
        match self.below(if depth == 0 { 16 } else { 26 }) {
            0 => Made::Undefined,
            1 => Made::Null,
            2 => Made::Bool(self.one_in(2)),
            3 | 4 => Made::Num(self.number()),
            5 => {
                let edge = self.pick(&[0, 1_i128 << 31, 1 << 53, 1 << 63, 1 << 64]) + self.below(3) as i128 - 1;
                Made::BigInt(if self.one_in(2) { edge } else { -edge }.to_string())
            }
            6..=9 => Made::Text(self.units()),
            10..=12 => Made::Date(self.date()),
            13 => Made::Bytes((0..self.size().min(300)).map(|_| self.next() as u8).collect()),
            14 => Made::Buffer((0..self.size().min(300)).map(|_| self.next() as u8).collect()),
            15 => match self.below(3) {
                0 => Made::Error(self.units()),
                1 => Made::RegExp(self.pick(&["a", "x+", "[0-9]"]).encode_utf16().collect()),
                _ => Made::Boxed(self.number()),
            },
            16..=18 => Made::Array((0..self.below(5)).map(|_| self.made(depth - 1)).collect()),
            19 => {
                let items = (0..self.below(4)).map(|_| self.made(depth - 1)).collect();
                let mut more = self.entries(depth - 1);
                // An index would make the array longer, by up to 2^32.
                more.retain(|(key, _)| !key.iter().all(|unit| (0x30..0x3a).contains(unit)));
                Made::ArrayWith(items, more)
            }
            20 => Made::Set((0..self.below(4)).map(|_| self.made(depth - 1)).collect()),
            21 => Made::Map(self.entries(depth - 1)),
            _ => Made::Object(self.entries(depth - 1)),
        }
    }
}

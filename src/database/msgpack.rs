//! The decoder for hostile msgpack: what msgpackr 1.5 to 1.12 reads, and where its versions disagree.
//!
//! Three outcomes. Bytes that every version reads alike, and packs again as the same value, give that value. Other bytes give
//! the value of one version, if we know one, and are marked `peculiar`: they accuse nobody. Bytes that no version reads are
//! [`DecodeError::Malformed`]; bytes that we do not read are [`DecodeError::Peculiar`].
//!
//! What decides is what msgpackr does, not what its format says (`docs/formats.md`, "Values"; [`super::msgpackr`]).
//! `tests/codec` compares the two, value by value.

use super::value::Value;
use super::{msgpackr, unicode};

/// Deepest nesting that is decoded. JavaScript's decoders recurse, and engines disagree about how far.
pub const MAX_DEPTH: usize = 500;

/// Room that an array or object is given before its items are there: counts are claims.
const FIRST_ROOM: usize = 16;

/// A decoded value, and whether every version of msgpackr reads these bytes that way.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The value.
    pub value: Value,
    /// Versions read these bytes differently or change the value when they pack it again, no version writes them, or the text
    /// is newer than the oldest engine's Unicode.
    pub peculiar: bool,
}

/// Why bytes are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No version of msgpackr reads these bytes.
    #[error("no msgpack at byte {at}: {why}")]
    Malformed {
        /// Offset of the byte that could not be read.
        at: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// Versions of msgpackr disagree whether these bytes can be read at all.
    #[error("msgpack that versions read differently at byte {at}: {why}")]
    Peculiar {
        /// Offset of the byte in question.
        at: usize,
        /// What is odd there.
        why: &'static str,
    },
}

/// Decodes one value that must fill `bytes` exactly.
///
/// # Errors
/// [`DecodeError`] for anything else; never panics, and allocates in proportion to `bytes`.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let mut reader = Reader { bytes, at: 0, peculiar: false };
    let value = reader.value(0)?;
    if reader.at != bytes.len() {
        return Err(DecodeError::Malformed { at: reader.at, why: "bytes after the value" });
    }
    Ok(Decoded { value, peculiar: reader.peculiar })
}

/// Whether a value that begins with this byte may be null or undefined; any other is neither, without being decoded.
pub fn may_be_nullish(tag: u8) -> bool {
    // Null, the reserved byte, and extensions.
    matches!(tag, 0xc0 | 0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    peculiar: bool,
}

impl<'a> Reader<'a> {
    fn malformed(&self, why: &'static str) -> DecodeError {
        DecodeError::Malformed { at: self.at, why }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let slice = end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| self.malformed("ends too early"))?;
        self.at = self.at.saturating_add(count);
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let slice = self.take(N)?;
        slice.try_into().map_err(|_| self.malformed("ends too early"))
    }

    fn size(&mut self, width: usize) -> Result<usize, DecodeError> {
        let slice = self.take(width)?;
        Ok(slice.iter().fold(0_usize, |size, &byte| size << 8 | usize::from(byte)))
    }

    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::Peculiar { at: self.at, why: "nested too deeply" });
        }
        let [tag] = self.array::<1>()?;
        Ok(match tag {
            0x00..=0x7f => Value::Num(f64::from(tag)),
            0x80..=0x8f => return self.map(usize::from(tag & 0x0f), depth),
            0x90..=0x9f => return self.list(usize::from(tag & 0x0f), depth),
            0xa0..=0xbf => self.string(usize::from(tag & 0x1f))?,
            0xc0 => Value::Null,
            // The reserved byte: an object of a class of its own, or whatever a version makes of it.
            0xc1 => {
                self.peculiar = true;
                Value::Undefined
            }
            0xc2 => Value::Bool(false),
            0xc3 => Value::Bool(true),
            0xc4..=0xc6 => {
                let size = self.size(1 << (tag - 0xc4))?;
                Value::Bytes(self.take(size)?.into())
            }
            0xc7..=0xc9 => {
                let size = self.size(1 << (tag - 0xc7))?;
                self.extension(size, false)?
            }
            0xca => Value::num(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Value::num(f64::from_be_bytes(self.array()?)),
            0xcc => Value::Num(f64::from(u8::from_be_bytes(self.array()?))),
            0xcd => Value::Num(f64::from(u16::from_be_bytes(self.array()?))),
            0xce => Value::Num(f64::from(u32::from_be_bytes(self.array()?))),
            0xcf => {
                self.peculiar = true;
                Value::BigInt(i128::from(u64::from_be_bytes(self.array()?)))
            }
            0xd0 => Value::Num(f64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Value::Num(f64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Value::Num(f64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => {
                self.peculiar = true;
                Value::BigInt(i128::from(i64::from_be_bytes(self.array()?)))
            }
            0xd4..=0xd8 => self.extension(1 << (tag - 0xd4), true)?,
            0xd9..=0xdb => {
                let size = self.size(1 << (tag - 0xd9))?;
                self.string(size)?
            }
            0xdc | 0xdd => {
                let count = self.size(if tag == 0xdc { 2 } else { 4 })?;
                return self.list(count, depth);
            }
            0xde | 0xdf => {
                let count = self.size(if tag == 0xde { 2 } else { 4 })?;
                return self.map(count, depth);
            }
            0xe0..=0xff => Value::Num(f64::from(i8::from_be_bytes([tag]))),
        })
    }

    fn string(&mut self, size: usize) -> Result<Value, DecodeError> {
        let bytes = self.take(size)?;
        Ok(Value::Str(match std::str::from_utf8(bytes) {
            Ok(text) => {
                self.peculiar |= !unicode::settled(text) || msgpackr::begins_with_mark(text);
                text.into()
            }
            Err(_) => {
                // With the add-on all versions replace alike; without it, or inside records, they do not.
                self.peculiar = true;
                String::from_utf8_lossy(bytes).into()
            }
        }))
    }

    // Counts are not compared with the bytes that are left: an extension may move the reader back, and then they can be true.
    fn list(&mut self, count: usize, depth: usize) -> Result<Value, DecodeError> {
        let mut items = Vec::with_capacity(count.min(FIRST_ROOM));
        for _ in 0..count {
            items.push(self.value(depth.saturating_add(1))?);
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, count: usize, depth: usize) -> Result<Value, DecodeError> {
        let mut pairs = Vec::with_capacity(count.min(FIRST_ROOM));
        for _ in 0..count {
            let key = match self.value(depth.saturating_add(1))? {
                Value::Str(key) => key,
                other => {
                    self.peculiar = true;
                    stringified(&other).ok_or(DecodeError::Peculiar { at: self.at, why: "a key that is no string" })?
                }
            };
            self.peculiar |= msgpackr::is_meddling(&key);
            pairs.push((key, self.value(depth.saturating_add(1))?));
        }
        let object = Value::object(pairs);
        self.peculiar |= matches!(&object, Value::Object(pairs) if pairs.len() > msgpackr::MOST_KEYS);
        Ok(object)
    }

    fn extension(&mut self, size: usize, fixed: bool) -> Result<Value, DecodeError> {
        let start = self.at;
        let [kind] = self.array::<1>()?;
        let data = self.take(size)?;
        match kind {
            0x00 => {
                self.peculiar |= !(fixed && *data == [0]);
                Ok(Value::Undefined)
            }
            0xff => {
                let date = msgpackr::read_date(data);
                self.peculiar |= date.peculiar;
                Ok(Value::Date(date.ms))
            }
            _ => Err(DecodeError::Peculiar { at: start, why: "an extension" }),
        }
    }
}

fn stringified(key: &Value) -> Option<Box<str>> {
    match key {
        Value::Undefined => Some("undefined".into()),
        Value::Null => Some("null".into()),
        Value::Bool(b) => Some(b.to_string().into()),
        Value::Num(n) if n.fract() == 0.0 && n.abs() < 1e15 => Some(format!("{n:.0}").into()),
        Value::BigInt(n) => Some(n.to_string().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    fn value(text: &str) -> Value {
        let decoded = decode(&hex(text)).unwrap();
        assert!(!decoded.peculiar, "{text}");
        decoded.value
    }

    /// The measured rows of `docs/formats.md`.
    #[test]
    fn reads_what_msgpackr_writes() {
        assert!(matches!(value("d40000"), Value::Undefined));
        assert!(value("cc7f").same(&Value::Num(127.0)));
        assert!(value("cb427a1fbd3ec13000").same(&Value::Num(1795226332179.0)));
        assert!(matches!(value("cb8000000000000000"), Value::Num(n) if n.is_sign_positive()));
        assert!(matches!(value("d4ffff"), Value::Date(n) if n.is_nan()));
        assert!(value("d6ff00000001").same(&Value::Date(1000.0)));
        assert!(value("d7ff1d59e60065 53f100").same(&Value::Date(1700000000123.0)));
        assert!(value("c70cff 3b8b87c0 ffffffffffffffff").same(&Value::Date(-1.0)));
        assert!(value("de0001a161d40000").same(&Value::object(vec![("a".into(), Value::Undefined)])));
    }

    #[test]
    fn says_where_versions_disagree() {
        for text in [
            "d30000000000000005",
            "8101c0",
            "a2c328",
            "81a95f5f70726f746f5f5f01",
            "81ab636f6e7374727563746f7201",
            "c70cff800000000000000000000005",
            "d7ffee6b280000000001",
            "a4efbbbf61",
            "d7ff0000000100000000",
            "d40001",
            "c1",
            "a4f09fabb7",
        ] {
            assert!(decode(&hex(text)).unwrap().peculiar, "{text}");
        }
        for text in ["d47240", "d47300", &"91".repeat(600)] {
            assert!(matches!(decode(&hex(text)), Err(DecodeError::Peculiar { .. })), "{text}");
        }
    }

    #[test]
    fn the_first_byte_tells_what_may_be_null() {
        for tag in 0..=255 {
            for (size, fill) in (0..24).flat_map(|size| [(size, 0), (size, 1), (size, 0xc0)]) {
                let bytes = [&[tag][..], &vec![fill; size]].concat();
                let nullish = decode(&bytes).is_ok_and(|decoded| decoded.value.is_nullish());
                assert!(!nullish || may_be_nullish(tag), "{tag:x}");
            }
        }
    }

    #[test]
    fn refuses_what_no_version_reads() {
        for text in ["", "c0c0", "a2", "ddffffffff", "dfffffffff", "c6ffffffff00", "cb00", "81a0", "c1c1ff"] {
            assert!(matches!(decode(&hex(text)), Err(DecodeError::Malformed { .. })), "{text}");
        }
    }
}

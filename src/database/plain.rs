//! Values on which all engines and all versions of msgpackr agree, wherever a value can go: read from a log, passed into a
//! contract and out of it, packed and published.
//!
//! A white list: what is not named here is not plain. `tests/codec` shows each entry against msgpackr 1.5.2 and 1.12.1.

use super::{Value, msgpackr, unicode};

/// Deepest plain nesting.
const MAX_DEPTH: usize = 100;
/// Longest plain text and bytes, in bytes.
const MAX_SIZE: usize = 1 << 20;
/// Most plain items of an array, and keys of an object.
const MAX_ITEMS: usize = 65_535;
/// First millisecond that is no plain date: 2^32 seconds, where msgpackr's shorter forms end.
const DATES_END: f64 = 4_294_967_296_000.0;

/// Names that every object inherits, that msgpackr calls on objects, or that engines ask objects for.
const CALLED: [&str; 15] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "__proto_",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "then",
    "toJSON",
    "toLocaleString",
    "toString",
    "valueOf",
];

impl Value {
    /// Is this a value of the white list?
    ///
    /// - undefined, null, booleans, finite numbers;
    /// - text and keys of characters that Unicode 13 assigns, no byte order mark first, and bytes, of at most 1 MiB each;
    /// - dates from 1970 to February 2106, in whole milliseconds;
    /// - arrays and objects of at most 65,535 items, 100 deep, without a key that is a name of `Object.prototype`'s, `toJSON`
    ///   or `then`.
    pub fn is_plain(&self) -> bool {
        is_plain(self, MAX_DEPTH)
    }
}

/// Is this path that a contract wrote plain?
pub fn is_plain_path(path: &str) -> bool {
    is_plain_text(path) && is_whole(path)
}

/// Is this value that a contract wrote plain? A contract may cut a character in half; how many replacement characters arrive then
/// differs.
pub fn is_plain_result(value: &Value) -> bool {
    fn whole(value: &Value) -> bool {
        match value {
            Value::Str(text) => is_whole(text),
            Value::Array(items) => items.iter().all(whole),
            Value::Object(pairs) => pairs.iter().all(|(key, value)| is_whole(key) && whole(value)),
            _ => true,
        }
    }
    // Plain values have few levels.
    value.is_plain() && whole(value)
}

fn is_whole(text: &str) -> bool {
    !text.contains(char::REPLACEMENT_CHARACTER)
}

fn is_plain(value: &Value, depth: usize) -> bool {
    match value {
        Value::Undefined | Value::Null | Value::Bool(_) => true,
        Value::Num(n) => n.is_finite() && !(*n == 0.0 && n.is_sign_negative()),
        Value::BigInt(_) => false,
        Value::Str(text) => is_plain_text(text),
        Value::Bytes(bytes) => bytes.len() <= MAX_SIZE,
        Value::Date(ms) => ms.fract() == 0.0 && (0.0..DATES_END).contains(ms),
        Value::Array(items) => {
            let Some(deeper) = depth.checked_sub(1) else { return false };
            items.len() <= MAX_ITEMS && items.iter().all(|item| is_plain(item, deeper))
        }
        Value::Object(pairs) => {
            let Some(deeper) = depth.checked_sub(1) else { return false };
            let plain = |(key, value): &(Box<str>, Value)| is_plain_key(key) && is_plain(value, deeper);
            pairs.len() <= MAX_ITEMS && pairs.iter().all(plain)
        }
    }
}

fn is_plain_text(text: &str) -> bool {
    text.len() <= MAX_SIZE && unicode::settled(text) && !msgpackr::begins_with_mark(text)
}

fn is_plain_key(key: &str) -> bool {
    !CALLED.contains(&key) && is_plain_text(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> Value {
        Value::object(vec![(key.into(), Value::Null)])
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
    }

    #[test]
    fn what_is_listed_is_plain() {
        for value in [
            Value::Undefined,
            Value::Num(0.1),
            Value::Num(-1e300),
            Value::str("caf\u{e9} \u{4e2d} \u{1f600}"),
            Value::Date(0.0),
            Value::Date(DATES_END - 1.0),
            Value::Bytes(vec![0; 300].into()),
            Value::Array(vec![Value::Null; MAX_ITEMS]),
            object("length"),
            object("10"),
            nested(MAX_DEPTH),
        ] {
            assert!(value.is_plain(), "{value:?}");
        }
    }

    #[test]
    fn what_is_not_listed_is_not_plain() {
        for value in [
            Value::Num(f64::NAN),
            Value::Num(f64::INFINITY),
            Value::Num(-0.0),
            Value::BigInt(1),
            Value::str("\u{1fae0}"),
            Value::str("\u{feff}x"),
            Value::str("x".repeat(MAX_SIZE + 1)),
            Value::Date(-1.0),
            Value::Date(0.5),
            Value::Date(DATES_END),
            Value::Date(f64::NAN),
            object("__proto__"),
            object("constructor"),
            object("toJSON"),
            Value::Array(vec![Value::Null; MAX_ITEMS + 1]),
            Value::Array(vec![object("valueOf")]),
            nested(MAX_DEPTH + 1),
        ] {
            assert!(!value.is_plain(), "{value:?}");
        }
    }
}

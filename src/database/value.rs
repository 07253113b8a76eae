//! One value type with exactly the distinctions that survive Vitra's pipeline.
//!
//! A contract's value goes through V8's structured clone and twice through msgpackr before it is a block
//! (`docs/formats.md`, "Values"). What remains different after that journey is different here, nothing else.

use std::collections::HashMap;

/// A value as a reader of the index sees it.
#[derive(Clone, Debug)]
pub enum Value {
    /// JavaScript's `undefined`; survives inside arrays and objects.
    Undefined,
    /// JavaScript's `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number that is no BigInt; never `-0` (msgpackr writes it as 0).
    Num(f64),
    /// A BigInt; 64 bits, signed or unsigned.
    BigInt(i128),
    /// A string; unpaired surrogates have become U+FFFD by now.
    Str(Box<str>),
    /// A `Buffer`, `Uint8Array` or `ArrayBuffer`.
    Bytes(Box<[u8]>),
    /// A `Date`, in milliseconds since 1970; NaN for an invalid one.
    Date(f64),
    /// An array; holes have become `undefined`.
    Array(Vec<Value>),
    /// A plain object, keys in JavaScript's order (integer-like keys first).
    Object(Vec<(Box<str>, Value)>),
}

impl Value {
    /// A number value, with `-0` written as `0` the way msgpackr does, and one NaN for all.
    pub fn num(n: f64) -> Self {
        Self::Num(if n == 0.0 {
            0.0
        } else if n.is_nan() {
            f64::NAN
        } else {
            n
        })
    }

    /// A string value.
    pub fn str(s: impl Into<Box<str>>) -> Self {
        Self::Str(s.into())
    }

    /// An object from pairs in the order of assignment: the last value of a key wins in the place of the first, and
    /// integer-like keys come first, ascending, as in every JavaScript object.
    pub fn object(pairs: Vec<(Box<str>, Value)>) -> Self {
        Self::Object(property_order(pairs))
    }

    /// The field `name` of an object.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(pairs) => pairs.iter().find(|(key, _)| &**key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Is this `null` or `undefined`? At the top level of an index value the two are one.
    pub fn is_nullish(&self) -> bool {
        matches!(self, Self::Undefined | Self::Null)
    }

    /// Equality of index values: lodash's `isEqual`, normalised as the rulebook says (top-level `undefined` is `null`,
    /// `-0` is `0`, key order does not matter, a date is its milliseconds).
    pub fn same(&self, other: &Value) -> bool {
        (self.is_nullish() && other.is_nullish()) || self.same_inside(other)
    }

    fn same_inside(&self, other: &Value) -> bool {
        match (self, other) {
            (Self::Undefined, Self::Undefined) | (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Num(a), Self::Num(b)) | (Self::Date(a), Self::Date(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Self::BigInt(a), Self::BigInt(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_inside(b)),
            (Self::Object(a), Self::Object(b)) => same_objects(a, b),
            _ => false,
        }
    }
}

type Pairs = [(Box<str>, Value)];

/// Above this many keys an object is compared and ordered through a hash map.
const FEW_KEYS: usize = 12;

fn same_objects(a: &Pairs, b: &Pairs) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // Almost always the two sides agree on the order as well.
    if a.iter().zip(b).all(|(a, b)| a.0 == b.0) {
        return a.iter().zip(b).all(|(a, b)| a.1.same_inside(&b.1));
    }
    if a.len() <= FEW_KEYS {
        let find = |key: &str| b.iter().find(|(k, _)| &**k == key).map(|(_, value)| value);
        return a.iter().all(|(key, value)| find(key).is_some_and(|other| value.same_inside(other)));
    }
    let index: HashMap<&str, &Value> = b.iter().map(|(key, value)| (&**key, value)).collect();
    a.iter().all(|(key, value)| index.get(&**key).is_some_and(|other| value.same_inside(other)))
}

/// The array index that a key is, if it is one (ECMA-262, integer-indexed keys up to 2^32 - 2).
fn array_index(key: &str) -> Option<u32> {
    let bytes = key.as_bytes();
    let canonical = match bytes {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 10 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    canonical.then(|| key.parse::<u32>().ok()).flatten().filter(|&index| index != u32::MAX)
}

fn property_order(pairs: Vec<(Box<str>, Value)>) -> Vec<(Box<str>, Value)> {
    let mut pairs = without_repeats(pairs);
    if pairs.iter().any(|(key, _)| array_index(key).is_some()) {
        // Stable: keys that are no index keep their order behind those that are.
        pairs.sort_by_key(|(key, _)| array_index(key).map_or((1, 0), |index| (0, index)));
    }
    pairs
}

fn without_repeats(pairs: Vec<(Box<str>, Value)>) -> Vec<(Box<str>, Value)> {
    if pairs.len() <= FEW_KEYS {
        // Almost never does a key come twice.
        let repeats = |(at, (key, _)): (usize, &(Box<str>, Value))| {
            pairs.iter().skip(at.saturating_add(1)).any(|(k, _)| k == key)
        };
        if !pairs.iter().enumerate().any(repeats) {
            return pairs;
        }
        let mut kept: Vec<(Box<str>, Value)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            match kept.iter_mut().find(|(k, _)| *k == key) {
                Some(slot) => slot.1 = value,
                None => kept.push((key, value)),
            }
        }
        return kept;
    }
    let mut place: HashMap<Box<str>, usize> = HashMap::with_capacity(pairs.len());
    let mut kept: Vec<(Box<str>, Value)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        match place.get(&key).and_then(|&at| kept.get_mut(at)) {
            Some(slot) => slot.1 = value,
            None => {
                place.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(keys: &[(&str, f64)]) -> Value {
        Value::object(keys.iter().map(|(k, v)| ((*k).into(), Value::num(*v))).collect())
    }

    #[test]
    fn equality_is_that_of_the_index() {
        assert!(Value::Undefined.same(&Value::Null));
        assert!(!Value::Array(vec![Value::Undefined]).same(&Value::Array(vec![Value::Null])));
        assert!(Value::Num(f64::NAN).same(&Value::Num(f64::NAN)));
        assert!(Value::Num(-0.0).same(&Value::Num(0.0)));
        assert!(!Value::Num(5.0).same(&Value::BigInt(5)));
        assert!(object(&[("a", 1.0), ("b", 2.0)]).same(&object(&[("b", 2.0), ("a", 1.0)])));
        assert!(!object(&[("a", 1.0)]).same(&object(&[("a", 1.0), ("b", 2.0)])));
        let with_undefined = Value::object(vec![("a".into(), Value::Undefined)]);
        assert!(!with_undefined.same(&Value::object(vec![])));
        assert!(!Value::Array(vec![]).same(&Value::object(vec![])));
    }

    #[test]
    fn objects_keep_javascripts_key_order() {
        let keys = |value: &Value| match value {
            Value::Object(pairs) => pairs.iter().map(|(k, _)| k.to_string()).collect::<Vec<_>>(),
            _ => vec![],
        };
        let many: Vec<(String, f64)> = (0..30).map(|i| (format!("k{}", i % 15), f64::from(i))).collect();
        let many: Vec<(&str, f64)> = many.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        assert_eq!(
            keys(&object(&[("b", 1.0), ("10", 2.0), ("2", 3.0), ("a", 4.0), ("b", 5.0)])),
            ["2", "10", "b", "a"]
        );
        assert_eq!(
            keys(&object(&[("4294967295", 1.0), ("01", 2.0), ("4294967294", 3.0)])),
            ["4294967294", "4294967295", "01"]
        );
        assert_eq!(keys(&object(&many)).len(), 15);
        assert!(object(&many).field("k3").is_some_and(|value| value.same(&Value::Num(18.0))));
    }
}

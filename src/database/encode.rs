//! Writing msgpack values: for logs that this program makes itself.
//!
//! The bytes are those of msgpackr 1.9 and later (`docs/formats.md`, "Values"), which every version reads the same way. An
//! auditor never compares encoded values: it decodes both sides.

use super::Value;

/// The bytes of a value.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    put(&mut out, value);
    out
}

/// `Value`s are at most [`super::msgpack::MAX_DEPTH`] deep where they come from logs, and the engine's budget bounds them
/// where they come from contracts; so the recursion is bounded too.
fn put(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Undefined => out.extend_from_slice(&[0xd4, 0, 0]),
        Value::Null => out.push(0xc0),
        Value::Bool(false) => out.push(0xc2),
        Value::Bool(true) => out.push(0xc3),
        Value::Num(n) => number(out, *n),
        Value::BigInt(n) => match (i64::try_from(*n), u64::try_from(*n)) {
            (Ok(n), _) => tagged(out, 0xd3, &n.to_be_bytes()),
            (_, Ok(n)) => tagged(out, 0xcf, &n.to_be_bytes()),
            // No value holds more than 64 bits: the boundary refuses them.
            _ => tagged(out, 0xd3, &[0; 8]),
        },
        Value::Str(text) => {
            header(out, text.len(), Some((0xa0, 32)), [Some(0xd9), Some(0xda), Some(0xdb)]);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Bytes(bytes) => {
            header(out, bytes.len(), None, [Some(0xc4), Some(0xc5), Some(0xc6)]);
            out.extend_from_slice(bytes);
        }
        Value::Date(ms) => date(out, *ms),
        Value::Array(items) => {
            header(out, items.len(), Some((0x90, 16)), [None, Some(0xdc), Some(0xdd)]);
            items.iter().for_each(|item| put(out, item));
        }
        Value::Object(pairs) => {
            // msgpackr leaves room for the count before it knows it, hence 16 bits even for few keys.
            header(out, pairs.len(), None, [None, Some(0xde), Some(0xdf)]);
            for (key, value) in pairs {
                put(out, &Value::Str(key.clone()));
                put(out, value);
            }
        }
    }
}

fn tagged(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn number(out: &mut Vec<u8>, n: f64) {
    let whole = n.fract() == 0.0 && n.abs() <= 4_294_967_295.0;
    let integer = if whole { n as i64 } else { i64::MAX };
    match integer {
        0..=0x7f => out.push(integer as u8),
        0x80..=0xff => tagged(out, 0xcc, &[integer as u8]),
        0x100..=0xffff => tagged(out, 0xcd, &(integer as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => tagged(out, 0xce, &(integer as u32).to_be_bytes()),
        -0x20..=-1 => out.push(integer as u8),
        -0x80..=-0x21 => tagged(out, 0xd0, &[integer as u8]),
        -0x8000..=-0x81 => tagged(out, 0xd1, &(integer as i16).to_be_bytes()),
        -0x8000_0000..=-0x8001 => tagged(out, 0xd2, &(integer as i32).to_be_bytes()),
        _ => tagged(out, 0xcb, &n.to_bits().to_be_bytes()),
    }
}

/// The smallest header of a counted thing: `short` is the one-byte form and how many it can say, then those of 8, 16 and
/// 32 bits.
fn header(out: &mut Vec<u8>, count: usize, short: Option<(u8, usize)>, [one, two, four]: [Option<u8>; 3]) {
    // Nothing that exists in memory here is longer than 32 bits can say.
    let long = u32::try_from(count).unwrap_or(u32::MAX);
    match (short, one, two) {
        (Some((tag, most)), ..) if count < most => out.push(tag | count as u8),
        (_, Some(tag), _) if count < 0x100 => tagged(out, tag, &[count as u8]),
        (_, _, Some(tag)) if count < 0x1_0000 => tagged(out, tag, &(count as u16).to_be_bytes()),
        _ => tagged(out, four.unwrap_or_default(), &long.to_be_bytes()),
    }
}

fn date(out: &mut Vec<u8>, ms: f64) {
    if ms.is_nan() {
        return out.extend_from_slice(&[0xd4, 0xff, 0xff]);
    }
    let seconds = (ms / 1000.0).floor();
    let millis = ms - seconds * 1000.0;
    let nanos = (millis * 1e6) as u32;
    if (0.0..4_294_967_296.0).contains(&seconds) {
        if nanos == 0 {
            tagged(out, 0xd6, &[0xff]);
            return out.extend_from_slice(&(seconds as u32).to_be_bytes());
        }
        if ms > 0.0 {
            // 30 bits of nanoseconds, 34 bits of seconds.
            tagged(out, 0xd7, &[0xff]);
            return out.extend_from_slice(&(u64::from(nanos) << 34 | seconds as u64).to_be_bytes());
        }
    }
    tagged(out, 0xc7, &[12, 0xff]);
    out.extend_from_slice(&nanos.to_be_bytes());
    out.extend_from_slice(&(seconds as i64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::decode;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Undefined),
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<f64>().prop_map(Value::num),
            any::<i32>().prop_map(|n| Value::num(f64::from(n))),
            (-70_000..70_000_i32).prop_map(|n| Value::num(f64::from(n))),
            any::<i64>().prop_map(|n| Value::BigInt(n.into())),
            any::<u64>().prop_map(|n| Value::BigInt(n.into())),
            "\\PC{0,40}".prop_map(Value::str),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Value::Bytes(bytes.into())),
            (-8_640_000_000_000_000..=8_640_000_000_000_000_i64).prop_map(|ms| Value::Date(ms as f64)),
            Just(Value::Date(f64::NAN)),
        ];
        leaf.prop_recursive(4, 64, 20, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..20).prop_map(Value::Array),
                prop::collection::vec(("[a-z0-9]{0,3}", inner), 0..6)
                    .prop_map(|pairs| Value::object(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in values()) {
            let bytes = encode(&value);
            let read = decode(&bytes).unwrap();
            prop_assert!(Value::Array(vec![read.value]).same(&Value::Array(vec![value])), "{:x?}", bytes);
        }
    }

    #[test]
    fn counts_of_every_size() {
        for count in [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536] {
            for value in [
                Value::str("x".repeat(count)),
                Value::Bytes(vec![7; count].into()),
                Value::Array(vec![Value::Null; count]),
            ] {
                assert!(decode(&encode(&value)).unwrap().value.same(&value), "{count}");
            }
        }
        // Bytes of msgpackr 1.12, seen in the corpus.
        assert_eq!(encode(&Value::object(vec![("op".into(), Value::str("S"))])), b"\xde\x00\x01\xa2op\xa1S");
    }
}

//! The form in which both sides write down a value, with every distinction that a `Value` makes (`answer.js`, `dump`).

use vitra_watch::database::Value;

pub fn dump(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put(value, &mut out);
    out
}

pub fn length(n: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(n).unwrap().to_le_bytes());
}

pub fn units(text: impl Iterator<Item = u16>, out: &mut Vec<u8>) {
    let start = out.len();
    length(0, out);
    text.for_each(|unit| out.extend_from_slice(&unit.to_le_bytes()));
    let count = u32::try_from((out.len() - start - 4) / 2).unwrap();
    out[start..start + 4].copy_from_slice(&count.to_le_bytes());
}

pub fn float(n: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(&if n.is_nan() { f64::NAN } else { n }.to_le_bytes());
}

fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Undefined => out.push(b'u'),
        Value::Null => out.push(b'n'),
        Value::Bool(b) => out.push(if *b { b't' } else { b'f' }),
        Value::Num(n) => {
            out.push(b'N');
            float(*n, out);
        }
        Value::BigInt(n) => {
            out.push(b'I');
            units(n.to_string().encode_utf16(), out);
        }
        Value::Str(text) => {
            out.push(b'S');
            units(text.encode_utf16(), out);
        }
        Value::Bytes(bytes) => {
            out.push(b'B');
            length(bytes.len(), out);
            out.extend_from_slice(bytes);
        }
        Value::Date(ms) => {
            out.push(b'D');
            float(*ms, out);
        }
        Value::Array(items) => {
            out.push(b'A');
            length(items.len(), out);
            items.iter().for_each(|item| put(item, out));
        }
        Value::Object(pairs) => {
            out.push(b'O');
            length(pairs.len(), out);
            for (key, value) in pairs {
                units(key.encode_utf16(), out);
                put(value, out);
            }
        }
    }
}

//! Bytes that stand at every edge of a format, the same at each run.

use vitra_watch::database::{Value, encode};

use super::generate::{CALLED, without_absurd_sizes};

/// Every first byte with bytes of several lengths and kinds behind it; every extension with every length and in every form; text,
/// arrays, objects and bytes at the edges of their formats; nesting.
pub fn edges() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for tag in 0..=255_u8 {
        for size in 0..24 {
            for fill in [0x00, 0x01, 0x04, 0x40, 0x7f, 0xa1, 0xc0, 0xe9, 0xff] {
                all.push([&[tag][..], &vec![fill; size]].concat());
            }
        }
    }
    for kind in 0..=255_u8 {
        for size in 0..20_u8 {
            for fill in [0x00, 0x01, 0x7f, 0x91, 0xff] {
                let data = vec![fill; size.into()];
                all.push([&[0xc7, size, kind][..], &data].concat());
                all.push([&[0x92, 0xc8, 0, size, kind][..], &data, &[0x93, 1, 2, 3]].concat());
                if size.is_power_of_two() && size <= 16 {
                    all.push([&[0xd4 + size.trailing_zeros() as u8, kind][..], &data].concat());
                    all.push([&[0x92, 0xd4 + size.trailing_zeros() as u8, kind][..], &data, &[0xa1, 0x61]].concat());
                }
            }
        }
    }
    let edges = (0..70).chain([126, 127, 128, 129, 138, 139, 140, 141, 178, 179, 180, 181, 182]);
    for count in edges.chain([254, 255, 256, 257, 4_095, 4_096, 5_999, 6_000, 6_001, 65_535, 65_536, 65_537]) {
        for unit in ["x", "é", "中", "🎉"] {
            let text = unit.repeat(count);
            for value in [
                Value::str(text.as_str()),
                Value::Array(vec![Value::str(text.as_str()), Value::str("é"), Value::str(format!("{text}y"))]),
                Value::object(vec![(text.as_str().into(), Value::str("z")), (format!("{text}é").into(), Value::Null)]),
            ] {
                all.push(encode(&value));
            }
            for at in [0, text.len()] {
                // A surrogate in the place of U+D7FF: ED A0 80 for ED 9F BF.
                let whole = [&text[..at], "\u{d7ff}", &text[at..]].concat();
                let mut bytes = encode(&Value::Array(vec![Value::str(whole.as_str()), Value::str("after")]));
                let found = bytes.windows(3).position(|three| three == b"\xed\x9f\xbf").unwrap();
                bytes[found..found + 3].copy_from_slice(b"\xed\xa0\x80");
                all.push(bytes);
            }
        }
        all.push(encode(&Value::Bytes(vec![7; count].into())));
        all.push(encode(&Value::Array(vec![Value::Num(1.0); count])));
        all.push(encode(&Value::Array(vec![Value::str("a"); count])));
        all.push(encode(&Value::Array(vec![Value::str("é"); count])));
        all.push(encode(&Value::object((0..count).map(|n| (format!("k{n}").into(), Value::Num(1.0))).collect())));
        all.push(encode(&Value::object((0..count).map(|n| (n.to_string().into(), Value::Null)).collect())));
    }
    for depth in [1, 2, 10, 100, 499, 500, 501, 600] {
        all.push([vec![0x91; depth], vec![0x01]].concat());
        all.push([[0x81, 0xa1, 0x61].repeat(depth), vec![0x01]].concat());
    }
    for first in CALLED {
        for second in CALLED {
            for value in [
                Value::Null,
                Value::Num(1.0),
                Value::str("x"),
                Value::Array(vec![Value::Num(1.0)]),
                Value::object(vec![("a".into(), Value::Num(1.0))]),
            ] {
                all.push(encode(&Value::object(vec![(first.into(), value.clone()), (second.into(), value)])));
            }
        }
    }
    all.iter_mut().for_each(|bytes| without_absurd_sizes(bytes));
    all
}

//! Where msgpackr reads or writes otherwise than the format says, or one version otherwise than another.
//!
//! Source: `unpack.js` and `pack.js` of msgpackr 1.5.2 and 1.12.1; `tests/codec` compares (`docs/formats.md`, "Values").

/// Most keys of an object that can be packed: the count has 16 bits. 1.5 writes a wrong one beyond, 1.12 refuses.
pub const MOST_KEYS: usize = 0xffff;

/// Characters (UTF-16 code units) from which on text is packed by Node, which knows U+FFFD, and no longer by msgpackr itself.
const PACKED_BY_NODE: usize = 64;

/// What an unpaired surrogate of shorter text is read as: one replacement character for each of its three bytes.
pub const SHORT_SURROGATE: &str = "\u{fffd}\u{fffd}\u{fffd}";

/// Does an object's own key of this name change how the object is read or packed?
///
/// `__proto__` sets the prototype in 1.5 and is renamed by 1.12. An object with its own `constructor` is no plain object to
/// msgpackr: 1.5 then calls its `hasOwnProperty`, 1.12 its `toJSON`.
pub fn is_meddling(key: &str) -> bool {
    matches!(key, "__proto__" | "constructor")
}

/// Text that begins with a byte order mark. Without its add-on msgpackr drops the mark of text of more than 64 bytes.
pub fn begins_with_mark(text: &str) -> bool {
    text.starts_with('\u{feff}')
}

/// A date as it was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadDate {
    /// Milliseconds since 1970; NaN for an invalid date.
    pub ms: f64,
    /// No version writes a date like this, or 1.5 changes this date when it packs it again.
    pub peculiar: bool,
}

/// The date in the data of an extension -1, by the arithmetic of `unpack.js`, which both versions share. It departs from the
/// format where no version writes: nanoseconds of 32 bits have a sign, and of 64 bits of seconds it reads the sign and the last 48.
pub fn read_date(data: &[u8]) -> ReadDate {
    let (seconds, nanos, written) = match *data {
        [a, b, c, d] => (f64::from(u32::from_be_bytes([a, b, c, d])), 0, true),
        [a, b, c, d, e, f, g, h] => {
            let word = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            // 30 bits and 34 bits: both conversions are exact.
            ((word & 0x3_ffff_ffff) as f64, (word >> 34) as i32, true)
        }
        [a, b, c, d, sign, ignored, e, f, g, h, i, j] => {
            let low = u64::from_be_bytes([0, 0, e, f, g, h, i, j]) as f64;
            let seconds = if sign & 0x80 == 0 { low } else { low - 281_474_976_710_656.0 };
            let said = i64::from_be_bytes([sign, ignored, e, f, g, h, i, j]);
            (seconds, i32::from_be_bytes([a, b, c, d]), (-8_640_000_000_000..=8_640_000_000_000).contains(&said))
        }
        _ => return ReadDate { ms: f64::NAN, peculiar: *data != [0xff] },
    };
    let ms = clip(f64::from(nanos) / 1e6 + seconds * 1000.0);
    let written = written && (0..1_000_000_000).contains(&nanos);
    ReadDate { ms, peculiar: !written || is_changed_by_1_5(ms) }
}

/// A time as `Date` holds it: cut towards zero, NaN beyond its range.
fn clip(ms: f64) -> f64 {
    let ms = ms.trunc();
    if ms.abs() <= 8.64e15 { ms + 0.0 } else { f64::NAN }
}

/// Does msgpackr 1.5 pack this date as another one?
pub fn is_changed_by_1_5(ms: f64) -> bool {
    (4_294_967_296_000.0..17_179_869_184_000.0).contains(&ms)
}

/// The date as which msgpackr 1.5 packs this one: between 2106 and 2514 it loses all but 32 bits of the seconds.
pub fn packed_by_1_5(ms: f64) -> f64 {
    if is_changed_by_1_5(ms) { ms % 4_294_967_296_000.0 } else { ms }
}

/// Text with unpaired surrogates (three bytes each, WTF-8) as it arrives: Node writes one U+FFFD for each; msgpackr, which packs
/// shorter text itself, writes the three bytes, each of which is then read as one. (The add-on reads; without it others come out.)
pub fn packed_text(wtf8: &[u8]) -> String {
    let mut rest = wtf8;
    let mut parts: Vec<Result<&str, ()>> = Vec::new();
    let mut units = 0_usize;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                units = units.saturating_add(text.encode_utf16().count());
                parts.push(Ok(text));
                break;
            }
            Err(error) => {
                let (valid, after) = rest.split_at_checked(error.valid_up_to()).unwrap_or((&[], rest));
                let text = std::str::from_utf8(valid).unwrap_or_default();
                units = units.saturating_add(text.encode_utf16().count()).saturating_add(1);
                parts.extend([Ok(text), Err(())]);
                rest = after.get(3..).unwrap_or_default();
            }
        }
    }
    let surrogate = if units < PACKED_BY_NODE { SHORT_SURROGATE } else { "\u{fffd}" };
    parts.into_iter().map(|part| part.unwrap_or(surrogate)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t96(nanos: u32, seconds: i64) -> ReadDate {
        read_date(&[&nanos.to_be_bytes()[..], &seconds.to_be_bytes()].concat())
    }

    #[test]
    fn dates_are_read_as_msgpackr_reads_them() {
        let sound = |ms| ReadDate { ms, peculiar: false };
        let odd = |ms| ReadDate { ms, peculiar: true };
        assert_eq!(t96(999_000_000, -1), sound(-1.0));
        assert_eq!(t96(0, 17_179_869_184), sound(17_179_869_184_000.0));
        assert_eq!(t96(1 << 31, 5), odd(2852.0), "nanoseconds with a sign");
        assert_eq!(t96(0, (1 << 48) + 5), odd(5000.0), "seconds of 48 bits");
        assert_eq!(t96(0, 4_294_967_296), odd(4_294_967_296_000.0), "1.5 packs it as 1970");
        assert!(read_date(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]).peculiar, "more nanoseconds than a second has");
        assert!(read_date(&[0xff]).ms.is_nan() && !read_date(&[0xff]).peculiar);
        assert!(read_date(&[0; 5]).ms.is_nan() && read_date(&[0; 5]).peculiar);
        assert_eq!(packed_by_1_5(4_294_967_296_001.0), 1.0);
        assert_eq!(packed_by_1_5(-1.0), -1.0);
    }

    #[test]
    fn a_lone_surrogate_depends_on_the_length_around_it() {
        let text = |before: usize| packed_text(&[&b"x".repeat(before)[..], b"\xed\xa0\x80"].concat());
        assert_eq!(text(0), "\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(text(62), format!("{}\u{fffd}\u{fffd}\u{fffd}", "x".repeat(62)));
        assert_eq!(text(63), format!("{}\u{fffd}", "x".repeat(63)));
        assert_eq!(packed_text("\u{1f389}".repeat(32).as_bytes()), "\u{1f389}".repeat(32));
        let halves = [&"\u{1f389}".repeat(31).into_bytes()[..], b"\xed\xa0\xbd", b"z"].concat();
        assert_eq!(packed_text(&halves), format!("{}\u{fffd}z", "\u{1f389}".repeat(31)));
    }
}

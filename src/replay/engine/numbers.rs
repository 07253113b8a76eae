//! Text to number, as the engine in this binary does it.
//!
//! QuickJS's `js_atod` cuts what follows the 18th significant digit, so it rounds wrongly just past half-way between two
//! numbers: `1.00000000000000011102230246251565404236316680908203126` gives 1. V8 rounds rightly, as ECMA-262 demands. A
//! participant may send such texts and numbers, so an honest executor would be accused. The linker (`build.rs`) directs every
//! call of `js_atod` outside its own file to the function here: literals, `Number`, `parseFloat`, `JSON.parse` and all
//! conversions that nobody wrote down.
#![allow(unsafe_code, reason = "defining a C symbol by name, which gets a pointer to a text")]

use std::ffi::{CStr, c_char, c_int, c_void};

/// The number that a text is, rounded to the nearest, to even when in the middle; NaN for what is no number.
fn number(text: &str, radix: u32) -> f64 {
    if radix == 10 {
        return text.parse().unwrap_or(f64::NAN);
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1.0, text), |digits| (-1.0, digits));
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let Some(digits) = digits.chars().map(|digit| digit.to_digit(radix)).collect::<Option<Vec<u32>>>() else {
        return f64::NAN;
    };
    sign * if radix.is_power_of_two() { binary(&digits, radix) } else { in_parts(&digits, radix) }
}

/// Exact, with the first 64 significant bits and whether any that follow is set.
fn binary(digits: &[u32], radix: u32) -> f64 {
    let bits = radix.trailing_zeros();
    let (mut head, mut tail, mut shift) = (0u64, false, 0i32);
    for digit in digits {
        if head >> (64 - bits) == 0 {
            head = head << bits | u64::from(*digit);
        } else {
            tail |= *digit != 0;
            shift = shift.saturating_add_unsigned(bits);
        }
    }
    // At least 59 bits: the last one is far below the half that decides, and keeps the direction of what was cut.
    if tail {
        head |= 1;
    }
    head as f64 * 2f64.powi(shift)
}

/// As V8's `NumberParseIntHelper`: exact below 2^53, and beyond with V8's errors of rounding.
fn in_parts(digits: &[u32], radix: u32) -> f64 {
    const LIMIT: u32 = u32::MAX / 36;
    let (mut value, mut part, mut multiplier) = (0.0f64, 0u32, 1u32);
    for digit in digits {
        let next = multiplier.saturating_mul(radix);
        if next > LIMIT {
            value = value * f64::from(multiplier) + f64::from(part);
            (part, multiplier) = (*digit, radix);
        } else {
            part = part.saturating_mul(radix).saturating_add(*digit);
            multiplier = next;
        }
    }
    value * f64::from(multiplier) + f64::from(part)
}

/// # Safety
/// `text` is a C string; `end` is null or points to a place for a pointer into it.
// SAFETY: the signature of `js_atod` in QuickJS's `dtoa.h`; the name is meant to stand for it, and build.rs says so.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_js_atod(
    text: *const c_char,
    end: *mut *const c_char,
    radix: c_int,
    _flags: c_int,
    _memory: *mut c_void,
) -> f64 {
    // SAFETY: the only caller, `js_atof`, passes a buffer that it has just ended with a zero.
    let bytes = unsafe { CStr::from_ptr(text) };
    if !end.is_null() {
        // SAFETY: the caller gives a place for the pointer; the text's end lies inside the text's allocation.
        unsafe { *end = text.add(bytes.count_bytes()) };
    }
    let radix = u32::try_from(radix).ok().filter(|radix| (2..=36).contains(radix));
    match (bytes.to_str(), radix) {
        (Ok(text), Some(radix)) => number(text, radix),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn digits_beyond_the_eighteenth_decide() {
        assert_eq!(number("1.00000000000000011102230246251565404236316680908203126", 10), 1.0000000000000002);
        assert_eq!(number("9007199254740993.0000000000000000001", 10), 9007199254740994.0);
        assert_eq!(number("9007199254740993", 10), 9007199254740992.0);
        assert!(number("-0", 10).is_sign_negative());
        assert_eq!(number("1e400", 10), f64::INFINITY);
    }

    #[test]
    fn other_radixes_round_to_even() {
        assert_eq!(number("20000000000001", 16), 9007199254740993u64 as f64);
        assert_eq!(number("20000000000001000000000000000000001", 16), 2f64.powi(84) * 9007199254740994.0);
        assert_eq!(number("zz", 36), 1295.0);
        assert_eq!(number("-101", 2), -5.0);
    }
}

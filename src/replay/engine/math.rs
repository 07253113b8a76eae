//! `Math` functions and `**` as V8 computes them, and whether all versions of V8 agree.
//!
//! Why: the last bit of `Math.sin(x)` depends on the library behind it. QuickJS calls the C library; V8 8.6 to 14.6 use
//! fdlibm's algorithms, and one for `pow` that changed between V8 12.4 and 13.6. Where the crate `libm` (same origin as
//! fdlibm), exact arithmetic, or a formula over those gives V8's bits in all its versions, the result is
//! [`Exactness::Same`]. Elsewhere it is [`Exactness::Differs`]: within an ulp or two, and an operation that uses it must
//! be tainted.
//!
//! Invariant: `Same` was never wrong over a million inputs a function and V8 version; figures and the commands that repeat
//! them are in `docs/engine-math.md`. `libm` is pinned to 0.2.11, since later versions changed `cbrt`.
//!
//! NaN results are [`Exactness::Same`]: JavaScript cannot tell NaNs apart.

/// Whether a result has the same bits in every engine that an executor may have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// All versions of V8 give this.
    Same,
    /// Some version of V8 may differ in the last bits: whatever depends on this value must be tainted.
    Differs,
}

use Exactness::{Differs, Same};

/// A result and whether it can be relied on.
pub type Answer = (f64, Exactness);

/// Below this (2^-28) odd functions with slope 1 at zero are the identity in fdlibm.
const TINY: f64 = 3.725_290_298_461_914e-9;

fn same(value: f64) -> Answer {
    (value, Same)
}

/// An odd function with slope 1 at zero: the argument itself where it is tiny, zero or NaN, else `otherwise`.
fn odd(x: f64, otherwise: impl FnOnce() -> Answer) -> Answer {
    if x.is_nan() || x.abs() < TINY { same(x) } else { otherwise() }
}

/// A value that only some engines agree on, unless it is NaN or an infinity.
fn rough(value: f64) -> Answer {
    (value, if value.is_finite() { Differs } else { Same })
}

/// `Math.tan`
pub fn tan(x: f64) -> Answer {
    same(libm::tan(x))
}

/// `Math.asin`
pub fn asin(x: f64) -> Answer {
    same(libm::asin(x))
}

/// `Math.acos`
pub fn acos(x: f64) -> Answer {
    same(libm::acos(x))
}

/// `Math.atan`
pub fn atan(x: f64) -> Answer {
    same(libm::atan(x))
}

/// `Math.atan2`
pub fn atan2(y: f64, x: f64) -> Answer {
    // fdlibm takes the angle for a right one when the quotient exceeds about 2^60, whatever the sign of x; libm rounds
    // the other way on the left side. It compares exponents, so do we.
    if y.is_finite() && x.is_finite() && x != 0.0 && y != 0.0 && quotient_exponent(y, x) > 60 {
        return same(std::f64::consts::FRAC_PI_2.copysign(y));
    }
    same(libm::atan2(y, x))
}

/// fdlibm's measure of how far apart two magnitudes are: the difference of the high words, shifted down to exponents.
fn quotient_exponent(y: f64, x: f64) -> i64 {
    let high = |v: f64| (v.abs().to_bits() >> 32) as i64;
    (high(y) - high(x)) >> 20
}

/// `Math.expm1`
pub fn expm1(x: f64) -> Answer {
    same(libm::expm1(x))
}

/// `Math.log2`
pub fn log2(x: f64) -> Answer {
    same(libm::log2(x))
}

/// `Math.cbrt`
pub fn cbrt(x: f64) -> Answer {
    same(libm::cbrt(x))
}

/// `Math.hypot` of any number of arguments: scaled by the greatest, squares added with Kahan's correction, as V8 does.
pub fn hypot(values: &[f64]) -> Answer {
    if values.iter().any(|v| v.is_infinite()) {
        return same(f64::INFINITY);
    }
    if values.iter().any(|v| v.is_nan()) {
        return same(f64::NAN);
    }
    let greatest = values.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    if greatest == 0.0 {
        return same(0.0);
    }
    let mut sum = 0.0;
    let mut correction = 0.0;
    for value in values {
        let part = value.abs() / greatest;
        let term = part * part - correction;
        let next = sum + term;
        correction = (next - sum) - term;
        sum = next;
    }
    same(sum.sqrt() * greatest)
}

/// `Math.tanh`
pub fn tanh(x: f64) -> Answer {
    odd(x, || {
        let size = x.abs();
        let value = if size >= 22.0 {
            1.0
        } else if size >= 1.0 {
            1.0 - 2.0 / (libm::expm1(2.0 * size) + 2.0)
        } else {
            let t = libm::expm1(-2.0 * size);
            -t / (t + 2.0)
        };
        same(value.copysign(x))
    })
}

/// `Math.sinh`: from `expm1` below 22, where `exp` takes over.
pub fn sinh(x: f64) -> Answer {
    odd(x, || {
        let size = x.abs();
        if size >= 22.0 {
            return rough(libm::sinh(x));
        }
        let half = 0.5_f64.copysign(x);
        let t = libm::expm1(size);
        same(if size < 1.0 { half * (2.0 * t - t * t / (t + 1.0)) } else { half * (t + t / (t + 1.0)) })
    })
}

/// `Math.cosh`: from `expm1` below ln(2)/2, where `exp` takes over.
pub fn cosh(x: f64) -> Answer {
    let size = x.abs();
    if size < 0.346_573 {
        let t = libm::expm1(size);
        let w = 1.0 + t;
        return same(1.0 + t * t / (w + w));
    }
    rough(libm::cosh(x))
}

/// `Math.sin`
pub fn sin(x: f64) -> Answer {
    odd(x, || rough(libm::sin(x)))
}

/// `Math.cos`
pub fn cos(x: f64) -> Answer {
    if x.abs() < TINY { same(1.0) } else { rough(libm::cos(x)) }
}

/// `Math.exp`
pub fn exp(x: f64) -> Answer {
    if x == 0.0 || x == f64::NEG_INFINITY || x < -745.2 {
        return same(if x == 0.0 { 1.0 } else { 0.0 });
    }
    if x.abs() < TINY { same(1.0 + x) } else { rough(libm::exp(x)) }
}

/// `Math.log`
pub fn log(x: f64) -> Answer {
    if x == 1.0 { same(0.0) } else { rough(libm::log(x)) }
}

/// `Math.log10`: exact for the powers of ten that a float holds exactly.
pub fn log10(x: f64) -> Answer {
    let mut power = 1.0;
    for exponent in 0..=22 {
        if power == x {
            return same(f64::from(exponent));
        }
        power *= 10.0;
    }
    rough(libm::log10(x))
}

/// `Math.log1p`
pub fn log1p(x: f64) -> Answer {
    if x == 0.0 { same(x) } else { rough(libm::log1p(x)) }
}

/// `Math.asinh`
pub fn asinh(x: f64) -> Answer {
    odd(x, || rough(libm::asinh(x)))
}

/// `Math.acosh`
pub fn acosh(x: f64) -> Answer {
    if x.is_nan() || x < 1.0 {
        same(f64::NAN)
    } else if x == 1.0 {
        same(0.0)
    } else {
        rough(libm::acosh(x))
    }
}

/// `Math.atanh`
pub fn atanh(x: f64) -> Answer {
    odd(x, || rough(libm::atanh(x)))
}

/// `Math.pow` and `**`.
///
/// The same everywhere: what the specification fixes (zeros, infinities, NaN), exponents 0, 1, 2 and 0.5, results that are
/// exact (integers to 2^53, powers of two, short binary fractions), clear overflow and underflow. `10 ** -4` is *not*: V8
/// 8.6 gives 0.00009999999999999999.
pub fn pow(x: f64, y: f64) -> Answer {
    if y == 0.0 {
        return same(1.0);
    }
    if x.is_nan() || y.is_nan() || (x.abs() == 1.0 && y.is_infinite()) {
        return same(f64::NAN);
    }
    if y == 1.0 {
        return same(x);
    }
    if y == 2.0 {
        return same(x * x);
    }
    if y == 0.5 {
        // Not the square root for two arguments: -Infinity and -0.
        return same(if x == f64::NEG_INFINITY { f64::INFINITY } else { (x + 0.0).sqrt() });
    }
    if x == 0.0 || x.is_infinite() || y.is_infinite() || x == 1.0 {
        return same(libm::pow(x, y));
    }
    let whole = y.trunc() == y;
    if x < 0.0 && !whole {
        return same(f64::NAN);
    }
    let sign = if x < 0.0 && y % 2.0 != 0.0 { -1.0 } else { 1.0 };
    let (digits, exponent) = odd_part(x.abs());
    let magnitude = y * (exponent as f64 + (digits as f64).log2());
    if magnitude > 1025.0 {
        return same(sign * f64::INFINITY);
    }
    if magnitude < -1077.0 {
        return same(sign * 0.0);
    }
    if whole && let Some(value) = exact_power(digits, exponent, y) {
        return same(sign * value);
    }
    (libm::pow(x, y), Differs)
}

/// `x` as `digits * 2^exponent` with odd digits. `x` is positive and finite.
fn odd_part(x: f64) -> (u64, i32) {
    let bits = x.to_bits();
    let field = (bits >> 52) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (digits, exponent) = if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
    let zeros = digits.trailing_zeros();
    (digits.checked_shr(zeros).unwrap_or(0), exponent + zeros as i32)
}

/// The power as a float, if it is one exactly. `y` is a whole number; the result is neither far too large nor too small.
fn exact_power(digits: u64, exponent: i32, y: f64) -> Option<f64> {
    // Within the bounds on the result's magnitude, y * exponent is far from overflowing.
    let shift = y * f64::from(exponent);
    if digits == 1 {
        let fits = (-1074.0..=1024.0).contains(&shift);
        return fits.then(|| if shift == 1024.0 { f64::INFINITY } else { power_of_two(shift as i32) });
    }
    // With three or more for digits, 3^33 < 2^53 < 3^34 bounds the exponent.
    if !(2.0..=33.0).contains(&y) {
        return None;
    }
    let result = digits.checked_pow(y as u32).filter(|r| *r <= 1 << 53)?;
    // Both factors are exact, and so is their product as long as it is a normal number.
    let normal = (-1022.0..=970.0).contains(&shift);
    normal.then(|| result as f64 * power_of_two(shift as i32))
}

/// 2^exponent for exponents from -1074 to 1023.
fn power_of_two(exponent: i32) -> f64 {
    if exponent >= -1022 {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    } else {
        f64::from_bits(1 << (exponent + 1074).clamp(0, 51))
    }
}

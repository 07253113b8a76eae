//! The C library's mathematics, as the engine in this binary gets it.
//!
//! QuickJS calls `pow`, `sin` and the like by name, for `Math` and for `**`. This module defines those names, so that the
//! linker gives the engine ours: results with V8's bits where all its versions agree, and otherwise a note that the
//! running operation touched something engine-specific ([`take`]). Nothing else in this program is sensitive to the last
//! bit of a sine.
#![allow(unsafe_code, reason = "defining a C symbol by name; the functions themselves are safe")]

use std::cell::Cell;

use super::math::{self, Answer, Exactness};

thread_local! {
    static TOUCHED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// The first function since the last call whose result engines disagree about.
pub fn take() -> Option<&'static str> {
    TOUCHED.take()
}

fn note(name: &'static str, (value, exactness): Answer) -> f64 {
    if exactness == Exactness::Differs && TOUCHED.get().is_none() {
        TOUCHED.set(Some(name));
    }
    value
}

macro_rules! symbols {
    ($($name:ident($($arg:ident),+) = $text:literal,)*) => {$(
        // SAFETY: the C library's signature of this function, all of it: doubles in, a double out. The name is meant to
        // replace the library's, for every caller in this binary.
        #[unsafe(no_mangle)]
        extern "C" fn $name($($arg: f64),+) -> f64 {
            note($text, math::$name($($arg),+))
        }
    )*};
}

symbols! {
    sin(x) = "Math.sin",
    cos(x) = "Math.cos",
    tan(x) = "Math.tan",
    asin(x) = "Math.asin",
    acos(x) = "Math.acos",
    atan(x) = "Math.atan",
    atan2(y, x) = "Math.atan2",
    sinh(x) = "Math.sinh",
    cosh(x) = "Math.cosh",
    tanh(x) = "Math.tanh",
    asinh(x) = "Math.asinh",
    acosh(x) = "Math.acosh",
    atanh(x) = "Math.atanh",
    exp(x) = "Math.exp",
    expm1(x) = "Math.expm1",
    log(x) = "Math.log",
    log2(x) = "Math.log2",
    log10(x) = "Math.log10",
    log1p(x) = "Math.log1p",
    cbrt(x) = "Math.cbrt",
    pow(x, y) = "Math.pow or **",
}

/// `Math.hypot` of any number of arguments, for the prelude.
pub fn hypot(values: &[f64]) -> f64 {
    note("Math.hypot", math::hypot(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine in this binary really calls the functions above, the operator included.
    #[test]
    fn the_engine_uses_these_functions() {
        let runtime = rquickjs::Runtime::new().unwrap();
        rquickjs::Context::full(&runtime).unwrap().with(|ctx| {
            take();
            let touched = |source: &str| {
                let value: f64 = ctx.eval(source).unwrap();
                (value, take())
            };
            assert_eq!(touched("2 ** 10"), (1024.0, None));
            assert_eq!(touched("Math.sqrt(2)").1, None);
            assert_eq!(touched("let a = 10; a ** -4").1, Some("Math.pow or **"));
            assert_eq!(touched("Math.pow(1.1, 2.3)").1, Some("Math.pow or **"));
            assert_eq!(touched("Math.sin(0.5)").1, Some("Math.sin"));
            assert_eq!(touched("Math.tan(0.5)").1, None);
        });
    }
}

//! `replay::engine::math` against V8: a result that claims to be the same everywhere is.
//!
//! The inputs and V8 8.6's results lie in `tests/differential/math/v8-8.6` (`x, y, result` as little-endian doubles). With
//! `VITRA_WATCH_MATH=DIR` the files of another V8 are checked too: `docs/engine-math.md` has the commands.

use std::path::{Path, PathBuf};
use vitra_watch::replay::engine::math::{self, Answer, Exactness};

const FUNCTIONS: [&str; 22] = [
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp",
    "expm1", "log", "log2", "log10", "log1p", "cbrt", "hypot", "pow",
];

fn answer(function: &str, x: f64, y: f64) -> Answer {
    match function {
        "sin" => math::sin(x),
        "cos" => math::cos(x),
        "tan" => math::tan(x),
        "asin" => math::asin(x),
        "acos" => math::acos(x),
        "atan" => math::atan(x),
        "atan2" => math::atan2(x, y),
        "sinh" => math::sinh(x),
        "cosh" => math::cosh(x),
        "tanh" => math::tanh(x),
        "asinh" => math::asinh(x),
        "acosh" => math::acosh(x),
        "atanh" => math::atanh(x),
        "exp" => math::exp(x),
        "expm1" => math::expm1(x),
        "log" => math::log(x),
        "log2" => math::log2(x),
        "log10" => math::log10(x),
        "log1p" => math::log1p(x),
        "cbrt" => math::cbrt(x),
        "hypot" => math::hypot(&[x, y]),
        "pow" => math::pow(x, y),
        other => panic!("no function {other}"),
    }
}

/// (inputs, claimed to be the same, claimed but wrong, other bits where they may differ)
fn compare(function: &str, file: &Path) -> (usize, usize, usize, usize) {
    let bytes = std::fs::read(file).unwrap();
    let numbers: Vec<f64> = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    let (mut same, mut wrong, mut differs) = (0, 0, 0);
    for triple in numbers.chunks_exact(3) {
        let (x, y, expected) = (triple[0], triple[1], triple[2]);
        let (value, exactness) = answer(function, x, y);
        let equal = value.to_bits() == expected.to_bits() || (value.is_nan() && expected.is_nan());
        match exactness {
            Exactness::Same => {
                same += 1;
                if !equal {
                    wrong += 1;
                    if wrong < 4 {
                        println!("{function}({x:?}, {y:?}) is {value:?}, V8 says {expected:?}");
                    }
                }
            }
            Exactness::Differs => differs += usize::from(!equal),
        }
    }
    (numbers.len() / 3, same, wrong, differs)
}

fn check(folder: &Path) {
    let mut bad = 0;
    println!("| function | inputs | the same in all engines | of these wrong | others that differ |");
    for function in FUNCTIONS {
        let (inputs, same, wrong, differs) = compare(function, &folder.join(format!("{function}.f64")));
        println!("| {function} | {inputs} | {same} | {wrong} | {differs} |");
        bad += wrong;
    }
    assert_eq!(bad, 0, "results that are not the same as V8's in {}", folder.display());
}

#[test]
fn as_v8_of_vitras_time() {
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/math/v8-8.6"));
}

#[test]
fn as_another_v8() {
    if let Some(folder) = std::env::var_os("VITRA_WATCH_MATH") {
        check(&PathBuf::from(folder));
    }
}

#[test]
fn powers_are_the_same_only_where_they_are() {
    let same = [
        (10.0, 15.0, 1e15),
        (10.0, 22.0, 1e22),
        (2.0, -1074.0, 5e-324),
        (2.0, -1030.0, 2.0_f64.powi(-1030)),
        (2.0, 1023.0, 2.0_f64.powi(1023)),
        (2.0, 1024.0, f64::INFINITY),
        (-2.0, 3.0, -8.0),
        (-0.5, 2.0, 0.25),
        (1.5, 3.0, 3.375),
        (9.0, 0.5, 3.0),
        (-8.0, 1.0 / 3.0, f64::NAN),
        (3.0, 33.0, 5_559_060_566_555_523.0),
        (1e300, 2.0, f64::INFINITY),
        (-1e300, 3.0, f64::NEG_INFINITY),
        (1e-300, 3.0, 0.0),
        (-0.0, -1.0, f64::NEG_INFINITY),
        (f64::NEG_INFINITY, 0.5, f64::INFINITY),
    ];
    for (x, y, expected) in same {
        let (value, exactness) = math::pow(x, y);
        assert_eq!(exactness, Exactness::Same, "{x} ** {y}");
        assert!(value == expected || value.is_nan() && expected.is_nan(), "{x} ** {y} = {value}");
    }
    for (x, y) in [(10.0, -4.0), (10.0, 23.0), (3.0, 34.0), (1.1, 3.0), (2.0, 0.3), (1923.0, -1.0)] {
        assert_eq!(math::pow(x, y).1, Exactness::Differs, "{x} ** {y}");
    }
}

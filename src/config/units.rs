//! Spans of time and amounts of bytes as people write them: a number and its unit, `15m`, `10GiB`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Longest span: a hundred years. Sums with a time of day cannot overflow.
const LONGEST: u64 = 100 * 366 * 24 * 3_600 * 1_000;

const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// The number and how much its unit is.
fn split(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Reads a span of time: `500ms`, `30s`, `15m`, `12h`, `3d`.
///
/// # Errors
/// What is wrong with it.
pub fn time(text: &str) -> Result<Duration, String> {
    let millis = split(text, &TIMES).filter(|millis| *millis <= LONGEST);
    millis.map(Duration::from_millis).ok_or_else(|| "a span of time is a number and its unit: 30s, 15m, 12h, 3d".into())
}

pub(super) fn deserialize_time<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    time(&String::deserialize(from)?).map_err(de::Error::custom)
}

pub(super) fn deserialize_some_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    deserialize_time(from).map(Some)
}

/// As [`deserialize_time`], or `never`.
pub(super) fn deserialize_time_or_never<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    if text == "never" {
        return Ok(None);
    }
    time(&text).map(Some).map_err(|why| de::Error::custom(format!("{why}; or never")))
}

/// An amount of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// So many MiB.
    pub const fn mib(count: u64) -> Size {
        Size(count.saturating_mul(1 << 20))
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = SIZES.iter().rev().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match fits {
            Some((unit, factor)) => write!(out, "{}{unit}", self.0.checked_div(*factor).unwrap_or(0)),
            None => write!(out, "{} bytes", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Size, D::Error> {
        let size = split(&String::deserialize(from)?, &SIZES).map(Size);
        size.ok_or_else(|| de::Error::custom("a size is a number and its unit: 512MiB, 10GiB"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the reading of units: no number without one, none that overflows.
    #[test]
    fn numbers_and_units() {
        for (text, millis) in [("0s", 0), ("250ms", 250), ("30s", 30_000), ("15 m", 900_000), ("3d", 259_200_000)] {
            assert_eq!(time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in
            ["", "15", "m", "-1s", "+1s", "1.5h", "1h30m", "1 hour", "99999999999d", "18446744073709551616s", "é"]
        {
            assert!(time(bad).is_err(), "{bad}");
        }
        assert_eq!(split("10GiB", &SIZES), Some(10 << 30));
        assert_eq!(split("10GB", &SIZES), None);
        assert_eq!(split("99999999TiB", &SIZES), None);
        assert_eq!(Size::mib(10_240).to_string(), "10GiB");
        assert_eq!(Size::mib(1_500).to_string(), "1500MiB");
        assert_eq!(Size(0).to_string(), "0 bytes");
    }
}

//! Text on pages: what strangers wrote, made visible and harmless; times, sizes and keys as people read them.
//!
//! Markup is escaped by maud, where it is written. This module is for what HTML lets through: control characters, what turns the
//! direction of text, and length.

use maud::{Markup, html};

pub use crate::escape::{escape, escape_json};

use crate::escape::escape_within;
use crate::watch::Millis;

/// Longest name, message and value that a page shows; what is cut is said.
const NAME: usize = 80;
const SENTENCE: usize = 2_000;
const VALUE: usize = 4_000;

/// A name: short, and apart from the direction of the text around it.
pub fn name(text: &str) -> Markup {
    html! { bdi { @if text.trim().is_empty() { "(no name)" } @else { (escape_within(text, NAME)) } } }
}

/// A name where there can be no markup.
pub fn plain_name(text: &str) -> String {
    if text.trim().is_empty() { "(no name)".to_owned() } else { escape_within(text, NAME) }
}

/// A sentence.
pub fn sentence(text: &str) -> Markup {
    html! { bdi { (escape_within(text, SENTENCE)) } }
}

/// A path of the index.
pub fn path(text: &str) -> Markup {
    html! { code { bdi { (escape_within(text, SENTENCE)) } } }
}

/// A value as JSON with line breaks.
pub fn value(value: &serde_json::Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let text = escape_json(&text);
    match text.char_indices().find(|(at, _)| *at >= VALUE) {
        Some((cut, _)) => format!("{}… ({} bytes in all)", text.get(..cut).unwrap_or_default(), text.len()),
        None => text,
    }
}

/// The beginning of a key or digest.
pub fn short(hex: &str) -> &str {
    hex.get(..8).unwrap_or(hex)
}

/// A point in time as RFC 3339 has it, in UTC.
pub fn iso(at: Millis) -> String {
    let seconds = at.div_euclid(1_000);
    // Whole seconds; what is out of range is the clock's fault and shown as the beginning.
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// A point in time for people.
pub fn date(at: Millis) -> String {
    let iso = iso(at);
    format!("{} UTC", iso.get(..16).unwrap_or(&iso).replace('T', " "))
}

/// A point in time, how long ago, and for machines.
pub fn time(at: Millis, now: Millis) -> Markup {
    html! { time datetime=(iso(at)) title=(date(at)) { (ago(now.saturating_sub(at))) } }
}

/// A point in time, in full.
pub fn full_time(at: Millis) -> Markup {
    html! { time datetime=(iso(at)) { (date(at)) } }
}

/// How long something lasted, in the largest unit that fits.
pub fn duration(milliseconds: Millis) -> String {
    let seconds = milliseconds.max(0) / 1_000;
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn ago(milliseconds: Millis) -> String {
    if milliseconds < 1_000 { "just now".to_owned() } else { format!("{} ago", duration(milliseconds)) }
}

/// A number of bytes.
pub fn bytes(count: u64) -> String {
    // Shown with one digit behind the point: no bit that is lost matters.
    let float = count as f64;
    match count {
        ..1_000 => format!("{count} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", float / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", float / 1e6),
        _ => format!("{:.1} GB", float / 1e9),
    }
}

/// A number with its noun.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

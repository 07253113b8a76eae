//! Badges: a database's verdict as a small picture, for other people's pages. Nothing in it comes from logs or configuration.

use maud::{Markup, PreEscaped, html};

use super::pages::words;
use crate::replay::finding::Verdict;

const LEFT: &str = "vitra-watch";
/// Pixels of a letter, on the average: the text is stretched to them, so that no font overflows.
const LETTER: usize = 7;
const MARGIN: usize = 7;

fn colour(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Verified) => "#1a6b35",
        Some(Verdict::Violated) => "#b3171d",
        Some(Verdict::Unverifiable) => "#8a5a00",
        Some(Verdict::Incomplete) => "#2f5f9e",
        None => "#5b6470",
    }
}

/// The badge of a database with this verdict.
pub fn svg(verdict: Option<Verdict>) -> Markup {
    let right = words(verdict);
    let (a, b) = (LEFT.len() * LETTER, right.len() * LETTER);
    let (left_width, width) = (a + 2 * MARGIN, a + b + 4 * MARGIN);
    html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"))
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height="20" role="img" aria-label=(format!("{LEFT}: {right}")) {
            title { (LEFT) ": " (right) }
            clipPath id="round" { rect width=(width) height="20" rx="3" {} }
            g clip-path="url(#round)" {
                rect width=(left_width) height="20" fill="#363b42" {}
                rect x=(left_width) width=(width - left_width) height="20" fill=(colour(verdict)) {}
            }
            g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" {
                text x=(MARGIN) y="14" textLength=(a) { (LEFT) }
                text x=(left_width + MARGIN) y="14" textLength=(b) { (right) }
            }
        }
    }
}

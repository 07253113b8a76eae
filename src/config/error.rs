//! What is wrong with a configuration, and where.

use std::fmt;

use serde_saphyr::{Error as Yaml, Location};

use super::parse;
use crate::escape::{escape, is_harmful};

/// The ways to name a secret.
const SECRET: [&str; 3] = ["file", "credential", "env"];
/// Longest line that is shown; longer ones are cut around the place.
const WIDTH: usize = 100;

/// Something is wrong with the configuration. Shown as `FILE:LINE:COLUMN: what`, with the line below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    file: String,
    message: String,
    place: Option<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: u64,
    column: u64,
    text: String,
}

impl std::error::Error for Error {}

impl Error {
    pub(super) fn new(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), message: message.into(), place: None }
    }

    /// At a place of the text.
    pub(super) fn at(file: &str, text: &str, location: Location, message: impl Into<String>) -> Self {
        let error = Self::new(file, message);
        if location.line() == 0 {
            return error;
        }
        let line = usize::try_from(location.line()).unwrap_or(usize::MAX).saturating_sub(1);
        let shown = text.lines().nth(line).unwrap_or_default().to_owned();
        Self { place: Some(Place { line: location.line(), column: location.column(), text: shown }), ..error }
    }

    /// What the YAML library says, in our words where it has none for people.
    pub(super) fn of_yaml(file: &str, text: &str, error: &Yaml) -> Self {
        let error = error.without_snippet();
        let message = match error {
            // Whoever writes a secret into the file shall not find it in a log as well.
            Yaml::SerdeUnknownVariant { expected, .. } if *expected == SECRET => parse::SECRET_HERE.to_owned(),
            Yaml::SerdeUnknownField { field, expected, .. } => unknown("key", field, expected),
            Yaml::SerdeUnknownVariant { variant, expected, .. } => unknown("name", variant, expected),
            Yaml::SerdeMissingField { field, .. } => format!("the key `{field}` is missing here"),
            Yaml::Message { msg, .. } | Yaml::SerdeVariantId { msg, .. } => in_our_words(msg),
            Yaml::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` stands here a second time"),
            Yaml::SerdeInvalidType { unexpected, expected, .. }
            | Yaml::SerdeInvalidValue { unexpected, expected, .. } => {
                format!("{expected} belongs here, and this is {unexpected}")
            }
            Yaml::Unexpected { expected, .. } => match *expected {
                "mapping start" => "keys with values (`key: value`) belong here".to_owned(),
                "sequence start" => "a list belongs here".to_owned(),
                "string scalar" => "a text belongs here".to_owned(),
                other => format!("{other} belongs here"),
            },
            Yaml::InvalidScalar { ty, .. } if ty.contains("64") => "a whole number belongs here".to_owned(),
            Yaml::MultipleDocuments { .. } => "a configuration is one document: leave `---` out".to_owned(),
            Yaml::Budget { .. } => "this is more than a configuration may have".to_owned(),
            other => plain(&other.to_string()),
        };
        let hides = [parse::SECRET_HERE, parse::SECRET_IN_URL].contains(&&*message);
        let mut wrong = match error.location() {
            Some(location) => Self::at(file, text, location, message),
            None => Self::new(file, message),
        };
        if let Some(place) = wrong.place.as_mut().filter(|_| hides) {
            place.text.clear();
        }
        wrong
    }

    /// Line and column, from 1, where there is a place.
    pub fn place(&self) -> Option<(u64, u64)> {
        self.place.as_ref().map(|place| (place.line, place.column))
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// What types of the standard library say of themselves, as a file's writer understands it.
fn in_our_words(text: &str) -> String {
    let is_address = text.ends_with("socket address syntax");
    if is_address { "an address here is IP:PORT".to_owned() } else { text.to_owned() }
}

/// The first line, without the place that the library puts before or behind it.
fn plain(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.rsplit_once(" at line ").map_or(line, |(before, _)| before).to_owned()
}

pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let near = known.iter().map(|known| (strsim::jaro_winkler(name, known), *known));
    let near = near.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, near)) => format!("unknown {what} `{name}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{name}`; known are {}", listed(known)),
    }
}

/// Names as a sentence has them.
pub(super) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is wrong may quote the file, and a file may hold anything.
        let (file, message) = (escape(&self.file), escape(&self.message));
        let Some(Place { line, column, text }) = &self.place else {
            return write!(out, "{file}: {message}");
        };
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let before = usize::try_from(*column).unwrap_or(usize::MAX).saturating_sub(1);
        let cut = before.saturating_sub(WIDTH / 2);
        // What is not shown as it is takes as much room as the mark below takes it to.
        let plain = |c| if is_harmful(c) { ' ' } else { c };
        let shown: String = text.chars().skip(cut).take(WIDTH).map(plain).collect();
        let indent = " ".repeat(before.saturating_sub(cut).min(WIDTH));
        writeln!(out, "{file}:{line}:{column}: {message}")?;
        write!(out, "{margin} |\n{number} | {shown}\n{margin} | {indent}^")
    }
}

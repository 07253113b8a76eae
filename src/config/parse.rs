//! From the text of a file to a [`Config`]: each value becomes at once what it means, so that what is wrong is known where it stands.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use lettre::message::Mailbox;
use reqwest::Url;
use serde::{Deserialize, Deserializer, de};

use super::{Channel, Config, Error, check};
use crate::hypercore::Key;

/// Said of a secret that stands in the file.
pub(super) const SECRET_HERE: &str =
    "a secret never stands in this file: name its place with `file: PATH`, `credential: NAME` or `env: NAME`";
/// Said of a secret that stands in a URL.
pub(super) const SECRET_IN_URL: &str = "no secrets stand in this file: leave user and password out of the URL";

/// Largest file that is read.
const LARGEST: u64 = 16 << 20;
/// Longest name, and longest value of a label, in characters.
const LONGEST_NAME: usize = 100;
/// Labels of one database.
const MOST_LABELS: usize = 16;

impl Config {
    /// Reads the configuration in a file.
    ///
    /// # Errors
    /// What is wrong with it, and where; or why the file cannot be read.
    pub fn load(path: &Path) -> Result<Config, Error> {
        let name = path.display().to_string();
        let fail = |why: &dyn Display| Error::new(&name, why.to_string());
        let file = std::fs::File::open(path).map_err(|e| fail(&e))?;
        let mut text = String::new();
        file.take(LARGEST.saturating_add(1)).read_to_string(&mut text).map_err(|e| fail(&e))?;
        if text.len() as u64 > LARGEST {
            return Err(fail(&"the file is too large for a configuration"));
        }
        Config::parse(&text, &name)
    }

    /// Reads the configuration in a text; `name` is what errors call it.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str, name: &str) -> Result<Config, Error> {
        let config: Config = yaml(text, name)?;
        check::check(&config, text, name)?;
        Ok(config)
    }
}

/// One document. The library's budgets stop aliases that would unfold without end; nothing here needs more than a few.
pub(super) fn yaml<'a, T: Deserialize<'a>>(text: &'a str, name: &str) -> Result<T, Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_anchors: 1_000, max_aliases: 1_000, max_depth: 16 },
    };
    // An empty file is a configuration in which everything is as by default, not a null.
    let blank = text.lines().all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#'));
    let text = if blank { "{}" } else { text };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| Error::of_yaml(name, text, &error))
}

/// A part of which nothing is there but its name and comments: as if it were not there.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A mail address, with or without a name.
pub(super) struct Address(Mailbox);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let address = String::deserialize(from)?.parse().map(Address);
        address.map_err(|_| de::Error::custom("this is no mail address: USER@HOST or NAME <USER@HOST>"))
    }
}

pub(super) fn mailbox<'de, D: Deserializer<'de>>(from: D) -> Result<Mailbox, D::Error> {
    Address::deserialize(from).map(|Address(mailbox)| mailbox)
}

pub(super) fn mailboxes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Mailbox>, D::Error> {
    let list: Vec<Address> = or_default(from)?;
    some(list.into_iter().map(|Address(mailbox)| mailbox).collect())
}

/// A value that is written as text.
struct Text<T>(T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Text).map_err(de::Error::custom)
    }
}

pub(super) fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<T, D::Error> {
    Text::deserialize(from).map(|Text(value)| value)
}

pub(super) fn list<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<Vec<T>, D::Error> {
    let list: Vec<Text<T>> = or_default(from)?;
    Ok(list.into_iter().map(|Text(value)| value).collect())
}

pub(super) fn list_of_some<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<Vec<T>, D::Error> {
    some(list(from)?)
}

fn some<T, E: de::Error>(list: Vec<T>) -> Result<Vec<T>, E> {
    if list.is_empty() { Err(E::custom("at least one belongs here")) } else { Ok(list) }
}

pub(super) fn key<'de, D: Deserializer<'de>>(from: D) -> Result<Key, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = "this is no key: 64 hex digits or 52 letters of z-base-32, with or without hyper://";
    crate::archive::parse_link(&text).ok_or_else(|| de::Error::custom(wrong))
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME && !text.chars().any(crate::escape::is_harmful)
}

/// One line that people can read, and that cannot fool them.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if is_name(&text) {
            return Ok(Name(text));
        }
        let wrong =
            format!("1 to {LONGEST_NAME} characters on one line belong here, without any that control a terminal");
        Err(de::Error::custom(wrong))
    }
}

pub(super) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Name::deserialize(from).map(|Name(name)| name)
}

pub(super) fn some_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    name(from).map(Some)
}

/// The name of a channel or label: it goes into metrics, file names and command lines.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let fits = text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if fits && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(Word(text));
        }
        Err(de::Error::custom("a name here begins with a letter and goes on with letters, digits, - and _, 64 in all"))
    }
}

pub(super) fn labels<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let labels: BTreeMap<Word, Name> = or_default(from)?;
    if labels.len() > MOST_LABELS {
        return Err(de::Error::custom(format!("at most {MOST_LABELS} labels belong here")));
    }
    Ok(labels.into_iter().map(|(Word(name), Name(value))| (name, value)).collect())
}

pub(super) fn channels<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Channel>, D::Error> {
    let channels: BTreeMap<Word, Channel> = or_default(from)?;
    Ok(channels.into_iter().map(|(Word(name), channel)| (name, channel)).collect())
}

pub(super) fn percent<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let percent = u64::deserialize(from)?;
    if (1..=100).contains(&percent) {
        return Ok(percent);
    }
    Err(de::Error::custom("percent belong here, from 1 to 100"))
}

pub(super) fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    let text = String::deserialize(from)?;
    let url: Url = text.parse().map_err(|why| de::Error::custom(format!("this is no URL: {why}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(de::Error::custom("a URL here begins with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(de::Error::custom(SECRET_IN_URL));
    }
    if url.fragment().is_some() {
        return Err(de::Error::custom("a fragment (#…) is never sent: leave it out of the URL"));
    }
    Ok(url)
}

pub(super) fn some_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    url(from).map(Some)
}

//! Findings as feeds: Atom (RFC 4287) and JSON Feed 1.1.
//!
//! An entry keeps its identity whatever becomes of the finding, and its date of change moves with its status, so that readers show a
//! clearing as they showed the accusation. Notices are left out.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};
use serde_json::{Value as Json, json};

use super::Site;
use super::explain::{accuses, explain, standing};
use super::store::name_of;
use super::text::{escape, iso, plain_name};
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::watch::Millis;
use crate::watch::state::{FindingRow, Status};

/// A feed, whatever its form.
#[derive(Clone, Debug)]
pub struct Feed {
    title: String,
    author: String,
    id: String,
    /// Its own address and that of the page it belongs to, without the suffix of its form.
    address: String,
    page: String,
    updated: Millis,
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
struct Item {
    id: String,
    page: String,
    title: String,
    text: String,
    published: Millis,
    updated: Millis,
    class: &'static str,
}

/// An identity as a URN, from the first half of a hash: a UUID of version 8 (RFC 9562).
fn urn(hash: &str) -> String {
    let hex: String = hash.chars().filter(char::is_ascii_hexdigit).chain(std::iter::repeat('0')).take(32).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Without what XML 1.0 cannot say; controls are visible already.
fn xml(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

impl Feed {
    /// The feed of all databases, or of one.
    pub fn new(site: &Site, database: Option<&Key>, findings: &[FindingRow], names: &BTreeMap<Key, String>) -> Feed {
        let below = database.map_or_else(String::new, |key| format!("database/{}/", to_hex(key)));
        let title = match database {
            None => plain_name(&site.title),
            Some(key) => format!("{}: {}", plain_name(&site.title), plain_name(name_of(names, key, &to_hex(key)))),
        };
        let subject = format!("{}\n{below}", site.watcher);
        let items: Vec<Item> = findings.iter().map(|row| Item::new(site, row, names)).collect();
        Feed {
            title,
            author: plain_name(&site.watcher),
            id: urn(&to_hex(&crate::hypercore::hash::blake2b(&[b"vitra-watch feed\0", subject.as_bytes()]))),
            address: site.link(&format!("{below}feed")),
            page: site.link(below.trim_end_matches('/')),
            updated: items.iter().map(|item| item.updated).max().unwrap_or(0),
            items,
        }
    }
}

impl Item {
    fn new(site: &Site, row: &FindingRow, names: &BTreeMap<Key, String>) -> Item {
        let finding = &row.finding;
        let hex = to_hex(&row.database);
        let name = plain_name(name_of(names, &row.database, &hex));
        let words = explain(finding.kind);
        let state = match row.status {
            Status::Open | Status::Acknowledged => String::new(),
            ended => format!(" ({})", standing(ended)),
        };
        let text = format!(
            "{}\n\nAccused: {}\n\n{} {}\n\nDatabase: {hex}",
            escape(&finding.message),
            accuses(finding, row.status),
            words.shows,
            words.not
        );
        Item {
            id: urn(&finding.id),
            page: site.link(&format!("finding/{}", finding.id)),
            title: format!("{name}: {}{state}", words.title),
            text,
            published: row.found_at,
            updated: row.changed_at.max(row.found_at),
            class: finding.kind.name(),
        }
    }
}

/// As Atom.
pub fn atom(feed: &Feed) -> Markup {
    html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"))
        feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en" {
            id { (feed.id) }
            title { (xml(&feed.title)) }
            updated { (iso(feed.updated)) }
            author { name { (xml(&feed.author)) } }
            (link("self", "application/atom+xml", &format!("{}.atom", feed.address)))
            (link("alternate", "text/html", &feed.page))
            generator version=(env!("CARGO_PKG_VERSION")) { "vitra-watch" }
            @for item in &feed.items {
                entry {
                    id { (item.id) }
                    title { (xml(&item.title)) }
                    published { (iso(item.published)) }
                    updated { (iso(item.updated)) }
                    category term=(item.class) {}
                    (link("alternate", "text/html", &item.page))
                    content type="text" { (xml(&item.text)) }
                }
            }
        }
    }
}

/// A link of Atom: maud would leave HTML's `link` open.
fn link(rel: &str, kind: &str, href: &str) -> Markup {
    let attributes = html! { (PreEscaped("<link rel=\"")) (rel) (PreEscaped("\" type=\"")) (kind) (PreEscaped("\" href=\"")) (xml(href)) (PreEscaped("\"/>")) };
    attributes
}

/// As JSON Feed.
pub fn json(feed: &Feed) -> Json {
    let items = feed.items.iter().map(|item| {
        json!({
            "id": item.id,
            "url": item.page,
            "title": item.title,
            "content_text": item.text,
            "date_published": iso(item.published),
            "date_modified": iso(item.updated),
            "tags": [item.class],
        })
    });
    json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.page,
        "feed_url": format!("{}.json", feed.address),
        "language": "en",
        "authors": [{ "name": feed.author }],
        "items": items.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_uuids() {
        assert_eq!(urn(&"0123456789abcdef".repeat(4)), "urn:uuid:01234567-89ab-8def-8123-456789abcdef");
        assert_eq!(urn("\"<x"), "urn:uuid:00000000-0000-8000-8000-000000000000");
    }
}

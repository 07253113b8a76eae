//! A database's page: how it stands, what was found, and a badge to take away.

use maud::{Markup, html};

use super::{Page, conditions, findings, meaning, pill, progress};
use crate::database::ack::to_hex;
use crate::watch::Millis;
use crate::watch::live::LogHead;
use crate::web::overview::Entry;
use crate::web::store::History;
use crate::web::text::{bytes, count, full_time, name, plain_name, short, time};
use crate::web::{Site, text};

/// The page.
pub fn database(site: &Site, history: &History, entry: &Entry, heads: &[LogHead], now: Millis) -> Markup {
    let hex = &entry.hex;
    let called = plain_name(&entry.name);
    let feeds = format!("database/{hex}/");
    let page = Page { site, root: "../", title: &called, feeds: &feeds };
    page.with(&html! {
        p.crumbs { a href="../" { "Databases" } }
        h1 { (name(&entry.name)) " " (pill(entry.verdict)) }
        p.lead { (meaning(entry.verdict)) }
        @if let Some(removed) = entry.removed_at {
            p.note { "This database is not followed any more, since " (full_time(removed)) ". What was found stays here." }
        }
        dl.facts {
            div { dt { "Key" } dd { code.breaks { (hex) } } }
            div { dt { "Blocks verified" } dd { (progress(entry)) } }
            div { dt { "Not verified" } dd { (count(entry.lag(), "block", "blocks")) } }
            div { dt { "Transactions judged" } dd { (entry.transactions) } }
            div { dt { "Operations waiting for the executor" } dd { (entry.pending) } }
            div { dt { "Participants" } dd { (entry.participants) } }
            div { dt { "Peers" } dd { (entry.peers) } }
            div { dt { "Last check" } dd { @match entry.checked_at { Some(at) => (time(at, now)), None => "not since the last start" } } }
            div { dt { "Last progress" } dd { @match entry.progress_at { Some(at) => (time(at, now)), None => "none yet" } } }
            div { dt { "Followed since" } dd { (full_time(history.database.added_at)) } }
            @if let Some(contact) = &entry.contact { div { dt { "Contact" } dd { (text::sentence(contact)) } } }
            @if entry.archive_bytes > 0 { div { dt { "Kept here" } dd { (bytes(entry.archive_bytes)) } } }
        }
        section {
            h2 { "Findings" }
            @if history.findings.is_empty() {
                p { "Nothing was found." }
            } @else {
                (findings(&history.findings, "../", now))
                @if history.cut { p.dim { "There are more of them: only the newest of each class are shown." } }
            }
            @if !history.notices.is_empty() {
                details {
                    summary { "Notices: odd, and within the rules" }
                    (findings(&history.notices, "../", now))
                }
            }
        }
        @let said: Vec<_> = history.conditions.iter().filter(|row| row.announced).cloned().collect();
        @if !said.is_empty() {
            section {
                h2 { "Conditions" }
                p { "What lasted too long, and accuses nobody." }
                (conditions(&said, now))
            }
        }
        @if !heads.is_empty() { (logs(heads)) }
        (badge(site, hex, &called))
    })
}

fn logs(heads: &[LogHead]) -> Markup {
    html! {
        section {
            h2 { "Logs" }
            p {
                "The newest signed head of each. Whoever has another one of the same length holds a proof against its owner. "
                a href=(format!("{}/heads", heads.first().map(|head| to_hex(&head.key)).unwrap_or_default())) { "As signed notes" } "."
            }
            table role="table" {
                thead role="rowgroup" {
                    tr role="row" { @for title in ["Log", "Blocks", "Fork"] { th role="columnheader" scope="col" { (title) } } }
                }
                tbody role="rowgroup" {
                    @for (at, head) in heads.iter().enumerate().take(200) {
                        @let hex = to_hex(&head.key);
                        tr role="row" {
                            td role="cell" data-label="Log" {
                                (if at == 0 { "index " } else { "oplog " }) code title=(hex) { (short(&hex)) }
                            }
                            td role="cell" data-label="Blocks" { (head.length) }
                            td role="cell" data-label="Fork" { (head.fork) }
                        }
                    }
                }
            }
            @if heads.len() > 200 { p.dim { "There are " (heads.len()) " logs in all." } }
        }
    }
}

/// The badge, and the Markdown that shows it elsewhere.
fn badge(site: &Site, hex: &str, called: &str) -> Markup {
    let image = site.link(&format!("badge/{hex}.svg"));
    let target = site.link(&format!("database/{hex}"));
    html! {
        section {
            h2 { "Badge" }
            p { img.badge src=(format!("../badge/{hex}.svg")) alt=(format!("Badge with the verdict on {called}")) height="20"; }
            @if site.url.is_some() {
                p { "Markdown to copy:" }
                pre tabindex="0" aria-label="Markdown of the badge" { code { "[![vitra-watch](" (image) ")](" (target) ")" } }
            } @else {
                p { "Markdown to copy, after the address of this site:" }
                pre tabindex="0" aria-label="Markdown of the badge" { code { "[![vitra-watch](…/" (image) ")](…/" (target) ")" } }
            }
            p {
                "Follow this database: " a href=(format!("{hex}/feed.atom")) { "Atom" } " · " a href=(format!("{hex}/feed.json")) { "JSON Feed" }
            }
        }
    }
}

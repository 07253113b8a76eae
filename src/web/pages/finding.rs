//! A finding's page: what it means, for whoever comes across it, and how to check it without trusting anybody.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Page, class_pill, database_link};
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::replay::finding::{Class, ShownChange};
use crate::watch::Millis;
use crate::watch::alert::is_suspicion;
use crate::watch::state::{FindingRow, Status};
use crate::web::Site;
use crate::web::explain::{accuses, explain, standing};
use crate::web::store::name_of;
use crate::web::text::{bytes, full_time, path, sentence, short, value};

/// The page.
pub fn finding(site: &Site, row: &FindingRow, names: &BTreeMap<Key, String>, now: Millis) -> Markup {
    let finding = &row.finding;
    let words = explain(finding.kind);
    let database = to_hex(&row.database);
    let called = name_of(names, &row.database, &database);
    let title = format!("{} ({})", words.title, finding.kind.name());
    let feeds = format!("database/{database}/");
    let page = Page { site, root: "../", title: &title, feeds: &feeds };
    page.with(&html! {
        p.crumbs { a href="../" { "Databases" } " / " (database_link("../", &database, called)) }
        h1 { (words.title) }
        p.line { (class_pill(row)) " " code { (finding.kind.name()) } " · " (standing(row.status)) " · found " (full_time(row.found_at)) }
        @if let Some(notice) = notice(row) { p.note { (notice) } }
        p.lead { (sentence(&finding.message)) }
        section {
            h2 { "Whom it accuses" }
            p.breaks { (accuses(finding, row.status)) }
        }
        section {
            h2 { "What it means" }
            p { strong { "The rule. " } (words.rule) }
            p { strong { "What this shows. " } (words.shows) }
            p { strong { "What it does not show. " } (words.not) }
            @if finding.unjudged { p { "Because of it, this operation could not be judged." } }
        }
        @if finding.expected.is_some() || finding.published.is_some() {
            section {
                h2 { "Expected and published" }
                div.sides {
                    (side("The contract makes", finding.expected.as_ref()))
                    (side("The executor published", finding.published.as_ref()))
                }
            }
        }
        @if finding.class == Class::Violation { (proof(row)) }
        section {
            h2 { "Details" }
            dl.facts { (details(row, now)) }
            p { a href=(format!("{}.json", finding.id)) { "This finding as JSON" } }
        }
    })
}

/// What must be read before the rest.
fn notice(row: &FindingRow) -> Option<&'static str> {
    match row.status {
        Status::Cleared => Some("Cleared: this does not accuse the executor any more. It stays here as a record."),
        Status::Resolved => Some("Over: what was missing has come. It stays here as a record."),
        _ if is_suspicion(&row.finding) => Some(
            "A suspicion, not proven: the contract depends on chance or time, and no clock or chance that was tried explains the result.",
        ),
        _ => None,
    }
}

fn side(title: &str, change: Option<&ShownChange>) -> Markup {
    html! {
        section.side aria-label=(title) {
            h3 { (title) }
            @match change {
                None => p { "no change" },
                Some(change) => {
                    p { (if change.kind == "del" { "deletes " } else { "sets " }) (path(&change.path)) }
                    @if let Some(shown) = &change.value {
                        pre tabindex="0" aria-label=(format!("{title}: the value")) { code { (value(shown)) } }
                    }
                }
            }
        }
    }
}

fn proof(row: &FindingRow) -> Markup {
    html! {
        section {
            h2 { "Proof" }
            @match &row.proof {
                None => p { "There is no file for this finding yet." },
                Some(proof) => {
                    @let digest = to_hex(&proof.digest);
                    p {
                        @if row.status == Status::Cleared {
                            "One file that clears the executor: what it was accused of, and the two histories that the owner of the oplog signed. "
                        } @else {
                            "One file that convicts by itself: the signed data and the path that leads to it. "
                        }
                        "It can be checked by anybody, offline, without trusting this site."
                    }
                    p {
                        a.button href=(format!("../proof/{digest}.vproof")) download=(format!("{digest}.vproof")) { "Download the proof" }
                        " " span.dim { (bytes(proof.size)) }
                    }
                    pre tabindex="0" aria-label="Command that checks the file" {
                        code { "vitra-watch proof verify " (digest) ".vproof" }
                    }
                    p.dim.breaks { "Its name is the BLAKE2b-256 hash of its bytes (b2sum -l 256). A second program, in JavaScript, checks it too: verifiers/javascript." }
                }
            }
        }
    }
}

fn details(row: &FindingRow, now: Millis) -> Markup {
    let finding = &row.finding;
    html! {
        div { dt { "Log" } dd { code.breaks { (sentence(&finding.log)) } } }
        @if let Some(seq) = finding.seq { div { dt { "Block" } dd { (seq) } } }
        @if let Some(origin) = &finding.origin {
            div { dt { "Operation" } dd { @if let Some(seq) = finding.op_seq { (seq) " of " } code.breaks { (sentence(origin)) } } }
        }
        @if !finding.also.is_empty() {
            div {
                dt { "Also wrong there" }
                dd {
                    @for also in finding.also.iter().take(20) { code { (also.kind.name()) } " at block " (also.seq) ". " }
                    @if finding.also.len() > 20 { (finding.also.len()) " in all." }
                }
            }
        }
        @if let Some(explained) = &finding.explained {
            div { dt { "Explained by other clocks" } dd { (sentence(explained)) } }
        }
        @if let Some(probe) = &row.probe { div { dt { "Peers that were asked" } dd { (sentence(probe)) } } }
        @if let Some(note) = &row.note { div { dt { "Noted" } dd { (sentence(note)) } } }
        @if row.changed_at != row.found_at { div { dt { "Changed" } dd { (full_time(row.changed_at)) } } }
        @if let Some(at) = row.reminded_at { div { dt { "Said again" } dd { (row.reminders) " times, last " (crate::web::text::time(at, now)) } } }
        div { dt { "Identity" } dd { code.breaks title=(short(&finding.id)) { (finding.id) } } }
    }
}

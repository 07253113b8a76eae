//! The first page: every database, and how we are ourselves.

use maud::{Markup, html};

use super::{Page, conditions, database_link, meaning, pill, progress, words};
use crate::replay::finding::Verdict;
use crate::watch::Millis;
use crate::web::overview::{Entry, Overview};
use crate::web::text::{count, time};
use crate::web::{Site, health};

/// Databases on one page.
const ROWS: usize = 100;

/// The verdicts, the gravest first.
const VERDICTS: [Option<Verdict>; 5] =
    [Some(Verdict::Violated), Some(Verdict::Unverifiable), Some(Verdict::Incomplete), None, Some(Verdict::Verified)];

/// The page with this number, from 1 on; `None` if there is none.
pub fn home(site: &Site, overview: &Overview, number: usize, now: Millis) -> Option<Markup> {
    let pages = overview.databases.len().div_ceil(ROWS).max(1);
    if number == 0 || number > pages {
        return None;
    }
    let rows = overview.databases.iter().skip((number - 1) * ROWS).take(ROWS);
    let problems = health::health(&site.live.get(), Some(overview), now);
    let page = Page { site, root: "", title: "", feeds: "" };
    Some(page.with(&html! {
        h1 { "Databases" }
        (summary(overview))
        @if !problems.is_empty() || !overview.own_conditions.is_empty() {
            section.note aria-labelledby="ourselves" {
                h2 #ourselves { "About this watchtower" }
                p { "This is about the watchtower itself. It says nothing about any database; what is shown below may be late." }
                @if !problems.is_empty() { ul { @for problem in &problems { li { (problem) } } } }
                (conditions(&overview.own_conditions, now))
            }
        }
        @if overview.databases.is_empty() {
            p { "No database is followed." }
        } @else {
            (table(rows, now))
        }
        @if pages > 1 {
            nav.pages aria-label="Pages" {
                @if number > 1 { a href=(format!("?page={}", number - 1)) rel="prev" { "← back" } }
                span { "page " (number) " of " (pages) }
                @if number < pages { a href=(format!("?page={}", number + 1)) rel="next" { "on →" } }
            }
        }
        section {
            h2 { "What the verdicts mean" }
            dl.verdicts {
                @for verdict in VERDICTS {
                    div { dt { (pill(verdict)) } dd { (meaning(verdict)) } }
                }
            }
        }
    }))
}

fn summary(overview: &Overview) -> Markup {
    let violated = overview.count(Some(Verdict::Violated));
    html! {
        p.lead {
            (count(overview.databases.len() as u64, "database", "databases")) " watched"
            @if violated > 0 { ", " strong.alarm { "in " (violated) " of them a violation is proven" } }
            "."
        }
        @if overview.databases.len() > 1 {
            ul.sums {
                @for verdict in VERDICTS {
                    @let number = overview.count(verdict);
                    @if number > 0 { li { strong { (number) } " " (words(verdict)) } }
                }
            }
        }
    }
}

fn table<'a>(rows: impl Iterator<Item = &'a Entry>, now: Millis) -> Markup {
    html! {
        table.databases role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    @for title in ["Database", "Verdict", "Blocks verified", "Open findings", "Peers", "Last check"] {
                        th role="columnheader" scope="col" { (title) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for entry in rows {
                    tr role="row" {
                        td role="cell" data-label="Database" { (database_link("", &entry.hex, &entry.name)) }
                        td role="cell" data-label="Verdict" { (pill(entry.verdict)) }
                        td role="cell" data-label="Blocks verified" { (progress(entry)) }
                        td role="cell" data-label="Open findings" {
                            @let open = entry.open_findings();
                            @if open > 0 { strong { (open) } } @else { "none" }
                            @for kind in entry.conditions.keys() { " " code.tag { (kind) } }
                        }
                        td role="cell" data-label="Peers" { (entry.peers) }
                        td role="cell" data-label="Last check" {
                            @match entry.checked_at.or(entry.progress_at) { Some(at) => (time(at, now)), None => "not yet" }
                        }
                    }
                }
            }
        }
    }
}

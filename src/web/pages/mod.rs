//! The pages, in HTML. They hold no scripts; links are relative, so that they work below any address.

mod database;
mod finding;
mod home;

use axum::http::HeaderValue;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

pub use database::database;
pub use finding::finding;
pub use home::home;

use super::handlers::Problem;
use super::overview::Entry;
use super::text::{name, plain_name, short};
use super::{Site, text};
use crate::replay::finding::{Class, Verdict};
use crate::watch::Millis;
use crate::watch::state::{ConditionRow, FindingRow, Status};

/// The stylesheet.
pub const STYLE: &str = include_str!("style.css");
/// The icon.
pub const ICON: &str = include_str!("icon.svg");

/// What all pages share.
struct Page<'a> {
    site: &'a Site,
    /// The way to the root: `""`, `"../"`.
    root: &'a str,
    title: &'a str,
    /// Where its feeds are, below the root.
    feeds: &'a str,
}

impl Page<'_> {
    fn with(&self, body: &Markup) -> Markup {
        let Self { site, root, title, feeds } = self;
        let site_title = plain_name(&site.title);
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { @if title.is_empty() { (site_title) } @else { (title) " · " (site_title) } }
                    link rel="stylesheet" href=(format!("{root}style.css"));
                    link rel="icon" type="image/svg+xml" href=(format!("{root}icon.svg"));
                    link rel="alternate" type="application/atom+xml" title="Findings (Atom)" href=(format!("{root}{feeds}feed.atom"));
                    link rel="alternate" type="application/feed+json" title="Findings (JSON)" href=(format!("{root}{feeds}feed.json"));
                }
                body {
                    a.skip href="#content" { "To the content" }
                    header {
                        div.wide {
                            a.site href=(if root.is_empty() { "./" } else { root }) {
                                img src=(format!("{root}icon.svg")) alt="" width="28" height="28";
                                span { (name(&site.title)) }
                            }
                            nav aria-label="Site" {
                                a href=(format!("{root}feed.atom")) { "Feed" }
                                a href=(format!("{root}heads")) { "Heads" }
                                a href=(format!("{root}api/status.json")) { "JSON" }
                            }
                        }
                    }
                    main #content { div.wide { (body) } }
                    footer {
                        div.wide {
                            p {
                                "Watched by " (name(&site.watcher)) " with vitra-watch " (env!("CARGO_PKG_VERSION"))
                                ". Nobody has to trust it: each violation comes with a proof that anybody can check offline."
                            }
                            @if let Some(key) = &site.webhook_key {
                                p { "Alerts to webhooks are signed with " code.breaks { (name(key)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A verdict in one word; or that there is none yet.
pub fn words(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("not judged yet", Verdict::name)
}

/// What a verdict means.
fn meaning(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Verified) => "Everything that was published follows the contract.",
        Some(Verdict::Violated) => "Somebody broke a rule, and signed data proves it.",
        Some(Verdict::Unverifiable) => "Something could not be decided. That accuses nobody.",
        Some(Verdict::Incomplete) => "Data is missing. That accuses nobody.",
        None => "The audit has not said anything yet.",
    }
}

/// A verdict as a pill, with a sign of its own, since not everybody tells colours apart.
fn pill(verdict: Option<Verdict>) -> Markup {
    let (class, sign) = match verdict {
        Some(Verdict::Verified) => ("good", "✓"),
        Some(Verdict::Violated) => ("bad", "✗"),
        Some(Verdict::Unverifiable) => ("unsure", "?"),
        Some(Verdict::Incomplete) => ("waiting", "…"),
        None => ("none", "–"),
    };
    html! { span class=(format!("pill {class}")) { span aria-hidden="true" { (sign) } " " (words(verdict)) } }
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Violation => "violation",
        Class::ContractDefect => "contract defect",
        Class::Unverifiable => "unverifiable",
        Class::Missing => "missing",
        Class::Notice => "notice",
    }
}

/// The class of a finding as a pill; grey once it accuses nobody any more.
fn class_pill(row: &FindingRow) -> Markup {
    let class = match (row.status, row.finding.class) {
        (Status::Resolved | Status::Cleared, _) => "none",
        (_, Class::Violation) => "bad",
        (_, Class::Unverifiable | Class::ContractDefect) => "unsure",
        (_, Class::Missing) => "waiting",
        (_, Class::Notice) => "none",
    };
    html! { span class=(format!("pill {class}")) { (class_name(row.finding.class)) } }
}

/// Findings as a list.
fn findings(rows: &[FindingRow], root: &str, now: Millis) -> Markup {
    html! {
        ul.cards {
            @for row in rows {
                @let finding = &row.finding;
                li {
                    p.line {
                        (class_pill(row)) " "
                        a href=(format!("{root}finding/{}", finding.id)) { (super::explain::explain(finding.kind).title) }
                    }
                    p { (text::sentence(&finding.message)) }
                    p.dim {
                        code { (finding.kind.name()) } " · "
                        @if let Some(seq) = finding.seq { "block " (seq) " · " }
                        (super::explain::standing(row.status)) " · found " (text::time(row.found_at, now))
                    }
                }
            }
        }
    }
}

/// Conditions as a list.
fn conditions(rows: &[ConditionRow], now: Millis) -> Markup {
    html! {
        ul.cards {
            @for row in rows {
                li {
                    p { (text::sentence(&row.message)) }
                    p.dim {
                        code { (row.kind.name()) } " · since " (text::full_time(row.began_at))
                        @match row.ended_at {
                            Some(ended) => { ", over after " (text::duration(ended.saturating_sub(row.began_at))) }
                            None => { " (" (text::time(row.began_at, now)) ")" }
                        }
                    }
                }
            }
        }
    }
}

/// How far a database is verified: two numbers and a bar.
fn progress(entry: &Entry) -> Markup {
    html! {
        span.count { (entry.verified_length) " of " (entry.head_length) }
        meter aria-label=(format!("{} of {} blocks verified", entry.verified_length, entry.head_length))
            min="0" max=(entry.head_length.max(1)) value=(entry.verified_length.min(entry.head_length)) {}
    }
}

/// An error as a page. `path` is what was asked for, and only its depth matters.
pub fn problem(site: &Site, path: &str, problem: Problem) -> Response {
    let (title, said) = match problem {
        Problem::NotFound => ("Not found", "There is nothing at this address."),
        Problem::Method => ("Only reading", "This site is only read: it answers GET and HEAD."),
        Problem::TooOften => ("Too many requests", "This address asks too often. Ask again in a minute."),
        Problem::Busy => ("Busy", "Too many ask at once. Ask again in a minute."),
        Problem::Unreadable => {
            ("Not available", "What you asked for cannot be read at the moment. This says nothing about any database.")
        }
    };
    let root = "../".repeat(path.matches('/').count().saturating_sub(1).min(20));
    let page = Page { site, root: &root, title, feeds: "" };
    let body = html! {
        h1 { (title) }
        p.lead { (said) }
        p { a href=(if root.is_empty() { "./" } else { &root }) { "All databases" } }
    };
    let body = page.with(&body).into_string();
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    let mut response = (problem.status(), headers, body).into_response();
    let more = match problem {
        Problem::NotFound => None,
        Problem::Method => Some((ALLOW, "GET, HEAD")),
        Problem::TooOften | Problem::Busy | Problem::Unreadable => Some((RETRY_AFTER, "60")),
    };
    if let Some((name, value)) = more {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The name of a database, or the beginning of its key.
fn database_link(root: &str, hex: &str, called: &str) -> Markup {
    html! { a href=(format!("{root}database/{hex}")) { (name(called)) } " " code.dim { (short(hex)) } }
}

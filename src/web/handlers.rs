//! From a request to an answer: what is read for it, and its form. What an answer says is in the modules beside this one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Path, State as Of};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::Markup;

use super::feed::Feed;
use super::overview::{Entry, Overview};
use super::store::{self, Store};
use super::text::escape_json;
use super::{
    Site, badge, feed, heads as notes, health as strict, metrics as numbers, now, pages, proof as file,
    status as json_status,
};
use crate::database::ack::{bytes_from_hex, to_hex};
use crate::hypercore::Key;
use crate::watch::state::StateError;

/// What handlers share.
#[derive(Debug)]
pub(super) struct App {
    pub site: Site,
    store: Arc<Store>,
    /// Answers by the hundred of their status code, from 100 on.
    answers: [AtomicU64; 5],
}

impl App {
    pub fn new(site: Site) -> Arc<App> {
        let store = Store::new(site.state.clone());
        Arc::new(App { site, store, answers: Default::default() })
    }

    /// Counts an answer.
    pub fn served(&self, status: StatusCode) {
        if let Some(count) = self.answers.get(usize::from(status.as_u16() / 100).saturating_sub(1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn overview(&self) -> Result<Overview, StateError> {
        self.store.overview(self.site.live.get()).await
    }
}

/// Why there is no answer. It becomes a page on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is nothing at this address.
    NotFound,
    /// Something else than GET and HEAD.
    Method,
    /// This address asks too often.
    TooOften,
    /// Too many ask at once.
    Busy,
    /// The state or a file cannot be read.
    Unreadable,
}

impl Problem {
    /// The status code.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Unreadable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StateError> for Problem {
    fn from(_: StateError) -> Self {
        // Why is for the operator, whom the service tells; a page says that there is nothing to say.
        Self::Unreadable
    }
}

type Answer = Result<Response, Problem>;

fn typed(kind: &'static str, cache: &'static str, body: impl IntoResponse) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, cache)], body).into_response()
}

fn html(page: Markup) -> Response {
    typed("text/html; charset=utf-8", "no-cache", page.into_string())
}

fn json(value: &serde_json::Value, kind: &'static str) -> Response {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    typed(kind, "no-cache", escape_json(&text) + "\n")
}

fn key(hex: &str) -> Result<Key, Problem> {
    // One address for each thing: no capitals.
    let lower = hex.len() == 64 && !hex.bytes().any(|b| b.is_ascii_uppercase());
    let bytes = bytes_from_hex(hex).filter(|_| lower).ok_or(Problem::NotFound)?;
    bytes.try_into().map_err(|_| Problem::NotFound)
}

pub async fn home(Of(app): Of<Arc<App>>, uri: Uri) -> Answer {
    let page = uri.query().and_then(|query| query.strip_prefix("page="));
    let page = page.map_or(Ok(1), |number| number.parse().map_err(|_| Problem::NotFound))?;
    let overview = app.overview().await?;
    pages::home(&app.site, &overview, page, now()).map(html).ok_or(Problem::NotFound)
}

pub async fn database(Of(app): Of<Arc<App>>, Path(hex): Path<String>) -> Answer {
    let key = key(&hex)?;
    let history = app.store.read(move |state| store::history(state, &key)).await?.ok_or(Problem::NotFound)?;
    let live = app.site.live.get();
    let entry = Entry::new(history.database.clone(), &live);
    let heads = live.databases.get(&key).map(|live| live.heads.clone()).unwrap_or_default();
    Ok(html(pages::database(&app.site, &history, &entry, &heads, now())))
}

pub async fn finding(Of(app): Of<Arc<App>>, Path(name): Path<String>) -> Answer {
    let (id, as_json) = name.strip_suffix(".json").map_or((&*name, false), |id| (id, true));
    let id = to_hex(&key(id)?);
    let (row, names) = app.store.read(move |state| Ok((state.finding(&id)?, store::names(state)?))).await?;
    let row = row.ok_or(Problem::NotFound)?;
    if as_json {
        return Ok(json(&json_status::finding(&app.site, &row), "application/json"));
    }
    Ok(html(pages::finding(&app.site, &row, &names, now())))
}

async fn feed_of(app: &App, key: Option<Key>) -> Result<Feed, Problem> {
    let (findings, names) =
        app.store.read(move |state| Ok((store::newest(state, key.as_ref())?.0, store::names(state)?))).await?;
    if key.is_some_and(|key| !names.contains_key(&key)) {
        return Err(Problem::NotFound);
    }
    Ok(Feed::new(&app.site, key.as_ref(), &findings, &names))
}

fn as_atom(feed: &Feed) -> Response {
    typed("application/atom+xml; charset=utf-8", FEED, feed::atom(feed).into_string())
}

fn as_json(feed: &Feed) -> Response {
    let text = serde_json::to_string_pretty(&feed::json(feed)).unwrap_or_default();
    typed("application/feed+json", FEED, escape_json(&text) + "\n")
}

/// Readers of feeds ask often; what is new may come a minute late there.
const FEED: &str = "public, max-age=60";

pub async fn atom(Of(app): Of<Arc<App>>) -> Answer {
    Ok(as_atom(&feed_of(&app, None).await?))
}

pub async fn json_feed(Of(app): Of<Arc<App>>) -> Answer {
    Ok(as_json(&feed_of(&app, None).await?))
}

pub async fn database_atom(Of(app): Of<Arc<App>>, Path(hex): Path<String>) -> Answer {
    Ok(as_atom(&feed_of(&app, Some(key(&hex)?)).await?))
}

pub async fn database_json(Of(app): Of<Arc<App>>, Path(hex): Path<String>) -> Answer {
    Ok(as_json(&feed_of(&app, Some(key(&hex)?)).await?))
}

pub async fn heads(Of(app): Of<Arc<App>>) -> Answer {
    let live = app.site.live.get();
    let text = notes::notes(live.databases.values().flat_map(|database| &database.heads));
    Ok(typed("text/plain; charset=utf-8", "no-cache", text))
}

pub async fn database_heads(Of(app): Of<Arc<App>>, Path(hex): Path<String>) -> Answer {
    let live = app.site.live.get();
    let database = live.databases.get(&key(&hex)?).ok_or(Problem::NotFound)?;
    Ok(typed("text/plain; charset=utf-8", "no-cache", notes::notes(&database.heads)))
}

pub async fn proof(Of(app): Of<Arc<App>>, Path(name): Path<String>) -> Answer {
    let digest = name.strip_suffix(".vproof").ok_or(Problem::NotFound)?;
    file::answer(&app.site.evidence, key(digest)?).await
}

pub async fn badge(Of(app): Of<Arc<App>>, Path(name): Path<String>) -> Answer {
    let key = key(name.strip_suffix(".svg").ok_or(Problem::NotFound)?)?;
    let overview = app.overview().await?;
    let entry = overview.databases.iter().find(|entry| entry.key == key).ok_or(Problem::NotFound)?;
    Ok(typed("image/svg+xml", FEED, badge::svg(entry.verdict).into_string()))
}

pub async fn status(Of(app): Of<Arc<App>>) -> Answer {
    let overview = app.overview().await?;
    Ok(json(&json_status::status(&app.site, &overview, now()), "application/json"))
}

pub async fn style() -> Response {
    typed("text/css; charset=utf-8", "public, max-age=300", pages::STYLE)
}

pub async fn icon() -> Response {
    typed("image/svg+xml", "public, max-age=86400", pages::ICON)
}

fn verdict_on_us(problems: &[String]) -> Response {
    let (code, word) = match problems {
        [] => (StatusCode::OK, "ok"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "failing"),
    };
    let value = serde_json::json!({ "schema": "vitra-watch/health/1", "status": word, "problems": problems });
    let mut response = json(&value, "application/json");
    *response.status_mut() = code;
    response
}

pub async fn health(Of(app): Of<Arc<App>>) -> Response {
    let overview = app.overview().await.ok();
    verdict_on_us(&strict::health(&app.site.live.get(), overview.as_ref(), now()))
}

pub async fn livez(Of(app): Of<Arc<App>>) -> Response {
    verdict_on_us(&strict::lives(&app.site.live.get(), now()))
}

pub async fn readyz(Of(app): Of<Arc<App>>) -> Response {
    let readable = app.overview().await.is_ok();
    verdict_on_us(&strict::ready(&app.site.live.get(), readable))
}

pub async fn metrics(Of(app): Of<Arc<App>>) -> Answer {
    let overview = app.overview().await?;
    let answers: BTreeMap<&str, u64> = ["1xx", "2xx", "3xx", "4xx", "5xx"]
        .into_iter()
        .zip(app.answers.iter().map(|count| count.load(Ordering::Relaxed)))
        .collect();
    let text = numbers::text(&overview, &app.site.live.get(), &answers).map_err(|_| Problem::Unreadable)?;
    Ok(typed(prometheus::TEXT_FORMAT, "no-cache", text))
}

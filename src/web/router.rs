//! Addresses, what guards them, and the headers of every answer.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Extensions, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;

use super::handlers::{self, App, Problem};
use super::{Site, limit, pages};

/// Requests that are worked on at once; others wait for [`WAIT`].
const WORKING: usize = 16;
/// As many for those who watch over us, who must not wait for the others.
const WATCHING: usize = 4;
/// How long a request waits for its turn.
const WAIT: Duration = Duration::from_secs(5);
/// How long an answer may take, up to its first byte.
const WORK: Duration = Duration::from_secs(20);

/// The address from which a request came, where it came over a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub IpAddr);

#[derive(Debug)]
struct Guard {
    began: Instant,
    buckets: Mutex<limit::Buckets>,
    working: Semaphore,
    watching: Semaphore,
}

/// Everything that the site serves.
pub fn router(site: Site) -> Router {
    let app = App::new(site);
    let guard = Arc::new(Guard {
        began: Instant::now(),
        buckets: Mutex::default(),
        working: Semaphore::new(WORKING),
        watching: Semaphore::new(WATCHING),
    });
    Router::new()
        .route("/", get(handlers::home))
        .route("/database/{key}", get(handlers::database))
        .route("/database/{key}/feed.atom", get(handlers::database_atom))
        .route("/database/{key}/feed.json", get(handlers::database_json))
        .route("/database/{key}/heads", get(handlers::database_heads))
        .route("/finding/{id}", get(handlers::finding))
        .route("/proof/{name}", get(handlers::proof))
        .route("/badge/{name}", get(handlers::badge))
        .route("/feed.atom", get(handlers::atom))
        .route("/feed.json", get(handlers::json_feed))
        .route("/heads", get(handlers::heads))
        .route("/api/status.json", get(handlers::status))
        .route("/style.css", get(handlers::style))
        .route("/icon.svg", get(handlers::icon))
        .route("/health", get(handlers::health))
        .route("/livez", get(handlers::livez))
        .route("/readyz", get(handlers::readyz))
        .route("/metrics", get(handlers::metrics))
        .fallback(|| async { Problem::NotFound })
        .method_not_allowed_fallback(|| async { Problem::Method })
        .layer(middleware::from_fn_with_state(Arc::clone(&guard), bounded))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), finished))
        .with_state(app)
}

/// Whether a path is for those who watch over us.
fn is_watching(path: &str) -> bool {
    matches!(path, "/health" | "/livez" | "/readyz" | "/metrics")
}

/// Who asks too often, or when too many ask at once, gets an error.
async fn bounded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if let Some(asker) = asker(request.extensions(), request.headers()) {
        let now = guard.began.elapsed();
        if !guard.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(asker, now) {
            return Problem::TooOften.into_response();
        }
    }
    let turns = if is_watching(request.uri().path()) { &guard.watching } else { &guard.working };
    let Ok(Ok(_turn)) = tokio::time::timeout(WAIT, turns.acquire()).await else {
        return Problem::Busy.into_response();
    };
    match tokio::time::timeout(WORK, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::Busy.into_response(),
    }
}

fn asker(extensions: &Extensions, headers: &header::HeaderMap) -> Option<IpAddr> {
    let Peer(peer) = extensions.get::<Peer>()?;
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back();
    // A header that is no text was not written by a proxy; it is one asker.
    limit::asker(*peer, forwarded.map(|value| value.to_str().unwrap_or_default()))
}

/// Errors become pages, and every answer gets its headers.
async fn finished(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = pages::problem(&app.site, &path, problem);
    } else if response.status() == StatusCode::BAD_REQUEST {
        response = pages::problem(&app.site, &path, Problem::NotFound);
    }
    app.served(response.status());
    let page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let policy = if page { PAGE_POLICY } else { OTHER_POLICY };
    let own = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        // Badges, feeds and proofs are there to be used elsewhere; pages are not.
        (HeaderName::from_static("cross-origin-resource-policy"), if page { "same-origin" } else { "cross-origin" }),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ];
    for (name, value) in own {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if !page {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const OTHER_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

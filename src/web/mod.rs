//! The status page: what a watcher publishes, and what machines read from it.
//!
//! Everything here is read-only: GET and HEAD, from the state ([`crate::watch::state`]), from what is true now
//! ([`crate::watch::live`]) and from the evidence folder. Nothing that it shows is a secret, and nothing that it is asked changes
//! anything. It works without scripts, and no page asks another host for anything.
//!
//! Who it talks to may be anybody, so each request is bounded: in its size and time ([`mod@serve`]), in how often it comes
//! ([`limit`]), in how many are worked on at once, and in what the state is asked. What logs and configuration say is shown through
//! [`text`] (pages), [`feed`] (XML, JSON) and [`metrics`] (labels), each of which escapes for itself. Badges, headers and file names
//! hold nothing that a stranger wrote.
//!
//! | module | serves |
//! |---|---|
//! | [`pages`] | `/`, `/database/KEY`, `/finding/ID`, errors |
//! | [`explain`] | the words in which a finding's page explains it |
//! | [`badge`], [`feed`], [`heads`], [`status`], [`proof`] | `/badge/KEY.svg`, `/feed.atom`, `/feed.json`, `/heads`, `/api/status.json`, `/proof/DIGEST.vproof` |
//! | [`health`], [`metrics`] | `/health`, `/livez`, `/readyz`, `/metrics` |

pub mod badge;
pub mod explain;
pub mod feed;
mod handlers;
pub mod heads;
pub mod health;
pub mod limit;
pub mod metrics;
pub mod overview;
pub mod pages;
pub mod proof;
mod router;
pub mod serve;
pub mod status;
mod store;
pub mod text;

use std::path::PathBuf;

pub use router::router;
pub use serve::serve;

use crate::watch::live::Live;
use crate::watch::now;

/// What the status page is made of.
#[derive(Clone, Debug)]
pub struct Site {
    /// The state, which is read and never written.
    pub state: PathBuf,
    /// What is true now.
    pub live: Live,
    /// The archive's folder of evidence.
    pub evidence: PathBuf,
    /// What the pages are called.
    pub title: String,
    /// The address under which others see it, where it is published.
    pub url: Option<String>,
    /// The name of this watchtower.
    pub watcher: String,
    /// The public key with which alerts to webhooks are signed (`whpk_…`).
    pub webhook_key: Option<String>,
}

impl Site {
    /// The address of something on this site, or its path below the root where no address is known.
    pub fn link(&self, path: &str) -> String {
        match &self.url {
            Some(url) => format!("{}/{path}", url.trim_end_matches('/')),
            None => path.to_owned(),
        }
    }
}

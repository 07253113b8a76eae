//! [Standard Webhooks](https://www.standardwebhooks.com): the alert as JSON, signed, with its identity in a header.

use reqwest::{StatusCode, Url};

use super::Outcome;
use super::http::{Http, beginning};
use super::signing::SigningSecret;
use crate::config;
use crate::escape::escape_json;
use crate::watch::alert::Alert;

/// Longest wait that a receiver can ask for.
const PATIENCE: u64 = 6 * 3_600;

/// A webhook.
#[derive(Debug)]
pub struct Webhook {
    url: Url,
    http: Http,
    secrets: Vec<SigningSecret>,
}

impl Webhook {
    pub(super) fn open(config: &config::Webhook) -> Result<Webhook, String> {
        let http = Http::new(config.ca.as_deref(), config.allow_private)?;
        let mut secrets = Vec::new();
        for secret in &config.secrets {
            let hidden = secret.read()?;
            secrets.push(SigningSecret::parse(&hidden).map_err(|why| format!("{secret}: {why}"))?);
        }
        Ok(Webhook { url: config.url.clone(), http, secrets })
    }

    pub(super) fn public_keys(&self) -> Vec<String> {
        self.secrets.iter().filter_map(SigningSecret::public).collect()
    }

    pub(super) async fn deliver(&self, alert: &Alert) -> Outcome {
        let body = match body(alert) {
            Ok(body) => body,
            Err(why) => return Outcome::failed(why),
        };
        // When it is sent, not when it happened: receivers refuse what is old.
        let timestamp = jiff::Timestamp::now().as_second();
        let mut headers = vec![("webhook-id", alert.id.clone()), ("webhook-timestamp", timestamp.to_string())];
        if !self.secrets.is_empty() {
            let signatures: Vec<String> =
                self.secrets.iter().map(|secret| secret.sign(&alert.id, timestamp, &body)).collect();
            headers.push(("webhook-signature", signatures.join(" ")));
        }
        let response = match self.http.post(&self.url, &headers, body).await {
            Ok(response) => response,
            Err(why) => return Outcome::failed(why),
        };
        let status = response.status();
        if status.is_success() {
            return Outcome::Delivered;
        }
        // "Gone" means: never again. Everything else may be repaired, a redirect by whoever wrote the configuration.
        let retry = status != StatusCode::GONE;
        let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let after = after.map(|seconds: u64| std::time::Duration::from_secs(seconds.min(PATIENCE)));
        let said = beginning(response).await;
        let why = if said.is_empty() { format!("it answers {status}") } else { format!("it answers {status}: {said}") };
        Outcome::Failed { why: crate::escape::escape(&why), retry, after }
    }

    pub(super) async fn probe(&self) -> Result<String, String> {
        self.http.connect(&self.url).await
    }
}

/// The alert as channels that take JSON send it.
pub(super) fn body(alert: &Alert) -> Result<Vec<u8>, String> {
    let json = serde_json::to_string(alert).map_err(|e| e.to_string())?;
    Ok(escape_json(&json).into_bytes())
}

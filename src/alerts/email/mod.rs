//! Email over SMTP.
//!
//! Identities of messages follow from those of alerts: a mail that is sent twice is the same mail to whoever sorts them out, and all
//! about one finding or condition is one thread.

mod text;

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::Outcome;
use crate::config::{self, Encryption};
use crate::database::ack::to_hex;
use crate::escape::escape;
use crate::hypercore::hash::blake2b;
use crate::watch::alert::{Alert, Event};

/// How long one step of SMTP may take.
const STEP: Duration = Duration::from_secs(20);
/// The last second that a date in a mail can name.
const LAST_SECOND: i64 = 253_402_300_799;

/// A mailbox.
#[derive(Debug)]
pub struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    digest: Option<Duration>,
}

impl Email {
    pub(super) fn open(config: &config::Email) -> Result<Email, String> {
        let parameters = || {
            let mut builder = TlsParameters::builder(config.host.clone());
            if let Some(path) = &config.ca {
                let fail = |why: &dyn std::fmt::Display| format!("the certificates {}: {why}", path.display());
                let pem = std::fs::read(path).map_err(|e| fail(&e))?;
                builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| fail(&e))?);
            }
            builder.build().map_err(|e| e.to_string())
        };
        let (tls, port) = match config.encryption {
            Encryption::Starttls => (Tls::Required(parameters()?), 587),
            Encryption::Tls => (Tls::Wrapper(parameters()?), 465),
            Encryption::None => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.clone())
            .tls(tls)
            .port(config.port.unwrap_or(port))
            .timeout(Some(STEP));
        if let (Some(user), Some(password)) = (&config.user, &config.password) {
            let password = password.read()?;
            builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        Ok(Email {
            transport: builder.build(),
            from: config.from.clone(),
            to: config.to.clone(),
            digest: config.digest,
        })
    }

    pub(super) fn digest(&self) -> Option<Duration> {
        self.digest
    }

    pub(super) async fn deliver(&self, alert: &Alert, proof: Option<&[u8]>) -> Outcome {
        self.send(self.message(alert, proof)).await
    }

    pub(super) async fn deliver_digest(&self, alerts: &[Alert]) -> Outcome {
        match alerts {
            [alert] => self.deliver(alert, None).await,
            _ => self.send(self.digest_message(alerts)).await,
        }
    }

    pub(super) async fn probe(&self) -> Result<String, String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok("it answers, and lets us in".to_owned()),
            Ok(false) => Err("it answers, and not to NOOP".to_owned()),
            Err(error) => Err(causes(&error)),
        }
    }

    async fn send(&self, message: Result<Message, String>) -> Outcome {
        let message = match message {
            Ok(message) => message,
            Err(why) => return Outcome::failed(why),
        };
        match self.transport.send(message).await {
            Ok(_) => Outcome::Delivered,
            // Also what the server calls permanent: a mailbox that is full or not there yet is repaired within days.
            Err(error) => Outcome::failed(causes(&error)),
        }
    }

    fn domain(&self) -> &str {
        self.from.email.domain()
    }

    fn id(&self, of: &str) -> String {
        format!("<{of}@{}>", self.domain())
    }

    fn message(&self, alert: &Alert, proof: Option<&[u8]>) -> Result<Message, String> {
        let builder = self.begin(&alert.id, alert.at, &alert.watcher, &text::subject(alert));
        let opening = opening(alert);
        let builder = match opening.filter(|opening| *opening != alert.id) {
            Some(opening) => builder.in_reply_to(self.id(&opening)).references(self.id(&opening)),
            None => builder,
        };
        let body = SinglePart::plain(text::body(alert, proof.is_some()));
        let digest = alert.finding.as_ref().and_then(|note| note.proof.as_ref()).map(|proof| &proof.digest);
        let Some((proof, digest)) = proof.zip(digest) else {
            return builder.singlepart(body).map_err(|e| e.to_string());
        };
        let kind = ContentType::parse("application/octet-stream").map_err(|e| e.to_string())?;
        let file = Attachment::new(text::file_name(digest)).body(proof.to_vec(), kind);
        builder.multipart(MultiPart::mixed().singlepart(body).singlepart(file)).map_err(|e| e.to_string())
    }

    fn digest_message(&self, alerts: &[Alert]) -> Result<Message, String> {
        let first = alerts.first().ok_or_else(|| "a digest of nothing".to_owned())?;
        let mut ids = b"vitra-watch digest\0".to_vec();
        alerts.iter().for_each(|alert| ids.extend_from_slice(alert.id.as_bytes()));
        let hash = blake2b(&[&ids]);
        let id = to_hex(hash.get(..16).unwrap_or(&hash));
        let at = alerts.iter().map(|alert| alert.at).max().unwrap_or(first.at);
        let subject = text::digest_subject(alerts);
        self.begin(&id, at, &first.watcher, &subject)
            .singlepart(SinglePart::plain(text::digest_body(alerts)))
            .map_err(|e| e.to_string())
    }

    fn begin(&self, id: &str, at: i64, watcher: &str, subject: &str) -> lettre::message::MessageBuilder {
        let seconds = u64::try_from((at / 1_000).clamp(0, LAST_SECOND)).unwrap_or(0);
        let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH);
        let raw = |name: &'static str, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
        let list = format!("{} <alerts.vitra-watch.{}>", text::line(watcher, 60), self.domain());
        let builder = Message::builder()
            .from(self.from.clone())
            .date(date)
            .message_id(Some(self.id(id)))
            .subject(subject)
            .raw_header(raw("List-Id", list))
            .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()));
        self.to.iter().fold(builder, |builder, to| builder.to(to.clone()))
    }
}

/// The identity of the alert with which the thread of this one begins.
fn opening(alert: &Alert) -> Option<String> {
    let finding = alert.finding.as_ref().map(|note| Alert::identity(Event::Opened, &note.finding.id, 0));
    finding.or_else(|| alert.condition.as_ref().map(|note| Alert::identity(Event::Began, &note.id, 0)))
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    escape(&text)
}

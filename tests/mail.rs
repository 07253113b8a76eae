//! Mail through a real SMTP server (aiosmtpd): encryption, logging in, threads, attachments, digests, nasty strings.

#[path = "common/alerts.rs"]
mod alerts;
#[path = "common/nasty.rs"]
mod nasty;
#[path = "common/services.rs"]
mod services;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};

use alerts::{Post, block_on, condition, config, finding, quickly, violation};
use serde_json::Value as Json;
use vitra_watch::alerts::{Channels, Outcome};
use vitra_watch::replay::finding::Kind;
use vitra_watch::watch::alert::{Alert, Event};
use vitra_watch::watch::state::OutboxStatus;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mail").join(name)
}

/// The server; ended when dropped.
struct Server {
    child: Child,
    said: Receiver<String>,
    _input: ChildStdin,
    port: u64,
    mode: &'static str,
}

impl Server {
    fn start(mode: &'static str, login: &[&str]) -> Option<Server> {
        let mut command = services::python("aiosmtpd.smtp")?;
        command.arg(file("server.py")).arg(mode).args(login);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, said) = channel();
        // Always read: a server that cannot say what came would not answer either.
        std::thread::spawn(move || output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        let input = child.stdin.take().unwrap();
        let mut server = Server { child, said, _input: input, port: 0, mode };
        server.port = server.next().as_u64().unwrap();
        Some(server)
    }

    fn next(&self) -> Json {
        let line = self.said.recv_timeout(alerts::PATIENCE).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    fn channel(&self, more: &str) -> String {
        let ca = file("ca.pem");
        format!(
            "{{email: {{host: localhost, port: {}, encryption: {}, ca: {}, from: Tower <tower@example.com>, to: [ops@example.com], {more}}}}}",
            self.port,
            self.mode,
            ca.display()
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn channels(channel: String) -> Channels {
    Channels::open(&config(&[("mail", channel)], "[]").alerts).unwrap()
}

fn deliver(channels: &Channels, alert: &Alert, proof: Option<&[u8]>) -> Outcome {
    block_on(channels.get("mail").unwrap().deliver(alert, proof))
}

fn why(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed { why, retry: true, .. } => why,
        outcome => panic!("{outcome:?}"),
    }
}

fn password(dir: &tempfile::TempDir, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.path().join(text);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    format!("user: tower, password: {{file: {}}}", path.display())
}

/// Protects mail on its way: each kind of encryption works, none is left away, no certificate is taken on trust, and a password is
/// needed and never shown.
#[test]
fn encrypted_and_logged_in() {
    let dir = tempfile::tempdir().unwrap();
    let (right, wrong) = (password(&dir, "correct-horse"), password(&dir, "battery-staple"));
    for mode in ["starttls", "tls", "none"] {
        let Some(server) = Server::start(mode, &["tower", "correct-horse"]) else { return };
        let good = channels(server.channel(&right));
        let shown = format!("{good:?}");
        assert!(!shown.contains("correct-horse"), "{shown}");
        block_on(good.get("mail").unwrap().probe()).unwrap();
        assert_eq!(deliver(&good, &violation(1), None), Outcome::Delivered, "{mode}");
        let mail = server.next();
        assert_eq!((&mail["user"], &mail["encrypted"]), (&Json::from("tower"), &Json::from(mode != "none")));
        let bad = channels(server.channel(&wrong));
        let said = why(deliver(&bad, &violation(1), None));
        assert!(!said.contains("battery"), "{said}");
        block_on(bad.get("mail").unwrap().probe()).unwrap_err();
        if mode != "none" {
            let distrusting =
                channels(server.channel(&right).replace(&format!("ca: {}, ", file("ca.pem").display()), ""));
            let said = why(deliver(&distrusting, &violation(1), None));
            assert!(said.to_lowercase().contains("certificate") || said.contains("UnknownIssuer"), "{said}");
        }
    }
    // A server that offers no STARTTLS gets nothing.
    let Some(server) = Server::start("none", &[]) else { return };
    let insists = channels(server.channel("").replace("encryption: none", "encryption: starttls"));
    why(deliver(&insists, &violation(1), None));
}

/// Protects readers: one finding is one thread, a mail that comes twice is the same mail, and the proof is attached.
#[test]
fn threads_and_attachments() {
    let Some(server) = Server::start("starttls", &[]) else { return };
    let channels = channels(server.channel(""));
    let dir = tempfile::tempdir().unwrap();
    let proof: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let opened = alerts::with_proof(violation(3), &proof, dir.path());
    let cleared = finding(Event::Cleared, Kind::WrongChange, 3, "registry");
    let mut mails = Vec::new();
    for (alert, proof) in [(&opened, Some(&*proof)), (&opened, Some(&*proof)), (&cleared, None)] {
        assert_eq!(deliver(&channels, alert, proof), Outcome::Delivered);
        mails.push(server.next());
    }
    let [first, again, last] = &mails[..] else { panic!() };
    assert_eq!(first["headers"]["Message-ID"], format!("<{}@example.com>", opened.id));
    assert_eq!(first["headers"]["Message-ID"], again["headers"]["Message-ID"]);
    assert_eq!(first["headers"]["In-Reply-To"], Json::Null);
    for name in ["In-Reply-To", "References"] {
        assert_eq!(last["headers"][name], first["headers"]["Message-ID"]);
    }
    assert_eq!(first["headers"]["Auto-Submitted"], "auto-generated");
    assert_eq!(first["headers"]["List-Id"], "tower <alerts.vitra-watch.example.com>");
    assert_eq!(first["headers"]["Subject"], "[tower] registry: violation proven: wrong-change");
    assert_eq!(last["headers"]["Subject"], "[tower] registry: cleared: wrong-change");
    assert_eq!(first["headers"]["Date"], "Tue, 14 Nov 2023 22:13:21 +0000");
    assert_eq!((&first["from"], &first["to"][0]), (&Json::from("tower@example.com"), &Json::from("ops@example.com")));
    let attached = first["attachments"].as_object().unwrap();
    let digest = opened.finding.unwrap().proof.unwrap().digest;
    assert_eq!(attached.keys().collect::<Vec<_>>(), [&format!("{}.vproof", &digest[..16])]);
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(attached.values().next().unwrap().as_str().unwrap());
    assert_eq!(bytes.unwrap(), proof);
    assert!(last["attachments"].as_object().unwrap().is_empty());
    insta::assert_snapshot!("mail_violation", first["text"].as_str().unwrap());
}

/// Protects readers' mail programs: no header begins in a string from a log, no line of the body either, and nothing turns it around.
#[test]
fn nasty_strings() {
    let Some(server) = Server::start("none", &[]) else { return };
    let channels = channels(server.channel(""));
    assert_eq!(deliver(&channels, &violation(1), None), Outcome::Delivered);
    let usual = server.next();
    let lines = usual["text"].as_str().unwrap().lines().count();
    for text in nasty::NASTY.iter().copied().chain([&*nasty::very_long()]) {
        let mut alert = finding(Event::Opened, Kind::WrongChange, 1, text);
        alert.watcher = text.to_owned();
        assert_eq!(deliver(&channels, &alert, None), Outcome::Delivered, "{text:?}");
        let mail = server.next();
        assert_eq!(mail["names"], usual["names"], "{text:?}");
        assert_eq!(mail["to"], usual["to"]);
        assert_eq!(mail["defects"], usual["defects"], "{text:?}");
        for (name, value) in mail["headers"].as_object().unwrap() {
            let value = value.as_str().unwrap();
            assert!(!value.chars().any(nasty::is_harmful) && value.len() < 1_000, "{name}: {value:?}");
        }
        let body = mail["text"].as_str().unwrap();
        assert!(!body.chars().any(|c| c != '\n' && nasty::is_harmful(c)), "{body:?}");
        assert_eq!(body.lines().count(), lines, "{body}");
    }
}

/// Protects against a full inbox, and violations against waiting in a digest or behind one.
#[test]
fn digests() {
    let Some(server) = Server::start("none", &[]) else { return };
    let mut post = Post::new(config(&[("mail", server.channel("digest: 1h"))], "[]"));
    let [one, two] = [[1; 32], [2; 32]];
    let courier = post.start(quickly());
    let began = |number: usize| condition(Event::Began, &number.to_string(), "registry");
    for number in 0..3 {
        post.put(&began(number), "mail", Some(one));
    }
    post.put(&began(3), "mail", Some(two));
    // A violation of a third database waits for nobody, and what waits goes on waiting.
    post.put(&violation(9), "mail", Some([3; 32]));
    courier.wake();
    assert_eq!(server.next()["headers"]["Subject"], "[tower] registry: violation proven: wrong-change");
    let rows = post.wait(|rows| rows[4].status == OutboxStatus::Delivered);
    assert!(rows[..4].iter().all(|row| row.status == OutboxStatus::Pending && row.attempts == 0));
    // One that stands behind something takes it along, and comes after it.
    post.put(&violation(10), "mail", Some(one));
    courier.wake();
    let digest = server.next();
    assert_eq!(digest["headers"]["Subject"], "[tower] 4 alerts");
    assert_eq!(digest["text"].as_str().unwrap().matches("condition    unreachable").count(), 4);
    assert_eq!(server.next()["headers"]["Subject"], "[tower] registry: violation proven: wrong-change");
    post.wait(|rows| rows.iter().all(|row| row.status == OutboxStatus::Delivered));
    // What has waited long enough goes by itself.
    for number in 4..6 {
        post.put_at(&began(number), "mail", Some(one), alerts::vitra_now() - 3_600_000);
    }
    courier.wake();
    assert_eq!(server.next()["headers"]["Subject"], "[tower] 2 alerts");
    block_on(courier.stop());
}

/// Protects mails against servers that say "later".
#[test]
fn greylisting() {
    let Some(server) = Server::start("none", &[]) else { return };
    let channel = server.channel("").replace("ops@example.com", "later@example.com");
    let mut post = Post::new(config(&[("mail", channel)], "[]"));
    let proof = vec![7; 1_000];
    let alert = alerts::with_proof(violation(1), &proof, &post.evidence());
    post.put(&alert, "mail", Some([7; 32]));
    let courier = post.start(quickly());
    let mail = server.next();
    assert_eq!(mail["attachments"].as_object().unwrap().len(), 1);
    let rows = post.wait(|rows| rows[0].status == OutboxStatus::Delivered);
    assert_eq!(rows[0].attempts, 3);
    block_on(courier.stop());
}

/// Protects `config check --probe`: nobody there is an answer too.
#[test]
fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let text = format!(
        "{{email: {{host: 127.0.0.1, port: {port}, encryption: none, from: a@example.com, to: [b@example.com]}}}}"
    );
    let channels = channels(text);
    block_on(channels.get("mail").unwrap().probe()).unwrap_err();
    assert!(!why(deliver(&channels, &violation(1), None)).is_empty());
}

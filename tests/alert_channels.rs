//! Webhooks, Alertmanager and programs: what they send, whom they refuse, and that they end.

#[path = "common/alerts.rs"]
mod alerts;
#[path = "common/nasty.rs"]
mod nasty;
#[path = "common/node.rs"]
mod node;
#[path = "common/services.rs"]
mod services;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use alerts::{Ear, Post, block_on, condition, config, finding, hook, quickly, violation};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value as Json, json};
use vitra_watch::alerts::{Channel, Channels, Outcome};
use vitra_watch::replay::finding::Kind;
use vitra_watch::watch::alert::{Alert, Event};

const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const WHSK: &str = "whsk_TFtcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHk=";

fn open(text: String) -> Arc<Channel> {
    Channels::open(&config(&[("it", text)], "[]").alerts).unwrap().get("it").unwrap()
}

fn why(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed { why, .. } => why,
        Outcome::Delivered => panic!("it was delivered"),
    }
}

fn deliver(channel: &Channel, alert: &Alert) -> Outcome {
    block_on(channel.deliver(alert, None))
}

/// A file with a secret that nobody else may read.
fn secret(dir: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    format!("{{file: {}}}", path.display())
}

static WEBHOOKS: node::Project = node::Project::new("webhooks");

/// Protects receivers: what is signed verifies with Standard Webhooks' own library (HMAC) and with Node's crypto (ed25519), with any of
/// several secrets, and the body is the alert.
#[test]
fn signatures_verify_elsewhere() {
    let ear = Ear::good();
    let dir = tempfile::tempdir().unwrap();
    let old = secret(&dir, "old", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    let (new, key) = (secret(&dir, "new", WHSEC), secret(&dir, "key", WHSK));
    let text = format!(
        "{{webhook: {{url: \"http://{}/hook\", allow-private: true, secrets: [{old}, {new}, {key}]}}}}",
        ear.addr
    );
    let channels = Channels::open(&config(&[("it", text)], "[]").alerts).unwrap();
    let public = channels.public_keys();
    assert!(public.len() == 1 && public[0].0 == "it" && public[0].1.starts_with("whpk_"), "{public:?}");
    let channel = channels.get("it").unwrap();
    let shown = format!("{channel:?}");
    assert!(!shown.contains("C2FVsB") && !shown.contains("[11, 97"), "{shown}");
    for text in nasty::NASTY {
        let alert = finding(Event::Opened, Kind::WrongChange, 1, text);
        assert_eq!(deliver(&channel, &alert), Outcome::Delivered);
        let heard = ear.next();
        assert_eq!(heard.header("content-type"), "application/json");
        assert_eq!(serde_json::from_value::<Alert>(heard.json()).unwrap(), alert);
        let body = std::str::from_utf8(&heard.body).unwrap();
        assert!(!body.chars().any(nasty::is_harmful), "{body:?}");
        if *text != "$" && *text != "mail\r\nBcc: everybody@example.com" {
            continue;
        }
        let headers: serde_json::Map<String, Json> =
            heard.headers.iter().map(|(name, value)| (name.to_string(), Json::from(value.to_str().unwrap()))).collect();
        let input = json!({"headers": headers, "body": body, "secret": WHSEC, "public": public[0].1});
        let file = dir.path().join("input");
        std::fs::write(&file, input.to_string()).unwrap();
        let Some(output) = WEBHOOKS.run(node::Node::Todays, "verify.js", &[file.as_os_str()]) else { return };
        let said: Json = serde_json::from_str(&node::successful(&output)).unwrap();
        assert_eq!(said, json!({"id": alert.id, "ed25519": true}));
    }
}

/// Protects what goes over HTTPS: only a receiver whose certificate the configured authority has signed gets it.
#[test]
fn only_a_receiver_with_a_certificate_is_told() {
    let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail").join(name);
    let Some(mut receiver) = WEBHOOKS.start("receive.js") else { return };
    let said = receiver.call(&json!({ "listen": { "cert": file("server.pem"), "key": file("server.key") } }));
    let webhook = |host: &str, ca: &str| {
        open(format!("{{webhook: {{url: \"https://{host}:{}/\", allow-private: true{ca}}}}}", said["port"]))
    };
    let ca = format!(", ca: {}", file("ca.pem").display());
    let alert = violation(1);
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(deliver(&webhook(host, &ca), &alert), Outcome::Delivered);
        let taken = receiver.call(&json!({ "take": true }));
        assert_eq!((&taken[0]["method"], &taken[0]["id"]), (&json!("POST"), &json!(alert.id)));
        assert_eq!(serde_json::from_value::<Alert>(taken[0]["body"].clone()).unwrap(), alert);
    }
    let refused = why(deliver(&webhook("127.0.0.1", ""), &alert));
    assert!(refused.to_lowercase().contains("certificate"), "{refused}");
    let refused = why(deliver(&webhook("127.0.0.2", &ca), &alert));
    assert!(!refused.is_empty(), "another name than the certificate's");
    assert_eq!(receiver.call(&json!({ "take": true })), json!([]));
}

/// Protects the networks in which this runs: neither addresses nor names nor redirects lead into them.
#[test]
fn private_addresses_are_refused() {
    let ear = Ear::good();
    let port = ear.addr.port();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"]
    {
        let channel = open(format!("{{webhook: {{url: \"https://{host}:{port}/\"}}}}"));
        let why = why(deliver(&channel, &violation(1)));
        assert!(why.contains("no public address"), "{host}: {why}");
        let probed = block_on(channel.probe()).unwrap_err();
        assert!(probed.contains("no public address"), "{host}: {probed}");
    }
    assert!(ear.rest().is_empty());
}

/// Protects what is inside against redirects, and the reasons against what a stranger writes into them.
#[test]
fn answers_that_are_no_success() {
    let inside = Ear::good();
    let target = format!("http://{}/inside", inside.addr);
    let ear = Ear::new(move |number, _| {
        let mut headers = HeaderMap::new();
        let status = match number {
            0 => {
                headers.insert(header::LOCATION, target.parse().unwrap());
                StatusCode::TEMPORARY_REDIRECT
            }
            1 => {
                headers.insert(header::RETRY_AFTER, "120".parse().unwrap());
                StatusCode::TOO_MANY_REQUESTS
            }
            2 => StatusCode::GONE,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, headers, "\u{1b}[31m".repeat(100_000))
    });
    let channel = open(hook(&ear));
    let outcomes: Vec<Outcome> = (0..4).map(|_| deliver(&channel, &violation(1))).collect();
    let facts: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Failed { retry, after, why } => {
                assert!(why.len() < 2_000 && !why.chars().any(nasty::is_harmful), "{why:?}");
                (*retry, *after)
            }
            Outcome::Delivered => panic!(),
        })
        .collect();
    assert_eq!(facts, [(true, None), (true, Some(Duration::from_secs(120))), (false, None), (true, None)]);
    assert!(inside.rest().is_empty());
}

/// Protects the courier against receivers that answer without end: the answer is not read.
#[test]
fn endless_answers_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{{webhook: {{url: \"http://{}/\", allow-private: true}}}}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 65_536]);
        let _ = stream.write_all(b"HTTP/1.1 500 No\r\nContent-Type: text/plain\r\n\r\n");
        // Until nobody listens any more.
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let why = why(deliver(&open(url), &violation(1)));
    assert!(why.starts_with("it answers 500") && why.len() < 400, "{why}");
    thread.join().unwrap();
}

/// Protects secrets: what cannot be used is said without them.
#[test]
fn secrets_that_cannot_be_used() {
    let dir = tempfile::tempdir().unwrap();
    for (at, bad) in ["hunter2hunter2", "whsec_!!", "whsec_aHVudGVyMg==", "whsk_aHVudGVyMg=="].iter().enumerate() {
        let secret = secret(&dir, &at.to_string(), bad);
        let text = format!("{{webhook: {{url: \"https://example.com/\", secrets: [{secret}]}}}}");
        let said = Channels::open(&config(&[("it", text)], "[]").alerts).unwrap_err().to_string();
        assert!(
            said.starts_with("the channel it: the secret /") && !said.contains("hunter") && !said.contains("aHV"),
            "{said}"
        );
    }
}

fn manager(addr: impl std::fmt::Display) -> String {
    format!("{{alertmanager: {{url: \"http://{addr}/\", allow-private: true}}}}")
}

/// Protects Alertmanager's users: labels are the same from beginning to end, and hold nothing that fools them.
#[test]
fn the_form_that_alertmanager_takes() {
    let ear = Ear::good();
    let channel = open(manager(ear.addr));
    let mut labels = Vec::new();
    for event in [Event::Opened, Event::Reminded, Event::Acknowledged, Event::Cleared] {
        assert_eq!(deliver(&channel, &finding(event, Kind::WrongChange, 9, "registry")), Outcome::Delivered);
        let heard = ear.next();
        assert_eq!(heard.uri.path(), "/api/v2/alerts");
        let alert = heard.json()[0].clone();
        let over = alert["endsAt"].as_str().unwrap() < "2024";
        assert_eq!(over, event == Event::Cleared, "{alert}");
        labels.push(alert["labels"].clone());
    }
    labels.dedup();
    let key = vitra_watch::database::ack::to_hex(&[7; 32]);
    let finding_id = violation(9).finding.unwrap().finding.id;
    let expected = json!({
        "alertname": "VitraViolation", "class": "violation", "database": "registry", "finding": finding_id, "key": key,
        "kind": "wrong-change", "label_team": "registry", "severity": "critical", "watcher": "tower",
    });
    assert_eq!(labels, [expected]);
    for text in nasty::NASTY.iter().copied().chain([&*nasty::very_long()]) {
        assert_eq!(deliver(&channel, &finding(Event::Opened, Kind::WrongChange, 1, text)), Outcome::Delivered);
        let heard = ear.next();
        assert!(heard.body.len() < 20_000);
        let alert = heard.json()[0].clone();
        for part in ["labels", "annotations"] {
            for (name, value) in alert[part].as_object().unwrap() {
                assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{name}");
                assert!(!value.as_str().unwrap().chars().any(nasty::is_harmful), "{name}: {value:?}");
            }
        }
    }
}

/// Protects what is open against an Alertmanager's forgetting: it is repeated, and what has ended is not.
#[test]
fn what_is_open_is_repeated() {
    let (ear, other) = (Ear::good(), Ear::good());
    let channels = [("am", manager(ear.addr)), ("quiet", manager(other.addr))];
    let mut post = Post::new(config(&channels, "[{to: [am]}, {to: [quiet], class: [condition]}]"));
    add_open_finding(&mut post);
    let options =
        vitra_watch::alerts::courier::Options { repeat: Duration::from_millis(20), ..post.options(quickly()) };
    let courier = vitra_watch::alerts::Courier::start(options, Channels::open(&post.config.alerts).unwrap()).unwrap();
    for _ in 0..3 {
        let list = ear.next().json();
        assert_eq!(list.as_array().unwrap().len(), 1);
        assert_eq!(list[0]["labels"]["alertname"], "VitraViolation");
        assert_eq!(list[0]["startsAt"], "2023-11-14T22:13:20Z");
    }
    block_on(courier.stop());
    assert!(other.rest().iter().all(|heard| heard.json() == json!([])));
}

fn add_open_finding(post: &mut Post) {
    use vitra_watch::watch::state::{DatabaseRow, FindingRow, Status};
    let alert = violation(3);
    let labels = alert.database.as_ref().unwrap().labels.clone();
    let database = DatabaseRow { labels, ..DatabaseRow::new([7; 32], "registry".to_owned(), 0) };
    let row = |seq, status| FindingRow {
        finding: violation(seq).finding.unwrap().finding,
        database: [7; 32],
        status,
        found_at: 1_700_000_000_000,
        changed_at: 0,
        reminders: 0,
        reminded_at: None,
        proof: None,
        probe: None,
        note: None,
    };
    let work = |write: &vitra_watch::watch::state::Write<'_>| {
        write.put_database(&database)?;
        write.add_finding(&row(3, Status::Open))?;
        write.add_finding(&row(4, Status::Cleared))
    };
    post.state.write(work).unwrap();
}

/// Protects against our own idea of Alertmanager: a real one takes what we send, shows it, and lets it end.
#[test]
fn a_real_alertmanager() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("am.yml");
    std::fs::write(&file, "route: {receiver: none}\nreceivers: [{name: none}]\n").unwrap();
    // A port that was free a moment ago: it cannot be asked for any.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let flags = [
        format!("--config.file={}", file.display()),
        format!("--storage.path={}", dir.path().join("data").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--cluster.listen-address=".to_owned(),
    ];
    let Some(mut command) = services::program("prometheus-alertmanager") else { return };
    let _running = services::Running::start(command.args(&flags).stderr(Stdio::null()).stdout(Stdio::null()));
    let channel = open(manager(format!("127.0.0.1:{port}")));
    let until = std::time::Instant::now() + alerts::PATIENCE;
    while let Err(why) = block_on(channel.probe()) {
        assert!(std::time::Instant::now() < until, "{why}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let shown = || -> Vec<Json> {
        block_on(async {
            let url = format!("http://127.0.0.1:{port}/api/v2/alerts");
            let text = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap().text();
            serde_json::from_str(&text.await.unwrap()).unwrap()
        })
    };
    let wait = |count: usize| {
        let until = std::time::Instant::now() + alerts::PATIENCE;
        loop {
            let now = shown();
            if now.len() == count {
                return now;
            }
            assert!(std::time::Instant::now() < until, "{now:?}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    };
    let nasty: Vec<&str> = nasty::NASTY.iter().copied().filter(|text| !text.trim().is_empty()).collect();
    for (at, text) in nasty.iter().enumerate() {
        let alert = finding(Event::Opened, Kind::WrongChange, at as u64, text);
        assert_eq!(deliver(&channel, &alert), Outcome::Delivered, "{text:?}");
    }
    let all = wait(nasty.len());
    assert!(all.iter().all(|alert| alert["labels"]["alertname"] == "VitraViolation"));
    assert_eq!(deliver(&channel, &condition(Event::Began, "c", "registry")), Outcome::Delivered);
    wait(nasty.len() + 1);
    assert_eq!(deliver(&channel, &condition(Event::Ended, "c", "registry")), Outcome::Delivered);
    wait(nasty.len());
    for event in [Event::Reminded, Event::Acknowledged, Event::Cleared] {
        assert_eq!(deliver(&channel, &finding(event, Kind::WrongChange, 0, nasty[0])), Outcome::Delivered);
    }
    wait(nasty.len() - 1);
}

fn shell(script: &str, timeout: &str) -> Arc<Channel> {
    open(format!("{{command: {{run: [sh, -c, {}], timeout: {timeout}}}}}", serde_json::to_string(script).unwrap()))
}

/// Protects programs: the alert comes as it is on standard input, and nothing of ours is in their environment.
#[test]
fn a_program_gets_the_alert_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display();
    let channel = shell(
        &format!("cat > {path}/alert; env > {path}/env; pwd > {path}/pwd; ls /proc/self/fd | wc -l > {path}/fds"),
        "60s",
    );
    for text in nasty::NASTY {
        let alert = finding(Event::Opened, Kind::WrongChange, 1, text);
        assert_eq!(deliver(&channel, &alert), Outcome::Delivered);
        let said = std::fs::read_to_string(dir.path().join("alert")).unwrap();
        assert_eq!(serde_json::from_str::<Alert>(&said).unwrap(), alert);
        assert!(said.ends_with('\n') && !said.trim_end().chars().any(nasty::is_harmful), "{said:?}");
    }
    let env = std::fs::read_to_string(dir.path().join("env")).unwrap();
    let names: Vec<&str> = env.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    // The shell sets these by itself.
    assert!(names.iter().all(|name| matches!(*name, "PATH" | "PWD" | "OLDPWD" | "SHLVL" | "_")), "{env}");
    assert_eq!(std::fs::read_to_string(dir.path().join("pwd")).unwrap(), "/\n");
}

/// Protects the service against programs: what fails is said, what floods is bounded, what hangs is killed with all its children.
#[test]
fn programs_that_misbehave() {
    let said = why(deliver(&shell("echo it is broken >&2; exit 3", "60s"), &violation(1)));
    assert_eq!(said, "exit status: 3: it is broken");
    let said = why(deliver(&shell("yes | head -c 50000000 >&2; yes | head -c 50000000; exit 1", "60s"), &violation(1)));
    assert!(said.starts_with("exit status: 1: y") && said.len() < 5_000, "{}", said.len());
    // It reads nothing and closes its input at once.
    assert_eq!(deliver(&shell("exec <&-; exit 0", "60s"), &violation(1)), Outcome::Delivered);
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let script = format!("sleep 1000 & echo $! > {p}; echo $$ >> {p}; wait", p = pids.display());
    let said = why(deliver(&shell(&script, "500ms"), &violation(1)));
    assert_eq!(said, "it was killed after 0.5 s");
    for pid in std::fs::read_to_string(&pids).unwrap().lines() {
        let status = format!("/proc/{pid}/status");
        let until = std::time::Instant::now() + alerts::PATIENCE;
        while std::fs::read_to_string(&status).is_ok_and(|text| !text.contains("State:\tZ")) {
            assert!(std::time::Instant::now() < until, "{pid} lives");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
    let missing = open("{command: {run: [vitra-watch-no-such-program]}}".to_owned());
    assert!(why(deliver(&missing, &violation(1))).starts_with("vitra-watch-no-such-program: "));
    assert!(block_on(missing.probe()).is_err());
    assert!(block_on(shell("true", "1s").probe()).unwrap().ends_with("/sh is there, and was not run"));
}

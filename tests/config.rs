//! The configuration: the example is whole and true, and what is wrong is said with its place.

#[path = "common/nasty.rs"]
mod nasty;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value as Json, json};
use vitra_watch::config::{Applies, Channel, Config, EXAMPLE, Encryption, Secret, Topic};

const KEY: &str = "1a5b6c22e4a4aa82b612ed68baea17a543db8ded6078040097e695b9fc40a129";

/// The example with its examples uncommented, and without the empty lists in their place.
fn uncommented() -> String {
    let is_example = |line: &str| {
        let line = line.trim_start_matches("- ");
        let key = line.split(':').next().unwrap_or_default();
        line.contains(':') && !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            || line.starts_with("- ")
            || line.starts_with("tcp://")
            || line.starts_with("node1")
            || line.starts_with("file: ")
            || line.starts_with("Registry <")
    };
    let lines = EXAMPLE.lines().map(|line| {
        let indent = line.len() - line.trim_start().len();
        match line.trim_start().strip_prefix("# ") {
            Some(rest) if is_example(rest.trim_start()) => format!("{}{rest}", &line[..indent]),
            _ => line.to_owned(),
        }
    });
    let kept: Vec<String> = lines.filter(|line| !line.ends_with(": []") && !line.ends_with(": {}")).collect();
    kept.join("\n")
}

fn full() -> Config {
    Config::parse(&uncommented(), "full").unwrap_or_else(|error| panic!("{error}\n{}", uncommented()))
}

/// Protects whoever begins with `config init`: the example is a configuration, and its values are the defaults.
#[test]
fn the_example_says_the_defaults() {
    assert_eq!(Config::parse(EXAMPLE, "config.example.yaml").unwrap(), Config::default());
    for empty in ["", "\n", "# nothing\n", "{}", "databases:\nnetwork:\nalerts:\n  channels:\n  routes:\nweb:\n"] {
        assert_eq!(Config::parse(empty, "empty").unwrap(), Config::default(), "{empty:?}");
    }
}

/// Protects the example against keys that nobody explains: wherever it has a mapping, it has every key that may stand there.
#[test]
fn the_example_has_every_key() {
    full();
    let value: Json = serde_saphyr::from_str(&uncommented()).unwrap();
    let mut found = 0;
    visit(&value, &value, &mut Vec::new(), &mut found);
    assert!(found >= 50, "{found}");
}

fn visit(root: &Json, here: &Json, path: &mut Vec<String>, found: &mut usize) {
    let children: Vec<(String, &Json)> = match here {
        Json::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Json::Array(list) => list.iter().enumerate().take(1).map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return,
    };
    // One of a list has every key: the first.
    if let Json::Object(map) = here {
        let mut changed = root.clone();
        let there = changed.pointer_mut(&path.iter().map(|step| format!("/{step}")).collect::<String>()).unwrap();
        there["zzzzzz"] = json!({"zzzzzz": {}});
        let said = Config::parse(&changed.to_string(), "changed").map_err(|error| error.message().to_owned());
        // Where names are free (labels, channels) or one of several belongs, there are no keys to be explained.
        if let Some(known) =
            said.err().and_then(|said| Some(said.strip_prefix("unknown key `zzzzzz`; known are ")?.to_owned()))
        {
            let known: BTreeSet<String> = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            let here: BTreeSet<String> = map.keys().cloned().collect();
            assert_eq!(known, here, "the keys of /{}", path.join("/"));
            *found += here.len();
        }
    }
    for (step, child) in children {
        path.push(step);
        visit(root, child, path, found);
        path.pop();
    }
}

/// Protects the meaning of what stands in the file.
#[test]
fn values_become_what_they_mean() {
    let config = full();
    assert_eq!(config.databases[0].name(), "registry");
    assert_eq!(config.databases[0].stalled, Some(Duration::from_secs(7_200)));
    assert_eq!(config.quotas.disk.bytes(), 10 << 30);
    assert_eq!(config.network.peers.len(), 1);
    let channels = &config.alerts.channels;
    assert_eq!(channels.keys().collect::<Vec<_>>(), ["hook", "mail", "pager", "prometheus"]);
    let Channel::Email(mail) = &channels["mail"] else { panic!("{channels:?}") };
    assert_eq!((mail.encryption, mail.digest), (Encryption::Starttls, Some(Duration::from_secs(1_800))));
    assert_eq!(mail.password, Some(Secret::Credential("smtp-password".to_owned())));
    assert_eq!(config.alerts.routes[0].class, [Topic::Violation, Topic::Suspicion]);
    let never = Config::parse("alerts: {remind: never}", "never").unwrap();
    assert_eq!(never.alerts.remind, None);
}

/// Protects whoever writes a configuration: one text for each way of getting it wrong, with the place.
#[test]
fn what_is_wrong_is_said_with_its_place() {
    let hook = |rest: &str| format!("alerts:\n  channels:\n    hook:\n      webhook:\n        {rest}\n");
    let mail = |rest: &str| {
        format!(
            "alerts:\n  channels:\n    mail:\n      email:\n        host: smtp.example.com\n        from: a@example.com\n        to: [b@example.com]\n        {rest}\n"
        )
    };
    let routed = |route: &str| {
        format!(
            "databases:\n  - {{key: {KEY}, name: registry}}\nalerts:\n  channels:\n    pager: {{command: {{run: [page]}}}}\n  routes:\n    - {route}\n"
        )
    };
    let cases = [
        ("wrong_brackets", "alerts: [\n".to_owned()),
        ("unclosed", "name: \"a\n".to_owned()),
        ("two_documents", "name: a\n---\nname: b\n".to_owned()),
        ("unknown_key", "name: a\nalerst: {}\n".to_owned()),
        ("unknown_key_far_off", "web:\n  zzz: 1\n".to_owned()),
        ("key_twice", "name: a\nname: b\n".to_owned()),
        ("missing_key", "databases:\n  - name: registry\n".to_owned()),
        ("wrong_type", "databases: registry\n".to_owned()),
        ("no_key", format!("databases:\n  - key: {}\n", &KEY[1..])),
        ("name_with_control", "name: \"a\\e[31m\"\n".to_owned()),
        ("label_name", format!("databases:\n  - key: {KEY}\n    labels: {{\"a b\": c}}\n")),
        ("database_twice", format!("databases:\n  - key: {KEY}\n  - key: {}\n", KEY.to_uppercase())),
        (
            "name_twice",
            format!("databases:\n  - {{key: {KEY}, name: a}}\n  - {{key: {}, name: a}}\n", KEY.replace('1', "2")),
        ),
        ("peer", "network:\n  peers:\n    - 192.0.2.1:4977\n".to_owned()),
        ("bootstrap", "network: {bootstrap: [node1.example.com]}\n".to_owned()),
        ("firewalled", "network: {firewalled: maybe}\n".to_owned()),
        ("listen", "web: {listen: localhost}\n".to_owned()),
        ("nobody_to_ask", "network:\n  dht: false\n".to_owned()),
        ("dht_and_not", "network:\n  dht: false\n  bootstrap: [node1.example.com:1]\n".to_owned()),
        ("time_without_unit", "conditions:\n  stalled: 900\n".to_owned()),
        ("size_without_unit", "quotas:\n  disk: 10GB\n".to_owned()),
        ("percent", "conditions: {brake: 0}\n".to_owned()),
        ("negative", "quotas: {blocks: -1}\n".to_owned()),
        ("no_url", hook("url: example.com")),
        ("url_with_secret", hook("url: https://user:hunter2@example.com/")),
        ("url_of_another_scheme", hook("url: ftp://example.com/")),
        ("http", hook("url: http://example.com/")),
        ("inline_secret", hook("url: https://example.com/\n        secrets: [whsec_c2VjcmV0]")),
        ("secret_of_nowhere", hook("url: https://example.com/\n        secrets: [{fil: /x}]")),
        ("channel_of_no_kind", "alerts: {channels: {a: {webhok: {}}}}\n".to_owned()),
        ("channel_name", "alerts: {channels: {\"a b\": {command: {run: [x]}}}}\n".to_owned()),
        ("mail_in_the_open", mail("encryption: none")),
        ("mail_encryption", mail("encryption: ssl")),
        ("user_without_password", mail("user: a")),
        ("password_without_user", mail("password: {env: X}")),
        (
            "password_here",
            mail("{user: a, password: hunter2}")
                .replace("{user: a, ", "user: a\n        ")
                .replace("hunter2}", "hunter2"),
        ),
        ("mail_address", mail("digest: 1m").replace("b@example.com", "b")),
        ("mail_to_nobody", mail("digest: 1m").replace("[b@example.com]", "[]")),
        ("command_of_nothing", "alerts: {channels: {a: {command: {run: []}}}}\n".to_owned()),
        ("route_to_nobody", routed("class: [violation]")),
        ("route_to_unknown", routed("to: [pagr]")),
        ("route_of_unknown_class", routed("{to: [pager], class: [violations]}")),
        ("route_of_unknown_kind", routed("{to: [pager], kind: [wrong-chang]}")),
        ("route_of_unknown_database", routed("{to: [pager], database: [regstry]}")),
        ("aliases", format!("name: &a [{}]\n", "*a,".repeat(20))),
    ];
    let mut text = String::new();
    for (name, yaml) in cases {
        let error = Config::parse(&yaml, "c.yaml").map(drop).expect_err(name);
        text.push_str(&format!("== {name}\n{error}\n\n"));
        assert!(error.place().is_some(), "{error}");
        assert!(!error.to_string().contains("hunter2") && !error.to_string().contains("c2VjcmV0"), "{error}");
    }
    insta::assert_snapshot!("config_errors", text);
}

/// Protects terminals: whatever stands in a file, what is said about it controls nothing.
#[test]
fn errors_about_nasty_files_are_harmless() {
    let long = nasty::very_long();
    for text in nasty::NASTY.iter().copied().chain([long.as_str()]) {
        let quoted = serde_json::to_string(text).unwrap();
        for yaml in [text.to_owned(), format!("{quoted}: 1\n"), format!("databases: [{{key: {quoted}}}]\n")] {
            let Err(error) = Config::parse(&yaml, text) else { continue };
            let said = error.to_string();
            assert!(!said.chars().any(|c| c != '\n' && nasty::is_harmful(c)), "{said:?}");
            assert!(said.len() < 10_000, "{}", said.len());
        }
    }
}

/// Protects the service against files that unfold without end or nest without end.
#[test]
fn hostile_yaml_ends() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let before = format!("*a{},", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    assert!(Config::parse(&bomb, "bomb").is_err());
    assert!(Config::parse(&"[".repeat(100_000), "deep").is_err());
    assert!(Config::parse(&"{a: ".repeat(100_000), "deep").is_err());
    assert!(Config::parse(&"- ".repeat(100_000), "deep").is_err());
}

/// Protects reloads: what cannot change while it runs is said.
#[test]
fn what_a_reload_changes() {
    let old = Config::default();
    assert_eq!(Config::changes(&old, &old), []);
    let changed = |key, applies| (key, applies);
    let new = full();
    let expected = [
        changed("data", Applies::Restart),
        changed("runtimes", Applies::Restart),
        changed("databases", Applies::Now),
        changed("network", Applies::Restart),
        changed("alerts", Applies::Now),
        changed("web", Applies::Restart),
    ];
    let found: Vec<_> = Config::changes(&old, &new).iter().map(|change| (change.key, change.applies)).collect();
    assert_eq!(found, expected);
}

fn run(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_vitra-watch")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Protects whoever relies on channels: each is tried, one that fails is named, and none is used.
#[test]
fn channels_are_probed() {
    let dir = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    let receiver = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            assert_eq!(request, "HEAD / HTTP/1.1\r\n", "what is tried is sent nothing");
            stream.write_all(b"HTTP/1.1 405 no\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    // Nobody listens where somebody has just stopped.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let path = dir.path().join("config.yaml");
    let check = |channels: &str| {
        std::fs::write(&path, format!("alerts:\n  channels:\n{channels}")).unwrap();
        run(&["config", "check", "--probe", path.to_str().unwrap()])
    };
    let good = format!(
        "    program: {{command: {{run: [\"true\"]}}}}\n    open: {{webhook: {{url: \"http://{open}/\", allow-private: true}}}}\n"
    );
    let (code, said, _) = check(&good);
    assert!(
        code == 0 && said.contains("\nopen: ") && said.contains("\nprogram: ") && !said.contains("FAILED"),
        "{said}"
    );
    let (code, said, _) =
        check(&format!("{good}    closed: {{webhook: {{url: \"http://{closed}/\", allow-private: true}}}}\n"));
    assert!(code == 69 && said.contains("\nclosed: FAILED: "), "{code} {said}");
    receiver.join().unwrap();
}

/// Protects scripts: exit codes of `config`, and that it overwrites nothing.
#[test]
fn the_subcommand() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yaml");
    let file = path.to_str().unwrap();
    assert_eq!(run(&["config", "init"]), (0, EXAMPLE.to_owned(), String::new()));
    assert_eq!(run(&["config", "init", file]).0, 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), EXAMPLE);
    let (code, _, said) = run(&["config", "init", file]);
    assert!(code == 64 && said.contains("it is there already"), "{said}");
    let (code, said, _) = run(&["config", "check", file]);
    assert_eq!((code, &*said), (0, "nothing is wrong: 0 databases, 0 channels, 0 routes\n"));
    std::fs::write(&path, "nam: x\n").unwrap();
    let (code, _, said) = run(&["config", "check", file]);
    assert_eq!(code, 78);
    assert!(said.ends_with("unknown key `nam`; did you mean `name`?\n  |\n1 | nam: x\n  | ^\n"), "{said}");
    assert_eq!(run(&["config", "check", "/nonexistent/config.yaml"]).0, 78);
}

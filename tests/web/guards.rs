//! What strangers may do to the site: read, and not too often.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use vitra_watch::database::ack::to_hex;
use vitra_watch::replay::finding::Kind;

use crate::client::{ask, get, parse, send};
use crate::markup::bones;
use crate::site::{Fixture, finding, some_key};

/// Every address, with something there.
fn addresses(fixture: &mut Fixture) -> Vec<String> {
    let key = fixture.add_gallery("gallery", "a message");
    let proof = fixture.evidence(b"a proof");
    fixture.now(|snapshot| {
        let subject = crate::site::subject(&key, "gallery");
        let database = vitra_watch::watch::live::LiveDatabase {
            subject,
            verdict: None,
            verified_length: 0,
            head_length: 0,
            transactions: 0,
            pending: 0,
            participants: 0,
            peers: 0,
            progress_at: None,
            checked_at: None,
            archive_bytes: 0,
            heads: Vec::new(),
        };
        snapshot.databases.insert(key, database);
    });
    let hex = to_hex(&key);
    let id = finding(&key, Kind::WrongChange, "").id;
    let plain = [
        "/",
        "/feed.atom",
        "/feed.json",
        "/heads",
        "/api/status.json",
        "/style.css",
        "/icon.svg",
        "/health",
        "/livez",
        "/readyz",
        "/metrics",
    ];
    plain
        .into_iter()
        .map(str::to_owned)
        .chain([
            format!("/database/{hex}"),
            format!("/database/{hex}/feed.atom"),
            format!("/database/{hex}/feed.json"),
            format!("/database/{hex}/heads"),
            format!("/finding/{id}"),
            format!("/finding/{id}.json"),
            format!("/badge/{hex}.svg"),
            format!("/proof/{}.vproof", to_hex(&proof.digest)),
        ])
        .collect()
}

/// Protects visitors: what is strict is strict everywhere, errors included, and what is there for others can be used by others.
#[test]
fn headers_are_strict_everywhere() {
    let mut fixture = Fixture::new();
    let mut paths = addresses(&mut fixture);
    let served = fixture.serve();
    paths.extend(["/nothing", "/a/b/c", "/database/xyz", "/finding/%00", "/finding/%ff"].map(str::to_owned));
    for path in &paths {
        let reply = get(served.address, path);
        assert!([200, 404].contains(&reply.status), "{path}: {}", reply.status);
        let policy = reply.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("script") && !policy.contains("unsafe"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(reply.header("cache-control").is_some() && reply.header("permissions-policy").is_some(), "{path}");
        assert!(reply.header("set-cookie").is_none() && reply.header("server").is_none(), "{path}");
        let page = reply.header("content-type").unwrap().starts_with("text/html");
        assert_eq!(
            reply.header("cross-origin-resource-policy"),
            Some(if page { "same-origin" } else { "cross-origin" }),
            "{path}"
        );
        assert_eq!(reply.header("access-control-allow-origin").is_some(), !page, "{path}");
        if page {
            bones(reply.text());
            assert!(
                !reply.text().contains("<script")
                    && !reply.text().contains("style=\"")
                    && !reply.text().contains("http://")
            );
        }
    }
}

/// Protects the state: there is nothing but GET and HEAD, and a HEAD is a GET without its body.
#[test]
fn nothing_but_reading() {
    let mut fixture = Fixture::new();
    let paths = addresses(&mut fixture);
    let served = fixture.serve();
    for path in &paths {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
            let reply = ask(served.address, method, path, "Content-Length: 0\r\n");
            assert_eq!(reply.status, 405, "{method} {path}");
            assert!(reply.header("allow").unwrap().contains("GET"), "{method} {path}");
        }
        let (head, whole) = (ask(served.address, "HEAD", path, ""), get(served.address, path));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
    }
}

/// Protects the files of the machine: only what is named by a digest is served, and only from the folder of evidence.
#[test]
fn only_evidence_is_served() {
    let fixture = Fixture::new();
    let served = fixture.serve();
    let digest = to_hex(&some_key("nothing"));
    std::fs::write(fixture.temp.path().join("secret.vproof"), "secret").unwrap();
    let wrong = [
        "/proof/secret.vproof".to_owned(),
        "/proof/..%2fsecret.vproof".to_owned(),
        "/proof/../secret.vproof".to_owned(),
        "/proof/%2e%2e%2fsecret.vproof".to_owned(),
        format!("/proof/{digest}.vproof"),
        format!("/proof/{digest}"),
        format!("/proof/{}.vproof", digest.to_uppercase()),
        format!("/proof/{}%00.vproof", &digest[..63]),
        "/proof/".to_owned(),
        "//proof/x".to_owned(),
        "/state.sqlite".to_owned(),
    ];
    for path in wrong {
        let reply = get(served.address, &path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(!reply.text().contains("secret\n") && !reply.text().contains("SQLite"));
    }
}

/// Protects whoever downloads: a file that the disk has damaged is not delivered as if it were whole.
#[test]
fn a_damaged_proof_ends_early() {
    let fixture = Fixture::new();
    let served = fixture.serve();
    for size in [1, 65_536, 65_537, 300_000] {
        let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let proof = fixture.evidence(&bytes);
        let path = format!("/proof/{}.vproof", to_hex(&proof.digest));
        assert!(get(served.address, &path).body == bytes, "{size}");
        let mut damaged = bytes;
        damaged[size / 2] ^= 1;
        std::fs::write(fixture.evidence_path(&proof.digest), &damaged).unwrap();
        let all =
            send(served.address, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        let body = if all.is_empty() { 0 } else { parse(&all).body.len() };
        assert!(body < size, "{body} of {size}");
    }
}

/// Protects everybody else from one who asks without end. Requests from this machine are its own; a proxy names whom it asks for.
#[test]
fn who_asks_too_often_waits() {
    let fixture = Fixture::new();
    let served = fixture.serve();
    let as_if =
        |address: &str| ask(served.address, "GET", "/livez", &format!("X-Forwarded-For: 203.0.113.1, {address}\r\n"));
    let codes: Vec<u16> = (0..400).map(|_| as_if("192.0.2.7").status).collect();
    let limited = codes.iter().filter(|code| **code == 429).count();
    // More than a few hundred only if each took a fifth of a second.
    assert!(limited > 0 && codes[..60].iter().all(|code| *code == 200), "{limited}");
    let reply = (0..400).map(|_| as_if("192.0.2.7")).find(|reply| reply.status == 429).unwrap();
    assert_eq!(reply.header("retry-after"), Some("60"));
    bones(reply.text());
    assert_eq!(as_if("192.0.2.8").status, 200);
    assert!((0..200).all(|_| get(served.address, "/livez").status == 200));
}

/// Protects the site from requests that no browser makes: each gets an error or nothing, and the next one is answered.
#[test]
fn odd_requests_break_nothing() {
    let fixture = Fixture::new();
    let served = fixture.serve();
    let long = "x".repeat(100_000);
    let many: String = (0..500).map(|n| format!("h{n}: v\r\n")).collect();
    let odd = [
        String::new(),
        "\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}TLS".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {long}\r\nConnection: close\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{many}Connection: close\r\n\r\n"),
        format!("GET /finding/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "%F0".repeat(2_000)),
        "GET /?page=%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        "GET http://elsewhere.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        "CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nffffffffffffffff\r\n"
            .to_owned(),
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\nConnection: close\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade, close\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\nConnection: close\r\n\r\n".to_owned(),
    ];
    for request in odd {
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(get(served.address, "/livez").status, 200, "{:?}", &request[..request.len().min(60)]);
    }
}

/// Protects readers from those who open connections and say nothing: many of them keep nobody else out, and they end by themselves.
#[test]
fn silent_connections_end() {
    let fixture = Fixture::new();
    let served = fixture.serve();
    let mut silent: Vec<TcpStream> = (0..100)
        .map(|n| {
            let mut stream = TcpStream::connect(served.address).unwrap();
            stream.write_all(if n % 2 == 0 { b"" } else { b"GET / HTTP/1.1\r\nHost: " }).unwrap();
            stream
        })
        .collect();
    assert_eq!(get(served.address, "/").status, 200);
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let mut answer = Vec::new();
        // An error or an end, whatever it says: but not a time-out.
        if let Err(error) = stream.read_to_end(&mut answer) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
    }
}

/// Protects a stop within seconds: it waits for nobody who only listens.
#[test]
fn it_stops_while_somebody_is_connected() {
    let fixture = Fixture::new();
    let served = fixture.serve();
    let mut idle = TcpStream::connect(served.address).unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut some = [0; 16];
    idle.read_exact(&mut some).unwrap();
    let address = served.address;
    served.stop();
    assert!(TcpStream::connect(address).is_err());
}

/// Protects readers while the state is not there: a page that says so, and says nothing about any database.
#[test]
fn without_a_state_it_says_so() {
    let mut fixture = Fixture::new();
    fixture.site.state = fixture.temp.path().join("elsewhere.sqlite");
    let served = fixture.serve();
    for path in ["/", "/metrics", "/feed.atom", "/api/status.json"] {
        let reply = get(served.address, path);
        assert_eq!(reply.status, 503, "{path}");
        assert!(reply.text().contains("says nothing about any database"), "{path}");
    }
    assert_eq!(get(served.address, "/health").status, 503);
    assert_eq!(get(served.address, "/readyz").status, 503);
    assert_eq!(get(served.address, "/livez").status, 200);
    assert!(!fixture.site.state.exists());
}

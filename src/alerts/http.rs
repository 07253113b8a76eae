//! HTTP to places that others have chosen: no redirects, no proxies, time limits, and no address of a private network unless the
//! configuration allows it.
//!
//! What counts is the address that is connected with, not the name: the names are resolved here, once, and the connection goes to an
//! address that was looked at. So a name that points somewhere else the next moment leads nowhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response, Url};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a whole exchange may take.
const EXCHANGE: Duration = Duration::from_secs(30);
/// How much of an answer is read.
const ANSWER: usize = 2_000;

/// A client for one place.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client,
    allow_private: bool,
}

impl Http {
    pub(super) fn new(ca: Option<&Path>, allow_private: bool) -> Result<Http, String> {
        use_ring();
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .timeout(EXCHANGE)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("vitra-watch/", env!("CARGO_PKG_VERSION")))
            .https_only(!allow_private);
        if !allow_private {
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        if let Some(path) = ca {
            let fail = |why: &dyn std::fmt::Display| format!("the certificates {}: {why}", path.display());
            let pem = std::fs::read(path).map_err(|e| fail(&e))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| fail(&e))?;
            if certificates.is_empty() {
                return Err(fail(&"there is none in it"));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|e| plain(&e))?;
        Ok(Http { client, allow_private })
    }

    /// Whether the place may be spoken to. Names are looked at when they are resolved.
    fn check(&self, url: &Url) -> Result<(), String> {
        // In a URL, an IPv6 address stands in brackets, and every spelling of an IPv4 address has become the usual one.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let literal = host.parse::<IpAddr>().ok();
        match literal {
            Some(ip) if !self.allow_private && !is_public(ip) => Err(refusal(ip)),
            _ => Ok(()),
        }
    }

    pub(super) async fn get(&self, url: &Url) -> Result<Response, String> {
        self.check(url)?;
        self.client.get(url.clone()).send().await.map_err(|e| plain(&e))
    }

    pub(super) async fn post(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Response, String> {
        self.check(url)?;
        let request = self.client.post(url.clone()).header("content-type", "application/json").body(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        request.send().await.map_err(|e| plain(&e))
    }

    /// Opens a connection and closes it again.
    pub(super) async fn connect(&self, url: &Url) -> Result<String, String> {
        // A request is the only way through the same resolver and TLS settings; HEAD asks for nothing.
        self.check(url)?;
        let answer = self.client.head(url.clone()).send().await.map_err(|e| plain(&e))?;
        let to = answer.remote_addr().map_or_else(String::new, |addr| format!(" at {addr}"));
        Ok(format!("it answers{to}"))
    }
}

/// The beginning of an answer, as people can read it.
pub(super) async fn beginning(mut response: Response) -> String {
    let mut read = Vec::new();
    while read.len() < ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => read.extend_from_slice(chunk.get(..ANSWER).unwrap_or(&chunk)),
            _ => break,
        }
    }
    let text: String = String::from_utf8_lossy(&read).chars().take(200).collect();
    text.trim().to_owned()
}

/// An error without the URL, which can hold a secret, with all its causes.
fn plain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "no answer in time".to_owned() } else { String::new() };
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.ends_with(&said) {
            text = if text.is_empty() { said } else { format!("{text}: {said}") };
        }
        cause = next.source();
    }
    if text.is_empty() { "the request failed".to_owned() } else { text }
}

/// rustls has no crypto of its own; the first who asks decides for the process.
pub(super) fn use_ring() {
    static ONCE: Once = Once::new();
    // Whoever was faster has the same one.
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

fn refusal(ip: IpAddr) -> String {
    format!("{ip} is no public address, and `allow-private` is not set")
}

/// Resolves names, and lets only public addresses through.
#[derive(Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.iter().copied().filter(|addr| is_public(addr.ip())).collect();
            match (public.is_empty(), found.first()) {
                (true, Some(first)) => Err(refusal(first.ip()).into()),
                _ => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether an address is one of the public Internet. What embeds another address is what that one is.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast();
    // "This network", carriers' NAT, protocol assignments, the old 6to4 relays, benchmarks, reserved.
    let reserved = a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240;
    !special && !reserved
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let embedded = |high: u16, low: u16| {
        let [[w, x], [y, z]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(w, x, y, z))
    };
    match (a, b) {
        // Mapped, and the well-known prefix of NAT64.
        (0, 0) if (c, d, e, f) == (0, 0, 0, 0xffff) => embedded(g, h),
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => embedded(g, h),
        // 6to4.
        (0x2002, high) => embedded(high, c),
        // Teredo and other protocols below 2001::/23, documentation.
        (0x2001, low) if low < 0x200 || low == 0xdb8 => false,
        (0x3fff, low) if low < 0x1000 => false,
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the networks in which this runs: no address leads into them, however it is written.
    #[test]
    fn private_addresses_are_known() {
        let private = [
            "127.0.0.1",
            "127.255.0.9",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "3fff::1",
        ];
        for text in private {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        let public = [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::",
        ];
        for text in public {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}

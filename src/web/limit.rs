//! How often one address may ask: a token bucket each, in a table that cannot grow without end. Pure: the caller has the clock.
//!
//! Behind a proxy on this machine, the address is the last one of `X-Forwarded-For`, which the proxy has written. Requests from this machine
//! without that header (Prometheus, a person with `curl`) are not counted.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Requests that an address may make at once.
pub const BURST: f64 = 60.0;
/// Requests a second that it may make for long.
pub const RATE: f64 = 5.0;
/// Addresses that are told apart; what comes beyond shares one bucket.
const ADDRESSES: usize = 4_096;
/// How often the table is searched for addresses that need not be known any more.
const SWEEP: Duration = Duration::from_secs(10);

/// What is counted as one: an IPv4 address, or the 64 bits of an IPv6 address that name a network.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address => address,
    }
}

/// Who asks: the peer of the connection, or whom a proxy on this machine names. `None` for this machine itself.
pub fn asker(peer: IpAddr, forwarded: Option<&str>) -> Option<IpAddr> {
    if !peer.to_canonical().is_loopback() {
        return Some(network(peer));
    }
    let last = forwarded?.rsplit(',').next()?.trim();
    // What the proxy wrote and we cannot read is one asker; so it is limited.
    let address = last.parse().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    Some(network(address))
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Duration,
}

impl Bucket {
    fn fill(&mut self, now: Duration) {
        let since = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + since * RATE).min(BURST);
        self.filled_at = now;
    }

    fn take(&mut self, now: Duration) -> bool {
        self.fill(now);
        let some = self.tokens >= 1.0;
        if some {
            self.tokens -= 1.0;
        }
        some
    }
}

/// The buckets of all addresses.
#[derive(Debug)]
pub struct Buckets {
    known: HashMap<IpAddr, Bucket>,
    others: Bucket,
    swept_at: Duration,
}

impl Default for Buckets {
    fn default() -> Self {
        let others = Bucket { tokens: BURST, filled_at: Duration::ZERO };
        Self { known: HashMap::new(), others, swept_at: Duration::ZERO }
    }
}

impl Buckets {
    /// Whether this address may ask now; the clock is any that does not run backwards.
    pub fn take(&mut self, address: IpAddr, now: Duration) -> bool {
        if let Some(bucket) = self.known.get_mut(&address) {
            return bucket.take(now);
        }
        if self.known.len() >= ADDRESSES && now.saturating_sub(self.swept_at) >= SWEEP {
            self.swept_at = now;
            self.known.retain(|_, bucket| {
                bucket.fill(now);
                bucket.tokens < BURST
            });
        }
        if self.known.len() >= ADDRESSES {
            return self.others.take(now);
        }
        self.known.entry(address).or_insert(Bucket { tokens: BURST, filled_at: now }).take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(buckets: &mut Buckets, address: &str, times: usize, now: u64) -> usize {
        let address = network(address.parse().unwrap());
        (0..times).filter(|_| buckets.take(address, Duration::from_secs(now))).count()
    }

    /// Protects everybody else from one who asks without end.
    #[test]
    fn one_address_cannot_ask_without_end() {
        let mut buckets = Buckets::default();
        assert_eq!(taken(&mut buckets, "192.0.2.1", 100, 0), 60);
        assert_eq!(taken(&mut buckets, "192.0.2.2", 100, 0), 60);
        assert_eq!(taken(&mut buckets, "192.0.2.1", 100, 2), 10);
        assert_eq!(taken(&mut buckets, "192.0.2.1", 100, 1_000), 60);
        // Another address of the same network is the same asker.
        assert_eq!(taken(&mut buckets, "2001:db8::1", 40, 0), 40);
        assert_eq!(taken(&mut buckets, "2001:db8::ffff:2", 40, 0), 20);
        assert_eq!(taken(&mut buckets, "2001:db8:0:1::1", 40, 0), 40);
        assert_eq!(taken(&mut buckets, "::ffff:192.0.2.2", 1, 0), 0);
    }

    /// Protects the memory from somebody with many addresses, and known addresses from being forgotten for them.
    #[test]
    fn many_addresses_do_not_fill_the_memory() {
        let mut buckets = Buckets::default();
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        assert!((0..100_000).filter(|n| buckets.take(address(*n), Duration::from_secs(1))).count() <= ADDRESSES + 65);
        assert_eq!(buckets.known.len(), ADDRESSES);
        assert!(!buckets.take(address(200_000), Duration::from_secs(1)));
        // Those that have been quiet are forgotten.
        assert!(buckets.take(address(200_000), Duration::from_secs(100)));
        assert_eq!(buckets.known.len(), 1);
    }

    /// Protects the limit behind a proxy: what a client writes into the header comes before what the proxy writes.
    #[test]
    fn who_asks_through_a_proxy() {
        let asker = |peer: &str, header| asker(peer.parse().unwrap(), header).map(|address| address.to_string());
        assert_eq!(asker("127.0.0.1", None), None);
        assert_eq!(asker("::ffff:127.0.0.1", None), None);
        assert_eq!(asker("::1", Some("203.0.113.9, 192.0.2.1")), Some("192.0.2.1".to_owned()));
        assert_eq!(asker("127.0.0.1", Some("\u{1b}[31m")), Some("::".to_owned()));
        // Who is not on this machine is no proxy of ours.
        assert_eq!(asker("192.0.2.1", Some("127.0.0.1")), Some("192.0.2.1".to_owned()));
    }
}

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::schedule::*;

const ME: PeerKey = [128; 32];
const TOPIC: [u8; 32] = [7; 32];

fn key(n: u16) -> PeerKey {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&n.to_be_bytes());
    key
}

fn records(keys: impl IntoIterator<Item = u16>) -> Vec<(PeerKey, Vec<std::net::SocketAddrV4>)> {
    keys.into_iter().map(|n| (key(n), Vec::new())).collect()
}

/// A schedule that has looked its topic up once.
fn knowing(keys: impl IntoIterator<Item = u16>) -> Schedule {
    let mut schedule = Schedule::new(ME, 0, 1);
    schedule.seek(&TOPIC, 0);
    assert_eq!(schedule.due(0), [(0, Order::LookUp(TOPIC))]);
    schedule.looked_up(&TOPIC, Some(&records(keys)), 0);
    schedule
}

fn dials(orders: &[(u64, Order)]) -> Vec<(u64, PeerKey)> {
    let dial = |(number, order): &(u64, Order)| match order {
        Order::Dial(key, _) => Some((*number, *key)),
        _ => None,
    };
    orders.iter().filter_map(dial).collect()
}

/// Steps time until a peer is dialled; when, and the number of the dial. Other dials fail at once.
fn until_dialled(schedule: &mut Schedule, peer: u16, mut now: Millis) -> (Millis, u64) {
    let end = now + 2 * SLOWEST;
    loop {
        for (number, dialled) in dials(&schedule.due(now)) {
            if dialled == key(peer) {
                return (now, number);
            }
            schedule.ended(number, "no answer", false, now);
        }
        now += 100;
        assert!(now < end);
    }
}

#[test]
fn a_topic_is_looked_up_at_a_bounded_rate() {
    let mut schedule = Schedule::new(ME, 0, 1);
    schedule.seek(&TOPIC, 0);
    let mut times = Vec::new();
    for now in (0..3_600_000).step_by(100) {
        for (_, order) in schedule.due(now) {
            assert_eq!(order, Order::LookUp(TOPIC));
            times.push(now);
            schedule.looked_up(&TOPIC, Some(&[]), now);
        }
    }
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[0] >= 5_000 && gaps[0] < 7_000, "{gaps:?}");
    assert!(gaps.last().unwrap() >= &REFRESH && gaps.len() < 15, "{gaps:?}");
}

#[test]
fn a_lost_peer_is_dialled_again_soon_and_for_long() {
    let mut schedule = knowing([1]);
    let (mut now, number) = until_dialled(&mut schedule, 1, 0);
    assert_eq!(schedule.up(number, true, now), Verdict::Keep);
    assert!(dials(&schedule.due(now + REFRESH)).is_empty());
    now += REFRESH;
    schedule.ended(number, "closed by the peer", false, now);
    let lost = now;
    while now < lost + 500_000 {
        let (next, number) = until_dialled(&mut schedule, 1, now);
        assert!(next - now <= 20_100, "after {}", next - now);
        now = next;
        schedule.ended(number, "no answer", false, now);
    }
    // After ten minutes it is like one that never was.
    for _ in 0..20 {
        let (next, number) = until_dialled(&mut schedule, 1, now);
        assert!(next - now <= SLOWEST + SLOWEST / 4 + 100);
        now = next;
        schedule.ended(number, "no answer", false, now);
    }
}

#[test]
fn a_hostile_peer_is_not_dialled_again_nor_let_in() {
    let mut schedule = knowing([1]);
    let (now, number) = until_dialled(&mut schedule, 1, 0);
    schedule.up(number, true, now);
    schedule.ended(number, "it sent a proof that does not hold", true, now);
    schedule.looked_up(&TOPIC, Some(&records([1])), now);
    for now in (now..10 * REFRESH).step_by(1_000) {
        assert!(dials(&schedule.due(now)).is_empty());
    }
    assert_eq!(schedule.accept(&key(1), now), None);
}

/// Dead records, however many, only delay a live one.
#[test]
fn a_live_peer_among_dead_records_is_reached() {
    for live in [0, 100, 255] {
        let mut schedule = knowing(0..256);
        let mut running: Vec<(Millis, u64)> = Vec::new();
        let mut now = 0;
        'reached: loop {
            assert!(now < 256 * 15_000 / 16 + 60_000, "not reached after {now}");
            running.retain(|(end, number)| {
                if *end <= now {
                    schedule.ended(*number, "no answer", false, now);
                }
                *end > now
            });
            for (number, dialled) in dials(&schedule.due(now)) {
                if dialled == key(live) {
                    break 'reached;
                }
                running.push((now + 15_000, number));
            }
            now += 100;
        }
    }
}

/// Both sides dial each other; both must keep the same connection.
#[test]
fn of_two_connections_that_cross_one_stays() {
    for (a, b) in [(key(1), key(2)), (key(2), key(1))] {
        for a_first in [true, false] {
            let (mut at_a, mut at_b) = (Schedule::new(a, 0, 1), Schedule::new(b, 0, 2));
            let mut dialled = Vec::new();
            for (side, other) in [(&mut at_a, b), (&mut at_b, a)] {
                side.seek(&TOPIC, 0);
                side.due(0);
                side.looked_up(&TOPIC, Some(&[(other, Vec::new())]), 0);
                dialled.push(dials(&side.due(0))[0].0);
            }
            // The connection that a dialled, then the one that b dialled, in this order at a, in some order at b.
            let in_b = at_b.accept(&a, 0).unwrap();
            let in_a = at_a.accept(&b, 0).unwrap();
            let kept_a = kept(&mut at_a, [(dialled[0], true), (in_a, false)]);
            let order = [(in_b, false), (dialled[1], true)];
            let kept_b = kept(&mut at_b, if a_first { order } else { [order[1], order[0]] });
            assert_eq!(kept_a == dialled[0], kept_b == in_b);
        }
    }
}

fn kept(schedule: &mut Schedule, order: [(u64, bool); 2]) -> u64 {
    let mut kept = 0;
    for (number, ours) in order {
        match schedule.up(number, ours, 10) {
            Verdict::Keep => kept = number,
            Verdict::Instead(old) => {
                assert_eq!(old, kept);
                schedule.ended(old, "twice", false, 10);
                kept = number;
            }
            Verdict::Refuse => schedule.ended(number, "twice", false, 10),
        }
    }
    kept
}

#[test]
fn who_dials_again_after_a_while_has_lost_the_first_connection() {
    for peer in [key(1), [255; 32]] {
        let mut schedule = Schedule::new(ME, 0, 1);
        let first = schedule.accept(&peer, 0).unwrap();
        assert_eq!(schedule.up(first, false, 0), Verdict::Keep);
        let second = schedule.accept(&peer, 20_000).unwrap();
        assert_eq!(schedule.up(second, false, 20_000), Verdict::Instead(first));
    }
}

#[test]
fn announcements_are_repeated_and_taken_back() {
    let mut schedule = Schedule::new(ME, 0, 1);
    schedule.serve(&TOPIC, false, 0);
    assert!(schedule.due(0).is_empty());
    schedule.serve(&TOPIC, true, 0);
    assert_eq!(schedule.due(0), [(0, Order::Announce(TOPIC))]);
    assert!(schedule.due(REFRESH).is_empty());
    schedule.announced(&TOPIC, true, true, 0);
    assert!(schedule.due(REFRESH / 2).is_empty());
    assert_eq!(schedule.due(2 * REFRESH), [(0, Order::Announce(TOPIC))]);
    // Taken back while it is announced again.
    schedule.serve(&TOPIC, false, 2 * REFRESH);
    assert!(schedule.due(2 * REFRESH).is_empty());
    schedule.announced(&TOPIC, true, true, 2 * REFRESH);
    assert_eq!(schedule.due(2 * REFRESH), [(0, Order::Unannounce(TOPIC))]);
    schedule.announced(&TOPIC, false, true, 2 * REFRESH);
    assert_eq!(schedule.announcements().count(), 0);
    assert!(schedule.due(9 * REFRESH).is_empty());
}

#[test]
fn it_is_settled_when_everything_was_tried() {
    let mut schedule = knowing([1, 2]);
    assert!(!schedule.is_settled());
    let orders = dials(&schedule.due(0));
    assert_eq!(orders.len(), 2);
    schedule.up(orders[0].0, true, 0);
    assert!(!schedule.is_settled());
    schedule.ended(orders[1].0, "no answer", false, 0);
    assert!(schedule.is_settled());
    // An empty answer may be an accident.
    let mut schedule = knowing([]);
    assert!(!schedule.is_settled());
    schedule.due(60_000);
    schedule.looked_up(&TOPIC, None, 60_000);
    assert!(schedule.is_settled());
}

/// What may happen to a schedule.
#[derive(Clone, Debug)]
enum Move {
    Wait(u64),
    Found(u8, Vec<u16>),
    Seek(u8),
    Serve(u8, bool),
    Knock(u16),
    // One of those under way or standing stands, or ends.
    Up(usize),
    Ended(usize, bool),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => prop_oneof![0..200_u64, 0..REFRESH * 2].prop_map(Move::Wait),
        2 => (0..3_u8, prop::collection::vec(0..40_u16, 0..300)).prop_map(|(topic, keys)| Move::Found(topic, keys)),
        1 => (0..3_u8).prop_map(Move::Seek),
        1 => (0..3_u8, any::<bool>()).prop_map(|(topic, served)| Move::Serve(topic, served)),
        2 => (0..40_u16).prop_map(Move::Knock),
        6 => any::<prop::sample::Index>().prop_map(|at| Move::Up(at.index(1 << 16))),
        4 => (any::<prop::sample::Index>(), prop::bool::weighted(0.1)).prop_map(|(at, bad)| Move::Ended(at.index(1 << 16), bad)),
    ];
    prop::collection::vec(one, 0..200)
}

proptest! {
    /// The invariants of the module, against a plain account of what goes on.
    #[test]
    fn whatever_happens_the_limits_hold(moves in moves(), seed in any::<u64>()) {
        let mut schedule = Schedule::new(key(39), 0, seed);
        let mut now = 0;
        // Number of each connection: its peer, whether we dialled, whether it stands.
        let mut links: BTreeMap<u64, (PeerKey, bool, bool)> = BTreeMap::new();
        let mut banned: BTreeSet<PeerKey> = BTreeSet::new();
        let mut queries: Vec<Order> = Vec::new();
        for next in moves {
            match next {
                Move::Wait(time) => now += time,
                Move::Seek(topic) => schedule.seek(&[topic; 32], now),
                Move::Serve(topic, served) => schedule.serve(&[topic; 32], served, now),
                Move::Found(at, keys) => {
                    let at = usize::from(at);
                    if at < queries.len() {
                        match queries.remove(at) {
                            Order::LookUp(topic) => schedule.looked_up(&topic, Some(&records(keys)), now),
                            Order::Announce(topic) => schedule.announced(&topic, true, keys.len() % 2 == 0, now),
                            Order::Unannounce(topic) => schedule.announced(&topic, false, true, now),
                            Order::Dial(..) => panic!("no query"),
                        }
                    }
                }
                Move::Knock(peer) => {
                    let peer = key(peer);
                    if let Some(number) = schedule.accept(&peer, now) {
                        prop_assert!(!banned.contains(&peer) && peer != key(39));
                        prop_assert!(links.insert(number, (peer, false, false)).is_none());
                    }
                }
                Move::Up(at) => {
                    let waiting: Vec<u64> = links.iter().filter(|(_, link)| !link.2).map(|(number, _)| *number).collect();
                    if waiting.is_empty() {
                        continue;
                    }
                    let number = waiting[at % waiting.len()];
                    let (peer, ours, _) = links[&number];
                    match schedule.up(number, ours, now) {
                        Verdict::Keep => links.get_mut(&number).unwrap().2 = true,
                        Verdict::Instead(old) => {
                            prop_assert_eq!(links[&old].0, peer);
                            links.get_mut(&number).unwrap().2 = true;
                            schedule.ended(old, "twice", false, now);
                            links.remove(&old);
                        }
                        Verdict::Refuse => {
                            schedule.ended(number, "twice", false, now);
                            links.remove(&number);
                        }
                    }
                }
                Move::Ended(at, bad) => {
                    let Some((number, (peer, ..))) = links.iter().nth(at % links.len().max(1)).map(|(n, l)| (*n, *l)) else { continue };
                    schedule.ended(number, "gone", bad, now);
                    links.remove(&number);
                    if bad {
                        banned.insert(peer);
                    }
                }
            }
            for (number, order) in schedule.due(now) {
                match order {
                    Order::Dial(peer, relays) => {
                        prop_assert!(relays.len() <= MAX_RELAYS);
                        prop_assert!(!banned.contains(&peer) && peer != key(39));
                        prop_assert!(!links.values().any(|link| link.0 == peer && (link.1 || link.2)));
                        prop_assert!(links.insert(number, (peer, true, false)).is_none());
                    }
                    order => queries.push(order),
                }
            }
            prop_assert!(queries.len() <= MAX_QUERIES);
            prop_assert!(links.len() <= MAX_LINKS);
            prop_assert!(links.values().filter(|link| link.1 && !link.2).count() <= MAX_DIALS);
            let standing: Vec<PeerKey> = links.values().filter(|link| link.2).map(|link| link.0).collect();
            prop_assert_eq!(standing.iter().collect::<BTreeSet<_>>().len(), standing.len());
        }
    }
}

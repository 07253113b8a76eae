//! Two sessions talk to each other; and what a hostile peer may not do.

use super::*;

const KEY: Key = [7; 32];

fn pair() -> (Session, Session) {
    (Session::new(true, [3; 64]), Session::new(false, [3; 64]))
}

/// Lets both talk until neither has anything to say.
fn talk(a: &mut Session, b: &mut Session) {
    loop {
        let (to_b, to_a) = (a.frame(), b.frame());
        if to_a.is_none() && to_b.is_none() {
            return;
        }
        to_b.into_iter().for_each(|frame| b.receive(&frame).unwrap());
        to_a.into_iter().for_each(|frame| a.receive(&frame).unwrap());
    }
}

fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.event()).collect()
}

/// Whoever opens first, and if both do at once, there is one channel; an unknown log is rejected without harm.
#[test]
fn logs_meet() {
    let dk = discovery_key(&KEY);
    for first in 0..3 {
        let (mut a, mut b) = pair();
        a.add(&KEY);
        b.add(&KEY);
        if first != 1 {
            a.open(&dk);
        }
        if first != 0 {
            b.open(&dk);
        }
        talk(&mut a, &mut b);
        assert_eq!((events(&mut a), events(&mut b)), (vec![Event::Opened(dk)], vec![Event::Opened(dk)]));
    }
    let (mut a, mut b) = pair();
    a.add(&KEY);
    a.open(&dk);
    talk(&mut a, &mut b);
    assert_eq!((events(&mut a), events(&mut b)), (vec![Event::Closed(dk, Vec::new())], vec![Event::Unknown(dk)]));
    b.add(&KEY);
    b.open(&dk);
    talk(&mut a, &mut b);
    assert!(a.is_open(&dk) && b.is_open(&dk));
}

/// Protects the peer's connection (it drops who asks beyond its tree) and our memory.
#[test]
fn questions_have_limits() {
    let dk = discovery_key(&KEY);
    let (mut a, mut b) = pair();
    a.add(&KEY);
    b.add(&KEY);
    a.open(&dk);
    talk(&mut a, &mut b);
    let block = |index| Asked { block: Some(RequestNode { index, nodes: 0 }), ..Asked::default() };
    assert!(!a.ask(&dk, block(0)), "before it said what it has");
    b.show(&dk, Sync { length: 100, uploading: true, ..Sync::default() });
    b.tell(&dk, &Message::Range(Span { start: 0, length: 1 << 40 }, false));
    talk(&mut a, &mut b);
    assert!(a.has(&dk, 99) && !a.has(&dk, 100));
    assert!(!a.ask(&dk, block(100)));
    assert!(!a.ask(&dk, Asked { prefix: Some(101), ..Asked::default() }));
    assert!(!a.ask(&dk, Asked { fork: 1, ..block(1) }));
    let sent = (0..100).filter(|index| a.ask(&dk, block(*index))).count();
    assert_eq!(sent, MAX_IN_FLIGHT);
    talk(&mut a, &mut b);
    b.tell(&dk, &Message::NoData(1, 0));
    b.tell(&dk, &Message::NoData(1, 0));
    talk(&mut a, &mut b);
    let answers = events(&mut a).into_iter().filter(|event| matches!(event, Event::Answer(..))).count();
    assert_eq!((answers, a.in_flight()), (1, MAX_IN_FLIGHT - 1));
    assert_eq!(a.give_up(|_, asked| asked.at < 1).len(), MAX_IN_FLIGHT - 1);
}

/// Nobody may speak for a log whose key it does not know, use a channel twice, or flood.
#[test]
fn what_ends_a_connection() {
    let dk = discovery_key(&KEY);
    let open = |capability| {
        let mut outbox = Outbox::default();
        outbox.open(1, PROTOCOL, &dk, &Handshake { seeks: false, capability }.encode());
        outbox.frame().unwrap()
    };
    let (mut a, _) = pair();
    a.add(&KEY);
    assert_eq!(a.receive(&open([0; 32])), Err(SessionError::Capability));
    // A reflected capability is the other side's.
    let (mut a, _) = pair();
    a.add(&KEY);
    assert_eq!(a.receive(&open(capability(true, &KEY, &[3; 64]))), Err(SessionError::Capability));
    let good = open(capability(false, &KEY, &[3; 64]));
    let (mut a, _) = pair();
    a.add(&KEY);
    a.receive(&good).unwrap();
    assert_eq!(a.receive(&good), Err(SessionError::Channel));
    let mut flood = vec![0, 0, 1];
    flood.extend([2, 2, 9].repeat(MAX_MESSAGES + 1));
    assert_eq!(a.receive(&flood), Err(SessionError::Flood));
}

/// A push is not believed, an answer to another log's question ends the connection.
#[test]
fn answers_belong_to_questions() {
    let (x, y) = (discovery_key(&KEY), discovery_key(&[8; 32]));
    let (mut a, mut b) = pair();
    for session in [&mut a, &mut b] {
        session.add(&KEY);
        session.add(&[8; 32]);
        session.open(&x);
        session.open(&y);
    }
    talk(&mut a, &mut b);
    b.show(&x, Sync { length: 9, uploading: true, ..Sync::default() });
    talk(&mut a, &mut b);
    assert!(a.ask(&x, Asked { prefix: Some(9), ..Asked::default() }));
    talk(&mut a, &mut b);
    events(&mut a);
    b.tell(&x, &Message::Data(Data::default()));
    assert_eq!(b.frame(), None, "nothing is pushed");
    b.tell(&y, &Message::Data(Data { request: 1, ..Data::default() }));
    assert_eq!(a.receive(&b.frame().unwrap()), Err(SessionError::Misplaced));
}

/// Protects memory from a peer that opens channels and reads nothing: of one frame only so many are answered, and then it
/// is no longer listened to.
#[test]
fn rejects_do_not_pile_up() {
    let opens = |count: usize| {
        let mut frame = vec![0, 0, 0];
        // An open of channel 1, without a protocol and an id: nothing that happened, and one reject each.
        frame.extend([4, 1, 1, 0, 0].repeat(count));
        frame
    };
    let (mut a, _) = pair();
    assert_eq!(a.receive(&opens(MAX_MESSAGES + 1)), Err(SessionError::Flood));
    let (mut a, _) = pair();
    assert!(!a.is_crowded());
    a.receive(&opens(MAX_CROWD)).unwrap();
    assert!(a.is_crowded() && a.event().is_none());
    while a.frame().is_some() {}
    assert!(!a.is_crowded() && a.waiting() == 0);
}

//! The connections of a serving lab: who is told what, and when.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use super::{Behaviour, Directory, Reply, Scene, Way, newest};
use crate::archive::Core;
use crate::hypercore::{Hash, Key, discovery_key};
use crate::swarm::discovery::Swarm;
use crate::swarm::discovery::schedule::Verdict;
use crate::swarm::session::{Event, Session};
use crate::swarm::transport::{Inbox, Link, Signal, Signals, accept};
use crate::swarm::wire::messages::{Message, Request, Span, Sync};

/// Questions of a peer that wait.
const MAX_QUESTIONS: usize = 65_536;
/// No more is answered while so many bytes wait to be sent.
const MAX_ANSWERS: usize = 1 << 20;
/// How often it is looked at what is due.
const TICK: Duration = Duration::from_millis(100);

struct Peer {
    link: Link,
    session: Session,
    directory: usize,
    greetings: u32,
    questions: VecDeque<(Hash, Request)>,
    // Answers about a log, and which of its histories was announced.
    answered: BTreeMap<Hash, (u64, usize)>,
    next: Instant,
}

/// A peer that serves one directory, or (a split view) two.
pub struct Server {
    directories: Vec<Directory>,
    keys: BTreeMap<Hash, Key>,
    behaviour: Box<dyn Behaviour>,
    listener: Option<TcpListener>,
    swarm: Option<Swarm>,
    signals: Signals,
    inbox: Inbox,
    peers: BTreeMap<u64, Peer>,
    last: u64,
    count: u64,
}

impl Server {
    /// Serves the first of these directories; a split view serves the second one, too.
    pub fn new(directories: Vec<Directory>, way: &Way) -> Server {
        let keys = directories.iter().flat_map(Directory::keys).map(|key| (discovery_key(key), *key)).collect();
        let (signals, inbox) = Signals::channel();
        Server {
            directories,
            keys,
            behaviour: (way.make)(),
            listener: None,
            swarm: None,
            signals,
            inbox,
            peers: BTreeMap::new(),
            last: 0,
            count: 0,
        }
    }

    /// Serves these directories from now on, which hold more of the same logs, and says so to everybody.
    pub fn renew(&mut self, directories: Vec<Directory>) {
        let keys = directories.iter().flat_map(Directory::keys).map(|key| (discovery_key(key), *key));
        let news: Vec<(Hash, Key)> = keys.filter(|(dk, _)| !self.keys.contains_key(dk)).collect();
        self.directories = directories;
        self.keys.extend(news.iter().copied());
        let numbers: Vec<u64> = self.peers.keys().copied().collect();
        for number in numbers {
            let Some(peer) = self.peers.get_mut(&number) else { continue };
            for (dk, key) in &news {
                peer.session.add(key);
                peer.session.open(dk);
            }
            let open: Vec<Hash> = self.keys.keys().filter(|dk| peer.session.is_open(dk)).copied().collect();
            open.iter().for_each(|dk| self.announce(number, dk));
            self.answer(number);
        }
    }

    /// Takes connections from now on.
    pub fn listen(&mut self, listener: TcpListener) {
        self.listener = Some(listener);
    }

    /// Announces the indexes (all logs, if there is none) on the DHT.
    pub fn join(&mut self, mut swarm: Swarm) {
        if let Some(directory) = self.directories.first() {
            let indexes: Vec<&Key> = directory.indexes().collect();
            let all: Vec<&Key> = if indexes.is_empty() { directory.keys().collect() } else { indexes };
            all.into_iter().for_each(|key| swarm.serve(&discovery_key(key), true));
        }
        self.swarm = Some(swarm);
    }

    /// Whether a log's topic is announced.
    pub fn is_announced(&self, key: &Key) -> bool {
        self.swarm.as_ref().is_some_and(|swarm| swarm.is_announced(&discovery_key(key)))
    }

    /// Deals with what happens next, at most for a tenth of a second.
    pub async fn step(&mut self) {
        let listener = self.listener.as_ref();
        let accepted = async {
            match listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        let swarm = self.swarm.as_mut();
        let found = async {
            match swarm {
                Some(swarm) => swarm.wait().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = found => {}
            Some((number, signal)) = self.inbox.recv() => self.on_signal(number, signal),
            accepted = accepted => if let Ok((socket, _)) = accepted {
                self.last = self.last.saturating_add(1);
                accept(self.last, socket, self.signals.clone());
            },
            () = tokio::time::sleep(TICK) => {}
        }
        if let Some(swarm) = &mut self.swarm {
            swarm.turn(&self.signals);
        }
        // Who waits for nothing but time.
        let now = Instant::now();
        let due = |peer: &Peer| !peer.questions.is_empty() && peer.next <= now;
        let due: Vec<u64> = self.peers.iter().filter(|(_, peer)| due(peer)).map(|(number, _)| *number).collect();
        due.into_iter().for_each(|number| self.answer(number));
    }

    /// Takes announcements back.
    pub async fn leave(self) {
        if let Some(swarm) = self.swarm {
            swarm.leave().await;
        }
    }

    fn end(&mut self, number: u64, why: &str) {
        self.peers.remove(&number);
        if let Some(swarm) = &mut self.swarm {
            swarm.ended(number, why, false);
        }
    }

    fn on_signal(&mut self, number: u64, signal: Signal) {
        match signal {
            Signal::Up(link) => self.on_up(number, link),
            Signal::Frame(inbound) => {
                let Some(peer) = self.peers.get_mut(&number) else { return };
                if let Err(error) = peer.session.receive(&inbound.frame) {
                    return self.end(number, &error.to_string());
                }
                drop(inbound);
                self.on_events(number);
            }
            Signal::Room => {}
            Signal::Down(why) => return self.end(number, &why),
        }
        self.answer(number);
    }

    fn on_up(&mut self, number: u64, link: Link) {
        match self.swarm.as_mut().and_then(|swarm| swarm.up(number, &link)) {
            Some(Verdict::Refuse) => return,
            Some(Verdict::Instead(older)) => self.end(older, "it dialled again"),
            Some(Verdict::Keep) | None => {}
        }
        let directory = self.behaviour.directory(self.count).min(self.directories.len().saturating_sub(1));
        self.count = self.count.saturating_add(1);
        let mut session = Session::new(link.initiator, link.hash);
        for key in self.directories.get(directory).into_iter().flat_map(Directory::keys) {
            session.add(key);
            session.open(&discovery_key(key));
        }
        let peer = Peer {
            link,
            session,
            directory,
            greetings: self.behaviour.greetings(),
            questions: VecDeque::new(),
            answered: BTreeMap::new(),
            next: Instant::now(),
        };
        self.peers.insert(number, peer);
    }

    fn on_events(&mut self, number: u64) {
        loop {
            let Some(peer) = self.peers.get_mut(&number) else { return };
            let Some(event) = peer.session.event() else { return };
            match event {
                Event::Opened(dk) => self.announce(number, &dk),
                Event::Question(dk, request) => peer.questions.push_back((dk, request)),
                Event::Cancelled(dk, id) => peer.questions.retain(|(log, asked)| *log != dk || asked.id != id),
                _ => {}
            }
            if self.peers.get(&number).is_some_and(|peer| peer.questions.len() > MAX_QUESTIONS) {
                return self.end(number, "it asks too much at once");
            }
        }
    }

    fn histories(&self, peer: &Peer, dk: &Hash) -> Option<(&Directory, &[Core])> {
        let directory = self.directories.get(peer.directory)?;
        Some((directory, directory.log(self.keys.get(dk)?)?))
    }

    /// Says what is there of a log.
    fn announce(&mut self, number: u64, dk: &Hash) {
        let Some(peer) = self.peers.get(&number) else { return };
        let Some((_, cores)) = self.histories(peer, dk) else { return };
        let answered = peer.answered.get(dk).map_or(0, |(answered, _)| *answered);
        let history = self.behaviour.history(answered, cores.len());
        let head = cores.get(history).and_then(newest);
        let honest = Sync {
            fork: head.map_or(0, |head| head.fork()),
            length: head.map_or(0, |head| head.length()),
            can_upgrade: true,
            uploading: true,
            downloading: true,
            has_manifest: head.is_some_and(|head| head.manifest().is_some()),
            ..Sync::default()
        };
        let claim = self.behaviour.claim(honest);
        let Some(peer) = self.peers.get_mut(&number) else { return };
        peer.answered.insert(*dk, (answered, history));
        peer.session.show(dk, claim);
        peer.session.tell(dk, &Message::Range(Span { start: 0, length: claim.length }, false));
    }

    /// Answers what a peer has asked, as far as it is due and the peer takes it.
    fn answer(&mut self, number: u64) {
        loop {
            let Some(peer) = self.peers.get_mut(&number) else { return };
            let greeting = self.behaviour.greeting().filter(|_| peer.greetings > 0 && peer.link.has_room());
            if let Some(frame) = greeting {
                peer.greetings = peer.greetings.saturating_sub(1);
                peer.link.send(frame);
            }
            while peer.link.has_room()
                && let Some(frame) = peer.session.frame()
            {
                peer.link.send(frame);
            }
            let ready = peer.next <= Instant::now() && peer.link.has_room() && peer.session.waiting() < MAX_ANSWERS;
            let Some((dk, request)) = peer.questions.pop_front_if(|_| ready) else { return };
            peer.next = Instant::now().checked_add(self.behaviour.pause()).unwrap_or(peer.next);
            let Some(peer) = self.peers.get(&number) else { return };
            let Some((directory, cores)) = self.histories(peer, &dk) else { continue };
            let (answered, history) = peer.answered.get(&dk).copied().unwrap_or_default();
            let Some(core) = cores.get(history) else { continue };
            let reply = self.behaviour.reply(&Scene { directory, core }, &request);
            let answered = answered.saturating_add(1);
            let moved = self.behaviour.history(answered, cores.len()) != history;
            let Some(peer) = self.peers.get_mut(&number) else { return };
            peer.answered.insert(dk, (answered, history));
            match reply {
                Reply::Say(message) => peer.session.tell(&dk, &message),
                Reply::Refuse => peer.session.tell(&dk, &Message::NoData(request.id, 1)),
                Reply::Frame(frame) => peer.link.send(frame),
                Reply::Nothing => {}
            }
            if moved {
                self.announce(number, &dk);
            }
        }
    }
}

//! The service's one loop: it owns the node, the databases and the state, and nothing else writes them.
//!
//! Whatever cannot be written down (a full disk, above all) ends the *session*: node and workers are closed, nothing new is
//! taken in, and after a while a new session begins from what is durable, as after a crash. So there is one way back, and
//! the crash matrix tests it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::cases::{Made, prove};
use super::control::{Asked, Order, Reply};
use super::followed::TurnError;
use super::ledger::Ledger;
use super::live::{Histogram, Live, Snapshot};
use super::register::Register;
use super::room::Room;
use super::state::{State, StateError};
use super::watched::Round;
use super::{Millis, now};
use crate::alerts::{Channels, Courier, Router, courier};
use crate::archive::ArchiveError;
use crate::config::{Applies, Config};
use crate::crash;
use crate::swarm::discovery::{Bootstrap, Config as Dht, Swarm};
use crate::swarm::node::Node;
use crate::worker::Launcher;

/// How long a step of the node may last while workers are busy, and otherwise.
const BUSY: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_millis(250);
/// How often conditions are looked at and the snapshot is made anew.
const LOOK: Duration = Duration::from_secs(1);
/// After a session that has ended by itself the next one begins after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The archive.
    pub archive: PathBuf,
    /// The state.
    pub state: PathBuf,
    /// The socket for orders.
    pub socket: PathBuf,
    /// The evidence folder.
    pub evidence: PathBuf,
    /// How workers are started.
    pub launcher: Launcher,
}

impl Places {
    /// The places below a data directory.
    pub fn below(data: &std::path::Path, launcher: Launcher) -> Places {
        let archive = data.join("archive");
        let evidence = archive.join("evidence");
        Places { archive, state: data.join("state.sqlite"), socket: data.join("control.sock"), evidence, launcher }
    }
}

/// Why a session has ended.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The archive cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Sockets, processes.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The disk is nearly full.
    #[error("the disk is nearly full: {0}")]
    Full(String),
}

impl From<TurnError> for Trouble {
    fn from(error: TurnError) -> Self {
        match error {
            TurnError::Archive(error) => Self::Archive(error),
            TurnError::Worker(error) => Self::Io(error),
        }
    }
}

/// What ends the loop, or changes it.
#[derive(Debug)]
pub enum Signal {
    /// End.
    Stop,
    /// Go on with this configuration.
    Reload(Box<Config>),
}

/// Whoever watches the service: told at each round that it lives, and when everything is open.
pub trait Pulse {
    /// Everything is open: it is ready.
    fn ready(&mut self);
    /// It has gone round.
    fn turn(&mut self);
    /// Something for the log.
    fn say(&mut self, line: &str);
    /// It goes on with the new configuration.
    fn reloaded(&mut self);
}

/// The service.
pub struct Service<'a> {
    config: Config,
    places: Places,
    live: Live,
    router: Router,
    courier: Courier,
    channels: Vec<String>,
    signals: Receiver<Signal>,
    orders: Receiver<Asked>,
    pulse: &'a mut dyn Pulse,
    started_at: Millis,
    replay: Histogram,
    stopped: Option<String>,
}

impl<'a> Service<'a> {
    /// Opens the state and starts the delivery of what waits there.
    ///
    /// # Errors
    /// When the state cannot be used, or a secret cannot be read.
    pub fn open(
        config: Config,
        channels: Channels,
        places: Places,
        live: Live,
        (signals, orders): (Receiver<Signal>, Receiver<Asked>),
        pulse: &'a mut dyn Pulse,
    ) -> Result<Self, StateError> {
        let names = channels.names();
        // Made here, so that readers find it from now on.
        drop(State::open(&places.state)?);
        let options = courier::Options::new(places.state.clone(), places.evidence.clone(), &config);
        crash::point("service-opened");
        let courier = Courier::start(options, channels)?;
        crash::point("courier-started");
        let router = Router::new(&config.alerts);
        let started_at = now();
        let replay = Histogram::default();
        let service = Self {
            config,
            places,
            live,
            router,
            courier,
            channels: names,
            signals,
            orders,
            pulse,
            started_at,
            replay,
            stopped: None,
        };
        Ok(service)
    }

    /// Runs until it is told to stop: sessions, one after the other.
    pub async fn run(mut self) {
        loop {
            match self.session().await {
                Ok(()) => break,
                Err(trouble) => {
                    self.pulse.say(&format!("nothing new is taken in: {trouble}"));
                    self.stopped = Some(trouble.to_string());
                    self.say_stopped(&trouble);
                }
            }
            if self.wait().await {
                break;
            }
        }
        self.courier.stop().await;
    }

    /// Waits for the next session; `true` when there is to be none.
    async fn wait(&mut self) -> bool {
        let until = Instant::now().checked_add(AGAIN).unwrap_or_else(Instant::now);
        loop {
            self.pulse.turn();
            self.show(Snapshot::default());
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => return false,
                signal = self.signals.recv() => match signal {
                    // Perhaps it is what lets the next session begin.
                    Some(Signal::Reload(config)) => {
                        self.take_config(*config);
                        self.pulse.reloaded();
                        return false;
                    }
                    Some(Signal::Stop) | None => return true,
                },
                asked = self.orders.recv() => {
                    if let Some(asked) = asked {
                        let reply = match asked.order() {
                            Order::Status => Reply::Status(super::control::status(&self.live.get())),
                            _ => Reply::Refused(self.stopped.clone().unwrap_or_default()),
                        };
                        asked.answer(reply);
                    }
                }
            }
        }
    }

    /// Tells people that nothing new is taken in, if that can be written down at all.
    fn say_stopped(&mut self, trouble: &Trouble) {
        let wrote = State::open(&self.places.state).and_then(|mut state| {
            let mut register = Register::load(&state, &self.config, &self.places)?;
            let mut ledger = Ledger::default();
            register.say_stopped(&trouble.to_string(), &mut ledger, now());
            ledger.write(&mut state, &self.router, now())
        });
        if wrote.is_ok_and(|wrote| wrote) {
            self.courier.wake();
        }
    }

    /// One session: until it is told to stop, or something cannot be written down.
    async fn session(&mut self) -> Result<(), Trouble> {
        crash::point("session-begin");
        std::fs::create_dir_all(&self.places.archive)?;
        self.check_room()?;
        let mut state = State::open(&self.places.state)?;
        crash::point("session-state");
        let mut register = Register::load(&state, &self.config, &self.places)?;
        crash::point("session-register");
        register.follow_config(&mut state, &self.config, &self.places, now())?;
        crash::point("session-followed");
        let mut node = self.open_node(&register).await?;
        crash::point("session-node");
        let (tell, mut made) = unbounded_channel();
        self.stopped = None;
        self.pulse.ready();
        crash::point("session-ready");
        let ended = self.rounds(&mut state, &mut register, &mut node, (&tell, &mut made)).await;
        // Workers are ended first: what they read is no longer written.
        drop(register);
        let closed = node.commit(true);
        node.leave().await;
        ended?;
        Ok(closed?)
    }

    async fn rounds(
        &mut self,
        state: &mut State,
        register: &mut Register,
        node: &mut Node,
        (tell, made): (&UnboundedSender<Made>, &mut UnboundedReceiver<Made>),
    ) -> Result<(), Trouble> {
        let mut looked: Option<Instant> = None;
        loop {
            let length = if register.is_busy() { BUSY } else { IDLE };
            let until = Instant::now().checked_add(length).unwrap_or_else(Instant::now);
            let mut ledger = Ledger::default();
            let mut asked = None;
            tokio::select! {
                happened = node.step(until) => {
                    if crash::fails("archive-step") {
                        return Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
                    }
                    for event in happened? {
                        register.note(&event);
                    }
                    crash::point("round-heard");
                }
                Some((key, proofs)) = made.recv() => {
                    crash::point("proof-taken");
                    register.take_proofs(&key, proofs);
                }
                order = self.orders.recv() => asked = order,
                signal = self.signals.recv() => match signal {
                    Some(Signal::Reload(config)) => self.reload(*config, state, register, node)?,
                    Some(Signal::Stop) | None => return Ok(()),
                },
            }
            let reply = asked.as_ref().map(|asked| self.obey(asked.order(), state, register, node, &mut ledger));
            let reply = reply.transpose()?;
            self.round(register, node, &mut ledger, tell)?;
            // Whoever gave an order sees what it did.
            if asked.is_some() || looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                looked = Some(Instant::now());
                self.check_room()?;
                register.look(node, &mut ledger, now());
                self.show(register.snapshot(node));
                crash::point("snapshot-made");
            }
            if ledger.write(state, &self.router, now())? {
                self.courier.wake();
                crash::point("courier-woken");
            }
            ledger.alerts().for_each(|alert| self.pulse.say(&alert.message));
            if let (Some(asked), Some(reply)) = (asked, reply) {
                asked.answer(reply);
            }
            self.pulse.turn();
        }
    }

    fn round(
        &mut self,
        register: &mut Register,
        node: &mut Node,
        ledger: &mut Ledger,
        tell: &UnboundedSender<Made>,
    ) -> Result<(), Trouble> {
        let shared = Arc::clone(register.shared());
        let launcher = &self.places.launcher;
        let histogram = &mut self.replay;
        for watched in register.watched_mut() {
            let mut replay = |worked: Duration| histogram.observe(worked.as_secs_f64());
            let mut round = Round { node, ledger, now: now(), shared: &shared, replay: &mut replay };
            watched.turn(&mut round, |followed, findings| {
                let Some(report) = followed.report() else { return false };
                let request = followed.request().clone();
                prove(launcher.clone(), request, report, findings, *followed.key(), tell.clone())
            })?;
        }
        Ok(())
    }

    async fn open_node(&self, register: &Register) -> Result<Node, Trouble> {
        let network = &self.config.network;
        let mut node = Node::open(&self.places.archive)?;
        for key in register.keys() {
            node.follow(key)?;
        }
        for address in &network.peers {
            node.dial(address.clone());
        }
        if let Some(address) = network.serve {
            node.listen(tokio::net::TcpListener::bind(address).await?);
        }
        if network.uses_dht() {
            let bootstrap = if network.bootstrap.is_empty() { Bootstrap::public() } else { network.bootstrap.clone() };
            let listen =
                network.listen.unwrap_or_else(|| std::net::SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0));
            let config = Dht { bootstrap, listen, firewalled: network.firewalled };
            node.join(Swarm::open(&config).await.map_err(std::io::Error::other)?);
            register.keys().for_each(|key| node.seek(key));
            node.announce();
        }
        Ok(node)
    }

    fn reload(
        &mut self,
        config: Config,
        state: &mut State,
        register: &mut Register,
        node: &mut Node,
    ) -> Result<(), Trouble> {
        self.take_config(config);
        register.follow_config(state, &self.config, &self.places, now())?;
        self.pulse.reloaded();
        self.follow_all(register, node)
    }

    fn take_config(&mut self, config: Config) {
        match Channels::open(&config.alerts) {
            Ok(channels) => {
                self.channels = channels.names();
                self.courier.reload(channels);
                self.router = Router::new(&config.alerts);
            }
            Err(error) => self.pulse.say(&format!("channels and routes stay as they were: {error}")),
        }
        // What a running service cannot change stays as it is until the next start.
        let changes = Config::changes(&self.config, &config);
        for change in changes.iter().filter(|change| change.applies == Applies::Restart) {
            self.pulse
                .say(&format!("{} has changed, which takes effect when the service is started again", change.key));
        }
        let Config { name, data, network, web, .. } = std::mem::replace(&mut self.config, config);
        (self.config.name, self.config.data, self.config.network, self.config.web) = (name, data, network, web);
    }

    fn check_room(&self) -> Result<(), Trouble> {
        Room::new(&self.places.archive, self.config.quotas.free.bytes()).check()
    }

    fn follow_all(&self, register: &Register, node: &mut Node) -> Result<(), Trouble> {
        for key in register.keys() {
            let new = node.replica(key).is_none();
            node.follow(key)?;
            if new {
                node.seek(key);
            }
        }
        Ok(())
    }

    /// Does what somebody asks through the socket. What it writes is on disk before it is answered.
    fn obey(
        &mut self,
        order: &Order,
        state: &mut State,
        register: &mut Register,
        node: &mut Node,
        ledger: &mut Ledger,
    ) -> Result<Reply, Trouble> {
        let at = now();
        Ok(match order {
            Order::Acknowledge { id, note } => match register.acknowledge(id, note.clone(), ledger, at) {
                true => Reply::Done,
                false => Reply::Refused(format!("there is no open finding {id}")),
            },
            Order::Resend { number } => match state.write(|write| write.resend(*number, at))? {
                true => {
                    self.courier.wake();
                    Reply::Done
                }
                false => Reply::Refused(format!("there is no message {number}")),
            },
            Order::Add { key, name } => {
                register.add(state, *key, name.clone(), &self.config, &self.places, at)?;
                self.follow_all(register, node)?;
                Reply::Done
            }
            Order::Remove { key } => match register.remove(state, key, at)? {
                Some(logs) => {
                    logs.iter().for_each(|log| node.pause(log, true));
                    Reply::Done
                }
                None => Reply::Refused("there is no such database, or the configuration names it".to_owned()),
            },
            Order::Test { channel } => match self.channels.contains(channel) {
                true => {
                    let alert = crate::watch::alert::Alert::test(channel, at, &self.config.name);
                    let message =
                        super::state::Message { alert: alert.clone(), channel: channel.clone(), database: None };
                    state.write(|write| write.add_message(&message, at))?;
                    self.courier.wake();
                    Reply::Sent(alert.id)
                }
                false => Reply::Refused(format!("there is no channel {channel:?}")),
            },
            Order::Status => Reply::Status(super::control::status(&self.live.get())),
        })
    }

    fn show(&mut self, snapshot: Snapshot) {
        let stopped = self.stopped.clone().or_else(|| self.courier.trouble());
        self.live.set(Snapshot {
            started_at: self.started_at,
            turned_at: now(),
            ready: self.stopped.is_none(),
            stopped,
            replay: self.replay.clone(),
            layers: self.places.launcher.sandbox().layers(),
            runtimes: self.places.launcher.runtimes().is_some(),
            channels: self.channels.clone(),
            ..snapshot
        });
    }
}

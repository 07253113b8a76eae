//! What the courier has in its hands: messages that wait for their channel, messages that are on their way, and those that are
//! sent and not marked yet.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::{FAREWELL, Options, Shared, open};
use crate::alerts::{ATTACHED, Channel, Channels, Outcome};
use crate::crash;
use crate::hypercore::Key;
use crate::hypercore::hash::blake2b;
use crate::replay::finding::Class;
use crate::watch::alert::{Alert, Event};
use crate::watch::state::{Message, OutboxRow, State, StateError};
use crate::watch::{Millis, now};

/// Deliveries of one channel at a time.
const AT_ONCE: usize = 4;
/// Messages in one digest.
const DIGEST: u32 = 500;
/// Longest sleep. Clocks jump.
const NAP: Duration = Duration::from_secs(60);
/// How long it waits when the state cannot be used.
const TROUBLE: Duration = Duration::from_secs(2);

/// Of which there is one on its way at a time.
type Lane = (String, Option<Key>);

fn lane(row: &OutboxRow) -> Lane {
    (row.message.channel.clone(), row.message.database)
}

/// Messages that go together: one, or those of a digest.
type Parcel = Vec<OutboxRow>;

pub(super) struct Desk {
    options: Options,
    state: State,
    channels: Channels,
    shared: Arc<Shared>,
    waiting: BTreeMap<String, VecDeque<Parcel>>,
    /// Lanes of what waits or is on its way.
    busy: BTreeSet<Lane>,
    under_way: JoinSet<Outcome>,
    parcels: HashMap<Id, Parcel>,
    /// Sent or not, and not written down yet.
    unmarked: Vec<(Parcel, Outcome)>,
    health: BTreeMap<String, Health>,
    /// Messages whose receiver has said when it wants to be asked again.
    asked_to_wait: BTreeSet<i64>,
    repeats: JoinSet<()>,
    repeat_at: Instant,
    /// When a digest is full of age, or something is due again.
    next: Option<Millis>,
}

/// How a channel does.
struct Health {
    /// It failed last, or nothing is known of it.
    fails: bool,
    /// When all that waits for it is to be tried, because it works again, and when that was done last.
    hasten_at: Option<Instant>,
    hastened: Option<Instant>,
}

impl Default for Health {
    fn default() -> Self {
        Self { fails: true, hasten_at: None, hastened: None }
    }
}

/// The time from one moment to another, if it is later.
fn between(from: Millis, to: Millis) -> Duration {
    Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
}

fn is_violation(row: &OutboxRow) -> bool {
    row.message.alert.class() == Some(Class::Violation)
}

impl Desk {
    pub(super) fn new(options: Options, state: State, channels: Channels, shared: Arc<Shared>) -> Desk {
        Desk {
            options,
            state,
            channels,
            shared,
            waiting: BTreeMap::new(),
            busy: BTreeSet::new(),
            under_way: JoinSet::new(),
            parcels: HashMap::new(),
            unmarked: Vec::new(),
            health: BTreeMap::new(),
            asked_to_wait: BTreeSet::new(),
            repeats: JoinSet::new(),
            repeat_at: Instant::now(),
            next: None,
        }
    }

    /// Works until it is stopped.
    pub(super) async fn work(mut self) {
        while !self.shared.stop.load(Ordering::SeqCst) {
            let channels = self.shared.channels.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(channels) = channels {
                self.channels = channels;
                // Taken up again from the outbox, for the channels that are now.
                for parcel in std::mem::take(&mut self.waiting).into_values().flatten() {
                    self.release(&parcel);
                }
            }
            let turned = self.turn();
            let trouble = turned.as_ref().err().map(ToString::to_string);
            let nap = if trouble.is_some() { TROUBLE } else { self.nap() };
            self.shared.set_trouble(trouble);
            self.wait(nap).await;
        }
        let deadline = Instant::now() + FAREWELL;
        while !self.under_way.is_empty() && Instant::now() < deadline {
            self.wait(deadline.saturating_duration_since(Instant::now())).await;
        }
        // What cannot be marked now is sent again later.
        let _ = self.mark();
    }

    /// Writes down what is done, takes up what is due, and sends off what can go.
    fn turn(&mut self) -> Result<(), StateError> {
        self.mark()?;
        self.hasten()?;
        self.take_up()?;
        self.send_off();
        self.repeat()
    }

    fn nap(&self) -> Duration {
        let next = self.next.map_or(NAP, |at| between(now(), at));
        let wakes = self.health.values().filter_map(|health| health.hasten_at).chain([self.repeat_at]);
        let wake = wakes.map(|at| at.saturating_duration_since(Instant::now())).min().unwrap_or(NAP);
        NAP.min(next).min(wake).max(Duration::from_millis(1))
    }

    /// Until something is new, something has arrived, or the time is over.
    async fn wait(&mut self, nap: Duration) {
        let stopping = self.shared.stop.load(Ordering::SeqCst);
        let shared = Arc::clone(&self.shared);
        let done = tokio::select! {
            Some(done) = self.under_way.join_next_with_id() => done,
            Some(_) = self.repeats.join_next() => return,
            () = shared.notify.notified(), if !stopping => return,
            () = tokio::time::sleep(nap) => return,
        };
        let (id, outcome) = match done {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => (error.id(), Outcome::failed("the delivery broke off")),
        };
        if let Some(parcel) = self.parcels.remove(&id) {
            crash::point("delivery-sent");
            self.unmarked.push((parcel, outcome));
        }
    }

    fn release(&mut self, parcel: &Parcel) {
        for row in parcel {
            self.busy.remove(&lane(row));
        }
    }

    fn mark(&mut self) -> Result<(), StateError> {
        while let Some((parcel, outcome)) = self.unmarked.pop() {
            if let Err(error) = self.mark_one(&parcel, &outcome) {
                self.unmarked.push((parcel, outcome));
                return Err(error);
            }
            crash::point("delivery-marked");
            self.release(&parcel);
            self.learn(&parcel, &outcome);
        }
        Ok(())
    }

    /// Notes whether a channel works.
    fn learn(&mut self, parcel: &Parcel, outcome: &Outcome) {
        let Some(channel) = parcel.first().map(|row| row.message.channel.clone()) else { return };
        let asked = matches!(outcome, Outcome::Failed { retry: true, after: Some(_), .. });
        for row in parcel {
            if asked {
                self.asked_to_wait.insert(row.number);
            } else {
                self.asked_to_wait.remove(&row.number);
            }
        }
        let health = self.health.entry(channel).or_default();
        match outcome {
            Outcome::Failed { retry, .. } => health.fails |= *retry,
            Outcome::Delivered if std::mem::take(&mut health.fails) => {
                let next = health.hastened.and_then(|last| last.checked_add(self.options.hasten));
                health.hasten_at.get_or_insert_with(|| next.unwrap_or_else(Instant::now));
            }
            Outcome::Delivered => {}
        }
    }

    /// Has tried at once what waits for a channel that works again: its receiver was down, and the next time may be hours away.
    fn hasten(&mut self) -> Result<(), StateError> {
        let at = Instant::now();
        for (channel, health) in &mut self.health {
            if health.hasten_at.is_some_and(|due| due <= at) {
                let except = &self.asked_to_wait;
                self.state.write(|write| write.hasten(channel, now(), except))?;
                (health.hasten_at, health.hastened) = (None, Some(at));
            }
        }
        Ok(())
    }

    fn mark_one(&mut self, parcel: &Parcel, outcome: &Outcome) -> Result<(), StateError> {
        let at = now();
        let schedule = &self.options.schedule;
        let names = self.channels.names();
        self.state.write(|write| {
            for row in parcel {
                let Outcome::Failed { why, retry, after } = outcome else {
                    write.delivered(row.number, at)?;
                    continue;
                };
                let alert = &row.message.alert;
                let age = between(row.created_at, at);
                let wait = schedule.wait(&alert.id, row.attempts.saturating_add(1), age).filter(|_| *retry);
                let wait = wait.map(|wait| wait.max(after.unwrap_or_default()));
                let again = wait.map(|wait| at.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
                write.failed(row.number, why, again)?;
                // What says so is not said of itself: two dead channels would go on for ever.
                if again.is_some() || alert.event == Event::DeadLetter {
                    continue;
                }
                let letter = alert.dead_letter(&row.message.channel, at, why);
                for channel in names.iter().filter(|name| **name != row.message.channel) {
                    // In no order with the database's own: that may be the one that is stuck.
                    let message = Message { alert: letter.clone(), channel: channel.clone(), database: None };
                    write.add_message(&message, at)?;
                }
            }
            Ok(())
        })
    }

    /// Takes what is due and not in hand already. Violations go first.
    fn take_up(&mut self) -> Result<(), StateError> {
        let at = now();
        self.next = self.state.next_due(at)?;
        let mut due = self.state.due(at)?;
        due.retain(|row| !self.busy.contains(&lane(row)));
        due.sort_by_key(|row| (!is_violation(row), row.number));
        let mut digests = BTreeSet::new();
        for row in due {
            let channel = self.channels.get(&row.message.channel);
            if channel.is_some_and(|channel| channel.digest().is_some()) && !is_violation(&row) {
                digests.insert(row.message.channel);
            } else {
                self.put(vec![row]);
            }
        }
        for channel in digests {
            self.digest(&channel, at)?;
        }
        Ok(())
    }

    /// Takes what waits for a digest, once the oldest has waited long enough, or a violation waits behind something of it.
    fn digest(&mut self, channel: &str, at: Millis) -> Result<(), StateError> {
        let period = self.channels.get(channel).and_then(|channel| channel.digest()).unwrap_or_default();
        let period = Millis::try_from(period.as_millis()).unwrap_or(Millis::MAX);
        // Of each database what comes before its first violation; nothing of one whose turn has not come.
        let (mut parcel, mut closed, mut urgent) = (Vec::new(), BTreeSet::new(), false);
        let mut open = BTreeSet::new();
        for row in self.state.pending(channel, DIGEST)? {
            let lane = lane(&row);
            if closed.contains(&lane) {
                continue;
            }
            if is_violation(&row) {
                urgent |= open.contains(&lane);
                closed.insert(lane);
            } else if self.busy.contains(&lane) || (!open.contains(&lane) && row.due_at > at) {
                closed.insert(lane);
            } else {
                open.insert(lane);
                parcel.push(row);
            }
        }
        let Some(oldest) = parcel.iter().map(|row| row.created_at).min() else { return Ok(()) };
        let ripe = oldest.saturating_add(period);
        if urgent || ripe <= at || parcel.iter().any(|row| row.attempts > 0) {
            self.put(parcel);
        } else {
            self.next = Some(self.next.map_or(ripe, |next| next.min(ripe)));
        }
        Ok(())
    }

    fn put(&mut self, parcel: Parcel) {
        self.busy.extend(parcel.iter().map(lane));
        if let Some(channel) = parcel.first().map(|row| row.message.channel.clone()) {
            self.waiting.entry(channel).or_default().push_back(parcel);
        }
    }

    fn send_off(&mut self) {
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        for row in self.parcels.values().filter_map(|parcel| parcel.first()) {
            let count = used.entry(row.message.channel.clone()).or_default();
            *count = count.saturating_add(1);
        }
        for (name, queue) in &mut self.waiting {
            let channel = self.channels.get(name);
            let mut room = AT_ONCE.saturating_sub(used.get(name).copied().unwrap_or(0));
            while room > 0 || channel.is_none() {
                let Some(parcel) = queue.pop_front() else { break };
                let Some(channel) = channel.clone() else {
                    let why = "there is no channel of this name any more".to_owned();
                    self.unmarked.push((parcel, Outcome::Failed { why, retry: false, after: None }));
                    // Written down in the next turn, at once.
                    self.shared.notify.notify_one();
                    continue;
                };
                room = room.saturating_sub(1);
                let alerts: Vec<Alert> = parcel.iter().map(|row| row.message.alert.clone()).collect();
                crash::point("delivery-begin");
                let handle = self.under_way.spawn(deliver(channel, alerts, self.options.evidence.clone()));
                self.parcels.insert(handle.id(), parcel);
            }
        }
        self.waiting.retain(|_, queue| !queue.is_empty());
    }

    /// Repeats to Alertmanagers what is open.
    fn repeat(&mut self) -> Result<(), StateError> {
        if Instant::now() < self.repeat_at {
            return Ok(());
        }
        let started = Instant::now();
        self.repeat_at = started.checked_add(self.options.repeat).unwrap_or(started);
        let managers: Vec<(String, Arc<Channel>)> = self.channels.alertmanagers();
        // One that is still at it is not given more.
        if managers.is_empty() || !self.repeats.is_empty() {
            return Ok(());
        }
        let all = open::alerts(&self.state, &self.options, now())?;
        for (name, channel) in managers {
            let router = self.channels.router();
            let own = all.iter().filter(|alert| router.channels(alert).contains(&name)).cloned().collect();
            self.repeats.spawn(async move { channel.repeat(own).await });
        }
        Ok(())
    }
}

async fn deliver(channel: Arc<Channel>, alerts: Vec<Alert>, evidence: PathBuf) -> Outcome {
    match &*alerts {
        [alert] => {
            let proof = if channel.takes_proofs() { proof(alert, &evidence) } else { None };
            channel.deliver(alert, proof.as_deref()).await
        }
        _ => channel.deliver_digest(&alerts).await,
    }
}

/// The proof of an alert, if it is small and what its name says. An alert without its proof is better than none.
fn proof(alert: &Alert, evidence: &Path) -> Option<Vec<u8>> {
    let proof = alert.finding.as_ref()?.proof.as_ref().filter(|proof| proof.size <= ATTACHED)?;
    let digest = crate::archive::parse_key(&proof.digest).filter(|_| proof.digest.len() == 64)?;
    let name = crate::archive::hex(&digest);
    let file = std::fs::File::open(evidence.join(name.get(..2)?).join(&name)).ok()?;
    let mut bytes = Vec::new();
    file.take(ATTACHED.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    (blake2b(&[&bytes]) == digest).then_some(bytes)
}

//! A worker that stays, seen from the parent: a thread that starts it, tells it what is new, and starts it again when it is
//! stuck.

use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::parent::{Limits, Stuck, WorkerError, odd};
use super::report::{Beat, Command, Request, Standing};
use super::session::{Ended, Launcher, Session};
use crate::replay::report::Report;

/// A worker rests as long as it last worked, up to this: no more than half of the time goes into a log whose owner makes each
/// turn dear.
const MAX_REST: Duration = Duration::from_secs(60);
/// News that wait to be taken. A worker says so many beats as it likes; those for which there is no room are dropped.
const MAX_NEWS: usize = 64;

/// What is new of a worker.
#[derive(Debug)]
pub enum News {
    /// It is at work.
    Beat(Beat),
    /// How the audit stands, with all that is here.
    Standing(Box<Standing>),
    /// The end, after [`Command::Finish`].
    Report(Box<Report>),
    /// It cannot go on.
    Failed(WorkerError),
}

/// A live worker.
#[derive(Debug)]
pub struct Worker {
    commands: Option<Sender<Command>>,
    news: Receiver<News>,
    thread: Option<JoinHandle<()>>,
    busy: bool,
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(launcher: Launcher, request: Request, limits: Limits) -> std::io::Result<Worker> {
        let (commands, orders) = channel();
        let (tell, news) = sync_channel(MAX_NEWS);
        let request = Request { live: true, ..request };
        let work = move || {
            let supervisor = Supervisor { launcher, request, limits, orders, tell };
            supervisor.run();
        };
        let thread = std::thread::Builder::new().name("worker".into()).spawn(work)?;
        Ok(Worker { commands: Some(commands), news, thread: Some(thread), busy: true })
    }

    /// Whether it is at work, and so takes no command yet.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Tells it something, when it is not busy.
    pub fn tell(&mut self, command: Command) {
        self.busy = true;
        // One that has failed has said so.
        let _ = self.commands.as_ref().map(|commands| commands.send(command));
    }

    /// Waits for the next news; `None` when there will be none.
    pub fn wait(&mut self) -> Option<News> {
        self.news.recv().ok()
    }

    /// What is new, if anything is.
    pub fn news(&mut self) -> Option<News> {
        let news = match self.news.try_recv() {
            Ok(news) => news,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => {
                self.busy = false;
                return None;
            }
        };
        self.busy = matches!(news, News::Beat(_));
        Some(news)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The thread kills its process when nobody commands it or listens to it any more.
        drop(self.commands.take());
        self.news = channel().1;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Supervisor {
    launcher: Launcher,
    request: Request,
    limits: Limits,
    orders: Receiver<Command>,
    tell: SyncSender<News>,
}

impl Supervisor {
    fn run(mut self) {
        if let Err(error) = self.work() {
            // Nobody may be there to be told.
            let _ = self.tell.send(News::Failed(error));
        }
    }

    fn work(&mut self) -> Result<(), WorkerError> {
        let mut stuck = Stuck::default();
        // What a worker died of that waited, it may be told again once.
        let mut again: Option<Command> = None;
        loop {
            let mut session = Session::start(&self.launcher, &mut self.request)?;
            let mut stood = false;
            loop {
                let begun = Instant::now();
                let (tell, mut heard) = (&self.tell, true);
                let mut beat = |beat| {
                    heard = !matches!(tell.try_send(News::Beat(beat)), Err(TrySendError::Disconnected(_)));
                    heard
                };
                match session.listen(self.limits, &mut beat)? {
                    Ended::Report(report) => {
                        let _ = self.tell.send(News::Report(report));
                        return Ok(());
                    }
                    Ended::Standing(standing) => {
                        // Another process goes on where this one said that one can.
                        if standing.checkpoint.is_some() {
                            self.request.checkpoint.clone_from(&standing.checkpoint);
                        }
                        if self.tell.send(News::Standing(standing)).is_err() {
                            return Ok(());
                        }
                        stood = true;
                    }
                    Ended::Proof(_) => return Err(odd()),
                    Ended::Stuck(..) if !heard => return Ok(()),
                    // It ended while it waited, under no operation: another one judges what is here.
                    Ended::Stuck(None, _) if stood => break,
                    Ended::Stuck(seq, why) => {
                        stuck.count(seq, why, &mut self.request, self.limits)?;
                        break;
                    }
                }
                let next = match again.take() {
                    Some(command) => Ok(command),
                    None => self.next(begun.elapsed()),
                };
                let Ok(command) = next else { return Ok(()) };
                session.say(&command)?;
                if command == Command::Finish {
                    // A worker that is killed over it begins anew, and must be told again.
                    again = Some(command);
                }
            }
        }
    }

    /// The next command, after a rest.
    fn next(&self, worked: Duration) -> Result<Command, std::sync::mpsc::RecvError> {
        let rested = Instant::now().checked_add(worked.min(MAX_REST));
        let command = self.orders.recv()?;
        if let (Command::Grown { .. }, Some(rested)) = (&command, rested) {
            // A command that comes meanwhile can only be the last one.
            let rest = rested.saturating_duration_since(Instant::now());
            if let Ok(sooner) = self.orders.recv_timeout(rest) {
                return Ok(sooner);
            }
        }
        Ok(command)
    }
}

//! A lab that goes on while it is served: a thread with an executor and a peer, for demonstrations and tests.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::archived::{Archived, commit};
use super::lies::Lie;
use super::serve::{Directory, Server, ways};
use super::{Beginning, Course, Example, Lab, Oddities, Random, Truth};
use crate::archive::Archive;
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::replay::engine::{Budget, on_big_stack};

/// What is made: a database of an example with two participants.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The contract and what participants do.
    pub example: Example,
    /// From which everything random follows, keys too.
    pub seed: u64,
    /// A lie, and after how many transactions it is told.
    pub lie: Option<(&'static Lie, u64)>,
}

/// How far it has come.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Blocks of the index.
    pub length: u64,
    /// Transactions.
    pub transactions: u64,
    /// The lie, once it is told.
    pub truth: Option<Truth>,
}

/// A database that grows when it is told to, at a peer on the loopback address. Ends when it is dropped.
#[derive(Debug)]
pub struct LiveLab {
    key: Key,
    address: String,
    orders: Option<UnboundedSender<(u64, Sender<Progress>)>>,
    thread: Option<JoinHandle<()>>,
}

fn failed(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

impl LiveLab {
    /// Makes the database in `dir`, an archive, and serves it.
    ///
    /// # Errors
    /// What cannot be made.
    pub fn start(dir: &Path, plan: Plan) -> io::Result<LiveLab> {
        let (tell, heard) = channel();
        let (orders, taken) = unbounded_channel();
        let work = Work { dir: dir.to_owned(), plan, orders: taken };
        let run = move || {
            // The contract is an example of our own: it may run in this process.
            let ran = on_big_stack(&Budget::default(), || work.run(&tell)).and_then(|ran| ran);
            if let Err(error) = ran {
                // Once it is served nobody hears this, but whoever gives the next order.
                let _ = tell.send(Err(error));
            }
        };
        let thread = std::thread::Builder::new().name("lab".to_owned()).spawn(run)?;
        let (key, address) = heard.recv().map_err(failed)??;
        Ok(LiveLab { key, address, orders: Some(orders), thread: Some(thread) })
    }

    /// The index key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Where it is served: `tcp://HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Lets participants do so many things and the executor execute them, and says how far it has come once that is served.
    ///
    /// # Errors
    /// When it has ended.
    pub fn go_on(&self, actions: u64) -> io::Result<Progress> {
        let (reply, answer) = channel();
        let sent = self.orders.as_ref().is_some_and(|orders| orders.send((actions, reply)).is_ok());
        if sent { answer.recv().map_err(failed) } else { Err(failed("the lab has ended")) }
    }
}

impl Drop for LiveLab {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Work {
    dir: PathBuf,
    plan: Plan,
    orders: UnboundedReceiver<(u64, Sender<Progress>)>,
}

impl Work {
    fn run(mut self, tell: &Sender<io::Result<(Key, String)>>) -> io::Result<()> {
        let Plan { example, seed, lie } = self.plan;
        let mut random = Random::new(seed);
        let beginning = Beginning { participants: 2, ..Beginning::new(example.source, seed) };
        let keys = (1..=2).map(|number| to_hex(beginning.owner(number).key())).collect();
        let workload = example.workload(keys, 2, random.bits()).map_err(failed)?;
        let archive = Rc::new(RefCell::new(Archive::create(&self.dir).map_err(failed)?));
        let store = |owner: &super::Owner| Archived::open(&archive, owner);
        let lab = Lab::create(&beginning, &beginning.genesis(), store).map_err(failed)?;
        let mut course = Course::new(lab, workload, Oddities::default(), lie, random);
        let key = *course.lab.index.key();
        save(&archive, &mut course)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
            let address = format!("tcp://{}", listener.local_addr()?);
            let honest = ways().next().ok_or_else(|| failed("nobody serves honestly"))?;
            let mut server = Server::new(vec![Directory::open(&self.dir).map_err(failed)?], honest);
            server.listen(listener);
            let _ = tell.send(Ok((key, address)));
            loop {
                let order = tokio::select! {
                    () = server.step() => continue,
                    order = self.orders.recv() => order,
                };
                let Some((actions, reply)) = order else { return Ok(()) };
                if !course.ended {
                    course.go_on(actions, false).map_err(failed)?;
                    save(&archive, &mut course)?;
                    server.renew(vec![Directory::open(&self.dir).map_err(failed)?]);
                }
                let length = course.lab.index.length();
                let progress = Progress { length, transactions: course.transactions, truth: course.truth.clone() };
                // Whoever gave the order may have lost interest.
                let _ = reply.send(progress);
            }
        })
    }
}

fn save(archive: &RefCell<Archive>, course: &mut Course<Archived>) -> io::Result<()> {
    let lab = &mut course.lab;
    let logs = std::iter::once(&mut lab.index).chain(&mut lab.oplogs).map(|log| &mut log.store);
    commit(archive, logs)
}

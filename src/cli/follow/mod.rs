//! `vitra-watch follow`: databases that stay live. One node, one worker for each database, a line for whatever happens.

mod database;
mod line;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::FollowArgs;
use super::download::{archive_directory, failed, sources};
use super::launcher::launcher;
use super::runtimes::Place;
use super::stop::Stop;
use super::{Failure, escape, escape_json, exit};
use crate::archive::ImportError;
use crate::hypercore::Key;
use crate::swarm::discovery::Swarm;
use crate::swarm::fetch::Standing;
use crate::swarm::node::{Happened, Node};
use database::Database;
use line::Line;

/// How long a step may last while workers are busy, and otherwise.
const BUSY: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_millis(500);

/// Follows databases until it is stopped.
pub(super) fn run(args: &FollowArgs, runtimes: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(follow(args, runtimes, out))
}

async fn follow(args: &FollowArgs, runtimes: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    let dir = archive_directory(&args.network)?;
    let mut stop = Stop::new()?;
    let mut node = open(args, &dir).await?;
    let dir = dir.canonicalize()?;
    let launcher = launcher(args.sandbox.sandbox, runtimes)?;
    let mut databases: Vec<Database> = args.keys.iter().map(|key| Database::new(*key, &dir, &launcher)).collect();
    let mut screen = Screen { out, json: args.json, bar: None };
    while !stop.is_raised() {
        let length = if databases.iter().any(Database::is_busy) { BUSY } else { IDLE };
        let until = Instant::now().checked_add(length).unwrap_or_else(Instant::now);
        let happened = tokio::select! {
            happened = node.step(until) => happened.map_err(failed)?,
            () = stop.raised() => break,
        };
        for event in &happened {
            // What was signed is on disk before anything is said about it.
            databases.iter_mut().for_each(|database| database.note(event));
            screen.happened(event, &node)?;
        }
        for database in &mut databases {
            for line in database.turn(&mut node)? {
                screen.line(&line)?;
            }
        }
        screen.progress(&node, databases.iter().map(Database::transactions).sum());
    }
    let codes: Vec<u8> = databases.iter().map(|database| database.code(&node)).collect();
    for database in &databases {
        screen.line(&database.end(&node))?;
    }
    // Workers are ended first: what they read is no longer written.
    drop(databases);
    node.commit(true).map_err(failed)?;
    node.leave().await;
    Ok(exit::gravest(&codes))
}

async fn open(args: &FollowArgs, dir: &Path) -> Result<Node, Failure> {
    let mut node = Node::open(dir).map_err(failed)?;
    let sources = sources(&args.network);
    for key in &args.keys {
        node.follow(key).map_err(failed)?;
    }
    for address in sources.peers {
        node.dial(address);
    }
    if let Some(config) = &sources.dht {
        let swarm = Swarm::open(config).await;
        let io = |e| failed(ImportError::new(dir, None, std::io::Error::other(e)).into());
        node.join(swarm.map_err(io)?);
        args.keys.iter().for_each(|key| node.seek(key));
        node.announce();
    }
    Ok(node)
}

/// Where lines go, and the line of progress below them.
struct Screen<'a> {
    out: &'a mut dyn Write,
    json: bool,
    bar: Option<ProgressBar>,
}

impl Screen<'_> {
    fn happened(&mut self, event: &Happened, node: &Node) -> Result<(), Failure> {
        let heads = |key: &Key| node.replica(key).map(line::heads).unwrap_or_default();
        match event {
            Happened::Up(peer) => self.line(&Line::PeerUp { peer: peer.clone() }),
            Happened::Down(peer, why) => self.line(&Line::PeerDown { peer: peer.clone(), why: why.clone() }),
            Happened::Fork(key, ..) => self.line(&Line::Fork { log: line::hex(key), heads: heads(key) }),
            Happened::Split(key, ..) => self.line(&Line::Split { log: line::hex(key), heads: heads(key) }),
            Happened::Head(..) => Ok(()),
        }
    }

    fn line(&mut self, line: &Line) -> Result<(), Failure> {
        let text = if self.json {
            escape_json(&line.json().map_err(|error| Failure::new(exit::INTERNAL, error))?).to_string()
        } else {
            escape(&line.to_string())
        };
        let out = &mut *self.out;
        let mut write = || writeln!(out, "{text}").and_then(|()| out.flush());
        match &self.bar {
            Some(bar) => bar.suspend(write)?,
            None => write()?,
        }
        Ok(())
    }

    fn progress(&mut self, node: &Node, transactions: u64) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("block {pos}/{len}  {msg}  {per_sec}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let Standing { peers, blocks, of, .. } = crate::swarm::fetch::standing(node);
        bar.set_length(of);
        bar.set_position(blocks);
        bar.set_message(format!("{peers} peers  {transactions} transactions verified"));
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

//! Processes that answer batches (`answer.js`): each with one version of msgpackr on one engine, and one with the decoder of the
//! JavaScript verifier.

use std::io::{Read, Write};
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::node::{Node, Project};

static RUNTIMES: Project = Project::with_packages("codec", "runtimes");

/// Name, engine and package; `OLD` is the place of msgpackr 1.5, and what is in the place of `VERIFIER` is no msgpackr.
const VERSIONS: [(&str, &str, &str); 4] = [
    ("msgpackr 1.5.2 on Node 15", "node-15", "msgpackr-1.5"),
    ("msgpackr 1.12.1 on Node 15", "node-15", "msgpackr-1.12"),
    ("msgpackr 1.12.1 on Node 24", "node-24", "msgpackr-1.12"),
    ("the JavaScript verifier", "node-24", concat!(env!("CARGO_MANIFEST_DIR"), "/verifiers/javascript/msgpack.js")),
];
pub const OLD: usize = 0;
pub const VERIFIER: usize = 3;

pub fn name(version: usize) -> &'static str {
    VERSIONS[version].0
}

/// What one version makes of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// It cannot read the bytes.
    Unreadable,
    /// It can read them, but what it read does not survive being packed.
    Unpackable { read: &'a [u8] },
    /// What it read, what of that arrives in another process, and the bytes that it packs.
    Read { read: &'a [u8], again: &'a [u8], packed: &'a [u8] },
}

impl<'a> Answer<'a> {
    pub fn read(&self) -> Option<&'a [u8]> {
        match self {
            Answer::Unreadable => None,
            Answer::Unpackable { read } | Answer::Read { read, .. } => Some(read),
        }
    }
}

/// The answers to a batch.
pub struct Answers(Vec<u8>);

impl Answers {
    pub fn iter(&self) -> impl Iterator<Item = Answer<'_>> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (&status, after) = rest.split_first()?;
            rest = after;
            let mut part = || {
                let (size, after) = rest.split_at(4);
                let (part, after) = after.split_at(u32::from_le_bytes(size.try_into().unwrap()) as usize);
                rest = after;
                part
            };
            Some(match status {
                0 => Answer::Unreadable,
                1 => Answer::Unpackable { read: part() },
                2 => {
                    let (read, packed) = (part(), part());
                    Answer::Read { read, again: read, packed }
                }
                3 => Answer::Read { read: part(), again: part(), packed: part() },
                other => panic!("a status that does not exist: {other}"),
            })
        })
    }
}

/// Items of a batch.
#[derive(Default)]
pub struct Batch(Vec<u8>);

impl Batch {
    /// `kind`: `b` for bytes that are read, `m` for a value that is made.
    pub fn add(&mut self, kind: u8, bytes: &[u8]) {
        self.0.push(kind);
        self.0.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
        self.0.extend_from_slice(bytes);
    }
}

struct Version {
    batches: Option<SyncSender<Arc<Batch>>>,
    answers: Receiver<Answers>,
    thread: Option<JoinHandle<()>>,
}

/// All versions; each works on its batches in the order in which they were sent.
pub struct Versions(Vec<Version>);

impl Versions {
    /// Starts them; `None` after saying SKIPPED.
    pub fn start() -> Option<Self> {
        VERSIONS
            .iter()
            .map(|(_, engine, package)| {
                let child = RUNTIMES.pipe(Node::Package(engine), "answer.js", &[package])?;
                // Small bounds: a batch may be large, and the slowest version sets the pace anyway.
                let (batches, received) = sync_channel(2);
                let (answered, answers) = sync_channel(2);
                let thread = std::thread::spawn(move || converse((*engine, *package), child, &received, &answered));
                Some(Version { batches: Some(batches), answers, thread: Some(thread) })
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    pub fn send(&self, batch: Batch) {
        let batch = Arc::new(batch);
        for version in &self.0 {
            version.batches.as_ref().unwrap().send(Arc::clone(&batch)).unwrap();
        }
    }

    /// The answers to the oldest batch that has not been answered.
    pub fn receive(&self) -> Vec<Answers> {
        self.0.iter().map(|version| version.answers.recv().expect("a version ended")).collect()
    }
}

impl Drop for Versions {
    fn drop(&mut self) {
        for version in &mut self.0 {
            version.batches = None;
            // Nobody takes what is still to come: a thread that has it must not wait for ever.
            version.answers = sync_channel(0).1;
            if let Some(thread) = version.thread.take() {
                // A thread that panicked has made `receive` fail already.
                let _ = thread.join();
            }
        }
    }
}

/// Passes batches to a process and its answers back. msgpackr's add-on is native code, which bytes of a log may bring down; then
/// the batch is given to another process.
fn converse(
    (engine, package): (&'static str, &'static str),
    mut child: Child,
    batches: &Receiver<Arc<Batch>>,
    answered: &SyncSender<Answers>,
) {
    const TRIES: usize = 3;
    while let Ok(batch) = batches.recv() {
        let answers = (0..TRIES).find_map(|_| match ask(&mut child, &batch) {
            Ok(answers) => Some(answers),
            Err(why) => {
                eprintln!("{package} on {engine} ended: {why}");
                let _ = child.kill();
                let _ = child.wait();
                child = RUNTIMES.pipe(Node::Package(engine), "answer.js", &[package])?;
                None
            }
        });
        let answers = answers.expect("a version ends again and again");
        if answered.send(answers).is_err() {
            break;
        }
    }
    drop(child.stdin.take());
    let _ = child.wait();
}

fn ask(child: &mut Child, batch: &Batch) -> std::io::Result<Answers> {
    let (input, output) = (child.stdin.as_mut().unwrap(), child.stdout.as_mut().unwrap());
    input.write_all(&u32::try_from(batch.0.len()).unwrap().to_le_bytes())?;
    input.write_all(&batch.0)?;
    let mut size = [0; 4];
    output.read_exact(&mut size)?;
    let mut answers = vec![0; u32::from_le_bytes(size) as usize];
    output.read_exact(&mut answers)?;
    Ok(Answers(answers))
}

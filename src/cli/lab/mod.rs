//! `lab`: makes databases to test with, honest or with one chosen lie.
//!
//! A lab's directory is an archive with one file more, `lab.json`: what the lab was made from (all keys follow from its
//! seed), and the lie that is in it. It is made under another name and gets its own when it is complete.

mod call;
mod create;
mod serve;

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::args::{KeysArg, LabArgs, LabCommand};
use super::runtimes::Place;
use super::{Failure, exit};
use crate::archive::Archive;
use crate::lab::archived::{Archived, commit};
use crate::lab::workload::{Example, Workload, WorkloadError, known_source};
use crate::lab::{Beginning, KeyScheme, Lab, LabError, Log, Owner};
use crate::replay::engine::{Budget, on_big_stack};

/// Form of `lab.json`.
const SCHEMA: &str = "vitra-watch/lab/1";
const FILE: &str = "lab.json";

/// What a lab was made from, and what is wrong with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Notes {
    schema: String,
    /// The index key in hex.
    database: String,
    seed: u64,
    keys: Keys,
    participants: usize,
    outsiders: usize,
    /// The lie that was told, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lie: Option<LieNote>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Keys {
    PublicKey,
    Manifest,
}

/// Where the lie is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LieNote {
    name: String,
    kind: String,
    /// The block of the log; null for a truncation.
    seq: Option<u64>,
    /// The oplog that it is about; absent for the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

impl Keys {
    fn scheme(self) -> KeyScheme {
        match self {
            Self::PublicKey => KeyScheme::PublicKey,
            Self::Manifest => KeyScheme::Manifest,
        }
    }
}

impl From<KeysArg> for Keys {
    fn from(keys: KeysArg) -> Self {
        match keys {
            KeysArg::PublicKey => Self::PublicKey,
            KeysArg::Manifest => Self::Manifest,
        }
    }
}

pub(super) fn run(args: &LabArgs, runtimes: &Place, out: &mut (dyn Write + Send)) -> Result<u8, Failure> {
    let budget = Budget::default();
    let work = || match &args.command {
        LabCommand::Create(args) => create::run(args, runtimes, out),
        LabCommand::Call(args) => call::run(args, out),
        LabCommand::Serve(args) => serve::run(args, out),
        LabCommand::Behaviours => {
            for way in crate::lab::serve::ways() {
                writeln!(out, "{:14}{}", way.name, way.about)?;
            }
            Ok(exit::VERIFIED)
        }
        LabCommand::Lies => {
            for lie in crate::lab::lies::all() {
                writeln!(out, "{}", lie.name)?;
            }
            Ok(exit::VERIFIED)
        }
    };
    // Contracts run here, in this process: they are its user's own.
    on_big_stack(&budget, work)?
}

fn lab_failure(error: LabError) -> Failure {
    let code = match &error {
        LabError::Contract(_) | LabError::Tree(_) | LabError::Stuck { .. } => exit::MALFORMED,
        LabError::Nothing(_) => exit::USAGE,
        LabError::Io(_) => exit::INTERNAL,
    };
    Failure::new(code, error)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::new(exit::MALFORMED, format!("{}: {error}", path.display())))
}

/// A contract's source and name: of a file, or of an example.
pub(super) fn contract(name: &Path) -> Result<(String, Option<Example>), Failure> {
    match name.to_str().and_then(Example::named).filter(|_| !name.exists()) {
        Some(example) => Ok((example.source.to_owned(), Some(example))),
        None => Ok((read(name)?, None)),
    }
}

/// A workload: of a file, of an example by name, or the one of the contract's own example.
pub(super) fn workload(
    named: Option<&Path>,
    contract: Option<Example>,
    keys: Vec<String>,
    participants: usize,
    seed: u64,
) -> Result<Workload, Failure> {
    let wrong =
        |name: &Path, error: WorkloadError| Failure::new(exit::MALFORMED, format!("{}: {error}", name.display()));
    let example = match named {
        None => contract,
        Some(name) => name.to_str().and_then(Example::named).filter(|_| !name.exists()),
    };
    match (example, named) {
        (Some(example), name) => {
            let name = name.unwrap_or(Path::new(example.name));
            example.workload(keys, participants, seed).map_err(|error| wrong(name, error))
        }
        (None, Some(name)) => {
            let beside = name.parent().unwrap_or(Path::new("")).to_owned();
            let source = |file: &str| std::fs::read_to_string(beside.join(file)).ok().or_else(|| known_source(file));
            Workload::new(&read(name)?, source, keys, participants, seed).map_err(|error| wrong(name, error))
        }
        (None, None) => Err(Failure::new(exit::USAGE, "--workload is needed for a contract of your own")),
    }
}

/// A lab in an archive on disk.
struct OnDisk {
    archive: Rc<RefCell<Archive>>,
    dir: PathBuf,
}

impl OnDisk {
    fn store(&self, owner: &Owner) -> std::io::Result<Archived> {
        Archived::open(&self.archive, owner)
    }

    fn commit(&self, lab: &mut Lab<Archived>) -> Result<(), Failure> {
        let logs = std::iter::once(&mut lab.index).chain(&mut lab.oplogs).map(|log| &mut log.store);
        commit(&self.archive, logs).map_err(|error| Failure::new(exit::INTERNAL, error))
    }

    fn note(&self, notes: &Notes) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(notes).map_err(std::io::Error::other)?;
        let path = self.dir.join(FILE);
        std::fs::write(&path, text + "\n")
            .map_err(|error| Failure::new(exit::INTERNAL, format!("{}: {error}", path.display())))
    }
}

impl Notes {
    fn beginning(&self, source: String) -> Beginning {
        Beginning {
            source,
            participants: self.participants,
            outsiders: self.outsiders,
            seed: self.seed,
            scheme: self.keys.scheme(),
            budget: Budget::default(),
        }
    }

    /// Opens a lab that is there.
    fn open(dir: &Path) -> Result<(Notes, OnDisk, Lab<Archived>), Failure> {
        let path = dir.join(FILE);
        let malformed = |what: String| Failure::new(exit::MALFORMED, format!("{}: {what}", path.display()));
        let notes: Notes = serde_json::from_str(&read(&path)?).map_err(|error| malformed(error.to_string()))?;
        if notes.schema != SCHEMA {
            return Err(malformed(format!("it is of another form: {}", notes.schema)));
        }
        let archive = Archive::open(dir).map_err(|error| Failure::new(exit::MALFORMED, error))?;
        let disk = OnDisk { archive: Rc::new(RefCell::new(archive)), dir: dir.to_owned() };
        let beginning = notes.beginning(String::new());
        let log = |number| {
            let owner = beginning.owner(number);
            let store = disk.store(&owner).map_err(|error| Failure::new(exit::MALFORMED, error))?;
            let fork = store.fork();
            Ok::<_, Failure>(Log::new(owner, fork, store))
        };
        let index = log(0)?;
        let others = notes.participants.saturating_add(notes.outsiders) as u64;
        let oplogs = (1..=others).map(log).collect::<Result<_, _>>()?;
        let lab = Lab::open(index, oplogs, crate::hyperbee::Cache::default(), beginning.budget).map_err(lab_failure)?;
        Ok((notes, disk, lab))
    }
}

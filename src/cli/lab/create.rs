//! `lab create`: a whole database from a contract and a workload.

use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::super::args::CreateArgs;
use super::super::runtimes::Place;
use super::super::{Failure, escape, exit};
use super::{LieNote, Notes, OnDisk, SCHEMA, contract, lab_failure, workload};
use crate::archive::Archive;
use crate::database::ack::to_hex;
use crate::lab::course::CourseError;
use crate::lab::lies::{self, Lie, Tell};
use crate::lab::{Course, Engine, Lab, Oddities, Random, Truth};
use crate::runtimes::{REFERENCES, Runtimes};
use crate::sandbox::{Mode, Sandbox};

/// So many operations are made between two commits: their heads wait in memory.
const CHUNK: u64 = 10_000;
/// Participants do so many things before they publish: a signature is dearer than an operation.
const BURST: u64 = 20;

pub(super) fn run(args: &CreateArgs, runtimes: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    if args.out.exists() {
        return Err(Failure::new(exit::USAGE, format!("{}: it exists already", args.out.display())));
    }
    let (source, example) = contract(&args.contract)?;
    let lie = args.lie.as_deref().map(parse_lie).transpose()?;
    let mut notes = Notes {
        schema: SCHEMA.into(),
        database: String::new(),
        seed: args.seed,
        keys: args.keys.into(),
        participants: usize::from(args.participants),
        outsiders: usize::from(args.outsiders),
        lie: None,
    };
    let beginning = notes.beginning(source);
    let all = beginning.participants.saturating_add(beginning.outsiders);
    let keys = (1..=all as u64).map(|number| to_hex(beginning.owner(number).key())).collect();
    let mut random = Random::new(args.seed);
    let workload = workload(args.workload.as_deref(), example, keys, beginning.participants, random.bits())?;
    let mut genesis = beginning.genesis();
    let mut early = None;
    if let Some((lie, _)) = lie
        && let Tell::Genesis(change) = lie.tell
    {
        early = Some(Truth::of(lie, Some(change(&mut genesis))));
    }
    // Whether it can be loaded is seen before anything is written.
    let mut trial = Lab::in_memory(&beginning).map_err(lab_failure)?;
    trial.load().map_err(lab_failure)?;
    drop(trial);

    let partial = Partial::new(&args.out)?;
    let archive = Archive::create(&partial.dir).map_err(|error| Failure::new(exit::INTERNAL, error))?;
    let disk = OnDisk { archive: Rc::new(RefCell::new(archive)), dir: partial.dir.clone() };
    let mut lab = Lab::create(&beginning, &genesis, |owner| disk.store(owner)).map_err(lab_failure)?;
    if let Some(name) = &args.engine {
        let absent =
            || Failure::new(exit::UNAVAILABLE, "there are no reference runtimes: `vitra-watch runtimes install`");
        let dir = runtimes.usual()?.ok_or_else(absent)?;
        let sandbox = Sandbox::new(Mode::Auto).map_err(|error| Failure::new(exit::INTERNAL, error))?;
        let at = REFERENCES.iter().position(|reference| reference.name == name).unwrap_or_default();
        lab.engine = Some(Engine { references: Rc::new(Runtimes::new(&dir, sandbox)), at });
    }
    let oddities = Oddities { manners: args.odd, races: false };
    let mut course = Course::new(lab, workload, oddities, lie.filter(|_| early.is_none()), random);
    course.truth = early;
    course.burst = if args.odd { 1 } else { BURST };
    let ops = if course.truth.is_some() { 0 } else { args.ops };
    let progress = bar(ops);
    let mut done = 0;
    while done < ops && !course.ended {
        let now = CHUNK.min(ops.saturating_sub(done));
        done = done.saturating_add(now);
        course.go_on(now, done == ops).map_err(failure)?;
        disk.commit(&mut course.lab)?;
        progress.set_position(done);
    }
    progress.finish_and_clear();
    if let (None, Some((lie, _))) = (&course.truth, lie) {
        let message = format!("there was no chance to tell {}: try more operations", lie.name);
        return Err(Failure::new(exit::MALFORMED, message));
    }
    disk.commit(&mut course.lab)?;
    notes.database = to_hex(course.lab.index.key());
    notes.lie = course.truth.as_ref().map(|truth| LieNote {
        name: truth.lie.to_owned(),
        kind: truth.kind.name().to_owned(),
        seq: truth.seq,
        log: truth.oplog.clone(),
    });
    disk.note(&notes)?;
    let length = course.lab.index.length();
    let (transactions, refused) = (course.transactions, course.refused);
    drop((course, disk));
    partial.complete()?;

    writeln!(out, "{}", escape(&args.out.display().to_string()))?;
    writeln!(out, "database      {}", notes.database)?;
    writeln!(out, "blocks        {length}, {transactions} transactions")?;
    if refused > 0 {
        writeln!(out, "refused       {refused} calls, which published nothing")?;
    }
    if let Some(lie) = &notes.lie {
        let place = lie.seq.map_or(String::new(), |seq| format!(" at block {seq}"));
        writeln!(out, "lie           {}{place}", lie.name)?;
    }
    Ok(exit::VERIFIED)
}

fn failure(error: CourseError) -> Failure {
    match error {
        CourseError::Lab(error) => lab_failure(error),
        CourseError::Workload(_) => Failure::new(exit::MALFORMED, error),
    }
}

/// `KIND`, `KIND/WAY`, or either with `@N`: after so many transactions.
fn parse_lie(text: &str) -> Result<(&'static Lie, u64), Failure> {
    let (name, after) = text.split_once('@').unwrap_or((text, "0"));
    let unknown = || format!("there is no lie {name}; `lab lies` lists them");
    let lie = lies::named(name).ok_or_else(|| Failure::new(exit::USAGE, unknown()))?;
    let after =
        after.parse().map_err(|_| Failure::new(exit::USAGE, format!("{after} is no number of transactions")))?;
    Ok((lie, after))
}

/// A directory under another name, removed unless it becomes complete.
struct Partial {
    dir: PathBuf,
    name: PathBuf,
    complete: bool,
}

impl Partial {
    fn new(name: &std::path::Path) -> Result<Self, Failure> {
        let mut partial = name.as_os_str().to_owned();
        partial.push(".partial");
        let dir = PathBuf::from(partial);
        // Left by somebody who was killed.
        if dir.exists() {
            return Err(Failure::new(exit::USAGE, format!("{}: it exists already", dir.display())));
        }
        std::fs::create_dir(&dir)
            .map_err(|error| Failure::new(exit::INTERNAL, format!("{}: {error}", dir.display())))?;
        Ok(Self { dir, name: name.to_owned(), complete: false })
    }

    fn complete(mut self) -> Result<(), Failure> {
        let named = std::fs::rename(&self.dir, &self.name);
        self.complete = named.is_ok();
        named.map_err(|error| Failure::new(exit::INTERNAL, format!("{}: {error}", self.name.display())))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.complete {
            // Its name says that it is nothing; that it is gone is only tidier.
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

fn bar(ops: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() || ops < CHUNK {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(ops);
    if let Ok(style) = ProgressStyle::with_template("{pos} of {len} operations, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}

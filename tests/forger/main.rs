//! A forger: it has all that a stranger can have of honest databases, and searches for a file that says what is not so.
//!
//! | module | has |
//! |---|---|
//! | [`keys`] | who may sign a log: schemes, manifests, quorums |
//! | [`logs`] | what a forger holds of one log: histories, and the signatures that were made |
//! | [`databases`] | honest databases, and guilty ones of which the guilt is known |
//! | [`truth`] | what is true, and whether a file says something else |
//! | [`twist`] | changes to what is authentic |
//! | [`conflicting`], [`audits`], [`answers`], [`foreign`], [`archives`], [`peers`] | attempts, by kind |
//!
//! The forger signs nothing but logs of its own. All other signatures in its files were made by [`keys::Charter::sign`],
//! for honest owners. What verifies must be true ([`truth::falsehood`]); a file that is not is left in `target/forger`, with
//! its seed in its name.
//!
//! `cargo test --test forger` makes some thousand attempts. `VITRA_WATCH_ATTEMPTS=100000 cargo test --release --test forger
//! -- --nocapture` makes more, and `VITRA_WATCH_SEED` others.
//!
//! What it finds where a cure is taken back in the source, and after how many attempts. (Each row was measured once, with
//! seed 0, two threads, and the forger as it was while it was written; some rows with 300 attempts a world.)
//!
//! | class | taken back | attempts |
//! |---|---|---|
//! | one head twice; consistent heads; false rebuttals | prefixes are compared by tree hashes, sizes and all | 2 |
//! | an archive whose kept head frames | the same for heads in archives alone | 600 |
//! | a head that nobody signed | a manifest's prologue or fixed tree names its log | 268 |
//! | another log of one owner | ns112 names its log | 1,395 |
//! | a namespace that is a victim's log | version 1 has ns112 in any namespace, with patches | 28 |
//! | a derived head ends a batch | `end` may be that of a patched head | 237 |
//! | an inclusion hides changes | a block that is not there ends them | 68 |
//! | an honest number is taken for a skip | the last transaction is not numbered by the tree | 43 |
//! | others keep the executor guilty | a rebuttal demands that all transactions are in order | 4,363 |
//! | an oplog that is left out frames | a missing operation is no excuse | 5,452 |
//! | a claim that rests on the end of a head | a claim without an end is judged as if the log ended | 31 |
//! | a longer head clears nobody | no rebuttal by a longer head is taken | 32 |
//! | an equivocation that comes late clears | it is not asked from where on the histories differ | 3,342 |
//! | a suspect who comes late clears | the finding need not rest on an operation of the rewritten log | 1,209 |
//! | openings of roots | whatever is said to lie below a root opens it | 1,589 |
//! | sizes of a prefix | a prefix proof binds the sizes of its roots, too | 573 |

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod archives;
mod audits;
mod conflicting;
mod databases;
mod fixtures;
mod foreign;
mod keys;
mod logs;
mod peers;
mod schemes;
mod truth;
mod twist;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use answers::Proofs;
use databases::World;
use vitra_watch::lab::Random;
use vitra_watch::proofs::file::MAX_SIZE;
use vitra_watch::proofs::{Proof, Statement, check};
use vitra_watch::replay::engine::{Budget, on_big_stack};

/// Attempts with one world: making one costs as much as some dozen files.
const WITH_ONE_WORLD: u64 = 120;
/// False statements after which no more are searched for.
const MOST_FOUND: usize = 6;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// What came of the attempts of a kind: how many, and how many verified.
type Counts = BTreeMap<&'static str, [u64; 2]>;

/// A false statement that verified.
struct Found {
    kind: &'static str,
    why: String,
    attempts: u64,
}

/// The forger at work on one world.
struct Session<'w> {
    world: &'w World,
    name: String,
    random: Random,
    proofs: Proofs,
    counts: Counts,
    attempts: u64,
}

impl Session<'_> {
    /// Makes attempts until one is false, or enough were made.
    fn run(&mut self) -> Option<Found> {
        self.proofs = Proofs::of(self.world, &mut self.random);
        while self.attempts < WITH_ONE_WORLD {
            let random = &mut self.random;
            let (kind, files): (_, Vec<Vec<u8>>) = match random.below(200) {
                0..50 => ("audit", audits::proofs(self.world, random).iter().map(Proof::encode).collect()),
                50..100 => ("heads", conflicting::proof(self.world, random).iter().map(Proof::encode).collect()),
                100..120 => ("foreign", foreign::files(self.world, random)),
                120..170 => {
                    let made = answers::rebuttal(self.world, &self.proofs, random);
                    ("rebuttal", made.iter().map(vitra_watch::proofs::Rebuttal::encode).collect())
                }
                170..194 => {
                    let made = answers::inclusion(self.world, random);
                    ("inclusion", made.iter().map(vitra_watch::proofs::Inclusion::encode).collect())
                }
                194..198 => {
                    if let Some(found) = self.peer() {
                        return Some(found);
                    }
                    continue;
                }
                _ => {
                    if let Some(found) = self.archive() {
                        return Some(found);
                    }
                    continue;
                }
            };
            if files.is_empty() {
                self.attempts += 1;
            }
            for bytes in files {
                if let Some(found) = self.judge(kind, &bytes) {
                    return Some(found);
                }
            }
        }
        None
    }

    fn judge(&mut self, kind: &'static str, bytes: &[u8]) -> Option<Found> {
        self.attempts += 1;
        let [tried, verified] = self.counts.entry(kind).or_default();
        *tried += 1;
        let statement = check(bytes, MAX_SIZE, truth::options(self.world)).ok()?;
        *verified += 1;
        let why = truth::falsehood(self.world, bytes, &statement)?;
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/forger");
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join(format!("{}-{}.vproof", self.name, self.attempts));
        std::fs::write(&file, bytes).unwrap();
        Some(Found { kind, why: format!("{why}: {}: {}", file.display(), said(&statement)), attempts: self.attempts })
    }

    fn archive(&mut self) -> Option<Found> {
        self.attempts += 1;
        let [tried, opened] = self.counts.entry("archive").or_default();
        *tried += 1;
        let database = self.random.pick(&self.world.databases)?;
        let why = match database.lie {
            None => truth::accuses_wrongly(self.world, &archives::findings(database, &mut self.random)?),
            Some(_) => truth::acquits_wrongly(database, &archives::findings_of_all(database)?),
        };
        *opened += 1;
        let why = why?;
        Some(Found { kind: "archive", why, attempts: self.attempts })
    }

    fn peer(&mut self) -> Option<Found> {
        self.attempts += 1;
        let [tried, believed] = self.counts.entry("peer").or_default();
        *tried += 1;
        let database = self.random.pick(&self.world.databases).filter(|database| database.lie.is_none())?;
        let met = peers::meet(database, &mut self.random)?;
        *believed += u64::from(met.read > 0);
        let accused = || truth::accuses_wrongly(self.world, &archives::audit(met.dir.path(), database)?);
        let why = met.wrong.clone().or_else(accused)?;
        let reader = vitra_watch::archive::ArchiveReader::open(met.dir.path()).unwrap();
        for core in reader.cores().iter().filter(|core| *core.key() == database.index.key) {
            println!(
                "DEBUG core {} {} {:?}",
                core.fork(),
                core.length(),
                core.heads().iter().map(|h| (h.fork(), h.length())).collect::<Vec<_>>()
            );
        }
        for kept in reader.kept().iter().filter(|kept| *kept.head().key() == database.index.key) {
            println!("DEBUG kept {} {}", kept.head().fork(), kept.head().length());
        }
        for history in &database.index.histories {
            println!(
                "DEBUG history {} {} {:?} {}",
                history.fork,
                history.blocks.len(),
                history.ends,
                history.parts(database.index.now())
            );
        }
        Some(Found { kind: "peer", why, attempts: self.attempts })
    }
}

/// A statement in one line.
fn said(statement: &Statement) -> String {
    match statement {
        Statement::Violation(proven) => {
            let (finding, checks) = (&proven.finding, proven.checks.join("; "));
            format!("{:?} {:?} end {:?} {} ({checks})", finding.kind, finding.accused, proven.end, finding.message)
        }
        Statement::Rebuttal(rebutted) => format!("rebutted {:?}: {}", rebutted.finding, rebutted.checks.join("; ")),
        Statement::Inclusion(included) => format!("included {:?} {:?}", included.seq, included.result),
    }
}

/// The world of a number: of the corpus, once in a while.
fn world(seed: u64, corpus: &[World]) -> (Option<World>, usize) {
    let of_corpus = !corpus.is_empty() && seed % 16 == 15;
    match of_corpus {
        true => (None, (seed / 16) as usize % corpus.len()),
        false => (Some(World::of_lab(Random::new(seed).bits())), 0),
    }
}

/// No file that verifies says what is not so, and no archive accuses anybody who did nothing.
#[test]
fn nothing_false_verifies() {
    let (attempts, base) = (number("VITRA_WATCH_ATTEMPTS", 6_000), number("VITRA_WATCH_SEED", 0));
    let corpus = Mutex::new(Vec::new());
    on_big_stack(&Budget::default(), || *corpus.lock().unwrap() = World::of_corpus()).unwrap();
    let corpus = corpus.into_inner().unwrap();
    let (next, made) = (AtomicU64::new(0), AtomicU64::new(0));
    let (counts, found): (Mutex<Counts>, Mutex<Vec<String>>) = Default::default();
    let work = || {
        while made.load(Ordering::Relaxed) < attempts && found.lock().unwrap().len() < MOST_FOUND {
            let seed = base.wrapping_mul(1_000_003).wrapping_add(next.fetch_add(1, Ordering::Relaxed));
            let (own, of_corpus) = world(seed, &corpus);
            let world = own.as_ref().unwrap_or_else(|| &corpus[of_corpus]);
            let names: Vec<&str> = world.databases.iter().map(|database| &*database.name).collect();
            let random = Random::new(seed ^ 0xf0f0);
            let name = seed.to_string();
            let (counts_of, proofs) = (Counts::new(), Proofs::default());
            let mut session = Session { world, name, random, proofs, counts: counts_of, attempts: 0 };
            let result = session.run();
            let before = made.fetch_add(session.attempts, Ordering::Relaxed);
            let mut all = counts.lock().unwrap();
            for (kind, [tried, verified]) in &session.counts {
                let [all_tried, all_verified] = all.entry(kind).or_default();
                (*all_tried, *all_verified) = (*all_tried + tried, *all_verified + verified);
            }
            if let Some(Found { kind, why, attempts }) = result {
                let so_far = before + attempts;
                let text = format!("FALSE after {so_far} attempts, seed {seed} ({names:?}), {kind}: {why}");
                println!("{text}");
                found.lock().unwrap().push(text);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = [0, 1].map(|_| scope.spawn(|| on_big_stack(&Budget::default(), work).unwrap()));
        threads.into_iter().for_each(|thread| thread.join().expect("an attempt panicked; see above"));
    });
    println!("{} attempts (tried, verified): {:?}", made.load(Ordering::Relaxed), counts.lock().unwrap());
    assert_eq!(found.into_inner().unwrap().len(), 0, "something false verified; see above");
    let counts = counts.into_inner().unwrap();
    // One foreign file in some hundreds verifies: a sample need not have any.
    let usual = ["audit", "heads", "inclusion", "archive", "peer", "rebuttal"];
    for kind in usual.into_iter().chain((attempts >= 50_000).then_some("foreign")) {
        assert!(
            counts.get(kind).is_some_and(|[_, verified]| *verified > 0),
            "no {kind} says anything true: {counts:?}"
        );
    }
}

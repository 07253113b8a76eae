//! The audit of real databases, in this process and on one core: the whole, then each stage alone.
//!
//! `cargo bench --bench audit` prints a table: nanoseconds of processor time per operation (medians; other programs on the
//! machine do not count), their share of the whole, and operations per second. The stages overlap (the engine reads the
//! tree, comparing decodes values), so they need not add up to the whole. `-- counter` runs what has that in its name.

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use vitra_watch::archive::Database;
use vitra_watch::database::{Ack, Place, Value, decode};
use vitra_watch::hyperbee::{Block, Blocks, Cache, Entry, Kind, Tree, View};
use vitra_watch::replay::batches::{self, Reading, Start, TreeIs};
use vitra_watch::replay::contract::Contract;
use vitra_watch::replay::engine::{AckView, Applied, Budget, Delivery, Dialect, Outcome, Surroundings, on_big_stack};
use vitra_watch::replay::logs::Logs;
use vitra_watch::replay::matching::{self, Announced, Expected};
use vitra_watch::replay::state::Published;
use vitra_watch::worker::{Answer, Pulse, Report, Request, audit};

const ROUNDS: usize = 7;
const CASES: [(&str, &str); 3] = [("b", "h-kv-10000"), ("a", "h-counter-1000"), ("b", "h-counter-1000")];

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let filter = args.next().unwrap_or_default();
    if let ("peak", Some(dir)) = (&*filter, args.next()) {
        on_big_stack(&Budget::default(), || whole(Path::new(&dir))).unwrap();
        println!("{}", peak());
        return;
    }
    for (era, name) in CASES.into_iter().filter(|(_, name)| name.contains(&*filter)) {
        let case = common::unpack(era, name);
        println!("{name}, era {era}");
        on_big_stack(&Budget::default(), || stages(&case.dir)).unwrap();
        let me = std::env::current_exe().unwrap();
        let output = Command::new(me).arg("peak").arg(&case.dir).output().unwrap();
        let kib: f64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        println!("  peak memory of one audit {:>10.1} MB\n", kib * 1024.0 / 1e6);
    }
}

/// The audit as a worker makes it.
fn whole(dir: &Path) -> Report {
    match audit(&Request::new(dir.to_owned()), &Arc::new(Pulse::default())) {
        Answer::Report(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// A transaction, read beforehand.
struct Transaction {
    from: u64,
    end: u64,
    writes: Vec<Reading>,
    ack: Ack,
    op: Value,
}

fn stages(dir: &Path) {
    let table = Table::new(dir);
    let open = || Database::open(dir, None).unwrap();
    let database = open();
    let index = database.index_core().unwrap();
    let log: Vec<Block> = (0..index.length()).map(|seq| index.block(seq).unwrap()).collect();
    let transactions = transactions(&database, &log);
    let mut origins: Vec<_> = transactions.iter().map(|transaction| common::key(&transaction.ack.origin)).collect();
    origins.dedup();
    let expected = run(&log, &transactions, expected);

    table.stage("hashing: index", open, |database| database.index_core().unwrap().check_all().unwrap());
    table.stage("hashing: index and oplogs", open, |database| database.check(&origins).unwrap());
    let checked = || {
        let database = open();
        database.check(&origins).unwrap();
        database
    };
    table.stage("reading every block of the index", checked, |database| {
        let index = database.index_core().unwrap();
        (0..index.length()).for_each(|seq| _ = black_box(index.block(seq).unwrap()));
    });
    table.stage("tree check", Cache::default, |cache| {
        for Transaction { from, end, writes, .. } in &transactions {
            let start = Start { from: *from, end: *end, writes, until: log.len() as u64 };
            let found = batches::find(&log, cache, &start).unwrap();
            assert_eq!((found.end, found.tree), (*end, TreeIs::Canonical));
        }
    });
    table.stage(
        "decode",
        || (),
        |()| {
            for (seq, block) in (1..).zip(&log[1..]) {
                let entry = Entry::decode(seq, block.clone()).unwrap();
                black_box(entry.value().map(decode));
            }
        },
    );
    table.stage("engine", || (), |()| _ = run(&log, &transactions, |applied, _| drop(black_box(applied))));
    table.stage("compare", Cache::default, |cache| {
        for (Transaction { from, end, ack, .. }, expected) in transactions.iter().zip(&expected) {
            let announced = Announced { seq: *from, success: ack.success, changes: ack.num_changes };
            let read = |seq| cache.entry(&log, seq);
            let found = matching::matching(announced, Some(expected), log.len() as u64, read).unwrap();
            assert!(found.end == *end && found.by_replay.is_empty() && found.certain.is_empty());
        }
    });
}

fn transactions(database: &Database, log: &Vec<Block>) -> Vec<Transaction> {
    let cache = Cache::default();
    let is_ack = |seq: &u64| Place::of(cache.entry(log, *seq).unwrap().key()) == Place::Ack;
    let mut starts: Vec<u64> = (1..log.len() as u64).filter(is_ack).collect();
    // The first is the genesis's.
    starts.remove(0);
    let ends: Vec<u64> = starts.iter().skip(1).copied().chain([log.len() as u64]).collect();
    let one = |(&from, &end): (&u64, &u64)| {
        let tree = Tree::new(log, &cache, from);
        let write = |seq| {
            let entry: Rc<Entry> = cache.entry(log, seq).unwrap();
            let put = entry.value().is_some() || tree.get(entry.key()).unwrap().is_none();
            Reading::Sure(if put { Kind::Put } else { Kind::Del })
        };
        let value = decode(cache.entry(log, from).unwrap().value().unwrap()).unwrap().value;
        let ack = Ack::parse(&value).unwrap();
        let oplog = database.oplog(&common::key(&ack.origin)).unwrap();
        let op = decode(&oplog.blocks.block(ack.seq).unwrap()).unwrap().value;
        Transaction { from, end, writes: (from..end).map(write).collect(), ack, op }
    };
    starts.iter().zip(&ends).map(one).collect()
}

/// Runs all operations, each against the published tree.
fn run<T>(
    log: &Vec<Block>,
    transactions: &[Transaction],
    mut done: impl FnMut(Applied, &Tree<'_, Vec<Block>>) -> T,
) -> Vec<T> {
    let cache = Cache::default();
    let source = decode(cache.entry(log, 1).unwrap().value().unwrap()).unwrap().value;
    let mut contract = Contract::new(source.as_str().unwrap(), 1, &"00".repeat(32), Budget::default());
    let one = |Transaction { from, ack, op, .. }: &Transaction| {
        let tree = Tree::new(log, &cache, *from);
        let view = AckView { origin: &ack.origin, seq: ack.seq, ts: ack.ts, metadata: &ack.metadata };
        let around = Surroundings {
            clock: ack.ts,
            seed: 1,
            writer: true,
            locale: 0,
            dialect: Dialect::New,
            delivery: Delivery::Asked,
        };
        done(contract.apply(op, &view, around, &Published::new(&tree)).unwrap(), &tree)
    };
    transactions.iter().map(one).collect()
}

fn expected(applied: Applied, tree: &Tree<'_, Vec<Block>>) -> Expected {
    match applied.outcome {
        Outcome::Success { changes, actions } => {
            Expected::new(true, changes, actions, |key| tree.get(key).map(|entry| entry.is_some())).unwrap()
        }
        _ => Expected::default(),
    }
}

struct Table {
    operations: f64,
    whole: f64,
}

impl Table {
    /// Measures the whole audit: the first row.
    fn new(dir: &Path) -> Self {
        println!("  {:34} {:>9} {:>7} {:>12} {:>12}", "", "ns/op", "share", "op/s", "op/s (wall)");
        let report = whole(dir);
        assert!(report.findings.is_empty() && report.transactions > 0, "{report:?}");
        let mut table = Self { operations: report.transactions as f64, whole: 0.0 };
        table.whole = table.stage("the whole audit", || (), |()| drop(whole(dir)));
        table
    }

    fn stage<T>(&self, what: &str, mut before: impl FnMut() -> T, mut work: impl FnMut(&T)) -> f64 {
        let mut rounds: Vec<(Duration, Duration)> = (0..ROUNDS)
            .map(|_| {
                let given = before();
                let (wall, cpu) = (Instant::now(), processor());
                work(&given);
                (processor() - cpu, wall.elapsed())
            })
            .collect();
        rounds.sort();
        let cpu = rounds[ROUNDS / 2].0.as_nanos() as f64 / self.operations;
        rounds.sort_by_key(|round| round.1);
        let wall = rounds[ROUNDS / 2].1.as_nanos() as f64 / self.operations;
        let share = if self.whole > 0.0 { 100.0 * cpu / self.whole } else { 100.0 };
        println!("  {what:34} {cpu:9.0} {share:6.1}% {:12.0} {:12.0}", 1e9 / cpu, 1e9 / wall);
        cpu
    }
}

/// Time that this thread has been on a processor.
fn processor() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let fields: HashMap<&str, &str> = status.lines().filter_map(|line| line.split_once(':')).collect();
    fields["VmHWM"].trim().trim_end_matches(" kB").parse().unwrap()
}

//! The tree check on a log like that of a key-value database: each operation is one batch of two puts, an ack (in order)
//! and a key (at random), with values of 250 bytes. Medians, each over several rounds; `cargo bench --bench hyperbee`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use vitra_watch::hyperbee::{Batch, Block, Cache, Entry, Fit, Kind, Node, Tree, Verdict, View, check};

const OPERATIONS: u64 = 10_000;
const ROUNDS: usize = 9;

fn main() {
    let started = Instant::now();
    let log = build();
    println!("log of {} blocks built in {:.1?}", log.len(), started.elapsed());

    let warm = Cache::default();
    recompute(&log, &warm);
    report("recompute and compare a batch, warm", OPERATIONS, || recompute(&log, &warm));
    report("recompute and compare a batch, new cache", OPERATIONS, || recompute(&log, &Cache::default()));
    report("recompute and compare a batch, 1 MB cache", OPERATIONS, || recompute(&log, &Cache::new(1 << 20)));
    report("frontier check of a batch, warm", OPERATIONS, || frontier(&log, &warm));
    report("get, warm", OPERATIONS, || gets(&log, &warm));
    report("decode a block (key and value)", log.len() as u64 - 1, || {
        for (seq, block) in (1..).zip(&log[1..]) {
            black_box(Entry::decode(seq, block.clone()).unwrap());
        }
    });
    report("decode a block with its index", log.len() as u64 - 1, || {
        for block in &log[1..] {
            black_box(Node::decode(block).unwrap());
        }
    });
}

fn ack_key(op: u64) -> Vec<u8> {
    format!(".sys\0acks\0{}\0{op:015}", "ab".repeat(32)).into_bytes()
}

fn kv_key(op: u64) -> Vec<u8> {
    // 0..OPERATIONS in a scattered order.
    format!("kv\0k{}", op * 7_919 % OPERATIONS).into_bytes()
}

fn build() -> Vec<Block> {
    let cache = Cache::default();
    let mut log = vec![Block::from(&b"\x0a\x08hyperbee"[..])];
    for op in 0..OPERATIONS {
        let mut batch = Batch::new(&log, &cache, log.len() as u64);
        batch.put(&ack_key(op), Some(&[7; 250])).unwrap();
        batch.put(&kv_key(op), Some(&[8; 250])).unwrap();
        let blocks = batch.finish().unwrap();
        log.extend(blocks.into_iter().map(Block::from));
    }
    log
}

fn recompute(log: &Vec<Block>, cache: &Cache) {
    for from in (1..log.len() as u64).step_by(2) {
        let ack = cache.entry(log, from).unwrap();
        let change = cache.entry(log, from + 1).unwrap();
        let mut batch = Batch::new(log, cache, from);
        batch.put_entry(ack.clone()).unwrap();
        batch.put_entry(change.clone()).unwrap();
        assert_eq!(batch.fits([&*ack, &*change]).unwrap(), Fit::Same);
    }
}

fn frontier(log: &Vec<Block>, cache: &Cache) {
    for from in (1..log.len() as u64).step_by(2) {
        let verdict = check(log, cache, from, &[Kind::Put, Kind::Put], &[]);
        assert_eq!(verdict, Verdict::Same { usual_sizes: true });
    }
}

fn gets(log: &Vec<Block>, cache: &Cache) {
    let tree = Tree::new(log, cache, log.len() as u64);
    for op in 0..OPERATIONS {
        assert!(tree.get(&kv_key(op)).unwrap().is_some());
    }
}

fn report(what: &str, count: u64, mut run: impl FnMut()) {
    // `cargo bench --bench hyperbee -- warm` runs what has "warm" in its name.
    if !std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).all(|arg| what.contains(&arg)) {
        return;
    }
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .collect();
    rounds.sort();
    println!("{what:45} {:9.0} ns", rounds[ROUNDS / 2].as_nanos() as f64 / count as f64);
}

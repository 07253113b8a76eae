//! Claims by audit. A forger chooses heads and blocks; what an audit of them would say, the audit itself tells: it is run
//! over the slices before they are written down, so that one choice stands for the claims of all kinds at all blocks.

use std::collections::BTreeMap;

use vitra_watch::hyperbee::{Block, Blocks};
use vitra_watch::hypercore::Key;
use vitra_watch::lab::Random;
use vitra_watch::proofs::file::Version;
use vitra_watch::proofs::{Claim, Proof, Slice};
use vitra_watch::replay::auditor::{Auditor, Options, Step};
use vitra_watch::replay::finding::{Class, Kind};
use vitra_watch::replay::logs::{Logs, Oplog};

use crate::databases::{Database, World};
use crate::logs::HeldLog;
use crate::twist;

/// Claims over one choice of slices: all that an audit of them supports, and one that may be nothing.
pub fn proofs(world: &World, random: &mut Random) -> Vec<Proof> {
    let Some(database) = random.pick(&world.databases) else { return Vec::new() };
    let Some((from, mut slices)) = choose(database, random) else { return Vec::new() };
    if random.once_in(6) {
        let at = random.below(slices.len() as u64) as usize;
        twist::exchange(&mut slices[at], world, random);
    }
    proofs_over(database, from, slices, random)
}

/// Claims over these slices.
pub fn proofs_over(database: &Database, from: u64, slices: Vec<Slice>, random: &mut Random) -> Vec<Proof> {
    let length = slices[0].length;
    let end = random.once_in(3).then_some(length);
    // Whether the claim says that it rests on the end, or should have said so.
    let mut claims =
        violations(&slices, &database.index.key, from, end.is_none() && random.once_in(2), database.options);
    claims.truncate(4);
    let kinds: Vec<Kind> =
        Kind::ALL.iter().copied().filter(|kind| !kind.by_heads() && kind.class() == Class::Violation).collect();
    let near = length.saturating_sub(1 + random.below(3));
    claims.push((*random.pick(&kinds).unwrap(), if random.once_in(2) { near } else { random.below(length + 1) }));
    let version = if end.is_none() && random.once_in(3) { Version::One } else { Version::Two };
    let proof = |(kind, seq)| Proof {
        version,
        database: slices[0].key,
        claim: Claim::Audit { kind, from, seq, end },
        engine: None,
        slices: slices.clone(),
    };
    claims.into_iter().map(proof).collect()
}

/// Proofs that rest on the end of some head, as whoever has no longer one makes them.
pub fn resting(world: &World, random: &mut Random) -> Vec<Proof> {
    let Some(database) = random.pick(&world.databases) else { return Vec::new() };
    let Some(head) = twist::head(&database.index, random) else { return Vec::new() };
    let all: Vec<u64> = (0..head.length).collect();
    let index = database.index.slice(head.history, head.length, head.signature, &all);
    let slices: Vec<Slice> = index.into_iter().chain(oplogs(&database.oplogs, random)).collect();
    let found = violations(&slices, &database.index.key, 0, false, database.options);
    let proof = |(kind, seq)| Proof {
        version: Version::Two,
        database: database.index.key,
        claim: Claim::Audit { kind, from: 0, seq, end: Some(head.length) },
        engine: None,
        slices: slices.clone(),
    };
    found.into_iter().take(2).map(proof).collect()
}

/// Where to begin, and slices of the index and of oplogs.
fn choose(database: &Database, random: &mut Random) -> Option<(u64, Vec<Slice>)> {
    let head = twist::head(&database.index, random)?;
    let acks = database.acks(head.history);
    let acks: Vec<u64> = acks.into_iter().filter(|seq| *seq < head.length).collect();
    let from = match random.below(5) {
        0 | 1 => 0,
        2 => acks.last().copied()?,
        3 => *random.pick(&acks)?,
        _ => random.below(head.length),
    };
    let seqs = twist::some_blocks(head.length, from, random);
    let mut slices = vec![database.index.slice(head.history, head.length, head.signature, &seqs)?];
    slices.extend(oplogs(&database.oplogs, random));
    Some((from, slices))
}

/// Slices of some oplogs, in order.
pub fn oplogs(oplogs: &[HeldLog], random: &mut Random) -> Vec<Slice> {
    let mut slices: Vec<Slice> = Vec::new();
    for log in oplogs.iter().filter(|log| !log.now().blocks.is_empty()) {
        if random.once_in(8) {
            continue;
        }
        let whole = random.below(3) > 0;
        let slice = if whole {
            let history = random.below(log.histories.len() as u64) as usize;
            let length = log.histories[history].blocks.len() as u64;
            let signature = log.head(history, length, true, random);
            signature.and_then(|signature| log.slice(history, length, signature, &(0..length).collect::<Vec<_>>()))
        } else {
            twist::head(log, random).and_then(|head| {
                let seqs = twist::some_blocks(head.length, random.below(head.length), random);
                log.slice(head.history, head.length, head.signature, &seqs)
            })
        };
        slices.extend(slice);
    }
    slices.sort_by_key(|slice| slice.key);
    slices
}

/// The logs that slices hold, as far as an audit is concerned.
pub struct Held {
    index: Part,
    fork: u64,
    oplogs: BTreeMap<Key, (Part, bool)>,
    goes_on: bool,
}

struct Part(u64, BTreeMap<u64, Block>);

impl Part {
    fn of(slice: &Slice) -> Part {
        let blocks = slice.blocks.iter().map(|(seq, block)| (*seq, Block::from(block.as_slice())));
        Part(slice.length, blocks.collect())
    }
}

impl Blocks for Part {
    fn length(&self) -> u64 {
        self.0
    }
    fn block(&self, seq: u64) -> Option<Block> {
        self.1.get(&seq).cloned()
    }
}

impl Held {
    /// The logs of some slices, the index first.
    pub fn new(slices: &[Slice], goes_on: bool) -> Held {
        let oplogs = slices[1..].iter().map(|slice| (slice.key, (Part::of(slice), slice.fork > 0)));
        Held { index: Part::of(&slices[0]), fork: slices[0].fork, oplogs: oplogs.collect(), goes_on }
    }
}

impl Logs for Held {
    fn index(&self) -> &dyn Blocks {
        &self.index
    }
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        let found = self.oplogs.get(key);
        found.map(|(blocks, rewritten)| Oplog { blocks, rewritten: *rewritten, attributed: true })
    }
    fn index_fork(&self) -> u64 {
        self.fork
    }
    fn signed_length(&self) -> u64 {
        if self.goes_on { u64::MAX } else { self.index.length() }
    }
}

/// Kinds and blocks of the violations that an audit of these slices finds.
fn violations(slices: &[Slice], key: &Key, from: u64, goes_on: bool, options: Options) -> Vec<(Kind, u64)> {
    let held = Held::new(slices, goes_on);
    let auditor = match from {
        0 => Ok(Auditor::new(&held, key, options)),
        from => Auditor::beginning_at(&held, key, options, from),
    };
    let Ok(mut auditor) = auditor else { return Vec::new() };
    while let Step::Judged(_) = auditor.step() {}
    let foreseen = auditor.foreseen().violations.clone();
    let found = auditor.findings.iter().chain(&foreseen).filter(|finding| finding.class == Class::Violation);
    found.filter_map(|finding| Some((finding.kind, finding.seq?))).collect()
}

//! Rebuttals and inclusions, put together from pieces: true proofs and false answers, true blocks and parts of a result.

use vitra_watch::hypercore::ConsistencyProof;
use vitra_watch::lab::Random;
use vitra_watch::proofs::file::MAX_SIZE;
use vitra_watch::proofs::file::Version;
use vitra_watch::proofs::rebuttal::Answer;
use vitra_watch::proofs::{Claim, Inclusion, Proof, Rebuttal, check, prove};
use vitra_watch::replay::finding::{Class, Finding};

use crate::databases::{Database, World, is_ack};
use crate::truth::Whole;
use crate::{audits, conflicting, twist};

/// Heads of which it is tried whether a proof rests on their end.
const RESTING: usize = 12;

/// True proofs of a world, for rebuttals.
#[derive(Default)]
pub struct Proofs {
    /// By audit: of lies, and those that rest on the end of a head, of honest transactions too.
    audits: Vec<Proof>,
    /// Of owners who cut logs or have two histories.
    heads: Vec<Proof>,
}

impl Proofs {
    pub fn of(world: &World, random: &mut Random) -> Proofs {
        let mut all = Proofs::default();
        for database in &world.databases {
            for before in [false, true] {
                let whole = Whole::of(database, before);
                let findings = whole.findings();
                let violations = findings.iter().filter(|finding| finding.class == Class::Violation);
                let (heads, audits): (Vec<&Finding>, Vec<&Finding>) = violations.partition(|f| f.kind.by_heads());
                for (findings, proofs) in [(heads, &mut all.heads), (audits, &mut all.audits)] {
                    let proven = findings.into_iter().take(4).filter_map(|finding| {
                        prove(&whole, &database.index.key, finding, &whole.participants(), database.options).ok()
                    });
                    proofs.extend(proven);
                }
            }
        }
        let options = crate::truth::options(world);
        for _ in 0..RESTING {
            let proofs = audits::resting(world, random);
            all.audits.extend(proofs.into_iter().filter(|proof| check(&proof.encode(), MAX_SIZE, options).is_ok()));
        }
        all
    }
}

/// A rebuttal of one of these proofs, or of one that rests on the end of a head.
pub fn rebuttal(world: &World, proofs: &Proofs, random: &mut Random) -> Option<Rebuttal> {
    let first = random.pick(&proofs.audits)?;
    let database = world.databases.iter().find(|database| database.index.key == first.database)?;
    if random.once_in(3) {
        // A true one, with which the judge has to agree, and what becomes of it.
        let whole = Whole::of(database, random.once_in(2));
        let proof = resting(first, random).encode();
        let made = Rebuttal::by_longer_head(proof, &whole, &whole.participants(), MAX_SIZE, database.options).ok()?;
        return Some(if random.once_in(2) { made } else { changed(made, first, world, proofs, random) });
    }
    let answer = if random.below(3) > 0 {
        let of_database = proofs.heads.iter().filter(|proof| proof.database == first.database);
        let known: Vec<&Proof> = of_database.collect();
        let mut second = match random.below(6) {
            0 => random.pick(&proofs.audits)?.clone(),
            1 | 2 => conflicting::proof(world, random)?,
            _ => (*random.pick(&known)?).clone(),
        };
        if random.once_in(6) {
            second.database = first.database;
        }
        Answer::Owner(second.encode())
    } else {
        longer(database, first, random)?
    };
    let version = if random.once_in(4) { Version::One } else { Version::Two };
    Some(Rebuttal { version, proof: resting(first, random).encode(), answer })
}

/// A true rebuttal by a longer head, with something in it exchanged.
fn changed(made: Rebuttal, first: &Proof, world: &World, proofs: &Proofs, random: &mut Random) -> Rebuttal {
    let mut made = made;
    let Answer::Longer { extension, slices } = &mut made.answer else { return made };
    match random.below(5) {
        0 => twist::shift_some(extension, random),
        1 => {
            let at = random.below(slices.len() as u64) as usize;
            twist::exchange(&mut slices[at], world, random);
        }
        2 if slices.len() > 1 => drop(slices.remove(1 + random.below(slices.len() as u64 - 1) as usize)),
        3 => {
            let same = proofs.audits.iter().filter(|proof| proof.database == first.database);
            let same: Vec<&Proof> = same.collect();
            if let Some(other) = random.pick(&same) {
                made.proof = resting(other, random).encode();
            }
        }
        _ => extension.truncate(extension.len().saturating_sub(1)),
    }
    made
}

/// The proof, or the same as one that rests on the end of its head.
fn resting(proof: &Proof, random: &mut Random) -> Proof {
    let mut proof = proof.clone();
    let length = proof.slices[0].length;
    if let Claim::Audit { end, .. } = &mut proof.claim
        && random.once_in(2)
    {
        proof.version = Version::Two;
        *end = Some(length);
    }
    proof
}

fn longer(database: &Database, first: &Proof, random: &mut Random) -> Option<Answer> {
    let head = twist::head(&database.index, random)?;
    let tree = &database.index.histories[head.history];
    let end = first.slices[0].length;
    let seqs = twist::some_blocks(head.length, end.min(head.length - 1), random);
    let mut slices = vec![database.index.slice(head.history, head.length, head.signature, &seqs)?];
    slices.extend(audits::oplogs(&database.oplogs, random));
    let mut extension = ConsistencyProof::build(tree, end, head.length).unwrap_or_default().extension;
    if random.once_in(8) {
        twist::shift_some(&mut extension, random);
    }
    Some(Answer::Longer { extension, slices })
}

/// An inclusion of some block, with what is to be its result.
pub fn inclusion(world: &World, random: &mut Random) -> Option<Inclusion> {
    let database = random.pick(&world.databases)?;
    let head = twist::head(&database.index, random)?;
    let history = &database.index.histories[head.history];
    let version = if random.once_in(3) { Version::One } else { Version::Two };
    let key = database.index.key;
    if random.once_in(8) {
        let seq = random.below(head.length);
        let part = database.index.slice(head.history, head.length, head.signature, &[seq])?;
        return Some(Inclusion { version, database: key, log: key, seq, ack: None, slices: vec![part] });
    }
    let acks: Vec<u64> = database.acks(head.history).into_iter().filter(|seq| *seq < head.length).collect();
    let ack = *random.pick(&acks)?;
    let (log, seq) = database.acked(head.history, ack)?;
    let own = twist::head(log, random).filter(|head| seq < head.length)?;
    let own = log.slice(own.history, own.length, own.signature, &[seq])?;
    // The result: all of it, or less, or more; and mostly what shows that the contracts keep to the guard.
    let next = (ack + 1..head.length).find(|seq| is_ack(*seq, &history.blocks[*seq as usize])).unwrap_or(head.length);
    let end = match random.below(4) {
        0 => next.saturating_sub(random.below(3)),
        1 => next,
        _ => next + 1,
    };
    let mut seqs: Vec<u64> = (ack..end.clamp(ack + 1, head.length)).collect();
    if random.once_in(2) {
        seqs = (0..ack).chain(seqs).collect();
    }
    if random.once_in(4) && seqs.len() > 1 {
        seqs.remove(random.below(seqs.len() as u64) as usize);
    }
    let index = database.index.slice(head.history, head.length, head.signature, &seqs)?;
    let ack = if random.once_in(10) { *random.pick(&acks)? } else { ack };
    let mut slices = vec![index, own];
    if random.once_in(8) {
        let at = random.below(2) as usize;
        twist::exchange(&mut slices[at], world, random);
    }
    Some(Inclusion { version, database: key, log: log.key, seq, ack: Some(ack), slices })
}

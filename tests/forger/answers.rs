//! Rebuttals and inclusions, put together from pieces: true proofs and false answers, true blocks and parts of a result.

use vitra_watch::hyperbee::Entry;
use vitra_watch::hypercore::ConsistencyProof;
use vitra_watch::lab::Random;
use vitra_watch::proofs::file::MAX_SIZE;
use vitra_watch::proofs::file::Version;
use vitra_watch::proofs::rebuttal::Answer;
use vitra_watch::proofs::{Claim, Inclusion, Proof, Rebuttal, check, prove};
use vitra_watch::replay::finding::Class;

use crate::databases::{Database, World, is_ack};
use crate::truth::Whole;
use crate::{audits, conflicting, twist};

/// True proofs against somebody in a world, from all that is there.
pub fn true_proofs(world: &World) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for database in &world.databases {
        let whole = Whole::new(database);
        for finding in whole.findings().iter().filter(|finding| finding.class == Class::Violation).take(6) {
            proofs.extend(prove(&whole, &database.index.key, finding, &whole.participants(), database.options));
        }
    }
    proofs
}

/// A rebuttal of one of these proofs, or of one that rests on the end of a head.
pub fn rebuttal(world: &World, proofs: &[Proof], random: &mut Random) -> Option<Rebuttal> {
    let first = random.pick(proofs)?;
    let database = world.databases.iter().find(|database| database.index.key == first.database)?;
    if random.once_in(4) {
        // A true one, with which the judge has to agree.
        let whole = Whole::new(database);
        let proof = resting(first, random).encode();
        return Rebuttal::by_longer_head(proof, &whole, &whole.participants(), MAX_SIZE, database.options).ok();
    }
    let answer = if random.once_in(2) {
        let second = if random.once_in(3) { random.pick(proofs)?.clone() } else { conflicting::proof(world, random)? };
        let mut second = second;
        if random.once_in(3) {
            second.database = first.database;
        }
        Answer::Owner(second.encode())
    } else {
        longer(database, first, random)?
    };
    let version = if random.once_in(4) { Version::One } else { Version::Two };
    Some(Rebuttal { version, proof: resting(first, random).encode(), answer })
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
    let entry = Entry::decode(ack, history.blocks[ack as usize].as_slice().into()).ok()?;
    let (log, seq) = database.oplogs.iter().find_map(|log| {
        let prefix = vitra_watch::database::path::ack_key(&vitra_watch::database::ack::to_hex(&log.key), 0);
        let stem = prefix.strip_suffix(b"000000000000000")?;
        let number = std::str::from_utf8(entry.key().strip_prefix(stem)?).ok()?.parse().ok()?;
        Some((log, number))
    })?;
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

/// Proofs that rest on the end of a head, of honest transactions too: those that a longer head may rebut.
pub fn resting_proofs(world: &World, random: &mut Random) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for _ in 0..12 {
        let all = audits::proofs(world, random);
        let rests = |proof: &Proof| matches!(proof.claim, Claim::Audit { end: Some(_), .. });
        let options = crate::truth::options(world);
        proofs.extend(all.into_iter().filter(|p| rests(p) && check(&p.encode(), MAX_SIZE, options).is_ok()).take(1));
    }
    proofs
}

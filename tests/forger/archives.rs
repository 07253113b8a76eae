//! Archives that a forger made, or that hold what a lying peer sent: true blocks, true heads, and beside them heads without
//! blocks whose prefix proofs have sizes of the forger's choice.

use std::path::Path;

use vitra_watch::archive::{Archive, ArchiveError, Database as Store};
use vitra_watch::hypercore::{ConsistencyProof, SignedHead};
use vitra_watch::lab::Random;
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::finding::Finding;
use vitra_watch::replay::report;

use crate::databases::Database;
use crate::logs::HeldLog;
use crate::twist;

/// What an audit says of such an archive; `None` where it cannot be opened.
pub fn findings(database: &Database, random: &mut Random) -> Option<Vec<Finding>> {
    let temp = tempfile::tempdir().unwrap();
    let mut archive = Archive::create(temp.path()).unwrap();
    store(&mut archive, &database.index, random).ok()?;
    for log in &database.oplogs {
        if random.below(5) > 0 {
            store(&mut archive, log, random).ok()?;
        }
    }
    drop(archive);
    audit(temp.path(), database)
}

/// What an audit says of an archive with all histories of all logs, block for block.
pub fn findings_of_all(database: &Database) -> Option<Vec<Finding>> {
    let temp = tempfile::tempdir().unwrap();
    let mut archive = Archive::create(temp.path()).unwrap();
    for log in [&database.index].into_iter().chain(&database.oplogs) {
        let number = log.histories.len();
        // Those of now come first, as audits take the logs for them.
        (0..number).rev().try_for_each(|history| store_history(&mut archive, log, history, None)).ok()?;
    }
    drop(archive);
    audit(temp.path(), database)
}

/// What an audit says of an archive of a database.
pub fn audit(dir: &Path, database: &Database) -> Option<Vec<Finding>> {
    let options = Options { cache: 1 << 20, ..database.options };
    let store = Store::open(dir, Some(database.index.key)).ok()?;
    Some(report::run(Auditor::new(&store, store.key(), options), |_, _| ()).findings)
}

/// Stores one history of a log up to some head, and nothing else.
pub fn store_plainly(archive: &mut Archive, log: &HeldLog, random: &mut Random) -> Result<(), ArchiveError> {
    let number = random.below(log.histories.len() as u64) as usize;
    let heads = log.signed_heads(number);
    let held = if random.once_in(3) { heads.last() } else { random.pick(&heads) };
    store_history(archive, log, number, held.filter(|_| !random.once_in(6)))
}

/// Stores a history of a log up to a head, or all of it.
fn store_history(
    archive: &mut Archive,
    log: &HeldLog,
    number: usize,
    held: Option<&SignedHead>,
) -> Result<(), ArchiveError> {
    let heads = log.signed_heads(number);
    let id = archive.log(&log.key, log.manifest.as_ref())?;
    let Some(held) = held.or(heads.last()) else { return Ok(()) };
    let history = archive.new_history(id, held.fork())?;
    let mut writer = archive.writer(id, history)?;
    writer.append(&log.histories[number].blocks[..held.length() as usize])?;
    for head in heads.iter().filter(|head| head.length() <= held.length()) {
        writer.stage_head(head.clone())?;
    }
    archive.commit(&mut [&mut writer])
}

/// Stores a log up to some head, and its other heads without blocks.
fn store(archive: &mut Archive, log: &HeldLog, random: &mut Random) -> Result<(), ArchiveError> {
    let id = archive.log(&log.key, log.manifest.as_ref())?;
    let number = random.below(log.histories.len() as u64) as usize;
    let heads = log.signed_heads(number);
    let Some(last) = heads.last().cloned() else { return Ok(()) };
    let held = if random.once_in(2) { last.clone() } else { random.pick(&heads).unwrap().clone() };
    let history = archive.new_history(id, held.fork())?;
    let mut writer = archive.writer(id, history)?;
    let blocks = &log.histories[number].blocks;
    writer.append(&blocks[..held.length() as usize])?;
    writer.stage_head(held.clone())?;
    archive.commit(&mut [&mut writer])?;
    for other in 0..log.histories.len() {
        let all = log.signed_heads(other);
        let mut kept: Vec<SignedHead> = (0..4).filter_map(|_| random.pick(&all).cloned()).collect();
        // What is known to go on is audited as such.
        kept.extend(all.last().cloned());
        for head in kept {
            let prefix = if random.once_in(2) { held.length() } else { 1 + random.below(head.length()) };
            let prefix = prefix.min(head.length());
            let mut proof = ConsistencyProof::build(&log.histories[other], prefix, head.length()).unwrap();
            if random.below(3) > 0 {
                twist::shift_edge(&mut proof.roots, &mut proof.extension, random);
            }
            // A proof that does not lead to its head is refused, and the head stays without one.
            if archive.keep_head(&head, Some((prefix, &proof))).is_err() {
                archive.keep_head(&head, None)?;
            }
        }
    }
    Ok(())
}

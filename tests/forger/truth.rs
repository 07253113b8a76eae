//! What is true, and whether a file that verified says something else.
//!
//! The judge knows all that happened: who wrote which histories, who signed them, where an executor first lied. It
//! compares that with the statement of a file, never with the way in which the verifier came to it.

use std::collections::BTreeMap;

use vitra_watch::archive::parse_key;
use vitra_watch::database::Value;
use vitra_watch::database::decode;
use vitra_watch::hyperbee::{Block, Blocks, Entry};
use vitra_watch::hypercore::views::{Conflict, View, conflicts};
use vitra_watch::hypercore::{Key, SignedHead};
use vitra_watch::proofs::inclusion::Until;
use vitra_watch::proofs::rebuttal::Answer;
use vitra_watch::proofs::{
    Claim, Evidence, Included, Inclusion, Proof, Proven, Rebuttal, Rebutted, Slice, Statement, prove,
};
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::finding::{Accused, Finding, Kind, ShownChange};
use vitra_watch::replay::logs::{Logs, Oplog};
use vitra_watch::replay::report;

use crate::databases::{Database, World, is_ack};
use crate::logs::{HeldLog, History};

/// A database as it really is, every log whole: for audits, and for whoever proves something true of it.
pub struct Whole<'w> {
    database: &'w Database,
    index: Vec<Block>,
    oplogs: BTreeMap<Key, Vec<Block>>,
    heads: BTreeMap<Key, Vec<Vec<SignedHead>>>,
    // The oplogs are as the executor first saw them, not as their owners show them now.
    before: bool,
}

impl<'w> Whole<'w> {
    pub fn new(database: &'w Database) -> Whole<'w> {
        Whole::of(database, false)
    }

    /// With its oplogs as the executor first saw them, or as their owners show them now.
    pub fn of(database: &'w Database, before: bool) -> Whole<'w> {
        let blocks = |history: &History| history.blocks.iter().map(|block| Block::from(&**block)).collect::<Vec<_>>();
        let logs = || [&database.index].into_iter().chain(&database.oplogs);
        let heads = |log: &HeldLog| (0..log.histories.len()).map(|history| log.signed_heads(history)).collect();
        Whole {
            database,
            index: blocks(database.index.now()),
            oplogs: database.oplogs.iter().map(|log| (log.key, blocks(shown_of(log, before)))).collect(),
            heads: logs().map(|log| (log.key, heads(log))).collect(),
            before,
        }
    }

    /// The oplogs' keys.
    pub fn participants(&self) -> Vec<Key> {
        self.oplogs.keys().copied().collect()
    }

    /// What an audit of all of it finds.
    pub fn findings(&self) -> Vec<Finding> {
        let auditor = Auditor::new(self, &self.database.index.key, self.database.options);
        report::run(auditor, |_, _| ()).findings
    }
}

fn shown_of(log: &HeldLog, before: bool) -> &History {
    if before { &log.histories[0] } else { log.now() }
}

impl Logs for Whole<'_> {
    fn index(&self) -> &dyn Blocks {
        &self.index
    }
    fn oplog(&self, key: &Key) -> Option<Oplog<'_>> {
        let log = self.database.log(key)?;
        let attributed = self.heads.get(key)?.iter().flatten().any(SignedHead::names_its_log);
        Some(Oplog { blocks: self.oplogs.get(key)?, rewritten: shown_of(log, self.before).fork > 0, attributed })
    }
    fn index_fork(&self) -> u64 {
        self.database.index.now().fork
    }
    fn conflicts(&self, key: &Key) -> Vec<Conflict> {
        conflicts(&self.views(key))
    }
}

impl Evidence for Whole<'_> {
    fn views(&self, key: &Key) -> Vec<View<'_>> {
        let Some(log) = self.database.log(key) else { return Vec::new() };
        let histories = log.histories.iter().zip(&self.heads[key]).rev();
        histories.map(|(history, heads)| View { heads, tree: history }).collect()
    }
}

/// Why what a file says is false; `None` if it is true.
pub fn falsehood(world: &World, bytes: &[u8], statement: &Statement) -> Option<String> {
    match statement {
        Statement::Violation(proven) => {
            let proof = Proof::decode(bytes, usize::MAX).unwrap();
            slices(world, &proof.slices).or_else(|| violation(world, &proof, proven))
        }
        Statement::Rebuttal(rebutted) => rebuttal(world, &Rebuttal::decode(bytes, usize::MAX).unwrap(), rebutted),
        Statement::Inclusion(included) => {
            let inclusion = Inclusion::decode(bytes, usize::MAX).unwrap();
            slices(world, &inclusion.slices).or_else(|| inclusion_says(world, &inclusion, included))
        }
    }
}

/// Every slice says: these people signed this log with these blocks. No honest key pair signs a log that is not its own.
fn slices(world: &World, all: &[Slice]) -> Option<String> {
    for slice in all {
        let head = slice.authenticate().unwrap();
        if head.signers().is_empty() {
            return Some("a head that nobody signed is taken for somebody's".to_owned());
        }
        let Some(log) = world.log(&slice.key) else {
            if head.signers().iter().any(|public| world.is_victim(public)) {
                return Some("a victim's signature is taken for one over a log that it never signed".to_owned());
            }
            continue;
        };
        let has = |history: &History| {
            let mut blocks = slice.blocks.iter();
            history.fork == slice.fork
                && history.blocks.len() as u64 >= slice.length
                && blocks.all(|(seq, block)| history.blocks.get(*seq as usize) == Some(block))
        };
        if !log.histories.iter().any(has) {
            return Some("a block is said to stand where it does not".to_owned());
        }
        if log.signatures.iter().all(|signature| signature.length != head.reach()) {
            return Some(format!("its owner is said to have signed length {}, and never did", head.reach()));
        }
    }
    None
}

fn violation(world: &World, proof: &Proof, proven: &Proven) -> Option<String> {
    let key = parse_key(&proven.database).unwrap();
    let finding = &proven.finding;
    let log = parse_key(&finding.log).unwrap();
    match &proof.claim {
        Claim::Truncation => {
            let really = world.log(&log).is_none_or(|log| log.histories.iter().any(|history| history.fork > 0));
            return (!really).then(|| "the log was never cut".to_owned());
        }
        Claim::Equivocation { length, .. } => {
            let fork = proof.slices[0].fork;
            let really = world.log(&log).is_none_or(|log| log.contradicts_itself(fork, *length));
            return (!really).then(|| format!("the log has one history within {length} blocks"));
        }
        Claim::Audit { .. } => {}
    }
    // Of a database of the forger's own his executor may be accused of anything.
    let database = world.databases.iter().find(|database| database.index.key == key)?;
    let seq = finding.seq?;
    let liar = database.lie.is_some_and(|(kind, first, then)| {
        let numbering = matches!(finding.kind, Kind::OpSkipped | Kind::OpRepeated);
        // Without the operation, an entry beyond too small a number is one that nothing announced: no honest executor writes it.
        let unannounced = (kind, finding.kind) == (Kind::ChangeCountMismatch, Kind::UnpromptedWrite);
        seq >= first && (finding.kind == kind || then.contains(&finding.kind) || numbering || unannounced)
    });
    if liar && finding.accused.is_some() {
        return None;
    }
    if proven.end.is_some_and(|end| database.index.signatures.iter().all(|signature| signature.length != end)) {
        return Some("the log is said to end where its owner signed no end".to_owned());
    }
    if finding.accused.as_ref().is_some_and(|accused| accuses_a_rewriter(database, accused)) {
        // The executor must be able to say so, or to show what follows.
        let way_out = database.lie.is_some()
            || database.index.is_rewritten()
            || answered(database, proof, finding)
            || (proven.end.is_some() && cleared(database, proof));
        return (!way_out).then(|| "an owner rewrote a log, and the executor cannot clear itself with that".to_owned());
    }
    // A liar's own transaction is not in order under any longer head, nor need what follows the lie be.
    let lied_by_then = |first: u64| first <= seq || !database.acks(0).iter().any(|ack| seq < *ack && *ack <= first);
    if proven.end.is_some() && database.lie.is_some_and(|(_, first, _)| lied_by_then(first)) {
        return None;
    }
    // It may say that it holds only if nothing follows. Then what follows must clear the executor.
    if let (Some(_), true) = (proven.end, cleared(database, proof)) {
        return None;
    }
    Some(format!("{} at block {seq}, and nobody did that", finding.kind.name()))
}

/// Whether somebody among the accused really has two histories.
fn accuses_a_rewriter(database: &Database, accused: &Accused) -> bool {
    let mut owners = accused.owners().into_iter().filter_map(parse_key);
    owners.any(|key| database.log(&key).is_some_and(HeldLog::is_rewritten))
}

/// Whether a proof that one of the accused rewrote a log rebuts a proof.
fn answered(database: &Database, proof: &Proof, finding: &Finding) -> bool {
    let whole = Whole::new(database);
    let about = |found: &&Finding| {
        let accused = finding.accused.as_ref();
        found.kind.by_heads() && accused.is_some_and(|accused| accused.owners().contains(&&*found.log))
    };
    let answers = |found: &Finding| {
        let second = prove(&whole, &database.index.key, found, &whole.participants(), database.options);
        let rebuttal = second.map(|second| Rebuttal::by_owner(proof.encode(), second.encode()));
        rebuttal.is_ok_and(|rebuttal| rebuttal.verify(usize::MAX, database.options).is_ok())
    };
    whole.findings().iter().filter(about).any(answers)
}

fn seq_of(proof: &Proof) -> Option<u64> {
    match proof.claim {
        Claim::Audit { seq, .. } => Some(seq),
        _ => None,
    }
}

/// Whether the whole database rebuts a proof that rests on the end of a head.
fn cleared(database: &Database, proof: &Proof) -> bool {
    // The executor holds what it executed, whatever the owner of an oplog shows by now.
    let cleared = |before: bool| {
        let (whole, proof) = (Whole::of(database, before), proof.encode());
        Rebuttal::by_longer_head(proof, &whole, &whole.participants(), usize::MAX, database.options).is_ok()
    };
    // The executor of a log with two histories rebuts nothing that the other one shows: that convicts it anyway. And
    // where nothing follows yet, it may need an operation that its owner took back.
    let last = database.acks(database.index.histories.len() - 1).last().is_some_and(|ack| Some(*ack) <= seq_of(proof));
    cleared(false)
        || cleared(true)
        || database.index.is_rewritten()
        || (last && database.oplogs.iter().any(HeldLog::is_rewritten))
}

fn rebuttal(world: &World, rebuttal: &Rebuttal, rebutted: &Rebutted) -> Option<String> {
    let first = Proof::decode(&rebuttal.proof, usize::MAX).unwrap();
    let finding = &rebutted.finding;
    let database = world.databases.iter().find(|database| database.index.key == first.database)?;
    match (&rebuttal.answer, rebutted.instead()) {
        (Answer::Owner(answer), Some(instead)) => {
            let second = Proof::decode(answer, usize::MAX).unwrap();
            let proven =
                Proven { database: rebutted.database.clone(), finding: instead.clone(), end: None, checks: Vec::new() };
            if let Some(why) = slices(world, &second.slices).or_else(|| violation(world, &second, &proven)) {
                return Some(why);
            }
            // That the owner had two histories, or cut, is true.
            excuses_nothing(database, finding, &instead.log, &second.claim)
        }
        (Answer::Longer { slices: longer, .. }, None) => slices(world, longer).or_else(|| {
            // Where the whole log shows the same, the executor is guilty of it.
            if database.index.is_rewritten() || database.oplogs.iter().any(HeldLog::is_rewritten) {
                return None;
            }
            let same = |found: &Finding| {
                let also = found.also.iter().any(|also| (also.kind, Some(also.seq)) == (finding.kind, finding.seq));
                found.accused.is_some() && ((found.kind, found.seq) == (finding.kind, finding.seq) || also)
            };
            let guilty = Whole::new(database).findings().iter().any(same);
            guilty.then(|| "the executor is cleared of what it did".to_owned())
        }),
        _ => Some("a rebuttal of no known form".to_owned()),
    }
}

/// Why what the owner of a log did is no excuse for what an executor did: the owner's histories differ only in operations that
/// the executor had not seen, or are not of the log that it executed.
fn excuses_nothing(database: &Database, finding: &Finding, log: &str, claim: &Claim) -> Option<String> {
    let (log, seq) = (parse_key(log)?, finding.seq?);
    let length = if let Claim::Equivocation { length, .. } = claim { Some(*length) } else { None };
    let seen = database.seen(&log, seq);
    if length.is_some_and(|length| length > seen) || seen == 0 {
        return Some("the histories are the same in all operations that the executor had seen".to_owned());
    }
    // Where operations write nothing but what they may, a transaction is that of its own operation.
    let ack = database.acks(0).into_iter().rfind(|ack| *ack <= seq);
    let own = ack.and_then(|ack| database.acked(0, ack)).filter(|_| !database.is_hostile());
    let excused = own.is_none_or(|(own, number)| own.key == log && length.is_none_or(|length| length <= number + 1));
    (!excused).then(|| "the executor is cleared because of an operation that it did not execute there".to_owned())
}

/// Whether an audit of all there is lets an executor go for its first lie because of histories that differ only later.
pub fn acquits_wrongly(database: &Database, findings: &[Finding]) -> Option<String> {
    let (kind, first, _) = database.lie?;
    let of_lie =
        |finding: &&Finding| finding.seq == Some(first) && (finding.kind == kind || finding.kind == Kind::OpRewritten);
    let wrong = |finding: &&Finding| {
        let blamed = match &finding.accused {
            Some(Accused::Executor { .. }) => return false,
            Some(owner) => owner.owners().first().copied().map(str::to_owned),
            None => finding.origin.clone(),
        };
        let Some(log) = blamed.and_then(|key| database.log(&parse_key(&key)?)) else { return false };
        let seen = database.seen(&log.key, first);
        log.histories.iter().enumerate().all(|(n, a)| log.histories[n + 1..].iter().all(|b| a.parts(b) >= seen))
    };
    let found = findings.iter().filter(of_lie).find(wrong)?;
    Some(format!("the executor's lie at block {first} is laid on somebody else: {found:?}"))
}

fn inclusion_says(world: &World, file: &Inclusion, included: &Included) -> Option<String> {
    let log = world.log(&file.log)?;
    if log.signatures.iter().all(|signature| signature.length != included.length) {
        return Some(format!("its owner is said to have signed length {}", included.length));
    }
    let result = included.result.as_ref()?;
    let database = world.databases.iter().find(|database| database.index.key == file.database)?;
    // The entries behind the ack, up to the next entry that the executor (or, in doubt, anybody) put at an ack path.
    let fork = file.slices[0].fork;
    let published = database.index.histories.iter().filter(|history| history.fork == fork).map(|history| {
        let blocks = history.blocks.iter().enumerate().skip(result.seq as usize + 1);
        let behind = blocks.take_while(|(seq, block)| !is_ack(*seq as u64, block));
        behind.map(|(seq, block)| shown(seq as u64, block)).take(result.announced as usize).collect::<Vec<_>>()
    });
    let all: Vec<Vec<ShownChange>> = published.collect();
    let right = |all: &Vec<ShownChange>| match result.until {
        Until::HeadEnd => all.starts_with(&result.changes),
        Until::Announced | Until::NextAck => *all == result.changes,
    };
    if !all.iter().any(right) {
        return Some("changes that were published are left out".to_owned());
    }
    None
}

fn shown(seq: u64, block: &[u8]) -> ShownChange {
    let entry = Entry::decode(seq, block.into()).unwrap();
    let value = entry.value().map_or(Some(Value::Null), |value| decode(value).ok().map(|decoded| decoded.value));
    ShownChange::new(entry.key(), value.as_ref().filter(|_| !entry.is_delete()))
}

/// Whether an audit of something that a forger stored accuses somebody who did nothing.
pub fn accuses_wrongly(world: &World, findings: &[Finding]) -> Option<String> {
    let wrong = |finding: &&Finding| {
        let Some(accused) = &finding.accused else { return false };
        let log = parse_key(&finding.log).and_then(|key| world.log(&key));
        let rewritten = log.is_some_and(HeldLog::is_rewritten);
        let owners = accused.owners();
        let owner = owners.iter().any(|key| parse_key(key).is_some_and(|key| is_rewriter(world, &key)));
        !(rewritten && finding.kind.by_heads() || owner)
    };
    findings.iter().find(wrong).map(|finding| format!("{} {:?} {}", finding.kind.name(), finding.seq, finding.message))
}

fn is_rewriter(world: &World, key: &Key) -> bool {
    world.log(key).is_some_and(HeldLog::is_rewritten)
}

/// The options under which a file is checked: the first database's whose key it names, else the usual ones.
pub fn options(world: &World) -> Options {
    let hostile = world.databases.iter().find(|database| database.is_hostile());
    hostile.map_or_else(Options::default, |database| database.options)
}

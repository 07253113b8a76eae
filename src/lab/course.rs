//! The course of a database: participants act, the executor executes, sometimes oddly, and tells one lie if it was asked to.

use super::draft::{Draft, Write, put_all};
use super::executor::{Lab, LabError, Written};
use super::lies::{Lie, Moment, Scene, Tell, Told};
use super::log::Store;
use super::random::Random;
use super::workload::{Act, Workload, WorkloadError};
use crate::database::{Value, encode};
use crate::hyperbee::{Batch, Cache, Tree, View};
use crate::replay::finding::{Kind, Operation};
use crate::replay::reach::Reach;

/// What an honest executor may do beside executing one operation after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oddities {
    /// Backlogs, restarts, several transactions in one batch, one transaction over several appends, other orders of
    /// changes, clocks that run backwards, other error texts, extra fields in acks.
    pub manners: bool,
    /// The race around removing an input and adding it again: its operations are skipped and repeated.
    pub races: bool,
}

/// Where a database departs from the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// The lie's name.
    pub lie: &'static str,
    /// The first violation's kind.
    pub kind: Kind,
    /// Its block in the index (in its own log, for lies about a log's history); `None` for a truncation.
    pub seq: Option<u64>,
    /// The oplog of the operation, where the violation rests on it.
    pub origin: Option<String>,
    /// Oplogs whose operations could have written what looks like the ack.
    pub suspects: Vec<String>,
    /// The log it is about, if that is an oplog.
    pub oplog: Option<String>,
    /// Kinds of violations that may follow from it later on.
    pub then: &'static [Kind],
}

impl Truth {
    /// A lie that shows in this block of the index, without anybody's operation.
    pub fn of(lie: &Lie, seq: Option<u64>) -> Self {
        let (kind, then) = (lie.kind, lie.then);
        Self { lie: lie.name, kind, seq, origin: None, suspects: Vec::new(), oplog: None, then }
    }
}

/// Why a course ends early.
#[derive(Debug, thiserror::Error)]
pub enum CourseError {
    /// The lab.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The workload.
    #[error("the workload: {0}")]
    Workload(#[from] WorkloadError),
}

/// A database on its way.
pub struct Course<S> {
    /// The database.
    pub lab: Lab<S>,
    workload: Workload,
    random: Random,
    oddities: Oddities,
    lie: Option<(&'static Lie, u64)>,
    /// The lie that was told.
    pub truth: Option<Truth>,
    /// Lengths of the index at which a transaction ended.
    pub ends: Vec<u64>,
    /// Transactions written.
    pub transactions: u64,
    /// Calls of methods that failed, so that nothing was published.
    pub refused: u64,
    /// Nothing can follow: the index cannot be read any more.
    pub ended: bool,
    reach: Reach,
    before: Vec<Operation>,
    /// What the executor wrote with each append, deletes of absent keys and all, for whoever wants to write it again.
    /// `None` keeps nothing.
    pub calls: Option<Vec<Vec<Write>>>,
    /// Participants do so many things before they publish, each in one append, and the executor executes: fewer heads to
    /// sign. One at a time by default.
    pub burst: u64,
    drafted: Vec<Vec<Vec<u8>>>,
    blocked: Vec<usize>,
    raced: Vec<usize>,
    keep_ends: bool,
}

impl<S: Store> Course<S> {
    /// Begins. The lie is told at the first chance after so many transactions.
    pub fn new(
        lab: Lab<S>,
        workload: Workload,
        oddities: Oddities,
        lie: Option<(&'static Lie, u64)>,
        random: Random,
    ) -> Self {
        let ends = vec![lab.index.length()];
        // Only lies about the past need to know where transactions ended.
        let keep_ends = lie.is_some_and(|(lie, _)| matches!(lie.tell, Tell::Past(_)));
        Self {
            lab,
            workload,
            random,
            oddities,
            lie,
            truth: None,
            ends,
            transactions: 0,
            refused: 0,
            ended: false,
            reach: Reach::default(),
            before: Vec::new(),
            calls: None,
            burst: 1,
            drafted: Vec::new(),
            blocked: Vec::new(),
            raced: Vec::new(),
            keep_ends,
        }
    }

    /// Lets participants do so many things, and the executor execute what there is.
    ///
    /// # Errors
    /// When logs cannot be written, the contract not be loaded, or the workload means nothing.
    pub fn run(&mut self, actions: u64) -> Result<(), CourseError> {
        self.go_on(actions, true)
    }

    /// The same in parts: only the last one executes all that is left.
    ///
    /// # Errors
    /// As for [`Course::run`].
    pub fn go_on(&mut self, actions: u64, last: bool) -> Result<(), CourseError> {
        let mut left = actions;
        while left > 0 && !self.ended {
            let burst = if self.workload.prepares() { 1 } else { self.burst.clamp(1, left) };
            left = left.saturating_sub(burst);
            for _ in 0..burst {
                self.act()?;
            }
            self.publish()?;
            let later = self.oddities.manners && self.random.once_in(3);
            if !later {
                self.execute_some(burst)?;
            }
        }
        if !last {
            return Ok(());
        }
        self.execute_some(u64::MAX)?;
        // A lie that found no chance before finds one in the past, if that is where it belongs.
        self.lie_about_the_past()
    }

    /// The executor executes at most so many operations of those that are there.
    ///
    /// # Errors
    /// As for [`Course::run`].
    pub fn execute_some(&mut self, most: u64) -> Result<(), CourseError> {
        for _ in 0..most {
            if self.ended {
                return Ok(());
            }
            let all = self.lab.oplogs.len();
            let ready: Vec<usize> =
                (0..all).filter(|who| !self.blocked.contains(who) && self.lab.next(*who).is_some()).collect();
            let Some(&who) = self.random.pick(&ready) else { return Ok(()) };
            self.oddly_restart(who)?;
            match self.transact(who) {
                Ok(()) => {}
                // A lie has made the index unreadable, for the liar as well.
                Err(CourseError::Lab(LabError::Tree(_))) if self.truth.is_some() => self.ended = true,
                Err(CourseError::Lab(LabError::Stuck { .. })) => self.blocked.push(who),
                Err(error) => return Err(error),
            }
            self.lie_about_the_past()?;
        }
        Ok(())
    }

    fn act(&mut self) -> Result<(), CourseError> {
        let action = self.workload.act()?;
        match action.act {
            Act::Op(op) => self.draft(action.who, [encode(&op)]),
            Act::Call { method, args } => {
                let called = self.lab.ask(&method, &args)?;
                self.refused = self.refused.saturating_add(u64::from(called.result.is_err()));
                self.draft(action.who, called.emitted.iter().map(encode));
            }
        }
        // Somebody whom nobody asked publishes as well.
        if self.oddities.manners && self.random.once_in(8) {
            let last = self.lab.oplogs.len().saturating_sub(1);
            let op = Value::object(vec![("op".into(), Value::str("NOBODY"))]);
            self.draft(last, [encode(&op)]);
        }
        Ok(())
    }

    fn draft(&mut self, who: usize, ops: impl IntoIterator<Item = Vec<u8>>) {
        if self.drafted.len() <= who {
            self.drafted.resize(who.saturating_add(1), Vec::new());
        }
        if let Some(drafted) = self.drafted.get_mut(who) {
            drafted.extend(ops);
        }
    }

    fn publish(&mut self) -> Result<(), LabError> {
        for (who, ops) in self.drafted.iter_mut().enumerate() {
            self.lab.publish(who, &std::mem::take(ops))?;
        }
        Ok(())
    }

    fn oddly_restart(&mut self, who: usize) -> Result<(), CourseError> {
        // After a lie about the tree the executor might not find its own contract any more.
        if !self.oddities.manners || self.truth.is_some() || !self.random.once_in(20) {
            return Ok(());
        }
        self.lab.restart()?;
        let raced = self.lab.input(who).filter(|input| input.removed && self.oddities.races).cloned();
        if let Some(input) = raced {
            // Back by a few, or beyond the next.
            let length = self.lab.oplogs.get(who).map_or(0, super::log::Log::length);
            let back = self.random.below(3).min(input.next);
            let next = if self.random.once_in(2) { input.next - back } else { input.next + 1 };
            if next < length && !self.repeats_too_often(who) {
                self.lab.stand_before(who, next);
            }
        }
        Ok(())
    }

    /// One race for each input: more repetitions than re-addings allow are a lie.
    fn repeats_too_often(&mut self, who: usize) -> bool {
        let known = self.raced.contains(&who);
        self.raced.push(who);
        known
    }

    fn transact(&mut self, who: usize) -> Result<(), CourseError> {
        let due = self.lie.is_some_and(|(_, after)| self.transactions >= after) && self.truth.is_none();
        let lie = self.lie.map(|(lie, _)| lie).filter(|_| due);
        let at = self.lab.index.length();
        let mut pick = self.lab.next(who).map(|seq| (who, seq));
        let mut told = None;
        if let Some(Tell::Pick(choose)) = lie.map(|lie| lie.tell)
            && let Some(other) = choose(&self.moment())
        {
            pick = Some(other);
            told = Some(Told::Ack);
        }
        let Some((who, seq)) = pick else { return Ok(()) };
        let mut draft = self.lab.draft(&[], who, seq)?;
        let scene = lie.map(|_| self.scene(at, &draft)).transpose()?;
        self.behave_oddly(&mut draft);
        let mut share = None;
        match lie.map(|lie| lie.tell).zip(scene.as_ref()) {
            Some((Tell::Draft(change), scene)) if told.is_none() => {
                let mut other = draft.clone();
                told = change(&mut other, scene, &mut self.random);
                if told.is_some() {
                    draft = other;
                }
            }
            None if self.oddities.manners && self.random.once_in(15) => share = self.second(&draft)?,
            _ => {}
        }
        let mut writes = draft.entries();
        writes.extend(share.iter().flat_map(Draft::entries));
        let split = lie.is_none() && share.is_none() && self.oddities.manners && self.random.once_in(15);
        let (mut blocks, seqs) = if split { self.split(&writes)? } else { self.lab.blocks(&writes)? };
        if let Some((Tell::Blocks(change), scene)) = lie.map(|lie| lie.tell).zip(scene.as_ref()) {
            let mut other = blocks.clone();
            told = change(&mut other, scene, &self.lab.index.store, &mut self.random);
            if told.is_some() {
                blocks = other;
            }
        }
        if told.is_some() {
            // The tree in memory is the honest one.
            self.lab.cache().clear();
        }
        let end = at.saturating_add(blocks.len() as u64);
        let suspects = self.note_reach(at, &[Some(&draft), share.as_ref()], &seqs);
        if !split {
            self.lab.append(&blocks)?;
            self.note(&writes);
        }
        self.lab.adopt(&draft);
        share.iter().for_each(|draft| self.lab.adopt(draft));
        self.transactions = self.transactions.saturating_add(1).saturating_add(u64::from(share.is_some()));
        if self.keep_ends {
            self.ends.push(self.lab.index.length());
        }
        if let (Some(lie), Some(told)) = (lie, told) {
            let first_write = usize::from(draft.ack_key.is_some());
            let seq = match told {
                Told::Ack => Some(at),
                Told::Write(place) => seqs.get(place.saturating_add(first_write)).copied().flatten(),
                Told::Last | Told::LastByReplay => end.checked_sub(1),
                Told::End => Some(end),
                Told::Ending => {
                    self.ended = true;
                    end.checked_sub(1)
                }
            };
            // An entry that stands for an ack of its own.
            let suspects = match (told, seq) {
                (Told::Write(_), Some(seq)) if lie.kind == Kind::AckMalformed && !self.lab.contract().scan.guarded => {
                    self.reach.over(seq)
                }
                _ => suspects,
            };
            let by_replay = lie.kind.by_replay() || told == Told::LastByReplay;
            let origin = by_replay.then(|| draft.ack.origin.to_string());
            let suspects = suspects.into_iter().map(|operation| operation.origin).collect();
            self.truth = Some(Truth { origin, suspects, ..Truth::of(lie, seq) });
        }
        Ok(())
    }

    /// Notes how far the operations of a batch reach. Gives who could have written the first ack (without an ack, the one
    /// before, to which the entries then belong).
    fn note_reach(&mut self, at: u64, drafts: &[Option<&Draft>], seqs: &[Option<u64>]) -> Vec<Operation> {
        let mut first = None;
        let (mut from, mut seqs) = (at, seqs.iter());
        for draft in drafts.iter().copied().flatten() {
            let count = draft.writes.len().saturating_add(usize::from(draft.ack_key.is_some()));
            let end = from.saturating_add(seqs.by_ref().take(count).flatten().count() as u64);
            let over = self.reach.over(from);
            let said = draft.fields.iter().find(|(name, _)| &**name == "numChanges").map(|(_, value)| value);
            let changes = match said {
                Some(Value::Num(n)) if *n >= 0.0 => *n as u64,
                _ => 0,
            };
            if draft.ack_key.is_some() {
                self.reach.note(Operation::new(&*draft.ack.origin, draft.ack.seq), from, changes, end);
                self.before.clone_from(&over);
                first.get_or_insert(over);
            } else {
                first.get_or_insert(self.before.clone());
            }
            from = end;
        }
        // Of a guarded contract no operation can write acks.
        first.filter(|_| !self.lab.contract().scan.guarded).unwrap_or_default()
    }

    /// What a lie about this transaction needs to know; computed before anything is changed.
    fn scene(&self, at: u64, draft: &Draft) -> Result<Scene, LabError> {
        let version = &self.lab.index.store;
        // The executor's own cache stays with the tree that it goes on with.
        let cache = Cache::default();
        let seqs = put_all(&draft.entries(), &mut Batch::new(version, &cache, at))?;
        let tree = Tree::new(version, &cache, at);
        let mut known = Vec::new();
        for write in &draft.writes {
            if tree.get(&write.key)?.is_some() {
                known.push(write.key.clone());
            }
        }
        Ok(Scene {
            at,
            known,
            reached: !self.reach.clone().over(at).is_empty(),
            written: seqs.iter().skip(1).map(Option::is_some).collect(),
            exports_process: self.lab.contract().scan.exports_process,
            source: self.lab.contract().source.clone(),
            stranger: self.lab.oplogs.last().map(|log| *log.key()).unwrap_or_default(),
        })
    }

    fn moment(&self) -> Moment<'_> {
        let logs = self.lab.oplogs.iter().enumerate();
        let known = logs.map(|(who, log)| (log.length(), self.lab.input(who)));
        Moment { logs: known.collect() }
    }

    /// A second transaction for the same batch.
    fn second(&mut self, first: &Draft) -> Result<Option<Draft>, LabError> {
        let declares = first.writes.iter().any(|write| write.key.starts_with(b".sys\0"));
        let all = self.lab.oplogs.len();
        let other = |who: &usize| self.lab.name(*who).as_deref() != Some(&*first.ack.origin);
        let who = (0..all).filter(other).find(|who| !self.blocked.contains(who) && self.lab.next(*who).is_some());
        match who.and_then(|who| Some((who, self.lab.next(who)?))) {
            Some((who, seq)) if !declares => match self.lab.draft(std::slice::from_ref(first), who, seq) {
                Ok(draft) => Ok(Some(draft)),
                Err(LabError::Stuck { .. }) => Ok(None),
                Err(error) => Err(error),
            },
            _ => Ok(None),
        }
    }

    /// Writes entries in two appends.
    fn split(&mut self, writes: &[Write]) -> Result<Written, LabError> {
        let middle = 1 + self.random.below(writes.len() as u64) as usize;
        let (first, second) = writes.split_at(middle.min(writes.len()));
        let (mut blocks, mut seqs) = self.lab.blocks(first)?;
        self.lab.append(&blocks)?;
        self.note(first);
        let (more, numbers) = self.lab.blocks(second)?;
        self.lab.append(&more)?;
        self.note(second);
        blocks.extend(more);
        seqs.extend(numbers);
        Ok((blocks, seqs))
    }

    fn note(&mut self, writes: &[Write]) {
        if let Some(calls) = &mut self.calls {
            calls.push(writes.to_vec());
        }
    }

    fn behave_oddly(&mut self, draft: &mut Draft) {
        if !self.oddities.manners {
            return;
        }
        if self.random.once_in(12) {
            // Entries of one operation may stand in any order, unless one key is written twice.
            let mut keys: Vec<&[u8]> = draft.writes.iter().map(|write| &*write.key).collect();
            keys.sort_unstable();
            if keys.windows(2).all(|pair| pair.first() != pair.last()) {
                draft.writes.reverse();
            }
        }
        if self.random.once_in(15) {
            draft.set("note", Value::str("more than an ack needs"));
        }
        if !draft.ack.success && self.random.once_in(5) {
            draft.set("error", Value::str("Error: in other words"));
        }
    }

    fn lie_about_the_past(&mut self) -> Result<(), CourseError> {
        let due = self.lie.filter(|(_, after)| self.transactions >= *after && self.truth.is_none());
        if let Some((lie, _)) = due
            && let Tell::Past(past) = lie.tell
        {
            self.truth = super::lies::past(&mut self.lab, past, lie, &self.ends, &mut self.random)?;
            if self.truth.is_some() {
                self.ends = vec![self.lab.index.length()];
            }
        }
        Ok(())
    }
}

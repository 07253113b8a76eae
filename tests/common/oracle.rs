//! A slow, obvious oracle: it judges the history of a lab's database with its own state in a map. No tree, no cache, no realm
//! that goes on, no fast path. What it knows of trees is in `walk`: after each append they must hold what the map holds.

use std::collections::{BTreeMap, BTreeSet};

use vitra_watch::database::path::{self, Place};
use vitra_watch::database::{Ack, Value, ack, decode};
use vitra_watch::hyperbee::{Blocks, Entry, is_header};
use vitra_watch::lab::log::Log;
use vitra_watch::lab::{Lab, Memory};
use vitra_watch::replay::contract::Contract;
use vitra_watch::replay::engine::{
    AckView, Budget, Change, Delivery, Dialect, ListEntry, ListRequest, Outcome, ReadError, State, Surroundings,
};
use vitra_watch::replay::finding::Kind;

use super::walk::{Walk, past};

/// The whole state: of each key the block, and the value that readers get.
#[derive(Default)]
struct Map(BTreeMap<Vec<u8>, (u64, Value)>);

impl State for Map {
    fn get(&self, key: &[u8]) -> Result<Option<(u64, Value)>, ReadError> {
        Ok(self.0.get(key).cloned())
    }

    fn list(&self, request: &ListRequest) -> Result<Vec<ListEntry>, ReadError> {
        let prefix = path::key(&request.prefix);
        let depth = if prefix.is_empty() { 0 } else { prefix.split(|byte| *byte == 0).count() };
        let mut found: BTreeMap<Vec<u8>, ListEntry> = BTreeMap::new();
        for (key, entry) in &self.0 {
            let parts: Vec<&[u8]> = key.split(|byte| *byte == 0).collect();
            let below = prefix.is_empty() || key.starts_with(&[&*prefix, &[0]].concat());
            // Vitra's upper bound is U+00FF.
            if parts.len() <= depth || !below || parts[depth] >= "\u{ff}".as_bytes() {
                continue;
            }
            let name = parts[..=depth].join(&0);
            let shown = found.entry(name.clone()).or_insert_with(|| ListEntry {
                container: false,
                name: Some(String::from_utf8_lossy(parts[depth]).into_owned()),
                path: path::display(&name),
                entry: None,
            });
            if parts.len() == depth + 1 { shown.entry = Some(entry.clone()) } else { shown.container = true }
        }
        let all: Vec<ListEntry> = found.into_values().collect();
        let all: Vec<_> = if request.reverse { all.into_iter().rev().collect() } else { all };
        let limit = if request.limit == 0 { usize::MAX } else { request.limit as usize };
        Ok(all.into_iter().skip(request.offset as usize).take(limit).collect())
    }
}

/// A published entry: `None` for bytes that are no value, `Some(None)` for no value at all.
struct Published {
    seq: u64,
    key: Vec<u8>,
    value: Option<Option<Value>>,
}

fn history(lab: &Lab<Memory>) -> Vec<Option<Published>> {
    let read = |seq| {
        let entry = Entry::decode(seq, lab.index.store.block(seq)?).ok()?;
        let value = match entry.value().map(decode) {
            None => Some(None),
            Some(Ok(decoded)) => Some(Some(decoded.value)),
            Some(Err(_)) => None,
        };
        Some(Published { seq, key: entry.key().to_vec(), value })
    };
    (0..lab.index.length()).map(read).collect()
}

/// What an operation should have published.
#[derive(Default)]
struct Expected {
    success: bool,
    actions: u64,
    /// Those that write a block.
    changes: Vec<Change>,
}

struct Oracle<'a> {
    lab: &'a Lab<Memory>,
    state: Map,
    inputs: BTreeMap<String, bool>,
    next: BTreeMap<String, u64>,
    source: String,
    /// Lengths of the index that are signed; then the open batch's first block, a null as a value, an entry without one.
    ends: BTreeSet<u64>,
    batch: (u64, bool, bool),
    /// Here the contract wrote past the guard what takes effect with the executor's next restart, whenever that was; or an
    /// operation that is none succeeded.
    open: Option<u64>,
}

impl Oracle<'_> {
    fn expect(&self, ack: &Ack) -> Option<Expected> {
        let oplog = self.lab.oplogs.iter().find(|log| ack::to_hex(log.key()) == *ack.origin)?;
        let Ok(op) = decode(&oplog.store.block(ack.seq)?) else {
            return Some(Expected::default());
        };
        let contract = Contract::new(&self.source, 1, &ack::to_hex(self.lab.index.key()), Budget::default());
        let around = Surroundings {
            clock: ack.ts - 1.0,
            seed: 1,
            writer: true,
            locale: 0,
            dialect: Dialect::New,
            delivery: Delivery::Asked,
        };
        let view = AckView { origin: &ack.origin, seq: ack.seq, ts: ack.ts, metadata: &ack.metadata };
        match contract.apply_fresh(&op.value, &view, around, Budget::default(), &self.state).ok()?.outcome {
            Outcome::Success { changes, actions } => {
                // It may delete its own ack.
                let mut there = BTreeMap::from([(ack.key(), true)]);
                let mut written = Vec::new();
                for change in changes {
                    let before = self.state.0.contains_key(&*change.key);
                    let was = there.insert(change.key.to_vec(), change.put.is_some()).unwrap_or(before);
                    if change.put.is_some() || was {
                        written.push(change);
                    }
                }
                Some(Expected { success: true, actions, changes: written })
            }
            Outcome::Failure { .. } => Some(Expected::default()),
            other => panic!("{other:?}"),
        }
    }

    /// Takes entries as they stand. What the contract wrote says what a block without a value is. Gives the last block of the
    /// first batch that ends here with another tree.
    fn adopt(&mut self, entries: &[&Published], expected: &[Change]) -> Option<(Kind, u64)> {
        for entry in entries {
            self.batch.1 |= matches!(&entry.value, Some(Some(value)) if value.is_nullish());
            self.batch.2 |= matches!(entry.value, Some(None));
            let before = entries.iter().skip(1).filter(|other| other.key == entry.key && other.seq < entry.seq).count();
            let mut changes = expected.iter().filter(|change| *change.key == *entry.key);
            let null = changes.nth(before).is_some_and(|change| change.put.is_some());
            match &entry.value {
                Some(Some(value)) => drop(self.state.0.insert(entry.key.clone(), (entry.seq, value.clone()))),
                Some(None) if null => drop(self.state.0.insert(entry.key.clone(), (entry.seq, Value::Null))),
                _ => drop(self.state.0.remove(&entry.key)),
            }
            match (Place::of(&entry.key), entry.value.as_ref().and_then(Option::as_ref)) {
                (Place::Source, Some(Value::Str(source))) => self.source = source.to_string(),
                (Place::Input(name), Some(value)) => {
                    let active = ack::parse_input(name, value) == Some(true);
                    self.inputs.insert(String::from_utf8_lossy(name).into_owned(), active);
                }
                _ => {}
            }
            if self.ends.contains(&(entry.seq + 1)) {
                let pairs = self.state.0.iter().map(|(key, (seq, _))| (key.clone(), *seq));
                // Roots that became too small when something was deleted stay where they were.
                let batch = if self.batch.2 { entry.seq + 1 } else { self.batch.0 };
                if self.batch.1 || !Walk::holds(self.lab, entry.seq, batch, pairs) {
                    return Some((Kind::IndexTampered, entry.seq));
                }
                self.batch = (entry.seq + 1, false, false);
            }
        }
        None
    }
}

/// The first violation with its block, and the block from which on nobody can tell (see [`Oracle::open`]).
pub fn judge(lab: &Lab<Memory>) -> (Option<(Kind, u64)>, Option<u64>) {
    let mut oracle = Oracle {
        lab,
        state: Map::default(),
        inputs: BTreeMap::new(),
        next: BTreeMap::new(),
        source: String::new(),
        ends: lab.index.store.heads().iter().map(|head| head.length()).collect(),
        batch: (1, false, false),
        open: None,
    };
    (violation(&mut oracle, &history(lab)), oracle.open)
}

fn violation(oracle: &mut Oracle<'_>, history: &[Option<Published>]) -> Option<(Kind, u64)> {
    let lab = oracle.lab;
    let named = |entry: &Published, name: &str| {
        let origin = entry.value.as_ref().and_then(|value| value.as_ref()?.field("origin")?.as_str());
        path::display(&entry.key).contains(name) || Place::of(&entry.key) == Place::Ack && origin == Some(name)
    };
    let known = |log: &&Log<Memory>| history.iter().flatten().any(|entry| named(entry, log.name()));
    let found = [&lab.index].into_iter().chain(lab.oplogs.iter().filter(known)).find_map(|log| past(&log.store));
    if found.is_some() {
        return found;
    }
    let bad = |seq: usize| Some((Kind::BadGenesis, seq as u64));
    let mut at = usize::from(is_header(&lab.index.store.block(0)?));
    loop {
        let Some(entry) = history.get(at)? else { return bad(at) };
        let value = entry.value.as_ref().and_then(Option::as_ref);
        match (at, Place::of(&entry.key), value) {
            (1, Place::Source, Some(Value::Str(_))) => {}
            (2.., Place::Input(name), Some(value)) if ack::parse_input(name, value).is_some() => {}
            (2.., Place::Ack, Some(_)) if entry.key == path::GENESIS_ACK && oracle.inputs.values().any(|on| *on) => {}
            _ => return bad(at),
        }
        if let Some(found) = oracle.adopt(&[entry], &[]) {
            return Some(found);
        }
        at += 1;
        if entry.key == path::GENESIS_ACK {
            break;
        }
    }
    let mut announced = (at as u64 - 1, 0);
    while let Some(entry) = history.get(at).filter(|_| oracle.open.is_none()) {
        let Some(entry) = entry else { return Some((Kind::MalformedEntry, at as u64)) };
        if Place::of(&entry.key) != Place::Ack {
            assert!(entry.seq > announced.0 + announced.1, "entries within the announced number were taken before");
            return Some((Kind::UnpromptedWrite, entry.seq));
        }
        let Some(value) = &entry.value else { return Some((Kind::MalformedEntry, entry.seq)) };
        let Some(Ok(ack)) = value.as_ref().map(Ack::parse) else { return Some((Kind::AckMalformed, entry.seq)) };
        if let Some(found) = transaction(oracle, history, at, &ack, &mut announced) {
            return Some(found);
        }
        at = announced.1 as usize;
        announced = (entry.seq, ack.num_changes);
    }
    None
}

/// One transaction; `end` gets the place behind it in its second part.
fn transaction(
    oracle: &mut Oracle<'_>,
    history: &[Option<Published>],
    at: usize,
    ack: &Ack,
    end: &mut (u64, u64),
) -> Option<(Kind, u64)> {
    let seq = at as u64;
    let entry = history[at].as_ref()?;
    // What is wrong whatever the operation does, in the order of the table.
    let next = oracle.next.entry(ack.origin.to_string()).or_default();
    let certain = [
        (entry.key != ack.key(), Kind::AckPathMismatch),
        (oracle.inputs.get(&*ack.origin) != Some(&true), Kind::NonParticipant),
        (ack.seq < *next, Kind::OpRepeated),
        (ack.seq > *next, Kind::OpSkipped),
    ];
    if let Some((_, kind)) = certain.into_iter().find(|(wrong, _)| *wrong) {
        return Some((kind, seq));
    }
    *next += 1;
    let expected = oracle.expect(ack); // None: its log was cut since.
    if expected.as_ref().is_none_or(|expected| expected.changes.iter().any(|change| change.bypass)) {
        oracle.open = Some(seq);
    }
    let expected = expected?;
    // Its entries: to the next ack that the contract did not write.
    let mut open: Vec<&Change> = expected.changes.iter().collect();
    let (mut entries, mut wrong, mut stray) = (Vec::new(), Vec::new(), Vec::new());
    let mut place = at + 1;
    while let Some(entry) = history.get(place) {
        let Some(entry) = entry else { return Some((Kind::MalformedEntry, place as u64)) };
        match open.iter().position(|change| *change.key == *entry.key) {
            Some(found) => {
                let change = open.remove(found);
                match (&change.put, &entry.value) {
                    (_, None) => return Some((Kind::MalformedEntry, entry.seq)),
                    (Some(put), Some(Some(value))) if put.same(value) => {}
                    (Some(put), Some(None)) if put.is_nullish() => {}
                    (None, Some(None)) => {}
                    _ => wrong.push(entry.seq),
                }
            }
            None if Place::of(&entry.key) == Place::Ack => break,
            None if entry.value.is_none() => return Some((Kind::MalformedEntry, entry.seq)),
            None => stray.push(entry),
        }
        entries.push(entry);
        place += 1;
    }
    let processes = oracle.source.contains("export function process");
    let within = |entry: &&Published| entry.seq <= seq + ack.num_changes;
    let covered = if expected.success == ack.success { 0 } else { expected.changes.len() as u64 };
    // A stray entry stands for a change that is missing; the others are too many, announced or not.
    stray.sort_by(|a, b| vitra_watch::database::order::locale_compare(&path::display(&a.key), &path::display(&b.key)));
    let beyond = stray.split_off(stray.len().min(open.len()));
    let unprompted = beyond.iter().filter(|entry| !within(entry) && entry.seq > seq + covered).map(|entry| entry.seq);
    let told = if ack.success { Kind::FalseSuccess } else { Kind::FalseFailure };
    wrong.extend(stray.iter().map(|entry| entry.seq));
    let first = [
        (unprompted.min(), Kind::UnpromptedWrite),
        ((!ack.metadata.is_nullish() && !processes).then_some(seq), Kind::MetadataInvented),
        ((expected.success != ack.success).then_some(seq), told),
        (wrong.into_iter().min(), Kind::WrongChange),
        (beyond.iter().map(|entry| entry.seq).min(), Kind::ExtraChange),
        ((!open.is_empty()).then_some(place as u64), Kind::MissingChange),
        ((expected.actions != ack.num_changes).then_some(seq), Kind::ChangeCountMismatch),
    ];
    if let Some(found) = first.into_iter().find_map(|(seq, kind)| Some((kind, seq?))) {
        return Some(found);
    }
    *end = (seq, place as u64);
    entries.insert(0, entry);
    oracle.adopt(&entries, &expected.changes)
}

//! Honest databases, and guilty ones of which the guilt is known: from the lab in every key scheme, and from the corpus.
//!
//! A [`World`] is what one forger has: two or three databases whose owners partly are the same people, so that one key pair
//! signs several logs in several schemes. Everything in it was written and signed honestly, but for what [`Database::lie`]
//! and [`HeldLog::histories`] say.

use std::io;

use ed25519_dalek::SigningKey;
use vitra_watch::archive::{Database as Store, parse_key};
use vitra_watch::database::ack::to_hex;
use vitra_watch::database::path::{self, Place};
use vitra_watch::database::{Value, encode};
use vitra_watch::hyperbee::{Batch, Block, Blocks, Cache, Entry};
use vitra_watch::hypercore::hash::{blake2b, leaf};
use vitra_watch::hypercore::{Key, MerkleTree, Roots, SignedHead};
use vitra_watch::lab::draft::{Write, put_all};
use vitra_watch::lab::executor::{HEADER, declaration};
use vitra_watch::lab::lies::{Lie, Tell};
use vitra_watch::lab::workload::EXAMPLES;
use vitra_watch::lab::{Course, Lab, Log, Oddities, Owner, Random, lies};
use vitra_watch::proofs::Evidence;
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::engine::Budget;
use vitra_watch::replay::finding::{Kind, Verdict};
use vitra_watch::replay::logs::Logs;
use vitra_watch::replay::report;

use crate::common::{ERAS, cases, hostile, unpack};
use crate::keys::{Charter, INDEXES, OPLOGS, Style, pair};
use crate::logs::{HeldLog, History, Signature};

/// One database.
pub struct Database {
    pub name: String,
    pub index: HeldLog,
    /// The logs of its participants, and of others who publish.
    pub oplogs: Vec<HeldLog>,
    /// The executor's first lie: kind, block, and kinds that may follow. `None` for an honest executor.
    pub lie: Option<(Kind, u64, &'static [Kind])>,
    /// What an audit may use.
    pub options: Options,
}

impl Database {
    /// The log of a key.
    pub fn log(&self, key: &Key) -> Option<&HeldLog> {
        [&self.index].into_iter().chain(&self.oplogs).find(|log| log.key == *key)
    }

    /// Blocks of a history of the index with the executor's acks, and those that it took for such.
    pub fn acks(&self, history: usize) -> Vec<u64> {
        let blocks = self.index.histories[history].blocks.iter().enumerate();
        blocks.filter(|(seq, block)| *seq > 0 && is_ack(*seq as u64, block)).map(|(seq, _)| seq as u64).collect()
    }

    /// Which operation the ack at this block of the index is of: its log, and its place there.
    pub fn acked(&self, history: usize, seq: u64) -> Option<(&HeldLog, u64)> {
        let entry = Entry::decode(seq, self.index.histories[history].blocks[seq as usize].as_slice().into()).ok()?;
        self.oplogs.iter().find_map(|log| {
            let first = path::ack_key(&to_hex(&log.key), 0);
            let stem = first.strip_suffix(b"000000000000000")?;
            let number = std::str::from_utf8(entry.key().strip_prefix(stem)?).ok()?.parse().ok()?;
            Some((log, number))
        })
    }

    /// How many operations of a log the executor had seen when it had written block `seq`: in any history of the index.
    pub fn seen(&self, log: &Key, seq: u64) -> u64 {
        let histories = 0..self.index.histories.len();
        let acks = histories.flat_map(|history| self.acks(history).into_iter().map(move |ack| (history, ack)));
        let acks = acks.filter(|(_, ack)| *ack <= seq).filter_map(|(history, ack)| self.acked(history, ack));
        acks.filter(|(acked, _)| acked.key == *log).map(|(_, number)| number + 1).max().unwrap_or(0)
    }

    /// Whether its contracts let operations write what they like.
    pub fn is_hostile(&self) -> bool {
        self.name.starts_with("hostile")
    }
}

/// Whether a block is an entry at the path of an ack.
pub fn is_ack(seq: u64, block: &[u8]) -> bool {
    Entry::decode(seq, block.into()).is_ok_and(|entry| Place::of(entry.key()) == Place::Ack)
}

/// All that one forger has.
pub struct World {
    pub databases: Vec<Database>,
}

impl World {
    /// The log of a key, wherever it is used.
    pub fn log(&self, key: &Key) -> Option<&HeldLog> {
        self.databases.iter().find_map(|database| database.log(key))
    }

    /// Whether an honest owner holds the secret of this public key.
    pub fn is_victim(&self, public: &Key) -> bool {
        let logs = self.databases.iter().flat_map(|database| database.oplogs.iter().chain([&database.index]));
        logs.into_iter().any(|log| log.signers.contains(public))
    }

    /// A world of the lab: everything follows from the seed.
    pub fn of_lab(seed: u64) -> World {
        let mut random = Random::new(seed);
        let all: Vec<&Lie> = lies::all().filter(|lie| !matches!(lie.tell, Tell::Past(_))).collect();
        let mut people = People { seed, used: Vec::new(), keys: Vec::new() };
        let mut databases = Vec::new();
        for _ in 0..2 {
            let lie = if random.once_in(3) { random.pick(&all).copied() } else { None };
            databases.push(match random.below(6) {
                0 => of_hostile(random.bits(), &mut people, &mut random),
                _ => of_course(lie, &mut people, &mut random),
            });
        }
        World { databases }
    }

    /// Worlds of the corpus: databases that Vitra wrote, in which an audit finds nothing.
    pub fn of_corpus() -> Vec<World> {
        let names = ERAS.into_iter().flat_map(|era| cases(era).into_iter().map(move |name| (era, name)));
        names
            .filter_map(|(era, name)| of_store(era, &name))
            .map(|database| World { databases: vec![database] })
            .collect()
    }
}

/// The owners of a world. Each key pair is the key of one log at most, and may sign others under manifests.
struct People {
    seed: u64,
    used: Vec<u64>,
    // Two logs of one key would be one log with two histories.
    keys: Vec<Key>,
}

impl People {
    fn charter(&mut self, style: Style, numbers: [u64; 2], history: Option<&History>, random: &mut Random) -> Charter {
        let [from, count] = numbers;
        let mut number = from + random.below(count);
        if style.is_public_key() {
            while self.used.contains(&number) {
                number += 100;
            }
            self.used.push(number);
        }
        loop {
            let pairs: Vec<SigningKey> = (0..3).map(|other| pair(self.seed, number + other)).collect();
            let charter = Charter::new(style, &pairs, history, random);
            if !self.keys.contains(&charter.key) {
                self.keys.push(charter.key);
                return charter;
            }
            number += 1;
        }
    }
}

/// Where a lab's log keeps its blocks: all histories, and where appends ended.
#[derive(Default)]
struct Kept {
    fork: u64,
    blocks: Vec<Block>,
    tree: MerkleTree,
    ends: Vec<u64>,
    past: Vec<History>,
}

impl Kept {
    fn history(&self) -> History {
        let blocks = self.blocks.iter().map(|block| block.to_vec()).collect();
        History::new(self.fork, blocks, self.ends.clone())
    }

    fn histories(&mut self) -> Vec<History> {
        let now = self.history();
        self.past.drain(..).chain([now]).collect()
    }
}

impl Blocks for Kept {
    fn length(&self) -> u64 {
        self.blocks.len() as u64
    }
    fn block(&self, seq: u64) -> Option<Block> {
        self.blocks.block(seq)
    }
}

impl vitra_watch::lab::Store for Kept {
    fn push(&mut self, blocks: &[Vec<u8>]) -> io::Result<()> {
        for block in blocks {
            self.tree.push_leaf(leaf(block)).map_err(io::Error::other)?;
            self.blocks.push(block.as_slice().into());
        }
        self.ends.push(self.length());
        Ok(())
    }
    fn roots(&self) -> &Roots {
        self.tree.roots()
    }
    fn keep(&mut self, _: SignedHead) -> io::Result<()> {
        Ok(())
    }
    fn cut(&mut self, length: u64, fork: u64) -> io::Result<()> {
        let past = self.history();
        self.past.push(past);
        self.fork = fork;
        self.blocks.truncate(length as usize);
        self.tree = MerkleTree::over(&self.blocks).map_err(io::Error::other)?;
        self.ends.retain(|end| *end < length);
        // Who cuts openly signs what is left.
        self.ends.push(length);
        Ok(())
    }
}

/// A database of the lab, with all oddities.
fn of_course(lie: Option<&'static Lie>, people: &mut People, random: &mut Random) -> Database {
    let example = *random.pick(&EXAMPLES).unwrap();
    let (participants, outsiders) = (1 + random.below(3) as usize, 1 + random.below(2) as usize);
    let charters: Vec<Charter> = (0..participants + outsiders)
        .map(|number| {
            let style = *random.pick(&OPLOGS).unwrap();
            people.charter(style, [10 + 4 * number as u64, 4], None, random)
        })
        .collect();
    let keys: Vec<Key> = charters.iter().map(|charter| charter.key).collect();
    // What the index is called while it is written: nothing in it rests on that.
    let index = Log::new(Owner::named(blake2b(&[b"index", &random.bits().to_le_bytes()])), 0, Kept::default());
    let (lab, early) = genesis(index, example.source, &keys, participants, lie);
    let names = (0..lab.oplogs.len()).map(|who| lab.name(who).unwrap()).collect();
    let workload = example.workload(names, participants, random.bits()).unwrap();
    let oddities = Oddities { manners: true, races: lie.is_none() };
    let late = lie.filter(|_| early.is_none()).map(|lie| (lie, random.below(12)));
    let mut course = Course::new(lab, workload, oddities, late, random.fork());
    let actions = if early.is_some() { 0 } else { 3 + random.below(25) };
    course.run(actions).unwrap();
    let mut name = format!("{} {}", example.name, lie.map_or("honest", |lie| lie.name));
    if lie.is_none() {
        name += rewrite(&mut course, random);
    } else if early.is_none() && random.once_in(2) {
        // A liar has an accomplice, who rewrites operations that the liar executed, or only later ones.
        name += rewrite_oplog(&mut course, random.once_in(2), random);
    }
    let told = course.truth.as_ref().and_then(|truth| Some((truth.kind, truth.seq?, truth.then)));
    let mut lab = course.lab;
    let histories = lab.index.store.histories();
    let styles: Vec<Style> = OPLOGS.into_iter().chain(INDEXES).collect();
    let style = match *random.pick(&styles).unwrap() {
        Style::Fixed if histories.len() > 1 => Style::Compat,
        style => style,
    };
    let charter = people.charter(style, [0, 4], histories.first(), random);
    name += &format!(" {style:?}");
    let index = HeldLog::signed(&charter, histories, random);
    let oplogs = lab.oplogs.iter_mut().zip(&charters);
    let oplogs = oplogs.map(|(log, charter)| HeldLog::signed(charter, log.store.histories(), random)).collect();
    Database { name, index, oplogs, lie: early.or(told), options: Options::default() }
}

/// Writes the genesis of a lab, honest or not.
#[allow(clippy::type_complexity)]
fn genesis(
    mut index: Log<Kept>,
    source: &str,
    keys: &[Key],
    participants: usize,
    lie: Option<&'static Lie>,
) -> (Lab<Kept>, Option<(Kind, u64, &'static [Kind])>) {
    let mut genesis = vitra_watch::lab::Genesis {
        header: HEADER.to_vec(),
        source: Value::str(source),
        inputs: keys[..participants].iter().map(|key| (to_hex(key), declaration(key, true))).collect(),
        more: Vec::new(),
    };
    let mut early = None;
    if let Some((lie, Tell::Genesis(change))) = lie.map(|lie| (lie, lie.tell)) {
        early = Some((lie.kind, change(&mut genesis), lie.then));
    }
    let mut writes = vec![Write::put(path::SOURCE, &genesis.source)];
    writes
        .extend(genesis.inputs.iter().map(|(name, value)| Write::put([path::INPUTS, name.as_bytes()].concat(), value)));
    writes.extend(genesis.more);
    writes.push(Write::put(path::GENESIS_ACK, &Value::object(Vec::new())));
    let cache = Cache::new(1 << 24);
    index.append(&[genesis.header]).unwrap();
    let blocks = {
        let mut batch = Batch::new(&index.store, &cache, 1);
        put_all(&writes, &mut batch).unwrap();
        batch.finish_and_go_on().unwrap()
    };
    index.append(&blocks).unwrap();
    let oplogs = keys.iter().map(|key| Log::new(Owner::named(*key), 0, Kept::default())).collect();
    (Lab::open(index, oplogs, cache, Budget::default()).unwrap(), early)
}

/// Sometimes somebody rewrites a log, openly or not, and things go on.
fn rewrite(course: &mut Course<Kept>, random: &mut Random) -> &'static str {
    let openly = random.once_in(2);
    match random.below(6) {
        0 => {
            let log = &course.lab.index;
            let is_start = |end: &u64| log.store.blocks.get(*end as usize).is_some_and(|block| is_ack(*end, block));
            let ends: Vec<u64> = log.store.ends.iter().copied().filter(|end| *end > 4 && is_start(end)).collect();
            let Some(cut) = random.pick(&ends) else { return "" };
            course.lab.index.cut(*cut, openly).unwrap();
            course.lab.forget().unwrap();
            course.lab.execute_all().unwrap();
            if openly { " index-cut" } else { " index-split" }
        }
        1..4 => {
            let how = rewrite_oplog(course, openly, random);
            course.run(random.below(6)).unwrap();
            how
        }
        _ => "",
    }
}

/// A participant puts other operations in the place of some.
fn rewrite_oplog(course: &mut Course<Kept>, openly: bool, random: &mut Random) -> &'static str {
    let executed = |who: &usize| course.lab.input(*who).is_some_and(|input| input.next > 0 && input.active);
    let all: Vec<usize> = (0..course.lab.oplogs.len()).filter(executed).collect();
    let Some(who) = random.pick(&all) else { return "" };
    let seen = course.lab.input(*who).map_or(0, |input| input.next);
    let log = &mut course.lab.oplogs[*who];
    let mut cut = if random.once_in(3) { log.length() - 1 } else { random.below(log.length()) };
    if random.once_in(2) {
        // What nobody executes: others come in its place first.
        let again = log.store.blocks[random.below(log.length()) as usize].to_vec();
        log.append(&[again]).unwrap();
        cut = seen.min(log.length() - 1);
    }
    let more = log.length() - cut + random.below(3);
    log.cut(cut, openly).unwrap();
    let other = |n: u64| vec![("op".into(), Value::str("OTHER")), ("n".into(), Value::num(n as f64))];
    let ops: Vec<Vec<u8>> = (0..more).map(|n| encode(&Value::object(other(n)))).collect();
    log.append(&ops).unwrap();
    if openly { " oplog-cut" } else { " oplog-split" }
}

/// A database whose contract lets its participants write anything, and whose executor is honest.
fn of_hostile(seed: u64, people: &mut People, random: &mut Random) -> Database {
    let mut seed = seed;
    let lab = loop {
        match hostile::history(seed) {
            (lab, false) => break lab,
            _ => seed = seed.wrapping_add(1),
        }
    };
    let history = |log: &Log<vitra_watch::lab::Memory>| {
        let blocks = log.store.blocks().iter().map(|block| block.to_vec()).collect();
        History::new(0, blocks, log.store.heads().iter().map(SignedHead::length).collect())
    };
    let index = history(&lab.index);
    let style = *random.pick(&OPLOGS).unwrap();
    let charter = people.charter(style, [0, 4], Some(&index), random);
    let index = HeldLog::signed(&charter, vec![index], random);
    let mut oplogs = Vec::new();
    for (number, log) in lab.oplogs.iter().enumerate() {
        // The lab's owners follow from its seed.
        let number = number as u64 + 1;
        let seed = blake2b(&[b"vitra-watch lab", &seed.to_le_bytes(), &number.to_le_bytes()]);
        let style = *random.pick(&[Style::Legacy, Style::Compat, Style::Upgraded]).unwrap();
        let charter = Charter::new(style, &[SigningKey::from_bytes(&seed)], None, random);
        assert_eq!(charter.key, *log.key());
        oplogs.push(HeldLog::signed(&charter, vec![history(log)], random));
    }
    Database { name: format!("hostile {seed} {style:?}"), index, oplogs, lie: None, options: hostile::options() }
}

/// A database of the corpus; `None` for one that is not whole, or in which an audit finds something.
fn of_store(era: &str, name: &str) -> Option<Database> {
    let case = unpack(era, name);
    let store = Store::open(&case.dir, None).ok()?;
    let report = report::run(Auditor::new(&store, store.key(), Options::default()), |_, _| ());
    if report.verdict != Verdict::Verified || store.index().length() > 400 {
        return None;
    }
    let keys = report.participants.iter().filter_map(|participant| parse_key(&participant.key));
    let index = held(&store, store.key(), store.index())?;
    let oplogs = keys.filter_map(|key| held(&store, &key, store.oplog(&key)?.blocks)).collect();
    let name = format!("{era} {name}");
    Some(Database { name, index, oplogs, lie: None, options: Options::default() })
}

/// A log of the corpus: with the heads that are there.
fn held(store: &Store, key: &Key, blocks: &dyn Blocks) -> Option<HeldLog> {
    let blocks: Vec<Vec<u8>> =
        (0..blocks.length()).map(|seq| Some(blocks.block(seq)?.to_vec())).collect::<Option<_>>()?;
    let views = store.views(key);
    let heads: Vec<&SignedHead> = views.iter().flat_map(|view| view.heads).collect();
    let manifest = heads.first()?.manifest().cloned();
    let history = History::new(0, blocks, heads.iter().map(|head| head.length()).collect());
    let signature = |head: &&SignedHead| {
        Some(Signature {
            signer: 0,
            history: 0,
            length: head.length(),
            fork: head.fork(),
            bytes: head.signature().try_into().ok()?,
        })
    };
    let signatures: Vec<Signature> = heads.iter().filter_map(signature).collect();
    let signers = heads.first()?.signers().to_vec();
    Some(HeldLog { key: *key, manifest, signers, patches: false, histories: vec![history], signatures })
}

//! What a lying peer sends: true heads of honest logs, with nodes and signatures of the peer's choice, to somebody who has a part
//! of the log already.

use std::collections::BTreeMap;

use vitra_watch::archive::{Archive, ArchiveError};
use vitra_watch::hyperbee::{Block, Blocks};
use vitra_watch::hypercore::flat::{self, Subtree};
use vitra_watch::hypercore::{Node, Nodes, SignedHead};
use vitra_watch::lab::Random;
use vitra_watch::swarm::replica::proof::answer;
use vitra_watch::swarm::replica::{Replica, Standing};
use vitra_watch::swarm::wire::messages::{Data, DataUpgrade, IndexedNode, Request};

use crate::archives;
use crate::databases::Database;
use crate::logs::{HeldLog, History};
use crate::twist::{self, Head};

/// Messages of one peer.
const MESSAGES: u64 = 8;

/// What came of a peer: the archive that it was to poison, and what was believed at once.
pub struct Met {
    pub dir: tempfile::TempDir,
    /// Heads that were read.
    pub read: u64,
    /// Why something was believed that is not so.
    pub wrong: Option<String>,
}

/// A peer talks about one log of a database to somebody who holds a part of it.
pub fn meet(database: &Database, random: &mut Random) -> Option<Met> {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::create(dir.path()).unwrap();
    let logs: Vec<&HeldLog> = [&database.index].into_iter().chain(&database.oplogs).collect();
    for log in &logs {
        archives::store_plainly(&mut archive, log, random).ok()?;
    }
    let log = *random.pick(&logs)?;
    let mut met = Met { dir, read: 0, wrong: None };
    talk(&mut archive, log, &mut met, random).unwrap();
    // A head that ends inside a batch is the executor's word that the log ends there, until it is known to go on.
    let index = &database.index;
    let last = (0..index.histories.len()).filter_map(|history| index.signed_heads(history).pop());
    for head in last {
        archive.keep_head(&head, None).unwrap();
    }
    Some(met)
}

fn talk(archive: &mut Archive, log: &HeldLog, met: &mut Met, random: &mut Random) -> Result<(), ArchiveError> {
    let mut replica = Replica::open(archive, &log.key)?;
    if let Some(manifest) = &log.manifest {
        assert!(replica.take_manifest(archive, manifest.bytes())?);
    }
    for _ in 0..MESSAGES {
        let Some(head) = twist::head(log, random) else { continue };
        let history = &log.histories[head.history];
        let asked = replica.prefix(history.fork, head.length);
        let prefix = if random.once_in(3) { 1 + random.below(head.length) } else { asked };
        let prefix = prefix.clamp(1, head.length);
        let Some(upgrade) = upgrade(history, &head, prefix, random) else { continue };
        let data = Data { fork: history.fork, upgrade: Some(upgrade), ..Data::default() };
        let Ok(shown) = replica.read(history.fork, prefix, &data) else { continue };
        met.read += 1;
        let standing = replica.meet(archive, &shown, random.once_in(2))?;
        if matches!(standing, Standing::New(_, true)) && !log.contradicts_itself(history.fork, u64::MAX) {
            met.wrong = Some(format!("a head of length {} is taken for one of another history", head.length));
        }
        if let Standing::On(at) | Standing::New(at, _) | Standing::Instead(at) = standing
            && random.below(4) > 0
        {
            download(&mut replica, at, history, &shown.head, random)?;
        }
        let other = replica.settle()?;
        if !other.is_empty() && !log.contradicts_itself(history.fork, u64::MAX) {
            met.wrong = Some("a head that was set aside is taken for one of another history".to_owned());
        }
        replica.commit(archive, true)?;
    }
    Ok(())
}

/// The answer to a question for a head, with its log at `prefix`; sizes are the peer's.
fn upgrade(history: &History, head: &Head, prefix: u64, random: &mut Random) -> Option<DataUpgrade> {
    let node = |at: Subtree| Some((at, history.node(at)?));
    let mut nodes: Vec<(Subtree, Node)> = flat::roots(prefix).map(node).collect::<Option<_>>()?;
    let mut more: Vec<(Subtree, Node)> = flat::extension(prefix, head.length).map(node).collect::<Option<_>>()?;
    // A derived head's own sizes.
    let own: BTreeMap<u64, Node> =
        flat::roots(head.length).map(Subtree::index).zip(head.roots.iter().copied()).collect();
    for (at, node) in nodes.iter_mut().chain(&mut more) {
        *node = own.get(&at.index()).copied().unwrap_or(*node);
    }
    let (mut roots, mut extension): (Vec<Node>, Vec<Node>) =
        (nodes.iter().map(|(_, node)| *node).collect(), more.iter().map(|(_, node)| *node).collect());
    match random.below(8) {
        0..4 => twist::shift_edge(&mut roots, &mut extension, random),
        4 => twist::shift_some(if random.once_in(2) { &mut roots } else { &mut extension }, random),
        _ => {}
    }
    let indexed = |places: &[(Subtree, Node)], nodes: Vec<Node>| {
        places.iter().zip(nodes).map(|((at, _), node)| IndexedNode { index: at.index(), node }).collect()
    };
    let (nodes, additional) = (indexed(&nodes, roots), indexed(&more, extension));
    Some(DataUpgrade { start: 0, length: prefix, nodes, additional, signature: head.signature.clone() })
}

/// The blocks of a head: all of them, or some.
fn download(
    replica: &mut Replica,
    at: usize,
    history: &History,
    head: &SignedHead,
    random: &mut Random,
) -> Result<(), ArchiveError> {
    let served = Served(history);
    let most = if random.once_in(3) { random.below(head.length()) } else { u64::MAX };
    let Some(branch) = replica.branch_mut(at) else { return Ok(()) };
    for _ in 0..most {
        let Some(question) = branch.want(head.length(), |_| true) else { break };
        branch.note_asked(question.index);
        let request = Request { id: 1, fork: head.fork(), block: Some(question), ..Request::default() };
        let Some(block) = answer(&served, head, &request).and_then(|data| data.block) else { break };
        if branch.take(question, block)?.is_err() {
            break;
        }
    }
    Ok(())
}

/// A history that a peer has.
struct Served<'h>(&'h History);

impl Blocks for Served<'_> {
    fn length(&self) -> u64 {
        self.0.blocks.len() as u64
    }
    fn block(&self, seq: u64) -> Option<Block> {
        self.0.blocks.get(usize::try_from(seq).ok()?).map(|block| block.as_slice().into())
    }
}

impl Nodes for Served<'_> {
    fn length(&self) -> u64 {
        self.0.blocks.len() as u64
    }
    fn node(&self, at: Subtree) -> Option<Node> {
        self.0.node(at)
    }
}

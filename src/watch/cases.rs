//! Violations on their way to being announced: proven in a worker, and, where they rest on an operation, held against what
//! every peer shows of that oplog now. An owner who has signed two histories would otherwise let the executor be accused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use crate::database::ack::from_hex;
use crate::hypercore::Key;
use crate::replay::finding::{Accused, Finding, Kind};
use crate::replay::heads::is_same_event;
use crate::swarm::node::Node;
use crate::worker::{Launcher, Limits, Report, Request, make_proofs};

use super::Millis;

/// Peers are waited for at most so long before a violation is announced.
pub const PROBE: Duration = Duration::from_secs(5);

/// A proof that cannot be made is tried so often, and so long after: what was in the way may have been a passing want of memory.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_secs(1);

/// Proofs that a thread has made: of which database, and each finding's identity with its proof or why there is none.
pub type Made = (Key, Vec<(String, Result<Vec<u8>, String>)>);

/// A violation that was found and is not announced yet.
#[derive(Debug)]
pub struct Case {
    /// The finding.
    pub finding: Finding,
    /// When it was found.
    pub found_at: Millis,
    asked: Option<Asked>,
    /// What peers said.
    pub probe: Option<String>,
    /// Its proof, or why there is none.
    pub proof: Option<Result<Vec<u8>, String>>,
    tries: u32,
    again: Option<Instant>,
}

#[derive(Debug)]
struct Asked {
    since: Instant,
    oplogs: Vec<Key>,
    peers: usize,
}

impl Case {
    /// The oplogs whose owners could have shown the executor something else.
    fn oplogs(&self) -> Vec<Key> {
        match &self.finding.accused {
            Some(accused @ Accused::Executor { .. }) => accused.owners().into_iter().filter_map(from_hex).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it is a split of which it is not known yet where the histories part: their blocks are on their way, and what
    /// they show clears more.
    fn is_unsure(&self) -> bool {
        self.finding.kind == Kind::Equivocation && self.finding.seq.is_none()
    }

    fn is_about(&self, finding: &Finding) -> bool {
        let part = |known: &Finding| (known.kind, known.log.clone());
        is_same_event(&self.finding, finding) || (self.is_unsure() && part(&self.finding) == part(finding))
    }

    /// Asks the peers, and hears what they say; whether all have answered or had their time. `settled`: nothing that they have
    /// shown meanwhile waits to be judged.
    fn hear(&mut self, node: &mut Node, settled: bool) -> bool {
        if self.probe.is_some() {
            return true;
        }
        let asked = self.asked.take().unwrap_or_else(|| {
            let oplogs = self.oplogs();
            let peers = oplogs.iter().map(|key| node.ask_again(key)).sum();
            crate::crash::point("case-asked");
            Asked { since: Instant::now(), oplogs, peers }
        });
        if asked.oplogs.is_empty() {
            let waited = asked.since.elapsed() >= PROBE;
            self.asked = Some(asked);
            return waited || !self.is_unsure();
        }
        let open: usize = asked.oplogs.iter().map(|key| node.asking(key)).sum();
        let waited = asked.since.elapsed() >= PROBE;
        if (open > 0 || !settled) && !waited {
            self.asked = Some(asked);
            return false;
        }
        let silent: usize = asked.oplogs.iter().map(|key| node.silent(key)).sum();
        let histories = asked.oplogs.iter().filter_map(|key| node.replica(key)).map(|replica| replica.branches().len());
        let more = histories.filter(|count| *count > 1).count();
        self.probe = Some(words(asked.peers, open.saturating_add(silent), more));
        crate::crash::point("case-heard");
        true
    }
}

fn words(peers: usize, without: usize, more: usize) -> String {
    let shown = match more {
        0 => "none shows another history than the one that was judged",
        _ => "another history of it is known",
    };
    match (peers, without) {
        (0, _) => format!("no peer has the oplog that this rests on; {shown}"),
        (_, 0) => format!("{peers} peers were asked for the oplog that this rests on, and all answered; {shown}"),
        _ => format!("{peers} peers were asked for the oplog that this rests on, {without} did not answer; {shown}"),
    }
}

/// All violations of a database that are not announced yet.
#[derive(Debug, Default)]
pub struct Cases {
    open: BTreeMap<String, Case>,
    making: bool,
}

impl Cases {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether this one is among them.
    pub fn contains(&self, id: &str) -> bool {
        self.open.contains_key(id)
    }

    /// Adds one, or replaces its finding.
    pub fn add(&mut self, finding: &Finding, now: Millis) {
        match self.open.get_mut(&finding.id) {
            // Whom it accuses may have changed, and so what proves it.
            Some(case) if case.finding == *finding => {}
            Some(case) => *case = Case { found_at: case.found_at, ..Case::new(finding, now) },
            None => drop(self.open.insert(finding.id.clone(), Case::new(finding, now))),
        }
    }

    /// Whether one of them is about this event.
    pub fn is_about(&self, finding: &Finding) -> bool {
        self.open.values().any(|case| case.is_about(finding))
    }

    /// Drops those that the audit does not find any more. Of an event that has more evidence now the new finding is proven, if the
    /// old one is not: signed heads stay true.
    pub fn renew(&mut self, found: &BTreeMap<String, Finding>) {
        let lost: Vec<String> = self.open.keys().filter(|id| !found.contains_key(*id)).cloned().collect();
        for id in lost {
            let Some(case) = self.open.remove(&id) else { continue };
            let Some(now) = found.values().find(|finding| case.is_about(finding)) else { continue };
            // A proof that is being made is of the old one.
            let proven = self.making || matches!(case.proof, Some(Ok(_)));
            let case = match case.is_unsure() || !proven {
                true => Case { finding: now.clone(), proof: None, ..case },
                false => case,
            };
            self.open.insert(case.finding.id.clone(), case);
        }
    }

    /// Takes the proofs that a thread has made.
    pub fn take(&mut self, made: Vec<(String, Result<Vec<u8>, String>)>) {
        self.making = false;
        for (id, proof) in made {
            let Some(case) = self.open.get_mut(&id) else { continue };
            case.tries = case.tries.saturating_add(1);
            if proof.is_err() && case.tries < TRIES {
                case.again = Instant::now().checked_add(AGAIN);
            } else {
                case.proof = Some(proof);
            }
        }
    }

    /// Goes on with all of them, and gives those that are ready to be announced.
    pub fn turn(&mut self, node: &mut Node, settled: bool, work: impl FnOnce(Vec<Finding>) -> bool) -> Vec<Case> {
        let now = Instant::now();
        let wanted = |case: &&Case| case.proof.is_none() && case.again.is_none_or(|again| again <= now);
        let unproven: Vec<Finding> = self.open.values().filter(wanted).map(|case| case.finding.clone()).collect();
        if !self.making && !unproven.is_empty() {
            self.making = work(unproven);
            crate::crash::point("proof-wanted");
        }
        let mut ready = Vec::new();
        for (id, case) in &mut self.open {
            if case.hear(node, settled) && case.proof.is_some() {
                ready.push(id.clone());
            }
        }
        ready.iter().filter_map(|id| self.open.remove(id)).collect()
    }
}

impl Case {
    fn new(finding: &Finding, found_at: Millis) -> Self {
        Self { finding: finding.clone(), found_at, asked: None, probe: None, proof: None, tries: 0, again: None }
    }
}

/// Proves findings in a thread that tells `done` about it; `false` when there can be no thread.
pub fn prove(
    launcher: Launcher,
    request: Request,
    report: Report,
    findings: Vec<Finding>,
    key: Key,
    done: UnboundedSender<Made>,
) -> bool {
    let work = move || {
        let report = Report { findings: findings.clone(), ..report };
        let mut made: Vec<_> = findings.iter().map(|finding| (finding.id.clone(), None)).collect();
        let took = |at: usize, proof| {
            if let Some((_, slot)) = made.get_mut(at) {
                *slot = Some(proof);
            }
        };
        let failed = make_proofs(&launcher, request, &report, Limits::default(), took).err();
        let why = failed.map_or_else(|| "it was passed over".to_owned(), |error| error.to_string());
        let made = made.into_iter().map(|(id, proof)| (id, proof.unwrap_or_else(|| Err(why.clone())))).collect();
        // A service that has ended needs no proofs; it makes them again.
        let _ = done.send((key, made));
    };
    std::thread::Builder::new().name("proofs".to_owned()).spawn(work).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects proofs from whatever was in the way for a moment, and alerts from proofs that cannot be made.
    #[test]
    fn a_proof_that_fails_is_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut node = Node::open(dir.path()).unwrap();
        let finding = Finding::new("", Kind::UnpromptedWrite, "", Some(5), "x");
        let mut cases = Cases::default();
        cases.add(&finding, 0);
        let mut tries = 0;
        let ready = loop {
            let mut wanted = 0;
            let ready = cases.turn(&mut node, true, |findings| {
                wanted = findings.len();
                true
            });
            if wanted > 0 {
                tries += 1;
                cases.take(vec![(finding.id.clone(), Err("no memory".to_owned()))]);
            }
            if !ready.is_empty() {
                break ready;
            }
            std::thread::park_timeout(AGAIN / 10);
        };
        assert_eq!((tries, ready.len()), (TRIES, 1));
        assert_eq!(ready[0].proof, Some(Err("no memory".to_owned())));
    }
}

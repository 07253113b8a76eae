//! Comparing all that is known of one log: heads from several holders, several sessions, several peers.
//!
//! Each holder has heads and (part of) one tree. A head is *backed* if some holder's tree is that head's at its length. What
//! two heads bind of their logs at one length is compared ([`Prefix`]): the shorter head's roots are known if it is backed, the
//! longer one's if its backing has the nodes. Where that does not tell nothing is said: absence accuses nobody.

use super::conflict::{Equivocation, truncates};
use super::flat;
use super::head::SignedHead;
use super::prefix::{Comparison, Opening, Prefix, PrefixEvidence};
use super::proof::ConsistencyProof;
use super::tree::Nodes;

/// What one holder has of a log.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Heads whose signatures verified, in any order.
    pub heads: &'a [SignedHead],
    /// The tree of the log as this holder has it.
    pub tree: &'a dyn Nodes,
}

/// A contradiction, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Two histories of one fork.
    Equivocation {
        /// The two heads and what connects them; verifies.
        evidence: Box<Equivocation>,
        /// The first block in which the histories differ, if both sides' trees are here.
        first_difference: Option<u64>,
    },
    /// The log was cut: the longest head of a fork above 0.
    Truncation(Box<SignedHead>),
}

struct Known<'a> {
    head: &'a SignedHead,
    // A view whose tree is this head's at its length.
    backing: Option<&'a dyn Nodes>,
}

impl Known<'_> {
    /// What shows the head's log at a length. `opened`: with what binds the sizes of its roots there.
    fn evidence(&self, length: u64, opened: bool) -> Option<PrefixEvidence> {
        if length == self.head.length() {
            let roots = self.backing.and_then(|tree| tree.roots_at(length));
            // Of a patched head the roots are in the claim; another holder's may have other sizes.
            return Some(match roots.filter(|_| !self.head.is_patched()) {
                Some(roots) => PrefixEvidence::Roots(roots.nodes().to_vec()),
                None => PrefixEvidence::TreeHash,
            });
        }
        let tree = self.backing?;
        let proof = ConsistencyProof::build(tree, length, self.head.length())?;
        if !opened {
            return Some(PrefixEvidence::Prefix(proof));
        }
        let openings = flat::roots(length).map(|at| Opening::build(tree, at)).collect::<Option<_>>()?;
        Some(PrefixEvidence::Opened(proof, openings))
    }
}

/// Compares the logs of two heads of one fork at a length, with what shows the outcome.
fn compare(shorter: &Known<'_>, longer: &Known<'_>, length: u64) -> (Comparison, Option<[PrefixEvidence; 2]>) {
    // What opens roots may be a large block: it is asked for only where the roots alone do not tell.
    for opened in [false, true] {
        let Some(evidence) = shorter.evidence(length, opened).zip(longer.evidence(length, opened)) else { continue };
        let prefix = |known: &Known<'_>, evidence| Prefix::of(known.head, length, evidence);
        let compared = match (prefix(shorter, &evidence.0), prefix(longer, &evidence.1)) {
            (Ok(first), Ok(second)) => first.compare(&second),
            _ => Comparison::Undecided,
        };
        if compared != Comparison::Undecided {
            return (compared, Some(evidence.into()));
        }
    }
    (Comparison::Undecided, None)
}

/// The distinct contradictions among all heads of the views that name their log: for each fork one for every two histories
/// (the longest heads of each), and one truncation for each fork above 0. Sorted by key, fork and length.
pub fn conflicts(views: &[View<'_>]) -> Vec<Conflict> {
    let mut known: Vec<Known<'_>> = Vec::new();
    for head in views.iter().flat_map(|view| view.heads) {
        if !head.names_its_log() || known.iter().any(|other| other.head.same_statement(head)) {
            continue;
        }
        known.push(Known { head, backing: backing(views, head) });
    }
    let order =
        |known: &Known<'_>| (*known.head.key(), known.head.fork(), known.head.length(), *known.head.tree_hash());
    known.sort_by_key(order);

    let mut found = Vec::new();
    for fork in known.chunk_by(|a, b| (a.head.key(), a.head.fork()) == (b.head.key(), b.head.fork())) {
        // Only histories that no longer one continues.
        let ends = fork.iter().enumerate().filter(|(i, shorter)| {
            let mut longer = fork.get(i.saturating_add(1)..).unwrap_or_default().iter();
            !longer.any(|longer| compare(shorter, longer, shorter.head.length()).0 == Comparison::Same)
        });
        let ends: Vec<_> = ends.map(|(_, known)| known).collect();
        for (i, shorter) in ends.iter().enumerate() {
            for longer in ends.get(i.saturating_add(1)..).unwrap_or_default() {
                found.extend(contradiction(shorter, longer));
            }
        }
        let last = fork.iter().rev().map(|known| known.head).find(|head| truncates(head));
        found.extend(last.map(|head| Conflict::Truncation(Box::new(head.clone()))));
    }
    found
}

fn backing<'a>(views: &[View<'a>], head: &SignedHead) -> Option<&'a dyn Nodes> {
    views.iter().map(|view| view.tree).find(|tree| tree.backs(head))
}

/// Whether a longer head of the same fork is here that provably continues this one: then this one convicts nobody whom the
/// longer one does not convict.
pub fn is_continued(head: &SignedHead, views: &[View<'_>]) -> bool {
    let statement = |head: &SignedHead| (*head.key(), head.fork());
    views.iter().any(|view| {
        let longer = |other: &&SignedHead| {
            statement(other) == statement(head) && other.length() > head.length() && view.tree.backs(other)
        };
        view.heads.iter().any(|other| longer(&other)) && view.tree.backs(head)
    })
}

fn contradiction(shorter: &Known<'_>, longer: &Known<'_>) -> Option<Conflict> {
    let length = shorter.head.length();
    let (Comparison::Different, Some(evidence)) = compare(shorter, longer, length) else { return None };
    let first_difference = first_difference(shorter, longer);
    let evidence = equivocation(shorter, longer, length, evidence)?;
    Some(Conflict::Equivocation { evidence: Box::new(evidence), first_difference })
}

fn equivocation(
    shorter: &Known<'_>,
    longer: &Known<'_>,
    length: u64,
    evidence: [PrefixEvidence; 2],
) -> Option<Equivocation> {
    let (shorter, longer) = (shorter.head.clone(), longer.head.clone());
    let evidence = Equivocation { shorter, longer, length, evidence };
    evidence.verify().ok()?;
    Some(evidence)
}

/// The same equivocation, shown at a smaller length, where trees of both sides are here.
pub fn at_length(views: &[View<'_>], found: &Equivocation, length: u64) -> Option<Equivocation> {
    let known = |head| Known { head, backing: backing(views, head) };
    let (shorter, longer) = (known(&found.shorter), known(&found.longer));
    let (Comparison::Different, Some(evidence)) = compare(&shorter, &longer, length) else { return None };
    equivocation(&shorter, &longer, length, evidence)
}

/// The first block from which on a history with a fork counter above 0 may differ from the log that is taken for the true one:
/// as far as the trees show that they are the same, they are. `None` without such a history.
pub fn rewritten_from(views: &[View<'_>], taken: &dyn Nodes) -> Option<u64> {
    // Of heads that a longer one continues that one tells all.
    let ends = |head: &&SignedHead| truncates(head) && !is_continued(head, views);
    let cut = views.iter().flat_map(|view| view.heads).filter(ends);
    let common = |head: &SignedHead| {
        let tree = backing(views, head)?;
        let shorter = taken.length().min(head.length());
        let same = Prefix::of_roots(&taken.roots_at(shorter)?).has_roots(&tree.roots_at(shorter)?)?;
        if same { Some(shorter) } else { difference(taken, tree, shorter) }
    };
    // What cannot be compared may differ anywhere.
    cut.map(|head| common(head).unwrap_or_default()).min()
}

fn first_difference(shorter: &Known<'_>, longer: &Known<'_>) -> Option<u64> {
    difference(shorter.backing?, longer.backing?, shorter.head.length())
}

/// The first block in which two trees differ that differ within `length` blocks. Prefixes are equal up to one length and
/// different from then on, so that it can be halved.
fn difference(a: &dyn Nodes, b: &dyn Nodes, length: u64) -> Option<u64> {
    let (mut equal, mut different) = (0, length);
    while different.checked_sub(equal)? > 1 {
        let middle = u64::midpoint(equal, different);
        let roots = a.roots_at(middle)?;
        let other = b.roots_at(middle)?;
        match Prefix::of_roots(&roots).has_roots(&other)? {
            true => equal = middle,
            false => different = middle,
        }
    }
    Some(equal)
}

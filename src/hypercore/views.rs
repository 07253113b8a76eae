//! Comparing all that is known of one log: heads from several holders, several sessions, several peers.
//!
//! Each holder has heads and (part of) one tree. A head is *backed* if some holder's tree has that hash at that length;
//! of two heads the longer one must be backed to show what its log was at the shorter one's length. Where neither side
//! can be shown nothing is said: absence accuses nobody.

use super::conflict::{Equivocation, truncates};
use super::hash::Hash;
use super::head::SignedHead;
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

/// How a head stands to a head that is at least as long.
#[derive(PartialEq)]
enum Relation {
    Prefix,
    Contradiction,
    Unknown,
}

struct Known<'a> {
    head: &'a SignedHead,
    // A view whose tree has this head's hash at its length.
    backing: Option<&'a dyn Nodes>,
}

/// The distinct contradictions among all heads of the views: for each fork one for every two histories (the longest heads
/// of each), and one truncation for each fork above 0. Sorted by key, fork and length.
pub fn conflicts(views: &[View<'_>]) -> Vec<Conflict> {
    let mut known: Vec<Known<'_>> = Vec::new();
    for head in views.iter().flat_map(|view| view.heads) {
        if head.signers().is_empty() || known.iter().any(|other| other.head.same_statement(head)) {
            continue;
        }
        let backs = |tree: &&dyn Nodes| tree.tree_hash_at(head.length()) == Some(*head.tree_hash());
        known.push(Known { head, backing: views.iter().map(|view| view.tree).find(backs) });
    }
    let order =
        |known: &Known<'_>| (*known.head.key(), known.head.fork(), known.head.length(), *known.head.tree_hash());
    known.sort_by_key(order);

    let mut found = Vec::new();
    for fork in known.chunk_by(|a, b| (a.head.key(), a.head.fork()) == (b.head.key(), b.head.fork())) {
        // Only histories that no longer one continues.
        let ends = fork.iter().enumerate().filter(|(i, shorter)| {
            let longer = fork.get(i.saturating_add(1)..).unwrap_or_default();
            !longer.iter().any(|longer| relation(shorter, longer) == Relation::Prefix)
        });
        let ends: Vec<_> = ends.map(|(_, known)| known).collect();
        for (i, shorter) in ends.iter().enumerate() {
            for longer in ends.get(i.saturating_add(1)..).unwrap_or_default() {
                found.extend(contradiction(shorter, longer));
            }
        }
        let last = fork.last().map(|known| known.head);
        found.extend(last.filter(|head| truncates(head)).map(|head| Conflict::Truncation(Box::new(head.clone()))));
    }
    found
}

/// Whether a longer head of the same fork is here that provably continues this one: then this one convicts nobody whom the
/// longer one does not convict.
pub fn is_continued(head: &SignedHead, views: &[View<'_>]) -> bool {
    let statement = |head: &SignedHead| (*head.key(), head.fork());
    views.iter().any(|view| {
        let longer = |other: &&SignedHead| {
            statement(other) == statement(head)
                && other.length() > head.length()
                && view.tree.tree_hash_at(other.length()) == Some(*other.tree_hash())
        };
        view.heads.iter().any(|other| longer(&other))
            && view.tree.tree_hash_at(head.length()) == Some(*head.tree_hash())
    })
}

fn relation(shorter: &Known<'_>, longer: &Known<'_>) -> Relation {
    let (a, b) = (shorter.head, longer.head);
    let there: Option<Hash> = if a.length() == b.length() {
        Some(*b.tree_hash())
    } else {
        longer.backing.and_then(|tree| tree.tree_hash_at(a.length()))
    };
    match there {
        None => Relation::Unknown,
        Some(hash) if hash == *a.tree_hash() => Relation::Prefix,
        Some(_) => Relation::Contradiction,
    }
}

fn contradiction(shorter: &Known<'_>, longer: &Known<'_>) -> Option<Conflict> {
    if relation(shorter, longer) != Relation::Contradiction {
        return None;
    }
    let (a, b) = (shorter.head, longer.head);
    let evidence = if a.length() == b.length() {
        Equivocation::equally_long(a.clone(), b.clone())
    } else {
        let prefix = ConsistencyProof::build(longer.backing?, a.length(), b.length())?;
        Equivocation { shorter: a.clone(), longer: b.clone(), prefix: Some(prefix) }
    };
    evidence.verify().ok()?;
    let first_difference = first_difference(shorter, longer);
    Some(Conflict::Equivocation { evidence: Box::new(evidence), first_difference })
}

/// Prefixes are equal up to one length and different from then on, so that it can be halved.
fn first_difference(shorter: &Known<'_>, longer: &Known<'_>) -> Option<u64> {
    let (a, b) = (shorter.backing?, longer.backing?);
    let (mut equal, mut different) = (0, shorter.head.length());
    while different.checked_sub(equal)? > 1 {
        let middle = u64::midpoint(equal, different);
        if a.tree_hash_at(middle)? == b.tree_hash_at(middle)? { equal = middle } else { different = middle }
    }
    Some(equal)
}

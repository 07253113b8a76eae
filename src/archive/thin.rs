//! Which heads without blocks can be forgotten, so that an owner who signs for ever does not fill the disk.
//!
//! A head convicts only together with another one, or by its fork. Therefore:
//!
//! - A head that a longer one provably continues says nothing that the longer one does not say: whatever contradicts the
//!   shorter contradicts the longer.
//! - Of a contradiction two heads are enough; of a truncation one.
//! - What is left, of which nothing can be said yet, is kept as far as there is room, the longest first.
//!
//! Heads whose blocks are held do not come here: there is at most one a block.

use crate::hypercore::SignedHead;
use crate::hypercore::views::{Conflict, View, conflicts, is_continued};

/// Heads without blocks of one log. All of them are read for an audit, which compares every two.
pub(super) const MAX_KEPT: usize = 256;
/// What is left when there are more.
const LEFT: usize = 128;
/// Room for heads that contradict others; a first pair of each fork goes before further ones.
const CONTRADICTING: usize = 96;

/// The kept heads that can be forgotten. `views` is everything that is held of the log, kept heads included.
pub(super) fn expendable<'a>(views: &[View<'_>], kept: &[&'a SignedHead]) -> Vec<&'a SignedHead> {
    if kept.len() <= LEFT {
        return Vec::new();
    }
    let mut stay: Vec<&SignedHead> = Vec::new();
    let mut add = |head: &SignedHead, most: usize| {
        let known = kept.iter().find(|kept| kept.same_statement(head));
        if let Some(known) = known.filter(|known| !stay.iter().any(|other| other.same_statement(known)))
            && stay.len() < most
        {
            stay.push(known);
        }
    };
    let found = conflicts(views);
    let mut forks = Vec::new();
    for first in [true, false] {
        for conflict in &found {
            let Conflict::Equivocation { evidence, .. } = conflict else { continue };
            if !first || !forks.contains(&evidence.longer.fork()) {
                forks.push(evidence.longer.fork());
                add(&evidence.shorter, CONTRADICTING);
                add(&evidence.longer, CONTRADICTING);
            }
        }
    }
    // Sorted by fork: the last truncations are those of the logs that are followed now.
    for conflict in found.iter().rev() {
        if let Conflict::Truncation(head) = conflict {
            add(head, LEFT);
        }
    }
    let mut rest: Vec<(bool, &SignedHead)> = kept.iter().map(|head| (!is_continued(head, views), *head)).collect();
    rest.sort_by_key(|(open, head)| std::cmp::Reverse((*open, head.fork(), head.length())));
    rest.iter().for_each(|(_, head)| add(head, LEFT));
    kept.iter().filter(|head| !stay.iter().any(|stays| stays.same_statement(head))).copied().collect()
}

//! `change-count-mismatch`: the changes are right, the announced number is not.

use super::{Lie, Tell, Told};
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "change-count-mismatch/too-many",
        kind: Kind::ChangeCountMismatch,
        then: &[],
        tell: Tell::Draft(|draft, _, random| {
            draft.announce(draft.ack.num_changes.saturating_add(1 + random.below(3)));
            Some(Told::Ack)
        }),
    },
    Lie {
        name: "change-count-mismatch/too-few",
        kind: Kind::ChangeCountMismatch,
        then: &[],
        tell: Tell::Draft(|draft, _, random| {
            let fewer = draft.ack.num_changes.checked_sub(1)?;
            draft.announce(fewer - random.below(fewer.saturating_add(1)));
            Some(Told::Ack)
        }),
    },
];

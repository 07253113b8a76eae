//! `equivocation`: two signed histories of one log and fork.

use super::{Lie, Past, Tell};
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "equivocation/index",
        kind: Kind::Equivocation,
        then: &[],
        tell: Tell::Past(Past { oplog: false, openly: false }),
    },
    Lie {
        name: "equivocation/oplog",
        kind: Kind::Equivocation,
        then: &[],
        tell: Tell::Past(Past { oplog: true, openly: false }),
    },
];

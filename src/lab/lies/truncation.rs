//! `truncation`: a log was cut and says so by its fork counter.

use super::{Lie, Past, Tell};
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "truncation/index",
        kind: Kind::Truncation,
        then: &[],
        tell: Tell::Past(Past { oplog: false, openly: true }),
    },
    Lie {
        name: "truncation/oplog",
        kind: Kind::Truncation,
        then: &[],
        tell: Tell::Past(Past { oplog: true, openly: true }),
    },
];

//! `op-repeated`: an operation executed again.

use super::{Lie, Moment, Tell};
use crate::replay::finding::Kind;

/// Somebody with executed operations, never removed (else it could be a race).
fn somebody(moment: &Moment<'_>) -> Option<(usize, u64)> {
    moment.logs.iter().enumerate().find_map(|(who, (_, input))| {
        let input = input.filter(|input| input.active && !input.removed && input.next > 0)?;
        Some((who, input.next))
    })
}

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "op-repeated/last",
        kind: Kind::OpRepeated,
        then: &[],
        tell: Tell::Pick(|moment| somebody(moment).and_then(|(who, next)| Some((who, next.checked_sub(1)?)))),
    },
    Lie {
        name: "op-repeated/first",
        kind: Kind::OpRepeated,
        then: &[],
        tell: Tell::Pick(|moment| somebody(moment).map(|(who, _)| (who, 0))),
    },
];

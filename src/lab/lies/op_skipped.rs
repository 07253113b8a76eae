//! `op-skipped`: an operation left out.

use super::{Lie, Tell};
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[Lie {
    name: "op-skipped/next",
    kind: Kind::OpSkipped,
    then: &[],
    tell: Tell::Pick(|moment| {
        moment.logs.iter().enumerate().find_map(|(who, (length, input))| {
            let input = input.filter(|input| input.active && !input.removed)?;
            let after = input.next.checked_add(1).filter(|after| after < length)?;
            Some((who, after))
        })
    }),
}];

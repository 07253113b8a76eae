//! `non-participant`: an operation of a log that is no active input.

use super::{Lie, Tell};
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "non-participant/stranger",
        kind: Kind::NonParticipant,
        // Once it is admitted, its operations are executed from the first one on.
        then: &[Kind::OpRepeated],
        tell: Tell::Pick(|moment| {
            let who = moment.logs.iter().position(|(length, input)| *length > 0 && input.is_none())?;
            Some((who, 0))
        }),
    },
    Lie {
        name: "non-participant/removed",
        kind: Kind::NonParticipant,
        then: &[],
        tell: Tell::Pick(|moment| {
            moment.logs.iter().enumerate().find_map(|(who, (length, input))| {
                let input = input.filter(|input| !input.active && input.next < *length)?;
                Some((who, input.next))
            })
        }),
    },
];

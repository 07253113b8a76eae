//! `extra-change`: an entry that the contract did not make, within the announced number.

use super::{Lie, Tell, Told, nobodys};
use crate::database::Value;
use crate::lab::draft::{What, Write};
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "extra-change/at-the-end",
        kind: Kind::ExtraChange,
        then: &[],
        tell: Tell::Draft(|draft, _, random| {
            draft.writes.push(Write::put(nobodys(random), &Value::str("a lie")));
            draft.announce(draft.ack.num_changes.saturating_add(1));
            Some(Told::Write(draft.writes.len().checked_sub(1)?))
        }),
    },
    Lie {
        name: "extra-change/at-the-beginning",
        kind: Kind::ExtraChange,
        then: &[],
        tell: Tell::Draft(|draft, _, random| {
            draft.writes.insert(0, Write::put(nobodys(random), &Value::str("a lie")));
            draft.announce(draft.ack.num_changes.saturating_add(1));
            Some(Told::Write(0))
        }),
    },
    Lie {
        name: "extra-change/null",
        kind: Kind::ExtraChange,
        then: &[],
        tell: Tell::Draft(|draft, _, random| {
            draft.writes.push(Write::put(nobodys(random), &Value::Null));
            draft.announce(draft.ack.num_changes.saturating_add(1));
            Some(Told::Write(draft.writes.len().checked_sub(1)?))
        }),
    },
    Lie {
        name: "extra-change/delete-of-nothing",
        kind: Kind::ExtraChange,
        then: &[],
        tell: Tell::Draft(|draft, scene, _| {
            // The contract deletes a key that is not there, for which Hyperbee writes no block.
            let place = scene.written.iter().position(|written| !written)?;
            draft.writes.get_mut(place)?.what = What::PutNull;
            Some(Told::Write(place))
        }),
    },
];

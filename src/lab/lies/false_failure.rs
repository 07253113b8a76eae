//! `false-failure`: the ack says failed, the contract succeeds.

use super::{Lie, Tell, Told};
use crate::database::Value;
use crate::lab::draft::Draft;
use crate::replay::finding::Kind;

fn fail(draft: &mut Draft) -> Option<()> {
    draft.ack.success.then_some(())?;
    draft.set("success", Value::Bool(false));
    draft.set("error", Value::str("Error: not today"));
    Some(())
}

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "false-failure/without-changes",
        kind: Kind::FalseFailure,
        then: &[],
        tell: Tell::Draft(|draft, _, _| {
            fail(draft)?;
            draft.announce(0);
            draft.writes.clear();
            Some(Told::Ack)
        }),
    },
    Lie {
        name: "false-failure/with-changes",
        kind: Kind::FalseFailure,
        then: &[],
        tell: Tell::Draft(|draft, scene, _| {
            scene.all_written().then_some(())?;
            fail(draft)?;
            Some(Told::Ack)
        }),
    },
    Lie {
        name: "false-failure/with-changes-not-announced",
        kind: Kind::FalseFailure,
        then: &[],
        tell: Tell::Draft(|draft, scene, _| {
            scene.all_written().then_some(())?;
            fail(draft)?;
            draft.announce(0);
            Some(Told::Ack)
        }),
    },
];

//! `false-success`: the ack says success, the contract throws.

use super::{Lie, Tell, Told, nobodys};
use crate::database::Value;
use crate::lab::draft::{Draft, Write};
use crate::replay::finding::Kind;

fn succeed(draft: &mut Draft) -> Option<()> {
    (!draft.ack.success).then_some(())?;
    draft.set("success", Value::Bool(true));
    draft.set("error", Value::Undefined);
    Some(())
}

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "false-success/without-changes",
        kind: Kind::FalseSuccess,
        then: &[],
        tell: Tell::Draft(|draft, _, _| {
            succeed(draft)?;
            Some(Told::Ack)
        }),
    },
    Lie {
        name: "false-success/with-a-change",
        kind: Kind::FalseSuccess,
        then: &[],
        tell: Tell::Draft(|draft, _, random| {
            succeed(draft)?;
            draft.writes.push(Write::put(nobodys(random), &Value::str("a lie")));
            draft.announce(1);
            Some(Told::Ack)
        }),
    },
];

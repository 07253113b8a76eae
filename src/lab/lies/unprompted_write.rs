//! `unprompted-write`: more entries than the ack announces, or no ack at all.

use super::{Lie, Tell, Told, nobodys};
use crate::database::ack::to_hex;
use crate::database::{Value, path};
use crate::lab::draft::Write;
use crate::lab::executor::declaration;
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "unprompted-write/data",
        kind: Kind::UnpromptedWrite,
        then: &[],
        tell: Tell::Draft(|draft, scene, random| {
            scene.none_missing().then_some(())?;
            draft.writes.push(Write::put(nobodys(random), &Value::str("a lie")));
            Some(Told::Write(draft.writes.len().checked_sub(1)?))
        }),
    },
    Lie {
        name: "unprompted-write/participant",
        kind: Kind::UnpromptedWrite,
        then: &[],
        tell: Tell::Draft(|draft, scene, _| {
            scene.none_missing().then_some(())?;
            let key = [path::INPUTS, to_hex(&scene.stranger).as_bytes()].concat();
            let change = Write::put(key, &declaration(&scene.stranger, true));
            draft.writes.push(Write { declared: true, ..change });
            Some(Told::Write(draft.writes.len().checked_sub(1)?))
        }),
    },
    Lie {
        name: "unprompted-write/contract",
        kind: Kind::UnpromptedWrite,
        then: &[],
        tell: Tell::Draft(|draft, scene, _| {
            scene.none_missing().then_some(())?;
            let other = format!("{}\n// and more\n", scene.source);
            let change = Write::put(path::SOURCE, &Value::str(other));
            draft.writes.push(Write { declared: true, ..change });
            Some(Told::Write(draft.writes.len().checked_sub(1)?))
        }),
    },
    Lie {
        name: "unprompted-write/no-ack",
        kind: Kind::UnpromptedWrite,
        // An operation without an ack does not count.
        then: &[Kind::OpSkipped],
        tell: Tell::Draft(|draft, scene, _| {
            (scene.all_written() && !scene.reached).then_some(())?;
            draft.ack_key = None;
            Some(Told::Write(0))
        }),
    },
];

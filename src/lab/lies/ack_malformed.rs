//! `ack-malformed`: where a transaction may begin, something that is no well-typed ack.

use super::{Lie, Tell, Told};
use crate::database::Value;
use crate::lab::draft::{What, Write};
use crate::replay::finding::Kind;

// An ack that does not count is one that is missing for the next, hence `then`.
macro_rules! field {
    ($name:literal, $field:literal, $value:expr) => {
        Lie {
            name: concat!("ack-malformed/", $name),
            kind: Kind::AckMalformed,
            then: &[Kind::OpSkipped],
            tell: Tell::Draft(|draft, _, _| {
                draft.set($field, $value);
                Some(Told::Ack)
            }),
        }
    };
}

pub(super) const LIES: &[Lie] = &[
    field!("success-is-text", "success", Value::str("yes")),
    field!("success-is-undefined", "success", Value::Undefined),
    field!("error-is-a-number", "error", Value::num(1.0)),
    field!("origin-in-capitals", "origin", Value::str("AB".repeat(32))),
    field!("origin-too-short", "origin", Value::str("ab")),
    field!("seq-is-no-integer", "seq", Value::num(1.5)),
    field!("seq-is-negative", "seq", Value::num(-1.0)),
    field!("ts-is-a-date", "ts", Value::Date(5.0)),
    field!("ts-is-infinite", "ts", Value::Num(f64::INFINITY)),
    field!("count-is-negative", "numChanges", Value::num(-1.0)),
    field!("count-is-missing", "numChanges", Value::Undefined),
    Lie {
        name: "ack-malformed/array",
        kind: Kind::AckMalformed,
        then: &[Kind::OpSkipped],
        tell: Tell::Draft(|draft, _, _| {
            draft.ack_gone = Some(What::Put(vec![0x90]));
            Some(Told::Ack)
        }),
    },
    Lie {
        name: "ack-malformed/null",
        kind: Kind::AckMalformed,
        then: &[Kind::OpSkipped],
        tell: Tell::Draft(|draft, _, _| {
            draft.ack_gone = Some(What::PutNull);
            Some(Told::Ack)
        }),
    },
    Lie {
        name: "ack-malformed/earlier-ack-deleted",
        kind: Kind::AckMalformed,
        then: &[],
        tell: Tell::Draft(|draft, scene, _| {
            let earlier = draft.ack.seq.checked_sub(1).filter(|_| scene.written.iter().all(|written| *written))?;
            draft.writes.push(Write::delete(crate::database::path::ack_key(&draft.ack.origin, earlier)));
            Some(Told::Write(draft.writes.len().checked_sub(1)?))
        }),
    },
];

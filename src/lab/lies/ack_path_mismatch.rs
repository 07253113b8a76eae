//! `ack-path-mismatch`: an ack stored where another operation's belongs.

use super::{Lie, Tell, Told};
use crate::database::path;
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "ack-path-mismatch/other-number",
        kind: Kind::AckPathMismatch,
        then: &[],
        tell: Tell::Draft(|draft, _, _| {
            draft.ack_key = Some(path::ack_key(&draft.ack.origin, draft.ack.seq.saturating_add(1_000_000)));
            Some(Told::Ack)
        }),
    },
    Lie {
        name: "ack-path-mismatch/other-log",
        kind: Kind::AckPathMismatch,
        then: &[],
        tell: Tell::Draft(|draft, _, _| {
            draft.ack_key = Some(path::ack_key(&"0d".repeat(32), draft.ack.seq));
            Some(Told::Ack)
        }),
    },
    Lie {
        name: "ack-path-mismatch/no-padding",
        kind: Kind::AckPathMismatch,
        then: &[],
        tell: Tell::Draft(|draft, _, _| {
            let name = format!("/.sys/acks/{}/{}", draft.ack.origin, draft.ack.seq);
            draft.ack_key = Some(path::key(&name).into());
            Some(Told::Ack)
        }),
    },
];

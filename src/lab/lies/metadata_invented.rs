//! `metadata-invented`: metadata of a contract that makes none.

use super::{Lie, Tell, Told};
use crate::database::Value;
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[Lie {
    name: "metadata-invented/object",
    kind: Kind::MetadataInvented,
    then: &[],
    tell: Tell::Draft(|draft, scene, _| {
        (!scene.exports_process).then_some(())?;
        draft.set("metadata", Value::object(vec![("seen".into(), Value::Bool(true))]));
        Some(Told::Ack)
    }),
}];

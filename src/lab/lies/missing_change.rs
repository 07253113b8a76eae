//! `missing-change`: fewer changes than the contract's.

use super::{Lie, Scene, Tell, Told};
use crate::lab::draft::Draft;
use crate::lab::random::Random;
use crate::replay::finding::Kind;

const fn lie(name: &'static str, tell: fn(&mut Draft, &Scene, &mut Random) -> Option<Told>) -> Lie {
    Lie { name, kind: Kind::MissingChange, then: &[], tell: Tell::Draft(tell) }
}

pub(super) const LIES: &[Lie] = &[
    lie("missing-change/last", |draft, scene, _| {
        scene.all_written().then_some(())?;
        draft.writes.pop()?;
        Some(Told::End)
    }),
    lie("missing-change/last-and-not-announced", |draft, scene, _| {
        scene.all_written().then_some(())?;
        draft.writes.pop()?;
        draft.announce(draft.ack.num_changes.checked_sub(1)?);
        Some(Told::End)
    }),
    lie("missing-change/in-the-middle", |draft, scene, random| {
        (scene.all_written() && draft.writes.len() > 1).then_some(())?;
        let place = random.below(draft.writes.len() as u64 - 1) as usize;
        draft.writes.remove(place);
        Some(Told::End)
    }),
    lie("missing-change/all", |draft, scene, _| {
        scene.all_written().then_some(())?;
        draft.writes.clear();
        Some(Told::End)
    }),
];

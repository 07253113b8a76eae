//! `malformed-entry`: a block that is no Hyperbee node, or whose value is no msgpack.

use super::{Lie, Tell, Told};
use crate::lab::draft::What;
use crate::replay::finding::Kind;

pub(super) const LIES: &[Lie] = &[
    Lie {
        name: "malformed-entry/value",
        kind: Kind::MalformedEntry,
        then: &[],
        tell: Tell::Draft(|draft, scene, random| {
            let place = scene.some_write(random)?;
            // Text that is cut off.
            draft.writes.get_mut(place)?.what = What::Put(vec![0xd9, 0xff, b'x']);
            scene.all_written().then_some(Told::Write(place))
        }),
    },
    Lie {
        name: "malformed-entry/trailing-bytes",
        kind: Kind::MalformedEntry,
        then: &[],
        tell: Tell::Draft(|draft, scene, random| {
            let place = scene.some_write(random).filter(|_| scene.all_written())?;
            draft.writes.get_mut(place)?.what = What::Put(vec![0x01, 0x02]);
            Some(Told::Write(place))
        }),
    },
    Lie {
        name: "malformed-entry/node",
        kind: Kind::MalformedEntry,
        then: &[],
        tell: Tell::Blocks(|blocks, scene, _, _| {
            scene.all_written().then(|| blocks.last_mut().map(|block| *block = b"\xff\xffno node".to_vec()))??;
            Some(Told::Ending)
        }),
    },
];

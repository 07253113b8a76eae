//! `wrong-change`: a published change differs from the contract's in type, path or value.

use super::{Lie, Scene, Tell, Told, nobodys};
use crate::database::Value;
use crate::lab::draft::{Draft, What, Write};
use crate::lab::random::Random;
use crate::replay::finding::Kind;

/// An entry of the contract's data, where every entry has its block.
fn chosen(draft: &Draft, scene: &Scene, random: &mut Random) -> Option<usize> {
    let place = scene.some_write(random).filter(|_| scene.all_written())?;
    let data = draft.writes.get(place).is_some_and(|write| !write.key.starts_with(b".sys\0"));
    data.then_some(place)
}

const fn lie(name: &'static str, tell: fn(&mut Draft, &Scene, &mut Random) -> Option<Told>) -> Lie {
    Lie { name, kind: Kind::WrongChange, then: &[], tell: Tell::Draft(tell) }
}

pub(super) const LIES: &[Lie] = &[
    lie("wrong-change/value", |draft, scene, random| {
        let place = chosen(draft, scene, random)?;
        let write = draft.writes.get_mut(place)?;
        *write = Write::put(write.key.clone(), &Value::str("a lie"));
        Some(Told::Write(place))
    }),
    lie("wrong-change/path", |draft, scene, random| {
        let place = chosen(draft, scene, random)?;
        let write = draft.writes.get_mut(place).filter(|write| write.what != What::Delete)?;
        write.key = nobodys(random);
        Some(Told::Write(place))
    }),
    lie("wrong-change/null-instead-of-a-value", |draft, scene, random| {
        let place = chosen(draft, scene, random)?;
        let write = draft.writes.get_mut(place).filter(|write| matches!(write.what, What::Put(_)))?;
        write.what = What::PutNull;
        Some(Told::Write(place))
    }),
    lie("wrong-change/put-instead-of-a-delete", |draft, scene, random| {
        let place = chosen(draft, scene, random)?;
        let write = draft.writes.get_mut(place).filter(|write| write.what == What::Delete)?;
        *write = Write::put(write.key.clone(), &Value::num(0.0));
        Some(Told::Write(place))
    }),
    lie("wrong-change/undefined-instead-of-null-inside", |draft, scene, random| {
        let place = chosen(draft, scene, random)?;
        let write = draft.writes.get_mut(place)?;
        // Inside a value the two are different.
        let honest = match &write.what {
            What::Put(bytes) => crate::database::decode(bytes).ok()?.value,
            _ => return None,
        };
        let Value::Object(mut pairs) = honest else { return None };
        pairs.push(("more".into(), Value::Undefined));
        *write = Write::put(write.key.clone(), &Value::object(pairs));
        Some(Told::Write(place))
    }),
];

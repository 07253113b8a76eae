//! A transaction before it is written: the ack and the entries after it.

use crate::database::path;
use crate::database::{Ack, Value, encode};
use crate::hyperbee::{Batch, Blocks, TreeError};
use crate::replay::engine::Change;

/// What is written at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// These msgpack bytes.
    Put(Vec<u8>),
    /// Null or undefined, for which Hyperbee writes no value.
    PutNull,
    /// Nothing any more.
    Delete,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The index key.
    pub key: Vec<u8>,
    /// What is written there.
    pub what: What,
    /// It is an input or a source that the contract declared with `tx`, so that the executor follows it at once.
    pub declared: bool,
}

impl Write {
    /// A put of a value.
    pub fn put(key: impl Into<Vec<u8>>, value: &Value) -> Self {
        let what = if value.is_nullish() { What::PutNull } else { What::Put(encode(value)) };
        Self { key: key.into(), what, declared: false }
    }

    /// A delete.
    pub fn delete(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), what: What::Delete, declared: false }
    }

    /// A change as the contract made it.
    pub fn change(change: &Change) -> Self {
        let write = match (&change.put, &change.bytes) {
            (Some(_), Some(bytes)) => {
                Self { key: change.key.to_vec(), what: What::Put(bytes.to_vec()), declared: false }
            }
            (Some(value), None) => Self::put(change.key.to_vec(), value),
            (None, _) => Self::delete(change.key.to_vec()),
        };
        Self { declared: !change.bypass, ..write }
    }
}

/// A transaction before it is written.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The ack as an honest executor makes it.
    pub ack: Ack,
    /// The fields of the ack as they are written, in order.
    pub fields: Vec<(Box<str>, Value)>,
    /// The ack's index key; `None` writes no ack at all.
    pub ack_key: Option<Vec<u8>>,
    /// The ack is deleted, or written as null, instead of put.
    pub ack_gone: Option<What>,
    /// The entries after the ack.
    pub writes: Vec<Write>,
}

impl Draft {
    /// The transaction of an ack and its changes, as an honest executor writes it.
    pub fn new(ack: Ack, changes: &[Change]) -> Self {
        let optional = |text: &Option<Box<str>>| text.clone().map_or(Value::Undefined, Value::Str);
        let fields = vec![
            ("success".into(), Value::Bool(ack.success)),
            ("error".into(), optional(&ack.error)),
            ("origin".into(), Value::Str(ack.origin.clone())),
            ("seq".into(), Value::num(ack.seq as f64)),
            ("ts".into(), Value::num(ack.ts)),
            ("metadata".into(), ack.metadata.clone()),
            ("numChanges".into(), Value::num(ack.num_changes as f64)),
        ];
        let ack_key = Some(path::ack_key(&ack.origin, ack.seq));
        Self { ack, fields, ack_key, ack_gone: None, writes: changes.iter().map(Write::change).collect() }
    }

    /// Sets a field of the ack as it is written.
    pub fn set(&mut self, name: &str, value: Value) {
        match self.fields.iter_mut().find(|(field, _)| &**field == name) {
            Some((_, slot)) => *slot = value,
            None => self.fields.push((name.into(), value)),
        }
    }

    /// Announces so many changes.
    pub fn announce(&mut self, changes: u64) {
        self.set("numChanges", Value::num(changes as f64));
    }

    /// All entries, the ack first.
    pub fn entries(&self) -> Vec<Write> {
        let ack = self.ack_key.clone().map(|key| match self.ack_gone.clone() {
            Some(what) => Write { key, what, declared: false },
            None => Write::put(key, &Value::object(self.fields.clone())),
        });
        ack.into_iter().chain(self.writes.iter().cloned()).collect()
    }
}

/// Puts entries into a batch. Deletes of absent keys write no block. Gives the block of each entry.
///
/// # Errors
/// When the tree cannot be read.
pub fn put_all<B: Blocks + ?Sized>(writes: &[Write], batch: &mut Batch<'_, B>) -> Result<Vec<Option<u64>>, TreeError> {
    let each = |write: &Write| match &write.what {
        What::Put(value) => batch.put(&write.key, Some(value)).map(Some),
        What::PutNull => batch.put(&write.key, None).map(Some),
        What::Delete => batch.del(&write.key),
    };
    writes.iter().map(each).collect()
}

//! What a contract reads: the published tree, decoded.

use std::cell::Cell;
use std::rc::Rc;

use super::engine::{ListEntry, ListRequest, ReadError, State};
use crate::database::{DecodeError, Value, decode};
use crate::hyperbee::list::{ListError, ListOptions, Listed, shallow};
use crate::hyperbee::{Entry, TreeError, View};

/// Most entries of one listing; a directory of that size fills the memory of every real guest.
const MOST_LISTED: usize = 2_000_000;

/// The state that a tree (or a batch in the making) shows to its readers.
pub struct Published<'a, V: ?Sized> {
    view: &'a V,
    /// Some value that was read is read differently by versions of msgpackr.
    pub peculiar: Cell<bool>,
    /// Whether values are looked at more closely: some value that was read is outside the plain ones.
    beyond_plain: Cell<Option<bool>>,
}

impl<'a, V: View + ?Sized> Published<'a, V> {
    /// The state of a view.
    pub fn new(view: &'a V) -> Self {
        Self { view, peculiar: Cell::new(false), beyond_plain: Cell::new(None) }
    }

    fn value(&self, bytes: Option<&[u8]>) -> Result<Value, ReadError> {
        match bytes.map(decode) {
            None => Ok(Value::Null),
            Some(Ok(decoded)) => {
                self.peculiar.set(self.peculiar.get() || decoded.peculiar);
                if self.beyond_plain.get() == Some(false) {
                    self.beyond_plain.set(Some(!decoded.value.is_plain()));
                }
                Ok(decoded.value)
            }
            Some(Err(error)) => {
                self.peculiar.set(self.peculiar.get() || matches!(error, DecodeError::Peculiar { .. }));
                Err(ReadError::Unreadable(error.to_string().into()))
            }
        }
    }
}

/// A state in which nothing can be read.
pub struct Empty;

impl State for Empty {
    fn get(&self, _: &[u8]) -> Result<Option<(u64, Value)>, ReadError> {
        Ok(None)
    }

    fn list(&self, _: &ListRequest) -> Result<Vec<ListEntry>, ReadError> {
        Ok(Vec::new())
    }
}

/// The reason of a failed read, in the words of the engine.
pub fn read_error(error: TreeError) -> ReadError {
    match error {
        TreeError::Missing { seq } => ReadError::Missing(seq),
        error => ReadError::Unreadable(error.to_string().into()),
    }
}

impl<V: View> State for Published<'_, V> {
    fn get(&self, key: &[u8]) -> Result<Option<(u64, Value)>, ReadError> {
        match self.view.get(key).map_err(read_error)? {
            None => Ok(None),
            Some(entry) => Ok(Some((entry.seq(), self.value(entry.value())?))),
        }
    }

    fn list(&self, request: &ListRequest) -> Result<Vec<ListEntry>, ReadError> {
        let entry = |item: Listed| {
            let entry = item.entry.map(|entry| Ok((entry.seq(), self.value(entry.value())?))).transpose()?;
            Ok(ListEntry { container: item.container, name: item.name, path: item.path, entry })
        };
        self.listed(request)?.into_iter().map(entry).collect()
    }

    fn watch(&self) {
        self.beyond_plain.set(Some(false));
    }

    fn is_beyond_plain(&self) -> bool {
        self.beyond_plain.get() != Some(false)
    }

    fn entry(&self, key: &[u8]) -> Result<Option<Rc<Entry>>, ReadError> {
        self.view.get(key).map_err(read_error)
    }

    fn listed(&self, request: &ListRequest) -> Result<Vec<Listed>, ReadError> {
        let prefix: Vec<&str> = request.prefix.split('/').filter(|segment| !segment.is_empty()).collect();
        let small = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let options =
            ListOptions { reverse: request.reverse, offset: small(request.offset), limit: small(request.limit) };
        let decodes = |value: &[u8]| !matches!(decode(value), Err(DecodeError::Malformed { .. }));
        shallow(self.view, &prefix, options, MOST_LISTED, decodes).map_err(|error| match error {
            ListError::Tree(error) => read_error(error),
            ListError::NeverEnds => ReadError::NeverEnds,
            error => ReadError::Unreadable(error.to_string().into()),
        })
    }
}

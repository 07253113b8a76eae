//! The queue of actions behind a `tx` object, and what becomes of it at the end of an operation.
//!
//! Rules measured against vitra-confine-runtime 0.5.1 (`docs/engine.md`, "tx"): one action per normalised key, kept in
//! the place of its first insertion; each system action is its own entry.

use super::clone::Cloned;
use crate::database::{Value, order, path};

/// One change of an operation, as it should be published.
#[derive(Clone, Debug)]
pub struct Change {
    /// The path that the contract gave, normalised as the runtime does.
    pub path: Box<str>,
    /// The index key of that path.
    pub key: path::Key,
    /// `None` for a delete.
    pub put: Option<Value>,
    /// The bytes of that value, where another program has packed them; equal bytes are equal however they are read.
    pub bytes: Option<Box<[u8]>>,
    /// Written through `tx.put` or `tx.delete` to a place below `.sys` that the runtime guards badly.
    pub bypass: bool,
}

#[derive(Clone, Debug)]
enum Action {
    Put(Cloned),
    Delete,
    Input { pubkey: Box<str>, active: bool },
    Source(Box<str>),
}

/// Actions of one operation, in the order of first insertion.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    actions: Vec<(Box<str>, Action)>,
    places: std::collections::HashMap<Box<str>, usize>,
    system: u64,
}

/// Why an action was refused: the text of the runtime's error.
pub type Refusal = &'static str;

/// Normalises a key as `tx` does: one leading slash at least, no trailing ones.
pub fn normalize(key: &str) -> Result<String, Refusal> {
    if key.is_empty() {
        return Err("A key string parameter must be supplied");
    }
    let mut normal = if key.starts_with('/') { key.to_owned() } else { format!("/{key}") };
    normal.truncate(normal.trim_end_matches('/').len());
    if normal.is_empty() { Err("Cannot modify /") } else { Ok(normal) }
}

fn guard(key: &str) -> Result<(), Refusal> {
    if key.starts_with("/.sys/") { Err("Cannot modify values with /.sys/ prefix") } else { Ok(()) }
}

impl Queue {
    fn set(&mut self, key: Box<str>, action: Action) {
        match self.places.get(&key).and_then(|&at| self.actions.get_mut(at)) {
            Some(slot) => slot.1 = action,
            None => {
                self.places.insert(key.clone(), self.actions.len());
                self.actions.push((key, action));
            }
        }
    }

    /// `tx.put`.
    ///
    /// # Errors
    /// The runtime's refusal.
    pub fn put(&mut self, key: &str, value: Cloned) -> Result<(), Refusal> {
        let key = normalize(key)?;
        guard(&key)?;
        self.set(key.into(), Action::Put(value));
        Ok(())
    }

    /// `tx.delete`.
    ///
    /// # Errors
    /// The runtime's refusal.
    pub fn delete(&mut self, key: &str) -> Result<(), Refusal> {
        let key = normalize(key)?;
        guard(&key)?;
        self.set(key.into(), Action::Delete);
        Ok(())
    }

    fn add_system(&mut self, action: Action) {
        let key = format!("/.sys/_action{}", self.system);
        self.system = self.system.saturating_add(1);
        self.set(key.into(), action);
    }

    /// `tx.addOplog` and `tx.removeOplog`; `pubkey` must be 64 lowercase hex digits.
    pub fn input(&mut self, pubkey: &str, active: bool) {
        self.add_system(Action::Input { pubkey: pubkey.into(), active });
    }

    /// `tx.setContractSource`.
    pub fn source(&mut self, code: &str) {
        self.add_system(Action::Source(code.into()));
    }

    /// `tx.get`: the queued action as the guest sees it, and whether that is certain.
    ///
    /// # Errors
    /// The runtime's refusal.
    pub fn get(&self, key: &str) -> Result<Option<(Value, bool)>, Refusal> {
        let key = normalize(key)?;
        let action = self.places.get(key.as_str()).and_then(|&at| self.actions.get(at)).map(|(_, action)| action);
        let object = |kind: &str, value: Option<Value>| {
            let mut pairs = vec![("type".into(), Value::str(kind))];
            pairs.extend(value.map(|value| ("value".into(), value)));
            Value::object(pairs)
        };
        let pubkey = |key: &str| Value::object(vec![("pubkey".into(), Value::str(key))]);
        Ok(action.map(|action| match action {
            Action::Put(cloned) => (object("put", Some(cloned.value.clone())), cloned.faithful),
            Action::Delete => (object("del", None), true),
            Action::Input { pubkey: key, active: true } => (object("addOplog", Some(pubkey(key))), true),
            Action::Input { pubkey: key, active: false } => (object("removeOplog", Some(pubkey(key))), true),
            Action::Source(code) => {
                (object("setContractSource", Some(Value::object(vec![("code".into(), Value::str(&**code))]))), true)
            }
        }))
    }

    /// The number of actions: what `ack.numChanges` must say.
    pub fn count(&self) -> usize {
        self.actions.len()
    }

    /// The first action whose value cannot be packed, which fails the operation at its very end.
    pub fn unpackable(&self) -> Option<&'static str> {
        self.actions.iter().find_map(|(_, action)| match action {
            Action::Put(cloned) => cloned.unpackable,
            _ => None,
        })
    }

    /// The changes that an honest executor publishes, in its order (root locale, stable).
    pub fn changes(&self) -> Vec<Change> {
        let mut changes: Vec<Change> = self
            .actions
            .iter()
            .map(|(path, action)| match action {
                Action::Put(cloned) => change(path, Some(cloned.value.clone())),
                Action::Delete => change(path, None),
                Action::Input { pubkey, active } => {
                    let bytes = from_hex(pubkey);
                    let pairs =
                        vec![("pubkey".into(), Value::Bytes(bytes.into())), ("active".into(), Value::Bool(*active))];
                    Change { bypass: false, ..change(&format!("/.sys/inputs/{pubkey}"), Some(Value::object(pairs))) }
                }
                Action::Source(code) => {
                    Change { bypass: false, ..change("/.sys/contract/source", Some(Value::str(&**code))) }
                }
            })
            .collect();
        changes.sort_by(|a, b| order::locale_compare(&a.path, &b.path));
        changes
    }
}

fn change(path: &str, put: Option<Value>) -> Change {
    let key = path::key(path);
    let bypass = !matches!(path::Place::of(&key), path::Place::Data);
    Change { path: path.into(), key, put, bytes: None, bypass }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |c: u8| (c as char).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes().chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, &c| byte << 4 | digit(c))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: f64) -> Cloned {
        Cloned { value: Value::num(value), faithful: true, unpackable: None }
    }

    #[test]
    fn keys_are_normalised_and_guarded() {
        assert_eq!(normalize("a/b///").unwrap(), "/a/b");
        assert_eq!(normalize("/"), Err("Cannot modify /"));
        assert!(normalize("").is_err());
        let mut queue = Queue::default();
        assert!(queue.put("/.sys/x", plain(1.0)).is_err());
        assert!(queue.put(".sys/x", plain(1.0)).is_err());
        queue.put("//.sys/inputs/x", plain(1.0)).unwrap();
        queue.put("/.sys", plain(1.0)).unwrap();
        assert!(queue.changes().iter().all(|change| change.bypass));
    }

    #[test]
    fn a_key_keeps_its_first_place_and_its_last_action() {
        let mut queue = Queue::default();
        queue.put("/b", plain(1.0)).unwrap();
        queue.put("/a", plain(2.0)).unwrap();
        queue.delete("/b").unwrap();
        queue.input(&"ab".repeat(32), true);
        queue.input(&"ab".repeat(32), false);
        assert_eq!(queue.count(), 4);
        let paths: Vec<_> = queue.changes().iter().map(|change| change.path.to_string()).collect();
        let input = format!("/.sys/inputs/{}", "ab".repeat(32));
        assert_eq!(paths, [input.as_str(), input.as_str(), "/a", "/b"]);
        assert!(queue.changes().last().unwrap().put.is_none());
    }
}

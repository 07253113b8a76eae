//! One contract source in force: what is known of it statically, and its realms.

use super::engine::{AckView, Applied, Budget, Called, LoadError, Outcome, Realm, State, Surroundings, Taint};
use super::scan::{Scan, scan};
use crate::database::Value;

/// A contract source, scanned once, loaded when needed.
pub struct Contract {
    /// The source as published; empty when it was no string.
    pub source: Box<str>,
    /// What the source shows without being run.
    pub scan: Scan,
    /// The index block that brought it into force.
    pub since: u64,
    pubkey: String,
    budget: Budget,
    continued: Option<Realm>,
    /// The shared realm was loaded by [`Contract::load`], not for an operation.
    loaded: bool,
    /// A reference runtime gave what was published, where this engine did not.
    pub differs: std::cell::Cell<bool>,
    /// How often they gave no result where this engine had none.
    pub silent: std::cell::Cell<u32>,
}

impl Contract {
    /// Scans a source that block `since` published.
    pub fn new(source: &str, since: u64, pubkey: &str, budget: Budget) -> Self {
        Self {
            source: source.into(),
            scan: scan(source),
            since,
            pubkey: pubkey.into(),
            budget,
            continued: None,
            loaded: false,
            differs: std::cell::Cell::new(false),
            silent: std::cell::Cell::new(0),
        }
    }

    /// Runs an operation in the realm that all operations since the last restart share.
    ///
    /// # Errors
    /// [`LoadError`] when the contract cannot be loaded.
    pub fn apply(
        &mut self,
        op: &Value,
        ack: &AckView<'_>,
        around: Surroundings,
        state: &dyn State,
    ) -> Result<Applied, LoadError> {
        let applied = self.realm(around, state)?.apply(op, ack, around, state);
        if matches!(applied.outcome, Outcome::Exhausted(_) | Outcome::NeverSettles | Outcome::Dies) {
            self.restart();
        }
        Ok(applied)
    }

    /// Calls an exported method in the shared realm, as an executor does for its own users.
    ///
    /// # Errors
    /// As for [`Contract::apply`].
    pub fn call(
        &mut self,
        method: &str,
        args: &Value,
        around: Surroundings,
        state: &dyn State,
    ) -> Result<Called, LoadError> {
        Ok(self.realm(around, state)?.call_method(method, args, around, state))
    }

    fn realm(&mut self, around: Surroundings, state: &dyn State) -> Result<&mut Realm, LoadError> {
        let Self { continued, scan, pubkey, budget, .. } = self;
        Ok(match continued {
            Some(realm) => realm,
            None => continued.insert(Realm::load(&scan.rewritten, pubkey, *budget, around, state)?),
        })
    }

    /// Runs an operation in a fresh realm with a budget of its own.
    ///
    /// # Errors
    /// As for [`Contract::apply`].
    pub fn apply_fresh(
        &self,
        op: &Value,
        ack: &AckView<'_>,
        around: Surroundings,
        budget: Budget,
        state: &dyn State,
    ) -> Result<Applied, LoadError> {
        Ok(Realm::load(&self.scan.rewritten, &self.pubkey, budget, around, state)?.apply(op, ack, around, state))
    }

    /// Loads the contract if it is not loaded yet, to see whether it can be.
    ///
    /// # Errors
    /// As for [`Contract::apply`].
    pub fn load(&mut self, around: Surroundings, state: &dyn State) -> Result<(), LoadError> {
        if self.continued.is_none() {
            self.realm(around, state)?;
            self.loaded = true;
        }
        Ok(())
    }

    /// Whether what the operations so far left in the shared realm is nothing, so that one which [`Contract::load`] makes
    /// stands for it; and whether there is a shared realm. `None` where operations may depend on what came before them.
    pub fn is_loaded(&self) -> Option<bool> {
        let Some(realm) = &self.continued else {
            let never_runs = self.source.is_empty() || self.scan.syntax_error.is_some();
            return (never_runs || self.scan.mutable_state.is_empty()).then_some(false);
        };
        let as_new = self.loaded || realm.was_loaded_plainly();
        (as_new && self.scan.mutable_state.is_empty()).then_some(true)
    }

    /// The key of the index in hex.
    pub fn index(&self) -> &str {
        &self.pubkey
    }

    /// Drops the shared realm; the next operation begins afresh, as after a restart of the executor.
    pub fn restart(&mut self) {
        (self.continued, self.loaded) = (None, false);
    }

    /// What the source itself touches that engines do differently.
    pub fn taint(&self) -> Taint {
        let mut taint = Taint::default();
        for finding in &self.scan.engine_specific {
            taint.note_engine(&finding.what);
        }
        taint
    }
}

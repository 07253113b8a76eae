//! What is new in a configuration, and whether a running service can take it over.

use super::Config;

/// When a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// With the reload.
    Now,
    /// When the service is started again.
    Restart,
}

/// A part of the configuration that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which part, as the file names it.
    pub key: &'static str,
    /// When it takes effect.
    pub applies: Applies,
}

impl Config {
    /// What is different between the configuration that a service runs with and a new one, in the file's order.
    pub fn changes(old: &Config, new: &Config) -> Vec<Change> {
        // Taken apart, so that a new key cannot be forgotten.
        let Config { name, data, runtimes, sandbox, databases, network, quotas, conditions, alerts, web } = old;
        let all = [
            ("name", *name == new.name, Applies::Restart),
            ("data", *data == new.data, Applies::Restart),
            ("runtimes", *runtimes == new.runtimes, Applies::Restart),
            ("sandbox", *sandbox == new.sandbox, Applies::Restart),
            ("databases", *databases == new.databases, Applies::Now),
            ("network", *network == new.network, Applies::Restart),
            ("quotas", *quotas == new.quotas, Applies::Now),
            ("conditions", *conditions == new.conditions, Applies::Now),
            ("alerts", *alerts == new.alerts, Applies::Now),
            ("web", *web == new.web, Applies::Restart),
        ];
        let changed = all.into_iter().filter(|(_, same, _)| !same);
        changed.map(|(key, _, applies)| Change { key, applies }).collect()
    }
}

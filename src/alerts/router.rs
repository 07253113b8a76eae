//! Which channels get an alert.
//!
//! An alert goes to the channels of every route that fits it. Without routes, everything but notices goes to every channel. Two rules
//! stand above the routes: a violation that none of them takes goes to every channel, and so does what is about alerts themselves
//! (another one could not be delivered).

use std::collections::BTreeSet;

use crate::config::{Alerts, Route, Topic};
use crate::watch::alert::{Alert, Event, is_suspicion};

/// The routes of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Router {
    channels: BTreeSet<String>,
    routes: Vec<Route>,
}

impl Router {
    /// The routes of a configuration.
    pub fn new(config: &Alerts) -> Router {
        Router { channels: config.channels.keys().cloned().collect(), routes: config.routes.clone() }
    }

    /// The channels that get an alert, by name, sorted.
    pub fn channels(&self, alert: &Alert) -> Vec<String> {
        let topics = topics(alert);
        let all = || self.channels.iter().cloned().collect();
        if topics.is_empty() {
            return all();
        }
        if self.routes.is_empty() {
            return if topics == [Topic::Notice] { Vec::new() } else { all() };
        }
        let fitting = self.routes.iter().filter(|route| fits(route, alert, &topics));
        let named: BTreeSet<&String> = fitting.flat_map(|route| &route.to).collect();
        let taken: Vec<String> = named.into_iter().filter(|name| self.channels.contains(*name)).cloned().collect();
        if taken.is_empty() && topics.contains(&Topic::Violation) { all() } else { taken }
    }
}

/// What an alert is about; nothing where it is about alerts.
fn topics(alert: &Alert) -> Vec<Topic> {
    if matches!(alert.event, Event::DeadLetter | Event::Test) {
        return Vec::new();
    }
    let finding = alert.finding.as_ref().map(|note| &note.finding);
    let class = finding.map(|finding| finding.class.into());
    let suspicion = finding.filter(|finding| is_suspicion(finding)).map(|_| Topic::Suspicion);
    let condition = alert.condition.as_ref().map(|_| Topic::Condition);
    [class, suspicion, condition].into_iter().flatten().collect()
}

fn fits(route: &Route, alert: &Alert, topics: &[Topic]) -> bool {
    let kind = route.kind.is_empty() || route.kind.iter().any(|kind| Some(kind.0) == alert.kind());
    let class = match &*route.class {
        // Notices have to be asked for.
        [] => topics != [Topic::Notice] || !route.kind.is_empty(),
        named => named.iter().any(|topic| topics.contains(topic)),
    };
    let database = alert.database.as_ref();
    let is_named = |named: &String| {
        let key = crate::archive::parse_link(named);
        database.is_some_and(|subject| {
            subject.name == *named || key.is_some_and(|key| crate::archive::hex(&key) == subject.key)
        })
    };
    let database_fits = route.database.is_empty() || route.database.iter().any(is_named);
    let has =
        |(name, value): (&String, &String)| database.is_some_and(|subject| subject.labels.get(name) == Some(value));
    kind && class && database_fits && route.labels.iter().all(has)
}

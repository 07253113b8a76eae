//! What the parts of a configuration say of each other.
//!
//! The types know no places, so that whoever makes them without a file needs none. The places come from the text, which is read once more
//! for them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::{Location, Spanned};

use super::error::unknown;
use super::{Channel, Config, Encryption, Error, parse};

/// Where that stands which can be wrong only together with something else.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Places {
    #[serde(deserialize_with = "parse::or_default")]
    databases: Vec<DatabasePlaces>,
    #[serde(deserialize_with = "parse::or_default")]
    network: NetworkPlaces,
    #[serde(deserialize_with = "parse::or_default")]
    alerts: AlertPlaces,
}

type Place = Option<Spanned<IgnoredAny>>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct DatabasePlaces {
    key: Place,
    name: Place,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NetworkPlaces {
    dht: Place,
    bootstrap: Place,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AlertPlaces {
    #[serde(deserialize_with = "parse::or_default")]
    channels: BTreeMap<String, BTreeMap<String, ChannelPlaces>>,
    #[serde(deserialize_with = "parse::or_default")]
    routes: Vec<RoutePlaces>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChannelPlaces {
    url: Place,
    host: Place,
    encryption: Place,
    user: Place,
    password: Place,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RoutePlaces {
    to: Vec<Spanned<IgnoredAny>>,
    #[serde(deserialize_with = "parse::or_default")]
    database: Vec<Spanned<IgnoredAny>>,
}

fn of(place: &Place) -> Location {
    place.as_ref().map_or(Location::UNKNOWN, |place| place.referenced)
}

fn nth(places: &[Spanned<IgnoredAny>], at: usize) -> Location {
    places.get(at).map_or(Location::UNKNOWN, |place| place.referenced)
}

/// Whether a connection with this host never leaves the machine.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

type Wrong = (Location, String);

pub(super) fn check(config: &Config, text: &str, name: &str) -> Result<(), Error> {
    let places: Places = parse::yaml(text, name)?;
    let checked = databases(config, &places.databases)
        .and_then(|()| network(config, &places.network))
        .and_then(|()| channels(config, &places.alerts.channels))
        .and_then(|()| routes(config, &places.alerts.routes));
    checked.map_err(|(location, message)| Error::at(name, text, location, message))
}

fn databases(config: &Config, places: &[DatabasePlaces]) -> Result<(), Wrong> {
    let (mut keys, mut names) = (BTreeSet::new(), BTreeSet::new());
    let nowhere = DatabasePlaces::default();
    for (at, database) in config.databases.iter().enumerate() {
        let places = places.get(at).unwrap_or(&nowhere);
        if !keys.insert(database.key) {
            return Err((of(&places.key), "this database stands further up already".to_owned()));
        }
        let name = database.name();
        if !names.insert(name.clone()) {
            let place = if places.name.is_some() { &places.name } else { &places.key };
            return Err((of(place), format!("another database has the name `{name}` already")));
        }
    }
    Ok(())
}

fn network(config: &Config, places: &NetworkPlaces) -> Result<(), Wrong> {
    let network = &config.network;
    if network.dht == Some(false) {
        if !network.bootstrap.is_empty() {
            return Err((of(&places.bootstrap), "these nodes are for the DHT, and `dht` is false".to_owned()));
        }
        if network.peers.is_empty() && network.serve.is_none() {
            let wrong = "without the DHT, peers come from `peers` or through `serve`, and neither is given";
            return Err((of(&places.dht), wrong.to_owned()));
        }
    }
    Ok(())
}

fn channels(config: &Config, places: &BTreeMap<String, BTreeMap<String, ChannelPlaces>>) -> Result<(), Wrong> {
    let nowhere = ChannelPlaces::default();
    for (name, channel) in &config.alerts.channels {
        let places = places.get(name).and_then(|kinds| kinds.values().next()).unwrap_or(&nowhere);
        match channel {
            Channel::Webhook(super::Webhook { url, allow_private, .. })
            | Channel::Alertmanager(super::Alertmanager { url, allow_private, .. }) => {
                if url.scheme() == "http" && !allow_private {
                    return Err((of(&places.url), "http:// needs `allow-private: true`; use https://".to_owned()));
                }
            }
            Channel::Email(email) => {
                if email.encryption == Encryption::None && !is_loopback(&email.host) {
                    let wrong = "mail leaves this machine only encrypted: starttls or tls";
                    return Err((of(&places.encryption), wrong.to_owned()));
                }
                match (&email.user, &email.password) {
                    (Some(_), None) => return Err((of(&places.user), "a `user` needs a `password`".to_owned())),
                    (None, Some(_)) => return Err((of(&places.password), "a `password` needs a `user`".to_owned())),
                    _ => {}
                }
                if email.host.is_empty() || !email.host.chars().all(|c| c.is_ascii_graphic() && c != '/' && c != '@') {
                    return Err((of(&places.host), "this is no name or address of a host".to_owned()));
                }
            }
            Channel::Command(_) => {}
        }
    }
    Ok(())
}

fn routes(config: &Config, places: &[RoutePlaces]) -> Result<(), Wrong> {
    let nowhere = RoutePlaces::default();
    let names: Vec<String> = config.databases.iter().map(super::Database::name).collect();
    for (at, route) in config.alerts.routes.iter().enumerate() {
        let places = places.get(at).unwrap_or(&nowhere);
        for (at, channel) in route.to.iter().enumerate() {
            if !config.alerts.channels.contains_key(channel) {
                let known: Vec<&str> = config.alerts.channels.keys().map(String::as_str).collect();
                return Err((nth(&places.to, at), unknown("channel", channel, &known)));
            }
        }
        for (at, database) in route.database.iter().enumerate() {
            if !names.contains(database) && crate::archive::parse_link(database).is_none() {
                let known: Vec<&str> = names.iter().map(String::as_str).take(20).collect();
                let wrong = unknown("database", database, &known);
                return Err((
                    nth(&places.database, at),
                    format!("{wrong} (One that is added at run time goes by its key.)"),
                ));
            }
        }
    }
    Ok(())
}

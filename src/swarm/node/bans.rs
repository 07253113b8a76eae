//! Who has sent what no honest peer sends, and is not spoken to for a while: across restarts, and not for ever, since addresses
//! get other owners and programs get repaired.
//!
//! A file beside the archive, one line a peer: when it is forgiven, in seconds since 1970, and its name (an address, or the
//! public key of a peer of the DHT). A file that cannot be read or written bans nobody: at worst somebody lies to us again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The file's name.
const FILE: &str = "banned";
/// How long, in seconds.
pub const TERM: u64 = 24 * 60 * 60;
/// Of more, the one to be forgiven first is forgotten.
pub const MAX_BANS: usize = 1_024;
/// Longest name: an address.
const MAX_NAME: usize = 300;

/// See the module.
#[derive(Debug)]
pub struct Bans {
    path: PathBuf,
    until: BTreeMap<String, u64>,
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Bans {
    /// Those of an archive.
    pub fn open(dir: &Path, now: u64) -> Bans {
        let path = dir.join(FILE);
        let mut bans = Bans { path, until: BTreeMap::new() };
        let limit = (MAX_BANS as u64).saturating_mul(MAX_NAME as u64 + 32);
        let small = bans.path.metadata().is_ok_and(|file| file.is_file() && file.len() <= limit);
        let text = if small { std::fs::read_to_string(&bans.path).unwrap_or_default() } else { String::new() };
        for (until, name) in text.lines().filter_map(|line| line.split_once(' ')) {
            if let Ok(until) = until.parse::<u64>() {
                // A clock that was wrong must not ban anybody for longer.
                bans.insert(name, until.min(now.saturating_add(TERM)));
            }
        }
        bans.expire(now);
        bans
    }

    fn insert(&mut self, name: &str, until: u64) {
        if name.len() > MAX_NAME || name.contains(['\n', '\r']) {
            return;
        }
        self.until.insert(name.to_owned(), until);
        while self.until.len() > MAX_BANS {
            let first = self.until.iter().min_by_key(|(_, until)| **until).map(|(name, _)| name.clone());
            first.and_then(|name| self.until.remove(&name));
        }
    }

    /// Bans a peer from now on.
    pub fn add(&mut self, name: &str, now: u64) {
        self.insert(name, now.saturating_add(TERM));
        self.write();
    }

    /// Whether a peer is banned.
    pub fn has(&self, name: &str) -> bool {
        self.until.contains_key(name)
    }

    /// All of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.until.keys().map(String::as_str)
    }

    /// Forgives whose time is over, and returns them.
    pub fn expire(&mut self, now: u64) -> Vec<String> {
        let over: Vec<String> =
            self.until.iter().filter(|(_, until)| **until <= now).map(|(name, _)| name.clone()).collect();
        for name in &over {
            self.until.remove(name);
        }
        if !over.is_empty() {
            self.write();
        }
        over
    }

    fn write(&self) {
        let lines: String = self.until.iter().map(|(name, until)| format!("{until} {name}\n")).collect();
        let new = self.path.with_extension("new");
        let _ = std::fs::write(&new, lines).and_then(|()| std::fs::rename(&new, &self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects against a liar that waits for our restart, and honest peers from being banned for ever.
    #[test]
    fn a_ban_outlasts_the_process_and_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut bans = Bans::open(dir.path(), 100);
        bans.add("tcp://127.0.0.1:1", 100);
        bans.add("two\nlines", 100);
        let mut again = Bans::open(dir.path(), 100 + TERM - 1);
        assert_eq!(again.names().collect::<Vec<_>>(), ["tcp://127.0.0.1:1"]);
        assert!(again.expire(100 + TERM - 1).is_empty() && again.has("tcp://127.0.0.1:1"));
        assert_eq!(again.expire(100 + TERM), ["tcp://127.0.0.1:1"]);
        assert_eq!(Bans::open(dir.path(), 0).names().count(), 0);
    }

    /// Protects the disk and the start: many are forgotten, nonsense bans nobody, a wrong clock no longer than others.
    #[test]
    fn bans_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), format!("{} a\nx b\nc\n", u64::MAX)).unwrap();
        let mut bans = Bans::open(dir.path(), 5);
        assert!(bans.has("a") && bans.names().count() == 1);
        assert_eq!(bans.expire(5 + TERM), ["a"]);
        (0..2 * MAX_BANS as u64).for_each(|n| bans.insert(&format!("peer {n}"), n));
        assert!(bans.names().count() == MAX_BANS && !bans.has("peer 0") && bans.has("peer 2047"));
        std::fs::write(dir.path().join(FILE), vec![b'1'; 1 << 20]).unwrap();
        assert_eq!(Bans::open(dir.path(), 5).names().count(), 0);
    }
}

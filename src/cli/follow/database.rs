//! One database that is followed: what of its worker's words is new, as lines, and its exit code.

use std::collections::BTreeSet;
use std::path::Path;

use super::line::Line;
use crate::cli::download::failed;
use crate::cli::{Failure, exit};
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::replay::finding::Verdict;
use crate::swarm::node::{Happened, Node};
use crate::watch::followed::{Followed, TurnError, Word};
use crate::worker::Launcher;

/// A database.
pub(super) struct Database {
    followed: Followed,
    name: String,
    verified: u64,
    said: BTreeSet<String>,
}

impl Database {
    pub fn new(key: Key, dir: &Path, launcher: &Launcher) -> Self {
        Self { followed: Followed::new(key, dir, launcher), name: to_hex(&key), verified: 0, said: BTreeSet::new() }
    }

    pub fn is_busy(&self) -> bool {
        self.followed.is_busy()
    }

    pub fn transactions(&self) -> u64 {
        self.followed.transactions()
    }

    pub fn note(&mut self, event: &Happened) {
        self.followed.note(event);
    }

    pub fn turn(&mut self, node: &mut Node) -> Result<Vec<Line>, Failure> {
        let words = self.followed.turn(node).map_err(|error| match error {
            TurnError::Archive(error) => failed(error),
            TurnError::Worker(error) => Failure::from(error),
        })?;
        let mut lines = Vec::new();
        for word in words {
            match word {
                Word::Stands => self.hear(&mut lines),
                Word::Waits { origin, seq } => lines.push(Line::Waits { database: self.name.clone(), origin, seq }),
                Word::Failed(why) => lines.push(Line::Failed { database: self.name.clone(), why }),
            }
        }
        Ok(lines)
    }

    fn hear(&mut self, lines: &mut Vec<Line>) {
        let database = || self.name.clone();
        for finding in self.followed.findings().filter(|finding| self.said.insert(finding.id.clone())) {
            lines.push(Line::Finding { database: database(), finding: Box::new(finding.clone()) });
        }
        let verified = self.followed.verified();
        if verified > self.verified {
            self.verified = verified;
            let length = self.followed.standing().map_or(0, |standing| standing.report.head.length);
            let transactions = self.followed.transactions();
            lines.push(Line::Transactions { database: database(), transactions, verified_length: verified, length });
        }
    }

    /// The last line.
    pub fn end(&self, node: &Node) -> Line {
        let verdict = match self.code(node) {
            exit::VERIFIED => Verdict::Verified,
            exit::UNVERIFIABLE => Verdict::Unverifiable,
            exit::INCOMPLETE | exit::UNAVAILABLE | exit::MALFORMED => Verdict::Incomplete,
            _ => Verdict::Violated,
        };
        let length = self.followed.standing().map_or(0, |standing| standing.report.head.length);
        Line::End { database: self.name.clone(), verdict, verified_length: self.followed.verified(), length }
    }

    /// The exit code that this database asks for.
    pub fn code(&self, node: &Node) -> u8 {
        let met = node.replica(self.followed.key()).is_some_and(|replica| replica.was_met());
        if !met && self.followed.standing().is_none() {
            return exit::UNAVAILABLE;
        }
        let Some(report) = self.followed.report() else { return exit::INCOMPLETE };
        match exit::of(&report) {
            exit::VERIFIED if self.followed.is_behind() => exit::INCOMPLETE,
            code => code,
        }
    }
}

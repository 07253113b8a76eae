//! What stands at a point of the log: the contract in force and the inputs, taken from what was published, right or wrong.

use super::*;
use crate::replay::engine::ReadError;

impl Auditor<'_> {
    pub(super) fn adopt_source(&mut self, source: &str, seq: u64) {
        let digest = ack::to_hex(&crate::hypercore::hash::blake2b(&[source.as_bytes()]));
        self.sources.push((seq, digest));
        let mut contract = Contract::new(source, seq, &self.database, self.options.budget);
        self.other_contract = None;
        self.guarded &= contract.scan.guarded;
        if source.is_empty() {
            self.add(Kind::EmptyContract, Some(seq), "the contract source is empty");
        } else if let Some(error) = &contract.scan.syntax_error {
            let text = format!("this program's parser refuses the contract: {}", error.message);
            self.add(Kind::ContractDoesNotCompile, Some(seq), text);
        } else {
            let state = Empty;
            if let Err(LoadError::Evaluation(why)) = contract.load(self.around(0.0), &state) {
                self.add(
                    Kind::ContractDoesNotCompile,
                    Some(seq),
                    format!("the contract's module code fails in this program's engine: {why}"),
                );
            }
        }
        self.contract = Some(contract);
    }

    pub(super) fn adopt_input(&mut self, name: &str, value: Option<&Value>, bypass: bool) {
        // Only what stands at the path of its own key is an input to an executor that restarts.
        let active = value.is_some_and(|value| ack::parse_input(name.as_bytes(), value) == Some(true));
        let other = value.and_then(|value| match value.field("pubkey") {
            Some(Value::Bytes(key)) if key.len() == 32 => Some(ack::to_hex(key)).filter(|key| key != name),
            _ => None,
        });
        if let Some(other) = other {
            // It may also take the log that is named inside for one.
            self.misplaced.insert(other.clone());
            self.ambiguous.insert(other);
        }
        self.active.remove(name);
        if bypass {
            self.ambiguous.insert(name.to_owned());
        }
        let participant = self.participants.entry(name.to_owned()).or_default();
        // What stood before an audit that begins later is not known.
        if (participant.active || self.local) && !active {
            participant.origin.deactivated = true;
        }
        if !participant.active && active && participant.origin.deactivated {
            participant.origin.readded = participant.origin.readded.saturating_add(1);
        }
        participant.active = active;
    }

    /// Is `origin` an active input in the published state before block `at`?
    pub(super) fn is_active(&mut self, origin: &str, at: u64) -> Result<Option<bool>, Stop> {
        if let Some(&active) = self.active.get(origin) {
            return Ok(Some(active));
        }
        let mut key = path::INPUTS.to_vec();
        key.extend_from_slice(origin.as_bytes());
        let found = self.with_state(at, |view| view.state().get(&key));
        let active = match found.map_err(read_error).and_then(|found| found) {
            Ok(found) => {
                let declared =
                    found.is_some_and(|(_, value)| ack::parse_input(origin.as_bytes(), &value) == Some(true));
                Some(declared)
            }
            Err(ReadError::Missing(seq)) => return Err(Stop::Needs(seq)),
            Err(_) => None,
        };
        if let Some(active) = active {
            self.active.insert(origin.to_owned(), active);
        }
        Ok(active)
    }

    /// Takes inputs, sources and forged acks of a transaction as they were published.
    ///
    /// `announced` is the last block that the transaction's ack announces.
    pub(super) fn adopt_entries(
        &mut self,
        matching: &Matching,
        expected: Option<&Expected>,
        ack: Option<&Ack>,
        announced: u64,
    ) {
        let (guarded, doubtful) = (self.guarded, !self.suspects.is_empty());
        for block in &matching.entries {
            let Some(entry) = block.entry() else { continue };
            let place = Place::of(entry.key());
            if place == Place::Data {
                continue;
            }
            let change = block.matched.and_then(|at| expected?.changes.get(at));
            let bypass = change.is_some_and(|change| change.bypass);
            // An entry within the announced number that the contract did not make may be what the operation wrote past
            // the guard, if the executor was given another operation than we are: then it takes effect later.
            let value = match &block.body {
                Body::Entry { value, .. } => value.clone(),
                Body::Malformed { .. } => None,
            };
            let explained = change.is_some_and(|change| matching::fits(change, value.as_ref(), entry.value()));
            let late = bypass || (!guarded && !explained && (doubtful || block.seq <= announced));
            if bypass {
                let text = format!("the contract wrote {} past the runtime's guard", path::display(entry.key()));
                self.add(Kind::ProtectedPathWrite, Some(block.seq), text);
            }
            let suspects = self.suspects.iter().cloned();
            let writers = || match guarded {
                true => Vec::new(),
                false => suspects.chain(ack.map(|ack| Operation::new(&*ack.origin, ack.seq))).collect(),
            };
            match place {
                Place::Source => {
                    self.source_by = writers();
                    self.adopt_written_source(value.as_ref(), block.seq, late);
                }
                Place::Input(name) => {
                    let name = String::from_utf8_lossy(name).into_owned();
                    self.declared_by.insert(name.clone(), writers());
                    self.adopt_input(&name, value.as_ref(), late);
                }
                Place::Ack if late => self.adopt_forged_ack(entry.key(), value.as_ref()),
                _ => {}
            }
        }
    }

    /// Notes an entry at an ack path that may be an operation's: a restarted executor goes on behind it.
    pub(super) fn adopt_forged_ack(&mut self, key: &[u8], value: Option<&Value>) {
        let parsed = value.and_then(|value| Ack::parse(value).ok());
        let parsed = parsed.map(|ack| (ack.origin.to_string(), Some(ack.seq)));
        // Whoever it names is looked at, whatever its place says.
        if let Some((origin, _)) = &parsed {
            self.participants.entry(origin.clone()).or_default();
        }
        if let Some((origin, seq)) = forged_place(key).or(parsed) {
            let origin = &mut self.participants.entry(origin).or_default().origin;
            origin.forged.extend(seq.into_iter().flat_map(|seq| [seq, seq.saturating_add(1)]));
            // What a restarted executor makes of a name that is no number, nobody knows.
            origin.ack_deleted |= value.is_none() || seq.is_none();
        }
    }

    /// Whether this block may be what an operation wrote past the guard.
    pub(super) fn is_doubtful(&self) -> bool {
        !self.guarded && !self.suspects.is_empty()
    }

    pub(super) fn adopt_written_source(&mut self, value: Option<&Value>, seq: u64, bypass: bool) {
        let source = value.and_then(Value::as_str).unwrap_or_default().to_owned();
        if bypass {
            // It takes effect with the executor's next restart, which no log records: both stay open.
            self.other_contract = Some(Contract::new(&source, seq, &self.database, self.options.budget));
        } else {
            self.adopt_source(&source, seq);
        }
    }
}

/// Origin and number that the path of an ack names; the name may be no number.
fn forged_place(key: &[u8]) -> Option<(String, Option<u64>)> {
    let rest = std::str::from_utf8(key.strip_prefix(path::ACKS)?).ok()?;
    let (origin, seq) = rest.split_once('\0')?;
    Some((origin.to_owned(), seq.parse().ok()))
}

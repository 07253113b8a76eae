//! The genesis: header, contract source, inputs, and the ack that ends them.

use super::*;

impl Auditor<'_> {
    pub(super) fn genesis(&mut self) -> Result<(), Stop> {
        self.await_genesis()?;
        if self.until < 2 {
            self.add(Kind::NoGenesisYet, None, "the index has no genesis yet");
            return Err(Stop::End);
        }
        let bad = |auditor: &mut Self, seq: u64, why: String| {
            auditor.add(Kind::BadGenesis, Some(seq), why);
            Err(Stop::End)
        };
        let index = self.logs.index();
        let header = index.block(0).ok_or(Stop::Needs(0))?;
        if !is_header(&header) {
            return bad(self, 0, "block 0 is not the header of a Hyperbee".into());
        }
        let mut seq = 1;
        let mut any_active = false;
        loop {
            if seq >= self.until {
                self.add(Kind::NoGenesisYet, None, "the index ends before its genesis is complete");
                return Err(Stop::End);
            }
            let block = Block::read(seq, self.entry(seq)).map_err(Stop::Needs)?;
            let Body::Entry { entry, value, .. } = &block.body else {
                return bad(self, seq, format!("block {seq} is no entry"));
            };
            match (seq, Place::of(entry.key()), value) {
                (1, Place::Source, Some(Value::Str(source))) => {
                    let source = source.clone();
                    self.adopt_source(&source, seq);
                }
                (1, ..) => return bad(self, 1, "block 1 is not the contract source".into()),
                (_, Place::Input(name), Some(value)) => {
                    let Some(active) = ack::parse_input(name, value) else {
                        return bad(self, seq, format!("block {seq} is no valid input declaration"));
                    };
                    any_active |= active;
                    self.adopt_input(&String::from_utf8_lossy(name), Some(value), false);
                }
                _ if entry.key() == path::GENESIS_ACK && value.is_some() => {
                    if !any_active {
                        return bad(self, seq, "the genesis declares no active input".into());
                    }
                    break;
                }
                _ => return bad(self, seq, format!("block {seq} does not belong in a genesis")),
            }
            seq = seq.saturating_add(1);
        }
        self.begun = true;
        self.batch_start = 1;
        self.batch_end = 1;
        // The genesis is a transaction without an operation: what follows it up to the first ack is unprompted.
        let announced = Announced { seq, success: true, changes: 0 };
        let expected = Expected { success: true, ..Expected::default() };
        let matching =
            matching::matching(announced, Some(&expected), self.until, |seq| self.entry(seq)).map_err(Stop::Needs)?;
        let certain = self.tree_issues(1, &matching, Some(&expected))?;
        if !certain.is_empty() && self.is_open(&matching) {
            // Its batch may go on.
            return Err(Stop::Waits(Wait::Index(self.until)));
        }
        self.settle(None, seq, matching, certain, None)
    }
}

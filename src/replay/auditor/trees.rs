//! The trees of the batches that a transaction ends.

use super::*;

impl Auditor<'_> {
    /// Compares the tree of the batch that ends (or does not end) with this transaction.
    pub(super) fn tree_issues(
        &mut self,
        at: u64,
        matching: &Matching,
        expected: Option<&Expected>,
    ) -> Result<Vec<(Issue, String)>, Stop> {
        let mut issues = Vec::new();
        if at > self.batch_start && at < self.batch_end {
            let kind = Kind::TransactionsShareABatch;
            if Place::of(self.entry(at).map_err(tree_stop)?.key()) == Place::Ack {
                self.add(kind, Some(at), "this transaction shares a batch with the one before it");
            }
            // The batch was found before this transaction was replayed.
            let expected = self.writes_of(at, at, matching, expected);
            let skip = usize::try_from(at.saturating_sub(self.batch_start)).unwrap_or(usize::MAX);
            let differs = |(expected, found): (&Reading, &_)| matches!(expected, Reading::Sure(sure) if sure != found);
            if expected.iter().zip(self.batch_writes.iter().skip(skip)).any(differs) {
                issues.push(flipped(self.batch_end));
            }
        }
        let mut from = self.batch_end.max(1);
        let mut first = true;
        while from < matching.end {
            let writes = self.writes_of(from, at, matching, expected);
            let start = Start { from, end: matching.end, writes: &writes, until: self.until };
            let found: Found = batches::find(self.logs.index(), &self.cache, &start).map_err(Stop::Needs)?;
            let unprompted = matching.certain.iter().any(|issue| issue.kind == Kind::UnpromptedWrite);
            if found.end < matching.end && first && !unprompted && matches!(found.tree, TreeIs::Canonical) {
                self.add(
                    Kind::TransactionSplitOverAppends,
                    Some(at),
                    "this transaction was appended in several batches",
                );
            }
            first = false;
            let last = found.end.saturating_sub(1);
            match found.tree {
                TreeIs::Canonical => {}
                TreeIs::SameContent => {
                    self.add(
                        Kind::NonCanonicalTree,
                        Some(last),
                        "the tree has another shape than Hyperbee's, with the same content",
                    );
                }
                TreeIs::Tampered(_) if !self.batch_ends_here(from, matching.end)? => {
                    return Err(Stop::Waits(Wait::Index(self.until)));
                }
                TreeIs::Tampered(why) => {
                    let issue = Issue::at(Kind::IndexTampered, last);
                    issues.push((issue, format!("the tree in the blocks does not follow from the history: {why}")));
                    self.active.clear();
                }
                TreeIs::Unjudged(why) => {
                    let malformed = matching.entries.iter().any(|entry| matches!(entry.body, Body::Malformed { .. }));
                    if !malformed && self.entry(at).is_ok() {
                        let text = format!("the tree of this batch cannot be checked: {why}");
                        let at = self.add(Kind::StateUnreadable, Some(last), text);
                        self.unjudged(at);
                    }
                }
            }
            if found.flipped {
                issues.push(flipped(found.end));
            }
            self.batch_start = from;
            self.batch_end = found.end;
            self.batch_writes = found.writes;
            from = found.end;
        }
        Ok(issues)
    }

    /// Whether the batch that begins with block `from`, and holds at least the blocks before `end`, ends within what is here.
    /// Where a longer head is known, what is here may end inside it: then some later transaction must be shown to begin a
    /// batch.
    fn batch_ends_here(&self, from: u64, end: u64) -> Result<bool, Stop> {
        let far = from.saturating_add(batches::MAX_BATCH);
        if !self.is_continued() || far <= self.until {
            return Ok(true);
        }
        for seq in end..self.until {
            let is_ack = self.entry(seq).is_ok_and(|entry| Place::of(entry.key()) == Place::Ack);
            if !is_ack {
                continue;
            }
            match batches::begins(self.logs.index(), &self.cache, seq, self.until) {
                Ok(Some(_)) => return Ok(true),
                // What cannot be read begins no batch; another ack may.
                Ok(None) | Err(TreeError::Malformed { .. }) => {}
                Err(TreeError::Missing { seq }) => return Err(Stop::Needs(seq)),
            }
        }
        Ok(false)
    }

    /// How the blocks from `from` to the transaction's end write.
    pub(super) fn writes_of(
        &self,
        from: u64,
        at: u64,
        matching: &Matching,
        expected: Option<&Expected>,
    ) -> Vec<Reading> {
        let entries = matching::writes(matching, expected);
        // Blocks before the entries (the ack, the genesis) are puts, but for an ack that is none.
        let mut writes = Vec::with_capacity(entries.len().saturating_add(1));
        let first_entry = matching.end.saturating_sub(matching.entries.len() as u64);
        for seq in from..first_entry {
            let valueless = seq == at && self.entry(seq).is_ok_and(|entry| entry.value().is_none());
            writes.push(if valueless { Reading::Open } else { Reading::Sure(crate::hyperbee::Kind::Put) });
        }
        let skip = usize::try_from(from.saturating_sub(first_entry)).unwrap_or(usize::MAX);
        writes.extend(entries.into_iter().skip(skip));
        writes
    }
}

/// A put of null that readers take for a delete, or the reverse, in the batch that ends before this block.
fn flipped(end: u64) -> (Issue, String) {
    let issue = Issue { used_op: true, ..Issue::at(Kind::IndexTampered, end.saturating_sub(1)) };
    (issue, "readers find a key deleted that the contract set to null, or the reverse".into())
}

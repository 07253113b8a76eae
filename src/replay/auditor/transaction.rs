//! One transaction: what its ack says by itself, and which checks apply to it.

use super::report::NO_ENTRY;
use super::*;

impl Auditor<'_> {
    pub(super) fn around(&self, ts: f64) -> Surroundings {
        // Just before the ack was made: no honest clock shows that inside the operation, so a contract that writes its
        // clock never matches by chance, and one that only checks it sees a plausible time.
        Surroundings {
            clock: ts.trunc() - 1.0,
            seed: 0x5eed,
            writer: true,
            locale: 0,
            dialect: Dialect::New,
            delivery: Delivery::Asked,
        }
    }

    pub(super) fn transaction(&mut self) -> Result<(), Stop> {
        let at = self.at;
        if at >= self.until {
            return Err(Stop::End);
        }
        self.suspects = self.reach.over(at);
        let block = Block::read(at, self.entry(at)).map_err(Stop::Needs)?;
        let parsed = match &block.body {
            Body::Entry { value: Some(value), peculiar, .. } => {
                Ack::parse(value).map_err(|why| (why.to_string(), *peculiar))
            }
            Body::Entry { value: None, .. } => Err(("an ack was deleted or set to null".to_owned(), false)),
            Body::Malformed { why, .. } => Err((why.clone(), false)),
        };
        match parsed {
            Ok(ack) => self.acked(at, &block, &ack),
            Err((why, peculiar)) => self.bad_ack(at, &block, &why, peculiar),
        }
    }

    /// Everything up to the next ack goes unjudged.
    pub(super) fn bad_ack(&mut self, at: u64, block: &Block, why: &str, peculiar: bool) -> Result<(), Stop> {
        let unbounded = Announced { seq: at, success: false, changes: u64::MAX };
        let matching = matching::matching(unbounded, None, self.until, |seq| self.entry(seq)).map_err(Stop::Needs)?;
        let kind = match &block.body {
            _ if peculiar => Kind::EngineSpecific,
            Body::Malformed { .. } => Kind::MalformedEntry,
            Body::Entry { .. } => Kind::AckMalformed,
        };
        if self.is_open(&matching) {
            // Nothing mends a block that is no entry, and it comes before what is wrong with the ack.
            let malformed = matching.certain.iter().find(|issue| issue.kind == Kind::MalformedEntry);
            return Err(match malformed.filter(|_| kind == Kind::AckMalformed) {
                Some(issue) => self.foresee_bad_ack(issue.seq, issue.kind, NO_ENTRY),
                None => self.foresee_bad_ack(at, kind, why),
            });
        }
        if self.cut_off(&matching) {
            return Err(Stop::End);
        }
        if let (true, Body::Entry { entry, value, .. }) = (self.is_doubtful(), &block.body) {
            self.adopt_forged_ack(entry.key(), value.as_ref());
        }
        let mut certain = vec![(Issue::at(kind, at), why.to_owned())];
        let before = self.is_continued().then(|| self.before(""));
        match self.tree_issues(at, &matching, None) {
            Ok(issues) => certain.extend(issues),
            Err(stop) => {
                before.into_iter().for_each(|before| self.put_back("", before));
                return Err(stop);
            }
        }
        self.settle(None, at, matching, certain, None)
    }

    /// With `--until`, the audit stops at the last whole transaction.
    pub(super) fn cut_off(&self, matching: &Matching) -> bool {
        matching.end >= self.until && self.until < self.logs.index().length() && {
            // Whole, if the next entry begins another transaction.
            !self.entry(self.until).is_ok_and(|entry| Place::of(entry.key()) == Place::Ack)
        }
    }

    pub(super) fn acked(&mut self, at: u64, block: &Block, ack: &Ack) -> Result<(), Stop> {
        let mut certain: Vec<(Issue, String)> = Vec::new();
        let mut note = |kind, seq, why: String| certain.push((Issue::at(kind, seq), why));
        if block.key() != Some(&*ack.key()) {
            note(Kind::AckPathMismatch, at, "the ack is stored at the path of another operation".into());
        }
        let active = self.is_active(&ack.origin, at)?;
        if active == Some(false) && !self.ambiguous.contains(&*ack.origin) {
            self.suspects.extend(self.declared_by.get(&*ack.origin).cloned().unwrap_or_default());
            note(Kind::NonParticipant, at, "the ack is for a log that is no active input at this point".into());
        }
        let processes = self.contract.iter().chain(&self.other_contract).any(|contract| contract.scan.exports_process);
        if !ack.metadata.is_nullish() && !processes {
            note(Kind::MetadataInvented, at, "the ack has metadata, but the contract exports no process()".into());
        }

        self.await_operation(ack)?;
        // What the operation comes to, and how the entries fit that.
        let mut replay = match self.open.take().filter(|(seq, _)| *seq == at) {
            Some((_, replay)) => replay,
            None => self.replay(at, ack)?,
        };
        let announced = Announced { seq: at, success: ack.success, changes: ack.num_changes };
        let mut matching = matching::matching(announced, replay.expected.as_ref(), self.until, |seq| self.entry(seq))
            .map_err(Stop::Needs)?;
        self.take_up_numbering(at, ack)?;
        if self.is_open(&matching) {
            let stop = self.foresee(at, ack, certain, matching, &mut replay);
            self.open = Some((at, replay));
            return stop;
        }
        if self.cut_off(&matching) {
            return Err(Stop::End);
        }
        if let (true, Body::Entry { entry, value, .. }) = (self.is_doubtful(), &block.body)
            && *entry.key() != *ack.key()
        {
            // Executors number by paths.
            self.adopt_forged_ack(entry.key(), value.as_ref());
        }
        // A batch that may go on is waited for, and then this transaction is judged again.
        let before = self.is_continued().then(|| self.before(&ack.origin));
        let mut judged = self.judge_replay(ack, at, &mut matching, &mut replay)?;
        self.number(at, ack, &mut certain);
        self.notices(at, ack, &matching, &replay);
        match self.tree_issues(at, &matching, replay.expected.as_ref()) {
            Ok(issues) => certain.extend(issues),
            Err(stop) => {
                before.into_iter().for_each(|before| self.put_back(&ack.origin, before));
                self.open = Some((at, replay));
                return Err(stop);
            }
        }
        self.support_certain(ack, at, &matching, &replay, &certain, &mut judged)?;
        self.settle(Some(ack), at, matching, certain, Some((replay, judged)))
    }

    pub(super) fn number(&mut self, at: u64, ack: &Ack, certain: &mut Vec<(Issue, String)>) {
        let next_finding = self.findings.len();
        let origin = &mut self.participants.entry(ack.origin.to_string()).or_default().origin;
        let (numbering, without) = origin.ack(ack.seq, next_finding, &self.suspects);
        self.suspects.extend(without);
        let deactivated = origin.deactivated || self.misplaced.contains(&*ack.origin);
        let allowed = origin.readded.saturating_add(1);
        let ack_deleted = origin.ack_deleted;
        let mut note = |kind, why: String| certain.push((Issue::at(kind, at), why));
        let race = "this input was removed before; an honest executor that restarts on a backlog with a removal and a \
                    re-adding skips and repeats its operations";
        match numbering {
            Numbering::Next => {}
            Numbering::Repeated { times } if deactivated && times <= allowed => note(Kind::ReaddRace, race.into()),
            Numbering::Repeated { .. } if ack_deleted => note(
                Kind::ReaddRace,
                "the contract deleted an ack of this input; an honest executor that restarts goes back".into(),
            ),
            Numbering::Repeated { .. } => note(Kind::OpRepeated, format!("operation {} was acked before", ack.seq)),
            Numbering::Skipped { .. } if deactivated => note(Kind::ReaddRace, race.into()),
            Numbering::Skipped { expected } => {
                note(Kind::OpSkipped, format!("operation {} is acked, but operation {expected} comes next", ack.seq));
            }
            Numbering::Late { finding } => {
                let skipped = |f: &&mut Finding| f.kind == Kind::OpSkipped;
                if let Some(found) = self.findings.get_mut(finding).filter(skipped) {
                    found.also.push(Also { kind: Kind::OpSkipped, seq: at });
                    self.late = Some(finding);
                }
            }
        }
    }

    pub(super) fn notices(&mut self, at: u64, ack: &Ack, matching: &Matching, replay: &Replay) {
        if !ack.extra_fields.is_empty() {
            let names = ack.extra_fields.join(", ");
            self.add_for(ack, Kind::AckExtraFields, at, format!("the ack has fields that acks do not have: {names}"));
        }
        if ack.ts < self.last_ts {
            self.add_for(ack, Kind::TimestampBackwards, at, "the ack is older than the one before it");
        }
        self.last_ts = ack.ts;
        if replay.undecodable && !ack.success {
            self.add_for(ack, Kind::MalformedOp, at, "the operation cannot be decoded; it was acked as failed");
        }
        if let (false, Some(Outcome::Failure { text, own: true }), Some(error)) =
            (ack.success, replay.outcome(), &ack.error)
            && text != error
            && !examine::runtime_died(Some(error))
        {
            let text = format!("the recorded error is {error:?}, the contract's is {text:?}");
            self.add_for(ack, Kind::ErrorTextDiffers, at, text);
        }
        if let Some(name) = &replay.by_reference {
            let text = format!("the reference runtime {name} makes what was published; this program's engine does not");
            self.add_for(ack, Kind::EngineDifference, at, text);
        }
        if matching.reordered && matching.by_replay.is_empty() {
            self.add_for(ack, Kind::ChangeOrderDiffers, at, "the changes are in another order than the root locale's");
        }
    }
}

//! The replay of one operation on the published state before its ack.

use super::*;

impl Auditor<'_> {
    /// Replays the operation of an ack as far as that can be done.
    pub(super) fn replay(&mut self, at: u64, ack: &Ack) -> Result<Replay, Stop> {
        let mut replay = Replay::default();
        let Some(key) = from_hex(&ack.origin) else { return Ok(replay) };
        let Some(oplog) = self.logs.oplog(&key).filter(|oplog| oplog.blocks.length() > ack.seq) else {
            replay.hindrance =
                Some((Kind::OpUnavailable, "the operation is beyond every head of its oplog that is held".into()));
            return Ok(replay);
        };
        replay.op_rewritten = oplog.rewritten;
        replay.op_attributed = oplog.attributed;
        let Some(bytes) = oplog.blocks.block(ack.seq) else {
            replay.hindrance = Some((Kind::BlockUnavailable, "the block of the operation is not here".into()));
            return Ok(replay);
        };
        let decoded = decode(&bytes);
        replay.op_bytes = bytes;
        let op = match decoded {
            Ok(decoded) => {
                replay.op_peculiar = decoded.peculiar;
                decoded.value
            }
            Err(error) => {
                replay.undecodable = true;
                if ack.success {
                    let sure = matches!(error, DecodeError::Malformed { .. });
                    let text = format!("the operation was acked as a success, but {error}");
                    let text = if sure { text } else { format!("{text}; other decoders may read it") };
                    replay.hindrance = Some((Kind::UndecodableOp, text));
                } else {
                    replay.expected = Some(Expected::default());
                }
                return Ok(replay);
            }
        };
        if self.killed.contains(&at) {
            let text = "the replay of this operation was killed in a loop that cannot be interrupted";
            replay.hindrance = Some((Kind::BudgetExhausted, text.into()));
            if let Some(contract) = &mut self.contract {
                contract.restart();
            }
            return Ok(replay);
        }
        let Some(mut contract) = self.contract.take() else { return Ok(replay) };
        if contract.source.is_empty() {
            replay.hindrance =
                Some((Kind::EmptyContract, "the contract source is empty; nothing can be replayed".into()));
            self.contract = Some(contract);
            return Ok(replay);
        }
        if let Some(error) = &contract.scan.syntax_error {
            let text = format!("this program's parser refuses the contract: {}", error.message);
            replay.hindrance = Some((Kind::ContractDoesNotCompile, text));
            self.contract = Some(contract);
            return Ok(replay);
        }
        let around = self.around(ack.ts);
        (self.running)(Some(at));
        let applied = self.with_state(at, |view| {
            let acked = AckView { origin: &ack.origin, seq: ack.seq, ts: ack.ts, metadata: &ack.metadata };
            let applied = contract.apply(&op, &acked, around, view.state());
            let expected = match &applied {
                Ok(applied) => expect(applied, ack, view),
                Err(_) => Ok(None),
            };
            (applied, expected, view.peculiar())
        });
        (self.running)(None);
        self.contract = Some(contract);
        let (applied, expected, peculiar) = match applied {
            Ok(done) => done,
            Err(TreeError::Missing { seq }) => return Err(Stop::Needs(seq)),
            Err(error) => {
                replay.hindrance =
                    Some((Kind::StateUnreadable, format!("the published state cannot be read: {error}")));
                return Ok(replay);
            }
        };
        replay.state_peculiar = peculiar;
        replay.op = Some(op);
        match applied {
            Err(LoadError::Syntax(why)) => {
                let text = format!("this engine refuses a contract that others may compile: {why}");
                replay.hindrance = Some((Kind::EngineUnconfirmed, text));
            }
            Err(error) => {
                if let Examined::Unjudged { kind, message, .. } = examine::load_failure(&error) {
                    replay.hindrance = Some((kind, message));
                }
            }
            Ok(applied) => {
                if let Outcome::Missing(seq) = applied.outcome {
                    return Err(Stop::Needs(seq));
                }
                if let Some(Examined::Unjudged { kind, message, .. }) = examine::extraordinary(&applied.outcome) {
                    replay.hindrance = Some((kind, message));
                } else {
                    match expected {
                        Ok(expected) => replay.expected = expected,
                        Err(TreeError::Missing { seq }) => return Err(Stop::Needs(seq)),
                        Err(error) => {
                            let text = format!("the published state cannot be read: {error}");
                            replay.hindrance = Some((Kind::StateUnreadable, text));
                        }
                    }
                }
                replay.applied = Some(applied);
            }
        }
        Ok(replay)
    }
}

/// What the replay of an operation came to.
#[derive(Default)]
pub(super) struct Replay {
    pub(super) op: Option<Value>,
    pub(super) op_bytes: crate::hyperbee::Block,
    /// The reference runtime whose result this is.
    pub(super) by_reference: Option<String>,
    pub(super) op_peculiar: bool,
    pub(super) op_rewritten: bool,
    pub(super) op_attributed: bool,
    pub(super) state_peculiar: bool,
    pub(super) undecodable: bool,
    pub(super) applied: Option<Applied>,
    pub(super) expected: Option<Expected>,
    pub(super) hindrance: Option<(Kind, String)>,
}

impl Replay {
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.applied.as_ref().map(|applied| &applied.outcome)
    }
}

/// What should have been published, if the outcome is an ordinary one.
pub(super) fn expect(applied: &Applied, ack: &Ack, view: &dyn ReadView) -> Result<Option<Expected>, TreeError> {
    // The ack is written before the changes, which may delete it again.
    let exists = |key: &[u8]| if *key == *ack.key() { Ok(true) } else { view.exists(key) };
    match &applied.outcome {
        Outcome::Success { changes, actions } => Expected::new(true, changes.clone(), *actions, exists).map(Some),
        Outcome::Failure { .. } | Outcome::Dies => Ok(Some(Expected::default())),
        Outcome::Missing(seq) => Err(TreeError::Missing { seq: *seq }),
        Outcome::NeverSettles | Outcome::Exhausted(_) | Outcome::Unreadable(_) => Ok(None),
    }
}

//! Contradictions between signed heads of one log: what its owner can never explain away.
//!
//! - **Equivocation**: two heads of one key and fork whose logs differ within their first blocks. What each head binds of
//!   its log there is compared ([`Prefix`]), never more than that.
//! - **Truncation**: one head with a fork above 0. Hypercore raises the fork exactly when a log is cut.
//!
//! Both prove the fact, not the intent: a restored backup equivocates too. Heads that do not name their log
//! ([`SignedHead::names_its_log`]) accuse nobody. A patched head shows blocks, so it can equivocate; it never shows a
//! truncation.

use super::Key;
use super::head::SignedHead;
use super::prefix::{Comparison, Prefix, PrefixEvidence};
use super::proof::ProofError;

/// Why two heads are no equivocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EquivocationError {
    /// They are of two logs, or of two forks of one.
    #[error("the heads are not of one log and fork")]
    NotComparable,
    /// Nobody signed one of them, or the signature is of a scheme that does not say which log it is of.
    #[error("a head that nobody signed, or whose signature names no log, accuses nobody")]
    Unsigned,
    /// `shorter` is longer than `longer`, or a proof is missing or superfluous.
    #[error("the evidence is not in its one form")]
    Form,
    /// Their logs are the same up to there.
    #[error("the heads' logs are the same up to there: that is no contradiction")]
    Consistent,
    /// What is shown does not bind what would have to differ.
    #[error(
        "nothing binds the sizes of the roots that are shown, so that another tree hash is no contradiction: the roots of \
         both heads, or what opens them, are missing"
    )]
    Undecided,
    /// What a head's log is there is not shown.
    #[error("{0}")]
    Proof(#[from] ProofError),
}

/// Two heads of one log that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equivocation {
    /// The shorter head; of equally long ones, the one with the smaller tree hash.
    pub shorter: SignedHead,
    /// The longer head.
    pub longer: SignedHead,
    /// Their logs differ within so many blocks: at most the shorter head's length.
    pub length: u64,
    /// What shows either head's log there.
    pub evidence: [PrefixEvidence; 2],
}

impl Equivocation {
    /// Two heads of equal length with different tree hashes, each signed.
    pub fn equally_long(a: SignedHead, b: SignedHead) -> Equivocation {
        let (shorter, longer) = if a.tree_hash() <= b.tree_hash() { (a, b) } else { (b, a) };
        let length = shorter.length();
        Equivocation { shorter, longer, length, evidence: [PrefixEvidence::TreeHash, PrefixEvidence::TreeHash] }
    }

    /// Checks the contradiction and returns the public keys that signed both sides.
    ///
    /// For a log with one signer that is this signer. With a quorum it may even be nobody, when the quorum is not a
    /// majority: then the log contradicts itself, but no single party did.
    ///
    /// # Errors
    /// [`EquivocationError`].
    pub fn verify(&self) -> Result<Vec<Key>, EquivocationError> {
        let (shorter, longer) = (&self.shorter, &self.longer);
        if shorter.key() != longer.key() || shorter.fork() != longer.fork() {
            return Err(EquivocationError::NotComparable);
        }
        if !shorter.names_its_log() || !longer.names_its_log() {
            return Err(EquivocationError::Unsigned);
        }
        let order = |head: &SignedHead| (head.length(), *head.tree_hash());
        if self.length > shorter.length() || order(shorter) > order(longer) {
            return Err(EquivocationError::Form);
        }
        let [first, second] = &self.evidence;
        let first = Prefix::of(shorter, self.length, first)?;
        let second = Prefix::of(longer, self.length, second)?;
        match first.compare(&second) {
            Comparison::Different => Ok(self.signed_both()),
            Comparison::Same => Err(EquivocationError::Consistent),
            Comparison::Undecided => Err(EquivocationError::Undecided),
        }
    }

    /// The public keys that signed both heads.
    pub fn signed_both(&self) -> Vec<Key> {
        let both = |key: &&Key| self.longer.signers().contains(key);
        self.shorter.signers().iter().filter(both).copied().collect()
    }
}

/// Whether this head by itself proves that its owner truncated the log.
pub fn truncates(head: &SignedHead) -> bool {
    head.fork() > 0 && head.names_its_log() && !head.is_patched()
}

//! Contradictions between signed heads of one log: what its owner can never explain away.
//!
//! - **Equivocation**: two heads of one key and fork, neither a prefix of the other. For heads of different lengths the
//!   longer one's own prefix at the shorter length is shown ([`ConsistencyProof`]); for equal lengths the two tree hashes
//!   are the whole proof.
//! - **Truncation**: one head with a fork above 0. Hypercore raises the fork exactly when a log is cut.
//!
//! Both prove the fact, not the intent: a restored backup equivocates too. Heads that nobody signed (a manifest's
//! prologue) accuse nobody.

use super::Key;
use super::head::{Scheme, SignedHead};
use super::proof::{ConsistencyProof, ProofError};

/// Why two heads are no equivocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EquivocationError {
    /// They are of two logs, or of two forks of one.
    #[error("the heads are not of one log and fork")]
    NotComparable,
    /// One of them was not signed by anybody.
    #[error("a head that nobody signed accuses nobody")]
    Unsigned,
    /// `shorter` is longer than `longer`, or a proof is missing or superfluous.
    #[error("the evidence is not in its one form")]
    Form,
    /// One head is a prefix of the other.
    #[error("one head is a prefix of the other")]
    Consistent,
    /// The longer head's prefix is not shown.
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
    /// The longer head's log at the shorter one's length. `None` if they are equally long.
    pub prefix: Option<ConsistencyProof>,
}

impl Equivocation {
    /// Two heads of equal length with different trees.
    pub fn equally_long(a: SignedHead, b: SignedHead) -> Equivocation {
        let (shorter, longer) = if a.tree_hash() <= b.tree_hash() { (a, b) } else { (b, a) };
        Equivocation { shorter, longer, prefix: None }
    }

    /// Checks the contradiction and returns the public keys that signed both sides.
    ///
    /// For a log with one signer that is this signer. With a quorum it may even be nobody, when the quorum is not a
    /// majority: then the log contradicts itself, but no single party did.
    pub fn verify(&self) -> Result<Vec<Key>, EquivocationError> {
        diverge([&self.shorter, &self.longer], self.shorter.length(), [None, self.prefix.as_ref()])
    }
}

/// Checks that two heads' logs differ within their first `length` blocks, and returns the public keys that signed both. The
/// shorter head comes first, of equally long ones that with the smaller tree hash. Where a head is longer than `length`
/// its log is shown there.
///
/// # Errors
/// [`EquivocationError`].
pub fn diverge(
    heads: [&SignedHead; 2],
    length: u64,
    prefixes: [Option<&ConsistencyProof>; 2],
) -> Result<Vec<Key>, EquivocationError> {
    let [shorter, longer] = heads;
    if shorter.key() != longer.key() || shorter.fork() != longer.fork() {
        return Err(EquivocationError::NotComparable);
    }
    if shorter.scheme() == Scheme::Manifest || longer.scheme() == Scheme::Manifest {
        return Err(EquivocationError::Unsigned);
    }
    let order = |head: &SignedHead| (head.length(), *head.tree_hash());
    if order(shorter) > order(longer) {
        return Err(EquivocationError::Form);
    }
    let there = |(head, prefix): (&SignedHead, Option<&ConsistencyProof>)| match prefix {
        None if length == head.length() => Ok(*head.tree_hash()),
        Some(prefix) if length < head.length() => Ok(prefix.verify(length, head)?),
        _ => Err(EquivocationError::Form),
    };
    let [first, second] = prefixes;
    if there((shorter, first))? == there((longer, second))? {
        return Err(EquivocationError::Consistent);
    }
    Ok(shorter.signers().iter().filter(|key| longer.signers().contains(key)).copied().collect())
}

/// Whether this head by itself proves that its owner truncated the log.
pub fn truncates(head: &SignedHead) -> bool {
    head.fork() > 0 && head.scheme() != Scheme::Manifest
}

//! Vitra's own JSON: transactions with their receipts, and its proofs. What is signed in them is taken, what is said is not.
//!
//! A receipt is the owner's signature over an oplog up to and including one block: a head. It convicts whoever publishes
//! another history. Vitra's proofs of a contract's violation hold no blocks and prove nothing; the head in them is a head.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::file::{Claim, Proof};
use crate::database::ack::{bytes_from_hex, from_hex, to_hex};
use crate::hypercore::{HeadClaim, Key, Scheme, SignedHead};

/// Receipts of one transaction that are read.
const MAX_OPERATIONS: usize = 10_000;

/// What a file of Vitra's holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// A transaction: its receipts, for operations of one database.
    Transaction {
        /// The database that it names.
        database: Key,
        /// One receipt an operation.
        receipts: Vec<Receipt>,
    },
    /// A receipt alone, or the head that a proof of a violation names.
    Receipt(Receipt),
    /// A head with a fork counter above 0.
    Fork(SignedHead),
    /// Two receipts of one block.
    Rewrite(Box<[Receipt; 2]>),
}

impl Shown {
    /// The database that it names, and its signed heads.
    pub fn into_heads(self) -> (Option<Key>, Vec<SignedHead>) {
        match self {
            Self::Transaction { database, receipts } => {
                (Some(database), receipts.into_iter().map(|receipt| receipt.head).collect())
            }
            Self::Receipt(receipt) => (None, vec![receipt.head]),
            Self::Fork(head) => (None, vec![head]),
            Self::Rewrite(receipts) => (None, receipts.map(|receipt| receipt.head).into()),
        }
    }
}

/// A signed head, as a receipt says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The block.
    pub seq: u64,
    /// The head; its length is `seq` + 1, or, where Vitra counts differently, `seq`.
    pub head: SignedHead,
    /// What a transaction says of its result.
    pub result: Option<Result>,
}

/// What a transaction says of an operation's result.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Result {
    /// Whether it succeeded.
    pub success: bool,
    /// The executor's clock, milliseconds since 1970.
    #[serde(rename = "processedAt", default)]
    pub ts: Option<f64>,
}

/// Why a text is none of Vitra's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VitraError {
    /// It is no JSON, or of another form.
    #[error("it is no transaction, receipt or proof in Vitra's JSON: {0}")]
    Form(String),
    /// The log's owner has not signed this.
    #[error("log {log}: the signature of the receipt for block {seq} does not verify", log = to_hex(.0), seq = .1)]
    Signature(Key, u64),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    log_pubkey: String,
    block_seq: u64,
    root_hash_at_block: String,
    root_hash_signature: String,
    #[serde(default)]
    fork_number: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    database_pubkey: String,
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    proof: Inclusion,
    #[serde(default)]
    result: Json,
}

/// Reads a text of Vitra's and checks every signature in it.
///
/// # Errors
/// [`VitraError`].
pub fn parse(text: &[u8]) -> std::result::Result<Shown, VitraError> {
    let form = |error: serde_json::Error| VitraError::Form(error.to_string());
    let mut json: Json = serde_json::from_slice(text).map_err(form)?;
    let mut part = |name: &str| match json.get_mut(name) {
        Some(part) => Ok(part.take()),
        None => Err(VitraError::Form(format!("{name} is missing"))),
    };
    if part("vitraTransaction").is_ok() {
        let Transaction { database_pubkey, operations } = serde_json::from_value(json).map_err(form)?;
        if operations.len() > MAX_OPERATIONS {
            return Err(VitraError::Form("too many operations".to_owned()));
        }
        let receipt = |operation: Operation| {
            let mut receipt = operation.proof.receipt()?;
            receipt.result = serde_json::from_value(operation.result).ok();
            Ok(receipt)
        };
        let receipts = operations.into_iter().map(receipt).collect::<std::result::Result<_, _>>()?;
        return Ok(Shown::Transaction { database: key(&database_pubkey)?, receipts });
    }
    let read = |json: Json| serde_json::from_value::<Inclusion>(json).map_err(form);
    if part("vitraBlockInclusionFraudProof").is_ok() {
        let (given, violating) = (part("givenInclusionProof")?, part("violatingInclusionProof")?);
        return Ok(Shown::Rewrite(Box::new([read(given)?.receipt()?, read(violating)?.receipt()?])));
    }
    if part("vitraContractFraudProof").is_ok() {
        return Ok(Shown::Receipt(read(part("indexStateProof")?)?.receipt()?));
    }
    let (fork, receipt) = (part("vitraLogForkFraudProof").is_ok(), part("vitraBlockInclusionProof").is_ok());
    match (fork, receipt) {
        (true, _) => {
            let receipt = read(json)?.receipt()?;
            Ok(if receipt.head.fork() > 0 { Shown::Fork(receipt.head) } else { Shown::Receipt(receipt) })
        }
        (_, true) => Ok(Shown::Receipt(read(json)?.receipt()?)),
        _ => Err(VitraError::Form("the field that names its kind is missing".to_owned())),
    }
}

fn key(hex: &str) -> std::result::Result<Key, VitraError> {
    from_hex(&hex.to_lowercase()).ok_or_else(|| VitraError::Form("a key or a hash has 64 hex digits".to_owned()))
}

impl Inclusion {
    /// The head that is signed. Vitra counts to the block in receipts, and to the length where it takes a log's last
    /// signature; and a receipt of a log that was cut is signed as if it had not been.
    fn receipt(&self) -> std::result::Result<Receipt, VitraError> {
        let log = key(&self.log_pubkey)?;
        let tree_hash = key(&self.root_hash_at_block)?;
        let signature = bytes_from_hex(&self.root_hash_signature);
        let signature = signature.ok_or_else(|| VitraError::Form("a signature is hex".to_owned()))?;
        let lengths = [self.block_seq.saturating_add(1), self.block_seq];
        let ways = [self.fork_number, 0].into_iter().flat_map(|fork| lengths.map(|length| (fork, length)));
        let heads = ways.map(|(fork, length)| HeadClaim::by_public_key(log, fork, length, tree_hash, &signature));
        let head = heads.into_iter().find_map(|claim| claim.verify().ok());
        let head = head.ok_or(VitraError::Signature(log, self.block_seq))?;
        Ok(Receipt { seq: head.length().saturating_sub(1), head, result: None })
    }
}

/// A proof in Vitra's JSON, where that can say it.
///
/// # Errors
/// Why it cannot.
pub fn export(proof: &Proof) -> std::result::Result<Json, &'static str> {
    let heads = proof.slices.iter().map(super::file::Slice::authenticate);
    let heads = heads.collect::<std::result::Result<Vec<_>, _>>().map_err(|_| "its heads are not signed")?;
    match (&proof.claim, heads.as_slice()) {
        (_, heads) if heads.iter().any(|head| head.manifest().is_some()) => {
            Err("Vitra knows no logs whose keys are the hashes of manifests")
        }
        (Claim::Truncation, [head, ..]) => {
            // Its block is the length there.
            Ok(json!({
                "vitraLogForkFraudProof": 1,
                "logPubkey": to_hex(head.key()),
                "forkNumber": head.fork(),
                "blockSeq": head.length(),
                "rootHashAtBlock": to_hex(head.tree_hash()),
                "rootHashSignature": to_hex(head.signature()),
            }))
        }
        (Claim::Equivocation { .. }, [shorter, longer, ..]) => {
            if shorter.length() != longer.length() {
                return Err("Vitra compares heads of one length only");
            }
            if [shorter, longer].iter().any(|head| head.fork() > 0 || head.scheme() != Scheme::Legacy48) {
                return Err(
                    "Vitra reads signatures of Hypercore before 10.0.0-alpha.26 only, of logs that were never cut",
                );
            }
            let receipt = |head: &SignedHead| {
                json!({
                    "vitraBlockInclusionProof": 1,
                    "logPubkey": to_hex(head.key()),
                    "blockSeq": head.length().saturating_sub(1),
                    "rootHashAtBlock": to_hex(head.tree_hash()),
                    "rootHashSignature": to_hex(head.signature()),
                })
            };
            Ok(json!({
                "vitraBlockInclusionFraudProof": 1,
                "description": "two signed heads of one length contradict each other",
                "givenInclusionProof": receipt(shorter),
                "violatingInclusionProof": receipt(longer),
            }))
        }
        _ => Err("Vitra's proofs of a contract's violation hold no blocks, and prove nothing"),
    }
}

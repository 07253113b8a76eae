//! The ack of an operation, and the declaration of an input.

use super::path;
use super::value::Value;

/// Largest integer that a JavaScript number holds exactly.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A well-typed ack (rulebook: `ack-malformed` says what that is).
#[derive(Clone, Debug)]
pub struct Ack {
    /// Did the operation succeed, according to the executor?
    pub success: bool,
    /// The recorded error of a failed operation.
    pub error: Option<Box<str>>,
    /// The oplog of the operation: 64 lowercase hex digits.
    pub origin: Box<str>,
    /// The operation's place in that oplog.
    pub seq: u64,
    /// The executor's clock, milliseconds since 1970.
    pub ts: f64,
    /// What the contract's `process()` returned; anything.
    pub metadata: Value,
    /// The number of actions that the operation queued.
    pub num_changes: u64,
    /// Fields that an ack does not have.
    pub extra_fields: Vec<Box<str>>,
}

/// Which field of an ack is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an ack whose {field} is not {should}")]
pub struct AckError {
    /// The field, or "value" for the whole.
    pub field: &'static str,
    /// What it should be.
    pub should: &'static str,
}

impl Ack {
    /// Reads an ack from an index value.
    ///
    /// # Errors
    /// [`AckError`] names the first field that is missing or of another type.
    pub fn parse(value: &Value) -> Result<Self, AckError> {
        let Value::Object(pairs) = value else {
            return Err(AckError { field: "value", should: "an object" });
        };
        let field = |name: &str| value.field(name).unwrap_or(&Value::Undefined);
        let Value::Bool(success) = field("success") else {
            return Err(AckError { field: "success", should: "a boolean" });
        };
        let error = match field("error") {
            Value::Undefined => None,
            Value::Str(text) => Some(text.clone()),
            _ => return Err(AckError { field: "error", should: "a string or undefined" }),
        };
        let origin = match field("origin") {
            Value::Str(origin) if is_key_hex(origin.as_bytes()) => origin.clone(),
            _ => return Err(AckError { field: "origin", should: "64 lowercase hex digits" }),
        };
        let seq = integer(field("seq")).ok_or(AckError { field: "seq", should: "an integer from 0 to 2^53 - 1" })?;
        let ts = match field("ts") {
            Value::Num(ts) if ts.is_finite() => *ts,
            _ => return Err(AckError { field: "ts", should: "a finite number" }),
        };
        let num_changes =
            integer(field("numChanges")).ok_or(AckError { field: "numChanges", should: "an integer of at least 0" })?;
        let known = ["success", "error", "origin", "seq", "ts", "metadata", "numChanges"];
        let extra_fields =
            pairs.iter().filter(|(key, _)| !known.contains(&&**key)).map(|(key, _)| key.clone()).collect();
        let metadata = field("metadata").clone();
        Ok(Self { success: *success, error, origin, seq, ts, metadata, num_changes, extra_fields })
    }

    /// The index key at which this ack must be stored.
    pub fn key(&self) -> Vec<u8> {
        path::ack_key(&self.origin, self.seq)
    }
}

fn integer(value: &Value) -> Option<u64> {
    match value {
        // Both bounds are exact in an f64, so the cast is too.
        Value::Num(n) if n.fract() == 0.0 && (0.0..=MAX_SAFE_INTEGER as f64).contains(n) => Some(*n as u64),
        _ => None,
    }
}

/// Are these 64 lowercase hex digits?
pub fn is_key_hex(text: &[u8]) -> bool {
    text.len() == 64 && text.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// Reads an input declaration: `{pubkey: 32 bytes, active: boolean}` at the path of its own key.
///
/// `name` is what follows `.sys/inputs/` in the index key. Gives the `active` flag.
pub fn parse_input(name: &[u8], value: &Value) -> Option<bool> {
    let (Some(Value::Bytes(pubkey)), Some(Value::Bool(active))) = (value.field("pubkey"), value.field("active")) else {
        return None;
    };
    (pubkey.len() == 32 && is_key_hex(name) && to_hex(pubkey).as_bytes() == name).then_some(*active)
}

/// Lowercase hex.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Bytes from hex digits, of either case.
pub fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |c: u8| char::from(c).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    pairs.iter().map(byte).collect()
}

/// 32 bytes from lower-case hexadecimal.
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    if !is_key_hex(text.as_bytes()) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

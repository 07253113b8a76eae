//! What Vitra writes into its logs: paths, acks, inputs, contract sources, and the values inside them.
//!
//! Everything here is hostile input. The msgpack decoder has limits, values are compared and ordered the way that
//! Vitra's own pipeline does (`docs/formats.md`), and nothing in this module reads a log: it gets bytes.

pub mod ack;
pub mod encode;
pub mod json;
pub mod msgpack;
pub mod msgpackr;
pub mod order;
pub mod path;
mod plain;
pub mod unicode;
pub mod value;

pub use ack::{Ack, AckError};
pub use encode::encode;
pub use msgpack::{DecodeError, Decoded, decode};
pub use path::{Key, Place};
pub use plain::{is_plain_path, is_plain_result};
pub use value::Value;

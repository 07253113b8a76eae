//! What goes over an encrypted connection: Protomux frames and the messages of `hypercore/alpha`. Pure.
//!
//! Decoders take arbitrary bytes. They are as lenient as the JavaScript ones where honest software of another version
//! needs it (unknown messages, fields at the end, integers longer than necessary), and no more: counts are checked against
//! the bytes that are left, and lists have limits of their own. A message that cannot be read ends the connection, as it
//! does in JavaScript.
//!
//! Format: `docs/network.md`.

pub mod compact;
pub mod frames;
pub mod messages;

/// Why bytes from a peer cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They end inside a field.
    #[error("a message ends too early")]
    Short,
    /// A number is larger than JavaScript's largest safe integer, or than its field allows.
    #[error("a number in a message is out of range")]
    Range,
    /// A list is longer than its limit.
    #[error("a list in a message is too long")]
    TooLong,
    /// A batch inside a batch, or a control message that does not exist in one.
    #[error("a frame is not well formed")]
    Frame,
}

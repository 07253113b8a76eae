//! Protomux: many channels on one connection.
//!
//! ```text
//! message   channel | kind | body                        channel: the sender's number for it, from 1
//! open      00 01 channel | protocol | id | handshake
//! reject    00 02 channel                                channel: the number in the open message
//! close     00 03 channel
//! batch     00 00 channel | (length | kind body)...      a length of 0: another channel number follows
//! ```
//!
//! Each side numbers its own channels; two opens for the same protocol and id meet, whichever comes first. Control
//! messages may stand in a batch (channel 0). JavaScript reads batches inside batches, too; nobody writes them, and they are
//! refused here, since they nest without limit.

use super::WireError;
use super::compact::{Reader, put_buffer, put_uint};

/// One thing that a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The peer opens a channel.
    Open {
        /// The peer's number for it.
        channel: u64,
        /// Name of the protocol. Not necessarily UTF-8.
        protocol: &'a [u8],
        /// What the channel is about; empty for nothing. A log's discovery key.
        id: &'a [u8],
        /// The rest: the protocol's own handshake.
        handshake: &'a [u8],
    },
    /// The peer wants no such channel.
    Reject {
        /// Our number for it.
        channel: u64,
    },
    /// The peer closes a channel.
    Close {
        /// The peer's number for it.
        channel: u64,
    },
    /// A message on a channel.
    Message {
        /// The peer's number for it.
        channel: u64,
        /// Which message.
        kind: u64,
        /// Its fields.
        body: &'a [u8],
    },
    /// A control message that this version does not know; JavaScript ignores it.
    Unknown,
}

/// What a frame says, in order. After an error nothing follows.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: Reader<'a>,
    // Inside a batch: the channel of what follows.
    batch: Option<u64>,
    done: bool,
}

impl<'a> Frames<'a> {
    /// Reads one decrypted frame.
    pub fn new(bytes: &'a [u8]) -> Frames<'a> {
        // Empty frames keep a connection alive.
        Frames { rest: Reader::new(bytes), batch: None, done: bytes.is_empty() }
    }

    fn step(&mut self) -> Result<Option<Frame<'a>>, WireError> {
        if self.batch.is_none() {
            let channel = self.rest.uint()?;
            let start = self.rest;
            if channel != 0 || self.rest.uint()? != 0 {
                self.done = true;
                return single(channel, start, false).map(Some);
            }
            self.batch = Some(self.rest.uint()?);
        }
        let mut channel = self.batch.unwrap_or_default();
        while !self.rest.is_empty() {
            let length = self.rest.uint()?;
            if length == 0 {
                channel = self.rest.uint()?;
                self.batch = Some(channel);
                continue;
            }
            // JavaScript takes what is there when the last one is cut off.
            let left = self.rest.rest().len();
            let message = self.rest.bytes(usize::try_from(length).unwrap_or(left).min(left))?;
            return single(channel, Reader::new(message), true).map(Some);
        }
        self.done = true;
        Ok(None)
    }
}

fn single<'a>(channel: u64, mut rest: Reader<'a>, in_batch: bool) -> Result<Frame<'a>, WireError> {
    let kind = rest.uint()?;
    if channel != 0 {
        return Ok(Frame::Message { channel, kind, body: rest.rest() });
    }
    match kind {
        0 if in_batch => Err(WireError::Frame),
        1 => {
            let channel = rest.uint()?;
            let (protocol, id) = (rest.buffer()?, rest.buffer()?);
            Ok(Frame::Open { channel, protocol, id, handshake: rest.rest() })
        }
        2 => Ok(Frame::Reject { channel: rest.uint()? }),
        3 => Ok(Frame::Close { channel: rest.uint()? }),
        _ => Ok(Frame::Unknown),
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step();
        self.done |= step.is_err();
        step.transpose()
    }
}

/// Collects messages into frames: one message as itself, several as a batch.
#[derive(Debug, Default)]
pub struct Outbox {
    // Messages as they stand in a batch, without their lengths.
    waiting: std::collections::VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
}

/// A frame is ended before it grows beyond this, unless one message alone is larger.
pub const MAX_BATCH: usize = 512 * 1024;
/// What a message costs beside its bytes while it waits.
const COST: usize = 64;

impl Outbox {
    /// Bytes that wait, with what keeping each message costs.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages that wait.
    pub fn messages(&self) -> usize {
        self.waiting.len()
    }

    /// Opens a channel of ours.
    pub fn open(&mut self, channel: u64, protocol: &[u8], id: &[u8], handshake: &[u8]) {
        let mut body = Vec::new();
        put_uint(&mut body, channel);
        put_buffer(&mut body, protocol);
        put_buffer(&mut body, id);
        body.extend_from_slice(handshake);
        self.message(0, 1, &body);
    }

    /// Rejects a channel of the peer's.
    pub fn reject(&mut self, channel: u64) {
        self.control(2, channel);
    }

    /// Closes a channel of ours.
    pub fn close(&mut self, channel: u64) {
        self.control(3, channel);
    }

    fn control(&mut self, kind: u64, channel: u64) {
        let mut body = Vec::new();
        put_uint(&mut body, channel);
        self.message(0, kind, &body);
    }

    /// A message on a channel of ours.
    pub fn message(&mut self, channel: u64, kind: u64, body: &[u8]) {
        let mut bytes = Vec::with_capacity(body.len().saturating_add(2));
        put_uint(&mut bytes, kind);
        bytes.extend_from_slice(body);
        self.bytes = self.bytes.saturating_add(bytes.len()).saturating_add(COST);
        self.waiting.push_back((channel, bytes));
    }

    /// The next frame to send.
    pub fn frame(&mut self) -> Option<Vec<u8>> {
        let (channel, first) = self.take()?;
        let mut out = Vec::new();
        if self.waiting.front().is_none_or(|(_, next)| first.len().saturating_add(next.len()) > MAX_BATCH) {
            put_uint(&mut out, channel);
            out.extend_from_slice(&first);
            return Some(out);
        }
        out.extend_from_slice(&[0, 0]);
        put_uint(&mut out, channel);
        put_buffer(&mut out, &first);
        let mut last = channel;
        while self.waiting.front().is_some_and(|(_, next)| out.len().saturating_add(next.len()) <= MAX_BATCH) {
            let Some((channel, message)) = self.take() else { break };
            if channel != last {
                out.push(0);
                put_uint(&mut out, channel);
                last = channel;
            }
            put_buffer(&mut out, &message);
        }
        Some(out)
    }

    fn take(&mut self) -> Option<(u64, Vec<u8>)> {
        let (channel, message) = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(message.len()).saturating_sub(COST);
        Some((channel, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Vec<Result<Frame<'_>, WireError>> {
        Frames::new(bytes).collect()
    }

    #[test]
    fn batches_do_not_nest_and_cut_off_messages_are_what_is_there() {
        assert_eq!(all(&[0, 0, 0, 3, 0, 0, 0]), [Err(WireError::Frame)]);
        assert_eq!(all(&[0, 0, 1, 9, 5, 6]), [Ok(Frame::Message { channel: 1, kind: 5, body: &[6] })]);
        assert_eq!(all(&[]), []);
        assert_eq!(all(&[0, 0]), [Err(WireError::Short)]);
        assert_eq!(all(&[0, 9, 1, 2]), [Ok(Frame::Unknown)]);
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(messages in prop::collection::vec(
            (1..400_u64, 0..300_u64, prop::collection::vec(any::<u8>(), 0..40)), 0..40,
        )) {
            let mut outbox = Outbox::default();
            for (channel, kind, body) in &messages {
                outbox.message(*channel, *kind, body);
            }
            let mut got = Vec::new();
            while let Some(frame) = outbox.frame() {
                for part in Frames::new(&frame) {
                    let Ok(Frame::Message { channel, kind, body }) = part else { panic!("{part:?}") };
                    got.push((channel, kind, body.to_vec()));
                }
            }
            prop_assert_eq!(got, messages);
            prop_assert_eq!(outbox.bytes(), 0);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(all(&bytes).len() <= bytes.len());
        }
    }
}

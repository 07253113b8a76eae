//! Numbers and tags of protocol buffers, as the JavaScript packages `varint` 5.0.0 and `protocol-buffers-encodings` read them.

use super::node::NodeError;

/// JavaScript numbers are exact below this.
const EXACT: u64 = 1 << 53;

/// Reads a number; `None` when it runs over the end. Any number of groups is read, and values that do not fit are
/// saturated: no block number is that large.
#[inline]
pub(super) fn read(bytes: &[u8], pos: &mut usize) -> Option<u64> {
    let first = *bytes.get(*pos)?;
    *pos += 1;
    if first < 0x80 {
        return Some(u64::from(first));
    }
    let mut value = u64::from(first & 0x7f);
    let mut shift = 7u32;
    loop {
        let byte = *bytes.get(*pos)?;
        *pos += 1;
        let group = u64::from(byte & 0x7f);
        if shift <= 56 {
            value |= group << shift;
        } else if group != 0 {
            value = u64::MAX;
        }
        shift = shift.saturating_add(7);
        if byte < 0x80 {
            return Some(value);
        }
    }
}

/// Bytes that the shortest form of a number takes.
#[inline]
pub(super) fn len(value: u64) -> usize {
    // One byte for each 7 bits; 0 takes one too.
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Writes the shortest form of a number.
#[inline]
pub(super) fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a tag: field number and wire type. JavaScript's `>>` and `&` take numbers modulo 2^32, with a sign.
pub(super) fn tag(bytes: &[u8], pos: &mut usize) -> Result<(i32, u8), NodeError> {
    let tag = read(bytes, pos).ok_or(NodeError::Truncated)?;
    if tag >= EXACT {
        return Err(NodeError::Tag);
    }
    Ok((tag as u32 as i32 >> 3, (tag & 7) as u8))
}

/// Skips a field. The position may end up past the end: that ends the message.
pub(super) fn skip(wire: u8, bytes: &[u8], pos: &mut usize) -> Result<(), NodeError> {
    let more = match wire {
        0 => read(bytes, pos).map(|_| 0).ok_or(NodeError::Truncated)?,
        1 => 8,
        2 => usize::try_from(read(bytes, pos).ok_or(NodeError::Truncated)?).unwrap_or(usize::MAX),
        5 => 4,
        wire => return Err(NodeError::WireType(wire)),
    };
    *pos = pos.saturating_add(more);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, (1u64 << shift) + 1] {
                let mut out = Vec::new();
                write(&mut out, value);
                assert_eq!(out.len(), len(value));
                let mut pos = 0;
                let expected = if value < 1 << 63 { value } else { u64::MAX };
                assert_eq!(read(&out, &mut pos), Some(expected), "{value}");
                assert_eq!(pos, out.len());
            }
        }
    }

    #[test]
    fn padding_is_read_and_overruns_are_not() {
        let mut pos = 0;
        let mut padded = vec![0x85];
        padded.extend([0x80; 40]);
        padded.push(0);
        assert_eq!(read(&padded, &mut pos), Some(5));
        let mut pos = 0;
        assert_eq!(read(&[0x80; 12], &mut pos), None);
        let mut pos = 0;
        assert_eq!(read(&[0xff; 12], &mut pos), None);
    }
}

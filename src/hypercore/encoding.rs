//! Reading and writing the `compact-encoding` of Hypercore's messages: manifests, signature containers, headers.
//!
//! An integer is one byte up to 0xfc, or 0xfd/0xfe/0xff followed by a little-endian u16/u32/u64. Only the shortest form is
//! accepted: a second spelling of the same value would make evidence malleable. Lengths are checked against the bytes
//! that are left before anything is allocated.

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("the bytes end too early")]
    Short,
    /// An integer is not in its shortest form.
    #[error("an integer is not in its shortest form")]
    NotShortest,
    /// Bytes are left over at the end.
    #[error("bytes are left over at the end")]
    Trailing,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    NotText,
    /// A number is out of the range that its field allows.
    #[error("a number is out of range")]
    Range,
}

/// Takes fields from the front of a slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(DecodeError::Short)?;
        self.rest = rest;
        Ok(head)
    }

    /// `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    /// An unsigned integer.
    pub fn uint(&mut self) -> Result<u64, DecodeError> {
        let [first] = self.array()?;
        let (value, least) = match first {
            0xfd => (u16::from_le_bytes(self.array()?).into(), 0xfd),
            0xfe => (u32::from_le_bytes(self.array()?).into(), 1 << 16),
            0xff => (u64::from_le_bytes(self.array()?), 1 << 32),
            small => (small.into(), 0),
        };
        if value < least { Err(DecodeError::NotShortest) } else { Ok(value) }
    }

    /// An integer that is at most `max`.
    pub fn uint_up_to(&mut self, max: u64) -> Result<u64, DecodeError> {
        self.uint().and_then(|value| if value <= max { Ok(value) } else { Err(DecodeError::Range) })
    }

    /// A count of items that take at least `least` bytes each: never more than the bytes that are left allow.
    pub fn count(&mut self, least: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.uint()?).map_err(|_| DecodeError::Short)?;
        if count > self.rest.len() / least.max(1) { Err(DecodeError::Short) } else { Ok(count) }
    }

    /// A length and that many bytes.
    pub fn buffer(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.count(1)?;
        self.bytes(length)
    }

    /// A length and that many bytes of UTF-8.
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.buffer()?).map_err(|_| DecodeError::NotText)
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// Appends an unsigned integer in its shortest form.
pub fn put_uint(out: &mut Vec<u8>, value: u64) {
    if value <= 0xfc {
        out.push(value as u8);
    } else if value <= u64::from(u16::MAX) {
        out.push(0xfd);
        out.extend_from_slice(&(value as u16).to_le_bytes());
    } else if value <= u64::from(u32::MAX) {
        out.push(0xfe);
        out.extend_from_slice(&(value as u32).to_le_bytes());
    } else {
        out.push(0xff);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a length and the bytes.
pub fn put_buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_spelling() {
        for value in [0, 0xfc, 0xfd, 0xffff, 0x1_0000, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let mut bytes = Vec::new();
            put_uint(&mut bytes, value);
            assert_eq!(Reader::new(&bytes).uint(), Ok(value));
        }
        for bytes in [&[0xfd, 0xfc, 0][..], &[0xfe, 0xff, 0xff, 0, 0], &[0xff, 1, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(Reader::new(bytes).uint(), Err(DecodeError::NotShortest));
        }
        assert_eq!(Reader::new(&[0xfe, 0]).uint(), Err(DecodeError::Short));
        assert_eq!(Reader::new(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0xff]).count(1), Err(DecodeError::Short));
    }
}

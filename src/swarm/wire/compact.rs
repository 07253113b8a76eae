//! Reading `compact-encoding` as peers write it.
//!
//! Evidence has one spelling only (`hypercore::encoding`); peers need not: JavaScript reads an integer in any of its four
//! widths, so this reader does too. Writing always uses the shortest form. Integers end at 2^53 - 1.

use super::WireError;
use crate::hypercore::MAX_BYTES;
pub use crate::hypercore::encoding::{put_buffer, put_uint};

/// Takes fields from the front of a slice.
#[derive(Clone, Copy, Debug)]
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

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(WireError::Short)?;
        self.rest = rest;
        Ok(head)
    }

    /// `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    /// An unsigned integer of at most 2^53 - 1.
    pub fn uint(&mut self) -> Result<u64, WireError> {
        let [first] = self.array()?;
        let value = match first {
            0xfd => u16::from_le_bytes(self.array()?).into(),
            0xfe => u32::from_le_bytes(self.array()?).into(),
            0xff => u64::from_le_bytes(self.array()?),
            small => small.into(),
        };
        if value > MAX_BYTES { Err(WireError::Range) } else { Ok(value) }
    }

    /// A count of items that take at least `least` bytes each, and of which there may be `most`.
    pub fn count(&mut self, least: usize, most: usize) -> Result<usize, WireError> {
        let count = usize::try_from(self.uint()?).map_err(|_| WireError::TooLong)?;
        if count > most {
            return Err(WireError::TooLong);
        }
        if count > self.rest.len() / least.max(1) { Err(WireError::Short) } else { Ok(count) }
    }

    /// A length and that many bytes.
    pub fn buffer(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.count(1, usize::MAX)?;
        self.bytes(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_may_be_longer_than_necessary_but_not_larger_than_javascripts() {
        for (bytes, value) in [
            (&[7][..], 7),
            (&[0xfd, 7, 0], 7),
            (&[0xfe, 7, 0, 0, 0], 7),
            (&[0xff, 7, 0, 0, 0, 0, 0, 0, 0], 7),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], MAX_BYTES),
        ] {
            assert_eq!(Reader::new(bytes).uint(), Ok(value));
        }
        assert_eq!(Reader::new(&[0xff, 0, 0, 0, 0, 0, 0, 0x20, 0]).uint(), Err(WireError::Range));
        assert_eq!(Reader::new(&[0xfd, 7]).uint(), Err(WireError::Short));
    }

    #[test]
    fn a_count_is_limited_by_the_bytes_that_are_left() {
        assert_eq!(Reader::new(&[3, 0, 0, 0]).count(1, 3), Ok(3));
        assert_eq!(Reader::new(&[4, 0, 0, 0]).count(1, 9), Err(WireError::Short));
        assert_eq!(Reader::new(&[4, 0, 0, 0, 0]).count(1, 3), Err(WireError::TooLong));
        assert_eq!(Reader::new(&[0xff, 0, 0, 0, 0, 0, 0, 0x1f, 0]).buffer(), Err(WireError::Short));
    }
}

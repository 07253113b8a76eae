//! Lines of a process that may have been taken over: each is bounded before it is kept.

use std::io::{BufRead, BufReader, Read};

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A whole line, without its end.
    Whole(Vec<u8>),
    /// More than the limit without an end of line. Nothing more is read.
    TooLong,
    /// The other side has closed, or cannot be read. What it said after its last end of line is
    /// dropped.
    End,
}

/// Reads lines of at most so many bytes.
#[derive(Debug)]
pub struct Lines<R> {
    input: BufReader<R>,
    limit: usize,
    over: bool,
}

impl<R: Read> Lines<R> {
    /// Lines of `input` of at most `limit` bytes.
    pub fn new(input: R, limit: usize) -> Self {
        Self { input: BufReader::with_capacity(64 << 10, input), limit, over: false }
    }

    /// The next one.
    pub fn next_line(&mut self) -> Line {
        let mut line = Vec::new();
        while !self.over {
            let (used, ended) = match self.input.fill_buf() {
                Ok([]) => break,
                Ok(bytes) => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    let piece = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
                    if line.len().saturating_add(piece.len()) > self.limit {
                        self.over = true;
                        return Line::TooLong;
                    }
                    line.extend_from_slice(piece);
                    (piece.len().saturating_add(usize::from(end.is_some())), end.is_some())
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            self.input.consume(used);
            if ended {
                return Line::Whole(line);
            }
        }
        self.over = true;
        Line::End
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, limit: usize) -> Vec<Line> {
        let mut lines = Lines::new(text.as_bytes(), limit);
        let mut all = Vec::new();
        loop {
            all.push(lines.next_line());
            if !matches!(all.last(), Some(Line::Whole(_))) {
                return all;
            }
        }
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.into())
    }

    /// Protects the parent's memory: a line may have as many bytes as the limit, and not one more.
    #[test]
    fn a_line_is_bounded() {
        assert_eq!(all("abc\nabcd\n", 4), [whole("abc"), whole("abcd"), Line::End]);
        assert_eq!(all("abc\nabcde\nx\n", 4), [whole("abc"), Line::TooLong]);
        assert_eq!(all("abcde", 4), [Line::TooLong]);
        assert_eq!(all(&"x".repeat(1 << 20), 4), [Line::TooLong]);
    }

    /// Protects the parent from half a message: what a process said before it was killed is no
    /// line.
    #[test]
    fn half_a_line_is_none() {
        assert_eq!(all("abc\nab", 4), [whole("abc"), Line::End]);
        assert_eq!(all("\n\n", 4), [whole(""), whole(""), Line::End]);
        assert_eq!(all("", 4), [Line::End]);
    }

    /// Protects what comes after the end: neither a long line nor a closed pipe is read again.
    #[test]
    fn the_end_is_final() {
        let mut lines = Lines::new(&b"abcde\nx\n"[..], 4);
        assert_eq!(lines.next_line(), Line::TooLong);
        assert_eq!(lines.next_line(), Line::End);
    }
}

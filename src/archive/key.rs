//! Keys as people write them.

use crate::hypercore::Key;

/// The alphabet of z-base-32, in which Hypercore's tools write keys too.
const ALPHABET: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";

/// Reads a key: 64 hexadecimal digits or 52 characters of z-base-32.
pub fn parse_key(text: &str) -> Option<Key> {
    let digits = text.as_bytes();
    let mut key = [0; 32];
    match digits.len() {
        64 => {
            for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
                let digit = |c: &u8| char::from(*c).to_digit(16);
                let value = pair.iter().map(digit).try_fold(0, |sum, digit| digit.map(|digit| sum * 16 + digit))?;
                *byte = value as u8;
            }
        }
        52 => {
            // 52 * 5 bits are four more than a key has; they must be zero, so that a key has one spelling.
            let mut bits = 0_u32;
            let mut have = 0;
            let mut out = key.iter_mut();
            for c in digits {
                let value = ALPHABET.iter().position(|known| known == c)?;
                bits = (bits << 5 | value as u32) & 0xfff;
                have += 5;
                if have >= 8 {
                    have -= 8;
                    *out.next()? = (bits >> have) as u8;
                }
            }
            if bits & 0xf != 0 {
                return None;
            }
        }
        _ => return None,
    }
    Some(key)
}

/// Reads a key as [`parse_key`] does, or a link to it: `hyper://KEY`.
pub fn parse_link(text: &str) -> Option<Key> {
    let text = text.strip_prefix("hyper://").unwrap_or(text);
    parse_key(text.strip_suffix('/').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_a_link() {
        let hex = "1a5b6c22e4a4aa82b612ed68baea17a543db8ded6078040097e695b9fc40a129";
        let key = parse_key(hex);
        assert!(key.is_some());
        for text in [hex.to_owned(), format!("hyper://{hex}"), format!("hyper://{hex}/")] {
            assert_eq!(parse_link(&text), key);
        }
        assert_eq!(parse_link("hyper://"), None);
    }

    #[test]
    fn both_spellings() {
        let key: Key = std::array::from_fn(|i| i as u8 * 7);
        let hex = crate::archive::hex(&key);
        assert_eq!(parse_key(&hex), Some(key));
        assert_eq!(parse_key(&hex.to_uppercase()), Some(key));
        assert_eq!(parse_key(&hex[1..]), None);
        assert_eq!(parse_key(&format!("+{}", &hex[1..])), None);
        let mut text = String::new();
        let bit = |i: usize| key.get(i / 8).is_some_and(|byte| byte >> (7 - i % 8) & 1 == 1);
        for i in (0..260).step_by(5) {
            let value = (0..5).fold(0, |value, j| value << 1 | usize::from(bit(i + j)));
            text.push(char::from(ALPHABET[value]));
        }
        assert_eq!(text.len(), 52);
        assert_eq!(parse_key(&text), Some(key));
        assert_eq!(parse_key("y".repeat(52).as_str()), Some([0; 32]));
        assert_eq!(parse_key(&format!("{}b", "y".repeat(51))), None);
        assert_eq!(parse_key("é".repeat(26).as_str()), None);
    }
}

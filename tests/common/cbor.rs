//! The files of proofs as trees of items, so that tests can change whatever stands in one: by hand, apart from the program's own
//! reader and writer.

#![allow(dead_code)] // each test file uses its part

/// One item of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Int(u64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Item>),
    Null,
}

impl Item {
    /// Panics where a file is none: these are files that were just made.
    pub fn decode(bytes: &[u8]) -> Item {
        let mut at = 0;
        let item = read(bytes, &mut at);
        assert_eq!(at, bytes.len());
        item
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Item::Int(n) => head(out, 0, *n),
            Item::Bytes(bytes) => {
                head(out, 2, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
            Item::Text(text) => {
                head(out, 3, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
            Item::List(items) => {
                head(out, 4, items.len() as u64);
                items.iter().for_each(|item| item.write(out));
            }
            Item::Null => out.push(0xf6),
        }
    }

    pub fn text(text: &str) -> Item {
        Item::Text(text.to_owned())
    }

    pub fn list(&mut self) -> &mut Vec<Item> {
        let Item::List(items) = self else { panic!("no list: {self:?}") };
        items
    }

    pub fn items(&self) -> &[Item] {
        let Item::List(items) = self else { panic!("no list: {self:?}") };
        items
    }

    pub fn bytes(&self) -> &[u8] {
        let Item::Bytes(bytes) = self else { panic!("no bytes: {self:?}") };
        bytes
    }

    pub fn int(&self) -> u64 {
        let Item::Int(n) = self else { panic!("no integer: {self:?}") };
        *n
    }

    /// All items below this one, in order; a change of one ends with it.
    pub fn count(&self) -> usize {
        1 + if let Item::List(items) = self { items.iter().map(Item::count).sum() } else { 0 }
    }

    /// The n-th of them, this one first.
    pub fn nth(&mut self, n: usize) -> &mut Item {
        if n == 0 {
            return self;
        }
        let mut left = n - 1;
        for item in self.list() {
            let count = item.count();
            if left < count {
                return item.nth(left);
            }
            left -= count;
        }
        panic!("fewer items");
    }
}

fn head(out: &mut Vec<u8>, kind: u8, n: u64) {
    let bytes = n.to_be_bytes();
    let (code, width) = match n {
        0..=23 => (n as u8, 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(kind << 5 | code);
    out.extend_from_slice(&bytes[8 - width..]);
}

fn read(bytes: &[u8], at: &mut usize) -> Item {
    let first = bytes[*at];
    *at += 1;
    if first == 0xf6 {
        return Item::Null;
    }
    let width = match first & 31 {
        small @ 0..=23 => return content(bytes, at, first >> 5, u64::from(small)),
        24 => 1,
        25 => 2,
        26 => 4,
        _ => 8,
    };
    let n = bytes[*at..*at + width].iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    *at += width;
    content(bytes, at, first >> 5, n)
}

fn content(bytes: &[u8], at: &mut usize, kind: u8, n: u64) -> Item {
    let mut raw = || {
        *at += n as usize;
        bytes[*at - n as usize..*at].to_vec()
    };
    match kind {
        0 => Item::Int(n),
        2 => Item::Bytes(raw()),
        3 => Item::Text(String::from_utf8(raw()).unwrap()),
        4 => Item::List((0..n).map(|_| read(bytes, at)).collect()),
        _ => panic!("an item of another type"),
    }
}

//! Bytes and values to ask about: from one seed always the same.

use vitra_watch::database::{Value, encode};

/// A generator of numbers (splitmix64), and of what is made of them.
pub struct Generator(u64);

/// Lengths around which formats and shortcuts change.
const EDGES: [usize; 24] =
    [0, 1, 3, 4, 15, 16, 31, 32, 33, 62, 63, 64, 65, 66, 67, 127, 128, 139, 140, 180, 255, 256, 257, 300];
/// Names that msgpackr asks an object for, or that every object inherits.
pub const CALLED: [&str; 16] = [
    "__proto__",
    "constructor",
    "toJSON",
    "hasOwnProperty",
    "valueOf",
    "toString",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "then",
    "__proto_",
    "prototype",
];
/// Other names that are not quite ordinary: of what msgpackr asks other objects for, and integer-like ones.
const ODD: [&str; 20] = [
    "length",
    "size",
    "name",
    "message",
    "cause",
    "buffer",
    "byteLength",
    "getTime",
    "source",
    "flags",
    "write",
    "0",
    "1",
    "10",
    "4294967294",
    "4294967295",
    "-1",
    "01",
    "1.5",
    "",
];

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Mostly short, now and then at an edge, rarely thousands.
    pub fn size(&mut self) -> usize {
        match self.below(400) {
            0 => self.pick(&[4_095, 4_096, 4_097, 6_000, 6_001, 8_181, 8_182, 8_192]),
            1..=60 => self.pick(&EDGES),
            _ => self.below(12),
        }
    }

    /// A double: small and large integers, edges of the integer formats, fractions, any bits.
    pub fn number(&mut self) -> f64 {
        match self.below(8) {
            0 => f64::from(self.below(300) as i32 - 150),
            1 => {
                let edge = self.pick(&[0_i64, 32, 64, 128, 256, 32_768, 65_536, 1 << 31, 1 << 32, 1 << 53]);
                let near = edge + self.below(5) as i64 - 2;
                (if self.one_in(2) { near } else { -near }) as f64
            }
            2 => self.next() as i32 as f64,
            3 => (self.next() >> 11) as f64,
            4 => (self.below(2_000_000) as f64 - 1e6) / 100.0,
            5 => f64::from_bits(self.next()),
            6 => {
                self.pick(&[0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 5e-324, 0.1, 0.5])
            }
            _ => self.below(100) as f64,
        }
    }

    /// A date's milliseconds, about every edge of its formats.
    pub fn date(&mut self) -> f64 {
        let near = |seconds: i64| seconds as f64 * 1000.0;
        let base = match self.below(6) {
            0 => near(self.pick(&[0, 1 << 31, 1 << 32, 1 << 33, 1 << 34, 1 << 35])),
            1 => -near(self.pick(&[0, 1, 60, 1 << 31, 1 << 32, 1 << 34, 62_135_596_800, 62_167_219_200])),
            2 => near(self.below(4_294_967_296) as i64),
            3 => near((self.next() % 20_000_000_000) as i64),
            4 => near(self.next() as i64 % 8_640_000_000_000),
            _ => self.pick(&[8.64e15, -8.64e15, 8.64e15 - 1.0, 1.7e12]),
        };
        let ms = base + self.pick(&[0.0, 0.0, 1.0, -1.0, 500.0, 999.0, -999.0]);
        if self.one_in(60) || ms.abs() > 8.64e15 { f64::NAN } else { ms + 0.0 }
    }

    /// A date as honest contracts write it: 1970 to 2106.
    fn ordinary_date(&mut self) -> f64 {
        let ms = self.next() % 4_294_967_296_000;
        (if self.one_in(2) { ms / 1000 * 1000 } else { ms }) as f64
    }

    /// Text that every engine of the executors knows.
    pub fn text(&mut self) -> String {
        let size = self.size();
        let alphabet: &[char] = match self.below(5) {
            0..=2 => &[],
            3 => &[
                'a', 'é', 'ß', 'ж', '中', '文', '\u{ffff}', '\u{fffd}', '😀', '🎉', '\u{0}', '\u{7f}', '\u{80}',
                '\u{7ff}', '\u{904}',
            ],
            _ => &['中', '日', '本', '語', '한', 'ह'],
        };
        let one = |g: &mut Self| match alphabet {
            [] => char::from(32 + g.below(95) as u8),
            some => Some(g.pick(some)).filter(|c| *c != '\u{ffff}').unwrap_or('~'),
        };
        (0..size).map(|_| one(self)).collect()
    }

    pub fn key(&mut self) -> String {
        match self.below(12) {
            0 => self.pick(&ODD).to_owned(),
            1 => self.text(),
            _ => self
                .pick(&[
                    "op", "key", "value", "id", "from", "to", "amount", "名前", "created", "tags", "body", "a", "b",
                ])
                .to_owned(),
        }
    }

    /// What honest contracts and clients write: JSON, dates of our time, bytes.
    pub fn ordinary(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 12 } else { 16 }) {
            0 => Value::Null,
            1 => Value::Bool(self.one_in(2)),
            2..=4 => Value::num(Some(self.number()).filter(|n| n.is_finite()).unwrap_or(1.0)),
            5..=8 => Value::str(self.text()),
            9 => Value::Undefined,
            10 => Value::Date(self.ordinary_date()),
            11 => Value::Bytes((0..self.size()).map(|_| self.next() as u8).collect()),
            12 | 13 => {
                let count = if self.one_in(40) { self.size() } else { self.below(5) };
                let depth = if count > 16 { 0 } else { depth - 1 };
                Value::Array((0..count).map(|_| self.ordinary(depth)).collect())
            }
            _ => {
                let count = if self.one_in(40) { self.size() } else { self.below(5) };
                let depth = if count > 16 { 0 } else { depth - 1 };
                Value::object((0..count).map(|_| (self.key().into(), self.ordinary(depth))).collect())
            }
        }
    }

    /// Bytes as a participant may choose them.
    pub fn bytes(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match self.below(10) {
            0 => out = (0..self.below(40)).map(|_| self.next() as u8).collect(),
            1..=5 => self.token(3, &mut out),
            6 => self.date_token(&mut out),
            _ => {
                if self.one_in(2) {
                    self.token(3, &mut out);
                } else {
                    out = encode(&self.ordinary(3));
                }
                for _ in 0..=self.below(3) {
                    self.mutate(&mut out);
                }
            }
        }
        without_absurd_sizes(&mut out);
        without_bundles(&mut out);
        out
    }

    fn mutate(&mut self, out: &mut Vec<u8>) {
        let at = self.below(out.len().max(1));
        let interesting = [0, 0x40, 0x7f, 0x80, 0xa0, 0xc1, 0xc4, 0xc7, 0xca, 0xd4, 0xd6, 0xd7, 0xd9, 0xdc, 0xde, 0xff];
        match self.below(5) {
            0 if !out.is_empty() => out[at] ^= 1 << self.below(8),
            1 if !out.is_empty() => out[at] = if self.one_in(2) { self.pick(&interesting) } else { self.next() as u8 },
            2 => out.insert(at.min(out.len()), self.pick(&interesting)),
            3 => out.truncate(at),
            _ if !out.is_empty() => drop(out.remove(at)),
            _ => {}
        }
    }

    fn sized(&mut self, size: usize, forms: &[(u8, usize)], out: &mut Vec<u8>) {
        // Any form that can say the size; the shorter ones more often.
        let fits: Vec<_> = forms.iter().filter(|(_, width)| *width >= 4 || size >> (8 * width) == 0).collect();
        let &&(tag, width) = if self.one_in(4) { &fits[self.below(fits.len())] } else { &fits[0] };
        out.push(tag);
        out.extend_from_slice(&(size as u32).to_be_bytes()[4 - width..]);
    }

    fn head(&mut self, size: usize, short: (u8, usize), forms: &[(u8, usize)], out: &mut Vec<u8>) {
        if size < short.1 && !self.one_in(5) {
            out.push(short.0 | size as u8);
        } else {
            self.sized(size, forms, out);
        }
    }

    fn string_token(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.head(bytes.len(), (0xa0, 32), &[(0xd9, 1), (0xda, 2), (0xdb, 4)], out);
        out.extend_from_slice(bytes);
    }

    /// UTF-8 that may be broken: lone surrogates, overlong forms, cut characters, stray bytes.
    fn broken_text(&mut self) -> Vec<u8> {
        let mut bytes = self.text().into_bytes();
        let broken: [&[u8]; 10] = [
            b"\xed\xa0\x80",
            b"\xed\xbf\xbf",
            b"\xc0\x80",
            b"\xe0\x80\x80",
            b"\xf0\x80\x80\x80",
            b"\xf4\x90\x80\x80",
            b"\x80",
            b"\xff",
            b"\xe4\xb8",
            b"\xf0\x9f\x98",
        ];
        for _ in 0..=self.below(2) {
            let at = self.below(bytes.len() + 1);
            bytes.splice(at..at, self.pick(&broken).iter().copied());
        }
        bytes
    }

    fn key_token(&mut self, out: &mut Vec<u8>) {
        match self.below(16) {
            0 => self.token(0, out),
            1 => {
                let bytes = self.broken_text();
                self.string_token(&bytes, out);
            }
            2 => {
                let key = self.pick(&CALLED);
                self.string_token(key.as_bytes(), out);
            }
            _ => {
                let key = self.key();
                self.string_token(key.as_bytes(), out);
            }
        }
    }

    fn date_token(&mut self, out: &mut Vec<u8>) {
        let nanos = match self.below(4) {
            0 => 0,
            1 => self.pick(&[
                1,
                999_999,
                1_000_000,
                1_000_001,
                999_999_999,
                1_000_000_000,
                1 << 30,
                (1 << 31) - 1,
                1 << 31,
                u32::MAX,
            ]),
            2 => self.below(1000) as u32 * 1_000_000,
            _ => self.next() as u32,
        };
        let seconds = match self.below(5) {
            0 => 1_i64.checked_shl(self.below(64) as u32).unwrap_or(0).wrapping_add(self.below(3) as i64 - 1),
            1 => self.next() as i64 >> self.below(64),
            2 => (self.date() / 1000.0).floor() as i64,
            3 => -(self.below(1 << 34) as i64),
            _ => self.below(1 << 35) as i64,
        };
        match self.below(4) {
            0 => {
                self.extension(0xff, &(seconds as u32).to_be_bytes(), out);
            }
            1 => {
                let word = u64::from(nanos & 0x3fff_ffff) << 34 | seconds as u64 & 0x3_ffff_ffff;
                self.extension(0xff, &word.to_be_bytes(), out);
            }
            2 => self.extension(0xff, &[&nanos.to_be_bytes()[..], &seconds.to_be_bytes()].concat(), out),
            _ => {
                let size = self.pick(&[0, 1, 2, 3, 4, 5, 8, 9, 11, 12, 13, 16, 17]);
                let bytes: Vec<u8> = (0..size).map(|_| self.next() as u8).collect();
                self.extension(0xff, &bytes, out);
            }
        }
    }

    fn extension(&mut self, kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
        match bytes.len() {
            1 | 2 | 4 | 8 | 16 if !self.one_in(6) => out.push(0xd4 + bytes.len().trailing_zeros() as u8),
            size => self.sized(size, &[(0xc7, 1), (0xc8, 2), (0xc9, 4)], out),
        }
        out.push(kind);
        out.extend_from_slice(bytes);
    }

    /// One value, in any of its forms.
    fn token(&mut self, depth: usize, out: &mut Vec<u8>) {
        match self.below(if depth == 0 { 20 } else { 28 }) {
            0 => out.push(self.next() as u8 & 0x7f),
            1 => out.push(self.next() as u8 | 0xe0),
            2 => out.push(self.pick(&[0xc0, 0xc0, 0xc2, 0xc3])),
            3 | 4 => {
                let (tag, width) = self.pick(&[(0xcc, 1), (0xcd, 2), (0xce, 4), (0xd0, 1), (0xd1, 2), (0xd2, 4)]);
                out.push(tag);
                let n = self.number() as i64;
                out.extend_from_slice(&n.to_be_bytes()[8 - width..]);
            }
            5 => {
                out.push(0xca);
                out.extend_from_slice(&(self.number() as f32).to_be_bytes());
            }
            6 | 7 => {
                out.push(0xcb);
                let number = self.number();
                out.extend_from_slice(&number.to_be_bytes());
            }
            8 => {
                out.push(self.pick(&[0xcf, 0xd3]));
                let shift = self.below(64);
                out.extend_from_slice(&(self.next() >> shift).to_be_bytes());
            }
            9..=12 => {
                let text = self.text();
                self.string_token(text.as_bytes(), out);
            }
            13 => {
                let bytes = self.broken_text();
                self.string_token(&bytes, out);
            }
            14 => {
                let bytes: Vec<u8> = (0..self.size()).map(|_| self.next() as u8).collect();
                self.sized(bytes.len(), &[(0xc4, 1), (0xc5, 2), (0xc6, 4)], out);
                out.extend_from_slice(&bytes);
            }
            15..=17 => self.date_token(out),
            18 => out.extend_from_slice(&[0xd4, 0, 0]),
            19 if self.one_in(3) => {
                let kind = self.pick(&[0, 0x42, 0x62, 0x65, 0x69, 0x70, 0x72, 0x73, 0x74, 0x78, 1, 0xfe, 0x80]);
                let size = self.pick(&[0, 1, 1, 2, 4, 8, 12, 16]);
                let bytes: Vec<u8> = (0..size).map(|_| self.pick(&[0, 0, 1, 4, 0x40, 0x91, 0xa1])).collect();
                self.extension(kind, &bytes, out);
            }
            19 => out.push(self.next() as u8),
            20..=23 => {
                let count = self.below(5);
                self.head(count, (0x90, 16), &[(0xdc, 2), (0xdd, 4)], out);
                (0..count).for_each(|_| self.token(depth - 1, out));
            }
            _ => {
                let count = self.below(5);
                self.head(count, (0x80, 16), &[(0xde, 2), (0xdf, 4)], out);
                for _ in 0..count {
                    self.key_token(out);
                    self.token(depth - 1, out);
                }
            }
        }
    }
}

/// The add-on of msgpackr 1.5 takes sizes of 2^31 and more for negative ones, and then may read the same bytes for ever; both
/// versions make room for as many items as an array claims to have. No such size or count can be true here: they are lowered.
pub fn without_absurd_sizes(bytes: &mut [u8]) {
    for at in 1..bytes.len() {
        match bytes[at - 1] {
            0xc6 | 0xc9 | 0xdb => bytes[at] &= 0x7f,
            0xdd => {
                bytes[at] = 0;
                if let Some(second) = bytes.get_mut(at + 1) {
                    *second &= 1;
                }
            }
            _ => {}
        }
    }
}

/// Extension `b` moves the reader, back too: arrays then read the same bytes again, for hours. Our decoder reads no such extension;
/// `edges` has a few that end.
fn without_bundles(bytes: &mut [u8]) {
    for at in 1..bytes.len() {
        let before = |distance: usize| at.checked_sub(distance).map(|at| bytes[at]);
        let is_kind = matches!(before(1), Some(0xd4..=0xd8))
            || before(2) == Some(0xc7)
            || before(3) == Some(0xc8)
            || before(5) == Some(0xc9);
        if bytes[at] == 0x62 && is_kind {
            bytes[at] = 0x63;
        }
    }
}
